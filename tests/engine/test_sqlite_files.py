"""The files of the engine on SQLite: which statements look at which index, and what becomes of leases over a restart of the computer."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.lab import EVERY, Lab, claim_one, end, join, lead, request
from engine.test_sqlite import SqliteLab
from hisee.engine.coordinator import Add, EngineError, Send
from hisee.engine.sqlite import SqliteCoordinator
from hisee.engine.sqlite.beats import BYTES, Beats


@pytest.fixture
def lab(data_dir: Path) -> Iterator[SqliteLab]:
    lab = SqliteLab(data_dir)
    yield lab
    lab.close()


def plans(engine: SqliteCoordinator, call: Callable[[], object]) -> list[str]:
    """Every way through the task table that SQLite takes in a call."""
    db = engine.store._connection()
    said: list[str] = []
    db.set_trace_callback(said.append)
    call()
    db.set_trace_callback(None)
    steps = [row[3] for sql in dict.fromkeys(said) if sql.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")
             for row in db.execute(f"EXPLAIN QUERY PLAN {sql}")]
    return [step for step in steps if "engine_task" in step or step.endswith(" t")]


@pytest.mark.parametrize("what", ["put", "claim", "finish", "bury", "release", "cancel", "queues", "running", "failed"])
def test_no_call_looks_at_every_task(lab: SqliteLab, what: str) -> None:
    """A million waiting or ended tasks must not be walked through: each look goes by a key or by a partial index."""
    engine = lab.open()
    member, other = join(lab, engine), join(lab, engine)
    grant = lead(engine, other)
    one, two = engine.put([request(), request(order_key="k", key="x")])
    engine.put([request(after=[one]), request(resources=["r"]), request(due_ms=lab.now_ms() + 10)])
    claim = claim_one(engine, member)
    lab.advance(100)
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: engine.put([request(order_key="k", key="y", after=[two])]),
        "claim": lambda: engine.claim(member, EVERY, 5),
        "finish": lambda: end(engine, claim, "ok", Add("n"), Send("t")),
        "bury": lambda: engine.bury(member.incarnation, "process ended"),
        "release": lambda: engine.release(grant),
        "cancel": lambda: engine.cancel(two),
        "queues": engine.queues,
        "running": lambda: engine.tasks(state="active"),
        "failed": lambda: engine.tasks(state="dead letter"),
    }
    found = plans(engine, calls[what])
    assert found and not [step for step in found if step.startswith("SCAN") and "USING" not in step], found


def test_beats_of_another_run_of_the_kernel_mean_nothing(lab: SqliteLab) -> None:
    engine = lab.open()
    member = join(lab, engine)
    path = lab.data / "engine.beats"
    assert path.stat().st_size == BYTES and engine.overdue() == []
    with open(path, "r+b") as file:
        file.seek(8)
        file.write(struct.pack("<QQ", 1, 2))
    assert lab.open().overdue() == [(member, "lease over")]


def test_epochs_after_a_restart_of_the_computer_are_beyond_all_given_before(lab: SqliteLab) -> None:
    """A take-over commits without a sync: a power cut may take its epoch back, but never gives it out again."""
    engine = lab.open()
    member = join(lab, engine)
    before = lead(engine, member)
    engine.leave(member)
    with engine.store.write() as db:
        db.execute("UPDATE engine_meta SET value = 'another run of the kernel' WHERE key = 'boot'")
    member = join(lab, engine)
    again = lead(engine, member)
    assert again.epoch > before.epoch + 500
    engine.drop(again)
    assert lead(engine, join(lab, engine)).epoch == again.epoch + 1


def test_a_slot_is_taken_again(tmp_path: Path) -> None:
    beats = Beats(tmp_path / "beats")
    beats.occupy(3, 77, 1, 1)
    assert beats.slot_of(77) == 3 and beats.beat(3, 77) and not beats.beat(3, 78) and beats.age_ns(3, 78) is None
    beats.vacate(3, 78)
    assert beats.slot_of(77) == 3
    beats.vacate(3, 77)
    assert beats.slot_of(77) == 0 and not beats.beat(3, 77) and beats.occupied() == {}
    beats.close()


def test_tables_of_a_newer_release(lab: Lab, data_dir: Path) -> None:
    engine = lab.open()
    with engine.store.write() as db:  # type: ignore[attr-defined]
        db.execute("UPDATE engine_meta SET value = '99'")
    with pytest.raises(EngineError, match="newer"):
        lab.open()


def test_a_damaged_file_is_named(data_dir: Path) -> None:
    (data_dir / "engine.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(EngineError, match="damaged.*backup"):
        SqliteLab(data_dir).open()


def test_an_address_that_is_none(tmp_path: Path) -> None:
    from hisee.engine import open_doorbell, open_engine

    with pytest.raises(EngineError, match="mysql"):
        open_engine("mysql://host", tmp_path)
    with pytest.raises(EngineError, match="mysql"):
        open_doorbell("mysql://host", tmp_path)
