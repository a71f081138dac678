"""Start parameters of process programs: one parser for the original spelling (/SSRV1) and the GNU one, driven by the table.

It only reads the command line: it opens nothing and connects to nothing. Which rows exist and who takes them stands in
core/schema/parameters.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hisee.config import DATA_VARIABLE
from hisee.errors import UsageError
from hisee.parameters import StartParameters
from hisee.schema.parameters import ROWS, ParameterRow

HELP_WORDS = {"/?", "/h", "/H", "-h", "--help"}
NAME = re.compile(r"[A-Za-z0-9_]{1,64}\Z")
INSTANCE = re.compile(r"[1-9][0-9]{0,2}\Z")
WITH_INSTANCES = ("event", "dbm")
GROUPS = ("group_multicast", "group_list", "group_list_rs")


@dataclass(slots=True)
class _Found:
    """Values met so far: field -> value, and the spelling in which each was given."""

    values: dict[str, str | bool] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    lists: dict[str, list[str]] = field(default_factory=dict)
    spelling: dict[str, str] = field(default_factory=dict)


def wants_help(argv: Sequence[str]) -> bool:
    """True if any word asks for the list of parameters; all others are then ignored (R10)."""
    return any(word in HELP_WORDS for word in argv)


def parse_start(command: str, argv: Sequence[str], environ: Mapping[str, str] | None = None) -> StartParameters:
    """Read `argv` of process command `command`. Raises UsageError that names the parameter which is unknown, wrong or
    contradicts another one."""
    found = _Found()
    words = list(argv)
    while words:
        _take(command, words, found)
    _check_contradictions(command, found)
    return _build(command, found, tuple(argv), environ or {})


def rows_of(command: str) -> list[ParameterRow]:
    """Rows that `command` takes, in the order of the table."""
    return [row for row in ROWS if command in row.commands.split()]


def help_text(command: str) -> str:
    """The parameters valid for `command`, one line each, as `/?` prints them."""
    lines = [f"hisee {command}: start parameters", ""]
    for row in rows_of(command):
        lines.append(f"  {_original(row):<14}{_gnu(row):<24}{row.doc}")
    return "\n".join(lines)


def _original(row: ParameterRow) -> str:
    sign = {"text": "<text>", "names": "<name>"}.get(row.value, "")
    return row.original + sign if row.original else ""


def _gnu(row: ParameterRow) -> str:
    return f"{row.gnu} {row.value.upper().removesuffix('S')}" if row.gnu and row.value != "switch" else row.gnu


def _take(command: str, words: list[str], found: _Found) -> None:
    """Move one parameter from the front of `words` into `found`."""
    word = words.pop(0)
    gnu, equals, attached = word.partition("=")
    for row in rows_of(command):
        if row.value == "switch" and word in (row.original, row.gnu):
            return _store(command, row, word, True, found)
        if row.gnu and row.value != "switch" and gnu == row.gnu:
            if not equals and not words:
                raise UsageError(f"start parameter {word} has no value", hint=_way_out(command))
            return _store(command, row, word if equals else f"{word} {words[0]}", attached if equals else words.pop(0), found)
    prefixed = _by_prefix(command, word)
    if prefixed is None:
        raise UsageError(f"unknown start parameter {word}", hint=_way_out(command))
    return _store(command, prefixed, word, word[len(prefixed.original):], found)


def _by_prefix(command: str, word: str) -> ParameterRow | None:
    """The row whose original prefix starts `word`, the longest first: /RDx is a group, not an unknown /R."""
    rows = [r for r in rows_of(command) if r.original.startswith("/") and r.value != "switch"]
    rows.sort(key=lambda r: -len(r.original))
    return next((r for r in rows if word.upper().startswith(r.original)), None)


def _store(command: str, row: ParameterRow, word: str, value: str | bool, found: _Found) -> None:
    if value == "":
        raise UsageError(f"start parameter {word} has no value", hint=f"it means: {row.doc}")
    if row.value == "names":
        return _store_name(command, word, str(value), found)
    if row.value == "names_list":
        found.lists.setdefault(row.name, []).append(str(value))
        return None
    if row.name in found.values and found.values[row.name] != value:
        raise UsageError(f"start parameters {found.spelling[row.name]} and {word} contradict each other", hint="give one")
    found.values[row.name] = value
    found.spelling[row.name] = word
    return None


def _store_name(command: str, word: str, value: str, found: _Found) -> None:
    plain, comma, instance = value.partition(",")
    if not NAME.match(plain):
        raise UsageError(f"start parameter {word}: {plain!r} is no name", hint="1 to 64 letters, digits and _")
    name = f"[{_instance(command, word, instance)}]_{plain}" if comma else plain
    if name in found.names:
        raise UsageError(f"start parameter {word} is given twice", hint="each console has its own name")
    found.names.append(name)
    found.spelling["names"] = word


def _instance(command: str, word: str, text: str) -> int:
    """The number behind the comma of /WNAME,2: several processes of one name, each an instance (R12)."""
    if command not in WITH_INSTANCES:
        raise UsageError(f"start parameter {word}: `hisee {command}` has no instances", hint=f"{' and '.join(WITH_INSTANCES)} have")
    if not INSTANCE.match(text):
        raise UsageError(f"start parameter {word}: {text!r} is no instance number", hint="1 to 999, as in /WNAME,2")
    return int(text)


def _check_contradictions(command: str, found: _Found) -> None:
    for row in rows_of(command):
        for other in row.excludes.split():
            if row.name in found.values and other in found.values:
                one, two = found.spelling[row.name], found.spelling[other]
                raise UsageError(f"start parameters {one} and {two} contradict each other", hint="give one")
    if len(found.names) > 1 and (command != "hip" or "consoles" in found.values):
        raise UsageError(f"start parameter {found.spelling['names']}: only one name fits here", hint="remove the others")
    _check_role(command, found)


def _check_role(command: str, found: _Found) -> None:
    """An SES needs one server (R16); without its switches the program is an event handler (R13); consoles alone follow a group."""
    group = next((found.spelling[g] for g in GROUPS if g in found.values), "")
    is_ses = "ses_remote" in found.values or "ses_local" in found.values
    if is_ses and group:
        raise UsageError(f"start parameter {group}: an SES follows no group", hint="an SES needs /S with the name of one server")
    if group and command != "hip":
        raise UsageError(f"start parameter {group}: `hisee {command}` stays with one server", hint="name it with /S")
    if found.lists.get("members") and not {"group_list", "group_list_rs"} & set(found.values):
        raise UsageError("start parameter --member lists servers of a group, and none is named", hint="/RFNAME")


def _build(command: str, found: _Found, argv: tuple[str, ...], environ: Mapping[str, str]) -> StartParameters:
    values = found.values
    data = values.get("data") or environ.get(DATA_VARIABLE)
    return StartParameters(
        command=command, kind=_kind(command, values), argv=argv, names=_names(found),
        server=str(values.get("server", "")), group=str(next((values[g] for g in GROUPS if g in values), "")),
        multicast="group_multicast" in values, members=tuple(found.lists.get("members", ())),
        node=str(values.get("node", "")), listen=str(values.get("listen", "")),
        data=Path(str(data)) if data else None, app=_path(values, "app"), programs=_path(values, "programs"), state=_path(values, "state"),
        ses_remote="ses_remote" in values, ses_local="ses_local" in values, relay="relay" in values, plane="plane" in values,
        cold="cold" in values, dialog="dialog" in values,
        port=_number(found, "port", 65_535), web_port=_number(found, "web_port", 65_535),
        ready_fd=_number(found, "ready_fd", 2**20), heap=_number(found, "heap", 2**20), threads=_number(found, "threads", 1000),
        services=Path(str(values["services"])) if "services" in values else None,
        debug_on=tuple(found.lists.get("debug_on", ())), debug_off=tuple(found.lists.get("debug_off", ())),
    )


def _path(values: Mapping[str, str | bool], name: str) -> Path | None:
    return Path(str(values[name])) if name in values else None


def _kind(command: str, values: Mapping[str, object]) -> str:
    event = "SES" if "ses_remote" in values or "ses_local" in values else "EVH"
    return {"server": "KNL", "event": event}.get(command, command.upper())


def _names(found: _Found) -> tuple[str, ...]:
    """Own names; `--consoles 3` after /WWS1 makes WS1, WS2, WS3."""
    count = _number(found, "consoles", 10_000)
    if count is None:
        return tuple(found.names)
    base = found.names[0].rstrip("0123456789") if found.names else "WS"
    return tuple(f"{base}{i + 1}" for i in range(count))


def _number(found: _Found, name: str, most: int) -> int | None:
    if name not in found.values:
        return None
    text = str(found.values[name])
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise UsageError(f"start parameter {found.spelling[name]}: {text!r} is no number from 0 to {most}")
    return int(text)


def _way_out(command: str) -> str:
    return f"`hisee {command} /?` lists what it takes"
