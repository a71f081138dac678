"""One process of a system started by hand, as an operator does it: `hisee event /SSRV1 /WNAME --SES_REMOTE`."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

END_S = 15


def start_ses(data: Path, name: str) -> subprocess.Popen[str]:
    """An SES of that name; its standard error is kept for `communicate`."""
    words = ["event", "/SSRV1", f"/W{name}", "--SES_REMOTE", "--data", str(data), "--node", "SRV1"]
    return subprocess.Popen([sys.executable, "-m", "hisee", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def ses(data: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """The same, ended by its handle at the end: in order, or by force when it cannot."""
    child = start_ses(data, name)
    try:
        yield child
    finally:
        end(child)


def end(child: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    """Send a signal and collect the child; one that does not react is killed."""
    if child.poll() is None:
        child.send_signal(number)
    try:
        child.communicate(timeout=END_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
    return child.returncode
