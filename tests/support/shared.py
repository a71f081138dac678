"""The segments of rings as other processes have them mapped: found, read, and damaged on purpose (docs/design/protocol.md, "Ring")."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

TAIL, HEAD, DATA = 128, 256, 4096  # places in a segment
LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (..)\S* \S+ \S+ (\d+) +/dev/shm/hisee-\S+ \(deleted\)")
WORD = struct.Struct("<Q")


class Segment(NamedTuple):
    """One mapping of process `pid`; two with one `inode` are the same memory."""

    pid: int
    inode: int
    start: int
    size: int
    own: bool  # mapped for writing: the process is the producer

    @property
    def capacity(self) -> int:
        return self.size - DATA

    def read(self, offset: int, count: int) -> bytes:
        with open(f"/proc/{self.pid}/mem", "rb", buffering=0) as memory:
            return os.pread(memory.fileno(), count, self.start + offset)

    def write(self, offset: int, data: bytes) -> None:
        """Only where it is mapped for writing."""
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            os.pwrite(memory.fileno(), data, self.start + offset)

    def word(self, offset: int) -> int:
        return int(WORD.unpack(self.read(offset, WORD.size))[0])

    def put_word(self, offset: int, value: int) -> None:
        self.write(offset, WORD.pack(value % (1 << 64)))

    def flip(self, offset: int) -> None:
        """One byte, all its bits."""
        self.write(offset, bytes([self.read(offset, 1)[0] ^ 0xFF]))


def segments(pid: int) -> list[Segment]:
    """All that the process has mapped."""
    return [Segment(pid, int(inode), int(start, 16), int(end, 16) - int(start, 16), access == "rw")
            for start, end, access, inode in LINE.findall(Path(f"/proc/{pid}/maps").read_text())]


def between(one: int, other: int) -> list[tuple[Segment, Segment]]:
    """(segment of `one`, segment of `other`), each as its owner has it, for every pair of rings between these two processes."""
    mine, theirs = segments(one), segments(other)
    return list(zip(written(mine, theirs), written(theirs, mine), strict=False))


def written(mine: list[Segment], theirs: list[Segment]) -> list[Segment]:
    """Those of `mine` that the other process reads as a whole; a page of one is somebody's who only counts."""
    read = {(s.inode, s.size) for s in theirs if not s.own}
    return [s for s in mine if s.own and (s.inode, s.size) in read]


def unread(own: Segment, peer: Segment) -> tuple[int, int]:
    """(first, count) of the bytes in `own` that the owner of `peer` has not taken."""
    head, tail = peer.word(HEAD), own.word(TAIL)
    return head, max(0, min(tail - head, own.capacity))
