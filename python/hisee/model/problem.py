"""What can be wrong with an application: file, key, value and the way out. Pure data; prints nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import msgspec

from hisee.errors import HiseeError, UsageError, one_line


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `code` is stable; `key` is the path inside the file (nodes.SRV1.processes[0].kind)."""

    code: str
    file: str
    text: str
    key: str = ""
    value: str = ""
    hint: str = ""
    line: int = 1
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line > 1 else self.file
        shown = f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"
        if self.value:
            shown += f" (is {self.value})"
        return one_line(f"{shown}; {self.hint}" if self.hint else shown)

    def diagnostic(self) -> dict[str, Any]:
        """The same in the shape of the compiler's diagnostics, for `hisee check` and the answer to a save."""
        message = f"{self.key}: {self.text}" if self.key else self.text
        if self.value:
            message += f" (is {self.value})"
        return {
            "code": self.code,
            "severity": self.severity,
            "file": self.file,
            "part": "",
            "line": self.line,
            "column": 1,
            "end_line": self.line,
            "end_column": 1,
            "message": message,
            "hint": self.hint,
            "notes": [],
        }


class ApplicationError(HiseeError):
    """The application folder, or what a save would make of it, is wrong. `problems` has every finding, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(p) for p in self.problems) or "the application is wrong")

    def __str__(self) -> str:
        return "\n".join(str(p) for p in self.problems)


class NoApplication(UsageError):
    """The folder is no application at all."""


class StoreError(HiseeError):
    """Base of everything the store refuses."""


class Findings:
    """Collects problems while an application is read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @property
    def errors(self) -> list[Problem]:
        return [p for p in self.problems if p.severity == "error"]

    def error(self, code: str, file: str, text: str, **more: Any) -> None:
        self.problems.append(Problem(code=code, file=file, text=text, **more))

    def warning(self, code: str, file: str, text: str, **more: Any) -> None:
        self.problems.append(Problem(code=code, file=file, text=text, severity="warning", **more))


def shown(value: object, limit: int = 60) -> str:
    """A value as a message quotes it: short, and never the whole of a long text."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def choose_from(word: str, known: Iterable[str]) -> str:
    """The hint after a wrong word: the nearest known one first, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1, 0.6)
    return f"did you mean {near[0]}?" if near else "known: " + ", ".join(names)


# Codes of problems; stable, because scripts of users filter by them.
BAD_FILE = "APP101"  # not TOML, not UTF-8, not SVG
BAD_KEY = "APP102"  # unknown key
BAD_VALUE = "APP103"  # wrong type or value
NO_FILE = "APP104"  # a file is missing
STRAY_FILE = "APP105"  # a file that is no part of its object
DOUBLE_NAME = "APP106"
BAD_NAME = "APP107"
NO_OBJECT = "APP108"  # names an object that does not exist or is of another kind
BAD_PROCESS = "APP109"
NOT_SERVED = "APP110"  # accepted, but not served in this release
BAD_PART = "APP111"
BAD_PORTS = "APP112"  # number lists that cannot work
BAD_TASKS = "APP113"  # tasks.py is no Python
BAD_GROUP = "APP114"  # a redundant group that cannot work
BAD_ACCESS = "APP115"  # access ranges that mean nothing
