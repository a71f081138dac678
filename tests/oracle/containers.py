"""Data containers: CNT_*."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hisee.esl.front import kinds as N
from hisee.esl.front.words import CNT_ORDER

from .flow import Frame, Step
from .functions import folded
from .rows import Record, Rows
from .values import TYPE_MISMATCH, EslError, Value, convert
from .world import RANGE_ERROR, RECORD_NO_COMP

NO_DATA, KEY_TYPE = 22, 35
Content = Value | Record


@dataclass
class Container:
    """`items`: key as it is compared -> key as it was given first, value. `kind`: type of all keys, "" before the first."""

    exact: bool
    kind: str = ""
    items: dict[Any, tuple[Value, Content]] = field(default_factory=dict)
    is_array: bool = False

    def key(self, given: Value) -> Any:
        if not given.valid:
            raise EslError(2)
        if self.kind not in ("", given.kind):
            raise EslError(KEY_TYPE)
        return folded(given.data) if given.kind == "T" and not self.exact else given.data


class Containers(Rows):
    containers: dict[int, Container]
    serial = 0  # a number is never given twice

    def do_container(self, frame: Frame, step: Step) -> None:
        word = CNT_ORDER[self.tree.a[step.node]]
        CONTAINERS[word](self, frame, self.tree.items(self.tree.b[step.node]), bool(self.tree.c[step.node]))

    def container(self, handle: Value) -> Container:
        found = self.containers.get(handle.data) if handle.valid else None
        if found is None:
            raise EslError(NO_DATA)
        return found

    # operands: all are looked at before the action begins
    def handle(self, frame: Frame, node: int) -> Value:
        return self.number(frame, node)

    def content(self, frame: Frame, node: int) -> Content:
        """A value, row or structure that goes in."""
        tree = self.tree
        base = tree.a[node] if tree.kind[node] == N.N_INDEX else node
        if self.record_at(frame, base) is not None or self.is_structure(frame, base):
            return self.record_of(frame, node)
        return self.value(frame, node)

    def is_structure(self, frame: Frame, node: int) -> bool:
        """Does an object of rows stand here?"""
        if self.tree.kind[node] != N.N_OBJECT:
            return False
        return bool(self.world.rows(self.ref(frame, node)))

    def receiver(self, frame: Frame, node: int) -> None:
        """A row that shall receive must be there before."""
        if self.tree.kind[node] == N.N_INDEX:
            side = self.side(frame, node)
            assert side.row is not None
            self.place(side, side.row)

    def check(self, frame: Frame, node: int, content: Content) -> None:
        """Can this place receive it?"""
        tree = self.tree
        base = tree.a[node] if tree.kind[node] == N.N_INDEX else node
        record = self.record_at(frame, base)
        if isinstance(content, Record) != (record is not None):
            raise EslError(TYPE_MISMATCH)
        if isinstance(content, Record) and record is not None and record.of.columns != content.of.columns:
            raise EslError(RECORD_NO_COMP)

    def receive(self, frame: Frame, node: int, content: Content) -> None:
        if isinstance(content, Record):
            self.store_record(frame, node, content.copy())
        else:
            self.store(frame, node, content)

    # actions
    def create(self, frame: Frame, operands: list[int], exact: bool) -> None:
        self.serial += 1
        self.containers[self.serial] = Container(exact)
        self.store(frame, operands[0], Value("I", self.serial))

    def insert(self, frame: Frame, operands: list[int], _: bool) -> None:
        handle, key, content = self.handle(frame, operands[0]), self.value(frame, operands[1]), self.content(frame, operands[2])
        container = self.container(handle)
        compared = container.key(key)
        container.is_array = False
        container.kind = key.kind
        first = container.items[compared][0] if compared in container.items else convert_zero(key)
        container.items[compared] = (first, content)

    def find(self, frame: Frame, operands: list[int], _: bool) -> None:
        """What is not found leaves its variable alone."""
        handle, key = self.handle(frame, operands[0]), self.value(frame, operands[1])
        self.receiver(frame, operands[2])
        container = self.container(handle)
        item = container.items.get(container.key(key))
        if item is not None:
            self.check(frame, operands[2], item[1])
            self.receive(frame, operands[2], item[1])
        self.store(frame, operands[3], Value("B", item is not None))

    def remove(self, frame: Frame, operands: list[int], _: bool) -> None:
        handle, key = self.handle(frame, operands[0]), self.value(frame, operands[1])
        container = self.container(handle)
        compared = container.key(key)
        container.is_array = False
        found = container.items.pop(compared, None) is not None
        if len(operands) > 2:
            self.store(frame, operands[2], Value("B", found))

    def size(self, frame: Frame, operands: list[int], _: bool) -> None:
        self.store(frame, operands[1], Value("I", len(self.container(self.handle(frame, operands[0])).items)))

    def to_array(self, frame: Frame, operands: list[int], _: bool) -> None:
        self.container(self.handle(frame, operands[0])).is_array = True

    def item(self, frame: Frame, operands: list[int], _: bool) -> None:
        """By number in the order of the keys."""
        handle, number = self.handle(frame, operands[0]), self.number(frame, operands[1])
        self.receiver(frame, operands[3])
        container = self.container(handle)
        if not container.is_array:
            raise EslError(NO_DATA)
        self.all_valid([number])
        if not 1 <= number.data <= len(container.items):
            raise EslError(RANGE_ERROR)
        key, content = container.items[sorted(container.items)[number.data - 1]]
        self.check(frame, operands[3], content)
        self.receive(frame, operands[2], key)
        self.receive(frame, operands[3], content)

    def destroy(self, frame: Frame, operands: list[int], _: bool) -> None:
        handle = self.handle(frame, operands[0])
        self.container(handle)
        del self.containers[handle.data]

    def name_it(self, frame: Frame, operands: list[int], _: bool) -> None:
        handle = self.handle(frame, operands[0])
        convert(self.value(frame, operands[1]), "T")
        self.container(handle)


def convert_zero(key: Value) -> Value:
    """-0.0 is kept as 0.0."""
    return Value("R", key.data + 0.0) if key.kind == "R" else key


CONTAINERS: dict[str, Callable[[Containers, Frame, list[int], bool], None]] = {
    "cnt_create": Containers.create, "cnt_insert": Containers.insert, "cnt_find": Containers.find, "cnt_delete": Containers.remove,
    "cnt_getnr": Containers.size, "cnt_cnvtoarray": Containers.to_array, "cnt_getitem": Containers.item,
    "cnt_destroy": Containers.destroy, "cnt_debug": Containers.name_it,
}
