"""DB_READ of a script beside its server, hop by hop: a real system on SQLite, relay and direct route, beside the bare statement."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.harness.machine import facts
from bench.harness.options import Options, progress
from bench.harness.report import Ratio, Report, Row
from bench.harness.system import picture_open
from support.system import until

ROWS = 100
FILES = {
    "app.toml": """name = "hops"
port = 0
[nodes.SRV1]
processes = [{kind = "server"}, {kind = "cp"}, {kind = "dbm"}, {kind = "event", name = "REMOTE1", args = ["--SES_REMOTE"]}]
[nodes.WS1]
processes = [{kind = "hip", name = "WS1", web_port = 0}]
""",
    "objects.toml": """["SD.Row"]
type = "structure_definition"
columns = [["Id", "INT"], ["Name", "TEXT"], ["Level", "REAL"]]
["DB.Plant"]
type = "database"
url = "sqlite:///plant.db"
["T.Row"]
type = "table"
database = "DB.Plant"
table = "row"
structure = "SD.Row"
key = ["Id"]
access = "read"
""",
    "data/DB.Plant.sql": f"""CREATE TABLE row ("Id" INTEGER PRIMARY KEY, "Name" TEXT NOT NULL, "Level" REAL);
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
INSERT INTO row SELECT i, 'name ' || i, i / 2.0 FROM n;
""",
    "pictures/S.Hops/picture.toml": """title = "Hops"
server_script = true
[objects.BtnTogether]
kind = "button"
[objects.LblR]
kind = "text"
[objects.BtnApart]
kind = "button"
""",
    "pictures/S.Hops/picture.svg": """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">
<g id="BtnTogether"><rect x="10" y="10" width="80" height="30"/></g><g id="BtnApart"><rect x="100" y="10" width="80" height="30"/></g>
<text id="LblR" x="10" y="80">-</text></svg>
""",
    "pictures/S.Hops/local.esl": "BEGIN\nEND\n",
    "pictures/S.Hops/remote.esl": """INT _rc, _table, _clicks

PROCEDURE ReadOne(INT _sum)
  RECORD NOALIAS (SD.Row) _rows
  DB_READ _table, _rows, _rc, 1
  _sum := _sum + _rows[1]^Id
END ReadOne

ENTRY BtnTogether_OnClick
  INT _i, _sum
  _sum := 0
  FOR _i = 1 TO COUNT DO_LOOP
    CALL ReadOne(_sum)
  END_LOOP
  _clicks := _clicks + 1
  %HI_SetText(_LblR, "together " + %IToStr(_clicks) + " sum " + %IToStr(_sum))
END BtnTogether_OnClick

ENTRY BtnApart_OnClick
  INT _i, _sum
  _sum := 0
  FOR _i = 1 TO COUNT DO_LOOP
    CALL ReadOne(_sum)
    DELAY 1[ms]
  END_LOOP
  _clicks := _clicks + 1
  %HI_SetText(_LblR, "apart " + %IToStr(_clicks) + " sum " + %IToStr(_sum))
END BtnApart_OnClick

BEGIN
  _clicks := 0
  DB_CONNECT T.Row, _DB_READ, _table, _rc
END
""",
}


@dataclass
class Hops:
    """One round: microseconds of a request for whoever waits, of which its statement took `service`; switches of the processes for each."""

    wait: float
    wait_p99: float
    service: float
    switches: float


def run(options: Options) -> Report:
    report = Report("hops", facts())
    count = 200 if options.quick else 1000
    with picture_open("S.Hops", FILES, count=count) as (system, client, picture):
        for rhythm, button in (("back to back", "BtnTogether"), ("1 ms apart", "BtnApart")):
            if options.wanted(rhythm):
                measure(report, options, client, picture, rhythm, button, count)
        bare(report, options, system.data / "plant.db", count)
    for rhythm in ("back to back", "1 ms apart"):
        beside(report, rhythm)
    report.notes.append("wait: from the send of the script's request to the arrival of its reply; statement: inside the database manager")
    return report


def measure(report: Report, options: Options, client, picture, rhythm: str, button: str, count: int) -> None:
    found: dict[str, list[Hops]] = {"relay": [], "direct": []}
    for turn in range(options.turns(5)):
        for mode in found:
            set_mode(client, picture, mode)
            found[mode].append(one(client, picture, button, count))
            progress(f"  round {turn + 1}: {rhythm}, {mode}: {found[mode][-1]}")
    for mode, rounds in found.items():
        for figure, unit in (("wait", "us"), ("wait_p99", "us"), ("service", "us"), ("switches", "per request")):
            report.rows.append(Row(rhythm, f"{mode}, {figure}", unit, tuple(getattr(r, figure) for r in rounds)))


def set_mode(client, picture, mode: str) -> None:
    """And wait until it holds: a route is granted behind the first request."""
    client.tell("", "RELAY " + ("ON" if mode == "relay" else "OFF"))
    for _ in range(2):
        one(client, picture, "BtnTogether", 0)
    until(lambda: any(r["mode"] == "direct" for r in client.routes()) == (mode == "direct"), f"mode {mode}")


def one(client, picture, button: str, count: int) -> Hops:
    client.profile(reset=True)
    pids = {row["pid"] for row in client.ps() if row["kind"] in ("KNL", "SES", "DBM")}
    before, label = switches(pids), picture["LblR"].text
    picture.click(button)
    until(lambda: picture["LblR"].text != label, "the reads are done", 60)
    took = switches(pids) - before
    rows = [row for row in client.profile() if row["action"] == "DB_READ"]
    assert not count or len(rows) == count, f"{len(rows)} reads"
    waits = [row["wait_ns"] / 1e3 for row in rows]
    return Hops(median(waits), quantiles(waits, n=100)[98], median(row["service_ns"] / 1e3 for row in rows), took / len(rows))


def switches(pids: set[int]) -> int:
    """Times that these processes went to sleep by themselves: one wake each."""
    return sum(int(line.split()[1]) for pid in pids for status in Path(f"/proc/{pid}/task").glob("*/status")
               for line in status.read_text().splitlines() if line.startswith("voluntary"))


def bare(report: Report, options: Options, path: Path, count: int) -> None:
    """The same statement in this process, back to back and 1 ms apart."""
    text = 'SELECT "Id", "Name", "Level" FROM "row"'
    with closing(sqlite3.connect(path)) as db:
        for rhythm, pause in (("back to back", 0.0), ("1 ms apart", 0.001)):
            rounds = tuple(median(timed(lambda: db.execute(text).fetchmany(1), count, pause)) for _ in range(options.turns(5)))
            report.rows.append(Row(rhythm, "bare statement", "us", rounds))


def timed(work: Callable[[], list], count: int, pause: float) -> list[float]:
    found = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        assert work()[0][0] == 1
        found.append((time.perf_counter_ns() - begin) / 1e3)
        if pause:
            time.sleep(pause)
    return found


def beside(report: Report, rhythm: str) -> None:
    statement, direct, relay = (report.median(rhythm, s) for s in ("bare statement", "direct, wait", "relay, wait"))
    if statement and direct and relay:
        report.ratios.append(Ratio(f"{rhythm}: direct mode above the bare statement, us", direct - statement, 30, 10, at_most=True))
        report.ratios.append(Ratio(f"{rhythm}: relay by direct mode", relay / direct))
