"""Scripts with mistakes: exactly the diagnostics that their comments name, on their lines, and never a unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisee.esl import compile_source
from hisee.schema.diagnostics import ROWS

from .directory import event, interface, picture, plain, unit
from .scripts import expectations, files

CONTEXTS = {"script": plain, "picture": picture, "event": event, "unit": unit, "interface": interface}


@pytest.mark.parametrize("path", files("mistakes"), ids=lambda p: p.stem)
def test_mistakes_are_found(path: Path):
    text = path.read_text()
    wanted = expectations(text)
    done = compile_source(text, name="S.Test", context=CONTEXTS[wanted.kind](), part=wanted.part)
    found = [(d.code, d.line) for d in done.diagnostics]
    missing = [w for w in wanted.found if not any(code == w[0] and w[1] in (0, line) for code, line in found)]
    extra = [f for f in found if not any(code == f[0] and line in (0, f[1]) for code, line in wanted.found)]
    assert not missing and not extra, f"missing {missing}, not expected {extra}"
    assert len(found) == len(wanted.found), f"one diagnostic per cause: {found}"
    has_error = any(d.severity == "error" for d in done.diagnostics)
    assert done.ok is not has_error and bool(done.unit) is done.ok


def test_every_code_has_a_script_or_a_test():
    """A diagnostic nobody can provoke is dead; a few are proved by tests of their own."""
    elsewhere = {"ESL0003", "ESL0005", "ESL0006", "ESL0008", "ESL1008", "ESL1012",
                 "ESL2012", "ESL2026", "ESL2032", "ESL2101", "ESL2102", "ESL3016", "ESL4005"}
    told = {code for path in files("mistakes") for code, _ in expectations(path.read_text()).found}
    assert {row.name for row in ROWS} - told - elsewhere == set()
