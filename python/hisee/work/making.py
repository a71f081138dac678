"""Functions of the roles: outputs (O) and resource calculations (R). hisee.outputs and hisee.resources make; this joins them to tasks."""

from __future__ import annotations

import datetime as dt
import io
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hisee.channel import RequestFailed
from hisee.outputs.shelf import FACT
from hisee.outputs.table import Column, Table, shown
from hisee.resources.balance import HOUR_MS, Sample, hourly
from hisee.resources.calendar import Calendar, CalendarError, from_facts
from hisee.schema.errors import Err
from hisee.tasks import Refuse
from hisee.work.context import Context

CALENDAR, DAYS, BALANCE = "calendar/", "calendar-days/", "balance/"
LAST_YEAR = 9998  # the next one's first day has to be a date, too
ZIP_TIME = (2000, 1, 1, 0, 0, 0)  # inside an export: the same objects give the same file


# -- O: outputs


@contextmanager
def known() -> Iterator[None]:
    """What asks for an object that is not there can never succeed."""
    try:
        yield
    except RequestFailed as failed:
        if failed.error == Err.ERR_OBJECT_NOT_FOUND:
            raise Refuse(str(failed)) from failed
        raise


def report(ctx: Context, name: str, source: str, format: str = "csv", title: str = "", zone: str = "UTC", where: str = "",
           notify: bool = True) -> dict[str, Any]:
    """A table as a file. source: `values MASK`, `facts PREFIX`, `balance NAME` or `table T.NAME`."""
    from hisee.outputs import render  # loaded with the first report: a work process without reports stays small

    word, _, rest = source.partition(" ")
    make = SOURCES.get(word)
    if make is None or not rest:
        raise Refuse(f"report source {source!r}", hint=f"one of: {', '.join(f'{key} …' for key in SOURCES)}")
    if format not in render.FORMATS:
        raise Refuse(f"report format {format!r}", hint=f"one of {', '.join(render.FORMATS)}")
    with known():
        columns, rows = make(ctx, rest, where)
    try:
        table = Table(title or name, columns, rows, zone)
        data = render.FORMATS[format](table)
    except (ValueError, KeyError) as error:
        raise Refuse(f"report {name}: {error}") from error
    return keep(ctx, name, format, data, notify)


def print_picture(ctx: Context, name: str, object: str, title: str = "", notify: bool = True) -> dict[str, Any]:
    """A picture with the values of its bound objects, as PDF."""
    from hisee.outputs import picture as pictures  # see report

    with known():
        bound = tomllib.loads(ctx.reach.part(f"{object}:PICTURE").decode()).get("objects", {})
    binds = {key: row for key, row in bound.items() if row.get("bind")}
    try:
        data = pictures.to_pdf(title or object, ctx.reach.part(f"{object}:SVG"), _bound_texts(ctx, binds))
    except pictures.PictureRefused as error:
        raise Refuse(str(error)) from error
    return keep(ctx, name, "pdf", data, notify)


def _bound_texts(ctx: Context, binds: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    if not binds:
        return {}
    states = {state.name: state for state in ctx.reach.values(*{str(row["bind"]) for row in binds.values()})}
    texts = {}
    for key, row in binds.items():
        state = states.get(str(row["bind"]))
        column = Column(key, decimals=row.get("decimals"))
        texts[key] = shown(state.value if state else None, column, dt.UTC)
    return texts


def export(ctx: Context, name: str, objects: list[str] | None = None, notify: bool = True) -> dict[str, Any]:
    """Objects (all, or those named) as a ZIP of application files."""
    with known():
        files = ctx.reach.files(objects or [])
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for path, content in sorted(files.items()):
            file.writestr(zipfile.ZipInfo(path, ZIP_TIME), content)
    return keep(ctx, name, "zip", data.getvalue(), notify)


def notify(ctx: Context, text: str, subject: str = "", priority: int = 3) -> None:
    """A line for people, in the event log of the system: once, whatever happens to the sender."""
    ctx.send("notify", {"subject": subject, "text": text, "priority": priority})


def keep(ctx: Context, name: str, format: str, data: bytes, tell: bool) -> dict[str, Any]:
    """Put an output on the shelf, note it as a fact, and tell people (the end message)."""
    try:
        file = ctx.shelf.put(name, ctx.task_id, format, data)
    except ValueError as error:
        raise Refuse(str(error)) from error
    facts = {"file": file, "name": name, "bytes": len(data), "task": ctx.task_id, "made_ms": ctx.now_ms()}
    ctx.write(FACT + file, facts)
    if tell:
        notify(ctx, f"{file} is ready, {len(data)} bytes", "output")
    return facts


Source = Callable[[Context, str, str], tuple[list[Column], list[Any]]]


def _values(ctx: Context, mask: str, where: str) -> tuple[list[Column], list[Any]]:
    columns = [Column("Object"), Column("Type"), Column("Value"), Column("Time", kind="time")]
    return columns, [[s.name, s.type, s.value, s.time_ms or None] for s in ctx.reach.values(*mask.split())]


def _facts(ctx: Context, prefix: str, where: str) -> tuple[list[Column], list[Any]]:
    return [Column("Key"), Column("Value")], [[key, _plain(value)] for key, value in sorted(ctx.facts(prefix).items())]


def _balances(ctx: Context, name: str, where: str) -> tuple[list[Column], list[Any]]:
    found = sorted(ctx.facts(f"{BALANCE}{name}/").values(), key=lambda row: row["hour_ms"])
    unit = str(found[-1].get("unit", "")) if found else ""
    columns = [Column("Hour", kind="time"), Column("Amount", unit, 2), Column("Measured", "%", 0)]
    return columns, [[row["hour_ms"], row["amount"], 100 * row["measured"]] for row in found]


def _database(ctx: Context, name: str, where: str) -> tuple[list[Column], list[Any]]:
    found = ctx.reach.table(name, where)
    return [Column(column, kind="time" if kind == "TIME" else "value") for column, kind in found.columns], found.rows


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


SOURCES: dict[str, Source] = {"values": _values, "facts": _facts, "balance": _balances, "table": _database}


# -- R: resource calculations


def calendar(ctx: Context, name: str, year: int = 0, weekdays: list[str] | None = None, without: list[str] | None = None,
             extra: list[str] | None = None) -> int:
    """Define a calendar (where rules are given) and work out its days of a year; how many count."""
    row = ctx.fact(CALENDAR + name) if weekdays is None and without is None and extra is None else None
    try:
        made = from_facts(row) if row else Calendar(name=name, **_given(weekdays=weekdays, without=without, extra=extra))
    except CalendarError as error:
        raise Refuse(str(error)) from error
    if not 0 <= year <= LAST_YEAR:
        raise Refuse(f"calendar {name}: there is no year {year}")
    wanted = year or dt.datetime.fromtimestamp(ctx.now_ms() / 1000, dt.UTC).year
    days = [day.isoformat() for day in made.days(wanted)]
    ctx.write(CALENDAR + name, {"name": name, "weekdays": made.weekdays, "without": made.without, "extra": made.extra})
    ctx.write(f"{DAYS}{name}/{wanted}", days)
    return len(days)


def _given(**rules: list[str] | None) -> dict[str, list[str]]:
    return {key: rule for key, rule in rules.items() if rule is not None}


def balance(ctx: Context, name: str, samples: str, unit: str = "", hours: int = 24) -> int:
    """Hourly balances of a rate over the last whole hours; how many were worked out.

    Its samples are facts `<samples>/<ms>` = {"rate": number, or null while it is invalid}.
    """
    now = ctx.now_ms()
    prefix = samples.rstrip("/") + "/"
    found = sorted((int(key.removeprefix(prefix)), row["rate"]) for key, row in ctx.facts(prefix).items())
    begin = (now // HOUR_MS - hours) * HOUR_MS
    if not found:
        return 0
    made = list(hourly([Sample(at, rate) for at, rate in found], max(begin, found[0][0] // HOUR_MS * HOUR_MS), now))
    for one in made:
        ctx.write(f"{BALANCE}{name}/{one.hour_ms}", {**one._asdict(), "unit": unit})
    for at, _ in found[:-1]:  # what no later balance needs; the last one before the range still holds into it
        if at < begin - HOUR_MS:
            ctx.write(f"{prefix}{at}", None)
    return len(made)
