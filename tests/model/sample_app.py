"""A small application on disk, and a compiler that is quick to predict: any line with ERROR is one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

APP = """\
name = "plant"
version = "1.2.0"
time_zone = "Europe/Bratislava"
port = 0

[nodes.SRV1]
processes = [ {kind="server"}, {kind="cp"}, {kind="dbm"}, {kind="event", args=["--SES_REMOTE"]} ]

[nodes.WS1]
host = "127.0.0.1"
link = {rtt_ms = 5, jitter_ms = 0.0, kbit_s = 0}
processes = [ {kind="hip", name="WS1", web_port=0} ]

[limits]
see_memory_bytes = 1000000
"""

OBJECTS = """\
# everything that is not drawn

# how often the button was pressed
["U.Count"]
type = "user_variable"
value_type = "INT"
initial = 0

["SD.Meter"]
type = "structure_definition"
columns = [
  ["Id", "INT"],
  ["Name", "TEXT"],
]

["SV.Meters"]
type = "structured_variable"
definition = "SD.Meter"
rows = 3

["DB.Plant"]
type = "database"
url = "sqlite:///plant.db"

["T.Meter"]
type = "table"
database = "DB.Plant"
table = "meter"
structure = "SD.Meter"
key = ["Id"]
access = "modify"
"""

PICTURE = """\
server_script = true
variables = [["_selected", "INT"]]
[objects.BtnGo]
kind = "button"
[objects.Lbl]
kind = "text"
bind = "U.Count"
"""

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><rect id="BtnGo"/><text id="Lbl"/></svg>\n'
LOCAL = "; local\r\nENTRY OnUserInput(IN INT _r)\nEND OnUserInput\n"
REMOTE = "; remote\nRPC PROCEDURE Inc(INT _n)\n  _n := _n + 1\nEND Inc\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return root


@dataclass
class FakeDiagnostic:
    name: str
    part: int
    line: int
    text: str

    def to_json(self) -> dict[str, object]:
        return {
            "code": "ESL1000",
            "severity": "error",
            "file": self.name,
            "part": self.part,
            "line": self.line,
            "column": 1,
            "end_line": self.line,
            "end_column": 2,
            "message": self.text,
            "hint": "",
            "notes": [],
        }


@dataclass
class FakeCompiled:
    ok: bool = True
    units: dict[int, bytes] = field(default_factory=dict)
    diagnostics: list[FakeDiagnostic] = field(default_factory=list)
    handlers: dict[int, list[str]] = field(default_factory=dict)
    objects: dict[int, list[str]] = field(default_factory=dict)


def fake_compile(name, parts, context):
    """A unit is the digest of its text; names after `uses` are looked up in the directory."""
    done = FakeCompiled()
    for part, text in parts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if "ERROR" in line and not line.lstrip().startswith(";"):
                done.diagnostics.append(FakeDiagnostic(name, part, number, line))
            if line.startswith("uses "):
                entry = context.directory.object(line[5:])
                if entry is None:
                    done.diagnostics.append(FakeDiagnostic(name, part, number, f"no object {line[5:]}"))
                else:
                    done.objects.setdefault(part, []).append(entry.name)
        done.units[part] = hashlib.sha256(f"{text}{context.variables}".encode()).digest()
        done.handlers[part] = [w.split("(")[0] for line in text.splitlines() for w in line.split()[1:2] if line.startswith("ENTRY")]
    done.ok = not done.diagnostics
    return done
