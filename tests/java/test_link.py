"""The link of a Java work process against servers that are wrong, silent or hostile; golden damage over Python's own carrier."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from golden import vectors
from hisee._core.frame import Decoder
from hisee.channel.carriers import StreamCarrier
from hisee.channel.errors import Lost
from hisee.channel.logon import SERVER_LABEL, prove
from hisee.channel.message import WHOLE
from hisee.channel.payloads import Challenge, Hello, Refused, Ring, Welcome, pack, unpack
from hisee.channel.wire import Wire
from hisee.datadir import DataDir
from hisee.schema.messages import MessageKind as Kind
from java.hall import launch

LIMIT_S = 40
Behaviour = Callable[["Server"], None]


class Server:
    """One connection of a server that does what a test wants; `secret` is the right one."""

    def __init__(self, data: DataDir, behaviour: Behaviour) -> None:
        self.secret = data.secret()
        self.answers: list[int] = []  # kinds that came after the logon
        self._behaviour = behaviour
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(data.control_socket))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            with sock:
                self.sock, self.wire = sock, Wire(sock, 1 << 20)
                self._behaviour(self)

    def hear(self) -> tuple[int, bytes]:
        return self.wire.receive(time.monotonic() + LIMIT_S)

    def log_on(self, secret: bytes, session: int = 2**64 - 1) -> None:
        """Everything up to the offer of a ring."""
        kind, hello = self.hear()
        assert kind == Kind.HELLO
        nonce = bytes(16)
        self.wire.send((Kind.CHALLENGE, pack(Challenge(nonce=nonce))))
        self.hear()
        proof = prove(secret, SERVER_LABEL, unpack(Hello, hello).nonce, nonce, hello)
        self.wire.send((Kind.WELCOME, pack(Welcome(name="JWP001", number=2**30, session=session, proof=proof))))
        self.wire.open_session(session, 1 << 20)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(LIMIT_S)


@pytest.fixture
def meet(tmp_path: Path, jar: Path, services: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[int, str, Server]]]:
    """Exit status and standard error of a Java work process that meets a server of this behaviour."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    data = DataDir(tmp_path / "data")
    data.make()
    data.secret(create=True)
    data.write_run({"app": str(tmp_path), "limits": {}})

    def run(behaviour: Behaviour, **timers: int) -> tuple[int, str, Server]:
        server = Server(data, behaviour)
        try:
            child = launch(data, jar, 1, 0, services, timers, stderr=subprocess.PIPE)
            _, words = child.communicate(timeout=LIMIT_S)
        finally:
            server.close()
        return child.returncode, words.decode(), server

    yield run


@pytest.mark.slow
def test_a_server_without_the_secret_is_left(meet):
    status, words, _ = meet(lambda server: server.log_on(bytes(32)))
    assert status == 3 and "did not prove the system's secret" in words


@pytest.mark.slow
def test_a_refusal_is_told(meet):
    def refuse(server: Server) -> None:
        server.hear()
        server.wire.send((Kind.REFUSED, pack(Refused(code="NAME_IN_USE", text="JWP001 runs already"))))

    status, words, _ = meet(refuse)
    assert status == 3 and "JWP001 runs already (NAME_IN_USE)" in words


@pytest.mark.slow
def test_a_silent_server_is_left_at_the_deadline(meet):
    status, _, _ = meet(lambda server: server.hear() and server.sock.recv(1), logon=300)
    assert status == 3


def agreed(server: Server, accepted: bool = False) -> None:
    server.log_on(server.secret)
    server.wire.send((Kind.RING, pack(Ring(capacity=4096, epoch=1, accepted=accepted))))
    kind, payload = server.hear()
    assert kind == Kind.RING and not unpack(Ring, payload).accepted


@pytest.mark.slow
@pytest.mark.parametrize("garbage", [
    bytes(64), b"\xff" * 200, vectors.frame(b"x", kind=0x0201, seq=5, session=2**64 - 1, epoch=1),
    vectors.frame(b"", kind=0x0F01, session=2**64 - 1, epoch=1), vectors.frame(b"", kind=0x0F07, ack=99, session=2**64 - 1, epoch=1),
    vectors.frame(b"", length=2**31, total=2**31, session=2**64 - 1, epoch=1),
], ids=["zeros", "ones", "a gap", "a second HELLO", "an acknowledgement of nothing", "a wild length"])
def test_garbage_ends_the_session(meet, garbage):
    def poison(server: Server) -> None:
        agreed(server)
        server.sock.sendall(garbage)
        with contextlib.suppress(OSError):
            while server.sock.recv(4096):
                pass

    assert meet(poison)[0] == 75


@pytest.mark.slow
def test_a_payload_that_cannot_be_read_costs_its_own_message(meet):
    """An offered ring is declined; a broken call is answered; then the server leaves in order."""
    def talk(server: Server) -> None:
        agreed(server, accepted=True)
        send = lambda kind, payload, seq, corr: server.sock.sendall(vectors.frame(  # noqa: E731
            payload, kind=kind, lane=10, flags=WHOLE | 4, source=2, target=2**30, corr=corr, seq=seq, session=2**64 - 1, epoch=1))
        send(Kind.SERVICE_CALL, b"\xc1", 1, 7)
        send(Kind.SERVICE_CALL, b"\x82\xa4task\x01\xa7service\xa4none", 2, 8)
        send(Kind.VISUAL, b"", 3, 9)
        while len(server.answers) < 3:
            kind, _ = server.hear()
            server.answers += [kind] if kind == Kind.FAILED else []
        server.wire.send((Kind.GOODBYE, b"\x80"))

    status, _, server = meet(talk)
    assert (status, server.answers) == (0, [Kind.FAILED] * 3)


@pytest.mark.slow
def test_a_silent_session_ends(meet):
    def freeze(server: Server) -> None:
        agreed(server)
        with contextlib.suppress(OSError):
            while server.sock.recv(4096):
                pass

    assert meet(freeze, heartbeat=50, watchdog=300)[0] == 75


@pytest.mark.parametrize("line", [n for n in vectors.frame_lines() if n.split()[0] in ("crc", "long", "total", "session")],
                         ids=lambda line: line.split()[1])
def test_damage_ends_pythons_session_too(line):
    fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
    mine, theirs = socket.socketpair()
    decoder = Decoder(int(fields["limit"]))
    decoder.session, decoder.epoch = int(fields["session"]), int(fields["epoch"])
    carrier = StreamCarrier("unix", mine, decoder, 4096, decoder.session)
    theirs.sendall(bytes.fromhex(fields["frame"]))
    try:
        with pytest.raises(Lost, match="poisoned"):
            carrier.take()
    finally:
        carrier.close()
        theirs.close()
