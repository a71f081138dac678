"""The model of the server pair (tests/engine/models/standby.pml): compiled once, what it searches is told at the start."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

MODEL = Path(__file__).parents[1] / "engine" / "models" / "standby.pml"
SMALL = {"WRITES": 1, "EPOCHS": 2, "TIMELINES": 2, "DEATHS": 1, "RESTORES": 1}


def compiled(folder: Path) -> Path:
    """The checker of the model as a program in `folder`."""
    subprocess.run(["spin", "-a", str(MODEL)], cwd=folder, check=True, capture_output=True)
    subprocess.run(["cc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True, capture_output=True)
    return folder / "pan"


def numbers(setting: str) -> dict[str, int]:
    """Name -> number of all that `setting` (mutant, reach) chooses among."""
    found = re.findall(rf"#define (\w+)\s+\({setting} == (\d+)\)", MODEL.read_text())
    return {name: int(number) for name, number in found}


def search(program: Path, **settings: int) -> str:
    """Report of an exhaustive search up to its first error."""
    values = {name: str(value) for name, value in {**SMALL, **settings}.items()}
    done = subprocess.run([str(program), "-m100000", "-w20"], cwd=program.parent, check=True, capture_output=True, text=True,
                          env={**os.environ, **values})
    assert "max search depth too small" not in done.stdout
    return done.stdout
