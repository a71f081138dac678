"""Names, numbers, the choice of an SES and the wait graph: pure parts of the server."""

import pytest

from hisee.seams import Seams, SystemRng
from hisee.server.placement import choose_ses
from hisee.server.registry import NameInUse, Process, Registry, State


class Scripted:
    """An Rng that draws what it is told."""

    def __init__(self, *draws: int) -> None:
        self.draws = list(draws)

    def below(self, n: int) -> int:
        return self.draws.pop(0) % n

    def secret(self, count: int) -> bytes:
        return bytes(count)


def registry(rng=None) -> Registry:
    return Registry(Seams(rng=rng or SystemRng(1)))


def ses(number: int, logon: int) -> Process:
    return Process(number=number, name=f"S{number}.SES", kind="SES", logon_order=logon)


@pytest.mark.req("R2", "R3")
def test_a_drawn_name_that_is_taken_is_drawn_again():
    names = registry(Scripted(7, 7, 8))
    first = names.free_name("WS1", "SEE")
    names.add(Process(number=11, name=first, kind="SEE"))
    assert first == "WS1_10007.SEE"
    assert names.free_name("WS1", "SEE") == "WS1_10008.SEE"


def test_a_running_name_is_refused_and_the_first_stays():
    names = registry()
    first = names.add(Process(number=5, name="REMOTE1.SES", kind="SES"))
    with pytest.raises(NameInUse):
        names.add(Process(number=6, name="REMOTE1.SES", kind="SES"))
    assert names.named("REMOTE1.SES") is first
    names.end(first, State.CRASH)
    assert names.add(Process(number=6, name="REMOTE1.SES", kind="SES")).running


def test_ended_processes_stay_listed_but_virtual_ones_leave():
    names = registry()
    host = names.add(Process(number=5, name="REMOTE1.SES", kind="SES"))
    see = names.add(Process(number=6, name="WS1_1.SEE", kind="SEE"))
    names.end(host, State.CRASH)
    names.end(see, State.CRASH)
    assert [p.name for p in names] == ["REMOTE1.SES"]


@pytest.mark.req("R20")
def test_the_ses_with_the_fewest_sees_is_chosen():
    a, b = ses(1, 1), ses(2, 2)
    load = {1: 3, 2: 1}
    chosen = []
    for _ in range(3):
        pick = choose_ses([a, b], load)
        load[pick.number] += 1
        chosen.append(pick.name)
    assert chosen == ["S2.SES", "S2.SES", "S1.SES"]


@pytest.mark.req("R22")
def test_equal_counts_go_to_the_one_logged_on_longest():
    assert choose_ses([ses(2, 9), ses(1, 4)], {}).number == 1


def test_one_that_was_tried_is_left_out():
    assert choose_ses([ses(1, 1), ses(2, 2)], {2: 50}, tried=[1]).number == 2
    assert choose_ses([ses(1, 1)], {}, tried=[1]) is None
