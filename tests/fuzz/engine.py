"""Making inputs for targets in Python: stored ones are cut, joined, flipped and doubled.

A watchdog ends an input that takes too long. Nothing here knows what the bytes mean but the words a target offers.
"""

from __future__ import annotations

import ast
import hashlib
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .targets import Target

CORPUS = Path(__file__).parent / "corpus"
HANG_S = 10.0
MOST_BYTES = 1 << 16


@dataclass
class Report:
    """`found`: inputs that crashed or hung, with the last lines of what happened."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    found: list[tuple[bytes, str]] = field(default_factory=list)


class Hang(Exception):
    """One input took too long."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises Hang in Python code; C code that never returns ends the process by the same signal's second ring."""
    def ring(*_: object) -> None:
        raise Hang(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stored(name: str) -> list[bytes]:
    """Inputs that every run begins with: a file each, or a line each of kept.txt, as Python writes bytes."""
    found: list[bytes] = []
    for path in sorted((CORPUS / name).glob("*")):
        found += map(ast.literal_eval, path.read_text().splitlines()) if path.name == "kept.txt" else [path.read_bytes()]
    return found


def fuzz(target: Target, *, seconds: float = 0.0, inputs: int = 0, seed: int = 1) -> Report:
    """All stored inputs and seeds once, then mutations until the time or the number is used."""
    rng, report, began = random.Random(seed), Report(target.name), time.monotonic()
    pool = [*stored(target.name), *target.seeds()]
    for data in pool:
        one(target, data, report)
    while time.monotonic() - began < seconds if seconds else report.inputs < inputs:
        one(target, mutated(rng, pool, target.words), report)
    report.seconds = round(time.monotonic() - began, 1)
    return report


def one(target: Target, data: bytes, report: Report) -> None:
    report.inputs += 1
    try:
        with within(HANG_S):
            target.takes(data)
    except Exception:
        report.found.append((data, traceback.format_exc(limit=-3)))


def keep(report: Report) -> list[Path]:
    """Writes what was found to the corpus."""
    paths = []
    for data, _ in report.found:
        path = CORPUS / report.target / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return paths


def mutated(rng: random.Random, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    data = rng.choice(pool)
    for _ in range(1 + rng.randrange(6)):
        data = rng.choice(WAYS)(rng, data, pool, words)
    return data[:MOST_BYTES]


Way = Callable[[random.Random, bytes, list[bytes], tuple[bytes, ...]], bytes]


def flip(rng: random.Random, data: bytes, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    if not data:
        return b"\0"
    at = rng.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1:]


def extreme(rng: random.Random, data: bytes, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    at = rng.randrange(len(data) + 1)
    number = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1))
    size = rng.choice((1, 2, 4, 8))
    return data[:at] + (number & (1 << 8 * size) - 1).to_bytes(size, "little") + data[at + size:]


def cut(rng: random.Random, data: bytes, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    a, b = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:a] + data[b:] if b - a < 200 or rng.randrange(4) == 0 else data


def double(rng: random.Random, data: bytes, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    a, b = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    return data[:b] + data[a:b] * rng.choice((1, 1, 2, 20)) + data[b:]


def cross(rng: random.Random, data: bytes, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    other = rng.choice(pool)
    return data[:rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1):]


def word(rng: random.Random, data: bytes, pool: list[bytes], words: tuple[bytes, ...]) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + (rng.choice(words) if words else b"") + data[at:]


WAYS: tuple[Way, ...] = (flip, flip, extreme, cut, double, cross, word, word)
