"""From server to server: what is open stays on the screen, and its local part goes on under the numbers of the next server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from esl.directory import ENTRIES, picture
from hisee._core.values import decode, encode
from hisee.channel import Channel, Message, RequestFailed, memory_pair
from hisee.channel.payloads import HisHostStart, HisStart, LogWrite, RemoteUp, Welcome, pack, unpack
from hisee.config import limits
from hisee.console.feed import Feed
from hisee.console.opened import Part
from hisee.esl import compile_source
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script.hishost import HisHost
from hisee.seams import Seams

from .parts import COUNT, HIP, HIS, FakeLink, Stage, opened_reply
from .test_console import values

NEW = 2**30 + 500
GONE = RequestFailed(Err.ERR_TRANS_ABORT, Ext.NO_REASON, "the channel has ended")
STANDBY = RequestFailed(Err.ERR_TRANS_IGNORED, Ext.STANDBY, "SRV1 is no hot server")


def moved(stage: Stage, **changes: Any) -> FakeLink:
    """The link to a server that opens the same picture under other numbers."""
    link = FakeLink()
    link.answers[Kind.OPEN] = pack(opened_reply(opened=NEW, his=NEW, his_name="WS1_9.HIS", **changes))
    return link


# -- the console


@pytest.mark.req("R78", "R81")
def test_a_picture_stays_and_its_local_part_goes_on_under_the_new_number() -> None:
    async def body() -> None:
        stage = Stage(opened_reply(values=values(41).snapshot([COUNT])))
        opened = await stage.open()
        opened.picture.set(2, "text", "written by the script")
        stage.console.server_lost(viewing=True)
        assert stage.console.mode == "view" and opened.picture.by_id["Val"].values["quality"] == 0
        structure = stage.console.structure
        await stage.console.reopen(stage.local, moved(stage), HIP + 1, object())
        start = unpack(HisStart, stage.local.asked[-1].payload)
        assert (start.moves, start.opened, start.name, start.console) == (HIS, NEW, "WS1_9.HIS", HIP + 1)
        assert stage.console.object(HIS) is opened and list(stage.console.opened) == [NEW]
        assert opened.picture.by_id["Lbl"].values["text"] == "written by the script"
        assert (opened.local, opened.remote, stage.console.mode) == (Part.UP, Part.STARTING, "control")
        assert stage.console.structure == structure, "no page draws it anew"
        assert "variables begin afresh" in stage.console.desk.messages[-1]["text"]

    asyncio.run(body())


@pytest.mark.parametrize("changes", [{"version": 4}, {"local_unit": "cc"}])
def test_another_version_begins_anew_in_the_same_place(changes: dict[str, Any]) -> None:
    async def body() -> None:
        stage = Stage()
        opened = await stage.open()
        await stage.console.reopen(stage.local, moved(stage, **changes), HIP, object())
        now = stage.console.object(HIS)
        assert now is not opened and now.slot == opened.slot and len(stage.console.opened) == 1
        assert unpack(HisStart, stage.local.asked[-1].payload).moves == 0

    asyncio.run(body())


def test_after_the_loss_of_the_his_host_it_begins_anew() -> None:
    async def body() -> None:
        stage = Stage()
        opened = await stage.open()
        stage.console.local_lost()
        await stage.console.reopen(stage.local, moved(stage), HIP, object())
        assert stage.console.object(HIS) is not opened

    asyncio.run(body())


@pytest.mark.parametrize("fault", [GONE, STANDBY])
def test_a_server_that_fails_meanwhile_costs_no_picture(fault: RequestFailed) -> None:
    async def body() -> None:
        stage = Stage()
        opened = await stage.open()
        failing, home = FakeLink(), object()
        failing.answers[Kind.OPEN] = fault
        with pytest.raises(RequestFailed):
            await stage.console.reopen(stage.local, failing, HIP, home)
        assert stage.console.opened == {HIS: opened} and not stage.console.desk.messages
        await stage.console.reopen(stage.local, moved(stage), HIP, home)
        assert stage.console.object(HIS) is opened and opened.number == NEW

    asyncio.run(body())


def test_an_object_that_is_no_more_leaves_a_message() -> None:
    async def body() -> None:
        stage = Stage()
        await stage.open()
        failing = FakeLink()
        failing.answers[Kind.OPEN] = RequestFailed(Err.ERR_OBJECT_NOT_FOUND, 11, "there is no S.Test")
        await stage.console.reopen(stage.local, failing, HIP, object())
        assert not stage.console.opened and "no S.Test" in stage.console.desk.messages[-1]["text"]

    asyncio.run(body())


def test_what_is_open_at_this_home_is_not_opened_twice() -> None:
    async def body() -> None:
        stage, home = Stage(), object()
        await stage.open()
        link = moved(stage)
        for _ in range(2):
            await stage.console.reopen(stage.local, link, HIP, home)
        assert [m.kind for m in link.asked] == [Kind.OPEN]

    asyncio.run(body())


@pytest.mark.req("R76")
def test_pages_are_told_the_mode() -> None:
    async def body() -> None:
        stage = Stage(opened_reply(values=values(41).snapshot([COUNT])))
        opened = await stage.open()
        feed = Feed(stage.console, ["WS1"])
        shown = opened.picture.by_id["Val"].values
        assert feed.next()["mode"] == "control"
        stage.console.server_lost()
        assert (feed.next()["mode"], shown["quality"]) == ("lost", 2)
        stage.console.view(True)
        assert (feed.next()["mode"], shown["quality"]) == ("view", 0)
        stage.console.view(False)
        assert (feed.next()["mode"], shown["quality"]) == ("lost", 2)

    asyncio.run(body())


# -- the HIS host

SOURCE = """
INT _rc, _n, _restarts
RPC PROCEDURE Here(IN INT _x)
  LOGEX "here " + %IToStr(_x)
END Here
ENTRY BtnGo_OnClick
  _n := %IfInvalid(_n, 0) + 1
  _rc := CALL [] Far(_n)
  LOGEX "code " + %IToStr(_rc)
END BtnGo_OnClick
ENTRY Btn_Two_OnClick
  U.Count := 5
  WAIT
  LOGEX "set"
END Btn_Two_OnClick
ENTRY OnRemoteRestart
  _restarts := %IfInvalid(_restarts, 0) + 1
  LOGEX "restart " + %IToStr(_restarts) + " after " + %IToStr(_n)
END OnRemoteRestart
BEGIN
  LOGEX "begins"
END
"""


class Far:
    """The server's end of the host's link."""

    def __init__(self, number: int) -> None:
        self.got: list[Message] = []
        self.channel, self.hosts = memory_pair()
        self.hosts.welcome = Welcome(name="WS1_1.HISHOST", number=number, limits=limits())
        self.channel.attach(asyncio.get_running_loop(), self.got.append, lambda reason: None)

    def logged(self) -> list[str]:
        return [unpack(LogWrite, m.payload).text for m in self.got if m.kind == Kind.LOG_WRITE]

    def of(self, kind: Kind) -> list[Message]:
        return [m for m in self.got if m.kind == kind]


class Hosting:
    """A HIS host that runs one local part, between a console and a server that the test plays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.first, self.second = Far(11), Far(12)
        self.told: list[Message] = []
        self.hip, hosts_hip = memory_pair()
        self.hip.attach(asyncio.get_running_loop(), self.told.append, lambda reason: None)
        self.host = HisHost(self.first.hosts, hosts_hip, Seams(), follows=True)
        self.host.attach(asyncio.get_running_loop())
        for entry in ENTRIES:
            if entry.value_type:
                self.host.engine.cells.define(entry.hbj, entry.value_type)
        done = compile_source(SOURCE, name="S.Test", context=picture(), part=1)
        assert done.ok, done.diagnostics
        self.unit = self.host.engine.load(done.unit)
        monkeypatch.setattr("hisee.script.hishost.dial_server", self.dial)

    def dial(self, start: Any, seams: Any) -> Channel:
        return self.second.hosts

    def order(self, kind: Kind, payload: Any) -> None:
        self.hip.send(Message(kind=kind, source=HIP, corr=len(self.told) + 1, payload=pack(payload), wants_answer=True))

    def start(self, number: int, moves: int = 0) -> None:
        unit = next(iter(self.host.engine._units))
        self.order(Kind.HIS_START, HisStart(opened=number, name=f"WS1_{number}.HIS", object="S.Test", version=1, unit=unit, see=1,
                                            console=HIP, limits=limits(), moves=moves))

    def click(self, number: int, name: str = "BtnGo_OnClick") -> None:
        self.hip.send(Message(kind=Kind.PICTURE_EVENT, lane=Lane.VISUAL, source=HIP, target=number, payload=encode([name])))

    def up(self, far: Far, number: int, see: int) -> None:
        far.channel.send(Message(kind=Kind.REMOTE_UP, source=1, target=number, payload=pack(RemoteUp(opened=number, see=see, name="x"))))

    async def until(self, condition: Any, what: str) -> None:
        for _ in range(500):
            if condition():
                return
            await asyncio.sleep(0.005)
        pytest.fail(f"never: {what}; {self.first.logged()} {self.second.logged()} {[Kind(m.kind).name for m in self.told]}")


@pytest.mark.req("R78", "R81", "R137")
def test_a_local_part_lives_on_over_the_loss_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        made = Hosting(monkeypatch)
        made.start(100)
        await made.until(lambda: made.first.logged() == ["begins"], "it begins")
        made.up(made.first, 100, 200)
        made.click(100)
        await made.until(lambda: made.first.of(Kind.CALL), "it calls its remote part")
        made.first.channel.abandon()
        await made.until(lambda: any(m.kind == Kind.HIS_CUT for m in made.told), "the console is told")
        assert not made.host.stop.is_set()
        made.order(Kind.HIS_SERVER, HisHostStart(secret=b"", workstation="WS1", node="WS1", console=HIP, follows=True))
        await made.until(lambda: made.host.number == 12, "it is logged on at the next server")
        made.start(300, moves=100)
        await made.until(lambda: 300 in made.host.engine.instances, "it has its new number")
        assert list(made.host.engine.instances) == [300]
        made.click(300)
        made.up(made.second, 300, 400)
        await made.until(lambda: made.second.of(Kind.CALL), "its next CALL goes to the new remote part")
        call = made.second.of(Kind.CALL)[0]
        assert (call.source, call.target, decode(call.payload)[-1]) == (300, 400, 2), "variables of the local part are kept"
        made.second.channel.send(Message(kind=Kind.REPLY, lane=call.lane, source=400, target=300, corr=call.corr, payload=encode([0, 3])))
        echo = (await _first(made, Kind.ECHO))
        made.second.channel.send(Message(kind=Kind.REPLY, lane=echo.lane, source=400, target=12, corr=echo.corr, payload=echo.payload))
        await made.until(lambda: "restart 1 after 3" in made.second.logged(), "OnRemoteRestart comes behind the init part of the new one")
        await asyncio.sleep(0.05)
        assert made.second.logged().count("restart 1 after 3") == 1 and "begins" not in made.second.logged()
        assert "code 0" in made.second.logged()

    asyncio.run(body())


async def _first(made: Hosting, kind: Kind) -> Message:
    await made.until(lambda: made.second.of(kind), kind.name)
    return made.second.of(kind)[0]


@pytest.mark.req("R78")
def test_writes_that_nobody_acknowledged_end_as_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        made = Hosting(monkeypatch)
        made.start(100)
        await made.until(lambda: made.first.logged() == ["begins"], "it begins")
        made.click(100, "Btn_Two_OnClick")
        await made.until(lambda: made.first.of(Kind.SET), "it writes")
        failed: list[str] = []
        monkeypatch.setattr(made.host, "script_failed", lambda instance, failure: failed.append(failure.text))
        made.first.channel.abandon()
        await made.until(lambda: failed, "the WAIT ends")
        assert "not known" in failed[0]
        made.click(100, "Btn_Two_OnClick")
        await made.until(lambda: len(failed) == 2, "without a server a write ends at once")

    asyncio.run(body())


def test_the_host_of_a_console_of_no_group_ends_with_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        made = Hosting(monkeypatch)
        made.host._follows = False
        made.first.channel.abandon()
        await made.until(made.host.stop.is_set, "it ends")

    asyncio.run(body())
