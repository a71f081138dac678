"""The jobs of one agent: starts allow-listed programs, watches them, writes into the job book what is to be reported.

Knows no messages and no server. Needs an event loop only for the moment at which a program ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hisee.channel.payloads import Job, JobState
from hisee.engine import proof
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock
from hisee.work import run as runs
from hisee.work.jobbook import Entry, JobBook
from hisee.work.programs import NotAllowed, Program
from hisee.work.run import Run

log = logging.getLogger("hisee.work.jobs")
STOP_NS = TIMERS["stop"].ms * 1_000_000
PROGRESS_NS = TIMERS["progress"].ms * 1_000_000
NOT_STARTED, KILLED = 126, 137  # as a shell shows them
NONE = Program(argv=[])  # in place of one that left the allow-list while the agent was away
LOST = "the program ended while the agent was away; nobody saw how"


class Watch:
    """A run with what is intended for it."""

    def __init__(self, entry: Entry, run: Run, deadline_ns: int) -> None:
        self.entry, self.run = entry, run
        self.deadline_ns = deadline_ns  # 0 = none
        self.why = ""  # it was asked to end
        self.kill_ns = 0
        self.note: tuple[float, str] | None = None  # newest progress that was not told
        self.told_ns = 0


class Jobs:
    """`changed(entry)` is called when something waits to be reported."""

    def __init__(self, book: JobBook, programs: Mapping[str, Program], state: Path, clock: Clock, *, output_bytes: int,
                 changed: Callable[[Entry], None], loop: asyncio.AbstractEventLoop) -> None:
        self._book, self._programs, self._state, self._clock = book, programs, state, clock
        self._output_bytes, self._changed, self._loop = output_bytes, changed, loop
        self._running: dict[int, Watch] = {}

    @property
    def running(self) -> int:
        return len(self._running)

    def resume(self) -> None:
        """After a start of the agent: programs that live are watched again, the others have ended, seen by somebody or not."""
        for entry in self._book:
            if entry.ended:
                self._changed(entry)
                continue
            self._resume(entry)

    def _resume(self, entry: Entry) -> None:
        folder = self._folder(entry)
        if entry.boot != proof.boot_id():  # the computer was started anew: what was not on the disk may have been
            self._end(entry, "" if runs.exit_code(folder) is not None else "the computer went down while the program ran")
            return
        # without a pid the agent died between the start and its note
        found = Run.attach(folder, entry.pid, entry.birth, self._output_bytes) if entry.pid else Run.find(folder, self._output_bytes)
        if found is not None:
            log.info("job %d runs on, pid %d", entry.job, found.pid)
            self._watch_started(entry, found)
        elif not runs.ran(folder) or not (entry.pid or folder.exists()):
            self._spawn(self._again(entry))
        else:
            self._end(entry, "" if runs.exit_code(folder) is not None else LOST)

    def _again(self, entry: Entry) -> Entry:
        """Another try of a run whose program certainly was not run."""
        log.info("job %d is started again: its program was not run", entry.job)
        return self._book.begin(entry.job, entry.run, entry.program, entry.argv, entry.timeout_s, entry.tries + 1)

    # -- orders

    def start(self, job: Job) -> JobState:
        """Start the program, or attach to the job where it is known. Raises NotAllowed; nothing was started then."""
        entry = self._book.get(job.job)
        if entry is not None and entry.run >= job.run:
            return self._state_of(entry)
        if job.attach:
            return JobState(job=job.job, state="unknown")
        if entry is not None and not entry.ended:
            raise NotAllowed(f"job {job.job} still runs", hint="an earlier run of it has not ended")
        return self._start(job)

    def _start(self, job: Job) -> JobState:
        program = self._programs.get(job.program)
        if program is None:
            raise NotAllowed(f"program {job.program} is not on the allow-list of this agent", hint=f"it offers {', '.join(self._programs)}")
        argv = program.command_line(job.args)
        entry = self._written(job, argv, program.longest_s(job.timeout_s))
        self._spawn(entry)
        return self._state_of(entry)

    def _spawn(self, entry: Entry) -> None:
        """Run what the journal says; a program that cannot be started has ended as a shell would say it."""
        program, folder = self._programs.get(entry.program, NONE), self._folder(entry)
        try:
            run = Run.start(folder, entry.argv, cwd=Path(program.cwd or self._state), env=program.env, limit_bytes=self._output_bytes)
        except OSError as fault:
            self._end(entry, f"{entry.argv[0]} could not be started: {fault}", NOT_STARTED)
            return
        log.info("job %d run %d: %s, pid %d", entry.job, entry.run, entry.program, run.pid)
        self._watch_started(entry, run)

    def _written(self, job: Job, argv: list[str], timeout_s: float) -> Entry:
        """Durable before anything is started: a job of a lost agent is known to be lost."""
        try:
            return self._book.begin(job.job, job.run, job.program, argv, timeout_s)
        except OSError as fault:
            raise NotAllowed(f"the agent cannot write its journal ({fault})", hint="make room in its state folder") from fault

    def stop(self, job: int, why: str = "stopped") -> JobState:
        """Ask the program to end; what does not follow within the timer stop is killed."""
        watch = self._running.get(job)
        if watch is not None and not watch.why:
            log.info("job %d is asked to end: %s", job, why)
            watch.why, watch.kill_ns = why, self._clock.monotonic_ns() + STOP_NS
            watch.run.stop()
        entry = self._book.get(job)
        return self._state_of(entry) if entry is not None else JobState(job=job, state="unknown")

    def _state_of(self, entry: Entry) -> JobState:
        end = entry.end
        return JobState(job=entry.job, state="ended" if end else "running", pid=entry.pid, argv=entry.argv,
                        exit=end.exit if end else None, text=end.text if end else "")

    # -- watching

    def _watch_started(self, entry: Entry, run: Run) -> None:
        if entry.pid != run.pid:
            self._book.started(entry, run.pid, run.birth)
        self._watch(entry, run)
        self._changed(entry)

    def _watch(self, entry: Entry, run: Run) -> None:
        deadline_ns = self._clock.monotonic_ns() + int(entry.timeout_s * 1e9) if entry.timeout_s else 0
        watch = self._running[entry.job] = Watch(entry, run, deadline_ns)
        self._loop.add_reader(run.pidfd, self._ended, watch)

    def tick(self) -> None:
        """Several times a second: progress notes, limits of time."""
        for watch in list(self._running.values()):
            try:
                self._look(watch)
            except OSError as fault:
                log.warning("job %d: %s", watch.entry.job, fault)

    def _look(self, watch: Watch) -> None:
        now_ns = self._clock.monotonic_ns()
        watch.note = next(reversed(watch.run.notes()), watch.note)
        if watch.note is not None and now_ns - watch.told_ns >= PROGRESS_NS:
            self._book.progress(watch.entry, *watch.note)
            watch.note, watch.told_ns = None, now_ns
            self._changed(watch.entry)
        if watch.deadline_ns and now_ns >= watch.deadline_ns:
            self.stop(watch.entry.job, f"ended by its limit of {watch.entry.timeout_s:g} s")
        if watch.kill_ns and now_ns >= watch.kill_ns:
            watch.run.kill()

    def _ended(self, watch: Watch) -> None:
        """The shell is gone: collect it, and write down how it ended."""
        self._loop.remove_reader(watch.run.pidfd)
        watch.run.close()
        del self._running[watch.entry.job]
        if not runs.ran(self._folder(watch.entry)) and not watch.why:
            self._spawn(self._again(watch.entry))
            return
        code = runs.exit_code(self._folder(watch.entry))
        killed = code is None and watch.why
        self._end(watch.entry, watch.why or ("" if code is not None else "killed by somebody else"), KILLED if killed else code)

    def _end(self, entry: Entry, text: str, code: int | None = None) -> None:
        """Durable end; while the journal cannot be written it is tried again."""
        folder = self._folder(entry)
        code = runs.exit_code(folder) if code is None else code
        try:
            self._book.end(entry, code, text, runs.output(folder, self._output_bytes))
        except OSError as fault:
            log.error("the end of job %d cannot be written: %s", entry.job, fault)
            self._loop.call_later(TIMERS["agent_report"].ms / 1000, self._end, entry, text, code)
            return
        log.info("job %d ended, exit %s %s", entry.job, code, text)
        runs.forget(folder)
        self._changed(entry)

    def _folder(self, entry: Entry) -> Path:
        return self._state / f"job-{entry.job}-{entry.run}-{entry.tries}"

    def close(self) -> None:
        """Forget the programs without ending them: the next agent finds them by the journal."""
        for watch in self._running.values():
            self._loop.remove_reader(watch.run.pidfd)
            watch.run.close()
        self._running.clear()
