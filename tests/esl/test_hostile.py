"""No text crashes, hangs or is half accepted: it compiles to a unit that the verifier takes, or it has diagnostics."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisee._core.vm import Unit
from hisee.esl import compile_object, compile_source, render

from .directory import picture
from .scripts import HERE

SOUP = """
INT BOOL REAL TEXT TIME ALIAS RECORD NOALIAS (SD.Tank) (SD.Meter) _a _b _r _o PROCEDURE ENTRY RPC END BEGIN IF
THEN ELSIF ELSE ENDIF FOR RANGE TO DO_LOOP EXIT_LOOP END_LOOP GOTO RETURN RETRY RESUME ON ERROR CHANGE OFF
NONE CALL [] [ ] SET AS WITH REDIM INSERT P OnClick DELAY WAIT LOG LOGEX QUERY MESSAGE DBS_READ DBT.Meters
U.Count SV.Tanks ^Level \\VLD \\DIM \\TIM := + - * / & | ! = # < > <= >= ( ) , : 1 2.5 "t" 'x' %Abs %IIf
%HI_GetText _BtnGo @TRUE _ERR_NR ;
"""
WORDS = SOUP.split() + ["\n"] * 6
NAMES = ["_a", "_b", "_r", "_o"]
VALUES = st.deferred(lambda: st.one_of(
    st.sampled_from(["1", "-2", "2.5", '"t"', "@TRUE", "_a", "_b", "_t", "_r[1]^Level", "_r\\DIM", "U.Count", "SV.Tanks[1]^Name", "_o",
        "(5)",
                     "_o\\VLD", "_a\\TIM", "%Now()", "_ERR_NR", "%Invalid()", "_selected", "%HI_GetText(_Lbl)"]),
    st.tuples(VALUES, st.sampled_from(["+", "-", "*", "/", "&", "|", "=", "#", "<", ">"]), VALUES).map(" ".join),
    VALUES.map(lambda v: f"({v})"), VALUES.map(lambda v: f"!{v}"), VALUES.map(lambda v: f"-({v})"),
    st.tuples(st.sampled_from(["%Abs", "%ToStr", "%Sqrt", "%StrLen", "%IfInvalid", "%Max"]), st.lists(VALUES, max_size=2)).map(
        lambda p: f"{p[0]}({', '.join(p[1])})"),
))
TARGETS = st.sampled_from(["_a", "_b", "_t", "_r[1]^Level", "U.Count", "_o", "SV.Tanks[2]^Full", "_selected", "_r[_a]^Name", "_m"])
BLOCKS = st.deferred(lambda: st.one_of(
    st.tuples(TARGETS, VALUES).map(lambda p: f"{p[0]} := {p[1]}"),
    VALUES.map(lambda v: f"LOGEX {v}"),
    st.tuples(VALUES, LINES, LINES).map(lambda p: f"IF {p[0]} THEN\n{p[1]}\nELSE\n{p[2]}\nENDIF"),
    st.tuples(VALUES, VALUES, LINES).map(lambda p: f"FOR _a = {p[0]} TO {p[1]} DO_LOOP\n{p[2]}\nEXIT_LOOP {p[0]}\nEND_LOOP"),
    st.sampled_from(["WAIT", "CALL Inner(_a, _r)", "CALL [] Other(_a, _r[1], U.Count)", "SET _o AS U.Level", "SET _r WITH SV.Tanks",
                     "REDIM _r[2]",
                     "INSERT _r, 1, _r[1]", "ON ERROR OFF", "IF _b GOTO Out", "GOTO Out", "SET SV.Tanks[1] WITH _r[1]",
                     "DBS_READ DBT.Meters, _m, _a, 5", "ON ERROR Out"]),
))
LINES = st.lists(BLOCKS, max_size=4).map("\n".join)


def compiles_or_explains(text: str) -> bool:
    """True when a unit came out; the verifier must accept it."""
    done = compile_source(text, name="S.Any", context=picture())
    render(done.diagnostics, {1: text})
    for found in done.diagnostics:
        assert found.line >= 1 and found.column >= 1 and found.message
        found.to_json()
    assert done.ok is (not any(d.severity == "error" for d in done.diagnostics))
    if done.ok:
        Unit(done.unit)
    return done.ok


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_random_text(text):
    compiles_or_explains(text)


@settings(max_examples=300)
@given(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
def test_soup_of_words(text):
    compiles_or_explains(text)


@settings(max_examples=300)
@given(LINES)
def test_well_formed_scripts_give_units_the_verifier_takes(body):
    text = (f"INT _a\nBOOL _b\nTEXT _t\nALIAS _o\nRECORD NOALIAS (SD.Tank) _r\nRECORD NOALIAS (SD.Meter) _m\n"
            f"PROCEDURE Inner(INT _x, RECORD NOALIAS (SD.Tank) _rec)\n{body.replace('CALL Inner', 'CALL Inner')}\nOut:\nEND Inner\n"
            f"BEGIN\n{body}\nOut:\nEND\n")
    compiles_or_explains(text)


@settings(max_examples=100)
@given(st.sampled_from(sorted((HERE / "language").glob("*.esl"))), st.integers(0, 2000), st.integers(0, 60), st.text(max_size=8))
def test_a_script_with_a_piece_torn_out(path, at, length, put):
    text = path.read_text()
    compiles_or_explains(text[:at] + put + text[at + length:])


@pytest.mark.parametrize("text", [
    "BEGIN\n_a := " + "(" * 5000 + "1" + ")" * 5000, "BEGIN\n_a := " + "-" * 5000 + "1", "BEGIN\n_a := " + "!" * 5000 + "@TRUE",
    "BEGIN\n" + "IF @TRUE THEN\n" * 5000, "BEGIN\n" + "DO_LOOP\n" * 5000 + "END_LOOP\n" * 5000, "BEGIN\n_a := " + "%Abs(" * 5000,
    "BEGIN\n_a := _a" + "[_a" * 3000,
])
# rules: nesting-limit
def test_deep_nesting_is_one_error(text):
    done = compile_source(text, name="S.Deep", context=picture())
    assert "ESL1008" in [d.code for d in done.diagnostics] and len(done.diagnostics) < 5


def test_long_chains_are_no_nesting():
    assert compiles_or_explains("INT _a\nBEGIN\n_a := 1\n_a := _a" + " + _a" * 20_000 + "\nEND\n")
    assert compiles_or_explains("BOOL _b\nBEGIN\n_b := @TRUE\n_b := _b" + " & _b" * 20_000 + "\nEND\n")
    assert compiles_or_explains("TEXT _t\nBEGIN\n_t := \"x\"\n_t := _t" + " + \"y\"" * 5000 + "\nEND\n")


def test_a_source_over_the_limit_is_refused():
    found = compile_source(";" * (4 * 1024 * 1024 + 1), name="S.Long", context=picture()).diagnostics
    assert [d.code for d in found] == ["ESL0005"]


def test_a_lone_carriage_return_is_an_error():
    found = compile_source("BEGIN\r  LOG \"a\"\nEND\n", name="S.Cr", context=picture()).diagnostics
    assert [d.code for d in found] == ["ESL0003"]


def test_windows_lines_and_a_byte_order_mark_are_fine():
    assert compile_source("\ufeffBEGIN\r\n  LOG \"a\"\r\nEND\r\n", name="S.Crlf", context=picture()).ok


def test_half_a_character_is_an_error():
    found = compile_source("BEGIN\n  LOG \"\ud800\"\nEND\n", name="S.Half", context=picture()).diagnostics
    assert [(d.code, d.line) for d in found] == [("ESL0008", 2)]


def test_long_names_are_an_error():
    fine = "_" + "x" * 63
    assert compile_source(f"INT {fine}\nBEGIN\nEND\n", name="S.Name", context=picture()).ok
    found = compile_source(f"INT {fine}x\nBEGIN\nEND\n", name="S.Name", context=picture()).diagnostics
    assert [d.code for d in found] == ["ESL0006"]


def test_too_many_errors_end_the_list():
    found = compile_source("BEGIN\n" + "  _x := )\n" * 500, name="S.Bad", context=picture()).diagnostics
    assert len(found) == 101 and found[-1].code == "ESL1012"


def test_too_many_registers_name_the_procedure():
    text = "PROCEDURE Big\n" + "".join(f"INT _v{i}\n" for i in range(4200)) + "END Big\nBEGIN\nEND\n"
    (found,) = compile_source(text, name="S.Big", context=picture()).diagnostics
    assert found.code == "ESL3016" and "Big" in found.message and "4096" in found.message


def test_an_object_needs_no_part():
    assert compile_object("S.Empty", {}, picture()).ok
    assert compile_object("S.Empty", {1: "", 2: ""}, picture()).ok
