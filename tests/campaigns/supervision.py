"""`./hisee campaign supervision`: processes of a system are killed, aborted, frozen or told to end, at random, and all come back.

After every round each configured process runs exactly once under its name or a number, and the supervisor never starts one twice.
A freeze takes the watchdog's time, so it is rare. Same seed, same faults.
"""

from __future__ import annotations

import argparse
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from hisee.errors import HiseeError
from support.system import RunningSystem, kill, running, until

APP = """\
name = "beaten"
port = 0
[nodes.SRV1]
processes = [{kind = "server"}, {kind = "cp", count = 2}, {kind = "dbm"}, {kind = "wp", count = 3},
             {kind = "event", name = "R1", args = ["--SES_REMOTE"]}, {kind = "event", name = "R2", args = ["--SES_REMOTE"]}]
[limits]
restarts = 1000000
"""
WANTED = Counter({"KNL": 1, "CP": 2, "DBM": 1, "WP": 3, "SES": 2, "RRS": 1})
BACK_S = 90.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--freezes", type=float, default=0.05, help="share of rounds that freeze a process instead of killing one")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        return run(Path(folder), rounds=given.rounds, seed=given.seed, freezes=given.freezes)


def run(folder: Path, *, rounds: int, seed: int = 1, freezes: float = 0.0) -> dict[str, Any]:
    """Faults by kind and the longest time until everything ran again; raises AssertionError when something does not come back."""
    app = folder / "beaten"
    app.mkdir()
    (app / "app.toml").write_text(APP)
    chance, faults, longest_s = random.Random(seed), Counter[str](), 0.0
    with running(app, folder / "data") as system:
        for _ in range(rounds):
            hit = fault(system, chance, freezes)
            faults[hit[0]] += 1
            longest_s = max(longest_s, back(system, hit))
        assert system.stop() == 0
    assert sum(faults.values()) == rounds
    return {"rounds": rounds, "seed": seed, "faults": dict(faults), "longest until all ran again": f"{longest_s:.1f} s"}


def alive(system: RunningSystem) -> dict[int, str]:
    """pid -> kind of every configured process that runs; empty while the server cannot be asked."""
    try:
        with system.connect() as client:
            rows = client.ps()
    except HiseeError:
        return {}
    plain = {"PWP": "WP", "DWP": "WP"}
    return {row["pid"]: plain.get(row["kind"], row["kind"]) for row in rows if row["state"] == "Run" and row["kind"] != "TEL"}


def fault(system: RunningSystem, chance: random.Random, freezes: float) -> tuple[str, int]:
    """Hit one process; the server now and then. Returns what was done and to whom."""
    found = sorted((kind, pid) for pid, kind in alive(system).items() if kind != "RRS")
    kind, pid = chance.choice(found)
    number = signal.SIGSTOP if chance.random() < freezes else chance.choice([signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
    kill(pid, number)
    return f"{kind} {number.name}", pid


def back(system: RunningSystem, hit: tuple[str, int]) -> float:
    """Seconds until the one that was hit is gone and everything runs, each once."""
    began = time.monotonic()

    def whole() -> bool:
        found = alive(system)
        return hit[1] not in found and Counter(found.values()) == WANTED

    until(whole, f"all run again after {hit[0]}\n{system.output()[-2000:]}", BACK_S)
    return time.monotonic() - began
