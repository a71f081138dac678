"""A whole system with nothing to do: what it takes of one core and of memory, by process."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from support.system import running

APP = Path(__file__).with_name("idle_app")
TICKS = os.sysconf("SC_CLK_TCK")
CALM_S = 20.0  # after the start: what is warmed up is warm


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=60.0)


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    return run(given.seconds)


def run(seconds: float = 60.0, calm_s: float = CALM_S) -> dict[str, Any]:
    """CPU in percent of one core, memory as PSS (shared pages divided among their users) in MiB."""
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        app = Path(folder) / "app"
        shutil.copytree(APP, app)
        with running(app, Path(folder) / "data") as system:
            time.sleep(calm_s)
            pids = {pid: name_of(pid) for pid in family(system.pid)}
            before, began = {pid: cpu_s(pid) for pid in pids}, time.monotonic()
            time.sleep(seconds)
            took = time.monotonic() - began
            shares = {pid: 100 * (cpu_s(pid) - before[pid]) / took for pid in pids}
            memory = {pid: pss_mib(pid) for pid in pids}
    by_name = {f"{name} ({pid})": f"{shares[pid]:.2f} %, {memory[pid]:.1f} MiB" for pid, name in sorted(pids.items())}
    return {"cpu_percent": round(sum(shares.values()), 2), "memory_mib": round(sum(memory.values()), 1), "processes": by_name}


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
