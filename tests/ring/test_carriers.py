"""A slice of the campaign of links that change their carrier; the full count runs by `./hisee campaign carriers`."""

import random

import pytest

from campaigns import carriers


@pytest.mark.slow
@pytest.mark.req("R121", "R46")
@pytest.mark.parametrize("how", carriers.WAYS)
def test_messages_pass_changes_of_the_carrier_once_and_in_order(how):
    found = carriers.changes(how, 40, seed=7)
    assert found["switches"] >= 40 and found["messages"] > 0
    print(found)


@pytest.mark.slow
@pytest.mark.req("R121", "R31")
def test_an_end_killed_in_the_middle_of_a_change_is_known_to_be_dead():
    assert carriers.killed(4, seed=7) == 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", carriers.DAMAGES)
def test_each_kind_of_damage_is_noticed_under_load(kind):
    with carriers.link("loop", 5) as ends:
        carriers.damaged(ends, kind, random.Random(5))
        states = carriers.settle(ends)
    assert all(state["losses"] for state in states)
