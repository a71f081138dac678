"""A host process of virtual ones, seen from its links: messages in to the engine, the engine's messages out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from itertools import islice
from typing import Any

from hisee._core.values import decode
from hisee._core.vm import Unit
from hisee.background import Background
from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, Requests
from hisee.channel.carriers import NETWORK
from hisee.channel.direct import Direct
from hisee.channel.duties import MessageTrace, answer_soon, answer_unknown, load_message
from hisee.channel.payloads import (
    DllHost,
    DllHosts,
    Ended,
    Failed,
    LogWrite,
    Numbers,
    Payload,
    Pending,
    ProfileGet,
    ProfileRows,
    SeeState,
    SetAck,
    SettleGet,
    UnitGet,
    pack,
    unpack,
)
from hisee.channel.route_end import ENDS
from hisee.channel.spoken import DLLHOSTS, USER_FLAGS, in_force
from hisee.commands import Commands
from hisee.external import State
from hisee.load import busy_ns
from hisee.profile import Recorder
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.script import actions, containers
from hisee.script.engine import Engine
from hisee.script.instance import Instance
from hisee.script.known import Known, site_of
from hisee.seams import Seams

log = logging.getLogger("hisee.script")
UNIT_S = TIMERS["see_start_each"].ms / 1000
ASK_S = TIMERS["api_request"].ms / 1000
OF_INSTANCES: dict[int, Callable[[Instance, bytes], Payload | bytes]] = {
    Kind.CHAIN_GET: lambda instance, _: instance.chain(), Kind.CNT_TAKE: containers.taken, Kind.CNT_GIVE: containers.given}
KNL = 1
MOST_REPORTED = 1000


class Host:
    """Engine plus the link to the server. `number` is the host's own process number."""

    ended_kind = Kind.SEE_ENDED

    def __init__(self, server: Channel, seams: Seams) -> None:
        assert server.welcome is not None
        self._clock = seams.clock
        self.recorder = Recorder()
        self.known = Known(seams.clock)
        site = site_of(server.welcome, seams, self.known, self.recorder)
        self.engine = Engine(self, seams, self.recorder, server.welcome.facts.get("time_zone", "UTC"), site)
        self.known.apply = self.engine.values
        self.background = Background(log)
        self.lost = asyncio.Event()
        self.stop = asyncio.Event()
        self.use(server)

    def use(self, server: Channel) -> None:
        """Speak to this server from now on; `attach` begins it."""
        assert server.welcome is not None
        self.server = server
        self.number = server.welcome.number
        self.limits = server.welcome.limits
        # as the server knows them; None: it is of a release that lists none
        self._libraries: list[State] | None = [] if in_force(server.welcome) >= DLLHOSTS else None
        self.engine.flags_spoken = in_force(server.welcome) >= USER_FLAGS
        self.way = Direct(server, self._clock)
        self.requests = Requests(server)
        self.known.use(self.requests, self.number)
        self._in_turn: Iterator[Instance] = iter(())
        self._figures: dict[tuple[int, int, int], tuple[int, int, int]] = {}  # many idle ones have the same
        for instance in self.engine.instances.values():
            instance.told = None
            self.engine.touched[instance.number] = instance
        self.trace_switch = MessageTrace(self.way)
        self.commands = self.make_commands()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        server = self.server
        self.known.loop = loop
        self.way.on_answer = self.engine.answered
        self.way.attach(loop, self.from_server, lambda reason: self.server_lost(reason) if self.server is server else None)
        server.report(self._report)

    def server_lost(self, reason: str) -> None:
        log.warning("the server is gone: %s", reason)
        self.requests.abort(reason)
        self.lost.set()
        self.stop.set()

    # -- out

    def send(self, message: Message) -> None:
        """Of the engine: to the server; a host with a nearer way overrides this."""
        try:
            self.way.send(message)
        except (ChannelClosed, ChannelFull) as error:
            log.warning("message of %d not sent: %s", message.source, error)
            self._not_sent(message, str(error))

    def _not_sent(self, message: Message, text: str) -> None:
        """What could not leave ends at once."""
        if message.wants_answer:
            asyncio.get_running_loop().call_soon(self.engine.deliver, failed_answer(message, text))
        elif message.kind == Kind.SET:
            asyncio.get_running_loop().call_soon(self.engine.deliver, failed_set(message, text))

    @property
    def near(self) -> Direct | None:
        """The ways by which answers come without the server, None = there is none now."""
        return self.way if self.way.near else None

    def far(self, message: Message) -> bool:
        """Does this request leave the computer?"""
        return self.server.carrier in NETWORK

    def ended(self, instance: Instance, reason: str) -> None:
        """An instance ended by itself: the one who started it is told, and the event log."""
        actions.write_log(self.engine, instance, reason, 5, 0)
        self.tell(self.ended_kind, Ended(number=instance.number, incarnation=instance.incarnation, reason=reason))

    def closed(self, instance: Instance) -> None:
        """An instance ended itself by CLOSE DIRECT."""

    def script_failed(self, instance: Instance, failure: Any) -> None:
        """An unhandled error ended a handler; the instance goes on. The event log says so."""
        actions.write_log(self.engine, instance, f"unhandled {failure.name}: {failure.text}", 5, failure.line)

    def event_missed(self, message: Message, text: str) -> None:
        """An event of a person that no script sees, and that nobody waits for: the event log says so (R137)."""
        line = f"{decode(message.payload)[0]} is not delivered: {text}"
        log.warning("%s", line)
        self.tell(Kind.LOG_WRITE, LogWrite(script=str(message.target), text=line, priority=3, time_ms=self._clock.now_ms()))

    def external_failed(self, instance: Instance, text: str, line: int) -> None:
        """A foreign library crashed or hung in a call. The event log says so, whether the script catches it or not."""
        actions.write_log(self.engine, instance, text, 5, line)

    def script_idle(self, instance: Instance) -> None:
        """Nothing waits in the instance; a host that serves one script ends here."""

    async def ask(self, number: int, kind: Kind, payload: bytes) -> bytes:
        """A request to an instance of whatever process; raises RequestFailed."""
        request = Message(kind=kind, lane=Lane.SCRIPT, source=self.number, target=number, payload=payload, wants_answer=True)
        return (await self.requests.ask(request, ASK_S)).payload

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.background.spawn(work)

    def tell(self, kind: Kind, payload: Payload, target: int = KNL) -> None:
        self.send(Message(kind=kind, lane=Lane.CONTROL, source=self.number, target=target, payload=pack(payload)))

    def reply(self, request: Message, payload: Payload | bytes = b"") -> None:
        data = payload if isinstance(payload, bytes) else pack(payload)
        self.answer(request, Message(kind=Kind.REPLY, lane=request.lane, source=self.number, target=request.source,
                                     corr=request.corr, payload=data))

    def refuse(self, request: Message, error: int, text: str) -> None:
        self.answer(request, failed_answer(request, text, error))

    def answer(self, request: Message, answer: Message) -> None:
        self.send(answer)

    # -- in

    def from_server(self, message: Message) -> None:
        if message.kind in ENDS:
            if message.target == self.number:
                self.requests.settle(message)
            else:
                self.engine.deliver(message)
        elif message.kind == Kind.VALUES:
            self.engine.values(message.payload)
        elif message.kind == Kind.STOP:
            self.stop.set()
        elif self.control(message):
            return
        elif message.target == self.number:
            answer_unknown(message, self)
        else:
            self.deliver(message)

    def deliver(self, message: Message) -> None:
        """For one of the instances."""
        self.engine.deliver(message)

    def control(self, message: Message) -> bool:
        """Messages to the host itself; True when it was one."""
        if message.kind == Kind.SETTLE_GET:
            self.reply(message, self.pending(unpack(SettleGet, message.payload).opened))
        elif message.kind == Kind.PROFILE_GET:
            self.reply(message, ProfileRows(rows=self.recorder.rows(unpack(ProfileGet, message.payload).reset)))
        elif message.kind == Kind.SEE_LIST:
            self.reply(message, Numbers(numbers=[n for n, i in self.engine.instances.items() if i.part == 2]))
        elif message.kind == Kind.ECHO and message.target == self.number:
            self.reply(message, message.payload)
        elif message.kind in OF_INSTANCES:
            self._of_instance(message)
        elif message.kind == Kind.COMMAND:
            answer_soon(message, self.commands_for(message.target), self)
        else:
            return False
        return True

    def _of_instance(self, message: Message) -> None:
        """A question to an instance that its script has no part in."""
        instance = self.engine.instances.get(message.target)
        if instance is None:
            self.refuse(message, Err.ERR_EVENT_CLOSED, f"process number {message.target} has ended")
            return
        try:
            self.reply(message, OF_INSTANCES[message.kind](instance, message.payload))
        except KeyError as unknown:
            self.refuse(message, Err.ERR_NO_DATA, f"{instance.name} has no container {unknown}")
        except (ValueError, MemoryError) as failure:
            self.refuse(message, containers.number_in(failure), f"a container for {instance.name}: {failure}")

    def make_commands(self) -> Commands:
        """The commands of the host itself; a kind of host adds its own."""
        return Commands("SES", lambda: self.stop.set(), status=lambda: {"instances": len(self.engine.instances)},
                        trace=self.trace_switch.switch)

    def commands_for(self, number: int) -> Commands:
        """Of the host, or of one of its virtual processes: STOP ends that one alone."""
        instance = self.engine.instances.get(number)
        if instance is None:
            return self.commands

        def stop() -> None:
            asyncio.get_running_loop().call_soon(self.engine.kill, instance, "ended by command")  # the answer leaves before the news

        return Commands("SEE HIS", stop,
                        status=lambda: {"object": instance.object, "queue": len(instance.queue), "handled": instance.handled})

    def pending(self, number: int) -> Pending:
        """Work of one instance that is not finished."""
        instance = self.engine.instances.get(number)
        if instance is None:
            return Pending(waiting=0, handled=0)
        waiting = len(instance.queue) + (instance.current is not None) + len(instance.sets_open or ())
        return Pending(waiting=waiting, handled=instance.handled)

    # -- units

    async def unit(self, sha256: str) -> Unit:
        """The verified unit of that hash, fetched once; raises RequestFailed or UnitRejected."""
        known = self.engine.unit(sha256)
        if known is not None:
            return known
        request = Message(kind=Kind.UNIT_GET, source=self.number, target=KNL, payload=pack(UnitGet(sha256=sha256)), wants_answer=True)
        answer = await self.requests.ask(request, UNIT_S)
        return self.engine.load(answer.payload)

    # -- counters for ps

    def _report(self) -> Message:
        """With each heartbeat: memory, queue and dropped requests of every instance whose figures changed, and the load."""
        for instance in self._looked_at():
            figures = (instance.script.memory_used, instance.dropped, len(instance.queue)) if not instance.ended else None
            if figures is not None and instance.told != figures:
                instance.told = self._figures.setdefault(figures, figures)
                self.tell(Kind.SEE_STATE, SeeState(number=instance.number, memory_bytes=figures[0], dropped=figures[1], queue=figures[2]))
        self._report_libraries()
        return load_message(self.number, busy_ns())

    def _report_libraries(self) -> None:
        """Processes of foreign libraries whose figures changed; one that was opened by nobody yet is none."""
        if self._libraries is None:
            return
        found = [state for state in self.engine.external.states() if state.pid]
        if found != self._libraries:
            self._libraries = found
            self.tell(Kind.DLLHOSTS, DllHosts(hosts=[told_of(state) for state in found]))

    def _looked_at(self) -> list[Instance]:
        """Instances that the engine had to do with since the last time, and a thousand others in turn: ones that only sleep and wake."""
        if len(self._figures) > MOST_REPORTED:
            self._figures.clear()
        touched, self.engine.touched = self.engine.touched, {}
        some = list(islice(self._in_turn, MOST_REPORTED))
        if len(some) < MOST_REPORTED:
            self._in_turn = iter(list(self.engine.instances.values()))
            some += islice(self._in_turn, MOST_REPORTED - len(some))
        return list({**touched, **{instance.number: instance for instance in some}}.values())


def told_of(state: State) -> DllHost:
    return DllHost(library=state.path, pid=state.pid, running=state.running, calls=state.calls, failed=state.failed,
                   restarts=max(0, state.starts - 1), waiting=state.waiting, ended=state.ended)


def failed_set(message: Message, text: str) -> Message:
    refused = SetAck(up_to=message.corr, failed=message.corr, error=Err.ERR_TRANS_ABORT, text=text)
    return Message(kind=Kind.SET_ACK, lane=message.lane, source=message.target, target=message.source, corr=message.corr,
                   payload=pack(refused))


def failed_answer(request: Message, text: str, error: int = Err.ERR_TRANS_ABORT) -> Message:
    return Message(kind=Kind.FAILED, lane=request.lane, source=request.target, target=request.source, object=request.object,
                   corr=request.corr, payload=pack(Failed(error=error, extended=0, text=text)))
