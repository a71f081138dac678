"""A Channel over the ring beside the bare ring: what messages, lanes, numbers and the session cost."""

from __future__ import annotations

from functools import partial

from bench.cases.ring import BOTH, FAST, ONE, ONEWAY, SAME_CORE, SENDER, TRIP, WAKE, count_of, rate, timed
from bench.harness.machine import facts
from bench.harness.options import Options
from bench.harness.report import Ratio, Report, Row
from bench.harness.rounds import in_rounds
from bench.ipc.pairs import Load

SUBJECTS = ("ring", "channel")
NOTE = ("channel: a Message is made for every send, and sent back as it came; session: the same, numbered and kept until it is confirmed; "
        "ring: bytes")


def run(options: Options) -> Report:
    report = Report("channel", facts())
    loads = {TRIP: Load("trip", count_of(options, FAST), BOTH), SAME_CORE: Load("trip", count_of(options, 20_000), ONE),
             WAKE: Load("wake", count_of(options, 200), BOTH)}
    for case, load in loads.items():
        if options.wanted(case):
            extra = {WAKE: ("C futex",), SAME_CORE: ("C futex",), TRIP: ("session", "C poll", "mp.Pipe")}[case]
            timed(report, options, case, [(name, load if name != "mp.Pipe" else Load("trip", 3_000, BOTH)) for name in (*SUBJECTS, *extra)])
    if options.wanted(ONEWAY):
        one_way(report, options)
    report.ratios += [ratio for ratio in map(partial(against_ring, report), (TRIP, SAME_CORE, WAKE, SENDER)) if ratio]
    if (session := report.median(TRIP, "session")) and (channel := report.median(TRIP, "channel")):
        report.ratios.append(Ratio(f"{TRIP}: a session that can be resumed, times the Channel", session / channel, at_most=True))
    report.notes.append(NOTE)
    return report


def one_way(report: Report, options: Options) -> None:
    both: dict[tuple[str, str], list[float]] = {}
    load = Load("oneway", count_of(options, 200_000), BOTH)
    report.rows += in_rounds([(ONEWAY, name, partial(rate, both, name, load)) for name in SUBJECTS], "k messages/s", options.turns(5))
    report.rows += [Row(SENDER, name, "us/message", tuple(both[ONEWAY, name])) for name in SUBJECTS]


def against_ring(report: Report, case: str) -> Ratio | None:
    ours, bare = report.median(case, "channel"), report.median(case, "ring")
    asked = (1.5, 1.2) if case == TRIP else (None, None)
    return Ratio(f"{case}: times the bare ring", ours / bare, *asked, at_most=True) if ours and bare else None
