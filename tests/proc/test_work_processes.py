"""Work processes of a real system: names, primary and roles, queues and their order, dialog, cold start, ordered end."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

import hisee
from campaigns import counters, roles
from hisee.api import RequestRefused
from hisee.cli.main import run_command
from hisee.durable import TaskFailed
from hisee.engine import open_engine
from hisee.engine.coordinator import Coordinator, TaskRequest
from hisee.schema.timers import BY_NAME as TIMERS
from support.system import RunningSystem, running, until
from support.workers import Worker, work_processes

pytestmark = pytest.mark.boot


@pytest.fixture(scope="module")
def ports() -> list[int]:
    held = [socket.socket() for _ in range(8)]
    for one in held:
        one.bind(("", 0))
    found = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return found


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, ports: list[int]) -> Iterator[RunningSystem]:
    folder = tmp_path_factory.mktemp("work")
    shutil.copytree(counters.APP, folder / "app")
    with open(folder / "app" / "app.toml", "a") as file:
        file.write(f"\n[ports]\nwp = {ports}\n")
    with running(folder / "app", folder / "data") as started:
        yield started


@pytest.fixture
def engine(system: RunningSystem) -> Iterator[Coordinator]:
    """The engine database beside all work processes: to fill queues while none runs, and to look at."""
    opened = open_engine("", system.data)
    yield opened
    opened.close()


@pytest.fixture
def client(system: RunningSystem) -> Iterator[hisee.System]:
    with system.connect() as connected:
        yield connected


def request(func: str, queue: str = "general", **more: Any) -> TaskRequest:
    fields = {name: more.pop(name) for name in ("priority", "due_ms") if name in more}
    return TaskRequest(func=func, queue=queue, args=more, **fields)


def all_done(engine: Coordinator) -> bool:
    return all(row.waiting + row.running == 0 for row in engine.queues().values())


def status(client: hisee.System, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(client.tell(name, "STATUS").text)
    return facts


def mode_of(client: hisee.System, name: str) -> str:
    return next(row["kind"] for row in client.ps() if row["name"] == name)


def roles_are(client: hisee.System, primary: str, o: str, r: str) -> None:
    until(lambda: client.roles() == {"primary": primary, "O": o, "R": r}, f"{primary} {o} {r}", 20)


# -- names, ready line, roles


@pytest.mark.req("R90", "R91", "R92", "R93", "R95", "R118")
def test_numbers_come_from_the_list_and_name_process_and_log(system, client, ports):
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", ports[1]))
        foreign.listen()
        with work_processes(system.data, 2) as (first, second):
            assert [first.name, second.name] == ["WP001", "WP003"], "number 2 has a port that is taken"
            rows = {row["name"]: row for row in client.ps()}
            assert [(rows[n]["kind"], rows[n]["port"], rows[n]["pid"]) for n in ("WP001", "WP003")] == [
                ("PWP", ports[0], first.pid), ("WP", ports[2], second.pid)]
            assert f"pid {first.pid}" in system.log("WP001.00.log") and f"pid {second.pid}" in system.log("WP003.00.log")
            assert not list((system.data / "log").glob("WP.pid*")), "the temporary name is gone"
            with pytest.raises(ConnectionRefusedError), socket.socket() as caller:
                caller.connect(("127.0.0.1", ports[0]))


@pytest.mark.req("R97")
def test_no_work_before_the_ready_line(system, engine):
    ids = engine.put([request("tasks.count", key="ready")] * 20)
    with work_processes(system.data, 1):
        until(lambda: all_done(engine), "the queue is empty", 30)
    line = next(line for line in system.log("WP001.00.log").splitlines() if "is ready and takes work" in line)
    ready = line.split()[0]
    began = [step["at_ms"] for task in ids for step in engine.task(task).steps if step["state"] == "activated"]
    assert len(began) == 20 and stamp(min(began)) >= ready


def stamp(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(ms / 1000)) + f".{ms % 1000:03d}"


@pytest.mark.req("R94")
def test_of_three_started_at_once_one_is_primary(system, client):
    for _ in range(2):
        with work_processes(system.data, 3, at_once=True) as workers:
            names = [worker.name for worker in workers]
            until(lambda: sum(row["kind"] == "PWP" for row in client.ps()) == 1, "one primary", 20)
            taken = [f"{name} is primary" in system.log(f"{name}.00.log") for name in names]
            assert taken.count(True) == 1 and sorted(names) == ["WP001", "WP002", "WP003"]


@pytest.mark.req("R100", "R101", "R102", "R103", "R104")
def test_roles_go_to_those_who_come_and_back_to_the_primary(system, client):
    with work_processes(system.data, 1) as workers:
        roles_are(client, "WP001", "WP001", "WP001")
        workers.append(Worker(system.data))
        roles_are(client, "WP001", "WP002", "WP001")
        workers.append(Worker(system.data))
        roles_are(client, "WP001", "WP002", "WP003")
        workers.append(Worker(system.data))
        workers[1].kill()
        roles_are(client, "WP001", "WP004", "WP003")
        workers[3].kill()
        roles_are(client, "WP001", "WP001", "WP003")
        workers.append(Worker(system.data))
        roles_are(client, "WP001", "WP002", "WP003")
        workers[0].kill()
        until(lambda: client.roles()["primary"] in ("WP002", "WP003"), "another primary", 20)


def test_places_are_right_through_random_changes(system):
    print(roles.run(system, steps=3, takeovers=1, most=3))


# -- queues


@pytest.mark.req("R105")
def test_requests_of_a_role_are_run_by_its_holder_alone(system, client, engine):
    with work_processes(system.data, 3):
        roles_are(client, "WP001", "WP002", "WP003")
        tasks = client.tasks.put([{"func": "tasks.count", "queue": "O", "args": {"key": "O"}}] * 100)
        until(lambda: all_done(engine), "all are run", 30)
        ran = {name: status(client, name).get("ran.O", 0) for name in ("WP001", "WP002", "WP003")}
        assert ran == {"WP001": 0, "WP002": 100, "WP003": 0}
        assert {step["by"] for step in tasks[7].row["steps"] if step["state"] == "activated"} == {"WP002"}


@pytest.mark.req("R106", "R107", "R108")
def test_the_primary_first_then_roles_then_the_general_queue(system, engine, tmp_path):
    ranks = ("primary", "O", "R", "general")
    for queue in reversed(ranks):
        engine.put([request("tasks.note", queue, path=str(tmp_path / "order"), word=queue)] * 20)
    with work_processes(system.data, 1):
        until(lambda: all_done(engine), "all are run", 30)
    assert (tmp_path / "order").read_text().split() == [queue for queue in ranks for _ in range(20)]


@pytest.mark.req("R109")
def test_order_is_due_then_priority_then_due_time_then_arrival(system, engine, tmp_path):
    now = int(time.time() * 1000)
    wanted = [("first", 1, 0), ("early", 5, now - 2000), ("late", 5, now - 1000), ("came", 5, now - 500), ("after", 5, now - 500),
              ("last", 9, 0)]
    shuffled = [wanted[place] for place in (5, 2, 3, 0, 4, 1)]
    engine.put([request("tasks.note", path=str(tmp_path / "order"), word=w, priority=p, due_ms=due) for w, p, due in shuffled])
    engine.put([request("tasks.note", path=str(tmp_path / "order"), word="due", priority=0, due_ms=now + 1500)])
    with work_processes(system.data, 1):
        until(lambda: all_done(engine), "all are run", 30)
    assert (tmp_path / "order").read_text().split() == [*(word for word, _, _ in wanted), "due"]


@pytest.mark.req("R110", "R111")
def test_killed_work_is_done_once_by_the_others(system):
    print(counters.run(system, count=1000, kills=4, seed=11))


@pytest.mark.req("R111")
def test_a_frozen_one_loses_its_work_and_ends_when_it_wakes(system):
    print(counters.run(system, count=300, kills=1, stop=True, seed=12))


@pytest.mark.req("R98", "R99")
def test_every_instant_ticks_once_whoever_is_primary(system, client, engine):
    with work_processes(system.data, 3) as workers:
        client.tasks.schedule("tick", "every 0.2", "tasks.count", key="tick")
        until(lambda: (engine.fact("tick") or 0) >= 3, "ticks", 20)
        primary = next(w for w in workers if w.name == client.roles()["primary"])
        primary.kill()
        until(lambda: client.roles()["primary"] not in (None, primary.name), "another primary", 20)
        before = engine.fact("tick")
        until(lambda: engine.fact("tick") >= before + 4, "ticks go on", 20)
        client.tasks.drop_schedule("tick")
        assert "tick" not in [row["name"] for row in client.tasks.schedules()]
    instants = sorted(int(row.key.partition("@")[2]) for row in engine.tasks(func="tasks.count", limit=1000) if row.key.startswith("tick@"))
    assert {after - before for before, after in zip(instants, instants[1:], strict=False)} == {200}


# -- dialog


@pytest.mark.req("R112", "R113", "R145")
def test_a_dialog_process_answers_and_takes_no_batch_work(system, client, engine):
    with work_processes(system.data, 3) as workers:
        roles_are(client, "WP001", "WP002", "WP003")
        assert client.tell("WP001", "MODE DWP").result == "aborted", "the primary stays"
        engine.put([request("tasks.count", key="batch", ms=30)] * 10_000)
        assert client.tell("WP003", "MODE DWP").result == "ok"
        until(lambda: mode_of(client, "WP003") == "DWP" and client.roles()["R"] == "WP001", "WP003 is a dialog process", 20)
        until(lambda: dialog_only(status(client, "WP003")), "it looks at no other queue and has ended its last batch task", 20)
        before = status(client, "WP003")
        latencies = [timed(lambda: client.tasks.list(limit=1)) for _ in range(20)]
        assert client.enqueue("engine.echo", queue="dialog", value=5).result(30) == 5
        after = status(client, "WP003")
        assert after.get("ran.general", 0) == before.get("ran.general", 0), "a dialog process took batch work"
        assert after["dialog_answered"] > before["dialog_answered"] and after["ran.dialog"] == 1
        assert engine.queues()["general"].waiting > 5000
        print(f"dialog with {engine.queues()['general'].waiting} waiting: median {sorted(latencies)[10] * 1000:.1f} ms")
        assert client.tell("WP003", "MODE WP").result == "ok"
        until(lambda: mode_of(client, "WP003") == "WP", "it is a plain one again", 20)
        for worker in workers:
            worker.kill()
    forget_what_waits(system, engine)


def dialog_only(facts: dict[str, Any]) -> bool:
    return facts["queues"] == ["dialog"] and facts["task"] is None


def timed(call: Any) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


# -- cold start


@pytest.mark.req("R114", "R115", "R117")
def test_a_cold_start_deletes_what_waits_and_marks_what_was_begun(system, engine):
    waiting = engine.put([request("tasks.count", key="cold")] * 500)
    with work_processes(system.data, 1) as workers:
        begun = engine.put([request("tasks.long", priority=0, seconds=60)])[0]
        until(lambda: engine.task(begun).state == "active", "a task runs", 30)
        workers[0].kill()
    left = engine.queues()["general"].waiting
    forget_what_waits(system, engine)
    assert engine.task(begun).state == "review" and (engine.fact("cold") or 0) == 500 - left
    assert f"cold start: deleted {left} waiting requests of queue general" in system.log("WP001.01.log") + system.log("WP001.00.log")
    assert sum(engine.task(task) is None for task in waiting) == left


def forget_what_waits(system: RunningSystem, engine: Coordinator) -> None:
    with work_processes(system.data, 1, "--cold"):
        assert all_done(engine)


@pytest.mark.req("R114")
def test_a_normal_start_runs_what_waits(system, engine):
    before = engine.fact("normal") or 0
    engine.put([request("tasks.count", key="normal")] * 500)
    with work_processes(system.data, 1):
        until(lambda: all_done(engine), "all are run", 30)
    assert engine.fact("normal") == before + 500


@pytest.mark.req("R116")
def test_cold_on_a_running_system_deletes_nothing(system, engine):
    with work_processes(system.data, 1):
        ids = engine.put([request("tasks.count", key="joins", due_ms=int(time.time() * 1000) + 3_600_000)] * 50)
        with work_processes(system.data, 1, "--cold"):
            assert sum(engine.task(task) is not None for task in ids) == 50
            assert "WARNING hisee.work.cold --cold deletes nothing: the system runs (WP001)" in system.log("WP002.00.log")
        for task in ids:
            engine.cancel(task)


# -- end


@pytest.mark.req("R129")
@pytest.mark.parametrize("how", ["SIGTERM", "STOP"])
def test_an_ordered_end_finishes_the_present_task(system, client, engine, how):
    with work_processes(system.data, 2, at_once=True) as workers:
        workers.sort(key=lambda worker: worker.name)
        began = client.tasks.put([{"func": "tasks.long", "args": {"seconds": 0.7}}] * 2)
        until(lambda: all(task.state == "active" for task in began), "both run", 30)
        waits = client.enqueue("tasks.count", key="others")
        if how == "STOP":
            assert client.tell(workers[0].name, "STOP").result == "ok"
        else:
            workers[0].signal(signal.SIGTERM)
        assert workers[0].child.wait(30) == 0
        assert [task.result(30) for task in began] == ["done", "done"]
        assert [task.row["attempt"] for task in began] == [1, 1]
        waits.result(30)
        row = next(row for row in client.ps() if row["name"] == "WP001")
        assert row["state"] == "Stop" and workers[1].lives


def test_the_end_of_a_buried_process_has_its_own_exit_code(system, engine):
    with work_processes(system.data, 2, at_once=True) as workers:
        member = next(m for m in engine.members() if m.pid == workers[1].pid and not m.ended_ms)
        engine.bury(member.incarnation, "by a test")
        assert workers[1].child.wait(30) == 75


# -- the command line


@pytest.fixture(scope="class")
def at_work(system: RunningSystem) -> Iterator[list[Worker]]:
    with work_processes(system.data, 1) as workers:
        yield workers


@pytest.fixture
def here(system: RunningSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system that commands of this process find."""
    monkeypatch.setenv("HISEE_DATA", str(system.data))


@pytest.mark.usefixtures("at_work", "here")
class TestAtWork:
    """One work process; tasks by command and by program."""

    def test_tasks_from_the_command_line(self, client, engine, capsys, tmp_path):
        def run(*words: str, code: int = 0) -> str:
            assert run_command(["task", *words]) == code
            return capsys.readouterr().out

        ids = [int(line) for line in run("enqueue", "tasks.count", "--count", "3", "--arg", "key=line", "--arg", "ms=1").split()]
        until(lambda: engine.fact("line") == 3, "they are run", 30)
        assert [row["id"] for row in json.loads(run("list", "--func", "tasks.count", "--limit", "3", "--json"))] == ids[::-1]
        assert str(ids[0]) in run("list") and "ended ok" in run("list", "--state", "ended ok", "--limit", "1")
        shown = run("show", str(ids[0]))
        assert all(word in shown for word in ("registered", "V7101", "activated", "WP001", "ended ok", "V7110", '{"key": "line", "ms": 1}'))
        assert json.loads(run("show", str(ids[0]), "--json"))["steps"][0]["state"] == "registered"
        assert run("enqueue", "engine.echo", "--arg", "value=a text", "--wait").splitlines()[1] == '"a text"'
        later = run("enqueue", "engine.echo", "--due", "+1h", "--key", "k", "--priority", "5").split()[0]
        assert run("enqueue", "engine.echo", "--due", "+1h", "--key", "k").split()[0] == later
        assert run("cancel", later) == "" and run("cancel", later, code=1) == ""
        assert run_command(["task", "enqueue", "tasks.fail", "--arg", "text=too cold", "--wait"]) == 1
        out, said = capsys.readouterr()
        number = out.splitlines()[0]
        assert re.fullmatch(rf"hisee: task {number} \(tasks\.fail\) dead letter: tasks\.py, line \d+: ValueError: too cold; .*\n", said)
        assert run("retry", number) == "" and client.tasks[int(number)].wait(30)["attempt"] == 1
        run("schedule", "put", "nightly", "tasks.count", "--cron", "5 2 * * *", "--arg", "key=night")
        row = next(r for r in json.loads(run("schedule", "list", "--json")) if r["name"] == "nightly")
        assert (row["rule"], row["zone"], row["request"]["args"]) == ("cron 5 2 * * *", "Europe/Bratislava", {"key": "night"})
        assert "nightly" in run("schedule", "list") and run("schedule", "drop", "nightly") == ""

    @pytest.mark.parametrize(("words", "says"), [
        (["enqueue", "tasks.nothing"], "tasks.count"),
        (["enqueue", "tasks.count", "--queue", "java"], "queue java cannot run tasks.count"),
        (["enqueue", "tasks.count", "--arg", "colour=red"], "colour"),
        (["show", "999999999"], "no task 999999999"),
        (["schedule", "put", "x", "engine.echo", "--cron", "99 * * * *"], "99"),
        (["schedule", "drop", "nobody"], "no schedule 'nobody'"),
    ])
    def test_what_cannot_be_done_is_said_in_one_line(self, capsys, words, says):
        assert run_command(["task", *words]) == 1
        said = capsys.readouterr().err
        assert said.startswith("hisee: ") and says in said and said.count("\n") == 1

    def test_python_api_of_tasks(self, client, engine):
        assert client.enqueue("engine.echo", value={"a": [1]}).result(30) == {"a": [1]}
        with pytest.raises(TaskFailed, match="ValueError: no"):
            client.enqueue("tasks.fail").result(30)
        with pytest.raises(RequestRefused, match="engine.echo"):
            client.enqueue("tasks.nothing")
        spread = client.enqueue("tasks.spread", count=5)
        spread.result(30)
        until(lambda: client.tasks.facts("spread").get("spread") == 5, "what a task put is run", 30)
        long = client.enqueue("tasks.long", seconds=1)
        until(lambda: (long.progress or 0) > 0.2, "its progress is seen", 30)
        assert long.cancel() and long.state == "cancelled" and client.tasks.facts(f"long/{long.id}") == {}

    def test_effects_outside_leave_once_with_their_key(self, system, client):
        client.enqueue("tasks.publish", value=77).result(30)
        until(lambda: client.get("U.Sum") == 77, "the value is set", 30)
        until(lambda: system.log("events.log").count("Sum: is 77") == 1, "people are told", 30)

    def test_requests_are_answered_while_the_worker_is_busy(self, client):
        busy = client.enqueue("engine.sleep", seconds=1)
        until(lambda: busy.state == "active", "it runs", 20)
        other = client.enqueue("engine.echo", value=1)
        assert other.state == "ready" and other.cancel() and other.state == "cancelled"
        assert busy.result(60) == 1


def test_waiting_for_the_turn_to_write_costs_nobody_its_lease(system, client, engine):
    """Somebody keeps all others from writing for longer than a lease: everybody waits, nobody is taken for dead."""
    with work_processes(system.data, 3, at_once=True) as workers:
        with open(system.data / "engine.turn") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            time.sleep(TIMERS["lease"].ms / 1000 + 1)
        task = client.enqueue("tasks.count", key="turn")
        task.result(30)
        time.sleep(TIMERS["lease_renew"].ms / 1000)
        assert all(worker.lives for worker in workers), [worker.said() for worker in workers]
        assert sum(not m.ended_ms for m in engine.members() if m.kind == "WP") == 3


# -- tasks.py while the system runs


def test_a_saved_tasks_file_is_taken_at_once(system, client, engine, capsys, here):
    """Saved, and used the moment the save returns; every work process has it, the schedules follow, a mistake changes nothing."""
    path = system.data.parent / "app" / "tasks.py"
    text = path.read_text()
    more = 'def fresh(ctx, n):\n    return n + 1\n\n\n@hisee.task(schedule="every 3600")\ndef hourly(ctx):\n    pass\n'
    with work_processes(system.data, 2, at_once=True):
        try:
            path.write_text(f"{text}\n\n{more}")
            assert run_command(["save", str(path.parent)]) == 0 and "tasks.py version" in capsys.readouterr().out
            tasks = [client.enqueue("tasks.fresh", n=n) for n in range(40)]
            assert [task.result(30) for task in tasks] == list(range(1, 41))
            until(lambda: "tasks.hourly" in [schedule.name for schedule in engine.schedules()], "its schedule is made", 30)
            before = client.objects.read("APP:TASKS")
            refused = client.objects.save("APP", {"TASKS": f"{text}\n\ndef broken(ctx:\n"})
            [found] = refused.diagnostics
            assert refused.version == 0 and (found["file"], found["line"]) == ("tasks.py", text.count("\n") + 3)
            assert "SyntaxError" in found["message"] and client.objects.read("APP:TASKS") == before
            assert client.objects.save("APP", {"TASKS": f"{text}\nimport no_such_module\n"}).version, "only a work process finds out"
            until(lambda: "no_such_module" in system.log("WP001.00.log"), "the mistake is told", 30)
            assert client.enqueue("tasks.fresh", n=1).result(30) == 2, "the functions known before stay"
        finally:
            path.write_text(text)
            run_command(["save", str(path.parent)])
        until(lambda: "tasks.hourly" not in [schedule.name for schedule in engine.schedules()], "its schedule is dropped", 30)
        with pytest.raises(RequestRefused, match=r"tasks\.fresh"):
            client.enqueue("tasks.fresh", n=1)
