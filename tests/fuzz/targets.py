"""What is fuzzed: a target takes bytes and must end with an answer, or with an error that it names.

To add one: a function from bytes to nothing that raises only what is a fault, seeds of inputs it understands, and a row in TARGETS.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from esl.directory import picture, plain
from esl.host import World
from esl.scripts import files
from hisee._core.cells import CellTable
from hisee._core.values import Record, decode, encode
from hisee._core.vm import Script, Status, Unit, UnitRejected
from hisee.esl import compile_source
from hisee.schema import host_functions
from hisee.schema.host_functions import HostFnRow
from hisee.script.functions import Functions, Rules, Site
from hisee.script.functions.registry import Raised
from hisee.values import Invalid, Ref, Stamped, Time

from .seeds import units

LIMITS = {"fuel_per_event": 200_000, "see_memory_bytes": 4 << 20, "record_rows": 10_000, "call_depth": 100}
MOST_ACTIONS, MOST_CALLS = 200, 44
TIGHT = {"handles": 12, "json_items": 30, "json_depth": 4, "xml_bytes": 300, "xml_depth": 4, "text_chars": 200, "see_memory_bytes": 20_000}
FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


@dataclass(frozen=True)
class Target:
    """`takes` raises when something is wrong; `module`: files whose branches are counted, masks below the root."""

    name: str
    takes: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    module: tuple[str, ...] = ()


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


class Owner:
    """The instance that functions of the host belong to."""

    name, object, number, console, database_error = "WS1.HIS", "S.Fuzz", 1, 0, (0, "")
    script = None


def played(*prefixes: str) -> Callable[[bytes], None]:
    """A target: a text, a zero byte, and bytes that say what is done with it. Two bytes are one call of a function of these sections: which
    one, and what with. A function may raise an error of the script, nothing else."""
    rows = [row for row in host_functions.ROWS if row.name.startswith(prefixes)]

    def takes(data: bytes) -> None:
        head, _, calls = data.partition(b"\0")
        text = head.decode("utf-8", "ignore")
        functions, given = Functions(site(), Owner()), Given(text)
        for at in range(0, min(len(calls) - 1, MOST_CALLS), 2):
            row = rows[calls[at] % len(rows)]
            with contextlib.suppress(Raised):
                result = functions.call(row.number, given.arguments(row, calls[at + 1]))
                encode([result])
                given.handles += [result] if row.result == "I" and isinstance(result, int) and result > 0 else []
        functions.close()

    return takes


@cache
def site() -> Site:
    """With a folder of its own for what is saved."""
    FOLDERS.append(tempfile.TemporaryDirectory(prefix="hisee-fuzz-"))
    return Site(rules=Rules(files=FOLDERS[0].name), limits=TIGHT)


class Given:
    """Arguments of calls: the text and pieces of it, handles that calls have given, small numbers."""

    def __init__(self, text: str) -> None:
        self.texts = [text, *[piece for sign in '"</' for piece in text.split(sign)[1:4]], "a", "", "a/b[1]", "\\1", "\u0001"]
        self.handles = [0, 1, 2]

    def arguments(self, row: HostFnRow, choice: int) -> list[Any]:
        """The first text is mostly the whole one."""
        count = row.least + choice % (row.most - row.least + 1)
        return [self.argument(row.parameters[min(i, len(row.parameters) - 1)][1], choice + i * 7, i) for i in range(count)]

    def argument(self, letter: str, choice: int, place: int) -> Any:
        if letter == "T":
            return self.texts[0 if choice % 3 == 0 else choice % len(self.texts)]
        if letter == "I":
            return self.handles[-1 - choice % len(self.handles)] if place == 0 else choice % 5 - 1
        return bool(choice & 1) if letter == "B" else (self.texts[1], choice, 2.5, True, Time(choice << 54), Invalid(1))[choice % 6]


def plays(texts: tuple[bytes, ...], *openings: bytes) -> Callable[[], list[bytes]]:
    """Each text with several ways to play with it: after an opening a stretch of all functions, with other arguments each time."""
    stretches = [bytes(byte for at in range(first, first + 10) for byte in (at, at * 37 * turn % 256)) for turn in (0, 1, 3)
                 for first in range(0, 38, 8)]
    growing = b'x"' + b"y" * 62_000 + b"\0\5\0" + b"\x09\4" * 20  # one field of 62,000 characters after the other
    return lambda: [growing] + [text + b"\0" + opening + stretch for text in texts for opening in openings for stretch in stretches]


def both_ways(data: bytes) -> None:
    """What decodes is encoded again and decodes to the same bytes' values."""
    with contextlib.suppress(ValueError):
        values = decode(data)
        again = encode(values)
        assert encode(decode(again)) == again


TIMES = [b"10:00:00 31-01-2007\0hh:mi:ss dd-mm-yyyy", b"A2:30 25-10-2009\0hh:mi dd-mm-yyyy", b"951782399\0UNIX", b"-1\0UNIXMS",
         b"07/2/28 23:59:59.999\0yy/mm/dd hh:mi:ss.mss", b"25 01-01-2000\0hb dd-mm-rrrr", b"00:00:00 30-02-2001\0",
         b"Sunday, 25. 10. 2009\0tttt, dd. mm. rrrr", b"Su 1 +01\0tt dd ZZZ", b"Sun 70 +0130\0ttt rr ZZZZZ", b"12:30 -05:30\0hh:mi ZZZZZZ",
         b"B2:30 25-10-2009\0hh:mi dd-mm-yyyy", b"02:30 29-03-2009\0hh:mi dd-mm-yyyy", b"1 02:03:04\0hh", b"-0 00:00:05\0x", b"26:59:59\0"]
# Moments as milliseconds: summer, winter, the hour that comes twice, far away.
MOMENTS = [ms + b"\0" + mask for ms in (b"0", b"1256430600000", b"1256434200000", b"-62135596800000", b"253402300799999", b"x", b"-1")
           for mask in (b"hh:mi:ss dd-mm-yyyy", b"yy rr mss hb", b"tttt ttt tt", b"ZZZ ZZZZZ ZZZZZZ", b"UNIX", b"UNIXMS", b"MI", b"w", b"")]
NUMBERS = [b"-3.5E2\0.", b"9223372036854775807\0", b" 12 \0,", b"1,5\0,", b"0.000000000000000000000000000001\0# ##0.00",
           b"1e999999999999\0+0.0#", b"179769313486231570000\0,", b"FFFFFFFFFFFFFFFF\0" + b"0" * 30 + b"." + b"#" * 30]
RECORD = Record(203, ("INT", "TEXT", "REAL", "BOOL"), [[1, 2], ["a", Invalid(1)], [2.5, Invalid(4)], [True, Invalid(2)]])
CODED = [encode([]), encode([1, -1, 2.5, True, "Žofia"]), encode([False]), encode(["x" * 300, float("inf"), 2**63 - 1]), encode([RECORD]),
         encode([Stamped(5, Time(7), True), Stamped("a", Time(7), False), Stamped(2.5, Time(7), True)]), encode([Ref(101), Ref(204, 1, 2)]),
         encode([RECORD, Invalid(3), Time(1)]),
         encode([Invalid(n, kind) for n, kind in enumerate(("BOOL", "INT", "REAL", "TIME", "TEXT"), 1)])]
JSON = (
    b'{"a": [1, 2.5, null, true, {"b": "c"}], "d": {"e": []}, "f": "\\u00e9"}', b"[[], {}, [1]]", b'{"a": 1, "a": 2}', b"1e400", b"[" * 40,
    b"[[[[[1]]]]]", b"[" + b"1," * 40 + b"1]", b"[99999999999999999999, -1]",
    b'{"a": "' + b"x" * 180 + b'", "n": 99999999999999999999}',
)
XML = (
    b"<a x='1'><b>text</b><b id='7'/>tail</a>", b"<a><!-- c --><?p q?><b><c/></b></a>", b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", b"<a",
    b"<a><b><c><d><e/></d></c></b></a>",
    b"<a>" + b"x" * 280 + b"</a>",
)
REGULAR = (b"(a+)+b", b"^(\\w+)\\s*=\\s*([0-9]{1,3})$", b"[^\"]*(\"|$)", b"\\1", b"(?i)x|y|(z)", b"(" * 30)
TARGETS = {target.name: target for target in (
    Target("source", source, scripts, (b"IF ", b"THEN\n", b"ENDIF\n", b"END_LOOP\n", b"FOR _i = 1 TO 2 DO_LOOP\n", b":=", b"\\VLD",
                                       b"PROCEDURE P\n", b"END P\n", b"(", b")", b"\"", b"'", b"\xef\xbb\xbf", b"\xcc\x81"),
           ("python/hisee/esl/front/*.py", "python/hisee/esl/unit.py")),
    Target("unit", unit, units, (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0", b"\x80", b"\x7f\xff")),
    Target("time", reading("%StrToTimeEx(_a, _b)", kind="TIME"), lambda: TIMES,
           (b"hh", b"mi", b"ss", b"mss", b"dd", b"mm", b"yyyy", b"rr", b"UNIX", b"A2", b"B2", b"tttt", b"ZZZZZ", b"-", b":")),
    Target("time_text", reading("%TimeToStrEx(%FromUnixMS(%StrToI(_a)), _b)"), lambda: MOMENTS, (b"hh", b"tttt", b"ZZZZZZ", b"hb")),
    Target("number", reading("%StrToR(_a, _b)", kind="REAL"), lambda: NUMBERS, (b"e", b"E-", b".", b"0" * 40, b"-", b"+")),
    Target("number_text", reading("%FormatNum(%StrToR(_a), _b) + %RToStr(%StrToR(_a), %StrToI(_b))"), lambda: NUMBERS,
           (b"#", b"0", b",", b".", b" ", b"+", b"e300")),
    Target("regex", played("%Reg"), plays(REGULAR, b""), (b"(", b")", b"*", b"+?", b"{2,}", b"[^", b"\\d", b"|", b"(?P<n>", b"\\1"),
           ("python/hisee/script/functions/on_text.py",)),
    Target("json", played("%JSON_"), plays(JSON, b"", b"\0\0", b"\1\0", b"\5\0\7\0\x0a\0"),
           (b"{", b"}", b"[", b"]", b'"a":', b"null", b"1e9", b"\\u0000", b","),
           ("python/hisee/script/functions/on_json.py", "python/hisee/script/functions/documents.py")),
    Target("xml", played("%XML_"), plays(XML, b"", b"\2\0\6\0", b"\0\4\6\0\x10\4\x10\4"),
           (b"<a>", b"</a>", b"<![CDATA[", b"]]>", b"&lt;", b"<!DOCTYPE", b" x='1'", b"/>"),
           ("python/hisee/script/functions/on_xml.py",)),
    Target("codec", both_ways, lambda: CODED, (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x07", b"\x0f", b"\x80")),
)}
