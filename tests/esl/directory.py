"""A small system for the scripts of these tests: objects, structures, a table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hisee.esl import ObjectContext, ObjectEntry
from hisee.esl.context import Foreign
from hisee.external.declaration import declared

TANK = [("Name", "TEXT"), ("Level", "REAL"), ("Full", "BOOL"), ("Src", "Object")]
WIDE = [(f"C{n}", "INT") for n in range(1, 301)]  # more columns than one byte counts
METER = [("Id", "INT"), ("Name", "TEXT"), ("Reading", "REAL")]
INFO = [("Id", "INT"), ("Name", "TEXT"), ("Desc", "TEXT"), ("Type", "INT"), ("Rows", "INT"), ("Cols", "INT"), ("Parent", "INT")]


def foreign(name: str, hbj: int, library: str, declaration: str, seconds: float | None = None) -> ObjectEntry:
    """An external function of a library that every computer has."""
    found = declared(declaration)
    return ObjectEntry(name, hbj, "external_function", access="r",
                       foreign=Foreign(library, declaration, found.name, found.parameters, found.result, seconds))


ENTRIES = [
    ObjectEntry("U.Count", 101, "user", "INT"),
    ObjectEntry("U.Level", 102, "user", "REAL"),
    ObjectEntry("U.Note", 103, "user", "TEXT"),
    ObjectEntry("U.Enable", 104, "user", "BOOL"),
    ObjectEntry("U.When", 105, "user", "TIME"),
    ObjectEntry("U.Fixed", 106, "user", "INT", access="r"),
    ObjectEntry("SD.Tank", 201, "structure", columns=TANK),
    ObjectEntry("SV.Tanks", 202, "structured", structure="SD.Tank", columns=TANK, rows=3),
    ObjectEntry("SD.Meter", 203, "structure", columns=METER),
    ObjectEntry("SV.Meters", 204, "structured", structure="SD.Meter", columns=METER, rows=2),
    ObjectEntry("DBT.Meters", 205, "table", structure="SD.Meter", columns=METER, key=["Id"]),
    ObjectEntry("SD.Wide", 210, "structure", columns=WIDE),
    ObjectEntry("SV.Wide", 211, "structured", structure="SD.Wide", columns=WIDE, rows=2),
    ObjectEntry("ONE.SES", 303, "process", "INT"),
    ObjectEntry("SD.Info", 206, "structure", columns=INFO),
    ObjectEntry("SD.InfoEx", 207, "structure", columns=[*INFO, ("When", "TIME"), ("Who", "TEXT")]),
    ObjectEntry("WS1.HIP", 301, "process", "INT"),
    ObjectEntry("E.Counter", 302, "event", access=""),
    foreign("X.Hypot", 501, "libm.so.6", "double hypot(double x, double y);"),
    foreign("X.Root", 502, "libm.so.6", "double sqrt(double x);"),
    foreign("X.Length", 503, "libc.so.6", "size_t strlen(const char *text);"),
    foreign("X.Find", 504, "libc.so.6", "char *strstr(const char *text, const char *part);"),
    foreign("X.Abs", 505, "libc.so.6", "int abs(int x);", 5.0),
    foreign("X.Seed", 506, "libc.so.6", "void srand(unsigned seed);"),
    foreign("X.Raise", 507, "libc.so.6", "int raise(int signal);"),
    foreign("X.Exit", 508, "libc.so.6", "void exit(int status);"),
    foreign("X.Absent", 509, "libc.so.6", "int hisee_has_no_such_function(void);"),
]


SOURCES = {
    "e.avg": ("unit", (Path(__file__).parent / "samples/E.Avg.unit").read_text()),
    "e.nested": ("unit", "UNIT (E.Avg) _inner\nINT _calls\nPUBLIC PROCEDURE Add(IN REAL _v, REAL _m)\n  _calls := _calls + 1\n"
                 "  CALL [_inner] Put(_v)\n  CALL [_inner] Mean(_m)\nEND Add\nPUBLIC PROCEDURE Calls(INT _n)\n  _n := _calls\n"
                 "END Calls\nBEGIN\n  CALL [_inner] Clear\n  _calls := 0\nEND\n"),
    "e.own": ("unit", "UNIT (E.Own) _u\n"),
    "e.bad": ("unit", "INT _a\n\nBEGIN\n  _b := 1\nEND\n"),
    "e.counter": ("event", ""),
    "i.notify": ("interface", "RPC PROCEDURE Notify(IN TEXT _text, INT _n)\nEND Notify\nRPCX PROCEDURE Ping\nEND Ping\n"),
    "e.filter": ("unit", ""),
    "i.empty": ("interface", ""),
    "i.msg": ("interface", "RPC PROCEDURE Add(IN INT _n)\nEND Add\nRPC PROCEDURE [_h, TC_B] Attach(IN INT _n)\nEND Attach\n"),
    "i.bad": ("interface", "INT _a\nRPC PROCEDURE P\n  LOG \"x\"\nEND P\n"),
}


class Names:
    """A Directory over a list of entries."""

    def __init__(self, entries: Iterable[ObjectEntry] = ENTRIES) -> None:
        self._entries = {e.name.lower(): e for e in entries}

    def object(self, name: str) -> ObjectEntry | None:
        return self._entries.get(name.lower())

    def source(self, name: str) -> tuple[str, str] | None:
        return SOURCES.get(name.lower())

    def names(self) -> Iterable[str]:
        return [e.name for e in self._entries.values()]


REFS = {"BtnGo": 1, "Lbl": 2, "Btn_Two": 3}
VARIABLES = [("_selected", "INT"), ("_title", "TEXT")]


def picture(**changes: object) -> ObjectContext:
    """An active picture with two buttons and a label."""
    return ObjectContext("picture", **{"refs": REFS, "variables": VARIABLES, "directory": Names(), **changes})  # type: ignore[arg-type]


def plain() -> ObjectContext:
    """A single script in a system."""
    return ObjectContext("script", directory=Names())


def event() -> ObjectContext:
    return ObjectContext("event", directory=Names())


def unit() -> ObjectContext:
    return ObjectContext("unit", directory=Names())


def interface() -> ObjectContext:
    return ObjectContext("interface", directory=Names())

