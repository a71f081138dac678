"""What one DB_READ of a remote part costs: wakes, crossings from core to core, and the time of every hop beside the bare statement.

SES -> KNL -> DBM -> KNL -> SES, isolated (one every 10 ms) and back to back. All times in microseconds, medians.
"""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hisee
from campaigns.figures import migrations, processor, switches
from campaigns.logs import Tail
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from support.system import RunningSystem

APP = Path(__file__).parent / "traffic_app"
STATEMENT = 'SELECT "Id", "Name", "Value" FROM meter LIMIT 100'
ROWS = 48
PAUSE_MS = 10
SAMPLE_S = 0.002
PATH = ("SES", "KNL", "DBM", "KNL", "SES")
SERIES = {"isolated": PAUSE_MS, "back_to_back": 0}
KNL = 1


@dataclass(slots=True)
class Load:
    """What the kernel counted for the processes of the path during one series, and where samples saw them run last."""

    pids: dict[str, int]
    wakes: dict[str, int] = field(default_factory=dict)
    moves: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    places: list[dict[str, int]] = field(default_factory=list)

    def __enter__(self) -> Load:
        self.seconds = -time.monotonic()
        self._count(-1)
        return self

    def __exit__(self, *_: object) -> None:
        self._count(1)
        self.seconds += time.monotonic()

    def _count(self, sign: int) -> None:
        for kind, pid in self.pids.items():
            self.wakes[kind] = self.wakes.get(kind, 0) + sign * switches(pid)
            self.moves[kind] = self.moves.get(kind, 0) + sign * migrations(pid)

    def sample(self) -> None:
        self.places.append({kind: processor(pid) for kind, pid in self.pids.items()})

    def crossings(self) -> float:
        """Hops of one round trip whose ends were seen on different processors, on the average."""
        hops = [sum(seen[a] != seen[b] for a, b in zip(PATH, PATH[1:], strict=False)) for seen in self.places]
        return statistics.mean(hops) if hops else 0.0


def run(system: RunningSystem, *, count: int = 1000) -> dict[str, Any]:
    """Figures of `count` reads each way of calling; raises AssertionError only when they contradict each other."""
    with system.connect() as client:
        rows = client.ps()
        pids = {kind: next(row["pid"] for row in rows if row["kind"] == kind and row["state"] == "Run") for kind in ("SES", "KNL", "DBM")}
        dbm = next(row["number"] for row in rows if row["kind"] == "DBM")
        picture = client.console("WS1").open("S.Crossings")
        picture.settle(20)
        quiet = idle(pids)
        out = {name: series(system, client, picture, Load(pids), count, pause, quiet, dbm) for name, pause in SERIES.items()}
        picture.close()
    return {"reads": count, "rows_each": ROWS, **out}


def idle(pids: dict[str, int], seconds: float = 1.0) -> dict[str, float]:
    """Wakes in a second of processes that have nothing to do: heartbeats."""
    with Load(pids) as load:
        threading.Event().wait(seconds)
    return {kind: wakes / load.seconds for kind, wakes in load.wakes.items()}


def series(system: RunningSystem, client: hisee.System, picture: hisee.Picture, load: Load, count: int, pause: int,
           quiet: dict[str, float], dbm: int) -> dict[str, Any]:
    """One way of calling: the reads of the script, echoes over the same hops, the bare statement."""
    picture.type("EdCount", f"{count} {pause}")
    picture.settle(20)
    client.profile(reset=True)
    reads(system, picture, load, count, pause)
    rows = [row for row in client.profile() if row["action"] == "DB_READ" and row["part"] == "R"]
    pause_s = pause / 1000
    return {"wakes_per_read": wakes(load, quiet, count), "core_crossings_per_read": round(load.crossings(), 2), "samples": len(load.places),
            "processors": {kind: sorted({seen[kind] for seen in load.places}) for kind in load.pids}, "migrations": load.moves,
            **hops(rows, count,
                   median_us(lambda: client.ask(Kind.ECHO, b"", lane=Lane.BULK), count, pause_s),
                   median_us(lambda: client.ask(Kind.ECHO, b"", target=dbm, lane=Lane.BULK), count, pause_s)),
            "plain_sqlite3_us": round(plain(system, count, pause_s), 1)}


def reads(system: RunningSystem, picture: hisee.Picture, load: Load, count: int, pause: int) -> None:
    """Let the script read; look where the processes run, without a message to any of them."""
    tail, told = Tail(system), list[str]()

    limit = time.monotonic() + 30 + count * (pause + 10) / 1000
    with load:
        picture.click("BtnGo")
        while not told and time.monotonic() < limit:
            load.sample()
            told.extend(entry.text for entry in tail.entries() if entry.script == "S.Crossings")
            time.sleep(SAMPLE_S)
    assert told == [f"read {ROWS} rows, code 0"], told


def wakes(load: Load, quiet: dict[str, float], count: int) -> dict[str, float]:
    """Voluntary switches for each read, without those of idle processes. In the isolated series the SES also wakes for DELAY."""
    each = {kind: round((wakes - quiet[kind] * load.seconds) / count, 2) for kind, wakes in load.wakes.items()}
    return each | {"all": round(sum(each.values()), 2)}


def hops(rows: list[dict[str, Any]], count: int, to_server_us: float, to_dbm_us: float) -> dict[str, Any]:
    """The whole of a read and its parts. A hop is half an echo; what no echo and no statement explains is `engines`:
    encoding, decoding and the event loops of SES and DBM; below 0 when the echoes woke slower than the read."""
    assert len(rows) == count, f"{len(rows)} of {count} reads recorded"
    # The sender may lose its processor to the receiver before it reads the clock: so not the wait alone.
    assert all(0 < row["service_ns"] <= row["prepare_ns"] + row["wait_ns"] for row in rows), "a statement took longer than its read"

    def us(*names: str) -> float:
        return statistics.median(sum(row[name] for name in names) for row in rows) / 1000

    whole, prepare, statement, receive = us("prepare_ns", "wait_ns", "receive_ns"), us("prepare_ns"), us("service_ns"), us("receive_ns")
    parts = {"prepare_and_send": prepare, "hop_to_server": to_server_us / 2, "hop_to_dbm": (to_dbm_us - to_server_us) / 2,
             "statement": statement, "hop_back_to_server": (to_dbm_us - to_server_us) / 2, "hop_back": to_server_us / 2,
             "receive": receive}
    parts["engines"] = us("wait_ns") - statement - to_dbm_us
    return {"whole_us": round(whole, 1), "wait_us": round(us("wait_ns"), 1),
            "parts_us": {name: round(value, 1) for name, value in parts.items()},
            "echo_server_us": round(to_server_us, 1), "echo_dbm_us": round(to_dbm_us, 1)}


def median_us(work: Callable[[], object], count: int, pause_s: float) -> float:
    """Median time of `work` in microseconds, done `count` times with a pause between."""
    times = []
    pause = threading.Event()
    for _ in range(count):
        started = time.perf_counter_ns()
        work()
        times.append(time.perf_counter_ns() - started)
        if pause_s:
            pause.wait(pause_s)
    return statistics.median(times) / 1000


def plain(system: RunningSystem, count: int, pause_s: float) -> float:
    """The same statement in this process, by Python's own sqlite3 on the same file."""
    file = next(system.data.rglob("meters.db"))
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        assert len(connection.execute(STATEMENT).fetchall()) == ROWS
        return median_us(lambda: connection.execute(STATEMENT).fetchall(), count, pause_s)
    finally:
        connection.close()
