"""A click on an open picture is carried out or visibly refused: whatever comes for a local part before it runs waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from esl.directory import picture
from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import RemoteDown, RemoteUp, SeeStop, pack
from hisee.console.opened import Part
from hisee.esl import compile_source
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script import arrivals
from hisee.script.arrivals import Arrivals

from .parts import Stage
from .test_moving import SOURCE, Hosting


def run(monkeypatch: pytest.MonkeyPatch, body: Callable[[Hosting], Awaitable[None]]) -> None:
    async def played() -> None:
        await body(Hosting(monkeypatch))

    asyncio.run(played())


async def without_its_unit(made: Hosting) -> Message:
    """Order the start of number 100, whose unit the host has to ask for; the question."""
    made.start(100)
    made.host.engine._units.clear()
    await made.until(lambda: made.first.of(Kind.UNIT_GET), "it asks for the unit")
    return made.first.of(Kind.UNIT_GET)[0]


def give_unit(made: Hosting, asked: Message) -> None:
    unit = compile_source(SOURCE, name="S.Test", context=picture(), part=1).unit
    made.first.channel.send(Message(kind=Kind.REPLY, source=1, target=asked.source, corr=asked.corr, payload=unit))


def answer(made: Hosting, order: int) -> Message | None:
    """What the console was answered to its order of this number."""
    return next((m for m in made.told if m.corr == order and m.kind in (Kind.REPLY, Kind.FAILED)), None)


@pytest.mark.req("R53")
def test_a_click_before_the_local_part_has_its_unit_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(made: Hosting) -> None:
        asked = await without_its_unit(made)
        made.click(100)
        made.up(made.first, 100, 200)
        give_unit(made, asked)
        await made.until(lambda: made.first.of(Kind.CALL), "the click is carried out")
        assert made.first.logged() == ["begins"], "behind the init part"
        assert made.first.of(Kind.CALL)[0].target == 200

    run(monkeypatch, body)


@pytest.mark.req("R78")
def test_a_click_right_behind_the_move_to_another_server_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(made: Hosting) -> None:
        made.start(100)
        await made.until(lambda: made.first.logged() == ["begins"], "it begins")
        made.start(300, moves=100)
        made.click(300)
        made.up(made.first, 300, 400)
        await made.until(lambda: made.first.of(Kind.CALL), "the click is carried out")
        assert made.first.of(Kind.CALL)[0].source == 300

    run(monkeypatch, body)


def test_a_remote_part_that_is_there_first_can_call_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its init part may be quicker than the console."""
    async def body(made: Hosting) -> None:
        made.up(made.first, 100, 200)
        made.first.channel.send(Message(kind=Kind.CALL, lane=Lane.SCRIPT, source=200, target=100, corr=7, wants_answer=True,
                                        payload=encode([0, "Here", "<", 5])))
        await made.until(lambda: 100 in made.host._arrivals._held, "the CALL is there")
        made.start(100)
        await made.until(lambda: any(m.corr == 7 for m in made.first.of(Kind.REPLY)), "it is answered")
        assert made.first.logged() == ["begins", "here 5"]
        assert decode(next(m for m in made.first.of(Kind.REPLY) if m.corr == 7).payload)[0] == 0

    run(monkeypatch, body)


def test_what_is_closed_before_it_began_does_not_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(made: Hosting) -> None:
        asked = await without_its_unit(made)
        made.click(100)
        made.hip.send(Message(kind=Kind.HIS_STOP, source=1, target=100, payload=pack(SeeStop(number=100, reason="closed"))))
        await made.until(made.first.logged, "the click is told")
        assert made.first.logged() == ["BtnGo_OnClick is not delivered: the object is closed"]
        give_unit(made, asked)
        await made.until(lambda: answer(made, 1), "the order to start is answered")
        assert answer(made, 1).kind == Kind.FAILED and not made.host.engine.instances

    run(monkeypatch, body)


def test_a_unit_that_cannot_be_had_refuses_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(made: Hosting) -> None:
        asked = await without_its_unit(made)
        made.click(100)
        made.first.channel.send(Message(kind=Kind.REPLY, source=1, target=asked.source, corr=asked.corr, payload=b"no unit"))
        await made.until(lambda: answer(made, 1), "the order to start is answered")
        await made.until(made.first.logged, "the click is told")
        assert made.first.logged()[0].startswith("BtnGo_OnClick is not delivered: unit ")

    run(monkeypatch, body)


@pytest.mark.req("R137")
def test_clicks_beyond_the_queue_are_told_at_each_doubling(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remote part does not answer, so nothing leaves the queue."""
    async def body(made: Hosting) -> None:
        made.start(100)
        made.up(made.first, 100, 200)
        made.click(100)
        await made.until(lambda: made.first.of(Kind.CALL), "it waits for its remote part")
        most = made.host.limits["instance_queue"]
        for _ in range(most + 5):
            made.click(100)
        his = made.host.engine.instances[100]
        await made.until(lambda: his.dropped == 5, "five find no place")
        assert len(his.queue) == most
        text = f"BtnGo_OnClick is not delivered: {his.name}: the queue is full"
        told = ["begins", text, f"{text}; 2 dropped so far", f"{text}; 4 dropped so far"]
        await made.until(lambda: made.first.logged() == told, "the event log tells")

    run(monkeypatch, body)


@pytest.mark.req("R137")
def test_a_click_for_a_script_that_has_ended_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(made: Hosting) -> None:
        made.click(100)
        await made.until(made.first.logged, "it is told")
        assert made.first.logged() == ["BtnGo_OnClick is not delivered: process number 100 has ended"]

    run(monkeypatch, body)


@pytest.mark.req("R137")
def test_a_console_tells_of_a_click_that_its_local_part_cannot_have() -> None:
    async def body() -> None:
        stage = Stage()
        opened = await stage.open()
        opened.local, opened.remote = Part.DOWN, Part.UP
        stage.console.click(opened.number, "BtnGo")
        assert opened.dropped == 1 and not stage.local.of(Kind.PICTURE_EVENT)
        opened.local, stage.local.send = Part.UP, lambda message: False  # type: ignore[method-assign]
        stage.console.click(opened.number, "BtnGo")
        lines = [m.payload for m in stage.server.of(Kind.LOG_WRITE)]
        assert opened.dropped == 2 and b"not delivered to the local part" in lines[-1]

    asyncio.run(body())


def test_news_and_messages_of_what_never_begins_do_not_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MOST_NEWS", 3)
    waiting = Arrivals(most=2)
    event, call = (Message(kind=kind, target=1) for kind in (Kind.PICTURE_EVENT, Kind.CALL))
    waiting.expect(1)
    assert [waiting.takes(event), waiting.takes(call), waiting.takes(event)] == [True, True, False], "no more than two wait"
    waiting.cut_off()
    assert waiting.begin(1) == (None, [event]), "what the former server sent is void"
    waiting.told(2, RemoteUp(opened=2, see=9, name="x"))
    assert waiting.takes(Message(kind=Kind.CALL, target=2))
    for number in (3, 4, 5):
        waiting.told(number, RemoteDown(opened=number, reason="", starting=True))
    assert waiting.begin(2) == (None, []) and waiting.begin(5)[0] is not None
    assert not waiting.takes(Message(kind=Kind.CALL, target=6))
