"""A lane over a real SQLite file, asked as a script asks: bytes in, bytes out."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import pack_data, unpack_data_reply
from hisee.data.lane import Lane
from hisee.schema.lanes import Lane as LaneId
from hisee.schema.messages import MessageKind
from hisee.seams import Seams
from hisee.values import Invalid, Record, Type

DB, TABLE, SD, SCRIPT = 101, 102, 103, 7_000
COLUMNS = [("Id", "INT"), ("Name", "TEXT"), ("Level", "REAL"), ("Full", "BOOL"), ("At", "TIME")]
SQL = b"""CREATE TABLE meter (Id INTEGER PRIMARY KEY, Name VARCHAR(8) NOT NULL, Level REAL, Full BOOLEAN, At BIGINT);
CREATE TABLE stamp (Id INTEGER PRIMARY KEY, At TEXT);"""
CSV = b"Id,Name,Level,Full,At\n1,main,1.5,TRUE,1000\n2,side,,FALSE,2026-01-01T00:00:00Z\n3,spare,-2,,\n"
NONE = Invalid(5, Type.TEXT)


def facts(**changes):
    table = {
        "name": "T.Meter",
        "database": DB,
        "table": "meter",
        "structure": SD,
        "columns": COLUMNS,
        "key": ["Id"],
        "access": "modify",
        "parts": ["CSV"],
        **changes.pop("table", {}),
    }
    database = {
        "name": "DB.Plant",
        "url": "sqlite:///plant.db",
        "max_connections": 8,
        "max_rows": 100,
        "parts": ["SQL"],
        **changes.pop("database", {}),
    }
    return {"databases": {DB: database}, "tables": {TABLE: table, **changes.pop("tables", {})}}


PARTS = {"DB.Plant:SQL": SQL, "T.Meter:CSV": CSV}


class Script:
    """Asks the lane; `reply` has rc, values, extended, code, text, ns."""

    def __init__(self, data: Path, parts=PARTS, **changes) -> None:
        self.data, self.number, self.corr = data, SCRIPT, 0
        self.lane = Lane(facts(**changes), data, Seams(), parts.__getitem__)

    def send(self, action: int, *values, kind=MessageKind.DATA, wants_answer=True):
        self.corr += 1
        return self.lane.answer(
            Message(
                kind=kind,
                lane=LaneId.DATA_DB,
                source=self.number,
                target=9,
                object=TABLE,
                corr=self.corr,
                wants_answer=wants_answer,
                payload=pack_data(action, encode(values)),
            )
        )

    def ask(self, action: int, *values) -> SimpleNamespace:
        answer = self.send(action, *values)
        assert (answer.kind, answer.corr, answer.target, answer.source) == (MessageKind.REPLY, self.corr, self.number, 9)
        head, data = unpack_data_reply(answer.payload)
        found = decode(data)
        return SimpleNamespace(
            rc=found[-1] if found else None, values=found, extended=head.extended, code=head.engine_code, text=head.text, ns=head.service_ns
        )

    def sql(self, text: str, *values):
        """A second program at the same file."""
        import sqlite3
        from contextlib import closing

        with closing(sqlite3.connect(self.data / "plant.db")) as db, db:
            return db.execute(text, values).fetchall()


@pytest.fixture
def script(tmp_path):
    made = Script(tmp_path)
    yield made
    made.lane.close()


@pytest.fixture
def make(tmp_path):
    """Scripts over other configurations, closed at the end."""
    scripts = []

    def one(**changes):
        scripts.append(Script(tmp_path, **changes))
        return scripts[-1]

    yield one
    for made in scripts:
        made.lane.close()


def record(*rows):
    """Rows of the meter's structure."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    return Record(SD, [kind for _, kind in COLUMNS], columns)


def row(ident, name=None, level=None, full=None, at=None):
    return record((ident, name, level, full, at))


def head_of(payload: bytes) -> int:
    return struct.unpack_from("<q", payload)[0]
