"""Sessions of a console with the servers of its group: which one is the main one, over memory links and without a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from hisee.channel import Channel, LogonRefused, Message, PeerUnreachable, memory_pair
from hisee.channel.payloads import ServerState, Welcome, pack
from hisee.channel.plan import Plan
from hisee.channel.way import Member, Way
from hisee.console import servers
from hisee.console.servers import Servers, Session
from hisee.errors import AccessRefused, CannotConnect
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams


class Server:
    """One server of the group, as far as a client sees it."""

    def __init__(self, node: str, sub: str, epoch: int) -> None:
        self.node, self.away, self.refuses = node, False, False
        self.links: list[Channel] = []
        self.says(sub, epoch)

    def says(self, sub: str, epoch: int) -> None:
        state = {"hot": "HS", "standby": "SBS"}.get(sub, "SS")
        self.state = ServerState("plant", self.node, state, sub, epoch, self.node if state == "HS" else "")

    def tell(self, sub: str, epoch: int) -> None:
        self.says(sub, epoch)
        for link in self.links:
            link.send(Message(Kind.SERVER_STATE, source=1, payload=pack(self.state)))

    def enter(self) -> Channel:
        if self.away:
            raise PeerUnreachable(f"nobody answers at {self.node}")
        if self.refuses:
            raise LogonRefused("SECRET", "the secret was not proved")
        mine, theirs = memory_pair()
        theirs.welcome = Welcome(name="WS1.HIP", number=77, facts={"server": msgspec.structs.asdict(self.state)})
        self.links.append(mine)
        return theirs


class Stage:
    """A client of these servers, which notes what it is told."""

    def __init__(self, *members: Server, group: str = "plant") -> None:
        self.by_node = {server.node: server for server in members}
        plan = Plan(group=group, members=lambda: [Member(node, Way()) for node in self.by_node])
        self.told: list[str] = []
        self.servers = Servers(plan, lambda member: self.by_node[member.name].enter(), self, Seams().clock)

    def from_main(self, session: Session, message: Message) -> None:
        self.told.append(f"main {session.node}")

    def from_warm(self, session: Session, message: Message) -> None:
        self.told.append(f"warm {session.node}")

    def main_gone(self, session: Session, reason: str) -> None:
        self.told.append(f"gone {session.node}")

    def warm_changed(self) -> None:
        self.told.append("warm changed")

    @property
    def sessions(self) -> tuple[str, str]:
        return tuple(session.node if session else "" for session in (self.servers.main, self.servers.warm))  # type: ignore[return-value]

    async def until(self, main: str, warm: str) -> None:
        for _ in range(500):
            if self.sessions == (main, warm):
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"{self.sessions} is not {main, warm}; told {self.told}")


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30))  # type: ignore[arg-type]


@pytest.mark.req("R75", "R76")
def test_the_hot_one_is_the_main_session_and_a_standby_one_the_second() -> None:
    async def body() -> None:
        stage = Stage(Server("SRV1", "standby", 4), Server("SRV2", "hot", 4), Server("SRV3", "synchronizing", 4))
        assert (await stage.servers.find()).node == "SRV2"
        assert stage.sessions == ("SRV2", "SRV1") and stage.servers.gate.epoch == 4
        assert await stage.servers.find() is stage.servers.main, "nothing is asked while there is one"
        assert [len(server.links) for server in stage.by_node.values()] == [1, 1, 1]

    run(body)


@pytest.mark.req("R76")
def test_the_second_session_becomes_the_main_one_without_a_logon() -> None:
    async def body() -> None:
        first, second = Server("SRV1", "hot", 4), Server("SRV2", "standby", 4)
        stage = Stage(first, second)
        await stage.servers.find()
        warm = stage.servers.warm
        first.away = True
        first.links[0].abandon()
        await stage.until("", "SRV2")
        with pytest.raises(CannotConnect, match=r"no server of the group plant"):
            await stage.servers.find()
        second.tell("hot", 5)
        await asyncio.wait_for(stage.servers.news.wait(), 5)
        assert await stage.servers.find() is warm and len(second.links) == 1
        assert stage.sessions == ("SRV2", "") and "gone SRV1" in stage.told

    run(body)


@pytest.mark.req("R76")
def test_a_hot_server_that_is_followed_by_another_epoch_is_left_at_once() -> None:
    """Nobody can prove that the former one is dead: the word of the next one is enough, and the former one is refused from then on."""
    async def body() -> None:
        first, second = Server("SRV1", "hot", 4), Server("SRV2", "standby", 4)
        stage = Stage(first, second)
        await stage.servers.find()
        second.tell("hot", 5)
        await stage.until("", "SRV2")
        assert (await stage.servers.find()).node == "SRV2"
        await stage.servers._look_beside(stage.servers.main)  # type: ignore[arg-type]
        assert stage.sessions == ("SRV2", ""), "it still says that it is hot, in an epoch of the past"

    run(body)


@pytest.mark.req("R76")
@pytest.mark.parametrize(("sub", "main"), [("cut off", "SRV1"), ("switching to standby", "SRV1"), ("standby", ""), ("election", "")])
def test_what_a_hot_server_may_say_without_being_left(sub: str, main: str) -> None:
    async def body() -> None:
        server = Server("SRV1", "hot", 4)
        stage = Stage(server)
        await stage.servers.find()
        server.state = ServerState("plant", "SRV1", "HS" if sub == "switching to standby" else "SS", sub, 4, "SRV1")
        server.links[0].send(Message(Kind.SERVER_STATE, source=1, payload=pack(server.state)))
        server.links[0].send(Message(Kind.ECHO, source=1))
        if main:
            while "main SRV1" not in stage.told:
                await asyncio.sleep(0.01)
        await stage.until(main, "")

    run(body)


@pytest.mark.req("R76")
def test_a_client_of_one_server_keeps_it_whatever_it_is() -> None:
    async def body() -> None:
        server = Server("SRV1", "hot", 4)
        stage = Stage(server, group="")
        await stage.servers.find()
        server.tell("standby", 5)
        await stage.until("", "SRV1")
        server.tell("hot", 6)
        await asyncio.wait_for(stage.servers.news.wait(), 5)
        assert (await stage.servers.find()).node == "SRV1" and len(server.links) == 1
        server.tell("standby", 7)
        await stage.until("", "SRV1")
        server.links[0].abandon()
        await stage.until("", "")
        assert stage.told.count("gone SRV1") == 3

    run(body)


def test_a_refusal_is_told_before_silence_and_a_second_session_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "LOOK_S", 0.05)

    async def body() -> None:
        first, second = Server("SRV1", "hot", 4), Server("SRV2", "standby", 4)
        first.refuses = second.away = True
        stage = Stage(first, second)
        with pytest.raises(AccessRefused, match="secret"):
            await stage.servers.find()
        first.refuses = False
        await stage.servers.find()
        keeping = asyncio.create_task(stage.servers.keep_warm())
        second.away = False
        await stage.until("SRV1", "SRV2")
        keeping.cancel()

    run(body)


class Line:
    """A session's channel as far as doubt looks at it."""

    def __init__(self) -> None:
        self.silent_ms, self.networks = 0, [("10.9.1.2", "active")]

    def broken(self, silent_ms: int) -> None:
        self.silent_ms, self.networks = silent_ms, [("10.9.1.2", "broken")]


def test_doubt_begins_with_silence_or_a_break_and_ends_when_the_server_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SessionChannel", Line)

    async def body() -> None:
        stage = Stage(Server("SRV1", "hot", 4))
        session, line = await stage.servers.find(), Line()
        session.link.channel = line  # type: ignore[assignment]
        assert (session.quiet, session.in_doubt) == (False, False)
        line.silent_ms = 1_200
        assert (session.quiet, session.in_doubt) == (True, False)
        line.silent_ms = 1_500
        assert session.in_doubt
        line.broken(0)  # its silence is counted anew, and nothing has become better
        assert (session.quiet, session.in_doubt) == (True, True)
        line.__init__()  # type: ignore[misc]
        assert (session.quiet, session.in_doubt) == (False, False)
        line.broken(100)
        assert not session.in_doubt, "an other door may answer at once"
        line.broken(600)
        assert session.in_doubt

    run(body)
