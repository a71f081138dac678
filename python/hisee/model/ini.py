"""Server settings of an INI file (sections GLOBAL, PORTS, TCP/IP, TRACE) as text for app.toml. Everything left out is named in a note.

Two styles of ports are known: one key per process (`wp1=2218`), whose number may be split over the files of several computers, and one
list per kind (`CP.PORTS=2217;2218;2220-2237`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from hisee.errors import UsageError
from hisee.model.forms import NUMBERED_KINDS

SECTION, PAIR = re.compile(r"\[(.+)\]\s*\Z"), re.compile(r"([^=]+?)\s*=\s*(.*)\Z")
ONE_PORT, PORT_LIST = re.compile(r"(cp|wp|jwp)(\d+)\Z"), re.compile(r"(cp|wp|jwp)\.ports\Z")
SYSTEM = re.compile(r"[A-Za-z0-9_]{1,8}\Z")
LIMITS = {"logcount": ("log_files", 1), "change_logging_days": ("log_days", 1), "change_logging_mb": ("log_bytes", 1 << 20)}
ELSEWHERE = {
    "startmode": "a cold start is `hisee up --cold`, once, never a setting",
    "trccount": "traces keep as many files as logs: limit log_files",
    "sqldriverconnect": "the engine database is its own: [engine] url; databases of scripts are objects",
    "keep_alive": "clients are watched by timer keep_alive",
    "logging": "log files are named after their process",
    "trace": "`hisee tell PROCESS \"TRACE ON\"` traces while it runs",
    "language": "texts are English",
}


@dataclass(slots=True)
class Ini:
    """What one file says. `numbers`: kind -> process number -> port; `lists`: kind -> ports in declared order."""

    source: str
    system: str = ""
    node: str = ""
    primary: int = 0
    wp_min: int = 0
    numbers: dict[str, dict[int, int]] = field(default_factory=dict)
    lists: dict[str, list[int]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(text: str, source: str) -> Ini:
    """Read one file; raises UsageError naming the line when a port or a number is none."""
    found, section = Ini(source), ""
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in ";!#":
            continue
        if match := SECTION.match(line):
            section = match[1].strip().upper()
        elif match := PAIR.match(line):
            _take(found, section, match[1].strip(), match[2].strip(), f"{source} line {number}")
        else:
            found.notes.append(f"line {number} is neither a section nor key=value: {line}")
    return found


def _take(found: Ini, section: str, key: str, value: str, place: str) -> None:
    word = key.lower()
    if match := ONE_PORT.match(word):
        _one_port(found, match[1], int(match[2]), _number(value, place), place)
    elif match := PORT_LIST.match(word):
        found.lists[match[1]] = _ports(value, place)
    elif word == "pwpport":
        found.primary = _number(value, place)
    elif word == "system" and SYSTEM.match(value):
        found.system = value
    elif word == "nodename":
        found.node = re.sub(r"[^A-Za-z0-9_]", "_", value)
    elif word == "wp_min_number":
        found.wp_min = max(2, _number(value, place))
    elif word in LIMITS:
        name, factor = LIMITS[word]
        found.limits[name] = _number(value, place) * factor
    else:
        why = ELSEWHERE.get(word, "nothing here has this meaning")
        found.notes.append(f"[{section}] {key} is left out: {why}")


def _one_port(found: Ini, kind: str, number: int, port: int, place: str) -> None:
    known = found.numbers.setdefault(kind, {})
    if known.setdefault(number, port) != port:
        raise UsageError(f"{place}: {kind}{number} is given twice, as {known[number]} and {port}", hint="keep one of them")


def _number(value: str, place: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > 65_535:
        raise UsageError(f"{place}: {value!r} is no number from 0 to 65535")
    return int(value)


def _ports(value: str, place: str) -> list[int]:
    """`2217;2218;2220-2237` in declared order."""
    out: list[int] = []
    for part in re.split(r"[;,]", value):
        first, dash, last = (word.strip() for word in part.partition("-"))
        if first or dash:
            out += range(_number(first, place), _number(last if dash else first, place) + 1)
    return out


def as_toml(files: Iterable[Ini]) -> str:
    """The settings of all computers of one system as the beginning of an app.toml. Differences between the files become notes."""
    inis = list(files)
    notes = [f"{ini.source}: {note}" for ini in inis for note in ini.notes]
    common = {kind: ports for kind in NUMBERED_KINDS if (ports := _merged(inis, kind, notes))}
    name = next((ini.system for ini in inis if ini.system), "system")
    lines = [f'name = "{name}"', 'version = "0.1.0"', 'time_zone = "UTC"', "", "[ports]"]
    lines += [f"{kind} = {ports}" for kind, ports in common.items()]
    lines += [f"primary = {port}" for port in _agreed([ini.primary for ini in inis], "primary ports (pwpPort)", notes)]
    lines += _work(inis, notes)
    for place, ini in enumerate(inis, 1):
        lines += _node_lines(ini, place, common)
    lines += ["", *(f"# note: {note}" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"


def _merged(inis: list[Ini], kind: str, notes: list[str]) -> list[int]:
    """The list that holds everywhere: all numbers of all files, or the declared list when all files agree on it."""
    lists = [ini.lists[kind] for ini in inis if kind in ini.lists]
    if lists:
        if any(other != lists[0] for other in lists):
            notes.append(f"{kind} ports differ between the files: each computer keeps its own list")
            return []
        return lists[0]
    numbers: dict[int, int] = {}
    for ini in inis:
        for number, port in ini.numbers.get(kind, {}).items():
            if numbers.setdefault(number, port) != port:
                notes.append(f"{ini.source}: {kind}{number} = {port} is {numbers[number]} in another file; that one is taken")
    _tell_gaps(kind, sorted(numbers), notes)
    return [numbers[number] for number in sorted(numbers)]


def _tell_gaps(kind: str, numbers: list[int], notes: list[str]) -> None:
    missing = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
    if missing:
        notes.append(f"{kind} numbers {', '.join(map(str, missing))} are missing: the later ones move up, because numbers have no gaps")


def _agreed(values: list[int], what: str, notes: list[str]) -> list[int]:
    """The one value that all files give, as a list of one; none without a value."""
    given = list(dict.fromkeys(value for value in values if value))
    if len(given) > 1:
        notes.append(f"differing {what}: {', '.join(map(str, given))}; the first one is taken, it must be the same on every computer")
    return given[:1]


def _work(inis: list[Ini], notes: list[str]) -> list[str]:
    out: list[str] = []
    minimum = _agreed([ini.wp_min for ini in inis], "WP_MIN_NUMBER", notes)
    if minimum:
        out += ["", "[work]", f"wp_min = {minimum[0]}"]
    bounds = {name: value for ini in reversed(inis) for name, value in ini.limits.items()}
    if bounds:
        out += ["", "[limits]", *(f"{name} = {value}" for name, value in sorted(bounds.items()))]
    return out


def _node_lines(ini: Ini, place: int, common: dict[str, list[int]]) -> list[str]:
    """One computer with as many processes of a kind as its file has ports; of its lists only those that differ from the common ones."""
    counts = {kind: len(ini.lists.get(kind, ini.numbers.get(kind, {}))) for kind in NUMBERED_KINDS}
    own = {kind: ports for kind, ports in ini.lists.items() if common.get(kind) != ports}
    kinds = ['{kind = "server"}'] if place == 1 else []
    kinds += [f'{{kind = "{kind}", count = {count}}}' for kind, count in counts.items() if count]
    out = ["", f"[nodes.{ini.node or f'SRV{place}'}]"]
    if own:
        out.append("ports = {" + ", ".join(f"{kind} = {ports}" for kind, ports in own.items()) + "}")
    return [*out, "processes = [" + ", ".join(kinds) + "]"]
