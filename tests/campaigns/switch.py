"""Kills, freezes and ordered switches of the hot server of a pair, with their times; nothing that was acknowledged is missing."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from support.pair import NODES, Pair, both, pair
from support.postgres import postgres_server
from support.system import kill, until

APP = Path(__file__).parents[1] / "proc" / "app"
VALUE = "U.Count"
LEASE_S = 2.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--rate", type=int, default=1_000, help="writes per second during the switches")
    parser.add_argument("--freezes", type=int, default=5)


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hisee-switch-") as folder, postgres_server() as server, \
            pair(server, APP, Path(folder), "switch") as made:
        both(made)
        return {"switch": switches(made, given.switches, given.rate), "kill": kills(made, given.kills),
                "freeze": freezes(made, given.freezes)}


def hot_of(made: Pair) -> str:
    found = ""

    def look() -> bool:
        nonlocal found
        found = next((node for node in NODES if made.sub(node) == "hot"), "")
        return bool(found)

    until(look, "somebody is hot", 60)
    return found


def other_than(node: str) -> str:
    return next(n for n in NODES if n != node)


# -- ordered


class Stream:
    """Writes to one server at a rate, in a thread; every acknowledged number is remembered."""

    def __init__(self, made: Pair, node: str, rate: int) -> None:
        self._client, self._pause_s = made.client(node), 1 / rate
        self.done, self.failed, self.longest_s = 0, [], 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = int(self._client.get(VALUE) or 0)
        next_s = time.monotonic()
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self._client.set(VALUE, number + 1)
                number += 1
                self.done = number
            except Exception as error:  # every kind of failure counts
                self.failed.append(str(error))
                return
            self.longest_s = max(self.longest_s, time.monotonic() - began)
            next_s = max(next_s + self._pause_s, time.monotonic() - 0.1)
            time.sleep(max(0.0, next_s - time.monotonic()))

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()


def switches(made: Pair, count: int, rate: int) -> dict[str, Any]:
    """The writer stays at the server it began at: what it writes during the switch waits and is handed on."""
    gaps, written = [], 0
    for _ in range(count):
        hot = hot_of(made)
        heir = other_than(hot)
        made.await_sub(heir, "standby")
        with Stream(made, hot, rate) as stream, made.client(hot) as operator:
            until(lambda stream=stream: stream.done > 20 or stream.failed, "writes go on")
            result = operator.tell(f"{hot}.KNL", f"SWITCH {heir}")
            assert result.result == "ok", result.text
            made.await_sub(heir, "hot")
            made.await_sub(hot, "standby")
            before = stream.done
            until(lambda stream=stream, before=before: stream.done > before + 20 or stream.failed, "writes go on at the new one", 30)
        assert not stream.failed, stream.failed
        with made.client(heir) as client:
            assert client.get(VALUE) == stream.done, "an acknowledged write is missing"
        gaps.append(stream.longest_s)
        written += stream.done
    return {"count": count, **spread(gaps)}


# -- killed, frozen


def kills(made: Pair, count: int) -> dict[str, Any]:
    """SIGKILL of the hot server's process alone: its supervisor starts it anew, the other one has taken over."""
    times = []
    for number in range(count):
        hot = hot_of(made)
        heir = other_than(hot)
        made.await_sub(heir, "standby")
        with made.client(hot) as client:
            client.set(VALUE, 1_000_000 + number)
        with made.client(heir) as watcher:
            began = time.monotonic()
            kill(made.server_pid(hot))
            again = partial(writes, watcher, 2_000_000 + number)
            until(again, "writable again", 60, 0.01)
            times.append(time.monotonic() - began)
            assert made.sub(heir) == "hot" or made.sub(hot) == "hot"
            assert watcher.get(VALUE) in (1_000_000 + number, 2_000_000 + number)
        until(lambda: sorted(made.sub(node) for node in NODES) == ["hot", "standby"], "both are back", 60)
    return {"count": count, **spread(times)}


def writes(client: Any, value: int) -> bool:
    with contextlib.suppress(Exception):
        client.set(VALUE, value)
        return True
    return False


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def freezes(made: Pair, count: int) -> dict[str, Any]:
    times = []
    for _ in range(count):
        hot = hot_of(made)
        heir = other_than(hot)
        made.await_sub(heir, "standby")
        began = time.monotonic()
        with frozen(made.server_pid(hot)):
            made.await_sub(heir, "hot")
            times.append(time.monotonic() - began)
        made.await_sub(hot, "standby")
        assert made.sub(heir) == "hot"
    return {"count": count, **spread(times)}


def spread(times: list[float]) -> dict[str, float]:
    return {"p50_s": round(statistics.median(times), 3), "max_s": round(max(times), 3)} if times else {}
