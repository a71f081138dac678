"""Who holds which role: the rule alone, and carried out by the primary over starts and deaths."""

from __future__ import annotations

import pytest

from hisee.engine.coordinator import ACTIVE, Member, TermRow
from hisee.work.roles import assignments
from work.crew import Crew


def member(number: int, **facts: object) -> Member:
    plain = {"kind": "WP", "name": f"WP{number:03d}", "node": "N", "host": "h", "pid": number, "birth": 1, "incarnation": number,
             "joined_ms": number}
    return Member(number=number, **(plain | facts))


def held(**terms: int) -> dict[str, TermRow]:
    names = {"pwp": "pwp", "O": "role.O", "R": "role.R"}
    return {names[term]: TermRow(names[term], holder, f"WP{holder:03d}" if holder else "", 1) for term, holder in terms.items()}


def moves(members: list[Member], **terms: int) -> dict[str, int]:
    return {a.role[-1]: a.member.number for a in assignments(members, held(**terms))}


CREW = [member(n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(("count", "terms", "wanted"), [
    pytest.param(1, {"pwp": 1}, {"O": 1, "R": 1}, marks=pytest.mark.req("R100"), id="primary alone has both"),
    pytest.param(2, {"pwp": 1, "O": 1, "R": 1}, {"O": 2}, marks=pytest.mark.req("R101"), id="second gets the first role"),
    pytest.param(3, {"pwp": 1, "O": 2, "R": 1}, {"R": 3}, marks=pytest.mark.req("R101"), id="third gets the second"),
    pytest.param(4, {"pwp": 1, "O": 2, "R": 3}, {}, marks=pytest.mark.req("R102"), id="fourth gets none"),
    pytest.param(4, {"pwp": 1, "O": 0, "R": 3}, {"O": 2}, marks=pytest.mark.req("R103"), id="freed, one without a role takes it"),
    pytest.param(4, {"pwp": 2, "O": 2, "R": 3}, {"O": 1}, marks=pytest.mark.req("R104"), id="new primary hands its role on"),
    pytest.param(3, {"pwp": 1, "O": 3, "R": 3}, {"R": 2}, id="one role each"),
    pytest.param(2, {"pwp": 1, "O": 2, "R": 2}, {"R": 1}, id="one role each, else the primary"),
    pytest.param(4, {"pwp": 0}, {}, id="no primary, no change"),
])
def test_rule(count: int, terms: dict[str, int], wanted: dict[str, int]) -> None:
    assert moves(CREW[:count], **terms) == wanted


@pytest.mark.req("R103")
def test_without_a_candidate_the_primary_keeps_it() -> None:
    assert moves([member(1), member(3)], pwp=1, O=0, R=3) == {"O": 1}
    assert moves([member(1), member(3)], pwp=1, O=1, R=3) == {}


@pytest.mark.req("R104")
def test_no_role_for_dialog_standby_and_other_kinds() -> None:
    others = [member(2, mode="DWP"), member(3, kind="CP"), member(4, ended_ms=1), member(5, mode="STANDBY"), member(6, kind="JWP")]
    assert moves([member(1), *others], pwp=1, O=2, R=3) == {"O": 1, "R": 1}


@pytest.mark.req("R123")
@pytest.mark.parametrize(("holder", "wanted"), [(9, {"O": 2, "R": 1}), (0, {}), (8, {})])
def test_roles_stay_on_the_active_computer(holder: int, wanted: dict[str, int]) -> None:
    """Of SRV1, of nobody, of SRV2 whose work processes have not taken the primary's term yet."""
    servers = [member(9, kind="KNL", node="SRV1"), member(8, kind="KNL", node="SRV2")]
    crew = [member(1, node="SRV1"), member(2, node="SRV1"), member(3, node="SRV2"), *servers]
    terms = held(pwp=1) | {ACTIVE: TermRow(ACTIVE, holder, "", 4)}
    assert {a.role[-1]: a.member.number for a in assignments(crew, terms)} == wanted


def test_order_of_joining_not_of_numbers() -> None:
    assert moves([member(1, joined_ms=9), member(2, joined_ms=20), member(3, joined_ms=10)], pwp=1) == {"O": 3, "R": 2}


@pytest.mark.req("R100", "R101", "R102")
def test_started_one_after_the_other() -> None:
    crew = Crew()
    seen = []
    for _ in range(4):
        crew.start()
        seen.append(tuple(crew.holders().values()))
    assert seen == [("WP001", "WP001", "WP001"), ("WP001", "WP002", "WP001"), ("WP001", "WP002", "WP003"), ("WP001", "WP002", "WP003")]


@pytest.mark.req("R103", "R104")
def test_deaths() -> None:
    crew = Crew(4)
    crew.kill(crew.hands[1])  # O
    assert crew.holders() == {"pwp": "WP001", "role.O": "WP004", "role.R": "WP003"}
    crew.kill(crew.hands[2])  # O again, nobody is free
    assert crew.holders() == {"pwp": "WP001", "role.O": "WP001", "role.R": "WP003"}
    assert crew.start().member.name == "WP002" and crew.holders()["role.O"] == "WP002"


@pytest.mark.req("R99", "R104")
def test_death_of_a_primary_with_a_role() -> None:
    crew = Crew(2)
    epoch = crew.grant().epoch
    crew.kill(crew.hands[0])
    assert set(crew.holders().values()) == {"WP002"} and crew.grant().epoch == epoch + 1
    crew.start()
    assert crew.holders() == {"pwp": "WP002", "role.O": "WP001", "role.R": "WP002"}
