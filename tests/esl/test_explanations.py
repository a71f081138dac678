"""Every code has a page, and its examples are what they claim: the wrong one gives exactly this code, the right one nothing."""

from __future__ import annotations

import pytest

from hisee.esl import compile_object, compile_source
from hisee.esl.explain import explanation, page, parts_of
from hisee.schema import diagnostics, explanations

from .directory import event, interface, picture, plain, unit

CONTEXTS = {"script": plain, "picture": picture, "event": event, "unit": unit, "interface": interface}
NAMES = {"unit": "E.Filter"}  # a unit that the directory knows: it can use itself


def codes(row: explanations.ExplainedRow, example: str) -> set[str]:
    texts = parts_of(example, row.part)
    context = CONTEXTS[row.kind]()
    if len(texts) == 1:
        done = compile_source(texts[row.part], name=NAMES.get(row.kind, "S.Test"), context=context, part=row.part)
        return {d.code for d in done.diagnostics}
    return {d.code for d in compile_object("S.Test", texts, context).diagnostics}


@pytest.mark.parametrize("row", explanations.ROWS, ids=lambda r: r.name)
def test_an_example_gives_its_code_and_no_other(row):
    told = codes(row, row.wrong)
    assert told - {"ESL1001"} == {row.name} if row.name == "ESL1012" else told == {row.name}
    assert codes(row, row.right) == set()


def test_every_code_has_a_page():
    assert [r.name for r in diagnostics.ROWS] == [r.name for r in explanations.ROWS]


@pytest.mark.parametrize("row", diagnostics.ROWS, ids=lambda r: r.name)
def test_a_page_shows_title_and_both_examples(row):
    for lang, wrong, right in (("en", "wrong:", "right:"), ("sk", "Zle:", "Správne:")):
        text = page(row.name, lang)
        assert text.startswith(f"{row.name}: ") and wrong in text and right in text and len(text) < 2500


@pytest.mark.parametrize("spelling", ["ESL2101", "esl2101", "2101"])
def test_a_code_is_found_in_any_spelling(spelling):
    found = explanation(spelling)
    assert found is not None and found.name == "ESL2101"
    assert explanation("ESL9999") is None and explanation("nonsense") is None
