"""`hisee cp`: the communication process, the only door for TCP. It proves clients, carries their messages, keeps nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from hisee.channel import Channel, ChannelClosed, ChannelFull, Listener, Message, RequestFailed, Requests, dial_unix
from hisee.channel.payloads import Hello, LinkClosed, LinkOpen, Refused, Route, Welcome, pack, unpack
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

log = logging.getLogger("hisee.work.cp")
LOGON_S = TIMERS["logon"].ms / 1000
KNL = 1


class Carrier:
    """Connections of clients on one side, the server on the other; routes between them are told by the server."""

    def __init__(self, server: Channel, listener: Listener) -> None:
        assert server.welcome is not None
        self._server, self._listener = server, listener
        self._number = server.welcome.number
        self._requests = Requests(server)
        self._clients: dict[int, Channel] = {}  # connection -> channel
        self._numbers: dict[int, int] = {}  # process number -> connection
        self._of_channel: dict[int, int] = {}  # number welcomed -> connection
        self._connections = 0
        self.stop = asyncio.Event()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._server.attach(loop, self._from_server, lambda reason: self.stop.set())
        self._listener.start(loop, self._admit, self._on_client)

    async def _admit(self, hello: Hello, peer: Any) -> Welcome | Refused:
        """The client proved the secret here; name and number are the server's to give."""
        self._connections += 1
        connection = self._connections
        request = LinkOpen(connection=connection, hello=pack(hello), address=str(getattr(peer, "address", "")))
        try:
            answer = await self._requests.ask(
                Message(kind=Kind.LINK_OPEN, source=self._number, target=KNL, payload=pack(request), wants_answer=True), LOGON_S)
        except RequestFailed as failed:
            return Refused(code="SERVER", text=str(failed))
        if answer.payload[:1] == b"\x00":
            return unpack(Refused, answer.payload[1:])
        welcome = unpack(Welcome, answer.payload)
        self._of_channel[welcome.number] = connection
        return welcome

    def _on_client(self, channel: Channel) -> None:
        assert channel.welcome is not None
        number = channel.welcome.number
        connection = self._of_channel.pop(number)
        self._clients[connection] = channel
        self._numbers[number] = connection
        channel.attach(asyncio.get_running_loop(), lambda message: self._from_client(connection, message),
                       lambda reason: self._client_lost(connection, number, reason))
        log.info("connection %d carries %s", connection, channel.welcome.name)

    def _from_client(self, connection: int, message: Message) -> None:
        if self._numbers.get(message.source) != connection:
            log.warning("connection %d sent a message with foreign source %d: refused", connection, message.source)
            return
        try:
            self._server.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("message of %d not carried: %s", message.source, error)

    def _from_server(self, message: Message) -> None:
        if message.kind in (Kind.REPLY, Kind.FAILED) and message.target == self._number:
            self._requests.settle(message)
        elif message.kind == Kind.ROUTE_ADD:
            route = unpack(Route, message.payload)
            self._numbers[route.number] = route.connection
        elif message.kind == Kind.ROUTE_DROP:
            self._numbers.pop(unpack(Route, message.payload).number, None)
        elif message.kind == Kind.STOP:
            self.stop.set()
        else:
            self._to_client(message)

    def _to_client(self, message: Message) -> None:
        channel = self._clients.get(self._numbers.get(message.target, 0))
        if channel is None:
            log.debug("nobody carries number %d", message.target)
            return
        try:
            channel.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("message for %d not carried: %s", message.target, error)

    def _client_lost(self, connection: int, number: int, reason: str) -> None:
        self._clients.pop(connection, None)
        self._numbers = {n: c for n, c in self._numbers.items() if c != connection}
        closed = LinkClosed(connection=connection, number=number, reason=reason)
        try:
            self._server.send(Message(kind=Kind.LINK_CLOSED, source=self._number, target=KNL, payload=pack(closed)))
        except (ChannelClosed, ChannelFull):
            log.info("the server is gone before connection %d", connection)

    def close(self) -> None:
        self._listener.close()
        for channel in list(self._clients.values()):
            channel.close("the communication process ends")
        self._server.close("the communication process ends")


def main(parameters: StartParameters) -> int:
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, f"{parameters.name or parameters.node}.CP")
    return run_until_stopped(lambda stop: _serve(parameters, data, stop))


async def _serve(parameters: StartParameters, data: DataDir, stop: asyncio.Event) -> int:
    secret, bounds = data.secret(), limits()
    listener = Listener.tcp(parameters.listen or "127.0.0.1", parameters.port or 0, secret, data.seams, bounds)
    hello = Hello(kind="CP", name=parameters.name, node=parameters.node, pid=os.getpid(),
                  facts={"address": listener.address, "host": socket.gethostname()})
    carrier = Carrier(dial_unix(data.control_socket, hello, secret, seams=data.seams, limits=bounds), listener)
    carrier.stop = stop
    carrier.start(asyncio.get_running_loop())
    announce_ready(parameters.ready_fd, f"cp tcp={listener.address}")
    await stop.wait()
    carrier.close()
    return 0
