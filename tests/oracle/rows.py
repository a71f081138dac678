"""Actions on structures: sizes, copies, order, search, links and bound rows, between local records and objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hisee.esl.front import kinds as N

from .flow import Flow, Frame, Step
from .values import EXPRESSION_STATUS, UNDEFINED, EslError, Value, convert, invalid
from .world import NO_ALIAS, RANGE_ERROR, RECORD_NO_COMP, Columns, Ref, World

MOST_ROWS = 1_000_000


class NotKnown(Exception):
    """The script uses something the oracle cannot do yet."""


class Row(list[Any]):
    """Cells: a Value, or a Ref in a column of type Object. `bond`: the row of an object that this one stands for."""

    bond: Ref | None = None

    def copy(self) -> Row:
        made = Row(self)
        made.bond = self.bond
        return made


@dataclass
class Record:
    of: Columns
    rows: list[Row]

    def copy(self) -> Record:
        return Record(self.of, [row.copy() for row in self.rows])


@dataclass
class Side:
    """A structure that an action names: a local record, or an object. `row`: the number as the script gave it; None = the whole."""

    record: Record | None
    ref: Ref
    row: Value | None


class Rows(Flow):
    world: World

    def holder(self, frame: Frame, name: str) -> dict[str, Any]:
        raise NotImplementedError

    def ref(self, frame: Frame, node: int) -> Ref:
        raise NotImplementedError

    def cell(self, frame: Frame, base: int, column: str) -> tuple[Record, int, int] | None:
        raise NotImplementedError

    def store(self, frame: Frame, node: int, value: Value) -> None:
        raise NotImplementedError

    # sides
    def side(self, frame: Frame, node: int) -> Side:
        tree, row = self.tree, None
        if tree.kind[node] == N.N_INDEX:
            if not self.is_zero(tree.b[node]):
                row = convert(self.value(frame, tree.b[node]), "I")
            node = tree.a[node]
        record = self.record_at(frame, node)
        return Side(record, Ref() if record else self.ref(frame, node), row)

    def record_at(self, frame: Frame, node: int) -> Record | None:
        if self.tree.kind[node] != N.N_LOCAL:
            return None
        name = self.names[self.tree.a[node]]
        found = self.holder(frame, name)[name]
        return found if isinstance(found, Record) else None

    def is_zero(self, node: int) -> bool:
        """x[0] is x."""
        return self.tree.kind[node] == N.N_INT and self.literals[self.tree.a[node]] == 0

    def columns(self, side: Side) -> list[tuple[str, str]]:
        return side.record.of.columns if side.record else self.world.columns(side.ref)

    def count(self, side: Side) -> int:
        return len(side.record.rows) if side.record else self.world.rows(side.ref)

    def place(self, side: Side, row: Value) -> int:
        """A row number that is there: invalid raises 2, outside 1..DIM raises 4."""
        most = self.count(side)
        if not row.valid:
            raise EslError(EXPRESSION_STATUS)
        if not 1 <= row.data <= most:
            raise EslError(RANGE_ERROR)
        return int(row.data)

    # cells
    def get(self, side: Side, row: Value, column: int) -> Any:
        at = self.place(side, row)
        return self.of_row(side.record.rows[at - 1], column) if side.record else self.world.held(Ref(side.ref.object, at, column + 1))

    def of_row(self, row: Row, column: int) -> Any:
        """A bound row reads its object; where that has a link the link."""
        if row.bond and isinstance(row[column], Value):
            return self.world.held(Ref(row.bond.object, row.bond.row, column + 1))
        return row[column]

    def put(self, side: Side, row: Value, column: int, value: Value) -> None:
        at, value = self.place(side, row), convert(value, self.columns(side)[column][1])
        if side.record:
            self.into_row(side.record.rows[at - 1], column, value)
        else:
            self.request(Ref(side.ref.object, at, column + 1), value)

    def into_row(self, row: Row, column: int, value: Value, time: Value | None = None) -> None:
        """The time goes to the object of a bound row; the record's own cell keeps none."""
        if row.bond:
            ref = Ref(row.bond.object, row.bond.row, column + 1)
            self.request(self.world.link(ref) if self.world.kind(ref) == "O" else ref, value, time)
        row[column] = value

    def request(self, ref: Ref, value: Value, time: Value | None = None) -> None:
        self.world.act("SET", ref, value, time or invalid("M", UNDEFINED), Value("B", False))

    # copies
    def rows_of(self, frame: Frame, node: int) -> list[Row]:
        """Present values of the rows that a row or a whole names; what is copied stands for no other row."""
        side = self.side(frame, node)
        most = self.count(side)
        numbers = range(1, most + 1) if side.row is None else [self.place(side, side.row)]
        return [self.copied(side, number) for number in numbers]

    def copied(self, side: Side, number: int) -> Row:
        return Row(self.get(side, Value("I", number), column) for column in range(len(self.columns(side))))

    def record_of(self, frame: Frame, node: int) -> Record:
        """A copy of a structure or row, as a parameter or a container gets it."""
        side = self.side(frame, node)
        of = side.record.of if side.record else Columns("", self.world.columns(side.ref))
        return Record(of, self.rows_of(frame, node))

    def store_record(self, frame: Frame, node: int, result: Record) -> None:
        """A structure or row that comes back."""
        tree = self.tree
        if tree.kind[node] != N.N_INDEX:
            self.holder(frame, self.names[tree.a[node]])[self.names[tree.a[node]]] = result
            return
        side = self.side(frame, node)
        assert side.row is not None
        if not side.record or side.record.of.columns != result.of.columns:
            raise EslError(RECORD_NO_COMP)
        at = self.place(side, side.row)
        if len(result.rows) != 1:
            raise EslError(RANGE_ERROR)
        for column, value in enumerate(self.of_row(result.rows[0], c) for c in range(len(result.rows[0]))):
            if isinstance(value, Value):
                self.into_row(side.record.rows[at - 1], column, value)
            else:
                side.record.rows[at - 1][column] = value

    def number(self, frame: Frame, node: int) -> Value:
        return convert(self.value(frame, node), "I")

    def all_valid(self, numbers: Iterable[Value]) -> None:
        if not all(number.valid for number in numbers):
            raise EslError(EXPRESSION_STATUS)

    def target(self, frame: Frame, node: int) -> Record:
        record = self.record_at(frame, node)
        if record is None:
            raise NotKnown("rows of an object")
        return record

    # sizes
    def do_redim(self, frame: Frame, step: Step) -> None:
        """Surviving rows stay; new ones are invalid."""
        tree, node = self.tree, self.tree.a[step.node]
        record, rows = self.target(frame, tree.a[node]), self.number(frame, tree.b[node])
        self.all_valid([rows])
        if not 0 <= rows.data <= MOST_ROWS:
            raise EslError(RANGE_ERROR)
        del record.rows[rows.data:]
        record.rows += [Row(record.of.fresh_row()) for _ in range(rows.data - len(record.rows))]

    def do_insert(self, frame: Frame, step: Step) -> None:
        """Rows in front of row `before`; -1 = behind the last."""
        tree, node = self.tree, step.node
        before = self.number(frame, tree.b[node])
        record = self.target(frame, tree.a[node])
        if tree.d[node] >= 0:
            self.all_valid([before])
        rows = self.range_of(frame, tree.c[node], tree.d[node]) if tree.d[node] >= 0 else self.rows_of(frame, tree.c[node])
        self.all_valid([before])
        at = len(record.rows) + 1 if before.data == -1 else before.data
        if not 1 <= at <= len(record.rows) + 1 or len(record.rows) + len(rows) > MOST_ROWS:
            raise EslError(RANGE_ERROR)
        record.rows[at - 1:at - 1] = self.in_form(rows, record.of)

    def range_of(self, frame: Frame, node: int, last: int) -> list[Row]:
        """Rows from the one that is named to `last`; the row before it is an empty range."""
        side, end = self.side(frame, node), self.number(frame, last)
        assert side.row is not None
        most = self.count(side)
        self.all_valid([side.row, end])
        if side.row.data < 1 or end.data > most or end.data < side.row.data - 1:
            raise EslError(RANGE_ERROR)
        return [self.copied(side, number) for number in range(side.row.data, end.data + 1)]

    def do_delete(self, frame: Frame, step: Step) -> None:
        tree, node = self.tree, step.node
        record, first = self.target(frame, tree.a[node]), self.number(frame, tree.b[node])
        count = self.number(frame, tree.c[node]) if tree.c[node] >= 0 else Value("I", 1)
        self.all_valid([first, count])
        if first.data < 1 or count.data < 0 or first.data + count.data - 1 > len(record.rows):
            raise EslError(RANGE_ERROR)
        del record.rows[first.data - 1:first.data - 1 + count.data]

    def do_copy_rows(self, frame: Frame, step: Step) -> None:
        """Over existing rows and behind them."""
        tree, node = self.tree, step.node
        to, of, count = [self.number(frame, n) for n in tree.items(tree.c[node])]
        record = self.target(frame, tree.a[node])
        rows = self.in_form(self.rows_of(frame, tree.b[node]), record.of)
        self.all_valid([to, of, count])
        if count.data < 0 or of.data < 1 or of.data + count.data - 1 > len(rows):
            raise EslError(RANGE_ERROR)
        if not 1 <= to.data <= len(record.rows) + 1 or to.data + count.data - 1 > MOST_ROWS:
            raise EslError(RANGE_ERROR)
        for at, row in enumerate(rows[of.data - 1:of.data - 1 + count.data], to.data - 1):
            if at == len(record.rows):
                record.rows.append(row)
            else:
                record.rows[at][:] = row

    def do_sort(self, frame: Frame, step: Step) -> None:
        """By the last column first, each time stable: the first one decides. Invalid cells are the least."""
        keys = self.tree.items(self.tree.a[step.node])
        record = self.target(frame, self.column_base(keys[0]))
        ascending = [convert(self.value(frame, node), "B") for node in keys[1::2]]
        self.all_valid(ascending)
        for node, up in reversed(list(zip(keys[::2], ascending, strict=True))):
            column = record.of.position(self.names[self.tree.b[node]])
            record.rows.sort(key=lambda row, at=column: sorting(self.of_row(row, at)), reverse=not up.data)  # type: ignore[misc]

    def column_base(self, node: int) -> int:
        """The structure of `x^Column` or `x[0]^Column`."""
        base = self.tree.a[node]
        return self.tree.a[base] if self.tree.kind[base] == N.N_INDEX else base

    def do_find_true(self, frame: Frame, step: Step) -> None:
        """Whatever fails ends the search where it is; nobody else hears of it."""
        tree, node = self.tree, step.node
        name = self.names[tree.a[node]]
        holder = self.holder(frame, name)
        try:
            self.search(frame, node, holder, name)
            code = 0
        except EslError as error:
            code = error.number
        self.store(frame, tree.c[node], Value("I", code))

    def search(self, frame: Frame, node: int, holder: dict[str, Any], name: str) -> None:
        most = self.number(frame, self.tree.b[node])
        while True:
            self.all_valid([most, holder[name]])
            if holder[name].data > most.data:
                self.count_to(frame, name, most.data + 1)
                return
            if self.condition(frame, self.tree.d[node]):
                return
            self.spend()
            self.count_to(frame, name, holder[name].data + 1)

    def count_to(self, frame: Frame, name: str, number: int) -> None:
        raise NotImplementedError

    def spend(self) -> None:
        raise NotImplementedError

    def do_set_with(self, frame: Frame, step: Step) -> None:
        """Values are copied, of a row or of all; the numbers of rows must agree. Links stay; what is behind them is copied."""
        target, source = self.side(frame, self.tree.a[step.node]), self.side(frame, self.tree.b[step.node])
        pairs = [(target.row, source.row)]
        if target.row is None:
            rows = self.count(source)
            if rows != self.count(target):
                raise EslError(RANGE_ERROR)
            pairs = [(Value("I", number), Value("I", number)) for number in range(1, rows + 1)]
        for to, of in pairs:
            assert to is not None and of is not None
            for column, (_, kind) in enumerate(self.columns(target)):
                if kind != "O":
                    self.put(target, to, column, self.behind(self.get(source, of, column)))
                else:
                    self.write_through(target, to, source, of, column)

    def write_through(self, target: Side, to: Value, source: Side, of: Value, column: int) -> None:
        """The value, or that behind the source's link, goes to what the target is linked to."""
        link = self.get(target, to, column)
        assert isinstance(link, Ref)
        if target.record and not link.object:
            raise EslError(NO_ALIAS)
        self.request(link, self.behind(self.get(source, of, column)))

    def behind(self, value: Any) -> Value:
        """A value, or what a link refers to; a link to nothing counts as invalid."""
        if not isinstance(value, Ref):
            assert isinstance(value, Value)
            return value
        return self.world.read(value) if value.object else invalid("?", UNDEFINED)

    def in_form(self, rows: list[Row], of: Columns) -> list[Row]:
        """Rows for a record with these columns: values in place of links, or no links in place of values."""
        return [Row((Ref() if not isinstance(cell, Ref) else cell) if kind == "O" else self.behind(cell)
                    for cell, (_, kind) in zip(row, of.columns, strict=True)) for row in rows]

    # links
    def do_set_as(self, frame: Frame, step: Step) -> None:
        """An alias or an Object item is linked to what the source names; an empty alias as the source raises."""
        tree, node = self.tree, step.node
        target, source, direct = tree.a[node], tree.b[node], bool(tree.d[node])
        kind = tree.kind[target]
        if kind == N.N_COLUMN and self.is_column(target) or kind != N.N_COLUMN and self.is_record(frame, target):
            self.link_structure(frame, target, source, direct)
            return
        ref = self.linked(frame, source, direct) if source >= 0 else Ref()
        if kind == N.N_LOCAL:
            self.holder(frame, self.names[tree.a[target]])[self.names[tree.a[target]]] = ref
            return
        cell = self.cell(frame, tree.a[target], self.names[tree.b[target]])
        if cell is None:
            raise NotKnown("SET AS of an item of an object")
        cell[0].rows[cell[1]][cell[2]] = ref

    def is_record(self, frame: Frame, node: int) -> bool:
        base = self.tree.a[node] if self.tree.kind[node] == N.N_INDEX else node
        return self.record_at(frame, base) is not None

    def is_column(self, node: int) -> bool:
        base = self.tree.a[node]
        return self.tree.kind[base] != N.N_INDEX or self.is_zero(self.tree.b[base])

    def linked(self, frame: Frame, node: int, direct: bool) -> Ref:
        ref = self.ref(frame, node)
        if not ref.object:
            raise EslError(NO_ALIAS)
        is_link = ref.column and self.world.columns(ref)[ref.column - 1][1] == "O"
        return self.world.link(ref) if is_link and not direct and not self.is_item(frame, node) else ref

    def is_item(self, frame: Frame, node: int) -> bool:
        """An Object item of a local record: what it refers to is meant."""
        return self.tree.kind[node] == N.N_COLUMN and self.is_record(frame, self.tree.a[node])

    def link_structure(self, frame: Frame, target_node: int, source_node: int, direct: bool) -> None:
        """A row, a whole or a column."""
        target, column = self.side_and_column(frame, target_node)
        source, of_column = self.side_and_column(frame, source_node) if source_node >= 0 else (None, -1)
        columns = range(len(self.columns(target))) if column < 0 else [column]
        if target.row is None:
            rows = self.count(target)
            if source and self.count(source) != rows:
                raise EslError(RANGE_ERROR)
            for number in range(1, rows + 1):
                row = Value("I", number)
                self.link_row(target, row, source, row, columns, of_column, direct)
        else:
            self.link_row(target, target.row, source, (source.row if source else None) or target.row, columns, of_column, direct)

    def side_and_column(self, frame: Frame, node: int) -> tuple[Side, int]:
        """`x`, `x[n]` and -1, or `x^Column` and its number."""
        if self.tree.kind[node] != N.N_COLUMN:
            return self.side(frame, node), -1
        side = self.side(frame, self.column_base(node))
        return side, [name for name, _ in self.columns(side)].index(self.names[self.tree.b[node]])

    def link_row(self, target: Side, to: Value, source: Side | None, of: Value, columns: Iterable[int], of_column: int,
                 direct: bool) -> None:
        kinds = self.columns(target)
        for column in columns:
            if kinds[column][1] != "O":
                if source:
                    self.put(target, to, column, self.get(source, of, column))
                continue
            link = self.link_of(source, of, column if of_column < 0 else of_column, direct) if source else Ref()
            assert target.record is not None
            target.record.rows[self.place(target, to) - 1][column] = link

    def link_of(self, source: Side, of: Value, column: int, direct: bool) -> Ref:
        at = self.place(source, of)
        if source.record:
            found: Ref = source.record.rows[at - 1][column]
            return found
        ref = Ref(source.ref.object, at, column + 1)
        return ref if direct else self.world.link(ref)

    # bound rows
    def do_set_bind(self, frame: Frame, step: Step) -> None:
        """The row stands for a row of an object; NONE ends that and leaves it undefined."""
        tree, node = self.tree, step.node
        target = self.side(frame, tree.a[node])
        bond = None
        if tree.b[node] >= 0:
            source = self.side(frame, tree.b[node])
            assert source.row is not None
            bond = Ref(source.ref.object, self.place(source, source.row))
        assert target.record is not None and target.row is not None
        row = target.record.rows[self.place(target, target.row) - 1]
        row.bond = bond
        if bond is None:
            row[:] = target.record.of.fresh_row()


def sorting(value: Value) -> tuple[bool, int, Any]:
    """Order of a cell: invalid ones are equal and least; of a column of values numbers, then times, then texts."""
    return (value.valid, "MT".find(value.kind), value.data) if value.valid else (False, 0, 0)
