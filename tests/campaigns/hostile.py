"""Hostile scripts end by their limits, and their neighbours in the same SES hardly notice (R29)."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hisee
from campaigns.figures import figures, forget_peak, peak_bytes
from campaigns.logs import Entry, Tail, see_ended_at
from hisee.schema.errors import Err
from support.system import RunningSystem, names, until

APP = Path(__file__).parent / "hostile_app"
# Picture -> the error it runs into and swallows before the fuel ends it.
SCRIPTS = {"S.Loop": 0, "S.Recursion": Err.ERR_STACK, "S.Redim": Err.ERR_RANGE_ERROR, "S.Replace": Err.ERR_MEMORY}
DEPTH = 1000
MEMORY_BYTES = 4 << 20
SLACK_BYTES = 4 << 20  # what the SES itself may need meanwhile
CONSOLES = 51
GONE_MS = 100.0
P99_MS = 250.0
LONGEST_S = 120.0
GATHER_S = 2.0
ENDED = re.compile(r"(\S+) \[R\] line (\d+): ended by limit (\w+)")


class Neighbours:
    """Pictures that ask their remote parts every 100 ms, and the times of their CALLs."""

    def __init__(self, client: hisee.System, count: int) -> None:
        self._client = client
        self._rows: list[dict[str, Any]] = []
        self._gathered = 0.0
        self.pictures = [client.console(f"WS{at}").open("S.Neighbour") for at in range(1, count + 1)]

    def begin(self) -> None:
        """Forget what was measured so far."""
        self._client.profile(reset=True)
        self._rows, self._gathered = [], time.monotonic()

    def gather(self, now: bool = False) -> None:
        """Fetch the recorded CALLs now and then: an engine host keeps only the newest."""
        if now or time.monotonic() - self._gathered > GATHER_S:
            self._rows += [row for row in self._client.profile(reset=True) if row["action"] == "CALL_OTHER"]
            self._gathered = time.monotonic()

    def times_ms(self, until_ns: int) -> list[float]:
        """Whole times of the CALLs made until that moment of the monotonic clock, in order of length."""
        rows = (row for row in self._rows if row["sent_at_ns"] <= until_ns)
        return sorted((row["prepare_ns"] + row["wait_ns"] + row["receive_ns"]) / 1e6 for row in rows)

    def await_all(self, after_ns: int) -> None:
        """Every neighbour is answered again after that moment."""
        def answered() -> bool:
            self.gather(now=True)
            return len({row["process"] for row in self._rows if row["sent_at_ns"] > after_ns}) == len(self.pictures)

        until(answered, "every neighbour is answered afterwards", 5)

    def close(self) -> None:
        for picture in self.pictures:
            picture.close()


def run(system: RunningSystem, *, neighbours: int = 50, scripts: Sequence[str] = tuple(SCRIPTS)) -> dict[str, Any]:
    """One hostile script after the other beside `neighbours` good ones; raises AssertionError when a promise is broken."""
    with system.connect() as client:
        others = Neighbours(client, neighbours)
        try:
            until(lambda: len(names(client.ps(), "SEE")) == neighbours, "every neighbour has its remote part", 30)
            return {name: one(system, client, others, name) for name in scripts}
        finally:
            others.close()


def one(system: RunningSystem, client: hisee.System, others: Neighbours, name: str) -> dict[str, Any]:
    """The hostile picture `name` from its click to its end."""
    picture = client.console(f"WS{CONSOLES}").open(name)
    picture.settle(20)
    see = next(row["name"] for row in client.ps() if row["kind"] == "SEE" and row["object"] == name)
    pid = next(row["pid"] for row in client.ps() if row["kind"] == "SES")
    tail, rss = Tail(system), figures(pid).rss_bytes
    forget_peak(pid)
    others.begin()
    started_ns = time.monotonic_ns()
    picture.click("BtnGo")
    lines, seen = watch(client, others, see, tail)
    ended_ns, growth = time.monotonic_ns(), peak_bytes(pid) - rss
    others.await_all(ended_ns)
    measured_ns = time.monotonic_ns()  # a script may end between two CALLs of every neighbour: the ones right after its end count too
    picture.close()
    assert growth < MEMORY_BYTES + SLACK_BYTES, f"the SES grew by {growth} bytes"
    return {"seconds": round((ended_ns - started_ns) / 1e9, 2), "ses_peak_growth_bytes": growth,
            **check_end(system, name, see, seen, lines), **check_neighbours(others.times_ms(measured_ns))}


def watch(client: hisee.System, others: Neighbours, see: str, tail: Tail) -> tuple[list[Entry], float]:
    """Wait for the end by the limit: the lines of the SEE, and the moment (s since 1970) at which `ps` did not show it any more."""
    lines: list[Entry] = []

    def limit_logged() -> bool:
        others.gather()
        lines.extend(entry for entry in tail.entries() if entry.process == see)
        return any(ENDED.search(entry.text) for entry in lines)

    until(limit_logged, f"{see} is ended by its limit", LONGEST_S)
    until(lambda: see not in names(client.ps(), "SEE"), f"{see} leaves the list", 5)
    return lines, time.time()


def check_end(system: RunningSystem, name: str, see: str, seen: float, lines: list[Entry]) -> dict[str, Any]:
    """The lines name script, line and limit; the SEE was gone in time; the expected error came first."""
    limit = next(entry for entry in lines if ENDED.search(entry.text))
    found = ENDED.search(limit.text)
    gone = see_ended_at(system, see)
    assert found is not None and found[1] == name and int(found[2]) > 0 and found[3] == "fuel_per_event", limit.text
    assert limit.text in system.log("SRV1.KNL.log"), "the server's log names script, line and limit"
    assert limit.text in system.log("REMOTE1.SES.log"), "the SES's log names script, line and limit"
    assert gone is not None and 1000 * (gone - limit.at) < GONE_MS, f"{see} was in the list for {1000 * ((gone or seen) - limit.at):.0f} ms"
    return {"log": limit.text, "gone_ms": round(1000 * (gone - limit.at), 1), "gone_seen_in_ps_ms": round(1000 * (seen - limit.at), 1),
            **check_caught(name, lines)}


def check_caught(name: str, lines: list[Entry]) -> dict[str, Any]:
    """Which error the script met before the fuel ended it, and at which depth or row count."""
    found = [re.fullmatch(r"caught (\d+) at (\d+)", entry.text) for entry in lines]
    caught = [(int(match[1]), int(match[2])) for match in found if match]
    if not SCRIPTS[name]:
        assert not caught
        return {}
    assert caught and caught[0][0] == SCRIPTS[name], f"{name} met {caught}, not {SCRIPTS[name]!r}"
    if name == "S.Recursion":
        assert DEPTH - 2 <= caught[0][1] <= DEPTH, f"the calls were {caught[0][1]} deep"
    return {"caught": Err(caught[0][0]).name, "at": caught[0][1]}


def check_neighbours(times: list[float]) -> dict[str, Any]:
    """The CALLs made while the hostile script ran and right after it."""
    p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
    assert p99 < P99_MS, f"p99 of the neighbours' CALLs is {p99:.1f} ms"
    return {"calls": len(times), "p50_ms": round(statistics.median(times), 2), "p99_ms": round(p99, 2), "max_ms": round(times[-1], 2)}
