"""The virtual machine beside other languages: nine kernels, the same algorithm everywhere, each with the same printed check.

Every runtime keeps the time itself, as time of its processor, so that no start of a process counts. Scripts run with all that a script
has: validity, overflow, bounds and fuel.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench.harness import peers
from bench.harness.machine import facts, pin, processors
from bench.harness.options import Options, progress
from bench.harness.report import Ratio, Report, geometric_mean
from bench.harness.rounds import Subject, in_rounds

HERE = Path(__file__).resolve().parents[1] / "vm"
BUILD = HERE.parents[1] / "build/bench/vm"
SIZES = {"loop": 20_000_000, "fib": 32, "sieve": 1_000_000, "matmul": 200, "mandel": 256, "records": 10_000, "nbody": 10_000,
         "dispatch": 2_000_000, "strings": 20}
NUMBERS = tuple(name for name in SIZES if name != "strings")
SMALL = {"loop": 200_000, "fib": 18, "sieve": 10_000, "matmul": 30, "mandel": 32, "records": 100, "nbody": 100, "dispatch": 20_000,
         "strings": 1}
ROUNDS = 7
NEAR = 1e-9  # of a check: some languages print a sum of REALs with another last digit
TARGETS = (("lua5.4", 2.2, 2.8), ("luajit -joff", 1.4, 2.0), ("CPython of Debian", 4.0, 6.0), ("QuickJS", 4.0, 6.0))

Command = list[str]


def run(options: Options) -> Report:
    report = Report("vm", facts())
    found = dict(runtimes(options))
    sizes = {name: size for name, size in (SMALL if options.quick else SIZES).items() if options.wanted(name)}
    pin(processors()[0])
    subjects = [subject for name, size in sizes.items() for subject in of_kernel(name, size, found)]
    report.rows = in_rounds(subjects, "ms", options.turns(ROUNDS))
    report.ratios = ratios(report, [name for name in sizes if name in NUMBERS])
    if "strings" in sizes and (faster := speeds(report, "lua5.4", ["strings"])):
        report.ratios.append(Ratio("text kernel against lua5.4", faster[0], 1.0, 1.5))
    report.notes += peers.missing(["lua5.4", "luajit", "python3-debian", "pypy3", "node", "gcc", "quickjs", "wasmtime"])
    report.notes.append("just-in-time compilers are warm only as far as one call of a kernel warms them")
    return report


def runtimes(options: Options) -> Iterable[tuple[str, Command]]:
    """Name and command of everything that is installed; the command takes the kernel's name and size."""
    yield "hisee", [sys.executable, str(HERE / "run_esl.py")]
    library = [peers.python(), str(HERE / "in_library.py")]
    for name, peer, command in (
        ("lua5.4", "lua5.4", ["lua5.4", str(HERE / "kernels.lua")]),
        ("luajit -joff", "luajit", ["luajit", "-joff", str(HERE / "kernels.lua")]),
        ("luajit", "luajit", ["luajit", str(HERE / "kernels.lua")]),
        ("CPython of Debian", "python3-debian", ["/usr/bin/python3", str(HERE / "kernels.py")]),
        ("PyPy", "pypy3", ["pypy3", str(HERE / "kernels.py")]),
        ("node", "node", ["node", str(HERE / "kernels.js")]),
        ("QuickJS", "quickjs", [*library, "quickjs", str(HERE / "kernels.js")]),
        ("wasmtime", "wasmtime", [*library, "wasmtime", str(BUILD / "kernels.wasm")]),
        ("wasmtime with fuel", "wasmtime", [*library, "wasmtime-fuel", str(BUILD / "kernels.wasm")]),
        ("gcc -O2", "gcc", [str(BUILD / "kernels")]),
    ):
        wanted = not options.peers or name in options.peers
        if wanted and peers.PEERS[peer].found() and built(name):
            yield name, command


def built(name: str) -> bool:
    """Compile what a runtime needs before it can run."""
    if name == "gcc -O2":
        return compiled(["gcc", "-O2", "-o", str(BUILD / "kernels"), str(HERE / "kernels.c"), "-lm"])
    if name.startswith("wasmtime"):
        return shutil.which("clang") is not None and compiled(
            ["clang", "--target=wasm32", "-O2", "-nostdlib", "-fno-builtin", "-Wl,--no-entry", "-o", str(BUILD / "kernels.wasm"),
             str(HERE / "kernels.c")])
    return True


def compiled(command: Command) -> bool:
    BUILD.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        progress(f"  {command[0]} fails, its rows are left out: {done.stderr.strip().splitlines()[-1]}")
    return not done.returncode


def of_kernel(name: str, size: int, found: dict[str, Command]) -> list[Subject]:
    """One subject a runtime; all must print the check that hisee prints."""
    _, check = once([*found["hisee"], name, str(size)])
    without_texts = [runtime for runtime in found if not (name == "strings" and runtime.startswith("wasmtime"))]
    return [(name, runtime, partial(milliseconds, [*found[runtime], name, str(size)], check)) for runtime in without_texts]


def milliseconds(command: Command, wanted: float) -> float:
    seconds, check = once(command)
    if abs(check - wanted) > NEAR * abs(wanted):
        raise SystemExit(f"{' '.join(command)}: the check is {check}, hisee says {wanted}")
    return seconds * 1e3


def once(command: Command) -> tuple[float, float]:
    """Seconds and check of one run."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    seconds, check = done.stdout.split()
    return float(seconds), float(check)


def ratios(report: Report, kernels: list[str]) -> list[Ratio]:
    made = []
    for peer, must, goal in TARGETS:
        if faster := speeds(report, peer, kernels):
            made.append(Ratio(f"{len(faster)} kernels, geometric mean against {peer}", geometric_mean(faster), must, goal))
    if faster := speeds(report, "lua5.4", kernels):
        made.append(Ratio("slowest kernel against lua5.4", min(faster), 1.8))
    if faster := speeds(report, "gcc -O2", kernels):
        made.append(Ratio("share of gcc -O2, geometric mean", geometric_mean(faster)))
    return made


def speeds(report: Report, peer: str, kernels: list[str]) -> list[float]:
    """How many times faster hisee is than the peer, by kernel."""
    median: Callable[[str, str], float | None] = report.median
    return [theirs / ours for name in kernels if (theirs := median(name, peer)) and (ours := median(name, "hisee"))]
