"""Fixes do what they say and nothing else: a repaired script has fewer findings, and a second run has nothing to do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisee.esl import compile_object, compile_source
from hisee.esl.explain import parts_of
from hisee.esl.fix_rules import RULES
from hisee.esl.fixes import Edit, apply, fixes, repair
from hisee.schema import explanations

from .directory import event, interface, picture, plain, unit
from .scripts import expectations, files

CONTEXTS = {"script": plain, "picture": picture, "event": event, "unit": unit, "interface": interface}
TOO_LONG = {"ESL0005", "ESL1012", "ESL3016"}
BY_HAND = {"ESL0001", "ESL1001", "ESL1004", "ESL1009", "ESL2009", "ESL3020", "ESL4004"}  # their examples need a person, or are below


def compiled(kind: str = "script", part: int = 1):
    def compile_texts(texts):
        if len(texts) == 1:
            return compile_source(texts[part], name="S.Test", context=CONTEXTS[kind](), part=part).diagnostics
        return compile_object("S.Test", dict(texts), CONTEXTS[kind]()).diagnostics

    return compile_texts


def fixed(text: str, kind: str = "script") -> str:
    return repair({1: text}, compiled(kind))[0][1]


REPAIRED = [r for r in explanations.ROWS if r.name in RULES and r.name not in BY_HAND | TOO_LONG]


@pytest.mark.parametrize("row", REPAIRED, ids=lambda r: r.name)
def test_the_wrong_example_of_the_manual_is_repaired(row):
    compile_texts = compiled(row.kind, row.part)
    after, applied = repair(parts_of(row.wrong, row.part), compile_texts)
    assert [f.code for f in applied] == [row.name] and compile_texts(after) == []
    assert repair(after, compile_texts) == (after, [])


INIT = "INT _a\nBOOL _b\nTEXT _t\nBEGIN\n{}\nEND\n"


@pytest.mark.parametrize(("wrong", "right"), [
    ("  LOG “start”", '  LOG "start"'),
    ("  _a = 1", "  _a := 1"),
    ("  IF _a == 1 && _a != 2\n  ENDIF", "  IF _a = 1 & _a # 2 THEN\n  ENDIF"),
    ("  if _a = 1 ; why\n  endif", "  if _a = 1 then ; why\n  endif"),
    ("  FOR _a = 1 TO 3\n  END_LOOP", "  FOR _a = 1 TO 3 DO_LOOP\n  END_LOOP"),
    ("  IF _b THEN\n  ELSE IF _a = 1 THEN\n    _a := 2\n  ENDIF\n  ENDIF", "  IF _b THEN\n  ELSIF _a = 1 THEN\n    _a := 2\n  ENDIF"),
    ("  IF _b THEN\n    IF _a = 1 THEN\n      _a := 2\n  ENDIF", "  IF _b THEN\n    IF _a = 1 THEN\n      _a := 2\n    ENDIF\n  ENDIF"),
    ("  _b := (1 + 2) < _a < 3", "  _b := (1 + 2) < _a & _a < 3"),
    ("  DO_LOOP\n    _a := 1\n    EXIT_LOOP", "  DO_LOOP\n    _a := 1\n    EXIT_LOOP\n  END_LOOP"),
])
def test_plain_mistakes_of_a_line(wrong, right):
    assert fixed(INIT.format(wrong)) == INIT.format(right)


def test_a_row_is_known_inside_a_loop_over_the_structure():
    text = "INT _i\nBEGIN\n  FOR _i RANGE SV.Tanks DO_LOOP\n    SV.Tanks^Level := 1\n  END_LOOP\nEND\n"
    assert fixed(text) == text.replace("SV.Tanks^", "SV.Tanks[_i]^")


def test_a_parameter_that_is_written_does_not_become_in():
    text = "PROCEDURE P(INT _x)\n  _x := 1\nEND P\nBEGIN\n  CALL P(5)\nEND\n"
    assert fixed(text) == text


@pytest.mark.parametrize("text", ["BEGN\nPROCEDURE A\nEND A\nPROCEDURE B\nEND B\nEND\n",
                                  "BEGN\nINT _a\nPROCEDURE A\nEND A\nPROCEDURE B\nEND B\nBEGIN\nEND\n"])
def test_no_fix_that_shows_more_mistakes_than_it_removes(text):
    """BEGIN would be right for the line and wrong for every procedure behind it."""
    assert [d.code for d in compiled()({1: text})] == ["ESL1002"]
    assert fixed(text) == text


def test_a_short_name_is_no_misspelling():
    text = "INT _a\nBEGIN\n  _b := 1\nEND\n"
    assert fixed(text) == text


def test_new_lines_end_as_the_others():
    assert fixed("BEGIN\r\n  IF @TRUE THEN\r\nEND\r\n") in ("BEGIN\r\n  IF @TRUE THEN\r\n  ENDIF\r\nEND\r\n",
                                                          "BEGIN\r\n  IF @TRUE THEN\r\nEND\r\n  ENDIF\r\n")


@pytest.mark.parametrize("line", ["_b := _b | _b & _b | _b", "_b := !_b = _b", "_b := %IIf(_b, _b | _b & !_b, _b)"])
def test_brackets_keep_the_meaning(line):
    text = INIT.format(f"  {line}")
    after = fixed(text)
    assert after != text
    units = [compile_source(t, name="S.Test", context=plain()) for t in (text, after)]
    assert units[0].unit == units[1].unit and not units[1].diagnostics


@pytest.mark.parametrize("path", files("mistakes"), ids=lambda p: p.stem)
def test_a_script_full_of_mistakes_gets_better_and_then_stays(path):
    text = path.read_text()
    wanted = expectations(text)
    compile_texts = compiled(wanted.kind, wanted.part)
    before = compile_texts({wanted.part: text})
    after, applied = repair({wanted.part: text}, compile_texts)
    left = compile_texts(after)
    assert len(left) <= len(before)
    assert not [f for d in left for f in fixes(d, after) if f.safe and f in applied]
    assert repair(after, compile_texts) == (after, [])


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_a_damaged_script_is_never_made_worse(data):
    text = data.draw(st.sampled_from([p.read_text() for p in files("samples") + files("mistakes")]))
    at = data.draw(st.integers(0, max(0, len(text) - 1)))
    damaged = text[:at] + data.draw(st.sampled_from(["", "=", "!", "(", "IF ", "END\n", '"', "_", "ELSE IF _x THEN\n"])) + text[at + 1:]
    compile_texts = compiled()
    before = compile_texts({1: damaged})
    after, applied = repair({1: damaged}, compile_texts)
    assert repair(after, compile_texts)[0] == after
    errors = [d for d in compile_texts(after) if d.severity == "error" and d.code < "ESL2"]
    assert len(errors) <= sum(d.severity == "error" and d.code < "ESL2" for d in before)


def test_edits_apply_from_the_end_and_never_overlap():
    assert apply({1: "abc"}, [Edit(1, 0, 1, "x"), Edit(1, 2, 3, "yy")]) == {1: "xbyy"}
    with pytest.raises(ValueError, match="overlap"):
        apply({1: "abc"}, [Edit(1, 0, 2, "x"), Edit(1, 1, 3, "y")])
