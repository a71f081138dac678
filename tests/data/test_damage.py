"""What a database can do wrong: every fault is named, nothing half-done stays, and the lane goes on."""

import sqlite3
from contextlib import closing

import pytest

from data.conftest import DB, NONE, SQL, TABLE, Script, facts, record, row
from hisee.data.lane import Lane
from hisee.schema.actions import ActionId as Do
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.seams import Seams, SystemClock
from hisee.values import Ref

T = Ref(TABLE)
OK, TRANS_ERROR = Err.ERR_NO_ERROR, Err.ERR_TRANS_ERROR


def read_all(script, where=NONE):
    return script.ask(Do.DBS_READ, 1, T, 50, where, 0)


def files(folder):
    return sorted(p.name for p in folder.iterdir())


# -- a new file


def test_a_new_file_is_made_and_filled_once(script):
    assert files(script.data) == []
    assert script.lane.check() == [] and read_all(script).values[0].rows == 3
    script.ask(Do.DBS_DELETE, 0, T, row(1))
    script.lane.close()
    again = Script(script.data)
    assert read_all(again).values[0].rows == 2, "what is there is never filled again"
    again.lane.close()


@pytest.mark.parametrize(
    ("part", "data", "words"),
    [
        ("DB.Plant:SQL", b"CREATE TABLE meter (Id INTEGER", "data/DB.Plant.sql"),
        ("DB.Plant:SQL", b"\xff", "not UTF-8"),
        ("DB.Plant:SQL", b"CREATE TABLE other (Id)", "data/T.Meter.csv.*no table meter"),
        ("T.Meter:CSV", b"Id,Name\n1,ok\n2\n", "data/T.Meter.csv line 3: 1 cells for 2 columns"),
        ("T.Meter:CSV", b"Id,Name\n1,ok\nx,bad\n", "line 3: 'x' is no INT for column Id"),
        ("T.Meter:CSV", b"Id,Nmae\n1,ok\n", "no column 'Nmae'"),
        ("T.Meter:CSV", b"Id,Name\n1,ok\n1,twice\n", "line 3: UNIQUE"),
        ("T.Meter:CSV", b'Id,Name\n1,"open\n', "line"),
        ("T.Meter:CSV", b"Id,Full,At\n1,maybe,\n", "'maybe' is no BOOL"),
        ("T.Meter:CSV", b"Id,Name,At\n1,a,noon\n", "'noon' is no TIME"),
    ],
)
def test_a_half_made_file_is_removed_and_the_fault_is_named(tmp_path, part, data, words):
    parts = {"DB.Plant:SQL": SQL, "T.Meter:CSV": b"Id,Name\n1,ok\n", part: data}
    script = Script(tmp_path, parts=parts)
    reply = read_all(script)
    assert (reply.rc, reply.extended) == (TRANS_ERROR, Ext.DBM_DATABASE_OFF)
    import re

    assert re.search(words, reply.text), reply.text
    assert files(tmp_path) == []
    script.lane.close()


def test_a_mended_seed_is_taken_at_the_next_try(tmp_path):
    parts = {"DB.Plant:SQL": b"nonsense", "T.Meter:CSV": b"Id,Name\n1,ok\n"}
    script = Script(tmp_path, parts=parts)
    assert read_all(script).rc == TRANS_ERROR
    parts["DB.Plant:SQL"] = SQL
    script.lane._databases[DB]._failed = None  # the five seconds are over
    assert read_all(script).rc == OK
    script.lane.close()


def test_a_seed_with_its_own_transaction_and_semicolons_in_csv(tmp_path):
    parts = {
        "DB.Plant:SQL": b"BEGIN; " + SQL + b"INSERT INTO meter (Id, Name) VALUES (9, 'sql');",
        "T.Meter:CSV": b"\xef\xbb\xbfId;Name\r\n1;a,b\r\n\r\n",
    }
    script = Script(tmp_path, parts=parts)
    assert read_all(script).values[0].columns[1] == ["a,b", "sql"]
    script.lane.close()


def test_no_folder_for_the_file(tmp_path):
    script = Script(tmp_path, database={"url": "sqlite:///missing/plant.db"})
    assert read_all(script).extended == Ext.DBM_DATABASE_OFF
    script.lane.close()


def test_another_engine_is_refused_by_name(make):
    reply = read_all(make(database={"url": "postgresql+psycopg://u@h/d"}))
    assert reply.extended == Ext.DBM_DATABASE_OFF and "sqlite" in reply.text


def test_a_database_in_memory(make):
    script = make(database={"url": "sqlite://", "parts": []}, table={"parts": []})
    assert read_all(script).extended == Ext.TABLE_NOT_CONFIGURED and files(script.data) == []


# -- tables that do not fit


def test_a_missing_table_is_named_and_served_once_it_is_there(make):
    script = make(table={"table": "later", "parts": []})
    assert script.lane.check() == ["T.Meter: the database has no table later"]
    reply = read_all(script)
    assert (reply.rc, reply.extended) == (TRANS_ERROR, Ext.TABLE_NOT_CONFIGURED) and "later" in reply.text
    script.sql("CREATE TABLE later (Id INTEGER PRIMARY KEY, Name, Level, Full, At)")
    assert read_all(script).rc == Err.ERR_NO_DATA


def test_a_missing_column_is_named(make):
    columns = [("Id", "INT"), ("Nmae", "TEXT"), ("Levle", "REAL")]
    reply = read_all(make(table={"columns": columns, "parts": []}))
    assert reply.extended == Ext.TABLE_NOT_CONFIGURED and "Nmae, Levle" in reply.text


def test_no_column_at_all(make):
    reply = read_all(make(table={"columns": [("A", "INT"), ("B", "TEXT")], "optional": ["A", "B"], "key": [], "parts": []}))
    assert reply.code == -70004


def test_a_table_that_loses_its_column_while_the_lane_runs(script):
    assert read_all(script).rc == OK
    script.sql("ALTER TABLE meter RENAME COLUMN Level TO Depth")
    reply = read_all(script)
    assert reply.extended == Ext.TABLE_NOT_CONFIGURED and "Level" in reply.text
    script.sql("ALTER TABLE meter RENAME COLUMN Depth TO Level")
    assert read_all(script).rc == OK


def test_a_table_that_is_dropped_while_the_lane_runs(script):
    assert read_all(script).rc == OK
    script.sql("DROP TABLE meter")
    assert "no table meter" in read_all(script).text
    assert script.ask(Do.DBS_INSERT, 0, T, row(1, "a")).extended == Ext.TABLE_NOT_CONFIGURED


def test_a_wrong_where_is_an_sql_error_not_a_wrong_table(script):
    reply = read_all(script, "Nobody = 1")
    assert (reply.rc, reply.extended, reply.code) == (TRANS_ERROR, Ext.SQL_ERROR, sqlite3.SQLITE_ERROR) and "Nobody" in reply.text
    assert "syntax" in read_all(script, "AND").text and read_all(script).rc == OK


# -- the file itself


def test_a_locked_database_is_named_after_the_busy_time(script):
    assert read_all(script).rc == OK
    script.lane._databases[DB].connection().execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(script.data / "plant.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reply = script.ask(Do.DBS_INSERT, 0, T, row(7, "a"))
        assert (reply.rc, reply.extended, reply.code) == (
            TRANS_ERROR,
            Ext.SQL_ERROR,
            sqlite3.SQLITE_BUSY,
        ) and "locked by another program" in reply.text
        many = script.ask(Do.DBS_INSERT, 1, T, record((7, "a", None, None, None), (8, "b", None, None, None)))
        assert many.code == sqlite3.SQLITE_BUSY and read_all(script).rc == OK, "a reader does not wait for a writer"
        other.execute("ROLLBACK")
    assert script.ask(Do.DBS_INSERT, 0, T, row(7, "a")).rc == OK


def test_a_full_disk_is_named_and_undone(script):
    assert read_all(script).rc == OK
    db = script.lane._databases[DB].connection()
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    reply = script.ask(Do.DBS_INSERT, 1, T, record(*((n, "x" * 8, 1.0, None, None) for n in range(10, 2000))))
    assert (reply.rc, reply.code) == (TRANS_ERROR, sqlite3.SQLITE_FULL) and "disk is full" in reply.text
    assert script.sql("SELECT count(*) FROM meter") == [(3,)]
    db.execute("PRAGMA max_page_count = 1000000")
    assert script.ask(Do.DBS_INSERT, 0, T, row(7, "a")).rc == OK


@pytest.mark.parametrize("damage", ["text", "folder", "cut"])
def test_an_unreadable_file_is_named_and_read_once_it_is_mended(script, damage):
    assert read_all(script).rc == OK
    script.lane.close()
    path = script.data / "plant.db"
    good = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"no database " * 500 if damage == "text" else good[:5000])
    broken = Script(script.data)
    reply = read_all(broken)
    assert (reply.rc, reply.extended) == (TRANS_ERROR, Ext.DBM_DATABASE_OFF) and "DB.Plant" in reply.text
    path.rmdir() if damage == "folder" else path.unlink()
    path.write_bytes(good)
    assert read_all(broken).rc == OK
    broken.lane.close()


def test_a_read_only_database(script):
    read_all(script)
    script.lane._databases[DB].connection().execute("PRAGMA query_only = ON")
    reply = script.ask(Do.DBS_INSERT, 0, T, row(7, "a"))
    assert reply.rc == TRANS_ERROR and "read-only" in reply.text and read_all(script).rc == OK


# -- time


class Rushing(SystemClock):
    """Each look at the clock costs 50 ms."""

    def __init__(self):
        self.now = 0

    def monotonic_ns(self):
        self.now += 50_000_000
        return self.now


def test_a_statement_without_end_is_ended_and_the_peer_hears_us_meanwhile(script):
    assert read_all(script).rc == OK
    beats = []
    script.lane = Lane(
        facts(), script.data, Seams(clock=Rushing()), limits={"record_rows": 1000, "request_limit_s": 3}, beat=lambda: beats.append(1)
    )
    endless = "Id IN (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0)"
    reply = read_all(script, endless)
    assert (reply.rc, reply.extended) == (TRANS_ERROR, Ext.USER_EXPIR_TIME) and "longer than allowed" in reply.text
    assert len(beats) >= 4
    assert read_all(script).rc == OK
