"""Many SEEs in one SES, by the public interface: what an idle one costs, and how honest ones fare beside ones that loop for ever."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hisee
from bench.harness.options import progress
from bench.harness.peers import ROOT
from bench.harness.programs import Figures
from campaigns.figures import figures
from support.system import names, running, until

APP = ROOT / "bench" / "spawn_app"
START_S, QUIET_S = 2.0, 3.0
PROCESSES = ("SES", "KNL", "HIP")


class Crowd:
    """Pictures on one console; each has its remote part in the one SES."""

    def __init__(self, client: hisee.System) -> None:
        self._client = client
        self._console = client.console("WS1")
        self._pids = {kind: next(row["pid"] for row in client.ps() if row["kind"] == kind) for kind in PROCESSES}
        self.opened = 0

    def open(self, name: str, count: int) -> list[hisee.Picture]:
        opened = [self._console.open(name) for _ in range(count)]
        self.opened += count
        return opened

    def await_all(self) -> None:
        def up() -> bool:
            return len(names(self._client.ps(), "SEE")) == self.opened

        until(up, f"{self.opened} SEEs run", START_S + self.opened / 1000, pause_s=0.5)

    def rss(self, kind: str) -> int:
        return figures(self._pids[kind]).rss_bytes


@contextlib.contextmanager
def crowd() -> Iterator[tuple[hisee.System, Crowd]]:
    with tempfile.TemporaryDirectory() as data, running(APP, Path(data) / "data") as system, system.connect() as client:
        yield client, Crowd(client)


def idle(count: int) -> Figures:
    """Open `count` pictures that do nothing: the SES before, after, and for each."""
    with crowd() as (_, people):
        people.open("S.Idle", 10)  # the unit is there, the first of everything is made
        people.await_all()
        before, start = people.rss("SES"), time.perf_counter()
        for done in range(0, count, 5000):
            people.open("S.Idle", min(5000, count - done))
            progress(f"  {people.opened - 10:,} SEEs after {time.perf_counter() - start:.0f} s: SES {people.rss('SES') / 1e6:.0f} MB, "
                     f"server {people.rss('KNL') / 1e6:.0f} MB")
        took = time.perf_counter() - start
        people.await_all()
        time.sleep(QUIET_S)
        after = people.rss("SES")
        return {"ses_mb": after / 1e6, "see_bytes": (after - before) / count, "open_ms": took / count * 1e3}


def beset(count: int, loops: int, asking: int, seconds: float) -> Figures:
    """`count` SEEs, `loops` of them in an endless handler: how long a CALL of one of the `asking` takes there and back, in ms."""
    with crowd() as (client, people):
        people.open("S.Idle", count - loops - asking)
        hostile = people.open("S.Loop", loops)
        people.await_all()
        for picture in hostile:
            picture.click("BtnGo")
        people.open("S.Ask", asking)
        people.await_all()
        time.sleep(START_S)
        times = calls_ms(client, seconds)
        assert len({process for process, _ in times}) == asking, "every honest script was answered"
        spent = sorted(took for _, took in times)
        return {"calls": len(spent), "call_p50_ms": statistics.median(spent), "call_max_ms": spent[-1],
                "call_p99_ms": statistics.quantiles(spent, n=100, method="inclusive")[98]}


def calls_ms(client: hisee.System, seconds: float) -> list[tuple[str, float]]:
    """CALLs of the local parts: who, and from sending to the answer. The start of the remote handler is within that time."""
    found: list[tuple[str, float]] = []
    client.profile(reset=True)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        time.sleep(min(1.0, seconds))
        rows = client.profile(reset=True)
        found += [(row["process"], row["wait_ns"] / 1e6) for row in rows if row["action"] == "CALL_OTHER"]
    return found
