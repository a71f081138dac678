"""Repairs of what the compiler found: edits that a machine can make. Pure: texts in, edits or texts out.

A *safe* fix does what the message says and nothing a person would have to decide; `hisee check --fix` applies only those, and keeps
one only when the text is better afterwards. The others are offered in editors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hisee.esl.diagnostics import Diagnostic
from hisee.esl.outline import Part

MOST = 1000  # fixes applied in one go; a text with more is made by a program


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace [start, end) of a part's text, in characters."""

    part: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What would be done about one finding."""

    code: str
    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


def apply(texts: Mapping[int, str], edits: Iterable[Edit]) -> dict[int, str]:
    """The texts after the edits; overlapping ones are a mistake of the caller (ValueError)."""
    done = dict(texts)
    last: dict[int, int] = {}
    for edit in sorted(edits, key=lambda e: (e.part, e.start, e.end), reverse=True):
        if "\n" in edit.text and "\r\n" in texts[edit.part]:  # new lines end as the others do
            edit = replace(edit, text=edit.text.replace("\n", "\r\n"))
        if edit.end > last.get(edit.part, len(done[edit.part])):
            raise ValueError(f"edits of part {edit.part} overlap at character {edit.start}")
        done[edit.part] = done[edit.part][:edit.start] + edit.text + done[edit.part][edit.end:]
        last[edit.part] = edit.start
    return done


def fixes(found: Diagnostic, texts: Mapping[int, str], parts: Mapping[int, Part] | None = None) -> list[Fix]:
    """What could be done about one finding, the likeliest first; [] when only a person can know."""
    from hisee.esl.fix_rules import RULES  # late: the rules need the shapes above

    rule = RULES.get(found.code)
    if rule is None or found.part not in texts:
        return []
    return list(rule(found, parts or {n: Part(t) for n, t in texts.items()}))


def offered(diagnostics: Iterable[Diagnostic], texts: Mapping[int, str]) -> list[Diagnostic]:
    """The same findings, with the title of the safe fix where there is one."""
    parts = {n: Part(t) for n, t in texts.items()}
    return [replace(d, fix=next((f.title for f in fixes(d, texts, parts) if f.safe), "")) for d in diagnostics]


Compile = Callable[[Mapping[int, str]], list[Diagnostic]]


def repair(texts: Mapping[int, str], compile_texts: Compile, codes: frozenset[str] = frozenset(),
           only: frozenset[int] = frozenset((1, 2))) -> tuple[dict[int, str], list[Fix]]:
    """Apply safe fixes (of `codes`; all when empty) to the parts of `only`, until none is left that makes the texts better.

    Each is tried alone and compiled: it stays only if its finding is gone and no mistake of its floor came instead. So a fix
    cannot break a script, and a second run changes nothing.
    """
    current, applied = dict(texts), list[Fix]()
    before = compile_texts(current)
    while len(applied) < MOST:
        step = _next(current, before, codes, only, compile_texts)
        if step is None:
            break
        current, before, fix = step
        applied.append(fix)
    return current, applied


def _next(texts: dict[int, str], before: list[Diagnostic], codes: frozenset[str], only: frozenset[int],
          compile_texts: Compile) -> tuple[dict[int, str], list[Diagnostic], Fix] | None:
    """The first fix that makes the texts better: what they are then, what is found in them, the fix."""
    parts = {n: Part(t) for n, t in texts.items()}
    for found in before:
        if codes and found.code not in codes:
            continue
        for fix in fixes(found, texts, parts):
            after_texts = apply(texts, fix.edits) if fix.safe and only.issuperset(e.part for e in fix.edits) else texts
            if after_texts == texts:
                continue
            after = compile_texts(after_texts)
            if better(found, before, after):
                return after_texts, after, fix
    return None


def better(found: Diagnostic, before: list[Diagnostic], after: list[Diagnostic]) -> bool:
    """Characters and syntax are one floor, names and types the other: a line that can be read at last may show what it hid."""
    syntax, syntax_after = _syntax(before), _syntax(after)
    if found.code >= "ESL2" or found.severity != "error":
        own, own_after = (sum(d.code == found.code for d in each) for each in (before, after))
        return len(after) < len(before) and own_after < own and len(syntax_after) <= len(syntax)
    if len(syntax_after) < len(syntax):
        return True
    here = (found.part, found.line, found.column)  # nothing is wrong any more up to here, and not more behind it
    return len(syntax_after) <= len(syntax) and sum(p <= here for p in syntax_after) < sum(p <= here for p in syntax)


def _syntax(diagnostics: Iterable[Diagnostic]) -> list[tuple[int, int, int]]:
    return [(d.part, d.line, d.column) for d in diagnostics if d.code < "ESL2" and d.severity == "error"]


def titles(applied: Iterable[Fix]) -> Iterator[str]:
    """One line per kind of fix, with its count."""
    for (code, title), count in Counter((f.code, f.title) for f in applied).items():
        yield f"{code}: {title}" + (f" ({count} times)" if count > 1 else "")
