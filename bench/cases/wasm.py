"""The machine compiled to WebAssembly, under node, beside the machine of this computer: the same units, the same answers."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from bench.harness.machine import facts
from bench.harness.options import Options
from bench.harness.report import Ratio, Report
from bench.harness.rounds import in_rounds
from esl.directory import plain
from esl.host import World, native
from hisee._core.cells import CellTable
from hisee._core.values import decode
from hisee._core.vm import Status
from hisee.esl import compile_source
from wasm.build import build, missing
from wasm.machine import Guest, WasmScript

WARM = 3
SLICE = 1 << 40  # one call crosses into the guest, and one comes back
CALLS = """
PROCEDURE Fib(IN INT _n, OUT INT _r)
  INT _a, _b
  IF _n < 2 THEN
    _r := _n
    RETURN
  ENDIF
  CALL Fib(_n - 1, _a)
  CALL Fib(_n - 2, _b)
  _r := _a + _b
END Fib
INT _answer
BEGIN
  CALL Fib({size}, _answer)
  LOG "answer", _answer
END
"""
REALS = """
INT _x, _y, _k, _answer
REAL _a, _b, _re, _im, _t
BEGIN
  _answer := 0
  FOR _y = 0 TO {size} - 1 DO_LOOP
    FOR _x = 0 TO {size} - 1 DO_LOOP
      _a := _x * 3.0 / {size} - 2.0
      _b := _y * 2.0 / {size} - 1.0
      _re := 0.0
      _im := 0.0
      FOR _k = 1 TO 50 DO_LOOP
        _t := _re * _re - _im * _im + _a
        _im := 2.0 * _re * _im + _b
        _re := _t
        EXIT_LOOP _re * _re + _im * _im > 4.0
        _answer := _answer + 1
      END_LOOP
    END_LOOP
  END_LOOP
  LOG "answer", _answer
END
"""
SIZES = {"fib": (CALLS, 27, 20), "mandelbrot": (REALS, 200, 40)}  # kernel -> text, size, size when quick


def fib(n: int) -> int:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def mandelbrot(n: int) -> int:
    inside = 0
    for y in range(n):
        for x in range(n):
            a, b, re, im = x * 3.0 / n - 2.0, y * 2.0 / n - 1.0, 0.0, 0.0
            for _ in range(50):
                re, im = re * re - im * im + a, 2.0 * re * im + b
                if re * re + im * im > 4.0:
                    break
                inside += 1
    return inside


ANSWERS = {"fib": fib, "mandelbrot": mandelbrot}


def run(options: Options) -> Report:
    """Time of a kernel from its first instruction to its answer; the first runs warm up node's compiler and do not count."""
    report = Report("wasm", facts())
    if missing():
        report.notes.append(missing())
        return report
    with tempfile.TemporaryDirectory(prefix="hisee-wasm-") as folder, Guest(build(Path(folder))) as guest:
        for case in filter(options.wanted, SIZES):
            measure(report, guest, case, options)
    report.notes.append("here: computed goto, gcc -O2; WebAssembly: switch, clang -O2, node's V8; all checks of the language are on")
    return report


def measure(report: Report, guest: Guest, case: str, options: Options) -> None:
    text, *sizes = SIZES[case]
    size = sizes[options.quick]
    done = compile_source(text.format(size=size), name=case, context=plain())
    assert done.unit, done.diagnostics
    machines = {"here": native, "wasm": partial(WasmScript, guest)}
    works = [(case, name, partial(seconds, machine, done.unit, ANSWERS[case](size))) for name, machine in machines.items()]
    for *_, work in works * WARM:
        work()
    report.rows += in_rounds(works, "ms", options.turns(9))
    here, there = (report.median(case, name) or 0 for name in machines)
    report.ratios.append(Ratio(f"{case}: time in WebAssembly by time here", there / here))


def seconds(machine: Any, unit: bytes, wanted: int) -> float:
    """Milliseconds until the script tells its answer."""
    script = machine(unit, CellTable(), CellTable(), None, World())
    script.start_init()
    begin = time.perf_counter()
    status = script.run(SLICE)
    took = time.perf_counter() - begin
    assert status == Status.ACTION, script.failure
    assert decode(script.pending.payload)[-1] == wanted
    return took * 1e3
