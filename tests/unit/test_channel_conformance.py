"""What a Channel promises, over every carrier alike: order, parts, back-pressure, the end and its reason."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, MessageTooLong, RequestFailed, Requests
from hisee.channel.carriers import UNSENT_BYTES, StreamCarrier, unacknowledged
from hisee.channel.payloads import Failed, pack
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind
from support.channels import CARRIERS, NETWORK, make_pair
from support.leftovers import shared_memory

Pair = tuple[Channel, Channel]
MakePair = Callable[..., Pair]
KIB = 1024
ECHO = MessageKind.ECHO


@pytest.fixture(params=CARRIERS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakePair]:
    made: list[Channel] = []

    def pair(**how: dict[str, int]) -> Pair:
        ends = make_pair(request.param, tmp_path, **how)
        made.extend(ends)
        return ends

    yield pair
    for end in made:
        end._carrier.dead = True  # no lingering for what a test left unread
        end.close()


@pytest.fixture
def pair(make: MakePair) -> Pair:
    return make()


def receive_all(into: Channel, sender: Channel, count: int) -> list[Message]:
    """`count` messages, while the sender keeps moving its backlog."""
    found: list[Message] = []
    idle = 0
    while len(found) < count:
        message = into.receive(0.0 if sender.backlog_bytes else 1.0)
        if message is not None:
            found.append(message)
            idle = 0
        else:
            idle += 1
            assert idle < 10_000, f"{len(found)} of {count} arrived"
        assert sender.receive(0) is None
    return found


def test_a_message_keeps_all_its_fields(pair: Pair) -> None:
    sent = Message(ECHO, Lane.VISUAL, 5, (1 << 32) - 1, 9, (1 << 64) - 1, b"payload", True)
    pair[0].send(sent)
    assert pair[1].receive(1) == sent
    assert (pair[0].sent, pair[1].received) == (1, 1)


@pytest.mark.req("R46")
def test_the_carrier_is_named(request: pytest.FixtureRequest, pair: Pair) -> None:
    assert pair[0].carrier == pair[1].carrier
    assert f"[{pair[0].carrier}]" in request.node.name


@pytest.mark.req("R48")
def test_order_within_each_lane_without_gap_or_repeat(pair: Pair) -> None:
    count = 5_000
    for number in range(count):
        pair[0].send(Message(ECHO, number % 3, corr=number, payload=bytes(number % 200)))
    arrived = receive_all(pair[1], pair[0], count)
    for lane in range(3):
        assert [m.corr for m in arrived if m.lane == lane] == list(range(lane, count, 3))
    assert all(len(m.payload) == m.corr % 200 for m in arrived)


@pytest.mark.parametrize("size", [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 128 * KIB, 3_000_001])
def test_messages_of_any_length(pair: Pair, size: int) -> None:
    payload = os.urandom(size)
    pair[0].send(Message(ECHO, 1, payload=payload))
    assert receive_all(pair[1], pair[0], 1)[0].payload == payload


def test_a_long_message_lets_short_ones_of_other_lanes_pass(pair: Pair) -> None:
    long = os.urandom(8 * KIB * KIB)
    pair[0].send(Message(ECHO, Lane.BULK, corr=1, payload=long))
    for number in range(20):
        pair[0].send(Message(ECHO, Lane.SCRIPT, corr=100 + number))
    arrived = receive_all(pair[1], pair[0], 21)
    assert [m.corr for m in arrived] == [*range(100, 120), 1]
    assert arrived[-1].payload == long


def test_two_long_messages_of_one_lane_stay_in_order(pair: Pair) -> None:
    for number in range(3):
        pair[0].send(Message(ECHO, 1, corr=number, payload=bytes([number]) * 300_000))
    assert [(m.corr, m.payload[0], len(m.payload)) for m in receive_all(pair[1], pair[0], 3)] == [(n, n, 300_000) for n in range(3)]


def test_a_reader_that_does_not_read_fills_the_backlog_and_nothing_is_lost(make: MakePair) -> None:
    sender, reader = make(limits={"backlog_bytes": 400_000, "ring_bytes": 64 * KIB})
    accepted = 0
    with pytest.raises(ChannelFull):
        for _ in range(100_000):
            sender.send(Message(ECHO, 1, corr=accepted, payload=bytes(1000)))
            accepted += 1
    assert sender.backlog_bytes <= 400_000 + UNSENT_BYTES + 64 * KIB
    sender.send(Message(ECHO, 2, corr=accepted, payload=b"another lane still has room"))
    arrived = receive_all(reader, sender, accepted + 1)
    assert sorted(m.corr for m in arrived) == list(range(accepted + 1))
    assert [m.corr for m in arrived if m.lane == 1] == list(range(accepted))


def test_over_the_longest_message_nothing_is_accepted(make: MakePair) -> None:
    sender, reader = make(limits={"message_bytes": 100_000})
    with pytest.raises(MessageTooLong):
        sender.send(Message(ECHO, payload=bytes(100_001)))
    sender.send(Message(ECHO, payload=bytes(100_000)))
    assert len(receive_all(reader, sender, 1)[0].payload) == 100_000


def test_a_message_announced_longer_than_the_limit_ends_the_link(make: MakePair) -> None:
    sender, reader = make()
    assert sender._carrier.push(1, ECHO, 0, 1, 0, 0, 0, (256 << 20) + 1, 0, b"first part")
    with pytest.raises(ChannelClosed, match="poisoned: message of 268435457 bytes"):
        reader.receive(1)


@pytest.mark.parametrize(("seqs", "words"), [((1, 3), "goes from 1 to 3"), ((2,), "goes from 0 to 2")])
def test_a_gap_ends_the_link(pair: Pair, seqs: tuple[int, ...], words: str) -> None:
    for seq in seqs:
        assert pair[0]._carrier.push(seq, ECHO, 1, 3, 0, 0, 0, 0, seq, b"")
    with pytest.raises(ChannelClosed, match=words):
        while pair[1].receive(1):
            pass


def test_a_repeated_part_is_dropped(pair: Pair) -> None:
    for seq in (1, 2, 1, 2, 3):
        assert pair[0]._carrier.push(seq, ECHO, 1, 3, 0, 0, 0, 0, seq, b"")
    assert [m.corr for m in receive_all(pair[1], pair[0], 3)] == [1, 2, 3]
    assert pair[1].receive(0) is None


@pytest.mark.parametrize("kind", [MessageKind.HELLO, MessageKind.WELCOME, MessageKind.RING])
def test_logon_frames_in_a_running_session_end_it(pair: Pair, kind: int) -> None:
    pair[0]._carrier.push(0, kind, 0, 3, 0, 0, 0, 0, 0, b"")
    with pytest.raises(ChannelClosed, match="poisoned: link control"):
        pair[1].receive(1)


def test_goodbye_comes_behind_everything_that_was_sent(pair: Pair) -> None:
    for number in range(10):
        pair[0].send(Message(ECHO, 1, corr=number))
    pair[0].close("done for today")
    assert [pair[1].receive(1).corr for _ in range(10)] == list(range(10))  # type: ignore[union-attr]
    with pytest.raises(ChannelClosed) as ended:
        pair[1].receive(1)
    assert ended.value.reason == "goodbye: done for today"
    with pytest.raises(ChannelClosed):
        pair[1].send(Message(ECHO))


def test_close_is_idempotent_and_send_after_it_fails(pair: Pair) -> None:
    pair[0].close()
    pair[0].close()
    with pytest.raises(ChannelClosed):
        pair[0].send(Message(ECHO))
    with pytest.raises(ChannelClosed):
        pair[0].receive(0)


def test_an_end_without_goodbye_is_a_death_behind_the_last_message(pair: Pair) -> None:
    pair[0].send(Message(ECHO, 1, corr=1))
    pair[0]._carrier.close()
    assert pair[1].receive(1) == Message(ECHO, 1, corr=1)
    with pytest.raises(ChannelClosed) as ended:
        pair[1].receive(1)
    assert ended.value.reason == "died"


def test_receive_gives_up_at_its_time(pair: Pair) -> None:
    assert pair[0].receive(0.01) is None
    assert pair[0].receive(0) is None


def test_a_new_link_leaves_nothing_findable(pair: Pair) -> None:
    assert shared_memory() == []


def test_descriptors_are_given_back(make: MakePair) -> None:
    for end in make():  # what is made once and kept
        end.close()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        for end in make():
            end.close()
    assert len(os.listdir("/proc/self/fd")) == before


# --- attached to a loop ---


def attached(pair: Pair) -> tuple[list[Message], list[str], list[Message], list[str]]:
    loop = asyncio.get_running_loop()
    boxes: tuple[list[Message], list[str], list[Message], list[str]] = ([], [], [], [])
    pair[0].attach(loop, boxes[0].append, boxes[1].append)
    pair[1].attach(loop, boxes[2].append, boxes[3].append)
    return boxes


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def test_attached_ends_exchange_everything(pair: Pair) -> None:
    async def main() -> None:
        left, left_lost, right, right_lost = attached(pair)
        payload = os.urandom(5_000_000)
        for number in range(300):
            pair[0].send(Message(ECHO, 1, corr=number, payload=bytes(number)))
            pair[1].send(Message(ECHO, 1, corr=number, payload=bytes(number)))
        pair[0].send(Message(ECHO, 2, payload=payload))
        pair[1].send(Message(ECHO, 2, payload=payload))
        await until(lambda: len(left) == len(right) == 301)
        for box in (left, right):
            assert [m.corr for m in box if m.lane == 1] == list(range(300))
            assert [m.payload for m in box if m.lane == 2] == [payload]
        pair[0].close("bye")
        await until(lambda: bool(right_lost))
        assert (left_lost, right_lost) == ([], ["goodbye: bye"])

    asyncio.run(main())


def test_what_arrived_before_attach_is_delivered(pair: Pair) -> None:
    async def main() -> None:
        pair[0].send(Message(ECHO, corr=1))
        assert pair[1].receive(1) == Message(ECHO, corr=1)
        pair[0].send(Message(ECHO, corr=2))
        pair[0].send(Message(ECHO, corr=3))
        assert pair[1].receive(1) == Message(ECHO, corr=2)
        _, _, right, _ = attached(pair)
        await until(lambda: len(right) == 1)
        assert right[0].corr == 3

    asyncio.run(main())


def test_closing_sends_out_the_backlog_first(make: MakePair) -> None:
    left, right = make(limits={"ring_bytes": 64 * KIB})

    async def main() -> None:
        loop = asyncio.get_running_loop()
        got: list[Message] = []
        lost: list[str] = []
        left.attach(loop, got.append, lost.append)
        left.send(Message(ECHO, payload=bytes(3_000_000)))
        left.close("all sent")
        right.attach(loop, got.append, lost.append)
        await until(lambda: bool(lost))
        assert lost == ["goodbye: all sent"]
        assert len(got[0].payload) == 3_000_000

    asyncio.run(main())


@pytest.mark.parametrize("attached", [True, False])
@pytest.mark.parametrize("carrier", NETWORK)
def test_a_peer_that_still_speaks_gets_all_of_an_end_that_closes(carrier: str, attached: bool, tmp_path: Path) -> None:
    """Most of it lies in the closing end's system, because the peer's takes little: words that come meanwhile must not reset that."""
    left, right = make_pair(carrier, tmp_path)
    size = 150_000
    socket_of(left).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * size)
    socket_of(right).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        got: list[Message] = []
        lost: list[str] = []
        if attached:
            left.attach(loop, got.append, lost.append)
        left.send(Message(ECHO, payload=bytes(size)))
        assert left.backlog_bytes == 0 and unacknowledged(socket_of(left)) > 0
        closing = loop.run_in_executor(None, left.close, "all sent") if not attached else left.close("all sent")
        await until(lambda: left.ended == "closed")
        right.send(Message(ECHO))
        right.attach(loop, got.append, lost.append)
        await until(lambda: bool(lost))
        assert (lost, [len(m.payload) for m in got]) == (["goodbye: all sent"], [size])
        if closing is not None:
            await closing
        await until(lambda: socket_of(left).fileno() < 0)

    asyncio.run(main())


def socket_of(end: Channel) -> socket.socket:
    assert isinstance(end._carrier, StreamCarrier)
    return end._carrier._sock


def test_a_fault_in_a_handler_costs_no_message(pair: Pair) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        faults: list[str] = []
        loop.set_exception_handler(lambda _, context: faults.append(context["message"]))
        got: list[int] = []

        def handler(message: Message) -> None:
            got.append(message.corr)
            if message.corr == 1:
                raise ValueError("first one")

        pair[1].attach(loop, handler, lambda _: None)
        for number in (1, 2, 3):
            pair[0].send(Message(ECHO, corr=number))
        await until(lambda: len(got) == 3)
        assert faults == ["handler of message 0x011a"]

    asyncio.run(main())


def test_a_handler_may_close_its_channel(pair: Pair) -> None:
    async def main() -> None:
        got: list[int] = []

        def handler(message: Message) -> None:
            got.append(message.corr)
            pair[1].close("enough")

        pair[1].attach(asyncio.get_running_loop(), handler, lambda _: None)
        for number in (1, 2, 3):
            pair[0].send(Message(ECHO, corr=number))
        await until(lambda: pair[1].ended == "closed")
        await asyncio.sleep(0.01)
        assert got == [1]

    asyncio.run(main())
    with pytest.raises(ChannelClosed, match="goodbye: enough"):
        pair[0].receive(1)


def test_send_may_be_called_from_other_threads(make: MakePair) -> None:
    left, right = make(limits={"ring_bytes": 64 * KIB})

    def flood(lane: int) -> None:
        for number in range(400):
            left.send(Message(ECHO, lane, corr=number, payload=bytes(number * 5)))
            right.send(Message(ECHO, lane, corr=number))

    async def main() -> None:
        got, _, back, _ = attached((left, right))
        await asyncio.gather(*(asyncio.to_thread(flood, lane) for lane in range(3)))
        await until(lambda: len(back) == len(got) == 1200)
        for box in (got, back):
            for lane in range(3):
                assert [m.corr for m in box if m.lane == lane] == list(range(400))

    asyncio.run(main())


# --- requests ---


def test_requests_end_once_each(pair: Pair) -> None:
    async def main() -> None:
        requests = Requests(pair[0])
        loop = asyncio.get_running_loop()

        def serve(m: Message) -> None:
            if m.object == 1:
                pair[1].send(Message(MessageKind.REPLY, m.lane, corr=m.corr, payload=m.payload))
                pair[1].send(Message(MessageKind.REPLY, m.lane, corr=m.corr, payload=b"twice"))
            elif m.object == 2:
                failed = Failed(error=25, extended=12, text="you may not")
                pair[1].send(Message(MessageKind.FAILED, m.lane, corr=m.corr, payload=pack(failed)))

        strays: list[Message] = []
        pair[0].attach(loop, lambda m: None if requests.settle(m) else strays.append(m), requests.abort)
        pair[1].attach(loop, serve, lambda _: None)
        assert (await requests.ask(Message(ECHO, object=1, payload=b"hello"), 5)).payload == b"hello"
        with pytest.raises(RequestFailed) as failed:
            await requests.ask(Message(ECHO, object=2), 5)
        assert (failed.value.error, failed.value.extended, failed.value.text) == (25, 12, "you may not")
        with pytest.raises(RequestFailed) as late:
            await requests.ask(Message(ECHO, object=3), 0.01)
        assert late.value.error == 21
        open_one = asyncio.ensure_future(requests.ask(Message(ECHO, object=3), 60))
        await asyncio.sleep(0)
        pair[1].close("server ends")
        with pytest.raises(RequestFailed) as cut:
            await open_one
        assert cut.value.error == 10 and "server ends" in str(cut.value)
        with pytest.raises(RequestFailed) as closed:
            await requests.ask(Message(ECHO), 1)
        assert closed.value.error == 10
        assert len(requests) == 0
        assert [m.payload for m in strays] == [b"twice"]

    asyncio.run(main())
