"""Tokens: kinds, places, names and literals; what is no token is one fault per run."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_word_has_its_own_number_however_written():
    tokens = L.tokenize("If _if %If @if Tank").lists()
    assert tokens.value[0] == K.W_IF and min(tokens.value[1:5]) >= K.WORD_COUNT
    assert tokens.names.folded[K.W_IF] == "if" and tokens.names.spelled[K.W_IF] == "If" and tokens.names.spelled[K.W_ELSE] == ""


def test_words_are_numbered_without_gaps():
    assert list(K.WORDS.values()) == list(range(1, K.WORD_COUNT))
    assert (K.WORDS["if"], K.WORDS["record"] + 1, K.WORDS["sql_execute"]) == (K.W_IF, K.LAST_RESERVED, K.WORD_COUNT - 1)


@pytest.mark.parametrize(("text", "literals", "codes"), [
    ('"a""', ["a", ""], ["ESL0002"]), ('"a""b', ["a", "b"], ["ESL0002"]), ('"a""b""', ['a"b', ""], ["ESL0002"]),
    ("'it''s", ["it", "s"], ["ESL0002"]), ('"a"""', ['a"'], []), ('""', [""], []), ('""""', ['"'], []), ('"', [""], ["ESL0002"]),
])
def test_without_its_last_quote_a_text_ends_at_the_last_pair(text, literals, codes):
    tokens = L.tokenize(text + "\n_x")
    assert tokens.literals == literals and [f[0] for f in tokens.faults] == codes


@pytest.mark.parametrize(("text", "wanted"), [
    ("1.5", [K.T_REAL]), ("1.", [K.T_INT]), ("1e5", [K.T_REAL]), ("1.e5", [K.T_INT, K.T_NAME]), ("1.5e-3", [K.T_REAL]),
    ("1e+", [K.T_INT, K.T_NAME, K.T_PLUS]), ("\u0663", []), ("\u00b2x", [K.T_NAME]), ("%1", [K.T_INT]), ("%_a", [K.T_FUNC]),
    ("@\u017d", [K.T_AT]), ("e\u0301\u036f", [K.T_NAME]), ("a.\u0301", [K.T_NAME]), ("a..b", [K.T_NAME, K.T_NAME]),
    ("<=>=:=<>", [K.T_LE, K.T_GE, K.T_ASSIGN, K.T_LT, K.T_GT]), ("a\x00b", [K.T_NAME, K.T_NAME]), ("\ufeffa\ufeff", [K.T_NAME]),
])
def test_what_makes_a_token(text, wanted):
    assert kinds(text) == [*wanted, *([K.T_EOL] if wanted else []), K.T_EOF]


OTHERS = "$%@.\x00\u0301\u0663\U0001F600"  # no tokens by themselves
SIGNIFICANT = "ab_Z9;:=<>()[]\"'\\^,+-*/&|!# \t\n\r\u00e9\u00b2" + OTHERS


@given(st.text(st.sampled_from(SIGNIFICANT), max_size=60))
def test_tokens_follow_each_other_and_hold_every_word(text):
    """Left out are only blanks, comments and bad characters; the spare rows behind the last token read as EOF."""
    tokens = L.tokenize(text)
    rows = tokens.lists()
    places = [place for row in zip(rows.start, rows.end, strict=True) for place in row]
    assert places == sorted(places) and places[-2:] == [len(text), len(text)]
    assert rows.kind.index(K.T_EOF) == tokens.count - 1
    assert list(tokens.kind)[tokens.count:tokens.count + 8] == [K.T_EOF] * 8
    gaps = [text[a:b] for a, b in zip([0, *rows.end], rows.start, strict=False)]
    assert [re.sub(";[^\r\n]*", "", gap).strip(OTHERS + " \t\r\n") for gap in gaps] == [""] * len(gaps)


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
