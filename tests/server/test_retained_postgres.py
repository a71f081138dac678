"""Retained values on PostgreSQL: nothing of an epoch that is over gets in; what is said of a value is what became of it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from engine.lab import join
from engine.test_postgres import PostgresLab
from hisee._core.cells import CellTable
from hisee.engine.coordinator import Coordinator, Grant
from hisee.engine.postgres.database import Database
from hisee.seams import Seams
from hisee.server.retained import Fence, Retained, ValuesBroken
from hisee.server.value_stores import open_values
from hisee.server.values_postgres import PostgresValues
from hisee.values import Ref
from support import postgres
from support.cutter import Cutter
from support.system import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]

TERM = "hs.plant"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    with postgres.postgres_server() as started:
        yield started


class Plant:
    """An engine database in which two servers want to be hot; `grant` is the one in force."""

    def __init__(self, server: postgres.PostgresServer) -> None:
        self.lab = PostgresLab(server)
        self.url = self.lab.url
        self.engine: Coordinator = self.lab.open()
        self.grant = self.taken()
        self._opened: list[Retained] = []
        open_values(Path(), self.url, Seams()).close()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DELETE FROM store_value")

    def taken(self) -> Grant:
        """The term by somebody who just joined."""
        grant = self.engine.take(TERM, join(self.lab, self.engine, "CP"))
        assert grant is not None
        return grant

    def raised(self) -> Grant:
        """Another server becomes hot."""
        self.engine.drop(self.grant)
        self.grant = self.taken()
        return self.grant

    def server(self, fence: Callable[[], Fence | None] | None = None, url: str = "") -> Server:
        return Server(self, fence or (lambda: (TERM, self.grant.epoch)), url or self.url)

    def stored(self) -> dict[int, int]:
        """Object -> its value in the database."""
        made, store = table(), PostgresValues(self.url, Seams())
        for row in store.read(0).rows:
            made.apply(row[4])
        store.close()
        return {hbj: made.get(Ref(hbj)).value for hbj in range(100, 110) if made.get(Ref(hbj)).last is not None}

    def waits(self, query: str) -> bool:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(WAITING, [f"%{query}%"]).fetchone()
        return bool(row and row[0])

    def close(self) -> None:
        self.lab.close()


class Server:
    """A server's retained values."""

    def __init__(self, plant: Plant, fence: Callable[[], Fence | None], url: str) -> None:
        self.table, self.said = table(), list[str]()
        self.store = PostgresValues(url, Seams())
        self.retained = Retained(self.store, lambda call: call(), fence)

    def set(self, hbj: int, value: int) -> None:
        self.table.set(Ref(hbj), value, value)
        self.retained.keep(Ref(hbj), self.table.last_change, self.table.changes([Ref(hbj)]), self.said.append)

    def told(self, count: int) -> list[str]:
        until(lambda: len(self.said) >= count, f"{count} answers", 60)
        return self.said


def table() -> CellTable:
    made = CellTable()
    for hbj in range(100, 110):
        made.define(hbj, "INT")
    return made


@pytest.fixture
def plant(server: postgres.PostgresServer) -> Iterator[Plant]:
    made = Plant(server)
    yield made
    made.close()


@pytest.fixture
def hot(plant: Plant) -> Iterator[Server]:
    """Its fence is the epoch in which it became hot."""
    epoch = plant.grant.epoch
    made = plant.server(lambda: (TERM, epoch))
    yield made
    made.retained.close()


@pytest.mark.req("R69")
def test_nothing_of_an_older_epoch_gets_in(plant: Plant, hot: Server) -> None:
    hot.set(100, 1)
    assert hot.told(1) == [""] and plant.stored() == {100: 1}
    old, new = plant.grant.epoch, plant.raised().epoch
    hot.set(100, 2)
    hot.set(101, 2)
    assert hot.told(3)[1:] == [f"this server is not the hot one any more (epoch {old} < {new})"] * 2 and plant.stored() == {100: 1}
    other = plant.server()
    other.set(101, 3)
    assert other.told(1) == [""] and plant.stored() == {100: 1, 101: 3}
    other.retained.close()


def test_a_term_that_nobody_holds_lets_nothing_in(plant: Plant, hot: Server) -> None:
    """Given up, or its holder buried: the next one may be taking it at this moment."""
    plant.engine.drop(plant.grant)
    hot.set(100, 1)
    assert f"epoch {plant.grant.epoch} is over" in hot.told(1)[0]
    assert plant.stored() == {}


def test_a_system_without_a_group_has_no_fence(plant: Plant) -> None:
    alone = Server(plant, lambda: None, plant.url)
    alone.set(100, 1)
    assert alone.told(1) == [""] and plant.stored() == {100: 1}
    alone.retained.close()


def test_who_raises_the_epoch_waits_for_a_batch_in_flight(plant: Plant, hot: Server) -> None:
    """The batch has read its term and waits for a row; the next hot server gets the term after the batch is committed, not before."""
    hot.set(100, 1)
    hot.told(1)
    raised: list[int] = []
    with psycopg.connect(plant.url) as blocker:
        blocker.execute("UPDATE store_value SET change = change")  # uncommitted: whoever writes the cell has to wait
        hot.set(100, 2)
        until(lambda: plant.waits("INSERT INTO store_value"), "the batch waits", 60)
        raiser = threading.Thread(target=lambda: raised.append(plant.raised().epoch))
        raiser.start()
        until(lambda: plant.waits("UPDATE engine_term"), "the raiser waits", 60)
        assert not raised and len(hot.said) == 1
        blocker.rollback()
    raiser.join(60)
    assert hot.told(2) == ["", ""] and raised and plant.stored() == {100: 2}
    hot.set(100, 3)
    assert "not the hot one" in hot.told(3)[2] and plant.stored() == {100: 2}


def test_a_batch_that_comes_second_to_the_raiser_is_refused(plant: Plant, hot: Server) -> None:
    """The epoch is being raised: the batch waits for the outcome and then finds it."""
    with psycopg.connect(plant.url) as raiser:
        raiser.execute("UPDATE engine_term SET epoch = epoch + 1 WHERE term = %s", [TERM])
        hot.set(100, 1)
        until(lambda: plant.waits("FOR SHARE"), "the batch waits", 60)
        raiser.commit()
    assert "not the hot one" in hot.told(1)[0] and plant.stored() == {}


def test_values_accepted_in_one_epoch_are_not_written_in_the_next(plant: Plant) -> None:
    """Hot, not hot, hot again: what still waits from the first time is refused, what was accepted since is written."""
    epoch = plant.grant.epoch
    server = plant.server(lambda: (TERM, epoch))
    with psycopg.connect(plant.url) as raiser:
        raiser.execute("UPDATE engine_term SET epoch = epoch + 1 WHERE term = %s", [TERM])
        server.set(100, 1)
        until(lambda: plant.waits("FOR SHARE"), "a batch waits", 60)
        server.set(101, 1)
        epoch += 1
        server.set(102, 2)
        raiser.commit()
    server.told(3)
    assert ["not the hot one" in text for text in server.said] == [True, True, False] and plant.stored() == {102: 2}
    server.retained.close()


def test_what_is_said_is_what_became_of_it(plant: Plant, server: postgres.PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is cut at every message, and before it is back another server is hot and has written the same cell: a batch that was
    committed is acknowledged all the same, one that was not is refused."""
    cutter = Cutter(server.port)
    near = plant.server(url=cutter.url(plant.url))
    committed: list[bool] = []
    found_back = Database._await_end

    def overtaken(self: Database, connection: psycopg.Connection[tuple[object, ...]], lost: tuple[int, str]) -> None:
        found_back(self, connection, lost)
        committed.append(plant.stored().get(100) == value)
        plant.raised()
        with psycopg.connect(plant.url, autocommit=True) as other:
            other.execute("DELETE FROM store_value")

    monkeypatch.setattr(Database, "_await_end", overtaken)
    outcomes = set()
    for after, message in itertools.product((False, True), range(6)):
        value = 10 + message + 100 * after
        cutter.cut(message, after=after)
        near.said.clear()
        committed.clear()
        near.set(100, value)
        [said] = near.told(1)
        cutter.heal()
        if cutter.cuts:
            assert committed == [said == ""], f"message {message}: said {said!r}"
            outcomes.add(said == "")
        else:
            assert said == ""
    near.retained.close()
    cutter.close()
    assert outcomes == {True, False}


@pytest.mark.req("R69", "R143")
def test_acknowledged_values_survive_kills_of_the_server(plant: Plant, hot: Server, server: postgres.PostgresServer) -> None:
    stop, last = threading.Event(), {"sent": 0}
    acknowledged: dict[int, int] = {}

    def write() -> None:
        for number in itertools.count(1):
            if stop.is_set():
                return
            hbj = 100 + number % 10
            hot.table.set(Ref(hbj), number, number)
            hot.retained.keep(Ref(hbj), number, hot.table.changes([Ref(hbj)]), lambda reason, h=hbj, n=number: note(reason, h, n))
            last["sent"] = number
            until(lambda n=number: n - len(hot.said) < 50, "answers come", 120, 0.001)

    def note(reason: str, hbj: int, number: int) -> None:
        hot.said.append(reason)
        if not reason:
            acknowledged[hbj] = max(number, acknowledged.get(hbj, 0))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            least = len(hot.said) + 200
            until(lambda least=least: len(hot.said) >= least, "values are written", 120)
            assert last["sent"] > len(hot.said) - 50, "the kill meets open ones"
            server.kill()
            server.start()
    finally:
        stop.set()
        writer.join(60)
    hot.told(last["sent"])
    assert set(hot.said) == {""} and plant.stored() == acknowledged


def test_a_later_look_finds_what_came_after_it(plant: Plant, hot: Server) -> None:
    """A standby server follows by the number of its last look."""
    assert hot.retained.read() == (0, [])
    for n, hbj in enumerate((100, 101, 102)):
        hot.set(hbj, n)
        hot.told(n + 1)
    first = hot.retained.read()
    assert [row[0] for row in first.rows] == [100, 101, 102] and hot.retained.read(first.number) == (first.number, [])
    hot.set(101, 9)
    hot.told(4)
    second = hot.retained.read(first.number)
    assert [row[0] for row in second.rows] == [101] and second.number > first.number


def test_a_server_that_stays_away_is_said(plant: Plant, hot: Server, server: postgres.PostgresServer) -> None:
    hot.store._db._reconnect_s = 0.2
    server.stop()
    try:
        hot.set(100, 1)
        assert "does not answer" in hot.told(1)[0]
        with pytest.raises(ValuesBroken):
            hot.retained.read()
    finally:
        server.start()
    hot.set(100, 2)
    assert hot.told(2)[1] == "" and plant.stored() == {100: 2}
