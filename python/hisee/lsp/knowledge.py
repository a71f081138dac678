"""What the tables say of the language, as an editor shows it: signatures and sentences. Made once, on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from hisee.esl.context import ObjectEntry
from hisee.esl.front.lexer import fold
from hisee.schema import actions, constants, errors, events, functions, picture_functions

LETTERS = {"B": "BOOL", "I": "INT", "R": "REAL", "T": "TEXT", "TM": "TIME", "N": "number", "U": "any", "H": "object", "C": "column",
           "-": ""}
ATTRIBUTES = {
    "VLD": "BOOL: is the value valid?", "TIM": "TIME: when the value was made", "WEA": "BOOL: is the value marked as suspicious?",
    "DIM": "INT: rows of a structure", "HBJ": "INT: number of the object",
    "LIM": "INT: against the limits of its object, @OK @VLL @LL @HL @VHL; @L_ERR = none, or no number",
    "ALF": "BOOL: is its alarm active? No alarms are kept yet: FALSE", "ALQ": "BOOL: active and not acknowledged? Not kept yet: FALSE",
    "ALV": "INT: alarm value; not kept yet: 0, no alarm", "ALT": "TIME: when its alarm came; not kept yet: invalid, 5",
    "NAK": "BOOL: is its last change not acknowledged? Not kept yet: FALSE",
    "TRA": "BOOL: was a command sent and not confirmed? Not kept yet: FALSE",
    "DEF": "BOOL: is it the default of a table? Not kept yet: FALSE",
}
WORDS = {
    "IF": "IF condition THEN .. [ELSIF condition THEN ..] [ELSE ..] ENDIF, or IF condition GOTO label",
    "ELSIF": "a further branch of an IF",
    "ELSE": "the branch of an IF when no condition held", "ENDIF": "end of an IF", "DO_LOOP": "DO_LOOP .. END_LOOP; EXIT_LOOP leaves it",
    "FOR": "FOR _i = from TO to DO_LOOP .. END_LOOP, or FOR _i RANGE structure DO_LOOP", "END_LOOP": "end of a loop",
    "EXIT_LOOP": "EXIT_LOOP [condition]: leaves the innermost loop", "GOTO": "GOTO label of the same section",
    "RETURN": "ends the procedure", "END": "alone: ends the run; END Name: end of a procedure",
    "RETRY": "in an error handler: the action again",
    "RESUME": "in an error handler: on with the next action", "CALL": "CALL procedure(arguments); CALL [] procedure(..) of the other part",
    "SET": "SET alias AS object | SET structure WITH structure", "REDIM": "REDIM structure[rows]",
    "INSERT": "INSERT structure, before, row or structure [, last row]",
    "PROCEDURE": "PROCEDURE Name(parameters) .. END Name", "ENTRY": "ENTRY Object_Event(parameters) .. END: handler of an event",
    "ENTRYX": "as ENTRY; a newer request replaces a waiting one", "RPC": "RPC PROCEDURE: callable from the other part",
    "RPCX": "as RPC; a newer asynchronous request replaces a waiting one", "BEGIN": "begin of the init part",
    "ON": "ON ERROR NONE|OFF|ON|label; ON CHANGE object GOTO procedure",
    "INT": "whole number, 64 bits", "BOOL": "@TRUE or @FALSE", "REAL": "number with decimals", "TEXT": "text",
    "TIME": "moment, milliseconds",
    "RECORD": "RECORD [NOALIAS] [(SD.Name)] _r: rows of a structure; without one it takes any",
    "ALIAS": "ALIAS [(SD.Name)] _o: reference to an object",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """How something is called. `parameters`: the pieces of `label` that stand for one argument each."""

    name: str
    label: str
    doc: str
    parameters: tuple[str, ...] = ()
    repeats: bool = False


@cache
def signatures() -> dict[str, Signature]:
    """Functions and picture functions, by folded name; old names as well."""
    found = {fold(n): _function(row, n) for row in functions.ROWS for n in (row.name, *row.old_names)}
    return found | {fold(row.name): _picture_function(row) for row in picture_functions.ROWS}


def _function(row: functions.FnRow, name: str) -> Signature:
    parts = []
    for at, (parameter, letter, default) in enumerate(row.parameters):
        shown = f"{LETTERS[letter]} {parameter}"
        parts.append(shown if default is None and at < row.least else f"{shown}={default!r}")
    repeats = row.most > len(row.parameters)
    inside = ", ".join(parts) + (f", ... {row.most}" if repeats else "")
    result = LETTERS[row.result]
    doc = row.doc + (f"; new name {row.name}" if name != row.name else "")
    return Signature(name, f"{result} {name}({inside})".strip(), doc, tuple(parts), repeats)


def external(entry: ObjectEntry) -> Signature | None:
    """How an external function is called; None for any other object."""
    foreign = entry.foreign
    if foreign is None:
        return None
    doc = f"external function `{foreign.function}` of {foreign.library}; the script waits for it\n```c\n{foreign.declaration.strip()}\n```"
    label = f"{foreign.result} %{entry.name}({', '.join(foreign.parameters)})".strip()
    return Signature(f"%{entry.name}", label, doc, foreign.parameters)


def _picture_function(row: picture_functions.PictureFunctionRow) -> Signature:
    parts = tuple(f"{kind} {name}" for name, mode, kind in row.operands if mode == "IN")
    waits = "waits for the console" if row.waits == "always" else "does not wait"
    return Signature(row.name, f"{row.result} {row.name}({', '.join(parts)})".strip(), f"{row.doc} ({waits})", parts)


@cache
def actions_by_word() -> dict[str, list[Signature]]:
    """Actions with a word of their own, by that word."""
    found: dict[str, list[Signature]] = {}
    for row in actions.ROWS:
        word = row.syntax.replace("[_ret :=] ", "").replace("_i := ", "").split(" ")[0].rstrip(",")
        if word.isupper():
            waits = {"never": "does not wait", "always": "waits", "by_notation": "waits unless ASYNC"}.get(row.waits, "")
            signature = Signature(word, row.syntax, f"{row.doc} ({waits}, lane {row.lane})", _operands(row.syntax))
            found.setdefault(fold(word), []).append(signature)
    return found


def _operands(syntax: str) -> tuple[str, ...]:
    """`DB_READ _handle, row, _rc [, max]` -> its operands in order."""
    rest = syntax.partition(" ")[2].partition(" WHERE")[0].partition("[WHERE")[0]
    return tuple(p.strip(" []") for p in rest.split(",")) if "," in rest else ()


@cache
def constant_docs() -> dict[str, tuple[str, str]]:
    """Constants and errors by folded name: name and sentence."""
    found = {fold(r.name): (r.name, f"{r.type} {r.value}: {r.doc}") for r in constants.ROWS}
    found |= {fold(r.name): (r.name, f"INT {r.number}: {r.text}") for r in errors.ROWS}
    special = {"_ERR_NR": "INT: number of the last error", "_ERR_MSG": "TEXT: its text", "_ERR_LINE": "INT: its line",
               "_ERR_NR_TRANS_EX": "INT: the reason behind a failed request", "_FROM_HIP": "INT: number of the console"}
    return found | {fold(name): (name, doc) for name, doc in special.items()}


@cache
def events_by_name() -> dict[str, events.PictureEventRow]:
    return {fold(row.name): row for row in events.ROWS}


def event_header(row: events.PictureEventRow, ref: str) -> str:
    """`BtnGo_OnClick` with the parameters a handler may declare; the form of one object drops the leading number."""
    wanted = list(row.parameters)
    if ref and wanted and fold(wanted[0][0]) == "_refid":
        wanted = wanted[1:]
    listed = ", ".join(f"{'' if mode == 'INOUT' else mode + ' '}{kind} {name}" for name, mode, kind in wanted)
    return (f"{ref}_{row.name}" if ref else row.name) + (f"({listed})" if listed else "")


def word_doc(word: str) -> str:
    """A sentence for a word of the language, "" for any other."""
    plain = WORDS.get(word.upper(), "")
    rows = actions_by_word().get(fold(word), [])
    return "\n\n".join([*([plain] if plain else []), *(f"`{r.label}`\n\n{r.doc}" for r in rows)])
