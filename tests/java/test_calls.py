"""Tasks of queue java in real Java virtual machines: results, faults, loss and take-over."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import signal
import socket
from collections.abc import Awaitable, Callable
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hisee.schema.timers import BY_NAME as TIMER_ROWS
from hisee.work import service
from java.hall import Hall, hall

pytestmark = pytest.mark.slow
Script = Callable[[Hall], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, jar: Path, services: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Script], None]:
    """Run a coroutine function with a hall."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    async def body(script: Script) -> None:
        async with hall(tmp_path / "data", jar, services) as here:
            await script(here)

    return lambda script: asyncio.run(body(script))


def states(row: Any) -> list[str]:
    return [step["state"] for step in row.steps]


@pytest.mark.req("R142")
def test_a_task_of_the_queue_java_runs_in_the_machine(play):
    async def script(here: Hall) -> None:
        await here.jwp(1)
        args = {"n": 1, "x": -2.5, "t": "ž", "list": [1, None, True, {"k": []}], "wait_ms": 50}
        row = await here.run("echo", args)
        assert (row.state, row.result, row.attempt) == ("ended ok", args, 1)
        assert states(row)[-4:] == ["generated", "started", "active", "ended ok"]
        assert row.generated.startswith("service.echo {")
        assert row.progress is not None

    play(script)


def tariff(args: dict[str, Any]) -> dict[str, Any]:
    """The same sums in Python."""
    zone = ZoneInfo(args["zone"])
    hour = dt.datetime.fromisoformat(args["start"])
    energy: dict[str, Decimal] = {}
    for kwh in args["kwh"]:
        local = hour.astimezone(zone)
        line = next(p for p in args["prices"] if fits(p, local))
        if kwh is not None:
            energy[line["name"]] = energy.get(line["name"], Decimal(0)) + Decimal(repr(kwh))
        hour += dt.timedelta(hours=1)
    price = {p["name"]: Decimal(repr(p["price"])) for p in args["prices"]}
    return {"cost": rounded(sum((energy[n] * price[n] for n in energy), Decimal(0))), "kwh": rounded(sum(energy.values(), Decimal(0))),
            "by": {n: rounded(e) for n, e in energy.items()}}


def fits(line: dict[str, Any], local: dt.datetime) -> bool:
    first, last = line.get("from", 0), line.get("to", 24)
    inside = first <= local.hour < last if first <= last else local.hour >= first or local.hour < last
    return inside and str(local.isoweekday()) in line.get("days", "1234567")


def rounded(value: Decimal) -> float:
    return float(value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN))


PRICES = [{"name": "peak", "price": 0.3105, "days": "12345", "from": 17, "to": 20},
          {"name": "day", "price": 0.2214, "days": "12345", "from": 6, "to": 22},
          {"name": "night", "price": 0.1377, "from": 22, "to": 6}, {"name": "night", "price": 0.1377}]


@pytest.mark.req("R142")
def test_tariff_agrees_with_python_over_both_switches_of_the_clock(play):
    rng = random.Random(1)
    kwh = [rng.choice([None, round(rng.uniform(0, 9), 3)]) for _ in range(500)]
    cases = [{"start": start, "zone": zone, "prices": PRICES, "kwh": kwh[:hours]} for start, zone, hours in (
        ("2026-03-28T00:00:00Z", "Europe/Bratislava", 72), ("2026-10-24T00:00:00Z", "Europe/Bratislava", 72),
        ("2026-01-01T00:00:00Z", "America/New_York", 500), ("2026-06-01T00:00:00Z", "Asia/Kolkata", 50))]

    async def script(here: Hall) -> None:
        await here.jwp(1)
        for case in cases:
            result = (await here.run("tariff", case)).result
            expected = tariff(case)
            assert (result["cost"], result["kwh"]) == (expected["cost"], expected["kwh"])
            assert {n: row["kwh"] for n, row in result["by"].items() if row["hours"]} == expected["by"]
            assert result["missing"] == case["kwh"].count(None)
        for wrong, words in (
                ({"zone": "Mars/Base"}, "unknown time zone"), ({"prices": []}, "prices"), ({"kwh": ["1e999999999"]}, "no number"),
                ({"prices": PRICES[:1]}, "no line of prices"), ({"start": "noon"}, "is no time")):
            row = await here.run("tariff", cases[0] | wrong)
            assert (row.state, row.attempt) == ("ended not ok", 1) and words in row.text

    play(script)


@pytest.mark.req("R142")
def test_nobody_offers_the_service(play, monkeypatch):
    """Named in the end; until then a process that comes late takes the call."""
    monkeypatch.setattr(service, "AGAIN_NS", 20_000_000)
    monkeypatch.setattr(service, "WAIT_NS", 300_000_000)

    async def script(here: Hall) -> None:
        row = await here.run("nothing")
        assert (row.state, row.attempt) == ("ended not ok", 1)
        assert "no Java work process offers service nothing" in row.text
        monkeypatch.setattr(service, "WAIT_NS", 60_000_000_000)
        waiting = here.put("echo", {"a": 1})
        await here.until(lambda: "no Java work process offers service echo" in here.task(waiting).progress_text, "the reason is shown")
        await here.jwp(1)
        assert (await here.end_of(waiting)).result == {"a": 1}

    play(script)
    assert TIMER_ROWS["service_wait"].ms > TIMER_ROWS["rrs_delay"].ms * 3  # a process that is started again is waited for


@pytest.mark.req("R142", "R110")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_process_is_taken_over_and_answers_once(play, number):
    async def script(here: Hall) -> None:
        await asyncio.gather(here.jwp(1), here.jwp(2))
        tasks = [here.put("echo", {"n": n, "wait_ms": 600}) for n in range(3)]
        first = await here.active(tasks[0])
        here.children[first].send_signal(number)
        rows = [await here.end_of(task) for task in tasks]
        assert [row.result for row in rows] == [{"n": n, "wait_ms": 600} for n in range(3)]
        assert rows[0].attempt == 2 and states(rows[0]).count("ended ok") == 1
        assert here.replies == 3
        if number == signal.SIGSTOP:
            here.children[first].send_signal(signal.SIGCONT)
            assert await here.ended(first) == 75  # it finds its session lost, and nobody takes its answers
            assert here.replies == 3

    play(script)


def test_faults_of_a_service_end_its_own_call_only(play):
    async def script(here: Hall) -> None:
        child = await here.jwp(1)
        refused = await here.run("trials", {"what": "refuse"})
        assert (refused.state, refused.attempt, refused.text) == ("ended not ok", 1, "not with me")
        for what, words in (("throw", "broken"), ("recurse", "StackOverflowError"), ("object", "cannot be sent")):
            row = await here.run("trials", {"what": what}, max_attempts=2)
            assert (row.state, row.attempt) == ("dead letter", 2) and words in row.text
        number = here.put("trials", {"what": "task"})
        assert (await here.end_of(number)).result == number
        assert (await here.run("trials", {"what": "noisy"})).result == "done"
        assert len((await here.run("trials", {"what": "big", "size": 3_000_000})).result) == 3_000_000
        assert child.poll() is None
        assert "a service cannot be loaded" in here.log("JWP001")  # trials.Missing; the others are there all the same

    play(script)


def test_the_example_of_the_manual_works(play):
    async def script(here: Hall) -> None:
        await here.jwp(1)
        assert (await here.run("doubled", {"n": 21})).result == {"n": 42}
        assert (await here.run("doubled", {"n": "x"})).text == "n is no whole number"

    play(script)


def test_time_limits(play):
    """The thread of a service that ignores its limit is lost; a process without threads ends, so that another one begins."""
    async def script(here: Hall) -> None:
        await here.jwp(1)
        row = await here.run("echo", {"wait_ms": 60_000}, timeout_s=0.2, max_attempts=1)
        assert "no result within 200 ms" in row.text
        for _ in range(2):
            assert "no result within" in (await here.run("trials", {"what": "stuck"}, timeout_s=0.1, max_attempts=1)).text
        assert await here.ended("JWP001") == 70

    play(script)


def test_a_service_without_memory_ends_the_process_and_is_a_dead_letter(play):
    async def script(here: Hall) -> None:
        await asyncio.gather(here.jwp(1), here.jwp(2))
        row = await here.run("trials", {"what": "memory"}, max_attempts=2)
        assert row.state == "dead letter" and "ended during the request" in row.text
        assert [await here.ended(name) for name in ("JWP001", "JWP002")] == [3, 3]

    play(script)


def test_load_is_spread_and_cancelled_tasks_end_where_they_run(play):
    async def script(here: Hall) -> None:
        await asyncio.gather(here.jwp(1), here.jwp(2))
        tasks = [here.put("echo", {"n": n}) for n in range(300)]
        assert [(await here.end_of(task)).result for task in tasks] == [{"n": n} for n in range(300)]
        told = [(await here.tell(name, "STATUS")).text for name in ("JWP001", "JWP002")]
        assert all('"calls":0' not in text for text in told)
        long = here.put("echo", {"wait_ms": 60_000})
        name = await here.active(long)
        assert here.engine.cancel(long)
        await here.until(lambda: len(here.services) == 0, "the claim is left")
        for _ in range(500):
            if '"running":0' in (told := (await here.tell(name, "STATUS")).text):
                break
            await asyncio.sleep(0.02)
        assert '"running":0' in told

    play(script)


@pytest.mark.req("R85")
def test_commands_and_an_ordered_end_that_completes_what_runs(play):
    async def script(here: Hall) -> None:
        await asyncio.gather(here.jwp(1), here.jwp(2))
        assert (await here.tell("JWP001", "PING")).result == "ok"
        assert "STOP" in (await here.tell("JWP001", "HELP")).text and "START NAME" not in (await here.tell("JWP001", "HELP")).text
        assert (await here.tell("JWP001", "DRAIN")).result == "ignored"
        assert (await here.tell("JWP001", "LOG UP")).result == "error"
        assert (await here.tell("JWP001", "LOG SHIFT")).result == "ok"
        assert (here.data.log_dir / "JWP001.01.log").exists()
        for line in ("DI ON", "TRACE ON", "E +CALLS"):
            assert (await here.tell("JWP001", line)).result == "ok"
        task = here.put("echo", {"wait_ms": 500})
        name = await here.active(task)
        other = next(n for n in here.children if n != name)
        assert (await here.tell(name, "STOP")).result == "ok"
        row = await here.end_of(task)
        assert (row.state, row.attempt) == ("ended ok", 1)
        here.children[other].send_signal(signal.SIGTERM)
        assert [await here.ended(n) for n in (name, other)] == [0, 0]
        assert all(p.state.value == "Stop" for p in here.core.registry if p.kind == "JWP")
        assert (here.data.log_dir / "JWP001.trace.00.log").exists()

    play(script)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


@pytest.mark.req("R91")
def test_the_port_stays_bound_and_no_secret_is_to_be_seen(play):
    async def script(here: Hall) -> None:
        port = free_port()
        child = await here.jwp(1, port)
        with socket.socket() as other, pytest.raises(OSError):
            other.bind(("", port))
        with socket.socket() as client, pytest.raises(ConnectionRefusedError):
            client.connect(("127.0.0.1", port))
        seen = Path(f"/proc/{child.pid}/cmdline").read_bytes() + Path(f"/proc/{child.pid}/environ").read_bytes()
        secret = here.data.secret()
        assert secret not in seen and secret.hex().encode() not in seen
        process = here.process("JWP001")
        assert process is not None and process.pid == child.pid and process.facts["port"] == port
        assert process.link is not None and process.link.carrier == "unix"

    play(script)
