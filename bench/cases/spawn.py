"""Virtual script processes: create, park, switch and hold many, beside coroutines; and a whole SES with very many of them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.harness import peers
from bench.harness.machine import facts
from bench.harness.options import Options
from bench.harness.programs import Figures, compiled, middle, rows, taking_turns
from bench.harness.report import Ratio, Report
from bench.spawn_system import opened
from hisee.esl import ObjectContext, compile_source
from support.c_sources import sources_of

WAITS = """INT _x

PROCEDURE Step(INT _a, IN INT _b)
  _a := _a + _b
END Step

BEGIN
  _x := 40
  DO_LOOP
    CALL Step(_x, 2)
    DELAY 3600 [s]
  END_LOOP
END
"""
LOOPS = """INT _i

BEGIN
  _i := 0
  DO_LOOP
    _i := _i + 1
  END_LOOP
END
"""
CORE = {
    "create_ns": ("C: create, run to the first wait, keep", "ns"), "recycle_ns": ("C: create, run to the first wait, give back", "ns"),
    "parked_bytes": ("C: memory of a parked one", "bytes"), "switch_hot_ns": ("C: switch, 4 of them", "ns"),
    "switch_all_ns": ("C: switch, all of them in turn", "ns"), "wait_hot_ns": ("C: wake and wait again, 4", "ns"),
    "wait_all_ns": ("C: wake and wait again, all in turn", "ns"), "back_edge_ns": ("C: one back edge", "ns"),
    "slicing_percent": ("C: cost of slices of 1,000 back edges", "%"),
    "scheduled_percent": ("C: cost of a scheduler with 100 loops in such slices", "%"),
}
PYTHON = {"create_ns": ("Python: create, run to the first wait, keep", "ns"), "parked_bytes": ("Python: memory of a parked one", "bytes"),
          "switch_hot_ns": ("Python: switch, 4 of them", "ns")}
IDLE = {"ses_mb": ("SES: idle SEEs, whole process", "MB"), "see_bytes": ("SES: an idle SEE", "bytes"),
        "open_us": ("SES: start a SEE, there and back", "us")}
SYSTEM = {"see_bytes": ("system: an idle SEE in its SES", "bytes"), "open_ms": ("system: open a picture with two parts", "ms")}
BESET = {"call_p50_ms": ("SES: CALL beside endless loops, p50", "ms"), "call_p99_ms": ("SES: CALL beside endless loops, p99", "ms"),
         "call_max_ms": ("SES: CALL beside endless loops, longest", "ms")}
MB = 200.0
SES = (sys.executable, "-m", "bench.spawn_ses")
IN_PYTHON = {"Lua (lupa)": "lupa", "greenlet": "greenlet"}  # in the peers' environment


def run(options: Options) -> Report:
    """Levels apart: the core in C, its Python interface, a whole system."""
    report = Report("spawn", facts())
    count = 20_000 if options.quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        waits, loops = (unit(Path(folder) / f"{name}.unit", text) for name, text in (("waits", WAITS), ("loops", LOOPS)))
        if options.wanted("c"):
            core(report, options, waits, loops, count)
        if options.wanted("python"):
            python(report, options, waits, count)
    if options.wanted("idle"):
        found = taking_turns({f"{count:,} SEEs": [*SES, "idle", count]}, 1)
        report.rows += rows(found, IDLE)
        report.ratios.append(Ratio(f"{count:,} idle SEEs in one SES, MB", found[f"{count:,} SEEs"][0]["ses_mb"], MB, at_most=True))
    if options.wanted("beset"):
        beset(report, options, 10_000, 100, 100)
    if options.wanted("system"):
        pictures = 200 if options.quick else 2_000
        report.rows += rows({f"{pictures:,} pictures": [opened(pictures)]}, SYSTEM)
    return report


def unit(path: Path, text: str) -> Path:
    made = compile_source(text, name=path.stem, context=ObjectContext(kind="script", server_script=False))
    assert made.unit is not None, made.diagnostics
    path.write_bytes(made.unit)
    return path


def core(report: Report, options: Options, waits: Path, loops: Path, count: int) -> None:
    programs: dict[str, list[str | Path | int]] = {"hisee": [compiled("spawn", sources_of("hisee._core.vm")), waits, loops, count]}
    if peers.PEERS["lua5.4-c"].found():
        programs["Lua 5.4"] = [compiled("spawn_lua", libraries=("lua5.4", "m")), count]
    report.notes += peers.missing(["lua5.4-c"])
    found = taking_turns(programs, options.turns(5))
    report.rows += rows(found, CORE)
    against_lua(report, found)


def against_lua(report: Report, found: dict[str, list[Figures]]) -> None:
    for name, what, must, goal in (("create_ns", "create and run to the first wait", 2, 5), ("switch_hot_ns", "switch", 2, 4),
                                   ("switch_all_ns", "switch, all in turn", None, None)):
        lua, own = middle(found, "Lua 5.4", name), middle(found, "hisee", name)
        if lua and own:
            report.ratios.append(Ratio(f"{what}: faster than a Lua coroutine", lua / own, must, goal))
    lua, own = middle(found, "Lua 5.4", "switch_hot_ns"), middle(found, "hisee", "wait_hot_ns")
    if lua and own:
        report.ratios.append(Ratio("wake and wait again: faster than resume and yield of Lua", lua / own))
    report.ratios += [Ratio("memory of a parked SEE in C, bytes", middle(found, "hisee", "parked_bytes") or 0, 1536, 512, at_most=True),
                      Ratio("cost of slicing, %", middle(found, "hisee", "slicing_percent") or 0, 5, 1, at_most=True),
                      Ratio("cost of slicing by the scheduler, %", middle(found, "hisee", "scheduled_percent") or 0, 5, 1, at_most=True)]


def python(report: Report, options: Options, waits: Path, count: int) -> None:
    script = peers.ROOT / "bench" / "spawn_python.py"
    programs: dict[str, list[str | Path | int]] = {"hisee": [sys.executable, script, "script", count, waits]}
    programs |= {f"Python {kind}": [sys.executable, script, kind, count] for kind in ("generator", "task")}
    programs |= {name: [peers.python(), script, module, count] for name, module in IN_PYTHON.items() if peers.PEERS[module].found()}
    report.notes += peers.missing(list(IN_PYTHON.values()))
    found = taking_turns(programs, options.turns(5))
    report.rows += rows(found, PYTHON)
    for name, what, must, goal in (("create_ns", "create", 5, 15), ("switch_hot_ns", "switch", None, None)):
        task, own = middle(found, "Python task", name), middle(found, "hisee", name)
        report.ratios.append(Ratio(f"from Python, {what}: faster than an asyncio task", (task or 0) / (own or 1), must, goal))


def beset(report: Report, options: Options, count: int, loops: int, asking: int) -> None:
    subject = f"{count:,} SEEs, {loops} loop"
    found = taking_turns({subject: [*SES, "beset", count, loops, asking, 3 if options.quick else 10]}, options.turns(3))
    report.rows += rows(found, BESET)
    what = f"{count:,} SEEs, {loops} loop for ever: CALL of an honest one there and back, p99, ms"
    report.ratios.append(Ratio(what, middle(found, subject, "call_p99_ms") or 0, 50, at_most=True))
