"""Which communication process a client goes to: pure choice, with a dial that is a dictionary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hisee.channel import LogonRefused, PeerUnreachable
from hisee.channel.doors import CHOOSE, CROWDED, ELSEWHERE, HOPS, LONGEST_MS, Doors, enter
from hisee.channel.payloads import Hello, Welcome
from hisee.seams import SystemRng


class Entered:
    """In place of a channel."""

    def __init__(self, address: str, facts: dict[str, Any]) -> None:
        self.address = address
        self.welcome = Welcome(name="A", number=1, facts=facts)


class Town:
    """Doors with loads; each refuses who chooses while another one is less loaded, as the server does."""

    def __init__(self, **loads: int) -> None:
        self.loads = {f"{name}:1": load for name, load in loads.items()}
        self.dead: set[str] = set()
        self.asked: list[str] = []

    def rows(self) -> list[dict[str, Any]]:
        return [{"name": address, "address": address, "connections": load} for address, load in self.loads.items()]

    def dial(self, address: str, hello: Hello) -> Any:
        self.asked.append(address)
        if address in self.dead or address not in self.loads:
            raise PeerUnreachable(f"nobody answers at {address}")
        if hello.facts[CHOOSE] and self.loads[address] > min(self.loads.values()):
            raise LogonRefused(ELSEWHERE, "another one", {"cps": self.rows()})
        self.loads[address] += 1
        return Entered(address, {"cps": self.rows()})


def client(*addresses: str, seed: int = 1) -> Doors:
    return Doors(addresses, SystemRng(seed), first_wait_ms=1000)


def go(doors: Doors, dial: Callable[[str, Hello], Any]) -> Any:
    return enter(doors, Hello(kind="AGENT"), dial)


def test_the_least_loaded_door_is_taken_whichever_was_asked() -> None:
    for start in ("a:1", "b:1", "c:1"):
        town = Town(a=5, b=3, c=9)
        doors = client(start)
        assert go(doors, town.dial).address == "b:1"
        assert doors.known[:3] == ["b:1", "a:1", "c:1"], "and it knows all of them, the least loaded first"


def test_a_hundred_clients_end_evenly() -> None:
    town = Town(a=0, b=0)
    for number in range(100):
        go(client("a:1", seed=number), town.dial)
    assert town.loads == {"a:1": 50, "b:1": 50}


def test_a_dead_door_that_the_list_still_names_keeps_nobody_out() -> None:
    town = Town(a=5, b=0)
    town.dead = {"b:1"}
    assert go(client("a:1"), town.dial).address == "a:1"


def test_all_doors_are_tried_before_it_gives_up() -> None:
    town = Town(a=0)
    assert go(client("x:1", "y:1", "a:1"), town.dial).address == "a:1"
    town.dead = {"a:1"}
    town.asked = []
    with pytest.raises(PeerUnreachable):
        go(client("x:1", "y:1", "a:1"), town.dial)
    assert sorted(town.asked) == ["a:1", "x:1", "y:1"]
    with pytest.raises(PeerUnreachable):
        go(client(), town.dial)


def test_doors_that_send_it_round_in_circles_let_it_in_at_last() -> None:
    asked: list[bool] = []

    def dial(address: str, hello: Hello) -> Any:
        asked.append(hello.facts[CHOOSE])
        if hello.facts[CHOOSE]:
            other = "b:1" if address == "a:1" else "a:1"
            raise LogonRefused(ELSEWHERE, "go", {"cps": [{"address": other, "connections": 0}]})
        return Entered(address, {})

    go(client("a:1"), dial)
    assert len(asked) == HOPS + 1 and not asked[-1]


def test_a_crowded_door_names_the_others_and_any_other_refusal_is_final() -> None:
    town = Town(a=0, b=4)

    def dial(address: str, hello: Hello) -> Any:
        if address == "a:1":
            raise LogonRefused(CROWDED, "full", {"cps": [{"address": "b:1", "connections": 4}]})
        hello.facts[CHOOSE] = False
        return town.dial(address, hello)

    assert go(client("a:1"), dial).address == "b:1"

    def refuse(address: str, hello: Hello) -> Any:
        raise LogonRefused("SECRET", "no")

    with pytest.raises(LogonRefused, match="no"):
        go(client("a:1", "b:1"), refuse)


def test_after_a_loss_listed_doors_come_before_those_that_were_only_given() -> None:
    firsts = set()
    for seed in range(40):
        doors = client("given:1", seed=seed)
        doors.learn([{"address": "a:1", "connections": 90}, {"address": "b:1", "connections": 1}])
        order = doors.any_order()
        assert order[2:] == ["given:1"]
        firsts.add(order[0])
    assert firsts == {"a:1", "b:1"}, "in random order: a hundred clients do not all run to one"


def test_waits_grow_to_a_bound_are_random_and_begin_anew() -> None:
    doors = client("a:1")
    waits = [doors.back_off_s() for _ in range(40)]
    assert all(wait <= LONGEST_MS / 1000 for wait in waits) and waits[0] <= 1.0
    assert max(waits) > 8 and len(set(waits)) > 30
    doors.entered()
    assert doors.back_off_s() <= 1.0
