"""The router in relay mode: every message of every process passes here and goes to a number or to whoever serves its lane."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hisee.channel import Channel, Message
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import BY_NUMBER as LANES
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.waits import WaitGraph

log = logging.getLogger("hisee.server.router")
ENDS = (Kind.REPLY, Kind.FAILED)


class Router:
    """Takes messages from channels; forwards, answers for the absent, and keeps the waits of synchronous CALLs."""

    def __init__(self, core: Core, database_of: Callable[[int], int | None], carried: Callable[[Message], None] = lambda _: None) -> None:
        """`database_of`: number of a database or table -> number of its database. `carried` is told of what parts say to each other."""
        self._core = core
        self._carried = carried
        self._waits = WaitGraph()
        self._database_of = database_of
        self._calls: dict[tuple[int, int], int] = {}  # (caller, corr) of open CALLs -> callee
        self._data: dict[tuple[int, int], Message] = {}  # (caller, corr) of open data requests
        core.ended.append(self._process_ended)
        self.relayed = 0

    def receive(self, channel: Channel, message: Message) -> None:
        """One message from a link. A source that does not belong to the link is refused: nobody speaks for another."""
        source = self._core.registry.get(message.source)
        if source is None or source.link is None or source.link.channel is not channel:
            log.warning("message %s with foreign source %d refused", message.kind, message.source)
            return
        if message.kind in ENDS:
            self._end_of_request(message)
        elif message.target not in (0, KNL_NUMBER):
            self._forward(message)
        elif message.lane in (Lane.DATA_DB, Lane.DATA_ARCHIVE):
            self._to_server_of_lane(source, message)
        else:
            self._for_us(source, message)

    def _for_us(self, source: Process, message: Message) -> None:
        handler = self._core.handlers.get(message.kind)
        if handler is None:
            self._core.fail(message, Err.ERR_NOT_SUPPORTED, 0, f"the server knows no message of kind {message.kind:#06x}")
            return
        handler(source, message)

    def _forward(self, message: Message) -> None:
        if message.kind == Kind.CALL and message.wants_answer and not self._enter_call(message):
            return
        self.relayed += 1
        if message.lane == Lane.SCRIPT:
            self._carried(message)
        if not self._core.send(message):
            self._leave_call(message.source, message.corr)
            self._data.pop((message.source, message.corr), None)
            self._core.fail(message, Err.ERR_TRANS_ABORT, 10, f"process number {message.target} does not run")

    def _to_server_of_lane(self, source: Process, message: Message) -> None:
        if not self._core.allow(source, "data", message.object):
            self._core.deny(message, "reach", self._core.name_of(message.object))
            return
        database = self._database_of(message.object)
        for process in self._core.registry.of_kind("DBM"):
            if database is not None and database in process.facts.get("databases", ()):
                message.target = process.number
                if message.wants_answer:
                    self._data[message.source, message.corr] = message
                self._forward(message)
                return
        self._core.nobody(message, f"{LANES[message.lane].name} of object {message.object}")

    def _end_of_request(self, message: Message) -> None:
        self._data.pop((message.target, message.corr), None)
        self._leave_call(message.target, message.corr)
        if message.target == KNL_NUMBER:
            self._core.requests.settle(message)
            return
        self.relayed += 1
        if message.lane == Lane.SCRIPT:
            self._carried(message)
        self._core.send(message)

    def _enter_call(self, message: Message) -> bool:
        chain = self._waits.add(message.source, message.target, message.corr)
        if chain:
            names = " -> ".join(self._name(n) for n in chain)
            self._core.fail(message, Err.ERR_DEADLOCK, 0, f"deadlock: {names}")
            return False
        self._calls[message.source, message.corr] = message.target
        return True

    def _leave_call(self, caller: int, corr: int) -> None:
        if self._calls.pop((caller, corr), None) is not None:
            self._waits.remove(caller, corr)

    def _process_ended(self, process: Process) -> None:
        """Its callers get their answer now: nobody waits for the dead."""
        for wait in self._waits.drop(process.number):
            self._calls.pop((wait.caller, wait.corr), None)
            request = Message(kind=Kind.CALL, lane=Lane.SCRIPT, source=wait.caller, corr=wait.corr, wants_answer=True)
            self._core.fail(request, Err.ERR_EVENT_CLOSED, 0, f"{process.name} ended during the call")
        for caller, corr in [key for key in self._calls if key[0] == process.number]:
            del self._calls[caller, corr]
        for key in [k for k, m in self._data.items() if process.number in (k[0], m.target)]:
            request = self._data.pop(key)
            if request.source != process.number:  # executed or not: nobody can say, and it is not done twice
                self._core.fail(request, Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED, f"{process.name} ended during the request")

    def _name(self, number: int) -> str:
        process = self._core.registry.get(number)
        return process.name if process else str(number)
