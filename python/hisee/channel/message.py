"""The message, and one part of it as carriers move it. Knows no carrier."""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST, LAST, WANTS_ANSWER = 1, 2, 4
WHOLE = FIRST | LAST

# What every carrier delivers and takes: kind, lane, flags, source, target, object, total, corr, payload, seq
Part = tuple[int, int, int, int, int, int, int, int, bytes, int]


@dataclass(slots=True)
class Message:
    """What one process tells another; the fields are those of docs/design/protocol.md."""

    kind: int
    lane: int = 0
    source: int = 0
    target: int = 0
    object: int = 0
    corr: int = 0
    payload: bytes = b""
    wants_answer: bool = False
    quiet: bool = field(default=False, compare=False)  # not sent along: wakes nobody who sleeps at a ring
