"""The Spin models of sessions and of links that change their carrier: the right ones have no error, every seeded mistake is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).parent / "models"
MISTAKES = {"session": ("ACKFIRST", "SENTAGAIN", "OLDLINE"), "carrier": ("EARLY", "NOSKIP", "SENTAGAIN", "OLDRING", "TWICE")}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("spin") is None, reason="the model checker `spin` is not installed; ./hisee installs it"),
]


def check(folder: Path, model: str, *defines: str) -> str:
    """Report of an exhaustive search of the model, up to its first error."""
    subprocess.run(["spin", "-a", *defines, str(MODELS / f"{model}.pml")], cwd=folder, check=True, capture_output=True)
    optimise = "-O0" if defines else "-O1"  # a mistake is found at once
    subprocess.run(["cc", optimise, "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["./pan", "-m200000"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.req("R121")
@pytest.mark.parametrize("model", MISTAKES)
def test_each_message_is_handed_on_once_in_any_interleaving(tmp_path: Path, model: str) -> None:
    report = check(tmp_path, model)
    assert "errors: 0" in report
    assert "max search depth too small" not in report


@pytest.mark.parametrize(("model", "mutant"), [(model, mutant) for model, mutants in MISTAKES.items() for mutant in mutants])
def test_a_seeded_mistake_is_found(tmp_path: Path, model: str, mutant: str) -> None:
    report = check(tmp_path, model, f"-D{mutant}")
    assert "errors: 1" in report
    assert "assertion violated" in report
