"""`hisee server`: the KNL process. Opens the store of its data directory, serves until it is told to stop."""

from __future__ import annotations

import asyncio
import logging

from hisee.channel import Listener
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.errors import CannotConnect
from hisee.model.store import Store
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped
from hisee.seams import Seams
from hisee.server.eventlog import EventLog
from hisee.server.knl import Knl
from hisee.server.retained import Retained, open_values

log = logging.getLogger("hisee.server")


def main(parameters: StartParameters) -> int:
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, f"{parameters.name or parameters.node}.KNL")
    return run_until_stopped(lambda stop: _serve(parameters, data, stop))


async def _serve(parameters: StartParameters, data: DataDir, stop: asyncio.Event) -> int:
    seams = data.seams
    url = engine_url(data)
    store = Store.open(data.path, url)
    facts = store.system()
    listener = Listener.unix(data.control_socket, data.secret(), seams, facts.limits)
    knl = Knl(store, seams, node=parameters.name or parameters.node, system=facts.name, limits=facts.limits,
              event_log=EventLog(data.log_dir / "events.log"), stop=stop.set, listener=listener,
              engine=lambda: open_engine(url, data.path, seams), logs=data.log_dir)
    retained = Retained(open_values(data.values_db, url, seams), asyncio.get_running_loop().call_soon_threadsafe)
    knl.retain(retained)
    knl.start(asyncio.get_running_loop())
    announce_ready(parameters.ready_fd, "knl")
    await stop.wait()
    await knl.stop()
    knl.close()
    retained.close()
    store.close()
    return 0


def engine_url(data: DataDir) -> str:
    """Where everything durable is; a server that was started by hand, without `hisee up`, keeps it in its data directory."""
    try:
        return data.engine_url()
    except CannotConnect:
        return ""
