"""Messages in other languages: one file per language, keyed by code. English is the table of diagnostics itself.

A file has, per code, `title`, `why` and `hint` with the placeholders of the English ones; `[words]` for the marks of a page,
`[phrases]` for pieces that the compiler puts into messages (hints of its own, labels, what it wanted and found), each with
`{1}`, `{2}` .. for what varies; `[explanations]` for the pages of `hisee explain`. What a file lacks is shown in English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from hisee.esl.diagnostics import Diagnostic, Note, filled
from hisee.schema.diagnostics import BY_NAME

LANGUAGES = ("en", "sk")
HOLE = re.compile(r"\\\{(\d)\\\}")


@dataclass(frozen=True)
class Catalogue:
    """One language. `codes`: code -> title, why, hint; `phrases`: pattern of an English phrase -> template."""

    lang: str = "en"
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    patterns: tuple[tuple[re.Pattern[str], str], ...] = ()
    explanations: Mapping[str, str] = field(default_factory=dict)

    def word(self, english: str) -> str:
        return self.words.get(english, english)

    def texts(self, code: str) -> tuple[str, str, str]:
        """Templates of title, why and hint."""
        row = BY_NAME[code]
        own = self.codes.get(code, {})
        return own.get("title", row.template), own.get("why", row.why), own.get("hint", row.hint)

    def explanation(self, code: str) -> str:
        return self.explanations.get(code, "")

    def phrase(self, text: str) -> str:
        """A piece of a message in this language; as it is when the file does not know it."""
        found = self.exact.get(text)
        if found is not None:
            return found
        for pattern, template in self.patterns:
            match = pattern.fullmatch(text)
            if match:
                return re.sub(r"\{(\d)\}", lambda hole, match=match: self.phrase(match[f"p{hole[1]}"]), template)  # type: ignore[misc]
        return text

    def translate(self, found: Diagnostic) -> Diagnostic:
        """The same finding in this language."""
        if self.lang == "en" or found.code not in BY_NAME:
            return found
        values = {key: self.phrase(value) for key, value in found.values.items()}
        title, why, hint = (filled(template, values) for template in self.texts(found.code))
        own_hint = found.hint != filled(BY_NAME[found.code].hint, found.values)
        return replace(found, message=title, why=why, hint=self.phrase(found.hint) if own_hint else hint, label=self.phrase(found.label),
                       fix=self.phrase(found.fix), notes=[self._note(n) for n in found.notes])

    def _note(self, note: Note) -> Note:
        return replace(note, text=self.phrase(note.text))


@cache
def catalogue(lang: str) -> Catalogue:
    """The catalogue of a language; English for one that has no file."""
    if lang == "en" or lang not in LANGUAGES:
        return Catalogue()
    data = tomllib.loads((files(__name__) / f"{lang}.toml").read_text("utf-8"))
    phrases: dict[str, str] = data.pop("phrases", {})
    words, explanations = data.pop("words", {}), data.pop("explanations", {})
    return Catalogue(lang, data, words, {k: v for k, v in phrases.items() if "{1}" not in k}, _patterns(phrases), explanations)


def _patterns(phrases: Mapping[str, str]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Phrases with holes; the longest first, so that a general one hides no special one."""
    known = sorted((k for k in phrases if "{1}" in k), key=len, reverse=True)
    return tuple((re.compile(HOLE.sub(r"(?P<p\1>.+?)", re.escape(k)), re.DOTALL), phrases[k]) for k in known)


def language(wanted: str | None, environment: Mapping[str, str]) -> str:
    """The language of messages: the one asked for, else that of the locale, else English."""
    if wanted:
        return wanted
    for key in ("HISEE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        name = environment.get(key, "")
        if name:
            short = re.split(r"[_.@-]", name.lower())[0]
            return short if short in LANGUAGES else "en"
    return "en"


def placeholders(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", template))


def raw(lang: str) -> dict[str, Any]:
    """The file of a language as it is, for tests and translators."""
    return tomllib.loads((files(__name__) / f"{lang}.toml").read_text("utf-8"))
