"""The page of benchmarks shows the results that are committed."""

from __future__ import annotations

from bench.harness.page import contents


def test_the_page_is_fresh():
    stale = [path.name for path, text in contents().items() if not path.exists() or path.read_text() != text]
    assert not stale, "run ./hisee bench page"
