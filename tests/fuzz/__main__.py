"""`./hisee fuzz [TARGET] [--seconds N | --count N] [--store] [--json]`: fuzzes one target or all; ends with 1 when something was found."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import alone
from .engine import Report, fuzz, keep
from .targets import TARGETS

IN_C = list(alone.MODULES)
IN_PYTHON = [name for name in TARGETS if name not in IN_C]
MEASURED = 2_500  # inputs of a target in Python whose branches are counted
ROOT = Path(__file__).parents[2]


def main() -> int:
    given = arguments()
    if given.replay:
        fuzz(TARGETS[given.replay], inputs=MEASURED, seed=given.seed)
        return 0
    results = [result(name, given) for name in ([given.target] if given.target else [*IN_PYTHON, *IN_C])]
    print(json.dumps(results + totals(results)) if given.json else "\n".join(map(line, results + totals(results))))
    return int(any(one["found"] for one in results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hisee fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=[*IN_PYTHON, *IN_C], help="without: all, one after the other")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each target")
    parser.add_argument("--count", type=int, default=0, help="inputs of each target, however long that takes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", action="store_true", help="put the inputs that took new branches into the corpus")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--replay", choices=IN_PYTHON, help=argparse.SUPPRESS)
    return parser.parse_args()


def result(name: str, given: argparse.Namespace) -> dict[str, Any]:
    seconds = 0.0 if given.count else given.seconds
    if name in IN_C:
        return alone.run(name, count=given.count, seconds=seconds, seed=given.seed, store=given.store)
    report: Report = fuzz(TARGETS[name], seconds=seconds, inputs=given.count, seed=given.seed)
    figures = {"target": name, "inputs": report.inputs, "seconds": report.seconds,
               "per_s": round(report.inputs / max(report.seconds, 0.001)),
               "found": [str(path) for path in keep(report)], "why": [why for _, why in report.found][:3]}
    return figures | (percent(name, given.seed) if TARGETS[name].module else alone.of_units())


def percent(name: str, seed: int) -> dict[str, Any]:
    """Branches of the target's module that a slice of the inputs takes, by coverage.py; the compiler runs as plain Python."""
    with tempfile.TemporaryDirectory(prefix="hisee-fuzz-") as folder:
        data, report = f"{folder}/data", f"{folder}/report.json"
        run = ["run", "--branch", f"--data-file={data}", f"--include={','.join(TARGETS[name].module)}", "-m", "fuzz", "--replay", name,
               "--seed", str(seed)]
        for words in (run, ["json", f"--data-file={data}", "-q", "-o", report]):
            subprocess.run([sys.executable, "-m", "coverage", *words], cwd=ROOT, check=True, capture_output=True,
                           env={**os.environ, "HISEE_PURE": "1", "COVERAGE_CORE": "ctrace"})
        totals = json.loads(Path(report).read_text())["totals"]
    return {"branches": {"all": [totals["covered_branches"], totals["num_branches"]]},
            "percent": round(100 * totals["covered_branches"] / max(1, totals["num_branches"]), 1)}


def totals(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for the targets in C and one for those in Python, when there are several."""
    rows = []
    for kind, names in (("all in C", IN_C), ("all in Python", IN_PYTHON)):
        of = [one for one in results if one["target"] in names]
        if len(of) > 1:
            inputs, seconds = sum(one["inputs"] for one in of), round(sum(one["seconds"] for one in of), 1)
            rows.append({"target": kind, "inputs": inputs, "seconds": seconds, "per_s": round(inputs / max(seconds, 0.001)), "found": [
                path for one in of for path in one["found"]]})
    return rows


def line(one: dict[str, Any]) -> str:
    edges = f", {one['edges']} edges ({one['edges_of_seeds']} of the seeds)" if "edges" in one else ""
    part = f", {one['percent']} % of the module's branches" if "percent" in one else ""
    found = "".join(f"\n  {path}" for path in one["found"]) + "".join(f"\n{why}" for why in one.get("why", []))
    speed = f"{one.get('per_s', 0):>8}/s"
    return f"{one['target']:<13} {one['inputs']:>10} inputs in {one['seconds']:>7} s {speed}{part}{edges}, {len(one['found'])} found{found}"


if __name__ == "__main__":
    raise SystemExit(main())
