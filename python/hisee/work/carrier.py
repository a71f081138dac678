"""The connections of a communication process: clients on one side, the server on the other. Carries, counts, keeps nothing.

The server says which number is reached over which connection; messages of sessions name the connection themselves and pass unread.
What a client does not take waits here, within bounds; a client that is too slow for them loses its connection, and nobody else
notices. Nothing of a session is dropped while its connection goes on: where a message cannot pass, the connection ends, and the
session sends it again over the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from hisee.channel import Channel, ChannelClosed, ChannelFull, Listener, Message, RequestFailed, Requests
from hisee.channel.doors import CHOOSE, CROWDED
from hisee.channel.duties import answer_soon, answer_unknown
from hisee.channel.networks import SESSION
from hisee.channel.payloads import CpList, Failed, Hello, LinkClosed, LinkOpen, Refused, Route, Welcome, pack, unpack
from hisee.channel.session import BY_CONNECTION
from hisee.commands import Commands
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.work.cp")
CONNECTION = "connection"  # fact of a WELCOME: the client's connection at this communication process
LOGON_S = TIMERS["logon"].ms / 1000
KNL = 1
HIGH_BYTES, LOW_BYTES = 8 << 20, 1 << 20  # unsent to the server: over HIGH whoever sends much is not read until it is below LOW
MUCH_BYTES = 1 << 20
LOOK_S = 0.02


class Client:
    """One connection. `number` is that of the process that logged on over it."""

    def __init__(self, channel: Channel, number: int) -> None:
        self.channel, self.number = channel, number
        self.accepted = 0  # messages for it

    @property
    def waiting(self) -> int:
        """Messages that it has not taken yet."""
        return self.accepted - self.channel.sent


class Carrier:
    """`ended(reason)` is called when the link to the server is gone."""

    def __init__(self, server: Channel, listener: Listener, most: int, commands: Commands, ended: Callable[[str], None]) -> None:
        assert server.welcome is not None
        self._server, self._listener, self._most, self._commands, self._ended = server, listener, most, commands, ended
        self.number = server.welcome.number
        self.requests = Requests(server)
        self._clients: dict[int, Client] = {}  # by connection
        self._numbers: dict[int, int] = {}  # process number -> connection
        self._welcomed: dict[int, int] = {}  # connection -> number, until the logon has ended
        self._connections = 0
        self._admissions: set[asyncio.Task[Welcome | Refused]] = set()
        self._burst: Counter[int] = Counter()  # bytes by connection since the server last took everything
        self._held: set[int] = set()
        self._doors: list[dict[str, Any]] = []
        self._passed = 0
        self._slow = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._server.attach(loop, self._from_server, self._server_lost)
        self._listener.start(loop, self._admit, self._on_client)

    def _server_lost(self, reason: str) -> None:
        self.requests.abort(reason)
        self._ended(reason)

    # -- what is told

    def connections(self) -> int:
        return len(self._clients)

    def counters(self) -> dict[str, int]:
        """Outgoing messages that passed and that wait (R119), in number and bytes; logons that came to nothing."""
        waiting = [(c.waiting, c.channel.backlog_bytes) for c in self._clients.values()]
        counts = self._listener.counts
        return {"passed": self._passed, "waiting": sum(n for n, _ in waiting), "waiting_bytes": sum(size for _, size in waiting),
                "slow": self._slow, "half_open": self._listener.half_open, "crowded": counts["crowded"], "late": counts["late"],
                "refused": counts["refused"], "broken": counts["broken"]}

    # -- logons

    async def _admit(self, hello: Hello, peer: Any) -> Welcome | Refused:
        """The client proved the secret here; name and number are the server's to give."""
        if len(self._clients) >= self._most:
            return Refused(code=CROWDED, text=f"this communication process carries {self._most} clients, its limit",
                           facts={"cps": self._doors})
        self._connections += 1
        task = self._loop.create_task(self._ask_server(self._connections, hello, str(getattr(peer, "address", ""))))
        self._admissions.add(task)
        task.add_done_callback(self._admissions.discard)
        return await asyncio.shield(task)  # what the server has given must be given back when the client leaves meanwhile

    async def _ask_server(self, connection: int, hello: Hello, address: str) -> Welcome | Refused:
        request = LinkOpen(connection=connection, hello=pack(hello), address=address)
        try:
            answer = await self.requests.ask(
                Message(kind=Kind.LINK_OPEN, source=self.number, target=KNL, payload=pack(request), wants_answer=True), LOGON_S)
        except RequestFailed as failed:
            return Refused(code="SERVER", text=str(failed))
        if answer.payload[:1] == b"\x00":
            return unpack(Refused, answer.payload[1:])
        welcome = unpack(Welcome, answer.payload)
        self._welcomed[connection] = welcome.number
        welcome.facts[CONNECTION] = connection
        self._loop.call_later(LOGON_S, self._never_came, connection, welcome.number)
        return welcome

    def _never_came(self, connection: int, number: int) -> None:
        if self._welcomed.pop(connection, None) is not None:
            self._tell_closed(connection, number, "the logon was not finished")

    def _on_client(self, channel: Channel) -> None:
        assert channel.welcome is not None
        number, connection = channel.welcome.number, int(channel.welcome.facts.get(CONNECTION, 0))
        if self._welcomed.pop(connection, None) is None:
            channel.close("the logon took too long")
            return
        self._clients[connection] = Client(channel, number)
        if not channel.welcome.facts.get(SESSION):
            self._numbers[number] = connection
        channel.attach(self._loop, lambda message: self._from_client(connection, message),
                       lambda reason: self._client_lost(connection, reason))
        log.info("connection %d carries %s", connection, channel.welcome.name)

    # -- from clients

    def _from_client(self, connection: int, message: Message) -> None:
        if message.kind in BY_CONNECTION:
            message.object = connection
        elif self._numbers.get(message.source) != connection:
            log.warning("connection %d sent a message with foreign source %d: refused", connection, message.source)
            return
        try:
            self._server.send(message)
        except ChannelFull as full:
            if message.kind in BY_CONNECTION:
                self._end(connection, f"the server takes no more: {full}")
            else:
                self._refuse(connection, message, str(full))
        except ChannelClosed as closed:
            log.info("message of %d not carried: %s", message.source, closed)
        else:
            self._count_burst(connection, len(message.payload))

    def _refuse(self, connection: int, message: Message, text: str) -> None:
        """The server takes no more: a request is told so, anything else is only logged."""
        log.warning("message of %d not carried: %s", message.source, text)
        client = self._clients.get(connection)
        if message.wants_answer and client is not None:
            failed = Failed(error=Err.ERR_TRANS_ABORT, extended=Ext.QUEUE_FULL, text="the server takes no more messages now")
            self._send(connection, client, Message(kind=Kind.FAILED, lane=message.lane, source=KNL, target=message.source,
                                                   corr=message.corr, payload=pack(failed)))

    def _count_burst(self, connection: int, size: int) -> None:
        backlog = self._server.backlog_bytes
        if backlog < LOW_BYTES:
            self._burst.clear()
            return
        self._burst[connection] += size
        if backlog > HIGH_BYTES and self._burst[connection] > MUCH_BYTES and connection in self._clients:
            self._clients[connection].channel.hold(True)
            self._held.add(connection)
            if len(self._held) == 1:
                self._loop.call_later(LOOK_S, self._release)

    def _release(self) -> None:
        """Read those again that were held, once the server has caught up."""
        if self._server.backlog_bytes >= LOW_BYTES and not self._server.ended:
            self._loop.call_later(LOOK_S, self._release)
            return
        self._burst.clear()
        for connection in self._held:
            if connection in self._clients:
                self._clients[connection].channel.hold(False)
        self._held.clear()

    # -- from the server

    def _from_server(self, message: Message) -> None:
        if message.kind in BY_CONNECTION:
            self._to_connection(message.object, message)
        elif message.target not in (0, self.number):
            self._to_connection(self._numbers.get(message.target, 0), message)
        elif message.kind in (Kind.REPLY, Kind.FAILED):
            self.requests.settle(message)
        elif message.kind == Kind.ROUTE_ADD:
            route = unpack(Route, message.payload)
            self._numbers[route.number] = route.connection
        elif message.kind == Kind.ROUTE_DROP:
            self._numbers.pop(unpack(Route, message.payload).number, None)
        elif message.kind == Kind.LINK_CLOSED:
            closed = unpack(LinkClosed, message.payload)
            self._see_off(closed.connection, closed.reason)
        elif message.kind == Kind.CP_LIST:
            self._tell_doors(message)
        elif message.kind == Kind.COMMAND:
            answer_soon(message, self._commands, self._server)
        elif message.kind == Kind.STOP:
            self._ended("goodbye: the server ends the system")
        else:
            answer_unknown(message, self._server)

    def _to_connection(self, connection: int, message: Message) -> None:
        client = self._clients.get(connection)
        if client is None:
            log.debug("nobody carries connection %d, number %d", connection, message.target)
            return
        self._passed += 1
        self._send(connection, client, message)

    def _send(self, connection: int, client: Client, message: Message) -> None:
        try:
            client.channel.send(message)
            client.accepted += 1
        except ChannelClosed:
            log.debug("connection %d is gone", connection)
        except ChannelFull as full:
            self._slow += 1
            self._end(connection, f"too slow: {full}")

    def _tell_doors(self, message: Message) -> None:
        """Clients that choose their door keep the list for the day on which this one is gone."""
        self._doors = unpack(CpList, message.payload).rows
        for connection, client in list(self._clients.items()):
            hello = client.channel.hello
            if hello is not None and not hello.facts.keys().isdisjoint((CHOOSE, SESSION)):
                self._send(connection, client, Message(kind=Kind.CP_LIST, source=KNL, target=client.number, payload=message.payload))

    # -- ends

    def _end(self, connection: int, reason: str) -> None:
        """End a connection from here, whatever waits for it."""
        client = self._clients.get(connection)
        if client is not None:
            client.channel.abandon()
            self._client_lost(connection, reason)

    def _see_off(self, connection: int, reason: str) -> None:
        """The server wants a connection to end; what was for it goes out first."""
        client = self._clients.get(connection)
        if client is not None:
            client.channel.close(reason)
            self._client_lost(connection, reason)

    def _client_lost(self, connection: int, reason: str) -> None:
        client = self._clients.pop(connection, None)
        if client is None:
            return
        self._numbers = {n: c for n, c in self._numbers.items() if c != connection}
        log.info("connection %d of %d is gone: %s", connection, client.number, reason)
        self._tell_closed(connection, client.number, reason)

    def _tell_closed(self, connection: int, number: int, reason: str) -> None:
        closed = LinkClosed(connection=connection, number=number, reason=reason)
        try:
            self._server.send(Message(kind=Kind.LINK_CLOSED, source=self.number, target=KNL, payload=pack(closed)))
        except (ChannelClosed, ChannelFull):
            log.info("the server is gone before connection %d", connection)

    def close(self) -> None:
        self._listener.close()
        for client in list(self._clients.values()):
            client.channel.close("the communication process ends")
        self._server.close("the communication process ends")
