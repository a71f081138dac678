"""The samples of the language's description: which compile, where they run, what the others wait for.

    samples/*.esl            run by themselves, as the scripts of `language/`
    samples/pictures/*.esl   run in a picture that the head comments describe, with the events of `; do:` lines
    samples/system/*.esl     events, saved into a running system (tests/proc/test_events.py)
    samples/later/*.esl      use what does not exist yet: each of their errors names it

Head comments beside those of `scripts`: `; refs: BtnGo, Lbl`, `; variables: _shown INT`; `; event: server`, `; parent: AUX.EVH`,
`; after: S08` (saved before). `python -m esl.samples` (in tests/) writes docs/esl/samples.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hisee.esl import ObjectContext, ObjectEntry, compile_source
from hisee.esl.diagnostics import Diagnostic

from . import vectors
from .directory import ENTRIES, SOURCES, Names
from .scripts import HERE, expectations

PAGE = HERE.parents[1] / "docs/esl/samples.md"
FOLDERS = {"": "by itself", "pictures": "in a picture", "system": "in a system", "later": "-"}
HEAD = re.compile(r"^; (refs|variables|event|parent|after): (.*)$", re.M)
PALLET = [("note", "TEXT"), ("state", "INT")]
TICKET = [("id", "INT"), ("plate", "TEXT"), ("closed", "INT")]
SILO = [("Level", "REAL"), ("FeedOn", "BOOL")]
MORE = [
    *(ObjectEntry(f"U.{name}", 700 + i, "user", "INT") for i, name in enumerate(("Hour", "HandoverCode", "LastTicket"))),
    ObjectEntry("SD.Pallet", 710, "structure", columns=PALLET), ObjectEntry("SD.Ticket", 711, "structure", columns=TICKET),
    ObjectEntry("SD.Sample", 712, "structure", columns=[("temp", "REAL"), ("flags", "INT")]),
    ObjectEntry("SD.Pump", 713, "structure", columns=[("Run", "BOOL")]), ObjectEntry("SD.Silo", 714, "structure", columns=SILO),
    ObjectEntry("SV.Pump", 720, "structured", structure="SD.Pump", columns=[("Run", "BOOL")], rows=2),
    ObjectEntry("SV.Silo", 721, "structured", structure="SD.Silo", columns=SILO, rows=2),
    ObjectEntry("TB.Tickets", 722, "table", structure="SD.Ticket", columns=TICKET, key=["id"]),
    *(ObjectEntry(name, 730 + i, "event", access="") for i, name in enumerate(("E.S08", "E.Square", "E.Packer", "E.Service"))),
    ObjectEntry("SRV1.EVH", 740, "process", "INT"), ObjectEntry("AUX.EVH", 741, "process", "INT"),
    ObjectEntry("S.ServiceHours", 750, "picture", access=""), ObjectEntry("S.Handover", 751, "picture", access=""),
    ObjectEntry("DB.Yard", 760, "database", "INT"), ObjectEntry("DB.Ledger", 761, "database", "INT"),
    ObjectEntry("H.ColdRoomTemp", 770, "historical_value", "REAL"), ObjectEntry("H.ColdRoomTempAvg", 771, "historical_value", "REAL"),
    ObjectEntry("AL.SiloGate", 772, "alarm", "INT"),
]


class Plant(Names):
    """The system that the samples speak of."""

    def __init__(self) -> None:
        super().__init__([*ENTRIES, *MORE])

    def source(self, name: str) -> tuple[str, str] | None:
        notice = "RPC PROCEDURE Notify(IN TEXT _text)\nEND Notify\n"
        return ("interface", notice) if name.lower() == "i.notice" else SOURCES.get(name.lower())


@dataclass(frozen=True)
class Sample:
    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def folder(self) -> str:
        return self.path.parent.name if self.path.parent.name in FOLDERS else ""

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def what(self) -> str:
        """Its first line, without the sign of a comment."""
        return self.text.split("\n", 1)[0].lstrip("; ")

    @property
    def head(self) -> dict[str, str]:
        return dict(HEAD.findall(self.text))

    @property
    def kind(self) -> str:
        return {"pictures": "picture", "system": "event"}.get(self.folder, expectations(self.text).kind)

    @property
    def refs(self) -> dict[str, int]:
        return {name.strip(): number for number, name in enumerate(self.head.get("refs", "").split(","), 1) if name.strip()}

    @property
    def variables(self) -> list[tuple[str, str]]:
        pairs = [entry.split() for entry in self.head.get("variables", "").split(",") if entry.strip()]
        return [(name, kind) for name, kind in pairs]

    def context(self) -> ObjectContext:
        return ObjectContext(self.kind, refs=self.refs, variables=self.variables, directory=Plant())

    def compiled(self) -> tuple[bytes, list[Diagnostic]]:
        """The unit, b"" when it has errors, and the errors."""
        done = compile_source(self.text, name=f"E.{self.name}", context=self.context(), part=expectations(self.text).part)
        return done.unit, [d for d in done.diagnostics if d.severity == "error"]


def samples() -> list[Sample]:
    found = [Sample(path) for folder in FOLDERS for path in (HERE / "samples" / folder).glob("*.esl")]
    return sorted(found, key=lambda s: s.name)


def in_system() -> list[Sample]:
    """Those of a running system, each behind those that it needs."""
    left, ordered = [s for s in samples() if s.folder == "system"], list[Sample]()
    while left:
        done = {s.name for s in ordered}
        ordered += [s for s in left if s.head.get("after", "") in ("", *done)]
        left = [s for s in left if s not in ordered]
    return ordered


def missing(found: Iterable[Diagnostic]) -> list[str]:
    """What the errors say does not exist yet; an error of another kind is no such thing and is told whole."""
    def told(finding: Diagnostic) -> str:
        short = {"ESL1003": r" is not supported yet.*", "ESL2070": r" acts on an alarm.*"}.get(finding.code)
        if short is None:
            return f"{finding.code} line {finding.line}: {finding.message}"
        return re.sub(short, "", finding.message).replace("`", "")

    return list(dict.fromkeys(told(d) for d in found))


def row(sample: Sample) -> str:
    unit, errors = sample.compiled()
    waits = ", ".join(f"`{name}`" for name in missing(errors))
    return f"| {sample.name} | {sample.what} | {'yes' if unit else 'no'} | {FOLDERS[sample.folder]} | {waits} |"


def page() -> str:
    """docs/esl/samples.md."""
    rows = "\n".join(row(sample) for sample in samples())
    waiting = "\n".join(f"* `{line}`: waits for {why}" for why, line in vectors.waiting())
    return ("# Samples\n\nGenerated by `tests/esl/samples.py`: every sample of the description of the language, compiled by this version. "
            "S = language,\nL = library, P = pictures and system; the others are helpers. Those that run are checked line by line against "
            "what\nthey have to log.\n\n| sample | what it shows | compiles | runs | waits for |\n|---|---|---|---|---|\n"
            f"{rows}\n\n## Test vectors\n\n{len(vectors.read())} expressions with their values stand in `tests/esl/vectors.txt`, "
            f"and all are as they must be. Not yet possible:\n\n{waiting}\n")


if __name__ == "__main__":
    PAGE.write_text(page())
