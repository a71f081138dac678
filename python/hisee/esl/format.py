"""Formatter: a source text in the one layout. Pure and idempotent; the tokens of a text and its lines stay what they are.

Changed are indentation, blanks between tokens, the case of the language's own words, blank lines (one at most, one between
sections), comments behind code (lined up over neighbouring lines) and ends of lines (LF). A line whose tokens would not survive
keeps its inner blanks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import TokenLists, fold, tokenize
from hisee.esl.front.words import ACTION_WORDS, NOT_YET, RESERVED
from hisee.esl.outline import BEGIN, END, HEADER
from hisee.schema import constants, errors, functions, picture_functions

STEP = "  "
BLANK = " \t\f\u00a0"
CONVERSATION = ("tc_b", "tc_c", "tc_e")  # behind the handle: `[_h, TC_B]`
# words of the language that are words only behind the action they belong to
CLAUSES: dict[str, frozenset[str]] = {
    "set": frozenset(("with", "as", "none", "bind", "direct")),
    "call": frozenset(("sync", "async", "on", "all", "instance", "prty", *CONVERSATION)),
    "event": frozenset(("sync", "async", "durable", "prty")), "openevent": frozenset(("direct", "on", "instance", "sync")),
    "close": frozenset(("direct", "on", "all", "instance")), "command": frozenset(("on", "instance")),
    "releaseaccess": frozenset(("public",)),
    "log": frozenset(("lineno", "priority")), "logex": frozenset(("lineno", "priority")),
    "message": frozenset(("on",)), "on": frozenset(("error", "change", "goto", "none", "off", "on")),
    "if": frozenset(("goto", "then")), "for": frozenset(("range", "to", "do_loop")),
    "record": frozenset(("noalias",)), "delay": frozenset(),
}
DATABASE = frozenset(("where", "bindin", "trans", "orahint"))
ASSIGNMENT = frozenset(("time", "call", "query", "sync", "async", "single", "on", "timeout", "instance", "prty",
                        "all", "command", "getaccess", "public", *CONVERSATION))
DECLARES = frozenset(("int", "bool", "real", "text", "time", "record", "alias", "hbj", "unit", "public"))
TYPES = frozenset(("int", "bool", "real", "text", "time", "record", "alias", "hbj", "noalias", "in", "out", "cnt_handle",
                   *CONVERSATION))
HEADS = frozenset(("procedure", "rpc", "rpcx", "entry", "entryx", "public"))
FIRST_WORDS = frozenset(fold(w) for w in ACTION_WORDS) | NOT_YET | RESERVED
TIGHT_BEHIND = frozenset((K.T_LPAREN, K.T_LBRACKET, K.T_CARET, K.T_BACKSLASH))
TIGHT_BEFORE = frozenset((K.T_RPAREN, K.T_RBRACKET, K.T_COMMA, K.T_CARET, K.T_BACKSLASH, K.T_COLON))
BEFORE_SIGN = frozenset(("delay", "priority", "timeout", "where", "log", "logex"))  # words behind which a minus is a sign
OPERANDS = frozenset((K.T_NAME, K.T_LOCAL, K.T_FUNC, K.T_AT, K.T_INT, K.T_REAL, K.T_TEXT, K.T_RPAREN, K.T_RBRACKET))
FIXED_CASE = {fold(n): n for row in functions.ROWS for n in (row.name, *row.old_names)}
FIXED_CASE |= {fold(row.name): row.name for row in picture_functions.ROWS}
FIXED_CASE |= {fold(name): name for name in (*constants.BY_NAME, *errors.BY_NAME)}


@dataclass(slots=True)
class Line:
    """One line of the source: its tokens as (kind, text), the comment, and what the layout needs to know."""

    tokens: list[tuple[int, str]]
    comment: str = ""
    code: str = ""
    raw: str = ""  # code as it was written: kept where the layout would change a token
    broken: bool = False  # a text that is not closed: it holds all to the end of the line
    depth: int = 0

    @property
    def words(self) -> list[str]:
        return [fold(text) if kind == K.T_NAME else "" for kind, text in self.tokens]

    @property
    def blank(self) -> bool:
        return not self.tokens and not self.comment and not self.raw


def format_text(text: str) -> str:
    """The text in the one layout."""
    lines = [_read(row) for row in _rows(text)]
    _lay_out(lines)
    for line in lines:
        line.code = _code(line)
    return _join(_spaced(lines))


def _rows(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _read(row: str) -> Line:
    """A line cut into tokens and comment."""
    tokens = tokenize(row).lists()
    numbers = [i for i in range(len(tokens.kind)) if tokens.kind[i] not in (K.T_EOL, K.T_EOF)]
    rows = [(tokens.kind[i], row[tokens.start[i]:tokens.end[i]]) for i in numbers]
    if any(fault[0] == "ESL0002" for fault in tokens.faults):
        return Line(rows, "", "", row.lstrip(BLANK), True)
    code, comment = _split(row)
    return Line(rows, comment.rstrip(BLANK), "", code.strip(BLANK))


TEXTS = re.compile(r"""[^;"']+|"(?:[^"]|"")*"|'(?:[^']|'')*'|(?P<open>["'].*)|(?P<comment>;.*)""", re.DOTALL)


def _split(row: str) -> tuple[str, str]:
    """Code and comment of a line; a `;` inside a text is none."""
    for match in TEXTS.finditer(row):
        if match["comment"] is not None:
            return row[:match.start()], match["comment"]
    return row, ""


# layout
def _lay_out(lines: list[Line]) -> None:
    """Depth of every line from the words that open and close blocks."""
    base, depth, blocks, inside, init = 0, 0, 0, False, False  # inside: a procedure or entry, or the init part behind BEGIN
    for at, line in enumerate(lines):
        words = line.words
        if not line.tokens:
            line.depth = -1  # with the code line that follows
            continue
        code = " ".join(text for _, text in line.tokens)
        if _starts_section(words, code):
            blocks, inside, init, line.depth = 0, True, words[0] == "begin", 0
        elif _ends_section(line, code, blocks, inside, lines, at):
            blocks, inside, line.depth = 0, False, 0
        elif not blocks and (words == ["exception_handler"] or init and words == ["end"]):
            line.depth = 0  # ends the run, or a protected stretch; a handler follows it
        else:
            base = int(inside)
            closes = words[0] in ("endif", "end_loop")
            middle = words[0] in ("else", "elsif", "then")
            blocks = max(0, blocks - closes)
            label = len(words) > 1 and line.tokens[1][0] == K.T_COLON and line.tokens[0][0] == K.T_NAME
            depth = max(0, base + blocks - (1 if middle else 0))
            line.depth = 0 if label and not blocks else max(0, depth - 1) if label else depth
            blocks += _opens(words)
    _comment_depths(lines)


def _starts_section(words: list[str], code: str) -> bool:
    if words[0] == "begin" and len(words) == 1:
        return BEGIN.match(code) is not None
    return words[0] in HEADS and (header := HEADER.match(code)) is not None and bool(header["name"])


def _ends_section(line: Line, code: str, blocks: int, inside: bool, lines: list[Line], at: int) -> bool:
    """END name; a bare END that is the last line of its section."""
    if not inside or line.words[0] != "end":
        return False
    if len(line.tokens) > 1:
        return END.match(code) is not None
    following = next((other for other in lines[at + 1:] if other.tokens), None)
    return not blocks and (following is None or _starts_section(following.words, " ".join(t for _, t in following.tokens)))


def _opens(words: list[str]) -> int:
    """Blocks that a line leaves open: a THEN that goes with no GOTO, a DO_LOOP."""
    if words[-1] == "do_loop":
        return 1
    return int(words[0] == "if" and "goto" not in words)


def _comment_depths(lines: list[Line]) -> None:
    """A comment of its own stands like the code line below it, in front of a closing word like the body above."""
    below, closing = 0, False
    for line in reversed(lines):
        if line.tokens:
            word = line.words[0]
            below, closing = line.depth, word in ("else", "elsif", "endif", "end_loop", "end")
        elif line.comment:
            line.depth = below + closing


# one line
def _code(line: Line) -> str:
    """The code of a line with the blanks and the case of the layout."""
    if not line.tokens or line.broken:
        return line.raw
    cased = _cased(line)
    out = cased[0]
    for i in range(1, len(cased)):
        out += (" " if _gap(line, i) else "") + cased[i]
    if _same(out, line.raw):
        return out
    return line.raw


def _same(new: str, old: str) -> bool:
    return stream(tokenize(new).lists(), new) == stream(tokenize(old).lists(), old)


def stream(tokens: TokenLists, text: str) -> list[tuple[int, object]]:
    """What the compiler sees of a text: kinds and values, names in any case. Faults count as well."""
    rows: list[tuple[int, object]] = []
    for i in range(len(tokens.kind)):
        kind, value = tokens.kind[i], tokens.value[i]
        if kind in (K.T_NAME, K.T_LOCAL, K.T_FUNC, K.T_AT):
            rows.append((kind, tokens.names.folded[value]))
        elif kind in (K.T_INT, K.T_REAL, K.T_TEXT):
            rows.append((kind, tokens.literals[value]))
        else:
            rows.append((kind, 0))
    return [*rows, *((-1, (code, text[start:end])) for code, start, end, _ in tokens.faults)]


def _cased(line: Line) -> list[str]:
    words = line.words
    first = 2 if len(words) > 2 and words[0] and line.tokens[1][0] == K.T_COLON else 0  # behind a label
    clauses = _clauses(words, line.tokens, first)
    out = []
    for i, (kind, text) in enumerate(line.tokens):
        key = fold(text)
        if kind in (K.T_FUNC, K.T_AT, K.T_LOCAL):
            out.append(FIXED_CASE.get(key, text))
        elif kind == K.T_NAME and _is_word(words, line.tokens, i, first, clauses):
            out.append(text.upper())
        else:
            out.append(text)
    return out


def _clauses(words: list[str], tokens: list[tuple[int, str]], first: int) -> frozenset[str]:
    word = words[first]
    if any(kind == K.T_ASSIGN for kind, _ in tokens) and word not in DECLARES:
        return ASSIGNMENT
    if word.startswith(("db_", "dbs_", "pg_", "sql_")):
        return DATABASE
    if word in HEADS or word in DECLARES:
        return TYPES
    return CLAUSES.get(word, frozenset())


def _is_word(words: list[str], tokens: list[tuple[int, str]], i: int, first: int, clauses: frozenset[str]) -> bool:
    """Is the NAME at i a word of the language here, and not somebody's name?"""
    before = tokens[i - 1][0] if i else -1
    if before in (K.T_CARET, K.T_BACKSLASH):
        return before == K.T_BACKSLASH
    after = tokens[i + 1][0] if i + 1 < len(tokens) else -1
    if i == first:
        target = after in (K.T_ASSIGN, K.T_LBRACKET, K.T_CARET, K.T_BACKSLASH, K.T_COLON)
        return words[i] in FIRST_WORDS and not (target and words[i] not in RESERVED) or words[i] in DECLARES and after == K.T_LOCAL
    if words[i - 1] in ("end", "goto", "procedure", "entry", "entryx", "call"):
        return words[i] in clauses and words[i] in ("none", "off", "on") and words[first] == "on"
    if words[i - 1] == "error" and words[first] == "on":
        return words[i] in ("none", "off", "on")
    return words[i] in RESERVED or words[i] in clauses


def _gap(line: Line, i: int) -> bool:
    """Does a blank stand between token i-1 and token i?"""
    tokens, words = line.tokens, line.words
    (left, _), (kind, _) = tokens[i - 1], tokens[i]
    if left in TIGHT_BEHIND or kind in TIGHT_BEFORE:
        return False
    if kind == K.T_LBRACKET:
        if i + 3 < len(tokens) and tokens[i + 2][0] == K.T_COMMA and words[i + 3] in CONVERSATION:
            return True
        return words[i - 1] in ("call", "procedure") or words[0] == "delay" and left in OPERANDS or left not in OPERANDS
    if kind == K.T_LPAREN:
        return _gap_before_bracket(line, i)
    return not (left == K.T_NOT or left == K.T_MINUS and _unary(line, i - 1))


def _gap_before_bracket(line: Line, i: int) -> bool:
    left, _ = line.tokens[i - 1]
    if left == K.T_FUNC:
        return False
    if left == K.T_NOT or left == K.T_MINUS and _unary(line, i - 1):
        return False
    if left != K.T_NAME:
        return True
    if line.words[0] == "event":
        return True  # the list of values behind the event
    word, before = line.words[i - 1], line.words[i - 2] if i > 1 else ""
    if before in ("procedure", "entry", "entryx", "call") or i > 1 and line.tokens[i - 2][0] == K.T_RBRACKET:
        return False
    return word in FIRST_WORDS or word in TYPES or word in DATABASE or word in ASSIGNMENT or any(word in c for c in CLAUSES.values())


def _unary(line: Line, i: int) -> bool:
    """Is the minus at i a sign? Behind an operand it subtracts; words of the language are no operands."""
    if i == 0:
        return True
    left, text = line.tokens[i - 1]
    return left not in OPERANDS or left == K.T_NAME and (fold(text) in RESERVED or fold(text) in BEFORE_SIGN)


# whole text
def _spaced(lines: list[Line]) -> list[Line]:
    """No blank line at the ends, one at most elsewhere, one before every section (with the comment that belongs to it)."""
    out: list[Line] = []
    for at, line in enumerate(lines):
        if line.blank:
            if out and not out[-1].blank:
                out.append(line)
            continue
        if out and not out[-1].blank and _begins_section(lines, at):
            out.append(Line([]))
        out.append(line)
    while out and out[-1].blank:
        out.pop()
    return out


def _begins_section(lines: list[Line], at: int) -> bool:
    """Does a section begin here: its first line, or the first line of the comment directly above it?"""
    if at and not lines[at - 1].tokens and lines[at - 1].comment:
        return False  # the comment above began it
    while at < len(lines) and not lines[at].tokens and lines[at].comment:
        at += 1
    if at >= len(lines) or not lines[at].tokens:
        return False
    line = lines[at]
    return _starts_section(line.words, " ".join(text for _, text in line.tokens))


def _join(lines: list[Line]) -> str:
    """Lines with their comments; those behind code of neighbouring lines begin in one column."""
    texts = [STEP * max(0, line.depth) + line.code if line.tokens or line.raw else "" for line in lines]
    out: list[str] = []
    at = 0
    while at < len(lines):
        last = at
        while last < len(lines) and texts[last] and lines[last].comment:
            last += 1
        if last == at:
            lead = STEP * max(0, lines[at].depth) if lines[at].comment else ""
            out.append(texts[at] or lead + lines[at].comment)
            at += 1
            continue
        column = max(len(texts[i]) for i in range(at, last)) + 2
        out += [texts[i].ljust(column) + lines[i].comment for i in range(at, last)]
        at = last
    return "".join(row + "\n" for row in out)
