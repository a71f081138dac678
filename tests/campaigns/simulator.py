"""Campaign: many more seeds of the simulator than a test run has time for. Failing ones are kept and run first from then on."""

from __future__ import annotations

import argparse
import time
from typing import Any

from simulator.seeds import CI, keep, kept, run_all


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=100_000, help="how many")
    parser.add_argument("--first", type=int, default=CI, help="the first one")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    """Raises AssertionError with the first failing seeds after they were written down."""
    began = time.process_time()
    result = run_all([*kept(), *range(given.first, given.first + given.seeds)])
    keep(result.broken)
    assert not result.broken, f"{len(result.broken)} seeds fail, kept in seeds.txt: {result.broken[:5]}"
    return {"seeds": result.seeds, "tasks": result.tasks, "calls": result.calls, "cpu_s": round(time.process_time() - began, 1),
            "faults": dict(sorted(result.faults.items()))}
