"""Numbered messages HIS host -> KNL -> SES and back: none lost, doubled or out of order, whatever else goes on.

A third process sends messages of 8 MiB meanwhile, to the server and to the receiver, and the receiver is stopped and continued
three times.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hisee
from campaigns.logs import Tail
from support.system import RunningSystem, kill, until

APP = Path(__file__).parent / "traffic_app"
SENDER = Path(__file__).with_name("bulk.py")
WAYS = {"ring": "WS1", "tcp": "FAR"}
RTT_MS = 5.0
SILENCE_S = 30.0  # so long nothing comes only when something is lost
WORDS = {"got": "R", "back": "L"}


class Numbers:
    """What both ends logged, in the order of the log."""

    def __init__(self, system: RunningSystem) -> None:
        self._tail = Tail(system)
        self.seen: dict[str, list[int]] = {"R": [], "L": []}

    def read(self) -> int:
        """Take the new lines; returns how many numbers are back."""
        for entry in self._tail.entries():
            word, _, number = entry.text.partition(" ")
            if entry.script == "S.Numbers" and WORDS.get(word) == entry.part:
                self.seen[entry.part].append(int(number))
        return len(self.seen["L"])

    def check(self, count: int) -> None:
        for part, numbers in self.seen.items():
            check_order(part, numbers, count)


def check_order(part: str, numbers: list[int], count: int) -> None:
    """Each number from 1 to `count` once and in its place."""
    wrong = next((f"place {at} has {n}" for at, n in enumerate(numbers, 1) if n != at), "")
    assert not wrong and len(numbers) == count, f"{part} logged {len(numbers)} of {count} numbers; {wrong or 'in order'}"


def run(system: RunningSystem, *, count: int = 100_000, stop_s: float = 1.0, megabytes: int = 8) -> dict[str, Any]:
    """`count` numbers by each way; raises AssertionError when one is lost, doubled or out of order."""
    with system.connect() as client:
        client.console(WAYS["tcp"]).link(rtt_ms=RTT_MS)
        return {carrier: one(system, client, carrier, count, stop_s, megabytes) for carrier in WAYS}


def one(system: RunningSystem, client: hisee.System, carrier: str, count: int, stop_s: float, megabytes: int) -> dict[str, Any]:
    picture = client.console(WAYS[carrier]).open("S.Numbers")
    picture.type("EdCount", str(count))
    picture.settle(20)
    carriers = {row["name"]: row["carrier"] for row in client.ps()}
    assert carriers[f"{WAYS[carrier]}.HIP"] == carrier, carriers
    receiver = next(row["pid"] for row in client.ps() if row["kind"] == "SES")
    numbers, started = Numbers(system), time.monotonic()
    with big_messages(system, megabytes) as big:
        picture.click("BtnGo")
        for quarter in (1, 2, 3):
            await_numbers(numbers, count * quarter // 4)
            pause(receiver, stop_s)
        await_numbers(numbers, count)
    seconds = time.monotonic() - started
    picture.settle(20)  # one too many would still be on its way
    numbers.read()
    picture.close()
    numbers.check(count)
    assert big["count"] > 0, "no big message went by meanwhile"
    return {"there": len(numbers.seen["R"]), "back": len(numbers.seen["L"]), "lost_doubled_or_out_of_order": 0, "receiver_stopped": 3,
            "big_messages": big["count"], "big_message_mib": megabytes, "seconds": round(seconds, 1)}


def await_numbers(numbers: Numbers, wanted: int) -> None:
    """Wait until so many are back, as long as there is progress."""
    while (before := numbers.read()) < wanted:
        until(lambda before=before: numbers.read() > before, f"number {before + 1} comes back", SILENCE_S)


def pause(pid: int, seconds: float) -> None:
    """Stop a process, and let it go on."""
    kill(pid, signal.SIGSTOP)
    try:
        threading.Event().wait(seconds)
    finally:
        kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def big_messages(system: RunningSystem, megabytes: int) -> Iterator[dict[str, int]]:
    """The third process; afterwards `count` tells how many messages it sent and got back."""
    told = {"count": 0}
    sender = subprocess.Popen([sys.executable, str(SENDER), str(system.data), str(megabytes)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    assert sender.stdin is not None and sender.stdout is not None
    with sender:
        try:
            assert sender.stdout.readline() == "ready\n", "the third process did not connect"
            yield told
            sender.stdin.close()
            told["count"] = int(sender.stdout.readline())
        except BaseException:
            sender.kill()
            raise
