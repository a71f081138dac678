"""Process administration: one primary, take-over, ticks, modes, alarms."""

from __future__ import annotations

import pytest

from hisee.engine.coordinator import ACTIVE, LostGrant, LostMember, Member, Schedule, TaskRequest
from hisee.work.modes import ModeRefused, change_mode
from work.crew import Crew


@pytest.mark.req("R94", "R98")
def test_the_first_one_is_primary() -> None:
    crew = Crew(3)
    assert [hand.primary.grant is not None for hand in crew.hands] == [True, False, False]


@pytest.mark.req("R99")
def test_a_frozen_primary_steps_down() -> None:
    crew = Crew(2)
    frozen, other = crew.hands
    old = frozen.primary.grant
    assert old is not None
    for _ in range(5):
        crew.clock.advance(500)
        other.look()
    assert crew.holders()["pwp"] == "WP002"
    assert frozen.primary.time() == 0 and not frozen.primary.look(), "it acts on a lease that is over"
    with pytest.raises(LostMember):
        frozen.beat()
    with pytest.raises(LostGrant):
        frozen.coordinator.assign(old, "role.O", other.member)


def test_after_a_sleep_of_the_computer_everybody_goes_on() -> None:
    crew = Crew(3)
    epoch = crew.grant().epoch
    crew.clock.advance(60_000)
    crew.settle()
    assert crew.grant().epoch == epoch and not [m for m in crew.coordinator.members() if m.ended_ms]
    crew.hands.pop(0)  # this one does not come back
    for _ in range(5):
        crew.clock.advance(500)
        crew.settle()
    assert crew.holders()["pwp"] == "WP002"


def test_nobody_buries_himself() -> None:
    crew = Crew(1)
    crew.clock.advance(5_000)
    hand = crew.hands[0]
    hand.lease.renewed(hand.lease.begin())
    hand.primary.look()
    assert crew.holders()["pwp"] == "WP001"


@pytest.mark.req("R98", "R99")
def test_ticks_over_a_take_over() -> None:
    crew = Crew(2)
    now = crew.clock.now_ms()
    crew.coordinator.put_schedule(Schedule(name="tick", rule="every 1", request=TaskRequest(func="tasks.work"), next_ms=now + 1000))
    for step in range(40):
        crew.clock.advance(250)
        for hand in crew.hands:
            hand.look()
            hand.primary.time()
        if step == 17:
            crew.kill(crew.hands[0])
    keys = sorted(int(row.key.split("@")[1]) for row in crew.coordinator.tasks(limit=100))
    assert keys == list(range(now + 1000, now + 10_001, 1000))
    assert "general" in crew.hands[0].rung


@pytest.mark.req("R98")
def test_only_the_primary_ticks() -> None:
    crew = Crew(3)
    now = crew.clock.now_ms()
    crew.coordinator.put_schedule(Schedule(name="tick", rule="every 1", request=TaskRequest(func="tasks.work"), next_ms=now))
    assert [hand.primary.time() for hand in crew.hands] == [1, 0, 0]


def test_a_broken_schedule_is_told_of_once_and_stops_no_other() -> None:
    crew = Crew(1)
    for name, rule in (("bad", "cron 99 * * * *"), ("good", "every 1")):
        crew.coordinator.put_schedule(Schedule(name=name, rule=rule, request=TaskRequest(func="tasks.work"), next_ms=crew.clock.now_ms()))
    assert crew.hands[0].primary.time() == 1
    crew.hands[0].primary.time()
    assert len(crew.hands[0].alarms) == 1 and "bad" in crew.hands[0].alarms[0]


def test_conditions_are_released_by_the_holder_of_r() -> None:
    crew = Crew(3)
    first = crew.put()[0]
    last = crew.put(after=[first])[0]
    crew.hands[0].rounds()
    assert [hand.primary.time() for hand in crew.hands] == [0, 0, 1] and crew.row(last).state == "ready"


def test_dead_letters_are_told_of_once() -> None:
    crew = Crew(1)
    hand = crew.hands[0]
    task = crew.put("tasks.fail", max_attempts=1)[0]
    hand.rounds()
    for _ in range(3):
        crew.clock.advance(1_100)
        hand.look()
    assert hand.alarms == [f"task {task} (tasks.fail) is a dead letter after 1 attempts: tasks.py, line 11: ValueError: broken pump"]


@pytest.mark.req("R113")
def test_modes_follow_the_minimum() -> None:
    crew = Crew(5, wp_min=3)
    assert crew.modes() == "WP WP WP DWP DWP"
    crew.kill(crew.hands[1])
    assert crew.modes() == "WP WP WP DWP" and set(crew.holders().values()) == {"WP001", "WP003", "WP004"}
    crew.start()
    assert crew.modes() == "WP DWP WP WP DWP"


@pytest.mark.req("R113")
def test_modes_after_the_death_of_the_primary() -> None:
    crew = Crew(5, wp_min=3)
    crew.kill(crew.hands[0])
    assert crew.modes() == "WP WP WP DWP" and crew.holders()["pwp"] == "WP002"


@pytest.mark.req("R113")
def test_a_role_holder_hands_back_before_it_becomes_a_dialog_one() -> None:
    crew = Crew(3, wp_min=2)
    assert crew.modes() == "WP WP DWP"
    assert crew.holders() == {"pwp": "WP001", "role.O": "WP002", "role.R": "WP001"}


@pytest.mark.req("R113")
def test_never_below_two() -> None:
    crew = Crew(3, wp_min=0)
    assert crew.modes() == "WP WP DWP"
    crew.kill(crew.hands[0])
    assert crew.modes() == "WP WP"


@pytest.mark.req("R113")
def test_change_by_command() -> None:
    crew = Crew(3)
    second = crew.hands[1]
    changed = change_mode(second.coordinator, second.member, "DWP")
    crew.settle()
    assert changed.mode == "DWP" and crew.modes() == "WP DWP WP" and crew.holders()["role.O"] == "WP001", "WP003 has a role already"
    with pytest.raises(ModeRefused, match="WP003 stays plain"):
        change_mode(crew.hands[2].coordinator, crew.hands[2].member, "DWP")
    assert change_mode(second.coordinator, second.member, "WP").mode == "WP"
    crew.settle()
    assert sorted(crew.holders().values()) == ["WP001", "WP002", "WP003"]


@pytest.mark.req("R113")
def test_a_primary_stays_plain() -> None:
    crew = Crew(3)
    with pytest.raises(ModeRefused, match="primary"):
        change_mode(crew.hands[0].coordinator, crew.hands[0].member, "DWP")


def test_a_primary_that_was_made_a_dialog_one_turns_back() -> None:
    """An older primary decided it, stood still, and carried it out when this one was primary already."""
    crew = Crew(3)
    crew.coordinator.set_mode(crew.hands[0].member, "DWP")
    crew.settle()
    assert crew.modes() == "WP WP WP" and crew.holders() == {"pwp": "WP001", "role.O": "WP002", "role.R": "WP003"}


def test_one_that_renewed_since_the_look_stays() -> None:
    crew = Crew(2)
    slow, late = crew.hands
    for _ in range(5):
        crew.clock.advance(420)
        slow.beat()
    looked = slow.coordinator.overdue()
    assert [member.name for member, _ in looked] == ["WP002"]

    def look_and_stand_still() -> list[tuple[Member, str]]:
        del slow.coordinator.overdue
        late.beat()
        return looked

    slow.coordinator.overdue = look_and_stand_still
    slow.primary.look()
    late.beat()
    assert crew.holders()["pwp"] == "WP001" and not crew.coordinator.members()[1].ended_ms


def test_a_dialog_one_leads_when_no_plain_one_is_left() -> None:
    crew = Crew(3, wp_min=2)
    for hand in crew.hands[:2]:
        crew.engine.killed(hand.member.incarnation)
    del crew.hands[:2]
    crew.settle()
    assert crew.modes() == "WP" and set(crew.holders().values()) == {"WP003"}


@pytest.mark.req("R99", "R123")
def test_the_primary_goes_with_the_active_computer() -> None:
    crew = Crew()
    servers = [crew.start(kind="KNL", node=node) for node in ("SRV1", "SRV2")]
    crew.hands.clear()  # servers are no work processes
    grants = servers[0].coordinator.take_together(["hs.plant", ACTIVE], servers[0].member)
    assert grants is not None
    here, there = [[crew.start(node=node) for _ in range(2)] for node in ("SRV1", "SRV2")]
    assert [hand.primary.grant is not None for hand in (*here, *there)] == [True, False, False, False]
    for _ in range(3):
        crew.put()
    assert sum(hand.rounds() for hand in there) == 0 and sum(hand.rounds() for hand in here) == 3
    servers[0].coordinator.hand_over(grants, "SRV2", 1_000)
    crew.settle()
    assert servers[1].coordinator.take_together(["hs.plant", ACTIVE], servers[1].member) is not None
    crew.put()
    crew.settle()
    assert [hand.primary.grant is not None for hand in (*here, *there)] == [False, False, True, False]
    assert set(crew.holders().values()) >= {there[0].member.name, there[1].member.name}
    assert sum(hand.rounds() for hand in here) == 0 and sum(hand.rounds() for hand in there) == 1
