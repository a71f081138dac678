"""The router's thread between channels of this process, edited and listened to from Python: the ends do not know what is between them."""

from __future__ import annotations

import os
import select
import socket
from contextlib import contextmanager

import pytest

from hisee._core.book import Book
from hisee._core.frame import Decoder
from hisee._core.router import BEHIND, DAMAGED, ENDED, FOREIGN, JUDGE, OWN, Router
from hisee.channel import Channel, ChannelClosed, Message
from hisee.channel.carriers import StreamCarrier
from hisee.channel.payloads import Goodbye, pack
from hisee.channel.segments import make_offer, offer_from
from hisee.channel.settings import settings
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams

CONFIG, SEAMS, CAPACITY = settings(), Seams(), 1 << 16
KINDS = (Kind.DATA, Kind.REPLY)


class Hall:
    """A router and the ends at it. Number 10 up: at rings, 20 up: at sockets."""

    def __init__(self, book=None):
        self.router = Router(backlog_bytes=1 << 20, message_bytes=1 << 20, up_bytes=1 << 16, part_bytes=CONFIG.fragment_bytes, book=book)
        self.ends, self.ports, self.held = {}, {}, []
        for kind in KINDS:
            self.router.let_pass(kind)

    def ring(self, number):
        offer = make_offer(CAPACITY, 5, SEAMS.rng.secret)
        theirs = offer_from([os.dup(fd) for fd in (offer.peer, offer.own, offer.peer_bell, offer.bell)], CAPACITY, 5)
        near, far = socket.socketpair()
        self.held += [far, offer]
        port = self.router.add_ring(offer.own, offer.peer, CAPACITY, 5, offer.bell, offer.peer_bell)
        return self._end(number, port, theirs.carrier(near, CONFIG.ring_poll_s))

    def stream(self, number):
        near, far = socket.socketpair()
        self.held.append(far)
        port = self.router.add_stream(far.fileno(), 77, 1)
        decoder = Decoder(CONFIG.frame_bytes)
        decoder.session, decoder.epoch = 77, 1
        return self._end(number, port, StreamCarrier("unix", near, decoder, CONFIG.fragment_bytes, 77))

    def _end(self, number, port, carrier):
        self.ports[number] = port
        self.router.route(number, port)
        self.router.sync()
        self.ends[number] = Channel(carrier, CONFIG, SEAMS.clock, watch=False)
        return self.ends[number]

    def up(self):
        while (found := self.router.up()) is None:
            assert select.select([self.router.up_bell], [], [], 10)[0], "nothing came up"
        return found


@contextmanager
def hall(book=None):
    made = Hall(book)
    try:
        yield made
    finally:
        for end in made.ends.values():
            end.abandon()
        made.router.close()
        for thing in made.held:
            thing.close()


def received(end, sender):
    """The next message of `end`; a sender whose message has not gone whole gets its turns meanwhile."""
    for _ in range(2000):
        assert sender.receive(0) is None
        if (found := end.receive(0.005)) is not None:
            return found
    raise AssertionError("nothing came")


def message(source, target, corr, payload=b"", kind=Kind.DATA, lane=3, **more):
    return Message(kind, lane, source, target, 7, corr, payload, **more)


@pytest.mark.req("R48", "R49")
@pytest.mark.parametrize(("first", "second"), [("ring", "ring"), ("ring", "stream"), ("stream", "ring"), ("stream", "stream")])
def test_messages_short_and_long_pass_either_way_and_keep_every_field(first, second):
    with hall() as made:
        left, right = getattr(made, first)(10), getattr(made, second)(11)
        for corr, size in enumerate((0, 1, 1000, 60_000, 300_000, 5), 1):
            left.send(message(10, 11, corr, bytes([corr]) * size, wants_answer=corr % 2 == 0))
            assert received(right, left) == message(10, 11, corr, bytes([corr]) * size, wants_answer=corr % 2 == 0)
            right.send(message(11, 10, corr, bytes(size), Kind.REPLY))
            assert received(left, right) == message(11, 10, corr, bytes(size), Kind.REPLY)
        assert made.router.up() is None


def test_the_owner_gets_what_may_not_pass_and_answers_it():
    with hall() as made:
        left, right = made.ring(10), made.ring(11)
        for sent, why in ((message(10, 11, 1, b"x", Kind.ECHO), OWN), (message(10, 99, 2), OWN), (message(11, 10, 3), FOREIGN)):
            left.send(sent)
            port, reason, kind, lane, asks, *rest = made.up()
            made.router.settle(port, lane, 1)
            assert (port, reason, kind, lane, asks) == (made.ports[10], why, sent.kind, 3, False)
            assert rest == [sent.source, sent.target, 7, sent.corr, sent.payload]
        made.router.send(made.ports[11], Kind.ECHO, 3, 1, 11, 7, 4, b"from the owner", wants_answer=True)
        assert right.receive(10) == message(1, 11, 4, b"from the owner", Kind.ECHO, wants_answer=True)
        made.router.route(11, -1)
        made.router.sync()
        left.send(message(10, 11, 5))
        assert made.up()[1] == OWN, "a route that was taken out leads nowhere"


def test_a_port_ends_when_it_is_dropped_when_its_peer_ends_and_when_it_is_damaged():
    with hall() as made:
        left, right, far = made.ring(10), made.ring(11), made.stream(20)
        left.send(message(10, 11, 1))
        made.router.drop(made.ports[10])
        assert right.receive(10).corr == 1
        assert made.up()[:2] == (made.ports[10], ENDED)
        far.close()
        assert made.up()[:3] == (made.ports[20], OWN, Kind.GOODBYE)
        assert made.up()[:2] == (made.ports[20], ENDED)
        other = made.stream(21)
        other._carrier._sock.send(bytes(200))
        assert made.up()[:2] == (made.ports[21], DAMAGED)
        assert made.router.counts(made.ports[11])["given"] == 1


def test_what_is_behind_a_message_of_the_owner_comes_up_until_that_is_settled():
    with hall() as made:
        left, right = made.ring(10), made.ring(11)
        for corr, kind in enumerate((Kind.ECHO, Kind.DATA, Kind.DATA), 1):
            left.send(message(10, 11, corr, kind=kind))
        assert [made.up()[1] for _ in range(3)] == [OWN, BEHIND, BEHIND]
        left.send(message(10, 11, 4, lane=2))
        assert right.receive(10).corr == 4, "another lane"
        for corr in (1, 2, 3):
            assert made.router.send(made.ports[11], Kind.DATA, 3, 10, 11, 7, corr, b"")
        made.router.settle(made.ports[10], 3, 3)
        left.send(message(10, 11, 5))
        assert [right.receive(10).corr for _ in range(4)] == [1, 2, 3, 5]


@pytest.mark.parametrize("carrier", ["ring", "stream"])
def test_requests_are_written_down_and_only_their_own_answers_pass(carrier):
    book = Book()
    with hall(book) as made:
        left, right, other = (getattr(made, carrier)(number) for number in (10, 11, 12))
        left.send(message(10, 11, 1, wants_answer=True))
        left.send(message(10, 11, 2, wants_answer=True))
        assert [received(right, left).corr for _ in range(2)] == [1, 2] and len(book) == 2
        other.send(message(12, 10, 1, kind=Kind.REPLY))
        assert made.up()[1] == JUDGE
        right.send(message(11, 10, 1, b"answer", Kind.REPLY))
        assert received(left, right).payload == b"answer"
        right.send(message(11, 10, 1, kind=Kind.REPLY))
        assert made.up()[1] == JUDGE, "once"
        assert [(o.caller, o.corr) for o in book.end(11)] == [(10, 2)]
        passed = {(p.source, p.target, p.answer): (p.messages, p.bytes) for p in book.passed()}
        assert passed == {(10, 11, False): (2, 0), (11, 10, True): (1, 6)} and book.passed() == []


@pytest.mark.parametrize("carrier", ["ring", "stream"])
def test_a_port_that_its_owner_leaves_brings_everything_and_says_goodbye(carrier):
    with hall() as made:
        left, right = made.ring(10), getattr(made, carrier)(11)
        for corr in range(1, 200):
            assert made.router.send(made.ports[11], Kind.DATA, 3, 1, 11, 7, corr, bytes(1000))
        made.router.leave(made.ports[11], pack(Goodbye(reason="enough")))
        assert [received(right, left).corr for _ in range(199)] == list(range(1, 200))
        with pytest.raises(ChannelClosed, match="goodbye: enough"):
            right.receive(10)
        assert made.up()[:2] == (made.ports[11], ENDED)
        assert made.router.send(made.ports[11], Kind.DATA, 3, 1, 11, 7, 1, b""), "lost with the port"
        assert made.router.backlog(made.ports[11]) == made.router.heard(made.ports[11]) == 0


def test_a_full_backlog_says_no_and_goes_on():
    with hall() as made:
        left, right = made.ring(10), made.ring(11)
        sent = 0
        while made.router.send(made.ports[11], Kind.DATA, 3, 1, 11, 7, sent + 1, bytes(10_000)):
            sent += 1
        assert made.router.backlog(made.ports[11]) > (1 << 20) * 0.7
        assert made.router.send(made.ports[11], Kind.DATA, 4, 1, 11, 7, 0, bytes(10_000)), "another lane"
        found = [received(right, left) for _ in range(sent + 1)]
        assert [m.corr for m in found if m.lane == 3] == list(range(1, sent + 1))
        assert made.router.send(made.ports[11], Kind.DATA, 3, 1, 11, 7, 7, b"")
        assert received(right, left).corr == 7


def test_rings_that_are_mapped_already_become_a_port():
    with hall() as made:
        offer = make_offer(CAPACITY, 5, SEAMS.rng.secret)
        theirs = offer_from([os.dup(fd) for fd in (offer.peer, offer.own, offer.peer_bell, offer.bell)], CAPACITY, 5)
        near, far = socket.socketpair()
        ours = offer.carrier(far, CONFIG.ring_poll_s)
        made._end(10, made.router.add_mapped(ours.rings, offer.bell), theirs.carrier(near, CONFIG.ring_poll_s))
        right = made.ring(11)
        made.ends[10].send(message(10, 11, 1, b"over it"))
        assert right.receive(10).payload == b"over it"
        made.router.drop(made.ports[10])
        assert made.up()[:2] == (made.ports[10], ENDED)
        ours.close()
        with pytest.raises(ValueError, match="closed"):
            made.router.add_mapped(ours.rings, offer.bell)


def test_bad_arguments_and_a_closed_router_say_so():
    router = Router(backlog_bytes=1, message_bytes=10, up_bytes=1, part_bytes=10)
    with pytest.raises(ValueError, match="power of two"):
        router.add_ring(0, 0, 1000, 1, 0, 0)
    with pytest.raises(ValueError, match="in lane 99"):
        router.send(0, 1, 99, 0, 0, 0, 0, b"")  # no such lane
    with pytest.raises(ValueError, match="no port 999"):
        router.counts(999)
    router.close()
    router.close()
    with pytest.raises(ValueError, match="closed"):
        router.sync()
