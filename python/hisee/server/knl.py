"""KNL: the parts of the server put together, logons and losses of links. Takes its store, data directory and seams from outside."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

import hisee
from hisee.channel import Channel, Listener, LogonRefused, Message, memory_pair
from hisee.channel.networks import SESSION
from hisee.channel.payloads import Hello, LinkClosed, LinkOpen, Payload, PeerLost, Refused, ServerState, Welcome, pack, unpack
from hisee.channel.session import BY_CONNECTION
from hisee.channel.spoken import agreed, offer, refusal, span_of, unspoken
from hisee.channel.way import WANTED
from hisee.engine.coordinator import Coordinator
from hisee.model.store import Store
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.server.access import CODE, Access
from hisee.server.admin import Admin
from hisee.server.audit import Auditor
from hisee.server.authority import Authority
from hisee.server.calls import Calls
from hisee.server.core import Core
from hisee.server.direct import Direct
from hisee.server.doors import Doors
from hisee.server.durable import DurableStarts
from hisee.server.engine_view import EngineReader
from hisee.server.eventlog import EventSink
from hisee.server.events import Events
from hisee.server.forwarding import Forwarding
from hisee.server.grouped import Grouped
from hisee.server.loads import Loads
from hisee.server.locks import PublicLocks
from hisee.server.logs import Logs
from hisee.server.names import NameRefused, full_name, may_log_on
from hisee.server.opening import Opening
from hisee.server.orders import Orders
from hisee.server.overview import Overview
from hisee.server.pairs import Pairs
from hisee.server.registry import KNL_NUMBER, Link, NameInUse, Process, State
from hisee.server.retained import Retained
from hisee.server.rights import Rights
from hisee.server.router import Router
from hisee.server.sessions import Held, Sessions, session_named, wants_session
from hisee.server.standby import Dial
from hisee.server.values import Values
from hisee.values import Ref

log = logging.getLogger("hisee.server")
ASKED_BY_OTHERS = {"TEL", "HISHOST"}  # a command ends by itself, a HIS host with its console
STOP_NS = TIMERS["stop"].ms * 1_000_000 // 2
SUPERVISED_NS = 2 * TIMERS["stop_work"].ms * 1_000_000  # work processes complete what they run
STOP_POLL_S = 0.02
FOLLOW_S = TIMERS["engine_poll"].ms / 1000


class Knl:
    """The server of one computer."""

    def __init__(self, store: Store, seams: Seams, *, node: str, system: str, limits: dict[str, int],
                 event_log: EventSink, stop: Callable[[], None], listener: Listener | None = None,
                 engine: Callable[[], Coordinator] | None = None, logs: Path | None = None) -> None:
        """`engine` opens the engine database in the thread that reads it; None = a system without durable work."""
        self._store, self._seams, self._node, self._system, self._limits = store, seams, node, system, limits
        self.core = Core(seams, Rights(store.system().rights))
        self.core.name_of = self._name_of
        pairs = Pairs(self.core)
        self.engine = EngineReader(engine)
        self.audit = Auditor(engine)
        self.access = Access()  # ranges of addresses that may log on over TCP
        self.router = Router(self.core, lambda number: store.databases().get(number), pairs.carried, mode_of=self._mode_of)
        self.forwarding = Forwarding(self.core, self.router, limits)
        self.plane = False  # messages between scripts pass beside this process's Python; set it before `start`
        self.values = Values(self.core)
        self.events = event_log
        self.opening = Opening(self.core, self.values, pairs, store.opened, limits)
        self.scripts = Events(self.core, self.values, self.router, self.opening, limits, node, plans=store.events,
                              handlers=store.event_handlers)
        self.calls = Calls(self.core, self.router, self.scripts, self.opening)
        self.durable = DurableStarts(self.core, self.router, self.scripts)
        self.locks = PublicLocks(self.core)
        self.admin = Admin(self.core, store, self.values, self.events, stop)
        self.sessions = Sessions(seams, limits["backlog_bytes"], self.router.receive_from, self._session_over)
        self.direct = self.router.direct = Direct(self.core, self.router.routes, self._data_of, limits)
        self.orders = Orders(self.core, stop, self.opening.ses_logged_on)
        self.overview = Overview(self.core, self.engine, Loads(self.core), self.router.routes, self.direct, self.opening.channel_of,
                                 self.sessions, self.orders.find)
        self.overview.account = self.router.account
        self.orders.own.add("CARRIER", self.overview.carriers.switch)
        self.orders.own.add("SHOW_ACCESS_LIST", self.locks.show)
        self.orders.own.add("RELAY", self.direct.switch)
        self.logs = Logs(self.core, logs)
        self.doors = Doors(self.core)
        self._listener = listener
        self._enter_self()
        self._define_values()
        self.core.ended.append(self._tell_dbms)
        self.core.ended.append(self.sessions.process_ended)
        self.core.handlers[Kind.LINK_OPEN] = self._link_open
        self.core.handlers[Kind.LINK_CLOSED] = self._link_closed
        self.grouped: Grouped | None = None
        self.values.objects = lambda: [cell.hbj for cell in store.cells()]
        self.admin.saved = self._saved
        self.core.handlers[Kind.MEMBERS_CHANGED] = lambda source, message: self.engine.refresh()

    def _mode_of(self, process: Process) -> str:
        """WP or DWP, as the engine said last; a work process that it has not told of yet, as it said at its logon."""
        member = self.engine.latest.member(process.name)
        return member.mode if member is not None and not member.ended_ms else str(process.facts.get("mode", "WP"))

    def _name_of(self, number: int) -> str:
        return next((row["name"] for row in self._store.objects() if row["hbj"] == number), str(number))

    def _data_of(self, dbm: Process) -> list[int]:
        """Numbers of the databases that it serves and of their tables."""
        served = dbm.facts.get("databases", ())
        return [number for number, database in self._store.databases().items() if database in served]

    def _enter_self(self) -> None:
        self.core.registry.add(Process(number=KNL_NUMBER, name=f"{self._node}.KNL", kind="KNL", node=self._node, pid=os.getpid(),
                                       version=hisee.__version__, facts={"host": socket.gethostname()}))

    def _define_values(self) -> list[int]:
        """One cell for every object that has a value and had none, with its initial one; their numbers. All get their present limits."""
        now, new = self._seams.clock.now_ms(), []
        for cell in self._store.cells():
            if self.values.table.has(cell.hbj):
                cell.limit(self.values.table)
            else:
                cell.define(self.values.table, now)
                new.append(cell)
        return [cell.hbj for cell in new]

    # -- one of a group of servers

    def join_group(self, make: Callable[[Callable[[ServerState], None]], Authority], dial: Dial) -> None:
        """From now on this server acts by where it stands in its group; call it before `start`. `make(changed)` makes the authority."""
        def changed(state: ServerState) -> None:
            assert self.grouped is not None
            self.grouped.changed(state)

        self.grouped = Grouped(self.core, self.values, self.opening, self.orders, self.router, make(changed), dial=dial,
                               hello=self._hello, end=self._send_away, configured=self._look_into_the_store)
        self.scripts.active = False
        self.grouped.became_hot, self.grouped.stepped_down = self.scripts.begin, self._stepped_down
        self.overview.server_state = lambda: msgspec.structs.asdict(self.grouped.state) if self.grouped is not None else None

    def _stepped_down(self) -> None:
        self.direct.revoke_all("another server is the hot one")
        self.scripts.end()

    def fence(self) -> tuple[str, int] | None:
        """The term and the epoch in which this server writes, for transactions that check them; None = no group."""
        return self.grouped.authority.fence if self.grouped is not None else None

    def _hello(self) -> Hello:
        from hisee.model.versions import own_schemas  # a server without a group has no PostgreSQL

        return Hello(kind="KNL", name=self._node, node=self._node, pid=os.getpid(), version=hisee.__version__,
                     facts={"host": socket.gethostname(), "schemas": own_schemas()})

    async def _look_into_the_store(self) -> None:
        """Another server may have saved objects. Values of new ones come from the hot server, or are defined by it."""
        await asyncio.to_thread(self._store.refresh)
        self.values.keep_too({cell.hbj for cell in self._store.cells() if cell.retain})
        if self.grouped is not None and self.grouped.authority.standing.epoch:
            self._define_values()
        self.scripts.configured()

    def _saved(self) -> None:
        for hbj in self._define_values():
            self.values.noted(Ref(hbj))
        self.scripts.configured()
        self.direct.revoke_all("objects were saved")
        if self.grouped is not None:
            self.grouped.tell_configuration()

    def _send_away(self, processes: Iterable[Process], reason: str) -> None:
        """End the links of these processes, and with them everybody behind them."""
        gone = list(processes)
        for link in {p.link.place: p.link for p in gone if p.link is not None}.values():
            if link.standby:
                continue  # its way is that of the other server
            if isinstance(link.session, Held):
                self.sessions.dismiss(link.session, reason)
            elif link.connection:
                self.core.close_carried(link, reason)
            else:
                link.channel.close(reason)
        self._end_all(gone, f"goodbye: {reason}")

    def retain(self, retained: Retained) -> None:
        """Values of objects with `retain` live in `retained` from now on; call it before `start`."""
        self.values.retain(retained, {cell.hbj for cell in self._store.cells() if cell.retain})

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.plane and self.grouped is None:  # in a group the standing of the server has a say in each message
            self.forwarding.start(loop)
        if self._listener is not None:
            self._listener.start(loop, self._admit, self._on_channel, self._never_came)
        if self.grouped is not None:
            self.grouped.start()
        self._reconciling = loop.create_task(self.opening.reconcile_forever())
        self._following = loop.create_task(self._follow_engine())
        self._acknowledging = loop.create_task(self.sessions.acknowledge_forever())

    async def _follow_engine(self) -> None:
        """Modes of work processes stay fresh though a word about a change was lost."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            if self.core.registry.of_kind("WP"):
                self.engine.follow()

    async def stop(self) -> None:
        """Ask every process to end, consoles first, and wait until it did: an ordered end is no loss of the server.

        A supervisor knows the order (R129): it ends what it started, leaves, and ends this process last.
        """
        if self.grouped is not None:
            await self.grouped.leave()
        await self._ask_to_end(lambda kind: kind == "RRS", SUPERVISED_NS)
        await self._ask_to_end(lambda kind: kind == "HIP")
        await self._ask_to_end(lambda kind: kind not in ASKED_BY_OTHERS)

    async def _ask_to_end(self, chosen: Callable[[str], bool], patience_ns: int = STOP_NS) -> None:
        asked = [p for p in self.core.registry if p.link is not None and not p.virtual and chosen(p.kind) and not elsewhere(p)]
        for process in asked:
            self.core.tell(process.number, Kind.STOP, Payload())
        deadline = self._seams.clock.monotonic_ns() + patience_ns
        while any(p.running for p in asked) and self._seams.clock.monotonic_ns() < deadline:
            await asyncio.sleep(STOP_POLL_S)

    def close(self) -> None:
        if self.grouped is not None:
            self.grouped.close()
        self._reconciling.cancel()
        self._following.cancel()
        self._acknowledging.cancel()
        self.sessions.close("the server ends")
        self.engine.close()
        self.audit.close()
        self.admin.close()
        if self._listener is not None:
            self._listener.close()
        for process in self.core.registry:
            if process.link is not None and not process.virtual:
                process.link.channel.close("the server ends")
        self.forwarding.close()
        self.events.close()

    # -- logon

    async def connect(self, hello: Hello) -> Channel:
        """Log on inside this process, over memory: the way of `hisee run` and of the simulator. Raises LogonRefused."""
        mine, theirs = memory_pair(limits=self._limits)
        offer(hello)
        answer = await self._admit(hello, None)
        if isinstance(answer, Refused):
            raise LogonRefused(answer.code, answer.text)
        mine.hello, mine.welcome, theirs.welcome = hello, answer, answer
        self._on_channel(mine)
        return theirs

    def host_script(self, host: int, name: str, objects: list[int]) -> Process:
        """Enter a script that an engine host inside this process runs by itself, and let it follow these objects."""
        owner = self.core.registry.get(host)
        assert owner is not None
        script = self.core.registry.add(Process(
            number=self.core.registry.free_number(), name=self.core.registry.free_name(self._node, "SEE"), kind="SEE", node=self._node,
            host=host, object=name))
        self.core.route(script, owner.link)
        self.values.subscribe(host, objects)
        return script

    async def _admit(self, hello: Hello, peer: Any) -> Welcome | Refused:
        """Name and number for a process that proved the secret; a name that runs is refused (R9). `peer` of a process behind another
        server of the group holds the number that it has there."""
        if mismatch := refusal(hello):
            return Refused(code="PROTOCOL", text=mismatch)
        if hello.facts.get(WANTED) not in (None, self._node):
            return Refused(code="SERVER", text=f"this door leads to {self._node}, not to {hello.facts[WANTED]}")
        if hello.kind == "KNL" and self.grouped is not None:
            refused = self.grouped.admission(hello)
            if refused is not None:
                return refused
        elif not may_log_on(hello.kind):
            return Refused(code="KIND", text=f"a process of kind {hello.kind!r} cannot log on")
        try:
            process = self._enter(hello, peer)
        except NameInUse as error:
            return Refused(code="NAME_IN_USE", text=f"a process named {error} runs already; stop it first or use another name")
        except NameRefused as error:
            return Refused(code=error.code, text=str(error))
        answer = self._welcome(process)
        answer.protocol = agreed(hello)
        return answer

    def _enter(self, hello: Hello, peer: Any) -> Process:
        registry = self.core.registry
        name = full_name(hello, self._node, registry)
        self.sessions.replace(registry.named(name), hello)
        number = getattr(peer, "number", 0) or self._store.process_number(name) or registry.free_number()
        if number == KNL_NUMBER or (registry.get(number) is not None and registry.named(name) is None):
            number = registry.free_number()  # that of the server itself is no other server's, whatever the store says
        return registry.add(Process(
            number=number, name=name, kind=hello.kind, node=hello.node or self._node, pid=hello.pid,
            address=getattr(peer, "address", ""), started_ms=getattr(peer, "started_ms", 0), version=hello.version, speaks=span_of(hello),
            incarnation=hello.incarnation, facts={**hello.facts, "host": hello.facts.get("host", "")}))

    def _welcome(self, process: Process) -> Welcome:
        if process.kind == "DBM":  # the router finds the DBM of a table by these
            served = self._store.dbm_facts(process.name)["databases"]  # its tables it reads itself: a WELCOME is one small frame
            process.facts["databases"] = set(served) | set(process.facts.get("databases", ()))
        system = self._store.system()
        facts: dict[str, Any] = {"time_zone": system.time_zone}
        if process.kind in ("SES", "HISHOST", "EVH"):
            facts["scripts"] = system.scripts
        if self.grouped is not None:
            facts["server"] = msgspec.structs.asdict(self.grouped.state)
        return Welcome(name=process.name, number=process.number, system=self._system, limits=self._limits, facts=facts)

    def _on_channel(self, channel: Channel) -> None:
        welcome = channel.welcome
        assert welcome is not None
        process = self.core.registry.get(welcome.number)
        if process is None:
            channel.close("the name was taken meanwhile")
            return
        self.forwarding.join(channel, process)
        channel.attach(asyncio.get_running_loop(), lambda message: self._receive(channel, message),
                       lambda reason: self._lost(channel, reason))
        self._linked(process, Link(channel, process.number, facts=process.facts, unspoken=unknown_to(process)))

    def _never_came(self, welcome: Welcome, reason: str) -> None:
        """Admitted, and gone or frozen before it had a link that could tell: its name is free again."""
        process = self.core.registry.get(welcome.number)
        if process is not None and process.link is None and process.running:
            log.warning("%s is gone: %s", process.name, reason)
            self.opening.process_gone(process, state_of(reason))

    def _receive(self, channel: Channel, message: Message) -> None:
        """A standby server hands on what is the hot one's business."""
        grouped = self.grouped
        if message.kind in BY_CONNECTION:
            self.sessions.receive(channel, message)
        elif grouped is None or grouped.authority.standing.epoch or not grouped.standby.takes(channel, message):
            self.router.receive(channel, message)

    def _linked(self, process: Process, link: Link) -> None:
        self.core.route(process, link)
        log.info("%s logged on, pid %d, carrier %s", process.name, process.pid, link.carrier)
        self.scripts.process_changed(process)
        if process.kind == "SES":
            self._script_server_logged_on(process)
        elif process.kind == "EVH":
            self.scripts.handler_up(process)
        elif process.kind == "WP":
            self.engine.refresh()
        elif process.kind == "CP":
            self.doors.changed()

    def _script_server_logged_on(self, ses: Process) -> None:
        """In a group it may run remote parts of another server's time: they end now."""
        self.opening.ses_logged_on()
        if self.grouped is not None:
            self.grouped.script_server(ses)

    # -- clients of communication processes

    def _link_open(self, source: Process, message: Any) -> None:
        """A client proved the secret at a CP: same admission, its messages come over the CP's channel."""
        request = unpack(LinkOpen, message.payload)
        asyncio.get_running_loop().create_task(self._admit_carried(source, message, request))

    async def _admit_carried(self, source: Process, message: Any, request: LinkOpen) -> None:
        hello = unpack(Hello, request.hello)
        if (denied := self._denied(source, hello, request.address)) is not None:
            self._answer_carried(message, denied)
            return
        if session_named(hello):
            self._answer_carried(message, self._join_session(source, hello, request))
            return
        answer = self.doors.elsewhere(source, hello) or await self._admit(hello, request)
        admitted: tuple[Process, Link] | None = None
        if isinstance(answer, Welcome) and source.link is not None:
            process = self.core.registry.get(answer.number)
            assert process is not None
            link = self._carried_link(source, process, request.connection)
            if wants_session(hello):
                answer.facts[SESSION] = self.sessions.open(link, hello, source.name, request.address)
            admitted = process, link
        self._answer_carried(message, answer)
        if admitted is not None:
            self._linked(*admitted)

    def _denied(self, source: Process, hello: Hello, address: str) -> Refused | None:
        """By the access ranges, for whoever comes over TCP; those whom another server announces are its own clients (R84)."""
        why = self.access.refusal(address, hello.kind) if source.kind == "CP" else ""
        if not why:
            return None
        log.warning("logon of %s refused at %s: %s", hello.name or hello.kind, source.name, why)
        host = address.rpartition(":")[0] or address
        self.audit.note_seldom(f"{hello.kind} {hello.name} at {host}".replace("  ", " "), "logon refused",
                               {"address": address, "kind": hello.kind, "name": hello.name, "door": source.name, "why": why},
                               self._seams.clock.monotonic_ns())
        return Refused(code=CODE, text=why)

    @staticmethod
    def _carried_link(source: Process, process: Process, connection: int) -> Link:
        """Over the communication process that asks, or over the one that carries the standby server that asks."""
        assert source.link is not None
        if source.kind == "KNL":
            return Link(source.link.channel, process.number, source.link.connection, source.number, connection, facts=process.facts,
                        unspoken=unknown_to(process))
        return Link(source.link.channel, process.number, connection, facts=process.facts, unspoken=unknown_to(process))

    def _answer_carried(self, message: Any, answer: Welcome | Refused) -> None:
        if isinstance(answer, Welcome):
            answer.facts["cps"] = self.doors.rows()
        self.core.reply(message, pack(answer) if isinstance(answer, Welcome) else b"\x00" + pack(answer))

    def _join_session(self, source: Process, hello: Hello, request: LinkOpen) -> Welcome | Refused:
        """A client that is here already comes by another connection."""
        assert source.link is not None
        held = self.sessions.join(hello, (source.link.channel, request.connection), source.name, request.address)
        if isinstance(held, Refused):
            return held
        process = self.core.registry.get(held.link.number)
        assert process is not None
        answer = self._welcome(process)
        answer.protocol = agreed(hello)
        answer.facts[SESSION] = held.number
        return answer

    def _session_over(self, link: Link, reason: str) -> None:
        self._end_all([p for p in self.core.registry if p.link is link], reason)

    def _link_closed(self, source: Process, message: Any) -> None:
        closed = unpack(LinkClosed, message.payload)
        link = source.link
        assert link is not None
        if source.kind == "KNL":
            gone = [p for p in self.core.registry if p.link and p.link.standby == source.number and p.link.inner == closed.connection]
        elif self.sessions.line_gone((link.channel, closed.connection), closed.reason):
            return
        else:
            gone = [p for p in self.core.registry
                    if p.link and p.link.channel is link.channel and p.link.connection == closed.connection and p.link.session is None]
        self._end_all(gone, closed.reason)

    # -- losses

    def _lost(self, channel: Channel, reason: str) -> None:
        self.sessions.channel_gone(channel)
        self._end_all([p for p in self.core.registry if p.link is not None and p.link.channel is channel and p.link.session is None],
                      reason)

    def _end_all(self, processes: list[Process], reason: str) -> None:
        """A link is gone: every process behind it ends, hosts first so that their virtual ones follow one rule."""
        state = state_of(reason)
        for process in sorted(processes, key=lambda p: p.virtual):
            if process.link is None:
                continue
            log.log(logging.INFO if state is State.STOP else logging.WARNING, "%s is gone: %s", process.name, reason)
            self.opening.process_gone(process, state)

    def _tell_dbms(self, gone: Process) -> None:
        """Handles end with their process: a remote part that was closed in order as well as one whose host died."""
        for dbm in self.core.registry.of_kind("DBM"):
            self.core.tell(dbm.number, Kind.PEER_LOST, PeerLost(number=gone.number, name=gone.name, reason=gone.state.value))


def unknown_to(process: Process) -> Mapping[int, str]:
    """Kinds of messages that a later release than the process's brought."""
    return unspoken(process.speaks.highest)


def elsewhere(process: Process) -> bool:
    """Another server of the group, or a process behind it: its end is not this server's to order."""
    return process.kind == "KNL" or (process.link is not None and process.link.standby != 0)


def state_of(reason: str) -> State:
    """Ordered end, silence, or death (R6)."""
    if reason.startswith("goodbye"):
        return State.STOP
    return State.WDERR if reason.startswith("silent") else State.CRASH
