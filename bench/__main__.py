"""`./hisee bench NAME`: hisee beside its peers in one run; every case checks its answer before its time counts."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path

from bench.harness import page, peers
from bench.harness.compare import compared
from bench.harness.options import Options, progress
from bench.harness.report import Report, text

CASES = sorted(path.stem for path in Path(__file__).with_name("cases").glob("[!_]*.py"))

NAMES = f"of {', '.join(CASES)}; all = each; small = the cases of pytest-benchmark; compare BEFORE AFTER = two files of --out; " \
        "page = write docs/benchmarks.md from what --keep kept"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hisee bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=NAMES)
    parser.add_argument("--json", action="store_true", help="the reports as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller counts: to see that it runs")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="rounds of each case")
    parser.add_argument("--only", default="", metavar="CASE,..", help="these cases only")
    parser.add_argument("--peers", default="", metavar="PEER,..", help="these peers only")
    parser.add_argument("--out", metavar="FILE", help="write the reports there as JSON too, for compare")
    parser.add_argument("--keep", action="store_true", help="put the reports among the results that the page in the docs shows")
    parser.add_argument("--install-peers", action="store_true", help="install the peers from Debian and PyPI first")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if given.install_peers:
        peers.install()
    if given.names[:1] == ["compare"]:
        return compare(given.names[1:])
    if given.names == ["page"]:
        print("\n".join(str(path.relative_to(page.ROOT)) for path in page.write()))
        return 0
    names = CASES if given.names == ["all"] else given.names
    if unknown := [name for name in names if name not in CASES]:
        progress(f"bench: there is no {', '.join(unknown)}; there are {', '.join(CASES)}, all, compare")
        return 2
    show([run(name, options(given)) for name in names], given)
    return 0


def compare(files: list[str]) -> int:
    if len(files) != 2:
        progress("bench compare: takes two files written with --out")
        return 2
    print("\n".join(compared(*files)))
    return 0


def options(given: argparse.Namespace) -> Options:
    only, peers_wanted = (frozenset(filter(None, text.split(","))) for text in (given.only, given.peers))
    return Options(given.quick, given.rounds, only, peers_wanted)


def run(name: str, given: Options) -> Report:
    progress(f"{name}: {(import_module(f'bench.cases.{name}').__doc__ or '').splitlines()[0]}")
    report: Report = import_module(f"bench.cases.{name}").run(given)
    return report


def show(reports: list[Report], given: argparse.Namespace) -> None:
    written = json.dumps([report.to_json() for report in reports], indent=1)
    if given.out:
        Path(given.out).write_text(written + "\n")
    for report in reports if given.keep else []:
        page.keep(report)
    if given.json:
        print(written)
        return
    for report in reports:
        facts = ", ".join(f"{name} {value}" for name, value in report.machine.items())
        print("\n".join(["", f"## {report.name}", "", f"({facts})", "", *text(report)]))


if __name__ == "__main__":
    sys.exit(main())
