"""`hisee doctor`: what this computer must offer, what it offers, and the way to mend the difference."""

from __future__ import annotations

import json
import os
import platform
import resource
import socket
import sqlite3
import sys
import zoneinfo
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import click

from hisee.config import DATA_VARIABLE, find_application, find_data, socket_directory
from hisee.errors import HiseeError, UsageError
from hisee.schema.exits import Exit
from hisee.schema.limits import BY_NAME as LIMITS

COMPILED = ("values", "cells", "vm", "ring", "frame", "shaper")
DEFAULT_PORT = 3119
SHM = Path("/dev/shm")
SHM_NEEDED = 64 * 2 * LIMITS["ring_bytes"].value  # two rings for each of 64 processes
FILES_NEEDED = 1024
LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `repair` is the command or step that mends it, empty when all is well."""

    name: str
    ok: bool
    text: str
    repair: str = ""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data directory to look at, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(data: Path | None, as_json: bool) -> int:
    """Check this computer; exit 1 when something is missing."""
    findings = list(examine(data))
    if as_json:
        click.echo(json.dumps([asdict(f) for f in findings], indent=1))
    else:
        for finding in findings:
            _print(finding)
    return Exit.OK if all(f.ok for f in findings) else Exit.FINDINGS


def _print(finding: Finding) -> None:
    click.echo(f"{'ok     ' if finding.ok else 'missing'}  {finding.name:<18}{finding.text}")
    if finding.repair:
        click.echo(f"{'':27}mend: {finding.repair}")


def examine(data: Path | None) -> Iterator[Finding]:
    """All findings, in the order in which a start would need them."""
    for look in (python, compiled, database, time_zones, shared_memory, open_files, clock, java):
        yield look()
    system = list(_system(data))
    if not any(f.name == "system" and f.text.endswith("answers") for f in system):
        yield port()  # a running system may hold it rightly
    yield from system
    yield from _libraries(find_application(Path.cwd()))


def python() -> Finding:
    text = f"{platform.python_version()} at {sys.executable}"
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("Python", ok, text, "" if ok else "use Python 3.11, 3.12 or 3.13")


def compiled() -> Finding:
    """The compiled core: there, and built from the same tables as this Python code."""
    bad = []
    for module in COMPILED:
        try:
            import_module(f"hisee._core.{module}")
        except ImportError as error:
            bad.append(f"{module} ({error})")
    return Finding("compiled core", not bad, "; ".join(bad) or f"{len(COMPILED)} modules",
                   "in a checkout: ./hisee clean, then any command; else: pip install --force-reinstall hisee" if bad else "")


def database() -> Finding:
    ok = sqlite3.sqlite_version_info >= (3, 35)
    return Finding("SQLite", ok, sqlite3.sqlite_version, "" if ok else "install SQLite 3.35 or newer")


def time_zones() -> Finding:
    try:
        zoneinfo.ZoneInfo("Europe/Bratislava")
    except zoneinfo.ZoneInfoNotFoundError:
        return Finding("time zones", False, "no data", "pip install tzdata")
    return Finding("time zones", True, "there")


def shared_memory() -> Finding:
    try:
        facts = os.statvfs(SHM)
    except OSError as error:
        return Finding("shared memory", False, f"{SHM}: {error.strerror}", f"mount -t tmpfs tmpfs {SHM}")
    free = facts.f_bavail * facts.f_frsize
    ok = free >= SHM_NEEDED and os.access(SHM, os.W_OK)
    repair = "" if ok else f"mount -o remount,size=1G {SHM}; without it local links use sockets and are slower"
    return Finding("shared memory", ok, f"{free >> 20} MiB free in {SHM}, {SHM_NEEDED >> 20} wanted", repair)


def open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = soft >= FILES_NEEDED
    return Finding("open files", ok, f"{soft} allowed, {FILES_NEEDED} wanted", "" if ok else f"ulimit -n {min(hard, 65536)}")


def clock() -> Finding:
    """Waiting never uses the wall clock; stored times do."""
    ok = time_is_kept()
    return Finding("clock", True, "kept by a time service" if ok else "no time service seen; time stamps may drift from other computers",
                   "" if ok else "install chrony where several computers share a system")


def time_is_kept(folder: Path = Path("/run")) -> bool:
    marks = ("systemd/timesync/synchronized", "chrony/chronyd.pid", "ntpd.pid")
    return any((folder / mark).exists() for mark in marks)


def java() -> Finding:
    """Needed by Java work processes only: nothing is missing on a computer that runs none."""
    from hisee.work.jwp import NoJava, find_java, version_of

    try:
        return Finding("Java", True, version_of(find_java()))
    except NoJava as lack:
        return Finding("Java", True, f"{lack.text}; a Java work process cannot run here", lack.hint)


def port() -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError as error:
            return Finding("TCP port", False, f"{DEFAULT_PORT}: {error.strerror}",
                           f"end what uses it (ss -ltnp 'sport = :{DEFAULT_PORT}'), or set another port in app.toml")
    return Finding("TCP port", True, f"{DEFAULT_PORT} is free")


def _system(data: Path | None) -> Iterator[Finding]:
    """The data directory, when one is named or this folder belongs to an application."""
    named = data is not None or DATA_VARIABLE in os.environ or find_application(Path.cwd()) is not None
    if not named:
        return
    try:
        path = find_data(data)
    except UsageError as error:
        yield Finding("data directory", False, str(error))
        return
    yield _data_directory(path)
    yield _socket_path(path)
    yield _running(path)


def _data_directory(path: Path) -> Finding:
    place = next(p for p in (path, *path.parents) if p.exists())
    ok = place.is_dir() and os.access(place, os.W_OK)
    state = "there" if place == path else "not made yet"
    return Finding("data directory", ok, f"{path}: {state}", "" if ok else f"give another one with --data, or make {place} writable")


def _socket_path(path: Path) -> Finding:
    folder = socket_directory(path)
    ok = len(os.fsencode(folder)) + len("/knl") <= LONGEST_SOCKET_PATH
    return Finding("socket folder", ok, str(folder), "" if ok else "set XDG_RUNTIME_DIR to a shorter path")


def _running(path: Path) -> Finding:
    from hisee.api import connect

    if not (path / "run.json").exists():
        return Finding("system", True, "does not run")
    try:
        with connect(path) as system:
            return Finding("system", True, f"{system.name} runs and answers")
    except HiseeError as error:
        return Finding("system", False, str(error),
                       "`hisee up` starts it again; where a process still holds the data directory it names that one")


def _libraries(application: Path | None) -> Iterator[Finding]:
    """Foreign libraries that app.toml lists: every computer whose scripts call them needs them."""
    from hisee.model import load_application

    if application is None:
        return
    try:
        listed = load_application(application).form.scripts.libraries
    except HiseeError:
        return  # `hisee check` says what is wrong
    for path in listed:
        ok = Path(path).is_file()
        repair = "" if ok else "put it there, or take it out of app.toml, section [scripts]"
        yield Finding("library", ok, path if ok else f"{path}: no such file", repair)
