"""Running a script by its tree: names, expressions, actions, calls, ON ERROR.

The language speaks of "the textually next action" (mode OFF, RESUME) and of jumps out of blocks, so a section is first written out
as its list of steps in the order of the text: a block becomes its test, its body, and a jump at its end. Everything else walks the
tree. To add an action is to write one `do_` method and to name it in ACTIONS.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hisee.esl.front import kinds as N
from hisee.esl.front import lexer as L
from hisee.esl.front.parser import parse
from hisee.schema import constants, errors

from . import functions, timefunctions  # noqa: F401  (the functions of time are in the table once their module is read)
from .containers import Container, Containers
from .flow import STACK, EndOfRun, Frame, Nodes, Parameter, Section, Step
from .rows import NotKnown, Record, Row
from .values import (
    EXPRESSION_STATUS,
    UNDEFINED,
    EslError,
    Value,
    binary,
    convert,
    invalid,
    make,
    negated,
    negative,
)
from .world import NO_ALIAS, NOW_MS, RANGE_ERROR, Ref, World

KIND = {N.V_BOOL: "B", N.V_INT: "I", N.V_REAL: "R", N.V_TIME: "M", N.V_TEXT: "T"}
OPERATORS = {number: sign for sign, number in L.SIGNS.items()}
LETTER = {"BOOL": "B", "INT": "I", "REAL": "R", "TIME": "M", "TEXT": "T"}
PREDEFINED = {row.name.lower(): Value(LETTER[row.type], bool(row.value) if row.type == "BOOL" else row.value) for row in constants.ROWS}
PREDEFINED |= {row.name.lower(): Value("I", row.number) for row in errors.ROWS}
ERROR_TEXT = {row.number: row.text for row in errors.ROWS}
MOST_CALLS = 1_000
NO_DATA, TIMEOUT, NOW = 22, 21, Value("M", NOW_MS)
FRAMES_OF_A_CALL = 20  # Python's calls for one of the script, about
# Kinds of nodes the oracle cannot run yet; tests/oracle/test_oracle.py holds this list against nodes.py.
NOT_KNOWN = (
    "N_CALL_OTHER", "N_QUERY", "N_DB", "N_LST",
    "N_CALL_OBJECT", "N_EVENT", "N_OPENEVENT", "N_CLOSE", "N_COMMAND", "N_GETACCESS", "N_RELEASEACCESS",
)


class TooLong(Exception):
    """The script took more steps than the comparison allows."""


class Script:
    """The text, parsed, with its sections written out."""

    def __init__(self, text: str) -> None:
        self.source = L.Source(text)
        self.tokens = L.tokenize(text)
        tree, faults, _ = parse(self.source, self.tokens, 200)
        self.tree = Nodes(tree)
        assert not faults and not self.tokens.faults, [f.code for f in faults]
        self.names = self.tokens.names.folded


@dataclass
class Module:
    """A text that runs: the script, or one instance of a unit. `stamps`: time and Weak of its globals."""

    script: Script
    init: Section = field(default_factory=lambda: Section(""))
    procedures: dict[str, Section] = field(default_factory=dict)
    globals: dict[str, Any] = field(default_factory=dict)
    stamps: dict[str, tuple[Value, bool]] = field(default_factory=dict)
    units: dict[str, Module] = field(default_factory=dict)


class Walker(Containers):
    """One run of a script. `failure`: (error, line where it began) when it ended by an error. `texts`: those of units, by name."""

    def __init__(self, script: Script, world: World, *, most_steps: int = 5_000, choose: Callable[[frozenset[int]], int] = min,
                 texts: Callable[[str], str] = str) -> None:
        self.world, self.choose, self.texts = world, choose, texts
        self.settled: Value | None = None  # the value of which `choose` is asked
        self.left = most_steps
        self.containers: dict[int, Container] = {}
        self.error = EslError(0)
        self.error_line = 0
        self.failure: tuple[int, int] | None = None
        self.depth = 0
        self.module = self.written(script)

    # the text as sections
    def written(self, script: Script) -> Module:
        made = Module(script)
        self.into(made)
        tree = self.tree
        for unit in tree.units:
            for name in tree.items(tree.b[unit]):
                made.units[script.names[name]] = self.written(Script(self.texts(script.names[tree.a[unit]])))
                self.into(made)
        for node in tree.procedures:
            section = Section(script.tokens.names.spelled[tree.a[node]])
            for p in tree.items(tree.b[node]):
                kind = tree.a[p]
                section.parameters.append(Parameter(self.names[tree.b[p]], tree.c[p], tree.a[kind], tree.c[kind] == N.T_HANDLE))
                section.types[self.names[tree.b[p]]] = kind
            Writer(self, section).items(tree.items(tree.c[node]))
            made.procedures[self.names[tree.a[node]]] = section
        self.write_init(made)
        return made

    def write_init(self, made: Module) -> None:
        """Init parts of units run before everything else."""
        writer, tree = Writer(self, made.init), self.tree
        for unit in tree.units:
            for name in tree.items(tree.b[unit]):
                writer.step(lambda walker, frame, step, key=self.names[name]: walker.start_unit(key), unit)
        writer.items(tree.globals)
        writer.items(tree.init)

    def into(self, module: Module) -> None:
        """From here on names mean those of this text."""
        self.module, self.script, self.tree, self.names = module, module.script, module.script.tree, module.script.names
        self.literals = module.script.tokens.literals
        self.init, self.globals, self.procedures = module.init, module.globals, module.procedures

    # running
    def run(self) -> None:
        """The init part; what it leaves stands in world.trace, globals and failure."""
        self._request(self.init_frame())

    def init_frame(self) -> Frame:
        self.globals.update(self.fresh(self.init))
        return Frame(self.init, self.globals, stamps=self.module.stamps)

    def start_unit(self, key: str) -> None:
        """END ends only the init part of the unit."""
        home = self.module
        self.into(home.units[key])
        try:
            self.section(self.init_frame())
        except EndOfRun:
            pass
        finally:
            self.into(home)

    def call(self, name: str) -> None:
        """A procedure without parameters, as a host starts it."""
        section = self.procedures[name.lower()]
        self._request(Frame(section, self.fresh(section)))

    def _request(self, frame: Frame) -> None:
        self.failure = None
        self.depth = 1
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, MOST_CALLS * FRAMES_OF_A_CALL))  # the language's limit must end a script, not Python's
        try:
            self.section(frame)
        except EndOfRun:
            pass
        except EslError as error:
            self.failure = (error.number, self.began)
        finally:
            sys.setrecursionlimit(before)

    def fresh(self, section: Section) -> dict[str, Any]:
        return {name: self.fresh_value(node) for name, node in section.types.items()}

    def fresh_value(self, node: int) -> Any:
        """V13: a fresh local is invalid, a fresh record has one invalid row, a fresh alias is not linked."""
        kind = self.tree.a[node]
        if kind == N.V_RECORD:
            if self.tree.b[node] < 0:
                raise NotKnown("a RECORD without a structure")
            structure = self.world.structure(self.names[self.tree.b[node]])
            structure = structure.values() if self.tree.c[node] == N.T_NOALIAS else structure
            return Record(structure, [Row(structure.fresh_row())])
        return Ref() if kind == N.V_OBJECT else invalid(KIND[kind], UNDEFINED)

    def section(self, frame: Frame) -> None:
        steps = frame.section.steps
        while frame.at < len(steps):
            self.spend()
            step = steps[frame.at]
            try:
                to = step.run(frame, step)
            except EslError as error:
                to = self.caught(frame, step, error)
            frame.at = frame.at + 1 if to is None else to

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooLong

    # places
    def type_node(self, frame: Frame, name: str) -> int:
        return frame.section.types[name] if name in frame.section.types else self.init.types[name]

    def holder(self, frame: Frame, name: str) -> dict[str, Any]:
        """Where a local or global lives: locals shadow globals."""
        return frame.names if name in frame.section.types else self.globals

    def index(self, frame: Frame, node: int, most: int) -> int:
        """A row number: invalid raises 2, outside 1..most raises 4."""
        row = convert(self.value(frame, node), "I")
        if not row.valid:
            raise EslError(EXPRESSION_STATUS)
        if not 1 <= row.data <= most:
            raise EslError(RANGE_ERROR)
        return int(row.data)

    def ref(self, frame: Frame, node: int) -> Ref:
        """The object, row or item that a node names."""
        tree, kind = self.tree, self.tree.kind[node]
        if kind == N.N_OBJECT:
            return Ref(self.world.by_name[self.names[tree.a[node]]].hbj)
        if kind == N.N_LOCAL:
            found = self.holder(frame, self.names[tree.a[node]])[self.names[tree.a[node]]]
            assert isinstance(found, Ref)
            return found
        if kind == N.N_PAREN:
            return self.by_number(convert(self.value(frame, tree.a[node]), "I"))
        if kind == N.N_INDEX:
            base = self.ref(frame, tree.a[node])
            return Ref(base.object, self.index(frame, tree.b[node], self.world.rows(base)))
        return self.item_ref(frame, tree.a[node], self.names[tree.b[node]])

    def by_number(self, number: Value) -> Ref:
        if not number.valid:
            raise EslError(EXPRESSION_STATUS)
        if not 1 <= number.data < 2**32:
            raise EslError(8)
        return Ref(number.data)  # that there is no such object is found by its use

    def item_ref(self, frame: Frame, base: int, column: str) -> Ref:
        """x[row]^Column: of an object, or the object behind an Object column of a record."""
        cell = self.cell(frame, base, column)
        if cell is not None:
            record, row, at = cell
            found = record.rows[row][at]
            assert isinstance(found, Ref)
            return found
        whole = self.ref(frame, base)
        names = [name for name, _ in self.world.columns(whole)]
        return Ref(whole.object, whole.row, names.index(column) + 1)

    def cell(self, frame: Frame, base: int, column: str) -> tuple[Record, int, int] | None:
        """Record, row and column (from 0) of `base^column`, when base is a row of a local record."""
        tree = self.tree
        if tree.kind[base] != N.N_INDEX or tree.kind[tree.a[base]] != N.N_LOCAL:
            return None
        name = self.names[tree.a[tree.a[base]]]
        record = self.holder(frame, name).get(name)
        if not isinstance(record, Record):
            return None
        return record, self.index(frame, tree.b[base], len(record.rows)) - 1, record.of.position(column)

    # expressions
    def value(self, frame: Frame, node: int) -> Value:
        method = EXPRESSIONS.get(self.tree.kind[node])
        if method is None:
            raise NotKnown(f"expression of kind {self.tree.kind[node]}")
        return method(self, frame, node)

    def literal(self, frame: Frame, node: int) -> Value:
        data = self.script.tokens.literals[self.tree.a[node]]
        return Value({int: "I", float: "R", str: "T"}[type(data)], data)

    def at_word(self, frame: Frame, node: int) -> Value:
        return PREDEFINED[self.names[self.tree.a[node]]]

    def local(self, frame: Frame, node: int) -> Value:
        name = self.names[self.tree.a[node]]
        holder = self.holder(frame, name)
        if name in holder:
            found = holder[name]
            return self.world.read(found) if isinstance(found, Ref) else found
        if name in SPECIAL:
            return SPECIAL[name](self, frame)
        return PREDEFINED[name]

    def message(self) -> str:
        if self.error.text is not None:
            return self.error.text
        return ERROR_TEXT.get(self.error.number, "an error of the script") if self.error.number else ""

    def err_nr(self, frame: Frame) -> Value:
        """Reading it in mode OFF clears it."""
        number = Value("I", self.error_number)
        if frame.mode == N.E_OFF:
            self.error_number = 0
        return number

    def object(self, frame: Frame, node: int) -> Value:
        return self.world.read(self.ref(frame, node))

    def paren(self, frame: Frame, node: int) -> Value:
        return self.value(frame, self.tree.a[node])

    def column(self, frame: Frame, node: int) -> Value:
        cell = self.cell(frame, self.tree.a[node], self.names[self.tree.b[node]])
        if cell is None:
            return self.world.read(self.ref(frame, node))
        found = self.of_row(cell[0].rows[cell[1]], cell[2])
        return found if isinstance(found, Value) else self.world.read(found)

    def binary(self, frame: Frame, node: int) -> Value:
        """Left operand first. A chain grows to the left: its spine is walked in a loop."""
        tree, spine = self.tree, []
        while tree.kind[node] == N.N_BINARY:
            spine.append(node)
            node = tree.b[node]
        result = self.value(frame, node)
        for at in reversed(spine):
            result = binary(OPERATORS[tree.a[at]], result, self.value(frame, tree.c[at]))
        return result

    def unary(self, frame: Frame, node: int) -> Value:
        operand = self.value(frame, self.tree.b[node])
        return negated(operand) if self.tree.a[node] == N.T_NOT else negative(operand)

    def function(self, frame: Frame, node: int) -> Value:
        name = self.names[self.tree.a[node]]
        row = functions.ROWS.get(name)
        if row is None or row.host or "C" in row.letters:  # of the process around the VM, or of a column
            raise NotKnown(name)
        nodes = self.tree.items(self.tree.b[node])
        if name in STAMPED:
            return STAMPED[name](self, frame, nodes)
        arguments = [self.value(frame, arg) for arg in nodes]
        if row.name == "%InvalidReason":
            self.decide(arguments[0])
        try:
            return functions.call(name, arguments)
        except KeyError:
            raise NotKnown(name) from None

    def decide(self, value: Value) -> None:
        """V2 promises one of the reasons, so the first who asks settles which."""
        if len(value.reasons) > 1:
            self.settled = value
            value.reasons = frozenset((self.choose(value.reasons),))

    def attribute(self, frame: Frame, node: int) -> Value:
        inner, name = self.tree.a[node], self.names[self.tree.b[node]]
        if name == "vld":
            return Value("B", self.value_at(frame, inner).valid)
        if name == "dim":
            return Value("I", self.dim(frame, inner))
        if name == "hbj":
            ref = self.ref(frame, inner)
            if not ref.object:
                raise EslError(NO_ALIAS)
            return Value("I", ref.object)
        if name not in ("tim", "wea"):
            raise NotKnown(f"\\{name}")
        return self.time_of(frame, inner) if name == "tim" else Value("B", self.is_weak(frame, inner))

    # time and Weak, which a value carries beside itself
    def own_stamp(self, frame: Frame, node: int) -> tuple[Value, bool] | None:
        """What a local or an object keeps; a local that was never assigned: no time, not weak. None: nobody keeps it."""
        tree = self.tree
        while tree.kind[node] == N.N_PAREN:
            node = tree.a[node]
        if tree.kind[node] == N.N_LOCAL:
            name = self.names[tree.a[node]]
            holder = self.holder(frame, name)
            if name not in holder or name in frame.section.constants or name in self.init.constants and holder is self.globals:
                return None
            if isinstance(holder[name], Value):
                return self.stamps(frame, name).get(name, (invalid("M", UNDEFINED), False))
        if tree.kind[node] in (N.N_LOCAL, N.N_OBJECT, N.N_INDEX) or tree.kind[node] == N.N_COLUMN and self.local_item(frame, node) is None:
            return self.world.stamp(self.ref(frame, node))
        return None

    def local_item(self, frame: Frame, node: int) -> Value | None:
        """Value of an item of a local record; None: the item refers to an object, or belongs to one."""
        cell = self.cell(frame, self.tree.a[node], self.names[self.tree.b[node]])
        found = cell[0].rows[cell[1]][cell[2]] if cell else None
        return found if isinstance(found, Value) else None

    def stamps(self, frame: Frame, name: str) -> dict[str, tuple[Value, bool]]:
        return frame.stamps if name in frame.section.types else self.module.stamps

    def call_of(self, node: int) -> tuple[str, list[int]]:
        """Name and arguments of the function that an expression is; "": it is none."""
        tree = self.tree
        while tree.kind[node] == N.N_PAREN:
            node = tree.a[node]
        if tree.kind[node] != N.N_FUNC:
            return "", []
        return self.names[tree.a[node]], tree.items(tree.b[node])

    def given_time(self, frame: Frame, node: int) -> Value | None:
        """The time that an expression itself gives."""
        name, arguments = self.call_of(node)
        if name == "%settime":
            return convert(self.value(frame, arguments[1]), "M")
        return self.given_time(frame, arguments[0]) if name == "%setweak" else None

    def time_of(self, frame: Frame, node: int) -> Value:
        given = self.given_time(frame, node)
        if given is None:
            kept = self.own_stamp(frame, node)
            given = kept[0] if kept else invalid("M", UNDEFINED)
        return given

    def is_weak(self, frame: Frame, node: int) -> bool:
        """Is anything weak that an expression reads?"""
        tree, kind = self.tree, self.tree.kind[node]
        name, arguments = self.call_of(node)
        if name == "%setweak":
            on = convert(self.value(frame, arguments[1]), "B")
            return on.valid and bool(on.data)
        if kind == N.N_BINARY:
            arguments = [tree.b[node], tree.c[node]]
        elif kind in (N.N_UNARY, N.N_PAREN):
            arguments = [tree.b[node] if kind == N.N_UNARY else tree.a[node]]
        found = [self.is_weak(frame, argument) for argument in arguments]  # all of them: each may raise
        kept = self.own_stamp(frame, node) if not arguments and kind > N.N_INT and kind != N.N_PAREN else None
        return any(found) or bool(kept and kept[1])

    def set_weak(self, frame: Frame, nodes: list[int]) -> Value:
        value, on = self.value(frame, nodes[0]), convert(self.value(frame, nodes[1]), "B")
        return value if value.valid and on.valid else Value(value.kind, None, value.reasons | on.reasons)

    def value_at(self, frame: Frame, node: int) -> Value:
        """Value of a reference, where brackets mean an object by its number."""
        return self.object(frame, node) if self.tree.kind[node] == N.N_PAREN else self.value(frame, node)

    def dim(self, frame: Frame, node: int) -> int:
        if self.tree.kind[node] == N.N_LOCAL:
            name = self.names[self.tree.a[node]]
            found = self.holder(frame, name)[name]
            if isinstance(found, Record):
                return len(found.rows)
        return self.world.rows(self.ref(frame, node))

    # storing
    def store(self, frame: Frame, node: int, value: Value, time: Value | None = None, weak: bool = False) -> None:
        """`reference := value`, converted to its type. An object gets a request."""
        tree = self.tree
        if tree.kind[node] == N.N_LOCAL:
            name = self.names[tree.a[node]]
            holder = self.holder(frame, name)
            if isinstance(holder[name], Value):
                kept = convert(value, KIND[tree.a[self.type_node(frame, name)]])  # a text that was cut leaves its mark only to a text
                holder[name] = kept
                self.stamps(frame, name)[name] = (time or NOW, weak or kept.cut)
                return
        cell = self.cell(frame, tree.a[node], self.names[tree.b[node]]) if tree.kind[node] == N.N_COLUMN else None
        if cell is not None and cell[0].of.columns[cell[2]][1] != "O":
            self.into_row(cell[0].rows[cell[1]], cell[2], convert(value, cell[0].of.columns[cell[2]][1]), time)
            return
        self.store_object(frame, node, value, time, weak)

    def store_object(self, frame: Frame, node: int, value: Value, time: Value | None, weak: bool) -> None:
        ref = self.ref(frame, node)
        if not ref.object:
            raise EslError(NO_ALIAS)
        kind = self.world.kind(ref) if ref.object in self.world.by_number else "?"
        if kind == "O":  # what an Object item of an object is linked to
            ref, kind = self.world.link(ref), "?"
        typed = self.tree.kind[node] != N.N_LOCAL and self.tree.kind[node] != N.N_PAREN  # its type is known in the text
        self.world.act("SET", ref, convert(value, kind) if typed else value, time or invalid("M", UNDEFINED), Value("B", weak))

    # actions
    def condition(self, frame: Frame, node: int) -> bool:
        value = self.value(frame, node)
        if value.kind != "B" or not value.valid:
            raise EslError(EXPRESSION_STATUS)
        return bool(value.data)

    def do_test(self, frame: Frame, step: Step) -> int | None:
        return None if self.condition(frame, step.node) else step.jump

    def do_jump(self, frame: Frame, step: Step) -> int:
        return step.jump

    def do_assign(self, frame: Frame, step: Step) -> None:
        tree, node = self.tree, step.node
        given = tree.c[node]
        time = convert(self.value(frame, given), "M") if given >= 0 else self.given_time(frame, tree.b[node])
        value = self.value(frame, tree.b[node])
        self.store(frame, tree.a[node], value, time, self.sends_weak(frame, tree.a[node]) and self.is_weak(frame, tree.b[node]))

    def sends_weak(self, frame: Frame, node: int) -> bool:
        """Cells of local records keep no Weak."""
        if self.tree.kind[node] == N.N_LOCAL:
            return True
        return self.tree.kind[node] != N.N_COLUMN or self.cell(frame, self.tree.a[node], self.names[self.tree.b[node]]) is None

    def do_declare(self, frame: Frame, step: Step) -> None:
        """The initial value of a constant: an invalid one raises."""
        name = self.names[self.tree.a[step.node]]
        value = convert(self.value(frame, self.tree.b[step.node]), KIND[self.tree.a[frame.section.types[name]]])
        frame.names[name] = value
        if not value.valid:
            raise EslError(EXPRESSION_STATUS)

    def do_for(self, frame: Frame, step: Step) -> int | None:
        """Bounds are evaluated once, `_i` is set, then both must be valid. With lo > hi there is no pass and `_i` = lo."""
        tree, node = self.tree, step.node
        frame.bounds[node] = invalid("I", UNDEFINED)
        if tree.kind[node] == N.N_FOR:
            low = convert(self.value(frame, tree.b[node]), "I")
            high = convert(self.value(frame, tree.c[node]), "I")
        else:
            low, high = Value("I", 1), Value("I", self.count(self.side(frame, tree.b[node])))
        frame.bounds[node] = high
        self.counter(frame, node, low)
        if not (low.valid and high.valid):
            raise EslError(EXPRESSION_STATUS)
        return None if low.data <= high.data else step.jump

    def do_next(self, frame: Frame, step: Step) -> int | None:
        """END_LOOP of a FOR: `_i` must be valid; it counts even behind the last pass. After a head that failed there is no pass left."""
        name = self.names[self.tree.a[step.node]]
        count, high = self.holder(frame, name)[name], frame.bounds[step.node]
        if not count.valid:
            raise EslError(EXPRESSION_STATUS)
        self.counter(frame, step.node, make("I", count.data + 1))
        return step.jump if high.valid and count.data < high.data else None

    def counter(self, frame: Frame, node: int, value: Value) -> None:
        name = self.names[self.tree.a[node]]
        self.holder(frame, name)[name] = value

    def do_exit_loop(self, frame: Frame, step: Step) -> int | None:
        return step.jump if self.tree.a[step.node] < 0 or self.condition(frame, self.tree.a[step.node]) else None

    # calls
    def do_call(self, frame: Frame, step: Step) -> None:
        tree = self.tree
        self.invoke(frame, self.module, self.procedures[self.names[tree.a[step.node]]], tree.items(tree.b[step.node]))

    def do_call_unit(self, frame: Frame, step: Step) -> None:
        tree = self.tree
        unit = self.module.units[self.names[tree.a[step.node]]]
        self.invoke(frame, unit, unit.procedures[self.names[tree.b[step.node]]], tree.items(tree.c[step.node]))

    def invoke(self, frame: Frame, module: Module, section: Section, arguments: list[int]) -> None:
        """Copy in with conversion, run, copy back in the order of the parameters; nothing is copied back after an error."""
        given = [self.argument(frame, node, p) for p, node in zip(section.parameters, arguments, strict=True)]
        if self.depth >= MOST_CALLS:
            raise EslError(STACK)
        home = self.module
        self.into(module)
        self.depth += 1
        callee = Frame(section, self.fresh(section))
        for p, value in zip(section.parameters, given, strict=True):
            if value is not None:
                callee.names[p.name] = convert(value, KIND[p.kind]) if isinstance(value, Value) else value
            callee.stamps[p.name] = (NOW, False)
        try:
            self.section(callee)
        finally:
            self.depth -= 1
            self.into(home)
        for p, node in zip(section.parameters, arguments, strict=True):
            if p.mode != N.M_IN:
                self.copy_back(frame, node, callee.names[p.name])

    def argument(self, frame: Frame, node: int, parameter: Parameter) -> Any:
        """What goes into a parameter; None: an OUT parameter gets nothing."""
        if parameter.kind == N.V_RECORD:
            record = self.record_at(frame, node)  # a whole record is handed over with its bonds
            record = record.copy() if record else self.record_of(frame, node)
            return None if parameter.mode == N.M_OUT else record
        if parameter.kind == N.V_OBJECT:
            return self.ref(frame, node)
        value = None if parameter.mode == N.M_OUT else self.value(frame, node)
        if parameter.is_handle:
            self.container(convert(value or self.value(frame, node), "I"))
        return value

    def copy_back(self, frame: Frame, node: int, result: Any) -> None:
        tree = self.tree
        if isinstance(result, Record):
            self.store_record(frame, node, result)
        elif isinstance(result, Value):
            self.store(frame, node, result)
        elif tree.kind[node] == N.N_LOCAL:
            name = self.names[tree.a[node]]
            self.holder(frame, name)[name] = result

    def count_to(self, frame: Frame, name: str, number: int) -> None:
        self.holder(frame, name)[name] = make("I", number)
        self.stamps(frame, name)[name] = (NOW, False)

    # others
    def priority(self, frame: Frame, node: int) -> Value:
        return convert(self.value(frame, node), "I") if node >= 0 else Value("I", 0)

    def do_log(self, frame: Frame, step: Step) -> None:
        """LOG label, value: the label is a text, or the text of a value."""
        values = self.tree.items(self.tree.a[step.node])
        label = self.value(frame, values[0]) if values else Value("T", "")
        if label.kind != "T":
            label = functions.call("%tostr", [label])
        second = self.value(frame, values[1]) if len(values) > 1 else Value("B", False)
        flags = Value("I", self.tree.b[step.node] | (len(values) > 1))
        self.world.act("LOG", flags, label, self.priority(frame, self.tree.c[step.node]), second)

    def do_logex(self, frame: Frame, step: Step) -> None:
        text = convert(self.value(frame, self.tree.a[step.node]), "T")
        self.world.act("LOGEX", Value("I", self.tree.b[step.node]), text, self.priority(frame, self.tree.c[step.node]))

    def do_message(self, frame: Frame, step: Step) -> None:
        text = convert(self.value(frame, self.tree.a[step.node]), "T")
        console = self.tree.b[step.node]
        self.world.act("MESSAGE", text, self.ref(frame, console) if console >= 0 else Ref())

    def do_delay(self, frame: Frame, step: Step) -> None:
        amount = convert(self.value(frame, self.tree.a[step.node]), "R")
        self.world.act("DELAY", binary("*", amount, SECONDS[self.tree.b[step.node]]))

    def do_wait(self, frame: Frame, step: Step) -> None:
        self.world.act("WAIT")

    def do_wait_for(self, frame: Frame, step: Step) -> None:
        """The condition is looked at before the time. Time stands still here: a script that had to wait is too long."""
        tree, node = self.tree, step.node
        if tree.b[node] >= 0:
            seconds = binary("*", convert(self.value(frame, tree.b[node]), "R"), SECONDS[tree.c[node]])
            self.all_valid([seconds])
        met = self.condition(frame, tree.a[node])
        if not met and (tree.b[node] < 0 or seconds.data > 0):
            raise TooLong
        if tree.d[node] >= 0:
            self.store(frame, tree.d[node], Value("B", met))
        elif not met:
            raise EslError(TIMEOUT)

    def do_on_change(self, frame: Frame, step: Step) -> None:
        tree, node = self.tree, step.node
        number = list(self.procedures).index(self.names[tree.b[node]]) + 1
        self.world.act("ON_CHANGE", self.watched(frame, tree.a[node]), Value("I", number), Value("B", not tree.c[node]))

    def watched(self, frame: Frame, node: int) -> Ref:
        """Row 0 is the whole column, or the whole object."""
        tree = self.tree
        column = tree.kind[node] == N.N_COLUMN
        index = tree.a[node] if column else node
        if tree.kind[index] != N.N_INDEX:
            return self.ref(frame, node)
        whole, row = self.ref(frame, tree.a[index]), self.number(frame, tree.b[index])
        if not row.valid or row.data != 0:
            return self.ref(frame, node)
        names = [name for name, _ in self.world.columns(whole)]
        return Ref(whole.object, 0, names.index(self.names[tree.b[node]]) + 1) if column else whole

    def do_function(self, frame: Frame, step: Step) -> None:
        self.value(frame, self.tree.a[step.node])


class Writer:
    """Writes a section out as steps."""

    def __init__(self, walker: Walker, section: Section) -> None:
        self.walker, self.section, self.tree = walker, section, walker.tree
        self.exits: list[list[Step]] = []  # EXIT_LOOPs of the loops around

    def step(self, run: Callable[[Walker, Frame, Step], int | None], node: int, offset: int = -1) -> Step:
        line = self.walker.script.source.line(self.tree.start[node] if offset < 0 else offset)
        walker = self.walker
        made = Step(lambda frame, step: run(walker, frame, step), node, line)
        self.section.steps.append(made)
        return made

    def here(self) -> int:
        return len(self.section.steps)

    def items(self, items: list[int]) -> None:
        for node in items:
            kind = self.tree.kind[node]
            if kind == N.N_LABEL:
                self.section.labels[self.walker.names[self.tree.a[node]]] = self.here()
            elif kind == N.N_DECL:
                self.declaration(node)
            elif kind in BLOCKS:
                BLOCKS[kind](self, node)
            else:
                self.action(node, kind)

    def declaration(self, node: int) -> None:
        for var in self.tree.items(self.tree.b[node]):
            name = self.walker.names[self.tree.a[var]]
            self.section.types[name] = self.tree.a[node]
            if self.tree.b[var] >= 0:
                self.section.constants.add(name)
                self.step(Walker.do_declare, var)

    def action(self, node: int, kind: int) -> None:
        run = ACTIONS.get(kind)
        if run is None:
            raise NotKnown(f"action of kind {kind}")
        made = self.step(run, node)
        if kind == N.N_EXIT_LOOP:
            self.exits[-1].append(made)
        elif kind == N.N_EXCEPTION_HANDLER:
            self.section.markers.append(self.here() - 1)

    def if_(self, node: int) -> None:
        """The end of a branch is a step of its own, so that mode OFF never runs from a THEN body into the ELSE body."""
        tree, ends = self.tree, []
        branches, otherwise = tree.items(tree.a[node]), tree.b[node]
        for at in range(0, len(branches), 2):
            test = self.step(Walker.do_test, branches[at], -1 if at else tree.start[node])
            self.items(tree.items(branches[at + 1]))
            if at + 2 < len(branches) or otherwise >= 0:
                ends.append(self.step(Walker.do_jump, branches[at]))
            test.jump = self.here()
        self.items(tree.items(otherwise))
        for end in ends:
            end.jump = self.here()

    def loop(self, node: int) -> None:
        counted = self.tree.kind[node] != N.N_LOOP
        head = self.step(Walker.do_for, node) if counted else None
        top = self.here()
        self.exits.append([])
        *body, end_loop = self.tree.items(self.tree.d[node])
        self.items(body)
        self.step(Walker.do_next if counted else Walker.do_jump, node, self.tree.start[end_loop]).jump = top
        for step in [*self.exits.pop(), *([head] if head else [])]:
            step.jump = self.here()


EXPRESSIONS: dict[int, Callable[[Walker, Frame, int], Value]] = {
    N.N_INT: Walker.literal, N.N_REAL: Walker.literal, N.N_TEXT: Walker.literal, N.N_AT: Walker.at_word, N.N_LOCAL: Walker.local,
    N.N_OBJECT: Walker.object, N.N_PAREN: Walker.paren, N.N_UNARY: Walker.unary, N.N_BINARY: Walker.binary, N.N_INDEX: Walker.object,
    N.N_COLUMN: Walker.column, N.N_ATTR: Walker.attribute, N.N_FUNC: Walker.function,
}
SECONDS = [Value("R", seconds) for seconds in (0.001, 1.0, 60.0, 3600.0)]  # of the units of DELAY and TIMEOUT
STAMPED: dict[str, Callable[[Walker, Frame, list[int]], Value]] = {
    "%gettime": lambda w, f, nodes: w.time_of(f, nodes[0]),
    "%isweak": lambda w, f, nodes: Value("B", w.is_weak(f, nodes[0]) or w.value(f, nodes[0]).cut),
    "%settime": lambda w, f, nodes: w.value(f, nodes[0]), "%setweak": Walker.set_weak,
}
SPECIAL: dict[str, Callable[[Walker, Frame], Value]] = {
    "_err_nr": Walker.err_nr, "_err_msg": lambda w, f: Value("T", w.message()),
    "_err_line": lambda w, f: Value("I", w.error_line), "_err_nr_trans_ex": lambda w, f: Value("I", w.error.extended),
}
ACTIONS: dict[int, Callable[[Walker, Frame, Step], Any]] = {
    N.N_ASSIGN: Walker.do_assign, N.N_SET_AS: Walker.do_set_as, N.N_SET_WITH: Walker.do_set_with, N.N_IF_GOTO: Walker.do_if_goto,
    N.N_EXIT_LOOP: Walker.do_exit_loop, N.N_GOTO: Walker.do_goto, N.N_RETURN: Walker.do_return, N.N_END: Walker.do_end,
    N.N_RETRY: Walker.do_retry, N.N_RESUME: Walker.do_retry, N.N_ON_ERROR: Walker.do_on_error, N.N_REDIM: Walker.do_redim,
    N.N_CALL: Walker.do_call, N.N_DELAY: Walker.do_delay, N.N_WAIT: Walker.do_wait, N.N_FUNC_ACTION: Walker.do_function,
    N.N_LOG: Walker.do_log, N.N_INSERT: Walker.do_insert, N.N_LOGEX: Walker.do_logex, N.N_MESSAGE: Walker.do_message,
    N.N_GOSUB: Walker.do_gosub, N.N_ON_JUMP: Walker.do_on_jump, N.N_RAISE: Walker.do_raise, N.N_RERAISE: Walker.do_reraise,
    N.N_EXCEPTION_HANDLER: Walker.do_return, N.N_SORT: Walker.do_sort, N.N_FIND_TRUE: Walker.do_find_true,
    N.N_DELETE: Walker.do_delete, N.N_COPY_ROWS: Walker.do_copy_rows, N.N_SET_BIND: Walker.do_set_bind, N.N_CNT: Walker.do_container,
    N.N_WAIT_FOR: Walker.do_wait_for, N.N_CALL_UNIT: Walker.do_call_unit, N.N_ON_CHANGE: Walker.do_on_change,
}
BLOCKS: dict[int, Callable[[Writer, int], None]] = {
    N.N_IF: Writer.if_, N.N_FOR: Writer.loop, N.N_FOR_RANGE: Writer.loop, N.N_LOOP: Writer.loop,
}
