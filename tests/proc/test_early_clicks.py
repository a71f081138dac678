"""A click on a picture that has just opened is carried out, whichever of its parts is not there yet; processes are held up to see it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import hisee
from campaigns.figures import child_of
from support.system import RunningSystem, kill, until

pytestmark = pytest.mark.boot


@contextmanager
def held_up(*pids: int) -> Iterator[None]:
    """They stand still meanwhile."""
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            kill(pid, signal.SIGCONT)


def pids(client: hisee.System, kind: str) -> list[int]:
    return [row["pid"] for row in client.ps() if row["kind"] == kind and row["state"] == "Run"]


@pytest.mark.req("R53", "R54")
def test_before_its_local_part_runs(system: RunningSystem, client: hisee.System) -> None:
    """The page shows a picture as soon as the server has opened it; the HIS host has to fetch its script meanwhile."""
    desk = client.console("WS1")
    host = child_of(next(row["pid"] for row in client.ps() if row["name"] == "WS1.HIP"))
    with system.connect() as other, ThreadPoolExecutor(1) as thread:
        with held_up(host):
            opening = thread.submit(other.console("WS1").open, "S.Split")
            until(lambda: desk.do("state").facts["opened"], "the picture is on the screen")
            (shown,) = desk.do("state").facts["opened"]
            assert shown["local"] == "starting"
            hisee.api.Picture(desk, "S.Split", shown["opened"]).click("BtnEcho")
        picture = opening.result(30)
        picture.settle(30)
        assert picture["LblL"].text.startswith("0 42"), "the click came behind the init part"
        picture.close()


@pytest.mark.req("R53", "R54")
def test_before_its_remote_part_runs(client: hisee.System) -> None:
    """A CALL of its local part waits for the start."""
    with held_up(*pids(client, "SES")):
        picture = client.console("WS2").open("S.Split")
        picture.click("BtnEcho")
        assert picture.facts["remote"] == "starting"
    picture.settle(30)
    assert picture["LblL"].text.startswith("0 42")
    picture.close()


@pytest.mark.req("R54")
def test_closed_before_its_local_part_runs_it_never_does(system: RunningSystem, client: hisee.System) -> None:
    """Nothing of it is left in the HIS host."""
    desk = client.console("WS2")
    host = child_of(next(row["pid"] for row in client.ps() if row["name"] == "WS2.HIP"))
    with system.connect() as other, ThreadPoolExecutor(1) as thread:
        with held_up(host):
            opening = thread.submit(other.console("WS2").open, "S.Local")
            until(lambda: desk.do("state").facts["opened"], "it is on the screen")
            (shown,) = desk.do("state").facts["opened"]
            assert hisee.api.Picture(desk, "S.Local", shown["opened"]).close()
        with pytest.raises(hisee.api.RequestRefused, match="closed"):
            opening.result(30)
    status = desk.do("state").facts
    assert status["opened"] == []
