"""Campaign: the model of the server pair searched in bounds that no test run has time and memory for."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any

from support.spin import compiled, search

BOUNDS = {
    "two writes": {"WRITES": 2},
    "two promotions": {"EPOCHS": 3, "TIMELINES": 3},
    "two deaths and restores of the witness": {"DEATHS": 2, "RESTORES": 2},
    "all of these": {"WRITES": 2, "EPOCHS": 3, "TIMELINES": 3, "DEATHS": 2, "RESTORES": 2},
    "an operator, the witness dead": {"OPERATORS": 1, "RESTORES": 0},
    "an operator cut off from the witness": {"OPERATORS": 1, "UNREACHED": 1, "WRITES": 0},
}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bounds", choices=BOUNDS, action="append", help="only these (default: all)")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    """States searched by bounds; AssertionError with the first violated assertion."""
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        program = compiled(Path(folder))
        return {name: states(program, BOUNDS[name]) for name in given.bounds or BOUNDS}


def states(program: Path, bounds: dict[str, int]) -> int:
    report = search(program, **bounds)
    assert "errors: 0" in report, report
    found = re.search(r"(\d+) states, stored", report)
    assert found is not None, report
    return int(found[1])
