"""`./hisee campaign NAME`: one campaign with its full count on a system of its own; prints its figures."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from campaigns import crossings, cycles, hostile, latency, numbered
from support.system import running

PROC_APP = Path(__file__).parents[1] / "proc" / "app"
# Name -> its function, the application it needs, what --count means (None: it has no count).
CAMPAIGNS: dict[str, tuple[Callable[..., dict[str, Any]], Path, str | None]] = {
    "crossings": (crossings.run, crossings.APP, "count"),
    "cycles": (cycles.run, PROC_APP, "count"),
    "hostile": (hostile.run, hostile.APP, "neighbours"),
    "latency": (latency.run, PROC_APP, "calls"),
    "numbered": (numbered.run, numbered.APP, "count"),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hisee campaign", description=__doc__)
    parser.add_argument("name", choices=sorted(CAMPAIGNS))
    parser.add_argument("--count", type=int, help="messages, cycles, calls, reads or neighbours instead of the full count")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    function, app, counted = CAMPAIGNS[given.name]
    options = {counted: given.count} if counted and given.count is not None else {}
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder, running(app, Path(folder) / "data") as system:
        figures = function(system, **options)
    print(json.dumps(figures) if given.json else "\n".join(lines(figures)))
    return 0


def lines(figures: dict[str, Any], indent: str = "") -> list[str]:
    """Figures as indented `name value` lines."""
    out: list[str] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            out += [f"{indent}{name}", *lines(value, indent + "  ")]
        else:
            out.append(f"{indent}{name:<28} {value}")
    return out


if __name__ == "__main__":
    raise SystemExit(main())
