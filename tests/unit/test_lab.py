"""The lab of several computers: what it promises to the tests that use it, and that nothing of it stays behind."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import lab as labs
from support.lab import Computer, Lab, LabImpossible, left_of, until

needs_lab = pytest.mark.skipif(bool(labs.missing()), reason=labs.missing() or "-")
pytestmark = pytest.mark.slow


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(networks=2) as lab:
        yield lab
    assert not left_of(os.getpid())


def reaches(one: Computer, other: Computer, network: int = 0) -> bool:
    """Does a question get there and its answer back?"""
    knock = f"timeout 1 bash -c 'echo > /dev/tcp/{other.addresses[network]}/9'"
    return "refused" in one.run("bash", "-c", knock, check=False).stderr


def hears(one: Computer, other: Computer) -> bool:
    """Does a datagram of `one` arrive at `other`? Nothing comes back."""
    code = "import socket; s = socket.socket(type=2); s.bind(('', 4711)); s.settimeout(1); print('up', flush=True); s.recv(9)"
    listener = other.start(sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert listener.popen.stdout is not None and listener.popen.stdout.readline()
    one.run(sys.executable, "-c", f"import socket; socket.socket(type=2).sendto(b'x', ('{other.address}', 4711))")
    code = listener.wait()
    listener.popen.stdout.close()
    return code == 0


@needs_lab
def test_a_computer_has_its_own_name_processes_and_addresses(lab: Lab) -> None:
    srv1, srv2 = lab.computer("SRV1"), lab.computer("SRV2")
    assert srv1.run("hostname").stdout == "SRV1\n" != socket.gethostname()
    sleeper = srv2.start("sleep", "1000")
    inside = srv1.run("sh", "-c", "ls /proc | grep -c '^[0-9]'").stdout
    assert int(inside) <= 5 and sleeper.pid in srv2.find("sleep 1000") and not srv1.find("sleep 1000")
    assert reaches(srv1, srv2, 0) and reaches(srv1, srv2, 1) and reaches(srv2, srv1)


@needs_lab
def test_cuts_are_silent_and_have_directions_and_networks(lab: Lab) -> None:
    srv1, srv2, witness = lab.computer("SRV1"), lab.computer("SRV2"), lab.computer("W")
    lab.cut(srv1, srv2, one_way=True)
    assert not hears(srv1, srv2) and hears(srv2, srv1) and reaches(srv1, witness)
    lab.cut(srv1, srv2, network=0)
    assert not hears(srv2, srv1) and not reaches(srv1, srv2, 0)
    lab.heal(srv1, srv2)
    lab.cut(srv1, srv2, network=1)
    assert reaches(srv1, srv2, 0) and not reaches(srv1, srv2, 1)
    lab.isolate(witness)
    assert not reaches(witness, srv1) and not reaches(srv2, witness)
    lab.heal()
    assert reaches(srv1, srv2, 1) and reaches(srv2, witness)


@needs_lab
def test_a_computer_dies_freezes_and_starts_again(lab: Lab) -> None:
    srv1, srv2 = lab.computer("SRV1"), lab.computer("SRV2")
    clock = srv1.start(sys.executable, "-uc", "import time\nwhile True: print(1); time.sleep(0.01)", stdout=subprocess.PIPE)
    assert clock.popen.stdout is not None and clock.popen.stdout.readline()
    srv1.freeze()
    os.set_blocking(clock.popen.stdout.fileno(), False)
    clock.popen.stdout.read()  # what it wrote before
    assert not select.select([clock.popen.stdout], [], [], 0.2)[0]
    srv1.thaw()
    assert select.select([clock.popen.stdout], [], [], 20)[0]
    srv1.freeze()  # a computer may lose its power while it stands still
    srv1.kill()
    assert clock.wait() != 0 and not srv1.alive and not srv1.processes()
    clock.popen.stdout.close()
    srv1.boot()
    assert srv1.run("hostname").stdout == "SRV1\n" and reaches(srv1, srv2) and reaches(srv2, srv1)


@needs_lab
def test_nothing_stays_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), Lab() as lab:
        lab.computer("SRV1").start("sleep", "1000")
        lab.computer("SRV2").freeze()
        pids = [*lab.computer("SRV1").processes(), *lab.computer("SRV2").processes()]
        assert left_of(os.getpid()) and pids
        _ = 1 / 0
    assert not left_of(os.getpid()) and not any(Path(f"/proc/{pid}").exists() for pid in pids)


@needs_lab
def test_a_killed_test_run_is_cleaned_up_by_the_next_one() -> None:
    code = "import sys\nfrom support.lab import Lab\nlab = Lab().__enter__()\nlab.computer('SRV1').start('sleep', '1000')\n" \
           "print('up', flush=True)\nsys.stdin.read()"
    paths = os.pathsep.join([str(Path(labs.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    run = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           env=os.environ | {"PYTHONPATH": paths})
    assert run.stdout is not None and run.stdin is not None and run.stdout.readline()
    run.kill()
    run.wait()
    run.stdin.close()
    run.stdout.close()
    assert left_of(run.pid)
    with Lab():
        until(lambda: not left_of(run.pid), "the rest of the killed run goes")


def test_missing_rights_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    labs.missing.cache_clear()
    try:
        with pytest.raises(LabImpossible, match="needs root"):
            Lab()
    finally:
        labs.missing.cache_clear()
