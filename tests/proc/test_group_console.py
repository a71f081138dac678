"""Consoles of a group: they follow the hot server over an ordered switch and over its death; a console of one server does not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hisee
from campaigns.switch import hot_of, other_than
from hisee.errors import CannotConnect
from support import postgres
from support.command import environment
from support.pair import Pair, both, pair
from support.system import kill, until

pytestmark = [pytest.mark.boot, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]
APP = Path(__file__).parent / "app"
NODES = ("SRV1", "SRV2")


COUNT_LOCAL = """
INT _n, _mine
ENTRY Btn_OnClick
  _mine := %IfInvalid(_mine, 0) + 1
  CALL [] Next(_n)
  %HI_SetText(_Lbl, %IToStr(_mine) + " here, " + %IToStr(_n) + " there")
END Btn_OnClick
"""
COUNT_REMOTE = """
INT _count
RPC PROCEDURE Next(INT _n)
  _count := %IfInvalid(_count, 0) + 1
  _n := _count
END Next
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("group")
    source = with_a_counter(folder / "source")
    with postgres.postgres_server() as server, pair(server, source, folder, "consoles", multicast=True) as started:
        yield both(started)


def with_a_counter(source: Path) -> Path:
    """The proving application and a picture whose parts count by themselves."""
    shutil.copytree(APP, source, ignore=shutil.ignore_patterns(".hisee"))
    folder = source / "pictures" / "S.Count"
    folder.mkdir()
    (folder / "picture.toml").write_text('server_script = true\n[objects.Btn]\nkind = "button"\n[objects.Lbl]\nkind = "text"\n')
    (folder / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99"><g id="Btn"><rect width="9"'
                                        ' height="9"/></g><text id="Lbl" x="9" y="40">-</text></svg>')
    (folder / "local.esl").write_text(COUNT_LOCAL)
    (folder / "remote.esl").write_text(COUNT_REMOTE)
    return source


class Running:
    """A console process with a data directory of its own: that of a workstation, which has run.json and the secret and no server."""

    def __init__(self, made: Pair, folder: Path, name: str, *words: str, node: str = "WS1") -> None:
        self.name, self.log = name, folder / "out"
        self.data = made.data(node) if node in NODES else self._workstation(made, folder)
        ready, told = os.pipe()
        with open(self.log, "wb") as out:
            more = ["--node", node, "--data", str(self.data), "--web-port", "0", "--ready-fd", str(told)]
            self.child = subprocess.Popen([sys.executable, "-m", "hisee", "hip", f"/W{name}", *words, *more], env=environment(),
                                          pass_fds=(told,), stdout=out, stderr=out)
        os.close(told)
        with os.fdopen(ready, "rb") as pipe:
            self.ready = pipe.readline().startswith(b"ready")

    @staticmethod
    def _workstation(made: Pair, folder: Path) -> Path:
        data = folder / "data"
        (data / "log").mkdir(parents=True)
        run = json.loads((made.data("SRV1") / "run.json").read_text())
        (data / "run.json").write_text(json.dumps({**run, "server": "", "cp": "", "processes": {}, "sockets": str(folder)}))
        shutil.copy(made.data("SRV1") / "secret", data / "secret")
        return data

    def words(self) -> str:
        return self.log.read_text() + (self.data / "log" / f"{self.name}.HIP.00.log").read_text()

    def end(self) -> None:
        if self.child.poll() is None:
            self.child.terminate()
        self.child.wait(30)


@contextlib.contextmanager
def console(made: Pair, folder: Path, name: str, *words: str, node: str = "WS1") -> Iterator[Running]:
    folder.mkdir(exist_ok=True)
    running = Running(made, folder, name, *words, node=node)
    try:
        assert running.ready, running.words()
        yield running
    finally:
        running.end()


def row_of(client: hisee.System, name: str) -> dict[str, Any]:
    return next((row for row in client.ps() if row["name"] == name and row["state"] == "Run"), {})


def restarts(made: Pair) -> int:
    """How often a local part has been told of the restart of its remote part, by the event logs of both servers."""
    return sum((made.data(node) / "log" / "events.log").read_text().count("restart ") for node in NODES)


class Watch:
    """What a program sees of a console through the server that stands by: the console answers over its second session."""

    def __init__(self, client: hisee.System, name: str) -> None:
        self.desk, self.began = client.console(name), time.monotonic()

    def mode(self) -> str:
        return str(self.desk.do("state").facts["mode"])

    def seconds_to(self, mode: str, limit: float = 30.0) -> float:
        until(lambda: self.mode() == mode, f"the console is in mode {mode}", limit, 0.01)
        return round(time.monotonic() - self.began, 2)


def follows_a_death(made: Pair, name: str, how: signal.Signals = signal.SIGKILL) -> dict[str, float]:
    """The hot server dies or stands still while a picture is open: view goes on, control comes back, the local part lives on."""
    hot = hot_of(made)
    heir = other_than(hot)
    made.await_sub(heir, "standby")
    with made.client(hot) as client, made.client(heir) as watcher:
        until(lambda: row_of(watcher, f"{name}.HIP").get("warm") is True, "the second session is there", 30)
        assert row_of(client, f"{name}.HIP")["warm"] is False
        picture = client.console(name).open("S.Split")
        picture.settle(30)
        picture.click("BtnBoth")
        picture.settle(30)
        client.set("U.Count", 4711)
        until(lambda: picture["LblCount"].text == "4711", "the value is shown")
        told, number = restarts(made), picture.opened
        watch = Watch(watcher, name)
        assert watch.mode() == "control"
        pid = made.server_pid(hot)
        kill(pid, how)
        figures = {"view_s": watch.seconds_to("view")}
        shown = watch.desk.do("state", opened=number)
        assert (shown.elements["LblCount"]["text"], shown.elements["LblCount"]["quality"]) == ("4711", 0)
        figures["control_s"] = watch.seconds_to("control")
        if how is signal.SIGSTOP:
            kill(pid)
        assert row_of(watcher, f"{name}.HIP")["warm"] is False
        again = watch.desk
        picture = hisee.api.Picture(again, "S.Split", number)
        until(lambda: picture.facts["remote"] == "up", "the remote part runs again", 30)
        picture.settle(30)
        picture.click("BtnBoth")
        picture.settle(30)
        assert (picture["LblL"].text, picture["LblR"].text) == ("local 2", "remote"), "the local part lived on, the remote part is new"
        watcher.set("U.Count", 4712)
        until(lambda: picture["LblCount"].text == "4712", "values go on")
        assert restarts(made) == told + 1, "OnRemoteRestart comes once"
        picture.close()
    until(lambda: sorted(made.sub(node) for node in NODES) == ["hot", "standby"], "both are back", 60)
    return figures


def follows_a_switch(made: Pair, name: str) -> dict[str, float]:
    """Ordered: the picture stays open, its local part lives on, a program that follows the group drives it before and after."""
    hot = hot_of(made)
    heir = other_than(hot)
    made.await_sub(heir, "standby")
    with made.client(hot) as client, hisee.connect(made.data(hot), group=True) as system, made.client(heir) as watcher:
        until(lambda: row_of(watcher, f"{name}.HIP").get("warm") is True, "the second session is there", 30)
        picture = system.console(name).open("S.Split")
        picture.settle(30)
        told, watch = restarts(made), Watch(watcher, name)
        assert client.tell(f"{hot}.KNL", f"SWITCH {heir}").result == "ok"
        until(lambda: row_of(watcher, f"{name}.HIP").get("warm") is False, "its session is the main one", 30, 0.005)
        figures = {"control_s": watch.seconds_to("control")}
        until(lambda: picture.facts["remote"] == "up", "the remote part runs again", 30)
        picture.settle(30)
        picture.click("BtnBoth")
        picture.settle(30)
        assert (picture["LblL"].text, picture["LblR"].text) == ("local 1", "remote")
        assert {row["name"] for row in system.ps() if row["number"] == 1} == {f"{heir}.KNL"}
        assert restarts(made) == told + 1, "OnRemoteRestart comes once"
        picture.close()
    made.await_sub(hot, "standby")
    return figures


@pytest.mark.req("R75", "R76", "R78", "R137")
def test_a_console_of_a_workstation_follows_the_hot_server_by_list(made: Pair, tmp_path: Path) -> None:
    with console(made, tmp_path, "WS1", "/RFplant") as running:
        print("list: switch", follows_a_switch(made, "WS1"), "death", follows_a_death(made, "WS1"))
        assert running.child.poll() is None


@pytest.mark.req("R75", "R76")
def test_a_console_follows_the_hot_server_by_multicast(made: Pair, tmp_path: Path) -> None:
    with console(made, tmp_path, "WS1", "/RDplant"):
        print("multicast: switch", follows_a_switch(made, "WS1"))


@pytest.mark.req("R78", "R79", "R81")
def test_ten_consoles_over_the_death_of_a_server_and_its_script_server(made: Pair, tmp_path: Path) -> None:
    """The script server of the dead one does not count; local parts keep their variables, remote ones begin with fresh ones."""
    hot = hot_of(made)
    heir = other_than(hot)
    made.await_sub(heir, "standby")
    with console(made, tmp_path, "WS1", "--consoles", "10"), made.client(hot) as client, made.client(heir) as other:
        until(lambda: row_of(other, "WS1.HIP").get("warm") is True, "the second session is there", 30)
        pictures = [client.console(f"WS{number}").open("S.Count") for number in range(1, 11)]
        assert [clicked(picture, 2) for picture in pictures] == ["2 here, 2 there"] * 10
        ses = [row["pid"] for row in client.ps() if row["kind"] == "SES" and row["node"] == hot and row["state"] == "Run"]
        began = time.monotonic()
        for pid in (*ses, made.server_pid(hot)):
            kill(pid)
        until(lambda: row_of(other, "WS10.HIP"), "all are logged on at the other one", 30)
        again = [hisee.api.Picture(other.console(f"WS{number}"), "S.Count", pictures[number - 1].opened) for number in range(1, 11)]
        until(lambda: all(picture.facts["remote"] == "up" for picture in again), "all remote parts run", 30)
        print("ten consoles", round(time.monotonic() - began, 2), "s")
        assert [clicked(picture, 1) for picture in again] == ["3 here, 1 there"] * 10
        assert any("variables begin afresh" in text for text in other.console("WS10").messages)
    until(lambda: sorted(made.sub(node) for node in NODES) == ["hot", "standby"], "both are back", 60)


def clicked(picture: hisee.Picture, times: int) -> str:
    for _ in range(times):
        picture.settle(30)
        picture.click("Btn")
    picture.settle(30)
    return str(picture["Lbl"].text)


@pytest.mark.req("R76", "R78")
def test_a_console_beside_a_server_follows_the_group_by_itself(made: Pair, tmp_path: Path) -> None:
    """Without a start parameter, as `hisee up` starts it: over the control socket to its own server, over TCP to the other one."""
    with console(made, tmp_path, "WS2", node=hot_of(made)):
        print("beside a server", follows_a_death(made, "WS2"))


@pytest.mark.req("R72", "R76")
def test_a_console_leaves_a_hot_server_that_stands_still(made: Pair, tmp_path: Path) -> None:
    """Nobody can prove its death: values come from the standby server before the lease is over, control after that."""
    with console(made, tmp_path, "WS4"):
        print("frozen", follows_a_death(made, "WS4", signal.SIGSTOP))


@pytest.mark.req("R76")
def test_a_console_of_one_server_stays_and_ends_with_it(made: Pair, tmp_path: Path) -> None:
    hot = hot_of(made)
    heir = other_than(hot)
    with console(made, tmp_path, "WS3", f"/S{hot}", node=hot) as running, made.client(hot) as client, made.client(heir) as other:
        picture = client.console("WS3").open("S.Split")
        picture.settle(30)
        assert client.tell(f"{hot}.KNL", f"SWITCH {heir}").result == "ok"
        made.await_sub(hot, "standby")
        watch = Watch(client, "WS3")
        watch.seconds_to("view")
        other.set("U.Count", 4713)
        until(lambda: picture["LblCount"].text == "4713", "it shows what its server shows")
        made.await_sub(heir, "hot")
        assert other.tell(f"{heir}.KNL", f"SWITCH {hot}").result == "ok"
        watch.seconds_to("control")
        until(lambda: picture.facts["remote"] == "up", "the remote part runs again", 30)
        kill(made.server_pid(hot))
        assert running.child.wait(20) == 3
        assert f"server {hot} has ended" in running.words() and "/RFplant" in running.words()
    until(lambda: sorted(made.sub(node) for node in NODES) == ["hot", "standby"], "both are back", 60)


@pytest.mark.req("R76")
def test_a_program_follows_the_group(made: Pair) -> None:
    """By run.json, and by a list of addresses; what is under way at the loss ends with an error, the next request goes on."""
    hot = hot_of(made)
    heir = other_than(hot)
    made.await_sub(heir, "standby")
    doors = ",".join(json.loads((made.data(node) / "run.json").read_text())["cp"] for node in NODES)
    with hisee.connect(made.data(hot), group=True) as by_run, hisee.connect(made.data(hot), group=doors) as by_list:
        for system in (by_run, by_list):
            assert next(row["name"] for row in system.ps() if row["number"] == 1) == f"{hot}.KNL"
        by_list.set("U.Count", 7)
        os.kill(made.server_pid(hot), signal.SIGSTOP)
        with ThreadPoolExecutor(1) as thread:
            under_way = thread.submit(by_run.ps)
            time.sleep(0.2)
            kill(made.server_pid(hot))
            with pytest.raises(CannotConnect, match="next request"):
                under_way.result(20)
        for system in (by_run, by_list):
            system.set("U.Count", 8)
            assert system.get("U.Count") == 8
            assert next(row["name"] for row in system.ps() if row["number"] == 1) == f"{heir}.KNL"
    until(lambda: sorted(made.sub(node) for node in NODES) == ["hot", "standby"], "both are back", 60)
