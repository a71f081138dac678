"""A call from Python into a procedure of a script that adds two INTs, beside a call of a Python function and of Lua's through lupa.

Time of the processor for one call, of ten calls in a row in the source; an empty loop is taken off.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial

from bench.harness import peers
from bench.harness.machine import facts, pin, processors
from bench.harness.options import Options
from bench.harness.report import Ratio, Report
from bench.harness.rounds import in_rounds
from bench.vm.calls import nanoseconds
from bench.vm.run_esl import script_of

CALLS = 200_000
ROUNDS = 9
CASE = "add(20, 22)"
LUPA = """
import sys, lupa.{module} as lupa
sys.path.insert(0, {root!r})
from bench.vm.calls import nanoseconds
print(nanoseconds(lupa.LuaRuntime().eval("function(a, b) return a + b end"), {calls}))
"""


def run(options: Options) -> Report:
    report = Report("embed", facts())
    pin(processors()[0])
    calls = CALLS // 20 if options.quick else CALLS
    subjects: list[tuple[str, str, Callable[[], float]]] = [
        (CASE, "hisee", partial(nanoseconds, script_of("add").function("Add"), calls)),
        (CASE, "Python function", partial(nanoseconds, python_add, calls)),
    ]
    if peers.PEERS["lupa"].found():
        subjects += [(CASE, f"lupa {module}", partial(with_lupa, module, calls)) for module in ("lua54", "luajit21")]
    report.rows = in_rounds(subjects, "ns", options.turns(ROUNDS))
    ours = report.median(CASE, "hisee") or 0
    for peer, must, goal in (("Python function", 2.0, 1.0), ("lupa lua54", None, None), ("lupa luajit21", None, None)):
        if theirs := report.median(CASE, peer):
            report.ratios.append(Ratio(f"time of a call against {peer}", ours / theirs, must, goal, at_most=True))
    report.notes += peers.missing(["lupa"])
    return report


def python_add(a: int, b: int) -> int:
    return a + b


def with_lupa(module: str, calls: int) -> float:
    """lupa lives in the environment of the peers: a process of its own."""
    text = LUPA.format(module=module, root=str(peers.ROOT), calls=calls)
    done = subprocess.run([peers.python(), "-c", text], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout)

