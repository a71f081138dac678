"""The Spin model of a session that outlives its connections: the right one has no error, every seeded mistake is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "models" / "session.pml"
MISTAKES = ("ACKFIRST", "SENTAGAIN", "OLDLINE")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("spin") is None, reason="the model checker `spin` is not installed; ./hisee installs it"),
]


def check(folder: Path, *defines: str) -> str:
    """Report of an exhaustive search of the model, up to its first error."""
    subprocess.run(["spin", "-a", *defines, str(MODEL)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["./pan", "-m200000"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.req("R121")
def test_each_message_is_handed_on_once_in_any_interleaving(tmp_path: Path) -> None:
    report = check(tmp_path)
    assert "errors: 0" in report
    assert "max search depth too small" not in report


@pytest.mark.parametrize("mutant", MISTAKES)
def test_a_seeded_mistake_is_found(tmp_path: Path, mutant: str) -> None:
    report = check(tmp_path, f"-D{mutant}")
    assert "errors: 1" in report
    assert "assertion violated" in report
