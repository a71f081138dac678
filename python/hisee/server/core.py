"""What every part of the server shares: the registry, the way to send, and how a request ends. Knows no message kind by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, NotSpoken, RequestFailed, Requests
from hisee.channel.payloads import Failed, LinkClosed, Payload, Route, pack
from hisee.channel.spoken import kind_name
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams
from hisee.server.registry import KNL_NUMBER, Link, Process, Registry
from hisee.server.rights import USER, Rights

log = logging.getLogger("hisee.server")
Handler = Callable[[Process, Message], None]


class Core:
    """The middle of the server. Parts register their handlers; `send` reaches any process by number."""

    def __init__(self, seams: Seams, rights: Rights | None = None) -> None:
        self.seams = seams
        self.registry = Registry(seams)
        self.handlers: dict[int, Handler] = {}
        self.rights = rights or Rights({USER: ["*"]})
        self.name_of: Callable[[int], str] = str  # object number -> name, for rights; the store's owner sets it
        self.ended: list[Callable[[Process], None]] = []  # told when a process is gone
        self.routed: Callable[[Process, Link | None], None] = lambda process, link: None  # told when the way to a process has changed
        self._asked: dict[int, Message] = {}
        self.ended.append(self._asked_ended)
        self.requests = Requests(self)  # the requests the server itself makes
        self.event_missed: Callable[[Message, str], None] = lambda message, text: None  # told of a person's event that reached nobody
        self.acknowledges: Callable[[], bool] = lambda: True  # may this server say now that something is done?
        self._late: list[Callable[[str], None]] = []  # what is done and could not be said

    def send(self, message: Message) -> bool:
        """Forward to the link of `message.target`; False when nobody is there or it takes nothing more."""
        process = self.registry.get(message.target)
        if process is None or process.link is None:
            return False
        try:
            process.link.send(message)
        except NotSpoken as error:
            log.debug("to %s: %s", process.name, error)
            return False
        except (ChannelClosed, ChannelFull) as error:
            log.warning("to %s: %s", process.name, error)
            return False
        process.sent += 1
        return True

    def unspoken(self, message: Message) -> str:
        """Why its target is not sent this kind of message: it runs an older release. "" = it knows the kind."""
        process = self.registry.get(message.target)
        return process.link.unspoken.get(message.kind, "") if process is not None and process.link is not None else ""

    def reply(self, request: Message, payload: Payload | bytes = b"") -> None:
        data = payload if isinstance(payload, bytes) else pack(payload)
        self.send(Message(kind=Kind.REPLY, lane=request.lane, source=KNL_NUMBER, target=request.source,
                          object=request.object, corr=request.corr, payload=data))

    def fail(self, request: Message, error: int, extended: int = 0, text: str = "") -> None:
        """End a request that was not executed; a message that wants no answer is only logged, an event of a person where people look."""
        if not request.wants_answer:
            log.info("dropped %s of %s: %s", kind_name(request.kind), request.source, text)
            if request.kind == Kind.PICTURE_EVENT:
                self.event_missed(request, text)
            return
        self.send(Message(kind=Kind.FAILED, lane=request.lane, source=KNL_NUMBER, target=request.source,
                          object=request.object, corr=request.corr,
                          payload=pack(Failed(error=error, extended=extended, text=text))))

    def acknowledge(self, then: Callable[[str], None]) -> None:
        """Call `then` with "" at a moment at which this server may acknowledge, or with the reason once it is clear that it may not."""
        if self.acknowledges():
            then("")
        else:
            self._late.append(then)

    def acknowledge_late(self, reason: str = "") -> None:
        """The server may acknowledge again; or, with a reason, it is not to become so in time."""
        late, self._late = self._late, []
        for then in late:
            then(reason)

    def allow(self, process: Process, action: str, object: int | str = "") -> bool:
        """May the user behind `process` do this? The user is looked up here, never taken from a message."""
        user = USER
        if self.rights.everything(user):
            return True
        return self.rights.allow(user, action, self.name_of(object) if isinstance(object, int) else object)

    def deny(self, request: Message, action: str, name: str) -> None:
        self.fail(request, Err.ERR_NO_ACCESS, Ext.NO_RIGHT, f"user {USER} may not {action} {name or 'the system'}; app.toml, [rights]")

    def nobody(self, request: Message, what: str) -> None:
        self.fail(request, Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, f"no process serves {what}")

    def tell(self, number: int, kind: Kind, payload: Payload, lane: int = Lane.CONTROL) -> bool:
        """An event of the server to one process."""
        return self.send(Message(kind=kind, lane=lane, source=KNL_NUMBER, target=number, payload=pack(payload)))

    async def ask(self, number: int, kind: Kind, payload: Payload | bytes | None, timeout_s: float, lane: int = Lane.CONTROL) -> Message:
        """A request of the server; raises RequestFailed, at once when the process does not run or ends meanwhile."""
        data = payload if isinstance(payload, bytes) else pack(payload) if payload is not None else b""
        message = Message(kind=kind, lane=lane, source=KNL_NUMBER, target=number, payload=data, wants_answer=True)
        if not self.reachable(number):
            raise RequestFailed(Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING, f"process number {number} does not run")
        if unspoken := self.unspoken(message):
            raise RequestFailed(Err.ERR_NOT_SUPPORTED, Ext.NO_REASON, unspoken)
        self._asked[id(message)] = message
        try:
            return await self.requests.ask(message, timeout_s)
        finally:
            del self._asked[id(message)]

    def reachable(self, number: int) -> bool:
        process = self.registry.get(number)
        return process is not None and process.link is not None

    def _asked_ended(self, process: Process) -> None:
        """What the server itself asked the dead ends now."""
        for message in [m for m in self._asked.values() if m.target == process.number]:
            failed = Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.PROCESS_RESTARTED, text=f"{process.name} ended during the request")
            self.requests.settle(Message(kind=Kind.FAILED, corr=message.corr, payload=pack(failed)))

    def route(self, process: Process, link: Link | None) -> None:
        """Bind a process to its link; a communication process is told which connection carries it, where it does not know by itself."""
        old, process.link = process.link, link
        if link is not None and link.connection and link.session is None:
            self._tell_cp(link.channel, Kind.ROUTE_ADD, process.number, link.connection)
        elif link is None and old is not None and old.connection and old.session is None:
            self._tell_cp(old.channel, Kind.ROUTE_DROP, process.number, old.connection)
        if link is not None and link.standby:
            self.tell(link.standby, Kind.ROUTE_ADD, Route(number=process.number, connection=link.inner))
        elif link is None and old is not None and old.standby:
            self.tell(old.standby, Kind.ROUTE_DROP, Route(number=process.number, connection=old.inner))
        self.routed(process, link)

    def close_carried(self, link: Link, reason: str) -> None:
        """The communication process of `link` closes its connection to the client."""
        closed = LinkClosed(connection=link.connection, number=link.number, reason=reason)
        try:
            link.channel.send(Message(kind=Kind.LINK_CLOSED, source=KNL_NUMBER, payload=pack(closed)))
        except (ChannelClosed, ChannelFull):
            log.debug("the communication process of connection %d is gone", link.connection)

    def tell_route(self, link: Link, kind: Kind, number: int) -> None:
        """A communication process learns, or forgets, that it carries this number over the connection of `link`."""
        self._tell_cp(link.channel, kind, number, link.connection)

    def _tell_cp(self, channel: Channel, kind: Kind, number: int, connection: int) -> None:
        try:
            channel.send(Message(kind=kind, source=KNL_NUMBER, payload=pack(Route(number=number, connection=connection))))
        except (ChannelClosed, ChannelFull):
            log.debug("the communication process of connection %d is gone", connection)
