"""Programs of an agent without a network: start, progress, end, limits, and what survives the agent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hisee.channel.payloads import Job
from hisee.engine import proof
from hisee.seams import SystemClock
from hisee.work import run as runs
from hisee.work.jobbook import LAST, RUN_NUMBERS, Entry, JobBook
from hisee.work.jobs import Jobs
from hisee.work.journal import Journal
from hisee.work.programs import NotAllowed, Program

PYTHON = sys.executable
SCRIPT = Program(argv=[PYTHON, "-c"])


class Bench:
    """Jobs on a state folder, driven by the test's own ticks."""

    def __init__(self, state: Path, programs: dict[str, Program], output_bytes: int = 10_000) -> None:
        self.journal = Journal(state / "journal")
        self.book = JobBook(self.journal, SystemClock())
        self.changed: list[int] = []
        self.jobs = Jobs(self.book, programs, state, SystemClock(), output_bytes=output_bytes,
                         changed=lambda entry: self.changed.append(entry.job), loop=asyncio.get_running_loop())

    def entry(self, job: int) -> Entry:
        entry = self.book.get(job)
        assert entry is not None
        return entry

    async def until(self, condition: Callable[[], object], within_s: float = 20) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self.jobs.tick()
                await asyncio.sleep(0.01)

    async def ended(self, job: int) -> Entry:
        await self.until(lambda: self.entry(job).ended)
        return self.entry(job)

    def close(self) -> None:
        self.jobs.close()
        self.journal.close()


@asynccontextmanager
async def bench(state: Path, programs: dict[str, Program] | None = None, **how: int) -> AsyncIterator[Bench]:
    made = Bench(state, {"script": SCRIPT} if programs is None else programs, **how)
    try:
        yield made
    finally:
        made.close()


def script(job: int, text: str, **fields: object) -> Job:
    return Job(job=job, program="script", args=[text], **fields)


def test_a_job_is_reported_from_its_start_to_its_end_with_numbers_that_grow(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            state = b.jobs.start(script(7, "print('progress 0.5 half', flush=True); import sys, time; time.sleep(1); sys.exit(3)"))
            assert state.state == "running" and state.argv[:2] == [os.path.abspath(PYTHON), "-c"]
            entry = await b.ended(7)
            assert [r.what for r in entry.waiting] == ["started", "progress", "output", "ended"]
            numbers = [r.number for r in entry.waiting]
            assert numbers == sorted(numbers) and numbers[0] == 1 and numbers[-1] == LAST
            assert (entry.waiting[1].share, entry.waiting[1].text) == (0.5, "half")
            assert entry.waiting[2].text == "progress 0.5 half\n"
            assert entry.end is not None and entry.end.exit == 3 and entry.waiting[0].pid == entry.pid
            assert not (tmp_path / "job-7-1-1").exists()

    asyncio.run(main())


def test_a_known_job_is_not_started_again_but_a_higher_run_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            mark = f"open({str(tmp_path / 'marks')!r}, 'a').write('x')"
            for _ in range(3):
                b.jobs.start(script(1, mark))
            await b.ended(1)
            assert b.jobs.start(script(1, mark)).state == "ended"
            assert (tmp_path / "marks").read_text() == "x"
            b.jobs.start(script(1, mark, run=2))
            entry = await b.ended(1)
            assert (tmp_path / "marks").read_text() == "xx" and entry.end is not None and entry.end.number == RUN_NUMBERS + LAST
            assert b.jobs.start(script(9, mark, attach=True)).state == "unknown"

    asyncio.run(main())


def test_only_the_allow_list_is_started(tmp_path: Path) -> None:
    async def main() -> None:
        programs = {"fixed": Program(argv=["true"], args="none"), "gone": Program(argv=["no-such-program-here"])}
        async with bench(tmp_path, programs) as b:
            for job in (Job(job=1, program="sh"), Job(job=2, program="fixed", args=["x"]), Job(job=3, program="gone")):
                with pytest.raises(NotAllowed):
                    b.jobs.start(job)
                assert b.book.get(job.job) is None
            b.jobs.start(Job(job=4, program="fixed"))
            entry = await b.ended(4)
            assert entry.end is not None and entry.end.exit == 0

    asyncio.run(main())


def test_arguments_reach_the_program_as_they_are(tmp_path: Path) -> None:
    async def main() -> None:
        args = ["", "a b", "$HOME", "`id`", "*", "x;exit 9", "-n", "ä\n'\""]
        async with bench(tmp_path, {"show": Program(argv=[PYTHON, "-c", "import sys; print(sys.argv[1:])"])}) as b:
            b.jobs.start(Job(job=1, program="show", args=args))
            entry = await b.ended(1)
            assert [r.text for r in entry.waiting if r.what == "output"] == [f"{args}\n"]

    asyncio.run(main())


def test_a_limit_of_time_ends_the_whole_session_and_is_the_reason(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            b.jobs.start(script(1, "import subprocess; subprocess.run(['sleep', '300'])", timeout_s=0.6))
            entry = await b.ended(1)
            assert entry.end is not None and "limit of 0.6 s" in entry.end.text and entry.end.exit != 0

    asyncio.run(main())


def test_stop_ends_a_program_and_one_that_ignores_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hisee.work.jobs.STOP_NS", 200_000_000)

    async def main() -> None:
        async with bench(tmp_path) as b:
            ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(300)"
            b.jobs.start(script(1, "import time; time.sleep(300)"))
            b.jobs.start(script(2, ignore))
            await b.until(lambda: (tmp_path / "job-2-1-1" / "out").read_text() == "on\n")
            pid = b.entry(2).pid
            b.jobs.stop(1)
            b.jobs.stop(2)
            one, two = await b.ended(1), await b.ended(2)
            assert one.end is not None and (one.end.text, one.end.exit) == ("stopped", 128 + signal.SIGTERM)
            assert two.end is not None and (two.end.text, two.end.exit) == ("stopped", 128 + signal.SIGKILL)
            await b.until(lambda: not group(pid))
            assert b.jobs.stop(5).state == "unknown"

    asyncio.run(main())


def group(leader: int) -> list[int]:
    """Living processes of the process group."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(entry.parent.name))
    return found


def test_output_is_bounded_and_the_rest_counted(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path, output_bytes=1_000) as b:
            text = "import time\nfor i in range(40):\n print('x' * 99, flush=True)\n time.sleep(0.02)"
            b.jobs.start(script(1, text))
            entry = await b.ended(1)
            shown = next(r.text for r in entry.waiting if r.what == "output")
            assert shown.startswith("x" * 99 + "\n") and len(shown) < 1_040 and "bytes more]" in shown

    asyncio.run(main())


def test_a_program_survives_the_agent_and_its_exit_code_is_still_learned(tmp_path: Path) -> None:
    async def main() -> None:
        wait = f"import os, sys, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\nsys.exit(5)"
        async with bench(tmp_path) as b:
            b.jobs.start(script(1, wait))  # found alive again
            b.jobs.start(script(2, wait))  # ends while no agent is there
        async with bench(tmp_path) as b:
            b.jobs.resume()
            assert b.jobs.running == 2
            pids = [b.entry(1).pid, b.entry(2).pid]
            assert b.jobs.start(script(1, wait, attach=True)).pid == pids[0]
        (tmp_path / "go").touch()
        async with bench(tmp_path) as b:
            await b.until(lambda: not any(proof.lives(pid, b.entry(n + 1).birth) for n, pid in enumerate(pids)))
            b.jobs.resume()
            ends = [(await b.ended(n)).end for n in (1, 2)]
            assert [end.exit for end in ends if end] == [5, 5]
            for pid in pids:
                collect(pid)

    asyncio.run(main())


def test_a_program_that_died_with_its_agent_is_lost(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            b.jobs.start(script(1, "print('on', flush=True); import time; time.sleep(300)"))
            pid = b.entry(1).pid
            await b.until(lambda: (tmp_path / "job-1-1-1" / "out").read_text() == "on\n")
        os.killpg(pid, signal.SIGKILL)
        async with bench(tmp_path) as b:
            await b.until(lambda: not proof.lives(pid, b.entry(1).birth))
            b.jobs.resume()
            entry = await b.ended(1)
            assert entry.end is not None and entry.end.exit is None and "nobody saw" in entry.end.text
        collect(pid)

    asyncio.run(main())


@pytest.mark.parametrize("meeting", ["no shell", "late shell", "running", "ended"])
def test_an_agent_that_died_before_it_noted_the_pid_starts_the_program_once(tmp_path: Path, meeting: str) -> None:
    async def main() -> None:
        mark, pids = tmp_path / "marks", []
        async with bench(tmp_path) as b:
            argv = [os.path.abspath(PYTHON), "-c", f"open({str(mark)!r}, 'a').write('x'); import time; time.sleep(0.5)"]
            entry = b.book.begin(1, 1, "script", argv, 0)
            folder = tmp_path / "job-1-1-1"
            if meeting == "late shell":  # made, but stopped before its first line
                folder.mkdir()
                (folder / "go").touch()
            elif meeting != "no shell":
                run = runs.Run.start(folder, argv, cwd=tmp_path, env={}, limit_bytes=100)
                pids.append(run.pid)
                await b.until((folder / ("pid" if meeting == "running" else "exit")).exists)
                run.close()
            assert not entry.pid
        async with bench(tmp_path) as b:
            b.jobs.resume()
            if meeting == "late shell":
                subprocess.run(["/bin/sh", "-c", runs.SHELL, "hisee-job", str(folder), *argv], check=True)
                assert (folder / "exit").read_text() == "never"
            entry = await b.ended(1)
            assert entry.end is not None and entry.end.exit == 0
            assert mark.read_text() == "x"
        for pid in pids:
            collect(pid)

    asyncio.run(main())


def collect(pid: int) -> None:
    """A child of this process whose first agent is gone."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def test_a_foreign_process_with_the_old_pid_is_not_taken_for_the_program(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        assert runs.Run.attach(tmp_path, other.pid, proof.birth(other.pid) - 1, 100) is None
        found = runs.Run.attach(tmp_path, other.pid, proof.birth(other.pid), 100)
        assert found is not None and not found.ended()
        found.close()
    finally:
        other.kill()
        other.wait()


def test_after_a_start_of_the_computer_nothing_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            b.book.begin(1, 1, "script", ["/bin/true"], 0)
        monkeypatch.setattr(proof, "boot_id", lambda: "another boot")
        async with bench(tmp_path) as b:
            b.jobs.resume()
            entry = await b.ended(1)
            assert entry.end is not None and entry.end.exit is None and "computer" in entry.end.text

    asyncio.run(main())


# -- the journal


def test_what_is_answered_is_forgotten_and_what_is_not_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            b.jobs.start(script(1, "print('hello')"))
            entry = await b.ended(1)
            first, *rest = list(entry.waiting)
            b.book.answered(entry, first)
        for rewrite in (False, True):
            async with bench(tmp_path) as b:
                assert [r.number for r in b.entry(1).waiting] == [r.number for r in rest]
                if rewrite:
                    b.book.rewrite()
        async with bench(tmp_path) as b:
            for report in list(b.entry(1).waiting):
                b.book.answered(b.entry(1), report)
            b.book.rewrite()
        async with bench(tmp_path) as b:
            assert b.entry(1).ended and not b.entry(1).waiting
            assert b.jobs.start(script(1, "print('hello')")).state == "ended"

    asyncio.run(main())


def test_a_torn_end_is_cut_at_every_length(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append({"n": 1}, {"n": 2})
    whole = path.read_bytes()
    journal.append({"n": 3, "text": "ä" * 20})
    journal.close()
    full = path.read_bytes()
    for length in range(len(whole), len(full)):
        path.write_bytes(full[:length])
        again = Journal(path)
        assert [r["n"] for r in again.records] == [1, 2] and again.damaged == 0
        again.append({"n": 4})
        again.close()
        last = Journal(path)
        assert [r["n"] for r in last.records] == [1, 2, 4]
        last.close()


def test_damage_in_the_middle_is_kept_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(*({"n": n} for n in range(5)))
    journal.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    again = Journal(path)
    assert again.damaged == 1 and [r["n"] for r in again.records] == [0, 1, 3, 4]
    again.close()
    assert (tmp_path / "journal.damaged-1").read_bytes() == bytes(data)
    clean = Journal(path)
    assert clean.damaged == 0 and len(clean.records) == 4
    clean.close()


def test_a_full_disk_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with bench(tmp_path) as b:
            journal_fd = b.journal._file
            b.journal._file = os.open("/dev/full", os.O_WRONLY)
            with pytest.raises(NotAllowed, match="journal"):
                b.jobs.start(script(1, f"open({str(tmp_path / 'mark')!r}, 'w')"))
            os.close(b.journal._file)
            b.journal._file = journal_fd
            assert b.book.get(1) is None and not (tmp_path / "mark").exists()

    asyncio.run(main())
