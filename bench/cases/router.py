"""The router's thread alone on its processor, both ends on another one: messages from ring to ring, checked by whoever receives them."""

from __future__ import annotations

import subprocess
import tempfile
from functools import partial
from pathlib import Path

from bench.harness.machine import facts, processors
from bench.harness.options import Options
from bench.harness.report import Ratio, Report
from bench.harness.rounds import in_rounds
from support.c_sources import sources_of

ROOT = Path(__file__).parents[2]
FLAGS = ["-O2", "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing"]  # those of setup.py
MUST = "64 bytes, batches of 32"
CASES = {MUST: (64, 32), "64 bytes, one by one": (64, 1), "16 bytes, batches of 32": (16, 32), "4096 bytes, batches of 32": (4096, 32)}


def run(options: Options) -> Report:
    """Million messages per second; the first case is the one that counts."""
    report = Report("router", facts())
    count = 300_000 if options.quick else 3_000_000
    with tempfile.TemporaryDirectory(prefix="hisee-bench-") as folder:
        program = compiled(Path(folder))
        subjects = [(case, "router", partial(rate, program, count, *CASES[case])) for case in filter(options.wanted, CASES)]
        report.rows += in_rounds(subjects, "million/s", options.turns(5))
    if (found := report.median(MUST, "router")) is not None:
        report.ratios.append(Ratio("ring to ring, million messages/s", found, 3.0))
    report.notes.append("the sender keeps at most 4,096 messages under way; both ends are one thread, so the router is what limits")
    return report


def compiled(folder: Path) -> Path:
    """bench/c/router_flow.c with the core as it is in this checkout."""
    program = folder / "router_flow"
    sources = [str(path) for path in sources_of("hisee._core.router")]
    subprocess.run(["cc", *FLAGS, f"-I{ROOT / 'core/c'}", str(ROOT / "bench/c/router_flow.c"), *sources, "-lpthread", "-o", str(program)],
                   check=True)
    return program


def rate(program: Path, count: int, size: int, batch: int) -> float:
    router, ends = processors()
    done = subprocess.run([program, *map(str, (count, size, batch, router, ends))], capture_output=True, text=True, check=True)
    return 1e3 / float(done.stdout)
