"""`hisee server`: the KNL process. Opens the store of its data directory, serves until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from hisee.channel import Channel, Listener, dial_tcp
from hisee.channel.networks import server_networks
from hisee.channel.payloads import Hello, ServerState
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.errors import CannotConnect
from hisee.model.store import Store
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, run_until_stopped
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import BootClock, Seams
from hisee.server.access import Access
from hisee.server.authority import Authority, Group
from hisee.server.direct import wanted_off
from hisee.server.eventlog import EventLog
from hisee.server.forwarding import wanted
from hisee.server.grouped import close_late
from hisee.server.knl import Knl
from hisee.server.responder import Responder, listen
from hisee.server.retained import Retained
from hisee.server.standing import Standing
from hisee.server.value_stores import open_values
from hisee.tls import to_dial

log = logging.getLogger("hisee.server")
ANSWER_S = TIMERS["server_answer"].ms / 1000
# A communication process drops a silent client after the timer keep_alive; the client waits one heartbeat longer.
KEEP_ALIVE = {"watchdog": TIMERS["keep_alive"].ms + TIMERS["heartbeat"].ms}


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
              engine=lambda: open_engine(url, data.path, seams, answer_s=ANSWER_S), logs=data.log_dir)
    retained = Retained(open_values(data.values_db, url, seams), asyncio.get_running_loop().call_soon_threadsafe, knl.fence)
    knl.retain(retained)
    node, responder = parameters.name or parameters.node, None
    knl.access = access_of(data)
    knl.direct.on = not (parameters.relay or wanted_off())
    knl.plane = parameters.plane or wanted()
    if (group := group_of(data)) is not None:
        enter(knl, group, node, data, url)
        responder = await respond(knl, data, node)
    knl.start(asyncio.get_running_loop())
    announce_ready(parameters.ready_fd, "knl")
    await stop.wait()
    if responder is not None:
        responder.close()
    await knl.stop()
    knl.close()
    retained.close()
    store.close()
    return 0


def group_of(data: DataDir) -> Group | None:
    """The redundant group of run.json; None = there is none, or the server was started by hand."""
    try:
        return Group.of(data.group())
    except CannotConnect:
        return None


def access_of(data: DataDir) -> Access:
    """The ranges of run.json; a server that was started by hand has none."""
    try:
        return Access(data.access())
    except CannotConnect:
        return Access()


def enter(knl: Knl, group: Group, node: str, data: DataDir, url: str) -> None:
    """Let the server act as one of its group."""
    loop, clock = asyncio.get_running_loop(), BootClock()
    standing = Standing(clock, node, group.priorities if url else {}, witness=bool(group.witness))
    if not url:
        log.error("a group has its engine database on PostgreSQL, and [engine] url names none: this server does not take part")

    def make(changed: Callable[[ServerState], None]) -> Authority:
        return Authority(lambda: open_engine(url, data.path, data.seams, hasty=True), standing, group, clock, data.seams.rng,
                         loop.call_soon_threadsafe, changed)

    knl.join_group(make, partial(dial, data))
    assert knl.grouped is not None
    knl.grouped.contract_database = partial(contract_database, url, data.seams)


def contract_database(url: str, seams: Seams) -> list[str]:
    from hisee.model.versions import contract_all  # a server without a group has no PostgreSQL

    return contract_all(url, seams)


async def respond(knl: Knl, data: DataDir, node: str) -> Responder | None:
    """Let clients find this server by multicast, where app.toml wants it (R66); the list works in any case."""
    run = data.read_run()
    if not run["group"].get("multicast"):
        return None
    grouped = knl.grouped
    assert grouped is not None
    responder = Responder(data.seams.clock, lambda: grouped.state, lambda: server_networks(run, node) or knl.doors.networks())
    try:
        await listen(responder, run["group"]["servers"][node]["hosts"])
    except OSError as fault:
        log.error("nobody finds this server by multicast: %s", fault.strerror or fault)
        return None
    return responder


async def dial(data: DataDir, host: str, port: int, hello: Hello) -> Channel:
    """A session with another server of the group, over one of its communication processes. Raises PeerUnreachable, LogonRefused."""
    future = asyncio.get_running_loop().run_in_executor(
        None, partial(dial_tcp, host, port, hello, data.secret(), seams=data.seams, limits=limits(), timers=KEEP_ALIVE,
                      tls=to_dial(data, host)))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(close_late)
        raise


def engine_url(data: DataDir) -> str:
    """Where everything durable is; a server that was started by hand, without `hisee up`, keeps it in its data directory."""
    try:
        return data.engine_url()
    except CannotConnect:
        return ""
