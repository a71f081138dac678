"""Jumps, subroutines and errors of a section: where it goes on when an action does not simply lead to the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hisee.esl.front import kinds as N
from hisee.esl.front.nodes import Tree
from hisee.esl.front.rows import as_list

from .values import EXPRESSION_STATUS, UNDEFINED, EslError, Value, convert, invalid
from .world import RANGE_ERROR

STACK, NO_HANDLER = 19, 30
MOST_GOSUBS, MOST_MESSAGE = 256, 250


class EndOfRun(Exception):
    """END."""


class Nodes:
    """The tree's rows as lists: Python reads them faster than the compiler's own."""

    def __init__(self, tree: Tree) -> None:
        self.kind, self.start, self.end, self.a, self.b, self.c, self.d = (
            as_list(row, tree.count) for row in (tree.kind, tree.start, tree.end, tree.a, tree.b, tree.c, tree.d))
        self.items, self.globals, self.procedures, self.init = tree.items, tree.globals, tree.procedures, tree.init
        self.units, self.implements = tree.units, tree.implements


@dataclass
class Step:
    """One textual action. `run` answers the number of the next step, None = the one behind it."""

    run: Callable[[Frame, Step], int | None]
    node: int
    line: int
    jump: int = -1


@dataclass(frozen=True)
class Parameter:
    """`kind`: type number. `is_handle`: CNT_HANDLE."""

    name: str
    mode: int
    kind: int
    is_handle: bool


@dataclass
class Section:
    """A procedure, or the init part (name "")."""

    name: str
    parameters: list[Parameter] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)  # local name -> TYPE node
    constants: set[str] = field(default_factory=set)
    markers: list[int] = field(default_factory=list)  # steps of EXCEPTION_HANDLER

    def stretch(self, at: int) -> int:
        """Number of markers in front of a step."""
        return sum(marker < at for marker in self.markers)


@dataclass
class Frame:
    """One activation. `bounds`: the hidden end of each FOR, by its step. `stamps`: time and Weak of locals that were assigned."""

    section: Section
    names: dict[str, Any]
    stamps: dict[str, tuple[Value, bool]] = field(default_factory=dict)
    at: int = 0
    mode: int = N.E_NONE
    label: int = -1
    off: tuple[int, int] = (N.E_NONE, -1)  # what OFF replaced
    failed: int = -1  # step whose error the running label handler handles; -1 = none runs
    after: tuple[int, int] = (N.E_NONE, -1)  # mode after the handler
    bounds: dict[int, Value] = field(default_factory=dict)
    returns: list[int] = field(default_factory=list)  # steps behind the open GOSUBs
    handled: EslError | None = None  # the error whose handler runs
    handled_line: int = 0
    handled_returns: int = 0  # open GOSUBs when it happened


class Flow:
    """The part of a walker that moves within a section."""

    tree: Nodes
    names: list[str]
    literals: list[Any]
    error: EslError  # the last one, and the line where this section met it
    error_line: int
    began = 0
    error_number = 0

    def value(self, frame: Frame, node: int) -> Value:
        raise NotImplementedError

    def condition(self, frame: Frame, node: int) -> bool:
        raise NotImplementedError

    def message(self) -> str:
        raise NotImplementedError

    def caught(self, frame: Frame, step: Step, error: EslError) -> int:
        """Where it goes on after an error; raises it again where the section does not handle it."""
        again = self.tree.kind[step.node] == N.N_RERAISE and frame.handled is not None
        line = frame.handled_line if again else step.line
        if self.error is not error:
            self.began = line
        self.error, self.error_line = error, line
        self.error_number = error.number
        following = [marker for marker in frame.section.markers if marker >= frame.at]
        if following or frame.mode == N.E_LABEL:
            frame.handled, frame.handled_line, frame.handled_returns = error, self.error_line, len(frame.returns)
        if following:
            return following[0] + 1
        if frame.mode == N.E_LABEL:
            to, frame.after = frame.label, (frame.mode, frame.label)
            frame.mode, frame.failed = N.E_NONE, frame.at
            return to
        if frame.mode == N.E_OFF:
            return frame.at + 1
        raise error

    def do_goto(self, frame: Frame, step: Step) -> int:
        return self.jump(frame, self.tree.a[step.node])

    def do_if_goto(self, frame: Frame, step: Step) -> int | None:
        return self.jump(frame, self.tree.b[step.node]) if self.condition(frame, self.tree.a[step.node]) else None

    def jump(self, frame: Frame, name: int) -> int:
        """A jump ends a label handler, and that of a stretch when it leaves the stretch."""
        to = frame.section.labels[self.names[name]]
        if not frame.section.markers or frame.section.stretch(to) != frame.section.stretch(frame.at):
            self.leave_handler(frame)
        return to

    def leave_handler(self, frame: Frame) -> None:
        frame.handled = None
        if frame.failed >= 0:
            frame.failed = -1
            frame.mode, frame.label = frame.after

    def gosub(self, frame: Frame, name: int) -> int:
        if len(frame.returns) >= MOST_GOSUBS:
            raise EslError(STACK)
        frame.returns.append(frame.at + 1)
        return frame.section.labels[self.names[name]]

    def do_gosub(self, frame: Frame, step: Step) -> int:
        return self.gosub(frame, self.tree.a[step.node])

    def do_on_jump(self, frame: Frame, step: Step) -> int | None:
        """ON n GOTO, ON n GOSUB: n from 1; outside the list the next action follows."""
        tree = self.tree
        number, labels = convert(self.value(frame, tree.a[step.node]), "I"), tree.items(tree.b[step.node])
        if not number.valid:
            raise EslError(EXPRESSION_STATUS)
        if not 1 <= number.data <= len(labels):
            return None
        return (self.gosub if tree.c[step.node] else self.jump)(frame, labels[number.data - 1])

    def do_return(self, frame: Frame, step: Step) -> int:
        """Of the last open GOSUB, else of the section; one that was open before the error ends its handler."""
        if not frame.returns:
            return len(frame.section.steps)
        to = frame.returns.pop()
        if len(frame.returns) < frame.handled_returns:
            self.leave_handler(frame)
        return to

    def do_raise(self, frame: Frame, step: Step) -> None:
        tree = self.tree
        code = convert(self.value(frame, tree.a[step.node]), "I")
        text = convert(self.value(frame, tree.b[step.node]), "T") if tree.b[step.node] >= 0 else invalid("T", UNDEFINED)
        if not code.valid or code.data == 0 or not -(2**31) <= code.data < 2**31:
            raise EslError(RANGE_ERROR)
        raise EslError(code.data, text=text.data[:MOST_MESSAGE] if text.valid else None)

    def do_reraise(self, frame: Frame, step: Step) -> None:
        if frame.handled is None:
            raise EslError(NO_HANDLER)
        raise EslError(frame.handled.number, text=self.error.text if self.error.number == frame.handled.number else None)

    def do_end(self, frame: Frame, step: Step) -> None:
        raise EndOfRun

    def do_retry(self, frame: Frame, step: Step) -> int:
        if frame.failed < 0:
            raise EslError(NO_HANDLER)
        failed = frame.failed
        self.leave_handler(frame)
        return failed if self.tree.kind[step.node] == N.N_RETRY else failed + 1

    def do_on_error(self, frame: Frame, step: Step) -> None:
        mode = self.tree.a[step.node]
        if mode == N.E_OFF:
            if frame.mode != N.E_OFF:
                frame.off = (frame.mode, frame.label)
            frame.mode = N.E_OFF
        elif mode == N.E_ON:
            if frame.mode == N.E_OFF:
                frame.mode, frame.label = frame.off
        else:
            frame.mode = mode
            frame.label = frame.section.labels[self.names[self.tree.b[step.node]]] if mode == N.E_LABEL else -1
        if frame.failed >= 0:  # said in a handler: it holds after it too
            frame.after = (frame.mode, frame.label)
