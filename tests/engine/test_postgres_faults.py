"""PostgreSQL under load: the server is killed, sessions are ended, members are killed; afterwards the ledger is exact."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.lab import claim_one, end, join, put, request
from engine.test_postgres import PostgresLab, server  # noqa: F401  (a fixture)
from hisee.engine import open_doorbell, open_engine
from hisee.engine.coordinator import PRIMARY, Add, Coordinator, Doorbell, EngineError, Member, Outcome
from hisee.engine.postgres import PostgresCoordinator
from hisee.engine.postgres.database import connect
from hisee.engine.postgres.dialling import Dialling
from support import postgres
from support.postgres import free_port
from support.system import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-"),
              pytest.mark.usefixtures("server")]

CHILD = Path(__file__).with_name("ledger_child.py")
PYTHON = Path(__file__).parents[2] / "python"
MEMBERS, ROUNDS, BLOWS = 3, 40, 7
END_SESSIONS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'hisee' AND query LIKE %s"


@pytest.fixture
def lab(server: postgres.PostgresServer) -> Iterator[PostgresLab]:  # noqa: F811
    lab = PostgresLab(server)
    yield lab
    lab.close()


class Load:
    """Members at work, each with its ledger."""

    def __init__(self, url: str, folder: Path, rounds: int = ROUNDS) -> None:
        self.ledgers = [folder / f"ledger{n}" for n in range(MEMBERS)]
        environment = os.environ | {"PYTHONPATH": str(PYTHON)}
        self.children = [subprocess.Popen([sys.executable, str(CHILD), url, str(path), str(rounds)], env=environment)
                         for path in self.ledgers]

    def words(self, word: str) -> list[int]:
        lines = [line.split() for path in self.ledgers if path.exists() for line in path.read_text().splitlines()]
        return [int(line[-1]) if len(line) > 1 else 1 for line in lines if line and line[0] == word]

    def await_ends(self) -> list[int]:
        return [child.wait(240) for child in self.children]

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()


def blows(load: Load, server: postgres.PostgresServer, url: str) -> int:  # noqa: F811
    """While work is going on: SIGKILL of the server, sessions ended, SIGKILL of a member. How many."""
    done = 0
    until(lambda: len(load.words("member")) == MEMBERS, "all take part", 120)
    load.ledgers[0].with_name("start").touch()
    for least in range(20, 20 + BLOWS * 40, 40):
        until(lambda least=least: len(load.words("ok")) >= least or load.words("done"), "work goes on", 120)
        if done in (1, 5):
            server.kill()
            server.start()
        elif done == 3:
            load.children[0].kill()
        else:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(END_SESSIONS, ["%engine_task%"])
        done += 1
    return done


def drain(engine: Coordinator, lab: PostgresLab, load: Load) -> None:
    """Somebody else takes over what the killed one had."""
    member = join(lab, engine)
    for incarnation in load.words("member"):
        engine.bury(incarnation, "process ended")
    while claims := engine.claim(member, ["general"], 100):
        engine.finish([(c, Outcome(effects=[Add(f"n {c.args['n']}"), Add("sum")])) for c in claims])


@pytest.mark.req("R110", "R143")
def test_the_ledger_is_exact_after_kills_of_the_server(lab: PostgresLab, server: postgres.PostgresServer, tmp_path: Path) -> None:  # noqa: F811
    load = Load(lab.url, tmp_path)
    try:
        assert blows(load, server, lab.url) == BLOWS
        codes = load.await_ends()
    finally:
        load.close()
    assert codes == [-9, 0, 0] and len(load.words("lost")) >= BLOWS, "too few blows hit"
    engine = lab.open()
    drain(engine, lab, load)
    tasks = Counter(row.args["n"] for row in engine.tasks(state="ended ok", limit=100_000))
    assert max(tasks.values()) == 1 and set(load.words("ok")) <= set(tasks) <= set(load.words("try"))
    facts = engine.facts("n ")
    assert facts == {f"n {n}": 1 for n in tasks} and engine.fact("sum") == len(tasks) == len(engine.tasks(limit=100_000))
    assert {row.payload["n"] for row in engine.outbox(100_000)} <= set(tasks)


def test_a_server_that_is_away_is_waited_for(lab: PostgresLab, server: postgres.PostgresServer) -> None:  # noqa: F811
    engine = lab.open()
    member = join(lab, engine)
    lab.lapse()
    server.stop()
    back = threading.Timer(0.3, server.start)
    back.start()
    task = put(engine)
    back.join()
    assert claim_one(engine, member).id == task
    # Whoever has just found back gives the others their time: nobody is overdue before a lease has passed since.
    assert engine.overdue() == []


def test_a_server_that_stays_away_is_an_error_that_says_so(server: postgres.PostgresServer, lab: PostgresLab) -> None:  # noqa: F811
    engine = lab.keep(PostgresCoordinator(lab.url, reconnect_s=0.2))
    server.stop()
    try:
        with pytest.raises(EngineError, match="does not answer"):
            put(engine)
        with pytest.raises(EngineError, match="cannot be opened"):
            PostgresCoordinator(lab.url)
    finally:
        server.start()
    assert engine.tasks() == [] and put(engine)


@pytest.mark.req("R147")
def test_a_server_that_stands_still_is_left(lab: PostgresLab, server: postgres.PostgresServer) -> None:  # noqa: F811
    """Its kernel confirms every byte, so nothing but patience tells. Its frozen session must end before the outcome is known."""
    engine = lab.keep(PostgresCoordinator(lab.url, patience_s=0.2))
    member = join(lab, engine)
    frozen = engine._db._session[0]
    os.kill(frozen, signal.SIGSTOP)
    thaw = threading.Timer(1.0, lambda: os.kill(frozen, signal.SIGCONT))
    thaw.start()
    task = put(engine)
    thaw.join()
    assert engine._db._session[0] != frozen and [row.id for row in engine.tasks()] == [task]
    assert claim_one(engine, member).id == task


@pytest.mark.req("R147")
def test_a_host_that_is_silent_is_asked_once_and_not_waited_for(lab: PostgresLab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        still = silent.getsockname()[1]
        Dialling(hosts(lab, still, conninfo_to_dict(lab.url)["port"]), connect).dial().close()
        nobody = Dialling(hosts(lab, still, free_port()), connect)
        for _ in range(3):
            with pytest.raises(psycopg.OperationalError, match="refused"):
                nobody.dial()
        silent.settimeout(0)
        callers = [silent.accept()[0] for _ in range(2)]
        with pytest.raises(BlockingIOError):
            silent.accept()
        for caller in callers:
            caller.close()


def test_a_pair_that_somebody_found_at_its_other_host_is_left_where_it_was() -> None:
    alive = ["north"]

    def reach(address: str) -> socket.socket:
        if conninfo_to_dict(address)["host"] not in alive:
            raise psycopg.OperationalError("refused")
        return socket.socket()

    before, after = (Dialling("host=north,south port=1,2", reach) for _ in range(2))
    before.dial().close()
    assert not before.elsewhere and after.elsewhere, "the second one has not looked yet"
    alive[:] = ["south"]
    after.dial().close()
    assert before.elsewhere and not after.elsewhere
    before.dial().close()
    assert not before.elsewhere


def hosts(lab: PostgresLab, *ports: int | str) -> str:
    return make_conninfo(lab.url, host=",".join("127.0.0.1" for _ in ports), port=",".join(map(str, ports)), connect_timeout="30")


def test_a_member_frozen_in_a_transaction_loses_its_locks(lab: PostgresLab) -> None:
    engine = lab.open()
    member = join(lab, engine)
    task = put(engine)
    frozen = lab.keep(PostgresCoordinator(lab.url, lease_ms=200))
    assert isinstance(frozen, PostgresCoordinator)
    frozen._db.call(lambda connection: connection.execute("BEGIN"))
    frozen._db.call(lambda connection: connection.execute("SELECT 1 FROM engine_member FOR UPDATE"))
    assert engine.bury(member.incarnation, "lease over") == (0, ()) and engine.task(task)


def test_joins_at_the_same_moment_get_different_numbers(lab: PostgresLab) -> None:
    engines = [lab.open() for _ in range(6)]
    candidates = [lab.candidate(ports=tuple(range(4000, 4010))) for _ in engines]
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda e=e, c=c: numbers.append(e.join(c).number)) for e, c in zip(engines, candidates, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_one_key_at_a_time_from_many_sides(lab: PostgresLab) -> None:
    """Several members put and claim tasks of few keys; of each key only one is ever in somebody's hands, in the order of numbers."""
    engines = [lab.open() for _ in range(4)]
    members = [join(lab, engine) for engine in engines]
    started: list[tuple[str, int]] = []
    running: Counter[str] = Counter()
    wrong: list[str] = []

    def work(engine: Coordinator, member: Member, seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(40):
            if rng.random() < 0.5:
                engine.put([request(order_key=f"k{rng.randrange(3)}") for _ in range(2)])
            for claim in engine.claim(member, ["general"], 3):
                started.append((claim.order_key, claim.id))
                running[claim.order_key] += 1
                wrong.extend([claim.order_key] if running[claim.order_key] > 1 else [])
                running[claim.order_key] -= 1
                assert end(engine, claim)

    threads = [threading.Thread(target=work, args=(e, m, n)) for n, (e, m) in enumerate(zip(engines, members, strict=True))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while claims := engines[0].claim(members[0], ["general"], 9):
        started += [(c.order_key, c.id) for c in claims]
        engines[0].finish([(c, Outcome()) for c in claims])
    assert not wrong and len(started) == len(engines[0].tasks(limit=100_000)) > 20
    for key in {k for k, _ in started}:
        order = [task for k, task in started if k == key]
        assert order == sorted(order)


def test_a_long_line_of_one_key_is_not_looked_through(lab: PostgresLab) -> None:
    """Only the first of the line stands in the index of what may be claimed, whatever becomes of those before it."""
    engine = lab.open()
    first, second = join(lab, engine), join(lab, engine)
    tasks = engine.put([request(order_key="k", max_attempts=1) for _ in range(500)])

    def front() -> list[int]:
        with psycopg.connect(lab.url) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM engine_task WHERE state = 5 AND NOT behind")]

    assert front() == tasks[:1]
    assert claim_one(engine, first).id == tasks[0] and engine.bury(first.incarnation, "process ended").tasks == 1
    assert front() == tasks[1:2] and engine.cancel(tasks[1]) and front() == tasks[2:3]
    assert end(engine, claim_one(engine, second)) and front() == tasks[3:4]
    assert engine.retry(tasks[0]) and claim_one(engine, second).id == tasks[0]


def test_the_bell_rings_over_connections_and_restarts(lab: PostgresLab, server: postgres.PostgresServer, tmp_path: Path) -> None:  # noqa: F811
    near, far = open_doorbell(lab.url, tmp_path), open_doorbell(lab.url, tmp_path)
    try:
        assert not readable(near)
        far.ring(["general"])
        until(lambda: readable(near), "the bell rings", 30)
        near.clear()
        assert not readable(near)
        server.stop()
        server.start()
        until(lambda: restored(near, far), "the bell rings again", 30)
    finally:
        near.close()
        far.close()


def restored(near: Doorbell, far: Doorbell) -> bool:
    near.clear()
    far.clear()
    far.ring(["general"])
    return readable(near)


def readable(bell: Doorbell) -> bool:
    poll = select.poll()
    poll.register(bell.fileno(), select.POLLIN)
    return bool(poll.poll(200))


def test_the_way_in(lab: PostgresLab, tmp_path: Path) -> None:
    engine = lab.keep(open_engine(lab.url, tmp_path))
    member = join(lab, engine)
    assert engine.take(PRIMARY, member) is not None
    with pytest.raises(EngineError, match="cannot be opened"):
        open_engine("postgresql://nobody@127.0.0.1:1/none", tmp_path)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_postgres_cannot_keep_is_refused(lab: PostgresLab, value: str) -> None:
    engine = lab.open()
    with pytest.raises(EngineError, match="refuses a value"):
        put(engine, order_key=value)
    assert put(engine) and len(engine.tasks()) == 1
