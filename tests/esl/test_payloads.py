"""What leaves a script: the operands of actions in the order that docs/design/action-payloads.md promises."""

from __future__ import annotations

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
        203, ("INT", "TEXT", "REAL"), [list(column) for column in zip(*rows, strict=True)])


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
