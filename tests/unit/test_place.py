"""On which processor a lane runs: together with one who asks now and then, apart from one who asks without a pause, else anywhere."""

from __future__ import annotations

import os

import pytest

from hisee._core.route import APART, FREE, TOGETHER, Place, move_to

LOOK = 16  # requests between two looks
SES, OTHER = object(), object()
ALL = os.sched_getaffinity(0)
FIRST, SECOND = (sorted(ALL) * 2)[:2]
pytestmark = pytest.mark.skipif(len(ALL) < 2, reason="one processor: there is no choice")


class Thread:
    """The processors that it was sent to."""

    def __init__(self, *, may=True):
        self.moves, self.may, self.out = [], may, 0
        self.place = Place(self.move)

    def move(self, cpus):
        self.moves.append(set(cpus))
        return self.may

    def ask(self, looks=1, asker=SES, theirs=FIRST, mine=SECOND, *, soon=False, driven_out=0):
        """Requests up to as many looks; processors are numbered from 1 there."""
        for _ in range(looks * LOOK):
            self.out += driven_out
            self.place.heard(asker, theirs + 1, mine + 1, soon, self.out)


@pytest.fixture
def thread():
    return Thread()


def test_it_goes_to_one_who_asks_now_and_then_from_another_processor(thread):
    thread.ask()
    assert thread.place.mode == TOGETHER and thread.moves == [{FIRST}]
    thread.ask(5, mine=FIRST)
    assert thread.moves == [{FIRST}], "there it stays"


def test_it_leaves_the_processor_of_one_who_asks_without_a_pause(thread):
    thread.ask(mine=FIRST, soon=True)
    assert thread.place.mode == APART and thread.moves == [ALL - {FIRST}]


@pytest.mark.parametrize(("mine", "soon"), [(FIRST, False), (SECOND, True)])
def test_who_is_placed_well_is_left_alone(thread, mine, soon):
    thread.ask(20, mine=mine, soon=soon)
    assert thread.place.mode == FREE and not thread.moves


def test_another_one_who_asks_sets_it_free(thread):
    thread.ask()
    thread.place.heard(OTHER, 1, 1, False, 0)
    assert thread.place.mode == FREE and thread.moves == [{FIRST}, ALL]


def test_another_pace_sets_it_free_and_moves_it_then(thread):
    thread.ask()
    thread.ask(mine=FIRST, soon=True)
    assert thread.moves == [{FIRST}, ALL]
    thread.ask(mine=FIRST, soon=True)
    assert thread.moves[2:] == [ALL - {FIRST}]


def test_what_does_not_help_is_tried_less_and_less_often(thread):
    tries = []
    for look in range(400):
        before = len(thread.moves)
        thread.ask()  # the asker is seen elsewhere whatever it does
        if thread.place.mode == TOGETHER and len(thread.moves) > before:
            tries.append(look)
    gaps = [later - earlier for earlier, later in zip(tries, tries[1:], strict=False)]
    assert len(gaps) > 4 and all(later > earlier for earlier, later in zip(gaps, gaps[1:], strict=False))


def test_where_others_want_the_processor_it_does_not_stay(thread):
    thread.ask(mine=FIRST, soon=True)
    thread.ask(soon=True, driven_out=1)
    assert thread.place.mode == FREE and thread.moves[-1] == ALL


def test_a_long_statement_sets_it_free_for_a_while(thread):
    thread.ask()
    thread.place.failed()
    thread.ask(2)
    assert thread.place.mode == FREE and thread.moves == [{FIRST}, ALL]


def test_where_it_may_not_move_it_stays_free():
    thread = Thread(may=False)
    thread.ask()
    assert thread.place.mode == FREE


def test_the_move_is_one_of_the_calling_thread():
    try:
        assert move_to({FIRST}) and os.sched_getaffinity(0) == {FIRST}
    finally:
        assert move_to(ALL) and os.sched_getaffinity(0) == ALL
    assert not move_to({4095}), "a processor that is not there"
