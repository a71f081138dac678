"""TELL: a command for a process by name, waited for or not (R85); draining of SES (R35); shifting logs together (R131)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hisee import process as process_log
from hisee.background import Background
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import Command, CommandResult, Payload, Tell, unpack
from hisee.commands import ABORTED, ERROR, IGNORED, OK, Commands, Result
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.own import process_of
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.rights import USER

log = logging.getLogger("hisee.server.orders")
ANSWER_S = TIMERS["api_request"].ms / 1000 - 2  # before the one who asked gives up
LOGON_NS, LINK_POLL_S = TIMERS["logon"].ms * 1_000_000, 0.01
DRAINING, DRAINED = "draining", "drained"
NOT_ORDERED = {"TEL", "HISHOST"}  # a program at the API and the inner host of a console take no commands
SHIFTED_TOGETHER = ("WP", "KNL")


class Orders:
    """Finds the process, asks whether the user may, hands the command over and says how it ended."""

    def __init__(self, core: Core, stop: Callable[[], None], resumed: Callable[[], None],
                 shift: Callable[[], None] | None = None) -> None:
        """`resumed` is called when an SES takes remote parts again; `shift` begins the server's own new log."""
        self._core, self._resumed = core, resumed
        self._background = Background(log)
        self._stop = stop
        self.own = Commands("KNL", self._stop_soon, {"SHUTDOWN": self._shutdown}, shift=shift)
        core.handlers[Kind.TELL] = self._tell
        core.handlers[Kind.DRAINED] = self._drained
        core.handlers[Kind.LOG_SHIFT] = self._log_shift

    def _stop_soon(self) -> None:
        """The end of the server is the end of the system; the answer to the order leaves before."""
        asyncio.get_running_loop().call_soon(self._stop)

    def _shutdown(self, words: list[str]) -> str:
        self._stop_soon()
        return "the system ends"

    # -- one command

    def _tell(self, source: Process, message: Message) -> None:
        request = unpack(Tell, message.payload)
        process = self._numbered(source, request) if request.number else self.find(request.name)
        refused = self._refusal(source, request, process)
        if refused is not None or process is None:
            self._reply(message, refused or _nobody(request.name))
        elif request.wait:
            self._background.spawn(self._ordered(message, process, request.command))
        else:
            self._background.spawn(self._handed_over(message, process, request.command))

    def _numbered(self, source: Process, request: Tell) -> Process | None:
        """As a script names it, by number and instance."""
        process = process_of(self._core, source, request.number)
        if process is None or not request.instance:
            return process
        return self._core.registry.named(f"[{request.instance}]_{process.name}")

    def find(self, name: str) -> Process | None:
        """By its full name, or by the part before the suffix when only one process has it."""
        registry = self._core.registry
        if not name:
            return registry.get(KNL_NUMBER)
        found = registry.named(name)
        if found is not None or "." in name:
            return found
        alike = [p for p in registry if p.name.partition(".")[0] == name and not p.virtual and p.kind not in NOT_ORDERED]
        return alike[0] if len(alike) == 1 else None

    def _refusal(self, source: Process, request: Tell, process: Process | None) -> Result | None:
        name = process.name if process else request.name
        if not self._core.allow(source, "tell", name):
            return Result(ABORTED, f"user {USER} may not tell {name}; app.toml, [rights]", Err.ERR_NO_ACCESS)
        if process is None:
            return _nobody(name)
        if process.kind in NOT_ORDERED:
            return Result(IGNORED, f"{name} takes no commands", Err.ERR_TRANS_IGNORED)
        if process.number != KNL_NUMBER and process.link is None and not process.running:
            return Result(ABORTED, f"{name} does not run: {process.state.value}", Err.ERR_TRANS_ABORT)
        return None

    async def _ordered(self, message: Message, process: Process, line: str) -> None:
        self._reply(message, await self.carry_out(process, line))

    async def _handed_over(self, message: Message, process: Process, line: str) -> None:
        """Not waited for: the answer only says that the command is on its way."""
        self._reply(message, Result(OK, "handed over"))
        await self.carry_out(process, line)

    async def carry_out(self, process: Process, line: str) -> Result:
        """At the process itself, with what the server keeps about it; never raises."""
        log.info("%s: command %s", process.name, line)
        words = [word.upper() for word in line.split()]
        if process.kind == "SES" and words == ["DRAIN"]:
            return await self._drain(process, line)
        result = await self._ask(process, line)
        if process.kind == "SES" and words == ["RESUME"] and result.result == OK:
            process.facts.pop("drain", None)
            self._resumed()
        return result

    async def _ask(self, process: Process, line: str) -> Result:
        if process.number == KNL_NUMBER:
            return await self.own.carry_out(line)
        await self._until_linked(process)
        try:
            answer = await self._core.ask(process.number, Kind.COMMAND, Command(command=line, user=USER), ANSWER_S)
        except RequestFailed as failed:
            return _result_of(process, failed)
        result = unpack(CommandResult, answer.payload)
        return Result(result.result, result.text, result.error)

    async def _until_linked(self, process: Process) -> None:
        """A process is listed from its admission on; its link follows within the logon."""
        deadline = self._core.seams.clock.monotonic_ns() + LOGON_NS
        while process.link is None and process.running and self._core.seams.clock.monotonic_ns() < deadline:
            await asyncio.sleep(LINK_POLL_S)

    # -- draining

    async def _drain(self, ses: Process, line: str) -> Result:
        """No start goes there from now on, even before the SES has answered."""
        before = ses.facts.get("drain")
        ses.facts["drain"] = DRAINING
        result = await self._ask(ses, line)
        if result.result != OK:
            ses.facts["drain"] = before
        return result

    def _drained(self, source: Process, message: Message) -> None:
        if source.facts.get("drain") == DRAINING:
            source.facts["drain"] = DRAINED
            log.info("%s is drained: it runs no SEE any more", source.name)

    # -- logs

    def _log_shift(self, source: Process, message: Message) -> None:
        """A work process began a new log: the others and the server do as well (R131)."""
        for process in self._core.registry.of_kind(*SHIFTED_TOGETHER):
            if process.number != source.number:
                self._background.spawn(self._shift(process))

    async def _shift(self, process: Process) -> None:
        if process.number == KNL_NUMBER:
            process_log.shift_log(told=True)
        else:
            self._core.tell(process.number, Kind.LOG_SHIFT, Payload())

    # -- the rest

    def _reply(self, message: Message, result: Result) -> None:
        if message.wants_answer:
            self._core.reply(message, CommandResult(result=result.result, text=result.text, error=int(result.error)))


def _nobody(name: str) -> Result:
    return Result(ABORTED, f"no process named {name}; `hisee ps` lists them", Err.ERR_OBJECT_NOT_FOUND)


def _result_of(process: Process, failed: RequestFailed) -> Result:
    """A process that cannot answer: gone or silent = aborted; one that knows no commands = ignored."""
    if failed.error == Err.ERR_NOT_SUPPORTED:
        return Result(IGNORED, f"{process.name} takes no commands", Err.ERR_TRANS_IGNORED)
    if failed.error == Err.ERR_TRANS_ERROR:
        return Result(ERROR, failed.text, failed.error)
    return Result(ABORTED, f"{process.name}: {failed.text}", failed.error)
