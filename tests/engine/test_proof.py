"""Proof of life and death, on real processes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator

import pytest

from engine.lab import until
from hisee.engine import proof


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(["sleep", "1000"])
    yield child
    child.kill()
    child.wait()


def test_one_process_for_ever(child: subprocess.Popen[bytes]) -> None:
    born = proof.birth(child.pid)
    assert born > 0 and proof.lives(child.pid, born) and not proof.lives(child.pid, born + 1)
    child.kill()
    until(lambda: not proof.lives(child.pid, born), "the killed one is dead before anybody has waited for it")
    child.wait()
    assert proof.birth(child.pid) == 0 and not proof.lives(child.pid, born)


def test_a_stopped_one_lives(child: subprocess.Popen[bytes]) -> None:
    born = proof.birth(child.pid)
    assert not proof.stopped(child.pid)
    os.kill(child.pid, signal.SIGSTOP)
    until(lambda: proof.stopped(child.pid), "it is stopped")
    assert proof.lives(child.pid, born)


def test_pidfd_tells_of_the_end(child: subprocess.Popen[bytes]) -> None:
    descriptor = proof.open_pidfd(child.pid, proof.birth(child.pid))
    assert descriptor is not None and not select.select([descriptor], [], [], 0)[0]
    child.kill()
    assert select.select([descriptor], [], [], 20)[0]
    os.close(descriptor)
    child.wait()
    assert proof.open_pidfd(child.pid, 1) is None


def test_another_process_with_the_pid_is_not_hit(child: subprocess.Popen[bytes]) -> None:
    wrong = proof.birth(child.pid) + 1
    assert proof.open_pidfd(child.pid, wrong) is None and proof.kill(child.pid, wrong, 1)
    assert child.poll() is None


def test_kill_proves_the_death_of_a_frozen_one(child: subprocess.Popen[bytes]) -> None:
    born = proof.birth(child.pid)
    os.kill(child.pid, signal.SIGSTOP)
    assert proof.kill(child.pid, born, 20) and not proof.lives(child.pid, born)


def test_names_with_brackets_and_blanks() -> None:
    """The second field of /proc/PID/stat is whatever the process calls itself."""
    source = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'a ) S 1 (b', 0, 0, 0); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(["python3", "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert proof.lives(child.pid, proof.birth(child.pid)) and proof.birth(child.pid) >= proof.birth(os.getpid())
