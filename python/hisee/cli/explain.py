"""`hisee explain CODE`: what a message means, with a wrong and a right example."""

from __future__ import annotations

import os

import click

from hisee.errors import UsageError
from hisee.esl.catalogue import LANGUAGES, language
from hisee.esl.explain import explanation, page
from hisee.schema.exits import Exit

LANG = click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the messages [default: HISEE_LANG or the locale's].")


@click.command()
@click.argument("codes", nargs=-1, metavar="CODE...")
@LANG
def explain(codes: tuple[str, ...], lang: str | None) -> int:
    """Explain messages of the compiler: what they mean, a wrong and a right example. Without CODE: the list of all codes."""
    chosen = language(lang, os.environ)
    click.echo("\n\n".join(page_of(code, chosen) for code in codes) if codes else contents(chosen))
    return Exit.OK


def page_of(code: str, lang: str) -> str:
    """The page of a code in any spelling; UsageError when there is none."""
    row = explanation(code)
    if row is None:
        raise UsageError(f"there is no message {code}", hint="codes look like ESL2101; `hisee explain` lists them")
    return page(row.name, lang)


def contents(lang: str) -> str:
    """One line per code."""
    from hisee.esl.catalogue import catalogue
    from hisee.schema.diagnostics import ROWS

    words = catalogue(lang)
    return "\n".join(f"{row.name}  {words.texts(row.name)[0]}" for row in ROWS)
