"""A link between two processes that changes its carrier under load, planned and by damaged rings: every message once and in order (R121).

Both ends send messages of mixed sizes on three lanes, some of them requests. Meanwhile the link is sent to its socket and back, and bytes
of its rings are turned over in the memory of either process: records, headers, positions. In a slice, ends are killed in between.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.shared import DATA, HEAD, TAIL, Segment, between, unread

TESTS = Path(__file__).resolve().parents[1]
END = TESTS / "support/carrier_end.py"
LIMIT_S = 20.0
WAYS = ("loop", "thread")  # how the calling end works
PLANNED, DAMAGES = "planned", ("record", "header", "tail", "head")


class End:
    """One process at an end of the link."""

    def __init__(self, side: str, path: Path, how: str, seed: int) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent / 'python'}:{TESTS}"}
        self.said = path.with_name(f"{side}.err")
        with open(self.said, "wb") as said:
            self.child = subprocess.Popen([sys.executable, str(END), side, str(path), how, str(seed)], env=environment, text=True,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, bufsize=1)
        assert self.child.stdin is not None and self.child.stdout is not None
        self.orders, self.words = self.child.stdin, self.child.stdout
        assert self.words.readline() == "ready\n", f"the end that should {side} did not start"

    def order(self, word: str) -> None:
        self.orders.write(f"{word}\n")
        self.orders.flush()

    def state(self) -> dict[str, Any]:
        self.order("?")
        line = self.words.readline()
        assert line, f"an end broke off: {self.said.read_text()[-2000:]}"
        found: dict[str, Any] = json.loads(line)
        assert not found["wrong"], found["wrong"]
        return found

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        self.orders.close()
        self.words.close()


@contextlib.contextmanager
def link(how: str, seed: int) -> Iterator[tuple[End, End]]:
    """(the serving end, the calling one)."""
    with tempfile.TemporaryDirectory(prefix="hisee-carriers-") as folder, contextlib.ExitStack() as closing:
        serving = End("serve", Path(folder) / "s", "loop", seed)
        closing.callback(serving.close)
        calling = End("call", Path(folder) / "s", how, seed + 1)
        closing.callback(calling.close)
        yield serving, calling


def await_state(ends: tuple[End, End], wanted: str, condition: Any) -> None:
    """Until `condition(state of each)` holds for both."""
    deadline = time.monotonic() + LIMIT_S
    while not all(condition(end.state()) for end in ends):
        assert time.monotonic() < deadline, f"{wanted} did not come: {[end.state() for end in ends]}"


def on(carrier: str) -> Any:
    return lambda state: state["carrier"] == carrier


def planned(ends: tuple[End, End]) -> None:
    """To the socket and back."""
    ends[0].order("socket")
    await_state(ends, "the socket", on("unix"))
    ends[0].order("ring")
    await_state(ends, "the ring", on("ring"))


def damaged(ends: tuple[End, End], kind: str, chance: random.Random) -> None:
    """A ring is damaged until one of the two notices, then the link gets fresh ones."""
    pids = [end.child.pid for end in ends]
    chance.shuffle(pids)
    before, deadline = losses(ends), time.monotonic() + LIMIT_S
    while losses(ends) == before:
        assert time.monotonic() < deadline, f"nobody noticed the damage of a {kind}"
        for own, peer in between(*pids):
            damage(kind, own, peer, chance)
    ends[0].order("ring")
    await_state(ends, "the ring", lambda state: state["carrier"] == "ring")


def losses(ends: tuple[End, End]) -> int:
    return sum(end.state()["losses"] for end in ends)


def damage(kind: str, own: Segment, peer: Segment, chance: random.Random) -> None:
    """Of the ring from the owner of `own` to that of `peer`: what may be read next, or a position that cannot be."""
    first, count = unread(own, peer)
    with contextlib.suppress(OSError):  # unmapped meanwhile
        if kind == "tail":
            own.put_word(TAIL, own.word(TAIL) + chance.choice((1 << 40, -(1 << 40), 8, own.capacity + 4096)))
        elif kind == "head":
            peer.put_word(HEAD, peer.word(HEAD) + chance.choice((1 << 40, -(1 << 40), 8)))
        elif count:
            place = chance.randrange(32) if kind == "header" else chance.randrange(count)
            own.flip(DATA + (first + place) % own.capacity)


def settle(ends: tuple[End, End]) -> list[dict[str, Any]]:
    """Nothing new is sent: everything arrives, every request is answered."""
    for end in ends:
        end.order("stop")
    await_state(ends, "the last answer", lambda state: state["open"] == 0)
    deadline = time.monotonic() + LIMIT_S
    while True:
        one, other = (end.state() for end in ends)
        if one["sent"] == other["got"] and other["sent"] == one["got"]:
            return [one, other]
        assert time.monotonic() < deadline, f"messages are missing: {one}, {other}"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1000, help="changes of the carrier, half of them planned")
    parser.add_argument("--kills", type=int, default=20, help="links that lose an end in the middle of a change")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    return run(count=given.count, kills=given.kills, seed=given.seed)


def run(*, count: int = 1000, kills: int = 20, seed: int = 1) -> dict[str, Any]:
    """Raises AssertionError when a message is lost, doubled, mixed up or out of order, or a request is not answered once."""
    began = time.monotonic()
    found = {how: changes(how, count // len(WAYS), seed) for how in WAYS}
    return {**found, "killed_ends": killed(kills, seed), "lost_doubled_or_out_of_order": 0, "seed": seed,
            "seconds": round(time.monotonic() - began, 1)}


def changes(how: str, count: int, seed: int) -> dict[str, Any]:
    """So many changes of the carrier of one link."""
    chance, kinds = random.Random(seed), Counter[str]()
    with link(how, seed) as ends:
        while ends[0].state()["switches"] < count:
            kind = chance.choice((PLANNED, chance.choice(DAMAGES)))
            kinds[kind] += 1
            if kind == PLANNED:
                planned(ends)
            else:
                damaged(ends, kind, chance)
        states = settle(ends)
    return {"switches": states[0]["switches"], "by": dict(sorted(kinds.items())), "damaged_rings": states[0]["losses"],
            "messages": sum(sum(state["sent"]) for state in states), "answers": sum(state["answers"] for state in states),
            "parts_sent_again": sum(state["again"] for state in states)}


def killed(count: int, seed: int) -> int:
    """An end is killed in the middle of a change: the other one has got a beginning of what was sent, in order, and knows the end."""
    chance = random.Random(seed)
    for number in range(count):
        with link(WAYS[number % len(WAYS)], seed + number) as ends:
            planned(ends)
            victim, survivor = chance.sample(ends, 2)
            if chance.random() < 0.5:
                ends[0].order("socket")
            else:
                for own, peer in between(*(end.child.pid for end in ends)):
                    damage("record", own, peer, chance)
            time.sleep(chance.uniform(0.0, 0.01))
            victim.child.send_signal(signal.SIGKILL)
            victim.child.wait()
            deadline = time.monotonic() + LIMIT_S
            while survivor.state()["lost"] != "died":
                assert time.monotonic() < deadline, f"the death was not noticed: {survivor.state()}"
    return count
