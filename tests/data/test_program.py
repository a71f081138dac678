"""`hisee dbm` as a process of its own, logged on to a real server: configuration, requests, losses, its end."""

import asyncio
import signal

import pytest

from hisee.channel import RequestFailed
from hisee.schema.actions import ActionId as Do
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.server.registry import Process, State
from support.data_system import NONE, System


@pytest.fixture(params=["relay", "direct"])
def in_system(request, tmp_path):
    """Runs a test on a system: with every request through the server, and with direct routes. The same has to come out."""

    async def run(body):
        system = System(tmp_path, direct=request.param == "direct")
        try:
            await system.start()
            await system.ready()
            await body(system)
        finally:
            await system.end()

    return lambda body: asyncio.run(run(body))


@pytest.mark.slow
@pytest.mark.req("R45")
def test_requests_reach_the_dbm_and_without_it_the_kind_is_named(in_system):
    async def body(system):
        record, rc = await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0)
        assert (rc, record.columns) == (0, [[1, 2], ["main", "side"]])
        handle, rc = await system.ask(Do.DB_CONNECT, system.table, 1)
        assert (await system.ask(Do.DB_READ, 1, handle, 1, "Id = #PAR#", 1, 2, object=handle >> 24))[0].columns == [[2], ["side"]]
        system.dbm.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(system.dbm.wait(), 10) == 0
        with pytest.raises(RequestFailed, match=r"data\.db") as refused:
            await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0)
        assert (refused.value.error, refused.value.extended) == (Err.ERR_TRANS_ABORT, 10)
        await system.start_dbm()
        assert (await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0))[1] == 0
        gone = await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, object=handle >> 24)
        assert gone[1] == Err.ERR_NO_DATA, "a handle ends with the DBM that gave it"

    in_system(body)


@pytest.mark.slow
@pytest.mark.req("R146")
def test_a_request_whose_dbm_is_killed_ends_at_once_and_is_not_done_twice(in_system):
    endless = "Id IN (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0)"

    async def body(system):
        await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0)
        waiting = asyncio.create_task(system.ask(Do.DBS_READ, 1, system.table, 9, endless, 0, timeout_s=60))
        await asyncio.sleep(0.1)
        system.dbm.kill()
        with pytest.raises(RequestFailed, match=r"SRV1\.DBM ended during the request") as failed:
            await asyncio.wait_for(waiting, 10)
        assert (failed.value.error, failed.value.extended) == (Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED)

    in_system(body)


@pytest.mark.slow
def test_handles_end_with_the_virtual_process_that_opened_them(in_system):
    async def body(system):
        see = system.knl.host_script(system.channel.welcome.number, "S.X", [])
        own = system.channel.welcome.number
        handle, _ = await system.ask(Do.DB_CONNECT, system.table, 1, source=see.number)
        assert (await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, source=see.number))[1] == 0
        assert (await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, source=own))[1] == Err.ERR_NO_DATA
        system.knl.opening.process_gone(see, State.STOP)
        await system.heard()
        again = system.knl.core.registry.add(Process(number=see.number, name="WS1_1.SEE", kind="SEE", host=own))
        system.knl.core.route(again, system.knl.core.registry.get(own).link)
        assert (await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, source=see.number))[1] == Err.ERR_NO_DATA

    in_system(body)


@pytest.mark.slow
def test_a_dbm_whose_server_is_gone_ends_with_exit_3(in_system):
    async def body(system):
        assert (await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0))[1] == 0
        system.knl.close()
        assert await asyncio.wait_for(system.dbm.wait(), 10) == 3

    in_system(body)
