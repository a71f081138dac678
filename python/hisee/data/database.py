"""One database object: its file, its only connection, the shapes of its tables. Opened at first use, again after a fault."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hisee.data.config import DatabaseConfig, TableConfig
from hisee.data.creation import ReadPart, create
from hisee.data.shape import Shape, read_shape
from hisee.data.trouble import DatabaseOff, TableUnfit, Trouble, of_engine
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock, plainly

BUSY_MS = TIMERS["stall"].ms * 3 // 4  # shorter than the silence after which a process looks stalled
RETRY_NS = 5_000_000_000  # a file that could not be made is not tried again before
STEPS = 20_000  # engine steps between two looks at the clock
BEAT_NS = TIMERS["heartbeat"].ms * 500_000


class Database:
    """The lane of one SQLite database. `beat` is called while a statement takes long; `statement_s` ends it."""

    def __init__(
        self,
        config: DatabaseConfig,
        tables: dict[int, TableConfig],
        data: Path,
        clock: Clock,
        read_part: ReadPart,
        *,
        statement_s: float,
        beat: Callable[[], None],
    ) -> None:
        self.config = config
        self._tables = tables
        self._data = data
        self.now_ns = plainly(clock)
        self._read_part = read_part
        self._statement_ns = int(statement_s * 1e9)
        self._beat = beat
        self.db: sqlite3.Connection | None = None  # while it is open
        self.generation = 0  # another one: what was learnt from the shapes of tables may not hold any more
        self._shapes: dict[int, Shape] = {}
        self._failed: tuple[int, Trouble] | None = None  # when and why the file could not be made
        self.started_ns = self._beat_ns = 0  # the newest statement; the last beat
        self.service_ns = 0  # of the statements since it was last set to 0

    # -- connection

    @property
    def path(self) -> Path | None:
        """The file; None for a database in memory. Raises DatabaseOff for another engine."""
        scheme, _, rest = self.config.url.partition("://")
        if scheme.partition("+")[0] != "sqlite":
            raise DatabaseOff(f"{self.config.name}: this release serves only sqlite databases, not {scheme}")
        name = rest.partition("?")[0].removeprefix("/")
        return None if name in ("", ":memory:") else self._data / name

    def connection(self) -> sqlite3.Connection:
        """The open connection; raises DatabaseOff."""
        if self.db is None:
            path = self.path
            self.db = self._open(path)
        return self.db

    def _open(self, path: Path | None) -> sqlite3.Connection:
        made = path is not None and not path.exists()
        if made:
            self._create(path)
        try:
            db = sqlite3.connect(
                path or ":memory:", timeout=BUSY_MS / 1000, isolation_level=None, cached_statements=256, check_same_thread=False
            )
            if made:
                db.execute("PRAGMA journal_mode=WAL")  # stays in the file; one that was there before keeps its mode
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # an unreadable file shows here, not in a request
        except sqlite3.Error as error:
            trouble = of_engine(error, f"{self.config.name} ({path})")
            raise DatabaseOff(trouble.text, trouble.engine_code) from error
        db.set_progress_handler(self._look_at_clock, STEPS)
        return db

    def _create(self, path: Path | None) -> None:
        assert path is not None
        now = self.now_ns()
        if self._failed is not None and now - self._failed[0] < RETRY_NS:
            raise self._failed[1]
        try:
            create(path, self.config, list(self._tables.values()), self._read_part)
            self._failed = None
        except Trouble as trouble:
            self._failed = (now, trouble)
            raise

    def _look_at_clock(self) -> int:
        now = self.now_ns()
        if now >= max(self.started_ns, self._beat_ns) + BEAT_NS:
            self._beat_ns = now
            self._beat()
        return int(now > self.started_ns + self._statement_ns)

    def close(self) -> None:
        self._shapes.clear()
        self.generation += 1
        if self.db is not None:
            self.db.close()
            self.db = None

    # -- tables

    def shape(self, number: int) -> Shape:
        """Shape of a table, read at first use; raises TableUnfit, DatabaseOff."""
        found = self._shapes.get(number)
        if found is None:
            table = self._tables[number]
            try:
                found = self._shapes[number] = read_shape(self.connection(), table)
            except sqlite3.Error as error:
                trouble = of_engine(error, self.config.name, table.name)
                if isinstance(trouble, DatabaseOff):
                    self.close()
                raise trouble from error
        return found

    # -- statements

    def query(self, number: int, text: str, values: Sequence[Any], most: int) -> list[tuple[Any, ...]]:
        """Up to `most` rows of a SELECT. What comes often is read by hisee._core.reads in the same way."""
        with self._timed(number) as db:
            cursor = db.execute(text, values)
            rows = cursor.fetchmany(most)
            cursor.close()
        return rows

    def change(self, number: int, text: str, values: Sequence[Any]) -> int:
        """One INSERT, UPDATE or DELETE by itself; rows that it touched."""
        with self._timed(number) as db:
            return db.execute(text, values).rowcount

    def change_each(self, number: int, text: str, rows: Sequence[Sequence[Any]], untouched: Callable[[int], Trouble] | None = None) -> int:
        """The same statement for every row, all or none; `untouched(row index)` is raised when one touches nothing."""
        with self._timed(number) as db, _transaction(db):
            touched = 0
            for index, values in enumerate(rows):
                count = db.execute(text, values).rowcount
                if count == 0 and untouched is not None:
                    raise untouched(index)
                touched += count
            return touched

    @contextmanager
    def _timed(self, number: int) -> Iterator[sqlite3.Connection]:
        """A statement on the connection: measured, limited in time, its faults in our words."""
        db = self.connection()
        self.started_ns = started = self.now_ns()
        try:
            yield db
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self.told(number, error, self.now_ns() - started) from error
        self.service_ns += self.now_ns() - started

    def told(self, number: int, error: Exception, took_ns: int) -> Exception:
        """The fault of a statement as a script is told it; a connection that is of no use any more is closed."""
        self.service_ns += took_ns
        if not isinstance(error, (sqlite3.Error, sqlite3.Warning)):
            return error
        trouble = of_engine(error, self.config.name, self._tables[number].name)
        if isinstance(trouble, DatabaseOff):
            self.close()
            return trouble
        return self._check_again(number) or trouble

    def _check_again(self, number: int) -> Trouble | None:
        """After a refused statement: did somebody change the table under us? Then say that instead."""
        if self._shapes.pop(number, None) is None:
            return None
        self.generation += 1
        try:
            self.shape(number)
        except TableUnfit as unfit:
            return unfit
        except Trouble:
            return None
        return None


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
