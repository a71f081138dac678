"""Programs on real agents while communication processes, work processes and agents are killed: one start, one end each (R141)."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hisee
from support.agents import AgentProcess, await_agents, make_app
from support.system import RunningSystem, running, until

NAMES = ("AG1", "AG2", "AG3")
HEAL_S = 120.0
FAILING = 7  # every so-many-th program ends with exit code 3


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--cp-kills", type=int, default=20)
    parser.add_argument("--wp-kills", type=int, default=6)
    parser.add_argument("--agent-kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-agents-") as name, running(make_app(Path(name) / "app"), Path(name) / "data") as system:
        return run(system, Path(name) / "agents", jobs=given.jobs, cp_kills=given.cp_kills, wp_kills=given.wp_kills,
                   agent_kills=given.agent_kills, seed=given.seed)


@contextlib.contextmanager
def agents(client: hisee.System, folder: Path, data: Path, address: str) -> Iterator[list[AgentProcess]]:
    folder.mkdir(parents=True, exist_ok=True)
    started = [AgentProcess(name, folder, data, address) for name in NAMES]
    try:
        await_agents(client, *NAMES)
        yield started
    finally:
        for agent in started:
            agent.end()


def run(system: RunningSystem, folder: Path, *, jobs: int = 100, cp_kills: int = 20, wp_kills: int = 6, agent_kills: int = 3,
        seconds: tuple[float, float] = (1.0, 45.0), seed: int = 1) -> dict[str, Any]:
    """Put the jobs, kill while they run, wait for all ends, count. Raises AssertionError when a promise is broken."""
    chance, ledger = random.Random(seed), folder / f"ledger-{seed}"
    with system.connect() as client:
        address = next(f"127.0.0.1:{row['port']}" for row in client.ps() if row["kind"] == "CP" and row["state"] == "Run")
        with agents(client, folder, system.data, address) as started:
            began = time.monotonic()
            tasks = put(client, jobs, ledger, seconds, chance)
            wanted = {"CP": cp_kills, "WP": wp_kills, "AGENT": agent_kills}
            faults = kill_while_they_run(client, started, chance, wanted, [task.id for task in tasks])
            await_ends(client, [task.id for task in tasks])
            await_reports(client)
            figures = check(client, tasks, ledger)
            return {"seed": seed, "seconds": round(time.monotonic() - began, 1), **figures, **faults}


def put(client: hisee.System, jobs: int, ledger: Path, seconds: tuple[float, float], chance: random.Random) -> list[Any]:
    """Program `job` with a name of its own and one attempt: deaths of those who watch it cost none. Every seventh fails."""
    rows = [{"func": "program.job", "max_attempts": 1,
             "args": {"args": [f"j{n}", f"{chance.uniform(*seconds):.2f}", str(ledger), "3" if n % FAILING == 0 else "0"]}}
            for n in range(jobs)]
    return list(client.tasks.put(rows))


def kill_while_they_run(client: hisee.System, started: list[AgentProcess], chance: random.Random, wanted: dict[str, int],
                        ids: list[int]) -> dict[str, Any]:
    """SIGKILL in random order; a fault counts as in the middle when programs were under way."""
    order = [kind for kind, count in wanted.items() for _ in range(count)]
    chance.shuffle(order)
    done: Counter[str] = Counter()
    middle = 0
    for kind in order:
        until(lambda kind=kind: victims(client, kind), f"a {kind} runs that can be killed", HEAL_S)
        middle += under_way(client, ids)
        if kind == "AGENT":
            chance.choice(started).kill_and_start_again()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(victims(client, kind)), signal.SIGKILL)
        done[kind] += 1
        time.sleep(chance.uniform(0.05, 0.25))
    assert dict(done) == {kind: count for kind, count in wanted.items() if count}, f"faults that happened: {dict(done)}"
    assert not order or 2 * middle >= len(order), f"only {middle} of {len(order)} faults met programs under way"
    return {"killed": dict(done), "killed_in_the_middle": middle}


def victims(client: hisee.System, kind: str) -> list[int]:
    """Pids of that kind: of work processes never the last one, of communication processes those that carry somebody."""
    kinds = {"WP": ("WP", "PWP")}.get(kind, (kind,))
    rows = [row for row in client.ps() if row["kind"] in kinds and row["state"] == "Run"]
    found = [row["pid"] for row in rows if kind != "CP" or row["connections"]]
    return found if len(found) > (kind == "WP") else []


def under_way(client: hisee.System, ids: list[int]) -> bool:
    """A program runs that has not ended: its end, or its report, is still to come."""
    return any(row["state"] in ("generated", "started", "active", "activated", "ready") and row["id"] in set(ids)
               for row in client.tasks.list(limit=len(ids)))


def await_ends(client: hisee.System, ids: list[int]) -> None:
    wanted = set(ids)

    def ended() -> bool:
        rows = [row for row in client.tasks.list(limit=len(ids)) if row["id"] in wanted]
        return len(rows) == len(ids) and all(row["state"].startswith("ended") or row["state"] in ("lost", "dead letter") for row in rows)

    until(ended, "all tasks end", HEAL_S)


def await_reports(client: hisee.System) -> None:
    """Every report was answered: nothing is left in the journals."""
    def answered() -> bool:
        rows = [row for row in client.ps() if row["name"] in NAMES and row["state"] == "Run"]
        return len(rows) == len(NAMES) and all((row["counters"] or {}).get("unreported", 1) == 0 for row in rows)

    until(answered, "every report of every agent is answered", HEAL_S)


def check(client: hisee.System, tasks: list[Any], ledger: Path) -> dict[str, Any]:
    """One start and one end each, with the right exit code and output."""
    begun = Counter(ledger.read_text().split())
    rows = [task.row for task in tasks]
    wrong = {f"j{n}": (begun[f"j{n}"], rows[n]["state"], rows[n]["text"]) for n in range(len(tasks)) if begun[f"j{n}"] != 1}
    assert not wrong and len(begun) == len(tasks), f"programs not started once: {wrong}"
    for number, row in enumerate(rows):
        code = 3 if number % FAILING == 0 else 0
        assert row["state"] == ("ended not ok" if code else "ended ok"), row
        assert row["result"] == {"exit": code, "output": f"progress 0.5 half way\ndone j{number}\n"}, row
        ends = [step for step in row["steps"] if step["state"].startswith("ended")]
        assert len(ends) == 1, f"task {row['id']} ended {len(ends)} times"
    takeovers = sum(max(0, sum(step["state"] == "activated" for step in row["steps"]) - 1) for row in rows)
    return {"jobs": len(tasks), "started_once": len(begun), "ended_once": len(rows), "taken_over": takeovers,
            "agents_used": len({json_agent(row) for row in rows})}


def json_agent(row: dict[str, Any]) -> str:
    """The agent named in the generated form."""
    return str(json.loads(row["generated"])["agent"])
