"""What is fuzzed: a target takes bytes and must end with an answer, or with an error that it names.

To add one: a function from bytes to nothing that raises only what is a fault, seeds of inputs it understands, and a row in TARGETS.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from esl.directory import picture, plain
from esl.host import World
from esl.scripts import files
from hisee._core.cells import CellTable
from hisee._core.values import decode, encode
from hisee._core.vm import Script, Status, Unit, UnitRejected
from hisee.esl import compile_source

LIMITS = {"fuel_per_event": 200_000, "see_memory_bytes": 4 << 20, "record_rows": 10_000, "call_depth": 100}
MOST_ACTIONS = 200


@dataclass(frozen=True)
class Target:
    """`takes` raises when something is wrong; `of` names the modules whose edges are counted (library = those in C)."""

    name: str
    takes: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()


# source: lexer, parser, checker, code generator; what comes out must be a unit that the verifier takes
def source(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    done = compile_source(text, name="S.Fuzz", context=picture())
    assert done.ok is (not any(d.severity == "error" for d in done.diagnostics))
    if done.ok:
        Unit(done.unit)


def scripts() -> list[bytes]:
    return [path.read_bytes() for folder in ("language", "samples", "mistakes") for path in files(folder)]


# unit: the verifier refuses, or the VM runs it within its limits
def unit(data: bytes) -> None:
    try:
        taken = Unit(data)
    except UnitRejected:
        return
    runs(taken)


def runs(taken: Unit) -> None:
    """The init part and every procedure, with a host that answers nothing useful."""
    cells, variables = CellTable(), CellTable()
    variables.define(1, "INT")
    cells.define(101, "INT")
    try:
        script = Script(taken, cells, variables, LIMITS, World())
    except MemoryError:
        return
    script.start_init()
    ended(script)
    for index in range(1, min(len(taken.procedures), 8)):
        if script.status == Status.KILLED:
            break
        script.start(index, encode([]))
        ended(script)
    script.close()


def ended(script: Script) -> None:
    """A run takes at most its fuel; every action is answered with an empty reply."""
    for _ in range(MOST_ACTIONS):
        status = script.run(10_000)
        if status == Status.ACTION:
            script.complete(b"")
        elif status != Status.SLICE:
            return
    script.kill("enough")


@cache
def units() -> list[bytes]:
    made = (compile_source(data.decode(), name="S.Fuzz", context=plain()) for data in scripts())
    return [done.unit for done in made if done.ok]


# functions that read texts of others: a prepared script takes the text as an argument
def reading(expression: str, *, kind: str = "TEXT") -> Callable[[bytes], None]:
    """A target: `expression` over the texts _a and _b, which the input gives, parted by a zero byte."""
    @cache
    def prepared() -> Script:
        text = f"{kind} _x\nRPC PROCEDURE P(IN TEXT _a, IN TEXT _b)\n  _x := {expression}\nEND P\nBEGIN\nEND\n"
        done = compile_source(text, name="S.Fuzz", context=plain())
        assert done.ok, done.diagnostics
        script = Script(Unit(done.unit), None, None, None, World())
        script.start_init()
        ended(script)
        return script

    def takes(data: bytes) -> None:
        a, _, b = data.partition(b"\0")
        script = prepared()
        script.start(1, encode([a.decode("utf-8", "ignore"), b.decode("utf-8", "ignore")]))
        ended(script)
        assert script.status == Status.DONE, script.failure

    return takes


def both_ways(data: bytes) -> None:
    """What decodes is encoded again and decodes to the same bytes' values."""
    with contextlib.suppress(ValueError):
        values = decode(data)
        again = encode(values)
        assert encode(decode(again)) == again


TIMES = [b"10:00:00 31-01-2007\0hh:mi:ss dd-mm-yyyy", b"A2:30 25-10-2009\0hh:mi dd-mm-yyyy", b"951782399\0UNIX", b"-1\0UNIXMS",
         b"07/2/28 23:59:59.999\0yy/mm/dd hh:mi:ss.mss", b"25 01-01-2000\0hb dd-mm-rrrr", b"00:00:00 30-02-2001\0"]
NUMBERS = [b"-3.5E2\0.", b"9223372036854775807\0", b" 12 \0,", b"1,5\0,", b"0.000000000000000000000000000001\0# ##0.00",
           b"1e999999999999\0+0.0#", b"179769313486231570000\0,", b"FFFFFFFFFFFFFFFF\0" + b"0" * 30 + b"." + b"#" * 30]
CODED = [encode([]), encode([1, -1, 2.5, True, "Žofia"]), encode([False]), encode(["x" * 300, float("inf"), 2**63 - 1])]
# Regular expressions, JSON and XML get their rows here as `reading(...)` of the functions that take such texts.
TARGETS = {target.name: target for target in (
    Target("source", source, scripts, (b"IF ", b"THEN\n", b"ENDIF\n", b"END_LOOP\n", b"FOR _i = 1 TO 2 DO_LOOP\n", b":=", b"\\VLD",
                                       b"PROCEDURE P\n", b"END P\n", b"(", b")", b"\"", b"'", b"\xef\xbb\xbf", b"\xcc\x81")),
    Target("unit", unit, units, (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0", b"\x80", b"\x7f\xff")),
    Target("time", reading("%StrToTimeEx(_a, _b)", kind="TIME"), lambda: TIMES,
           (b"hh", b"mi", b"ss", b"mss", b"dd", b"mm", b"yyyy", b"rr", b"UNIX", b"A2", b"B2", b"tttt", b"ZZZZZ", b"-", b":")),
    Target("time_text", reading("%TimeToStrEx(%FromUnixMS(%StrToI(_a)), _b)"), lambda: TIMES, (b"hh", b"tttt", b"ZZZZZZ", b"hb")),
    Target("number", reading("%StrToR(_a, _b)", kind="REAL"), lambda: NUMBERS, (b"e", b"E-", b".", b"0" * 40, b"-", b"+")),
    Target("number_text", reading("%FormatNum(%StrToR(_a), _b) + %RToStr(%StrToR(_a), %StrToI(_b))"), lambda: NUMBERS,
           (b"#", b"0", b",", b".", b" ", b"+", b"e300")),
    Target("codec", both_ways, lambda: CODED, (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x07", b"\x0f", b"\x80")),
)}
