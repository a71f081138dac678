"""Messages in other languages are complete: every code, the same placeholders, nothing that no message has."""

from __future__ import annotations

import re

import pytest

from hisee.esl.catalogue import HOLE, LANGUAGES, placeholders, raw
from hisee.schema.diagnostics import BY_NAME

NOT_CODES = {"words", "phrases", "explanations"}
FIELDS = {"title": "template", "why": "why", "hint": "hint"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_code_is_there(lang):
    assert set(raw(lang)) - NOT_CODES == set(BY_NAME)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_translation_has_the_same_fields_and_placeholders(lang):
    for code, texts in raw(lang).items():
        if code in NOT_CODES:
            continue
        row = BY_NAME[code]
        assert set(texts) == {key for key, field in FIELDS.items() if getattr(row, field)}, code
        for key, text in texts.items():
            assert placeholders(text) == placeholders(getattr(row, FIELDS[key])), f"{code}.{key}"


@pytest.mark.parametrize("lang", [x for x in LANGUAGES if x != "en"])
def test_phrases_keep_their_holes(lang):
    for english, other in raw(lang)["phrases"].items():
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", other)), english
    assert HOLE.pattern
    assert set(raw(lang)["explanations"]) == set(BY_NAME)
