"""The ring between two processes beside a C ring and Python's transports: round trips, wakes, messages one way, processor time."""

from __future__ import annotations

from functools import partial

from bench.harness.machine import facts, processors
from bench.harness.options import Options
from bench.harness.peers import missing
from bench.harness.report import Ratio, Report, Row
from bench.harness.rounds import in_rounds
from bench.ipc.pairs import INSTALLED, STDLIB, Load, figures, there

PEERS = (*STDLIB, *INSTALLED)
A, B = processors()
BOTH, ONE = (A, B), (A, A)
TRIP, SAME_CORE, WAKE, ONEWAY = "round trip 64 B", "round trip 64 B on one core", "wake of a sleeper", "one way 64 B"
LARGE = "round trip 64 KiB"
BATCH = {"batches of 32 of 64 B": 64, "batches of 32 of 16 B": 16}
SENDER = "sender's processor, one way 64 B"
SLOW, FAST = 3_000, 300_000  # round trips of a transport that sleeps, of one that looks
NOTE = ("wake of a sleeper: from the send to the return of a receiver that has slept for more than a millisecond, on the other core; "
        "what two futexes in C take is what the machine takes")


def run(options: Options) -> Report:
    report = Report("ring", facts())
    for case, measure in {TRIP: trips, SAME_CORE: same_core, WAKE: wakes, ONEWAY: one_way, LARGE: large}.items():
        if options.wanted(case):
            measure(report, options)
    for case, size in BATCH.items():
        if options.wanted(case):
            batches(report, options, case, size)
    report.ratios += [ratio for ratio in ratios(report) if ratio is not None]
    report.notes += [NOTE, *missing(list(INSTALLED.values()))]
    return report


def subjects(options: Options, *fixed: str) -> list[str]:
    """`fixed`, then the peers that are there and wanted."""
    return [*fixed, *(peer for peer in PEERS if there(peer) and (not options.peers or peer in options.peers))]


def count_of(options: Options, usual: int) -> int:
    return max(200, usual // 10) if options.quick else usual


def timed(report: Report, options: Options, case: str, names: list[tuple[str, Load]]) -> None:
    work = [(case, name, partial(us, name, load)) for name, load in names]
    report.rows += in_rounds(work, "us", options.turns(5))


def us(subject: str, load: Load) -> float:
    return figures(subject, load)["us"]


def trips(report: Report, options: Options) -> None:
    quick, slow = count_of(options, FAST), count_of(options, SLOW)
    names = subjects(options, "ring", "C poll", "C futex")
    timed(report, options, TRIP, [(name, Load("trip", quick if name in ("ring", "C poll") else slow, BOTH)) for name in names])


def same_core(report: Report, options: Options) -> None:
    timed(report, options, SAME_CORE, [(name, Load("trip", count_of(options, 20_000), ONE)) for name in ("ring", "C futex", "mp.Pipe")])


def wakes(report: Report, options: Options) -> None:
    names = subjects(options, "ring", "C futex")
    timed(report, options, WAKE, [(name, Load("wake", count_of(options, 200), BOTH)) for name in names if name != "iceoryx2"])


def large(report: Report, options: Options) -> None:
    load = Load("trip", count_of(options, 10_000), BOTH, size=60_000)
    timed(report, options, LARGE, [(name, load) for name in ("ring", "C poll", "mp.Pipe", "unix socket")])


def one_way(report: Report, options: Options) -> None:
    """Messages per second, and what the sender's processor has to do with each."""
    both: dict[tuple[str, str], list[float]] = {}
    load = Load("oneway", count_of(options, 200_000), BOTH)
    work = [(ONEWAY, name, partial(rate, both, name, load)) for name in subjects(options, "ring", "C poll")]
    report.rows += in_rounds(work, "k messages/s", options.turns(5))
    report.rows += [Row(SENDER, name, "us/message", tuple(both[ONEWAY, name])) for _, name, _ in work]


def rate(both: dict[tuple[str, str], list[float]], subject: str, load: Load) -> float:
    found = figures(subject, load)
    both.setdefault((ONEWAY, subject), []).append(found["cpu"])
    return found["rate"] / 1e3


def batches(report: Report, options: Options, case: str, size: int) -> None:
    load = Load("batch", count_of(options, 3_200_000), BOTH, size=size, batch=32)
    report.rows += in_rounds([(case, name, partial(rate, {}, name, load)) for name in ("ring", "C poll")], "k messages/s", options.turns(5))


def ratios(report: Report) -> list[Ratio | None]:
    def ratio(text: str, case: str, over: str, under: str, must: float, goal: float, *, at_most: bool = False) -> Ratio | None:
        high, low = report.median(case, over), report.median(case, under)
        return Ratio(text, high / low, must, goal, at_most) if high and low else None

    def pace(case: str, must: float, goal: float) -> Ratio | None:
        found = report.median(case, "ring")
        return Ratio(f"{case}: million messages/s", found / 1e3, must, goal) if found else None

    return [
        ratio("round trip 64 B: times the C busy poll", TRIP, "ring", "C poll", 1.6, 1.25, at_most=True),
        ratio("round trip 64 B: faster than mp.Pipe", TRIP, "mp.Pipe", "ring", 40, 111),
        ratio("round trip 64 B: faster than iceoryx2, polled", TRIP, "iceoryx2", "ring", 4, 7.7),
        ratio("both ends on one core: times the C futex there", SAME_CORE, "ring", "C futex", 2, 1.2, at_most=True),
        ratio("wake of a sleeper: times the C futex", WAKE, "ring", "C futex", 1.15, 1.0, at_most=True),
        ratio("sender's processor: less than mp.Pipe", SENDER, "mp.Pipe", "ring", 6, 10),
        ratio("sender's processor: less than pyzmq", SENDER, "pyzmq", "ring", 2.5, 4),
        ratio("sender's processor: less than faster-fifo", SENDER, "faster-fifo", "ring", 7, 12),
        ratio("sender's processor: less than mp.Queue", SENDER, "mp.Queue", "ring", 15, 25),
        ratio("one way 64 B: faster than pyzmq", ONEWAY, "ring", "pyzmq", 2.5, 4),
        pace("batches of 32 of 64 B", 5, 12), pace("batches of 32 of 16 B", 5, 12),
        ratio("64 KiB, nearly: times the C busy poll", LARGE, "ring", "C poll", 1.67, 1.11, at_most=True),
    ]
