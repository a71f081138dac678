"""SIGKILL of every process of a system at a random instant, again and again: whatever was acknowledged is there after a NORMAL start.

Clients put tasks (due at once and due later), set retained values, save an object and change schedules; each notes what was acknowledged
and what was under way at the kill (which may have happened or not). After the restart everything is read back and compared.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hisee
from campaigns.counters import engine_options, engine_url
from hisee.errors import HiseeError
from support.system import RunningSystem, until

APP = Path(__file__).with_name("blackout_app")
VALUES = [f"U.V{n}" for n in range(4)]
OBJECT = "S.Board"
FAR = 10**15  # due so late that it waits through the whole campaign
HEAL_S = 120.0
LATEST_S = 2.0  # of a kill after the clients began


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="0 = a new one")
    engine_options(parser)


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with engine_url(given.url) as url, tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder:
        return run(Path(folder), kills=given.kills, seed=given.seed or time.time_ns(), url=url)


@dataclass
class Ledger:
    """What was acknowledged; `doubt` holds what was asked for and not answered when the system died."""

    waiting: set[int] = field(default_factory=set)  # tasks due far away
    counted: set[int] = field(default_factory=set)  # numbers of counting tasks
    doubt: set[int] = field(default_factory=set)  # numbers whose put was not answered
    values: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)  # newest number sent for each value
    text: list[str] = field(default_factory=lambda: [""])  # texts that the part may have: the acknowledged one, and one under way
    schedules: dict[str, str] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)  # schedules under way


def run(folder: Path, *, kills: int = 2, seed: int = 1, url: str = "") -> dict[str, Any]:
    """Figures; AssertionError when something acknowledged is gone or happened twice. `url`: of the engine database, "" = SQLite."""
    app, rng, ledger = folder / "app", random.Random(seed), Ledger()
    shutil.copytree(APP, app)
    if url:
        with open(app / "app.toml", "a") as file:
            file.write(f'\n[engine]\nurl = "{url}"\n')
    acknowledged = 0
    for number in range(kills):
        system = RunningSystem(app, folder / "data")
        try:
            check(system, ledger)
            acknowledged += disturb(system, ledger, number, rng.uniform(0.05, LATEST_S))
        finally:
            black_out(system)
    return {"seed": seed, "kills": kills, "acknowledged": acknowledged, **at_the_end(app, folder / "data", ledger)}


def disturb(system: RunningSystem, ledger: Ledger, number: int, seconds: float) -> int:
    """Clients at work, and a kill of everything in the middle of it; how many of their requests were acknowledged."""
    works = [put_now, put_later, set_values, save, schedule]
    clients = [Client(system, work, ledger, number) for work in works]
    for client in clients:
        client.start()
    until(lambda: any(client.done for client in clients), "a first request is acknowledged", 60)
    time.sleep(seconds)
    busy = sum(client.asking for client in clients)
    black_out(system)
    for client in clients:
        client.join(60)
    assert not any(client.is_alive() for client in clients), "a client hangs after the kill"
    assert busy, "the kill met no open request"
    return sum(client.done for client in clients)


class Client(threading.Thread):
    """Repeats one kind of work until the system is gone."""

    def __init__(self, system: RunningSystem, work: Callable[[hisee.System, Ledger, int], None], ledger: Ledger, number: int) -> None:
        super().__init__(name=work.__name__, daemon=True)
        self._data, self._work, self._ledger, self._number = system.data, work, ledger, number
        self.done, self.asking = 0, False

    def run(self) -> None:
        with contextlib.suppress(HiseeError, OSError), hisee.connect(self._data) as client:
            while True:
                self.asking = True
                self._work(client, self._ledger, self._number * 1_000_000 + self.done)
                self.asking = False
                self.done += 1


def put_now(client: hisee.System, ledger: Ledger, number: int) -> None:
    ledger.doubt.add(number)
    client.tasks.enqueue("tasks.count", number=number)
    ledger.counted.add(number)
    ledger.doubt.discard(number)


def put_later(client: hisee.System, ledger: Ledger, number: int) -> None:
    task = client.tasks.put([{"func": "tasks.count", "args": {"number": -number - 1}, "due_ms": FAR}])[0]
    ledger.waiting.add(task.id)


def set_values(client: hisee.System, ledger: Ledger, number: int) -> None:
    name = VALUES[number % len(VALUES)]
    ledger.asked[name] = number + 1
    client.set(name, number + 1)
    ledger.values[name] = number + 1


def save(client: hisee.System, ledger: Ledger, number: int) -> None:
    text = f'BEGIN\n  %HI_SetText(_Lbl, "{number}")\n'
    ledger.text = [ledger.text[0], text]
    client.objects.save(OBJECT, {"ESLDefinition:1": text})
    ledger.text = [text]


def schedule(client: hisee.System, ledger: Ledger, number: int) -> None:
    name, rule = f"S{number % 5}", f"at {FAR + number}"
    ledger.in_doubt = {name}
    client.tasks.schedule(name, rule, "tasks.count", number=0)
    ledger.schedules[name] = rule
    ledger.in_doubt = set()


def check(system: RunningSystem, ledger: Ledger) -> None:
    """Everything acknowledged is there."""
    with system.connect() as client:
        until(lambda: client.roles()["primary"], "somebody is primary", HEAL_S)
        check_values(client, ledger)
        check_tasks(client, ledger)
        check_schedules(client, ledger)
        if ledger.text != [""]:
            text = client.objects.read(f"{OBJECT}:ESLDefinition:1")
            assert text in ledger.text or ledger.text[0] == "", "the saved object is another one"
            ledger.text = [text]


def check_schedules(client: hisee.System, ledger: Ledger) -> None:
    stored = {row["name"]: row["rule"] for row in client.tasks.schedules()}
    wrong = {n for n, rule in ledger.schedules.items() if n not in ledger.in_doubt and stored.get(n) != rule}
    assert not wrong, f"schedules {wrong} are not as acknowledged"
    ledger.schedules |= {n: stored[n] for n in ledger.in_doubt if n in stored}  # from now on it is known how that request ended
    ledger.in_doubt = set()


def check_values(client: hisee.System, ledger: Ledger) -> None:
    for name, number in ledger.values.items():
        now = client.get(name)
        assert number <= now <= ledger.asked[name], f"{name} is {now}, {number} was acknowledged"


def check_tasks(client: hisee.System, ledger: Ledger) -> None:
    there, before = set(), 0
    while rows := client.tasks.list(func="tasks.count", state="waiting due", limit=10_000, before=before):
        there |= {row["id"] for row in rows}
        before = rows[-1]["id"]
    assert ledger.waiting <= there, f"waiting tasks are gone: {sorted(ledger.waiting - there)[:5]}"


def at_the_end(app: Path, data: Path, ledger: Ledger) -> dict[str, Any]:
    """A last start: every counting task has had its effect once."""
    system = RunningSystem(app, data)
    try:
        check(system, ledger)
        with system.connect() as client:
            until(lambda: idle(client), "all is done", HEAL_S)
            facts = client.tasks.facts("done/")
            done = {int(key.removeprefix("done/")) for key in facts}
            counted = client.tasks.facts("counted").get("counted", 0)
        assert ledger.counted <= done <= ledger.counted | ledger.doubt, "a counting task was lost, or came from nowhere"
        assert counted == len(done), f"{counted} counted for {len(done)} tasks: an effect happened twice or not at all"
    finally:
        system.end()
    return {"tasks_done": len(done), "tasks_waiting": len(ledger.waiting), "lost": 0, "twice": 0}


def idle(client: hisee.System) -> bool:
    return client.queues()["general"]["running"] == 0 and not client.tasks.list(state="ready", limit=1)


def black_out(system: RunningSystem) -> None:
    """Every process of the system dies now: first nobody may go on, then all are killed."""
    pids = list(processes_of(system.data))
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in [*pids, *processes_of(system.data)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    system.end()
    until(lambda: not list(processes_of(system.data)), "all processes are gone", 30)


def processes_of(data: Path) -> Iterator[int]:
    """Processes that were started for this data directory, which is ours alone; the dead that nobody collected yet do not count."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if str(data).encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                    yield int(entry.name)
