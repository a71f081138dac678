"""The door: who gets in, who is told why not, and what a peer that proves nothing can cost."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hisee._core.frame import Decoder, encode
from hisee.channel import (
    Channel,
    LinkShape,
    Listener,
    LogonRefused,
    Message,
    Peer,
    PeerUnreachable,
    ProtocolMismatch,
    dial_tcp,
    dial_unix,
    over_socket,
)
from hisee.channel.payloads import Challenge, Hello, Refused, Welcome, pack, unpack
from hisee.errors import UsageError
from hisee.schema.messages import MessageKind
from support.channels import SECRET
from support.leftovers import shared_memory

KINDS = pytest.mark.parametrize("kind", ["unix", "tcp"])
NAMES_TAKEN = {"WS1.HIP"}


class Door:
    """A listener under test, with what came through it."""

    def __init__(self, kind: str, folder: Path, **how: dict[str, int]) -> None:
        self.kind = kind
        self.listener = Listener.tcp("127.0.0.1", 0, SECRET, **how) if kind == "tcp" else \
            Listener.unix(folder / "s", SECRET, **how)
        self.channels: list[Channel] = []
        self.asked: list[str] = []
        self.listener.start(asyncio.get_running_loop(), self.admit, self.channels.append)

    async def admit(self, hello: Hello, peer: Peer) -> Welcome | Refused:
        self.asked.append(hello.name)
        if hello.name in NAMES_TAKEN:
            return Refused(code="NAME", text=f"{hello.name} is running already")
        return Welcome(name=hello.name, number=5, facts={"peer": peer.address})

    def connect(self) -> socket.socket:
        if self.kind == "tcp":
            return socket.create_connection(("127.0.0.1", self.listener.port))
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.listener.address)
        return sock

    async def dial(self, hello: Hello, secret: bytes = SECRET) -> Channel:
        if self.kind == "tcp":
            return await asyncio.to_thread(dial_tcp, "127.0.0.1", self.listener.port, hello, secret)
        return await asyncio.to_thread(dial_unix, self.listener.address, hello, secret)


@asynccontextmanager
async def door(kind: str, folder: Path, **how: dict[str, int]) -> AsyncIterator[Door]:
    made = Door(kind, folder, **how)
    yield made
    made.listener.close()
    for channel in made.channels:
        channel.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


def frame(kind: int, payload: bytes, **other: int) -> bytes:
    fields = {"session": 0, "seq": 0, "ack": 0, "epoch": 0, "lane": 0, "flags": 3, "total": len(payload), **other}
    return encode(fields["session"], fields["seq"], fields["ack"], fields["epoch"], kind, fields["lane"], fields["flags"], 0, 0, 0,
                  fields["total"], 0, payload)


async def read_to_end(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    loop, found = asyncio.get_running_loop(), b""
    async with asyncio.timeout(10):
        while True:
            try:
                data = await loop.sock_recv(sock, 65536)
            except ConnectionResetError:
                return found
            if not data:
                return found
            found += data


def frames(data: bytes) -> list[tuple[int, bytes]]:
    decoder = Decoder(65536)
    decoder.feed(data)
    found = []
    while part := decoder.next():
        found.append((part[0], part[8]))
    return found


@KINDS
def test_the_secret_opens_the_door(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        async with door(kind, tmp_path) as d:
            channel = await d.dial(Hello(kind="TEL", name="me", node="N1"))
            await until(lambda: d.channels)
            assert channel.welcome is not None and channel.welcome.number == 5
            assert channel.welcome.session != 0
            hello = d.channels[0].hello
            assert hello is not None and (hello.name, hello.node) == ("me", "N1")
            assert channel.carrier == d.channels[0].carrier == {"unix": "ring", "tcp": "tcp"}[kind]
            assert d.listener.counts == {"admitted": 1}
            channel.close()

    asyncio.run(main())


@KINDS
def test_a_wrong_secret_is_refused_in_words_and_counted(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        async with door(kind, tmp_path) as d:
            with pytest.raises(LogonRefused, match="secret of this system was not proved") as refused:
                await d.dial(Hello(kind="TEL", name="me"), secret=bytes(32))
            assert refused.value.refusal == "SECRET"
            assert d.asked == [], "nobody was asked before the proof"
            assert d.listener.counts["refused SECRET"] == 1

    asyncio.run(main())


@KINDS
@pytest.mark.req("R9")
def test_a_name_that_runs_already_is_refused_with_the_reason(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        async with door(kind, tmp_path) as d:
            with pytest.raises(LogonRefused, match="WS1.HIP is running already") as refused:
                await d.dial(Hello(kind="HIP", name="WS1.HIP"))
            assert refused.value.refusal == "NAME"

    asyncio.run(main())


def test_another_major_version_is_refused_in_words(tmp_path: Path) -> None:
    async def main() -> None:
        async with door("unix", tmp_path) as d:
            with pytest.raises(ProtocolMismatch, match=r"speaks protocol 1\.0 to 1\.\d+, .* speaks 9.0 to 9.1"):
                await d.dial(Hello(kind="TEL", protocol=(9, 1)))

    asyncio.run(main())


def test_a_higher_minor_version_with_unknown_fields_is_fine(tmp_path: Path) -> None:
    async def main() -> None:
        async with door("unix", tmp_path) as d:
            channel = await d.dial(Hello(kind="TEL", name="newer", protocol=(1, 7)))
            channel.close()

    asyncio.run(main())


LONG = struct.pack("<QQQII", 0, 0, 0, 0, 0) + struct.pack("<IHBBIIIIQ", 5000, MessageKind.HELLO, 0, 3, 0, 0, 0, 5000, 0)
HUGE = LONG[:32] + struct.pack("<IHBBIIIIQ", 2**32 - 1, MessageKind.HELLO, 0, 3, 0, 0, 0, 2**32 - 1, 0)
LONGER = LONG[:32] + struct.pack("<IHBBIIIIQ", 17 << 20, MessageKind.ECHO, 0, 3, 0, 0, 0, 17 << 20, 0)
HOSTILE = {
    "longer than 4 KiB": LONG,
    "length 2^32-1": HUGE,
    "no frames at all": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + bytes(100),
    "random bytes": bytes(range(256)),
    "a message before the logon": frame(MessageKind.SYSTEM_STOP, b""),
    "an unknown kind": frame(0x7777, b"?"),
    "a proof without a challenge": frame(MessageKind.PROOF, b"\x81\xa4hmac\xc4\x00"),
    "HELLO with rubbish": frame(MessageKind.HELLO, b"\xff\xff\xff"),
    "HELLO without nonce": frame(MessageKind.HELLO, pack(Hello(kind="TEL"))),
    "a session before the logon": frame(MessageKind.HELLO, b"", session=1),
    "a check sum that is wrong": frame(MessageKind.HELLO, b"abc")[:-1] + b"x",
    "a fragment": frame(MessageKind.HELLO, b"abc", flags=1, total=9),
}


@pytest.mark.parametrize("what", HOSTILE)
@KINDS
def test_hostile_bytes_close_the_connection(tmp_path: Path, kind: str, what: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with door(kind, tmp_path) as d:
            with d.connect() as sock:
                sock.sendall(HOSTILE[what])
                answer = frames(await read_to_end(sock))
                assert [k for k, _ in answer] in ([], [MessageKind.REFUSED])
                assert d.asked == [] and d.channels == []
                assert d.listener.counts["broken"] + d.listener.counts["refused"] == 1
            await until(lambda: d.listener.half_open == 0)
            channel = await d.dial(Hello(kind="TEL", name="next one"))
            channel.close()

    asyncio.run(main())


def test_a_replayed_proof_is_worth_nothing(tmp_path: Path) -> None:
    """Two logons with the very same bytes of the client: the server's nonce differs."""
    async def main() -> None:
        async with door("tcp", tmp_path) as d:
            nonces = set()
            for _ in range(2):
                with d.connect() as sock:
                    sock.sendall(frame(MessageKind.HELLO, pack(Hello(kind="TEL", nonce=bytes(16)))))
                    kind, payload = frames(await one_frame(sock))[0]
                    assert kind == MessageKind.CHALLENGE
                    nonces.add(unpack(Challenge, payload).nonce)
            assert len(nonces) == 2

    asyncio.run(main())


async def one_frame(sock: socket.socket) -> bytes:
    sock.setblocking(False)
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65536), 5)


def test_half_open_logons_are_bounded_and_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with door("unix", tmp_path, limits={"half_open_logons": 3}, timers={"logon": 150}) as d:
            socks = [d.connect() for _ in range(5)]
            await until(lambda: d.listener.counts["crowded"] == 2)
            assert d.listener.half_open == 3
            await until(lambda: d.listener.counts["late"] == 3 and d.listener.half_open == 0)
            channel = await d.dial(Hello(kind="TEL"))
            channel.close()
            for sock in socks:
                sock.close()

    asyncio.run(main())


def test_another_user_gets_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with door("unix", tmp_path) as d:
            monkeypatch.setattr(os, "getuid", lambda: 12345)
            with pytest.raises((LogonRefused, PeerUnreachable)):
                await d.dial(Hello(kind="TEL"))
            assert d.listener.counts["refused USER"] == 1
            assert d.asked == []

    asyncio.run(main())


def test_a_server_that_does_not_know_the_secret_is_found_out(tmp_path: Path) -> None:
    """Somebody else listens where the system should be, and welcomes everyone."""
    with socket.socket(socket.AF_UNIX) as fake:
        fake.bind(str(tmp_path / "fake"))
        fake.listen()

        def serve() -> None:
            sock, _ = fake.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(frame(MessageKind.CHALLENGE, pack(Challenge(nonce=bytes(16)))))
                sock.recv(65536)
                sock.sendall(frame(MessageKind.WELCOME, pack(Welcome(name="x", number=1, session=1, proof=bytes(32)))))

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(LogonRefused, match="did not prove"):
            dial_unix(tmp_path / "fake", Hello(kind="TEL"), SECRET)
        thread.join()


def test_nobody_there_is_said_with_the_address(tmp_path: Path) -> None:
    with pytest.raises(PeerUnreachable, match=f"nobody answers at {tmp_path}/none"):
        dial_unix(tmp_path / "none", Hello(kind="TEL"), SECRET)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PeerUnreachable, match=f"nobody answers at 127.0.0.1:{port}"):
        dial_tcp("127.0.0.1", port, Hello(kind="TEL"), SECRET)


def test_a_silent_server_is_given_up_after_the_deadline(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(PeerUnreachable, match="no answer to the logon within 0.1 s"):
        dial_tcp("127.0.0.1", deaf.getsockname()[1], Hello(kind="TEL"), SECRET, timers={"logon": 100})


def test_the_address_of_a_socket(tmp_path: Path) -> None:
    async def main() -> None:
        async with door("unix", tmp_path) as d:
            assert Path(d.listener.address).stat().st_mode & 0o777 == 0o600
            with pytest.raises(UsageError, match="another process listens"):
                Listener.unix(d.listener.address, SECRET)
        assert not (tmp_path / "s").exists()
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(tmp_path / "s"))
        async with door("unix", tmp_path):
            pass
        (tmp_path / "s").write_text("a file")
        with pytest.raises(UsageError, match="no socket"):
            Listener.unix(tmp_path / "s", SECRET)

    asyncio.run(main())


@pytest.mark.req("R118")
def test_tcp_listens_on_loopback_only() -> None:
    with pytest.raises(UsageError, match="refused to listen at 0.0.0.0"):
        Listener.tcp("0.0.0.0", 0, SECRET)


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.ENOMEM])
@pytest.mark.req("R46")
def test_without_shared_memory_the_socket_carries_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: int
) -> None:
    def refuse(fd: int, start: int, size: int) -> None:
        raise OSError(fault, os.strerror(fault))

    async def main() -> None:
        async with door("unix", tmp_path) as d:
            before = len(os.listdir("/proc/self/fd"))
            monkeypatch.setattr(os, "posix_fallocate", refuse)
            channel = await d.dial(Hello(kind="TEL"))
            await until(lambda: d.channels)
            assert channel.carrier == d.channels[0].carrier == "unix"
            channel.send(Message(MessageKind.ECHO, payload=bytes(100_000)))
            message = None
            while message is None:
                channel.receive(0)
                message = d.channels[0].receive(0.1)
            assert len(message.payload) == 100_000
            channel.close()
            d.channels[0].close()
            assert len(os.listdir("/proc/self/fd")) <= before + 1  # the helper thread's loop keeps none of ours
        assert "no shared memory for a ring of 1048576 bytes" in caplog.text
        assert shared_memory() == []

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())


def test_a_java_process_is_offered_no_descriptors(tmp_path: Path) -> None:
    async def main() -> None:
        async with door("unix", tmp_path) as d:
            channel = await d.dial(Hello(kind="JWP", name="java"))
            assert channel.carrier == "unix"
            channel.close()

    asyncio.run(main())


def test_over_an_inherited_socketpair_both_sides_get_rings() -> None:
    near, far = socket.socketpair()
    ends: list[Channel] = []
    thread = threading.Thread(target=lambda: ends.append(over_socket(far, Hello(kind="HISHOST", pid=9), SECRET, server=False)))
    thread.start()
    server = over_socket(near, Hello(kind="HIP", name="WS1.HIP"), SECRET, server=True)
    thread.join()
    assert server.carrier == ends[0].carrier == "ring"
    assert server.hello is not None and server.hello.pid == 9
    assert ends[0].welcome is not None and ends[0].welcome.name == "WS1.HIP"
    ends[0].send(Message(MessageKind.ECHO, payload=b"hello"))
    received = server.receive(1)
    assert received is not None and received.payload == b"hello"
    for end in (*ends, server):
        end.close()


# --- damaged streams after the logon ---


def damaged(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1:]


SESSION = {"session": 9, "epoch": 1}
AFTER = {
    "a flipped bit": (damaged(frame(MessageKind.ECHO, b"payload", seq=1, **SESSION), 66), "check sum"),
    "too long": (LONGER, "longer than the limit"),
    "another session": (frame(MessageKind.ECHO, b"", seq=1, session=10, epoch=1), "another session"),
    "another epoch": (frame(MessageKind.ECHO, b"", seq=1, session=9, epoch=2), "another session or carrier"),
    "an acknowledgement of nothing": (frame(MessageKind.ECHO, b"", seq=1, ack=5, **SESSION), "never sent"),
    "lane 12": (frame(MessageKind.ECHO, b"", seq=1, lane=12, **SESSION), "no lane 12"),
    "lane 255": (frame(MessageKind.ECHO, b"", seq=1, lane=255, **SESSION), "no lane 255"),
    "unknown flags": (frame(MessageKind.ECHO, b"", seq=1, flags=0x83, **SESSION), "contradict"),
    "a last part of nothing": (frame(MessageKind.ECHO, b"a", seq=1, flags=2, total=9, **SESSION), "continues nothing"),
}


@pytest.mark.parametrize("what", AFTER)
def test_damage_in_a_running_stream_ends_it_with_the_cause(what: str) -> None:
    from hisee.channel.carriers import StreamCarrier
    from hisee.channel.settings import settings
    from hisee.seams import SystemClock

    data, words = AFTER[what]
    near, far = socket.socketpair()
    decoder = Decoder(16 << 20)
    decoder.session, decoder.epoch = 9, 1
    channel = Channel(StreamCarrier("unix", near, decoder, 65536, 9), settings(), SystemClock())
    far.sendall(frame(MessageKind.ECHO, b"before", seq=1, lane=3, **SESSION) + data)
    before = channel.receive(1)
    assert before is not None and before.payload == b"before"
    with pytest.raises(Exception, match=f"poisoned: .*{words}"):
        channel.receive(1)
    far.close()


# --- shaped links ---


@pytest.mark.slow
def test_a_shaped_link_delays_and_can_be_changed(tmp_path: Path) -> None:
    async def main() -> None:
        async with door("tcp", tmp_path) as d:
            loop = asyncio.get_running_loop()
            channel = await asyncio.to_thread(dial_tcp, "127.0.0.1", d.listener.port, Hello(kind="TEL"), SECRET,
                                              link=LinkShape(rtt_ms=30, jitter_ms=2))
            await until(lambda: d.channels)
            d.channels[0].attach(loop, d.channels[0].send, lambda _: None)
            got: list[float] = []
            channel.attach(loop, lambda _: got.append(loop.time()), lambda _: None)

            async def round_trip_ms(size: int = 1) -> float:
                got.clear()
                start = loop.time()
                channel.send(Message(MessageKind.ECHO, payload=bytes(size)))
                await until(lambda: got)
                return (got[0] - start) * 1000

            assert await round_trip_ms() >= 30
            assert channel.shape is not None
            channel.shape.set(rtt_ms=80, jitter_ms=0)
            assert await round_trip_ms() >= 80
            channel.shape.set(rtt_ms=0, kbit_s=4_000)  # half a megabyte per second
            assert await round_trip_ms(50_000) >= 195  # 100 ms each way
            channel.close("over the long line")
            await until(lambda: d.channels[0].ended)
            assert d.channels[0].ended == "goodbye: over the long line"
            await until(lambda: "hisee-shaper" not in threads())

    asyncio.run(main())


def threads() -> list[str]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found.append((task / "comm").read_text().strip())
        except OSError:
            continue
    return found


def test_a_shaped_link_pushes_back_when_the_far_end_reads_nothing() -> None:
    from hisee._core.shaper import Shaper

    near, middle = socket.socketpair()
    far, end = socket.socketpair()
    shaper = Shaper(middle.detach(), far.detach(), 0.0, 0.0, 0)
    near.setblocking(False)
    sent = 0
    idle = 0
    while idle < 50:
        try:
            sent += near.send(bytes(65536))
            idle = 0
        except BlockingIOError:
            idle += 1
            threading.Event().wait(0.002)
    assert sent < 8 << 20, "bounded"
    near.shutdown(socket.SHUT_WR)
    received = 0
    while data := end.recv(1 << 20):
        received += len(data)
    assert received == sent
    near.close()
    end.close()
    shaper.close()


def test_a_shape_has_sensible_values() -> None:
    from hisee._core.shaper import Shaper

    for bad in ((-1.0, 0.0, 0), (0.0, -1.0, 0), (0.0, 0.0, -1), (float("nan"), 0.0, 0)):
        pair = socket.socketpair()
        with pytest.raises(ValueError, match="a link has"):
            Shaper(pair[0].fileno(), pair[1].fileno(), *bad)
        for sock in pair:
            sock.close()
