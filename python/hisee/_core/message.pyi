from typing_extensions import disjoint_base

@disjoint_base
class Message:
    kind: int
    lane: int
    source: int
    target: int
    object: int
    corr: int
    payload: bytes
    wants_answer: bool
    quiet: bool
    def __init__(self, kind: int, lane: int = 0, source: int = 0, target: int = 0, object: int = 0, corr: int = 0, payload: bytes = b"",
                 wants_answer: bool = False, quiet: bool = False) -> None: ...
