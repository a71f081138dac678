"""Log files of a process: names, shift, limits, temporary names, and the second process of a name."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisee import process
from hisee.logfiles import DAY_NS, ShiftingLog, file_of, files_of, limits_of
from support.command import environment

BOUNDS = {"log_files": 3, "log_bytes": 2_000, "log_days": 14}


class Clock:
    """Days pass when the test says so."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ms(self) -> int:
        return self.ns // 1_000_000

    def monotonic_ns(self) -> int:
        return self.ns


@contextlib.contextmanager
def opened(folder: Path, name: str, **more: object) -> Iterator[ShiftingLog]:
    log = ShiftingLog(folder, name, **{"bounds": BOUNDS, **more})  # type: ignore[arg-type]
    try:
        yield log
    finally:
        log.close()


def line(log: ShiftingLog, text: str) -> None:
    log.handle(logging.makeLogRecord({"name": "test", "levelname": "INFO", "msg": text}))


@pytest.fixture
def own_log(tmp_path: Path) -> Iterator[Path]:
    """The test process logs as a process does, and is put right again."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield tmp_path / "log"
    for handler in [*root.handlers, *logging.getLogger(process.TRACE_LOGGER).handlers]:
        if isinstance(handler, ShiftingLog):
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger(process.TRACE_LOGGER).handlers.clear()
    faulthandler.enable()
    process.CRASH_FILES.pop().close()
    process.set_title("test")


@pytest.mark.req("R87", "R131")
def test_the_newest_file_is_00_and_the_oldest_is_dropped(tmp_path):
    for run in range(5):
        with opened(tmp_path, "WP001") as log:
            line(log, f"run {run}")
    assert [p.name for p in files_of(tmp_path, "WP001")] == ["WP001.00.log", "WP001.01.log", "WP001.02.log"]
    for text, path in zip(("run 4", "run 3", "run 2"), files_of(tmp_path, "WP001"), strict=True):
        assert text in path.read_text()


@pytest.mark.req("R87")
def test_a_full_file_is_followed_by_a_new_one_and_no_line_is_lost(tmp_path):
    told = []
    with opened(tmp_path, "WP001") as log:
        log.shifted = lambda: told.append(1)
        for number in range(80):
            line(log, f"line {number:02d} {'x' * 60}")
    files = files_of(tmp_path, "WP001")
    assert len(files) == 3 and all(path.stat().st_size <= BOUNDS["log_bytes"] for path in files)
    kept = [found for path in reversed(files) for found in re.findall(r"line (\d\d)", path.read_text())]
    assert kept == [f"{n:02d}" for n in range(80 - len(kept), 80)] and 30 < len(kept) < 80 and len(told) >= 3


def test_an_old_file_is_followed_by_a_new_one(tmp_path):
    clock = Clock()
    with opened(tmp_path, "WP001", clock=clock) as log:
        line(log, "young")
        clock.ns = 13 * DAY_NS
        line(log, "still young")
        clock.ns = 14 * DAY_NS
        line(log, "new")
    new, old = (path.read_text() for path in files_of(tmp_path, "WP001"))
    assert "new" in new and "still young" in old


@pytest.mark.req("R93")
def test_the_temporary_name_is_given_up_with_everything_written_under_it(tmp_path):
    with opened(tmp_path, "WP", temporary=True) as log:
        line(log, "looking for a number")
        assert [p.name for p in tmp_path.iterdir()] == [log.path.name] and ".pid" in log.path.name
        log.rename("WP002")
        line(log, "found")
    assert [p.name for p in tmp_path.iterdir()] == ["WP002.00.log"]
    text = file_of(tmp_path, "WP002").read_text()
    assert "looking for a number" in text and "found" in text


def test_temporary_files_of_those_that_never_got_a_name_do_not_pile_up(tmp_path):
    for number in range(10):
        (tmp_path / f"WP.pid{number}.log").write_text("no number was free\n")
    with opened(tmp_path, "WP", temporary=True):
        assert len(list(tmp_path.iterdir())) == BOUNDS["log_files"]


def test_a_second_process_of_the_name_leaves_the_files_of_the_first_alone(tmp_path):
    probe = ("from pathlib import Path; from hisee.logfiles import ShiftingLog; "
             f"print(ShiftingLog(Path({str(tmp_path)!r}), 'SRV1.KNL').path.name)")
    with opened(tmp_path, "SRV1.KNL") as log:
        line(log, "first")
        second = subprocess.run([sys.executable, "-c", probe], env=environment(), capture_output=True, text=True, check=True)
        assert ".pid" in second.stdout and [p.name for p in files_of(tmp_path, "SRV1.KNL")] == ["SRV1.KNL.00.log"]
    third = subprocess.run([sys.executable, "-c", probe], env=environment(), capture_output=True, text=True, check=True)
    assert third.stdout.strip() == "SRV1.KNL.00.log"


def test_limits_come_from_the_running_system_or_the_table(tmp_path):
    assert limits_of(tmp_path / "log")["log_files"] == 10
    (tmp_path / "run.json").write_text(json.dumps({"limits": {"log_files": 4}}))
    assert limits_of(tmp_path / "log")["log_files"] == 4
    (tmp_path / "run.json").write_text(json.dumps({"limits": {"log_files": "many"}}))
    assert limits_of(tmp_path / "log")["log_files"] == 10


def test_a_line_that_cannot_be_written_costs_nothing_else(tmp_path):
    with opened(tmp_path, "WP001") as log:
        whole = log._file
        with open("/dev/full", "ab", buffering=0) as full:
            log._file = full
            line(log, "no room")
            log._file = whole
        line(log, "room again")
    assert "room again" in file_of(tmp_path, "WP001").read_text()


@pytest.mark.req("R93", "R131")
def test_a_process_shifts_log_and_trace_and_tells_others_only_of_its_own_change(own_log):
    process.named_log(own_log, "WP", temporary=True)
    process.trace_log(True).info("a message")
    told = []
    process.on_log_shift(lambda: told.append(1))
    process.rename_log("WP003")
    assert {p.name for p in own_log.iterdir()} == {"WP003.00.log", "WP003.trace.00.log", "WP003.crash"}
    process.shift_log(told=True)
    assert told == [] and {"WP003.01.log", "WP003.trace.01.log"} <= {p.name for p in own_log.iterdir()}
    process.shift_log()
    assert told == [1] and (own_log / "WP003.02.log").exists()
    process.trace_log(False).info("nobody writes this")
    assert "nobody" not in (own_log / "WP003.trace.00.log").read_text()
