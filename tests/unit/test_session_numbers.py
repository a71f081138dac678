"""The numbers of a session: whatever happens to its connections, each lane arrives once and in order. No sockets, no processes."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hisee.channel import ChannelFull, Message
from hisee.channel.lanes import LANE_COUNT
from hisee.channel.session import ACK_BYTES, ACK_EVERY, HEAD, Session, SessionFault, enclose
from hisee.schema.messages import MessageKind as Kind

LIMIT = 4000
LANES = st.sampled_from((0, 1, 3))
SIZES = st.integers(0, 300)
ACK, RESUME = Kind.SESSION_ACK, Kind.RESUME


class End:
    """One end with what it has handed on, and what it was given to send."""

    def __init__(self) -> None:
        self.session = Session(LIMIT)
        self.given: dict[int, list[int]] = {}
        self.got: dict[int, list[int]] = {}
        self.asked = False  # RESUME is out, not answered

    def hand_on(self, message: Message) -> None:
        self.got.setdefault(message.lane, []).append(message.corr)


class Wire:
    """A connection: a queue per lane and direction, lanes overtake each other. `way` 0 = to the server."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.queues: tuple[dict[int, list[object]], dict[int, list[object]]] = ({}, {})

    def put(self, way: int, lane: int, what: object) -> None:
        self.queues[way].setdefault(lane, []).append(what)


class Sessions(RuleBasedStateMachine):
    """A client, a server, any number of connections of which the newest ones may still deliver."""

    def __init__(self) -> None:
        super().__init__()
        self.client, self.server = End(), End()
        self.wires: list[Wire] = [Wire(0)]
        self.numbers = 1
        self.next = 1
        counts = self.client.session.bind(0)
        self.server.session.bind(0)
        list(self.client.session.resume(counts))
        self.say(0, (RESUME, counts, self.client.session.next_turn()))

    def wire(self, number: object) -> Wire | None:
        return next((wire for wire in self.wires if wire.number == number), None)

    def say(self, number: object, what: object) -> None:
        self.push(0, number, what, 0)

    def push(self, way: int, number: object, frame: object, lane: int) -> None:
        wire = self.wire(number)
        if wire is not None:
            wire.put(way, lane, frame)

    @rule(way=st.integers(0, 1), lane=LANES, size=SIZES)
    def send(self, way: int, lane: int, size: int) -> None:
        end = (self.client, self.server)[way]
        message = Message(Kind.ECHO, lane, 7, 8, 9, corr=self.next, payload=bytes(size), wants_answer=bool(size % 2))
        try:
            frame = end.session.keep(message)
        except ChannelFull:
            assert end.session.bytes > LIMIT // 4
            return
        end.given.setdefault(lane, []).append(self.next)
        self.next += 1
        if end.session.open:
            self.push(way, end.session.line, frame, lane)

    @rule(data=st.data())
    @precondition(lambda self: any(queue for wire in self.wires for queues in wire.queues for queue in queues.values()))
    def deliver(self, data: st.DataObject) -> None:
        """The oldest message of any lane of any connection, old ones too."""
        ready = [(wire, way, lane) for wire in self.wires for way in (0, 1) for lane, queue in wire.queues[way].items() if queue]
        wire, way, lane = data.draw(st.sampled_from(ready))
        what = wire.queues[way][lane].pop(0)
        if way == 0:
            self.at_server(wire.number, what)
        else:
            self.at_client(wire.number, what)

    def at_server(self, line: int, what: object) -> None:
        session = self.server.session
        if isinstance(what, Message):
            inner = session.take(line, what)
            if inner is not None:
                self.server.hand_on(inner)
            return
        kind, counts, turn = what  # type: ignore[misc]
        if kind == RESUME and not session.newer(turn):
            return
        if kind == RESUME:
            mine = session.bind(line)
            missing = list(session.resume(counts))
            self.push(1, line, (ACK, mine, 0), 0)
            for frame in missing:
                self.push(1, line, frame, frame.lane)
        elif line == session.line:
            session.confirm(counts)

    def at_client(self, line: int, what: object) -> None:
        session = self.client.session
        if isinstance(what, Message):
            inner = session.take(line, what)
            if inner is not None:
                self.client.hand_on(inner)
        elif line == session.line and self.client.asked:
            self.client.asked = False
            for frame in session.resume(what[1]):  # type: ignore[index]
                self.push(0, line, frame, frame.lane)
        elif line == session.line:
            session.confirm(what[1])  # type: ignore[index]

    @rule(way=st.integers(0, 1))
    def confirm(self, way: int) -> None:
        end = (self.client, self.server)[way]
        if end.session.line is None or end.asked:
            return
        counts = end.session.confirmation()
        self.push(way, end.session.line, (ACK, counts, 0), 0)

    @rule(lost=st.booleans())
    def move(self, lost: bool) -> None:
        """The client goes on over another connection: at once, or after it lost the old one with all that was on its way."""
        if lost and self.client.session.line is not None:
            self.wires = [wire for wire in self.wires if wire.number != self.client.session.line]
        wire = Wire(self.numbers)
        self.numbers += 1
        self.wires = [*self.wires[-3:], wire]
        self.client.asked = True
        counts = self.client.session.bind(wire.number)
        self.say(wire.number, (RESUME, counts, self.client.session.next_turn()))

    @rule()
    def server_notices(self) -> None:
        """The server learns that the connection it is bound to is gone."""
        if self.wire(self.server.session.line) is None:
            self.server.session.bind(None)

    @invariant()
    def each_lane_once_and_in_order(self) -> None:
        for giver, taker in ((self.client, self.server), (self.server, self.client)):
            for lane, got in taker.got.items():
                assert got == giver.given[lane][:len(got)]

    def teardown(self) -> None:
        """Once the client's connection holds, everything arrives, whatever still comes by the old ones."""
        if self.wire(self.client.session.line) is None or self.server.session.line is None:
            self.move(lost=True)
        while any(queue for wire in self.wires for queues in wire.queues for queue in queues.values()):
            for wire in reversed(self.wires):
                for way in (0, 1):
                    for queue in wire.queues[way].values():
                        while queue:
                            (self.at_server, self.at_client)[way](wire.number, queue.pop(0))
        assert self.server.got == self.client.given and self.client.got == self.server.given
        for end, other in ((self.client, self.server), (self.server, self.client)):
            end.session.confirm(other.session.confirmation())
            assert end.session.bytes == 0


TestSessions = pytest.mark.req("R121", "R82")(Sessions.TestCase)


def message(corr: int = 1, lane: int = 1, size: int = 0) -> Message:
    return Message(Kind.ECHO, lane, 1 << 30, 5, 6, corr, bytes(size), wants_answer=True)


def test_what_is_enclosed_comes_out_as_it_was() -> None:
    for size in (0, 1, 70_000):
        frame = enclose(message(99, size=size), 4)
        assert (frame.kind, frame.lane, frame.corr, frame.wants_answer) == (Kind.SESSION_DATA, 1, 4, False)
        assert Session(1 << 20).disclose(frame) == message(99, size=size)


@pytest.mark.parametrize("payload", [b"", bytes(HEAD.size - 1), HEAD.pack(Kind.RESUME, 0, 0, 0, 0, 0)])
def test_what_no_correct_peer_encloses_is_refused(payload: bytes) -> None:
    with pytest.raises(SessionFault):
        Session(1 << 20).disclose(Message(Kind.SESSION_DATA, payload=payload))


def test_the_bound_is_that_of_a_backlog() -> None:
    session = Session(1000)
    session.keep(message(size=5000))  # an empty lane takes one message of any length
    with pytest.raises(ChannelFull, match="not confirmed"):
        session.keep(message(size=1))
    session.keep(message(lane=2))
    session.confirm([0, 1, 1, *[0] * (LANE_COUNT - 3)])
    assert session.bytes == 0
    session.keep(message(size=700))
    with pytest.raises(ChannelFull):
        session.keep(message(size=100))  # three quarters are the share of one lane
    session.keep(message(lane=2, size=100))


def test_a_confirmation_is_due_by_number_and_by_size() -> None:
    sender, taker = Session(1 << 30), Session(1 << 30)
    taker.bind(1)
    for count in range(1, ACK_EVERY + 1):
        assert not taker.due
        taker.take(1, sender.keep(message(count)))
    assert taker.due and taker.owed and taker.confirmation()[1] == ACK_EVERY and not taker.owed
    taker.take(1, sender.keep(message(size=ACK_BYTES)))
    assert taker.due


def test_uncounted_messages_pass_and_are_not_kept() -> None:
    session = Session(1000)
    session.bind(1)
    assert session.take(1, enclose(message(), 0)) == message() and not session.owed
    assert session.take(2, enclose(message(), 0)) is None


@pytest.mark.parametrize("counts", [[0] * (LANE_COUNT - 1), [0, 3, *[0] * (LANE_COUNT - 2)], [0, 0, *[0] * (LANE_COUNT - 2)]])
def test_counts_that_contradict_the_own_ones_are_a_fault(counts: list[int]) -> None:
    session = Session(1000)
    for corr in (1, 2):
        session.keep(message(corr))
    session.confirm([0, 1, *[0] * (LANE_COUNT - 2)])
    with pytest.raises(SessionFault):
        session.confirm(counts)


@pytest.mark.parametrize("count", [-1, 1 << 63, 1 << 64])
def test_a_count_that_is_none_is_a_fault(count: int) -> None:
    session = Session(LIMIT)
    session.keep(Message(Kind.ECHO, 1))
    with pytest.raises(SessionFault, match="lane 1; 1 were sent, 0 were confirmed"):
        session.confirm([0, count, *([0] * (LANE_COUNT - 2))])


def test_after_many_confirmations_just_the_rest_is_sent_again_in_order() -> None:
    session = Session(1 << 20)
    taken = [0] * LANE_COUNT
    for number in range(1, 301):
        session.keep(Message(Kind.ECHO, number % 2, corr=number, payload=b"x" * number))
        if number % 7 == 0:
            taken[0], taken[1] = number // 2 - number % 3, number // 2 - number % 5
            session.confirm(taken)
    rest = [session.disclose(frame).corr for frame in session.resume(taken)]
    assert rest == [number for number in range(1, 301) if (number + 1) // 2 > taken[number % 2]]
    assert session.bytes == sum(HEAD.size + number for number in rest)


def test_a_gap_is_a_fault_and_a_repetition_is_dropped() -> None:
    sender, taker = Session(1000), Session(1000)
    frames = [sender.keep(message(corr)) for corr in (1, 2, 3)]
    taker.bind(1)
    assert taker.take(1, frames[0]) is not None and taker.take(1, frames[0]) is None and taker.repeated == 1
    with pytest.raises(SessionFault, match="from 1 to 3"):
        taker.take(1, frames[2])
