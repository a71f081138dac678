"""`hisee task`: durable tasks and schedules from the command line. Argument parsing and printing only."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hisee.cli.system import DATA, JSON, connect, table
from hisee.errors import UsageError

if TYPE_CHECKING:
    from hisee.durable import Task

LIST = ("id", "func", "queue", "state", "priority", "attempt", "owner", "progress", "created", "ended")
SCHEDULES = ("name", "rule", "zone", "missed", "next", "func", "queue")
FACTS = ("func", "queue", "state", "status", "result", "text", "owner", "attempt", "max_attempts", "priority", "due", "order_key", "key",
         "args", "generated", "progress", "progress_text", "created", "ended", "agent", "parent", "after", "resources")
OUTPUTS = ("file", "bytes", "task", "made")
FROM_NOW = re.compile(r"\+(\d+(?:\.\d+)?)(ms|s|m|h|d)?\Z")
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}
BAR = 30
WATCH_S = 1.0

ARG = click.option("--arg", "args", multiple=True, metavar="K=V", help="Argument of the function: JSON, or else text. May be repeated.")
QUEUE = click.option("--queue", default="", metavar="QUEUE", help="general, primary, O, R, dialog or java [default: the function's own].")
PRIORITY = click.option("--priority", type=click.IntRange(0, 999), help="0 first, 999 last [default: the function's own].")
RETRIES = click.option("--retries", type=click.IntRange(0), help="Attempts after the first [default: the function's own].")


@click.group()
def task() -> None:
    """Durable tasks: put, follow, cancel, retry, schedule."""


@task.command()
@click.argument("func")
@QUEUE
@ARG
@click.option("--count", type=click.IntRange(1), default=1, help="Put it so many times.")
@PRIORITY
@RETRIES
@click.option("--due", default="", metavar="MOMENT", help="Not before: ISO 8601, or +10s, +5m, +2h from now.")
@click.option("--key", default="", help="Idempotency key: a second put with it answers the first one's id.")
@click.option("--order-key", default="", help="Tasks of one order key run one after the other.")
@click.option("--after", type=int, multiple=True, metavar="ID", help="Only when this task has ended ok. May be repeated.")
@click.option("--resource", "resources", multiple=True, metavar="NAME",
              help="It runs only while this resource is free; engine.limit says how many may use it [default: one]. May be repeated.")
@click.option("--agent", default="", help="Agent of a program [default: any that offers it].")
@click.option("--wait", is_flag=True, help="Follow them to their ends; exit 1 when one did not end ok.")
@click.option("--timeout", type=click.FloatRange(0), help="With --wait: give up after so many seconds, exit 5.")
@DATA
@JSON
def enqueue(func: str, queue: str, args: tuple[str, ...], count: int, priority: int | None, retries: int | None, due: str, key: str,
            order_key: str, after: tuple[int, ...], resources: tuple[str, ...], agent: str, wait: bool,
            timeout: float | None, data: Path | None, as_json: bool) -> int:
    """Put durable tasks and print their ids, one a line, as soon as they are durable."""
    from hisee.durable import request_row

    if key and count > 1:
        raise click.UsageError("one key is one task: give --key or --count")
    options = {name: value for name, value in (("after", list(after)), ("resources", list(resources)), ("agent", agent)) if value}
    row = request_row(func, arguments(args), queue=queue, priority=priority, retries=retries, key=key, due=moment(due) if due else None,
                      order_key=order_key, options=options)
    with connect(data) as system:
        tasks = system.tasks.put([row] * count)
        if not (as_json and wait):
            click.echo(json.dumps([t.id for t in tasks]) if as_json else "\n".join(str(t.id) for t in tasks))
            sys.stdout.flush()
        return follow(tasks, timeout, as_json) if wait else 0


def arguments(words: tuple[str, ...]) -> dict[str, Any]:
    """`k=v` words: v is JSON where it reads as JSON, else text."""
    out: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--arg {word!r} is not K=V")
        try:
            out[name] = json.loads(value)
        except ValueError:
            out[name] = value
    return out


def moment(text: str) -> dt.timedelta | str:
    found = FROM_NOW.match(text)
    return dt.timedelta(seconds=float(found[1]) * SECONDS[found[2]]) if found else text


def follow(tasks: list[Task], timeout: float | None, as_json: bool) -> int:
    """Wait for the end of each, with a bar for one and a count for many; 1 when one is not ok."""
    from hisee.durable import TaskFailed

    shown = Bar(len(tasks))
    rows = [each.wait(timeout, shown.tell) for each in tasks]
    shown.clear()
    if as_json:
        click.echo(json.dumps(rows if len(rows) > 1 else rows[0], indent=1))
    wrong = [row for row in rows if row["state"] != "ended ok"]
    for row in wrong:
        click.echo(f"hisee: {TaskFailed(row)}", err=True)
    for row in [] if as_json else (row for row in rows if row not in wrong):
        click.echo(json.dumps(row["result"], ensure_ascii=False))
    return 1 if wrong else 0


class Bar:
    """Progress on standard error, redrawn in place; nothing where that is no terminal."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._on = total, 0, sys.stderr.isatty()

    def tell(self, row: dict[str, Any]) -> None:
        from hisee.durable import ended

        self._done += ended(row)
        share = self._done / self._total if self._total > 1 else 1.0 if ended(row) else row["progress"] or 0.0
        self._draw(f"{bar(share)} {row['state']} {row['progress_text']}")

    def clear(self) -> None:
        self._draw("")

    def _draw(self, line: str) -> None:
        if self._on:
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)


def bar(share: float) -> str:
    share = max(0.0, min(1.0, share))
    full = round(share * BAR)
    return f"[{'#' * full}{'.' * (BAR - full)}] {share:4.0%}"


@task.command("list")
@click.option("--state", default="", help="Only this state.")
@click.option("--queue", default="", help="Only this queue.")
@click.option("--func", default="", help="Only this function.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, help="At most so many, newest first.")
@click.option("--before", type=int, default=0, metavar="ID", help="Only ids below this one.")
@click.option("--watch", is_flag=True, help="Draw it again each second until Ctrl-C.")
@DATA
@JSON
def list_(state: str, queue: str, func: str, limit: int, before: int, watch: bool, data: Path | None, as_json: bool) -> int:
    """List tasks, newest first."""
    with connect(data) as system:
        def draw() -> None:
            rows = system.tasks.list(state=state, queue=queue, func=func, limit=limit, before=before)
            print_rows(rows, as_json)

        if not watch:
            draw()
            return 0
        return redrawn(draw, as_json)


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        table(LIST, [readable(row) for row in rows])


def redrawn(draw: Any, as_json: bool) -> int:
    """`draw` each second, on a cleared screen where there is one; Ctrl-C ends it with 0."""
    import time

    try:
        while True:
            if sys.stdout.isatty() and not as_json:
                click.echo("\x1b[H\x1b[2J", nl=False)
            draw()
            sys.stdout.flush()
            time.sleep(WATCH_S)
    except KeyboardInterrupt:
        return 0


def clock(ms: int) -> str | None:
    """A moment for people, UTC; None for none."""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if ms else None


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """Times as times, nothing as a dash."""
    out = {name: None if value in ("", [], {}) else value for name, value in row.items()}
    share = None if row["state"] == "ended ok" else row["progress"]  # the last note of a done task tells nothing
    return out | {"parent": row["parent"] or None, "created": clock(row["created_ms"]), "ended": clock(row["ended_ms"]),
                  "due": clock(row["due_ms"]),
                  "progress": None if share is None else f"{share:.0%}"}


@task.command()
@click.argument("number", metavar="ID", type=int)
@DATA
@JSON
def show(number: int, data: Path | None, as_json: bool) -> int:
    """Show one task with its life: every state with time, work process and message number."""
    with connect(data) as system:
        row = system.tasks.show(number)
    if as_json:
        click.echo(json.dumps(row, indent=1))
        return 0
    facts = readable(row)
    click.echo(f"task {number}")
    for name in FACTS:
        if facts.get(name) is not None:
            click.echo(f"  {name:<14} {said(facts[name])}")
    steps = [step | {"at": clock(step["at_ms"])} for step in row["steps"]]
    table(("at", "state", "by", "message"), steps)
    return 0


def said(value: Any) -> str:
    """Text as it is (further lines moved in), anything else as JSON."""
    return value.rstrip().replace("\n", "\n" + " " * 17) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _each(numbers: tuple[int, ...], data: Path | None, verb: str, no: str) -> int:
    """Cancel or retry; exit 1 when the state of one does not allow it."""
    refused = 0
    with connect(data) as system:
        for number in numbers:
            if not getattr(system.tasks, verb)(number):
                refused += 1
                click.echo(f"hisee: task {number} {no}: {system.tasks.show(number)['state']}", err=True)
    return 1 if refused else 0


NUMBERS = click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)


@task.command()
@NUMBERS
@DATA
def retry(numbers: tuple[int, ...], data: Path | None) -> int:
    """Let dead letters and failed tasks run again, attempts counted from 0."""
    return _each(numbers, data, "retry", "cannot be retried")


@task.command()
@NUMBERS
@DATA
def cancel(numbers: tuple[int, ...], data: Path | None) -> int:
    """End tasks: those that wait do not begin, of those that run nothing is committed."""
    return _each(numbers, data, "cancel", "has ended before")


@task.group()
def schedule() -> None:
    """Durable schedules of tasks."""


@schedule.command("list")
@DATA
@JSON
def schedule_list(data: Path | None, as_json: bool) -> int:
    """List schedules with their next instants."""
    with connect(data) as system:
        rows = system.tasks.schedules()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return 0
    put = [{name: row["request"][name] for name in ("func", "queue")} for row in rows]
    table(SCHEDULES, [row | facts | {"next": clock(row["next_ms"])} for row, facts in zip(rows, put, strict=True)])
    return 0


@schedule.command("put")
@click.argument("name")
@click.argument("func")
@click.option("--cron", default="", metavar="'M H D M W'", help="Minute, hour, day, month, weekday.")
@click.option("--every", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@click.option("--at", default="", metavar="MOMENT", help="Once: ISO 8601, or +10s, +5m, +2h from now.")
@click.option("--zone", default="", help="Time zone of --cron and --at [default: the system's].")
@click.option("--missed", type=click.Choice(["skip", "once", "all"]), default="once", help="Instants that passed while nothing ran.")
@QUEUE
@ARG
@PRIORITY
@RETRIES
@DATA
def schedule_put(name: str, func: str, cron: str, every: float | None, at: str, zone: str, missed: str, queue: str, args: tuple[str, ...],
                 priority: int | None, retries: int | None, data: Path | None) -> int:
    """Make or change the schedule NAME, which puts a task of FUNC at its instants."""
    from hisee.durable import request_row

    request = request_row(func, arguments(args), queue=queue, priority=priority, retries=retries)
    with connect(data) as system:
        system.tasks.put_schedule({"name": name, "rule": rule_of(cron, every, at), "zone": zone, "missed": missed, "request": request})
    return 0


def rule_of(cron: str, every: float | None, at: str) -> str:
    from hisee.durable import moment_ms

    given = [bool(cron), every is not None, bool(at)]
    if sum(given) != 1:
        raise UsageError("a schedule has one rule", hint="give --cron, --every or --at")
    if cron:
        return f"cron {cron}"
    if every is not None:
        return f"every {every:g}"
    when = moment(at)
    return f"at {moment_ms(when)}" if isinstance(when, dt.timedelta) else f"at {when}"


@schedule.command("drop")
@click.argument("name")
@DATA
def schedule_drop(name: str, data: Path | None) -> int:
    """Remove a schedule; tasks that it has put stay."""
    with connect(data) as system:
        system.tasks.drop_schedule(name)
    return 0


@task.command()
@DATA
@JSON
def outputs(data: Path | None, as_json: bool) -> int:
    """List reports and exports that were made."""
    with connect(data) as system:
        rows = system.tasks.outputs()
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        table(OUTPUTS, [row | {"made": clock(row["made_ms"])} for row in rows])
    return 0


@task.command()
@click.argument("file")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path),
              help="Write it there [default: its own name, here]; - = standard output.")
@DATA
def output(file: str, target: Path | None, data: Path | None) -> int:
    """Fetch one of the outputs."""
    with connect(data) as system:
        content = system.tasks.output(file)
    if str(target) == "-":
        sys.stdout.buffer.write(content)
        return 0
    place = target or Path(Path(file).name)
    place.write_bytes(content)
    click.echo(f"{place}: {len(content)} bytes", err=True)
    return 0
