"""The allow-list of an agent: which programs it may start and how. Reads one TOML file; starts nothing.

    [programs.archive]
    argv = ["/usr/bin/rsync", "-a"]     # the program and its fixed arguments
    args = "append"                     # what a task hands over goes behind them; "none" = a task may hand over nothing
    cwd = "/srv/plant"                  # default: the agent's state folder
    env = {LANG = "C"}                  # beside the agent's own environment
    timeout_s = 600                     # longest run; the shorter one of this and the task's holds; 0 = none
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from hisee.errors import HiseeError, UsageError

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
NAMES_BYTES = 3_000  # all names travel in the agent's HELLO, one small frame
FORMS = ("append", "none")


class NotAllowed(HiseeError):
    """The task asks for something that the allow-list does not offer; nothing was started."""


class Program(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One row of the allow-list."""

    argv: list[str]
    args: str = "append"
    cwd: str = ""
    env: dict[str, str] = {}
    timeout_s: float = 0.0

    def command_line(self, args: Sequence[str]) -> list[str]:
        """The resolved command line, program as an absolute path. Raises NotAllowed."""
        if args and self.args == "none":
            raise NotAllowed("the program takes no arguments of a task", hint='args = "append" in the allow-list would let it')
        return [self.executable(), *self.argv[1:], *args]

    def executable(self) -> str:
        """Looked up at every start: a program may be installed while the agent runs. Raises NotAllowed."""
        found = shutil.which(self.argv[0], path=self.env.get("PATH", os.environ.get("PATH")))
        if found is None:
            raise NotAllowed(f"{self.argv[0]} is no program that this user may start", hint="install it or mend the allow-list")
        return os.path.abspath(found)

    def longest_s(self, wanted_s: float) -> float:
        """The shorter one of two limits, where 0 is none."""
        return min((limit for limit in (self.timeout_s, wanted_s) if limit > 0), default=0.0)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    programs: dict[str, Program]


def read_programs(path: Path) -> dict[str, Program]:
    """The allow-list in the file at `path`. Raises UsageError that names what is wrong in it."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text()), _File).programs
    except OSError as fault:
        raise UsageError(f"cannot read the allow-list {path} ({fault.strerror})", hint="--programs names a TOML file") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as fault:
        raise UsageError(f"allow-list {path}: {fault}", hint="docs/design/agent.md shows one") from fault
    _check(path, found)
    return found


def _check(path: Path, found: Mapping[str, Program]) -> None:
    for name, program in found.items():
        if not NAME.match(name):
            raise UsageError(f"allow-list {path}: {name!r} is no name of a program", hint="1 to 64 letters, digits, _ . -")
        if not program.argv or program.args not in FORMS:
            raise UsageError(f"allow-list {path}: program {name} needs argv, and args is one of {', '.join(FORMS)}")
    if sum(len(name) + 2 for name in found) > NAMES_BYTES:
        raise UsageError(f"allow-list {path}: the names of all programs are longer than {NAMES_BYTES} bytes", hint="use two agents")
