"""`hisee cp`: the communication process, the only door for TCP. Takes its number and port, logs on, carries until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from typing import Any

from hisee.channel import Listener, Message, RequestFailed
from hisee.channel.duties import report_load
from hisee.channel.payloads import CommandResult, Hello, Tell, pack, unpack
from hisee.commands import OK, Commands
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.engine.coordinator import Coordinator, EngineError, Member
from hisee.errors import HiseeError, UsageError
from hisee.parameters import StartParameters
from hisee.process import announce_ready, named_log, rename_log, run_until_stopped
from hisee.schema.exits import Exit
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.tls import CertificateFault, take_renewed, to_listen
from hisee.work.carrier import KNL, Carrier
from hisee.work.joining import candidate, hello_facts, node_of
from hisee.work.membership import Membership, log_on

log = logging.getLogger("hisee.work.cp")
KIND = "CP"
AGAIN_S, ASK_S = TIMERS["administration"].ms / 1000, TIMERS["agent_report"].ms / 1000
RENEWED_S = 3600  # between two looks for a renewed certificate
KEEP_ALIVE = {"watchdog": TIMERS["keep_alive"].ms}


def main(parameters: StartParameters) -> int:
    """Run until SIGTERM, SIGINT, STOP, the loss of the server (3) or of the membership (75). Raises HiseeError: no number, no server."""
    data = DataDir(parameters.data or ".", Seams())
    named_log(data.log_dir, f"{KIND}_{os.getpid()}", temporary=True)
    try:
        return _run(parameters, data)
    except HiseeError as error:
        log.error("%s", error)
        raise


def _run(parameters: StartParameters, data: DataDir) -> int:
    engine = open_engine(data.engine_url(), data.path, data.seams)
    try:
        member, listener = join(engine, parameters, data)
        rename_log(member.name)
        log.info("%s joined, pid %d, node %s, listens at %s", member.name, member.pid, member.node, listener.address)
        try:
            return run_until_stopped(lambda stop: _serve(parameters, data, member, listener, stop))
        finally:
            listener.close()
            with contextlib.suppress(EngineError):  # buried meanwhile, or the engine is away: its death is proven soon
                engine.leave(member)
    finally:
        engine.close()


# -- number and port


def join(engine: Coordinator, parameters: StartParameters, data: DataDir) -> tuple[Member, Listener]:
    """The lowest free number whose port can be listened at (R90-R92); without a list the port of --port, else any free one.

    Raises NoNumber when the list is used up, UsageError for a --port that the list does not hold or that is in use.
    """
    node, host = node_of(data, parameters.node), parameters.listen or "127.0.0.1"
    secret, bounds, tls = data.secret(), limits(), to_listen(data, host)
    held: dict[int, Listener] = {}

    def listen(port: int) -> Listener:
        return Listener.tcp(host, port, secret, data.seams, bounds, KEEP_ALIVE, tls)

    wanted = candidate(KIND, node, data, _occupier(held, listen, parameters.port))
    if parameters.port and wanted.ports and parameters.port not in wanted.ports:
        raise UsageError(f"--port {parameters.port} is not in the list of ports of communication processes",
                         hint=f"the list of node {node} is {', '.join(map(str, wanted.ports))}")
    member = engine.join(wanted)
    listener = held.pop(member.port, None)
    for other in held.values():
        other.close()
    try:
        return member, listener or listen(parameters.port or 0)
    except BaseException:
        engine.leave(member)
        raise


def _occupier(held: dict[int, Listener], listen: Callable[[int], Listener], only: int | None) -> Callable[[int], bool]:
    """Listening is the occupation: no other process can have the port from then on."""

    def occupy(port: int) -> bool:
        if only and port != only:
            return False
        try:
            held[port] = listen(port)
        except UsageError as fault:
            log.info("port %d is left out: %s", port, fault.text)
            return False
        return True

    return occupy


# -- service


async def _serve(parameters: StartParameters, data: DataDir, member: Member, listener: Listener, stop: asyncio.Event) -> int:
    loop, end = asyncio.get_running_loop(), End(stop)
    hello = Hello(kind=KIND, name=member.name, node=member.node, pid=member.pid, incarnation=member.incarnation,
                  facts={**hello_facts(member), "address": listener.address, "port": listener.port})
    commands = Commands(KIND, stop.set,
                        status=lambda: {"address": listener.address, "connections": carrier.connections(), **carrier.counters()})
    server = await asyncio.to_thread(log_on, data, hello)
    carrier = Carrier(server, listener, limits()["cp_connections"], commands, end.server_gone)
    primary = Primary(carrier)
    carrier.start(loop)
    report_load(server, carrier.number, carrier.connections, carrier.counters)
    with Membership(member, data, ended=lambda code, why: _soon(loop, end, code, why),
                    primary=lambda name: _soon(loop, primary.changed, name)):
        announce_ready(parameters.ready_fd, f"cp tcp={listener.address} name={member.name}")
        log.info("%s is ready", member.name)
        primary.changed("")
        renewals = loop.create_task(follow_certificate(listener, data))
        await stop.wait()
        renewals.cancel()
        primary.close()
        carrier.close()
    log.info("%s ends: %s", member.name, end.why)
    return end.code


async def follow_certificate(listener: Listener, data: DataDir) -> None:
    """A certificate that was renewed while this process runs is shown to the next client."""
    while listener.tls is not None:
        await asyncio.sleep(RENEWED_S)
        try:
            take_renewed(listener.tls, data)
        except CertificateFault as fault:
            log.error("the certificate of this computer: %s", fault)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    """From another thread, at whatever moment."""
    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
        loop.call_soon_threadsafe(call, *args)


class End:
    """Why the process ends; the first reason counts."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.code, self.why = int(Exit.OK), "stopped"

    def __call__(self, code: int, why: str) -> None:
        if not self._stop.is_set():
            self.code, self.why = code, why
            self._stop.set()

    def server_gone(self, reason: str) -> None:
        self(Exit.OK if reason.startswith("goodbye") else Exit.CANNOT_CONNECT, f"the server is gone: {reason}")


class Primary:
    """The way to the primary work process: asked through the server until it answers, anew whenever another one takes the term (R96)."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._asking: asyncio.Task[None] | None = None

    def changed(self, name: str) -> None:
        self.close()
        if name:
            self._asking = asyncio.get_running_loop().create_task(self._connect(name))
        else:
            log.info("waiting for a work process that is primary")

    async def _connect(self, name: str) -> None:
        while not await self._answers(name):
            await asyncio.sleep(AGAIN_S)
        log.info("connected to the primary %s", name)

    async def _answers(self, name: str) -> bool:
        order = Message(kind=Kind.TELL, source=self._carrier.number, target=KNL, payload=pack(Tell(name=name, command="PING")))
        try:
            reply = await self._carrier.requests.ask(order, ASK_S)
        except RequestFailed as failed:
            log.debug("the primary %s does not answer: %s", name, failed)
            return False
        return unpack(CommandResult, reply.payload).result == OK

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
