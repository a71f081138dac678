"""One rule per code: from a finding and the texts to the edits that would repair it. Works on tokens, never on a tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from hisee.esl.diagnostics import Diagnostic
from hisee.esl.fixes import Edit, Fix
from hisee.esl.front import kinds as K
from hisee.esl.front.lexer import fold
from hisee.esl.front.words import RESERVED
from hisee.esl.outline import Part, Section

Parts = Mapping[int, Part]
Rule = Callable[[Diagnostic, Parts], Iterable[Fix]]
RELATIONS = frozenset((K.T_EQ, K.T_NE, K.T_LT, K.T_GT, K.T_LE, K.T_GE))
OPEN, CLOSE = frozenset((K.T_LPAREN, K.T_LBRACKET)), frozenset((K.T_RPAREN, K.T_RBRACKET))
FOREIGN = {"==": "=", "!=": "#", "<>": "#", "&&": "&", "||": "|", "~=": "#", "//": ";"}
QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'", "«": '"', "»": '"'})
STEP = "  "
OWN_WORDS = frozenset(("ESL1002", "ESL2014", "ESL2016", "ESL2017"))  # what is meant is one of the language's own words
SHORT = 4  # characters of a name, its sign counted, from which one edit is a misspelling and not another name


def span(found: Diagnostic, part: Part) -> tuple[int, int]:
    return part.offset(found.line, found.column), part.offset(found.end_line, found.end_column)


def tokens_in(part: Part, start: int, end: int) -> list[int]:
    first, last = part.place(start)[0], part.place(max(start, end - 1))[0]
    return [at for at in part.token_rows(first, last) if part.tokens.start[at] >= start and part.tokens.end[at] <= end]


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def new_line(part: Part, before: int, text: str, number: int) -> Edit:
    """Insert a line before line `before`; behind the last one when there is none."""
    if before <= part.line_count and not (before == part.line_count and not part.line(before)):
        return Edit(number, part.offset(before, 1), part.offset(before, 1), text + "\n")
    end = len(part.text)
    lead = "" if not part.text or part.text.endswith("\n") else "\n"
    return Edit(number, end, end, f"{lead}{text}\n")


def delete_lines(part: Part, first: int, last: int, number: int) -> Edit:
    return Edit(number, part.offset(first, 1), part.offset(last + 1, 1) if last < part.line_count else len(part.text), "")


def cased(word: str, like: str) -> str:
    return word.lower() if like.islower() else word


# characters
def quotes(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """Curly quotes of a text program."""
    part = parts[found.part]
    line = part.line(found.line)
    straight = line.partition(";")[0].translate(QUOTES)
    if straight != line.partition(";")[0] and straight.count('"') % 2 == 0:
        start = part.offset(found.line, 1)
        yield Fix(found.code, "write straight quotes", (Edit(found.part, start, start + len(straight), straight),))


def open_text(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    part = parts[found.part]
    start, end = span(found, part)
    quote = part.text[start:start + 1]
    plain = not re.search(r"[(),;&|+]", part.text[start:end])
    body = part.text[start:end].rstrip()
    yield Fix(found.code, "end the text at the end of the line", (Edit(found.part, start + len(body), end, quote),), plain)


def carriage_returns(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    text = parts[found.part].text
    edits = tuple(Edit(found.part, m.start(), m.end(), "\n") for m in re.finditer(r"\r(?!\n)", text))
    yield Fix(found.code, "write LF line ends", edits)


# syntax
def unexpected(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """`=` for `:=`, operators of other languages, a missing THEN, DO_LOOP or bracket at the end of the line."""
    part = parts[found.part]
    start, end = span(found, part)
    wanted, at_end = found.values.get("wanted", ""), found.values.get("found", "").startswith("the end of the")
    if wanted == "`:=`" and part.text[start:end] == "=":
        yield Fix(found.code, "write `:=`", (Edit(found.part, start, end, ":="),))
    yield from foreign(found, part, start)
    word = {"`THEN` or `GOTO`": "THEN", "`THEN`": "THEN", "`DO_LOOP`": "DO_LOOP"}.get(wanted)
    if at_end and word:
        close = _code_end(part, found.line)
        like = part.line(found.line).split()[0]
        yield Fix(found.code, f"insert `{word}`", (Edit(found.part, close, close, " " + cased(word, like)),))
    bracket = {"`)`": ")", "`,` or `)`": ")", "`]`": "]"}.get(wanted)
    if at_end and bracket:
        close = _code_end(part, found.line)
        yield Fix(found.code, f"insert `{bracket}`", (Edit(found.part, close, close, bracket),), safe=False)


def _code_end(part: Part, line: int) -> int:
    """Behind the last token of a line: before blanks and a comment."""
    rows = part.token_rows(line, line)
    return part.tokens.end[rows[-1]] if rows else part.offset(line, 1)


def foreign(found: Diagnostic, part: Part, start: int) -> Iterator[Fix]:
    """The mark stands at the second sign of `==`, or at the `!` of `!=`."""
    for at in (start - 1, start):
        sign = part.text[max(0, at):at + 2]
        if sign in FOREIGN and sign != "//":
            yield Fix(found.code, f"the language writes `{FOREIGN[sign]}` for `{sign}`", (Edit(found.part, at, at + 2, FOREIGN[sign]),))
            return


def misspelt(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """The one name that was probably meant, at every place where the section uses the wrong one."""
    names = re.findall(r"`([^`]+)`", found.hint) if found.hint.startswith("did you mean") else []
    if len(names) != 1:
        return
    part, wrong = parts[found.part], found.values.get("name", "")
    start, end = span(found, part)
    rows = tokens_in(part, start, end)
    if not any(part.same(at, wrong) for at in rows):  # the mark covers the action's word only
        rows = part.token_rows(found.line, found.line)
    if found.code == "ESL2001":
        section = part.section_at(found.line)
        rows = part.token_rows(section.head, section.last)
    edits = tuple(Edit(found.part, part.tokens.start[at], part.tokens.end[at], names[0]) for at in rows if part.same(at, wrong))
    if edits:
        yield Fix(found.code, f"write `{names[0]}`", edits, safe=len(wrong) >= (SHORT - 1 if found.code in OWN_WORDS else SHORT))


def misspelt_entry(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """Event or object inside the name of an entry: header and END alike."""
    names = re.findall(r"`([^`]+)`", found.hint) if found.hint.startswith("did you mean") else []
    part = parts[found.part]
    section = part.section_at(found.line)
    if len(names) != 1 or section.kind != "entry":
        return
    head, _, tail = section.name.rpartition("_")
    name = f"{names[0]}_{tail}" if found.code == "ESL2013" else f"{head}_{names[0]}" if head else names[0]
    rows = [*part.token_rows(section.head, section.head), *part.token_rows(section.last, section.last)]
    edits = tuple(Edit(found.part, part.tokens.start[at], part.tokens.end[at], name) for at in rows if part.same(at, section.name))
    yield Fix(found.code, f"write `{name}`", edits)


def else_if(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """ELSIF; where the second IF has an ENDIF of its own, that line goes too."""
    part = parts[found.part]
    start, end = span(found, part)
    edit = Edit(found.part, start, end, cased("ELSIF", part.text[start:start + 4]))
    surplus = _second_endif(part, found.line)
    if surplus:
        yield Fix(found.code, "write `ELSIF`", (edit, delete_lines(part, surplus, surplus, found.part)))
    yield Fix(found.code, "write `ELSIF`", (edit,))


def _second_endif(part: Part, line: int) -> int:
    """The ENDIF line that the ELSE IF of `line` would need; 0 when there is none."""
    depth = 0
    for number in range(line + 1, part.section_at(line).last + 1):
        rows = part.token_rows(number, number)
        words = [part.word_at(at) for at in rows]
        if words[:1] == ["if"] and "goto" not in words:
            depth += 1
        elif words[:1] == ["endif"]:
            if not depth:
                return number if len(rows) == 1 else 0
            depth -= 1
    return 0


def unclosed_block(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """ENDIF or END_LOOP where the indentation ends, else where it was missed."""
    part, closer = parts[found.part], found.values.get("closer", "")
    note = next((n for n in found.notes if n.line), None)
    missed = min(note.line if note else part.line_count + 1, part.section_at(found.line).last + 1)
    opener = part.line(found.line)
    indent = indent_of(opener)
    text = indent + cased(closer, opener.split()[0])
    inner = _misaligned(part, found.line, missed)
    if inner is not None:
        place, depth, word = inner
        yield Fix(found.code, f"insert `{word}`", (new_line(part, place, depth + cased(word, opener.split()[0]), found.part),))
    places = dict.fromkeys(p for p in (_dedent(part, found.line, missed, indent, closer), missed) if p)
    for place in places:
        yield Fix(found.code, f"insert `{closer}`", (new_line(part, place, text, found.part),))


def _misaligned(part: Part, line: int, limit: int) -> tuple[int, str, str] | None:
    """An inner block whose end stands where that of an outer one belongs: it is the one that is not closed. Line, indent, closer."""
    open_blocks: list[tuple[str, str]] = []  # closer, indent
    for number in range(line, min(limit, part.line_count) + 1):
        words = [part.word_at(at) for at in part.token_rows(number, number)]
        if not words:
            continue
        indent = indent_of(part.line(number))
        if words[0] in ("endif", "end_loop") and open_blocks:
            closer, wanted = open_blocks.pop()
            if indent != wanted and any(indent == other and closer == word for word, other in open_blocks):
                return number, wanted, closer
        elif words[-1] == "do_loop":
            open_blocks.append(("END_LOOP", indent))
        elif words[0] == "if" and "goto" not in words:
            open_blocks.append(("ENDIF", indent))
    return None


def _dedent(part: Part, line: int, limit: int, indent: str, closer: str) -> int:
    """The first line below `line` that stands no deeper than it and is no branch of it; 0 when none does before `limit`."""
    for number in range(line + 1, limit):
        text = part.line(number)
        if not text.strip() or text.lstrip().startswith(";"):
            continue
        word = fold(re.split(r"\W", text.strip(), maxsplit=1)[0])
        if len(indent_of(text).expandtabs()) <= len(indent.expandtabs()) and not (closer == "ENDIF" and word in ("else", "elsif", "then")):
            return number
    return 0


def unclosed_procedure(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    part = parts[found.part]
    section = part.section_at(found.line)
    last = section.last
    while last > section.head and (not part.line(last).strip() or part.line(last).lstrip().startswith(";")):
        last -= 1
    yield Fix(found.code, f"insert `END {section.name}`", (new_line(part, last + 1, f"END {section.name}", found.part),))


def end_name(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """`END Other` closes the procedure: the header's name is the one that counts."""
    part = parts[found.part]
    start, end = span(found, part)
    yield Fix(found.code, f"write `END {found.values['name']}`", (Edit(found.part, start, end, found.values["name"]),))


def bare_end(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    part = parts[found.part]
    _, end = span(found, part)
    yield Fix(found.code, f"write `END {found.values['name']}`", (Edit(found.part, end, end, " " + found.values["name"]),))


def stray(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    part = parts[found.part]
    if len(part.token_rows(found.line, found.line)) == 1:
        yield Fix(found.code, "delete this line", (delete_lines(part, found.line, found.line, found.part),), safe=False)


def reserved(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """Another name, wherever the section (a procedure: the part) uses this one."""
    part, name = parts[found.part], found.values.get("name", "")
    section = part.section_at(found.line)
    taken = {fold(n) for n in part.tokens.names.spelled} | RESERVED
    new = next(n for i in range(1, 100) if fold(n := f"{name}_{i}") not in taken)
    start, end = span(found, part)
    if part.text[start:start + 1] == "_":
        rows = [at for at in part.token_rows(section.head, section.last) if part.same(at, name)]
    else:
        rows = [at for at in tokens_in(part, start, end) if part.same(at, name)]
        everywhere = part.token_rows(1, part.line_count)
        rows += [at for at in everywhere if part.same(at, name) and part.word_at(at - 1) in ("end", "call", "goto")]
    edits = tuple(Edit(found.part, part.tokens.start[at], part.tokens.end[at], new) for at in sorted(set(rows)))
    yield Fix(found.code, f"rename it to `{new}`", edits)


def late_header(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """The procedure goes in front of BEGIN."""
    part = parts[found.part]
    section = part.section_at(found.line)
    init = next((s for s in part.sections if s.kind == "init"), None)
    if init is None or not section.closed or init.head > section.head or section.kind == "init":
        return
    text = part.text[part.offset(section.head, 1):part.offset(section.last + 1, 1)]
    edits = (new_line(part, init.head, text.rstrip("\n") + "\n", found.part), delete_lines(part, section.head, section.last, found.part))
    yield Fix(found.code, "move it before the init part", edits, safe=False)


def chained(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """`a < b < c` -> `a < b & b < c`."""
    part = parts[found.part]
    start, _ = span(found, part)
    rows = part.token_rows(found.line, found.line)
    here = next(i for i, at in enumerate(rows) if part.tokens.start[at] == start)
    depth, first = 0, here - 1
    while first >= 0:
        kind = part.tokens.kind[rows[first]]
        depth += (kind in CLOSE) - (kind in OPEN)
        if not depth and kind in RELATIONS:
            break
        first -= 1
    if first >= 0:
        middle = part.text[part.tokens.end[rows[first]]:start].strip()
        yield Fix(found.code, "write both comparisons, joined by `&`", (Edit(found.part, start, start, f"& {middle} "),))


# names and halves
def empty_twin(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """Of two procedures with one name the one without a body goes."""
    place = next((n for n in found.notes if n.line), None)
    if place is None:
        return
    for number, line, which in ((place.part, place.line, "local"), (found.part, found.line, "remote")):
        part = parts.get(number)
        section = part.section_at(line) if part else None
        if part is None or section is None or not section.closed or not _empty(part, section):
            continue
        edit = delete_lines(part, section.head, section.last, number)
        yield Fix(found.code, f"delete the {which} one (its body is empty)", (edit,))
        return


def _empty(part: Part, section: Section) -> bool:
    return not part.token_rows(section.head + 1, section.last - 1) if section.last > section.head else False


def event_header(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """The parameter list the event has."""
    part, wanted = parts[found.part], found.values.get("wanted", "")
    section = part.section_at(found.line)
    if section.kind == "entry" and wanted and not wanted.endswith("..."):
        start, end = part.offset(section.head, 1), _code_end(part, section.head)
        yield Fix(found.code, f"declare `{wanted}`", (Edit(found.part, start, end, wanted),), safe=False)


def entryx(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    part = parts[found.part]
    at = next((at for at in part.token_rows(found.line, found.line) if part.word_at(at) == "entryx"), None)
    if at is not None:
        yield Fix(found.code, "write `ENTRY`", (Edit(found.part, part.tokens.start[at], part.tokens.end[at], "ENTRY"),))


# types
def constant(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """The initial value becomes an assignment: behind BEGIN, in a procedure behind the declaration."""
    note = next((n for n in found.notes if n.line), None)
    if note is None or note.part not in parts:
        return
    part, name = parts[note.part], found.values["name"]
    start = part.offset(note.line, note.column)
    value = _initial(part, note.line, start)
    section = part.section_at(note.line)
    begin = next((s.head for s in part.sections if s.kind == "init" and part.line(s.head).strip().lower().startswith("begin")), 0)
    local = section.kind in ("procedure", "entry")
    if value is None or not (local or begin):
        return
    text = f"{indent_of(part.line(note.line)) if local else STEP}{name} := {part.text[value[1]:value[2]]}"
    edits = (Edit(note.part, value[0], value[2], ""), new_line(part, (note.line if local else begin) + 1, text, note.part))
    yield Fix(found.code, "assign it below its declaration" if local else "assign it after BEGIN", edits)


def _initial(part: Part, line: int, name: int) -> tuple[int, int, int] | None:
    """Places of `= value` behind the name at offset `name`: end of the name, start and end of the value."""
    rows = [at for at in part.token_rows(line, line) if part.tokens.start[at] >= name]
    if len(rows) < 3 or part.tokens.kind[rows[1]] not in (K.T_EQ, K.T_ASSIGN):
        return None
    depth, last = 0, rows[2]
    for at in rows[2:]:
        kind = part.tokens.kind[at]
        depth += (kind in OPEN) - (kind in CLOSE)
        if kind == K.T_COMMA and not depth:
            break
        last = at
    return part.tokens.end[rows[0]], part.tokens.start[rows[2]], part.tokens.end[last]


def whole_assignment(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """`a := b` between structures -> `SET a WITH b`."""
    part = parts[found.part]
    rows = part.token_rows(found.line, found.line)
    at = [i for i, row in enumerate(rows) if part.tokens.kind[row] == K.T_ASSIGN]
    if len(at) != 1 or any(part.tokens.kind[r] in (K.T_CARET, K.T_BACKSLASH, K.T_FUNC) for r in rows):
        return
    start, sign = part.tokens.start[rows[0]], rows[at[0]]
    edits = (Edit(found.part, start, start, "SET "), Edit(found.part, part.tokens.start[sign], part.tokens.end[sign], "WITH"))
    yield Fix(found.code, "write `SET .. WITH ..`", edits)


def constant_argument(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """IN before a parameter that its procedure never changes."""
    note = next((n for n in found.notes if n.line), None)
    if note is None or note.part not in parts:
        return
    part = parts[note.part]
    start = part.offset(note.line, note.column)
    rows = part.token_rows(note.line, note.line)
    here = next((i for i, at in enumerate(rows) if part.tokens.start[at] == start), 0)
    first = here - 1
    while first > 0 and part.tokens.kind[rows[first]] not in (K.T_COMMA, K.T_LPAREN):
        first -= 1
    if first < 1 or first + 1 >= here or part.tokens.kind[rows[first + 1]] == K.T_LOCAL:
        return  # shares type and mode with the parameter before it
    follows = rows[here + 1:here + 3]
    alone = len(follows) < 2 or part.tokens.kind[follows[0]] == K.T_RPAREN or part.tokens.kind[follows[1]] != K.T_LOCAL
    kind = part.tokens.start[rows[first + 1]]
    unchanged = _unchanged(part, part.section_at(note.line), part.token_text(rows[here]))
    yield Fix(found.code, "declare the parameter with IN", (Edit(note.part, kind, kind, "IN "),), alone and unchanged)


def _unchanged(part: Part, section: Section, name: str) -> bool:
    """Does the section only read the variable? Lines that can write several things count as writing."""
    for number in range(section.head + 1, section.last):
        rows = part.token_rows(number, number)
        uses = [i for i, at in enumerate(rows) if part.same(at, name)]
        if uses and (uses[0] == 0 or part.word_at(rows[0]) not in ("if", "elsif", "log", "logex", "message", "return", "")):
            return False
        if uses and not any(part.tokens.kind[r] == K.T_ASSIGN for r in rows[:uses[0]]) and part.word_at(rows[0]) == "":
            return False
        if uses and any(part.word_at(r) == "call" for r in rows):
            return False
    return True


def row_needed(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """`x^Col` -> `x[_i]^Col` inside FOR _i RANGE x; elsewhere the first row is only a proposal."""
    part = parts[found.part]
    start, end = span(found, part)
    rows = tokens_in(part, start, end)
    caret = next((i for i, at in enumerate(rows) if part.tokens.kind[at] == K.T_CARET), 0)
    if not caret:
        return
    base, place = part.text[start:part.tokens.end[rows[caret - 1]]], part.tokens.start[rows[caret]]
    counter = _loop_over(part, found.line, base)
    row = counter or "1"
    yield Fix(found.code, f"write `{base}[{row}]`", (Edit(found.part, place, place, f"[{row}]"),), bool(counter))


def _loop_over(part: Part, line: int, base: str) -> str:
    """Counter of the FOR .. RANGE over `base` around a line; "" when there is none."""
    depth = 0
    for number in range(line - 1, part.section_at(line).head, -1):
        rows = part.token_rows(number, number)
        words = [part.word_at(at) for at in rows]
        if words[:1] == ["end_loop"]:
            depth += 1
        elif words[-1:] == ["do_loop"]:
            if depth:
                depth -= 1
            elif words[:1] == ["for"] and len(rows) > 4 and words[2] == "range" and part.same(rows[3], base):
                return part.token_text(rows[1])
    return ""


def conversion(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """The function that reads or writes a text."""
    part = parts[found.part]
    start, end = span(found, part)
    left, right = found.values.get("left", ""), found.values.get("right", "")
    name = {"INT": "%StrToI", "REAL": "%StrToR", "a number": "%StrToR", "BOOL": "%StrToB"}.get(right, "") if left == "TEXT" else ""
    name = "%ToStr" if right == "TEXT" else name
    if name:
        edits = (Edit(found.part, start, start, f"{name}("), Edit(found.part, end, end, ")"))
        yield Fix(found.code, f"write `{name}(..)`", edits, safe=False)


# lints
def brackets(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """Brackets around what `&` binds, between the `|` of the same depth."""
    part = parts[found.part]
    start, end = span(found, part)
    groups: list[list[int]] = [[]]
    depth = 0
    for at in tokens_in(part, start, end):
        kind = part.tokens.kind[at]
        depth += (kind in OPEN) - (kind in CLOSE)
        if kind == K.T_OR and not depth:
            groups.append([])
        else:
            groups[-1].append(at)
    edits = [e for g in groups if _has_and(part, g)
             for e in (Edit(found.part, part.tokens.start[g[0]], part.tokens.start[g[0]], "("),
                       Edit(found.part, part.tokens.end[g[-1]], part.tokens.end[g[-1]], ")"))]
    if edits:
        yield Fix(found.code, "put brackets around the `&` part", tuple(edits))


def _has_and(part: Part, group: list[int]) -> bool:
    depth = 0
    for at in group:
        kind = part.tokens.kind[at]
        depth += (kind in OPEN) - (kind in CLOSE)
        if kind == K.T_AND and not depth:
            return True
    return False


def negation(found: Diagnostic, parts: Parts) -> Iterator[Fix]:
    """`(!a) = b` is what the line means already; `!(a = b)` is what may have been meant."""
    part = parts[found.part]
    start, end = span(found, part)
    depth = 0
    for at in tokens_in(part, start, end):
        kind = part.tokens.kind[at]
        depth += (kind in OPEN) - (kind in CLOSE)
        if not depth and kind in RELATIONS:
            left = len(part.text[start:part.tokens.start[at]].rstrip())
            yield Fix(found.code, "write `(!a) = b`, which is what it means",
                      (Edit(found.part, start, start, "("), Edit(found.part, start + left, start + left, ")")))
            whole = (Edit(found.part, start + 1, start + 1, "("), Edit(found.part, end, end, ")"))
            yield Fix(found.code, "write `!(a = b)`", whole, safe=False)
            return


RULES: dict[str, Rule] = {
    "ESL0001": quotes, "ESL0002": open_text, "ESL0003": carriage_returns, "ESL1001": unexpected, "ESL1002": misspelt,
    "ESL1004": stray, "ESL1005": unclosed_block, "ESL1006": unclosed_procedure, "ESL1007": else_if, "ESL1009": late_header,
    "ESL1010": reserved, "ESL1011": chained, "ESL1013": bare_end, "ESL2001": misspelt, "ESL2003": end_name, "ESL2004": misspelt,
    "ESL2006": misspelt, "ESL2008": misspelt_entry, "ESL2009": event_header, "ESL2010": entryx, "ESL2013": misspelt_entry,
    "ESL2014": misspelt, "ESL2016": misspelt, "ESL2017": misspelt, "ESL2101": empty_twin, "ESL3003": constant,
    "ESL3005": whole_assignment, "ESL3008": constant_argument, "ESL3012": misspelt, "ESL3013": misspelt, "ESL3014": misspelt,
    "ESL3020": row_needed, "ESL4001": brackets, "ESL4002": negation, "ESL4004": conversion,
}
