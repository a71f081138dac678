"""Many pictures by the public interface: what the remote part of one costs its SES."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import hisee
from bench.harness.peers import ROOT
from bench.harness.programs import Figures
from campaigns.figures import figures
from support.system import running, until

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
        """Asked of the SES itself: a list of all processes is megabytes."""
        def up() -> bool:
            return bool(json.loads(self._client.tell("REMOTE1.SES", "STATUS").text)["sees"] == self.opened)

        until(up, f"{self.opened} SEEs run", START_S + self.opened / 1000, pause_s=0.5)

    def rss(self, kind: str) -> int:
        return figures(self._pids[kind]).rss_bytes


@contextlib.contextmanager
def crowd() -> Iterator[tuple[hisee.System, Crowd]]:
    with tempfile.TemporaryDirectory() as data, running(APP, Path(data) / "data") as system, system.connect() as client:
        yield client, Crowd(client)


def opened(count: int) -> Figures:
    """Open `count` pictures that do nothing: what each costs the SES, and how long it takes."""
    with crowd() as (_, people):
        people.open("S.Idle", 10)  # the unit is there, the first of everything is made
        people.await_all()
        before, start = people.rss("SES"), time.perf_counter()
        people.open("S.Idle", count)
        took = time.perf_counter() - start
        people.await_all()
        time.sleep(QUIET_S)
        return {"see_bytes": (people.rss("SES") - before) / count, "open_ms": took / count * 1e3}
