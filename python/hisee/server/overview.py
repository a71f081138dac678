"""The overview: every process, role, queue and route of the system in one instant, for `hisee ps`, `roles`, `queues`, `routes`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from hisee.channel import Message
from hisee.channel.group import WARM
from hisee.channel.payloads import DllHost, PsGet, Table, unpack
from hisee.channel.spoken import shown
from hisee.engine.coordinator import PRIMARY, ROLES, Member
from hisee.schema.lanes import BY_NUMBER as LANE_OF
from hisee.schema.lanes import ROWS as LANES
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.queues import ROWS as QUEUES
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.busy import WINDOWS
from hisee.server.carriers import Carriers
from hisee.server.core import Core
from hisee.server.direct import Direct, Granted, Pair
from hisee.server.dllhosts import Libraries, figures
from hisee.server.engine_view import ROLE_LETTERS, EngineReader, EngineView
from hisee.server.listing import Listing, Pieces
from hisee.server.loads import Loads
from hisee.server.registry import KNL_NUMBER, Process, State
from hisee.server.routes import Routes, row
from hisee.server.sessions import Sessions
from hisee.shown import iso

STALL_MS = TIMERS["stall"].ms
ENGINE_KINDS = ("WP", "JWP", "CP")  # members of the engine
EMPTY_QUEUE = {"waiting": 0, "running": 0, "oldest_ms": None}
ChannelOf = Callable[[Process], "dict[str, Any] | None"]


class Overview:
    """Answers the four questions from the registry and one view of the engine."""

    def __init__(self, core: Core, engine: EngineReader, loads: Loads, routes: Routes, direct: Direct, channel_of: ChannelOf,
                 sessions: Sessions, find: Callable[[str], Process | None]) -> None:
        self._core, self._engine, self._loads, self._routes, self._channel_of = core, engine, loads, routes, channel_of
        self._sessions, self.direct = sessions, direct
        self._listing, self._libraries = Listing(core, channel_of), Libraries(core)
        self.carriers = Carriers(core, find, link_state)
        self._tasks: set[asyncio.Task[None]] = set()
        self.account: Callable[[], None] = lambda: None  # counts what has passed beside the server's loop
        self.server_state: Callable[[], dict[str, Any] | None] = lambda: None  # where this server stands in its group
        core.handlers[Kind.PS_GET] = self._list_asked
        core.handlers[Kind.ROUTES_GET] = lambda source, message: self._spawn(self._list_routes(message))
        for kind, rows in ((Kind.TERMS_GET, self._terms), (Kind.QUEUES_GET, self._queues)):
            core.handlers[kind] = self._answer_with(rows)

    def _answer_with(self, rows: Callable[[EngineView], list[dict[str, Any]]]) -> Callable[[Process, Message], None]:
        """The engine is read first; what follows runs without a pause, so that one answer shows one instant."""

        def handler(source: Process, message: Message) -> None:
            self._spawn(self._answered(message, rows))

        return handler

    async def _answered(self, message: Message, rows: Callable[[EngineView], list[dict[str, Any]]]) -> None:
        view = await self._engine.view()
        self.account()
        self._core.reply(message, Table(rows=rows(view)))

    def _list_asked(self, source: Process, message: Message) -> None:
        self._spawn(self._list(message, unpack(PsGet, message.payload) if message.payload else PsGet()))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- processes

    async def _list(self, message: Message, wanted: PsGet) -> None:
        view = await self._engine.view()
        self.account()
        rows = await self._listing.answer(lambda process: self.process_row(process, view), lambda known: self._others(view, known),
                                          virtual=wanted.virtual, brief=wanted.brief)
        self._core.reply(message, rows)

    def _others(self, view: EngineView, known: set[str]) -> list[dict[str, Any]]:
        """What is no process of the registry: members of the engine, foreign libraries."""
        return [self._member_row(m, view) for m in latest(view) if m.name not in known and m.kind != "KNL"] + [
            self._library_row(*found, view) for found in self._libraries.rows()]

    def _library_row(self, process: Process, host: DllHost, view: EngineView) -> dict[str, Any]:
        """The line of a foreign library's process: it speaks to its owner only."""
        return {**self.process_row(process, view), **figures(host), "number": None, "started_at": None, "protocol": None}

    def process_row(self, process: Process, view: EngineView) -> dict[str, Any]:
        """One line of `ps`."""
        found = {**self._own_facts(process), **self._load_facts(process), **self._link_facts(process)}
        member = view.member(process.name) if process.kind in ENGINE_KINDS else None
        if member is not None:
            found.update(self._as_member(process, member, view))
        found["type"] = found["kind"]
        return found

    def _own_facts(self, process: Process) -> dict[str, Any]:
        facts = process.facts
        return {
            "name": process.name, "number": process.number, "kind": process.kind, "state": process.state.value,
            "host": facts.get("host") or process.node or None, "node": process.node or None, "pid": process.pid or None, "role": None,
            "started_at": iso(process.started_ms), "version": process.version or None,
            "protocol": None if process.virtual else shown(process.speaks.highest), "see_count": self._see_count(process),
            "hosted_by": self._hosted_by(process), "object": process.object or None, "console": self._name(process.console),
            "channel": self._channel_of(process), "dropped": facts.get("dropped"), "queue": facts.get("queue"),
            "drain": facts.get("drain"), "port": port_of(process),
            "programs": facts.get("programs"), "server": self.server_state() if process.number == KNL_NUMBER else facts.get("server"),
            "warm": self._warm(process), **figures(None),
        }

    def _warm(self, process: Process) -> bool | None:
        """Is it here for views only, with its main session at the hot server? None = no client of a group."""
        if WARM not in process.facts:
            return None
        return bool(process.facts[WARM]) and (self.server_state() or {}).get("state") != "HS"

    def _load_facts(self, process: Process) -> dict[str, Any]:
        clock = self._core.seams.clock
        reports = self._loads.of(process)
        if reports is None:
            shares: dict[str, float | None] = dict.fromkeys(WINDOWS)
            return {**shares, "memory_bytes": process.facts.get("memory_bytes"), "connections": self._connections(process),
                    "time_difference_ms": None, "server_time": None, "counters": None}
        told, behind = reports.load, reports.time_difference_ms
        return {**reports.busy.shares(clock.monotonic_ns()), "memory_bytes": told.memory_bytes,
                "connections": self._connections(process) if told.connections is None else told.connections,
                "time_difference_ms": behind, "server_time": None if behind is None else iso(clock.now_ms() + behind),
                "counters": dict(told.counters) or None}

    def _link_facts(self, process: Process) -> dict[str, Any]:
        link = process.link
        own = link is not None and not process.virtual
        whole = own and link is not None and not link.connection  # the link carries nothing but this process
        return {
            "carrier": link.carrier if link and own else None, "link": link_state(process),
            "networks": self._sessions.networks_of(link) if own else None,
            "address": process.address or process.facts.get("address"),
            "sent": link.channel.sent if link and whole else process.sent if link else None,
            "received": link.channel.received if link and whole else process.received if link else None,
        }

    def _hosted_by(self, process: Process) -> str | None:
        host = self._core.registry.get(process.host)
        return None if host is None else self._name(process.console) if host.kind == "HISHOST" else host.name

    def _name(self, number: int) -> str | None:
        process = self._core.registry.get(number)
        return process.name if process else None

    def _connections(self, process: Process) -> int | None:
        if process.number == KNL_NUMBER:
            return len({id(p.link.channel) for p in self._core.registry.real() if p.link})
        if process.kind == "CP" and process.link:
            return len([p for p in self._core.registry.real() if p.link and p.link.connection and p.link.channel is process.link.channel])
        return None

    def _see_count(self, process: Process) -> int | None:
        return self._core.registry.hosted(process.number) if process.kind in ("SES", "EVH") else None

    # -- members of the engine

    def _as_member(self, process: Process, member: Member, view: EngineView) -> dict[str, Any]:
        """What the engine knows better: kind, role, port; and the state of one that lost its membership."""
        kind, role = view.kind(member), view.role(member)
        if process.incarnation and member.incarnation != process.incarnation and member.ended_ms:
            return {"port": member.port or None}  # of an earlier life of this name
        found: dict[str, Any] = {"kind": kind, "role": role, "port": member.port or port_of(process)}
        if member.incarnation != process.incarnation and not process.running:
            return {**member_facts(member), **found}
        if process.running and member.ended_ms:
            found["state"] = member_state(member)
        return found

    def _member_row(self, member: Member, view: EngineView) -> dict[str, Any]:
        """A member that this server has no logon of: it ended before the server began, or is about to log on."""
        stand_in = Process(number=0, name=member.name, kind=member.kind, started_ms=member.joined_ms, state=State.STOP)
        found = {**self._own_facts(stand_in), **self._load_facts(stand_in), **self._link_facts(stand_in), **member_facts(member)}
        return {**found, "number": None, "kind": view.kind(member), "type": view.kind(member), "role": view.role(member)}

    # -- roles and queues

    def _terms(self, view: EngineView) -> list[dict[str, Any]]:
        terms = [PRIMARY, *ROLES, *sorted(set(view.terms) - {PRIMARY, *ROLES})]
        return [{"role": "primary" if term == PRIMARY else ROLE_LETTERS.get(term, term), "holder": view.holder(term),
                 "node": view.node(term), "epoch": view.terms[term].epoch if term in view.terms else 0, "failed": view.failed}
                for term in terms]

    def _queues(self, view: EngineView) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for queue in QUEUES:
            found = view.queues.get(queue.name)
            rows.append({"queue": queue.name, **(found._asdict() if found else EMPTY_QUEUE), "failed": view.failed})
        return rows + [self._cp_queue(cp) for cp in sorted(self._core.registry.of_kind("CP"), key=lambda p: p.name)]

    def _cp_queue(self, cp: Process) -> dict[str, Any]:
        """Messages that wait in a communication process for its clients, as it told last (R119)."""
        reports = self._loads.of(cp)
        told = reports.load.counters if reports else {}
        return {"queue": cp.name, "waiting": told.get("waiting", 0), "running": told.get("running", 0),
                "oldest_ms": told.get("oldest_ms"), "passed": told.get("passed", cp.link.channel.sent if cp.link else 0), "failed": ""}

    # -- routes

    async def _list_routes(self, message: Message) -> None:
        """Channels of pictures may be very many: a piece at a time, packed at once."""
        self.account()
        registry, pieces, packed, encode = self._core.registry, Pieces(), {}, msgspec.msgpack.Encoder().encode
        sees = {see.opened: see.name for see in registry.of_kind("SEE")}
        for his in registry.of_kind("HIS"):
            if channel := self._channel_of(his):
                packed[his.number] = encode(self._channel_row(his, channel, sees.get(his.opened)))
            await pieces.pause()
        rows: list[Any] = self._route_rows()
        rows += [msgspec.Raw(row) for number, row in packed.items() if registry.get(number) is not None]
        self._core.reply(message, Table(rows=rows + self._network_rows() + list(self.carriers.rows())))

    def _route_rows(self) -> list[dict[str, Any]]:
        registry = self._core.registry
        rows = []
        for lane in LANES:
            for server in registry.of_kind(*serving(lane.served_by)):
                rows.append(row("service", source=None, target=server.name, lane=lane.name, state="open", sent=server.sent,
                                received=server.received))
        for source, target, lane_name, passed in self._routes.rows():
            rows.append(row("route", source=self._name(source), target=self._name(target), lane=lane_name, state="open",
                            sent=passed.forth, received=passed.back, since_ms=passed.since_ms, mode="relay", size=passed.bytes))
        return rows + [self._direct_row(*found) for found in self.direct.rows()]

    def _direct_row(self, pair: Pair, granted: Granted, forth: tuple[int, int], back: tuple[int, int]) -> dict[str, Any]:
        """Counted by the two processes, read here."""
        return row("route", source=self._name(pair[0]), target=self._name(pair[1]), lane=LANE_OF[pair[2]].name, state="open", sent=forth[0],
                   received=back[0], since_ms=granted.since_ms, number=granted.route, mode="direct", size=forth[1] + back[1])

    def _network_rows(self) -> list[dict[str, Any]]:
        """The networks of every client with a session: which one carries it, which ones could (R82)."""
        return [row("network", source=self._name(held.link.number), target=door, lane=name, state=state, sent=0, received=0)
                for held, name, state, door in self._sessions.rows()]

    @staticmethod
    def _channel_row(his: Process, channel: dict[str, Any], see: str | None) -> dict[str, Any]:
        """The virtual channel of a HIS and its SEE (R134)."""
        return row("channel", source=his.name, target=see, lane="script", state=channel["state"], sent=channel["sent"],
                   received=channel["received"], rtt_ms=channel["rtt_ms"], number=channel["id"])


def serving(served_by: str) -> tuple[str, ...]:
    """Kinds whose processes answer for a whole lane; lanes between parts of scripts address processes, not a category."""
    return {"DBM": ("DBM",), "ARC": (), "DWP": ("WP",), "WP": ("WP",), "JWP": ("JWP",)}.get(served_by, ())


def latest(view: EngineView) -> list[Member]:
    """One member for each name."""
    return [m for name in {m.name for m in view.members} if (m := view.member(name)) is not None]


def member_state(member: Member) -> str:
    if not member.ended_ms:
        return State.RUN.value
    if member.ended == "stop":
        return State.STOP.value
    return State.WDERR.value if member.ended.startswith("lease") else State.CRASH.value


def member_facts(member: Member) -> dict[str, Any]:
    return {"state": member_state(member), "host": member.host or None,
            "node": member.node or None, "pid": member.pid or None, "port": member.port or None, "started_at": iso(member.joined_ms)}


def link_state(process: Process) -> str | None:
    """up, stalled (silent for longer than timer `stall`), resuming (no connection carries its session), None without a link (R88)."""
    if process.number == KNL_NUMBER or process.link is None or process.virtual:
        return None
    if process.link.resuming:
        return "resuming"
    return "stalled" if process.link.channel.silent_ms >= STALL_MS else "up"


def port_of(process: Process) -> int | None:
    """The TCP port that a process listens on or keeps, from what it said at its logon."""
    if "port" in process.facts:
        return int(process.facts["port"]) or None
    text = str(process.facts.get("address") or "").partition("/?")[0].rpartition(":")[2]
    return int(text) if text.isdigit() else None
