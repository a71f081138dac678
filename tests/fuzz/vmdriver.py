"""The C-only target: verifier and VM without Python around, under the sanitizers, guided by the edges that inputs take.

gcc makes it from the VM's sources when it is needed, nothing else has to be installed (`-fsanitize-coverage` is gcc's).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .engine import CORPUS, stored
from .targets import units

NAME = "vm"
ROOT = Path(__file__).parents[2]
FLAGS = ["-std=gnu11", "-O1", "-g", "-w", "-ffp-contract=off", "-fno-strict-aliasing", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all"]
LEFT_OUT = ("esl_ring.c", "esl_shaper.c", "esl_frame.c")  # of other libraries
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "PATH": "/usr/bin:/bin"}


class NoCompiler(Exception):
    """Without gcc this target cannot run."""


def built(folder: Path) -> Path:
    """The program. NoCompiler names what is missing and the way out."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise NoCompiler("target vm needs gcc: apt-get install gcc (clang has other coverage callbacks)")
    sources = [p for p in sorted((ROOT / "core/c").glob("*.c")) if p.name not in LEFT_OUT]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(lambda path: compiled(compiler, path, folder / f"{path.stem}.o"), sources))
    program = folder / "vm"
    main = [str(ROOT / "tests/fuzz/vm.c"), *map(str, objects)]
    subprocess.run([compiler, *FLAGS, f"-I{ROOT / 'core/c'}", "-o", str(program), *main, "-lm"], check=True, capture_output=True, text=True)
    return program


def compiled(compiler: str, path: Path, into: Path) -> Path:
    command = [compiler, *FLAGS, "-fsanitize-coverage=trace-pc", f"-I{ROOT / 'core/c'}", "-c", "-o", str(into), str(path)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return into


def run(seconds: float, seed: int = 1) -> dict[str, Any]:
    """Fuzzes; a crash ends the run, and its input goes to the corpus."""
    with tempfile.TemporaryDirectory(prefix="hisee-fuzz-") as name:
        folder = Path(name)
        program = built(folder)
        began = time.monotonic()
        done = subprocess.run([str(program), str(seconds), str(seed), str(folder / "state"), *seeds(folder)], capture_output=True,
                              text=True, check=False, timeout=seconds + 120, env=ENVIRONMENT)
        took = round(time.monotonic() - began, 1)
        if done.returncode:
            return {"target": NAME, "inputs": 0, "seconds": took, "found": [str(crashed(folder / "state"))], "why": [done.stderr[-3000:]]}
    inputs, kept, first, edges = map(int, done.stdout.split())
    return {"target": NAME, "inputs": inputs, "kept": kept, "seconds": took, "edges_of_seeds": first, "edges": edges, "found": []}


def seeds(folder: Path) -> list[str]:
    """Good units, and what was found before, as files."""
    paths = []
    for at, data in enumerate([*units(), *stored("unit"), *stored(NAME)]):
        path = folder / f"seed-{at}"
        path.write_bytes(data)
        paths.append(str(path))
    return paths


def crashed(state: Path) -> Path:
    data = state.read_bytes()
    data = data[4:4 + int.from_bytes(data[:4], "little")]
    path = CORPUS / NAME / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
