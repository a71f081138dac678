"""A server in this process, a database manager in another one, and whoever asks it: through the server, or by a direct route."""

import asyncio
import os
import sys

from hisee._core.values import decode, encode
from hisee.channel import Listener, Message, Requests, dial_unix
from hisee.channel.direct import FACT, Direct
from hisee.channel.payloads import Hello, pack_data, unpack_data_reply
from hisee.datadir import DataDir
from hisee.model import Store, load_application
from hisee.schema.actions import ActionId
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind
from hisee.seams import Seams
from hisee.server.forwarding import wanted
from hisee.server.knl import Knl
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
    """`direct`: the one who asks takes direct routes, and the server grants them."""

    def __init__(self, root, *, direct=False, rights="", limits=None):
        self.data = DataDir(root / "data", Seams())
        self.data.make()
        self.data.secret(create=True)
        for path, text in FILES.items():
            (root / "app" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "app" / path).write_text(text + (rights if path == "app.toml" else ""))
        self.store = Store.open(self.data.path)
        self.store.import_application(load_application(root / "app"))
        self.stopped = asyncio.Event()
        facts = self.store.system()
        self.knl = Knl(
            self.store,
            self.data.seams,
            node="SRV1",
            system=facts.name,
            limits=facts.limits | (limits or {}),
            event_log=Silent(),
            stop=self.stopped.set,
            listener=Listener.unix(self.data.control_socket, self.data.secret(), self.data.seams, facts.limits),
        )
        self.knl.direct.on = direct
        self.knl.plane = wanted()
        self.table = Ref(self.store.directory().object("T.M").hbj)

    async def start(self):
        loop = asyncio.get_running_loop()
        self.knl.start(loop)
        hello = Hello(kind="SES", name="TEST", pid=os.getpid(), facts={FACT: True})
        self.channel = await asyncio.to_thread(dial_unix, self.data.control_socket, hello, self.data.secret())
        self.way = Direct(self.channel, self.data.seams.clock)
        self.requests, self.answers = Requests(self.way), []
        self.way.attach(loop, self._answered, lambda reason: None)
        await self.start_dbm()

    def _answered(self, message):
        self.answers.append(message)
        self.requests.settle(message)

    async def until(self, condition, what, seconds=10.0):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.002)

    async def ready(self):
        """The way that requests take from now on."""
        await self.ask(ActionId.DBS_READ, 1, self.table, 9, NONE, 0)
        await self.until(lambda: self.way.routes == self.knl.direct.on, "the route is there, or none")

    async def heard(self):
        """The DBM has taken what the server sent it before this."""
        dbm = self.knl.core.registry.named("SRV1.DBM").number
        await self.requests.ask(Message(MessageKind.ECHO, Lane.DATA_DB, self.channel.welcome.number, dbm), 10)

    async def echo(self, payload, timeout_s=20):
        message = Message(MessageKind.ECHO, Lane.DATA_DB, self.channel.welcome.number, object=self.table.object, payload=payload)
        return (await self.requests.ask(message, timeout_s)).payload

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
        self.way.close()
        self.channel.close()
        self.knl.close()
        self.store.close()


class Silent:
    def write(self, entry, process):
        pass

    def close(self):
        pass
