"""A process at the engine in DATA, for tests that kill, freeze and starve it. usage: child.py DATA BEHAVIOUR [MUTANT]

It prints `ready`, waits for a line, then does its part until it is killed or has nothing left:
join: at each line joins, prints its number, and at the next line leaves. work: claims and finishes in batches, one Add per task.
put: puts keyed tasks one after the other and prints each as it is acknowledged. fill: see there. hold: takes the turn and keeps it.
once: claims one task and finishes it. bell: waits at its bell and prints how long each task was due.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import sys
import threading
import time
from pathlib import Path

from engine.lab import INCARNATIONS
from engine.mutants_sqlite import BROKEN
from hisee.engine import open_doorbell, proof
from hisee.engine.coordinator import Add, Candidate, LostMember, Member, Outcome, StorageFull, TaskRequest
from hisee.engine.sqlite import SqliteCoordinator
from hisee.seams import Seams

LEASE_MS = 2_000
EVERY = ("general",)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def candidate(kind: str = "WP", ports: tuple[int, ...] = ()) -> Candidate:
    pid = os.getpid()
    return Candidate(kind=kind, node="SRV1", host="localhost", pid=pid, birth=proof.birth(pid), ports=ports,
                     incarnation=INCARNATIONS.getrandbits(62) + 1)


def join(engine: SqliteCoordinator) -> None:
    for line in sys.stdin:
        ports = tuple(int(word) for word in line.split())
        member = engine.join(candidate(ports=ports))
        say(member.number, member.port)
        sys.stdin.readline()
        engine.leave(member)
        say("left")


def beating(engine: SqliteCoordinator, member: Member) -> None:
    """A thread that beats as a steward does, without a database of its own."""

    def body() -> None:
        with contextlib.suppress(LostMember):
            while True:
                engine.beat(member)
                time.sleep(0.2)

    threading.Thread(target=body, daemon=True).start()


def work(engine: SqliteCoordinator) -> None:
    member, dice = engine.join(candidate()), random.Random(os.getpid())
    beating(engine, member)
    say("joined", member.incarnation)
    while True:
        claims = engine.claim(member, EVERY, dice.randint(1, 12))
        for claim in claims[::3]:
            engine.step(claim, "active")
        engine.finish([(claim, Outcome(effects=[Add("sum"), Add(f"task.{claim.id}")])) for claim in claims])
        if not claims:
            time.sleep(0.002)


def once(engine: SqliteCoordinator) -> None:
    member = engine.join(candidate())
    for claim in engine.claim(member, EVERY, 1):
        engine.finish([(claim, Outcome(effects=[Add("sum")]))])
    say("ended")


def put(engine: SqliteCoordinator) -> None:
    for number in range(int(os.environ.get("PUTS", "100000"))):
        try:
            engine.put([TaskRequest(func="tasks.n", key=f"k{number}", args={"text": "x" * 500})])
        except StorageFull as error:
            say("full", str(error))
            sys.stdin.readline()
            continue
        say("put", number)


def fill(engine: SqliteCoordinator) -> None:
    """In a small file system: puts until it is full, makes room, goes on; then everything acknowledged must be there."""
    data, acknowledged, member = Path(sys.argv[1]), [], engine.join(candidate())
    ballast = data / "ballast"
    ballast.write_bytes(bytes(2_000_000))
    try:
        while True:
            acknowledged += engine.put([TaskRequest(func="tasks.n", args={"text": "x" * 4000}) for _ in range(4)])
    except StorageFull as error:
        say("full", str(error))
    for _ in range(3):
        with contextlib.suppress(StorageFull):
            acknowledged += engine.put([TaskRequest(func="tasks.n", args={"text": "x" * 100_000})])
    engine.beat(member)
    say("reads", engine.queues()["general"].waiting == len(acknowledged))
    ballast.unlink()
    acknowledged += engine.put([TaskRequest(func="tasks.n")])
    claims = engine.claim(member, EVERY, 3)
    ended = engine.finish([(claim, Outcome(effects=[Add("sum")])) for claim in claims])
    engine.close()
    again = SqliteCoordinator(data, Seams(), lease_ms=LEASE_MS)
    kept = sorted(row.id for row in again.tasks(limit=10_000))
    say("kept", kept == acknowledged, all(ended) and again.fact("sum") == 3, len(kept))


def hold(engine: SqliteCoordinator) -> None:
    member = engine.join(candidate())
    with engine.store.write() as db:
        db.execute("DELETE FROM engine_fact")
        say("holds", member.incarnation)
        time.sleep(1000)


def bell(engine: SqliteCoordinator) -> None:
    """Sleeps at its bell only: what no bell announces is never found."""
    member = engine.join(candidate())
    door = open_doorbell("", Path(sys.argv[1]), member)
    say("waits")
    while True:
        door.clear()
        claims = engine.claim(member, EVERY, 4)
        engine.finish([(claim, Outcome()) for claim in claims])
        for claim in claims:
            say("did", claim.id)
        if not claims:
            select.select([door.fileno()], [], [])


def main(data: str, behaviour: str, mutant: str = "") -> None:
    engine = BROKEN.get(mutant, SqliteCoordinator)(Path(data), Seams(), lease_ms=LEASE_MS)
    say("ready")
    if behaviour != "join":
        sys.stdin.readline()
    {"join": join, "work": work, "put": put, "fill": fill, "hold": hold, "once": once, "bell": bell}[behaviour](engine)


if __name__ == "__main__":
    main(*sys.argv[1:])
