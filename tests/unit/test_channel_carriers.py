"""A link between two processes that goes from its rings to the socket and back: what each end does, one step after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hisee.channel import Channel, Message
from hisee.channel.errors import CarrierFixed, ChannelClosed
from hisee.channel.local import LocalCarrier
from hisee.channel.payloads import Mark, pack
from hisee.channel.renewal import Renewal
from hisee.channel.settings import settings
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams
from support.channels import log_on, make_pair
from support.clock import FakeClock
from support.leftovers import shared_memory
from support.shared import DATA, HEAD, TAIL, Segment, segments, unread

LIMITS = {"ring_bytes": 1 << 16}
QUICK = {"ring_again": 50, "ring_again_most": 200, "heartbeat": 40}  # ms
SIZES = (0, 10, 64, 5_000, 40_000, 150_000)  # the last two travel in parts
Pair = tuple[Channel, Channel]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """(the end that dialled, the serving one)."""
    before = set(segments(os.getpid()))
    near, far = make_pair("ring", tmp_path, LIMITS, QUICK)
    yield near, far
    for end in (near, far):
        end._carrier.dead = True  # no lingering for what a test left unread
        end.close()
    assert set(segments(os.getpid())) == before and shared_memory() == []


def local(end: Channel) -> LocalCarrier:
    carrier = end._carrier
    assert isinstance(carrier, LocalCarrier)
    return carrier


def message(number: int) -> Message:
    size = SIZES[number % len(SIZES)]
    return Message(Kind.ECHO, number % 3, corr=number, payload=bytes([number % 256]) * size)


class Traffic:
    """Numbered messages both ways; `go` moves both ends until everything has arrived."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.sent, self.got = ([0, 0], [0, 0])
        self.lanes: list[list[list[int]]] = [[[], [], []], [[], [], []]]

    def send(self, side: int, count: int) -> None:
        for _ in range(count):
            self.pair[side].send(message(self.sent[side]))
            self.sent[side] += 1

    def step(self) -> None:
        for side, end in enumerate(self.pair):
            found = end.receive(0)
            if found is not None:
                assert found == message(found.corr)
                self.lanes[side][found.lane].append(found.corr)
                self.got[side] += 1

    def go(self, condition: Callable[[], object] = lambda: True) -> None:
        """Until all is there and `condition` holds; each lane in order, each message once."""
        for _ in range(200_000):
            if self.got == self.sent[::-1] and condition():
                break
            self.step()
        assert self.got == self.sent[::-1], f"sent {self.sent}, got {self.got}"
        assert condition()
        for side, lanes in enumerate(self.lanes):
            for lane, numbers in enumerate(lanes):
                assert numbers == [n for n in range(self.sent[1 - side]) if n % 3 == lane]


def carriers(pair: Pair) -> set[str]:
    return {end.carrier for end in pair}


def own_segments(pair: Pair) -> list[Segment]:
    """Both segments of the link, the one with something unread first: both ends live in this process."""
    found = [s for s in segments(os.getpid()) if s.own]
    assert len(found) == 2
    return sorted(found, key=lambda s: s.word(TAIL), reverse=True)


@pytest.mark.req("R121")
def test_it_goes_to_the_socket_and_back_with_everything_under_way(pair: Pair) -> None:
    traffic = Traffic(pair)
    for _ in range(5):
        traffic.send(0, 20)
        traffic.send(1, 20)
        local(pair[1]).switch(rings=False)
        traffic.send(0, 20)
        traffic.send(1, 20)
        traffic.go(lambda: carriers(pair) == {"unix"})
        traffic.send(1, 10)
        local(pair[1]).switch(rings=True)
        traffic.send(0, 10)
        traffic.go(lambda: carriers(pair) == {"ring"})
    assert [end.changes["switches"] for end in pair] == [10, 10]
    assert [end.changes["again"] + end.changes["losses"] for end in pair] == [0, 0], "a planned change sends nothing again"


@pytest.mark.req("R121")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("harm", ["record", "header", "pad", "tail", "head back", "head beyond"])
def test_a_damaged_ring_costs_no_message(pair: Pair, side: int, harm: str) -> None:
    traffic = Traffic(pair)
    traffic.send(side, 3)
    traffic.go()
    traffic.send(side, 12)
    own, peer = own_segments(pair)
    assert unread(own, peer)[1]
    HARMS[harm](own, peer)
    traffic.send(side, 30)
    traffic.send(1 - side, 30)
    traffic.go(lambda: all(end.changes["losses"] for end in pair))
    if not harm.startswith("head"):  # a writer that may not go on: what it wrote may still be read to its end
        assert pair[side].changes["again"] > 0
    traffic.send(side, 100)
    traffic.go(lambda: carriers(pair) == {"ring"})  # by itself, after the back-off


def pad(own: Segment, peer: Segment) -> None:
    """A record that fills nothing: the end of the ring would be read from its beginning."""
    first, _ = unread(own, peer)
    own.write(DATA + first % own.capacity + 4, (2).to_bytes(4, "little"))


HARMS: dict[str, Callable[[Segment, Segment], object]] = {
    "record": lambda own, peer: own.flip(DATA + (unread(own, peer)[0] + 40) % own.capacity),
    "header": lambda own, peer: own.flip(DATA + (unread(own, peer)[0] + 8) % own.capacity),
    "pad": pad,
    "tail": lambda own, peer: own.put_word(TAIL, own.word(TAIL) + (1 << 40)),
    "head back": lambda own, peer: peer.put_word(HEAD, peer.word(HEAD) - 32),
    "head beyond": lambda own, peer: peer.put_word(HEAD, own.word(TAIL) + 32),
}


@pytest.mark.req("R121")
def test_both_rings_damaged_at_once(pair: Pair) -> None:
    traffic = Traffic(pair)
    for side in (0, 1):
        traffic.send(side, 12)
    for own, peer in (lambda found: (found, found[::-1]))(own_segments(pair)):
        HARMS["record"](own, peer)
    traffic.go(lambda: all(end.changes["losses"] == 2 for end in pair))
    traffic.go(lambda: carriers(pair) == {"ring"})


@pytest.mark.req("R121")
def test_what_went_by_the_socket_behind_a_ring_that_proves_damaged_goes_again_too(pair: Pair) -> None:
    traffic = Traffic(pair)
    traffic.send(1, 6)
    own, peer = own_segments(pair)
    local(pair[1]).switch(rings=False)
    traffic.send(1, 6)  # behind MARK
    HARMS["record"](own, peer)
    traffic.go(lambda: carriers(pair) == {"unix"})
    assert pair[1].changes["again"] > 6 and pair[0].changes["losses"] == 1


def test_a_read_position_that_lied_ends_the_link_in_words(pair: Pair) -> None:
    """A head that may be true makes the writer forget what nobody has read: the reader notices, nothing can be sent again."""
    near, far = pair
    for number in range(4):
        far.send(Message(Kind.ECHO, 0, corr=number, payload=bytes(1000)))
    own, peer = own_segments(pair)
    for _ in range(2):  # looks, one behind the other
        peer.put_word(HEAD, own.word(TAIL))
        local(far).tend()
    own.flip(DATA + 40)
    assert near.receive(0) is None
    with pytest.raises(ChannelClosed, match=r"poisoned: lane 0 cannot be sent again from 0: the read position was damaged too"):
        far.receive(1)


def test_a_peer_of_an_earlier_release_keeps_its_rings_and_the_order_says_why(tmp_path: Path) -> None:
    near, far = make_pair("ring", tmp_path, protocol=(1, 6))
    try:
        far.send(Message(Kind.ECHO, payload=b"by the ring"))
        found = near.receive(1)
        assert found is not None and found.payload == b"by the ring" and near.carrier == far.carrier == "ring"
        with pytest.raises(CarrierFixed, match=r"it speaks protocol 1\.6, links change their carrier from 1\.7 on: upgrade hisee there"):
            far.switch(rings=False)
        assert far.changes == {}
    finally:
        near.close()
        far.close()


@pytest.mark.parametrize("carrier", ["unix", "tcp", "memory"])
def test_a_link_without_rings_says_that_it_has_no_other_carrier(tmp_path: Path, carrier: str) -> None:
    near, far = make_pair(carrier, tmp_path)
    try:
        with pytest.raises(CarrierFixed, match=f"a link by {carrier} has no other carrier"):
            far.switch(rings=False)
    finally:
        near.close()
        far.close()


def test_the_caller_cannot_order(pair: Pair) -> None:
    with pytest.raises(CarrierFixed):
        pair[0].switch(rings=False)


def test_it_stays_at_the_socket_until_it_is_told_otherwise(pair: Pair) -> None:
    traffic = Traffic(pair)
    local(pair[1]).switch(rings=False)
    traffic.go(lambda: carriers(pair) == {"unix"})
    for _ in range(20):
        local(pair[1]).tend()
        traffic.step()
    assert carriers(pair) == {"unix"}


def test_the_wait_for_fresh_rings_doubles_with_each_damage_and_begins_anew_behind_rings_that_held() -> None:
    clock = FakeClock()
    renewal = Renewal(settings(), Seams(clock=clock), "SES")

    def waited_ms() -> int:
        begun = clock.monotonic_ns()
        while not renewal.due:
            clock.advance(100)
        return (clock.monotonic_ns() - begun) // 1_000_000

    waits = []
    for _ in range(8):
        renewal.damaged()
        waits.append(waited_ms())
        offer = renewal.make(1 << 16, -1, -1)
        assert offer is not None and not renewal.due, "one offer at a time"
        rings = renewal.settled(offer.epoch, accepted=True)
        assert rings is not None
        rings.close()
        offer.close_segments()
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
    clock.advance(60_000)
    renewal.damaged()
    assert waited_ms() == 1_000
    renewal.order(rings=False)
    clock.advance(100_000)
    assert not renewal.due
    renewal.damaged()
    renewal.order(rings=True)
    assert renewal.due, "by order at once"


def test_a_peer_that_cannot_map_stays_at_the_socket_until_the_next_try() -> None:
    clock = FakeClock()
    renewal = Renewal(settings(), Seams(clock=clock), "SES")
    offer = renewal.make(1 << 16, -1, -1)
    assert offer is not None and renewal.settled(offer.epoch, accepted=False) is None
    offer.close_segments()
    assert not renewal.due
    clock.advance(1_000)
    assert renewal.due


def test_descriptors_go_by_either_carrier_and_reach_their_number(pair: Pair) -> None:
    near, far = pair
    for token, rings in ((5, True), (6, False)):
        if not rings:
            local(far).switch(rings=False)
            Traffic(pair).go(lambda: carriers(pair) == {"unix"})
        ends = os.pipe()
        far.send(Message(Kind.ECHO, payload=bytes(200_000)))
        far.hand(token, [ends[0]])
        os.close(ends[0])
        os.write(ends[1], b"through")
        assert near.handed(token + 100) == []
        (given,) = near.handed(token)
        assert os.read(given, 10) == b"through"
        for fd in (given, ends[1]):
            os.close(fd)
        while near.receive(0.01) is None:
            far.receive(0)


@pytest.mark.parametrize(("kind", "payload", "why"), [
    (Kind.MARK, Mark(epoch=3), "word of rings 3"),
    (Kind.LOST, Mark(epoch=3), "link control 0x0f0a"),
    (Kind.BROKEN, Mark(epoch=3), "word of rings 3"),
    (Kind.AGAIN, Mark(epoch=0), "messages on the socket, and no MARK in the ring"),
    (Kind.ECHO, Mark(epoch=3), "messages on the socket, and no MARK in the ring"),
])
def test_words_that_no_correct_peer_says_end_the_link(pair: Pair, kind: Kind, payload: Any, why: str) -> None:
    near, far = pair
    if kind == Kind.MARK:  # the last record of a ring
        carrier, data = local(far), pack(payload)
        assert carrier._out.rings.push(0, kind, 0, 3, 0, 0, 0, len(data), 0, data)
    else:
        local(far)._stream.tell(kind, payload)
    with pytest.raises(ChannelClosed, match=f"poisoned: {why}"):
        near.receive(1)


@pytest.mark.req("R121")
def test_attached_ends_change_while_they_work(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        near, far = await log_on("ring", tmp_path, LIMITS, QUICK)
        got: list[int] = []
        near.attach(loop, lambda m: got.append(m.corr), lambda reason: got.append(-1))
        far.attach(loop, lambda m: None, lambda reason: got.append(-2))
        for number in range(400):
            far.send(Message(Kind.ECHO, Lane.BULK, corr=number, payload=bytes(number * 50)))
            if number % 50 == 25:
                far.switch(rings=number % 100 == 75)
                async with asyncio.timeout(10):
                    while carriers((near, far)) != {"ring" if number % 100 == 75 else "unix"}:
                        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while len(got) < 400:
                await asyncio.sleep(0)
        assert got == list(range(400)) and near.changes["switches"] == 8
        far.close()
        near.close()

    asyncio.run(main())
