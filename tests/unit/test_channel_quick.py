"""The short way of whole messages over a ring, and everything that has to leave it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisee._core.session import Guard
from hisee.channel import Channel, ChannelClosed, Message
from hisee.schema.messages import MessageKind
from support.channels import make_pair

ECHO = MessageKind.ECHO


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Channel, Channel]]:
    near, far = make_pair("ring", tmp_path)
    yield near, far
    near.close()
    far.close()


def got(channel: Channel) -> Message:
    message = channel.receive(5)
    assert message is not None
    return message


def test_every_field_arrives(pair: tuple[Channel, Channel]) -> None:
    sent = Message(ECHO, 3, (1 << 32) - 1, 5, 6, (1 << 64) - 1, b"payload", True)
    pair[0].send(sent)
    assert got(pair[1]) == sent and pair[0].sent == pair[1].received == 1


def test_short_and_long_ways_keep_the_order_of_a_lane(pair: tuple[Channel, Channel]) -> None:
    """Whole messages, messages in parts and such that wait in the backlog, one behind the other."""
    near, far = pair
    sizes = [10, 200_000, 0, 3_000_000, 64, 70_000, 1] * 3
    for number, size in enumerate(sizes):
        near.send(Message(ECHO, 1, corr=number, payload=bytes([number]) * size))
    for number, size in enumerate(sizes):
        message = None
        while message is None:  # the backlog moves when the sender looks
            message = far.receive(0.01)
            near.receive(0)
        assert (message.corr, message.payload) == (number, bytes([number]) * size)


def test_a_buffer_that_is_not_bytes_goes_the_long_way(pair: tuple[Channel, Channel]) -> None:
    pair[0].send(Message(ECHO, payload=memoryview(b"view")))  # type: ignore[arg-type]
    pair[0].send(Message(ECHO, payload=b"bytes"))
    assert [got(pair[1]).payload for _ in range(2)] == [b"view", b"bytes"]


def test_who_holds_the_guard_is_waited_for(pair: tuple[Channel, Channel]) -> None:
    near, far = pair
    with near._guard:
        sender = threading.Thread(target=near.send, args=(Message(ECHO, payload=b"second"),))
        sender.start()
        sender.join(0.05)
        assert sender.is_alive() and far.receive(0) is None
    sender.join(5)
    assert got(far).payload == b"second"


def test_a_guard_is_a_lock() -> None:
    guard = Guard()
    with guard:
        assert not guard.acquire(blocking=False)
    assert guard.acquire(blocking=False)
    guard.release()


def test_nothing_is_sent_or_received_after_the_end(pair: tuple[Channel, Channel]) -> None:
    near, far = pair
    near.send(Message(ECHO, payload=b"last"))
    near.close("done")
    with pytest.raises(ChannelClosed):
        near.send(Message(ECHO))
    with pytest.raises(ChannelClosed):
        near.receive(0)
    assert got(far).payload == b"last"
    with pytest.raises(ChannelClosed, match="goodbye: done"):
        far.receive(5)


def test_a_close_while_another_thread_sleeps_in_the_ring_is_safe(pair: tuple[Channel, Channel]) -> None:
    near, far = pair
    far.send(Message(ECHO))
    assert got(near).kind == ECHO  # something is expected: the next receive sleeps in the futex
    ended: list[Exception] = []

    def receive() -> None:
        try:
            while True:
                near.receive(5)
        except Exception as fault:
            ended.append(fault)

    reader = threading.Thread(target=receive)
    reader.start()
    near.abandon()
    reader.join(5)
    assert not reader.is_alive() and len(ended) == 1


def test_a_message_compares_and_shows_its_fields() -> None:
    assert Message(ECHO, payload=b"x", quiet=True) == Message(ECHO, payload=b"x") != Message(ECHO, payload=b"y")
    assert repr(Message(1, corr=2)).startswith("Message(kind=1, lane=0, source=0, target=0, object=0, corr=2, payload=b'',")
    with pytest.raises(OverflowError):
        Message(1, lane=256)
    with pytest.raises(TypeError):
        hash(Message(1))
