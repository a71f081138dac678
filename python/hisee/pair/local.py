"""The PostgreSQL of this computer, over its own socket as its owner: roles and passwords, what it is, which server is hot."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from hisee.pair.home import Home
from hisee.pair.plan import DATABASE, MONITOR_DATABASE, MONITOR_USER, REPLICATOR, USER, password

HOT = "SELECT m.node FROM engine_term t JOIN engine_member m ON m.incarnation = t.holder WHERE t.term = %s"
STREAMS = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
COMMITS_WAIT = """SELECT count(*) FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND clock_timestamp() - state_change > interval '0.5 s'"""
HAS_PASSWORD = "SELECT rolpassword IS NOT NULL FROM pg_authid WHERE rolname = %s"
Connection = psycopg.Connection[TupleRow]


class Local:
    """Every question opens a connection of its own: the server behind it comes and goes. Raises psycopg.Error."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._database = DATABASE if home.duty.role == "node" else MONITOR_DATABASE

    @contextlib.contextmanager
    def connected(self) -> Iterator[Connection]:
        connection: Connection = psycopg.connect(host=str(self._home.sockets), port=self._home.duty.port, dbname=self._database,
                                                 user=self._home.account.pw_name, connect_timeout=2, autocommit=True,
                                                 application_name="hisee pair")
        with contextlib.closing(connection):
            connection.execute("SET log_statement = 'none'")
            yield connection

    def is_primary(self) -> bool:
        with self.connected() as connection:
            return not _one(connection, "SELECT pg_is_in_recovery()")

    def commits_wait(self) -> bool:
        """Is there a commit that the standby has not confirmed for a while?"""
        with self.connected() as connection:
            return bool(_one(connection, COMMITS_WAIT))

    def streams(self) -> bool:
        """Does this standby get its primary's changes at this moment?"""
        with self.connected() as connection:
            return bool(_one(connection, STREAMS))

    def hot_node(self, group: str) -> str:
        """Node of the server that holds the group's term, as far as this database knows; "" = nobody."""
        with self.connected() as connection:
            return str(_one(connection, HOT, [f"hs.{group}"]) or "")

    def give_passwords(self) -> None:
        """On the monitor and on the primary: the users that come over the network have their passwords. Done again it changes nothing."""
        users = (REPLICATOR, USER) if self._home.duty.role == "node" else (MONITOR_USER,)
        with self.connected() as connection:
            for user in users:
                self._give(connection, user)
            if USER in users:
                connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(DATABASE), sql.Identifier(USER)))
                connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(sql.Identifier(USER)))

    def _give(self, connection: Connection, user: str) -> None:
        """The server gets the verifier, never the password."""
        name, known = sql.Identifier(user), _one(connection, HAS_PASSWORD, [user])
        if known:
            return
        secret = password(self._home.data, user)
        verifier = connection.pgconn.encrypt_password(secret.encode(), user.encode(), b"scram-sha-256").decode()
        if known is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(verifier)))


def _one(connection: Connection, query: str, values: list[Any] | None = None) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row is not None else None
