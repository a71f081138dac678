"""A whole system on a disk that is full: what was acknowledged stays, everybody says what to do, and work goes on when there is space."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from campaigns import million
from support.source import PYTHON, ROOT

pytestmark = pytest.mark.boot
CHILD = Path(__file__).with_name("full_disk_child.py")
MOUNT = 'mount -t tmpfs -o size=8m tmpfs "$3" && exec "$0" "$@"'


def can_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


def seen_on_a_small_disk(folder: Path) -> dict[str, Any]:
    """What the child saw on a file system of 8 MiB that nobody else sees and that is gone with it."""
    app, data = million.application(folder, ""), folder / "data"
    data.mkdir()
    words = ["unshare", "-m", "sh", "-c", MOUNT, sys.executable, str(CHILD), str(app), str(data)]
    environ = os.environ | {"PYTHONPATH": f"{PYTHON}:{ROOT / 'tests'}"}
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ, start_new_session=True)
    try:
        out, err = child.communicate(timeout=240)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)  # with `hisee up`, whose processes die with it
            child.communicate()
    assert child.returncode == 0, err
    return dict(json.loads(out))


@pytest.mark.skipif(not can_mount(), reason="needs root and mount namespaces")
def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path):
    seen = seen_on_a_small_disk(tmp_path)
    assert seen["waited"] > 0, "tasks were under way when the disk was full"
    assert all("make room" in text and "engine.db" in text for text in seen["refused"]["task"]) and seen["refused"]["task"]
    assert all("free some space" in text and "U.Sum" in text for text in seen["refused"]["value"]) and seen["refused"]["value"]
    assert seen["reads"], "what is there can be read meanwhile"
    assert seen["same"], "no process ended"
    assert seen["counted"] == seen["ended"] >= seen["tasks"] > 300, "every acknowledged task has ended, each effect is there once"
    assert seen["after_a_kill"] == seen["value"]
