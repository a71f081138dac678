"""Where a server stands: every rule with a fake clock, then several servers over one engine in memory under random schedules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisee.engine.coordinator import Candidate, EngineError
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.server.authority import Group, Rounds
from hisee.server.standing import MS, Standing, Times, View
from support.clock import FakeClock

SERVERS = {"SRV1": 3, "SRV2": 2, "SRV3": 0}
TIMES = Times()
GOOD_MS = TIMES.lease - TIMES.margin


class Stand:
    """One server, its clock, and a view that changes a word at a time."""

    def __init__(self, node: str = "SRV2", *, witness: bool = True, servers: dict[str, int] | None = None) -> None:
        self.clock = FakeClock()
        self.is_ = Standing(self.clock, node, servers or SERVERS, witness=witness)
        self.view = View()

    def saw(self, **facts: object) -> Stand:
        self.view = replace(self.view, **facts)  # type: ignore[arg-type]
        self.is_.saw(self.view, self.clock.monotonic_ns())
        return self

    def took(self, epoch: int = 5) -> Stand:
        self.is_.took(epoch, self.clock.monotonic_ns())
        self.is_.ready()
        return self

    @property
    def sub(self) -> str:
        return self.is_.state.name


def alive(*nodes: str) -> dict[str, int]:
    return {node: SERVERS[node] for node in nodes}


@pytest.mark.req("R70")
@pytest.mark.parametrize(("node", "living", "at_once"), [
    ("SRV1", ("SRV1", "SRV2", "SRV3"), True), ("SRV2", ("SRV1", "SRV2"), False), ("SRV2", ("SRV2", "SRV3"), True),
    ("SRV2", ("SRV2",), True)])
def test_the_highest_priority_that_lives_takes_it_at_once(node: str, living: tuple[str, ...], at_once: bool) -> None:
    assert Stand(node).saw(candidates=alive(*living)).is_.wants_the_term() is at_once


@pytest.mark.req("R71")
def test_a_lower_priority_waits_for_the_election_first() -> None:
    stand = Stand().saw(candidates=alive("SRV1", "SRV2"))
    stand.clock.advance(TIMES.election - 1)
    assert not stand.saw().is_.wants_the_term() and stand.sub == "election"
    stand.clock.advance(1)
    assert stand.saw().is_.wants_the_term()


@pytest.mark.req("R71")
def test_an_election_begins_anew_when_somebody_was_hot_meanwhile() -> None:
    stand = Stand().saw(candidates=alive("SRV1", "SRV2"))
    stand.clock.advance(TIMES.election - 1)
    stand.saw(holder="SRV1")
    stand.clock.advance(1)
    assert not stand.saw(holder="").is_.wants_the_term()


@pytest.mark.req("R70")
def test_priority_0_never_takes_it_without_an_order() -> None:
    stand = Stand("SRV3").saw(candidates=alive("SRV3"))
    stand.clock.advance(10 * TIMES.election)
    assert not stand.saw().is_.wants_the_term()
    assert stand.saw(heir="SRV3").is_.wants_the_term()
    stand.saw(heir="")
    stand.is_.promote()
    assert stand.is_.wants_the_term()
    stand.is_.promote(False)
    assert not stand.is_.wants_the_term()


def test_equal_priorities_are_told_apart_by_name() -> None:
    servers = {"A": 1, "B": 1}
    found = [node for node in servers if Stand(node, servers=servers).saw(candidates=servers).is_.wants_the_term()]
    assert found == ["A"]


@pytest.mark.req("R74")
def test_only_the_heir_takes_what_was_handed_over() -> None:
    assert not Stand("SRV1").saw(heir="SRV2", candidates=alive("SRV1", "SRV2")).is_.wants_the_term()
    assert Stand("SRV2").saw(heir="SRV2", candidates=alive("SRV1", "SRV2")).is_.wants_the_term()


@pytest.mark.req("R147")
def test_without_a_witness_silence_promotes_nobody() -> None:
    alone = Stand(witness=False).saw(silent=True, candidates=alive("SRV2"))
    alone.clock.advance(10 * TIMES.election)
    assert not alone.saw().is_.wants_the_term()
    assert alone.saw(silent=False).is_.wants_the_term(), "a proven death does"
    alone.saw(silent=True).is_.promote()
    assert alone.is_.wants_the_term(), "an operator does"
    assert Stand(witness=True).saw(silent=True, candidates=alive("SRV2")).is_.wants_the_term(), "with a witness, silence is death"


@pytest.mark.req("R147")
def test_nobody_takes_what_is_held_or_not_known_to_be_free() -> None:
    stand = Stand("SRV1")
    stand.is_.promote()
    assert not stand.is_.wants_the_term() and stand.sub == "cut off", "the engine has not been asked yet"
    assert not stand.saw(holder="SRV2", candidates=alive("SRV1", "SRV2")).is_.wants_the_term()


@pytest.mark.req("R147")
def test_it_acknowledges_until_lease_minus_margin_from_the_send_time() -> None:
    stand = Stand().saw(candidates=alive("SRV2"))
    began = stand.clock.monotonic_ns()
    stand.clock.advance(400)  # the commit took its time
    stand.is_.took(5, began)
    assert stand.sub == "switching to hot" and not stand.is_.acknowledges() and stand.is_.holds()
    stand.is_.ready()
    assert stand.sub == "hot" and stand.is_.acknowledges()
    stand.clock.advance(GOOD_MS - 401)
    assert stand.is_.acknowledges()
    stand.clock.advance(1)
    assert not stand.is_.acknowledges() and stand.sub == "cut off" and stand.is_.epoch == 5
    stand.is_.renewed(stand.clock.monotonic_ns())
    assert stand.is_.acknowledges() and stand.sub == "hot", "it renewed before anybody else took it"


@pytest.mark.req("R147")
def test_an_answer_to_an_old_renewal_prolongs_nothing() -> None:
    stand = Stand().took()
    old = stand.clock.monotonic_ns()
    stand.clock.advance(GOOD_MS - 1)
    stand.is_.renewed(stand.clock.monotonic_ns())
    stand.is_.renewed(old)
    stand.clock.advance(GOOD_MS - 1)
    assert stand.is_.acknowledges()


@pytest.mark.req("R74")
def test_a_hand_over_acknowledges_nothing_new_and_settles_what_is_open() -> None:
    stand = Stand().took()
    stand.is_.hand_over("SRV1")
    assert stand.sub == "switching to standby" and not stand.is_.acknowledges() and stand.is_.settles()
    stand.is_.hand_over("")
    assert stand.sub == "hot" and stand.is_.acknowledges()
    stand.is_.hand_over("SRV1")
    stand.is_.doubt()
    stand.is_.hand_over("")
    assert not stand.is_.acknowledges(), "whether it was dropped tells the next renewal"
    stand.is_.lost()
    assert stand.saw(heir="SRV1").sub == "election" and not stand.is_.holds()


@pytest.mark.req("R73")
def test_the_states_of_a_standby_server() -> None:
    stand = Stand().saw(holder="SRV1", epoch=5)
    assert (stand.is_.state.state, stand.sub, stand.is_.hot) == ("SS", "waiting for the hot server", "SRV1")
    stand.is_.follows("SRV1", synchronized=False)
    assert stand.sub == "synchronizing"
    stand.is_.follows("SRV1", synchronized=True)
    assert (stand.is_.state.state, stand.sub) == ("SBS", "standby")
    stand.clock.advance(TIMES.lease * 3)
    assert stand.sub == "standby", "the engine is away, the hot server is not"
    stand.is_.follows("", synchronized=False)
    assert (stand.is_.state.state, stand.sub) == ("SS", "cut off")
    assert stand.saw(holder="").sub == "election" and stand.is_.hot == ""
    assert Stand("SRV9").is_.state.state == "FS"


# -- several over one engine


class Plant:
    """Servers that come, die, freeze, lose the engine and are switched, over one engine in memory. Who may acknowledge is counted."""

    def __init__(self, witness: bool) -> None:
        self.clock = FakeClock()
        self.engine = MemoryEngine(self.clock)
        self.group = Group("plant", {n: {"priority": p} for n, p in SERVERS.items()}, "there" if witness else "")
        self.servers: dict[str, Server] = {}
        self.epochs: dict[int, str] = {}

    def check(self) -> None:
        """Never two that may acknowledge at one instant; one epoch is one server's."""
        hot = [s for s in self.servers.values() if s.standing.acknowledges() or s.standing.settles()]
        assert len(hot) <= 1, [s.node for s in hot]
        for server in hot:
            assert self.epochs.setdefault(server.standing.epoch, server.name) == server.name
            assert server.standing.epoch == max(self.epochs)


class Server:
    count = 0

    def __init__(self, plant: Plant, node: str) -> None:
        Server.count += 1
        self.plant, self.node, self.name, self.frozen, self.cut = plant, node, f"{node}#{Server.count}", False, False
        self.slow_ms = 0
        self.last = Server.count * 1_000
        self.standing = Standing(plant.clock, node, plant.group.priorities, witness=bool(plant.group.witness))
        self.engine = Cuttable(plant.engine, self)
        self.rounds = Rounds(self.engine, self.standing, plant.group, plant.clock, self.candidate)

    def candidate(self) -> Candidate:
        self.last += 1
        return Candidate(kind="KNL", node=self.node, host="h", pid=1, birth=1, incarnation=self.last)

    def passes(self) -> None:
        """A slow way to the engine: time goes on for all."""
        self.plant.clock.advance(self.slow_ms)
        self.plant.check()

    def step(self) -> None:
        if self.frozen:
            return
        try:
            self.rounds.round()
        except EngineError:
            return
        self.standing.ready()

    def switch(self, heir: str) -> None:
        if self.frozen or not self.standing.acknowledges():
            return
        self.standing.hand_over(heir)
        self.plant.check()
        try:
            self.rounds.hand_over(heir)
        except EngineError:
            self.standing.hand_over("")


class Cuttable(MemoryCoordinator):
    """The engine as a server reaches it, or does not. Of a call that is cut half of them took place all the same."""

    def __init__(self, engine: MemoryEngine, server: Server) -> None:
        super().__init__(engine)
        self._server = server
        self.calls = 0

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name not in ("join", "beat", "keep", "terms", "members", "succession", "take_together", "hand_over", "overdue", "bury"):
            return found

        def call(*arguments: object, **named: object) -> object:
            self._server.passes()
            if not self._server.cut:
                try:
                    return found(*arguments, **named)
                finally:
                    self._server.passes()
            self.calls += 1
            if self.calls % 2 and name not in ("join", "take_together"):  # these answer what became of them, by their own looking
                found(*arguments, **named)
            raise EngineError("cut")

        return call


STEPS = st.lists(st.tuples(
    st.sampled_from([*("time", "step") * 3, "boot", "kill", "freeze", "thaw", "cut", "mend", "slow", "switch", "promote"]),
    st.sampled_from(list(SERVERS)), st.integers(1, 3_000)), min_size=10, max_size=120)


def carry_out(plant: Plant, what: str, node: str, amount: int) -> None:
    server = plant.servers.get(node)
    if what == "time":
        plant.clock.advance(amount)
    elif what == "boot" and server is None:
        plant.servers[node] = Server(plant, node)
    elif server is None:
        return
    elif what == "step":
        server.step()
    elif what == "kill":
        del plant.servers[node]
        if amount % 2:
            plant.engine.killed(server.last)
    elif what in ("freeze", "thaw"):
        server.frozen = what == "freeze"
    elif what in ("cut", "mend"):
        server.cut = what == "cut"
    elif what == "slow":
        server.slow_ms = amount // 8 if amount % 2 else 0
    elif what == "switch":
        server.switch(list(SERVERS)[amount % len(SERVERS)])
    elif what == "promote":
        server.standing.promote()


@pytest.mark.req("R67", "R147")
@given(STEPS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_never_two_that_may_acknowledge(steps: list[tuple[str, str, int]], witness: bool) -> None:
    plant = Plant(witness)
    for node in SERVERS:
        plant.servers[node] = Server(plant, node)
    for what, node, amount in steps:
        carry_out(plant, what, node, amount)
        plant.check()


@pytest.mark.req("R67", "R70", "R72")
@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_after_any_trouble_exactly_one_is_hot(steps: list[tuple[str, str, int]]) -> None:
    """The highest priority need not be it: who is hot stays hot."""
    plant = Plant(witness=True)
    for what, node, amount in steps:
        carry_out(plant, what, node, amount)
    for node in SERVERS:
        plant.servers.setdefault(node, Server(plant, node)).frozen = False
        plant.servers[node].cut, plant.servers[node].slow_ms = False, 0
    for _ in range(60):
        plant.clock.advance(250)
        for server in plant.servers.values():
            server.step()
            plant.check()
    assert len([s for s in plant.servers.values() if s.standing.acknowledges()]) == 1


def test_a_server_that_counts_from_the_answer_would_be_found() -> None:
    """The check above sees a server that takes its lease from when the answer came."""
    plant = Plant(witness=True)
    first, second = (plant.servers.setdefault(n, Server(plant, n)) for n in ("SRV1", "SRV2"))
    first.step()
    second.step()
    plant.clock.advance(1_900)
    first.standing.renewed(plant.clock.monotonic_ns() - 200 * MS)  # no beat reached the engine for it
    plant.clock.advance(200)
    second.step()
    with pytest.raises(AssertionError):
        plant.check()


@pytest.mark.req("R147")
def test_a_slow_way_to_the_engine_costs_its_own_time() -> None:
    plant = Plant(witness=True)
    first, second = (plant.servers.setdefault(n, Server(plant, n)) for n in ("SRV1", "SRV2"))
    first.slow_ms = 80
    before = plant.clock.monotonic_ns()
    first.step()
    assert first.standing.acknowledges() and plant.clock.monotonic_ns() - before > TIMES.margin * MS, "else nothing is tried here"
    first.frozen = True
    for _ in range(40):
        plant.clock.advance(50)
        second.step()
        plant.check()
    assert second.standing.acknowledges()


@pytest.mark.req("R74", "R147")
def test_a_hand_over_whose_outcome_is_not_known() -> None:
    """The commit took place and its answer was lost: the server must not believe that it is hot still."""
    for calls in (0, 1):
        plant = Plant(witness=True)
        first, second = (plant.servers.setdefault(n, Server(plant, n)) for n in ("SRV1", "SRV2"))
        first.step()
        second.step()
        first.cut, first.engine.calls = True, calls
        first.switch("SRV2")
        assert not first.standing.acknowledges()
        second.step()
        plant.check()
        first.cut = False
        first.step()
        plant.check()
        assert len([s for s in (first, second) if s.standing.acknowledges()]) == 1
