"""CALLs of a HIS and its SEE both ways while what carries their channel is cut or changes: each once, in order, one channel (R134).

The console FAR reaches the server through a communication process, the server its script server by rings. Three times something is done
to the way: the communication process that carries the HIS host is killed; the rings of the script server are damaged in their memory; its
link is sent to the socket and back.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import hisee
from campaigns.carriers import DAMAGES, LIMIT_S, damage
from campaigns.cuts import CONSOLE, await_numbers, door_of_host, two_doors, waited
from campaigns.numbered import Numbers
from support.shared import between
from support.system import RunningSystem, kill, until

SES = "REMOTE1.SES"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=10_000, help="CALLs each way")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-pairs-") as folder, two_doors(Path(folder)) as system:
        return run(system, count=given.count, seed=given.seed)


def run(system: RunningSystem, *, count: int = 10_000, seed: int = 1) -> dict[str, Any]:
    """Raises AssertionError when a CALL is lost, doubled or out of order, or the pair has another channel afterwards."""
    chance, numbers, began = random.Random(seed), Numbers(system), time.monotonic()
    with system.connect() as client:
        picture = client.console(CONSOLE).open("S.Numbers")
        picture.type("EdCount", str(count))
        picture.settle(20)
        before = channel(client)
        picture.click("BtnGo")
        for quarter, cut in enumerate((tcp_cut, ring_damaged, carrier_changed), 1):
            await_numbers(numbers, count * quarter // 4)
            cut(system, client, chance)
        await_numbers(numbers, count)
        picture.settle(30)  # one too many would still be on its way
        numbers.read()
        numbers.check(count)
        after, link = channel(client), link_of(client, SES)
        picture.close()
    assert (after["id"], after["state"]) == (before["id"], "open"), f"the pair has another channel: {before}, then {after}"
    sent, received = after["sent"] - before["sent"], after["received"] - before["received"]
    assert sent >= count and received >= count and after["rtt_ms"] > 0, after
    return {"calls_there": len(numbers.seen["R"]), "calls_back": len(numbers.seen["L"]), "lost_doubled_or_out_of_order": 0, "cuts": 3,
            "damaged_rings": link["losses"], "channel": {"sent": sent, "received": received, "rtt_ms": after["rtt_ms"]},
            "seconds": round(time.monotonic() - began, 1), "seed": seed}


def channel(client: hisee.System) -> dict[str, Any]:
    """Of the only pair, the same in `ps` and in `routes`."""
    (his,) = (row for row in client.ps() if row["kind"] == "HIS")
    (route,) = (row for row in client.routes() if row["type"] == "channel")
    assert route["id"] == his["channel"]["id"] and route["source"] == his["name"]
    found: dict[str, Any] = his["channel"]
    return found


def link_of(client: hisee.System, name: str) -> dict[str, Any]:
    """The link of a process to the server."""
    return next(row for row in client.routes() if row["type"] == "link" and row["source"] == name)


def pid_of(client: hisee.System, kind: str) -> int:
    return int(next(row["pid"] for row in client.ps() if row["kind"] == kind and row["state"] == "Run"))


def tcp_cut(system: RunningSystem, client: hisee.System, chance: random.Random) -> None:
    resumed = waited(system)
    kill(door_of_host(client))
    until(lambda: waited(system) > resumed, "the session waits for another connection")


def ring_damaged(system: RunningSystem, client: hisee.System, chance: random.Random) -> None:
    """Until one of the two notices; the link returns to rings by itself."""
    pids, deadline = [pid_of(client, "KNL"), pid_of(client, "SES")], time.monotonic() + LIMIT_S
    while not link_of(client, SES)["losses"]:
        assert time.monotonic() < deadline, "nobody noticed that the rings are damaged"
        chance.shuffle(pids)
        for own, peer in between(*pids):
            damage(chance.choice(DAMAGES), own, peer, chance)
    until(lambda: link_of(client, SES)["mode"] == "ring", "the link has fresh rings")


def carrier_changed(system: RunningSystem, client: hisee.System, chance: random.Random) -> None:
    for word, carrier in (("SOCKET", "unix"), ("RING", "ring")):
        told = client.tell("", f"CARRIER {SES} {word}")
        assert told.result == "ok", told
        until(lambda carrier=carrier: link_of(client, SES)["mode"] == carrier, f"the link goes by {carrier}")
