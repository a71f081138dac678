"""TLS between computers: who gets in, who is told why not, and what a cut or a damaged byte does. Real sockets throughout."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from hisee._core.frame import encode
from hisee.channel import Channel, ChannelClosed, LinkShape, Listener, Message, Peer, PeerUnreachable, dial_tcp
from hisee.channel.payloads import Hello, Refused, Welcome, pack
from hisee.channel.secure import Secure
from hisee.cluster.ca import Authority
from hisee.schema.messages import MessageKind
from hisee.seams import SystemClock
from hisee.tls import CA, CERTIFICATE, KEY, bare_context
from support.certificates import ShiftedClock, computer, contexts
from support.channels import SECRET, make_pair

ECHO = MessageKind.ECHO
Context = ssl.SSLContext | None


class Door:
    """A listener under test, with what came through it."""

    def __init__(self, tls: Context, **how: dict[str, int]) -> None:
        self.listener = Listener.tcp("127.0.0.1", 0, SECRET, tls=tls, **how)
        self.channels: list[Channel] = []
        self.asked: list[Peer] = []
        self.listener.start(asyncio.get_running_loop(), self.admit, self.channels.append)

    async def admit(self, hello: Hello, peer: Peer) -> Welcome | Refused:
        self.asked.append(peer)
        return Welcome(name=hello.name, number=5)

    async def dial(self, tls: Context, **how: object) -> Channel:
        return await asyncio.to_thread(lambda: dial_tcp("127.0.0.1", self.listener.port, Hello(kind="TEL"), SECRET, tls=tls, **how))  # type: ignore[arg-type]


@asynccontextmanager
async def door(tls: Context, **how: dict[str, int]) -> AsyncIterator[Door]:
    made = Door(tls, **how)
    yield made
    made.listener.close()
    for channel in made.channels:
        channel.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)


def by_hand(trusted: Path, own: Path | None) -> ssl.SSLContext:
    """A client's context without the checks of `hisee.tls`."""
    context = bare_context(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(trusted / CA)
    context.verify_mode = ssl.CERT_REQUIRED
    if own is not None:
        context.load_cert_chain(own / CERTIFICATE, own / KEY)
    return context


def no_certificate(folder: Path) -> Context:
    return by_hand(folder / "WS1", None)


def of_foreign_ca(folder: Path) -> Context:
    computer(folder / "other", Authority.make(folder / "ca2", "OTHER", SystemClock()), "WS1")
    return by_hand(folder / "WS1", folder / "other")


def trusts_foreign_ca(folder: Path) -> Context:
    of_foreign_ca(folder)
    return by_hand(folder / "other", folder / "WS1")


def expired(folder: Path) -> Context:
    past = Authority.load(folder / "ca", ShiftedClock(days=-366))
    computer(folder / "old", past, "WS1")
    return by_hand(folder / "WS1", folder / "old")


def signs_itself_a_child(folder: Path) -> Context:
    """A computer's certificate is no CA: what it signs is worth nothing."""
    own = folder / "WS1"
    (folder / "rogue").mkdir()
    for name, source in ((CA, own / CERTIFICATE), ("ca.key", own / KEY)):
        (folder / "rogue" / name).write_bytes(source.read_bytes())
    made = computer(folder / "child", Authority.load(folder / "rogue", SystemClock()), "SRV1")
    chain = (made.folder / CERTIFICATE).read_bytes() + (own / CERTIFICATE).read_bytes()
    (made.folder / CERTIFICATE).write_bytes(chain)
    return by_hand(own, made.folder)


def only_tls_1_2(folder: Path) -> Context:
    context = by_hand(folder / "WS1", folder / "WS1")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    return context


HOSTILE: dict[str, tuple[Callable[[Path], Context], str]] = {
    "no certificate": (no_certificate, "wants a certificate of its system, and this computer shows none"),
    "a certificate of another CA": (of_foreign_ca, "does not know the CA of this computer|TLS failed"),
    "another CA is trusted": (trusts_foreign_ca, "the certificate of the other side is of another CA"),
    "an expired certificate": (expired, "the certificate of this computer has expired"),
    "a certificate signed by a computer": (signs_itself_a_child, "TLS failed|does not know the CA"),
    "TLS 1.2": (only_tls_1_2, "does not speak TLS 1.3"),
    "no TLS": (lambda folder: None, "the other side speaks TLS, this one does not"),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.req("R118")
def test_who_belongs_to_no_system_is_told_why_and_asks_nobody(tmp_path: Path, what: str) -> None:
    async def main() -> None:
        server, client = contexts(tmp_path)
        make, words = HOSTILE[what]
        async with door(server) as d:
            with pytest.raises(PeerUnreachable, match=words):
                await d.dial(make(tmp_path))
            await until(lambda: d.listener.counts["broken"] == 1 and d.listener.half_open == 0)
            assert d.asked == [] and d.channels == []
            (await d.dial(client)).close()

    asyncio.run(main())


def test_tls_at_a_plain_port_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        async with door(None) as d:
            with pytest.raises(PeerUnreachable, match="TLS handshake; does it speak TLS|cut"):
                await d.dial(contexts(tmp_path)[1])
            await until(lambda: d.listener.counts["broken"] == 1)
            assert d.asked == []

    asyncio.run(main())


@pytest.mark.req("R118")
def test_both_ends_know_the_other_ones_node_and_the_secret_is_still_asked(tmp_path: Path) -> None:
    async def main() -> None:
        server, client = contexts(tmp_path)
        async with door(server) as d:
            channel = await d.dial(client)
            await until(lambda: d.channels)
            assert channel.carrier == d.channels[0].carrier == "tls"
            assert (d.asked[0].node, channel.peer and channel.peer.node) == ("WS1", "SRV1")
            channel.close()
            with pytest.raises(Exception, match="secret of this system was not proved"):
                await asyncio.to_thread(dial_tcp, "127.0.0.1", d.listener.port, Hello(kind="TEL"), bytes(32), tls=client)

    asyncio.run(main())


@pytest.mark.req("R118")
def test_beyond_loopback_only_with_tls(tmp_path: Path) -> None:
    server, client = contexts(tmp_path)
    listener = Listener.tcp("0.0.0.0", 0, SECRET, tls=server)
    assert listener.tls is server
    listener.close()


# -- cut at every phase

PHASES = ("client hello", "certificate", "logon")
CUTS = [(phase, part) for phase in range(3) for part in (0.0, 0.01, 0.5, 1.0)]
HELLO = pack(Hello(kind="TEL", nonce=bytes(16)))
HELLO_FRAME = encode(0, 0, 0, 0, MessageKind.HELLO, 0, 3, 0, 0, 0, len(HELLO), 0, HELLO)


def speak(port: int, context: ssl.SSLContext, phase: int, part: float) -> socket.socket:
    """A client that follows the handshake up to some byte of its phase, and then says nothing more."""
    sock, secure, arrived = socket.create_connection(("127.0.0.1", port), timeout=30), Secure(context, server=False), b""
    for number in range(phase + 1):
        if number == 2:
            words = secure.seal(HELLO_FRAME)
        else:
            while not secure.shake(arrived) and number == 1:
                arrived = sock.recv(65536)
            words, arrived = secure.words(), b""
        sock.sendall(words if number < phase else words[:int(len(words) * part)])
        if number == 0 and number < phase:
            arrived = sock.recv(65536)
    return sock


@pytest.mark.parametrize(("phase", "part"), CUTS, ids=[f"{PHASES[phase]} {part:.0%}" for phase, part in CUTS])
def test_a_client_that_leaves_in_the_handshake_leaves_nothing(tmp_path: Path, phase: int, part: float) -> None:
    async def main() -> None:
        server, client = contexts(tmp_path)
        async with door(server) as d:
            (await asyncio.to_thread(speak, d.listener.port, client, phase, part)).close()
            await until(lambda: d.listener.counts["broken"] == 1 and d.listener.half_open == 0)
            assert d.asked == []
            (await d.dial(client)).close()

    asyncio.run(main())


def test_silence_in_the_handshake_is_a_half_open_logon_and_ends_at_its_deadline(tmp_path: Path) -> None:
    async def main() -> None:
        server, client = contexts(tmp_path)
        async with door(server, limits={"half_open_logons": 4}, timers={"logon": 1500}) as d:
            cuts = [(0, 0.5), (1, 0.5), (1, 1.0), (2, 0.5)]
            socks = [await asyncio.to_thread(speak, d.listener.port, client, *cut) for cut in cuts]
            await until(lambda: d.listener.counts["late"] == len(cuts) and d.listener.half_open == 0)
            assert d.asked == []
            for sock in socks:
                sock.close()

    asyncio.run(main())


class Between:
    """Passes bytes on between one client and `port`; `change` gets each part from the server, `cut` = one made shorter is the last."""

    def __init__(self, port: int, change: Callable[[bytes], bytes], *, cut: bool = False) -> None:
        self._cut = cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._change = change
        self._thread = threading.Thread(target=self._run, args=(port,))
        self._thread.start()

    def _run(self, port: int) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", port))
        back = threading.Thread(target=self._pass, args=(near, far, lambda data: data))
        back.start()
        self._pass(far, near, self._change)
        back.join()
        near.close()
        far.close()

    def _pass(self, source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                changed = change(data)
                target.sendall(changed)
                if self._cut and len(changed) < len(data):
                    break
        for sock in (source, target):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._thread.join(30)
        self._listener.close()


@pytest.mark.parametrize("count", [0, 1, 5, 200, 600])
def test_a_server_that_leaves_in_the_handshake_is_said(tmp_path: Path, count: int) -> None:
    left = [count]

    def first_bytes(data: bytes) -> bytes:
        part, left[0] = data[:left[0]], max(0, left[0] - len(data))
        return part

    async def main() -> None:
        server, client = contexts(tmp_path)
        async with door(server) as d:
            between = Between(d.listener.port, first_bytes, cut=True)
            with pytest.raises(PeerUnreachable, match="handshake|cut"):
                await asyncio.to_thread(dial_tcp, "127.0.0.1", between.port, Hello(kind="TEL"), SECRET, tls=client)
            await asyncio.to_thread(between.close)
            await until(lambda: d.listener.half_open == 0)

    asyncio.run(main())


@pytest.mark.parametrize("how", ["flipped", "repeated", "lost"])
def test_a_changed_record_ends_the_link_behind_what_came_whole(tmp_path: Path, how: str) -> None:
    changes: dict[str, Callable[[bytes], bytes]] = {
        "flipped": lambda data: data[:-1] + bytes([data[-1] ^ 1]), "repeated": lambda data: data + data, "lost": lambda data: b""}
    on, done = threading.Event(), threading.Event()

    def once(data: bytes) -> bytes:
        if not on.is_set() or done.is_set():
            return data
        done.set()
        return changes[how](data)

    async def main() -> None:
        server, client = contexts(tmp_path)
        async with door(server) as d:
            between = Between(d.listener.port, once)
            channel = await asyncio.to_thread(dial_tcp, "127.0.0.1", between.port, Hello(kind="TEL"), SECRET, tls=client)
            await until(lambda: d.channels)
            d.channels[0].send(Message(ECHO, corr=1))
            first = await asyncio.to_thread(channel.receive, 30)
            assert first is not None and first.corr == 1
            on.set()
            d.channels[0].send(Message(ECHO, corr=2))
            assert await asyncio.to_thread(done.wait, 30)
            d.channels[0].send(Message(ECHO, corr=3))
            arrived = await asyncio.to_thread(read_to_the_end, channel)
            assert arrived[:-1] == ([2] if how == "repeated" else [])
            assert str(arrived[-1]).startswith("poisoned: TLS")
            channel.close()
            d.channels[0].abandon()
            await asyncio.to_thread(between.close)

    asyncio.run(main())


def read_to_the_end(channel: Channel) -> list[object]:
    found: list[object] = []
    with pytest.raises(ChannelClosed) as ended:
        while True:
            message = channel.receive(30)
            assert message is not None, "nothing came, and no end"
            found.append(message.corr)
    return [*found, ended.value.reason]


def test_what_is_decrypted_already_is_not_waited_for(tmp_path: Path) -> None:
    """A burst that arrives in one piece is more than one batch; no descriptor tells of the rest."""
    left, right = make_pair("tls", tmp_path)
    for number in range(1000):
        left.send(Message(ECHO, corr=number))
    assert [m.corr for m in (right.receive(30) for _ in range(1000)) if m is not None] == list(range(1000))
    left.close()
    right.close()


def test_tls_runs_inside_a_shaped_link(tmp_path: Path) -> None:
    async def main() -> None:
        server, client = contexts(tmp_path)
        async with door(server) as d:
            channel = await d.dial(client, link=LinkShape(rtt_ms=20))
            await until(lambda: d.channels)
            assert channel.shape is not None and channel.carrier == "tls"
            d.channels[0].send(Message(ECHO, payload=bytes(100_000)))
            while (message := await asyncio.to_thread(channel.receive, 30)) is None:
                pass
            assert len(message.payload) == 100_000
            channel.close()

    asyncio.run(main())
