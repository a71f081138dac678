"""Who waits for whom: synchronous CALLs between instances, so that one that would close a cycle is answered at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wait:
    caller: int
    callee: int
    corr: int


class WaitGraph:
    """Edges caller -> callee. An instance waits for at most one other (one action stream), so a walk finds any cycle."""

    def __init__(self) -> None:
        self._edges: dict[int, Wait] = {}

    def add(self, caller: int, callee: int, corr: int) -> list[int]:
        """Enter an edge. Returns [] when it holds, else the chain of numbers that would wait in a circle."""
        chain = self._chain(callee)
        if caller in chain:
            return [caller, *chain[: chain.index(caller) + 1]]
        self._edges[caller] = Wait(caller, callee, corr)
        return []

    def _chain(self, start: int) -> list[int]:
        chain = [start]
        while (edge := self._edges.get(chain[-1])) is not None and edge.callee not in chain:
            chain.append(edge.callee)
        return chain

    def remove(self, caller: int, corr: int) -> None:
        edge = self._edges.get(caller)
        if edge is not None and edge.corr == corr:
            del self._edges[caller]

    def drop(self, number: int) -> list[Wait]:
        """The process is gone: forget its own wait; returns the waits of others for it."""
        self._edges.pop(number, None)
        orphans = [w for w in self._edges.values() if w.callee == number]
        for wait in orphans:
            del self._edges[wait.caller]
        return orphans
