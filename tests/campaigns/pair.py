"""`./hisee campaign pair`: the database pair loses its primary again and again under load: process, whole computer, frozen computer.

Figures: time until a client may write again (median and worst), acknowledged puts that are missing or there twice (both must be 0).
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from typing import Any

from support.database_pair import SERVERS, Client, PairLab, history, missing, pair_lab
from support.lab import until

FAULTS = ("postmaster", "host", "freeze", "switch")
COUNT = 50


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=COUNT, help="losses of each kind")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"of {', '.join(FAULTS)} [default: all]")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    if missing():
        raise SystemExit(f"hisee: {missing()}")
    with pair_lab() as pair:
        pair.await_pair()
        client = pair.client("load")
        client.await_more()
        figures = {fault: _summary([_once(pair, client, fault) for _ in range(given.count)]) for fault in given.faults.split(",")}
        client.await_more()
        client.end()
        lost, twice = history(pair, client)
        return {**figures, "acknowledged": len(client.puts()), "lost": lost, "twice": twice}


def _once(pair: PairLab, client: Client, fault: str) -> float:
    """One loss while puts go on; the time without a put, in seconds. Ends when primary and secondary are there again."""
    primary = pair.await_pair()
    client.await_more()
    before = len(client.puts())
    _do(pair, primary, fault)
    until(lambda: _gap(client, before) > 0.3 or fault in ("postmaster", "switch"), "the loss is felt", 30)
    client.await_more()
    _undo(pair, primary, fault)
    pair.await_pair()
    client.await_more()
    gap = _gap(client, before)
    print(f"{fault} of {primary}: {gap:.2f} s without a write, then {pair.primary()} is primary", file=sys.stderr, flush=True)
    return gap


def _do(pair: PairLab, primary: str, fault: str) -> None:
    if fault == "postmaster":
        os.kill(pair.postmaster(primary), signal.SIGKILL)
    elif fault == "host":
        pair.computers[primary].kill()
    elif fault == "freeze":
        pair.computers[primary].freeze()
    else:
        other = next(name for name in SERVERS if name != primary)
        home = pair.home(other)
        with open(os.devnull, "wb") as out:
            words = ["env", "-i", *(f"{name}={value}" for name, value in home.environment.items()),
                     "setpriv", f"--reuid={home.account.pw_uid}", f"--regid={home.account.pw_gid}", "--clear-groups", *home.promote_words()]
            assert pair.computers[other].start(*words, stdout=out, stderr=out).wait(120) == 0


def _undo(pair: PairLab, primary: str, fault: str) -> None:
    if fault == "host":
        pair.boot(primary)
    elif fault == "freeze":
        pair.computers[primary].thaw()


def _gap(client: Client, before: int) -> float:
    """Longest pause between acknowledged puts since the put number `before`, the present one included."""
    times = [at for _, at in client.puts()][max(0, before - 1):] + [time.monotonic()]
    return max(b - a for a, b in zip(times, times[1:], strict=False))


def _summary(gaps: list[float]) -> dict[str, Any]:
    return {"count": len(gaps), "p50_s": round(statistics.median(gaps), 2), "max_s": round(max(gaps), 2)}
