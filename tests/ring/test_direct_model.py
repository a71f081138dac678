"""The Spin model of direct routes beside the way through the server: the right one has no error, every seeded mistake is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .build import FULL

MODEL = Path(__file__).parent / "models" / "direct.pml"
MISTAKES = ("NOTURN", "NOREAD", "STAY", "ASKAGAIN", "FORGET", "HASTY")
REQUESTS = "-DN=3" if FULL else "-DN=2"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("spin") is None, reason="the model checker `spin` is not installed; ./hisee installs it"),
]


def check(folder: Path, *defines: str) -> str:
    """Report of an exhaustive search of the model, up to its first error."""
    subprocess.run(["spin", "-a", *defines, str(MODEL)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["cc", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["./pan", "-m200000"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.req("R45", "R146")
def test_requests_are_carried_out_once_in_order_and_end_once_whatever_way_they_take(tmp_path: Path) -> None:
    report = check(tmp_path, REQUESTS)
    assert "errors: 0" in report
    assert "max search depth too small" not in report


@pytest.mark.parametrize("mutant", MISTAKES)
def test_a_seeded_mistake_is_found(tmp_path: Path, mutant: str) -> None:
    report = check(tmp_path, "-DN=2", f"-D{mutant}")
    assert "errors: 1" in report
    assert "assertion violated" in report or "invalid end state" in report
