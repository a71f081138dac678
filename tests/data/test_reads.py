"""Reads that come again are answered in a short way: the same bytes as the first time, or not at all."""

from __future__ import annotations

import pytest

from data.conftest import COLUMNS, DB, NONE, PARTS, SCRIPT, TABLE, facts, record, row
from hisee import config
from hisee._core.values import encode
from hisee.channel import Message
from hisee.channel.payloads import DataHead, pack_data, pack_data_reply, unpack_data_reply
from hisee.data.lane import Lane
from hisee.schema.actions import ActionId as Do
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind
from hisee.seams import Seams
from hisee.values import Invalid, Ref, Stamped, Time, Type

T = Ref(TABLE)
COUNTING = "Id IN (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < #PAR#) SELECT n FROM c WHERE n < 0)"


def request(*values, action=Do.DBS_READ, source=SCRIPT):
    return Message(MessageKind.DATA, 3, source, 9, TABLE, 5, pack_data(action, encode(list(values))), wants_answer=True)


def plain(answer):
    """The payload without the time that the statement took."""
    head, values = unpack_data_reply(answer.payload)
    return pack_data_reply(DataHead(0, *head[1:]), values)


def short(script, *values, **options):
    """The answer of the short way; None: it has none."""
    return script.lane.reads.answer(request(*values, **options))


CASES = {
    "all rows": (50, NONE),
    "one row": (1, NONE),
    "no maximum": (Invalid(5, Type.INT), NONE),
    "no row": (50, "Id > 1000"),
    "a condition": (50, "Name = 'main' ORDER BY Id"),
    "a blank condition": (50, "  "),
    "an INT": (50, "Id > #PAR# ORDER BY Id DESC", 1),
    "a TEXT": (1, "Name = #PAR#", "side"),
    "a REAL": (1, "Level < #PAR#", 0.5),
    "a BOOL": (1, "Full = #PAR#", True),
    "two values": (1, "Id = #PAR# AND Name = #PAR#", 3, "spare"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_second_answer_has_the_bytes_of_the_first_one(script, case):
    most, where, *values = CASES[case]
    asked = (1, T, most, where, len(values), *values)
    assert short(script, *asked) is None, "nobody has asked this before"
    first = script.lane.answer(request(*asked))
    again = short(script, *asked)
    assert again is not None and plain(again) == plain(first) and unpack_data_reply(again.payload)[0].service_ns > 0
    assert (again.kind, again.lane, again.source, again.target, again.object, again.corr) == (MessageKind.REPLY, 3, 9, SCRIPT, TABLE, 5)


def test_other_bound_values_are_the_same_read(script):
    script.lane.answer(request(1, T, 1, "Id = #PAR#", 1, 1))
    for ident in (1, 2, 3, 4):
        assert plain(short(script, 1, T, 1, "Id = #PAR#", 1, ident)) == plain(script.lane._answer(request(1, T, 1, "Id = #PAR#", 1, ident)))


@pytest.mark.parametrize("value", [Time(1000), Invalid(5, Type.INT), Ref(7), row(1), Stamped(1, 5, weak=False)])
def test_a_value_that_needs_more_than_itself_goes_the_long_way(script, value):
    asked = (1, T, 1, "At = #PAR#", 1)
    script.lane.answer(request(*asked, 1))
    assert short(script, *asked, value) is None
    assert script.lane.answer(request(*asked, value)).kind in (MessageKind.REPLY, MessageKind.FAILED)


@pytest.mark.parametrize("asked", [(0, T, row(1), 1, NONE, 0), (1, T, 0, NONE, 0), (1, T, 5, "Id = #PAR#", 0), (1, T, 5, "Nope = 1", 0)])
def test_what_is_no_such_read_or_was_refused_is_not_kept(script, asked):
    script.lane.answer(request(*asked))
    assert short(script, *asked) is None


def test_cells_of_every_kind(make):
    script = make(table={"columns": [*COLUMNS[:2], ("Level", "OBJECT"), *COLUMNS[3:]]})
    script.lane.answer(request(1, T, 1, "Id = #PAR#", 1, 0))
    odd = ("text", b"blob", 1 << 62, -(1 << 63), 2.5, 1e308, float("inf"), None, "")
    for number, value in enumerate(odd, 10):
        script.sql("INSERT INTO meter VALUES (?, ?, ?, ?, ?)", number, str(number), value, value, value)
        for table in (1, 9):
            found = short(script, 1, T, 1, "Id = #PAR#", 1, number)
            assert plain(found) == plain(script.lane._answer(request(1, T, 1, "Id = #PAR#", 1, number))), (table, value)


def test_rows_over_the_limit_of_the_database_object_are_told(make):
    script = make(database={"max_rows": 2})
    asked = (1, T, Invalid(5, Type.INT), NONE, 0)
    assert plain(script.lane.answer(request(*asked))) == plain(short(script, *asked))
    assert script.ask(Do.DBS_READ, *asked).rc == Err.ERR_DATABASE_ROWS_LIMIT


def test_a_handle_counts_for_its_owner_and_until_it_ends(script):
    handle = script.ask(Do.DB_CONNECT, T, 1).values[0]
    asked = (1, handle, 5, NONE, 0)
    script.lane.answer(request(*asked, action=Do.DB_READ))
    assert short(script, *asked, action=Do.DB_READ) is not None
    assert short(script, *asked, action=Do.DB_READ, source=SCRIPT + 1) is None
    script.ask(Do.DB_DISCONNECT, handle)
    assert short(script, *asked, action=Do.DB_READ) is None
    assert script.ask(Do.DB_READ, *asked).rc == Err.ERR_NO_DATA


def test_a_process_that_ends_takes_its_reads_along(script):
    handle = script.ask(Do.DB_CONNECT, T, 1).values[0]
    script.ask(Do.DB_READ, 1, handle, 5, NONE, 0)
    script.lane.forget(SCRIPT)
    assert short(script, 1, handle, 5, NONE, 0, action=Do.DB_READ) is None


def test_a_fault_of_the_engine_is_told_as_the_first_time(script):
    asked = (1, T, 5, "Level = 1.5", 0)
    script.ask(Do.DBS_READ, *asked)
    script.sql("ALTER TABLE meter RENAME COLUMN Level TO Depth")
    assert short(script, *asked) is not None, "the engine said no, and that is an answer"
    reply = script.ask(Do.DBS_READ, *asked)
    assert (reply.rc, reply.extended) == (Err.ERR_TRANS_ERROR, Ext.TABLE_NOT_CONFIGURED)


def test_a_file_that_was_closed_is_opened_again(script):
    asked = (1, T, 5, NONE, 0)
    first = script.lane.answer(request(*asked))
    script.lane._databases[DB].close()
    assert short(script, *asked) is None
    assert plain(script.lane.answer(request(*asked))) == plain(first)
    assert short(script, *asked) is not None


def test_a_known_read_that_takes_too_long_ends(tmp_path):
    lane = Lane(facts(), tmp_path, Seams(), PARTS.__getitem__, limits={**config.limits(), "request_limit_s": 0})
    lane.answer(request(1, T, 5, COUNTING, 1, 1))
    head, _ = unpack_data_reply(lane.reads.answer(request(1, T, 5, COUNTING, 1, 1 << 40)).payload)
    assert (head.extended, head.engine_code) == (Ext.USER_EXPIR_TIME, -41) and head.service_ns > 0
    lane.close()


def test_no_answer_is_wanted(script):
    asked = request(1, T, 5, NONE, 0)
    script.lane.answer(asked)
    asked.wants_answer = False
    assert script.lane.reads.answer(asked) is None and script.lane.answer(asked) is None


@pytest.mark.parametrize("size", range(0, 60, 3))
def test_bytes_that_end_too_early(script, size):
    asked = request(1, T, 1, "Id = #PAR#", 1, 5)
    script.lane.answer(asked)
    asked.payload = asked.payload[: min(size, len(asked.payload) - 1)]
    assert script.lane.reads.answer(asked) is None
    assert script.lane.answer(asked).kind == MessageKind.FAILED


def test_what_is_written_between_is_read(script):
    asked = (1, T, 50, "Id > 3", 0)
    script.ask(Do.DBS_READ, *asked)
    assert script.ask(Do.DBS_INSERT, 0, T, record((4, "new", 1.0, True, Time(7)))).rc == Err.ERR_NO_ERROR
    assert script.ask(Do.DBS_READ, *asked).values[0].columns[1] == ["new"]
