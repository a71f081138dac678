"""Any function of the host with any values: a result of its type or an invalid one, or an error that a script can catch."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hisee._core.values import encode
from hisee.channel.payloads import CallChain
from hisee.schema.host_functions import ROWS
from hisee.script.functions import Functions
from hisee.script.functions.registry import BEHIND, Raised
from hisee.values import Invalid, Time

from . import outside

TYPES = {"B": bool, "I": int, "H": int, "R": float, "T": str, "TM": Time}
SLOW = {"%Encrypt", "%Decrypt", "%PwdHash", "%PwdCheck"}  # each call has its 100,000 rounds: a case shows them, not a thousand of them
QUICK = [row for row in ROWS if row.name not in SLOW]
TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "a.txt", "sub/", "../..", "link/passwd", "{}", "[1]", "<a/>", "http://localhost/", "UTF-8", "\0", "(", "*"]),
    st.builds(lambda s, n: s * n, st.text(min_size=1, max_size=2), st.integers(1, 60_000)),
)  # fmt: skip
VALUES = st.one_of(
    st.booleans(), st.integers(-(2**63) + 16, 2**63 - 1), st.integers(-2, 5), st.floats(), TEXTS,
    st.integers(-(2**63) + 16, 2**63 - 1).map(Time),
    st.builds(Invalid, st.integers(1, 15), st.sampled_from(["INT", "REAL", "BOOL", "TEXT", "TIME"])),
)  # fmt: skip


class Script:
    """What functions ask of the script that calls them."""

    line, memory_used, chain, containers = 1, 1000, (("P", 1),), ()


class Owner:
    name, object, number, console, database_error = "WS1.HIS", "S.Test", 1, 0, (0, "")
    script = Script()

    def chain(self) -> CallChain:
        return CallChain(self.name, self.object, self.number, list(self.script.chain))


@pytest.fixture
def functions(tmp_path: Path) -> Iterator[Functions]:
    outside.fill(tmp_path)
    logging.getLogger("hisee.script.files").setLevel(logging.CRITICAL)
    found = Functions(outside.site(tmp_path, 1), Owner())
    yield found
    found.close()


def test_every_row_has_a_function_behind_it() -> None:
    assert sorted(BEHIND) == sorted(row.number for row in ROWS)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(QUICK), st.data())
def test_any_arguments_do_no_harm(functions: Functions, row: Any, data: st.DataObject) -> None:
    arguments = data.draw(st.lists(VALUES, min_size=row.least, max_size=row.most))
    try:
        value = functions.call(row.number, arguments)
    except Raised:
        return
    encode([value])
    wanted = TYPES.get(row.result)
    assert isinstance(value, Invalid) or row.result == "U" or type(value) is wanted, (row.name, arguments, value)


@pytest.mark.parametrize("row", [r for r in QUICK if r.parameters], ids=lambda r: r.name)
def test_extremes(functions: Functions, row: Any) -> None:
    """Every parameter at the ends of its type, alone and together."""
    ends = {"B": [True, False], "I": [-(2**63) + 16, 0, 2**63 - 1], "H": [-1, 2**63 - 1], "R": [-1.7e308, 0.0, 1.7e308],
            "T": ["", "\U0010ffff", "x" * 100_000], "U": ["", 0], "TM": [Time(2**62)]}
    for arguments in itertools.islice(itertools.product(*(ends[p[1]] for p in row.parameters)), 30):
        try:
            encode([functions.call(row.number, arguments)])
        except Raised:
            continue
