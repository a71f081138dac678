"""The supervisor's decisions, on a clock that only the test moves. No process runs here."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee.resident.spec import ChildSpec
from hisee.resident.supervisor import SECOND, Act, OrderRefused, Phase, Supervisor


class Clock:
    def __init__(self) -> None:
        self.ns = 10**12

    def now_ms(self) -> int:
        return self.ns // 1_000_000

    def monotonic_ns(self) -> int:
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += int(seconds * SECOND)


class Play:
    """A supervisor whose children do what the test says."""

    def __init__(self, *specs: ChildSpec, **more: float) -> None:
        self.clock = Clock()
        self.supervisor = Supervisor([ChildSpec(name="S.KNL", kind="KNL"), *specs], self.clock, **more)  # type: ignore[arg-type]
        self.lines: list[Act] = []

    def acts(self) -> list[tuple[str, str]]:
        """What is to be done to children now; texts are kept aside."""
        found = self.supervisor.acts()
        self.lines += [act for act in found if act.what in ("say", "alarm")]
        return [(act.what, act.name) for act in found if act.what not in ("say", "alarm")]

    def alarms(self) -> str:
        return "\n".join(act.text for act in self.lines if act.what == "alarm")

    def run(self) -> list[str]:
        """Start whatever is to be started, at once ready; the order of starts."""
        order = []
        while starts := [name for what, name in self.acts() if what == "start"]:
            for name in starts:
                order.append(name)
                self.supervisor.started(name, 1000 + len(order))
                self.supervisor.ready(name, "ok")
        return order

    def begin(self) -> list[str]:
        self.supervisor.begin()
        return self.run()

    def phase(self, name: str) -> Phase:
        return self.supervisor.children[name].phase


def spec(name: str, **more: object) -> ChildSpec:
    return ChildSpec(name=name, kind=name.rpartition(".")[2].partition("_")[0], **more)  # type: ignore[arg-type]


@pytest.mark.req("R8")
def test_the_server_first_then_priority_downwards_then_as_written():
    play = Play(spec("A.SES", priority=1), spec("B.SES", priority=3), spec("C.DBM", priority=1), spec("D.HIP", autostart=False))
    assert play.begin() == ["S.KNL", "B.SES", "A.SES", "C.DBM"]
    assert play.supervisor.complete and play.phase("D.HIP") is Phase.DOWN


@pytest.mark.req("R114")
@pytest.mark.parametrize(("deletes", "killed"), [(False, True), (True, False)])
def test_a_start_that_deletes_what_waits_may_take_longer(deletes, killed):
    play = Play(spec("A.WP"))
    play.supervisor.begin()
    assert play.acts() == [("start", "S.KNL")]
    play.supervisor.ready("S.KNL", "knl")
    assert play.acts() == [("start", "A.WP")]
    play.supervisor.started("A.WP", 1001, deletes=deletes)
    play.clock.pass_s(60)
    assert (("kill", "A.WP") in play.acts()) is killed
    play.clock.pass_s(300)
    assert deletes is False or ("kill", "A.WP") in play.acts()


@pytest.mark.req("R8")
def test_one_at_a_time_with_its_initialization_time_behind_it():
    play = Play(spec("A.SES", init_s=2.0), spec("B.SES"))
    play.supervisor.begin()
    assert play.acts() == [("start", "S.KNL")] and play.acts() == []
    play.supervisor.ready("S.KNL", "knl")
    assert play.acts() == [("start", "A.SES")]
    play.clock.pass_s(1)
    assert play.acts() == [], "B waits for the ready line of A"
    play.supervisor.ready("A.SES", "ses")
    play.clock.pass_s(1.9)
    assert play.acts() == []
    play.clock.pass_s(0.2)
    assert play.acts() == [("start", "B.SES")]
    assert not play.supervisor.complete
    play.supervisor.ready("B.SES", "ses")
    assert play.supervisor.complete


def test_a_child_that_fails_while_the_system_starts_is_named():
    play = Play(spec("A.SES"))
    play.supervisor.begin()
    play.acts()
    play.supervisor.ready("S.KNL", "knl")
    play.acts()
    play.supervisor.ended("A.SES", 2, "port 3119 is taken")
    assert play.supervisor.failed == "A.SES did not start: port 3119 is taken"
    assert play.acts() == [], "nothing more is started"


@pytest.mark.req("R168")
def test_in_a_group_a_child_that_fails_while_the_system_starts_is_started_again():
    play = Play(spec("A.SES"), spec("B.SES"), forgiving=True)
    play.supervisor.begin()
    play.acts()
    play.supervisor.ended("S.KNL", 1, "the engine database is away")
    assert not play.supervisor.failed and play.acts() == []
    play.clock.pass_s(1.1)
    assert play.acts() == [("start", "S.KNL")]
    play.supervisor.ready("S.KNL", "knl")
    assert play.acts() == [("start", "A.SES")]
    play.supervisor.ended("A.SES", 1, "the engine database is away")
    assert play.acts() == [("start", "B.SES")]
    play.supervisor.ready("B.SES", "ses")
    play.clock.pass_s(1.1)
    assert play.acts() == [("start", "A.SES")] and not play.supervisor.complete
    play.supervisor.ready("A.SES", "ses")
    assert play.supervisor.complete


def test_a_child_that_does_not_become_ready_is_killed():
    play = Play(spec("A.SES"))
    play.supervisor.begin()
    play.acts()
    play.supervisor.ready("S.KNL", "knl")
    play.acts()
    play.clock.pass_s(9.9)
    assert play.acts() == []
    play.clock.pass_s(0.2)
    assert play.acts() == [("kill", "A.SES")] and play.acts() == []


@pytest.mark.req("R7", "R130")
@pytest.mark.parametrize("status", [-9, -11, 1, 75])
def test_after_a_crash_it_starts_again_after_its_delay(status):
    play = Play(spec("A.SES", delay_s=60.0))
    play.begin()
    play.supervisor.ended("A.SES", status)
    play.clock.pass_s(59.9)
    assert play.acts() == []
    play.clock.pass_s(0.2)
    assert play.acts() == [("start", "A.SES")]
    assert "A.SES ended" in play.alarms() and "60 s" in play.alarms()


@pytest.mark.req("R7", "R86", "R130")
def test_after_an_end_in_order_it_stays_down():
    play = Play(spec("A.SES"))
    play.begin()
    play.supervisor.ended("A.SES", 0)
    play.clock.pass_s(3600)
    assert play.acts() == [] and play.phase("A.SES") is Phase.DOWN and play.alarms() == ""


def test_restart_types():
    play = Play(spec("A.SES", restart="permanent", delay_s=1.0), spec("B.SES", restart="temporary"))
    play.begin()
    play.supervisor.ended("A.SES", 0)
    play.supervisor.ended("B.SES", -9)
    play.clock.pass_s(2)
    assert play.acts() == [("start", "A.SES")] and play.phase("B.SES") is Phase.DOWN


@pytest.mark.req("R7")
def test_a_frozen_child_is_killed_and_starts_again_even_if_it_ends_in_order_meanwhile():
    play = Play(spec("A.SES", delay_s=1.0), spec("B.SES", delay_s=1.0))
    play.begin()
    for name in ("A.SES", "B.SES"):
        play.supervisor.silent(name)
        play.supervisor.silent(name)
    play.clock.pass_s(4.9)
    assert play.acts() == [] and "WDErr" in play.alarms()
    play.supervisor.ended("B.SES", 0)  # thawed, found its session lost and left
    play.clock.pass_s(0.2)
    assert play.acts() == [("kill", "A.SES")]
    play.supervisor.ended("A.SES", -9)
    play.clock.pass_s(1.1)
    assert play.acts() == [("start", "A.SES"), ("start", "B.SES")]
    assert play.supervisor.children["A.SES"].why == "WDErr: frozen, SIGKILL"


def test_a_child_that_is_heard_again_is_left_alone():
    play = Play(spec("A.SES"))
    play.begin()
    play.supervisor.silent("A.SES")
    play.clock.pass_s(4)
    play.supervisor.heard("A.SES")
    play.clock.pass_s(4)
    assert play.acts() == []


@pytest.mark.req("R130")
def test_a_crash_loop_ends_with_an_alarm():
    play = Play(spec("A.SES", delay_s=1.0), restarts=5, window_s=60)
    play.begin()
    starts = 0
    while play.phase("A.SES") is not Phase.DOWN:
        play.supervisor.ended("A.SES", -6)
        play.clock.pass_s(1.1)
        starts += len(play.run())
    assert starts == 5 and play.alarms().endswith("A.SES ended (SIGABRT) 6 times in 60 s: it stays down")
    play.clock.pass_s(3600)
    assert play.acts() == []
    assert play.supervisor.start("A.SES") == "A.SES starts" and play.run() == ["A.SES"], "an operator may try again"


def test_crashes_far_apart_are_no_loop():
    play = Play(spec("A.SES", delay_s=1.0), restarts=2, window_s=60)
    play.begin()
    for _ in range(20):
        play.supervisor.ended("A.SES", -9)
        play.clock.pass_s(31)
        assert play.run() == ["A.SES"]


@pytest.mark.req("R129")
def test_the_end_of_the_system_goes_turn_by_turn_and_the_primary_behind_the_communication_processes():
    play = Play(spec("S.CP"), spec("S.DBM"), spec("A.SES"), spec("S.WP_1"), spec("S.WP_2"), spec("S.WP_3"), spec("W.HIP"), spec("S.JWP"))
    play.begin()
    play.supervisor.primary = "S.WP_2"
    play.supervisor.stop_all()
    order = []
    while not play.supervisor.all_down:
        names = [name for what, name in play.acts() if what == "ask"]
        order.append(names)
        for name in names:
            play.supervisor.ended(name, 0)
    assert order == [["W.HIP"], ["S.WP_1", "S.WP_3"], ["S.CP"], ["S.WP_2"], ["S.JWP"], ["A.SES"], ["S.DBM"], ["S.KNL"]]
    assert play.acts() == [] and play.alarms() == ""


def test_whoever_does_not_end_in_time_is_killed_and_the_next_turn_comes():
    play = Play(spec("A.SES", stop_s=5.0))
    play.begin()
    play.supervisor.stop_all()
    assert play.acts() == [("ask", "A.SES")]
    play.clock.pass_s(5.1)
    assert play.acts() == [("kill", "A.SES")]
    play.supervisor.ended("A.SES", -9)
    assert play.acts() == [("ask", "S.KNL")]


def test_nothing_starts_while_the_system_ends():
    play = Play(spec("A.SES", delay_s=1.0))
    play.begin()
    play.supervisor.ended("A.SES", -9)
    play.supervisor.stop_all()
    play.clock.pass_s(5)
    assert play.acts() == [("ask", "S.KNL")]
    with pytest.raises(OrderRefused, match="the system ends"):
        play.supervisor.start("A.SES")


@pytest.mark.req("R130")
def test_orders_stop_start_and_restart():
    play = Play(spec("A.SES", delay_s=1.0))
    play.begin()
    supervisor = play.supervisor
    with pytest.raises(OrderRefused, match="runs already"):
        supervisor.start("a.ses")
    supervisor.stop("A.SES")
    assert play.acts() == [("ask", "A.SES")]
    supervisor.ended("A.SES", -15)
    play.clock.pass_s(100)
    assert play.acts() == [], "an ordered stop is not undone"
    with pytest.raises(OrderRefused, match="does not run"):
        supervisor.stop("A.SES")
    supervisor.start("A.SES")
    assert play.run() == ["A.SES"]
    supervisor.restart("A.SES")
    assert play.acts() == [("ask", "A.SES")]
    supervisor.ended("A.SES", 0)
    assert play.run() == ["A.SES"]
    with pytest.raises(OrderRefused, match="LIST"):
        supervisor.restart("B.SES")
    with pytest.raises(OrderRefused, match="with the system"):
        supervisor.stop("S.KNL")


def test_an_order_finds_a_numbered_process_by_the_name_it_was_given():
    play = Play(spec("S.WP_1"))
    play.supervisor.begin()
    play.acts()
    play.supervisor.ready("S.KNL", "knl")
    play.acts()
    play.supervisor.ready("S.WP_1", "wp name=WP007")
    assert play.supervisor.find("wp007").name == "S.WP_1"


def test_a_stopped_process_is_started_by_the_number_it_had_unless_another_one_has_it_now():
    play = Play(spec("S.WP_1"), spec("S.WP_2"))
    play.begin()
    play.supervisor.children["S.WP_1"].joined, play.supervisor.children["S.WP_2"].joined = "WP001", "WP002"
    play.supervisor.stop("WP001")
    play.acts()
    play.supervisor.ended("S.WP_1", 0)
    assert play.supervisor.find("WP001").name == "S.WP_1"
    play.supervisor.children["S.WP_2"].joined = "WP001"
    assert play.supervisor.find("WP001").name == "S.WP_2"


def test_a_crashed_server_takes_its_sessions_along_and_everything_starts_again_in_order():
    play = Play(spec("S.CP", priority=5), spec("A.SES"), spec("B.SES"), spec("C.SES"))
    play.begin()
    play.supervisor.stop("C.SES")
    play.acts()
    play.supervisor.ended("C.SES", 0)
    play.supervisor.ended("A.SES", 0)  # the server was silent: it left, and was not meant to
    play.clock.pass_s(5)
    play.supervisor.ended("S.KNL", -9)
    assert play.acts() == [("ask", "S.CP"), ("ask", "B.SES")]
    play.supervisor.ended("S.CP", 0)
    play.clock.pass_s(1.1)
    assert play.acts() == [("start", "S.KNL")]
    play.supervisor.ended("B.SES", 0)
    play.supervisor.ready("S.KNL", "knl")
    assert play.run() == ["S.CP", "A.SES", "B.SES"], "and C, stopped by order, stays down"


def test_a_server_that_keeps_crashing_ends_the_system():
    play = Play(spec("A.SES"), restarts=1)
    play.begin()
    play.supervisor.ended("S.KNL", -9)
    play.acts()
    play.supervisor.ended("A.SES", 0)
    play.clock.pass_s(2)
    play.run()
    play.supervisor.ended("S.KNL", -9)
    assert play.supervisor.given_up and play.supervisor.stopping


def test_a_server_that_ends_in_order_ends_the_system():
    play = Play(spec("A.SES"))
    play.begin()
    play.supervisor.ended("S.KNL", 0)
    assert play.supervisor.stopping and not play.supervisor.given_up and play.acts() == [("ask", "A.SES")]


def test_a_restarted_server_is_no_crash():
    play = Play(spec("A.SES"), restarts=1)
    play.begin()
    for _ in range(5):
        play.supervisor.restart("S.KNL")
        assert set(play.acts()) == {("ask", "A.SES"), ("ask", "S.KNL")}
        play.supervisor.ended("A.SES", 0)
        play.supervisor.ended("S.KNL", 0)
        assert play.run() == ["S.KNL", "A.SES"]
    assert play.alarms() == ""


@pytest.mark.req("R7")
def test_while_the_server_is_silent_nothing_starts_and_its_victims_are_in_no_crash_loop():
    play = Play(spec("A.SES", delay_s=1.0), restarts=2)
    play.begin()
    for _ in range(4):
        play.supervisor.ended("A.SES", 3)
        play.supervisor.silent("S.KNL")
        play.clock.pass_s(2)
        assert play.acts() == [], "nobody can log on at a silent server"
        play.clock.pass_s(3.1)
        assert play.acts() == [("kill", "S.KNL")]
        play.supervisor.ended("S.KNL", -9)
        play.clock.pass_s(25)
        assert play.run() == ["S.KNL", "A.SES"]
    assert "stays down" not in play.alarms()
    play.supervisor.ended("A.SES", 3)
    play.supervisor.silent("S.KNL")
    play.clock.pass_s(2)
    play.supervisor.heard("S.KNL")
    assert play.run() == ["A.SES"], "a server that answers again is left alone"


HAPPENINGS = st.lists(st.tuples(
    st.sampled_from(["crash", "leave", "silent", "heard", "ready", "start", "stop", "restart", "pass", "end all"]),
    st.sampled_from(["S.KNL", "A.SES", "B.SES", "S.WP_1"]), st.sampled_from([0.05, 1.0, 5.0, 30.0])), max_size=60)


@pytest.mark.hypothesis
@given(HAPPENINGS)
def test_whatever_happens_nobody_runs_twice_and_a_system_that_ends_ends(happenings):
    play = Play(spec("A.SES", init_s=1.0), spec("B.SES", restart="permanent"), spec("S.WP_1", priority=2), restarts=3)
    play.begin()
    alive = {name for name, child in play.supervisor.children.items() if child.phase is Phase.RUNNING}
    for what, name, seconds in [*happenings, ("end all", "", 0.0)]:
        happen(play, alive, what, name, seconds)
        carry_out(play, alive)
    for _ in range(40):
        play.clock.pass_s(25)
        for name in sorted(alive):
            play.supervisor.ended(name, -9)
        alive.clear()
        carry_out(play, alive)
    assert not alive and play.supervisor.all_down
    assert all(len(child.crashes) <= 4 for child in play.supervisor.children.values())


def happen(play: Play, alive: set[str], what: str, name: str, seconds: float) -> None:
    """One thing that may happen to a system; impossible ones do not."""
    supervisor = play.supervisor
    if what in ("crash", "leave") and name in alive:
        alive.discard(name)
        supervisor.ended(name, -9 if what == "crash" else 0)
    elif what == "ready" and play.phase(name) is Phase.STARTING:
        supervisor.ready(name, "ok")
    elif what in ("silent", "heard"):
        getattr(supervisor, what)(name)
    elif what in ("start", "stop", "restart"):
        with contextlib.suppress(OrderRefused):
            getattr(supervisor, what)(name)
    elif what == "pass":
        play.clock.pass_s(seconds)
    elif what == "end all":
        supervisor.stop_all()


def carry_out(play: Play, alive: set[str]) -> None:
    """Do what is asked: a start makes a process, a kill ends one at once, an order to end may be ignored."""
    for what, name in play.acts():
        if what == "start":
            assert name not in alive, "started while it runs"
            assert not play.supervisor.stopping, "started while the system ends"
            alive.add(name)
            play.supervisor.started(name, 1)
        elif what == "kill":
            alive.remove(name)
            play.supervisor.ended(name, -9)


def with_database() -> Play:
    return Play(ChildSpec(name="S.CP", kind="CP"), ChildSpec(name="S.PG", kind="PG", restart="permanent"))


def test_the_database_pair_starts_before_the_server_and_may_wait_for_another_computer() -> None:
    play = with_database()
    play.supervisor.begin()
    assert play.acts() == [("start", "S.PG")]
    play.supervisor.started("S.PG", 1)
    play.clock.pass_s(1000)
    assert play.acts() == []
    play.supervisor.ready("S.PG", "secondary=1")
    assert play.run() == ["S.KNL", "S.CP"]


def test_the_database_pair_outlives_the_server_and_ends_last() -> None:
    play = with_database()
    play.begin()
    play.supervisor.ended("S.KNL", 1)
    assert play.acts() == [("ask", "S.CP")] and play.phase("S.PG") is Phase.RUNNING
    play.supervisor.ended("S.CP", 0)
    play.clock.pass_s(10)
    assert play.run() == ["S.KNL", "S.CP"]
    play.supervisor.stop_all()
    for name in ("S.CP", "S.KNL", "S.PG"):
        assert play.acts() == [("ask", name)]
        play.supervisor.ended(name, 0)
    assert play.supervisor.all_down


def test_a_lost_database_node_ends_nobody() -> None:
    play = with_database()
    play.begin()
    play.supervisor.ended("S.PG", 70)
    play.clock.pass_s(10)
    assert play.run() == ["S.PG"] and play.phase("S.KNL") is Phase.RUNNING
