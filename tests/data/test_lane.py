"""Database actions against a real SQLite file: what a script gets for each of them."""

import struct

import pytest

from data.conftest import COLUMNS, CSV, DB, NONE, PARTS, SD, SQL, TABLE, Script, record, row
from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import Failed, PeerLost, pack, unpack, unpack_data_reply
from hisee.schema.actions import ActionId as Do
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind
from hisee.values import UNCHANGED, Invalid, Record, Ref, Time, Type

T = Ref(TABLE)
OK, NO_DATA, TRANS_ERROR = Err.ERR_NO_ERROR, Err.ERR_NO_DATA, Err.ERR_TRANS_ERROR
FIRST = [1, "main", 1.5, True, Time(1000)]


def read_all(script, most=50, where=NONE, *values):
    return script.ask(Do.DBS_READ, 1, T, most, where, len(values), *values)


def names(reply):
    return reply.values[0].columns[1]


# -- reading


def test_a_row_is_read_by_its_key(script):
    reply = script.ask(Do.DBS_READ, 0, T, row(1), 1, NONE, 0)
    assert reply.rc == OK and reply.values[0].row(0) == FIRST and reply.values[0].structure_hbj == SD
    assert reply.ns > 0 and (reply.extended, reply.code, reply.text) == (0, 0, "")


def test_null_is_invalid_with_the_reason_no_data(script):
    found = script.ask(Do.DBS_READ, 0, T, row(3), 1, NONE, 0).values[0].row(0)
    assert found == [3, "spare", -2.0, Invalid(5, Type.BOOL), Invalid(5, Type.TIME)]


def test_no_such_row(script):
    reply = script.ask(Do.DBS_READ, 0, T, row(99), 1, NONE, 0)
    assert reply.rc == NO_DATA and reply.values[0] is UNCHANGED
    assert script.ask(Do.DBS_READ, 0, T, row(None), 1, NONE, 0).rc == NO_DATA


def test_a_row_by_where(script):
    reply = script.ask(Do.DBS_READ, 0, T, row(None), 1, "Name = #PAR#", 1, "side")
    assert reply.values[0].row(0)[:3] == [2, "side", Invalid(5, Type.REAL)]


def test_many_rows_fill_the_record(script):
    reply = read_all(script)
    assert reply.rc == OK and names(reply) == ["main", "side", "spare"]
    assert reply.values[0].columns[4] == [Time(1000), Time(1767225600000), Invalid(5, Type.TIME)]
    assert names(read_all(script, 50, "Id > #PAR# ORDER BY Id DESC", 1)) == ["spare", "side"]


def test_a_column_of_type_object_holds_values(make):
    """As in a NOALIAS record: whatever the database has; a row with references sends the numbers of their objects."""
    script = make(table={"columns": [*COLUMNS[:2], ("Level", "OBJECT"), *COLUMNS[3:]]})
    kinds = [Type.INT, Type.TEXT, Type.ANY, Type.BOOL, Type.TIME]
    for ident, value in ((7, "text"), (8, 2.5), (9, None), (10, Time(5))):
        assert script.ask(Do.DBS_INSERT, 0, T, Record(SD, kinds, [[ident], ["n"], [value], [True], [None]])).rc == OK
    links = Record(SD, [Type.INT, Type.TEXT, Type.OBJECT, Type.BOOL, Type.TIME], [[11], ["n"], [Ref(501)], [None], [None]])
    assert script.ask(Do.DBS_INSERT, 0, T, links).rc == OK
    found = read_all(script, 50, "Id > #PAR#", 6).values[0]
    assert found.types == kinds and found.columns[2] == ["text", 2.5, Invalid(5, Type.INT), 5.0, 501.0]  # the SQL column is REAL


def test_no_rows_empty_the_record(script):
    reply = read_all(script, 50, "Id > 1000")
    assert reply.rc == NO_DATA and reply.values[0].rows == 0


def test_the_scripts_own_maximum_cuts_without_a_warning(script):
    reply = read_all(script, 2)
    assert reply.rc == OK and names(reply) == ["main", "side"]
    assert read_all(script, 0).rc == Err.ERR_RANGE_ERROR


@pytest.mark.parametrize("most", [50, Invalid(5, Type.INT)])
def test_more_rows_than_the_database_object_returns(make, most):
    script = make(database={"max_rows": 2})
    reply = read_all(script, most)
    assert reply.rc == Err.ERR_DATABASE_ROWS_LIMIT and names(reply) == ["main", "side"]
    assert read_all(make(database={"max_rows": 3}), most).rc == OK


# -- bound values


def test_values_are_bound_never_spliced(script):
    evil = "x' OR '1'='1"
    assert read_all(script, 50, "Name = #PAR#", evil).rc == NO_DATA
    script.ask(Do.DBS_INSERT, 0, T, row(9, "a'b"))
    assert names(read_all(script, 50, "Name = #PAR#", "a'b")) == ["a'b"]


def test_a_mark_in_a_literal_or_comment_is_none(script):
    script.ask(Do.DBS_INSERT, 0, T, row(9, "#PAR#"))
    assert names(read_all(script, 50, "Name = '#PAR#' AND Id = #PAR# -- #PAR#", 9)) == ["#PAR#"]
    assert names(read_all(script, 50, '"Id" = #PAR# /* #PAR# \' */', 9)) == ["#PAR#"]


@pytest.mark.parametrize(("where", "values"), [("Id = #PAR#", ()), ("Id = 1", (1,)), ("Id = #PAR# OR Id = #PAR#", (1,))])
def test_marks_and_values_must_match(script, where, values):
    reply = read_all(script, 50, where, *values)
    assert reply.rc == TRANS_ERROR and "BINDIN gives" in reply.text


def test_a_bound_row_gives_its_cells(script):
    other = Record(77, ["INT", "TEXT"], [[2], ["side"]])
    assert names(read_all(script, 50, "Id = #PAR# AND Name = #PAR#", other)) == ["side"]


def test_every_type_can_be_bound(script):
    assert names(read_all(script, 50, "Level = #PAR#", 1.5)) == ["main"]
    assert names(read_all(script, 50, '"Full" = #PAR#', True)) == ["main"]
    assert names(read_all(script, 50, "At = #PAR#", Time(1000))) == ["main"]
    assert read_all(script, 50, "Level = #PAR#", Invalid(2, Type.REAL)).rc == NO_DATA


def test_one_statement_only(script):
    reply = read_all(script, 50, "1 = 1; DELETE FROM meter")
    assert reply.rc == TRANS_ERROR and script.sql("SELECT count(*) FROM meter") == [(3,)]


# -- writing


def test_insert_one_row(script):
    assert script.ask(Do.DBS_INSERT, 0, T, row(7, "new", 2.5, False, Time(5000))).rc == OK
    assert script.sql("SELECT * FROM meter WHERE Id = 7") == [(7, "new", 2.5, 0, 5000)]


def test_invalid_becomes_null_and_comes_back_invalid(script):
    script.ask(Do.DBS_INSERT, 0, T, record((7, "n", Invalid(4, Type.REAL), None, None)))
    assert script.sql("SELECT Level, Full, At FROM meter WHERE Id = 7") == [(None, None, None)]
    assert script.ask(Do.DBS_READ, 0, T, row(7), 1, NONE, 0).values[0].row(0)[2] == Invalid(5, Type.REAL)


def test_insert_of_many_rows_is_all_or_none(script):
    assert script.ask(Do.DBS_INSERT, 1, T, record((7, "a", 1.0, None, None), (8, "b", 2.0, None, None))).rc == OK
    reply = script.ask(Do.DBS_INSERT, 1, T, record((9, "c", 1.0, None, None), (8, "again", 2.0, None, None)))
    assert (reply.rc, reply.extended) == (TRANS_ERROR, Ext.SQL_ERROR) and "UNIQUE" in reply.text and reply.code == 1555
    assert script.sql("SELECT count(*) FROM meter WHERE Id = 9") == [(0,)]
    assert script.ask(Do.DBS_INSERT, 1, T, record()).rc == OK


def test_a_missing_value_of_a_not_null_column_names_its_rows(script):
    reply = script.ask(Do.DBS_INSERT, 1, T, record((7, "a", 1.0, None, None), (8, None, 2.0, None, None), (9, None, 2.0, None, None)))
    assert (reply.rc, reply.code) == (TRANS_ERROR, -70001) and "Name" in reply.text and "row 2, 3" in reply.text
    assert script.sql("SELECT count(*) FROM meter") == [(3,)]


def test_a_configured_not_null_column(make):
    reply = make(table={"not_null": ["Level"]}).ask(Do.DBS_INSERT, 0, T, row(7, "a"))
    assert reply.code == -70001 and "Level" in reply.text


def test_a_text_longer_than_its_column(script):
    reply = script.ask(Do.DBS_INSERT, 0, T, row(7, "123456789"))
    assert (reply.rc, reply.code) == (TRANS_ERROR, -70002) and "8 characters" in reply.text


def test_a_key_that_the_engine_gives(script):
    assert script.ask(Do.DBS_INSERT, 0, T, row(None, "auto")).rc == OK
    assert script.sql("SELECT Id FROM meter WHERE Name = 'auto'") == [(4,)]


def test_update_by_key(script):
    assert script.ask(Do.DBS_UPDATE, 0, T, row(1, "new", 9.5), NONE, 0).rc == OK
    assert script.sql("SELECT * FROM meter WHERE Id = 1") == [(1, "new", 9.5, None, None)]


def test_a_keyed_update_of_no_row(script):
    reply = script.ask(Do.DBS_UPDATE, 0, T, row(99, "x"), NONE, 0)
    assert (reply.rc, reply.code) == (TRANS_ERROR, -70005) and "Id = 99" in reply.text


def test_update_of_many_rows_is_all_or_none(script):
    assert script.ask(Do.DBS_UPDATE, 1, T, record((1, "a", None, None, None), (2, "b", None, None, None)), NONE, 0).rc == OK
    assert script.sql("SELECT Name FROM meter ORDER BY Id") == [("a",), ("b",), ("spare",)]
    reply = script.ask(Do.DBS_UPDATE, 1, T, record((1, "c", None, None, None), (99, "d", None, None, None)), NONE, 0)
    assert reply.code == -70005 and script.sql("SELECT Name FROM meter WHERE Id = 1") == [("a",)]


def test_update_by_where_leaves_the_key(script):
    assert script.ask(Do.DBS_UPDATE, 0, T, row(1, "all", 0.0), "Id >= #PAR#", 1, 2).rc == OK
    assert script.sql("SELECT Id, Name FROM meter ORDER BY Id") == [(1, "main"), (2, "all"), (3, "all")]


def test_delete_by_key_and_by_where(script):
    assert script.ask(Do.DBS_DELETE, 0, T, row(1)).rc == OK
    assert script.ask(Do.DBS_DELETE, 0, T, row(1)).rc == NO_DATA
    assert script.ask(Do.DBS_DELETE_WHERE, T, "Id = #PAR#", 1, 2).rc == OK
    assert script.sql("SELECT Id FROM meter") == [(3,)]
    assert script.ask(Do.DBS_DELETE, 1, T, record((3, "", None, None, None))).rc == OK


@pytest.mark.parametrize("where", ["", "  ", NONE])
def test_a_delete_without_condition_deletes_nothing(script, where):
    assert script.ask(Do.DBS_DELETE_WHERE, T, where, 0).rc == TRANS_ERROR
    assert script.sql("SELECT count(*) FROM meter") == [(3,)]


def test_a_table_without_key(make):
    script = make(table={"key": []})
    reply = script.ask(Do.DBS_UPDATE, 1, T, record((1, "a", None, None, None)), NONE, 0)
    assert (reply.rc, reply.extended, reply.code) == (TRANS_ERROR, Ext.NO_KEY, -70003)
    assert script.ask(Do.DBS_READ, 0, T, row(1), 1, NONE, 0).extended == Ext.NO_KEY
    assert script.ask(Do.DBS_DELETE, 0, T, row(1)).code == -Ext.NO_KEY
    assert script.ask(Do.DBS_UPDATE, 0, T, row(1, "a"), "Id = 1", 0).rc == OK


def test_a_row_of_another_structure(script):
    wrong = Record(SD + 1, ["INT"], [[1]])
    assert script.ask(Do.DBS_INSERT, 0, T, wrong).rc == Err.ERR_RECORD_NO_COMP
    assert script.ask(Do.DBS_READ, 0, T, wrong, 1, NONE, 0).rc == Err.ERR_RECORD_NO_COMP


# -- access and handles


@pytest.mark.parametrize(("access", "may_read"), [("none", False), ("read", True)])
def test_the_access_of_a_table_is_kept(make, access, may_read):
    script = make(table={"access": access})
    reply = read_all(script)
    assert (reply.rc == OK) is may_read and (may_read or reply.extended == Ext.NO_RIGHT)
    for refused in (
        script.ask(Do.DBS_INSERT, 0, T, row(7, "a")),
        script.ask(Do.DBS_UPDATE, 0, T, row(1, "a"), NONE, 0),
        script.ask(Do.DBS_DELETE, 0, T, row(1)),
        script.ask(Do.DBS_DELETE_WHERE, T, "1 = 1", 0),
        script.ask(Do.DB_CONNECT, T, 2),
    ):
        assert (refused.rc, refused.extended) == (TRANS_ERROR, Ext.NO_RIGHT)
    assert (script.ask(Do.DB_CONNECT, T, 1).rc == OK) is may_read


def test_a_handle_reads_until_it_is_closed(script):
    handle, rc = script.ask(Do.DB_CONNECT, T, 1).values
    assert rc == OK and handle >> 24 == TABLE
    assert script.ask(Do.DB_READ, 0, handle, row(1), 1, NONE, 0).values[0].row(0) == FIRST
    assert names(script.ask(Do.DB_READ, 1, handle, 9, "Id = #PAR#", 1, 2)) == ["side"]
    assert script.ask(Do.DB_DISCONNECT, handle).values == []
    gone = script.ask(Do.DB_READ, 0, handle, row(1), 1, NONE, 0)
    assert gone.rc == NO_DATA and gone.values[0] is UNCHANGED
    assert script.ask(Do.DB_DISCONNECT, handle).values == [], "closing twice is no fault"


@pytest.mark.parametrize("handle", [0, -1, 5, Invalid(1, Type.INT)])
def test_an_unknown_handle_is_no_data(script, handle):
    assert script.ask(Do.DB_READ, 1, handle, 9, NONE, 0).rc == NO_DATA


@pytest.mark.parametrize("access", [0, 3, Invalid(1, Type.INT)])
def test_an_unknown_access(script, access):
    reply = script.ask(Do.DB_CONNECT, T, access)
    assert reply.rc == Err.ERR_RANGE_ERROR and isinstance(reply.values[0], Invalid)


def test_handles_belong_to_their_process_and_end_with_it(script):
    handle = script.ask(Do.DB_CONNECT, T, 1).values[0]
    script.number += 1
    assert script.ask(Do.DB_READ, 1, handle, 9, NONE, 0).rc == NO_DATA
    script.ask(Do.DB_DISCONNECT, handle)
    other = script.ask(Do.DB_CONNECT, T, 1).values[0]
    assert other != handle and script.lane.handles == 2
    lost = Message(kind=MessageKind.PEER_LOST, payload=pack(PeerLost(number=script.number - 1)))
    assert script.lane.answer(lost) is None and script.lane.handles == 1
    assert script.ask(Do.DB_READ, 1, other, 9, NONE, 0).rc == OK


def test_a_table_that_is_not_ours(script):
    reply = script.ask(Do.DBS_READ, 1, Ref(999), 9, NONE, 0)
    assert (reply.rc, reply.extended) == (TRANS_ERROR, Ext.OBJECT_UNKNOWN)


# -- types


def test_times_as_text(make):
    script = make(
        tables={
            105: {
                "name": "T.Stamp",
                "database": DB,
                "table": "stamp",
                "structure": 106,
                "columns": [("Id", "INT"), ("At", "TIME")],
                "key": ["Id"],
                "access": "modify",
            }
        }
    )
    stamp = Ref(105)
    when = Time(1767225600123)
    script.ask(Do.DBS_INSERT, 0, stamp, Record(106, ["INT", "TIME"], [[1], [when]]))
    assert script.sql("SELECT At FROM stamp") == [("2026-01-01 00:00:00.123",)]
    found = script.ask(Do.DBS_READ, 1, stamp, 9, "At = #PAR#", 1, when)
    assert found.values[0].columns[1] == [when]
    for text, expected in (
        ("2026-01-01", Time(1767225600000)),
        ("2026-01-01T01:00:00+01:00", Time(1767225600000)),
        ("nonsense", Invalid(3, Type.TIME)),
    ):
        script.sql("UPDATE stamp SET At = ?", text)
        assert script.ask(Do.DBS_READ, 1, stamp, 9, NONE, 0).values[0].columns[1] == [expected]
    assert script.ask(Do.DBS_INSERT, 0, stamp, Record(106, ["INT", "TIME"], [[2], [Time(1 << 60)]])).extended == Ext.OUT_OF_LIMITS
    for ms in (-1, -62135596800000, 253402300799999):
        script.ask(Do.DBS_UPDATE, 0, stamp, Record(106, ["INT", "TIME"], [[1], [Time(ms)]]), NONE, 0)
        assert script.ask(Do.DBS_READ, 1, stamp, 9, NONE, 0).values[0].columns[1] == [Time(ms)]


@pytest.mark.parametrize(
    ("column", "stored", "expected"),
    [
        ("Level", 3, 3.0),
        ("Level", "text", Invalid(3, Type.REAL)),
        ("Level", float("inf"), Invalid(2, Type.REAL)),
        ("Level", b"\0", Invalid(3, Type.REAL)),
        ("Full", 2, Invalid(3, Type.BOOL)),
        ("Full", 1, True),
        ("Name", 12, "12"),
        ("Name", b"\xff", Invalid(3, Type.TEXT)),
        ("At", -(1 << 63), Invalid(2, Type.TIME)),
        ("At", 1.5, Invalid(3, Type.TIME)),
    ],
)
def test_what_the_file_holds_and_the_type_does_not(script, column, stored, expected):
    read_all(script)
    script.sql(f'UPDATE meter SET "{column}" = ? WHERE Id = 1', stored)
    found = script.ask(Do.DBS_READ, 0, T, row(1), 1, NONE, 0).values[0].row(0)
    assert found[["Id", "Name", "Level", "Full", "At"].index(column)] == expected


def test_the_least_numbers_are_invalid_as_everywhere(script):
    script.ask(Do.DBS_INSERT, 0, T, row((1 << 63) - 1, "big"))
    read_all(script)
    script.sql("INSERT INTO meter (Id, Name) VALUES (?, 'low')", -(1 << 63))
    found = read_all(script, 50, "Name = 'low' OR Name = 'big' ORDER BY Id").values[0].columns[0]
    assert found == [Invalid(2, Type.INT), (1 << 63) - 1]


def test_an_optional_column_may_be_missing(make):
    columns = [("Id", "INT"), ("Name", "TEXT"), ("Later", "TEXT")]
    script = make(table={"columns": columns, "optional": ["Later"], "parts": []})
    script.ask(Do.DBS_INSERT, 0, T, Record(SD, ["INT", "TEXT", "TEXT"], [[1], ["n"], ["not stored"]]))
    assert read_all(script).values[0].row(0) == [1, "n", Invalid(5, Type.TEXT)]


def test_names_are_quoted(tmp_path):
    parts = {"DB.Plant:SQL": b'CREATE TABLE "select" ("Order" INTEGER PRIMARY KEY, "a ""b" TEXT)'}
    script = Script(tmp_path, parts=parts, table={"table": "select", "columns": [("Order", "INT")], "key": ["Order"], "parts": []})
    assert script.ask(Do.DBS_INSERT, 0, T, Record(SD, ["INT"], [[1]])).rc == OK
    assert script.ask(Do.DBS_READ, 0, T, Record(SD, ["INT"], [[1]]), 1, NONE, 0).rc == OK
    script.lane.close()


# -- messages


@pytest.mark.parametrize("payload", [b"", b"\x21", b"\x21\x00", b"\x21\x00\xff\xff", struct.pack("<H", Do.DBS_READ) + b"\0" * 40])
def test_a_request_that_cannot_be_read_is_refused(script, payload):
    answer = script.lane.answer(Message(kind=MessageKind.DATA, source=1, corr=4, wants_answer=True, payload=payload))
    assert answer.kind == MessageKind.FAILED and unpack(Failed, answer.payload).error == Err.ERR_PARAM_TYPE


@pytest.mark.parametrize(
    "values", [(), (1,), (1, "T.Meter", 9, NONE, 0), (0, T, 5, 1, NONE, 0), (1, T, "x", NONE, 0), (1, T, 9, 5, 0), (1, T, 9, NONE, 2)]
)
def test_operands_that_do_not_fit_are_refused(script, values):
    answer = script.send(Do.DBS_READ, *values)
    if answer.kind == MessageKind.REPLY:  # a row of another structure, a handle of nobody: the script's fault, not the format's
        assert decode(unpack_data_reply(answer.payload)[1])[-1] in (Err.ERR_RECORD_NO_COMP, NO_DATA)
    else:
        assert unpack(Failed, answer.payload).error == Err.ERR_PARAM_TYPE
    assert read_all(script).rc == OK


def test_an_unknown_action_or_message_is_refused(script):
    assert unpack(Failed, script.send(999).payload).error == Err.ERR_NOT_SUPPORTED
    assert script.send(999, kind=MessageKind.CALL).kind == MessageKind.FAILED
    assert script.send(999, wants_answer=False) is None


def test_an_echo_comes_back(script):
    answer = script.lane.answer(Message(kind=MessageKind.ECHO, source=5, corr=1, wants_answer=True, payload=b"abc"))
    assert (answer.kind, answer.payload, answer.target) == (MessageKind.REPLY, b"abc", 5)


def test_random_bytes_never_break_the_lane(script):
    import random

    rng = random.Random(1)
    good = struct.pack("<H", Do.DBS_READ) + encode([1, T, 9, "Id = #PAR#", 1, 2])
    for _ in range(2000):
        data = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        answer = script.lane.answer(Message(kind=MessageKind.DATA, source=1, corr=1, wants_answer=True, payload=bytes(data)))
        assert answer.kind in (MessageKind.REPLY, MessageKind.FAILED)
    assert read_all(script).rc == OK and script.sql("SELECT count(*) FROM meter") == [(3,)]


@pytest.mark.req("R146")
def test_reading_writes_nothing(script):
    """An interactive read touches no queue and syncs nothing: the file and its journal stay byte for byte."""
    read_all(script)
    before = {p.name: p.read_bytes() for p in script.data.iterdir() if not p.name.endswith("-shm")}
    for n in range(1000):
        assert script.ask(Do.DBS_READ, 0, T, row(n % 3 + 1), 1, NONE, 0).rc == OK
    assert {p.name: p.read_bytes() for p in script.data.iterdir() if not p.name.endswith("-shm")} == before


def test_samples_are_what_the_tests_think():
    assert set(PARTS.values()) == {SQL, CSV}
