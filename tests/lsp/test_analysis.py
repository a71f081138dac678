"""Checking section by section finds what the compiler finds, after any edits, and checks no more than it must."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esl.directory import picture
from hisee.esl import compile_object
from hisee.lsp.analysis import ObjectAnalysis
from hisee.lsp.completion import complete, signature_help
from hisee.lsp.hover import hover
from hisee.lsp.navigation import definition
from hisee.lsp.symbols import Meaning

LOCAL = """\
; local part
INT _n, _count
BOOL _b

RPC PROCEDURE Take(IN INT _x)
  _count := _count + _x
END Take

PROCEDURE Show(INT _x)
  LOG "x", _x
  IF _b THEN
    _n := 1
  ENDIF
END Show

ENTRY BtnGo_OnClick
  CALL Show(_n)
  CALL [] Load(_n)
  _selected := _selected + 1
END BtnGo_OnClick

BEGIN
  _count := 0
END
"""
REMOTE = """\
RPC PROCEDURE Load(INT _line)
  _line := U.Count
END Load

BEGIN
  _selected := 0
END
"""
LINES = ["  _nix := 1", "  CALL Nobody", "  IF _b THEN", "  ENDIF", "  _selected := _selected + 1", "  _count := ", "END Show",
         "PROCEDURE Extra", "END Extra", "RPC PROCEDURE Load(INT _line)", "END Load", "INT _more", "BEGIN", "", "  LOG \"a",
         "Lab:", "  GOTO Lab",
         "ENTRY OnClose(BOOL _c)",
         "END OnClose", "  _line := 2", "  _b := _b | _b & _b"]


def found(diagnostics) -> list:
    return sorted((d.part, d.line, d.column, d.code, d.message, tuple((n.part, n.line, n.text) for n in d.notes)) for d in diagnostics)


def whole(texts: dict[int, str]) -> list:
    return found(compile_object("S.Test", texts, picture()).diagnostics)


def edited(texts: dict[int, str], rng: random.Random) -> tuple[int, str]:
    """One line of one part put in, taken out or replaced."""
    number = rng.choice([1, 2])
    rows = texts[number].split("\n")
    at = rng.randrange(len(rows))
    rows[at:at + rng.choice([0, 1])] = rng.choice([[], [rng.choice(LINES)]])
    return number, "\n".join(rows)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32))
def test_after_any_edits_it_finds_what_the_compiler_finds(seed):
    rng = random.Random(seed)
    texts = {1: LOCAL, 2: REMOTE}
    both = ObjectAnalysis("S.Test", picture())
    for number, text in texts.items():
        both.update(number, text)
    both.complete()
    assert found(both.diagnostics) == whole(texts) == []
    for _ in range(6):
        number, texts[number] = edited(texts, rng)
        both.update(number, texts[number])
        both.complete()
        fresh = ObjectAnalysis("S.Test", picture())
        for part, text in texts.items():
            fresh.update(part, text)
        fresh.complete()
        assert found(both.diagnostics) == found(fresh.diagnostics), texts
        assert {row[:4] for row in found(both.diagnostics)} == {row[:4] for row in whole(texts)}, texts


def test_an_edit_in_a_body_checks_its_section_only():
    both = ObjectAnalysis("S.Test", picture())
    both.update(1, LOCAL)
    both.update(2, REMOTE)
    both.complete()
    both.update(1, LOCAL.replace('LOG "x", _x', "_nix := _x"))
    due = [p.section.name for part in both.parts.values() for p in part.pieces if p.due]
    assert due == ["Show"]
    assert both.step(1) and not both.step(1)
    assert [(d.code, d.line) for d in both.diagnostics] == [("ESL2001", 10)]


def test_a_finding_moves_with_its_section():
    both = ObjectAnalysis("S.Test", picture())
    broken = LOCAL.replace('LOG "x", _x', "_nix := _x")
    both.update(1, broken)
    both.complete()
    both.update(1, "; one\n; two\n" + broken)
    assert not [p for p in both.parts[1].pieces if p.due and p.section.name == "Show"]
    assert [(d.code, d.line) for d in both.diagnostics] == [("ESL2001", 12)]


@pytest.mark.parametrize("change", [("INT _n, _count", "INT _n"), ("Show(INT _x)", "Show(INT _x, INT _y)")])
def test_a_changed_global_or_header_makes_all_due(change):
    both = ObjectAnalysis("S.Test", picture())
    both.update(1, LOCAL)
    both.complete()
    both.update(1, LOCAL.replace(*change))
    assert all(p.due for p in both.parts[1].pieces)
    both.complete()
    assert found(both.diagnostics) == whole({1: LOCAL.replace(*change)}) != []


def test_external_functions_are_known() -> None:
    """Completion, signature, hover and definition of a function that is called by the name of its object."""
    both = ObjectAnalysis("S.Test", picture())
    both.update(1, "REAL _r\nBEGIN\n  _r := %X.Hypot(1, 2)\n  _r := %X.Hy\nEND\n")
    items = {item.label: item for item in complete(both, 1, 4, 14).items}
    assert items["%X.Hypot"].detail == "REAL %X.Hypot(REAL, REAL)" and items["%X.Hypot"].insert == "%X.Hypot($0)"
    assert "%Hypot" not in items
    help = signature_help(both, 1, 3, 20)
    assert help is not None and help.signature.parameters == ("REAL", "REAL") and help.active == 1
    text, token = hover(both, 1, 3, 12)
    assert "double hypot(double x, double y);" in text and "libm.so.6" in text and token.text == "%X.Hypot"
    assert definition(both, 1, 3, 12) == Meaning("object", "X.Hypot")
    both.update(1, "REAL _r\nBEGIN\n  _r := %Sqrt(1)\nEND\n")
    assert definition(both, 1, 3, 12) is None
