"""External functions in a running system: beside the console, beside the server, in events; what `ps` shows, what is left behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hisee
from hisee.schema.exits import Exit
from support.command import hisee as command
from support.foreign import HEADER, build, wait_until_gone
from support.system import RunningSystem, kill, names, running, until

pytestmark = pytest.mark.boot
APP = """\
name = "foreign"
port = 0
[nodes.SRV1]
processes = [{{kind = "server"}}, {{kind = "cp"}}, {{kind = "event", name = "REMOTE1", args = ["--SES_REMOTE"]}}, {{kind = "event"}}]
[nodes.WS1]
processes = [{{kind = "hip", name = "WS1", web_port = 0}}]
[scripts]
libraries = ["{library}"]
[limits]
external_s = 30
"""
PICTURE = """\
server_script = true
[objects.BtnL]
kind = "button"
[objects.BtnR]
kind = "button"
[objects.BtnCrash]
kind = "button"
[objects.LblL]
kind = "text"
[objects.LblR]
kind = "text"
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(
    f'<text id="{name}">-</text>' for name in ("BtnL", "BtnR", "BtnCrash", "LblL", "LblR")) + "</svg>"
LOCAL = """\
INT _n
ENTRY BtnL_OnClick
  %HI_SetText(_LblL, %X.Greeting("L") + " " + %IToStr(%X.Counted()))
END BtnL_OnClick
ENTRY BtnR_OnClick
  CALL [] Far(_n)
END BtnR_OnClick
ENTRY BtnCrash_OnClick
  CALL [] Crash(_n)
  %HI_SetText(_LblL, "crash " + %IToStr(_n))
END BtnCrash_OnClick
"""
REMOTE = """\
RPC PROCEDURE Far(INT _n)
  _n := %X.Counted()
  %HI_SetText(_LblR, %X.Greeting("R") + " " + %IToStr(_n))
END Far
RPC PROCEDURE Crash(INT _n)
  ON ERROR OFF
  _n := %X.Crash(0)
  _n := _ERR_NR
END Crash
"""
EVENT = 'BEGIN\nU.Count := %X.Counted()\nEND\n'


def objects(library: str) -> str:
    rows = [f'["U.{name}"]\ntype = "user_variable"\nvalue_type = "INT"\n' for name in ("Count", "Go")]
    for name in ("Greeting", "Counted", "Crash"):
        rows.append(f'["X.{name}"]\ntype = "external_function"\nlibrary = "{library}"\nfunction = "{name.lower()}"\n'
                    f"declaration = \'\'\'\n{HEADER}\'\'\'\n")
    return "\n".join(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with its library."""
    folder = tmp_path_factory.mktemp("foreign")
    library = build(folder)
    app = folder / "app"
    files = {"app.toml": APP.format(library=library), "objects.toml": objects("libx.so"), "pictures/S.Ext/picture.toml": PICTURE,
             "pictures/S.Ext/picture.svg": SVG, "pictures/S.Ext/local.esl": LOCAL, "pictures/S.Ext/remote.esl": REMOTE,
             "events/E.Ext/event.toml": 'event_type = "trigger"\nstart_object = "U.Go"\n', "events/E.Ext/local.esl": EVENT}
    for name, text in files.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[RunningSystem]:
    with running(folder / "app", folder / "data") as started:
        yield started


@pytest.fixture
def client(system: RunningSystem) -> Iterator[hisee.System]:
    with system.connect() as connected:
        yield connected


def clicked(client: hisee.System, button: str) -> tuple[str, str]:
    picture = client.console("WS1").open("S.Ext")
    try:
        picture.settle(20)
        picture.click(button)
        picture.settle(20)
        return picture["LblL"].text, picture["LblR"].text
    finally:
        picture.close()


def hosts(client: hisee.System) -> dict[str, dict[str, Any]]:
    """Owner -> the line of its dllhost."""
    return {row["hosted_by"]: row for row in client.ps() if row["kind"] == "DLLHOST"}


def row_of(client: hisee.System, owner: str, **wanted: object) -> dict[str, Any]:
    """The line of an owner's dllhost, when it shows these values."""
    def shows() -> bool:
        row = hosts(client).get(owner)
        return row is not None and all(row[key] == value for key, value in wanted.items())

    try:
        until(shows, f"{owner}: {wanted}")
    except AssertionError as late:
        raise AssertionError(f"{late}, but {hosts(client)}") from None
    return hosts(client)[owner]


def test_beside_the_console_and_beside_the_server(client: hisee.System, folder: Path) -> None:
    text, _ = clicked(client, "BtnL")
    assert text == "ahoj L 1"
    _, text = clicked(client, "BtnR")
    assert text == "ahoj R 1", "each process has a dllhost of its own"
    here, there = row_of(client, "WS1.HIP", calls=2), row_of(client, "REMOTE1.SES", calls=2)
    assert here["pid"] != there["pid"] and here["name"] == f"WS1_{here['pid']}.DLLHOST"
    for row in (here, there):
        assert row["state"] == "Run" and row["library"] == str(folder / "libx.so") and row["host"]
        assert (row["failed"], row["restarts"], row["ended"], row["queue"]) == (0, 0, None, 0)
        os.kill(row["pid"], 0)
    others = [row for row in client.ps() if row["kind"] != "DLLHOST"]
    assert {row["library"] for row in others} == {None} and {row["restarts"] for row in others} == {None}


def test_in_an_event(client: hisee.System) -> None:
    client.set("U.Go", 1)
    until(lambda: client.get("U.Count") == 1, "the event has run")


def test_a_crash_is_shown(client: hisee.System, system: RunningSystem) -> None:
    before = row_of(client, "REMOTE1.SES")
    text, _ = clicked(client, "BtnCrash")
    assert text == "crash 32"
    row = row_of(client, "REMOTE1.SES", ended="SIGSEGV", state="Crash")
    assert row["failed"] == before["failed"] + 1
    until(lambda: "%X.Crash: crash of libx.so crashed: SIGSEGV" in system.log("events.log"), "the event log tells it")
    assert "dllhost" in system.log("REMOTE1.SES")
    assert clicked(client, "BtnR")[1] == "ahoj R 1"
    assert row_of(client, "REMOTE1.SES", state="Run")["restarts"] == before["restarts"] + 1


def test_one_that_is_killed_is_shown_and_started_again(client: hisee.System) -> None:
    clicked(client, "BtnL")
    row = row_of(client, "WS1.HIP", state="Run")
    kill(row["pid"])
    row_of(client, "WS1.HIP", state="Crash")
    assert clicked(client, "BtnL")[0] == "ahoj L 1"
    assert row_of(client, "WS1.HIP", state="Run", ended="SIGKILL")["restarts"] == row["restarts"] + 1


def test_it_ends_with_its_owner(client: hisee.System) -> None:
    clicked(client, "BtnR")
    pid = row_of(client, "REMOTE1.SES", state="Run")["pid"]
    kill(next(row["pid"] for row in client.ps() if row["name"] == "REMOTE1.SES"))
    assert wait_until_gone(pid)
    until(lambda: "REMOTE1.SES" not in hosts(client), "the line is gone with the owner")
    until(lambda: "REMOTE1.SES" in names(client.ps(), "SES"), "the owner is started again", 30)
    assert clicked(client, "BtnR")[1] == "ahoj R 1"


def test_it_ends_with_the_system(folder: Path, tmp_path: Path) -> None:
    with running(folder / "app", tmp_path / "data") as own:
        with own.connect() as client:
            clicked(client, "BtnL")
            clicked(client, "BtnR")
            pids = [row_of(client, owner)["pid"] for owner in ("WS1.HIP", "REMOTE1.SES")]
        assert own.stop() == 0
        assert all(wait_until_gone(pid) for pid in pids)


def test_a_script_alone(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "alone.esl"
    script.write_text('INT _i\nBEGIN\nLOG %X.Greeting("run")\n_i := %X.Crash(0)\nEND\n')
    done = command("run", str(script), "--app", str(folder / "app"))
    assert done.stdout == "ahoj run\n" and done.returncode == Exit.FINDINGS
    assert "line 4: unhandled _ERR_EXT_FUNCTION: %X.Crash: crash of libx.so crashed: SIGSEGV" in done.stderr


def test_check_names_the_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "app.toml").write_text((folder / "app/app.toml").read_text())
    (tmp_path / "objects.toml").write_text(objects("libother.so").replace("double mix(double a", "double mix(doubel a"))
    done = command("check", str(tmp_path), "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == Exit.FINDINGS and {row["code"] for row in found} == {"APP103"}
    assert any(row["line"] == 16 and "cannot be read before" in row["message"] for row in found), found
    assert any("libother.so" in row["message"] for row in found)
