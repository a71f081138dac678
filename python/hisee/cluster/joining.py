"""The side that joins: believes the system whose CA the code names, proves the code, and writes down what it is given.

Nothing but a nonce is sent before the other side's certificate is known to be of that CA.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from hisee.cluster.ca import PRIVATE, PUBLIC, keep_own, make_request, own_key, write
from hisee.cluster.code import Code
from hisee.cluster.computer import Computer, Plan, check_node, remember
from hisee.cluster.files import check_target, write_files
from hisee.cluster.talk import (
    CLAIM,
    FEW_BYTES,
    GRANT,
    MANY_BYTES,
    NONCE_BYTES,
    Ask,
    Claim,
    Denied,
    Done,
    Grant,
    Handed,
    Message,
    Offer,
    Request,
    hear,
    prove,
    say,
)
from hisee.datadir import DataDir
from hisee.errors import AccessRefused, CannotConnect, TimeOver, UsageError
from hisee.seams import Rng
from hisee.tls import CA, FOLDER, bare_context, explain

CONNECT_S, HAND_S = 10.0, 150.0
M = TypeVar("M", bound=Message)
Say = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who wants to join, and where it keeps what it gets."""

    node: str
    data: DataDir
    app: Path | None = None  # new folder for the application's files


@dataclass(frozen=True)
class Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, message: Message, kind: type[M], most_bytes: int = FEW_BYTES) -> M:
        """Raises Ended, and AccessRefused for a no."""
        await say(self.writer, message)
        answer = await hear(self.reader, kind, most_bytes)
        if isinstance(answer, Denied):
            raise AccessRefused(f"the other computer says: {answer.text}", hint="`hisee cluster invite` there prints a new code")
        return answer


async def join(host: str, port: int, code: Code, wish: Wish) -> Computer:
    """Certificates, secret and plan are in DATA afterwards. Raises CannotConnect, AccessRefused, TimeOver, UsageError; then DATA is as it
    was before."""
    check_node(wish.node)
    if wish.app is not None:
        check_target(wish.app)
    line = await call(host, port)
    try:
        async with asyncio.timeout(HAND_S):
            ca = await _prove(line, code, wish.data.seams.rng)
            check_same_system(wish.data, ca)
            return await _take(line, wish, ca)
    except TimeoutError as fault:
        raise TimeOver(f"{host}:{port} did not answer in time", hint="is the network up? try again with a new code") from fault
    except ssl.SSLError as fault:
        raise CannotConnect(f"{host}:{port}: {explain(fault)}") from fault
    finally:
        line.writer.close()


async def call(host: str, port: int) -> Line:
    """A TLS 1.3 connection to somebody not yet known. Raises CannotConnect."""
    try:
        async with asyncio.timeout(CONNECT_S):
            return Line(*await asyncio.open_connection(host, port, ssl=bare_context(ssl.PROTOCOL_TLS_CLIENT)))
    except TimeoutError as fault:
        raise CannotConnect(f"no answer from {host}:{port} within {CONNECT_S:g} s",
                            hint="does `hisee cluster invite` wait there?") from fault
    except ssl.SSLError as fault:
        raise CannotConnect(f"{host}:{port}: {explain(fault)}", hint="does `hisee cluster invite` wait there?") from fault
    except OSError as fault:
        raise CannotConnect(f"nobody answers at {host}:{port} ({fault.strerror or fault})",
                            hint="does `hisee cluster invite` wait there?") from fault


async def _prove(line: Line, code: Code, rng: Rng) -> x509.Certificate:
    """Both sides prove the code; the CA's certificate."""
    shown: bytes = line.writer.get_extra_info("ssl_object").getpeercert(True)
    ask = Ask(nonce=rng.secret(NONCE_BYTES))
    offer = await line.ask(ask, Offer)
    ca = believe(offer, code, x509.load_der_x509_certificate(shown))
    grant = await line.ask(Claim(proof=prove(code, CLAIM, ask, offer.nonce, shown)), Grant)
    if not hmac.compare_digest(grant.proof, prove(code, GRANT, ask, offer.nonce, shown)):
        raise AccessRefused("the other computer did not prove the code: it is not the one that printed it")
    return ca


def believe(offer: Offer, code: Code, shown: x509.Certificate) -> x509.Certificate:
    """The CA that the code names, if the certificate shown is of it. Raises AccessRefused: nothing of ours was sent yet."""
    try:
        ca = x509.load_pem_x509_certificate(offer.ca)
        if not code.knows(ca.fingerprint(hashes.SHA256())):
            raise AccessRefused("the other computer belongs to another system than the code",
                                hint="is the address right? is somebody in between?")
        shown.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature) as fault:
        raise AccessRefused("the other computer shows a certificate that is not of the code's system",
                            hint="somebody may be in between") from fault
    return ca


def check_same_system(data: DataDir, ca: x509.Certificate) -> None:
    """A folder that belongs to another system is left alone. Raises AccessRefused."""
    path = data.path / FOLDER / CA
    if path.exists() and path.read_bytes() != ca.public_bytes(Encoding.PEM):
        raise AccessRefused(f"{data.path} belongs to another system: {path} is of another CA",
                            hint="give another --data, or remove it")


async def _take(line: Line, wish: Wish, ca: x509.Certificate) -> Computer:
    key = own_key(wish.data.path / FOLDER)
    request = Request(csr=make_request(wish.node, key), files=wish.app is not None)
    computer = keep(wish, await line.ask(request, Handed, MANY_BYTES), ca, key)
    await say(line.writer, Done())
    return computer


def keep(wish: Wish, handed: Handed, ca: x509.Certificate, key: EllipticCurvePrivateKey) -> Computer:
    """Write everything down. Raises AccessRefused for a DATA with another secret, UsageError for files that do not fit."""
    folder, secret = wish.data.path / FOLDER, wish.data.path / "secret"
    if secret.exists() and secret.read_bytes() != handed.secret:
        raise AccessRefused(f"{secret} is there and is another system's", hint="give another --data, or remove it")
    if wish.app is not None:
        write_files(wish.app, handed.files)
    wish.data.path.mkdir(parents=True, exist_ok=True)
    write(secret, handed.secret, PRIVATE)
    keep_own(folder, key, handed.certificate)
    write(folder / CA, ca.public_bytes(Encoding.PEM), PUBLIC)
    plan = Plan(system=handed.system, nodes=handed.nodes, group=handed.group)
    computer = Computer(node=wish.node, role=plan.role(wish.node), plan=plan, data=wish.data, app=wish.app)
    remember(computer)
    return computer


def address(text: str, port: int) -> tuple[str, int]:
    """HOST or HOST:PORT; raises UsageError."""
    host, colon, number = text.rpartition(":")
    if not colon or text.count(":") > 1:  # an IPv6 address has no port here
        return text, port
    if not host or not number.isdecimal() or not 0 < int(number) < 65_536:
        raise UsageError(f"{text!r} is no address", hint="write HOST or HOST:PORT, as `hisee cluster invite` prints it")
    return host, int(number)

