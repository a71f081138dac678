"""The Spin model of the ring: the right one has no error, every seeded mistake is found."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "models" / "ring.pml"
FAULTS = {
    "TAILFIRST": "assertion violated",
    "HEADFIRST": "assertion violated",
    "NOFENCE_WAKE": "invalid end state",
    "NOFENCE_SLEEP": "invalid end state",
    "NOFENCE_BLOCK": "invalid end state",
    "NOFENCE_RELEASE": "invalid end state",
    "NOHUP": "invalid end state",
    "NOCOMPARE": "invalid end state",
    "ONCEONLY": "invalid end state",
    "CALLEDEARLY": "invalid end state",
    "LATEREAD": "invalid end state",
    "NOLASTCALL": "invalid end state",
    "EARLYWANT": "invalid end state",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("spin") is None, reason="the model checker `spin` is not installed; ./hisee installs it"),
]


def check(folder: Path, *defines: str) -> str:
    """Report of an exhaustive search of the model."""
    subprocess.run(["spin", "-a", *defines, str(MODEL)], cwd=folder, check=True, capture_output=True)
    optimise = "-O2" if any(d.startswith("-DHOW=") for d in defines) else "-O0"  # a mistake is found sooner than a compiler optimises
    subprocess.run(["cc", optimise, "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    return subprocess.run(["./pan", "-m200000"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("how", [1, 2], ids=["futex", "bell"])
def test_the_ring_has_no_error_in_any_interleaving(tmp_path: Path, how: int) -> None:
    report = check(tmp_path, f"-DHOW={how}")
    assert "errors: 0" in report
    assert "max search depth too small" not in report


@pytest.mark.parametrize("mutant", FAULTS)
def test_a_seeded_mistake_is_found(tmp_path: Path, mutant: str) -> None:
    report = check(tmp_path, f"-D{mutant}")
    assert "errors: 1" in report
    assert FAULTS[mutant] in report
