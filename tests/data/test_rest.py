"""Beside an event loop: a turn waits for the answer by a direct route, as long as the loop has nothing else to do."""

from __future__ import annotations

import asyncio
import os

import pytest

from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import pack_data, unpack_data_reply
from hisee.load import MeteredLoop
from hisee.schema.actions import ActionId as Do
from hisee.schema.messages import MessageKind as Kind
from support.data_system import NONE, System

SLOW = "Id IN (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000) SELECT n FROM c WHERE n < 0)"
pytestmark = [pytest.mark.slow, pytest.mark.req("R45")]


class Turn:
    """What a turn of scripts does with the way, one after the other."""

    def __init__(self, system):
        self.system, self.way, self.loop = system, system.way, asyncio.get_running_loop()
        self.corr = 1 << 40

    def ask(self, where=NONE):
        self.corr += 1
        payload = pack_data(Do.DBS_READ, encode([1, self.system.table, 9, where, 0]))
        number = self.system.channel.welcome.number
        self.way.send(Message(Kind.DATA, 3, number, object=self.system.table.object, corr=self.corr, payload=payload, wants_answer=True))

    def __enter__(self):
        self.way.open_turn()
        return self

    def __exit__(self, *fault):
        self.way.close_turn()

    def rest(self, limit_ns=-1):
        return self.way.rest(self.loop, limit_ns)

    @property
    def answer(self):
        """To the newest request; None: not yet."""
        ends = [m for m in self.system.answers if m.corr == self.corr and m.kind in (Kind.REPLY, Kind.FAILED)]
        assert len(ends) < 2
        return ends[0] if ends else None

    @property
    def rows(self):
        """In the answer; None: there is none yet."""
        return self.answer and decode(unpack_data_reply(self.answer.payload)[1])[0].rows


@pytest.fixture
def in_turn(tmp_path):
    def run_on(body):
        async def run():
            system = System(tmp_path, direct=True)
            try:
                await system.start()
                await system.ready()
                await body(Turn(system))
            finally:
                await system.end()

        with asyncio.Runner(loop_factory=MeteredLoop) as runner:
            runner.run(run())

    return run_on


def test_the_answer_comes_within_the_turn(in_turn):
    """Unless the server, which runs on the same loop here, has something to do: then the loop brings it."""

    async def body(turn):
        within = 0
        for _ in range(200):
            with turn:
                turn.ask()
                if turn.rest():
                    within += 1
                    assert turn.rows == 2
                    assert not turn.rest(), "nothing else is due"
            await turn.system.until(lambda: turn.rows == 2, "the answer on the loop")
        assert within > 20
        assert not any(end.open for end in turn.way._ends.values())

    in_turn(body)


def test_what_comes_after_the_turn_comes_as_ever(in_turn):
    async def body(turn):
        with turn:
            turn.ask()
        await turn.system.until(lambda: turn.rows == 2, "the answer on the loop")

    in_turn(body)


def test_who_is_ready_in_the_loop_does_not_wait(in_turn):
    async def body(turn):
        with turn:
            turn.ask(SLOW)
            turn.loop.call_soon(lambda: None)
            assert not turn.rest()
        await turn.system.until(lambda: turn.answer, "the answer on the loop")

    in_turn(body)


def test_another_descriptor_ends_the_wait(in_turn):
    async def body(turn):
        reading, writing = os.pipe()
        heard = asyncio.Event()
        turn.loop.add_reader(reading, lambda: (os.read(reading, 1), heard.set()))
        with turn:
            turn.ask(SLOW)
            os.write(writing, b"x")
            assert not turn.rest() and turn.answer is None
            assert not turn.rest(), "and the turn with it"
        await heard.wait()
        await turn.system.until(lambda: turn.answer, "the answer on the loop")
        turn.loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)

    in_turn(body)


def test_a_timer_of_the_loop_ends_the_wait(in_turn):
    async def body(turn):
        over = asyncio.Event()
        with turn:
            turn.ask(SLOW)
            turn.loop.call_later(0.002, over.set)
            assert not turn.rest() and turn.answer is None
        await over.wait()
        await turn.system.until(lambda: turn.answer, "the answer on the loop")

    in_turn(body)


def test_a_sleeper_of_the_turn_ends_the_wait(in_turn):
    async def body(turn):
        with turn:
            turn.ask(SLOW)
            assert not turn.rest(0) and not turn.rest(1_000_000)
        await turn.system.until(lambda: turn.answer, "the answer on the loop")

    in_turn(body)


def test_many_answers_come_in_order_each_once(in_turn):
    async def body(turn):
        with turn:
            for _ in range(40):
                turn.ask()
            while turn.rest():
                pass
        await turn.system.until(lambda: turn.answer, "the rest on the loop")
        assert [a.corr for a in turn.system.answers if a.corr > turn.corr - 40] == list(range(turn.corr - 39, turn.corr + 1))

    in_turn(body)


def test_the_other_end_dies_while_a_turn_waits(in_turn):
    async def body(turn):
        with turn:
            turn.ask(SLOW)
            turn.system.dbm.kill()
            while turn.rest():
                pass
        await turn.system.until(lambda: turn.answer, "the request has an end")
        assert turn.answer.kind == Kind.FAILED

    in_turn(body)


def test_time_asleep_is_no_load(in_turn):
    async def body(turn):
        spent = turn.loop.time_spent
        before, began = spent.busy_ns, turn.loop.time()
        turn.ask(SLOW)
        while turn.answer is None:
            with turn:
                turn.rest()
            await asyncio.sleep(0)
        assert spent.busy_ns - before < (turn.loop.time() - began) * 1e9 / 2

    in_turn(body)
