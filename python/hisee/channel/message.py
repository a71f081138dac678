"""The message, and one part of it as carriers move it. Knows no carrier."""

from __future__ import annotations

from hisee._core.message import Message

FIRST, LAST, WANTS_ANSWER = 1, 2, 4
WHOLE = FIRST | LAST

# What every carrier delivers and takes: kind, lane, flags, source, target, object, total, corr, payload, seq
Part = tuple[int, int, int, int, int, int, int, int, bytes, int]

__all__ = ["FIRST", "LAST", "WANTS_ANSWER", "WHOLE", "Message", "Part"]
