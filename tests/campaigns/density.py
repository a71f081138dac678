"""Very many open pictures in a running system, all their remote parts in one SES: memory of every process, time of each opening,
whether the commands stay usable, how soon a click is carried out, also beside scripts that loop for ever; and nothing left at the end."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import hisee
from campaigns.figures import child_of, figures
from support.command import environment
from support.system import RunningSystem, running, until

APP = Path(__file__).with_name("density_app")
CONSOLES = ("WS1", "WS2", "WS3", "WS4")
SES = "REMOTE1.SES"
BATCH = 1_000
SETTLE_S = 60.0
CALM_S = 3.0
MIB = 1 << 20
GROWTH = 3.0  # times as long the last batch may take as the first one: what grows with the square takes a hundred times
WITHIN_MS = 50.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=100_000, help="idle pictures")
    parser.add_argument("--loops", type=int, default=0, help="remote parts that loop for ever beside them")
    parser.add_argument("--asked", type=int, default=200, help="pictures that are clicked")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-campaign-") as folder, running(APP, Path(folder) / "data") as system:
        found = run(system, count=given.count, loops=given.loops, asked=given.asked)
    print(json.dumps(found), file=sys.stderr)  # also when a promise is not kept
    promised(found)
    return found


def promised(found: dict[str, Any]) -> None:
    """What may be asked of a quiet machine."""
    for name in ("open_ms", "close_ms"):
        times = found[name]
        assert times["last"] < max(1.0, GROWTH * times["first"]), f"{name}: the last took {times['last']}, the first {times['first']}"
    if beside := found.get("click_beside_loops_ms"):
        assert beside["p99"] < WITHIN_MS, beside


class Crowd:
    """Pictures on the consoles, opened and closed by one program for each console at the same time."""

    def __init__(self, system: RunningSystem, stack: ExitStack) -> None:
        self.clients = [stack.enter_context(system.connect()) for _ in CONSOLES]
        self.desks = [client.console(name) for client, name in zip(self.clients, CONSOLES, strict=True)]
        self.pictures: list[hisee.Picture] = []
        self._pool = stack.enter_context(ThreadPoolExecutor(len(CONSOLES)))
        rows = self.clients[0].ps()
        hips = [row["pid"] for row in rows if row["kind"] == "HIP"]
        self.pids = {"SES": [row["pid"] for row in rows if row["kind"] == "SES"],
                     "KNL": [row["pid"] for row in rows if row["kind"] == "KNL"], "HIP": hips, "HIS": [child_of(pid) for pid in hips]}

    def open(self, name: str, count: int) -> list[hisee.Picture]:
        """Shared out among the consoles; all are open at the end."""
        shares = [count // len(self.desks) + (at < count % len(self.desks)) for at in range(len(self.desks))]
        found = self._pool.map(lambda desk, share: [desk.open(name) for _ in range(share)], self.desks, shares)
        return [picture for some in found for picture in some]

    def close(self, pictures: list[hisee.Picture]) -> None:
        shares = [[p for p in pictures if p._console is desk] for desk in self.desks]
        list(self._pool.map(lambda share: [picture.close() for picture in share], shares))

    def await_parts(self, count: int) -> None:
        """Asked of the SES itself: a list of all processes is megabytes."""
        until(lambda: json.loads(self.clients[0].tell(SES, "STATUS").text)["sees"] == count, f"{count} remote parts run", SETTLE_S, 0.1)

    def memory(self) -> dict[str, int]:
        return {kind: sum(figures(pid).rss_bytes for pid in pids) for kind, pids in self.pids.items()}


def run(system: RunningSystem, *, count: int = 100_000, loops: int = 0, asked: int = 200, calm_s: float = CALM_S) -> dict[str, Any]:
    """Raises AssertionError when a promise is not kept."""
    with ExitStack() as stack:
        crowd = Crowd(system, stack)
        warm = crowd.open("S.Idle", 20)
        crowd.await_parts(20)
        found: dict[str, Any] = {"pictures": count}
        before = calm(crowd, calm_s)
        found["open_ms"] = in_batches(count, lambda some: crowd.pictures.extend(crowd.open("S.Idle", some)))
        crowd.await_parts(20 + count)
        after = calm(crowd, calm_s)
        found["mib"] = {kind: round(after[kind] / MIB, 1) for kind in after}
        found["bytes_per_picture"] = {kind: round((after[kind] - before[kind]) / count) for kind in after}
        found["commands_s"] = commands(system, crowd, count)
        found["click_ms"] = clicks(random.Random(count).sample(crowd.pictures, min(asked, count)))
        if loops:
            found["click_beside_loops_ms"] = beside_loops(crowd, loops, asked)
        found["close_ms"] = in_batches(count, lambda some: crowd.close([crowd.pictures.pop() for _ in range(some)]))
        crowd.close(warm)
        crowd.await_parts(0)
        client = crowd.clients[0]
        until(lambda: not [row for row in client.ps() if row["kind"] in ("HIS", "SEE")], "no part is left", SETTLE_S, 0.1)
        found["left_mib"] = {kind: round(size / MIB, 1) for kind, size in calm(crowd, calm_s).items()}
    return found


def calm(crowd: Crowd, seconds: float) -> dict[str, int]:
    """Memory once the heartbeats have told what there is to tell."""
    time.sleep(seconds)
    return crowd.memory()


def in_batches(count: int, work: Callable[[int], None]) -> dict[str, float]:
    """Milliseconds for each of the first, of the last and of all."""
    size = max(1, min(BATCH, count // 5))
    took: list[float] = []
    for at in range(0, count, size):
        some, began = min(size, count - at), time.perf_counter()
        work(some)
        took.append((time.perf_counter() - began) * 1e3 / some)
    first, last = (sorted(some)[len(some) // 2] for some in (took[:5], took[-5:]))
    return {"first": round(first, 3), "last": round(last, 3), "mean": round(sum(took) / len(took), 3), "longest_batch": round(max(took), 3)}


def commands(system: RunningSystem, crowd: Crowd, count: int) -> dict[str, float]:
    """Seconds of what an operator of the system does, and the longest time that another program waited meanwhile."""
    found: dict[str, float] = {}
    client = crowd.clients[0]
    with waiting(system.data) as waits:
        for name, what in (("ps", lambda: len([row for row in client.ps() if row["kind"] == "SEE"]) == count + 20),
                           ("console", lambda: client.console("WS1").name == "WS1.HIP"),
                           ("routes", lambda: bool(client.routes()))):
            began = time.perf_counter()
            assert what(), name
            found[name] = round(time.perf_counter() - began, 3)
            found[f"wait_beside_{name}"] = round(waits(), 3)
        see = next(row["name"] for row in client.ps() if row["kind"] == "SEE")
        began = time.perf_counter()
        assert client.tell(see, "STATUS").result == "ok"
        found["tell_see"] = round(time.perf_counter() - began, 3)
    return found


@contextmanager
def waiting(data: Path) -> Iterator[Callable[[], float]]:
    """Another program asks the server again and again; what is yielded gives its longest wait since the last call."""
    command = [sys.executable, str(Path(__file__).with_name("waiter.py")), str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()) as other:
        assert other.stdin is not None and other.stdout is not None
        stdin, stdout = other.stdin, other.stdout
        assert stdout.readline() == "ready\n"

        def since() -> float:
            print(file=stdin, flush=True)
            return float(stdout.readline())

        yield since
        stdin.close()


def clicks(pictures: list[hisee.Picture]) -> dict[str, float]:
    """Time from the click to the text that the remote part's answer sets, by the clock of the console."""
    took = []
    for picture in pictures:
        before = picture.facts["effect_ns"]
        picture.click("Btn")
        until(lambda picture=picture, before=before: picture.facts["effect_ns"] != before, "the click has its effect", SETTLE_S, 0.001)
        facts = picture.facts
        took.append((facts["effect_ns"] - facts["input_ns"]) / 1e6)
        assert picture["Lbl"].text.startswith("asked ")
    took.sort()
    return {"p50": round(took[len(took) // 2], 2), "p99": round(took[int(len(took) * 0.99)], 2), "longest": round(took[-1], 2)}


def beside_loops(crowd: Crowd, loops: int, asked: int) -> dict[str, float]:
    """Honest handlers start in time while others never end."""
    looping = crowd.open("S.Loop", loops)
    crowd.await_parts(20 + len(crowd.pictures) + loops)
    found = clicks(random.Random(loops).sample(crowd.pictures, min(asked, len(crowd.pictures))))
    crowd.close(looping)
    return {"loops": loops, **found}
