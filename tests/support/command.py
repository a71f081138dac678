"""Runs the real command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.source import PYTHON, ROOT


def environment(data: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a command: this checkout's package, a given data directory or none."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("HISEE_")}
    plain["PYTHONPATH"] = str(PYTHON)
    if data is not None:
        plain["HISEE_DATA"] = str(data)
    return plain | more


def hisee(*words: str, data: Path | None = None, cwd: Path | None = None, timeout_s: float = 60,
          **more: str) -> subprocess.CompletedProcess[str]:
    """Run `hisee WORDS` to its end; standard output, standard error and exit code come back."""
    return subprocess.run([sys.executable, "-m", "hisee", *words], cwd=cwd or ROOT, env=environment(data, **more),
                          capture_output=True, text=True, timeout=timeout_s, check=False)
