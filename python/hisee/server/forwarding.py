"""What the server lets pass without its Python: which links are in the data plane, which kinds of messages may pass between them.

Everything that needs a judgement comes up: rights, work to be distributed, requests by object, orders, whatever this server itself
answers. The book of the router knows what is under way, however it went.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from hisee.channel import Channel
from hisee.channel.plane import Plane
from hisee.channel.settings import settings
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.registry import Link, Process
from hisee.server.router import Router

BETWEEN_SCRIPTS, TO_CONSOLE = 1 << Lane.SCRIPT, 1 << Lane.VISUAL
ANY = (1 << len(Lane)) - 1
PASSING: Mapping[int, int] = {  # kind -> lanes; addressed by number, allowed to everybody, known to every release
    Kind.CALL: BETWEEN_SCRIPTS, Kind.PVAR_WRITE: BETWEEN_SCRIPTS, Kind.PVAR_STATE: BETWEEN_SCRIPTS,
    Kind.VISUAL: TO_CONSOLE, Kind.VISUAL_SET: TO_CONSOLE, Kind.PICTURE_EVENT: TO_CONSOLE,
    Kind.REPLY: ANY, Kind.FAILED: ANY,
}
LINKS = ("HISHOST", "SES", "EVH", "HIP")  # of processes that talk to each other; what others say is for the server


class Forwarding:
    """The plane beside the router of this server; without `start` everything passes the router."""

    def __init__(self, core: Core, router: Router, limits: dict[str, int]) -> None:
        self._core, self._router, self._limits = core, router, limits
        self._plane: Plane | None = None
        self._known: dict[int, Channel] = {}  # numbers that the plane knows a way to
        core.routed = self._routed

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._plane = Plane(loop, self._router.book, settings(self._limits))
        for kind, lanes in PASSING.items():
            self._plane.router.let_pass(kind, lanes)

    def join(self, channel: Channel, process: Process) -> None:
        """A process has logged on."""
        if self._plane is not None and process.kind in LINKS:
            self._plane.join(channel)

    def close(self) -> None:
        if self._plane is not None:
            plane, self._plane = self._plane, None
            plane.close()

    def _routed(self, process: Process, link: Link | None) -> None:
        """The way to a process has changed. Behind this nothing passes to one that is gone, and what has passed is counted."""
        if self._plane is None:
            return
        if link is not None and own(link) and (port := self._plane.port_of(link.channel)) >= 0:
            self._plane.router.route(process.number, port)
            self._known[process.number] = link.channel
        elif (channel := self._known.pop(process.number, None)) is not None:
            self._plane.router.route(process.number, -1)
            if self._plane.port_of(channel) >= 0:  # it may go on with other processes; else nothing passes to it by now
                self._plane.router.sync()
            self._router.account()


def own(link: Link) -> bool:
    """Not carried by a communication process or another server: the router knows how to reach those."""
    return not link.connection and not link.standby and link.session is None


def wanted() -> bool:
    """HISEE_PLANE=1 in the environment: for test runs in both modes."""
    return os.environ.get("HISEE_PLANE", "") not in ("", "0")
