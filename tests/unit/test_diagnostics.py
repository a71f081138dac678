"""What a person and a tool see of a diagnostic."""

from __future__ import annotations

import json

import pytest

from hisee.esl import ObjectContext, compile_source, render
from hisee.schema.diagnostics import ROWS

TEXT = "INT _a\nBEGIN\n\tIF _a = 1 THEN\n\tELSE IF _a = 2 THEN\n\tENDIF\nEND\n"


def found(text: str):
    return compile_source(text, name="S.Page", context=ObjectContext()).diagnostics


def test_else_if_is_one_error_with_the_way_out():
    assert render(found(TEXT), {1: TEXT}).splitlines() == [
        "error[ESL1007]: `ELSE IF` opens a second IF that is never closed",
        " --> S.Page [L] line 4, column 2",
        "  |",
        "4 | \tELSE IF _a = 2 THEN",
        "  | \t^^^^^^^",
        "  = help: write `ELSIF`",
    ]


def test_the_missing_word_points_at_its_opener_and_at_where_it_is_missed():
    text = "PROCEDURE P\n  IF @TRUE THEN\nEND P\nBEGIN\nEND\n"
    (one,) = found(text)
    assert (one.code, one.line, one.label) == ("ESL1005", 2, "opened here")
    assert [(n.line, n.text) for n in one.notes] == [(3, "`ENDIF` is missing before line 3")]


def test_json_has_the_agreed_keys_and_nothing_python():
    (one,) = found(TEXT)
    data = json.loads(json.dumps(one.to_json()))
    assert list(data) == ["code", "severity", "file", "part", "line", "column", "end_line", "end_column", "message", "hint", "notes"]
    assert (data["file"], data["part"], data["line"], data["column"], data["end_column"]) == ("S.Page", 1, 4, 2, 9)


def test_an_object_without_an_application_names_the_option():
    (one,) = found("BEGIN\n  LOG \"x\", U.Count\nEND\n")
    assert one.code == "ESL3012" and "--app" in one.hint


def test_color_is_only_paint():
    import re

    plain, painted = render(found(TEXT), {1: TEXT}), render(found(TEXT), {1: TEXT}, color=True)
    assert painted != plain and re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_a_control_character_cannot_reach_the_terminal():
    (one,) = found("BEGIN\n\x1b[31m\nEND\n")[:1]
    assert "\x1b" not in one.message and "U+001B" in one.message


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_a_title_is_short_and_belongs_to_its_block(row):
    assert row.name == f"ESL{row.number:04d}"
    assert (row.severity == "warning") == (row.number // 1000 == 4 or row.number == 1013)
    title = row.template.format_map(dict.fromkeys(
        ("what", "quote", "text", "limit", "type", "wanted", "found", "name", "construct", "word", "opener", "place", "op", "left", "right",
         "number", "structure", "unit", "interface"), "x"))
    assert len(title) < 72 and not title.endswith(".")
