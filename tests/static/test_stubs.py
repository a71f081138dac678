"""What the stubs say of the compiled modules is what these are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.source import ROOT


def test_stubs_describe_the_compiled_modules() -> None:
    allowed = Path(__file__).parent / "stubs.allow"
    done = subprocess.run([sys.executable, "-m", "mypy.stubtest", "hisee._core", "hisee._ext", "--concise", "--allowlist", allowed,
                           "--mypy-config-file", ROOT / "pyproject.toml"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
