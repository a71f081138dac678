"""The table of object values: reading, writing, conversions, V14, and what replicas make of payloads."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisee._core.cells import CellTable
from hisee.values import Cell, Invalid, Record, Ref, Stamped, Time, Type


@pytest.fixture
def table() -> CellTable:
    made = CellTable()
    for number, kind in enumerate(["BOOL", "INT", "REAL", "TIME", "TEXT"], start=1):
        made.define(number, kind)
    made.define(100, "RECORD", rows=2, columns=["INT", "TEXT", "OBJECT"])
    return made


def test_a_fresh_cell_is_undefined(table: CellTable) -> None:
    cell = table.get(2)
    assert isinstance(cell, Cell)
    assert (cell.value, cell.reason, cell.time_ms, cell.change, cell.last) == (Invalid(1), 1, None, 0, None)


def test_values_of_every_type_are_kept(table: CellTable) -> None:
    for number, value in enumerate([True, 7, 1.5, Time(9), "é"], start=1):
        table.set(number, value, 1000 + number)
        cell = table.get(Ref(number))
        assert (cell.value, type(cell.value), cell.time_ms, cell.reason) == (value, type(value), 1000 + number, 0)


def test_change_numbers_grow_across_the_table(table: CellTable) -> None:
    assert [table.set(1, True), table.set(2, 5), table.set(1, False)] == [1, 2, 3]
    assert table.last_change == 3


def test_an_invalid_state_keeps_the_last_valid_payload(table: CellTable) -> None:
    table.set(5, "open", 10)
    table.set(5, Invalid(6, "TEXT"), 20)
    cell = table.get(5)
    assert (cell.value, cell.reason, cell.last, cell.time_ms) == (Invalid(6, "TEXT"), 6, "open", 20)


def test_a_write_is_converted_to_the_cells_type(table: CellTable) -> None:
    table.set(2, 2.5)
    assert table.get(2).value == 3
    table.set(2, "7")
    assert table.get(2).value == Invalid(3)
    table.set(3, math.inf)
    assert table.get(3).value == Invalid(2, "REAL")
    table.set(3, None)
    assert table.get(3).value == Invalid(5, "REAL")


def test_a_stamped_value_brings_its_time_and_mark(table: CellTable) -> None:
    table.set(2, Stamped(4, 77, True))
    assert (table.get(2).time_ms, table.get(2).weak) == (77, True)


def test_a_structured_object_has_cells_rows_and_a_whole(table: CellTable) -> None:
    table.set(Ref(100, 1, 1), 5)
    table.set(Ref(100, 2, 2), "b")
    table.set(Ref(100, 2, 3), Ref(5))
    assert table.get(Ref(100, 1, 1)).value == 5
    whole = table.get(Ref(100))
    assert whole.types == [Type.INT, Type.TEXT, Type.OBJECT]
    assert whole.columns == [[5, Invalid(1)], [Invalid(1, "TEXT"), "b"], [Ref(0), Ref(5)]]
    assert table.get(Ref(100, 2)).columns == [[Invalid(1)], ["b"], [Ref(5)]]


def test_a_record_writes_the_whole_object_or_one_row(table: CellTable) -> None:
    rows = Record(100, ["INT", "TEXT", "OBJECT"], [[1, 2, 3], ["a", "b", "c"], [Ref(0), Ref(1), Ref(2)]])
    number = table.set(100, rows, 50)
    assert table.dim(100) == 3
    assert table.get(100) == rows
    assert {table.get(Ref(100, r, 1)).change for r in (1, 2, 3)} == {number}
    table.set(Ref(100, 2), Record(100, ["INT", "TEXT", "OBJECT"], [[9], ["z"], [Ref(0)]]))
    assert table.get(100).columns[0] == [1, 9, 3]


def test_redim_keeps_rows_and_adds_invalid_ones(table: CellTable) -> None:
    table.set(Ref(100, 1, 2), "stays")
    table.redim(100, 4)
    assert table.get(100).columns[1] == ["stays", *[Invalid(1, "TEXT")] * 3]
    table.redim(100, 1)
    assert table.dim(100) == 1


def test_errors_name_what_is_missing(table: CellTable) -> None:
    with pytest.raises(KeyError, match="999"):
        table.get(999)
    with pytest.raises(KeyError):
        table.set(999, 1)
    with pytest.raises(IndexError, match="row=3"):
        table.set(Ref(100, 3, 1), 1)
    with pytest.raises(IndexError):
        table.get(Ref(2, 1, 1))
    with pytest.raises(TypeError, match="structure"):
        table.set(100, Record(100, ["INT"], [[1]]))
    with pytest.raises(TypeError):
        table.redim(2, 3)
    with pytest.raises(ValueError, match="ANY"):
        table.define(7, "ANY")
    with pytest.raises(ValueError, match="no reference"):
        table.get(Ref(2**32))


def test_the_same_shape_again_keeps_values_another_one_does_not(table: CellTable) -> None:
    table.set(2, 5)
    table.define(2, "INT")
    assert table.get(2).value == 5
    table.define(2, "REAL")
    assert table.get(2).value == Invalid(1, "REAL")


def test_memory_is_bounded_and_given_back() -> None:
    table = CellTable(100_000)
    table.define(1, "TEXT")
    before = table.memory_bytes
    table.set(1, "x" * 1000)
    with pytest.raises(MemoryError):
        table.set(1, "x" * 200_000)
    assert table.get(1).value == "x" * 1000
    table.set(1, "")
    assert table.memory_bytes < before + 200
    with pytest.raises(MemoryError):
        table.define(2, "RECORD", rows=100_000, columns=["INT"])
    assert not table.has(2)


def replica_of(table: CellTable, objects: list[int]) -> CellTable:
    made = CellTable()
    made.apply(table.snapshot(objects))
    return made


def test_a_snapshot_makes_an_equal_replica(table: CellTable) -> None:
    table.set(1, True, 5)
    table.set(5, "kept", 6)
    table.set(5, Invalid(6, "TEXT"), 7)
    table.set(Ref(100, 2, 2), "é", 8, weak=True)
    replica = replica_of(table, [1, 2, 5, 100, 4711])
    for ref in (Ref(1), Ref(2), Ref(5), Ref(100, 1, 1), Ref(100, 2, 2)):
        assert replica.get(ref) == table.get(ref)
        assert replica.get(ref).last == table.get(ref).last
    assert not replica.has(4711)
    assert replica.shape(100) == table.shape(100)


def test_changes_reach_the_replica_and_are_told(table: CellTable) -> None:
    replica = replica_of(table, [2, 100])
    table.set(2, 8)
    table.set(Ref(100, 1, 1), 9)
    payload = table.changes([Ref(2), Ref(100, 1, 1)])
    assert replica.apply(payload) == [Ref(2), Ref(100, 1, 1)]
    assert replica.apply(payload) == [], "the same change twice is no news"
    assert replica.get(2).value == 8


def test_older_news_is_ignored(table: CellTable) -> None:
    replica = replica_of(table, [2])
    table.set(2, 1)
    old = table.changes([2])
    table.set(2, 2)
    replica.apply(table.changes([2]))
    assert replica.apply(old) == []
    assert replica.get(2).value == 2


def test_an_own_write_of_a_replica_gives_way_to_the_owners_answer(table: CellTable) -> None:
    replica = replica_of(table, [2])
    replica.put(2, 50)
    assert (replica.get(2).value, replica.get(2).change) == (50, 0)
    table.set(2, 51)
    assert replica.apply(table.changes([2])) == [Ref(2)]
    assert replica.get(2).value == 51


def test_rows_of_the_owner_are_followed(table: CellTable) -> None:
    replica = replica_of(table, [100])
    table.redim(100, 5)
    table.set(Ref(100, 5, 1), 55)
    assert Ref(100) in replica.apply(table.snapshot([100]))
    assert replica.get(Ref(100, 5, 1)).value == 55


def test_a_new_shape_of_the_owner_is_followed(table: CellTable) -> None:
    table.set(2, 3)
    replica = replica_of(table, [2])
    table.define(2, "TEXT")
    table.set(2, "now a text")
    replica.apply(table.snapshot([2]))
    assert replica.get(2).value == "now a text"


@given(st.binary(max_size=100))
def test_random_payloads_do_no_harm(data: bytes) -> None:
    table = CellTable(1 << 20)
    table.define(2, "INT")
    try:
        table.apply(data)
    except (ValueError, MemoryError):
        return


@given(st.data())
def test_changed_payloads_do_no_harm(data: st.DataObject) -> None:
    owner = CellTable()
    owner.define(1, "TEXT")
    owner.define(2, "RECORD", rows=2, columns=["BOOL", "REAL", "TEXT"])
    owner.set(1, "text", 5)
    owner.set(Ref(2, 1, 2), 1.5, 6)
    owner.set(Ref(2, 2, 3), "é", 6)
    wire = bytearray(owner.snapshot([1, 2]))
    for _ in range(data.draw(st.integers(1, 3))):
        wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    replica = CellTable(1 << 20)
    try:
        replica.apply(bytes(wire))
    except (ValueError, MemoryError):
        return
    owner.apply(replica.snapshot([1, 2]))


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["define", "forget", "set"])), max_size=200))
def test_the_hash_table_agrees_with_a_dictionary(steps: list[tuple[int, str]]) -> None:
    table, model = CellTable(), {}
    for count, (number, step) in enumerate(steps):
        if step == "define":
            table.define(number * 64, "INT")
            model.setdefault(number, Invalid(1))
        elif step == "forget":
            table.forget(number * 64)
            model.pop(number, None)
        elif number in model:
            table.set(number * 64, count)
            model[number] = count
    assert {n: table.get(n * 64).value for n in range(301) if table.has(n * 64)} == model


@pytest.mark.req("R69")
def test_a_new_owner_is_believed_whatever_a_replica_has_from_the_former_one() -> None:
    """The former owner's last write reached the replica and not its successor; what the successor has counts."""
    former, successor, replica = CellTable(), CellTable(), CellTable()
    for each in (former, successor, replica):
        each.define(1, Type.INT)
        each.define(2, Type.RECORD, 2, [Type.REAL])
    former.set(Ref(1), 10)
    former.set(Ref(2, 1, 1), 0.5)
    for each in (successor, replica):
        each.apply(former.snapshot([1, 2]))
    former.set(Ref(1), 11)
    former.redim(2, 3)
    replica.apply(former.snapshot([1, 2]))
    successor.leap(1 << 40)
    assert successor.last_change == 1 << 40
    assert set(replica.apply(successor.snapshot([1, 2]))) >= {Ref(1)}
    assert replica.get(Ref(1)).value == 10 and replica.dim(2) == 2 and replica.get(Ref(2, 1, 1)).value == 0.5
    assert successor.set(Ref(1), 12) == (1 << 40) + 1
    successor.leap(5)
    assert successor.last_change == (1 << 40) + 1, "it never counts back"


def test_user_flags_are_kept_and_travel(table: CellTable) -> None:
    table.set(2, 5, flags=0x8001)
    table.set(Ref(100, 2, 1), Invalid(4), flags=3)
    assert (table.get(2).flags, table.get(Ref(100, 2, 1)).flags) == (0x8001, 3)
    replica = CellTable()
    replica.apply(table.snapshot([2, 100]))
    assert (replica.get(2).flags, replica.get(2).value, replica.get(Ref(100, 2, 1)).flags) == (0x8001, 5, 3)
    table.set(2, 6)
    replica.apply(table.changes([2]))
    assert (replica.get(2).flags, replica.get(2).value) == (0, 6)


def test_a_reader_of_an_older_release_gets_no_user_flags(table: CellTable) -> None:
    """The bytes are those of before: mark 4 in a cell's flags is malformed to it."""
    table.set(2, 5, 7, flags=1)
    plain = CellTable()
    for number, kind in enumerate(["BOOL", "INT"], start=1):
        plain.define(number, kind)
    plain.set(2, 5, 7)
    assert table.changes([2], False) == plain.changes([2])
    assert table.snapshot([2], False) == plain.snapshot([2])
    assert len(table.changes([2])) == len(plain.changes([2])) + 3


def test_a_cell_whose_flags_are_cut_off_is_malformed(table: CellTable) -> None:
    table.set(2, 5, flags=1)
    payload = table.changes([2])
    with pytest.raises(ValueError, match="malformed"):
        CellTable().apply(payload[:-1])


def rows_of(table: CellTable, hbj: int = 100) -> list[list[object]]:
    record = table.get(hbj)
    return [record.row(index) for index in range(record.rows)]


def numbers(table: CellTable) -> list[object]:
    return [cell if not isinstance(cell, Invalid) else None for cell, *_ in rows_of(table)]


@pytest.mark.parametrize(("before", "count", "wanted"), [
    (1, 1, [None, 1, 2]), (2, 2, [1, None, None, 2]), (3, 1, [1, 2, None]), (1, 0, [1, 2])])
def test_rows_are_put_in_and_replicas_follow(table: CellTable, before: int, count: int, wanted: list[object]) -> None:
    for row in (1, 2):
        table.set(Ref(100, row, 1), row, flags=row)
        table.set(Ref(100, row, 2), f"text {row}")
    replica = CellTable()
    replica.apply(table.snapshot([100]))
    table.insert_rows(100, before, count)
    assert numbers(table) == wanted
    assert [table.get(Ref(100, row + 1, 1)).flags for row in range(len(wanted))] == [value or 0 for value in wanted]
    replica.apply(table.changes([100]))
    assert rows_of(replica) == rows_of(table)


@pytest.mark.parametrize(("first", "count", "wanted"), [(1, 1, [2, 3]), (2, 2, [1]), (3, 1, [1, 2]), (4, 0, [1, 2, 3])])
def test_rows_are_taken_out_and_replicas_follow(table: CellTable, first: int, count: int, wanted: list[object]) -> None:
    table.redim(100, 3)
    for row in (1, 2, 3):
        table.set(Ref(100, row, 1), row)
        table.set(Ref(100, row, 2), f"text {row}")
    replica = CellTable()
    replica.apply(table.snapshot([100]))
    used = table.memory_bytes
    table.delete_rows(100, first, count)
    assert numbers(table) == wanted and table.memory_bytes < used + (count == 0)
    replica.apply(table.changes([100]))
    assert rows_of(replica) == rows_of(table)


def test_rows_that_do_not_exist_change_nothing(table: CellTable) -> None:
    before = table.snapshot([100])
    inside = [(table.insert_rows, 0, 1), (table.insert_rows, 4, 1), (table.insert_rows, 1, 1_000_000)]
    taken = [(table.delete_rows, 0, 1), (table.delete_rows, 2, 2), (table.delete_rows, 1, 2), (table.delete_rows, 4, 0)]
    for call, place, count in inside + taken:
        with pytest.raises(IndexError):
            call(100, place, count)
    assert table.snapshot([100]) == before
    for call in (table.insert_rows, table.delete_rows):
        with pytest.raises(TypeError):
            call(1, 1, 1)
        with pytest.raises(KeyError):
            call(55, 1, 1)


@pytest.mark.parametrize(("limits", "value", "state"), [
    ((0, 10, 90, 100), 50, 0), ((0, 10, 90, 100), -1, 1), ((0, 10, 90, 100), 0, 2), ((0, 10, 90, 100), 9.5, 2), ((0, 10, 90, 100), 10, 0),
    ((0, 10, 90, 100), 90, 0), ((0, 10, 90, 100), 90.5, 3), ((0, 10, 90, 100), 100, 3), ((0, 10, 90, 100), 101, 4),
    ((None, 10, None, None), 9, 2), ((None, 10, None, None), 1e9, 0), ((None, None, None, 100), 101, 4), ((5, None, 4, None), 4.5, 5),
    ((0, 10, 90, 100), Invalid(4, "REAL"), 5), ((None, None, None, None), 5, None)])
def test_a_value_stands_somewhere_against_its_limits(table: CellTable, limits, value, state) -> None:  # type: ignore[no-untyped-def]
    table.limits(3, *limits)
    table.set(3, value)
    replica = CellTable()
    replica.apply(table.snapshot([3]))
    assert (table.get(3).limit, replica.get(3).limit) == (state, state)


def test_limits_are_for_numbers_of_simple_objects(table: CellTable) -> None:
    for hbj in (5, 100, 77):
        table.limits(hbj, 0, 1, 2, 3)
    table.set(5, "text")
    table.set(Ref(100, 1, 1), 5)
    assert (table.get(5).limit, table.get(Ref(100, 1, 1)).limit) == (5, None)
