"""The promises of server processes over thousands of seeds, and that the simulator finds what breaks them."""

from __future__ import annotations

import pytest

from simulator.parts import MUTANTS, PARTS
from simulator.seeds import CI, first_found, kept, run_all
from simulator.world import run

FAULTS = ("crash", "freeze", "full", "jump", "lost", "lost bell", "stop", "switch", "cancel", "mode", "mode refused", "sleep", "move")


@pytest.mark.slow
def test_seeds_that_once_found_something() -> None:
    assert run_all(kept()).broken == []


@pytest.mark.slow
@pytest.mark.req("R98", "R99", "R100", "R101", "R102", "R103", "R104", "R110", "R123")
def test_promises_hold_under_every_seed() -> None:
    result = run_all(range(CI))
    assert result.broken == []
    assert all(result.faults[kind] > CI // 10 for kind in FAULTS), f"too little happened: {dict(result.faults)}"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", sorted(MUTANTS))
def test_a_mutant_is_found(mutant: str) -> None:
    assert first_found(MUTANTS[mutant]) is not None


def test_a_seed_is_a_whole_run() -> None:
    first, second = run(7), run(7)
    assert (first.calls, first.faults, first.received) == (second.calls, second.faults, second.received)
    assert [claim.token for claim in first.ended] == [claim.token for claim in second.ended] and first.parts is PARTS
