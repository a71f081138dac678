"""A member under load for the crash tests: puts numbered tasks, claims and finishes whatever there is, keeps a ledger of what it was told.

python ledger_child.py URL LEDGER ROUNDS: lines `try N` before and `ok N` after a put, `lost` per lost connection, `done` at the end.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from hisee.engine import proof
from hisee.engine.coordinator import Add, Candidate, Claim, Outcome, Send, TaskRequest
from hisee.engine.postgres import PostgresCoordinator
from hisee.engine.postgres.database import Database
from hisee.seams import Seams

BATCH = 4


def main(url: str, ledger: Path, rounds: int) -> None:
    incarnation = random.SystemRandom().getrandbits(62)
    engine = PostgresCoordinator(url, Seams(), reconnect_s=60.0)
    with open(ledger, "a", buffering=1) as log:
        note_losses(log.write)
        pid = os.getpid()
        member = engine.join(Candidate(kind="WP", node="SRV1", host="localhost", pid=pid, birth=proof.birth(pid), incarnation=incarnation))
        log.write(f"member {incarnation}\n")
        while not await_start(ledger):
            time.sleep(0.01)
        for turn in range(rounds):
            numbers = [incarnation + turn * BATCH + n for n in range(BATCH)]
            log.write("".join(f"try {n}\n" for n in numbers))
            engine.put([TaskRequest(func="tasks.count", args={"n": n}, order_key=f"k{turn % 7}" if turn % 3 == 0 else "") for n in numbers])
            log.write("".join(f"ok {n}\n" for n in numbers))
            engine.finish([(claim, outcome(claim)) for claim in engine.claim(member, ["general"], 2 * BATCH)])
        log.write("done\n")
        while claims := engine.claim(member, ["general"], 2 * BATCH):
            engine.finish([(claim, outcome(claim)) for claim in claims])
        engine.leave(member)


def await_start(ledger: Path) -> bool:
    """All members begin together, when the parent says so."""
    return ledger.with_name("start").exists()


def outcome(claim: Claim) -> Outcome:
    n = claim.args["n"]
    return Outcome(effects=[Add(f"n {n}"), Add("sum"), Send("t", {"n": n})])


def note_losses(write: object) -> None:
    """Tell of every lost connection: the parent must know that its blows hit."""
    plain = Database._connected

    def noticed(self: Database) -> object:
        if self._lost is not None:
            write("lost\n")  # type: ignore[operator]
        return plain(self)

    Database._connected = noticed  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
