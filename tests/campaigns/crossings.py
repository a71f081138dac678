"""What one DB_READ of a remote part costs: wakes, crossings from core to core, and the time of every hop beside the bare statement.

SES -> KNL -> DBM -> KNL -> SES, isolated (one every 10 ms) and back to back. All times in microseconds, medians. Wakes and
processors are taken while the script only reads; the parts while it reads and probes the hops in turn.
"""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import hisee
from campaigns.figures import migrations, processor, switches
from campaigns.logs import Tail
from hisee.schema.errors import Err
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
LINE = itemgetter("line")
THREE = ("prepare_ns", "wait_ns", "receive_ns")


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
    """One way of calling: the reads of the script, the same ways without rows, echoes of this process, the bare statement."""
    pause_s = pause / 1000
    picture.type("EdCount", f"{count} {pause}")
    picture.settle(20)
    _, told = recorded(system, client, picture, "BtnGo", load, 30 + count * (pause_s + 0.01))
    assert told == [f"read {ROWS} rows, code 0"], told
    probes, told = recorded(system, client, picture, "BtnProbe", Load(load.pids), 30 + 3 * count * (pause_s + 0.01))
    assert told == [f"probed with codes {Err.ERR_DEADLOCK:d} and {Err.ERR_NO_DATA:d}, {ROWS} rows"], told
    empty, full = (list(rows) for _, rows in groupby(sorted(probes["DB_READ"], key=LINE), LINE))
    return {"wakes_per_read": wakes(load, quiet, count), "core_crossings_per_read": round(load.crossings(), 2), "samples": len(load.places),
            "processors": {kind: sorted({seen[kind] for seen in load.places}) for kind in load.pids}, "migrations": load.moves,
            **hops(full, probes["CALL_OTHER"], empty, count),
            "echo_server_us": median_us(lambda: client.ask(Kind.ECHO, b"", lane=Lane.BULK), count, pause_s),
            "echo_dbm_us": median_us(lambda: client.ask(Kind.ECHO, b"", target=dbm, lane=Lane.BULK), count, pause_s),
            "plain_sqlite3_us": plain(system, count, pause_s)}


def recorded(system: RunningSystem, client: hisee.System, picture: hisee.Picture, button: str, load: Load,
             limit_s: float) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Let the script work; look where the processes run, without a message to any of them. Its rows by action, and what it logged."""
    client.profile(reset=True)
    tail, told, limit = Tail(system), list[str](), time.monotonic() + limit_s
    with load:
        picture.click(button)
        while not told and time.monotonic() < limit:
            load.sample()
            told.extend(entry.text for entry in tail.entries() if entry.script == "S.Crossings")
            time.sleep(SAMPLE_S)
    assert told, f"the script was not ready within {limit_s:.0f} s"
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in client.profile():
        if row["part"] == "R":
            rows.setdefault(row["action"], []).append(row)
    return rows, told


def wakes(load: Load, quiet: dict[str, float], count: int) -> dict[str, float]:
    """Voluntary switches for each read, without those of idle processes. In the isolated series the SES also wakes for DELAY."""
    each = {kind: round((wakes - quiet[kind] * load.seconds) / count, 2) for kind, wakes in load.wakes.items()}
    return each | {"all": round(sum(each.values()), 2)}


def hops(reads: list[dict[str, Any]], to_server: list[dict[str, Any]], to_dbm: list[dict[str, Any]], count: int) -> dict[str, Any]:
    """The whole of a read, its three times, and its parts by the way. A hop is half of a round trip that ends there and brings no
    rows, without its statement; the hop to the server contains what the SES does for any action. `rows`: what 48 rows cost more."""
    assert [len(rows) for rows in (reads, to_server, to_dbm)] == [count] * 3, "not every action was recorded"
    # The sender may lose its processor to the receiver before it reads the clock: so not the wait alone.
    assert all(0 < row["service_ns"] <= row["prepare_ns"] + row["wait_ns"] for row in reads), "a statement took longer than its read"
    whole, statement = middle_us(reads, *THREE), middle_us(reads, "service_ns")
    server, dbm = middle_us(to_server, *THREE), middle_us(to_dbm, *THREE) - middle_us(to_dbm, "service_ns")
    first, second = server / 2, (dbm - server) / 2
    parts = {"hop_to_server": first, "hop_to_dbm": second, "statement": statement, "rows": whole - statement - dbm,
             "hop_back_to_server": second, "hop_back": first}
    return {"whole_us": round(whole, 1), "three_times_us": {name[:-3]: round(middle_us(reads, name), 1) for name in THREE},
            "parts_us": {name: round(value, 1) for name, value in parts.items()}}


def middle_us(rows: list[dict[str, Any]], *names: str) -> float:
    """Median of the sum of these columns."""
    return statistics.median(sum(row[name] for name in names) for row in rows) / 1000


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
    return round(statistics.median(times) / 1000, 1)


def plain(system: RunningSystem, count: int, pause_s: float) -> float:
    """The same statement in this process, by Python's own sqlite3 on the same file."""
    file = next(system.data.rglob("meters.db"))
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        assert len(connection.execute(STATEMENT).fetchall()) == ROWS
        return median_us(lambda: connection.execute(STATEMENT).fetchall(), count, pause_s)
    finally:
        connection.close()
