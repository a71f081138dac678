"""The C of values, slab and wheel alone, with address and undefined-behaviour sanitizers: ownership, refused memory, hostile bytes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import tzdata

MODULES = ["text", "record", "convert", "codec", "decode", "cells", "cells_wire", "number", "case", "zone", "tzif", "timetext", "any"]
MODULES += ["builtin", *(f"builtin_{part}" for part in ("value", "math", "number", "text", "edit", "time", "column"))]
FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fno-strict-aliasing"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def built(root: Path, folder: Path, name: str, modules: list[str]) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler is needed, as for the build"
    target = folder / name
    sources = [str(root / "core/c" / f"esl_{module}.c") for module in modules]
    main = str(root / "tests/c" / f"{name}.c")
    command = [compiler, *FLAGS, *SANITIZERS, f"-I{root / 'core/c'}", "-o", str(target), main, *sources, "-lm"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return target


@pytest.fixture(scope="module")
def program(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(root, tmp_path_factory.mktemp("values"), "values_check", MODULES)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["Europe/Bratislava", "Africa/Casablanca"])
def test_values_in_c_hold_under_the_sanitizers(program: Path, zone: str) -> None:
    tzif = Path(tzdata.__file__).parent / "zoneinfo" / zone
    done = subprocess.run([str(program), str(tzif), "20000"], capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_slab_and_wheel_do_what_a_list_would(root: Path, tmp_path: Path) -> None:
    done = subprocess.run([built(root, tmp_path, "sched_check", ["slab", "wheel"]), "100000"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
