"""Requests without a target find a work process; every open request ends with the process that had it; orders need a right."""

import asyncio

import pytest

from hisee.channel.payloads import Job, JobReport, SchedulePut, TaskNumber, TaskPut, pack
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from support.stage import eventually, stage

PUT = pack(TaskPut(rows=[{"func": "tasks.Count"}]))


def run(body, **options):
    async def played():
        async with stage(**options) as made:
            await body(made)

    asyncio.run(played())


def dialog(client, kind=Kind.TASK_PUT, payload=PUT):
    return asyncio.get_running_loop().create_task(client.ask(kind, payload, target=0, lane=Lane.DIALOG))


async def got(actor, count, kind=Kind.TASK_PUT):
    await eventually(lambda: actor.kinds().count(kind) == count, f"{actor.name} has {count} requests")


@pytest.mark.req("R112")
def test_dialog_goes_to_the_dialog_work_process_with_the_fewest_open_requests():
    async def body(made):
        plain = await made.log_on("WP", "WP001")
        one, two = [await made.log_on("WP", name, mode="DWP") for name in ("WP002", "WP003")]
        client = await made.log_on("TEL")
        asked = [dialog(client) for _ in range(3)]
        await got(one, 2)
        await got(two, 1)
        for message in list(one.got):
            one.reply(message)
        await eventually(lambda: sum(task.done() for task in asked) == 2, "two are answered")
        asked.append(dialog(client))
        await got(one, 3)
        assert not plain.got, "a plain one is for work"
        two.reply(two.got[0])
        one.reply(one.got[2])
        await asyncio.gather(*asked)

    run(body)


@pytest.mark.req("R145")
def test_without_a_dialog_work_process_plain_ones_take_turns():
    async def body(made):
        workers = [await made.log_on("WP", f"WP00{n}") for n in (1, 2, 3)]
        client = await made.log_on("TEL")
        for worker in workers:
            worker.answers[Kind.TASK_PUT] = lambda message: b""
        for _ in range(6):
            await dialog(client)
        assert [len(worker.got) for worker in workers] == [2, 2, 2]

    run(body)


def test_with_no_work_process_the_failure_names_the_lane():
    async def body(made):
        client = await made.log_on("TEL")
        for lane, name in ((Lane.DIALOG, "dialog"), (Lane.DURABLE_GENERAL, "durable.general")):
            failed = await client.refused(Kind.TASK_PUT, PUT, target=0, lane=lane)
            assert (failed.error, failed.extended) == (Err.ERR_TRANS_ABORT, Ext.PROCESS_NOT_RUNNING) and name in failed.text

    run(body)


@pytest.mark.req("R141")
def test_reports_of_agents_go_to_any_plain_work_process():
    async def body(made):
        dwp, first, second = [await made.log_on("WP", f"WP00{n}", **({"mode": "DWP"} if n == 1 else {})) for n in (1, 2, 3)]
        agent = await made.log_on("AGENT", "AG1")
        for worker in (dwp, first, second):
            worker.answers[Kind.JOB_REPORT] = lambda message: b""
        report = pack(JobReport(job=7, number=1, what="started"))
        for _ in range(4):
            await agent.ask(Kind.JOB_REPORT, report, target=0, lane=Lane.DURABLE_GENERAL)
        assert [len(worker.got) for worker in (dwp, first, second)] == [0, 2, 2]

    run(body)


@pytest.mark.req("R146")
def test_an_open_request_ends_with_the_process_that_has_it():
    async def body(made):
        worker = await made.log_on("WP", "WP001")
        agent, client = await made.log_on("AGENT", "AG1"), await made.log_on("TEL")
        job = worker.ask(Kind.JOB_START, pack(Job(job=1, program="p")), target=agent.number, lane=Lane.JAVA)
        asked = [dialog(client), asyncio.create_task(job)]
        await got(worker, 1)
        await got(agent, 1, Kind.JOB_START)
        agent.end()
        await eventually(asked[1].done, "the order to the agent ends")
        assert not asked[0].done()
        worker.end()
        await eventually(asked[0].done, "the dialog request ends")
        assert asked[0].exception().extended == Ext.PROCESS_RESTARTED and "WP001 ended" in asked[0].exception().text
        assert asked[1].exception().error == Err.ERR_TRANS_ABORT
        assert not len(made.knl.router.book)

    run(body)


def test_a_caller_that_goes_leaves_no_open_request_behind():
    async def body(made):
        worker, client = await made.log_on("WP", "WP001"), await made.log_on("TEL")
        asked = dialog(client)
        await got(worker, 1)
        client.end()
        asked.cancel()
        await eventually(lambda: not len(made.knl.router.book), "nothing is open")
        worker.reply(worker.got[0])  # too late: nobody minds

    run(body)


@pytest.mark.parametrize(("grants", "may"), [
    (("*",), {"put", "cancel", "schedule"}), (("task",), {"put", "cancel"}), (("task:tasks.Count",), {"put"}), (("task:tasks.X",), set()),
    (("schedule",), {"schedule"}), ((), set())])
def test_work_is_ordered_only_with_the_right(grants, may):
    orders = {"put": (Kind.TASK_PUT, PUT), "cancel": (Kind.TASK_CANCEL, pack(TaskNumber(id=4))),
              "schedule": (Kind.SCHEDULE_PUT, pack(SchedulePut(row={"name": "nightly"})))}

    async def body(made):
        worker, client = await made.log_on("WP", "WP001"), await made.log_on("TEL")
        for kind, _ in orders.values():
            worker.answers[kind] = lambda message: b""
        for name, (kind, payload) in orders.items():
            for target in (0, worker.number):  # addressed by its number it is no side door
                if name in may:
                    await client.ask(kind, payload, target=target, lane=Lane.DIALOG)
                else:
                    assert (await client.refused(kind, payload, target=target, lane=Lane.DIALOG)).error == Err.ERR_NO_ACCESS

    run(body, grants=grants)


def test_orders_of_the_server_and_of_work_processes_are_nobody_elses():
    async def body(made):
        ses, agent, client = await made.ses("A"), await made.log_on("AGENT", "AG1"), await made.log_on("TEL")
        for kind, target in ((Kind.COMMAND, ses.number), (Kind.SEE_START, ses.number), (Kind.JOB_START, agent.number)):
            assert (await client.refused(kind, b"", target=target)).error == Err.ERR_NO_ACCESS
        client.send(Kind.STOP, target=ses.number)
        client.send(Kind.ECHO, target=ses.number)
        await eventually(lambda: Kind.ECHO in ses.kinds(), "what came behind it is there")
        assert ses.kinds() == [Kind.ECHO]

    run(body)


def test_a_message_that_cannot_be_read_is_refused():
    async def body(made):
        client = await made.log_on("TEL")
        await made.log_on("WP", "WP001")
        assert (await client.refused(Kind.TASK_PUT, b"\xc1", target=0, lane=Lane.DIALOG)).error == Err.ERR_PARAM_TYPE

    run(body, grants=("set",))


# -- routes


@pytest.mark.req("R45")
def test_routes_are_counted_per_message_and_revoked_with_their_process():
    async def body(made):
        dbm = await made.log_on("DBM", "SRV1")
        client = await made.log_on("TEL")
        dbm.answers[Kind.ECHO] = lambda message: b""
        for _ in range(5):
            await client.ask(Kind.ECHO, b"", target=dbm.number, lane=Lane.BULK)
        rows = {(r["type"], r["source"], r["target"], r["lane"]): r for r in await client.rows(Kind.ROUTES_GET)}
        route = rows["route", client.name, "SRV1.DBM", "bulk"]
        assert (route["sent"], route["received"], route["state"]) == (5, 5, "open")
        assert ("service", None, "SRV1.DBM", "data.db") in rows
        dbm.end()
        await eventually(lambda: not made.knl.core.registry.named("SRV1.DBM").running, "its end is known")
        assert not [r for r in await client.rows(Kind.ROUTES_GET) if r["target"] == "SRV1.DBM"]

    run(body)


@pytest.mark.req("R88")
def test_a_thousand_messages_count_a_thousand():
    async def body(made):
        ses, client = await made.ses("A"), await made.log_on("TEL")
        before = await client.row("A.SES")
        for _ in range(1000):
            client.send(Kind.ECHO, target=ses.number, lane=Lane.BULK)
        await eventually(lambda: len(ses.got) == 1000, "all arrived")
        assert (await client.row("A.SES"))["sent"] - before["sent"] == 1000

    run(body)
