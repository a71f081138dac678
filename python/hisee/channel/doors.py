"""The communication processes that a client knows: which one to try next, how long to wait, and the logon at the least loaded one.

A client asks one of them to be let in where it is best. The server compares the doors at that moment and either lets the client
in or refuses with the list of doors and their loads; the client goes to the least loaded one. So the choice is the client's, and
a hundred of them at the same instant still spread evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hisee.channel.channel import Channel
from hisee.channel.errors import LogonRefused, PeerUnreachable
from hisee.channel.payloads import Hello
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Rng

CHOOSE = "choose"  # fact of a HELLO: rather refuse me than let me in where others are less loaded
ELSEWHERE, CROWDED = "ELSEWHERE", "CROWDED"  # refusals that name other doors
HOPS = 8
LONGEST_MS = 30_000

Rows = Iterable[dict[str, Any]]
Dial = Callable[[str, Hello], Channel]  # blocks; raises PeerUnreachable, LogonRefused


class Doors:
    """Addresses `host:port` of communication processes, least loaded first as far as is known."""

    def __init__(self, addresses: Iterable[str], rng: Rng, first_wait_ms: int = TIMERS["reconnect"].ms) -> None:
        self._given = list(dict.fromkeys(addresses))
        self._rng, self._first_wait_ms = rng, first_wait_ms
        self._loads: dict[str, int] = {}
        self._failures = 0

    @property
    def known(self) -> list[str]:
        """Least loaded first; those that were given at the start stay known, behind."""
        return [*sorted(self._loads, key=self._loads.__getitem__), *(a for a in self._given if a not in self._loads)]

    def learn(self, rows: Rows) -> None:
        """The list of a server: it takes the place of what was known."""
        self._loads = {row["address"]: int(row.get("connections", 0)) for row in rows if row.get("address")}

    def any_order(self) -> list[str]:
        """Those of the server's list in random order, so that the clients of one that ended do not all run to the same door; then
        those that were given at the start, which may be gone for good."""
        return [*self._shuffled(list(self._loads)), *self._shuffled([a for a in self._given if a not in self._loads])]

    def _shuffled(self, left: list[str]) -> list[str]:
        order = []
        while left:
            order.append(left.pop(self._rng.below(len(left))))
        return order

    def back_off_s(self) -> float:
        """Wait before the next round: random up to a bound that starts at the timer reconnect and doubles."""
        bound_ms = min(self._first_wait_ms << min(self._failures, 16), LONGEST_MS)
        self._failures += 1
        return self._rng.below(bound_ms + 1) / 1000

    def entered(self) -> None:
        self._failures = 0


def enter(doors: Doors, hello: Hello, dial: Dial) -> Channel:
    """Log on at the least loaded door. Blocks. Raises PeerUnreachable when none answers, LogonRefused when one says no."""
    last: PeerUnreachable | None = None
    for address in doors.any_order():
        try:
            return _follow(doors, address, hello, dial)
        except PeerUnreachable as fault:
            last = fault
    raise last or PeerUnreachable("no communication process is known", hint="name one with /SHOST:PORT")


def _follow(doors: Doors, address: str, hello: Hello, dial: Dial) -> Channel:
    """From door to door, as the refusals say; behind the last hop, or before a dead door, the one that answered is good enough."""
    answered = ""
    for hop in range(HOPS + 1):
        hello.facts[CHOOSE] = hop < HOPS
        try:
            return _entered(doors, dial(address, hello))
        except LogonRefused as refused:
            if refused.refusal not in (ELSEWHERE, CROWDED) or hop == HOPS:
                raise
            doors.learn(refused.facts.get("cps", ()))
            answered, address = address, next(iter(doors.known), address)
        except PeerUnreachable:
            if not answered:
                raise
            break
    hello.facts[CHOOSE] = False
    return _entered(doors, dial(answered, hello))


def _entered(doors: Doors, channel: Channel) -> Channel:
    if channel.welcome is not None:
        doors.learn(channel.welcome.facts.get("cps", ()))
    doors.entered()
    return channel
