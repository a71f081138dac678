"""Commands that look at a running system: ps, roles, queues, routes, lanes. Argument parsing and printing only."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from hisee import shown
from hisee.cli.orders import carry_out
from hisee.cli.system import DATA, JSON, connect, table
from hisee.errors import HiseeError

Rows = list[dict[str, Any]]
WATCH = click.option("--watch", "follow", is_flag=True, help="Show it again every second until Ctrl-C.")
CSV = click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one line per row.")
PERIOD_S = 1.0
CLEAR = "\x1b[H\x1b[J"
PS_COLUMNS = ("name", "kind", "state", "role", "host", "pid", "port", "busy_1m", "busy_10m", "busy_60m", "connections", "see_count",
              "hosted_by", "object", "carrier", "sent", "received", "time_difference_ms", "drain", "library", "calls", "restarts")
PS_CSV = ("name", "type", "version", "state", "role", "node", "host", "address", "port", "pid", "busy_1m", "busy_10m", "busy_60m",
          "connections", "time_difference_ms", "server_time", "started_at", "carrier", "link", "sent", "received", "memory_bytes",
          "see_count", "hosted_by", "console", "object", "drain", "dropped", "queue", "library", "calls", "failed", "restarts", "ended")
QUEUE_COLUMNS = ("queue", "waiting", "running", "oldest_ms")
ROUTE_COLUMNS = ("type", "lane", "source", "target", "state", "mode", "id", "sent", "received", "bytes", "since_ms", "rtt_ms",
                 "switches", "losses")


@click.command()
@DATA
@JSON
@CSV
@WATCH
def ps(data: Path | None, as_json: bool, as_csv: bool, follow: bool) -> int:
    """List the processes of the running system, all of one instant; ended ones stay until their name is used again."""

    def show(system: Any) -> str:
        rows: Rows = system.ps()
        return csv_text(PS_CSV, rows) if as_csv else json.dumps(rows, indent=1) if as_json else table_text(PS_COLUMNS, rows)

    return look(data, show, follow)


@click.command()
@DATA
@JSON
@WATCH
def roles(data: Path | None, as_json: bool, follow: bool) -> int:
    """Show which work process is primary, who holds the roles O and R, and in a group which computer is hot and active, with epochs."""

    def show(system: Any) -> str:
        return json.dumps(system.roles(), indent=1) if as_json else table_text(("role", "holder", "node", "epoch"), system.terms())

    return look(data, show, follow)


@click.command()
@DATA
@JSON
@CSV
@WATCH
def queues(data: Path | None, as_json: bool, as_csv: bool, follow: bool) -> int:
    """Show what waits and runs in every queue, and the age of the oldest request that could run."""

    def show(system: Any) -> str:
        found = system.queues()
        if as_json:
            return json.dumps(found, indent=1)
        rows = [{"queue": name, **facts} for name, facts in found.items()]
        return csv_text(QUEUE_COLUMNS, rows) if as_csv else table_text(QUEUE_COLUMNS, rows)

    return look(data, show, follow)


@click.command()
@click.argument("process", required=False)
@click.option("--carrier", type=click.Choice(["socket", "ring"]),
              help="Send the link of PROCESS to its socket, where it stays, or to fresh rings.")
@DATA
@JSON
@WATCH
def routes(process: str | None, carrier: str | None, data: Path | None, as_json: bool, follow: bool) -> int:
    """Show who serves each lane, which process reaches which, the channels of pictures, and every link with its carrier."""
    if (process is None) != (carrier is None):
        raise click.UsageError("--carrier and a PROCESS go together")
    if carrier is not None:
        return carry_out("", f"CARRIER {process} {carrier}", data, as_json)

    def show(system: Any) -> str:
        rows: Rows = system.routes()
        return json.dumps(rows, indent=1) if as_json else table_text(ROUTE_COLUMNS, rows)

    return look(data, show, follow)


@click.command()
@JSON
@CSV
def lanes(as_json: bool, as_csv: bool) -> int:
    """List every kind of message with its lane; a dialog work process takes exactly those of lane dialog."""
    rows = shown.messages()
    columns = ("lane", "number", "name", "served_by", "sender", "receiver", "doc")
    text = csv_text(columns, rows) if as_csv else json.dumps(rows, indent=1) if as_json else table_text(columns, rows)
    click.echo(text.rstrip("\n"))
    return 0


# -- showing


def look(data: Path | None, show: Callable[[Any], str], follow: bool) -> int:
    """Print it once, or draw it anew every second; Ctrl-C ends that in order."""
    with connect(data) as system:
        if not follow:
            click.echo(show(system).rstrip("\n"))
            return 0
        try:
            while True:
                draw(system, show)
                time.sleep(PERIOD_S)
        except KeyboardInterrupt:
            return 0


def draw(system: Any, show: Callable[[Any], str]) -> None:
    """One picture; a terminal is cleared, a file gets one after the other. What cannot be said now may be known in a second."""
    try:
        text = show(system)
    except HiseeError as error:
        if error.exit != HiseeError.exit:
            raise
        text = str(error)
    click.echo((CLEAR if sys.stdout.isatty() else "") + text.rstrip("\n"))
    sys.stdout.flush()


def table_text(columns: Sequence[str], rows: Rows) -> str:
    lines: list[str] = []
    table(tuple(columns), rows, lines.append)
    return "\n".join(lines)


def csv_text(columns: Sequence[str], rows: Rows) -> str:
    """RFC 4180 with a header line; what is not known is an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([["" if row.get(c) is None else row[c] for c in columns] for row in rows])
    return out.getvalue().replace("\r\n", "\n")
