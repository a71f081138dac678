"""Pages about codes: what a message means, with a wrong and a right example. Reads the table of explanations, prints nothing."""

from __future__ import annotations

import re

from hisee.esl.catalogue import Catalogue, catalogue
from hisee.schema.explanations import BY_NAME, ExplainedRow

REPEAT = re.compile(r"«(\d+)×(.*?)»", re.DOTALL)
REMOTE = "; remote part\n"
WIDTH = 100


def explanation(code: str) -> ExplainedRow | None:
    """The row of a code in any spelling: ESL2101, esl2101, 2101."""
    word = code.upper().removeprefix("ESL")
    return BY_NAME.get(f"ESL{word.zfill(4)}")


def parts_of(example: str, part: int = 1) -> dict[int, str]:
    """Source texts of an example, by part; repetitions written out."""
    local, cut, remote = REPEAT.sub(_repeated, example).partition(REMOTE)
    return {1: local, 2: remote} if cut else {part: local}


def _repeated(match: re.Match[str]) -> str:
    count, text = int(match[1]), match[2]
    if "#" not in text:
        return text * count
    return "".join(text.replace("#", str(n)) for n in range(count))


def page(code: str, lang: str = "en") -> str:
    """The page of a code as a person reads it; raises KeyError for a code without a row."""
    row = BY_NAME[code]
    words = catalogue(lang)
    title, why, hint = words.texts(code)
    out = [f"{code}: {_bare(title)}", ""]
    out += _wrapped(words.explanation(code) or row.text)
    out += [f"{words.word('why')}: {_bare(why)}"] if why else []
    out += [f"{words.word('help')}: {_bare(hint)}"] if hint else []
    out += ["", *_example(words, "wrong", row.wrong), "", *_example(words, "right", row.right)]
    return "\n".join(out)


def _bare(template: str) -> str:
    """A template for readers: {name} becomes <name>."""
    return re.sub(r"\{(\w+)\}", r"<\1>", template)


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, line]


def _example(words: Catalogue, kind: str, text: str) -> list[str]:
    shown = "".join(c if c == "\n" or c.isprintable() else f"<U+{ord(c):04X}>" for c in text)
    return [f"{words.word(kind)}:", *(f"    {line}".rstrip() for line in shown.rstrip("\n").split("\n"))]
