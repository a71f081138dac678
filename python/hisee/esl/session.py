"""Lines typed one after the other, as units: what `hisee repl` compiles. Pure: no files, no processes.

Every input becomes a script of its own. The variables of the session are its globals; they travel into the procedure `Input` as
in-out parameters and back when it ended, so that they keep value and validity from one input to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hisee.esl.compile import ROOM, CompiledPart, compile_source
from hisee.esl.context import Directory, ObjectContext
from hisee.esl.diagnostics import Diagnostic
from hisee.esl.format import DECLARES, FIRST_WORDS
from hisee.esl.front import kinds as K
from hisee.esl.front.expressions import Expressions, SyntaxFault
from hisee.esl.front.kinds import N_LOG, V_ANY, V_BOOL, V_TEXT
from hisee.esl.front.lexer import Source, fold, tokenize
from hisee.esl.front.nodes import TYPE_NAMES
from hisee.esl.outline import Part

NAME = "repl"
DECLARATION = re.compile(
    r"\s*(?P<type>INT|BOOL|REAL|TEXT|TIME|RECORD(?:\s+NOALIAS)?\s*\([^)]*\)|RECORD)\s+(?P<names>_.*)", re.IGNORECASE)
ONE_NAME = re.compile(r"\s*(_[\w.]*)\s*(?:(?::=|=)\s*(.+?))?\s*$", re.DOTALL)
RESULT = "_repl_result"
UNKNOWN = object()  # a variable that has no value yet: the procedure's fresh one is taken


class NotHere(Exception):
    """An input that a session cannot take; the text says why."""


@dataclass(slots=True)
class Variable:
    """type: as written. `value` is what the last input left, UNKNOWN before the first."""

    name: str
    type: str
    value: Any = UNKNOWN

    @property
    def structured(self) -> bool:
        return self.type.upper().startswith("RECORD")


@dataclass(frozen=True, slots=True)
class Prepared:
    """One input, ready to run: its unit, or what is wrong with it (places count the input's own lines)."""

    unit: bytes
    diagnostics: list[Diagnostic]
    variables: list[Variable]
    result: str = ""  # "" = an action; else the type of the expression ("" and "any" are not the same)
    skipped: int = 0  # lines of the unit's text in front of the input


@dataclass
class Session:
    """What earlier inputs left: variables and procedures."""

    directory: Directory | None = None
    variables: dict[str, Variable] = field(default_factory=dict)
    procedures: dict[str, str] = field(default_factory=dict)

    def prepare(self, text: str) -> Prepared:
        """Compile one input: declaration, procedure, action or expression. Raises NotHere."""
        word = first_word(text)
        if word in ("entry", "entryx", "rpc", "rpcx", "begin", "public", "implementation"):
            raise NotHere(f"{word.upper()} belongs to a script of an object; declarations, procedures, actions and expressions go here")
        if word == "procedure":
            return self._procedure(text)
        if word in DECLARES and DECLARATION.match(text):
            return self._declaration(text)
        if self.is_expression(text):
            found = self._expression(text)
            if found is not None:
                return found
        return self._compile(text)

    def keep(self, prepared: Prepared, values: list[Any]) -> Any:
        """Take over what the run left; the value of an expression."""
        for variable, value in zip(prepared.variables, values, strict=False):
            variable.value = value
            self.variables[fold(variable.name)] = variable
        extra = values[len(prepared.variables):]
        return extra[0] if len(extra) == 1 else extra

    # kinds of inputs
    def _declaration(self, text: str) -> Prepared:
        match = DECLARATION.match(text)
        assert match is not None
        new, lines = [], []
        for piece in split_commas(match["names"]):
            one = ONE_NAME.match(piece)
            if one is None:
                return self._compile(text)  # the compiler knows better what is wrong
            new.append(Variable(one[1], re.sub(r"\s+", " ", match["type"])))
            lines += [f"{one[1]} := {one[2]}"] if one[2] else []
        others = [v for v in self.variables.values() if fold(v.name) not in {fold(n.name) for n in new}]
        return self._build(lines, [*others, *new], self.procedures)

    def _procedure(self, text: str) -> Prepared:
        section = next((s for s in Part(text).sections if s.kind == "procedure"), None)
        if section is None:
            return self._compile(text)
        procedures = {**self.procedures, fold(section.name): text}
        done = self._build([], list(self.variables.values()), procedures, shown=text)
        if not _errors(done.diagnostics):
            self.procedures = procedures
        return done

    def _compile(self, text: str) -> Prepared:
        return self._build(text.split("\n"), list(self.variables.values()), self.procedures)

    def is_expression(self, text: str) -> bool:
        """Can the whole input be read as an expression? A word that begins an action wins."""
        source, tokens = Source(text), tokenize(text)
        if tokens.faults or tokens.kind[0] == K.T_NAME and first_word(text) in FIRST_WORDS:
            return False
        try:
            with ROOM:
                return Expressions(source, tokens, 200).is_whole()
        except SyntaxFault:
            return False

    def _expression(self, text: str) -> Prepared | None:
        """The value as one more in-out parameter of its type; None when it is an action after all (a function without result)."""
        variables = list(self.variables.values())
        name = fold(text.strip())
        if name in self.variables and self.variables[name].structured:
            return self._build([], variables, self.procedures, result=f"record {name}")
        trial = self._source([f'LOG "", ({text})'], variables, self.procedures)
        done = self._check(trial[0])
        checked = done.checked
        wrong = [_moved(d, trial[1], len('LOG "", (')) for d in _errors(done.diagnostics)]
        if wrong and all(d.code != "ESL3011" for d in wrong):
            return Prepared(b"", wrong, variables)
        if checked is None:
            return None
        node = next((n for n in range(checked.tree.count) if checked.tree.kind[n] == N_LOG), -1)
        kind = checked.typ[checked.tree.items(checked.tree.a[node])[1]] if node >= 0 and hasattr(checked, "typ") else 0
        if V_BOOL <= kind <= V_TEXT:
            return self._build([f"{RESULT} := {text}"], variables, self.procedures, result=TYPE_NAMES[kind], lead=len(RESULT) + 4)
        if kind == V_ANY:
            lines = [f"{RESULT} := %ToStr({text})", f"{RESULT}_2 := %InvalidReason({text})", f"{RESULT}_3 := %TypeOf({text})"]
            return self._build(lines, variables, self.procedures, result="any", lead=len(RESULT) + 11)
        return None

    # composing
    def _build(self, lines: list[str], variables: list[Variable], procedures: Mapping[str, str], result: str = "", lead: int = 0,
               shown: str = "") -> Prepared:
        extra = {"": [], "any": [f"TEXT {RESULT}", f"INT {RESULT}_2", f"INT {RESULT}_3"]}.get(result)
        if extra is None:
            extra = [] if result.startswith("record") else [f"{result} {RESULT}"]
        text, skipped = self._source(lines, variables, procedures, extra)
        if shown:
            skipped = text[: text.index(shown)].count("\n")
        done = self._check(text)
        found = [_moved(d, skipped, lead) for d in done.diagnostics]
        return Prepared(done.unit, found, variables, result, skipped)

    def _source(self, lines: list[str], variables: list[Variable], procedures: Mapping[str, str],
                extra: list[str] | None = None) -> tuple[str, int]:
        """The script, and how many of its lines stand in front of the input."""
        names = [(v, f"_repl_{at}") for at, v in enumerate(variables)]
        parameters = ", ".join([*(f"{v.type} {p}" for v, p in names), *(extra or [])])
        head = [f"{v.type} {v.name}" for v in variables]
        head += [line for text in procedures.values() for line in text.split("\n")]
        head += [f"PROCEDURE Input({parameters})" if parameters else "PROCEDURE Input"]
        head += [line for v, p in names for line in _copied(v, v.name, p)]
        tail = [*(line for v, p in names for line in _copied(v, p, v.name)), "END Input", "BEGIN", "END", ""]
        return "\n".join([*head, *lines, *tail]), len(head)

    def _check(self, text: str) -> CompiledPart:
        return compile_source(text, name=NAME, context=ObjectContext(kind="script", server_script=False, directory=self.directory))


def _copied(variable: Variable, target: str, source: str) -> list[str]:
    if variable.structured:
        return [f"REDIM {target}[{source}\\DIM]", f"SET {target} WITH {source}"]
    return [f"{target} := {source}"]


def _errors(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    return [d for d in diagnostics if d.severity == "error"]


def _moved(found: Diagnostic, lines: int, columns: int) -> Diagnostic:
    """The place in what was typed, not in the script around it."""
    shift = columns if found.line - lines == 1 else 0
    return replace(found, line=max(1, found.line - lines), end_line=max(1, found.end_line - lines), column=max(1, found.column - shift),
                   end_column=max(2, found.end_column - shift), notes=[n for n in found.notes if not n.line])


def first_word(text: str) -> str:
    match = re.match(r"\s*(\w+)", text)
    return fold(match[1]) if match else ""


def split_commas(text: str) -> list[str]:
    """Pieces between the commas outside brackets and texts."""
    tokens = tokenize(text).lists()
    cuts, depth = [-1], 0
    for at in range(len(tokens.kind)):
        kind = tokens.kind[at]
        depth += (kind in (K.T_LPAREN, K.T_LBRACKET)) - (kind in (K.T_RPAREN, K.T_RBRACKET))
        if kind == K.T_COMMA and not depth:
            cuts.append(tokens.start[at])
    cuts.append(len(text))
    return [text[a + 1:b] for a, b in zip(cuts, cuts[1:], strict=False)]


def unfinished(text: str) -> bool:
    """Is a block of the input still open: a procedure, an IF, a loop?"""
    depth = 0
    for row in text.split("\n"):
        tokens = tokenize(row).lists()
        words = [tokens.names.folded[tokens.value[i]] if tokens.kind[i] == K.T_NAME else "" for i in range(len(tokens.kind) - 2)]
        if not words:
            continue
        depth += words[0] == "procedure" or words[0] == "if" and "goto" not in words or words[-1] == "do_loop"
        depth -= words[0] in ("endif", "end_loop") or words[0] == "end" and len(words) > 1
    return depth > 0
