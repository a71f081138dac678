"""The C-only targets: the driver (driver.c) without Python around, guided by the edges that inputs take.

gcc makes it three times from the sources of the core, nothing else has to be installed: fast, for the bulk of the inputs; under the
sanitizers; and with gcov's counters, which replays what was kept and says how many of the module's branches were taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hisee.zones import tzif
from support.c_sources import sources_of

from .engine import CORPUS, stored
from .seeds import units
from .targets import TARGETS

ROOT = Path(__file__).parents[2]
PLAIN = ["-std=gnu11", "-g", "-w", "-ffp-contract=off", "-fno-strict-aliasing"]
EDGES = "-fsanitize-coverage=trace-pc"
SANITIZERS = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# How the modules are compiled, and the driver.
BUILDS = {"bulk": (["-O2", EDGES], ["-O2"]), "sanitized": ([*SANITIZERS, EDGES], SANITIZERS), "counted": (["-O0", "--coverage"],) * 2}
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "PATH": "/usr/bin:/bin"}
WRITING = r"component_at|is_mask|day_start|moment_of|print_\w+|esl_time_format"
PARSING = r"is_blank|without_blanks|sign|esl_int_parse|mantissa_digit|separator|exponent_part|esl_real_parse"
PRINTING = (r"decimal_of|esl_fn_(round|i_to_str|r_to_str|format_num|i_to_hex|i_to_bin)|give_\w+|digits_in|placeholder"
            r"|read_(fraction|whole|mask)|whole_part")
# A target's module: files, and the functions of them that belong to it.
MODULES = {
    "vm": (("esl_unit", ""), ("esl_verify", ""), ("esl_vm", "")),
    "codec": (("esl_codec", r"(?!esl_put_unchanged|esl_put_record_head|esl_put_text_cell|esl_put_text$)"),
              ("esl_decode", r"(?!esl_get_item|esl_decode_count)")),
    "time": (("esl_timetext", f"(?!{WRITING})|component_at|is_mask"),),
    "time_text": (("esl_timetext", WRITING),),
    "number": (("esl_number", PARSING), ("esl_builtin_number", r"is_word|digit_value|read_digits|esl_fn_(str|hex|bin)_to_\w")),
    "number_text": (("esl_number", f"(?!{PARSING})"), ("esl_builtin_number", PRINTING)),
}


class NoCompiler(Exception):
    """Without gcc these targets cannot run."""


class Driver:
    """The program in one of its builds, in a folder of its own."""

    def __init__(self, folder: Path, build: str) -> None:
        self.compiler = shutil.which("gcc") or ""
        if not self.compiler:
            raise NoCompiler("the C-only targets need gcc: apt-get install gcc (clang has other coverage callbacks)")
        self.folder, (self.modules, self.main) = folder / build, BUILDS[build]
        self.folder.mkdir()
        sources = sources_of("hisee._core.vm")
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            objects = list(pool.map(self._object, sources))
        self.program = self.folder / "fuzz"
        self._gcc(*self.main, "-o", str(self.program), str(ROOT / "tests/fuzz/driver.c"), *objects, "-lm")
        (self.folder / "zone").write_bytes(tzif("Europe/Bratislava") or b"")

    def _object(self, path: Path) -> str:
        into = self.folder / f"{path.stem}.o"
        self._gcc(*self.modules, "-c", "-o", str(into), str(path))
        return str(into)

    def _gcc(self, *words: str) -> None:
        command = [self.compiler, *PLAIN, f"-I{ROOT / 'core/c'}", *words]
        subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder)

    def run(self, target: str, files: list[str], *, count: int = 0, seconds: float = 0.0, seed: int = 1) -> dict[str, Any]:
        """Figures; a crash ends the run, and its input goes to the corpus."""
        kept, state, began = self.folder / "kept" / target, self.folder / "state", time.monotonic()
        kept.mkdir(parents=True, exist_ok=True)
        command = [str(self.program), target, str(count), str(seconds), str(seed), str(state), str(kept), str(self.folder / "zone"), *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT, cwd=self.folder)
        took = time.monotonic() - began
        if done.returncode:
            why = done.stderr[-3000:] or f"ended with {done.returncode}"
            return {"target": target, "inputs": 0, "seconds": round(took, 1), "found": [str(crashed(state, target))], "why": [why]}
        inputs, number, first, edges = map(int, done.stdout.split())
        return {"target": target, "inputs": inputs, "seconds": round(took, 1), "per_s": round(inputs / max(took, 0.001)), "kept": number,
                "edges_of_seeds": first, "edges": edges, "found": []}

    def kept(self, target: str) -> list[Path]:
        return sorted((self.folder / "kept" / target).iterdir())

    def branches(self, target: str) -> dict[str, list[int]]:
        """Branches taken and all, by file of the target's module."""
        return {f"{stem}.c": self._branches(stem, functions) for stem, functions in MODULES[target]}

    def _branches(self, stem: str, functions: str) -> list[int]:
        command = ["gcov", "--json-format", "--branch-probabilities", "--stdout", f"{stem}.gcda"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=self.folder)
        lines = next(f["lines"] for f in json.loads(done.stdout)["files"] if f["file"].endswith(f"{stem}.c"))
        wanted = re.compile(functions)
        counts = [b["count"] for line in lines if wanted.match(line.get("function_name", "")) for b in line["branches"]]
        return [sum(count > 0 for count in counts), len(counts)]


def run(target: str, *, count: int = 0, seconds: float = 0.0, seed: int = 1, store: bool = False) -> dict[str, Any]:
    """The bulk of the inputs, a hundredth of them again under the sanitizers, and the branches that what was kept takes.

    With `store` the kept inputs go to the corpus: those of a table of opcodes, which the next one would make worthless, do not.
    """
    with tempfile.TemporaryDirectory(prefix="hisee-fuzz-") as name:
        folder = Path(name)
        files = written(folder, target)
        bulk = Driver(folder, "bulk")
        figures = bulk.run(target, files, count=count, seconds=seconds * 0.8, seed=seed)
        if figures["found"]:
            return figures
        kept = [str(path) for path in bulk.kept(target)]
        fewer = max(count // 100, 2_000) if count else 0
        checked = Driver(folder, "sanitized").run(target, kept, count=fewer, seconds=seconds * 0.2, seed=seed + 1)
        if store and target != "vm":
            put(target, [Path(path).read_bytes() for path in kept])
        figures |= {"sanitized": checked["inputs"], "found": checked["found"], "why": checked.get("why", [])}
        return figures | percent(folder, target, kept)


def of_units() -> dict[str, Any]:
    """Branches that the good units alone take: of the target `unit`, which runs the same code through Python."""
    with tempfile.TemporaryDirectory(prefix="hisee-fuzz-") as name:
        return percent(Path(name), "vm", written(Path(name), "vm"))


def percent(folder: Path, target: str, kept: list[str]) -> dict[str, Any]:
    counted = Driver(folder, "counted")
    counted.run(target, kept)
    files = counted.branches(target)
    taken, every = (sum(pair[at] for pair in files.values()) for at in (0, 1))
    return {"branches": files, "percent": round(100 * taken / every, 1)}


def written(folder: Path, target: str) -> list[str]:
    """Good inputs, and what was kept before, as files."""
    seeds = units() if target == "vm" else list(TARGETS[target].seeds())
    paths = []
    (folder / "seeds").mkdir()
    for at, data in enumerate([*seeds, *words(target), *stored(target), *(stored("unit") if target == "vm" else [])]):
        path = folder / "seeds" / f"{at:05}"
        path.write_bytes(data)
        paths.append(str(path))
    return paths


def words(target: str) -> list[bytes]:
    """What a target's texts are made of: pieces of them are put into others."""
    return list(TARGETS[target].words) if target in TARGETS else []


def put(target: str, inputs: list[bytes]) -> None:
    """One line for each, as Python writes bytes; short ones only."""
    path = CORPUS / target / "kept.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{data!r}\n" for data in sorted(set(inputs), key=lambda d: (len(d), d)) if len(data) <= 200))


def crashed(state: Path, target: str) -> Path:
    data = state.read_bytes()
    data = data[4:4 + int.from_bytes(data[:4], "little")]
    path = CORPUS / target / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
