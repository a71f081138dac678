"""Events as the server starts them: type, parent, unit, and what a trigger event waits for. Pure data."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from hisee.model import forms
from hisee.model.names import fold
from hisee.model.objects import ApplicationObject


class Finder(Protocol):
    """Objects by name, in any case."""

    def find(self, name: str) -> ApplicationObject | None: ...


START = re.compile(r"(?P<name>[^\[\]^]+)(?:\[(?P<row>\d+)\])?(?:\^(?P<column>\w+))?\Z")
OWN_PARENT = "self.evh"
PROCESS_STATES = ("Run", "Crash", "Stop", "WDErr")


class Start(NamedTuple):
    """Place and condition. Row and column as in a reference: 0 = each."""

    object: int
    row: int
    column: int
    condition: str
    invert: bool
    low: float | None = None  # ll of the object
    high: float | None = None  # hl
    process: bool = False  # the object is a process, the condition one of its states


class EventPlan(NamedTuple):
    """Everything the server needs to run the stored version of an event."""

    object: str
    hbj: int
    type: str  # as in event.toml
    version: int
    unit: str  # sha256; "" = it has none
    priority: int
    parent: str  # folded name of the event handler, OWN_PARENT = that of the server's computer
    variables: list[list[str]]
    objects: list[int]
    start: Start | None
    merge: bool


def start_of(application: Finder, form: forms.EventForm) -> Start | None:
    """What a trigger event waits for; None = it is only started by others. Raises ValueError with the reason."""
    if not form.start_object:
        return None
    match = START.match(form.start_object.strip())
    item = application.find(match["name"].strip()) if match else None
    if match is None or item is None:
        raise ValueError("no object of this name" if match else "expected an object, `SV.X[row]^Column`, `SV.X^Column` or `SV.X[row]`")
    return place_of(application, item, int(match["row"] or 0), match["column"] or "", form)


def place_of(application: Finder, item: ApplicationObject, row: int, column: str, form: forms.EventForm) -> Start:
    """Raises ValueError when the object has no such place."""
    if item.kind == "process":
        return _process_start(item, row, column, form)
    if form.start_condition in PROCESS_STATES:
        raise ValueError(f"{item.name} is no process: only those are in the states {', '.join(PROCESS_STATES)}")
    kind, low, high = item.form, None, None
    if isinstance(kind, forms.StructuredVariable):
        definition = application.find(kind.definition)
        columns = [fold(name) for name, _ in definition.form.columns] if definition and isinstance(
            definition.form, forms.StructureDefinition) else []
        if row > kind.rows or (column and fold(column) not in columns):
            raise ValueError(f"{item.name} has {kind.rows} rows and the columns {', '.join(columns)}")
        return Start(item.hbj, row, columns.index(fold(column)) + 1 if column else 0, form.start_condition, form.start_invert)
    if row or column or item.kind not in ("user_variable", "database"):
        raise ValueError(f"{item.name} is a {item.kind.replace('_', ' ')}" + (" without rows" if row or column else ": it has no value"))
    if isinstance(kind, forms.UserVariable):
        low, high = kind.ll, kind.hl
    if form.start_condition in ("InLim", "LowLim", "HiLim") and low is None and high is None:
        raise ValueError(f"{item.name} has no limits ll and hl: nothing is ever outside them")
    return Start(item.hbj, 0, 0, form.start_condition, form.start_invert, low, high)


def _process_start(item: ApplicationObject, row: int, column: str, form: forms.EventForm) -> Start:
    if row or column:
        raise ValueError(f"{item.name} is a process without rows")
    if form.start_condition not in (*PROCESS_STATES, "Change"):
        raise ValueError(f"{item.name} is a process: its conditions are {', '.join(PROCESS_STATES)} and Change")
    return Start(item.hbj, 0, 0, form.start_condition, form.start_invert, process=True)


def plan_of(application: Finder, item: ApplicationObject, version: int, unit: str, objects: list[int]) -> EventPlan:
    """Of an object that has an event's form."""
    form = item.form
    assert isinstance(form, forms.EventForm)
    start = start_of(application, form) if form.event_type == "trigger" else None
    wanted = objects if start is None or start.process or start.object in objects else [*objects, start.object]
    return EventPlan(item.name, item.hbj, form.event_type, version, unit, form.priority, fold(form.parent),
                     [list(v) for v in item.variables], wanted, start, form.start_merge)
