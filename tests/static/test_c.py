"""The C core compiles without one warning, and every header can be used alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.source import ROOT, name_of, sources

FLAGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-fsyntax-only"]
C = ROOT / "core/c"


def complaints(file: Path, *more: str) -> str:
    done = subprocess.run(["gcc", *FLAGS, *more, "-I", str(C), str(file)], capture_output=True, text=True, check=False)
    return done.stderr


@pytest.mark.parametrize("file", sources("*.c", under=("core/c",)), ids=name_of)
def test_no_warning(file):
    assert complaints(file) == ""


@pytest.mark.parametrize("file", [h for h in sources("*.h", under=("core/c",)) if "gen" not in h.parts], ids=name_of)
def test_a_header_stands_alone(file, tmp_path):
    alone = tmp_path / "alone.c"
    alone.write_text(f'#include "{file.relative_to(C)}"\n#include "{file.relative_to(C)}"\n')
    assert complaints(alone) == ""
