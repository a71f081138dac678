"""Every requirement of the release has a test, and docs/requirements.md says which."""

from __future__ import annotations

import re

from support import requirements

# The numbers that this release promises, as ranges; the table must cover exactly these.
PROMISED = "1-13 16-61 63 66-138 140-148 165 168"


def promised() -> set[str]:
    numbers: set[str] = set()
    for part in PROMISED.split():
        first, _, last = part.partition("-")
        numbers |= {f"R{n}" for n in range(int(first), int(last or first) + 1)}
    return numbers


def test_the_table_covers_what_is_promised():
    proved, still_open, titles = requirements.load()
    assert not set(proved) & set(still_open)
    assert set(proved) | set(still_open) == promised()
    assert set(titles) == promised()


def test_every_proved_number_has_a_test():
    tests = requirements.marks()
    assert not [n for n in requirements.load()[0] if n not in tests]


def test_open_numbers_are_named():
    tests, still_open = requirements.marks(), requirements.load()[1]
    for number in still_open:
        print(number, "has", len(tests.get(number, [])), "tests and is not yet proved")


def test_marks_are_requirement_numbers():
    assert all(re.fullmatch(r"R[1-9][0-9]{0,2}", number) for number in requirements.marks())


def test_the_page_is_fresh():
    assert requirements.PAGE.read_text() == requirements.page(), "run: python tests/support/requirements.py"
