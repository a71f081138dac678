from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import disjoint_base

from hisee._core.message import Message

@disjoint_base
class Read:
    def __init__(self, owner: int, database: Any, table: int, text: str, marks: int, most: int, ceiling: int, structure: int,
                 kinds: Sequence[int], readers: Sequence[Callable[[object], Any]], codes: tuple[int, int, int]) -> None: ...

@disjoint_base
class Reads:
    def __init__(self, data: int, reply: int, failed: Callable[[Message, Exception], Message | None]) -> None: ...
    def keep(self, message: Message, read: Read) -> None: ...
    def forget(self) -> None: ...
    def answer(self, message: Message) -> Message | None: ...
