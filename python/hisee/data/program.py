"""`hisee dbm`: the database manager. One thread that receives, executes and replies; nothing stands between (decisions 1)."""

from __future__ import annotations

import logging
import os
import signal
import socket
from functools import partial
from time import monotonic_ns

from hisee.channel import Channel, ChannelClosed, Message, MessageTooLong, dial_unix
from hisee.channel.direct import FACT as DIRECT
from hisee.channel.direct import Direct
from hisee.channel.duties import MessageTrace, answer_now, report_load
from hisee.channel.payloads import Failed, Hello, Part, PartRead, pack, unpack
from hisee.commands import Commands
from hisee.data.lane import Lane, refusal
from hisee.datadir import DataDir
from hisee.errors import HiseeError, TimeOver
from hisee.parameters import StartParameters
from hisee.process import Wake, announce_ready, named_log
from hisee.schema.errors import Err
from hisee.schema.exits import Exit
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams

log = logging.getLogger("hisee.data")
IDLE_S = 60.0  # longest wait of a lane that nobody asks anything; its link beats meanwhile
REQUEST_S = TIMERS["api_request"].ms / 1000


class Stop:
    """Set by a signal, or by the server; `wake.fd` is readable after a signal."""

    def __init__(self) -> None:
        self.asked = False
        self.wake = Wake()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self.asked = True
        self.wake()


class Duties:
    """What the process does beside its lane: commands, and its load once per heartbeat. Busy = all time that it does not wait."""

    def __init__(self, channel: Channel, way: Direct, lane: Lane, stop: Stop) -> None:
        self._stop = stop
        began_ns = monotonic_ns()
        report_load(channel, channel.welcome.number if channel.welcome else 0, busy=lambda: monotonic_ns() - began_ns - way.waited_ns)
        self.commands = Commands("DBM", self._end, status=lambda: {"handles": lane.handles, "routes": way.routes},
                                 trace=MessageTrace(way).switch)

    def _end(self) -> None:
        self._stop.asked = True


class Server:
    """The requests that this process itself makes, before it serves any."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self._number = number
        self._corr = 0
        self.early: list[Message] = []  # came while we waited for our own answer

    def part(self, address: str) -> bytes:
        """One part of the store; raises FileNotFoundError when the server has none, TimeOver, ChannelClosed."""
        self._corr += 1
        self._channel.send(
            Message(
                kind=MessageKind.PART_READ,
                source=self._number,
                target=1,
                corr=self._corr,
                wants_answer=True,
                payload=pack(PartRead(part=address)),
            )
        )
        while (message := self._channel.receive(REQUEST_S)) is not None:
            if message.corr != self._corr or message.kind not in (MessageKind.REPLY, MessageKind.FAILED):
                self.early.append(message)
            elif message.kind == MessageKind.FAILED:
                raise FileNotFoundError(unpack(Failed, message.payload).text)
            else:
                return unpack(Part, message.payload).data
        raise TimeOver(f"the server did not send {address} within {REQUEST_S:g} s", hint="is it overloaded? see its log")


def main(parameters: StartParameters) -> int:
    """Run until SIGTERM, SIGINT, STOP, or the server is gone."""
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, f"{parameters.name or parameters.node}.DBM")
    stop = Stop()
    facts = {"host": socket.gethostname(), DIRECT: True}
    hello = Hello(kind="DBM", name=parameters.name, node=parameters.node, pid=os.getpid(), facts=facts)
    channel = dial_unix(data.control_socket, hello, data.secret(), seams=data.seams)
    welcome = channel.welcome
    assert welcome is not None
    try:
        server = Server(channel, welcome.number)
        lane = Lane(
            server.part(f"{welcome.name}:CONFIGURATION"), data.path, data.seams, server.part, limits=welcome.limits, beat=channel.beat
        )
        for sentence in lane.check():
            log.warning("%s", sentence)
        log.info("%s serves %s", welcome.name, ", ".join(d.name for d in lane.config.databases.values()) or "no database")
        announce_ready(parameters.ready_fd, "dbm")
        way = Direct(channel, data.seams.clock)
        way.take_in(server.early)
        return serve(channel, way, lane, stop)
    except HiseeError as error:
        log.error("%s", error)
        raise
    finally:
        channel.close("the database manager ends")


def serve(channel: Channel, way: Direct, lane: Lane, stop: Stop) -> int:
    """The loop of the lane. Reads that come again by a direct route are answered within `receive`."""
    duties = Duties(channel, way, lane, stop)
    way.reads, way.post = lane.reads, partial(_send, way)
    try:
        while not stop.asked:
            message = way.receive(IDLE_S, [stop.wake.fd])
            if message is None:
                continue
            if message.kind == MessageKind.STOP:
                break
            if message.kind == MessageKind.COMMAND:
                way.send(answer_now(message, duties.commands))
                continue
            answer = lane.answer(message)
            if answer is not None:
                _send(way, message, answer)
    except ChannelClosed as closed:
        log.error("the server is gone: %s", closed)
        return Exit.CANNOT_CONNECT
    finally:
        way.close()
        lane.close()
    return Exit.OK


def _send(way: Direct, request: Message, answer: Message) -> None:
    try:
        way.send(answer)
    except MessageTooLong as error:
        shorter = refusal(request, Err.ERR_TRANS_ERROR, str(error), Ext.TOO_LONG)
        if shorter is not None:
            way.send(shorter)
