"""Compiles the C programs of tests/c against the core's sources, with the flags a test asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [ROOT / "core/c" / name for name in ("esl_ring.c", "esl_wait.c", "esl_frame.c", "esl_crc.c")]
ROUTER = [ROOT / "core/c" / name for name in ("esl_router.c", "esl_router_owner.c", "esl_book.c", "esl_port.c", "esl_port_stream.c")]
FULL = bool(os.environ.get("HISEE_TEST_FULL"))  # the long form of stress and sweep, minutes instead of seconds


MADE: dict[tuple[str, ...], Path] = {}  # several tests run the same program


def compile_program(folder: Path, name: str, *flags: str, also: Sequence[Path] = ()) -> Path:
    """The program tests/c/<name>.c with the ring's sources and `also` as an executable in `folder`, or the one that was made before."""
    key = (name, *flags, *map(str, also))
    if key not in MADE:
        MADE[key] = _compiled(folder, name, *flags, also=also)
    return MADE[key]


def _compiled(folder: Path, name: str, *flags: str, also: Sequence[Path]) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is needed, as for the build"
    target = folder / "-".join([name, *(f.lstrip("-").replace("=", "_").replace(",", "_") for f in flags)])
    command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-tsan", f"-I{ROOT / 'core/c'}", *flags,
               str(ROOT / "tests/c" / f"{name}.c"), *map(str, [*SOURCES, *also]), "-o", str(target), "-lpthread"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


def run(program: Path, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *map(str, args)], capture_output=True, text=True, timeout=280, check=False)
