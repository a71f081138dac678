"""Doorbell by LISTEN/NOTIFY. A hint only; whoever waits looks again by itself all the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from hisee.engine.coordinator import EngineError, Member
from hisee.engine.postgres.database import OPTIONS, one_line

CHANNEL = "hisee_engine"


class PostgresDoorbell:
    """Listens on a connection of its own. While the database is away it stays silent and `clear` tries to listen again."""

    def __init__(self, url: str, member: Member | None = None) -> None:
        self._member = member
        self._address = make_conninfo(url, **OPTIONS | {"application_name": "hisee bell"})
        self._silent = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # never readable: stands in for a lost connection
        self._connection: psycopg.Connection[TupleRow] | None = None
        try:
            self._listen()
        except psycopg.Error as error:
            os.close(self._silent)
            raise EngineError(f"no doorbell at the engine database: {one_line(error)}", hint="see [engine] url of app.toml") from error

    def _listen(self) -> None:
        self._connection = psycopg.connect(self._address, autocommit=True)
        self._connection.execute(f"LISTEN {CHANNEL}")

    def ring(self, queues: Iterable[str]) -> None:
        with contextlib.suppress(psycopg.Error):  # whoever sleeps wakes up by its poll
            if self._connection is not None:
                self._connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, " ".join(queues)])

    def fileno(self) -> int:
        """Of this moment: it changes when the connection was lost and made again."""
        if self._connection is None or self._connection.closed:
            return self._silent
        return self._connection.fileno()

    def clear(self) -> None:
        try:
            if self._connection is None or self._connection.closed:
                self._listen()
            assert self._connection is not None
            for _ in self._connection.notifies(timeout=0):
                pass
        except psycopg.Error:
            self._drop()

    def close(self) -> None:
        if self._silent >= 0:
            self._drop()
            os.close(self._silent)
            self._silent = -1

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
