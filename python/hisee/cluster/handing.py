"""Lets one computer join: listens for ten minutes, hands certificate and secret to whoever proves the one-time code, and ends.

Nothing of the system but the CA's certificate is told before the proof. Five wrong proofs end the code; a right one spends it.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hisee.cluster.ca import Authority, read_request
from hisee.cluster.code import Code
from hisee.cluster.computer import Computer, check_node
from hisee.cluster.files import read_files
from hisee.cluster.talk import (
    CLAIM,
    GRANT,
    NONCE_BYTES,
    VERSION,
    Ask,
    Claim,
    Denied,
    Done,
    Ended,
    Grant,
    Handed,
    Message,
    Offer,
    Request,
    hear,
    prove,
    say,
)
from hisee.errors import AccessRefused, HiseeError, TimeOver, UsageError
from hisee.tls import CERTIFICATE, FOLDER, KEY, bare_context

JOIN_PORT = 3120
CODE_S = 600.0
TRIES = 5
PROOF_S = 10.0  # for a caller to prove the code
HAND_S = 120.0  # for the rest, once it is proved
CALLERS = 16  # at the same time; more are turned away
Say = Callable[[str], object]
M = TypeVar("M", bound=Message)


class Refused(Exception):
    """The caller is told this and nothing else."""


class Hand:
    """One code, given to one computer. `joined` is that computer's node; `fault` ends the waiting with words."""

    def __init__(self, computer: Computer, authority: Authority, code: Code, tell: Say) -> None:
        folder = computer.data.path / FOLDER
        self._computer, self._authority, self._code, self._tell = computer, authority, code, tell
        self._shown = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes()).public_bytes(Encoding.DER)
        self._context = bare_context(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
        self._wrong, self._callers, self._spent = 0, 0, False
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """The port. Raises UsageError."""
        try:
            self._server = await asyncio.start_server(self._call, host or None, port, ssl=self._context, ssl_handshake_timeout=PROOF_S)
        except OSError as fault:
            raise UsageError(f"cannot listen at {host or '*'}:{port} ({fault.strerror})", hint="--port names another one") from fault
        return int(self._server.sockets[0].getsockname()[1])

    async def joined(self, within_s: float = CODE_S) -> str:
        """Wait for the computer; its node. Raises TimeOver, AccessRefused (too many wrong tries, or it left after the proof)."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._ended), within_s)
        except TimeoutError:
            raise TimeOver(f"nobody has joined within {within_s / 60:g} minutes: the code is worth nothing any more",
                           hint="`hisee cluster invite` prints another one") from None
        finally:
            self.close()

    def close(self) -> None:
        """Nobody can call any more; idempotent."""
        if self._server is not None:
            self._server.close()

    # -- one caller

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers += 1
        address = str((writer.get_extra_info("peername") or ("?",))[0])
        try:
            if self._callers <= CALLERS:
                await self._serve(address, reader, writer)
        except Refused as refused:
            await self._deny(writer, str(refused))
        except (Ended, OSError, TimeoutError, ssl.SSLError) as fault:
            self._tell(f"{address} came and left: {fault or 'it took too long'}")
        finally:
            self._callers -= 1
            writer.close()

    async def _serve(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(PROOF_S):
            await self._prove(address, reader, writer)
        try:
            async with asyncio.timeout(HAND_S):
                node = await self._hand(reader, writer)
        except (HiseeError, OSError, TimeoutError) as fault:
            lost = AccessRefused(f"{address} proved the code, but did not join: {fault or 'it took too long'}",
                                 hint="the code is spent; `hisee cluster invite` prints another one")
            self._end(lost)
            raise Refused(str(fault)) from fault
        self._end(node)

    async def _prove(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ask = expect(await hear(reader, Ask))
        if ask.version != VERSION or len(ask.nonce) != NONCE_BYTES:
            raise Refused(f"this computer speaks version {VERSION} of joining, the caller {ask.version}")
        nonce = self._computer.data.seams.rng.secret(NONCE_BYTES)
        await say(writer, Offer(nonce=nonce, ca=self._authority.pem))
        claim = expect(await hear(reader, Claim))
        self._judge(address, hmac.compare_digest(claim.proof, prove(self._code, CLAIM, ask, nonce, self._shown)))
        await say(writer, Grant(proof=prove(self._code, GRANT, ask, nonce, self._shown)))

    def _judge(self, address: str, right: bool) -> None:
        """One use, five tries: counted before anything is answered."""
        if self._spent or self._wrong >= TRIES:
            raise Refused("the code was used already")
        if right:
            self._spent = True
            return
        self._wrong += 1
        self._tell(f"{address} tried a wrong code ({self._wrong} of {TRIES})")
        if self._wrong == TRIES:
            self._end(AccessRefused(f"{TRIES} wrong tries, the last one from {address}: the code is worth nothing any more",
                                    hint="somebody guesses, or reads the wrong code; `hisee cluster invite` prints another one"))
        raise Refused("the code is not the right one")

    async def _hand(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        request = expect(await hear(reader, Request))
        node = check_node(read_request(request.csr)[0])
        plan, data = self._computer.plan, self._computer.data
        if node == self._computer.node:
            raise UsageError(f"{node} is the computer that hands over", hint="--node names the computer that joins")
        if request.files and self._computer.app is None:
            raise UsageError("the application is not on this computer", hint="join without --app")
        files = read_files(self._computer.app) if request.files and self._computer.app is not None else {}
        certificate = self._authority.issue_for(request.csr, plan.nodes.get(node, ()))
        await say(writer, Handed(certificate=certificate, secret=data.secret(), system=plan.system, group=plan.group, nodes=plan.nodes,
                                 files=files))
        expect(await hear(reader, Done))
        return node

    async def _deny(self, writer: asyncio.StreamWriter, text: str) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PROOF_S):
                await say(writer, Denied(text=text))

    def _end(self, outcome: str | Exception) -> None:
        if self._ended.done():
            return
        if isinstance(outcome, Exception):
            self._ended.set_exception(outcome)
        else:
            self._ended.set_result(outcome)


def expect(message: M | Denied) -> M:
    """What was asked for; who says no instead has left."""
    if isinstance(message, Denied):
        raise Ended(message.text)
    return message


async def invite(computer: Computer, tell: Say, *, host: str, port: int, within_s: float = CODE_S) -> str:
    """Print code and command, wait for one computer, hand over. Its node. Raises HiseeError."""
    data = computer.data
    authority = Authority.load(data.path / FOLDER, data.seams.clock)
    code = Code.make(authority.fingerprint, data.seams.rng)
    hand = Hand(computer, authority, code, tell)
    bound = await hand.listen(host, port)
    tell(f"a computer may join for {within_s / 60:g} minutes; on it, run")
    tell(f"  hisee cluster join {called(computer, host)}{f':{bound}' if bound != JOIN_PORT else ''} {code.text} --node NODE")
    node = await hand.joined(within_s)
    tell(f"{node} has joined")
    return node


def called(computer: Computer, host: str) -> str:
    """How the other computer reaches this one: the address listened at, else the first of app.toml, else the computer's name."""
    if host not in ("", "0.0.0.0", "::"):
        return host
    return next(iter(computer.hosts), "") or socket.gethostname()
