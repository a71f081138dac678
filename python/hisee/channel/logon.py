"""The logon as a conversation without sockets: generators that yield what to send and are sent what arrived.

HELLO, CHALLENGE, PROOF, then WELCOME or REFUSED. The client proves that it holds the secret, and the server proves the
same in its WELCOME. Nothing of a peer is believed, and no memory beyond one small frame is taken, before that.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator
from typing import Any

import msgspec

from hisee.channel.errors import LogonRefused, PeerUnreachable, ProtocolMismatch
from hisee.channel.payloads import Challenge, Goodbye, Hello, Payload, Proof, Refused, S, Welcome, pack, unpack
from hisee.channel.spoken import in_force, offer, refusal, shown, span_of
from hisee.schema.messages import MessageKind
from hisee.seams import Rng

Frame = tuple[int, bytes]  # kind, payload
NONCE_BYTES = 16
CLIENT_LABEL = b"hisee logon"
SERVER_LABEL = b"hisee welcome"


class Refusal(Exception):
    """The server says no: what goes into REFUSED."""

    def __init__(self, code: str, text: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.refused = Refused(code=code, text=text, facts=facts or {})


def prove(secret: bytes, label: bytes, client_nonce: bytes, server_nonce: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 over the label, both nonces and `data`."""
    return hmac.new(secret, label + client_nonce + server_nonce + data, hashlib.sha256).digest()


def frame(kind: MessageKind, payload: Payload) -> Frame:
    return kind, pack(payload)


def client_logon(hello: Hello, secret: bytes, rng: Rng) -> Generator[Frame, Frame, Welcome]:
    """The side that dials. Returns the WELCOME; raises LogonRefused, PeerUnreachable."""
    hello.nonce = rng.secret(NONCE_BYTES)
    offer(hello)
    data = pack(hello)
    challenge = read(Challenge, MessageKind.CHALLENGE, (yield MessageKind.HELLO, data))
    proof = prove(secret, CLIENT_LABEL, hello.nonce, challenge.nonce, data)
    welcome = read(Welcome, MessageKind.WELCOME, (yield frame(MessageKind.PROOF, Proof(hmac=proof))))
    expected = prove(secret, SERVER_LABEL, hello.nonce, challenge.nonce, data)
    if not hmac.compare_digest(welcome.proof, expected):
        raise LogonRefused("SERVER_PROOF", "the server did not prove the system's secret: it is another system, or none")
    own = span_of(hello)
    if not own.lowest <= in_force(welcome) <= own.highest:
        raise ProtocolMismatch("PROTOCOL", f"the server wants protocol {shown(in_force(welcome))}, this program speaks {own}")
    return welcome


def read(kind: type[S], number: MessageKind, arrived: Frame) -> S:
    """The client's view of an answer."""
    if arrived[0] == MessageKind.REFUSED:
        refused = decode(Refused, arrived[1])
        raise (ProtocolMismatch if refused.code == "PROTOCOL" else LogonRefused)(refused.code, refused.text, refused.facts)
    if arrived[0] != number:
        raise PeerUnreachable("the other side does not speak the protocol of hisee")
    return decode(kind, arrived[1])


def decode(kind: type[S], data: bytes) -> S:
    try:
        return unpack(kind, data)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        raise PeerUnreachable(f"the other side's {kind.__name__} cannot be read: {fault}") from fault


class Proved:
    """What the server knows once the peer has proved the secret."""

    def __init__(self, hello: Hello, welcome_proof: bytes) -> None:
        self.hello = hello
        self.welcome_proof = welcome_proof


def server_logon(secret: bytes, rng: Rng) -> Generator[Frame | None, Frame, Proved]:
    """The side that was dialled; primed with next(). Raises Refusal."""
    kind, data = yield None
    hello = expect(Hello, MessageKind.HELLO, kind, data)
    if mismatch := refusal(hello):
        raise Refusal("PROTOCOL", mismatch)
    if len(hello.nonce) != NONCE_BYTES:
        raise Refusal("LOGON", "the HELLO holds no nonce")
    nonce = rng.secret(NONCE_BYTES)
    answer = yield frame(MessageKind.CHALLENGE, Challenge(nonce=nonce))
    proof = expect(Proof, MessageKind.PROOF, *answer)
    if not hmac.compare_digest(proof.hmac, prove(secret, CLIENT_LABEL, hello.nonce, nonce, data)):
        raise Refusal("SECRET", "the secret of this system was not proved; DATA/secret of the caller is of another system")
    return Proved(hello, prove(secret, SERVER_LABEL, hello.nonce, nonce, data))


def expect(kind: type[S], number: MessageKind, arrived: int, data: bytes) -> S:
    """The server's view of what came."""
    if arrived != number:
        raise Refusal("LOGON", f"{number.name} was expected")
    try:
        return unpack(kind, data)
    except (msgspec.ValidationError, msgspec.DecodeError) as fault:
        raise Refusal("LOGON", f"{number.name} cannot be read: {fault}") from fault


def farewell_of(data: bytes) -> str:
    """The words of a GOODBYE; one that cannot be read still ends the session."""
    try:
        return unpack(Goodbye, data).reason
    except (msgspec.ValidationError, msgspec.DecodeError):
        return "?"
