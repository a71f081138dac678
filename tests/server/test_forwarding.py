"""Messages between scripts with and without the data plane: the same traces, the same ends, the same figures."""

import asyncio
import random
import socket
from collections import Counter

import pytest

from hisee.channel import Message
from hisee.channel.errors import CarrierFixed
from hisee.channel.payloads import Failed, unpack
from hisee.channel.plane import Plane, PlaneCarrier
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import BY_NUMBER as MESSAGES
from hisee.schema.messages import MessageKind as Kind
from hisee.server.forwarding import PASSING
from hisee.server.registry import KNL_NUMBER, State
from support.stage import eventually, stage

PORTS = 256  # of the plane: ESL_ROUTER_PORTS
BOTH = pytest.mark.parametrize("plane", [False, True], ids=["python", "plane"])


class Cast:
    """A console with its HIS host, an SES, and a picture with both parts."""

    def __init__(self, made):
        self.made = made

    async def begin(self):
        made = self.made
        self.hip = await made.log_on("HIP", "WS1")
        self.host = await made.log_on("HISHOST", "WS1", hip=self.hip.number)
        self.ses = await made.ses("S1")
        self.his = (await made.open(self.hip)).opened
        await eventually(lambda: self.ses.sees, "the remote part runs")
        self.see = self.ses.sees[0]
        await eventually(lambda: Kind.REMOTE_UP in self.host.kinds(), "and the host knows")
        for actor in self.everybody:
            actor.got.clear()
        return self

    @property
    def everybody(self):
        return self.hip, self.host, self.ses

    def say(self, actor, source, target, kind=Kind.CALL, lane=Lane.SCRIPT, corr=0, payload=b"", asks=False):
        actor.channel.send(Message(kind, lane, source, target, 0, corr, payload, asks))

    def call(self, corr, payload=b""):
        self.say(self.host, self.his, self.see, corr=corr, payload=payload, asks=True)

    def trace(self):
        """What everybody got, with names instead of numbers that are drawn."""
        names = {self.his: "HIS", self.see: "SEE", self.hip.number: "HIP", KNL_NUMBER: "KNL"}
        return [[(Kind(m.kind).name, m.lane, names.get(m.source), names.get(m.target), m.object, m.corr, m.wants_answer,
                  m.payload if m.kind != Kind.FAILED else unpack(Failed, m.payload).error) for m in actor.got]
                for actor in self.everybody]


def played(body, **options):
    async def run():
        async with stage(rings=True, **options) as made:
            return await body(await Cast(made).begin())

    return asyncio.run(run())


def ends(actor):
    """corr -> how it ended; fails where one ended twice."""
    found = [m for m in actor.got if m.kind in (Kind.REPLY, Kind.FAILED)]
    assert max(Counter(m.corr for m in found).values(), default=1) == 1, "a request ended twice"
    failed = {m.corr: unpack(Failed, m.payload) for m in found if m.kind == Kind.FAILED}
    return {m.corr: (failed[m.corr].error, failed[m.corr].extended) if m.corr in failed else (0, 0) for m in found}


def test_what_passes_is_known_to_every_release_and_needs_no_right():
    assert all(MESSAGES[kind].since == 0 and MESSAGES[kind].sender not in ("KNL", "WP") for kind in PASSING)


@pytest.mark.req("R48")
def test_a_conversation_leaves_the_same_trace_either_way():
    async def conversation(cast):
        cast.call(1, b"forth")
        await eventually(lambda: len(cast.ses.got) == 1, "the call arrives")
        cast.say(cast.ses, cast.see, cast.his, corr=2, asks=True)  # a circle
        await eventually(lambda: len(cast.ses.got) == 2, "it is refused")
        cast.say(cast.ses, cast.see, cast.his, Kind.PVAR_WRITE, payload=b"written")
        cast.say(cast.ses, cast.see, cast.his, Kind.REPLY, corr=1, payload=b"back")
        cast.say(cast.ses, cast.see, cast.hip.number, Kind.VISUAL, Lane.VISUAL, 3, b"what?", asks=True)
        await eventually(lambda: len(cast.hip.got) == 1 and len(cast.host.got) == 2, "all of that arrives")
        cast.say(cast.hip, cast.hip.number, cast.see, Kind.REPLY, Lane.VISUAL, 3, b"that")
        cast.say(cast.host, cast.his, 99, corr=4, asks=True)  # nobody
        cast.say(cast.host, cast.see, cast.his, corr=5, asks=True)  # in somebody else's name
        cast.say(cast.host, cast.his, cast.see, Kind.REPLY, corr=77)  # an answer to nothing, as late ones are
        cast.call(6, bytes(300_000))
        await eventually(lambda: len(cast.ses.got) == 5 and len(cast.host.got) == 3, "the rest arrives")
        rows = await cast.host.rows(Kind.ROUTES_GET)
        routes = sorted((r["lane"], r["sent"], r["received"], r["bytes"]) for r in rows if r["type"] == "route")
        ps = {row["kind"]: (row["sent"], row["received"]) for row in await cast.host.rows(Kind.PS_GET) if row["kind"] in ("HIS", "SEE")}
        return cast.trace(), routes, ps

    python, plane = (played(conversation, plane=on) for on in (False, True))
    assert plane == python


@BOTH
@pytest.mark.req("R146")
@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "dies"])
def test_of_a_thousand_requests_to_one_that_ends_each_ends_once(plane, leaves):
    async def body(cast):
        for corr in range(1, 1001):
            cast.call(corr)
            if corr % 4 == 0:
                cast.say(cast.host, cast.his, cast.see, Kind.VISUAL, Lane.VISUAL, 10_000 + corr, asks=True)
        await eventually(lambda: len(cast.ses.got) == 1250, "all of them arrive")
        for message in cast.ses.got[:400]:
            cast.ses.reply(message)
        answered = {message.corr for message in cast.ses.got[:400]}
        if leaves:
            cast.ses.end()
        else:
            await eventually(lambda: not cast.ses.channel.backlog_bytes, "the answers are out")
            cast.ses.channel.abandon()
        await eventually(lambda: len(ends(cast.host)) == 1250, "each has ended")
        for corr, end in ends(cast.host).items():
            lost = (Err.ERR_EVENT_CLOSED, 0) if corr < 10_000 else (Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED)
            assert end == ((0, 0) if corr in answered else lost), corr
        assert not len(cast.made.knl.router.book)

    played(body, plane=plane)


@BOTH
def test_messages_that_pass_and_such_that_do_not_keep_their_order(plane):
    async def body(cast):
        dice = random.Random(5)
        for corr in range(1, 3001):
            kind = Kind.CALL if dice.random() < 0.7 else Kind.ECHO  # which comes up
            cast.say(cast.host, cast.his, cast.see, kind, corr=corr, payload=bytes(dice.choice((0, 10, 3000))))
            if corr % 500 == 0:
                cast.say(cast.host, cast.his, cast.see, corr=corr, payload=bytes(200_000))
            if dice.random() < 0.05:
                await asyncio.sleep(0)
        await eventually(lambda: len(cast.ses.got) == 3006, "everything arrives")
        assert [m.corr for m in cast.ses.got] == sorted(m.corr for m in cast.ses.got)
        if plane:
            assert cast.made.knl.router.book.passed(), "some of it passed"

    played(body, plane=plane)


@BOTH
@pytest.mark.req("R49")
def test_one_that_takes_nothing_delays_nobody(plane):
    """And what its backlog refuses is failed."""
    async def body(cast):
        other = await cast.made.log_on("HIP", "WS2")
        host = await cast.made.log_on("HISHOST", "WS2", hip=other.number)
        opened = await cast.made.open(other)
        await eventually(lambda: len(cast.ses.sees) == 2, "a second picture")
        cast.hip.channel.hold(True)
        for corr in range(1, 201):
            cast.say(cast.ses, cast.see, cast.hip.number, Kind.VISUAL, Lane.VISUAL, corr, bytes(60_000), asks=True)
            if corr % 20 == 0:
                cast.say(host, opened.opened, cast.ses.sees[1], corr=1000 + corr, asks=True)
                await eventually(lambda corr=corr: any(m.corr == 1000 + corr for m in cast.ses.got), "a CALL of somebody else")
        cast.hip.channel.hold(False)
        await eventually(lambda: len(cast.hip.got) + len(ends(cast.ses)) >= 200, "each request arrives or is failed", 30)
        refused = ends(cast.ses)
        assert set(refused.values()) <= {(Err.ERR_TRANS_ABORT, 10)} and len(cast.hip.got) + len(refused) == 200
        assert [m.corr for m in cast.hip.got] == sorted(m.corr for m in cast.hip.got)

    played(body, plane=plane)


@BOTH
def test_a_damaged_ring_ends_its_process_and_no_other(plane):
    async def body(cast):
        cast.call(1)
        await eventually(lambda: len(cast.ses.got) == 1, "it arrives")
        cast.ses.channel._lanes.count_sent(Lane.SCRIPT)  # the numbers of a lane have a hole
        cast.ses.reply(cast.ses.got[0])
        await eventually(lambda: ends(cast.host) == {1: (Err.ERR_EVENT_CLOSED, 0)}, "its callers are told")
        assert cast.made.knl.core.registry.named("S1.SES").state is State.CRASH
        assert (await cast.hip.row("WS1.HIP"))["state"] == "Run"

    played(body, plane=plane)


def test_a_quiet_link_lives_and_a_silent_one_ends():
    async def body(cast):
        knl = cast.made.knl
        link = knl.core.registry.get(cast.ses.number).link
        assert isinstance(link.channel.ring, PlaneCarrier) and link.carrier == "ring"
        before = link.channel._heard_ns
        await eventually(lambda: link.channel._heard_ns > before, "a heartbeat was heard, though it wakes nobody")
        link.channel._heard_ns -= 3600 * 10**9  # nothing for an hour
        link.channel._heard = link.channel._calm = False
        cast.ses.channel._end = "says nothing any more"
        cast.ses.channel._timer.cancel()
        link.channel._tick()
        link.channel._turn()
        await eventually(lambda: knl.core.registry.named("S1.SES").state is State.WDERR, "it is taken for silent")

    played(body, plane=True)


def test_a_link_of_the_plane_has_no_other_carrier_and_an_end_that_needs_one_is_lost():
    async def body(cast):
        link = cast.made.knl.core.registry.get(cast.ses.number).link
        with pytest.raises(CarrierFixed, match="its rings are in the data plane: start the server without --plane"):
            link.channel.switch(rings=False)
        cast.ses.channel._local._give_up("a record is damaged")
        await eventually(lambda: cast.made.knl.core.registry.named("S1.SES").state is State.CRASH, "it says LOST on its socket")

    played(body, plane=True)


def test_a_link_beyond_the_ports_of_the_plane_goes_the_old_way():
    async def body(cast):
        knl = cast.made.knl
        pairs = [socket.socketpair() for _ in range(PORTS - len(cast.everybody))]
        for number, (near, _) in enumerate(pairs):
            knl.forwarding._plane.router.add_stream(near.fileno(), 1 + number, 1)
        last = await cast.made.log_on("HIP", "WS2")
        await eventually(lambda: knl.core.registry.get(last.number).link, "the server has the new link")
        assert Plane.port_of(knl.core.registry.get(last.number).link.channel) < 0
        cast.say(cast.ses, cast.see, last.number, Kind.VISUAL, Lane.VISUAL, 1, b"hello", asks=True)
        await eventually(lambda: last.got, "it is reached all the same")
        last.reply(last.got[0])
        await eventually(lambda: ends(cast.ses) == {1: (0, 0)}, "and answers")
        knl.close()
        for pair in pairs:
            for end in pair:
                end.close()

    played(body, plane=True)


def test_a_link_that_has_ended_touches_nothing_of_the_next_one_at_its_port():
    async def body(cast):
        knl = cast.made.knl
        old = knl.core.registry.get(cast.ses.number).link.channel.ring
        cast.ses.channel.abandon()
        await eventually(lambda: old.over, "the port has ended")
        again = await cast.made.log_on("SES", "S2")
        await eventually(lambda: knl.core.registry.get(again.number).link, "the server has the new link")
        assert knl.core.registry.get(again.number).link.channel.ring.port == old.port
        assert old.push(1, Kind.CALL, Lane.SCRIPT, 3, 1, cast.ses.number, 0, 0, 5, b"")
        old._taken[Lane.SCRIPT], old._unsettled = 7, True
        assert not old.arm()
        await again.ask(Kind.PS_GET)
        assert Kind.CALL not in again.kinds()
        again.send(Kind.ECHO, target=cast.hip.number, lane=Lane.SCRIPT)
        await eventually(lambda: Kind.ECHO in cast.hip.kinds(), "what it sends arrives")

    played(body, plane=True)


@BOTH
def test_the_server_ends_and_everybody_is_told(plane):
    async def body(cast):
        for corr in range(1, 101):
            cast.call(corr, bytes(5000))
        await eventually(lambda: len(cast.ses.got) == 100, "they arrive")
        cast.made.knl.close()
        await eventually(lambda: all(actor.channel.ended for actor in cast.everybody), "everybody knows")
        return [actor.channel.ended for actor in cast.everybody]

    assert played(body, plane=plane) == ["goodbye: the server ends"] * 3
