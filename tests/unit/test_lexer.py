"""Tokens: kinds, places, names and literals; what is no token is one fault per run."""

from __future__ import annotations

import unicodedata

import pytest

from hisee.esl.front import kinds as K
from hisee.esl.front import lexer as L


def kinds(text: str) -> list[int]:
    return L.tokenize(text).lists().kind


def test_a_line_of_every_kind():
    text = '_a.1 := %Abs(U.Tank_1) + 1.5e3 * 7 & @TRUE # "x" ; comment\n'
    assert kinds(text) == [
        K.T_LOCAL, K.T_ASSIGN, K.T_FUNC, K.T_LPAREN, K.T_NAME, K.T_RPAREN, K.T_PLUS, K.T_REAL, K.T_STAR, K.T_INT, K.T_AND, K.T_AT, K.T_NE,
        K.T_TEXT, K.T_EOL, K.T_EOF,
    ]


def test_line_ends_join_and_the_last_line_needs_none():
    assert kinds("a\r\n\n ; only a comment\n\nb") == [K.T_NAME, K.T_EOL, K.T_NAME, K.T_EOL, K.T_EOF]
    assert kinds("") == [K.T_EOF]


def test_a_dotted_name_is_one_token_without_its_trailing_dot():
    tokens = L.tokenize("SD._System_Redundancy H.1 X.")
    assert tokens.names.spelled[-3:] == ["SD._System_Redundancy", "H.1", "X"]
    assert [f[0] for f in tokens.faults] == ["ESL0001"]


def test_quotes_are_doubled_inside_and_a_semicolon_there_is_text():
    assert L.tokenize('"a ""b"" ; c" \'it\'\'s\'').literals == ['a "b" ; c', "it's"]


@pytest.mark.parametrize("one, other", [("_ABC", "_abc"), ("_Größe", "_GRÖSSE".replace("SS", "ß")), ("_\u010d", "_c\u030c"),
                                         ("_Σ", "_σ"), ("_ς", "_σ")])
def test_names_are_equal_without_case_and_however_composed(one, other):
    names = L.Names()
    assert names.number(one) == names.number(other)
    assert names.spelled[-1] == unicodedata.normalize("NFC", one)


def test_folding_keeps_the_number_of_characters():
    assert L.fold("Straße") == "straße" and L.fold("STRASSE") != L.fold("straße")


@pytest.mark.parametrize("text, code", [
    ("$$$ $", "ESL0001"), ('"open', "ESL0002"), ("a\rb", "ESL0003"), ("12ab", "ESL0004"), ("9223372036854775808", "ESL0007"),
    ("1e999", "ESL0007"), ("_" + "x" * 64, "ESL0006"),
])
def test_faults(text, code):
    assert {f[0] for f in L.tokenize(text).faults} == {code}


def test_a_run_of_bad_characters_is_one_fault():
    assert len(L.tokenize("$$$$\n").faults) == 1
    assert len(L.tokenize("$\n$\n").faults) == 2


def test_places_count_characters_from_one():
    source = L.Source("a\n\u00e9\U0001F600b\n")
    assert [source.place(i) for i in (0, 2, 3, 4)] == [(1, 1), (2, 1), (2, 2), (2, 3)]
