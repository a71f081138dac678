"""Promotion of this computer's database by an operator, while neither its primary nor the monitor answers: nobody else can decide."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

import psycopg

from hisee.errors import HiseeError
from hisee.pair.home import Home
from hisee.pair.local import Local

WAIT_S = 60.0
STANDING = "SELECT NOT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn()::text, ''), " \
           "coalesce(pg_last_xact_replay_timestamp()::text, '')"
AUDIT = "INSERT INTO engine_audit (call, at_ms, who, what, detail) VALUES (0, engine_now(), %s, 'promote database', %s)"


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
