"""The overview from registry and engine together: kinds, roles, ended processes, queues, one instant."""

import asyncio
import csv
import io
import threading

import pytest

from hisee import shown
from hisee.channel.payloads import Load, pack
from hisee.cli.overview import PS_CSV, csv_text
from hisee.engine.coordinator import PRIMARY, Candidate, EngineError, TaskRequest, TermRow
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams, SystemClock
from hisee.server.engine_view import EngineReader, look
from support.clock import FakeClock
from support.stage import Ses, eventually, stage

COLUMNS = {"name", "type", "version", "address", "port", "host", "pid", "busy_1m", "busy_10m", "busy_60m", "connections",
           "time_difference_ms", "server_time", "role"}


class Crew:
    """Members of a memory engine, and a server to which they log on."""

    def __init__(self, made, engine):
        self.made, self.door, self._numbers = made, MemoryCoordinator(engine), iter(range(1001, 2000))

    async def join(self, kind, ports=()):
        incarnation = next(self._numbers)
        member = self.door.join(Candidate(kind=kind, node="SRV1", host="box", pid=incarnation, birth=1, incarnation=incarnation,
                                          ports=ports))
        return member, await self.made.log_on(kind, member.name, incarnation=incarnation, pid=incarnation, host="box")


def run(body, **options):
    async def played():
        engine = MemoryEngine(SystemClock(), lease_ms=3_600_000)
        async with stage(engine=engine, **options) as made:
            await body(made, Crew(made, engine))

    asyncio.run(played())


@pytest.mark.req("R95", "R125")
def test_every_kind_of_server_process_is_shown_as_what_it_is():
    async def body(made, crew):
        members = [(await crew.join("WP", (2218, 2219, 2220)))[0] for _ in range(3)]
        for kind in ("CP", "JWP"):
            await crew.join(kind)
        agent = await made.log_on("AGENT", "AG1")
        primary = crew.door.take(PRIMARY, members[0])
        crew.door.assign(primary, "role.O", members[1])
        crew.door.assign(primary, "role.R", members[1])
        crew.door.set_mode(members[2], "DWP")
        rows = {row["name"]: row for row in await agent.rows(Kind.PS_GET)}
        assert {name: row["kind"] for name, row in rows.items()} == {
            "SRV1.KNL": "KNL", "WP001": "PWP", "WP002": "WP", "WP003": "DWP", "CP001": "CP", "JWP001": "JWP", "AG1": "AGENT"}
        assert all(row["type"] == row["kind"] for row in rows.values())
        assert (rows["WP001"]["role"], rows["WP002"]["role"], rows["WP001"]["port"]) == (None, "O,R", 2218)
        assert shown.roles(await agent.rows(Kind.TERMS_GET)) == {"primary": "WP001", "O": "WP002", "R": "WP002"}

    run(body)


@pytest.mark.req("R126")
def test_ended_processes_stay_until_their_name_is_used_again():
    async def body(made, crew):
        client = await made.log_on("TEL")
        ends = [await crew.join("WP") for _ in range(3)]
        crew.door.leave(ends[0][0])
        ends[0][1].end()
        crew.door.bury(ends[1][0].incarnation, "process ended")
        crew.door.bury(ends[2][0].incarnation, "lease over")  # its link is still up: frozen
        rows = {row["name"]: row for row in await client.rows(Kind.PS_GET)}
        assert [rows[f"WP00{n}"]["state"] for n in (1, 2, 3)] == ["Stop", "Crash", "WDErr"]
        member, _ = await crew.join("WP")
        rows = {row["name"]: row for row in await client.rows(Kind.PS_GET)}
        assert member.name == "WP001" and (rows["WP001"]["state"], rows["WP001"]["pid"]) == ("Run", member.pid)

    run(body)


@pytest.mark.req("R126")
def test_members_that_the_server_never_saw_are_listed_too():
    async def body(made, crew):
        client = await made.log_on("TEL")
        for incarnation, ended in ((1, ""), (2, "stop"), (3, "process ended")):
            candidate = Candidate(kind="WP", node="SRV1", host="box", pid=40 + incarnation, birth=1, incarnation=incarnation)
            crew.door.join(candidate)
            if ended == "stop":
                crew.door.leave(crew.door.members()[-1])
        crew.door.bury(3, "process ended")
        rows = {row["name"]: row for row in await client.rows(Kind.PS_GET) if row["kind"] == "WP"}
        assert {name: (row["state"], row["host"], row["pid"]) for name, row in rows.items()} == {
            "WP001": ("Run", "box", 41), "WP002": ("Crash", "box", 43)}, "the number of the one that left was used again"
        keys = (await client.row("SRV1.KNL")).keys()
        assert all(row.keys() == keys for row in rows.values())

    run(body)


@pytest.mark.req("R126")
def test_every_column_of_the_overview_is_there_and_parses_as_csv():
    async def body(made, crew):
        client = await made.log_on("TEL")
        _, worker = await crew.join("WP")
        worker.send(Kind.LOAD, pack(Load(busy_ns=5, memory_bytes=7, now_ms=1, connections=3)))
        rows = await client.rows(Kind.PS_GET)
        assert all(row.keys() >= COLUMNS for row in rows)
        (row,) = [row for row in rows if row["name"] == "WP001"]
        assert (row["memory_bytes"], row["connections"], row["time_difference_ms"] < -10**12) == (7, 3, True)
        parsed = list(csv.DictReader(io.StringIO(csv_text(PS_CSV, rows))))
        assert [line["name"] for line in parsed] == [row["name"] for row in rows] and set(parsed[0]) == set(PS_CSV)

    run(body)


@pytest.mark.req("R132")
def test_a_clock_that_is_half_a_minute_off_shows():
    clock = FakeClock()

    async def body(made, crew):
        client, ses = await made.log_on("TEL"), await made.ses("A")
        for _ in range(3):
            ses.send(Kind.LOAD, pack(Load(busy_ns=0, now_ms=clock.now_ms() + 30_000)))
            clock.advance(1000)
            await client.row("A.SES")
        row = await client.row("A.SES")
        assert abs(row["time_difference_ms"] - 30_000) <= 1000
        assert row["server_time"] > (await client.row("SRV1.KNL"))["server_time"]

    run(body, seams=Seams(clock=clock))


@pytest.mark.req("R128")
def test_queue_lengths_are_those_of_the_engine_and_of_each_cp():
    async def body(made, crew):
        client = await made.log_on("TEL")
        _, cp = await crew.join("CP")
        crew.door.put([TaskRequest(func="tasks.X")] * 42)
        crew.door.put([TaskRequest(func="tasks.X", queue="R")])
        cp.send(Kind.LOAD, pack(Load(counters={"waiting": 3, "passed": 17})))
        found = shown.queues(await client.rows(Kind.QUEUES_GET))
        assert list(found) == ["general", "primary", "O", "R", "dialog", "java", "event", "CP001"]
        assert found["general"]["waiting"] == 42 and found["general"]["oldest_ms"] >= 0
        assert found["O"] == {"waiting": 0, "running": 0, "oldest_ms": None}
        assert (found["CP001"]["waiting"], found["CP001"]["passed"]) == (3, 17)

    run(body)


@pytest.mark.req("R89")
def test_an_ses_shows_its_sees_and_a_see_where_it_belongs():
    async def body(made, crew):
        ses: Ses = await made.ses("A")
        hip = await made.log_on("HIP", "WS1")
        for count in (1, 2):
            await made.open(hip)
            await eventually(lambda count=count: hip.kinds().count(Kind.REMOTE_UP) == count, "it runs")
        rows = await hip.rows(Kind.PS_GET)
        assert next(row for row in rows if row["name"] == "A.SES")["see_count"] == 2
        sees = [row for row in rows if row["kind"] == "SEE"]
        assert len(sees) == 2 and all((r["hosted_by"], r["console"], r["object"]) == ("A.SES", "WS1.HIP", "S.Split") for r in sees)
        assert ses.sees

    run(body)


# -- one instant


class Shifting:
    """An engine whose primary changes between any two questions, `changes` times."""

    def __init__(self, changes):
        self.changes, self.epoch = changes, 1

    def terms(self):
        if self.changes:
            self.changes, self.epoch = self.changes - 1, self.epoch + 1
        return {PRIMARY: TermRow(PRIMARY, self.epoch, f"WP{self.epoch:03d}", self.epoch)}

    def members(self):
        return [self.epoch]

    def queues(self):
        return {}


@pytest.mark.req("R125")
def test_terms_and_members_of_one_view_belong_together():
    view = look(Shifting(3))
    assert view.terms[PRIMARY].epoch == view.members[0] == 4


class Broken:
    def __init__(self, gate):
        self.gate, self.closed = gate, False

    def changes(self):
        return 0

    def terms(self):
        self.gate.wait(10)
        raise EngineError("the disk is gone")

    def close(self):
        self.closed = True


def test_an_engine_that_fails_or_hangs_costs_an_answer_and_never_the_server(monkeypatch):
    monkeypatch.setattr("hisee.server.engine_view.ANSWER_S", 0.1)
    gate, opened = threading.Event(), []

    def open_engine():
        opened.append(Broken(gate))
        return opened[-1]

    async def body():
        reader = EngineReader(open_engine)
        assert "does not answer" in (await reader.view()).failed
        gate.set()
        monkeypatch.setattr("hisee.server.engine_view.ANSWER_S", 10)
        assert (await reader.view()).failed == "the disk is gone"
        assert opened[0].closed and len(opened) >= 2, "it is opened again at the next question"
        reader.close()
        with pytest.raises(shown.EngineSilent):
            shown.known([{"failed": "the disk is gone"}])

    asyncio.run(body())
