"""`hisee dbm` as a process of its own, logged on to a real server: configuration, requests, losses, its end."""

import asyncio
import os
import signal
import sys

import pytest

from hisee._core.values import decode, encode
from hisee.channel import Listener, Message, RequestFailed, Requests
from hisee.channel.payloads import Hello, pack_data, unpack_data_reply
from hisee.datadir import DataDir
from hisee.model import Store, load_application
from hisee.schema.actions import ActionId as Do
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind
from hisee.seams import Seams
from hisee.server.knl import Knl
from hisee.server.registry import Process, State
from hisee.values import Invalid, Ref, Type
from support.command import environment

NONE = Invalid(5, Type.TEXT)
FILES = {
    "app.toml": 'name = "t"\n[nodes.SRV1]\nprocesses = [{kind="server"}, {kind="dbm"}]\n',
    "objects.toml": """
["SD.M"]
type = "structure_definition"
columns = [["Id", "INT"], ["Name", "TEXT"]]
["DB.P"]
type = "database"
url = "sqlite:///plant.db"
["T.M"]
type = "table"
database = "DB.P"
table = "meter"
structure = "SD.M"
key = ["Id"]
access = "modify"
""",
    "data/DB.P.sql": "CREATE TABLE meter (Id INTEGER PRIMARY KEY, Name TEXT);",
    "data/T.M.csv": "Id,Name\n1,main\n2,side\n",
}


class System:
    """A server in this process and a DBM in another one."""

    def __init__(self, root):
        self.data = DataDir(root / "data", Seams())
        self.data.make()
        self.data.secret(create=True)
        for path, text in FILES.items():
            (root / "app" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "app" / path).write_text(text)
        self.store = Store.open(self.data.path)
        self.store.import_application(load_application(root / "app"))
        self.stopped = asyncio.Event()
        facts = self.store.system()
        self.knl = Knl(
            self.store,
            self.data.seams,
            node="SRV1",
            system=facts.name,
            limits=facts.limits,
            event_log=Silent(),
            stop=self.stopped.set,
            listener=Listener.unix(self.data.control_socket, self.data.secret(), self.data.seams, facts.limits),
        )
        self.table = Ref(self.store.directory().object("T.M").hbj)

    async def start(self):
        loop = asyncio.get_running_loop()
        self.knl.start(loop)
        self.channel = await self.knl.connect(Hello(kind="SES", name="TEST"))
        self.requests = Requests(self.channel)
        self.channel.attach(loop, self.requests.settle, lambda reason: None)
        await self.start_dbm()

    async def start_dbm(self):
        reading, writing = os.pipe()
        self.dbm = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hisee",
            "dbm",
            "/WSRV1",
            "--data",
            str(self.data.path),
            "--node",
            "SRV1",
            "--ready-fd",
            str(writing),
            pass_fds=(writing,),
            env=environment(),
        )
        os.close(writing)
        with os.fdopen(reading) as ready:
            assert await asyncio.wait_for(asyncio.to_thread(ready.readline), 20) == "ready dbm\n"

    async def ask(self, action, *values, object=0, timeout_s=10, source=0):
        message = Message(
            kind=MessageKind.DATA,
            lane=Lane.DATA_DB,
            source=source or self.channel.welcome.number,
            object=object or self.table.object,
            wants_answer=True,
            payload=pack_data(action, encode(values)),
        )
        answer = await self.requests.ask(message, timeout_s)
        head, data = unpack_data_reply(answer.payload)
        assert head.service_ns >= 0
        return decode(data)

    async def end(self):
        if self.dbm.returncode is None:
            self.dbm.kill()
        await self.dbm.wait()
        self.channel.close()
        self.knl.close()
        self.store.close()


class Silent:
    def write(self, entry, process):
        pass

    def close(self):
        pass


def in_system(root, body):
    async def run():
        system = System(root)
        try:
            await system.start()
            await body(system)
        finally:
            await system.end()

    asyncio.run(run())


@pytest.mark.slow
@pytest.mark.req("R45")
def test_requests_reach_the_dbm_and_without_it_the_kind_is_named(tmp_path):
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

    in_system(tmp_path, body)


@pytest.mark.slow
@pytest.mark.req("R146")
def test_a_request_whose_dbm_is_killed_ends_at_once_and_is_not_done_twice(tmp_path):
    endless = "Id IN (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0)"

    async def body(system):
        await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0)
        waiting = asyncio.create_task(system.ask(Do.DBS_READ, 1, system.table, 9, endless, 0, timeout_s=60))
        await asyncio.sleep(0.1)
        system.dbm.kill()
        with pytest.raises(RequestFailed, match=r"SRV1\.DBM ended during the request") as failed:
            await asyncio.wait_for(waiting, 10)
        assert (failed.value.error, failed.value.extended) == (Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED)

    in_system(tmp_path, body)


@pytest.mark.slow
def test_handles_end_with_the_virtual_process_that_opened_them(tmp_path):
    async def body(system):
        see = system.knl.host_script(system.channel.welcome.number, "S.X", [])
        own = system.channel.welcome.number
        handle, _ = await system.ask(Do.DB_CONNECT, system.table, 1, source=see.number)
        assert (await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, source=see.number))[1] == 0
        assert (await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, source=own))[1] == Err.ERR_NO_DATA
        system.knl.opening.process_gone(see, State.STOP)
        again = system.knl.core.registry.add(Process(number=see.number, name="WS1_1.SEE", kind="SEE", host=own))
        system.knl.core.route(again, system.knl.core.registry.get(own).link)
        assert (await system.ask(Do.DB_READ, 1, handle, 9, NONE, 0, source=see.number))[1] == Err.ERR_NO_DATA

    in_system(tmp_path, body)


@pytest.mark.slow
def test_a_dbm_whose_server_is_gone_ends_with_exit_3(tmp_path):
    async def body(system):
        assert (await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0))[1] == 0
        system.knl.close()
        assert await asyncio.wait_for(system.dbm.wait(), 10) == 3

    in_system(tmp_path, body)
