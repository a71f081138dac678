"""What two releases agree on at a logon, what the later one keeps from the earlier one, and what either ignores."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hisee.channel import Channel, Listener, Message, NotSpoken, Peer, ProtocolMismatch, RequestFailed, Requests, dial_unix, spoken
from hisee.channel.logon import SERVER_LABEL, Refusal, client_logon, prove, server_logon
from hisee.channel.payloads import Challenge, Hello, Refused, ServerState, Welcome, pack, unpack
from hisee.channel.spoken import LOWEST, OWN, PROTOCOL, Span, agreed, in_force, refusal, span_of, unspoken
from hisee.schema.errors import Err
from hisee.schema.messages import ROWS, MessageKind, MessageKindRow
from hisee.seams import Seams
from support.channels import SECRET

pytestmark = pytest.mark.req("R165")
NEXT = (PROTOCOL[0], PROTOCOL[1] + 1)
LATER_KIND = 0x01F0


def hello(highest: tuple[int, int], lowest: tuple[int, int] = LOWEST) -> Hello:
    return Hello(kind="HIP", name="WS1", node="WS1", version="9.9.9", protocol=highest, lowest=lowest)


def first_frame(sent: Hello) -> dict[str, object]:
    """The fields of a HELLO as they leave."""
    return msgspec.msgpack.decode(next(client_logon(sent, SECRET, Seams().rng))[1])


def test_the_first_frame_says_what_the_caller_speaks():
    """Also where it is what this release takes for granted: another release takes something else for granted."""
    fields = first_frame(Hello(kind="HIP", name="WS1"))
    assert fields["protocol"] == list(PROTOCOL) and fields["lowest"] == list(LOWEST)


def test_a_hello_that_is_handed_on_keeps_what_its_sender_speaks():
    assert first_frame(hello((1, 1), (1, 1)))["protocol"] == [1, 1]


@pytest.mark.parametrize(("theirs", "force"), [
    (hello(PROTOCOL), PROTOCOL), (hello(NEXT), PROTOCOL), (hello((1, 1)), (1, 1)), (Hello(kind="HIP"), (1, 0)),
    (hello((PROTOCOL[0] + 1, 4)), PROTOCOL)])
def test_the_highest_that_both_speak_is_in_force(theirs: Hello, force: tuple[int, int]):
    assert refusal(theirs) == "" and agreed(theirs) == force


def test_a_caller_without_a_lowest_speaks_its_major_from_the_beginning():
    assert span_of(hello((2, 5), (0, 0))) == Span((2, 0), (2, 5))
    assert str(OWN) == f"{LOWEST[0]}.{LOWEST[1]} to {PROTOCOL[0]}.{PROTOCOL[1]}"


@pytest.mark.parametrize(("theirs", "way"), [
    (hello((0, 9), (0, 5)), "upgrade hisee where that program runs"),
    (hello((2, 3), (2, 1)), "upgrade hisee on the computer of the server")])
def test_a_refusal_names_both_and_who_is_to_upgrade(theirs: Hello, way: str):
    text = refusal(theirs)
    assert text.endswith(way)
    for words in (f"protocol {OWN}", "HIP WS1 of WS1", "hisee 9.9.9", str(span_of(theirs))):
        assert words in text


def test_the_server_refuses_before_it_asks_for_a_proof():
    talk = server_logon(SECRET, Seams().rng)
    next(talk)
    with pytest.raises(Refusal, match="upgrade") as refused:
        talk.send((MessageKind.HELLO, pack(Hello(kind="HIP", protocol=(2, 0), lowest=(2, 0), nonce=bytes(16)))))
    assert refused.value.refused.code == "PROTOCOL"


def test_a_server_that_says_nothing_is_of_a_release_before_it_could():
    assert in_force(Welcome(name="WS1", number=5)) == (1, 0)


def test_a_client_leaves_a_server_whose_choice_it_does_not_speak():
    talk = client_logon(sent := Hello(kind="HIP"), SECRET, Seams().rng)
    _, data = next(talk)
    challenge = Challenge(nonce=bytes(16))
    talk.send((MessageKind.CHALLENGE, pack(challenge)))
    proof = prove(SECRET, SERVER_LABEL, sent.nonce, challenge.nonce, data)
    with pytest.raises(ProtocolMismatch, match="2.0"):
        talk.send((MessageKind.WELCOME, pack(Welcome(name="", number=1, proof=proof, protocol=(2, 0)))))


def test_fields_of_a_later_release_are_ignored():
    later = {**msgspec.structs.asdict(ServerState(node="SRV1")), "shoe_size": 43}
    assert unpack(ServerState, msgspec.msgpack.encode(later)) == ServerState(node="SRV1")
    assert msgspec.convert(later, ServerState).node == "SRV1"


def test_no_row_is_later_than_the_protocol():
    assert all(row.since <= PROTOCOL[1] for row in ROWS) and unspoken(PROTOCOL) == {}


@pytest.fixture
def next_release(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process knows one more kind of message, of the next minor."""
    row = MessageKindRow(LATER_KIND, "NEWS_GET", "control", "any", "KNL", "", "of the next release", NEXT[1])
    monkeypatch.setattr(spoken, "ROWS", (*ROWS, row))
    monkeypatch.setattr(spoken, "PROTOCOL", NEXT)
    unspoken.cache_clear()
    yield
    unspoken.cache_clear()


async def linked(folder: Path, caller: Hello, server: tuple[int, int]) -> tuple[Channel, Channel, Listener]:
    accepted: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()

    async def admit(arrived: Hello, peer: Peer) -> Welcome | Refused:
        return Welcome(name=arrived.name, number=5, protocol=min(arrived.protocol, server))

    listener = Listener.unix(folder / "s", SECRET)
    listener.start(asyncio.get_running_loop(), admit, accepted.set_result)
    return await asyncio.to_thread(dial_unix, folder / "s", caller, SECRET), await accepted, listener


@pytest.mark.parametrize(("caller", "server"), [(PROTOCOL, NEXT), (NEXT, PROTOCOL)])
def test_neither_end_sends_what_the_other_does_not_know(tmp_path: Path, next_release: None, caller, server):
    async def scene() -> None:
        mine, theirs, listener = await linked(tmp_path, hello(caller), server)
        for end in (mine, theirs):
            with pytest.raises(NotSpoken, match=r"NEWS_GET needs protocol .* upgrade hisee there"):
                end.send(Message(kind=LATER_KIND))
            end.send(Message(kind=MessageKind.ECHO))
        with pytest.raises(RequestFailed, match="NEWS_GET") as failed:
            await Requests(mine).ask(Message(kind=LATER_KIND), 1)
        assert failed.value.error == Err.ERR_NOT_SUPPORTED
        for end in (mine, theirs, listener):
            end.close()

    asyncio.run(scene())


def test_two_of_the_later_release_send_it(tmp_path: Path, next_release: None):
    async def scene() -> None:
        mine, theirs, listener = await linked(tmp_path, hello(NEXT), NEXT)
        mine.send(Message(kind=LATER_KIND))
        received = await asyncio.to_thread(theirs.receive, 5)
        assert received is not None and received.kind == LATER_KIND
        for end in (mine, theirs, listener):
            end.close()

    asyncio.run(scene())
