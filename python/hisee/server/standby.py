"""The session of a standby server with the hot one: follows all values, announces its script servers, relays what passes between them
and the hot server as a communication process does. It keeps nothing: the hot server knows who is where."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from hisee.channel import Channel, ChannelClosed, ChannelFull, LogonRefused, Message, PeerUnreachable, RequestFailed, Requests
from hisee.channel.duties import answer_soon, answer_unknown
from hisee.channel.epoch import Gate, told_in
from hisee.channel.payloads import Failed, Hello, LinkClosed, LinkOpen, Refused, Route, ServerState, pack, unpack
from hisee.commands import Commands
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.values import Values

log = logging.getLogger("hisee.server.standby")
AGAIN_S = TIMERS["heartbeat"].ms / 4000
ASK_S, SNAPSHOT_S = TIMERS["logon"].ms / 1000, TIMERS["api_request"].ms / 1000
ENDS = (Kind.REPLY, Kind.FAILED)
ANNOUNCED = "SES"
Dial = Callable[[str, int, Hello], Awaitable[Channel]]  # host, port; raises PeerUnreachable, LogonRefused


class NotHot(Exception):
    """Whoever answered is not the hot server of now."""


class Session:
    """One connection to a hot server, over a communication process of its computer."""

    def __init__(self, channel: Channel, node: str, epoch: int) -> None:
        assert channel.welcome is not None
        self.channel, self.node, self.epoch = channel, node, epoch
        self.number = channel.welcome.number
        self.requests = Requests(channel)
        self.announced: set[int] = set()  # numbers of script servers
        self.routes: dict[int, int] = {}  # number of a remote part -> of the script server that runs it
        self.lost: asyncio.Event = asyncio.Event()

    def send(self, message: Message) -> bool:
        try:
            self.channel.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("to the hot server: %s", error)
            return False
        return True

    async def ask(self, kind: Kind, payload: bytes = b"", lane: int = Lane.CONTROL, seconds: float = ASK_S, object: int = 0) -> Message:
        return await self.requests.ask(Message(kind=kind, lane=lane, source=self.number, target=KNL_NUMBER, object=object,
                                               payload=payload, wants_answer=True), seconds)


class Standby:
    """Follows the hot server that it is told of. `followed(node, synchronized)` is called at each change, node "" = no session."""

    def __init__(self, core: Core, values: Values, node: str, servers: Mapping[str, Mapping[str, Any]], dial: Dial,
                 hello: Callable[[], Hello], commands: Commands, *, followed: Callable[[str, bool], None],
                 heard: Callable[[ServerState], None],
                 config_changed: Callable[[], None]) -> None:
        """`hello` makes the HELLO of this server; `heard` is told what the hot server says of itself."""
        self._core, self._values, self._node, self._servers = core, values, node, servers
        self._dial, self._hello, self._commands = dial, hello, commands
        self._followed, self._heard, self._config_changed = followed, heard, config_changed
        self.gate = Gate()
        self._wanted = ""
        self._session: Session | None = None
        self._synchronized = False
        self._task: asyncio.Task[None] | None = None
        self._announcing: set[asyncio.Task[None]] = set()
        core.ended.append(self._process_ended)

    # -- whom to follow

    def follow(self, node: str, epoch: int) -> None:
        """`node` is hot in this epoch; "" or this node itself = nobody to follow. A session of an older epoch ends."""
        node = "" if node == self._node or node not in self._servers else node
        self.gate.admit(max(epoch, self.gate.epoch))
        if self._session is not None and (self._session.node != node or self._session.epoch < epoch):
            self._end(self._session, f"{node or 'nobody'} is hot now")
        if node == self._wanted:
            return
        self._wanted = node
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.get_running_loop().create_task(self._follow(node)) if node else None

    def close(self) -> None:
        self.follow("", 0)

    @property
    def synchronized(self) -> bool:
        return self._session is not None and self._synchronized

    async def _follow(self, node: str) -> None:
        while True:
            try:
                await self._one_session(node)
            except (PeerUnreachable, LogonRefused, RequestFailed, NotHot, OSError) as fault:
                log.info("no session with %s: %s", node, fault)
            finally:
                if self._session is not None:
                    self._end(self._session, "a new session begins")
            await asyncio.sleep(AGAIN_S)

    async def _one_session(self, node: str) -> None:
        session = self._session = await self._log_on(node)
        session.channel.attach(asyncio.get_running_loop(), lambda message: self._from_hot(session, message),
                               lambda reason: self._lost(session, reason))
        log.info("logged on to %s, epoch %d", node, session.epoch)
        self._followed(node, False)
        answer = await session.ask(Kind.FOLLOW, lane=Lane.SCRIPT, seconds=SNAPSHOT_S)
        self._values.take(answer.payload)
        self._config_changed()
        self._synchronized = True
        self._followed(node, True)
        for process in self._core.registry.of_kind(ANNOUNCED):
            self.announce(process)
        await session.lost.wait()

    async def _log_on(self, node: str) -> Session:
        """At the first of its addresses that answers; raises the fault of the last one."""
        fault: Exception = PeerUnreachable(f"no address of {node} is known", hint="ports.cp of its node in app.toml")
        for host, port in self._addresses(node):
            try:
                channel = await self._dial(host, port, self._hello())
            except (PeerUnreachable, LogonRefused, OSError) as error:
                fault = error
                continue
            state = told_in(channel.welcome)
            if state is not None and state.node == node and state.hot_itself and self.gate.admit(state.epoch):
                return Session(channel, node, state.epoch)
            channel.close("not the hot server of this epoch")
            fault = NotHot(f"{host}:{port} is not the hot server of epoch {self.gate.epoch} or later")
        raise fault

    def _addresses(self, node: str) -> Iterator[tuple[str, int]]:
        server = self._servers[node]
        for host in server.get("hosts", ()):
            for port in server.get("cp", ()):
                yield host, port

    def _lost(self, session: Session, reason: str) -> None:
        log.warning("the session with %s ended: %s", session.node, reason)
        self._forget(session, reason)

    def _end(self, session: Session, reason: str) -> None:
        session.channel.close(reason)
        self._forget(session, reason)

    def _forget(self, session: Session, reason: str) -> None:
        session.requests.abort(f"the session with the hot server ended: {reason}")
        session.lost.set()
        if self._session is session:
            self._session, self._synchronized = None, False
            self._followed("", False)

    # -- from the hot server

    def _from_hot(self, session: Session, message: Message) -> None:
        if message.target not in (0, session.number):
            self._to_script_server(session, message)
        elif message.kind in ENDS:
            session.requests.settle(message)
        elif message.kind == Kind.FOLLOWED:
            self._values.take(message.payload)
            session.send(Message(kind=Kind.REPLY, lane=message.lane, source=session.number, target=KNL_NUMBER, corr=message.corr))
        elif message.kind == Kind.ROUTE_ADD:
            self._route(session, unpack(Route, message.payload))
        elif message.kind == Kind.ROUTE_DROP:
            session.routes.pop(unpack(Route, message.payload).number, None)
        elif message.kind == Kind.CONFIG_CHANGED:
            self._config_changed()
        elif message.kind == Kind.SERVER_STATE:
            self._told(session, unpack(ServerState, message.payload))
        elif message.kind == Kind.COMMAND:
            answer_soon(message, self._commands, session.channel)
        else:
            answer_unknown(message, session.channel)

    def _told(self, session: Session, state: ServerState) -> None:
        """One that is cut off from the database for a moment still holds the term as far as it knows: the session stays."""
        self._heard(state)
        if state.hot != session.node:
            self._end(session, "it is not hot any more")

    def _route(self, session: Session, route: Route) -> None:
        if route.number != route.connection:
            session.routes[route.number] = route.connection
        ses = self._core.registry.get(route.connection)
        if ses is not None and ses.link is not None and ses.link.connection:
            self._core.tell_route(ses.link, Kind.ROUTE_ADD, route.number)

    def _to_script_server(self, session: Session, message: Message) -> None:
        ses = self._core.registry.get(session.routes.get(message.target, message.target))
        if ses is None or ses.link is None or ses.number not in session.announced:
            log.debug("nobody here has number %d", message.target)
            return
        try:
            ses.link.channel.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("to %s: %s", ses.name, error)

    # -- script servers of this side

    def announce(self, ses: Process) -> None:
        """A script server is here: the hot server may place remote parts on it."""
        session = self._session
        if session is None or not self._synchronized or ses.number in session.announced or ses.link is None:
            return
        task = asyncio.get_running_loop().create_task(self._announce(session, ses))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def _announce(self, session: Session, ses: Process) -> None:
        hello = Hello(kind=ses.kind, name=ses.name.rpartition(".")[0], node=ses.node, pid=ses.pid, version=ses.version,
                      incarnation=ses.incarnation, facts=ses.facts, protocol=ses.speaks.highest, lowest=ses.speaks.lowest)
        request = LinkOpen(connection=ses.number, hello=pack(hello), address=ses.address, number=ses.number, started_ms=ses.started_ms)
        session.announced.add(ses.number)  # its first order may overtake the answer
        try:
            answer = await session.ask(Kind.LINK_OPEN, pack(request))
            refused = unpack(Refused, answer.payload[1:]).text if answer.payload[:1] == b"\x00" else ""
        except RequestFailed as failed:
            refused = str(failed)
        if refused:
            session.announced.discard(ses.number)
            log.warning("%s is not known to the hot server: %s", ses.name, refused)
        else:
            log.info("%s is known to the hot server", ses.name)

    def _process_ended(self, process: Process) -> None:
        session = self._session
        if session is not None and process.number in session.announced:
            session.announced.discard(process.number)
            session.routes = {part: ses for part, ses in session.routes.items() if ses != process.number}
            closed = LinkClosed(connection=process.number, number=process.number, reason=process.state.value)
            session.send(Message(kind=Kind.LINK_CLOSED, source=session.number, target=KNL_NUMBER, payload=pack(closed)))

    def takes(self, channel: Channel, message: Message) -> bool:
        """A message from a link of this server: True = it is the hot server's business and on its way there, or ended."""
        session = self._session
        routes = session.routes if session is not None else {}
        ses = self._core.registry.get(routes.get(message.source, message.source))
        if ses is None:
            return self._from_an_orphan(channel, message)
        if ses.kind != ANNOUNCED or ses.link is None or ses.link.channel is not channel:
            return False
        if session is None or ses.number not in session.announced:
            return False
        if message.kind in ENDS and message.target == KNL_NUMBER and self._core.requests.asked(message.corr):
            return False
        if not session.send(message) and message.wants_answer:
            self._end_request(channel, message)
        return message.kind != Kind.LOAD  # this server shows it as well

    def _from_an_orphan(self, channel: Channel, message: Message) -> bool:
        """A remote part whose hot server is gone asks for something: nobody will answer."""
        if message.wants_answer:
            self._end_request(channel, message)
        return True

    @staticmethod
    def _end_request(channel: Channel, message: Message) -> None:
        failed = Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.PROCESS_RESTARTED, text="the hot server is gone")
        try:
            channel.send(Message(kind=Kind.FAILED, lane=message.lane, source=KNL_NUMBER, target=message.source, object=message.object,
                                 corr=message.corr, payload=pack(failed)))
        except (ChannelClosed, ChannelFull) as error:
            log.debug("to %d: %s", message.source, error)

    # -- for those who asked the wrong server

    async def forward(self, message: Message) -> bytes:
        """Have the hot server carry out a request of a client of this one. Raises RequestFailed."""
        session = self._session
        if session is None:
            raise RequestFailed(Err.ERR_TRANS_IGNORED, Ext.STANDBY, "no session with the hot server")
        return (await session.ask(Kind(message.kind), message.payload, message.lane, SNAPSHOT_S, message.object)).payload

    def tell(self, state: ServerState) -> None:
        """What this server says of itself."""
        if self._session is not None:
            self._session.send(Message(kind=Kind.SERVER_STATE, source=self._session.number, target=KNL_NUMBER, payload=pack(state)))
