from typing_extensions import disjoint_base

Part = tuple[int, int, int, int, int, int, int, int, bytes, int]

Bytes = bytes | bytearray | memoryview

FIRST: int
LAST: int
WANTS_ANSWER: int
HEAD_BYTES: int

class FrameFault(ValueError): ...

def crc32c(data: Bytes, crc: int = 0, table: bool = False) -> int: ...
def encode(session: int, seq: int, ack: int, epoch: int, kind: int, lane: int, flags: int, source: int, target: int, object: int,
           total: int, corr: int, payload: Bytes) -> bytes: ...

@disjoint_base
class Decoder:
    limit: int
    session: int
    epoch: int
    def __init__(self, limit: int) -> None: ...
    @property
    def ack(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def ready(self) -> bool: ...
    def feed(self, data: Bytes) -> None: ...
    def next(self) -> Part | None: ...
