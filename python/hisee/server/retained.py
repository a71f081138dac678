"""Retained values: every SET of an object with `retain` is durable before it is acknowledged. One writer thread, group commit.

Where they are kept is a `ValueStore`: on one computer a file of their own, on several the engine database, where the server's term is
checked in the transaction that writes.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, Protocol

from hisee._core.cells import CellTable
from hisee.errors import HiseeError
from hisee.values import Invalid, Ref, Type

log = logging.getLogger("hisee.server.retained")
BATCH = 1_000  # cells of one commit
QUEUED = 100_000  # cells that wait for the disk; more and writers are refused
Row = tuple[int, int, int, int, bytes]  # object, row, column, change in the writer's table, cell
Then = Callable[[str], None]  # told "" once durable, else why it is not
Fence = tuple[str, int]  # a term and the epoch in which its holder writes
Waiting = tuple[Row, Fence | None, Then]


class ValuesBroken(HiseeError):
    """The retained values cannot be opened or read."""


class Stored(NamedTuple):
    """Cells as they are kept, the oldest write first. `number` grows with every commit: a later look asks for what came after it."""

    number: int
    rows: list[Row]


class ValueStore(Protocol):
    """Where the values are kept."""

    def write(self, rows: list[Row], fence: Fence | None) -> str:
        """One transaction: "" when they are durable, else why they are not. By the writer thread only."""

    def read(self, after: int) -> Stored:
        """What was committed after that number, 0 = everything; from any thread. Raises ValuesBroken."""

    def close(self) -> None: ...


def unfenced() -> Fence | None:
    """A system without a group: nobody else could write."""
    return None


class Retained:
    """The values that outlive the server. `soon` runs a callable on the server's loop, from any thread.

    fence: the term and the epoch in which this server is hot, asked at each write that is accepted; the commit is refused when the term
    has another epoch by then, or nobody's. None = no group, no check.
    """

    def __init__(self, store: ValueStore, soon: Callable[[Callable[[], None]], object],
                 fence: Callable[[], Fence | None] = unfenced) -> None:
        self._store, self._soon, self._fence = store, soon, fence
        self._waiting: queue.Queue[Waiting | None] = queue.Queue(QUEUED)
        self._writer = threading.Thread(target=self._write_forever, name="hisee-retained", daemon=True)
        self._writer.start()

    def restore(self, table: CellTable, retained: set[int]) -> int:
        """Put what is stored over the values in `table`, at a start and whenever this server becomes hot; objects that are gone, or of
        another type now, are left out. Returns the number of cells that changed by it. Raises ValuesBroken."""
        return len(put_all(table, retained, self.read().rows))

    def read(self, after: int = 0) -> Stored:
        """What is stored, or what was committed after a look that ended with that number. May wait for the database: a server that
        goes on meanwhile calls it in a thread and gives the rows to `put_all`. Raises ValuesBroken."""
        return self._store.read(after)

    def keep(self, ref: Ref, change: int, cell: bytes, then: Then) -> None:
        """Write one cell (as `CellTable.changes` gives it); `then` runs on the loop once it is durable, or with the reason."""
        try:
            self._waiting.put_nowait(((ref.object, ref.row, ref.column, change, cell), self._fence(), then))
        except queue.Full:
            then(f"more than {QUEUED} values wait for the disk")

    def close(self) -> None:
        """Everything accepted is on disk afterwards, or was refused."""
        self._waiting.put(None)
        self._writer.join()
        self._store.close()

    # -- the writer thread

    def _write_forever(self) -> None:
        while (first := self._waiting.get()) is not None:
            for fence, batch in groupby(self._with_it(first), key=lambda item: item[1]):
                self._write(list(batch), fence)

    def _with_it(self, first: Waiting) -> Iterator[Waiting]:
        """It and what arrived during the last commit."""
        yield first
        for _ in range(BATCH - 1):
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return
            if item is None:
                self._waiting.put(None)  # seen again, alone, after this batch
                return
            yield item

    def _write(self, batch: list[Waiting], fence: Fence | None) -> None:
        reason = self._store.write([row for row, _, _ in batch], fence)
        self._soon(lambda: _tell(batch, reason))


def _tell(batch: Iterable[Waiting], reason: str) -> None:
    for _, _, then in batch:
        then(reason)


def put_all(table: CellTable, retained: set[int], rows: Iterable[Row]) -> list[Ref]:
    """Put stored cells over the values in `table`; the cells that changed by it. Doing it again changes nothing."""
    return [ref for row in rows if row[0] in retained and table.has(row[0]) and (ref := _put(table, row)) is not None]


def _put(table: CellTable, stored: Row) -> Ref | None:
    hbj, row, column, _, cell = stored
    ref = Ref(hbj, row, column)
    try:
        scratch = _alike(table, hbj)
        scratch.apply(cell)
        if row == 0 and table.shape(hbj)[0] == Type.RECORD:
            return _put_rows(table, scratch, hbj)
        if not _put_cell(table, scratch, ref):
            return None
    except (ValueError, IndexError, TypeError, KeyError) as error:
        log.warning("stored value of object %d, row %d, column %d not taken: %s", hbj, row, column, error)
        return None
    return ref


def _put_cell(table: CellTable, scratch: CellTable, ref: Ref) -> bool:
    """Does the cell change by it?"""
    kept, now = scratch.get(ref), table.get(ref)
    if (kept.value, kept.last, kept.time_ms, kept.weak, kept.flags) == (now.value, now.last, now.time_ms, now.weak, now.flags):
        return False
    if kept.last is not None:
        table.set(ref, kept.last, kept.time_ms, kept.weak, flags=kept.flags)
    if isinstance(kept.value, Invalid):
        table.set(ref, kept.value, kept.time_ms, kept.weak, flags=kept.flags)
    return True


def _put_rows(table: CellTable, scratch: CellTable, hbj: int) -> Ref | None:
    """A script changed the rows of an object: all of it was kept, with its number of rows."""
    rows, columns = scratch.dim(hbj), len(scratch.shape(hbj)[2])
    other_rows = rows != table.dim(hbj)
    if other_rows:
        table.redim(hbj, rows)
    cells = [Ref(hbj, row + 1, column + 1) for row in range(rows) for column in range(columns)]
    changed = [_put_cell(table, scratch, ref) for ref in cells]
    return Ref(hbj) if other_rows or any(changed) else None


def _alike(table: CellTable, hbj: int) -> CellTable:
    """A table that knows the object as it is now: a stored cell of another type or place does not fit it."""
    kind, rows, columns, _ = table.shape(hbj)
    scratch = CellTable()
    if kind == Type.RECORD:
        scratch.define(hbj, kind, rows, columns)
    else:
        scratch.define(hbj, kind)
    return scratch
