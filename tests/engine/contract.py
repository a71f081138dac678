"""The contract suite of the Coordinator: one class of tests that every implementation runs with its own `lab`.

    class TestMine(Contract):
        @pytest.fixture
        def lab(self, tmp_path): ...   # a Lab (engine.lab) over an empty database; close() it at the end

Mutants are small subclasses of an implementation, each of which breaks one rule; `notices` says whether a test fails with it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.contract_ends import Attempts, Effects, Ends, Purge, Steps
from engine.contract_members import Members, NonStop, Terms, Together
from engine.contract_order import OneByOne, Order, Requests
from engine.contract_waiting import Conditions, Reports, Resources, Schedules
from engine.lab import Lab
from hisee.engine.coordinator import Coordinator


class Contract(Members, Terms, Together, NonStop, Order, OneByOne, Requests, Ends, Attempts, Steps, Effects, Purge, Conditions,
               Resources, Schedules, Reports):
    """Everything. `engine` is a first Coordinator on the lab's database."""

    @pytest.fixture
    def engine(self, lab: Lab) -> Coordinator:
        return lab.open()


# mutant -> the tests of the suite that must fail with it: (class of tests, name)
MUTANTS: dict[str, list[tuple[type, str]]] = {
    "NOTOKEN": [(Ends, "test_a_stale_claim_does_nothing_at_all"), (Steps, "test_the_stale_neither_steps_nor_progresses")],
    "TWOTXN": [(Ends, "test_a_wrong_follow_up_undoes_everything")],
    "NOKEY": [(Effects, "test_a_relay_that_dies_between_sending_and_marking")],
    "NOACTIVE": [(NonStop, "test_a_computer_that_waits_claims_nothing"), (NonStop, "test_work_goes_with_the_term"),
                 (NonStop, "test_nobody_works_while_nobody_holds_it")],
    "STAYS": [(NonStop, "test_primary_and_roles_follow_in_the_same_commit")],
    "ACKFIRST": [(Effects, "test_a_relay_that_dies_before_sending")],
}


def notices(test: tuple[type, str], make_lab: Callable[[], Lab]) -> bool:
    """Run one test of the suite with its own lab; True = it failed, as it must with a mutant."""
    suite, name = test
    lab = make_lab()
    try:
        getattr(suite(), name)(lab, lab.open())
    except (Exception, pytest.fail.Exception):
        return True
    finally:
        lab.close()
    return False
