"""`hisee wp`: the work process. Joins the engine, logs on, then two threads: the worker here, the steward beside it."""

from __future__ import annotations

import logging
import select
import signal
import time
from typing import NamedTuple

from hisee.channel import Channel, LogonRefused, dial_unix
from hisee.channel.payloads import Hello
from hisee.config import find_data, limits
from hisee.datadir import DataDir
from hisee.engine import open_doorbell, open_engine
from hisee.engine.coordinator import Coordinator, EngineError, LostMember, Member
from hisee.errors import HiseeError
from hisee.load import WorkTime
from hisee.parameters import StartParameters
from hisee.process import Wake, announce_ready, cold_fact, named_log, rename_log
from hisee.schema.exits import Exit
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.work.functions import Functions
from hisee.work.joining import Joined, hello_facts, join, know_group, node_of
from hisee.work.lease import Lease
from hisee.work.reach import Reach
from hisee.work.steward import Steward
from hisee.work.worker import Worker

log = logging.getLogger("hisee.work")
KIND = "WP"
NAME_FREE_S = (TIMERS["watchdog"].ms + TIMERS["heartbeat"].ms) / 1000  # by then the server knows that the former one is gone
SETTLE_S = TIMERS["ready"].ms / 1000


def main(parameters: StartParameters) -> int:
    """Run until SIGTERM, SIGINT, STOP, the loss of the server (3) or of the membership (75)."""
    data = DataDir(find_data(parameters.data), Seams())
    data.read_run()  # without a system no log is begun
    named_log(data.log_dir, KIND, temporary=True)  # until the number is known (R93)
    try:
        return WorkProcess(parameters, data).run()
    except HiseeError as error:
        log.error("%s", error)
        raise


class Ended(NamedTuple):
    """Why the process ends; the first reason counts."""

    code: int
    why: str


class WorkProcess:
    """One run from joining to leaving."""

    def __init__(self, parameters: StartParameters, data: DataDir) -> None:
        self._parameters, self._data = parameters, data
        self._wake = Wake()
        self._end: Ended | None = None

    def run(self) -> int:
        data, node = self._data, node_of(self._data, self._parameters.node)
        engine = open_engine(data.engine_url(), data.path, data.seams)
        try:
            know_group(engine, data)
            joined = join(engine, KIND, node, data)
            return self._as_member(engine, joined)
        finally:
            engine.close()

    def _as_member(self, engine: Coordinator, joined: Joined) -> int:
        member = joined.member
        rename_log(member.name)
        log.info("%s joined with port %s, pid %d, node %s", member.name, member.port or "none", member.pid, member.node)
        try:
            self._steward = self._begin(engine, member)
            with self._steward:
                self._work()
        finally:
            self._leave(engine, member)
            if joined.port is not None:
                joined.port.close()
        assert self._end is not None
        log.info("%s ends: %s", member.name, self._end.why)
        return self._end.code

    def _begin(self, engine: Coordinator, member: Member) -> Steward:
        """Worker and steward; the steward's thread is not running yet."""
        data, lease, functions = self._data, Lease(self._data.seams.clock), Functions()
        channel = log_on(data, member)
        self._busy = WorkTime()
        self._bell = open_doorbell(data.engine_url(), data.path, member)
        steward = Steward(member, data, channel, lease, functions, busy=self._busy, wake=self._wake, end=self.end,
                          cold=self._parameters.cold, dialog=self._parameters.dialog)
        self._worker = Worker(engine, data.seams.clock, member, functions, lease, elsewhere=steward.elsewhere,
                              ring=self._bell.ring, reach=Reach(steward.ask), shelf=steward.shelf, began=steward.work_began)
        steward.worker = self._worker
        functions.refresh = steward.refresh
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: self.end(Exit.OK, signal.Signals(number).name))
        return steward

    def end(self, code: int, why: str) -> None:
        """From any thread: the present task is finished, nothing more is begun (R129)."""
        self._end = self._end or Ended(code, why)
        if hasattr(self, "_worker"):
            self._worker.stop()
        self._wake()

    # -- the worker's thread

    def _work(self) -> None:
        """No work before the steward has settled who is what, and the ready line stands in the log (R97)."""
        if not self._steward.settled.wait(SETTLE_S):
            self.end(Exit.TIMED_OUT, f"not settled within {SETTLE_S:g} s")
        if self._end is None:
            log.info("%s is ready and %s", self._steward.member.name, "takes work" if self._steward.works else "waits")
            announce_ready(self._parameters.ready_fd, f"wp name={self._steward.member.name}{cold_fact(self._steward.deleted)}")
        try:
            self._rounds()
        except LostMember as error:
            self.end(Exit.LOST_MEMBER, str(error))

    def _rounds(self) -> None:
        trouble = ""
        while not (self._worker.done or (self._end is not None and self._end.code == Exit.LOST_MEMBER)):
            with self._busy:
                done = self._worker.round()
            if done.trouble != trouble:
                trouble = done.trouble
                log.warning("no work: %s", trouble) if trouble else log.info("work goes on")
            if done.trouble and self._end is not None:
                return  # what it holds is taken over
            if done.rest_ms:
                self._sleep(done.rest_ms)

    def _sleep(self, rest_ms: int) -> None:
        """Until the doorbell rings, the steward or a signal wakes us, or the safety poll is due."""
        poll = select.poll()
        poll.register(self._bell.fileno(), select.POLLIN)
        poll.register(self._wake.fd, select.POLLIN)
        poll.poll(rest_ms)
        self._wake.clear()
        self._bell.clear()

    def _leave(self, engine: Coordinator, member: Member) -> None:
        """Give everything back in order; a member that is none any more has nothing to give."""
        try:
            engine.leave(member)
        except EngineError as error:
            log.warning("not left in order: %s", error)
        if hasattr(self, "_bell"):
            self._bell.close()


def log_on(data: DataDir, member: Member) -> Channel:
    """Log on to the server under the name that the engine gave; waits while it still counts a dead process of that name as running."""
    hello = Hello(kind=KIND, name=member.name, node=member.node, pid=member.pid, facts=hello_facts(member))
    deadline = time.monotonic() + NAME_FREE_S
    while True:
        try:
            return dial_unix(data.control_socket, hello, data.secret(), seams=data.seams, limits=limits())
        except LogonRefused as refused:
            if refused.refusal != "NAME_IN_USE" or time.monotonic() > deadline:
                raise
        time.sleep(0.1)
