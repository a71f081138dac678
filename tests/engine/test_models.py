"""The Spin models of durable tasks and of roles: the right ones have no error, every seeded mistake is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).parent / "models"
MISTAKES = [(model, mutant) for model, mutants in (
    ("tasks", ("NOTOKEN", "TWOTXN", "NOKEY", "ACKFIRST", "NOMEMBER")),
    ("roles", ("NOCHECK", "STALEPWP", "NOBUMP", "NOMEMBER")),
) for mutant in mutants]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("spin") is None, reason="the model checker `spin` is not installed; ./hisee installs it"),
]


def check(folder: Path, model: str, *defines: str) -> str:
    """Report of an exhaustive search of the model, up to its first error."""
    subprocess.run(["spin", "-a", *defines, str(MODELS / f"{model}.pml")], cwd=folder, check=True, capture_output=True)
    optimise = "-O0" if defines else "-O1"  # a mistake is found sooner than a compiler optimises
    subprocess.run(["cc", optimise, "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["./pan", "-m200000"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.req("R110")
def test_an_effect_happens_once_in_any_interleaving(tmp_path: Path) -> None:
    report = check(tmp_path, "tasks")
    assert "errors: 0" in report and "max search depth too small" not in report


@pytest.mark.req("R99", "R102")
def test_a_term_has_one_effective_holder_in_any_interleaving(tmp_path: Path) -> None:
    report = check(tmp_path, "roles")
    assert "errors: 0" in report and "max search depth too small" not in report


@pytest.mark.parametrize(("model", "mutant"), MISTAKES)
def test_a_seeded_mistake_is_found(tmp_path: Path, model: str, mutant: str) -> None:
    report = check(tmp_path, model, f"-D{mutant}")
    assert "errors: 1" in report
    assert "assertion violated" in report
