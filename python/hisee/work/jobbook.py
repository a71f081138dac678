"""Jobs of an agent as its journal knows them: what was begun, which reports wait for their answer. No processes, no messages.

The life of one run: begun (durable, before anything is started), started with pid and birth, any number of progress notes,
ended. A report keeps its number over every repetition, so that whoever keeps it can keep it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hisee.channel.payloads import JobReport
from hisee.engine import proof
from hisee.seams import Clock
from hisee.work.journal import Journal, Record

RUN_NUMBERS = 1_000_000  # reports of one run; the next run of the job counts on from there
FIRST, OUTPUT, LAST = 1, RUN_NUMBERS - 2, RUN_NUMBERS - 1
KEPT_ENDED = 1_000  # ended and answered jobs remembered, so that a late start attaches instead of running again
REWRITE_BYTES = 4 << 20


class Entry(msgspec.Struct):
    """One job in its newest run. `pid` 0 = nobody knows whether its program was started."""

    job: int
    run: int
    program: str
    argv: list[str]
    timeout_s: float = 0.0
    boot: str = ""  # of the computer: pids and files not on the disk mean nothing in another one
    tries: int = 1  # starts of this run; more than one only where the earlier ones certainly ran nothing
    pid: int = 0
    birth: int = 0
    notes: int = FIRST  # numbers used in this run, from its base
    waiting: list[JobReport] = []  # not answered yet, in order
    end: JobReport | None = None

    @property
    def ended(self) -> bool:
        return self.end is not None

    def number(self, note: int) -> int:
        return (self.run - 1) * RUN_NUMBERS + note


class JobBook:
    """All jobs by number. Raises OSError where the journal cannot be written: then nothing of the call happened."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._jobs: dict[int, Entry] = {}
        for record in journal.records:
            self._replay(record)
        journal.records = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._jobs.values()))

    def get(self, job: int) -> Entry | None:
        return self._jobs.get(job)

    # -- what happens

    def begin(self, job: int, run: int, program: str, argv: list[str], timeout_s: float, tries: int = 1) -> Entry:
        """A new run; of an earlier one of the same job nothing is reported any more."""
        record = {"is": "begin", "job": job, "run": run, "program": program, "argv": argv, "timeout_s": timeout_s, "tries": tries,
                  "boot": proof.boot_id()}
        self._journal.append(record)
        return self._replay(record)

    def started(self, entry: Entry, pid: int, birth: int) -> None:
        report = self._make(entry, FIRST, "started", pid=pid)
        self._keep(entry, [{"is": "pid", "job": entry.job, "pid": pid, "birth": birth}, _kept(report)])

    def progress(self, entry: Entry, share: float | None, text: str) -> None:
        """For people: written without waiting for the disk; the newest takes the place of one that nobody was told of."""
        number = min(entry.notes + 1, OUTPUT - 1)
        self._keep(entry, [_kept(self._make(entry, number, "progress", share=share, text=text))], durable=False)

    def end(self, entry: Entry, exit_code: int | None, text: str, output: str) -> None:
        """exit None = lost: nobody can say how it ended."""
        reports = [self._make(entry, OUTPUT, "output", text=output)] if output else []
        reports.append(self._make(entry, LAST, "ended", exit=exit_code, text=text, pid=entry.pid))
        self._keep(entry, [_kept(report) for report in reports])

    def answered(self, entry: Entry, report: JobReport) -> None:
        """Somebody keeps it now. Not waited for: a repetition does no harm."""
        record = {"is": "answer", "job": entry.job, "number": report.number}
        self._journal.append(record, durable=False)
        self._replay(record)
        if self._journal.bytes > REWRITE_BYTES:
            self.rewrite()

    def rewrite(self) -> None:
        """Drop from the journal what nobody needs: answered reports, and all but the newest of the ended jobs."""
        done = [e for e in self if e.ended and not e.waiting]
        for entry in done[:-KEPT_ENDED]:
            del self._jobs[entry.job]
        self._journal.rewrite(record for entry in self for record in _records(entry))

    # -- the journal's records

    def _make(self, entry: Entry, note: int, what: str, **fields: Any) -> JobReport:
        return JobReport(job=entry.job, number=entry.number(note), what=what, run=entry.run, at_ms=self._clock.now_ms(), **fields)

    def _keep(self, entry: Entry, records: list[Record], *, durable: bool = True) -> None:
        self._journal.append(*records, durable=durable)
        for record in records:
            self._replay(record)

    def _replay(self, record: Record) -> Entry:
        """Carry out one record, the same now and at the next start. One of a job without a beginning makes an entry of its own."""
        job = record.get("job") or record["report"]["job"]
        if record["is"] == "begin":
            self._jobs.pop(job, None)  # the newest stand last
            self._jobs[job] = Entry(job, record["run"], record["program"], record["argv"], record["timeout_s"],
                                    boot=record["boot"], tries=record["tries"], notes=record.get("notes", FIRST))
        entry = self._jobs.setdefault(job, Entry(job, 1, "?", []))
        if record["is"] == "pid":
            entry.pid, entry.birth = record["pid"], record["birth"]
        elif record["is"] == "report":
            _take(entry, msgspec.convert(record["report"], JobReport))
        elif record["is"] == "answer":
            entry.waiting = [report for report in entry.waiting if report.number != record["number"]]
        return entry


def _take(entry: Entry, report: JobReport) -> None:
    if report.what == "progress" and entry.waiting and entry.waiting[-1].what == "progress":
        entry.waiting.pop()
    entry.waiting.append(report)
    entry.notes = max(entry.notes, min(report.number % RUN_NUMBERS, OUTPUT - 2))
    if report.what == "ended":
        entry.end = report


def _kept(report: JobReport) -> Record:
    return {"is": "report", "report": msgspec.to_builtins(report)}


def _records(entry: Entry) -> Iterator[Record]:
    """What makes this entry again."""
    yield {"is": "begin", "job": entry.job, "run": entry.run, "program": entry.program, "argv": entry.argv,
           "timeout_s": entry.timeout_s, "tries": entry.tries, "boot": entry.boot, "notes": entry.notes}
    if entry.pid:
        yield {"is": "pid", "job": entry.job, "pid": entry.pid, "birth": entry.birth}
    waiting = {report.number for report in entry.waiting}
    for report in [*entry.waiting, *([entry.end] if entry.end and entry.end.number not in waiting else [])]:
        yield _kept(report)
    if entry.end and entry.end.number not in waiting:
        yield {"is": "answer", "job": entry.job, "number": entry.end.number}
