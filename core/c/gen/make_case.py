"""Write core/c/gen/case.h: Unicode simple case mapping as runs, from Python's unicodedata.

    python core/c/gen/make_case.py

A run is (first, last, step, delta): the code points first, first+step, ... last map to themselves + delta. The output is
committed, so that the mapping changes only when somebody runs this on purpose.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

DOTTED_CAPITAL_I = 0x130  # its simple small letter is i; the full mapping adds a combining dot


def simple(code: int, upper: bool) -> int:
    """The one-character mapping; a character whose full mapping has several takes its title case, or keeps itself."""
    if code == DOTTED_CAPITAL_I and not upper:
        return ord("i")
    one = chr(code)
    mapped = one.upper() if upper else one.lower()
    if len(mapped) > 1:
        mapped = one.title()
    return ord(mapped) if len(mapped) == 1 else code


def pairs(upper: bool) -> list[tuple[int, int]]:
    """(code point, difference) of every character outside ASCII that changes."""
    found = []
    for code in range(128, sys.maxunicode + 1):
        if 0xD800 <= code <= 0xDFFF:
            continue
        mapped = simple(code, upper)
        if mapped != code:
            found.append((code, mapped - code))
    return found


def runs(changes: list[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    out: list[list[int]] = []
    for code, delta in changes:
        if out and out[-1][3] == delta:
            first, last, step, _ = out[-1]
            gap = code - last
            if (first == last and gap in (1, 2)) or (first != last and gap == step):
                out[-1][1:3] = [code, gap]
                continue
        out.append([code, code, 1, delta])
    return [(a, b, c, d) for a, b, c, d in out]


def block(name: str, upper: bool) -> list[str]:
    rows = runs(pairs(upper))
    lines = [f"static const esl_case_run_t {name}[] = {{"]
    for i in range(0, len(rows), 4):
        lines.append("    " + " ".join(f"{{0x{a:x}, 0x{b:x}, {c}, {d}}}," for a, b, c, d in rows[i : i + 4]))
    return [*lines, "};", ""]


def text() -> str:
    out = [f"/* Simple case mapping, Unicode {unicodedata.unidata_version}; written by make_case.py; do not edit */"]
    out += ["#ifndef ESL_CASE_GEN_H", "#define ESL_CASE_GEN_H", ""]
    out += ["typedef struct { uint32_t first, last, step; int32_t delta; } esl_case_run_t;", ""]
    out += block("esl_case_upper", True) + block("esl_case_lower", False)
    return "\n".join([*out, "#endif", ""])


if __name__ == "__main__":
    Path(__file__).with_name("case.h").write_text(text())
