"""ESL for Pygments (`pygmentize -l esl`, Sphinx, MkDocs): the words come from the tables. Found through the entry point in pyproject."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words  # type: ignore[import-untyped]
from pygments.token import (  # type: ignore[import-untyped]
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from hisee.esl.grammar import ACTIONS, CLAUSES, CONTROL, TYPES

TAIL = r"(?:\w|\.(?=\w))*"


class EslLexer(RegexLexer):  # type: ignore[misc]
    """Event Script Language."""

    name = "ESL"
    aliases: ClassVar[list[str]] = ["esl", "hisee-esl"]
    filenames: ClassVar[list[str]] = ["*.esl"]
    flags = re.IGNORECASE | re.MULTILINE
    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"[ \t\f\u00a0]+", Whitespace), (r"\r?\n|\r", Whitespace), (r";[^\r\n]*", Comment.Single),
            (r'"(?:[^"\r\n]|"")*"|\'(?:[^\'\r\n]|\'\')*\'', String),
            (rf"^([ \t]*)((?:PUBLIC[ \t]+)?(?:RPCX?[ \t]+)?PROCEDURE|ENTRYX?)([ \t]+)([^\W\d_]{TAIL})",
             bygroups(Whitespace, Keyword.Declaration, Whitespace, Name.Function)),
            (rf"^([ \t]*)(END)([ \t]+)([^\W\d_]{TAIL})", bygroups(Whitespace, Keyword.Declaration, Whitespace, Name.Function)),
            (rf"^([ \t]*)([^\W\d_]{TAIL})(:)(?!=)", bygroups(Whitespace, Name.Label, Punctuation)),
            (words(TYPES, suffix=r"\b", prefix=r"(?<![.\w])"), Keyword.Type),
            (words((*CONTROL, *ACTIONS, *CLAUSES), suffix=r"\b(?![.\w])", prefix=r"(?<![.\w\\^])"), Keyword),
            (rf"%[^\W\d]{TAIL}", Name.Builtin), (rf"@[^\W\d]{TAIL}", Name.Constant), (rf"_{TAIL}", Name.Variable),
            (r"(\\)(\w+)", bygroups(Operator, Name.Attribute)), (r"(\^)(\w+)", bygroups(Operator, Name.Property)),
            (r"[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+)", Number.Float), (r"[0-9]+", Number.Integer),
            (r":=|<=|>=|[-+*/&|!=#<>]", Operator), (r"[()\[\],:]", Punctuation), (rf"[^\W\d_]{TAIL}", Name), (r".", Text),
        ],
    }

    def analyse_text(text: str) -> float:
        """How sure one can be that a text is ESL: its own headers and signs."""
        found = re.search(r"^\s*(?:RPCX?\s+PROCEDURE|ENTRYX?\s+\w+_On\w+)", text, re.MULTILINE) is not None
        return 0.6 if found else 0.0


