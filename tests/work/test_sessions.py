"""Sessions over real sockets and communication processes against the real server, all in this process: what a client sends and gets
stays whole whatever happens to its connections."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hisee.channel import Channel, ChannelClosed, Listener, LogonRefused, Message, RequestFailed, Requests
from hisee.channel.payloads import Hello
from hisee.channel.resuming import SessionChannel
from hisee.channel.sessions import dial_session
from hisee.commands import Commands
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server import sessions
from hisee.work.carrier import Carrier
from support.channels import SECRET
from support.relay import Relay
from support.stage import Stage, eventually, stage

WATCHDOG_S = TIMERS["watchdog"].ms / 1000
LONG_S = 60.0
LANES = (0, 1, 2, 11)


class Hall:
    """A server and its communication processes."""

    def __init__(self, made: Stage) -> None:
        self.stage = made
        self.doors: dict[str, Carrier] = {}
        self.clients: list[Client] = []
        self.relays: list[Relay] = []

    async def door(self, name: str, port: int = 0) -> str:
        listener = Listener.tcp("", port, SECRET)
        hello = Hello(kind="CP", name=name, facts={"address": listener.address})
        server = await self.stage.knl.connect(hello)
        carrier = Carrier(server, listener, 100, Commands("CP", lambda: None), lambda reason: None)
        carrier.start(asyncio.get_running_loop())
        assert server.welcome is not None
        self.doors[server.welcome.name] = carrier
        return str(listener.address)

    def kill(self, name: str) -> None:
        """As the kernel ends a killed process: everything is closed, nothing is said."""
        carrier = self.doors.pop(name)
        carrier._listener.close()
        for client in carrier._clients.values():
            client.channel.abandon()
        carrier._server.abandon()

    def reset(self) -> None:
        """Every connection of a client gets a RST, and what is on its way is gone; the communication processes find out."""
        for carrier in self.doors.values():
            for connection, client in list(carrier._clients.items()):
                sock: Any = client.channel._carrier._sock  # type: ignore[attr-defined]
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                carrier._end(connection, "died")

    def relay(self, address: str, host: str = "127.0.0.1") -> tuple[Relay, str]:
        relay = Relay(int(address.rpartition(":")[2]), host)
        self.relays.append(relay)
        return relay, f"{host}:{relay.port}"

    async def client(self, *networks: str, name: str = "FAR", **how: Any) -> Client:
        hello = Hello(kind="AGENT", name=name, pid=how.pop("pid", 0), boot=how.pop("boot", "elsewhere"))
        channel = await asyncio.to_thread(dial_session, [[address] for address in networks], hello, SECRET, **how)
        client = Client(channel)
        self.clients.append(client)
        return client

    async def row(self, name: str = "FAR") -> dict[str, Any]:
        return await self.stage.actors[0].row(name)

    async def networks(self) -> dict[str, str]:
        return {row["lane"]: row["state"] for row in await self.stage.actors[0].rows(Kind.ROUTES_GET) if row["type"] == "network"}


class Client:
    """A process with a session, played by the test."""

    def __init__(self, channel: Channel) -> None:
        assert isinstance(channel, SessionChannel) and channel.welcome is not None
        self.channel, self.number = channel, channel.welcome.number
        self.requests = Requests(channel)
        self.got: list[Message] = []
        self.lost: list[str] = []
        channel.attach(asyncio.get_running_loop(), self._take, self._gone)

    def _take(self, message: Message) -> None:
        if not self.requests.settle(message):
            self.got.append(message)

    def _gone(self, reason: str) -> None:
        self.lost.append(reason)
        self.requests.abort(reason)

    async def ps(self) -> bytes:
        message = Message(Kind.PS_GET, source=self.number, target=1)
        return (await self.requests.ask(message, LONG_S)).payload


@contextlib.asynccontextmanager
async def hall(*doors: str) -> AsyncIterator[tuple[Hall, list[str]]]:
    async with stage() as made:
        place = Hall(made)
        await made.log_on("SES", "NEAR")
        try:
            yield place, [await place.door(name) for name in doors]
        finally:
            for client in place.clients:
                client.channel.close()
            for carrier in place.doors.values():
                carrier.close()
            for relay in place.relays:
                relay.close()


class Traffic:
    """Numbered messages of any size both ways between a client and a process of this computer, in several lanes at once."""

    def __init__(self, place: Hall, client: Client, seed: int = 1) -> None:
        self.far, self.near = client, place.stage.actors[0]
        self._chance = random.Random(seed)
        self._given: dict[tuple[int, int], int] = {}  # (way, lane) -> messages

    def some(self, count: int, most_bytes: int = 2000) -> None:
        for _ in range(count):
            lane, way = self._chance.choice(LANES), self._chance.randrange(2)
            number = self._given[way, lane] = self._given.get((way, lane), 0) + 1
            size = self._chance.randrange(most_bytes)
            sender, taker = (self.far, self.near) if way == 0 else (self.near, self.far)
            sender.channel.send(Message(Kind.VISUAL_SET, lane, source=sender.number, target=taker.number, corr=number, payload=bytes(size)))

    def arrived(self) -> bool:
        return len(self.near.got) + len(self.far.got) >= sum(self._given.values())

    def check(self) -> None:
        for way, taker in enumerate((self.near, self.far)):
            for lane in LANES:
                numbers = [m.corr for m in taker.got if m.lane == lane and m.kind == Kind.VISUAL_SET]
                assert numbers == list(range(1, self._given.get((way, lane), 0) + 1)), f"way {way}, lane {lane}"


def play(body: Callable[[Hall, list[str]], Any], *doors: str) -> None:
    async def main() -> None:
        async with hall(*doors) as (place, addresses):
            await body(place, addresses)

    asyncio.run(main())


# -- losses of connections


@pytest.mark.req("R121", "R32")
@pytest.mark.parametrize("how", ["reset", "killed", "ended"])
def test_nothing_is_lost_doubled_or_out_of_order(how: str) -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        client = await place.client(addresses[0])
        traffic, named = Traffic(place, client), await place.row()
        for round_ in range(6):
            for _ in range(10):
                traffic.some(20, 300_000 if round_ == 3 else 2000)
                await asyncio.sleep(0)
            if how == "reset":
                place.reset()
            else:
                name = next(row["target"] for row in await place.stage.actors[0].rows(Kind.ROUTES_GET) if row["type"] == "network")
                place.kill(name) if how == "killed" else place.doors.pop(name).close()
                await place.door(f"NEW{round_}")
            traffic.some(50)
            await eventually(lambda round_=round_: client.channel.resumed > round_, "it resumes", LONG_S)  # type: ignore[attr-defined]
        await eventually(traffic.arrived, "everything arrives", LONG_S)
        await client.ps()
        traffic.check()
        now = await place.row()
        assert not client.lost and (now["number"], now["started_at"], now["state"]) == (named["number"], named["started_at"], "Run")
        assert len(client.got) + len(place.stage.actors[0].got) == 6 * 250
        await eventually(lambda: not client.channel._session.bytes, "the server confirms all of it")  # type: ignore[attr-defined]

    play(body, "CP001", "CP002")


@pytest.mark.req("R32")
def test_a_silent_cut_of_half_the_limit_loses_nothing() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        relay, address = place.relay(addresses[0])
        client = await place.client(address)
        traffic = Traffic(place, client)
        asked = asyncio.ensure_future(client.ps())
        await asked
        relay.cut()
        traffic.some(200)
        asked = asyncio.ensure_future(client.ps())
        await asyncio.sleep(WATCHDOG_S / 2)
        relay.heal()
        await asked
        await eventually(traffic.arrived, "everything arrives", LONG_S)
        traffic.check()
        assert not client.lost and (await place.row())["state"] == "Run"

    play(body, "CP001")


@pytest.mark.req("R121")
def test_a_silent_connection_is_replaced_before_the_limit() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        relay, address = place.relay(addresses[0])
        client = await place.client(address)
        traffic = Traffic(place, client)
        relay.cut()
        traffic.some(100)
        await eventually(traffic.arrived, "everything arrives by the other door", LONG_S)
        traffic.check()
        assert not client.lost and client.channel.resumed == 1  # type: ignore[attr-defined]

    play(body, "CP001", "CP002")


# -- the limit


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Everything takes a fifth of its time; the timers of a client."""
    monkeypatch.setattr(sessions, "WATCHDOG_S", 1.0)
    return {"watchdog": 1000}


@pytest.mark.req("R31", "R32")
def test_after_the_limit_the_session_is_over_at_both_ends(short: dict[str, int]) -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        relay, address = place.relay(addresses[0])
        client = await place.client(address, timers=short)
        near = place.stage.actors[0]
        await client.ps()
        relay.target = 1  # nobody there
        place.doors["CP001"]._listener.close()
        asked = asyncio.ensure_future(near.refused(Kind.ECHO, target=client.number))
        await eventually(lambda: any(m.kind == Kind.ECHO for m in client.got), "the question is there")
        relay.reset()
        await eventually(lambda: place.stage.knl.core.registry.named("FAR").link.resuming, "the server waits")  # type: ignore[union-attr]
        row = await place.row()
        assert (row["state"], row["link"], row["networks"]) == ("Run", "resuming", [{"network": "127.0.0.1", "state": "broken"}])
        assert not asked.done()
        failed = await asked
        assert "FAR ended during the request" in str(failed)
        await eventually(lambda: client.lost, "the client knows")
        assert (await place.row())["state"] == "Crash" and not await place.networks()
        with pytest.raises(ChannelClosed):
            client.channel.send(Message(Kind.VISUAL_SET, source=client.number, target=1))

    play(body, "CP001")


@pytest.mark.req("R31")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dead_process_of_this_computer_ends_its_session_at_once(when: str) -> None:
    from hisee.channel.peer import computer

    async def body(place: Hall, addresses: list[str]) -> None:
        relay, address = place.relay(addresses[0])
        child = subprocess.Popen(["sleep", "600"])
        try:
            client = await place.client(address, pid=child.pid, boot=computer())
            await client.ps()
            relay.target = 1
            place.doors["CP001"]._listener.close()
            if when == "before":
                child.kill()
                child.wait()
            began = asyncio.get_running_loop().time()
            relay.reset()
            process = place.stage.knl.core.registry.named("FAR")
            assert process is not None
            if when == "after":
                await eventually(lambda: process.link is not None and process.link.resuming, "the server waits")
                child.kill()
            await eventually(lambda: not process.running, "it is dead", LONG_S)
            assert process.state.value == "Crash"
            assert asyncio.get_running_loop().time() - began < WATCHDOG_S, "no proof was needed: the time was over"
        finally:
            child.kill()
            child.wait()

    play(body, "CP001")


def test_a_new_process_of_its_computer_takes_the_name_of_one_that_lost_its_connection() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        client = await place.client(addresses[0])
        await client.ps()
        with pytest.raises(LogonRefused, match="runs already"):
            await place.client(addresses[0])
        client.channel.abandon()  # killed where the server cannot see it
        process = place.stage.knl.core.registry.named("FAR")
        assert process is not None and process.link is not None
        await eventually(lambda: process.link is None or process.link.resuming, "the server waits")
        with pytest.raises(LogonRefused, match="runs already"):
            await place.client(addresses[1], boot="another computer")
        other = await place.client(addresses[1])
        assert other.number != client.number and (await place.row())["number"] == other.number

    play(body, "CP001", "CP002")


def test_a_client_that_says_goodbye_ends_at_once() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        client = await place.client(addresses[0])
        traffic = Traffic(place, client)
        await client.ps()
        traffic.some(100)
        client.channel.close("enough")
        process = place.stage.knl.core.registry.named("FAR")
        assert process is not None
        await eventually(lambda: not process.running, "it has ended")
        assert process.state.value == "Stop" and not client.lost

    play(body, "CP001")


# -- the server's word


def test_a_server_that_began_anew_refuses() -> None:
    async def main() -> None:
        async with hall("CP001") as (old, addresses), hall("CP002") as (_, others):
            relay, address = old.relay(addresses[0])
            client = await old.client(address)
            await client.ps()
            relay.target = int(others[0].rpartition(":")[2])
            old.kill("CP001")
            relay.reset()
            await eventually(lambda: client.lost, "it is refused")
            assert "no such session" in client.lost[0]
            with pytest.raises(RequestFailed):
                await client.ps()

    asyncio.run(main())


def test_a_dismissed_client_does_not_come_back() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        client = await place.client(addresses[0])
        await client.ps()
        (held,) = place.stage.knl.sessions
        place.stage.knl.sessions.dismiss(held, "moved")
        await eventually(lambda: client.lost, "it is told")
        assert client.lost == ["goodbye: moved"]

    play(body, "CP001")


def test_a_client_that_confirms_nothing_is_ended_at_the_bound() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        relay, address = place.relay(addresses[0])
        client = await place.client(address)
        await client.ps()
        relay.cut()
        near, process = place.stage.actors[0], place.stage.knl.core.registry.named("FAR")
        assert process is not None
        for _ in range(300):
            near.send(Kind.VISUAL_SET, bytes(1 << 18), target=client.number, lane=2)
            await asyncio.sleep(0)
        await eventually(lambda: not process.running, "its session is over")

    play(body, "CP001")


# -- two networks


async def two_networks(place: Hall, address: str) -> tuple[Relay, Relay, Client]:
    (first, one), (second, two) = place.relay(address, "127.0.0.2"), place.relay(address, "127.0.0.3")
    client = await place.client(one, two)
    await until_networks(place, {"127.0.0.2": "active", "127.0.0.3": "alternate"})
    return first, second, client


async def until_networks(place: Hall, wanted: dict[str, str], seconds: float = LONG_S) -> None:
    async with asyncio.timeout(seconds):
        while await place.networks() != wanted:
            await asyncio.sleep(0.02)


@pytest.mark.req("R82")
@pytest.mark.parametrize("how", ["reset", "silent"])
def test_traffic_moves_to_the_other_network_and_the_broken_one_comes_back(how: str) -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        first, second, client = await two_networks(place, addresses[0])
        traffic, port = Traffic(place, client), first.target
        traffic.some(100)
        first.target = 1
        first.cut() if how == "silent" else first.reset()
        traffic.some(100)
        await until_networks(place, {"127.0.0.2": "broken", "127.0.0.3": "active"})
        assert (await place.row())["networks"] == [{"network": "127.0.0.2", "state": "broken"}, {"network": "127.0.0.3", "state": "active"}]
        first.target = port
        first.heal()
        traffic.some(100)
        await until_networks(place, {"127.0.0.2": "alternate", "127.0.0.3": "active"})
        client.channel.prefer(0)  # type: ignore[attr-defined]
        traffic.some(100)
        await until_networks(place, {"127.0.0.2": "active", "127.0.0.3": "alternate"})
        second.reset()
        traffic.some(100)
        await eventually(traffic.arrived, "everything arrives", LONG_S)
        traffic.check()
        assert not client.lost

    play(body, "CP001")


@pytest.mark.req("R83")
def test_a_cut_alternate_is_shown_broken_within_the_limit() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        _, second, client = await two_networks(place, addresses[0])
        second.cut()
        began = asyncio.get_running_loop().time()
        await until_networks(place, {"127.0.0.2": "active", "127.0.0.3": "broken"})
        assert asyncio.get_running_loop().time() - began < 2 * WATCHDOG_S  # the limit, and as much for a computer that is busy
        assert client.channel.resumed == 0  # type: ignore[attr-defined]

    play(body, "CP001")


@pytest.mark.req("R82")
def test_the_preferred_network_is_taken_again_when_it_returns() -> None:
    async def body(place: Hall, addresses: list[str]) -> None:
        first, _, client = await two_networks(place, addresses[0])
        client.channel.prefer(0)  # type: ignore[attr-defined]
        first.reset()
        await eventually(lambda: client.channel.resumed == 2, "there and back", LONG_S)  # type: ignore[attr-defined]
        await until_networks(place, {"127.0.0.2": "active", "127.0.0.3": "alternate"})

    play(body, "CP001")


