"""The Spin model of the server pair: no error in any interleaving, every seeded mistake found, every good end reachable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.spin import compiled, numbers, search

MUTANTS, ENDS = numbers("mutant"), numbers("reach")
OPERATOR = {"OPERATORS": 1, "RESTORES": 0, "WRITES": 0}
NEEDS = {"NOFENCE": {"BADCLOCK": 1}, "SAMEEPOCH": OPERATOR, "RELEASES": OPERATOR,
         "LOSSY": {"OPERATORS": 1, "RESTORES": 0, "TIMELINES": 1, "EPOCHS": 1}}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("spin") is None, reason="the model checker `spin` is not installed; ./hisee installs it"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("standby"))


@pytest.mark.req("R147")
@pytest.mark.parametrize("settings", [{}, {"BADCLOCK": 1}], ids=["as designed", "the holder's clock stands still"])
def test_the_pair_keeps_what_it_acknowledged(program: Path, settings: dict[str, int]) -> None:
    assert "errors: 0" in search(program, **settings)


def test_after_an_operators_promotion_epochs_still_belong_to_one(program: Path) -> None:
    assert "errors: 0" in search(program, **OPERATOR)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_seeded_mistake_is_found(program: Path, mutant: str) -> None:
    report = search(program, MUTANT=MUTANTS[mutant], **NEEDS.get(mutant, {}))
    assert "errors: 1" in report and "assertion violated" in report


@pytest.mark.parametrize("end", ENDS)
def test_a_good_end_can_be_reached(program: Path, end: str) -> None:
    """Else the model would prove nothing: in it nobody would ever be promoted."""
    report = search(program, REACH=ENDS[end], **NEEDS.get(end, {}))
    assert "errors: 1" in report and f"(reach=={ENDS[end]})" in report.replace("(reach == ", "(reach==")
