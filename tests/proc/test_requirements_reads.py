"""Interactive reads write nothing: no engine database touched, no fsync anywhere on the way (R146)."""

import contextlib
import shutil
import signal
import subprocess

import pytest

from support.system import until
from support.workers import Worker

pytestmark = pytest.mark.boot
STRACE = shutil.which("strace")
READ_ROUNDS = 4  # of 500 reads; 20 take half a minute under strace
SYNCS = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync"


@contextlib.contextmanager
def watched(pids, found):
    """Every call that forces something to disk, of all threads of `pids`, into the list `found`; needs strace and the right to use it."""
    command = [STRACE, "-f", "-qq", "-e", SYNCS, *(word for pid in pids for word in ("-p", str(pid)))]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: all(tracer.poll() is None and traced(pid) for pid in pids) or tracer.poll() is not None, "strace is attached")
        if tracer.poll() is not None:
            pytest.skip("strace may not attach here")
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        found += tracer.communicate()[1].splitlines()


def traced(pid):
    with open(f"/proc/{pid}/status") as status:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status)


def engine_files(data):
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in data.glob("engine.db*") if not path.name.endswith("-shm")}


@pytest.fixture
def reader(client):
    opened = client.console("WS1").open("S.Work")
    opened.settle(10)
    opened.click("BtnRows1")
    until(lambda: opened["LblR"].text == "read 1", "the statement is prepared")
    yield opened
    opened.close()


def read_500(picture):
    picture.click("BtnReads")
    until(lambda: picture["LblR"].text == "read 500", "500 reads are done", 60)


@pytest.mark.req("R146")
def test_five_hundred_reads_leave_the_engine_database_as_it_was(reader, client, system):
    before = engine_files(system.data)
    assert "engine.db" in before
    client.profile(reset=True)
    read_500(reader)
    assert len([row for row in client.profile() if row["action"] == "DB_READ"]) == 500
    assert engine_files(system.data) == before


@pytest.mark.req("R146")
@pytest.mark.skipif(STRACE is None, reason="needs strace")
def test_five_hundred_reads_force_nothing_to_disk(reader, client):
    pids = {row["pid"] for row in client.ps() if row["kind"] in ("KNL", "SES", "HIS", "DBM")}
    read, saved = [], []
    with watched(pids, read):
        read_500(reader)
    assert [line for line in read if "sync" in line] == []
    picture = client.objects.read("S.Local:PICTURE")
    with watched(pids, saved):
        assert client.objects.save("S.Local", {"PICTURE": f"{picture}\n"}).version
    assert [line for line in saved if "sync" in line], "a save is durable: the watch would have seen it"


@pytest.mark.req("R146")
@pytest.mark.skipif(STRACE is None, reason="needs strace")
def test_reads_force_nothing_to_disk_while_a_work_process_commits(reader, client, system):
    """Reads beside tasks whose ends are forced to disk, each side under its own watch."""
    pids = {row["pid"] for row in client.ps() if row["kind"] in ("KNL", "SES", "HIS", "DBM")}
    worker, read, written = Worker(system.data), [], []
    try:
        with watched(pids, read), watched({worker.pid}, written):
            for _ in range(READ_ROUNDS):
                client.tasks.put([{"func": "engine.count", "args": {"key": "beside"}}] * 50)
                read_500(reader)
                reader.click("BtnRows1")
                until(lambda: reader["LblR"].text == "read 1", "the next round is told from this one")
            until(lambda: client.tasks.facts("beside") == {"beside": 50 * READ_ROUNDS}, "the tasks have run", 60, 0.1)
    finally:
        assert worker.stop() == 0
        worker.close()
    assert [line for line in read if "sync" in line] == []
    assert len([line for line in written if "sync" in line]) >= READ_ROUNDS, "puts and ends are durable"
