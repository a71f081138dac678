"""Durable tasks beside other queues: put, effect and end with two worker processes; rates, fsyncs and delays of one run.

Every case first proves its answer - each task had its effect exactly once - before its time counts. Cases take turns, round by
round; the ratios are the figures. Peers live in a virtual environment of their own under build/; servers in temporary folders.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from campaigns.queue_case import CASES, Case, Run, measured
from campaigns.queue_servers import Servers, peer_python

WINDOWS = (1, 16, 256)
TASKS = {1: 400, 16: 2_000, 256: 16_000}
PEERS = [case.name for case in CASES if case.peer]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", type=int, default=0, help="tasks of one case; default 400, 2,000 and 16,000 for windows 1, 16 and 256")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}; empty = none")
    parser.add_argument("--windows", default=",".join(map(str, WINDOWS)), help="tasks per call and per claim")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=int, default=500, help="tasks at 100 a second, for the delay from due to started; 0 = none")
    parser.add_argument("--no-fsync", action="store_true", help="do not count fsyncs (they need strace)")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    wanted = [name for name in given.peers.split(",") if name]
    unknown = set(wanted) - set(PEERS)
    if unknown:
        raise SystemExit(f"--peers: no {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    windows = [int(w) for w in given.windows.split(",")]
    with workshop(wanted) as (run, cases, left_out):
        figures: dict[str, Any] = {"left out": left_out} if left_out else {}
        for window in windows:
            figures[f"window {window}"] = rates(run, cases, window, given.tasks or TASKS.get(window, 2_000), given.rounds)
        if not given.no_fsync:
            figures["fsyncs per task"] = {f"window {w}": fsyncs(run, cases, w) for w in windows}
        if given.latency:
            figures["due to started at 100/s, ms"] = {case.name: run.delays(case, given.latency) for case in cases}
    return figures


@contextmanager
def workshop(peers: list[str]) -> Iterator[tuple[Run, list[Case], dict[str, str]]]:
    """The cases that can run here, with servers and environments made for them; and why the others cannot."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hisee-queues-")))
        servers = stack.enter_context(Servers(folder))
        cases, left_out = [], {}
        for case in CASES:
            if case.peer and case.name not in peers:
                continue
            why = servers.missing(case.store) if peers or case.store == "sqlite" else "no peers wanted"
            if why:
                left_out[case.name] = why
            else:
                cases.append(case)
        python = peer_python() if any(case.peer and case.venv for case in cases) else ""
        with closing(Run(folder, servers, python)) as run:
            yield run, cases, left_out


def rates(run: Run, cases: list[Case], window: int, tasks: int, rounds: int) -> dict[str, Any]:
    """Tasks a second of every case (median of the rounds), then ours as multiples of the others on the same medium."""
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for case in cases:
            found.setdefault(case.name, []).append(run.rate(case, window, case.tasks(tasks)))
    middle = {name: statistics.median(values) for name, values in found.items()}
    out: dict[str, Any] = {f"{name}, tasks/s": round(value) for name, value in middle.items()}
    for ours in (case for case in cases if not case.peer):
        for peer in (case for case in cases if case.peer and case.compared_with(ours)):
            out[f"{ours.name} / {peer.name}"] = round(middle[ours.name] / middle[peer.name], 2)
    return out


def fsyncs(run: Run, cases: list[Case], window: int) -> dict[str, Any]:
    tasks = max(100, 16 * window)
    return {case.name: measured(lambda case=case: round(run.fsyncs(case, window, case.tasks(tasks)) / case.tasks(tasks), 3))
            for case in cases}
