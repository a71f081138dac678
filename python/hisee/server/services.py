"""Which Java work process gets a call that names only a service: one that offers it, lives, and has the fewest calls."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from hisee.channel import Message
from hisee.channel.payloads import ServiceCall, unpack
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import Process

STALL_MS = TIMERS["stall"].ms
REMEMBERED = 10_000  # tasks whose process is known: a call that is taken over finds the one that runs


class Services:
    """Chooses; the router forwards and ends what nobody answers."""

    def __init__(self, core: Core, forward: Callable[[Message], bool], open_at: Callable[[int], int]) -> None:
        """`open_at`: number of requests that a process has not answered yet."""
        self._core, self._forward, self._open_at = core, forward, open_at
        self._runs: OrderedDict[int, int] = OrderedDict()  # task -> number of the process that had its last call
        core.handlers[Kind.SERVICE_CALL] = self._call

    def _call(self, source: Process, message: Message) -> None:
        try:
            call = unpack(ServiceCall, message.payload)
        except msgspec.MsgspecError as error:
            self._core.fail(message, Err.ERR_PARAM_TYPE, 0, f"SERVICE_CALL that cannot be read: {error}")
            return
        chosen = self.choose(call.service, call.task)
        if chosen is None:
            self._core.fail(message, Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, f"no Java work process offers service {call.service}")
            return
        self._remember(call.task, chosen.number)
        message.target = chosen.number
        self._forward(message)

    def choose(self, service: str, task: int = 0) -> Process | None:
        """None = nobody offers it. A process that is silent for the timer stall gets nothing new."""
        offering = [p for p in self._core.registry.of_kind("JWP") if service in p.facts.get("services", ())
                    and p.link is not None and p.link.channel.silent_ms < STALL_MS]
        before = self._runs.get(task, 0)
        return min(offering, key=lambda p: (p.number != before, self._open_at(p.number), p.logon_order), default=None)

    def _remember(self, task: int, number: int) -> None:
        self._runs[task] = number
        self._runs.move_to_end(task)
        while len(self._runs) > REMEMBERED:
            self._runs.popitem(last=False)
