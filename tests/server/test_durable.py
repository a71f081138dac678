"""Durable starts of events at the server: kept before the script goes on, begun once however often they are asked for. Work processes and
the event handler are played by the test."""

import asyncio
import base64

import pytest

from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import EventTask, Failed, JobNumber, Progress, ServiceResult, TaskIds, TaskPut, pack, unpack
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from support.stage import eventually, stage

from .test_events import Evh, plan, started


def played(body, *plans, **limits):
    async def run():
        async with stage() as made:
            made.knl.scripts._stored = lambda: list(plans)
            made.knl.scripts._limits = {**made.knl.scripts._limits, **limits}
            await body(made, await made.log_on("EVH", "SRV1", Evh))

    asyncio.run(run())


def asked(worker, task, run=0, names=(), given=b""):
    """The work process asks for the run of a task."""
    payload = pack(EventTask(task=task, run=run, event="E.Square", names=list(names), given=given))
    return asyncio.create_task(worker.requests.ask(Message(kind=Kind.EVENT_TASK, lane=Lane.SCRIPT, source=worker.number, target=1,
                                                           payload=payload), 5))


def result(answer):
    return unpack(ServiceResult, answer.payload)


async def put(caller, number, *values):
    return await caller.requests.ask(Message(kind=Kind.EVENT_PUT, lane=Lane.SCRIPT, source=caller.number, target=1, object=number,
                                             payload=encode([2, "_n", "<", *values])), 5)


def test_a_start_is_answered_once_it_is_kept_and_carries_what_it_needs():
    async def body(made, evh):
        worker, caller = await made.log_on("WP"), await made.log_on("TEL")
        worker.answers[Kind.TASK_PUT] = lambda message: pack(TaskIds(ids=[1]))
        await put(caller, 100, 7)
        (row,) = unpack(TaskPut, worker.got[-1].payload).rows
        assert (row["func"], row["priority"]) == ("event.E.Square", 50) and row["once"].startswith("once:")
        task = asked(worker, 1, names=row["args"]["names"], given=base64.b64decode(row["args"]["given"]))
        await started(evh, 1)
        assert (evh.runs[0].names, decode(evh.runs[0].given)) == (["_n"], [7])
        evh.finish(evh.runs[0])
        assert result(await task).ok

    played(body, plan("E.Square", 100))


@pytest.mark.parametrize(("number", "error"), [(101, Err.ERR_NOT_SUPPORTED), (999, Err.ERR_OBJECT_NOT_FOUND)])
def test_what_cannot_be_started_is_refused_before_it_is_kept(number, error):
    async def body(made, evh):
        worker, caller = await made.log_on("WP"), await made.log_on("TEL")
        with pytest.raises(Exception, match="event") as failed:
            await put(caller, number, 7)
        assert failed.value.error == error and Kind.TASK_PUT not in worker.kinds()

    played(body, plan("E.Square", 100), plan("E.Server", 101, "server"))


def test_without_a_work_process_the_script_is_told():
    async def body(made, evh):
        caller = await made.log_on("TEL")
        with pytest.raises(Exception, match="work process") as failed:
            await put(caller, 100, 7)
        assert failed.value.error == Err.ERR_TRANS_ABORT

    played(body, plan("E.Square", 100))


def test_a_put_whose_work_process_dies_is_made_again_with_the_same_key():
    async def body(made, evh):
        first, second, caller = await made.log_on("WP"), await made.log_on("WP"), await made.log_on("TEL")
        waits = asyncio.create_task(put(caller, 100, 7))
        await eventually(lambda: Kind.TASK_PUT in first.kinds() + second.kinds(), "it is put")
        had, other = (first, second) if Kind.TASK_PUT in first.kinds() else (second, first)
        other.answers[Kind.TASK_PUT] = lambda message: pack(TaskIds(ids=[1]))
        had.channel.close("dies")
        await waits
        keys = {unpack(TaskPut, m.payload).rows[0]["once"] for w in (had, other) for m in w.got if m.kind == Kind.TASK_PUT}
        assert len(keys) == 1

    played(body, plan("E.Square", 100))


def test_who_asks_for_a_run_that_is_under_way_gets_its_end_and_no_second_run():
    async def body(made, evh):
        first, second = await made.log_on("WP"), await made.log_on("WP")
        asked(first, 5).add_done_callback(lambda task: task.cancelled() or task.exception())
        await started(evh, 1)
        await eventually(lambda: Kind.SERVICE_PROGRESS in first.kinds(), "it has begun")
        first.channel.close("dies")
        again = asked(second, 5)
        await eventually(lambda: Kind.SERVICE_PROGRESS in second.kinds(), "the second one knows that it runs")
        assert unpack(Progress, second.got[-1].payload).task == 5
        evh.finish(evh.runs[0])
        assert result(await again).ok and len(evh.runs) == 1
        assert result(await asked(second, 5)).ok and len(evh.runs) == 1, "an end is remembered"
        asked(second, 5, run=1)
        await started(evh, 2)

    played(body, plan("E.Square", 100))


def test_the_end_of_the_event_handler_is_told_with_its_reason():
    async def body(made, evh):
        worker = await made.log_on("WP")
        running, waiting = asked(worker, 1), asked(worker, 2)
        await started(evh, 1)
        evh.channel.close("dies")
        for task in (running, waiting):
            with pytest.raises(Exception, match="ended") as failed:
                await task
            assert failed.value.extended == Ext.PROCESS_RESTARTED
        with pytest.raises(Exception, match="does not run") as failed:
            await asked(worker, 1)
        assert failed.value.extended == Ext.PROCESS_NOT_RUNNING

    played(body, plan("E.Square", 100), event_runs=1)


def test_a_refusal_of_the_event_handler_and_an_unknown_event_are_ends_for_good():
    async def body(made, evh):
        worker = await made.log_on("WP")
        refusal = pack(Failed(error=Err.ERR_LOCAL_VAR_NFOUND, text="it has no PUBLIC variable _n"))
        evh.answers[Kind.EVENT_RUN] = lambda message: evh.reply(message, refusal, Kind.FAILED)
        refused = result(await asked(worker, 1))
        assert not refused.ok and refused.final and "PUBLIC" in refused.text
        made.knl.scripts._stored, made.knl.scripts.plans = (lambda: []), {}
        unknown = result(await asked(worker, 2))
        assert not unknown.ok and unknown.final and "E.Square" in unknown.text

    played(body, plan("E.Square", 100))


def test_a_run_that_a_limit_ended_is_not_begun_again():
    async def body(made, evh):
        worker = await made.log_on("WP")
        task = asked(worker, 1)
        await started(evh, 1)
        evh.finish(evh.runs[0], failed=True)
        ended = result(await task)
        assert not ended.ok and ended.final

    played(body, plan("E.Square", 100))


@pytest.mark.req("R80")
def test_a_server_that_is_hot_no_more_says_so_for_what_runs_and_what_waits():
    async def body(made, evh):
        worker = await made.log_on("WP")
        tasks = [asked(worker, 1), asked(worker, 2)]
        await started(evh, 1)
        made.knl.scripts.end()
        for task in [*tasks, asked(worker, 3)]:
            with pytest.raises(Exception, match="hot") as failed:
                await task
            assert failed.value.extended == Ext.STANDBY

    played(body, plan("E.Square", 100), event_runs=1)


def test_a_cancelled_task_is_stopped_and_what_waits_does_not_begin():
    async def body(made, evh):
        worker = await made.log_on("WP")
        for task in (1, 2):
            asked(worker, task).add_done_callback(lambda task: task.cancelled() or task.exception())
        await started(evh, 1)
        for task in (2, 1):
            worker.send(Kind.EVENT_TASK_STOP, pack(JobNumber(job=task)), lane=Lane.SCRIPT)
        await eventually(lambda: Kind.EVENT_STOP in evh.kinds(), "the run is ended")
        await asyncio.sleep(0.02)
        assert len(evh.runs) == 1 and not made.knl.scripts.runs

    played(body, plan("E.Square", 100), event_runs=1)
