"""Communication processes killed under numbered messages HIS host -> KNL -> SES and back: none lost, doubled or out of order (R121).

The console FAR reaches the server through a communication process. Again and again the one that carries its HIS host is killed while
numbers pass both ways; the session goes on over the other one, or over the killed one's successor.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hisee
from campaigns.numbered import APP, SILENCE_S, Numbers
from support.agents import free_ports
from support.system import RunningSystem, kill, names, running, until

CONSOLE = "FAR"
MOST_S = 0.02  # a kill comes at most so long after a quarter of its numbers is back


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--count", type=int, default=1000, help="messages each way for every kill")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-cuts-") as folder, two_doors(Path(folder)) as system:
        return run(system, kills=given.kills, count=given.count, seed=given.seed)


@contextlib.contextmanager
def two_doors(folder: Path) -> Iterator[RunningSystem]:
    """The application of numbered messages with two communication processes, which may crash as often as they like and keep their ports."""
    app = shutil.copytree(APP, folder / "app")
    text = (APP / "app.toml").read_text().replace('{kind = "cp"}', '{kind = "cp", count = 2}')
    (app / "app.toml").write_text(f"{text}\n[ports]\ncp = {free_ports(2)}\n[limits]\nrestarts = 1000\n")
    with running(app, folder / "data") as system:
        yield system


def run(system: RunningSystem, *, kills: int = 20, count: int = 1000, seed: int = 1) -> dict[str, Any]:
    """`count` numbers each way for every kill; raises AssertionError when one is lost, doubled or out of order."""
    chance, pauses, resumed = random.Random(seed), [], waited(system)
    with system.connect() as client:
        picture = client.console(CONSOLE).open("S.Numbers")
        picture.type("EdCount", str(count))
        picture.settle(20)
        see, hosts, began = names(client.ps(), "SEE"), sources(client), time.monotonic()
        for _ in range(kills):
            door, numbers = door_of_host(client), Numbers(system)
            picture.click("BtnGo")
            await_numbers(numbers, count // 4)
            time.sleep(chance.uniform(0.0, MOST_S))
            kill(door)
            killed = time.monotonic()
            await_numbers(numbers, count)
            pauses.append(time.monotonic() - killed)
            picture.settle(30)
            numbers.read()
            numbers.check(count)
        seconds = time.monotonic() - began
        assert names(client.ps(), "SEE") == see and sources(client) == hosts, "the picture was opened anew"
        assert waited(system) - resumed >= kills, "sessions went from one communication process to the other"
        picture.close()
    return {"kills": kills, "there": kills * count, "back": kills * count, "lost_doubled_or_out_of_order": 0,
            "kill_to_last_number_s": {"median": round(sorted(pauses)[len(pauses) // 2], 2), "longest": round(max(pauses), 2)},
            "seconds": round(seconds, 1), "seed": seed}


def networks(client: hisee.System) -> list[dict[str, Any]]:
    return [row for row in client.routes() if row["type"] == "network"]


def sources(client: hisee.System) -> set[str]:
    """Names of the processes that have sessions: HIP and HIS host of the console."""
    return {row["source"] for row in networks(client)}


def door_of_host(client: hisee.System) -> int:
    """Process number of the communication process that carries the HIS host, once both of them run and all sessions are carried."""
    until(lambda: len(doors(client)) == 2 and {row["state"] for row in networks(client)} == {"active"}, "two doors are open", 60)
    door = next(row["target"] for row in networks(client) if row["source"].endswith(".HISHOST"))
    return doors(client)[door]


def doors(client: hisee.System) -> dict[str, int]:
    return {row["name"]: row["pid"] for row in client.ps() if row["kind"] == "CP" and row["state"] == "Run"}


def waited(system: RunningSystem) -> int:
    """Times that the server kept a session whose connection was broken."""
    return system.log("SRV1.KNL").count("its session waits")


def await_numbers(numbers: Numbers, wanted: int) -> None:
    """Wait until so many are back, as long as there is progress."""
    while (before := numbers.read()) < wanted:
        until(lambda before=before: numbers.read() > before, f"number {before + 1} comes back", SILENCE_S)
