"""Servers of one group inside the test: real servers and authorities over one engine in memory, joined by memory carriers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from hisee._core.values import encode
from hisee.channel import Channel, LogonRefused, Message, PeerUnreachable, RequestFailed
from hisee.channel.networks import PASSING
from hisee.channel.payloads import EventRun, Hello, Open, ServerState, SetAck, Started, ValueGet, Values, ValueSet, pack, unpack
from hisee.config import limits
from hisee.engine.coordinator import EngineError
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.model.events import EventPlan
from hisee.model.objects import Cell
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams
from hisee.server import authority, followers, grouped, opening
from hisee.server.authority import Authority, Group
from hisee.server.knl import Knl
from hisee.server.standing import MS, Standing, Times
from hisee.values import Ref
from support.stage import Actor, FakeStore, Nowhere, Ses, eventually

CELL = Cell(60, "U.Count", "INT", 0, (), 7)
TIMES = Times(lease=1_000, margin=250, election=1_500)
PRIORITIES = {"SRV1": 3, "SRV2": 2, "SRV3": 0}
WAIT_S = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "RENEW_NS", 100 * MS)
    monkeypatch.setattr(authority, "LOOK_NS", 50 * MS)
    monkeypatch.setattr(authority, "ELECTION_MS", TIMES.election)
    monkeypatch.setattr(grouped, "MOVED_NS", 2_000 * MS)


class PairStore(FakeStore):
    """One object with a value."""

    def __init__(self) -> None:
        super().__init__(["*"])

    def cells(self) -> list[Any]:
        return [CELL]

    def directory(self) -> Any:
        entry = SimpleNamespace(hbj=CELL.hbj, name=CELL.name, value_type="INT", columns=None)
        return SimpleNamespace(object=lambda name: entry if name == CELL.name else None, names=lambda: [CELL.name])

    def process_number(self, name: str) -> int | None:
        return {"SRV1.KNL": 1, "SRV2.KNL": 102, "SRV3.KNL": 103, "REMOTE1.SES": 111, "REMOTE2.SES": 112}.get(name)


class Shared(MemoryCoordinator):
    """The engine as threads of several servers use it: one call at a time, none while `away` says so."""

    guard = threading.Lock()

    def __init__(self, engine: MemoryEngine, away: Callable[[], bool]) -> None:
        super().__init__(engine)
        self._away = away

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ("join", "beat", "overdue", "bury", "members", "terms", "succession", "take_together", "hand_over", "leave"):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if object.__getattribute__(self, "_away")():
                raise EngineError("the engine is away")
            with Shared.guard if name != "bury" else contextlib.nullcontext():
                return found(*arguments, **named)

        return call


class Server:
    """One server and those who log on to it."""

    def __init__(self, plant: Plant, node: str) -> None:
        self.plant, self.node, self.actors, self.away = plant, node, [], False
        seams = Seams()
        self.knl = Knl(PairStore(), seams, node=node, system="TEST", limits=limits(), event_log=Nowhere(),  # type: ignore[arg-type]
                       stop=lambda: None)
        standing = Standing(seams.clock, node, PRIORITIES, witness=True, times=TIMES)

        def make(changed: Callable[[ServerState], None]) -> Authority:
            return Authority(lambda: Shared(plant.engine, lambda: self.away), standing, plant.group, seams.clock, seams.rng,
                             asyncio.get_running_loop().call_soon_threadsafe, changed)

        self.knl.join_group(make, plant.dial)
        self.knl.start(asyncio.get_running_loop())

    @property
    def is_(self) -> Any:
        assert self.knl.grouped is not None
        return self.knl.grouped

    @property
    def sub(self) -> str:
        return str(self.is_.state.sub)

    def count(self) -> Any:
        return self.knl.values.table.get(Ref(CELL.hbj)).value

    async def log_on(self, kind: str, name: str = "", maker: Callable[[Channel], Actor] = Actor, **facts: Any) -> Any:
        actor = maker(await self.knl.connect(Hello(kind=kind, name=name, facts=facts, pid=facts.pop("pid", 0))))
        self.actors.append(actor)
        return actor

    async def ses(self, name: str) -> Ses:
        found: Ses = await self.log_on("SES", name, Ses, serves=["SES_REMOTE"], pid=4_000)
        return found

    def die(self) -> None:
        """As after SIGKILL: nobody renews and nobody says goodbye, but its links are gone."""
        for process in self.knl.core.registry:
            if process.link is not None and not process.virtual:
                process.link.channel.abandon()
        self.is_.authority._engine = None
        self.away = True
        self.is_.standby.close()
        self.plant.servers.pop(self.node, None)

    def close(self) -> None:
        for actor in self.actors:
            actor.end()
        self.knl.close()


class Plant:
    """The group."""

    def __init__(self) -> None:
        self.engine = MemoryEngine(Seams().clock, lease_ms=TIMES.lease)
        self.group = Group("plant", {n: {"priority": p, "hosts": [n], "cp": [3119]} for n, p in PRIORITIES.items()}, "there")
        self.servers: dict[str, Server] = {}
        self.all: list[Server] = []

    def boot(self, node: str) -> Server:
        server = self.servers[node] = Server(self, node)
        self.all.append(server)
        return server

    async def dial(self, host: str, port: int, hello: Hello) -> Channel:
        server = self.servers.get(host)
        if server is None:
            raise PeerUnreachable(f"{host} is down")
        return await server.knl.connect(hello)

    async def pair(self) -> tuple[Server, Server]:
        """SRV1 hot, SRV2 standby."""
        first = self.boot("SRV1")
        await eventually(lambda: first.sub == "hot", "SRV1 is hot", WAIT_S)
        second = self.boot("SRV2")
        await eventually(lambda: second.sub == "standby", "SRV2 stands by", WAIT_S)
        return first, second


def run(body: Callable[[Plant], Awaitable[None]]) -> None:
    @contextlib.asynccontextmanager
    async def plant() -> AsyncIterator[Plant]:
        made = Plant()
        try:
            yield made
        finally:
            for server in made.all:
                server.close()

    async def played() -> None:
        async with plant() as made:
            await body(made)

    asyncio.run(played())


async def put(client: Actor, value: int) -> None:
    await client.ask(Kind.VALUE_SET, pack(ValueSet(name=CELL.name, value=value)), lane=Lane.SCRIPT)


async def read(client: Actor) -> Any:
    return unpack(Values, await client.ask(Kind.VALUE_GET, pack(ValueGet(names=[CELL.name])))).values[0].value


def told(actor: Actor) -> list[str]:
    return [unpack(ServerState, m.payload).sub for m in actor.got if m.kind == Kind.SERVER_STATE]


@pytest.mark.req("R67", "R68", "R69", "R73")
def test_a_standby_follows_and_serves_views_and_hands_writes_on() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        at_hot, at_standby = await first.log_on("TEL"), await second.log_on("TEL")
        await put(at_hot, 41)
        assert second.count() == 41, "it is acknowledged once the standby has it"
        assert await read(at_standby) == 41
        await put(at_standby, 42)
        assert (first.count(), second.count()) == (42, 42)
        row = await at_hot.row("SRV2.KNL")
        assert (row["state"], row["server"]["sub"], row["server"]["hot"]) == ("Run", "standby", "SRV1")
        assert (await at_standby.row("SRV2.KNL"))["server"]["epoch"] == first.is_.state.epoch > 0
        assert at_standby.channel.welcome.facts["server"]["state"] == "SBS"

    run(body)


@pytest.mark.req("R66")
def test_without_a_group_nobody_is_told_anything() -> None:
    async def body() -> None:
        knl = Knl(PairStore(), Seams(), node="SRV1", system="T", limits=limits(), event_log=Nowhere(), stop=lambda: None)  # type: ignore[arg-type]
        knl.start(asyncio.get_running_loop())
        client = Actor(await knl.connect(Hello(kind="TEL")))
        await put(client, 5)
        assert client.channel.welcome is not None and "server" not in client.channel.welcome.facts
        assert (await client.row("SRV1.KNL"))["server"] is None and Kind.SERVER_STATE not in client.kinds()
        assert not [t for t in threading.enumerate() if "authority" in t.name]
        with pytest.raises(LogonRefused):
            await knl.connect(Hello(kind="KNL", name="SRV2"))
        client.end()
        knl.close()

    asyncio.run(body())


@pytest.mark.req("R77")
def test_a_script_and_an_opening_at_the_standby_are_refused_and_told_where() -> None:
    async def body(plant: Plant) -> None:
        _, second = await plant.pair()
        hip = await second.log_on("HIP", "WS1")
        failed = await hip.refused(Kind.OPEN, b"")
        assert failed.extended == Ext.STANDBY and "SRV1" in failed.text
        hip.send(Kind.SET, encode([Ref(CELL.hbj), 9]), lane=Lane.SCRIPT)
        await eventually(lambda: Kind.SET_ACK in hip.kinds(), "the SET is answered")
        ack = unpack(SetAck, next(m.payload for m in hip.got if m.kind == Kind.SET_ACK))
        assert ack.extended == Ext.STANDBY and "SRV1" in ack.text and second.count() == 7

    run(body)


@pytest.mark.req("R24", "R77", "R79")
def test_remote_parts_on_the_script_server_of_the_standby_and_over_its_taking_over() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        there = await second.ses("REMOTE2")
        hip = await first.log_on("HIP", "WS1")
        await eventually(lambda: first.knl.core.registry.named("REMOTE2.SES") is not None, "the hot server knows it", WAIT_S)
        listed = await hip.row("REMOTE2.SES")
        await hip.ask(Kind.OPEN, _open(hip))
        await eventually(lambda: Kind.REMOTE_UP in hip.kinds(), "the remote part runs", WAIT_S)
        assert there.starts() == 1 and (await hip.row("REMOTE2.SES"))["see_count"] == 1
        see = there.sees[0]
        there.send(Kind.SET, encode([Ref(CELL.hbj), 77]), lane=Lane.SCRIPT, source=see)
        await eventually(lambda: Kind.SET_ACK in there.kinds(), "its write came through and so did the acknowledgement", WAIT_S)
        assert first.count() == 77
        there.channel.send(_call(see, hip.number))
        await eventually(lambda: Kind.CALL in hip.kinds(), "its call came through", WAIT_S)
        first.die()
        await eventually(lambda: second.sub == "hot", "SRV2 takes over", WAIT_S)
        await eventually(lambda: Kind.SEE_STOP in there.kinds(), "the orphan is ended at once", WAIT_S)
        client = await second.log_on("TEL")
        now = await client.row("REMOTE2.SES")
        assert (now["pid"], now["started_at"], now["number"]) == (listed["pid"], listed["started_at"], listed["number"])
        assert await read(client) == 77

    run(body)


@pytest.mark.req("R24", "R33")
def test_a_standby_leaves_the_remote_parts_of_the_hot_server_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own comparison knows of none; only the hot server's counts."""
    monkeypatch.setattr(opening, "RECONCILE_S", 0.02)

    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        there = await second.ses("REMOTE2")
        await eventually(lambda: first.knl.core.registry.named("REMOTE2.SES"), "it is known to the hot server", WAIT_S)
        hip = await first.log_on("HIP", "WS1")
        await hip.ask(Kind.OPEN, pack(Open(object="S.Split", console=hip.number)))
        await eventually(lambda: Kind.REMOTE_UP in hip.kinds(), "the remote part runs", WAIT_S)
        there.got.clear()
        await eventually(lambda: there.kinds().count(Kind.SEE_LIST) >= 10, "it is compared again and again", WAIT_S)
        assert Kind.SEE_STOP not in there.kinds()

    run(body)


@pytest.mark.req("R148")
def test_a_remote_part_on_the_standby_gets_its_data_and_an_end_when_the_hot_server_dies() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        there = await second.ses("REMOTE2")
        hip = await first.log_on("HIP", "WS1")
        manager = await first.log_on("DBM", "SRV1")
        manager.answers[Kind.DATA] = lambda message: b"rows" if message.corr == 5 else None
        await eventually(lambda: first.knl.core.registry.named("REMOTE2.SES") is not None, "the hot server knows it", WAIT_S)
        await hip.ask(Kind.OPEN, _open(hip))
        await eventually(lambda: there.sees, "the remote part runs", WAIT_S)
        for corr in (5, 6):
            there.channel.send(Message(kind=Kind.DATA, lane=Lane.DATA_DB, source=there.sees[0], object=70, corr=corr, wants_answer=True))
        await eventually(lambda: [m.payload for m in there.got if m.kind == Kind.REPLY and m.corr == 5] == [b"rows"], "an answer", WAIT_S)
        await eventually(lambda: manager.kinds().count(Kind.DATA) == 2, "the second one is under way", WAIT_S)
        first.die()
        await eventually(lambda: second.sub == "hot", "SRV2 takes over", WAIT_S)
        await eventually(lambda: Kind.SEE_STOP in there.kinds(), "it ends", WAIT_S)

    run(body)


def _open(hip: Actor) -> bytes:
    return pack(Open(object="S.Split", console=hip.number))


def _call(source: int, target: int) -> Message:
    return Message(kind=Kind.CALL, lane=Lane.SCRIPT, source=source, target=target, payload=b"")


@pytest.mark.req("R80")
def test_events_move_to_the_event_handler_of_the_new_hot_server() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        server = EventPlan("E.Server", 90, "server", 1, "aa", 3, "self.evh", [], [], None, False)
        handlers = []
        for each in (first, second):
            each.knl.scripts._stored = lambda: [server]  # type: ignore[method-assign]
            handler = await each.log_on("EVH", each.node)
            handler.answers[Kind.EVENT_RUN] = lambda message: pack(Started(number=unpack(EventRun, message.payload).number))
            handlers.append(handler)
        here, there = handlers
        await eventually(lambda: Kind.EVENT_RUN in here.kinds(), "it runs at the hot server", WAIT_S)
        assert Kind.EVENT_RUN not in there.kinds()
        operator = await first.log_on("TEL")
        assert (await operator.tell("SRV1.KNL", "SWITCH")).result == "ok"
        await eventually(lambda: Kind.EVENT_STOP in here.kinds() and Kind.EVENT_RUN in there.kinds(), "it has moved", WAIT_S)

    run(body)


@pytest.mark.req("R69", "R74")
def test_an_ordered_switch_under_writes_loses_and_refuses_none() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        hip = await first.log_on("HIP", "WS1")
        writer, operator = await first.log_on("TEL"), await first.log_on("TEL")
        done = 0

        async def write(stop: asyncio.Event) -> None:
            nonlocal done
            while not stop.is_set():
                await put(writer, done + 1)
                done += 1

        stop = asyncio.Event()
        writing = asyncio.create_task(write(stop))
        await eventually(lambda: done > 50, "writes go on", WAIT_S)
        result = await operator.tell("SRV1.KNL", "SWITCH")
        assert result.result == "ok", result.text
        before = done
        await eventually(lambda: second.sub == "hot" and first.sub == "standby", "they have changed places", WAIT_S)
        await eventually(lambda: done > before + 50, "the same writer goes on, over the former hot server", WAIT_S)
        stop.set()
        await writing
        assert second.count() == first.count() == done
        await eventually(lambda: hip.channel.ended, "the console is sent away", WAIT_S)
        assert "moved" in hip.channel.ended
        refused = await operator.tell("SRV1.KNL", "SWITCH")
        assert refused.result == "aborted" and "SRV2" in refused.text
        other = await second.log_on("TEL")
        for hot, heir in ((second, first), (first, second), (second, first)):
            assert (await other.tell(f"{hot.node}.KNL", "SWITCH") if hot is second
                    else await operator.tell(f"{hot.node}.KNL", "SWITCH")).result == "ok"
            await eventually(lambda hot=hot, heir=heir: (hot.sub, heir.sub) == ("standby", "hot"), "there and back", WAIT_S)
            rows = {row["name"]: row["number"] for row in await other.rows(Kind.PS_GET)}
            assert rows["SRV2.KNL"] == 1 != rows["SRV1.KNL"], "each server keeps its own entry"

    run(body)


@pytest.mark.req("R76")
def test_who_is_sent_away_by_a_server_that_is_hot_no_more_and_who_is_there_for_views_only() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        main = await first.log_on("HIP", "WS1", warm=True)
        warm = await second.log_on("HIP", "WS1", warm=True)
        stays, host = await first.log_on("HIP", "WS2", stays=True), await first.log_on("HISHOST", "WS2", stays=True)
        operator, there = await first.log_on("TEL"), await second.log_on("TEL")
        assert [(await client.row("WS1.HIP"))["warm"] for client in (operator, there)] == [False, True]
        assert (await operator.row("WS2.HIP"))["warm"] is None
        assert (await operator.tell("SRV1.KNL", "SWITCH")).result == "ok"
        await eventually(lambda: second.sub == "hot" and first.sub == "standby", "they have changed places", WAIT_S)
        await eventually(lambda: main.channel.ended, "a client of the group is sent away", WAIT_S)
        assert "moved" in main.channel.ended and not stays.channel.ended and not host.channel.ended
        assert not warm.channel.ended and "hot" in told(warm), "its second session is told, and nobody ended it"
        assert (await there.row("WS1.HIP"))["warm"] is False

    run(body)


def test_a_door_that_leads_to_another_server_refuses() -> None:
    async def body(plant: Plant) -> None:
        first, _ = await plant.pair()
        with pytest.raises(LogonRefused, match="leads to SRV1, not to SRV2") as refused:
            await first.log_on("HIP", "WS1", wanted="SRV2")
        assert refused.value.refusal in PASSING, "the client tries the next door"
        await first.log_on("HIP", "WS1", wanted="SRV1")

    run(body)


@pytest.mark.req("R70")
def test_priority_0_follows_and_takes_over_only_by_order() -> None:
    async def body(plant: Plant) -> None:
        first = plant.boot("SRV1")
        await eventually(lambda: first.sub == "hot", "SRV1 is hot", WAIT_S)
        third = plant.boot("SRV3")
        await eventually(lambda: third.sub == "standby", "SRV3 stands by", WAIT_S)
        client = await first.log_on("TEL")
        unnamed = await client.tell("SRV1.KNL", "SWITCH")
        assert unnamed.result == "aborted" and first.sub == "hot"
        assert (await client.tell("SRV1.KNL", "SWITCH SRV3")).result == "ok"
        await eventually(lambda: third.sub == "hot", "by order it does", WAIT_S)

    run(body)


@pytest.mark.req("R147")
def test_a_server_that_cannot_renew_acknowledges_nothing_and_then_sends_its_consoles_away() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        client, hip = await first.log_on("TEL"), await first.log_on("HIP", "WS1")
        first.away = True
        await eventually(lambda: "cut off" in told(client), "it says so", WAIT_S)
        held = asyncio.create_task(put(client, 99))
        await eventually(lambda: second.sub == "hot", "the other one takes over", WAIT_S)
        assert not held.done() and not first.is_.authority.acknowledges()
        await eventually(lambda: hip.channel.ended, "the console is sent away", WAIT_S)
        first.away = False
        await eventually(lambda: first.sub == "standby", "back as a standby", WAIT_S)
        with contextlib.suppress(Exception):
            await held
        assert second.count() in (7, 99)
        await put(client, 100)
        assert (first.count(), second.count()) == (100, 100)

    run(body)


@pytest.mark.req("R69", "R147")
def test_what_a_server_cannot_settle_before_it_steps_down_is_answered_as_not_known() -> None:
    """Carried out before the cut, and neither confirmed by the standby server nor certain to be kept: nobody waits for it for ever."""
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        client = await first.log_on("TEL")
        second.is_.standby._session.channel.hold(True)
        open_write = asyncio.create_task(put(client, 61))
        await eventually(lambda: first.count() == 61, "it is carried out", WAIT_S)
        first.away = True
        with pytest.raises(RequestFailed, match="not known"):
            await asyncio.wait_for(open_write, WAIT_S)

    run(body)


@pytest.mark.req("R147")
def test_a_short_absence_of_the_engine_costs_no_session() -> None:
    async def body(plant: Plant) -> None:
        first = plant.boot("SRV1")
        await eventually(lambda: first.sub == "hot", "SRV1 is hot", WAIT_S)
        client, hip = await first.log_on("TEL"), await first.log_on("HIP", "WS1")
        first.away = True
        await eventually(lambda: "cut off" in told(client), "it acknowledges nothing", WAIT_S)
        held = asyncio.create_task(put(client, 8))
        first.away = False
        await asyncio.wait_for(held, WAIT_S)
        assert first.count() == 8 and not hip.channel.ended and first.sub == "hot"

    run(body)


@pytest.mark.req("R69", "R147")
def test_a_server_that_is_cut_off_from_everybody_acknowledges_nothing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease outlasts the patience with the standby server, and yet what only it has may be lost within the lease."""
    monkeypatch.setattr(followers, "CONFIRM_S", 0.3)

    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        client = await first.log_on("TEL")
        second.is_.standby._session.channel.hold(True)
        first.away = True
        held = asyncio.create_task(put(client, 60))
        await eventually(lambda: first.is_.followers.names == {"SRV2": False}, "it is not waited for", WAIT_S)
        assert not held.done()
        first.away = False
        await asyncio.wait_for(held, WAIT_S)

    run(body)


@pytest.mark.req("R69")
def test_a_standby_that_takes_nothing_is_waited_for_no_longer_than_its_timer() -> None:
    async def body(plant: Plant) -> None:
        first, second = await plant.pair()
        client = await first.log_on("TEL")
        session = second.is_.standby._session
        session.channel.hold(True)
        await asyncio.wait_for(put(client, 50), WAIT_S)
        assert second.count() == 7 and first.is_.followers.names == {"SRV2": False}
        await put(client, 51)
        session.channel.hold(False)
        await eventually(lambda: second.count() == 51 and first.is_.followers.names == {"SRV2": True}, "it has caught up", WAIT_S)

    run(body)
