"""Direct mode: the server introduces two processes of its computer that have begun to talk, counts what they say, takes the route back.

A route is granted per pair of processes and lane at the first request that passed here. Who may ask whom is decided here and nowhere
else: neither end can open anything by itself, and where rights look at single objects every request goes on passing here.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hisee._core.route import Counters
from hisee.background import Background
from hisee.channel import Message, RequestFailed
from hisee.channel.direct import FACT
from hisee.channel.payloads import RouteBroken, RouteGrant, RouteRevoke, pack, unpack
from hisee.channel.segments import RingOffer, make_offer
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.rights import USER
from hisee.server.routes import Routes

log = logging.getLogger("hisee.server.direct")
GRANT_S = TIMERS["api_request"].ms / 1000  # whoever is to answer may have a long statement to end first
Pair = tuple[int, int, int]  # number of the process that asks, of the one that answers, lane


@dataclass(slots=True)
class Granted:
    """A direct route. `counters` of the asker's segment, then of the other one."""

    route: int
    since_ms: int
    counters: tuple[Counters, Counters]

    def close(self) -> None:
        for one in self.counters:
            one.close()


class Direct:
    """`on`: routes are granted. `objects_of(process)`: what the process answers requests for."""

    def __init__(self, core: Core, routes: Routes, objects_of: Callable[[Process], list[int]], limits: dict[str, int]) -> None:
        self._core, self._routes, self._objects_of = core, routes, objects_of
        self._most, self._ring_bytes = limits["direct_routes"], limits["ring_bytes"]
        self.on = True
        self._last = 0
        self._granted: dict[Pair, Granted] = {}
        self._seen: set[Pair] = set()  # granted, being granted, or not to be had
        self._met: dict[int, set[int]] = defaultdict(set)  # who answers -> whoever was granted a route to it
        self._background = Background(log)
        core.handlers[Kind.ROUTE_BROKEN] = self._broken
        core.ended.append(self._process_ended)

    def switch(self, words: list[str]) -> str:
        """The command RELAY ON|OFF."""
        if [word.upper() for word in words] not in (["ON"], ["OFF"]):
            raise ValueError("RELAY takes ON or OFF")
        self.on = words[0].upper() == "OFF"
        if not self.on:
            self.revoke_all("every message passes the server")
        return f"{len(self._granted)} direct routes" if self.on else "every message passes the server"

    # -- granting

    def used(self, source: Process, target: Process, lane: int) -> None:
        """A request from `source` to `target` has passed."""
        link = source.link
        if not self.on or link is None:
            return
        pair = link.number, target.number, lane
        if pair in self._seen:
            return
        self._seen.add(pair)
        asker = self._core.registry.get(link.number)
        if asker is not None and self._fit(asker) and self._fit(target) and self._core.rights.everything(USER):
            self._background.spawn(self._introduce(pair, asker, target))

    def _fit(self, process: Process) -> bool:
        """Is it of this computer, with a link that takes descriptors, and does it take direct routes?"""
        link = process.link
        return (link is not None and bool(process.facts.get(FACT)) and link.channel.hands and not link.connection
                and not link.standby and link.session is None)

    async def _introduce(self, pair: Pair, asker: Process, target: Process) -> None:
        if len(self._granted) >= self._most:
            log.warning("no direct route from %s to %s: there are %d, the limit direct_routes", asker.name, target.name, self._most)
            return
        self._last += 1
        try:
            offer = make_offer(self._ring_bytes, self._last, self._core.seams.rng.secret)
        except OSError as fault:
            log.warning("no shared memory for a direct route from %s to %s: %s", asker.name, target.name, fault)
            return
        try:
            await self._hand_over(pair, asker, target, offer, self._last)
        except (RequestFailed, OSError) as fault:
            log.warning("no direct route from %s to %s: %s", asker.name, target.name, fault)
            if pair in self._granted:
                self._revoke(pair, RouteRevoke(route=self._granted[pair].route, broken=True, reason=str(fault)))
                self._seen.add(pair)
        finally:
            offer.close()

    async def _hand_over(self, pair: Pair, asker: Process, target: Process, offer: RingOffer, route: int) -> None:
        """First to the one that answers: once it has taken the route, whoever asks may begin."""
        ends = socket.socketpair()
        try:
            grant = RouteGrant(route=route, peer=asker.number, lane=pair[2], capacity=offer.capacity)
            await self._give(target, route, [offer.own, offer.peer, offer.bell, offer.peer_bell, ends[0].fileno()], grant)
            if not self.on or asker.link is None or target.link is None:
                self._tell(target, pair, RouteRevoke(route=route, broken=True, reason="taken back at once"))
                return
            counters = Counters(offer.peer, own=False), Counters(offer.own, own=False)
            self._granted[pair] = Granted(route, self._core.seams.clock.now_ms(), counters)
            self._met[target.number].add(asker.number)
            asker.link.channel.hand(route, [offer.peer, offer.own, offer.peer_bell, offer.bell, ends[1].fileno()])
        finally:
            for end in ends:
                end.close()
        told = RouteGrant(route=route, peer=target.number, lane=pair[2], capacity=offer.capacity, asks=True,
                          objects=self._objects_of(target))
        if not self._core.tell(asker.number, Kind.ROUTE_GRANT, told, pair[2]):
            raise OSError(f"{asker.name} takes nothing more")
        log.info("direct route %d from %s to %s", route, asker.name, target.name)

    async def _give(self, target: Process, route: int, fds: list[int], grant: RouteGrant) -> None:
        assert target.link is not None
        target.link.channel.hand(route, fds)
        await self._core.ask(target.number, Kind.ROUTE_GRANT, grant, GRANT_S, lane=grant.lane)

    # -- taking back

    def revoke_all(self, reason: str) -> None:
        """Every route; what passes afterwards may get a new one."""
        for pair in list(self._granted):
            self._revoke(pair, RouteRevoke(route=self._granted[pair].route, reason=reason))
        self._seen.clear()

    def _revoke(self, pair: Pair, told: RouteRevoke) -> None:
        granted = self._granted.pop(pair)
        self._seen.discard(pair)
        if not told.gone:  # else the counters ended with the process
            self._routes.add(pair, *(counter.of(pair[2]) for counter in granted.counters))
        granted.close()
        log.info("direct route %d is revoked: %s", granted.route, told.reason)
        for number in pair[:2]:
            if number != told.gone and (process := self._core.registry.get(number)) is not None:
                self._tell(process, pair, told)

    def _tell(self, process: Process, pair: Pair, told: RouteRevoke) -> None:
        if process.link is not None:
            self._core.send(Message(kind=Kind.ROUTE_REVOKE, lane=pair[2], source=KNL_NUMBER, target=process.number, payload=pack(told)))

    def _process_ended(self, process: Process) -> None:
        """Routes from and to it end; whoever once had one to it ends what it asked there and got no answer to."""
        told = RouteRevoke(route=0, gone=process.number, reason=f"{process.name} ended during the request")
        for pair in [pair for pair in self._granted if process.number in pair[:2]]:
            self._revoke(pair, RouteRevoke(route=self._granted[pair].route, gone=process.number, reason=told.reason))
            self._met[process.number].discard(pair[0])
        self._seen = {pair for pair in self._seen if process.number not in pair[:2]}
        for number in self._met.pop(process.number, ()):
            asker = self._core.registry.get(number)
            if asker is not None and number != process.number:
                self._tell(asker, (number, process.number, 0), told)
        for met in self._met.values():
            met.discard(process.number)

    def _broken(self, source: Process, message: Message) -> None:
        """One end cannot use it: what is in its rings is lost, and it is not granted again before one of the two starts anew."""
        told = unpack(RouteBroken, message.payload)
        for pair in [pair for pair, granted in self._granted.items() if granted.route == told.route and source.number in pair[:2]]:
            log.error("direct route %d of %s is broken: %s", told.route, source.name, told.reason)
            self._revoke(pair, RouteRevoke(route=told.route, broken=True, reason=told.reason))
            self._seen.add(pair)

    # -- looking

    def rows(self) -> Iterator[tuple[Pair, Granted, tuple[int, int], tuple[int, int]]]:
        """Every direct route with messages and bytes from whoever asks, and back."""
        for pair, granted in self._granted.items():
            forth, back = (counter.of(pair[2]) for counter in granted.counters)
            yield pair, granted, forth, back


def wanted_off() -> bool:
    """HISEE_RELAY=1 in the environment: for test runs in both modes."""
    return os.environ.get("HISEE_RELAY", "") not in ("", "0")


