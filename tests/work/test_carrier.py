"""A communication process's connections against a server that is a few lines here: slow readers, floods, logons that break off."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hisee.channel import Channel, Listener, LogonRefused, Message, PeerUnreachable, RequestFailed, Requests, dial_tcp, memory_pair
from hisee.channel.doors import CHOOSE, CROWDED
from hisee.channel.payloads import CpList, Hello, LinkClosed, LinkOpen, Refused, Welcome, pack, unpack
from hisee.commands import Commands
from hisee.schema.messages import MessageKind as Kind
from hisee.work import carrier as carriers
from hisee.work.carrier import Carrier
from support.channels import SECRET

CP_NUMBER = 9


class Server:
    """The server's end: lets everybody in with a number of its own, keeps what arrives, answers ECHO."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.got: list[Message] = []
        self.closed: list[LinkClosed] = []
        self.numbers = 100
        self.answering = asyncio.Event()
        self.answering.set()
        channel.attach(asyncio.get_running_loop(), self._receive, lambda _: None)

    def _receive(self, message: Message) -> None:
        if message.kind == Kind.LINK_OPEN:
            asyncio.get_running_loop().create_task(self._admit(message))
        elif message.kind == Kind.LINK_CLOSED:
            self.closed.append(unpack(LinkClosed, message.payload))
        elif message.kind == Kind.ECHO:
            self.channel.send(Message(Kind.REPLY, message.lane, source=1, target=message.source, corr=message.corr,
                                      payload=message.payload))
        else:
            self.got.append(message)

    async def _admit(self, message: Message) -> None:
        await self.answering.wait()
        hello = unpack(Hello, unpack(LinkOpen, message.payload).hello)
        self.numbers += 1
        answer: Any = Welcome(name=hello.name, number=self.numbers)
        data = pack(answer) if hello.name != "NO" else b"\x00" + pack(Refused(code="NAME_IN_USE", text="it runs already"))
        self.channel.send(Message(Kind.REPLY, source=1, target=CP_NUMBER, corr=message.corr, payload=data))

    def send(self, number: int, payload: bytes, lane: int = 1) -> None:
        self.channel.send(Message(Kind.VALUES, lane, source=1, target=number, payload=payload))


class Place:
    """A communication process without its process."""

    def __init__(self, most: int, limits: dict[str, int], timers: dict[str, int]) -> None:
        mine, theirs = memory_pair()
        mine.welcome = Welcome(name="CP001", number=CP_NUMBER)
        self.server = Server(theirs)
        self.listener = Listener.tcp("", 0, SECRET, limits=limits, timers=timers)
        self.ended: list[str] = []
        self.carrier = Carrier(mine, self.listener, most, Commands("CP", lambda: None), self.ended.append)
        self.carrier.start(asyncio.get_running_loop())

    async def client(self, name: str, **how: Any) -> Client:
        facts = how.pop("facts", {})
        hello = Hello(kind="TEL", name=name, facts=facts)
        channel = await asyncio.to_thread(dial_tcp, "127.0.0.1", self.listener.port, hello, SECRET, **how)
        return Client(channel)


class Client:
    def __init__(self, channel: Channel) -> None:
        assert channel.welcome is not None
        self.channel, self.number = channel, channel.welcome.number
        self.requests = Requests(channel)
        self.got: list[Message] = []
        self.lost: list[str] = []

    def read(self) -> Client:
        self.channel.attach(asyncio.get_running_loop(), lambda m: self.requests.settle(m) or self.got.append(m), self.lost.append)
        return self

    async def echo(self, payload: bytes = b"x") -> bytes:
        message = Message(Kind.ECHO, 11, source=self.number, target=1, payload=payload)
        return (await self.requests.ask(message, 20)).payload


@asynccontextmanager
async def place(most: int = 100, *, limits: dict[str, int] | None = None, timers: dict[str, int] | None = None) -> AsyncIterator[Place]:
    made = Place(most, limits or {}, timers or {})
    try:
        yield made
    finally:
        made.carrier.close()
        made.server.channel.close()


async def until(condition: Callable[[], object], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def test_messages_pass_both_ways_and_are_counted() -> None:
    async def main() -> None:
        async with place() as p:
            a, b = (await p.client("A")).read(), (await p.client("B")).read()
            assert await a.echo(b"hello") == b"hello"
            for _ in range(42):
                p.server.send(b.number, b"news")
            await until(lambda: len(b.got) == 42)
            assert p.carrier.counters()["passed"] == 43 and p.carrier.counters()["waiting"] == 0 and p.carrier.connections() == 2
            a.channel.send(Message(Kind.LOG_WRITE, source=b.number, target=1))  # with a number that is not its own
            a.channel.send(Message(Kind.LOG_WRITE, source=a.number, target=1))
            await until(lambda: p.server.got)
            assert [m.source for m in p.server.got] == [a.number]
            a.channel.close()
            await until(lambda: p.server.closed)
            assert p.server.closed[0].number == a.number and p.server.closed[0].reason.startswith("goodbye")
            b.channel.close()

    asyncio.run(main())


@pytest.mark.req("R119")
def test_what_a_slow_client_does_not_take_waits_here_and_ends_its_link_at_the_bound() -> None:
    async def main() -> None:
        async with place(limits={"backlog_bytes": 4 << 20}) as p:
            slow, good = await p.client("SLOW"), (await p.client("GOOD")).read()
            size, sent = 256 << 10, 0
            while not p.server.closed:
                p.server.send(slow.number, bytes(size))
                sent += size
                assert await good.echo(b"ping") == b"ping", "nobody else notices"
                counters = p.carrier.counters()
                assert counters["waiting_bytes"] < 12 << 20
                assert sent < 64 << 20, "it was never given up"
            closed = p.server.closed[0]
            assert closed.number == slow.number and closed.reason.startswith("too slow") and p.carrier.counters()["slow"] == 1
            assert p.carrier.counters()["waiting"] == 0 and p.carrier.connections() == 1
            slow.channel.close()
            good.channel.close()

    asyncio.run(main())


@pytest.mark.req("R119")
def test_waiting_messages_are_counted_until_they_are_taken() -> None:
    async def main() -> None:
        async with place() as p:
            late = await p.client("LATE")
            for _ in range(40):
                p.server.send(late.number, bytes(256 << 10))
            await until(lambda: p.carrier.counters()["passed"] == 40)
            assert p.carrier.counters()["waiting"] > 10 and p.carrier.counters()["waiting_bytes"] > 1 << 20
            late.read()
            await until(lambda: len(late.got) == 40)
            await until(lambda: p.carrier.counters()["waiting"] == 0)
            late.channel.close()

    asyncio.run(main())


def test_a_client_that_floods_is_held_until_the_server_has_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "HIGH_BYTES", 1 << 20)
    monkeypatch.setattr(carriers, "LOW_BYTES", 1 << 18)
    monkeypatch.setattr(carriers, "MUCH_BYTES", 1 << 18)

    async def main() -> None:
        async with place() as p:
            flood = (await p.client("FLOOD")).read()
            p.server.channel.hold(True)
            for number in range(400):
                flood.channel.send(Message(Kind.LOG_WRITE, 11, source=flood.number, target=1, corr=number, payload=bytes(64 << 10)))
            await until(lambda: p.carrier._held)
            for _ in range(50):
                await asyncio.sleep(0.005)
            assert p.carrier._server.backlog_bytes < 8 << 20, "the rest waits with the client"
            assert flood.channel.backlog_bytes > 1 << 20
            p.server.channel.hold(False)
            await until(lambda: len(p.server.got) == 400)
            assert [m.corr for m in p.server.got] == list(range(400)), "nothing is lost, doubled or swapped"
            await until(lambda: not p.carrier._held)
            flood.channel.close()

    asyncio.run(main())


def test_a_logon_that_breaks_off_behind_the_proof_gives_its_number_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "LOGON_S", 0.3)

    async def main() -> None:
        async with place(timers={"logon": 200}) as p:
            p.server.answering.clear()
            dialling = asyncio.create_task(p.client("GONE"))
            await asyncio.sleep(0.25)  # the listener has given up, the server answers later
            p.server.answering.set()
            with pytest.raises((PeerUnreachable, LogonRefused)):
                await dialling
            await until(lambda: p.server.closed or p.server.numbers == 100)
            if p.server.numbers > 100:
                await until(lambda: p.server.closed)
                assert p.server.closed[0].number == 101 and "not finished" in p.server.closed[0].reason
            assert p.carrier.connections() == 0

    asyncio.run(main())


def test_refusals_of_the_server_and_the_limit_of_clients_reach_the_client() -> None:
    async def main() -> None:
        async with place(most=1) as p:
            with pytest.raises(LogonRefused, match="runs already"):
                await p.client("NO")
            doors = [{"name": "CP002", "address": "127.0.0.1:7", "connections": 3}]
            only = (await p.client("ONE", facts={CHOOSE: True})).read()
            plain_silence = len(only.got)
            p.server.channel.send(Message(Kind.CP_LIST, source=1, target=CP_NUMBER, payload=pack(CpList(rows=doors))))
            await until(lambda: len(only.got) > plain_silence)
            assert unpack(CpList, only.got[0].payload).rows == doors, "who chooses its door keeps the list"
            with pytest.raises(LogonRefused) as refused:
                await p.client("TWO")
            assert refused.value.refusal == CROWDED and refused.value.facts["cps"] == doors
            only.channel.close()
            await until(lambda: p.carrier.connections() == 0)
            (await p.client("TWO")).channel.close()

    asyncio.run(main())


def test_the_end_of_the_server_ends_the_process_and_its_open_questions() -> None:
    async def main() -> None:
        async with place() as p:
            client = (await p.client("A")).read()
            asking = asyncio.create_task(p.carrier.requests.ask(Message(Kind.TELL, source=CP_NUMBER, target=1), 20))
            await asyncio.sleep(0)
            p.server.channel.close("the end")
            await until(lambda: p.ended)
            assert p.ended == ["goodbye: the end"]
            with pytest.raises(RequestFailed):
                await asking
            client.channel.close()

    asyncio.run(main())


# -- before the proof


def test_a_siege_of_silent_and_lying_peers_keeps_nobody_out() -> None:
    async def main() -> None:
        async with place(limits={"half_open_logons": 16}) as p:
            silent = [await raw(p) for _ in range(60)]  # slow-loris: connected, and nothing more
            dribbling = await raw(p)
            for _ in range(5):
                client = (await p.client("HONEST")).read()
                dribbling.send(b"\x00")
                assert await client.echo() == b"x"
                client.channel.close()
                await until(lambda: p.carrier.connections() == 0)
            counters = p.carrier.counters()
            assert counters["half_open"] <= 16 and counters["crowded"] >= 40 and counters["late"] == 0
            for sock in (*silent, dribbling):
                sock.close()

    asyncio.run(main())


def test_wild_lengths_and_garbage_are_cut_before_memory_is_taken() -> None:
    async def main() -> None:
        async with place() as p:
            wild = [struct.pack("<QQQII", 0, 0, 0, 0, 0) + struct.pack("<I", length) + bytes(28) for length in (5000, 2**31, 2**32 - 1)]
            for data in (*wild, b"GET / HTTP/1.1\r\n\r\n" * 300, bytes(65_536), b"\xff" * 65_536):
                sock = await raw(p)
                await asyncio.get_running_loop().sock_sendall(sock, data)
                await ended(sock)
                sock.close()
            await until(lambda: p.carrier.counters()["half_open"] == 0)
            assert p.carrier.counters()["broken"] + p.carrier.counters()["refused"] == 6
            assert p.server.numbers == 100, "the server was not asked once"

    asyncio.run(main())


async def raw(p: Place) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", p.listener.port))
    return sock


async def ended(sock: socket.socket) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if not await asyncio.get_running_loop().sock_recv(sock, 65_536):
                    return
            except ConnectionError:
                return
