"""Opening a split picture until its remote part runs: all processes on one computer, or the console over a bare TCP link."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import hisee
from bench.harness.machine import facts
from bench.harness.options import Options
from bench.harness.report import Ratio, Report
from bench.harness.rounds import in_rounds
from support.source import ROOT
from support.system import running, until

APP = ROOT / "tests/proc/app"
CONSOLES = {"WS1": "one computer", "FAR": "TCP"}  # console -> case
WARM, OPENS, QUICK = 20, 200, 20


def run(options: Options) -> Report:
    """p50 on the console's clock, from its request to the server until it knows that the remote part runs (sequence F.3)."""
    report = Report("open", facts())
    with tempfile.TemporaryDirectory(prefix="hisee-open-") as folder, running(APP, Path(folder) / "data") as system, \
            system.connect() as client:
        desks = {name: client.console(name) for name in CONSOLES}
        for desk in desks.values():
            opened_ms(desk, WARM)
        count = QUICK if options.quick else OPENS
        works = [(case, "p50", partial(opened_ms, desks[name], count)) for name, case in CONSOLES.items()]
        report.rows += in_rounds(works, "ms", options.turns(5))
    report.ratios.append(Ratio("open picture to remote part running, one computer, p50 ms", report.median("one computer", "p50") or 0, 2.0,
                               at_most=True))
    return report


def opened_ms(desk: hisee.Console, count: int) -> float:
    return median(one_ms(desk) for _ in range(count))


def one_ms(desk: hisee.Console) -> float:
    """The picture answers a click through both parts before its time counts."""
    picture = desk.open("S.Split")
    until(lambda: picture.facts["remote"] == "up", "its remote part runs")
    facts = picture.facts
    picture.click("BtnEcho")
    picture.settle()
    assert picture["LblL"].text.startswith("0 42"), picture["LblL"].text
    picture.close()
    return (facts["up_ns"] - facts["asked_ns"]) / 1e6
