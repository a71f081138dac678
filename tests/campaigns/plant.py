"""`./hisee campaign plant`: two servers, their database pair with its witness, two workstations and a loaded client on six computers of a
laboratory; cut off, killed, frozen, switched and started in every order, with a checked history of what the client was told.

Figures per case: seconds until a write was acknowledged again (control), until consoles show values again (view), what was hot.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import hisee
from hisee.errors import HiseeError
from support.plant import SERVERS, STATIONS, STREAM, Load, Plant, missing, plant

LINKS = ("hot-standby", "hot-witness", "standby-witness", "hot-clients")
STRUCK = ("knl", "postgres", "host", "monitor")
KILLED = {"knl": r"hisee server /W", "postgres": r"bin/postgres -D .*/pg/node/data|^postgres: "}  # with its backends: orphans go on
FELT_S = {"knl": 0.3, "postgres": 1.6, "host": 0.3, "monitor": 0.0}  # without a database, values that nobody keeps go on for half a lease
CALM_S, AGAIN_S = 180.0, 90.0
BLACK_START_S = 120.0
SAMPLE_S = 0.1


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)} [default: all]")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each cut")
    parser.add_argument("--cuts", default="", help="only these cuts, as the figures name them, joined by commas")
    parser.add_argument("--kills", type=int, default=50, help="of each kind")
    parser.add_argument("--kinds", default=",".join(STRUCK), help=f"what is killed, of {', '.join(STRUCK)} [default: all]")
    parser.add_argument("--switches", type=int, default=20)
    parser.add_argument("--rate", type=int, default=1_000, help="writes per second during the switches")
    parser.add_argument("--processes", type=int, default=2, help="of the load during the switches")
    parser.add_argument("--dead", type=float, default=300.0, help="seconds without the monitor")


def campaign(given: argparse.Namespace) -> dict[str, Any]:
    if missing():
        raise SystemExit(f"hisee: {missing()}")
    for words, known in ((given.parts, PARTS), (given.kinds, STRUCK), (given.cuts, cuts())):
        if unknown := [word for word in words.split(",") if word and word not in known]:
            raise SystemExit(f"hisee: there is no {', '.join(unknown)}; there are {', '.join(known)}")
    return {part: PARTS[part](given) for part in given.parts.split(",")}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# -- the plant and who is what in it


@contextlib.contextmanager
def running() -> Iterator[Plant]:
    """Everything up, both servers in their places."""
    with plant() as made:
        made.boot("W", *SERVERS, *STATIONS)
        made.await_ready("W", *SERVERS, *STATIONS)
        await_calm(made)
        os.sync()  # what setting up has written: the first restart of a PostgreSQL would wait for it
        yield made


def hot_of(made: Plant) -> str:
    found: list[str] = []

    def look() -> bool:
        found[:] = [node for node in SERVERS if made.sub(node) == "hot"]
        return bool(found)

    made.until(look, "somebody is hot", AGAIN_S)
    return found[0]


def other_than(node: str) -> str:
    return next(other for other in SERVERS if other != node)


def await_calm(made: Plant) -> str:
    """Until one is hot, the other follows it, and the database is where the hot one is, with its partner; the hot one."""
    made.until(lambda: made.calm(), "a pair at rest", CALM_S)
    return hot_of(made)


class Watch(threading.Thread):
    """Samples what each server says of itself, over its own control socket: every state that was seen, and two that were hot at once."""

    def __init__(self, made: Plant) -> None:
        super().__init__(daemon=True)
        self._made, self._over = made, threading.Event()
        self.samples, self.both = 0, 0
        self.seen: dict[str, list[tuple[float, str]]] = {node: [] for node in SERVERS}  # seconds since the begin, and what it was then

    def run(self) -> None:
        began = time.monotonic()
        while not self._over.wait(SAMPLE_S):
            subs = {node: self._made.sub(node) for node in SERVERS}
            self.samples += 1
            self.both += all(sub == "hot" for sub in subs.values())
            for node, sub in subs.items():
                if not self.seen[node] or self.seen[node][-1][1] != sub:
                    self.seen[node].append((round(time.monotonic() - began, 1), sub))

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


# -- cuts


def cuts() -> dict[str, list[tuple[str, str, bool]]]:
    """Name -> (from, to, one way) of the links that are cut: all 16 combinations, and each link in each direction alone."""
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for count in range(len(LINKS) + 1):
        for chosen in itertools.combinations(LINKS, count):
            found["+".join(chosen) or "none"] = [(*_ends(link), False) for link in chosen]
    for link in LINKS:
        one, other = _ends(link)
        found[f"{one}>{other}"], found[f"{other}>{one}"] = [(one, other, True)], [(other, one, True)]
    return found


def _ends(link: str) -> tuple[str, str]:
    one, other = link.split("-")
    return one, other


def partitions(given: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with running() as made:
        client = made.load()
        for name, links in cuts().items():
            if not given.cuts or name in given.cuts.split(","):
                figures[name] = one_cut(made, client, links, given.seconds)
                say(f"{name}: {figures[name]}")
        await_calm(made)
        figures["history"] = client.checked()
    return figures


def one_cut(made: Plant, client: Load, links: list[tuple[str, str, bool]], seconds: float) -> dict[str, Any]:
    hot = await_calm(made)
    client.await_more()
    people = {"hot": [hot], "standby": [other_than(hot)], "witness": ["W"], "clients": [*STATIONS, "C"]}
    before = len(client.writes())
    with Watch(made) as watch:
        began = time.monotonic()
        for one, other, one_way in links:
            for source, target in itertools.product(people[one], people[other]):
                made.lab.cut(made.computers[source], made.computers[target], one_way=one_way)
        time.sleep(seconds)
        acknowledged, gap = len(client.writes()) - before, client.gap_s(began)
        now = [node for node in SERVERS if made.sub(node) == "hot"]
        made.lab.heal()
        healed = time.monotonic()
        client.await_more()
        again = time.monotonic() - healed
        after = await_calm(made)
    say(f"  {watch.seen}")
    assert not watch.both, f"two hot servers in {watch.both} of {watch.samples} samples: {watch.seen}"
    return {"acknowledged": acknowledged, "gap_s": round(gap, 1), "hot": " ".join(same_or_other(node, hot) for node in now) or "nobody",
            "after_heal_s": round(again, 1), "hot_at_last": same_or_other(after, hot)}


def same_or_other(node: str, hot: str) -> str:
    """Beside the server that was hot before."""
    return "same" if node == hot else "other"


# -- losses


def losses(given: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with running() as made:
        client = made.load()
        for what in given.kinds.split(","):
            found = [one_loss(made, client, what) for _ in range(given.kills)]
            figures[what] = {name: spread([one[name] for one in found]) for name in ("view", "control")}
            say(f"{what}: {figures[what]}")
        figures["history"] = client.checked()
    return figures


def one_loss(made: Plant, client: Load, what: str) -> dict[str, float]:
    hot = await_calm(made)
    client.await_more()
    desk = Desk(made, other_than(hot), "WS1_1")
    desk.until("control")
    began = _strike(made, hot, what)
    view = desk.view_s(began) if what in ("knl", "host") else 0.0
    client.await_after(began, felt_s=FELT_S[what])
    control = client.gap_s(began)
    desk.close()
    if what == "host":
        made.boot(hot)
    elif what == "monitor":
        made.boot("W")
    say(f"  {what} at {hot}: view {view:.2f}, control {control:.2f} s")
    return {"view": view, "control": control}


def _strike(made: Plant, hot: str, what: str) -> float:
    """When it was struck, in seconds of the monotonic clock; that its last process is gone may take longer on a busy machine."""
    if what in ("host", "monitor"):
        struck = hot if what == "host" else "W"
        made.kill(struck)
        return made.computers[struck].gone_at
    began = time.monotonic()
    for pid in sorted(made.computers[hot].find(KILLED[what])):  # the oldest first: it would replace the others
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return began


class Desk:
    """A console as a program at the standby server sees it, over the console's second session."""

    def __init__(self, made: Plant, node: str, name: str) -> None:
        self._made, self._node, self._name = made, node, name
        self._client = hisee.connect(made.data(node).path)
        self._console: hisee.Console | None = None  # found once: the list of processes waits for a database that is away

    def mode(self) -> str:
        try:
            self._console = self._console or self._client.console(self._name)
            return str(self._console.do("state").facts["mode"])
        except HiseeError as error:
            self._console = None
            return f"({error})"

    def until(self, mode: str) -> None:
        deadline = time.monotonic() + AGAIN_S
        while self.mode() != mode:
            assert time.monotonic() < deadline, f"{self._name} is not in mode {mode}: {self.mode()!r}\n{self._made.words()}"
            time.sleep(0.02)

    def view_s(self, began: float) -> float:
        """Seconds until it shows what the standby server has; control that came back at that server counts as well."""
        while (mode := self.mode()) != "view" and not (mode == "control" and self._made.sub(self._node) == "hot"):
            time.sleep(0.01)
        return time.monotonic() - began

    def close(self) -> None:
        self._client.close()


# -- frozen


def freezes(given: argparse.Namespace) -> dict[str, Any]:
    """The hot computer stands still: for longer than its lease, so the other one takes over, and is thawed."""
    figures: dict[str, Any] = {}
    with running() as made:
        client = made.load()
        for seconds in (3.0, 30.0):
            figures[f"{seconds:g} s"] = one_freeze(made, client, seconds)
            say(f"frozen {seconds:g} s: {figures[f'{seconds:g} s']}")
        figures["history"] = client.checked()
    return figures


def one_freeze(made: Plant, client: Load, seconds: float) -> dict[str, Any]:
    hot = await_calm(made)
    client.await_more()
    began = time.monotonic()
    made.computers[hot].freeze()
    time.sleep(seconds)
    made.computers[hot].thaw()
    refused = _write_there(made, hot)
    client.await_more()
    gap = client.gap_s(began)
    after = await_calm(made)
    return {"control_s": round(gap, 1), "hot_at_last": same_or_other(after, hot), "first_write_there": refused}


def _write_there(made: Plant, node: str) -> str:
    """What the thawed server says to a write that is its own to acknowledge: a script server's, as it were."""
    try:
        with hisee.connect(made.data(node).path) as client:
            client.set("U.Count", 0)
            return f"acknowledged by {client.server.hot if client.server else '?'}"
    except (HiseeError, OSError) as refused:
        return str(refused)[:100]


# -- without the monitor


def without_monitor(given: argparse.Namespace) -> dict[str, Any]:
    """The plant runs on; a script server is killed meanwhile. Then both the monitor and the hot computer are gone: nobody is promoted by
    silence, an operator does it."""
    with running() as made:
        client = made.load()
        hot = await_calm(made)
        began = time.monotonic()
        made.kill("W")
        time.sleep(given.dead / 2)
        (ses,) = made.computers[other_than(hot)].find(r"hisee event /S")
        os.kill(ses, signal.SIGKILL)
        time.sleep(given.dead / 2)
        gap, there = client.gap_s(began), made.sub(hot)
        assert there == "hot", f"{hot} is {there}"
        promotion = promoted(made, client, hot)
        return {"seconds": given.dead, "longest_gap_s": round(gap, 2), "promotion": promotion, "history": client.checked()}


def promoted(made: Plant, client: Load, hot: str, silence_s: float = 15.0) -> dict[str, Any]:
    """Monitor and hot computer are gone. What is passed over by the operator stays down when it comes back."""
    other = other_than(hot)
    client.await_more()
    made.kill("W")
    made.kill(hot)
    time.sleep(silence_s)
    assert made.sub(other) != "hot", "silence promoted"
    began = time.monotonic()
    said = [_promote(made, other)]
    if made.sub(other) != "hot":  # first its database; its server by a second order, when it does not follow by itself
        said.append(_promote(made, other))
    made.until(lambda: made.sub(other) == "hot", "the promoted one is hot", AGAIN_S)
    client.await_more()
    hot_after = round(time.monotonic() - began, 1)
    made.boot(hot)
    made.until(lambda: "it stays down" in made.log(hot, "PG"), "the one that was passed over stays down", AGAIN_S)
    client.await_more()
    return {"silence": "promotes nobody", "hot_after_s": hot_after, "said": [text.strip().splitlines()[-1] for text in said if text]}


def _promote(made: Plant, node: str) -> str:
    return made.hisee(node, "cluster", "promote", node, "--yes", "--data", made.data(node).path, check=False, timeout=120)


# -- start and switch


def black_starts(given: argparse.Namespace) -> dict[str, Any]:
    """Both servers and the witness get power again, in every order, and each server with the witness alone; the workstations had it all
    the time. Two servers alone wait for the witness: their databases do not begin without it."""
    figures: dict[str, Any] = {}
    three = (*SERVERS, "W")
    with running() as made:
        for order in [*itertools.permutations(three), ("SRV1", "W"), ("SRV2", "W")]:
            figures[" ".join(order)] = black_start(made, order)
            say(f"{' '.join(order)}: live picture after {figures[' '.join(order)]} s")
            made.boot(*(name for name in three if name not in order))
            await_calm(made)
    return figures


def black_start(made: Plant, order: tuple[str, ...]) -> float:
    """Seconds from the first computer's power to a console in control."""
    for name in (*SERVERS, "W"):
        made.kill(name)
    began = time.monotonic()
    for name in order:
        made.boot(name)
        time.sleep(1.0)
    desk = Desk(made, hot_of(made), "WS1_1")
    desk.until("control")
    desk.close()
    return round(time.monotonic() - began, 1)


def switches(given: argparse.Namespace) -> dict[str, Any]:
    """Ordered, under a stream of writes at a rate; every one of them is acknowledged, only later. The load comes from several processes:
    the longest time that one of them waited counts."""
    gaps: list[float] = []
    with running() as made:
        names = list(STREAM)
        loads = [made.load(len(STREAM) / given.rate, names[first::given.processes]) for first in range(given.processes)]
        for _ in range(given.switches):
            gaps.append(one_switch(made, loads))
        rate = sum(load.rate(60) for load in loads)
        figures = [load.checked() for load in loads]
    assert not any(one["fail"] + one["info"] for one in figures), "a write was not acknowledged"
    return {"count": len(gaps), **spread(gaps), "writes_per_s": round(rate), "histories": figures}


def one_switch(made: Plant, loads: list[Load]) -> float:
    """Seconds that a writer waited at most."""
    hot = await_calm(made)
    loads[0].await_more()
    began = time.monotonic()
    with hisee.connect(made.data(hot).path) as operator:
        result = operator.tell(f"{hot}.KNL", f"SWITCH {other_than(hot)}")
    assert result.result == "ok", result.text
    loads[0].await_after(began)
    time.sleep(2.0)
    gap = max(load.gap_s(began) for load in loads)
    say(f"switch from {hot}: {gap:.2f} s, {sum(load.rate(10) for load in loads):.0f} writes/s")
    return gap


# -- the diagram


def the_diagram(given: argparse.Namespace) -> dict[str, Any]:
    with running() as made:
        return diagram(made)


def diagram(made: Plant) -> dict[str, Any]:
    """Ten consoles on two workstations, a picture open on each: five remote parts on either computer."""
    with hisee.connect(made.data(await_calm(made)).path) as client:
        consoles = [f"{station}_{number}" for station in STATIONS for number in range(1, 6)]
        pictures = [client.console(name).open("S.Split") for name in consoles]
        for picture in pictures:
            picture.settle(30)
            picture.click("BtnEcho")
            picture.settle(30)
            assert picture["LblL"].text.startswith("0 42")
        text = made.hisee("WS1", "cluster", "status", "--data", made.data("WS1").path)
        say(text)
        found = made.status("SRV2")
        figures = {row["node"]: sum(ses["see_count"] for ses in row["ses"]) for row in found["servers"]}
        assert figures == {"SRV1": 5, "SRV2": 5} and len(found["consoles"]) == 10, found
        for picture in pictures:
            picture.close()
        return {"see": figures, "consoles": len(found["consoles"])}


def spread(times: list[float]) -> dict[str, float]:
    return {"p50_s": round(statistics.median(times), 2), "max_s": round(max(times), 2)}


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "diagram": the_diagram, "partitions": partitions, "losses": losses, "freezes": freezes, "monitor": without_monitor,
    "black_starts": black_starts, "switches": switches}
