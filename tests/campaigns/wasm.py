"""The machine compiled to WebAssembly and run under node: conformance scripts, functions and generated programs leave the traces they
leave here."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import Any

from wasm.build import build, missing
from wasm.machine import Guest
from wasm.traces import both, library, programs, scripts

COUNT = 5_000
MOST_SHOWN = 5


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=COUNT, help="generated programs")
    parser.add_argument("--seed", type=int, default=0, help="the first of them")
    parser.add_argument("--optimize", default="-O2", help="option of clang")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    if missing():
        sys.exit(f"campaign wasm: {missing()}")
    with tempfile.TemporaryDirectory(prefix="hisee-wasm-") as folder:
        began = time.monotonic()
        program = build(Path(folder), given.optimize)
        compiled_s = time.monotonic() - began
        with Guest(program) as guest:
            figures = run(guest, given.count, given.seed)
        figures = {"program_bytes": program.stat().st_size, "compiled_s": round(compiled_s, 1), **figures}
    assert not figures["differences"], figures
    return figures


def run(guest: Guest, count: int, seed: int) -> dict[str, Any]:
    done = steps = 0
    different: list[str] = []
    for name, work in chain(scripts(), library(), programs(count, seed)):
        taken, told = both(guest, work)
        done, steps = done + 1, steps + taken
        different += [f"{name}: {told}"] if told else []
    return {"scripts": done, "steps": steps, "differences": different[:MOST_SHOWN]}
