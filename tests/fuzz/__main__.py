"""`./hisee fuzz [TARGET] [--seconds N] [--json]`: fuzzes one target or all; ends with 1 when something was found."""

from __future__ import annotations

import argparse
import json
from typing import Any

from . import vmdriver
from .engine import Report, fuzz, keep
from .targets import TARGETS


def main() -> int:
    given = arguments()
    names = [given.target] if given.target else [*TARGETS, vmdriver.NAME]
    results = [result(name, given.seconds, given.seed) for name in names]
    print(json.dumps(results) if given.json else "\n".join(map(line, results)))
    return int(any(one["found"] for one in results))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hisee fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=[*TARGETS, vmdriver.NAME], help="without: all, one after the other")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def result(name: str, seconds: float, seed: int) -> dict[str, Any]:
    if name == vmdriver.NAME:
        return vmdriver.run(seconds, seed)
    report: Report = fuzz(TARGETS[name], seconds=seconds, seed=seed)
    kept = [str(path) for path in keep(report)]
    return {"target": name, "inputs": report.inputs, "seconds": report.seconds, "found": kept, "why": [w for _, w in report.found][:3]}


def line(one: dict[str, Any]) -> str:
    edges = f", {one['edges']} edges ({one['edges_of_seeds']} of the seeds)" if "edges" in one else ""
    found = "".join(f"\n  {path}" for path in one["found"]) + "".join(f"\n{why}" for why in one.get("why", []))
    return f"{one['target']:<12} {one['inputs']:>10} inputs in {one['seconds']} s{edges}, {len(one['found'])} found{found}"


if __name__ == "__main__":
    raise SystemExit(main())
