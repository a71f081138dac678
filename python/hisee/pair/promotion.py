"""Promotion of this computer's database by an operator, while neither its primary nor the monitor answers: nobody else can decide."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg

from hisee.errors import HiseeError
from hisee.pair.home import Home
from hisee.pair.local import Local
from hisee.pair.plan import DATABASE, NODE_PORT, USER, hosts_of
from hisee.pair.state import connected

WAIT_S = 60.0
STANDING = "SELECT NOT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn()::text, ''), " \
           "coalesce(pg_last_xact_replay_timestamp()::text, '')"
AUDIT = "INSERT INTO engine_audit (call, at_ms, who, what, detail) VALUES (0, engine_now(), %s, 'promote database', %s)"
PROMOTED = "SELECT count(*) FROM engine_audit WHERE what = 'promote database' AND at_ms > %s AND NOT pg_is_in_recovery()"


class Standing(NamedTuple):
    """What this computer's database has: `position` in the log up to which it has everything, `last` change's time there."""

    primary: bool
    position: str
    last: str


def standing(home: Home) -> Standing:
    """Raises HiseeError when the database here does not answer."""
    try:
        with Local(home).connected() as connection:
            row = connection.execute(STANDING).fetchone()
    except psycopg.Error as error:
        raise HiseeError(f"the database of this computer does not answer: {' '.join(str(error).split())}",
                         hint="`hisee up` or `hisee rrs` must run here") from error
    assert row is not None
    return Standing(*row)


def promote_here(home: Home, who: str, detail: str) -> None:
    """Make this computer's standby writable on its own; audited in it. Raises HiseeError with what pg_autoctl said.

    From then on it knows no monitor; the former primary must not be started on its old files (docs/design/pair.md says how it returns).
    """
    autoctl, place = str(home.programs.autoctl), ["--pgdata", str(home.pgdata)]
    _run(home, [autoctl, "disable", "monitor", "--force", *place])
    _run(home, [autoctl, "do", "fsm", "assign", *place, "single"])
    with Local(home).connected() as connection:
        connection.execute(AUDIT, [who, detail])


def overruled_by(home: Home, group: Mapping[str, Any]) -> str:
    """Another node that an operator promoted after this one was made: this one's files are of the past then. "" = none answers so.

    The monitor does not know of it and would let both write.
    """
    made_ms = int((home.folder / "created").stat().st_mtime * 1000)
    for name in group["servers"]:
        with contextlib.suppress(psycopg.Error):
            if name != home.duty.node:
                with connected(home.data, hosts_of(group, name)[0], NODE_PORT, USER, DATABASE) as connection:
                    row = connection.execute(PROMOTED, [made_ms]).fetchone()
                    if row is not None and row[0]:
                        return str(name)
    return ""


def _run(home: Home, words: list[str]) -> None:
    with open(home.folder / "promotion", "w+b") as out:
        child = home.spawn(words, out, PG_AUTOCTL_DEBUG="1")
        try:
            code = child.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        out.seek(0)
        said = out.read().decode(errors="replace").strip().splitlines()
    if code:
        raise HiseeError(f"{' '.join(words[1:4])} ended with {code}: {said[-1] if said else 'it said nothing'}",
                         hint=f"all it said is in {home.folder / 'promotion'}")
