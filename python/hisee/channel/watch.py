"""What a blocking thread waits for when it has direct routes beside the link to its server: one epoll for all of them."""

from __future__ import annotations

import select
from collections.abc import Iterable, Sequence

from hisee.channel.channel import Channel
from hisee.channel.route_end import EdgeCarrier, RouteEnd

EVENTS = 16
READ = select.EPOLLIN
EDGE = select.EPOLLIN | select.EPOLLET
ROOM = select.EPOLLIN | select.EPOLLOUT


class Watch:
    """`wait` sleeps until the server's link, a route or one of the other descriptors has something. `server_due`: look at that link."""

    def __init__(self, server: Channel) -> None:
        self._server = server
        self._epoll = select.epoll()
        self._others: frozenset[int] = frozenset()
        self._controls: dict[int, EdgeCarrier] = {}
        self._bells: dict[int, int] = {}  # of a route's socket -> its bell
        self._servers = frozenset(server.readers())
        self._waits_for_room = -1  # the server's socket, while own bytes wait for it
        self.server_due = True
        for fd in self._servers:
            self._epoll.register(fd, READ)

    def add(self, end: RouteEnd) -> None:
        assert isinstance(end.carrier, EdgeCarrier)
        bell, control = end.carrier.descriptors
        self._epoll.register(bell, EDGE)
        self._epoll.register(control, READ)
        self._controls[control], self._bells[control] = end.carrier, bell

    def drop(self, end: RouteEnd) -> None:
        """Before its descriptors are closed."""
        assert isinstance(end.carrier, EdgeCarrier)
        bell, control = end.carrier.descriptors
        if self._controls.pop(control, None) is not None:
            del self._bells[control]
            self._epoll.unregister(bell)
            self._epoll.unregister(control)

    @property
    def empty(self) -> bool:
        """No route is left."""
        return not self._controls

    def wait(self, timeout_s: float, also: Sequence[int]) -> bool:
        """False = time is over, or one of `also` is readable."""
        if self._others != frozenset(also):
            self._exchange(also)
        if self._server.writing != self._waits_for_room:
            self._watch_room(self._server.writing)
        events = self._epoll.poll(timeout_s, EVENTS)
        go_on = bool(events)
        for fd, _ in events:
            if fd in self._servers:
                self.server_due = True
            elif fd in self._others:
                go_on = False
            elif (carrier := self._controls.get(fd)) is not None:
                carrier.look = True
        return go_on

    def _watch_room(self, writing: int) -> None:
        for fd, events in ((self._waits_for_room, READ), (writing, ROOM)):
            if fd >= 0:
                self._epoll.modify(fd, events)
        self._waits_for_room = writing

    def _exchange(self, also: Iterable[int]) -> None:
        for fd in self._others:
            self._epoll.unregister(fd)
        self._others = frozenset(also)
        for fd in self._others:
            self._epoll.register(fd, READ)

    def close(self) -> None:
        self._epoll.close()
