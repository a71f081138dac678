"""HIS host: the one process beside a hip process that runs its local parts. `python -m hisee.script.hishost --fd N`.

Two links: a ring to the HIP (visual messages, starts and stops) and the server's (everything else). The host of a console that follows
a group outlives the loss of its server: local parts run on, and the HIP says where to log on next.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from pathlib import Path

from hisee._core.vm import Unit, UnitRejected
from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, RequestFailed, dial_unix, over_socket
from hisee.channel.epoch import Gate, told_in
from hisee.channel.group import STAYS
from hisee.channel.payloads import (
    Hello,
    HisHostStart,
    HisStart,
    RemoteDown,
    RemoteUp,
    SeeStop,
    ServerState,
    SettleGet,
    Shape,
    Started,
    Table,
    unpack,
)
from hisee.channel.sessions import dial_session, route_ordered
from hisee.channel.shape import shape_of
from hisee.channel.trace import Trace
from hisee.channel.way import WANTED
from hisee.commands import Commands
from hisee.errors import HiseeError
from hisee.process import die_with_parent, run_until_stopped, set_title
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script import actions
from hisee.script.arrivals import Arrivals
from hisee.script.host import Host
from hisee.script.instance import Instance, Item, QueueFull
from hisee.seams import Seams
from hisee.tls import Certificates

log = logging.getLogger("hisee.script")


class HisHost(Host):
    """Virtual HIS processes of one hip process."""

    ended_kind = Kind.HIS_ENDED

    def __init__(self, server: Channel, hip: Channel, seams: Seams, *, follows: bool = False) -> None:
        super().__init__(server, seams)
        self.hip = hip
        self._seams, self._follows, self._cut = seams, follows, False
        self._gate = Gate()
        self._arrivals = Arrivals(self.limits["instance_queue"])
        self._asked_by_hip: Message | None = None
        self.trace = Trace(seams.clock)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self.attach_server(loop)
        self.hip.attach(loop, self.from_hip, self._hip_lost)

    def attach_server(self, loop: asyncio.AbstractEventLoop) -> None:
        super().attach(loop)

    def _hip_lost(self, reason: str) -> None:
        log.info("the console process is gone: %s", reason)
        self.stop.set()

    def make_commands(self) -> Commands:
        """Orders of the console process, which answers for both."""
        return Commands("HISHOST", lambda: self.stop.set(), {"ROUTE": lambda words: route_ordered(self.server, words)},
                        status=lambda: {"instances": len(self.engine.instances)}, trace=self.trace_switch.switch)

    # -- from server to server

    def server_lost(self, reason: str) -> None:
        if not self._follows:
            super().server_lost(reason)
            return
        log.warning("the server is gone: %s", reason)
        self._cut_off(reason)
        self._to_hip(Message(kind=Kind.HIS_CUT, source=self.number))

    def _cut_off(self, reason: str) -> None:
        """Remote parts end with their server; each local part learns of the next one by OnRemoteRestart."""
        self._cut = True
        self._arrivals.cut_off()
        self.requests.abort(reason)
        for his in self.engine.instances.values():
            his.restart_due = his.restart_due or bool(his.partner)
            if his.partner_state != "none":
                his.partner, his.partner_state = 0, "starting"
        self.engine.cut_off(f"the server is lost ({reason}); whether it was done is not known")

    async def _log_on(self, request: Message, start: HisHostStart) -> None:
        former, self._follows = self.server, start.follows
        try:
            server = await asyncio.to_thread(dial_server, start, self._seams)
        except (HiseeError, OSError) as error:
            self.refuse(request, Err.ERR_TRANS_ABORT, f"the HIS host cannot log on: {error}")
            return
        state = told_in(server.welcome)
        if state is not None and not self._gate.hears(state):
            server.close("a server of a past epoch")
            self.refuse(request, Err.ERR_TRANS_ABORT, f"{state.node} speaks for epoch {state.epoch}, {self._gate.epoch} has begun")
            return
        if not self._cut:
            self._cut_off("the console moves to another server")
        self.use(server)
        former.close("the console moves to another server")
        self.attach_server(asyncio.get_running_loop())
        self._cut = False
        log.info("logged on as number %d", self.number)
        self.reply(request)

    def _move(self, his: Instance, start: HisStart) -> None:
        """A local part that runs goes on at the server where the HIP opened its object again."""
        self.engine.rename(his, start.opened, start.name, start.console)
        his.partner, his.partner_state = 0, "starting" if start.see else "none"
        if start.values:
            self.engine.values(start.values)

    def _to_hip(self, message: Message) -> None:
        try:
            self.hip.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("message of kind %#06x to the console not sent: %s", message.kind, error)

    # -- out: what is for the console takes the ring

    def send(self, message: Message) -> None:
        if not self._for_hip(message):
            self.trace.note("out", message)
            super().send(message)
            return
        try:
            self.hip.send(message)
        except (ChannelClosed, ChannelFull) as error:
            self._not_sent(message, str(error))

    def _for_hip(self, message: Message) -> bool:
        """Does the console process take it? A message for another console goes by way of the server."""
        if message.kind == Kind.HIS_ENDED:
            return True
        his = self.engine.instances.get(message.source)
        return message.lane == Lane.VISUAL and (his is None or message.target == his.console)

    def far(self, message: Message) -> bool:
        return not self._for_hip(message) and super().far(message)

    # -- in

    def from_server(self, message: Message) -> None:
        self.trace.note("in", message)
        if message.kind == Kind.SERVER_STATE:
            self._gate.hears(unpack(ServerState, message.payload))
        else:
            super().from_server(message)

    def from_hip(self, message: Message) -> None:
        if message.kind == Kind.HIS_START:
            start = unpack(HisStart, message.payload)
            self._arrivals.expect(start.opened)
            self.background.spawn(self._start(message, start))
        elif message.kind == Kind.HIS_SERVER:
            self.background.spawn(self._log_on(message, unpack(HisHostStart, message.payload)))
        elif message.kind == Kind.HIS_STOP:
            stop = unpack(SeeStop, message.payload)
            self._refuse_early(stop.number, f"the object is {stop.reason}")
            self.engine.stop(stop.number, stop.reason)
        elif message.kind in (Kind.SETTLE_GET, Kind.PROFILE_GET, Kind.TRACE_GET, Kind.LINK_SHAPE, Kind.COMMAND):
            self._asked_by_hip = message
            self.control(message)
        else:
            self.deliver(message)

    def deliver(self, message: Message) -> None:
        if not self._arrivals.takes(message):
            super().deliver(message)

    def _refuse_early(self, number: int, text: str) -> None:
        for message in self._arrivals.forget(number):
            self.engine.not_delivered(message, Err.ERR_EVENT_CLOSED, text)

    def answer(self, request: Message, answer: Message) -> None:
        """An answer takes the way its request came."""
        if request.kind in (Kind.HIS_START, Kind.HIS_SERVER) or request is self._asked_by_hip:
            self._to_hip(answer)
        else:
            super().send(answer)

    async def _start(self, request: Message, start: HisStart) -> None:
        try:
            unit = await self.unit(start.unit)
        except (RequestFailed, UnitRejected) as error:
            self._not_started(request, start, f"unit {start.unit[:12]} of {start.object}: {error}")
            return
        if not self._arrivals.expects(start.opened):
            self._not_started(request, start, f"{start.object} was closed before its local part began")
            return
        his = self.engine.instances.get(start.moves) if start.moves else None
        if his is not None and his.unit is unit:
            self._move(his, start)
        else:
            his = self._begin(start, unit)
        self._arrived(his, start)
        self.reply(request, Started(number=start.opened))

    def _not_started(self, request: Message, start: HisStart, text: str) -> None:
        self._refuse_early(start.opened, text)
        self.engine.stop(start.moves, "replaced")
        self.refuse(request, Err.ERR_NOT_SUPPORTED, text)

    def _arrived(self, his: Instance, start: HisStart) -> None:
        """What came before its start, in the order in which it came."""
        news, messages = self._arrivals.begin(start.opened)
        his.partner_state = "starting" if start.see or news else "none"
        if isinstance(news, RemoteUp):
            self._remote_up(his, news)
        elif isinstance(news, RemoteDown):
            self._remote_down(his, news)
        for message in messages:
            self.engine.deliver(message)

    def _begin(self, start: HisStart, unit: Unit) -> Instance:
        if start.moves:
            self.engine.stop(start.moves, "replaced")
        if start.values:
            self.engine.values(start.values)
        return self.engine.start(number=start.opened, name=start.name, object=start.object, part=1, unit=unit, console=start.console,
                                 limits=start.limits or self.limits, variables=start.variables)

    # -- the remote part comes and goes

    def control(self, message: Message) -> bool:
        if message.kind == Kind.REMOTE_UP:
            self._remote(unpack(RemoteUp, message.payload))
        elif message.kind == Kind.REMOTE_DOWN:
            self._remote(unpack(RemoteDown, message.payload))
        elif message.kind == Kind.TRACE_GET:
            self.reply(message, Table(rows=self.trace.rows({unpack(SettleGet, message.payload).opened})))
        elif message.kind == Kind.LINK_SHAPE:
            self._reshape(unpack(Shape, message.payload))
        else:
            return super().control(message)
        return True

    def _reshape(self, shape: Shape) -> None:
        if self.server.shape is not None:
            self.server.shape.set(rtt_ms=shape.rtt_ms, jitter_ms=shape.jitter_ms, kbit_s=int(shape.kbit_s))

    def _remote(self, news: RemoteUp | RemoteDown) -> None:
        """News may overtake the start of the local part, which travels by way of the HIP."""
        his = self.engine.instances.get(news.opened)
        if his is None:
            self._arrivals.told(news.opened, news)
        elif isinstance(news, RemoteUp):
            self._remote_up(his, news)
        else:
            self._remote_down(his, news)

    def _remote_up(self, his: Instance, up: RemoteUp) -> None:
        his.partner, his.partner_state = up.see, "up"
        for index, version, value in his.variables.state():
            if version:
                actions.share_variable(self.engine, his, index, version, value, answers=0)
        actions.partner_settled(his)
        if up.restarted or his.restart_due:
            his.restart_due = False
            self.background.spawn(self._remote_restarted(his, up))

    async def _remote_restarted(self, his: Instance, up: RemoteUp) -> None:
        """OnRemoteRestart comes after the new part's init part: an echo through its queue proves that it ended."""
        request = Message(kind=Kind.ECHO, lane=Lane.SCRIPT, source=self.number, target=up.see, wants_answer=True)
        try:
            await self.requests.ask(request, his.limits["request_limit_s"])
        except RequestFailed:
            return
        index = his.procedure("OnRemoteRestart", ("ENTRY", "ENTRYX"))
        if index is not None and not his.ended and his.partner == up.see:
            try:
                his.put(Item(index, b"\0\0", "event OnRemoteRestart"))
            except QueueFull:
                log.warning("%s: OnRemoteRestart dropped, its queue is full", his.name)
            self.engine.wake(his)

    def _remote_down(self, his: Instance, down: RemoteDown) -> None:
        his.partner, his.partner_state = 0, "starting" if down.starting else "down"
        if not down.starting:
            actions.partner_settled(his)


def dial_server(start: HisHostStart, seams: Seams) -> Channel:
    """Log on to the server the way the HIP said: control socket, or a communication process over the shaped link."""
    facts = {"hip": start.console, "host": socket.gethostname(), STAYS: start.stays}
    if start.wanted:
        facts[WANTED] = start.wanted
    hello = Hello(kind="HISHOST", node=start.node, name=start.workstation, pid=os.getpid(), facts=facts)
    if start.server_path:
        return dial_unix(start.server_path, hello, start.secret, seams=seams, limits=start.limits)
    own = Certificates(Path(start.tls), seams.clock.now_ms()).client() if start.tls else None
    return dial_session(start.networks, hello, start.secret, seams=seams, limits=start.limits, link=shape_of(start.link),
                        tls=lambda host: own)


def read_start(sock: socket.socket) -> HisHostStart:
    """The HIP's first bytes: u32 length, HisHostStart."""
    length = int.from_bytes(_exactly(sock, 4), "little")
    if length > 4096:
        raise ValueError(f"start of {length} bytes")
    return unpack(HisHostStart, _exactly(sock, length))


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise ConnectionError("the console process closed the socket")
        data += part
    return data


def main(argv: list[str]) -> int:
    die_with_parent()
    sock = socket.socket(fileno=int(argv[argv.index("--fd") + 1]))
    seams = Seams()
    start = read_start(sock)
    set_title(f"{start.workstation}.HIS")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    return run_until_stopped(lambda stop: _serve(sock, start, seams, stop))


async def _serve(sock: socket.socket, start: HisHostStart, seams: Seams, stop: asyncio.Event) -> int:
    hello = Hello(kind="HISHOST", name=start.workstation, node=start.node, pid=os.getpid())
    hip = over_socket(sock, hello, start.secret, seams=seams, limits=start.limits, server=False)
    host = HisHost(dial_server(start, seams), hip, seams, follows=start.follows)
    host.stop = stop
    host.attach(asyncio.get_running_loop())
    await stop.wait()
    host.engine.shut()
    hip.close("the HIS host ends")
    host.server.close("the HIS host ends")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
