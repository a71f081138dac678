"""What a running task may ask of the system: values, stored parts, rows of tables. Called in the worker's thread, answered over its link.

Reads only: what a task changes are effects, and those are committed with its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from hisee._core.values import decode, encode
from hisee.channel.payloads import (
    Export,
    Files,
    Part,
    PartRead,
    Payload,
    Table,
    ValueGet,
    Values,
    ValueState,
    pack_data,
    unpack,
    unpack_data_reply,
)
from hisee.schema.actions import ActionId
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.tasks import Refuse
from hisee.values import Invalid, Record, Ref, Type

ALL_ROWS = 1  # mode of a read: every row that fits, up to max_rows


class Ask(Protocol):
    """One request to the server (or, target 0, to whoever serves the lane); its reply's payload. Raises RequestFailed."""

    def __call__(self, kind: Kind, payload: Payload | bytes, *, target: int = 1, lane: int = Lane.CONTROL, object: int = 0) -> bytes: ...


class Rows(NamedTuple):
    """Rows of a database table: names and types of its columns, and the cells, None = invalid or NULL."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]


class Reach:
    """The system as a task sees it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def values(self, *names: str) -> list[ValueState]:
        """Objects by name; `*` and `?` stand for more letters. Raises RequestFailed for an unknown name."""
        return unpack(Values, self._ask(Kind.VALUE_GET, ValueGet(names=list(names)))).values

    def value(self, name: str) -> Any:
        """The present value; None while it is invalid."""
        return self.values(name)[0].value

    def part(self, address: str) -> bytes:
        """One stored part, such as S.Hello:PICTURE."""
        return unpack(Part, self._ask(Kind.PART_READ, PartRead(part=address))).data

    def files(self, objects: Sequence[str]) -> dict[str, bytes]:
        """Objects as files of an application folder; none named = all."""
        return unpack(Files, self._ask(Kind.EXPORT, Export(objects=list(objects)))).files

    def table(self, name: str, where: str = "", most: int = 10_000) -> Rows:
        """Rows of a table object, through the database manager that serves it. Raises Refuse, RequestFailed."""
        number, config = self._table(name)
        request = encode([ALL_ROWS, Ref(number), most, where if where else Invalid(1, Type.TEXT), 0])
        payload = self._ask(Kind.DATA, pack_data(ActionId.DBS_READ, request), target=0, lane=Lane.DATA_DB, object=number)
        head, values = unpack_data_reply(payload)
        record, code = decode(values)
        if code not in (Err.ERR_NO_ERROR, Err.ERR_NO_DATA):
            raise Refuse(f"table {name} cannot be read: {head.text or f'error {code}'}")
        columns = [(str(column), str(kind)) for column, kind in config["columns"]]
        return Rows(columns, list(_cells(record)) if isinstance(record, Record) else [])

    def _table(self, name: str) -> tuple[int, dict[str, Any]]:
        """Number and description of a table object, from the database manager that serves it."""
        known: list[str] = []
        for process in unpack(Table, self._ask(Kind.PS_GET, b"")).rows:
            if process["kind"] != "DBM":
                continue
            tables = msgspec.msgpack.decode(self.part(f"{process['name']}:CONFIGURATION"))["tables"]
            for number, config in tables.items():
                if config["name"].lower() == name.lower():
                    return int(number), config
                known.append(config["name"])
        raise Refuse(f"no table {name}", hint=f"tables: {', '.join(sorted(known)) or 'none is served'}")


def _cells(record: Record) -> Iterator[list[Any]]:
    for index in range(record.rows):
        yield [None if isinstance(cell, Invalid) else cell for cell in record.row(index)]


def unreachable(kind: Kind, payload: Payload | bytes, **_: Any) -> bytes:
    """The system of a worker that has no link: the simulator's, and tests'."""
    raise Refuse("this function needs a running system")


NOWHERE = Reach(unreachable)
