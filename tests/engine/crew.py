"""Child processes at the engine: started together, let go by a line, killed by their Popen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.source import PYTHON, ROOT

CHILD = Path(__file__).parent / "child.py"


class Crew:
    """Starts children and ends what is left of them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.children: list[subprocess.Popen[str]] = []

    def start(self, behaviour: str, mutant: str = "", *, before: Sequence[str] = (), **more: Any) -> subprocess.Popen[str]:
        """A child that has opened the engine and waits for its line."""
        environ = os.environ | {"PYTHONPATH": f"{PYTHON}:{ROOT / 'tests'}"} | more
        child = subprocess.Popen([*before, sys.executable, str(CHILD), str(self.data), behaviour, mutant], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env=environ)
        self.children.append(child)
        return child

    def ready(self, *children: subprocess.Popen[str]) -> None:
        for child in children:
            assert self.line(child) == ["ready"], f"child {child.pid} did not start"

    def go(self, child: subprocess.Popen[str], words: str = "") -> None:
        assert child.stdin is not None
        child.stdin.write(words + "\n")
        child.stdin.flush()

    def line(self, child: subprocess.Popen[str]) -> list[str]:
        assert child.stdout is not None
        return child.stdout.readline().split()

    def end(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
