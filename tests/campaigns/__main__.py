"""`./hisee campaign NAME`: one campaign with its full count on a system of its own; prints its figures."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from campaigns import crossings, cycles, fragments, hostile, latency, numbered
from support.system import running

PROC_APP = Path(__file__).parents[1] / "proc" / "app"
# Name -> its function, the application it needs, what --count means (None: it has no count).
CAMPAIGNS: dict[str, tuple[Callable[..., dict[str, Any]], Path, str | None]] = {
    "crossings": (crossings.run, crossings.APP, "count"),
    "cycles": (cycles.run, PROC_APP, "count"),
    "fragments": (fragments.run, fragments.APP, "count"),
    "hostile": (hostile.run, hostile.APP, "neighbours"),
    "latency": (latency.run, PROC_APP, "calls"),
    "numbered": (numbered.run, numbered.APP, "count"),
}
# Campaigns that read their options and make what they need themselves: `options(parser)` adds them, `campaign(given)` runs.
OWN = {"idle": "campaigns.idle", "blackout": "campaigns.blackout", "agents": "campaigns.agents", "counters": "campaigns.counters",
       "carriers": "campaigns.carriers", "cuts": "campaigns.cuts", "density": "campaigns.density", "models": "campaigns.models",
       "java": "campaigns.java", "latency_due": "campaigns.latency_due", "million": "campaigns.million",
       "queues": "campaigns.queues", "roles": "campaigns.roles", "simulator": "campaigns.simulator",
       "oracle": "campaigns.oracle", "coverage": "campaigns.coverage", "kills": "campaigns.kills",
       "pair": "campaigns.pair", "pairs": "campaigns.pairs", "plant": "campaigns.plant", "skew": "campaigns.skew",
       "supervision": "campaigns.supervision", "switch": "campaigns.switch", "wasm": "campaigns.wasm"}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hisee campaign", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME", help=", ".join(sorted([*CAMPAIGNS, *OWN])))
    for name in sorted([*CAMPAIGNS, *OWN]):
        one = names.add_parser(name)
        one.add_argument("--json", action="store_true", help="figures as one JSON object")
        if name not in OWN:
            one.add_argument("--count", type=int, help="messages, cycles, calls, reads or neighbours instead of the full count")
        elif sys.argv[1:2] == [name]:
            import_module(OWN[name]).options(one)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    figures = import_module(OWN[given.name]).campaign(given) if given.name in OWN else on_a_system(given)
    print(json.dumps(figures) if given.json else "\n".join(lines(figures)))
    return 0


def on_a_system(given: argparse.Namespace) -> dict[str, Any]:
    function, app, counted = CAMPAIGNS[given.name]
    options = {counted: given.count} if counted and given.count is not None else {}
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder, running(app, Path(folder) / "data") as system:
        return function(system, **options)


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
