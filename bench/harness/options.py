"""What the command line says to a benchmark."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`quick`: fewer rounds and smaller counts, to see that it runs; `only` and `peers`: empty = all."""

    quick: bool = False
    rounds: int = 0
    only: frozenset[str] = frozenset()
    peers: frozenset[str] = frozenset()

    def turns(self, usual: int) -> int:
        """Rounds to run: as told, else `usual`, a third of it when quick."""
        return self.rounds or (max(1, usual // 3) if self.quick else usual)

    def wanted(self, case: str) -> bool:
        return not self.only or case in self.only


def progress(message: str) -> None:
    """A line for who waits; standard output stays for the report."""
    print(message, file=sys.stderr, flush=True)
