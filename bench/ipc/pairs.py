"""Runs one pair of processes and gives its figures: the C ring of the harness, hisee, or a peer in the peers' environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.harness import peers

ROOT = Path(__file__).resolve().parents[2]
C_RING = ROOT / "bench/c/ring.c"
STDLIB = ("mp.Pipe", "mp.Queue", "unix socket", "tcp socket")
INSTALLED = {"faster-fifo": "faster-fifo", "pyzmq": "pyzmq", "iceoryx2": "iceoryx2", "posix_ipc": "posix_ipc"}

LIMIT_S = 90


@dataclass(frozen=True)
class Load:
    """What a pair does: trip, wake, oneway or batch, that many times; `cpus`: where its two sides run."""

    what: str
    count: int
    cpus: tuple[int, int]
    size: int = 64
    batch: int = 1

    @property
    def words(self) -> list[str]:
        return [self.what, *map(str, (*self.cpus, self.count, self.size, self.batch))]


@cache
def c_ring() -> str:
    """The compiled C ring."""
    target = ROOT / "build/bench/ring"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-march=native", str(C_RING), "-o", str(target)], check=True, stdout=sys.stderr)
    return str(target)


def there(subject: str) -> bool:
    return subject not in INSTALLED or peers.PEERS[INSTALLED[subject]].found()


@cache
def interpreter(subject: str) -> str:
    """Peers of the standard library run in hisee's own Python, installed ones in theirs: the same version."""
    return peers.python() if subject in INSTALLED else sys.executable


def figures(subject: str, load: Load) -> dict[str, float]:
    """One run; raises when a side fails or an answer is wrong. `C poll` and `C futex` are the C ring."""
    if subject.startswith("C "):
        command = [c_ring(), subject.removeprefix("C "), *load.words]
        command[2] = "oneway" if load.what == "batch" else load.what
    else:
        command = [interpreter(subject), "-m", "bench.ipc.ends", subject, *load.words]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
