"""Cases of functions: lines `kind  [action ;; ..] expression -> expected` under a heading `[%Name]`, in functions/*.cases.

    kinds       normal, edge, invalid (an invalid operand), type (an argument of a type that never fits), count (wrong number of arguments)
    expected    a number, TRUE, FALSE, a JSON string, invalid/reason, time:ms since 1970 UTC, ~expression that the text fits,
                ok (any result), error:_ERR_NAME (raised), compile:ESLnnnn (does not compile)

All cases of a file become procedures of one script, which runs through compiler and VM.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hisee._core.values import decode, encode
from hisee._core.vm import Status
from hisee.esl import compile_source
from hisee.schema import functions, host_functions
from hisee.values import Invalid, Time

from .directory import plain
from .host import Host

FOLDER = Path(__file__).parent / "functions"
ROWS = {name.lower(): row for row in (*functions.ROWS, *host_functions.ROWS) for name in (row.name, *row.old_names)}
KINDS = ("normal", "edge", "invalid", "type", "count")
LOCALS = """INT _h, _k, _n, _i
TEXT _s, _t
REAL _x
BOOL _b
TIME _m
RECORD NOALIAS (SD.Tank) _r
RECORD (SD.Tank) _links
"""
LETTERS = {"B": "BOOL", "I": "INT", "H": "INT", "R": "REAL", "T": "TEXT", "TM": "TIME"}


@dataclass(frozen=True)
class Case:
    function: str
    kind: str
    actions: tuple[str, ...]
    expression: str  # "" = the last action is the call
    expected: str
    place: str

    @property
    def compiles(self) -> bool:
        return not self.expected.startswith("compile:")

    @property
    def type(self) -> str:
        """Type of the result: as the row says where the expression is the call itself, else as the expected value looks."""
        row = ROWS[self.function.lower()]
        if row.result in LETTERS and is_call(self.expression, (row.name, *row.old_names)):
            return LETTERS[row.result]
        return type_of_text(self.expected)

    def body(self) -> str:
        ends = [f"_result := {self.expression}"] if self.expression else []
        return "\n".join([*self.actions, *ends])


def is_call(text: str, names: tuple[str, ...]) -> bool:
    """Is all of the text one call of that function?"""
    name, _, rest = text.partition("(")
    depth = 1
    for at, sign in enumerate(re.sub(r'"[^"]*"', lambda m: "_" * len(m[0]), rest)):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return at == len(rest) - 1 and name.lower() in [n.lower() for n in names]
    return False


def type_of_text(expected: str) -> str:
    if expected in ("TRUE", "FALSE"):
        return "BOOL"
    if expected[:1] in '"~':
        return "TEXT"
    if expected.startswith("time:"):
        return "TIME"
    return "REAL" if re.match(r"-?\d+(\.\d|\d*e)", expected) else "INT"


def read(path: Path) -> list[Case]:
    found, function = [], ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("["):
            function = text[1:-1]
            continue
        kind, _, rest = text.partition(" ")
        body, arrow, expected = rest.strip().rpartition(" -> ")
        assert kind in KINDS and arrow and function, f"{path.name}:{number}: no case: {text}"
        found.append(case(function, kind, body, expected, f"{path.name}:{number}"))
    return found


def case(function: str, kind: str, body: str, expected: str, place: str) -> Case:
    actions = [part.strip() for part in body.split(" ;; ")]
    row = ROWS[function.lower()]
    call = row.result == "-" and actions[-1].lower().startswith(function.lower() + "(")
    expression = "" if call else actions.pop()
    return Case(function, kind, tuple(actions), expression, expected.strip(), place)


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.cases"))


def script(cases: list[Case]) -> str:
    """One procedure per case, with locals of its own."""
    parts = [f"PROCEDURE C{i} ({c.type} _result)\n{LOCALS}{c.body()}\nEND C{i}\n" for i, c in enumerate(cases)]
    return "\n".join([*parts, "BEGIN", "END", ""])


def start(cases: list[Case], **given: Any) -> Host:
    text = script(cases)
    done = compile_source(text, name="S.Test", context=plain(), part=1)
    errors = [d for d in done.diagnostics if d.severity == "error"]
    assert done.ok, [(d.code, d.message, text.splitlines()[d.line - 1]) for d in errors]
    host = Host(done.unit, **given)
    assert host.init() == Status.DONE
    return host


def run(host: Host, index: int, kind: str) -> Any:
    """Result of case `index`; the name of the error that ended it."""
    number = [p.name for p in host.script.unit.procedures].index(f"C{index}")
    host.script.start(number, encode([Invalid(1, kind)]))
    if host.run() != Status.DONE:
        return "error:" + host.script.failure.name
    return decode(host.script.results())[0]


def written(value: Any) -> str:
    """A result as a case writes it."""
    value = getattr(value, "value", value)
    if isinstance(value, Invalid):
        return f"invalid/{value.reason}"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Time):
        return f"time:{int(value)}"
    if isinstance(value, str):
        return value if value.startswith("error:") else json.dumps(value, ensure_ascii=False)
    return repr(value)


def fits(expected: str, value: Any) -> bool:
    shown = written(value)
    if expected == "ok":
        return not shown.startswith("error:")
    if expected.startswith("~"):
        return isinstance(value, str) and re.fullmatch(expected[1:], value, re.DOTALL) is not None
    if isinstance(value, float) and type_of_text(expected) == "REAL":
        return abs(value - float(expected)) <= 1e-12 * abs(float(expected))
    if shown.startswith('"') and expected.startswith('"'):
        return bool(json.loads(expected) == json.loads(shown))
    return shown == expected


def figures() -> dict[str, Any]:
    """Functions, their cases, and which have fewest; `missing`: kinds that a function has no case of. One without parameters has a case
    with an argument too many instead of an invalid operand and a wrong type."""
    kinds: dict[str, list[str]] = {row.name: [] for row in ROWS.values()}
    for path in files():
        for found in read(path):
            kinds[ROWS[found.function.lower()].name].append(found.kind)
    wanted = {row.name: {"normal", "edge", "invalid", "type"} if row.parameters else {"normal", "edge", "count"} for row in ROWS.values()}
    missing = {name: sorted(wanted[name] - set(found)) for name, found in kinds.items() if wanted[name] - set(found)}
    cases = sum(map(len, kinds.values()))
    fewest = min(map(len, kinds.values()))
    return {"functions": len(kinds), "cases": cases, "cases_per_function": round(cases / len(kinds), 2), "fewest": fewest,
            "of_each_kind": {kind: sum(found.count(kind) for found in kinds.values()) for kind in KINDS}, "missing": missing}


if __name__ == "__main__":
    print(json.dumps(figures(), indent=2))
