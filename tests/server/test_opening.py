"""Remote parts when an SES is silent, refuses, drains, forgets, or comes back: the server inside the test, SES played."""

import asyncio

import pytest

from hisee.channel.payloads import Close, CommandResult, Failed, RemoteDown, pack, unpack
from hisee.schema.messages import MessageKind as Kind
from hisee.server import opening
from support.stage import Ses, eventually, stage


def run(body, **options):
    async def played():
        async with stage(**options) as made:
            await body(made)

    asyncio.run(played())


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(opening, "EACH_S", 0.2)


async def hip_of(made):
    return await made.log_on("HIP", "WS1")


async def remote_up(hip, count=1):
    await eventually(lambda: hip.kinds().count(Kind.REMOTE_UP) >= count, "the remote part runs")


@pytest.mark.req("R26")
def test_a_silent_ses_is_asked_once_and_the_next_fewest_starts_it():
    async def body(made):
        frozen, good = await made.ses("A", starts=False), await made.ses("B")
        hip = await hip_of(made)
        await made.open(hip)
        await remote_up(hip)
        assert (frozen.starts(), good.starts()) == (1, 1)
        await eventually(lambda: Kind.SEE_STOP in frozen.kinds(), "a late start of the silent one would be met with SEE_STOP")

    run(body)


@pytest.mark.req("R26")
def test_refusals_go_round_once_in_the_order_of_load_and_then_end():
    async def body(made):
        both = [await made.ses(name) for name in ("A", "B")]
        for ses in both:
            ses.answers[Kind.SEE_START] = lambda message, ses=ses: ses.reply(message, pack(Failed(error=11, text="full")), Kind.FAILED)
        hip = await hip_of(made)
        await made.open(hip)
        await eventually(lambda: Kind.REMOTE_DOWN in hip.kinds(), "the console is told that nobody took it")
        await asyncio.sleep(0.05)
        assert [ses.starts() for ses in both] == [1, 1]
        down = unpack(RemoteDown, next(message.payload for message in hip.got if message.kind == Kind.REMOTE_DOWN))
        assert down.reason == "no SES took the start; A.SES: full; B.SES: full"

    run(body)


@pytest.mark.req("R165")
def test_a_remote_part_that_one_ses_cannot_run_starts_at_another():
    """One computer is upgraded, the other is not yet."""
    async def body(made):
        old, new = await made.ses("A"), await made.ses("B")
        later = Failed(error=11, text="unit format 1.1, this process runs up to 1.0")
        old.answers[Kind.SEE_START] = lambda message: old.reply(message, pack(later), Kind.FAILED)
        hip = await hip_of(made)
        await made.open(hip)
        await remote_up(hip)
        assert (old.starts(), new.starts()) == (1, 1)

    run(body)


@pytest.mark.req("R25")
def test_without_an_ses_the_next_one_that_logs_on_is_asked():
    async def body(made):
        hip = await hip_of(made)
        await made.open(hip)
        await eventually(lambda: Kind.REMOTE_DOWN in hip.kinds(), "no SES is logged on")
        late = await made.ses("LATE")
        await remote_up(hip)
        assert late.starts() == 1

    run(body)


@pytest.mark.req("R33")
def test_a_see_whose_stop_was_lost_is_stopped_by_the_next_comparison():
    async def body(made):
        ses, hip = await made.ses("A"), await hip_of(made)
        opened = await made.open(hip)
        await remote_up(hip)
        (see,) = ses.sees
        await hip.ask(Kind.CLOSE, pack(Close(opened=opened.opened)))  # the SES keeps its SEE: for it the message never came
        await eventually(lambda: Kind.SEE_STOP in ses.kinds(), "the stop was sent")
        ses.got.clear()
        await made.knl.opening.reconcile()
        await eventually(lambda: Kind.SEE_STOP in ses.kinds(), "the orphan is stopped")
        ses.sees.remove(see)
        ses.got.clear()
        await made.knl.opening.reconcile()
        assert Kind.SEE_STOP not in ses.kinds(), "what both know is left alone"

    run(body)


@pytest.mark.req("R33")
def test_a_see_that_its_ses_lost_is_started_again():
    async def body(made):
        ses, hip = await made.ses("A"), await hip_of(made)
        await made.open(hip)
        await remote_up(hip)
        ses.sees.clear()
        await made.knl.opening.reconcile()
        await remote_up(hip, 2)
        assert len(ses.sees) == 1

    run(body)


@pytest.mark.req("R34")
def test_an_ses_that_comes_back_under_its_name_inherits_nothing():
    async def body(made):
        first, hip = await made.ses("A"), await hip_of(made)
        for count in range(1, 4):
            await made.open(hip)
            await remote_up(hip, count)
        assert (await hip.row("A.SES"))["see_count"] == 3
        made.knl.opening.start_remote = lambda opened: None  # nothing is moved for the moment
        first.end()
        await eventually(lambda: not made.knl.core.registry.named("A.SES").running, "its end is known")
        await made.ses("A")
        row = await hip.row("A.SES")
        assert (row["state"], row["see_count"]) == ("Run", 0)
        assert made.knl.opening.load().get(row["number"], 0) == 0, "the choice counts it as empty"
        assert not [r for r in await hip.rows(Kind.PS_GET) if r["kind"] == "SEE"]

    run(body)


@pytest.mark.req("R35")
def test_a_draining_ses_gets_no_start_and_reports_when_it_is_empty():
    async def body(made):
        draining, other = await made.ses("A"), await made.ses("B")
        hip = await hip_of(made)
        play_commands(draining)
        opened = await made.open(hip)
        await remote_up(hip)
        assert (await hip.tell("A.SES", "DRAIN")).result == "ok"
        for count in (2, 3):
            await made.open(hip)
            await remote_up(hip, count)
        assert (draining.starts(), other.starts()) == (1, 2)
        assert (await hip.row("A.SES"))["drain"] == "draining"
        await hip.ask(Kind.CLOSE, pack(Close(opened=opened.opened)))
        draining.send(Kind.DRAINED)
        assert (await hip.row("A.SES"))["drain"] == "drained"
        assert (await hip.tell("A.SES", "RESUME")).result == "ok"
        assert (await hip.row("A.SES"))["drain"] is None
        await made.open(hip)
        await remote_up(hip, 4)
        assert draining.starts() == 2

    run(body)


@pytest.mark.req("R35")
def test_what_waits_for_an_ses_starts_when_one_takes_remote_parts_again():
    async def body(made):
        only, hip = await made.ses("A"), await hip_of(made)
        play_commands(only)
        await hip.tell("A.SES", "DRAIN")
        await made.open(hip)
        await eventually(lambda: Kind.REMOTE_DOWN in hip.kinds(), "nobody takes it")
        await hip.tell("A.SES", "RESUME")
        await remote_up(hip)

    run(body)


@pytest.mark.req("R35")
def test_an_ses_that_could_not_be_told_to_drain_goes_on():
    async def body(made):
        ses, hip = await made.ses("A"), await hip_of(made)
        play_commands(ses, result="error")
        assert (await hip.tell("A.SES", "DRAIN")).result == "error"
        await made.open(hip)
        await remote_up(hip)
        assert ses.starts() == 1

    run(body)


def play_commands(ses: Ses, result: str = "ok") -> None:
    ses.answers[Kind.COMMAND] = lambda message: pack(CommandResult(result=result))
