"""Promotion of this computer's database by an operator, while neither its primary nor the monitor answers: nobody else can decide."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import psycopg

from hisee.datadir import DataDir
from hisee.errors import HiseeError
from hisee.pair.epochs import raise_epochs
from hisee.pair.home import Home
from hisee.pair.local import Local
from hisee.pair.plan import DATABASE, NODE_PORT, USER, hosts_of
from hisee.pair.state import connected

WAIT_S = 60.0
STANDING = "SELECT NOT pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn()::text, ''), " \
           "coalesce(pg_last_xact_replay_timestamp()::text, '')"
AUDIT = "INSERT INTO engine_audit (call, at_ms, who, what, detail) VALUES (0, engine_now(), %s, 'promote database', %s)"
PROMOTED = "SELECT count(*) FROM engine_audit WHERE what = 'promote database' AND at_ms > %s AND NOT pg_is_in_recovery()"


RELOAD = "SELECT pg_reload_conf()"
END_CLIENTS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()"
CLIENTS_S, LOOK_S, CALM = 10.0, 0.05, 4  # so many looks in a row find nobody
GIVEN = "promoted.epoch"  # below DATA, not among the database's files


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


def promote_here(home: Home, who: str, detail: Mapping[str, Any]) -> dict[str, int]:
    """Make this computer's database writable on its own; audited in it. Its terms and their new epochs. Raises HiseeError.

    Nobody writes before the epochs are raised, and what waited here for the other database is ended, not acknowledged. From then on this
    node knows no monitor; the former primary must not be started on its old files (docs/design/pair.md says how it returns).
    """
    autoctl, files = str(home.programs.autoctl), ["--pgdata", str(home.pgdata)]
    with _barred(home):
        _run(home, [autoctl, "disable", "monitor", "--force", *files])
        _run(home, [autoctl, "do", "fsm", "assign", *files, "single"])
        with Local(home).connected() as connection:
            return new_epochs(connection, place_of(home), Given(home.data), who, detail)


class Given:
    """The highest epoch that a promotion here gave, kept beside the database's files: those may be made anew from an older state."""

    def __init__(self, data: DataDir) -> None:
        self._path, self._disk = data.path / GIVEN, data.seams.disk

    def highest(self) -> int:
        """0 = there was none."""
        return int(self._path.read_text()) if self._path.exists() else 0

    def note(self, epoch: int) -> None:
        self._disk.write(self._path, str(max(epoch, self.highest())).encode())


def new_epochs(connection: psycopg.Connection[Any], place: int, given: Given, who: str, detail: Mapping[str, Any]) -> dict[str, int]:
    """Epochs and audit in one commit, which waits for no other database; noted before it."""
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = 'local'")
        epochs = raise_epochs(connection, place, given.highest())
        connection.execute(AUDIT, [who, json.dumps({**detail, "epochs": epochs})])
        given.note(max(epochs.values(), default=0))
    return epochs


@contextlib.contextmanager
def _barred(home: Home) -> Iterator[None]:
    """Processes of hisee are out of this database, and come back afterwards."""
    try:
        home.write_access(barred=True)
        with Local(home).connected() as connection:
            end_clients(connection, USER)
        yield
    finally:
        home.write_access()
        with contextlib.suppress(psycopg.Error), Local(home).connected() as connection:  # one that is down reads it when it starts
            connection.execute(RELOAD)


def end_clients(connection: psycopg.Connection[Any], user: str) -> None:
    """Who may log on is read anew; the connections of `user` end, those that wait in a commit too: they get no answer. Until none is left
    and none comes. Raises HiseeError."""
    connection.execute(RELOAD)
    end, calm = time.monotonic() + CLIENTS_S, 0
    while calm < CALM:
        row = connection.execute(END_CLIENTS, [user]).fetchone()
        calm = calm + 1 if row is not None and not row[0] else 0
        if time.monotonic() > end:
            raise HiseeError(f"{row[0] if row else '?'} connections to the database of this computer do not end",
                             hint="nothing was promoted; end the processes of hisee here, or try again")
        time.sleep(LOOK_S)


def place_of(home: Home) -> int:
    """Of this computer among the servers of its group, the same everywhere."""
    return sorted(home.data.read_run()["group"]["servers"]).index(home.duty.node)


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
