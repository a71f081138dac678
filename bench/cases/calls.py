"""CALL of a local part to its remote part and back, on one computer: the wait, and the server's processor time for each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.harness.machine import facts
from bench.harness.options import Options, progress
from bench.harness.report import Ratio, Report, Row
from bench.harness.system import picture_open
from support.system import RunningSystem, until

FILES = {
    "app.toml": """name = "calls"
port = 0
[nodes.SRV1]
processes = [{kind = "server", args = [WAY]}, {kind = "cp"}, {kind = "event", name = "REMOTE1", args = ["--SES_REMOTE"]}]
[nodes.WS1]
processes = [{kind = "hip", name = "WS1", web_port = 0}]
""",
    "objects.toml": "",
    "pictures/S.Calls/picture.toml": """title = "Calls"
server_script = true
[objects.BtnGo]
kind = "button"
[objects.BtnRound]
kind = "button"
[objects.LblDone]
kind = "text"
""",
    "pictures/S.Calls/picture.svg": """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">
<g id="BtnGo"><rect x="10" y="10" width="80" height="30"/></g>
<g id="BtnRound"><rect x="100" y="10" width="80" height="30"/></g><text id="LblDone" x="10" y="80">-</text></svg>
""",
    "pictures/S.Calls/local.esl": """INT _clicks

ENTRY BtnGo_OnClick
  INT _i, _sum
  _sum := 0
  FOR _i = 1 TO COUNT DO_LOOP
    CALL [] Add(_i, _sum)
  END_LOOP
  _clicks := _clicks + 1
  %HI_SetText(_LblDone, "done " + %IToStr(_clicks) + " sum " + %IToStr(_sum))
END BtnGo_OnClick

ENTRY BtnRound_OnClick
  INT _sum
  _sum := 0
  CALL [] Circles(COUNT, _sum)
  _clicks := _clicks + 1
  %HI_SetText(_LblDone, "done " + %IToStr(_clicks) + " sum " + %IToStr(_sum))
END BtnRound_OnClick

RPC PROCEDURE Nothing
END Nothing

BEGIN
  _clicks := 0
END
""",
    "pictures/S.Calls/remote.esl": """RPC PROCEDURE Add(IN INT _i, INT _sum)
  _sum := _sum + _i
END Add

; a CALL of whoever waits for this one: the server itself answers it
RPC PROCEDURE Circles(IN INT _count, INT _sum)
  INT _i, _rc
  FOR _i = 1 TO _count DO_LOOP
    _rc := CALL [] Nothing
    IF _rc > 0 THEN
      _sum := _sum + _i
    ENDIF
  END_LOOP
END Circles
BEGIN
END
""",
}
WAYS = {"python": "", "plane": '"--plane"'}  # -> words for the server
BUSY = "import hisee, sys\nwith hisee.connect(sys.argv[1]) as client:\n    while True:\n        client.ps()\n"


@dataclass
class Calls:
    """One round. Microseconds; `server` of all threads of the server's process, `python` of its first one."""

    wait: float
    wait_p99: float
    server: float
    python: float


def run(options: Options) -> Report:
    report = Report("calls", facts())
    count = 300 if options.quick else 2000
    cases = {"quiet server": ("BtnGo", "L", False), "answered by the server": ("BtnRound", "R", False),
             "server kept busy": ("BtnGo", "L", True)}
    found: dict[str, dict[str, list[Calls]]] = {case: {way: [] for way in WAYS} for case in cases if options.wanted(case)}
    for turn in range(options.turns(5)):
        for way in WAYS:
            with picture_open("S.Calls", going(way), count=count) as (system, client, picture):
                one(client, picture, count, "BtnGo", "L")  # the first of everything is made
                for case, rounds in found.items():
                    button, part, beset = cases[case]
                    with busy(system) if beset else nothing():
                        rounds[way].append(one(client, picture, count, button, part))
                    progress(f"  round {turn + 1}: {case}, {way}: {rounds[way][-1]}")
    for case, ways in found.items():
        told(report, case, ways)
    report.notes.append("wait: from the send of a CALL to the arrival of its results, or of the refusal of one in a circle, in the process "
                        "that makes it; busy: another client asks for the process list without end")
    return report


def going(way: str) -> dict[str, str]:
    return {**FILES, "app.toml": FILES["app.toml"].replace("WAY", WAYS[way])}


def told(report: Report, case: str, ways: dict[str, list[Calls]]) -> None:
    for way, rounds in ways.items():
        for figure in ("wait", "wait_p99", "server", "python"):
            if figure in ("server", "python") and case == "server kept busy":
                continue  # the other client's
            report.rows.append(Row(case, f"{way}, {figure}", "us", tuple(getattr(r, figure) for r in rounds)))
    for figure in ("wait", "wait_p99", "server"):
        old, new = (report.median(case, f"{way}, {figure}") for way in WAYS)
        if old and new:
            report.ratios.append(Ratio(f"{case}: {figure}, through Python by through the plane", old / new))


@contextmanager
def nothing() -> Iterator[None]:
    yield


@contextmanager
def busy(system: RunningSystem) -> Iterator[None]:
    """Another client keeps the server's Python at work."""
    asker = subprocess.Popen([sys.executable, "-c", BUSY, str(system.data)])
    try:
        yield
    finally:
        asker.kill()
        asker.wait()


def one(client, picture, count: int, button: str, part: str) -> Calls:
    """One click, which lets that part call `count` times, and checks what came back."""
    client.profile(reset=True)
    (knl,) = (row["pid"] for row in client.ps() if row["kind"] == "KNL")
    before, label = spent(knl), picture["LblDone"].text
    picture.click(button)
    until(lambda: picture["LblDone"].text != label, "the calls are done", 60, 0.1)
    all_ns, own_ns = (after - earlier for after, earlier in zip(spent(knl), before, strict=True))
    assert picture["LblDone"].text.endswith(f"sum {count * (count + 1) // 2}"), picture["LblDone"].text
    waits = [row["wait_ns"] / 1e3 for row in client.profile() if row["action"].startswith("CALL") and row["part"] == part]
    assert len(waits) == count, f"{len(waits)} CALLs"
    return Calls(median(waits), quantiles(waits, n=100)[98], all_ns / count / 1e3, own_ns / count / 1e3)


def spent(pid: int) -> tuple[int, int]:
    """Processor time of all threads, and of the first one, in nanoseconds."""
    times = {int(task.name): int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()}
    return sum(times.values()), times[pid]
