"""Objects of an application as the rest of the system sees them: kind, number, definition, parts, cells. Pure data."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hisee.model import forms
from hisee.model.layout import Parts
from hisee.model.names import LOCAL_PART, REMOTE_PART
from hisee.values import Ref, Time, type_of

if TYPE_CHECKING:
    from hisee._core.cells import CellTable

INT_LEAST, INT_MOST = -(1 << 63) + 16, (1 << 63) - 1  # V7: the 16 lowest codes mean invalid


@dataclass(slots=True)
class ApplicationObject:
    """One object. `hbj` is 0 until a store has given the number; `form` is what its TOML says."""

    name: str
    kind: str  # picture event interface process, or a type of objects.toml
    form: forms.Form | None = None
    source: Parts = field(default_factory=lambda: Parts(""))
    hbj: int = 0
    process: Process | None = None

    @property
    def scripted(self) -> bool:
        return self.kind in ("picture", "event")

    @property
    def split(self) -> bool:
        """Does its remote part run in a SEE? (the Server Script parameter, or a client-and-server event)"""
        if isinstance(self.form, forms.PictureForm):
            return self.form.server_script
        return isinstance(self.form, forms.EventForm) and self.form.event_type == "client_and_server"

    @property
    def script_parts(self) -> list[str]:
        """The parts that are compiled; a remote text without the parameter is kept but inactive."""
        wanted = (LOCAL_PART, REMOTE_PART) if self.split else (LOCAL_PART,)
        return [p for p in wanted if self.scripted and p in self.source.parts]

    @property
    def variables(self) -> list[tuple[str, str]]:
        if isinstance(self.form, (forms.PictureForm, forms.EventForm)):
            return [(name, kind) for name, kind in self.form.variables]
        return []

    @property
    def graphics(self) -> list[str]:
        """Names of the graphical objects; the script's reference variable is the name with an underscore before it."""
        return list(self.form.objects) if isinstance(self.form, forms.PictureForm) else []

    @property
    def bindings(self) -> list[str]:
        """Names of the objects whose values the picture shows without a script."""
        if not isinstance(self.form, forms.PictureForm):
            return []
        return [bound_object(g["bind"]) for g in self.form.objects.values() if isinstance(g.get("bind"), str)]


@dataclass(frozen=True, slots=True)
class Process:
    """A configured process: what is started where. `args` and `env` are as written."""

    name: str  # with suffix: SRV1.KNL
    kind: str  # of the kinds table: KNL SES EVH ...
    command: str  # server event hip ...
    node: str
    args: tuple[str, ...] = ()
    autostart: bool = True
    priority: int = 0
    init_s: float = 0.0
    env: tuple[tuple[str, str], ...] = ()
    web_port: int | None = None
    consoles: int = 1
    port: int | None = None
    served: bool = True  # False: accepted, but this release does not start it
    programs: str = ""  # agent
    restart: str = "transient"
    delay_s: float | None = None

    @property
    def numbered(self) -> bool:
        """Its name is a placeholder: number and name are given when it joins the engine."""
        return self.command in forms.NUMBERED_KINDS

    @property
    def workstation(self) -> str:
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Node:
    """A computer of the system, or one played on this computer over a shaped link."""

    name: str
    host: str = ""
    link: forms.LinkForm | None = None
    processes: tuple[Process, ...] = ()
    ports: forms.PortsForm | None = None  # own lists of this computer

    @property
    def local(self) -> bool:
        """Is it this computer, reached by rings and not over TCP?"""
        return not self.host


def bound_object(text: str) -> str:
    """The object in a `bind`: U.X, or that of a cell as in SV.X[2]^Level."""
    return text.partition("[")[0].partition("^")[0].strip()


class Cell(NamedTuple):
    """What KNL needs to make the cells of one object. `initial` None = invalid; TIME in ms UTC."""

    hbj: int
    name: str
    type: str  # slot type; RECORD for a structured variable
    rows: int  # 0 = a single value
    columns: tuple[tuple[str, str], ...]  # of a structured variable
    initial: bool | int | float | str | None = None
    retain: bool = False
    structure: int = 0  # hbj of the structure definition
    limits: tuple[float | None, ...] = ()  # vll, ll, hl, vhl of a single value; empty = none

    def define(self, table: CellTable, now_ms: int) -> None:
        """Make the object known to `table` and give it its initial value. Defined again with the same shape it keeps its value."""
        if self.type == "RECORD":
            table.define(self.hbj, "RECORD", self.rows, [int(type_of(kind)) for _, kind in self.columns])
            return
        known = table.has(self.hbj)
        table.define(self.hbj, self.type)
        self.limit(table)
        if self.initial is not None and not known:
            value = Time(self.initial) if self.type == "TIME" else self.initial
            table.set(Ref(self.hbj), value, now_ms)

    def limit(self, table: CellTable) -> None:
        """Give the object's limits to `table`; they count from its next value on."""
        if self.type != "RECORD":
            table.limits(self.hbj, *self.limits)


def initial_value(value_type: str, value: forms.Scalar | None, time_zone: str) -> bool | int | float | str | None:
    """`value` of the file as a value of `value_type`; raises ValueError that says what would fit."""
    if value is None:
        return None
    if value_type == "BOOL" and isinstance(value, bool):
        return value
    if value_type == "INT" and isinstance(value, int) and not isinstance(value, bool):
        if INT_LEAST <= value <= INT_MOST:
            return value
        raise ValueError(f"an INT lies between {INT_LEAST} and {INT_MOST}")
    if value_type == "REAL" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return _finite(float(value))
    if value_type == "TEXT" and isinstance(value, str):
        return value
    if value_type == "TIME":
        return _time_ms(value, time_zone)
    raise ValueError(f"does not fit {value_type}")


def _finite(value: float) -> float:
    if value - value != 0.0:
        raise ValueError("a REAL is finite; leave `initial` out for an invalid value")
    return value


def _time_ms(value: forms.Scalar, time_zone: str) -> int:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("does not fit TIME") from None
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=zoneinfo.ZoneInfo(time_zone))
        return (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("does not fit TIME")
