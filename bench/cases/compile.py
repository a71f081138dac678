"""The compiler of ESL beside CPython's compile(): the same program in both languages line by line, and the demo application."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench.harness.machine import facts
from bench.harness.options import Options
from bench.harness.report import Ratio, Report
from bench.harness.rounds import in_rounds, processor_time
from bench.test_compile import compile_esl, compile_object, compile_python, demo_objects, proved_twin

SIZES = {"5,000 lines": 5_000, "50,000 lines": 50_000}
DEMO = "demo application"
DEMO_REPEATS = 50  # it compiles in some milliseconds


def run(options: Options) -> Report:
    """Lines per second, best where the processor's time is least disturbed; both programs gave the same answer first."""
    report = Report("compile", facts())
    for case in filter(options.wanted, (*SIZES, DEMO)):
        ours, theirs, lines = (demo if case == DEMO else partial(generated, SIZES[case]))()
        report.rows += in_rounds([(case, "hisee", partial(rate, ours, lines[0])), (case, "CPython", partial(rate, theirs, lines[1]))],
                                 "k lines/s", options.turns(9))
        report.ratios.append(Ratio(f"{case}: lines/s against CPython", faster(report, case), *((1.0, 3.0) if case == DEMO else (3.0, 8.0))))
    return report


def faster(report: Report, case: str) -> float:
    return (report.median(case, "hisee") or 0) / (report.median(case, "CPython") or 1)


def rate(work: Callable[[], object], lines: int) -> float:
    return lines / processor_time(work) / 1e3


def generated(lines: int) -> tuple[Callable[[], object], Callable[[], object], tuple[int, int]]:
    esl, python = proved_twin(lines)
    return partial(compile_esl, esl), partial(compile_python, python), (esl.count("\n"), python.count("\n"))


def demo() -> tuple[Callable[[], object], Callable[[], object], tuple[int, int]]:
    objects = list(demo_objects())
    lines = sum(text.count("\n") for _, parts, _ in objects for text in parts.values())
    _, python = proved_twin(SIZES["5,000 lines"])
    return partial(again, objects), partial(compile_python, python), (lines * DEMO_REPEATS, python.count("\n"))


def again(objects: list[tuple]) -> None:
    for _ in range(DEMO_REPEATS):
        for given in objects:
            compile_object(*given)
