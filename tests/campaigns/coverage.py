"""Branch coverage of the compiler and of the verifier by their tests: a table of the files, and the branches that no test takes.

The compiler runs as plain Python (HISEE_PURE=1) under coverage.py; the verifier in a build of the VM of its own, without
optimisation, under gcov, whose branches are the edges of every condition.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ESL = "python/hisee/esl"
VERIFIER = "core/c/esl_verify.c"
TWIN = "--ignore=tests/vm/test_twin.py"  # it builds the VM anew, twice
TESTS = ("tests/esl", "tests/golden", "tests/oracle", "tests/vm", TWIN, "tests/unit/test_lexer.py", "tests/unit/test_parser.py",
         "tests/unit/test_diagnostics.py")
WANTED = 98.0
# What a file belongs to; the first pattern that fits.
PASSES = (("lexer", ("lexer.py",)), ("checker", ("checker*.py", "scope.py", "symbols.py")), ("code generator", ("codegen*.py", "unit.py")),
          ("parser", ("*.py",)))


class TestsFailed(Exception):
    """Figures of tests that fail would be worth nothing."""


@dataclass
class File:
    """One file. `lines`, `branches`: covered, all; `missing`: lines, and branches as "from->to"."""

    name: str
    lines: tuple[int, int]
    branches: tuple[int, int]
    missing: list[str] = field(default_factory=list)

    @property
    def group(self) -> str:
        base = self.name.rpartition("/")[2]
        return next((name for name, patterns in PASSES if any(fnmatch(base, p) for p in patterns)), "verifier")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--missing", action="store_true", help="also the lines and branches that no test takes")
    parser.add_argument("--only", choices=("compiler", "verifier"), help="one of the two")
    parser.add_argument("--least", type=float, default=WANTED, help="percent of the branches that each pass needs")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    files: list[File] = []
    with tempfile.TemporaryDirectory(prefix="hisee-coverage-") as name:
        if given.only != "verifier":
            files += compiler(Path(name))
        if given.only != "compiler":
            files.append(verifier(Path(name)))
    passes = {group: percent_of(f for f in files if f.group == group) for group in dict.fromkeys(f.group for f in files)}
    assert all(percent >= given.least for percent in passes.values()), passes
    shown = asdict if given.json else row
    return {"files": {f.name: shown(f, missing=given.missing) for f in files}, "branches_percent": passes}


def percent_of(files: Iterable[File]) -> float:
    covered, every = map(sum, zip(*(f.branches for f in files), strict=True))
    return round(100.0 * covered / every, 2) if every else 100.0


def asdict(file: File, *, missing: bool) -> dict[str, Any]:
    return {"lines": file.lines, "branches": file.branches, "percent": percent_of([file]), **({"missing": file.missing} if missing else {})}


def row(file: File, *, missing: bool) -> str:
    lines, branches = (f"{covered:>4} of {every:<4}" for covered, every in (file.lines, file.branches))
    text = f"lines {lines} branches {branches} {percent_of([file]):>6} %"
    return text + ("".join(f"\n      {place}" for place in file.missing) if missing else "")


def pytest(words: list[str], *measure: str, **environment: str) -> None:
    command = [sys.executable, *(measure or ("-m",)), "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *words]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TestsFailed(done.stdout[-4000:] + done.stderr[-2000:])


# the compiler
def compiler(folder: Path) -> list[File]:
    data, report = folder / "compiler.data", folder / "compiler.json"
    pytest([*TESTS], "-m", "coverage", "run", "--branch", f"--data-file={data}", f"--include={ESL}/front/*,{ESL}/unit.py", "-m",
           HISEE_PURE="1", COVERAGE_CORE="ctrace")
    command = [sys.executable, "-m", "coverage", "json", f"--data-file={data}", "-q", "-o", str(report)]
    subprocess.run(command, cwd=ROOT, check=True)
    read = json.loads(report.read_text())["files"]
    return [of_coverage(name, one) for name, one in sorted(read.items()) if not name.endswith("__init__.py")]


def of_coverage(name: str, one: dict[str, Any]) -> File:
    total = one["summary"]
    missing = [f"line {line}" for line in one["missing_lines"]] + [f"{a}->{b}" for a, b in one["missing_branches"]]
    return File(name, (total["covered_lines"], total["num_statements"]), (total["covered_branches"], total["num_branches"]), missing)


# the verifier
def verifier(folder: Path) -> File:
    places = ["--build-lib", str(folder / "lib"), "--build-temp", str(folder / "temp")]
    build = {"HISEE_ONLY": "hisee._core.vm", "HISEE_OPTIMIZE": "-O0", "CFLAGS": "--coverage", "LDFLAGS": "--coverage"}
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", *places], cwd=ROOT, check=True, capture_output=True,
                   env={**os.environ, **build})
    pytest(["tests/vm", TWIN], HISEE_VM_DIR=str(folder / "lib/hisee/_core"))
    (counted,) = folder.rglob("esl_verify.gcda")
    done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", str(counted)], cwd=ROOT, check=True,
                          capture_output=True, text=True)
    read = json.loads(done.stdout)
    return of_gcov(next(one["lines"] for one in read["files"] if one["file"].endswith(VERIFIER)))


def of_gcov(lines: list[dict[str, Any]]) -> File:
    branches = [(line["line_number"], at, b["count"]) for line in lines for at, b in enumerate(line["branches"])]
    missing = [f"line {line['line_number']}" for line in lines if not line["count"]]
    missing += [f"{line} edge {at}" for line, at, count in branches if not count]
    covered = sum(line["count"] > 0 for line in lines), sum(count > 0 for *_, count in branches)
    return File(VERIFIER, (covered[0], len(lines)), (covered[1], len(branches)), missing)
