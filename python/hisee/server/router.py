"""The router in relay mode: every message of every process passes here and goes to a number or to whoever serves its lane."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from hisee._core.book import Book, Open
from hisee.channel import Channel, Message
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import BY_NUMBER as LANES
from hisee.schema.lanes import Lane
from hisee.schema.messages import ROWS as MESSAGES
from hisee.schema.messages import MessageKind as Kind
from hisee.server.core import Core
from hisee.server.direct import Direct
from hisee.server.registry import KNL_NUMBER, Link, Process
from hisee.server.routes import Routes
from hisee.server.services import Services
from hisee.server.work_lanes import WORK_RIGHTS, WorkLanes

log = logging.getLogger("hisee.server.router")
ENDS = (Kind.REPLY, Kind.FAILED)
GUARDED = {row.number: row.sender for row in MESSAGES if row.sender in ("KNL", "WP")}  # orders that nobody else gives
WORK_LANES = (Lane.DIALOG, Lane.DURABLE_GENERAL)
WORK_MASK = sum(1 << lane for lane in WORK_LANES)


class Router:
    """Takes messages from channels; forwards, answers for the absent, and keeps the book of what is under way."""

    def __init__(self, core: Core, database_of: Callable[[int], int | None], carried: Callable[[int, int, int], None] = lambda *_: None, *,
                 mode_of: Callable[[Process], str] = lambda process: "WP") -> None:
        """`database_of`: number of a database or table -> number of its database. `mode_of`: WP or DWP of a work process.
        `carried(source, target, messages)` is told of what parts say to each other."""
        self._core = core
        self.routes = Routes(core.seams.clock.now_ms)
        self.book = Book()  # requests under way, and who waits for whom
        self.work = WorkLanes(core, mode_of, lambda number: self.book.count(number, WORK_MASK))
        self._carried = carried
        self._database_of = database_of
        self._services = Services(core, self.forward, self.book.count)
        core.ended.append(self._process_ended)
        self.admits: Callable[[Process, Message], bool] = lambda source, message: True  # False = taken: refused, or done elsewhere or later
        self.direct: Direct | None = None
        self.relayed = 0

    def receive(self, channel: Channel, message: Message) -> None:
        """One message from a link. A source that does not belong to the link is refused: nobody speaks for another."""
        source = self._core.registry.get(message.source)
        if source is None or source.link is None or source.link.channel is not channel or source.link.session is not None:
            log.warning("message %s with foreign source %d refused", message.kind, message.source)
            return
        self._route(source, message)

    def receive_from(self, link: Link, message: Message) -> None:
        """The same of a session: its link is known by the connection."""
        source = self._core.registry.get(message.source)
        if source is None or source.link is not link:
            log.warning("message %s with foreign source %d refused", message.kind, message.source)
            return
        self._route(source, message)

    def _route(self, source: Process, message: Message) -> None:
        source.received += 1
        if message.kind in ENDS:
            self._end_of_request(message)
        elif GUARDED.get(message.kind, source.kind) != source.kind:
            self._core.fail(message, Err.ERR_NO_ACCESS, Ext.NO_RIGHT, f"{source.name} may not send {Kind(message.kind).name}")
        elif message.target not in (0, KNL_NUMBER):
            self._to_number(source, message)
        elif message.lane in (Lane.DATA_DB, Lane.DATA_ARCHIVE):
            self._to_server_of_lane(source, message)
        elif message.lane in WORK_LANES:
            self._to_work_process(source, message)
        elif message.lane == Lane.JAVA and message.kind not in self._core.handlers:
            self._core.nobody(message, f"{LANES[message.lane].name} without the number of a process")
        else:
            self._for_us(source, message)

    def carry_out(self, source: Process, message: Message) -> None:
        """A message to the server that had to wait."""
        self._for_us(source, message)

    def _for_us(self, source: Process, message: Message) -> None:
        handler = self._core.handlers.get(message.kind)
        if handler is None:
            self._core.fail(message, Err.ERR_NOT_SUPPORTED, 0, f"the server knows no message of kind {message.kind:#06x}")
            return
        if not self.admits(source, message):
            return
        try:
            handler(source, message)
        except Exception as fault:  # every request ends once, also one that we cannot carry out
            self._core.fail(message, Err.ERR_TRANS_ERROR, 0, f"{type(fault).__name__}: {fault}")
            raise

    def waits(self, message: Message) -> bool:
        """The sender waits for `message.target` until `waits_no_more`; False = that would be a circle, and it has been answered."""
        return self._enter(message, waits=True)

    def waits_no_more(self, message: Message) -> None:
        """The request has been answered."""
        self.book.leave(message.source, message.corr)

    def _to_number(self, source: Process, message: Message) -> None:
        """A process addressed by its number; work is done only for those who may order it, whatever way they take."""
        if message.kind in WORK_RIGHTS and not self._may(source, message):
            return
        self.forward(message)

    def forward(self, message: Message) -> bool:
        """Hand it on, or end it: False."""
        if message.wants_answer and not self._enter(message, waits=message.kind == Kind.CALL):
            return False
        if self._core.send(message):
            self._relayed(message)
            return True
        self.book.leave(message.source, message.corr)
        if unspoken := self._core.unspoken(message):
            self._core.fail(message, Err.ERR_NOT_SUPPORTED, 0, unspoken)
        else:
            self._core.fail(message, Err.ERR_TRANS_ABORT, 10, f"process number {message.target} does not run")
        return False

    def account(self) -> None:
        """Count what has passed without Python since the last time."""
        for passed in self.book.passed():
            source, target = self._core.registry.get(passed.source), self._core.registry.get(passed.target)
            if source is None or target is None:
                continue
            self.relayed += passed.messages
            self.routes.add_passed(passed)
            if passed.lane == Lane.SCRIPT:
                self._carried(source.number, target.number, passed.messages)
            source.received += passed.messages
            target.sent += passed.messages
            if source.link is not None and target.link is not None:
                source.link.channel.received += passed.messages
                target.link.channel.sent += passed.messages

    def _relayed(self, message: Message) -> None:
        self.relayed += 1
        if message.kind == Kind.ROUTE_TURN:
            return
        self.routes.count(message)
        if message.lane == Lane.SCRIPT:
            self._carried(message.source, message.target, 1)
    def _enter(self, message: Message, *, waits: bool) -> bool:
        """False = the caller would wait for itself, and has been answered."""
        chain = self.book.enter(message.source, message.corr, message.target, message.kind, message.lane, message.object, waits)
        if chain:
            self._core.fail(message, Err.ERR_DEADLOCK, 0, f"deadlock: {' -> '.join(self._name(number) for number in chain)}")
        return not chain

    def _to_work_process(self, source: Process, message: Message) -> None:
        """Lane dialog: the dialog work process with the fewest open requests, else a work process; durable lanes: any."""
        if message.kind in WORK_RIGHTS and not self._may(source, message):
            return
        chosen = self.work.choose(message.lane)
        if chosen is None:
            self._core.nobody(message, f"lane {LANES[message.lane].name}")
            return
        message.target = chosen.number
        self.forward(message)

    def _may(self, source: Process, message: Message) -> bool:
        """False = denied and answered. What is ordered is looked into only where somebody may not do everything."""
        action, names_in = WORK_RIGHTS[message.kind]
        if self._core.allow(source, action):
            return True
        try:
            names = names_in(message.payload)
        except msgspec.MsgspecError as error:
            self._core.fail(message, Err.ERR_PARAM_TYPE, 0, f"{Kind(message.kind).name} that cannot be read: {error}")
            return False
        refused = next((name for name in names if not self._core.allow(source, action, name)), None)
        if refused is not None:
            self._core.deny(message, action, refused)
        return refused is None

    def _to_server_of_lane(self, source: Process, message: Message) -> None:
        if not self._core.allow(source, "data", message.object):
            self._core.deny(message, "reach", self._core.name_of(message.object))
            return
        database = self._database_of(message.object)
        for process in self._core.registry.of_kind("DBM"):
            if database is not None and database in process.facts.get("databases", ()):
                message.target = process.number
                if self.forward(message) and self.direct is not None:
                    self.direct.used(source, process, message.lane)  # the next ones may go without us
                return
        self._core.nobody(message, f"{LANES[message.lane].name} of object {message.object}")

    def _end_of_request(self, message: Message) -> None:
        self.book.leave(message.target, message.corr)
        if message.target == KNL_NUMBER:
            self._core.requests.settle(message)
        elif self._core.send(message):
            self._relayed(message)

    def _process_ended(self, process: Process) -> None:
        """Its callers get their answer now: nobody waits for the dead."""
        for found in self.book.end(process.number):
            self._abandoned(process, found)
        self.routes.revoke(process)

    def _abandoned(self, process: Process, found: Open) -> None:
        """Executed or not: nobody can say, and it is not done twice."""
        request = Message(kind=found.kind, lane=found.lane, source=found.caller, object=found.object, corr=found.corr, wants_answer=True)
        if found.waits:
            self._core.fail(request, Err.ERR_EVENT_CLOSED, 0, f"{process.name} ended during the call")
        else:
            self._core.fail(request, Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED, f"{process.name} ended during the request")

    def _name(self, number: int) -> str:
        process = self._core.registry.get(number)
        return process.name if process else str(number)
