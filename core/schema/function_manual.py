"""The manual page of all functions, by section: docs/reference/functions.md. No table; generate.py calls `text`."""

from functions import FUNCTIONS, Function
from host_functions import FUNCTIONS as HOST

SECTIONS = {
    1: ("Value, validity, attributes", "What a value carries beside itself. `%IsValid` and the others of this section look at validity themselves."),
    2: ("Selection and comparison", ""),
    3: ("Mathematics", "Angles are radians. Functions over columns take a whole column of a local structure, `_r^Level`."),
    4: ("Bits", "Of INT, 64 bits, bit 0 is the lowest."),
    5: ("Conversions", ""),
    6: ("Text", "Positions count characters from 1. Expressions of the %Reg functions have the syntax of RE2 and need linear time."),
    7: ("Time", "`tz` is a name like `Europe/Bratislava` or an offset `+hh`, `-hh:mi`; empty = the zone of the process. Local functions count "
                "on the clock on the wall, Mono functions elapsed seconds; they differ on the two days a year when the clock is put on or back."),
    8: ("Objects and system", "An object is named by its number, `x\\HBJ`. What the server has to tell is waited for; changes of the configuration "
                              "are seen within 5 seconds."),
    9: ("Users and rights", "Nobody logs on to this system yet: every function answers as for nobody."),
    10: ("Run-time helpers", ""),
    11: ("Files", "Below the folder `files` of app.toml, section [scripts], and never outside: links are not followed. Without that folder "
                  "every function fails, `%FileError()` is 3. Paths have `/` or `\\` between names."),
    12: ("HTTP", "To the hosts that app.toml lists (`hosts`), redirects included. The script waits, others go on."),
    13: ("Encoding and cryptography", "Of the UTF-8 bytes of a text."),
    14: ("JSON", "A handle stands for an object or an array; what is put into another one is shared with it and outlives its parent. "
                 "null is an invalid value. Handles are freed with the script at the latest."),
    15: ("XML", "A handle for each document, and one for each element that was asked for. Neither entities nor document types are read."),
    16: ("Programs, reports, sound", "Only programs that app.toml lists by their absolute path (`programs`), never through a shell."),
}
TYPES = {"B": "BOOL", "I": "INT", "R": "REAL", "T": "TEXT", "TM": "TIME", "N": "number", "U": "value", "H": "HBJ", "C": "column", "-": ""}
HEAD = """# Functions

Names are known in any case. An argument of another type is converted by the table of conversions; an argument that can be left out
shows its default. **number** is INT or REAL, and a result **number** is INT when all such arguments are; **value** is any simple type, **HBJ** the
number of an object (an INT).

One invalid argument makes the result invalid, with that argument's reason; functions marked **V** look at validity themselves. What a
function cannot do gives an invalid value with a reason (2 outside the range, 3 not convertible, 5 no data, 6 no communication), never an error, with
one exception: a handle that is not open raises `_ERR_NO_DATA`. A function may stand alone as an action; its result is dropped. The result's
time is the newest of its arguments, it is Weak when one of them is.

Marks: **V** as above; **waits**: the script waits while disk, network or a program work, other scripts go on. Fuel is
what a call costs; `+ bytes` adds one for 16 bytes of the TEXT arguments, `+ arguments` one for each.
"""


def default_text(value: object) -> str:
    if isinstance(value, bool):
        return "@TRUE" if value else "@FALSE"
    if isinstance(value, str):
        return '" \\t\\r\\n"' if value == " \t\r\n" else f'"{value}"'
    return str(value)


def signature(row: Function) -> str:
    shown = [p for p in row.parameters if row.letters[:1] != "C" or p[1] == "C"]
    parts = [f"{TYPES[kind]} {name}" + ("" if default is None else f" = {default_text(default)}") for name, kind, default in shown]
    if row.most > len(row.parameters):
        parts.append(f"... up to {row.most}")
    result = TYPES[row.result]
    return f"{result} {row.name}({', '.join(parts)})".strip()


def line(row: Function) -> str:
    marks = ", ".join(m for m, on in (("V", row.validity == "V"), ("waits", row.waits)) if on)
    fuel = f"{row.base}" + {"byte": " + bytes", "element": " + arguments"}.get(row.per, "")
    doc = row.doc + (f". Old: {', '.join(f'`{n}`' for n in row.old_names)}" if row.old_names else "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in (f"`{signature(row)}`", doc, marks, fuel)) + " |"


def text(note: str) -> str:
    out = [f"<!-- {note} -->", HEAD]
    rows = sorted([*FUNCTIONS, *HOST], key=lambda r: r.number)
    for number, (title, about) in SECTIONS.items():
        out += [f"## {title}", ""]
        if about:
            out += [about, ""]
        out += ["| function | meaning | marks | fuel |", "|---|---|---|---|", *[line(r) for r in rows if r.number // 100 == number], ""]
    return "\n".join(out)
