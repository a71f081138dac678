"""What a joining computer and the one that lets it in say to each other: five messages inside TLS 1.3, each with its length before it.

    joiner                          server
    Ask(nonce)                ->
                              <-    Offer(nonce, CA certificate)        the joiner checks fingerprint and server certificate, else leaves
    Claim(proof of the code)  ->                                       checked, counted; the code is spent
                              <-    Grant(proof of the code) or Denied
    Request(CSR)              ->
                              <-    Handed(certificate, secret, files)
    Done                      ->

Both proofs cover both nonces and the certificate that the server has shown: a computer in between cannot pass them on.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, TypeVar

import msgspec

from hisee.cluster.code import Code
from hisee.errors import CannotConnect

VERSION = 1
NONCE_BYTES = 16
FEW_BYTES = 8 * 1024  # of a message from somebody who has not proved the code, and of a request
MANY_BYTES = 128 * 1024 * 1024  # of what is handed over: an application's files
CLAIM, GRANT = b"hisee join claim", b"hisee join grant"


class Message(msgspec.Struct, tag=True, kw_only=True):
    """One of those below; the tag is the class's name."""


class Ask(Message):
    nonce: bytes
    version: int = VERSION


class Offer(Message):
    nonce: bytes
    ca: bytes  # PEM


class Claim(Message):
    proof: bytes


class Grant(Message):
    proof: bytes


class Denied(Message):
    text: str


class Request(Message):
    csr: bytes  # PEM, names the node
    files: bool = False  # the application's files too


class Handed(Message):
    certificate: bytes  # PEM
    secret: bytes
    system: str
    group: dict[str, Any] = {}  # table [group] of app.toml
    nodes: dict[str, list[str]] = {}  # node -> its addresses
    files: dict[str, bytes] = {}  # path in the application's folder -> content


class Done(Message):
    """The joiner has written everything down."""


M = TypeVar("M", bound=Message)
ANY: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Ask | Offer | Claim | Grant | Denied | Request | Handed | Done)
PACK = msgspec.msgpack.Encoder()


class Ended(CannotConnect):
    """The other side left, or said something else than was its turn to say."""


async def say(writer: asyncio.StreamWriter, message: Message) -> None:
    data = PACK.encode(message)
    writer.write(len(data).to_bytes(4, "little") + data)
    await writer.drain()


async def hear(reader: asyncio.StreamReader, kind: type[M], most_bytes: int = FEW_BYTES) -> M | Denied:
    """The next message. Raises Ended; nothing longer than `most_bytes` is taken in."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "little")
        if size > most_bytes:
            raise Ended(f"the other side announces {size} bytes, {most_bytes} are allowed")
        message = ANY.decode(await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as fault:
        raise Ended("the other side ended the connection") from fault
    except (msgspec.DecodeError, msgspec.ValidationError) as fault:
        raise Ended(f"the other side does not speak the protocol of `hisee cluster join`: {fault}") from fault
    if not isinstance(message, (kind, Denied)):
        raise Ended(f"{kind.__name__} was expected, {type(message).__name__} came")
    return message


def prove(code: Code, label: bytes, ask: Ask, offer_nonce: bytes, server_certificate: bytes) -> bytes:
    """`server_certificate` as DER."""
    return code.prove(label, ask.nonce, offer_nonce, hashlib.sha256(server_certificate).digest())
