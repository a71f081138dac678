"""What leaves a script: the operands of actions in the order that docs/design/action-payloads.md promises."""

from __future__ import annotations

import pytest

from hisee._core.values import Invalid, Record, Ref
from hisee.esl import compile_source

from .directory import plain
from .host import Host

HEAD = "INT _h, _rc\nRECORD NOALIAS (SD.Meter) _m\n"


def sent(body: str, answers: dict[str, list[list]] | None = None) -> list[tuple[str, list]]:
    """The actions of a script with answers to its requests."""
    text = f"{HEAD}BEGIN\n{body}\nEND\n"
    done = compile_source(text, name="E.Data", context=plain())
    assert done.ok, done.diagnostics
    host = Host(done.unit, answers)
    host.init()
    assert host.script.failure is None
    return host.sent


def meters(*rows: list) -> Record:
    return Record.from_rows(203, [("Id", "INT"), ("Name", "TEXT"), ("Reading", "REAL")], rows) if hasattr(Record, "from_rows") else Record(
        203, ("INT", "TEXT", "REAL"), [[row[at] for row in rows] for at in range(3)])


def test_connect_read_and_disconnect():
    row = meters([7, "seven", 1.5])
    actions = sent('  DB_CONNECT DBT.Meters, _DB_READ, _h, _rc\n  _m[1]^Id := 7\n'
                   '  DB_READ _h, _m[1], _rc\n  DB_DISCONNECT _h\n  LOGEX _m[1]^Name',
                   {"DB_CONNECT": [[41, 0]], "DB_READ": [[row, 0]], "DB_DISCONNECT": [[]]})
    assert actions[0] == ("DB_CONNECT", [Ref(205), 1])
    name, (mode, handle, record, most, where, count) = actions[1]
    assert (name, mode, handle, most, count) == ("DB_READ", 0, 41, 1, 0)
    assert record.columns[0] == [7] and isinstance(where, Invalid)
    assert actions[2] == ("DB_DISCONNECT", [41])
    assert actions[3][1][1] == "seven"


def test_a_record_read_sends_no_record_and_takes_the_rows():
    rows = meters([1, "a", 0.5], [2, "b", 1.5])
    actions = sent('  DBS_READ DBT.Meters, _m, _rc, 100 WHERE "Id > ? AND Name = ?" BINDIN 5, "x"\n  LOG "rows", _rc\n  LOG "dim", _h',
                   {"DBS_READ": [[rows, 0]]})
    mode, table, most, where, count, *binds = actions[0][1]
    assert (mode, table, most, where, count) == (1, Ref(205), 100, "Id > ? AND Name = ?", 2)
    assert binds == [5, "x"]


def test_writes():
    actions = sent('  DBS_INSERT DBT.Meters, _m[1], _rc\n'
                   '  DBS_INSERT DBT.Meters, _m, _rc\n  DBS_UPDATE DBT.Meters, _m[1], _rc WHERE "Id = 1"\n'
                   '  DBS_DELETE DBT.Meters, _m[1], _rc\n  DBS_DELETE DBT.Meters, _rc WHERE "Id = ?" BINDIN _m[1]',
                   {"DBS_INSERT": [[0], [0]], "DBS_UPDATE": [[0]], "DBS_DELETE": [[0]], "DBS_DELETE_WHERE": [[0]]})
    names = [name for name, _ in actions]
    assert names == ["DBS_INSERT", "DBS_INSERT", "DBS_UPDATE", "DBS_DELETE", "DBS_DELETE_WHERE"]
    assert [a[1][0] for a in actions[:4]] == [0, 1, 0, 0]
    assert actions[2][1][3:] == ["Id = 1", 0]
    table, where, count, bind = actions[4][1]
    assert (table, where, count) == (Ref(205), "Id = ?", 1) and isinstance(bind, Record) and bind.rows == 1


def test_an_assignment_carries_the_weak_flag_of_its_operands():
    text = "INT _a\nBEGIN\n  _a := U.Count\n  U.Level := U.Count * 2 + _a\n  U.Note := \"x\"\nEND\n"
    done = compile_source(text, name="E.Weak", context=plain())
    host = Host(done.unit)
    host.cells.set(101, 4, 0, True)
    host.init()
    assert [(v[0].object, v[1], bool(v[3])) for name, v in host.sent if name == "SET"] == [(102, 12.0, True), (103, "x", False)]


def test_a_time_travels_with_the_assignment():
    done = compile_source("BEGIN\n  U.Count := 1 TIME %FromUnix(10)\nEND\n", name="E.Time", context=plain())
    host = Host(done.unit)
    host.init()
    assert int(host.sent[0][1][2]) == 10_000


def test_a_refused_write_surfaces_at_wait():
    text = "BEGIN\n  U.Count := 1\n  LOG \"on\"\n  ON ERROR OFF\n  WAIT\n  LOG \"why\", _ERR_NR_TRANS_EX\n  LOG \"nr\", _ERR_NR\nEND\n"
    host = Host(compile_source(text, name="E.Wait", context=plain()).unit)
    host.refused[101] = 14
    host.init()
    assert host.log == ["on", "why 14", "nr 11"]


def test_wait_for_a_condition_looks_again_when_values_have_come():
    class Moving(Host):
        def do_delay(self, seconds):
            assert seconds <= 1
            self.cells.set(101, (self.cells.get(101).value or 0) + 1)
            return []

    text = "BOOL _in_time\nBEGIN\n  U.Count := 0\n  WAIT U.Count = 3 TIMEOUT 5, _in_time\n  LOG \"in time\", _in_time\nEND\n"
    host = Moving(compile_source(text, name="E.Wait", context=plain()).unit)
    host.init()
    assert host.log == ["in time TRUE"]
    assert [name for name, _ in host.sent].count("DELAY") == 3


def of_object(body: str, answers: dict[str, list[list]]) -> Host:
    """A script that works with the rows of SV.Meters, by name and by alias; row 2 holds 7, "old", 0.5."""
    text = (f'{HEAD}ALIAS (SD.Meter) _al\nBEGIN\n  SET _al AS SV.Meters\n  SV.Meters[2]^Id := 7\n  SV.Meters[2]^Name := "old"\n'
            f"  SV.Meters[2]^Reading := 0.5\n{body}\nEND\n")
    done = compile_source(text, name="E.Data", context=plain())
    assert done.ok, done.diagnostics
    host = Host(done.unit, answers)
    host.init()
    assert host.script.failure is None
    host.sent = host.sent[3:]
    return host


def cells_of(host: Host, row: int) -> list:
    return [host.cells.get(Ref(204, row, column)).value for column in (1, 2, 3)]


@pytest.mark.parametrize("row", ["SV.Meters[2]", "_al[2]", "_al[_h + 2]"])
def test_a_row_of_an_object_is_read_and_written_through(row):
    host = of_object(f"  _h := 0\n  DBS_READ DBT.Meters, {row}, _rc\n  WAIT", {"DBS_READ": [[meters([7, "new", 2.5]), 0]]})
    mode, _, record, *_ = host.sent[0][1]
    assert mode == 0 and record.columns == [[7], ["old"], [0.5]]
    assert [name for name, _ in host.sent] == ["DBS_READ", "SET", "SET", "SET", "WAIT"]
    assert cells_of(host, 2) == [7, "new", 2.5]


@pytest.mark.parametrize(("rows", "found"), [("SV.Meters[2]", meters([7, "x", 1.5])), ("SV.Meters", meters())])
def test_a_read_that_failed_sends_no_request_to_the_object(rows, found):
    host = of_object(f"  DBS_READ DBT.Meters, {rows}, _rc", {"DBS_READ": [[found, 9]]})
    assert [name for name, _ in host.sent] == ["DBS_READ"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_whole_object_has_as_many_rows_as_were_read(count):
    rows = [[n, f"n{n}", n / 2] for n in range(1, count + 1)]
    host = of_object("  DBS_READ DBT.Meters, SV.Meters, _rc, 9\n  WAIT", {"DBS_READ": [[meters(*rows), 0]]})
    assert host.cells.dim(204) == count
    assert [cells_of(host, n) for n in range(1, count + 1)] == rows
    assert ("OBJECT_ROWS" in [name for name, _ in host.sent]) is (count != 2)


def test_rows_of_an_object_are_stored_and_name_what_to_read():
    host = of_object('  DBS_INSERT DBT.Meters, SV.Meters, _rc\n  DBS_UPDATE DBT.Meters, _al[2], _rc\n'
                     '  DBS_DELETE DBT.Meters, _rc WHERE "Id = ?" BINDIN SV.Meters[2]',
                     {"DBS_INSERT": [[0]], "DBS_UPDATE": [[0]], "DBS_DELETE_WHERE": [[0]]})
    whole, one, bound = host.sent[0][1], host.sent[1][1], host.sent[2][1]
    assert (whole[0], whole[2].rows) == (1, 2) and (one[0], one[2].columns) == (0, [[7], ["old"], [0.5]])
    assert bound[3].columns == [[7], ["old"], [0.5]]
