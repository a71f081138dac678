"""Scripts that try to take all time or memory, at compile time or when they run; made from a table of shapes and sizes.

Each must be refused by an error that names a limit, end by a limit, or simply be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

HEAD = "INT _a, _i, _j\nREAL _x\nBOOL _b\nTEXT _t, _u\nRECORD NOALIAS (SD.Meter) _r, _s\n"


@dataclass(frozen=True)
class Bomb:
    name: str
    text: str


def script(body: str, procedures: str = "") -> str:
    return f"{HEAD}{procedures}BEGIN\n  _t := \"x\"\n  _a := 1\n{body}\nEND\n"


def declared(lines: Iterable[str]) -> str:
    return script("").replace("BEGIN", "\n".join(lines) + "\nBEGIN")


# compile time: shape of size n
COMPILED: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: script("_a := " + "(" * n + "1" + ")" * n),
    "brackets left open": lambda n: script("_a := " + "(" * n),
    "brackets never opened": lambda n: script("_a := 1" + ")" * n),
    "minus signs": lambda n: script("_a := " + "-" * n + "1"),
    "not signs": lambda n: script("_b := " + "!" * n + "@TRUE"),
    "calls of functions": lambda n: script("_a := " + "%Abs(" * n + "1" + ")" * n),
    "calls left open": lambda n: script("_a := " + "%Max(1, " * n),
    "rows of rows": lambda n: script("_a := " + "_r[" * n + "1" + "]^Id" * n),
    "nested IF": lambda n: script("IF _b THEN\n" * n + "ENDIF\n" * n),
    "IF never closed": lambda n: script("IF _b THEN\n" * n),
    "ENDIF never opened": lambda n: script("ENDIF\n" * n),
    "ELSE IF": lambda n: script("IF _b THEN\n" + "ELSE IF _b THEN\n" * n + "ENDIF\n"),
    "ELSIF": lambda n: script("IF _b THEN\n" + "ELSIF _b THEN\n" * n + "ENDIF\n"),
    "nested loops": lambda n: script("DO_LOOP\n" * n + "EXIT_LOOP\n" + "END_LOOP\n" * n),
    "nested FOR": lambda n: script("FOR _i = 1 TO 1 DO_LOOP\n" * n + "END_LOOP\n" * n),
    "sum": lambda n: script("_a := 1" + " + _a" * n),
    "product": lambda n: script("_x := 1" + " * _x / 3" * n),
    "comparison chain": lambda n: script("_b := 1" + " < 2" * n),
    "logic": lambda n: script("_b := @TRUE" + " & _b" * n),
    "text of constants": lambda n: script("_t := \"x\"" + " + \"y\"" * n),
    "numbers of constants": lambda n: script("_a := 3" + " * 3" * n),
    "long text": lambda n: script("_t := \"" + "x" * n * 10 + "\""),
    "long number": lambda n: script("_a := " + "9" * n),
    "long fraction": lambda n: script("_x := 0." + "1" * n),
    "long exponent": lambda n: script("_x := 1.0E" + "9" * n),
    "long name": lambda n: script(f"_{'n' * n} := 1"),
    "dots": lambda n: script("_a" + ".a" * n + " := 1"),
    "arguments": lambda n: script("_a := %Max(" + ", ".join(["1"] * n) + ")"),
    "parameters": lambda n: script("", f"PROCEDURE P({', '.join(f'INT _p{i}' for i in range(n))})\nEND P\n"),
    "variables": lambda n: declared(f"INT _v{i}" for i in range(n)),
    "constants": lambda n: declared(f"INT _c{i} = {'_c' + str(i - 1) if i else '1'} + 1" for i in range(n)),
    "labels": lambda n: script("\n".join(f"L{i}:" for i in range(n))),
    "jumps": lambda n: script("\n".join(f"IF _b GOTO L{i}" for i in range(n)) + "\n" + "\n".join(f"L{i}:" for i in range(n))),
    "procedures": lambda n: script("", "".join(f"PROCEDURE P{i}\nEND P{i}\n" for i in range(n))),
    "procedures that call": lambda n: script("CALL P0", "".join(f"PROCEDURE P{i}\nCALL P{i + 1}\nEND P{i}\n" for i in range(n))
                                             + f"PROCEDURE P{n}\nEND P{n}\n"),
    "assignments": lambda n: script("_a := _a + 1\n" * n),
    "unknown names": lambda n: script("\n".join(f"_zzz{i} := 1" for i in range(n))),
    "syntax errors": lambda n: script("_a := )\n" * n),
    "bad characters": lambda n: script("\x01 ?" * n),
    "empty lines": lambda n: script("\n" * n * 10),
    "comments": lambda n: script(";" * n * 10),
    "open texts": lambda n: script("_t := \"\n" * n),
    "combining marks": lambda n: script("_a" + "\u0301" * n + " := 1"),
    "handlers": lambda n: script("ON ERROR H\n" * n + "END\nH:\nRESUME"),
    "inserts": lambda n: script("INSERT _r, 1, _r[1]\n" * n),
}
SIZES = (3, 190, 3_000)

# run time
RUNNING: dict[str, str] = {
    "endless loop": script("DO_LOOP\nEND_LOOP"),
    "endless GOTO": script("L:\nGOTO L"),
    "endless IF GOTO": script("_b := @TRUE\nL:\nIF _b GOTO L"),
    "FOR to the end": script("FOR _i = 1 TO 9223372036854775807 DO_LOOP\nEND_LOOP"),
    "FOR that turns back": script("FOR _i = 1 TO 2 DO_LOOP\n_i := 0\nEND_LOOP"),
    "nested FOR": script("FOR _i = 1 TO 100000 DO_LOOP\nFOR _j = 1 TO 100000 DO_LOOP\nEND_LOOP\nEND_LOOP"),
    "endless RETRY": script("ON ERROR H\n_a := _r[0]^Id\nEND\nH:\nRETRY"),
    "RETRY of a call": script("ON ERROR H\nCALL P\nEND\nH:\nRETRY", "PROCEDURE P\n_a := _r[0]^Id\nEND P\n"),
    "errors in mode OFF": script("ON ERROR OFF\nDO_LOOP\n_a := _r[0]^Id\nEND_LOOP"),
    "recursion": script("CALL P", "PROCEDURE P\nCALL P\nEND P\n"),
    "recursion that is caught": script("ON ERROR OFF\nDO_LOOP\nCALL P\nEND_LOOP", "PROCEDURE P\nCALL P\nEND P\n"),
    "recursion by two": script("CALL P", "PROCEDURE P\nON ERROR OFF\nCALL P\nCALL P\nEND P\n"),
    "recursion with a text": script("CALL P(_t)", "PROCEDURE P(IN TEXT _p)\nCALL P(_p + _p)\nEND P\n"),
    "recursion with a record": script("REDIM _r[10000]\nCALL P(_r)",
                                      "PROCEDURE P(RECORD NOALIAS (SD.Meter) _p)\n_p[1]^Id := 1\nCALL P(_p)\nEND P\n"),
    "two that call each other": script("CALL P", "PROCEDURE P\nCALL Q\nEND P\nPROCEDURE Q\nCALL P\nEND Q\n"),
    "text doubling": script("DO_LOOP\n_t := _t + _t\nEND_LOOP"),
    "text doubling by a function": script("DO_LOOP\n_t := %StrRepeat(_t, 2)\nEND_LOOP"),
    "text by replacement": script("DO_LOOP\n_t := %StrReplace(_t, \"x\", \"xx\")\nEND_LOOP"),
    "texts in rows": script("REDIM _r[10000]\nFOR _i RANGE _r DO_LOOP\n_r[_i]^Name := %StrRepeat(\"y\", 100000)\nEND_LOOP"),
    "texts shared by rows": script("REDIM _r[9999]\n_t := %StrRepeat(\"y\", 99999)\nFOR _i RANGE _r DO_LOOP\n_r[_i]^Name := _t\nEND_LOOP"),
    "rows": script("DO_LOOP\nREDIM _r[_r\\DIM * 2]\nEND_LOOP"),
    "rows at once": script("REDIM _r[9223372036854775807]"),
    "rows, caught": script("ON ERROR OFF\nDO_LOOP\nREDIM _r[1000000]\nREDIM _s[1000000]\nEND_LOOP"),
    "rows inserted into themselves": script("DO_LOOP\nINSERT _r, 1, _r\nEND_LOOP"),
    "rows inserted in front": script("DO_LOOP\nINSERT _r, 1, _s[1]\nEND_LOOP"),
    "records handed over": script("REDIM _r[100000]\nDO_LOOP\nCALL P(_r)\nEND_LOOP",
                                  "PROCEDURE P(RECORD NOALIAS (SD.Meter) _p)\n_p[1]^Id := 2\nEND P\n"),
    "repeat": script("_t := %StrRepeat(\"abc\", 9223372036854775807)"),
    "pad": script("_t := %LPad(_t, 9223372036854775807, \"€\")"),
    "zeros": script("_t := %Left0(7, 9223372036854775807)"),
    "token far away": script("_t := %TokenPut(\"\", \"ab\", 9223372036854775807, \"x\")"),
    "tokens in a loop": script("_t := %StrRepeat(\"a;\", 50000)\nDO_LOOP\n_u := %Token(_t, \";\", 49999)\nEND_LOOP"),
    "last position": script("_t := %StrRepeat(\"a\", 100000)\nDO_LOOP\n_a := %StrPosLast(_t, \"aaaaaaaaaaaaaaaab\")\nEND_LOOP"),
    "mask of stars": script("_t := %StrRepeat(\"a\", 100000)\n_b := %Like(_t, %StrRepeat(\"*a\", 40000) + \"b\")"),
    "mask of stars and signs": script("_t := %StrRepeat(\"a\", 100000)\n_b := %Like(_t, \"*\" + %StrRepeat(\"?\", 50000) + \"b\")"),
    "format": script("_t := %FormatNum(1.0E300, %StrRepeat(\"# \", 50000))"),
    "random numbers": script("DO_LOOP\n_a := %RndInt(-9223372036854775792, 9223372036854775807)\nEND_LOOP"),
    "messages": script("DO_LOOP\nLOG \"x\"\nEND_LOOP"),
    "waiting": script("DO_LOOP\nDELAY 0\nEND_LOOP"),
    "objects": script("DO_LOOP\nU.Count := 1\nEND_LOOP"),
    "rounding": script("DO_LOOP\n_x := %Round(1.7976931348623157E308, 15)\nEND_LOOP"),
    "times": script("DO_LOOP\n_t := %TimeToStr(%Now(), \"hh:mi:ss dd-mm-yyyy\")\nEND_LOOP"),
    "upper case": script("_t := %StrRepeat(\"ß\", 100000)\nDO_LOOP\n_t := %Upper(_t)\nEND_LOOP"),
    "sum of texts": script("DO_LOOP\n_t := _t + \"€\"\nEND_LOOP"),
    "invalid counter": script("FOR _i = 1 TO 3 DO_LOOP\n_i := %Invalid()\nEND_LOOP"),
    "power": script("DO_LOOP\n_x := %Power(2, 1024)\nEND_LOOP"),
}


def bombs() -> Iterator[Bomb]:
    for name, make in COMPILED.items():
        for size in SIZES:
            yield Bomb(f"{name} {size}", make(size))
    for name, text in RUNNING.items():
        yield Bomb(name, text)
        yield Bomb(f"{name}, in a procedure", in_a_procedure(text))


def in_a_procedure(text: str) -> str:
    """The same with its body in a procedure: registers of a frame instead of globals."""
    head, body = text.split("BEGIN\n", 1)
    body = body.removesuffix("END\n")
    return f"{head}PROCEDURE Body\n{body}END Body\nBEGIN\nCALL Body\nEND\n"
