"""The engine on SQLite when the disk is full or fails: an error that says what to do, nothing acknowledged lost, and work goes on."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.crew import Crew
from engine.lab import request
from hisee.engine import open_engine
from hisee.engine.coordinator import StorageFull

pytestmark = pytest.mark.slow
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def can_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False) if shutil.which("unshare") else None
    return os.geteuid() == 0 and tried is not None and tried.returncode == 0


@pytest.fixture
def crew(data_dir: Path) -> Iterator[Crew]:
    crew = Crew(data_dir)
    yield crew
    crew.end()


def keys(data: Path) -> list[int]:
    engine = open_engine("", data)
    found = sorted(int(row.key[1:]) for row in engine.tasks(limit=100_000))
    engine.close()
    return found


@pytest.mark.skipif(not can_mount(), reason="needs root and mount namespaces")
def test_a_full_disk(crew: Crew) -> None:
    """A file system of 4 MiB of its own, really filled."""
    mount = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=4m tmpfs "{crew.data}" && exec "$0" "$@"']
    child = crew.start("fill", before=mount)
    crew.ready(child)
    crew.go(child)
    word, *text = crew.line(child)
    assert word == "full" and "make room" in " ".join(text) and "engine.db" in " ".join(text)
    assert crew.line(child) == ["reads", "True"]
    word, same, ended, count = crew.line(child)
    assert (word, same, ended) == ("kept", "True", "True") and int(count) > 20


def test_a_file_that_may_not_grow(crew: Crew) -> None:
    """The limit of a process on the size of files: its write fails in the middle of a transaction."""
    child = crew.start("put")
    crew.ready(child)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    crew.go(child)
    acknowledged = 0
    while (words := crew.line(child))[0] == "put":
        acknowledged += 1
    assert words[0] == "full" and acknowledged > 10
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for _ in range(30):
        crew.go(child)
        words = crew.line(child)
    child.kill()
    child.wait()
    found = keys(crew.data)
    assert found[:acknowledged] == list(range(acknowledged)) and len(found) > acknowledged and len(set(found)) == len(found)


@needs_strace
@pytest.mark.parametrize("when", ["25", "25+"])
def test_a_failed_sync(crew: Crew, when: str) -> None:
    """fdatasync says EIO once, and then from some call on for ever: not acknowledged, never hidden by a second sync, nothing else lost."""
    before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", f"inject=fdatasync:error=EIO:when={when}"]
    child = crew.start("put", before=before, PUTS="60")
    acknowledged, refused = [], 0
    crew.go(child)
    while words := crew.line(child):
        if words[0] == "full":
            refused += 1
            assert "disk" in words
            crew.go(child)
        elif words[0] == "put":
            acknowledged.append(int(words[1]))
    child.wait(60)
    assert refused == 1 if when == "25" else refused > 20
    assert len(acknowledged) > 15 and set(acknowledged) <= set(keys(crew.data))


def test_a_full_disk_at_the_opening(tmp_path: Path) -> None:
    """The very first files find no room: the error names them, and later it works."""
    data = tmp_path / "data"
    data.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageFull, match="make room"):
            open_engine("", data)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    engine = open_engine("", data)
    assert len(engine.put([request()])) == 1
    engine.close()
