"""The hip process over real links: a server of ours on a Unix socket, a child process as HIS host; losses of both."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec
import pytest

from hisee.channel import Channel, Listener, Message, RequestFailed
from hisee.channel.payloads import ConsoleCommand, ConsoleState, Open, ServerState, Welcome, pack, unpack
from hisee.console import hishost
from hisee.console.program import Hip
from hisee.datadir import DataDir
from hisee.errors import AccessRefused, CannotConnect
from hisee.parameters import StartParameters
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams

from .parts import HIP, opened_reply

pytestmark = pytest.mark.slow


class FakeServer:
    """KNL as a console sees it: admits, adds consoles, opens; counts what came."""

    def __init__(self, data: DataDir) -> None:
        self.data, self.channel, self.got = data, None, []
        self.numbers, self.opened, self.logons = HIP, 2**30, 0
        self.answers: dict[int, asyncio.Future[Message]] = {}
        self.facts: dict[str, object] = {}

    def start(self) -> None:
        self.listener = Listener.unix(self.data.control_socket, self.data.secret(), Seams())
        self.listener.start(asyncio.get_running_loop(), self.admit, self.linked)

    async def admit(self, hello, peer):
        self.hello, self.logons = hello, self.logons + 1
        return Welcome(name=f"{hello.name}.HIP", number=HIP, facts=self.facts)

    def linked(self, channel: Channel) -> None:
        self.channel = channel
        channel.attach(asyncio.get_running_loop(), self.take, lambda reason: None)

    def take(self, message: Message) -> None:
        self.got.append(message.kind)
        answer = b""
        if message.kind == Kind.CONSOLE_ADD:
            self.numbers += 1
            answer = pack(Welcome(name=f"WS{self.numbers}.HIP", number=self.numbers))
        elif message.kind == Kind.OPEN:
            self.opened += 1
            answer = pack(opened_reply(object=unpack(Open, message.payload).object, opened=self.opened, his=self.opened))
        elif message.kind in (Kind.REPLY, Kind.FAILED):
            self.answers.pop(message.corr).set_result(message)
        if message.wants_answer:
            self.channel.send(Message(kind=Kind.REPLY, lane=message.lane, source=1, target=message.source, corr=message.corr,
                                      payload=answer))

    async def command(self, **fields) -> ConsoleState:
        corr = len(self.got) + 1000
        future = self.answers[corr] = asyncio.get_running_loop().create_future()
        command = pack(ConsoleCommand(**fields))
        self.channel.send(Message(kind=Kind.CONSOLE, source=5, target=HIP, corr=corr, payload=command, wants_answer=True))
        message = await asyncio.wait_for(future, 10)
        assert message.kind == Kind.REPLY
        return unpack(ConsoleState, message.payload)

    def lose(self) -> None:
        self.listener.close()
        self.channel.close("the server ends")


class Running:
    """A hip process inside this one."""

    def __init__(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        monkeypatch.setattr(hishost, "COMMAND", [str(Path(__file__).with_name("fake_hishost.py"))])
        monkeypatch.setattr("hisee.console.program.RETRY_S", 0.05)
        self.data = DataDir(tmp_path / "data", Seams())
        self.data.make()
        self.data.secret(create=True)
        self.server = FakeServer(self.data)
        self.parameters = StartParameters(command="hip", kind="HIP", names=("WS1", "WS2"), data=self.data.path)

    async def __aenter__(self):
        self.server.start()
        self.hip = Hip(self.parameters, self.data, ["WS1", "WS2"])
        self.stop = asyncio.Event()
        reader, writer = os.pipe()
        self.task = asyncio.create_task(self.hip.serve(self.stop, writer))
        self.ready = await asyncio.to_thread(_line, reader)
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        assert await asyncio.wait_for(self.task, 15) == 0
        self.server.listener.close()
        self.server.channel.close()


def _line(descriptor: int) -> str:
    with os.fdopen(descriptor) as file:
        return file.readline()


async def until(condition, what):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"never: {what}")


@pytest.fixture
def running(tmp_path, monkeypatch):
    return Running(tmp_path, monkeypatch)


@pytest.mark.req("R17")
def test_ready_two_consoles_one_host_and_an_ordered_end(running):
    async def body():
        async with running as r:
            assert r.ready.startswith("ready hip web=http://127.0.0.1:") and "token=" in r.ready
            assert [c.name for c in r.hip.consoles] == ["WS1.HIP", f"WS{HIP + 1}.HIP"]
            assert Kind.OPEN not in r.server.got
            pid = r.hip._host.pid
            assert (await r.server.command(verb="state")).facts["console"] == "WS1.HIP"
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(body())


@pytest.mark.req("R136")
def test_a_killed_host_is_started_again_and_what_was_open_opens(running):
    async def body():
        async with running as r:
            first = (await r.server.command(verb="open", target="S.Test")).opened
            old = r.hip._host.pid
            os.kill(old, signal.SIGKILL)
            opened = r.hip.consoles[0].opened
            await until(lambda: r.hip._host and r.hip._host.pid != old and list(opened) == [first + 1], "reopened")
            await until(lambda: opened[first + 1].local == "up", "its local part runs")
            assert r.server.got.count(Kind.OPENED_LOST) == 1
            again = await r.server.command(verb="state", opened=first)  # the old handle still means this picture
            assert again.opened == first + 1 and again.facts["local"] == "up"

    asyncio.run(body())


def test_opening_starts_no_process(running):
    async def body():
        async with running as r:
            pid = r.hip._host.pid
            for _ in range(20):
                await r.server.command(verb="open", target="S.Test")
            assert r.hip._host.pid == pid
            assert len(_children()) == 1

    asyncio.run(body())


def _children() -> list[str]:
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


def test_a_lost_server_makes_values_stale_and_is_found_again(running):
    async def body():
        async with running as r:
            await r.server.command(verb="open", target="S.Test")
            console = r.hip.consoles[0]
            r.server.lose()
            await until(lambda: not console.connected, "lost")
            assert next(iter(console.opened.values())).picture.by_id["Val"].values["quality"] == 2
            await asyncio.sleep(0.15)  # some attempts find nobody
            r.server.start()
            await until(lambda: console.connected and console.opened and r.server.logons == 2, "found")
            await until(lambda: [o.local for o in console.opened.values()] == ["up"], "open again")
            assert (await r.server.command(verb="state")).facts["connected"] is True

    asyncio.run(body())


def state(sub: str, epoch: int) -> ServerState:
    return ServerState("plant", "SRV1", {"hot": "HS", "standby": "SBS"}[sub], sub, epoch, "SRV1" if sub == "hot" else "")


@pytest.mark.req("R76")
def test_a_console_of_a_group_begins_without_a_hot_server_and_finds_it(running, monkeypatch):
    monkeypatch.setattr("hisee.console.program.FIRST_NS", 0)

    async def body():
        group = {"name": "plant", "servers": {"SRV1": {"priority": 1, "hosts": [], "cp": []}}}
        running.data.write_run({"server": "SRV1", "nodes": {}, "group": group})
        running.server.facts = {"server": msgspec.structs.asdict(state("standby", 3))}
        async with running as r:
            console = r.hip.consoles[0]
            assert r.ready.startswith("ready hip") and (console.name, console.number, console.mode) == ("WS1.HIP", 0, "lost")
            await until(lambda: r.server.logons == 1 and r.hip.servers.warm, "its second session is there")
            assert r.server.hello.facts["warm"] is True
            with pytest.raises(RequestFailed):
                await console.open("S.Test")
            r.server.channel.send(Message(kind=Kind.SERVER_STATE, source=1, payload=pack(state("hot", 4))))
            await until(lambda: console.mode == "control", "the session becomes the main one")
            assert r.server.logons == 1 and console.number == HIP
            await r.server.command(verb="open", target="S.Test")
            r.server.channel.send(Message(kind=Kind.STOP, source=1, target=HIP))
            await until(lambda: console.mode == "view", "the end of one server is not the end of a console of the group")
            assert r.server.logons == 2 and len(console.opened) == 1

    asyncio.run(body())


@pytest.mark.req("R76")
def test_a_console_of_one_server_of_a_group_ends_when_that_is_lost(running):
    async def body():
        running.server.facts = {"server": msgspec.structs.asdict(state("hot", 3))}
        running.server.start()
        hip = Hip(running.parameters, running.data, ["WS1"])
        reader, writer = os.pipe()
        task = asyncio.create_task(hip.serve(asyncio.Event(), writer))
        await asyncio.to_thread(_line, reader)
        assert running.server.hello.facts["stays"] is True
        running.server.lose()
        with pytest.raises(CannotConnect, match="server SRV1 has ended"):
            await asyncio.wait_for(task, 15)

    asyncio.run(body())


def test_stop_of_the_server_ends_the_console_in_order(running):
    async def body():
        async with running as r:
            r.server.channel.send(Message(kind=Kind.STOP, source=1, target=HIP))
            assert await asyncio.wait_for(r.task, 15) == 0

    asyncio.run(body())


def test_nobody_there_and_a_wrong_secret_are_said_at_once(running):
    async def body():
        hip = Hip(running.parameters, running.data, ["WS1"])
        with pytest.raises(CannotConnect):
            await hip.serve(asyncio.Event(), None)
        running.server.start()
        (running.data.path / "secret").write_bytes(b"x" * 32)
        hip = Hip(running.parameters, running.data, ["WS1"])
        with pytest.raises(AccessRefused):
            await hip.serve(asyncio.Event(), None)
        running.server.listener.close()

    asyncio.run(body())


def test_a_taken_page_port_is_said(running):
    first = Hip(running.parameters, running.data, ["WS1"])
    taken = StartParameters(command="hip", kind="HIP", names=("WS1",), data=running.data.path, web_port=first.page.port)
    with pytest.raises(CannotConnect, match="taken"):
        Hip(taken, running.data, ["WS1"])
    asyncio.run(first.page.close())
