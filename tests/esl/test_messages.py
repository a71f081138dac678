"""docs/messages.md shows what a person sees: each example is compiled, and every line of its message compared."""

from __future__ import annotations

import re

import pytest

from hisee.esl import compile_object, render
from hisee.esl.catalogue import catalogue
from hisee.esl.explain import parts_of
from hisee.esl.fixes import offered
from support.source import ROOT

from .directory import picture

CASE = re.compile(r"## (.+?)\n.*?```esl(?: lang=(\w+))?\n(.*?)```\n\n```text\n(.*?)\n```\n", re.DOTALL)
CASES = CASE.findall((ROOT / "docs/messages.md").read_text())


@pytest.mark.parametrize(("title", "lang", "source", "page"), CASES, ids=[c[0] for c in CASES])
def test_the_page_is_what_the_compiler_says(title, lang, source, page):
    parts = parts_of(source)
    words = catalogue(lang or "en")
    found = [words.translate(d) for d in offered(compile_object("S.Pump", parts, picture()).diagnostics, parts)]
    assert len(found) == 1, "one message per cause"
    assert render(found, parts, words=words.words) == page


def test_there_are_ten_mistakes():
    assert len(CASES) >= 10 and len({c[3].split("]")[0] for c in CASES}) >= 8
