"""Joining with a one-time code: what a computer is given, and what whoever has no code, a used one or another system's gets."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hisee.cluster import handing
from hisee.cluster.ca import Authority
from hisee.cluster.code import Code
from hisee.cluster.computer import Computer, read_plan, recall
from hisee.cluster.files import write_files
from hisee.cluster.founding import found
from hisee.cluster.handing import Hand
from hisee.cluster.joining import Wish, join
from hisee.cluster.talk import Ask, Claim, Grant, Offer, hear, prove, say
from hisee.datadir import DataDir
from hisee.errors import AccessRefused, CannotConnect, HiseeError, TimeOver, UsageError
from hisee.seams import Seams
from hisee.tls import CERTIFICATE, FOLDER, KEY, bare_context, certificates
from support.certificates import computer as with_certificate

APP = """
name = "hron"
[group]
name = "hron"
witness = "10.9.3.2:6000"
[group.servers.SRV1]
hosts = ["10.9.1.2", "10.8.1.2"]
[group.servers.SRV2]
hosts = ["10.9.2.2"]
[nodes.SRV1]
[nodes.SRV2]
host = "10.9.2.2"
[nodes.MON]
host = "10.9.3.2"
[nodes.WS1]
"""


@pytest.fixture
def first(tmp_path: Path) -> Computer:
    return found_system(tmp_path / "hron")


def found_system(app: Path) -> Computer:
    (app / "pictures").mkdir(parents=True)
    (app / "app.toml").write_text(APP)
    (app / "pictures/a.esl").write_text("LOG 1\n")
    return found(read_plan(app), "SRV1", DataDir(app / ".hisee"), app, lambda line: None)


class Waiting:
    """A computer that waits for another one, in this process."""

    def __init__(self, hand: Hand, code: Code, lines: list[str]) -> None:
        self.hand, self.code, self.lines, self.port = hand, code, lines, 0

    async def joins(self, wish: Wish, code: Code | None = None) -> Computer:
        return await join("127.0.0.1", self.port, code or self.code, wish)


@asynccontextmanager
async def waiting(computer: Computer) -> AsyncIterator[Waiting]:
    authority = Authority.load(computer.data.path / FOLDER, computer.data.seams.clock)
    code, lines = Code.make(authority.fingerprint, Seams().rng), list[str]()
    made = Waiting(Hand(computer, authority, code, lines.append), code, lines)
    made.port = await made.hand.listen("127.0.0.1", 0)
    yield made
    made.hand.close()


def wish(folder: Path, node: str = "SRV2", app: Path | None = None) -> Wish:
    return Wish(node=node, data=DataDir(folder), app=app)


@pytest.mark.req("R118")
def test_a_computer_gets_a_certificate_of_its_own_the_secret_and_the_files(tmp_path: Path, first: Computer) -> None:
    async def main() -> None:
        app = tmp_path / "copy"
        async with waiting(first) as w:
            joined = await w.joins(wish(app / ".hisee", app=app))
            assert await w.hand.joined() == "SRV2"
        data = joined.data
        assert (joined.node, joined.role, joined.hosts, joined.first) == ("SRV2", "server", ["10.9.2.2"], False)
        assert data.secret() == first.data.secret()
        assert certificates(data).check() == "SRV2"
        for name in (f"{FOLDER}/{KEY}", "secret"):
            assert (data.path / name).stat().st_mode & 0o777 == 0o600
        assert (data.path / FOLDER / KEY).read_bytes() != (first.data.path / FOLDER / KEY).read_bytes()
        assert not (data.path / FOLDER / "ca.key").exists()
        files = {p.relative_to(app).as_posix() for p in app.rglob("*") if p.is_file()}
        assert {name for name in files if not name.startswith(".hisee/")} == {"app.toml", "pictures/a.esl"}
        assert recall(data) == joined

    asyncio.run(main())


def test_the_roles_of_the_computers(first: Computer) -> None:
    assert [first.plan.role(node) for node in ("SRV1", "SRV2", "MON", "WS1")] == ["server", "server", "witness", "station"]


def test_joining_again_renews_and_keeps_the_key(tmp_path: Path, first: Computer) -> None:
    async def main() -> None:
        files = []
        for _ in range(2):
            async with waiting(first) as w:
                await w.joins(wish(tmp_path / "srv2"))
            files.append([(tmp_path / "srv2/tls" / name).read_bytes() for name in (KEY, CERTIFICATE)])
        assert files[0][0] == files[1][0] and files[0][1] != files[1][1]

    asyncio.run(main())


def test_init_again_keeps_what_is_there(first: Computer) -> None:
    secret, ca = first.data.secret(), (first.data.path / FOLDER / "ca.pem").read_bytes()
    assert first.app is not None
    again = found(read_plan(first.app), "SRV1", first.data, first.app, lambda line: None)
    assert again == first and first.data.secret() == secret and (first.data.path / FOLDER / "ca.pem").read_bytes() == ca
    with pytest.raises(UsageError, match="is of node SRV1"):
        found(read_plan(first.app), "SRV2", first.data, first.app, lambda line: None)


@pytest.mark.req("R118")
def test_a_code_is_worth_one_use_and_five_tries(tmp_path: Path, first: Computer) -> None:
    async def main() -> None:
        async with waiting(first) as w:
            await w.joins(wish(tmp_path / "srv2"))
            with pytest.raises(AccessRefused, match="the code was used already"):
                await w.joins(wish(tmp_path / "ws1", "WS1"))
        async with waiting(first) as w:
            for _ in range(handing.TRIES):
                with pytest.raises(AccessRefused, match="not the right one"):
                    await w.joins(wish(tmp_path / "ws1", "WS1"), replace(w.code, secret=bytes(9)))
            with pytest.raises(AccessRefused, match="used already"):
                await w.joins(wish(tmp_path / "ws1", "WS1"))
            with pytest.raises(AccessRefused, match="5 wrong tries"):
                await w.hand.joined()
        assert not (tmp_path / "ws1").exists()

    asyncio.run(main())


def test_nobody_comes(first: Computer) -> None:
    async def main() -> None:
        async with waiting(first) as w:
            with pytest.raises(TimeOver, match="nobody has joined .*`hisee cluster invite` prints another one"):
                await w.hand.joined(0.01)

    asyncio.run(main())


@pytest.mark.req("R118")
def test_another_systems_computer_learns_nothing(tmp_path: Path, first: Computer) -> None:
    """The code names the CA: whoever else answers at the address is left before anything of worth is said."""
    async def main() -> None:
        other = found_system(tmp_path / "other")
        async with waiting(other) as w:
            code = Code.make(Authority.load(first.data.path / FOLDER, first.data.seams.clock).fingerprint, Seams().rng)
            with pytest.raises(AccessRefused, match="belongs to another system than the code"):
                await w.joins(wish(tmp_path / "srv2"), code)
            assert w.hand._wrong == 0 and not w.hand._spent
        assert not (tmp_path / "srv2").exists()

    asyncio.run(main())


@pytest.mark.req("R118")
def test_a_computer_of_the_same_system_in_between_is_found_out(tmp_path: Path, first: Computer) -> None:
    """It has a certificate of the CA and passes every message on; the proof covers the certificate that the joiner saw."""
    async def main() -> None:
        authority = Authority.load(first.data.path / FOLDER, first.data.seams.clock)
        between = with_certificate(tmp_path / "rogue", authority, "WS1")
        context = bare_context(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(between.folder / CERTIFICATE, between.folder / KEY)
        async with waiting(first) as w:
            async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                far_reader, far = await asyncio.open_connection("127.0.0.1", w.port, ssl=bare_context(ssl.PROTOCOL_TLS_CLIENT))
                for source, target in ((reader, far), (far_reader, writer), (reader, far), (far_reader, writer)):
                    target.write(await source.read(65536))
                    await target.drain()
                writer.close()
                far.close()

            server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
            with pytest.raises(AccessRefused, match="the code is not the right one"):
                await join("127.0.0.1", server.sockets[0].getsockname()[1], w.code, wish(tmp_path / "srv2"))
            server.close()
            assert w.hand._wrong == 1 and not w.hand._spent
        assert not (tmp_path / "srv2").exists()

    asyncio.run(main())


@pytest.mark.req("R118")
def test_a_server_without_the_code_gets_no_request(tmp_path: Path, first: Computer) -> None:
    """It holds a certificate of the CA and says yes to every proof; the joiner wants a proof too."""
    said: list[object] = []

    async def grant_anything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hear(reader, Ask)
        await say(writer, Offer(nonce=bytes(16), ca=(first.data.path / FOLDER / "ca.pem").read_bytes()))
        await hear(reader, Claim)
        await say(writer, Grant(proof=bytes(32)))
        said.append(await reader.read())
        writer.close()

    async def main() -> None:
        folder, context = first.data.path / FOLDER, bare_context(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
        server = await asyncio.start_server(grant_anything, "127.0.0.1", 0, ssl=context)
        code = Code.make(Authority.load(folder, first.data.seams.clock).fingerprint, Seams().rng)
        with pytest.raises(AccessRefused, match="did not prove the code"):
            await join("127.0.0.1", server.sockets[0].getsockname()[1], code, wish(tmp_path / "srv2"))
        async with asyncio.timeout(30):
            while not said:
                await asyncio.sleep(0.002)
        server.close()
        assert said == [b""]

    asyncio.run(main())


@pytest.mark.parametrize("rubbish", [b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x03\x00\x00\x00abc"])
@pytest.mark.parametrize("inside", [True, False], ids=["inside TLS", "plain"])
def test_rubbish_is_no_try_and_the_next_one_joins(tmp_path: Path, first: Computer, rubbish: bytes, inside: bool) -> None:
    async def main() -> None:
        async with waiting(first) as w:
            context = bare_context(ssl.PROTOCOL_TLS_CLIENT) if inside else None
            reader, writer = await asyncio.open_connection("127.0.0.1", w.port, ssl=context)
            writer.write(rubbish)
            if not inside:
                writer.write_eof()
            else:
                writer.close()
            async with asyncio.timeout(30):
                await reader.read()
            writer.close()
            await w.joins(wish(tmp_path / "srv2"))
            assert await w.hand.joined() == "SRV2" and w.hand._wrong == 0

    asyncio.run(main())


@pytest.mark.req("R118")
def test_a_folder_of_another_system_is_left_alone(tmp_path: Path, first: Computer) -> None:
    async def main() -> None:
        other = found_system(tmp_path / "other")
        before = {p: p.read_bytes() for p in other.data.path.rglob("*") if p.is_file()}
        async with waiting(first) as w:
            with pytest.raises(AccessRefused, match="belongs to another system"):
                await w.joins(wish(other.data.path))
            with pytest.raises(HiseeError, match="proved the code, but did not join"):
                await w.hand.joined()
        assert before == {p: p.read_bytes() for p in other.data.path.rglob("*") if p.is_file()}

    asyncio.run(main())


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ".ssh/x", "a/.b", "a\\b", "", "a\0b"])
def test_files_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="sends a file named"):
        write_files(tmp_path / "app", {"app.toml": b"", name: b"x"})
    assert not (tmp_path / "app").exists()


def test_a_code_is_read_as_people_write_it_and_slips_are_found() -> None:
    code = Code(bytes(range(15)), bytes(range(9)))
    assert len(code.text) == 47 and Code.parse(code.text) == Code.parse(f" {code.text.lower().replace('-', ' ')} ") == code
    for i, letter in enumerate(code.text[:6]):
        if letter != "-":
            slip = code.text[:i] + ("A" if letter != "A" else "Q") + code.text[i + 1:]
            with pytest.raises(UsageError, match="no code"):
                Code.parse(slip)
    with pytest.raises(UsageError, match="eight groups of five"):
        Code.parse("abc")


def test_a_proof_covers_everything_that_was_said() -> None:
    code, ask = Code(bytes(15), bytes(9)), Ask(nonce=bytes(16))
    proofs = {prove(code, b"claim", ask, bytes(16), b"certificate"), prove(code, b"grant", ask, bytes(16), b"certificate"),
              prove(code, b"claim", Ask(nonce=b"x" * 16), bytes(16), b"certificate"),
              prove(code, b"claim", ask, b"x" * 16, b"certificate"), prove(code, b"claim", ask, bytes(16), b"another"),
              prove(replace(code, secret=b"123456789"), b"claim", ask, bytes(16), b"certificate")}
    assert len(proofs) == 6


def test_nobody_there_is_said(tmp_path: Path, first: Computer) -> None:
    code = Code.make(bytes(32), Seams().rng)
    with pytest.raises(CannotConnect, match="nobody answers at 127.0.0.1:9 .*`hisee cluster invite`"):
        asyncio.run(join("127.0.0.1", 9, code, wish(tmp_path / "srv2")))


@pytest.mark.slow
def test_the_commands(tmp_path: Path) -> None:
    app = tmp_path / "hron"
    app.mkdir()
    (app / "app.toml").write_text(APP)
    hisee = [sys.executable, "-m", "hisee", "cluster"]
    init = subprocess.Popen([*hisee, "init", str(app), "--node", "SRV1", "--listen", "127.0.0.1", "--port", "0"],
                            stdout=subprocess.PIPE, text=True)
    try:
        assert init.stdout is not None
        line = next(line for line in init.stdout if line.strip().startswith("hisee cluster join"))
        words = line.split()[3:5]
        joined = subprocess.run([*hisee, "join", *words, "--node", "SRV2", "--app", str(tmp_path / "copy")],
                                capture_output=True, text=True, timeout=60)
        assert joined.returncode == 0, joined.stderr
        assert "SRV2 belongs to HRON now: server" in joined.stdout
        assert "SRV2 has joined" in init.stdout.read() and init.wait(60) == 0
        assert DataDir(tmp_path / "copy/.hisee").secret() == DataDir(app / ".hisee").secret()
        renewed = subprocess.run([*hisee, "renew", "--data", str(tmp_path / "copy/.hisee")], capture_output=True, text=True, timeout=60)
        assert renewed.returncode == 4 and "this computer issues no certificates" in renewed.stderr
    finally:
        init.kill()
        init.wait()
        init.stdout and init.stdout.close()
