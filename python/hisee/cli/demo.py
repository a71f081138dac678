"""`hisee demo`: the bundled plant. Prints the headline table and ends; `--serve` keeps it running and prints the page's address."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hisee.cli.system import run_up
from hisee.schema.exits import Exit

STOP_S = 10.0
STEP_S = 2.0  # the plant looks once a second whether it shall stop
QUICK = 10  # the share of clicks that --quick leaves


@click.command()
@click.option("--rtt", "rtt_ms", type=click.FloatRange(min=0), metavar="MS", help="Measure this round trip only, or serve with it.")
@click.option("--serve", is_flag=True, help="Keep the plant running and print the address of the operator's page.")
@click.option("--quick", is_flag=True, help="A tenth of the clicks.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory [default: one of its own, removed afterwards].")
def demo(rtt_ms: float | None, serve: bool, quick: bool, as_json: bool, data: Path | None) -> int:
    """Run the demo plant on this computer: nine processes, a real database, a shaped link to the console."""
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hisee-demo-")))
        work = _serving(folder, rtt_ms) if serve else _measuring(folder, rtt_ms, quick, as_json)
        return work.launch()


class Work(threading.Thread):
    """What goes on beside the launcher: the launcher owns the main thread, its signals and its children."""

    def __init__(self, folder: Path, body: Callable[[Work], None]) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self._body = body
        self.over = threading.Event()
        self.stop = threading.Event()
        self.error: Exception | None = None
        self._wake: Callable[[], None] = lambda: None  # of the launcher: it looks whether we are over

    def launch(self) -> int:
        """Start the system, do the work, end the system; raises what the work raised."""
        from hisee.datadir import DataDir
        from hisee.demo import application
        from hisee.model import load_application
        from hisee.resident.launcher import Launcher

        launcher = Launcher(load_application(application()), DataDir(self.folder), self._said)
        self._wake = launcher.wake
        try:
            run_up(launcher, self.over.is_set, self._leave)
        finally:
            self.stop.set()
        if self.is_alive():
            self.join(STOP_S)
        if self.error is not None:
            raise self.error
        return Exit.OK

    def _leave(self) -> None:
        """The work ends before the system does: else its next step would find the server gone and call that an error."""
        self.stop.set()
        if self.is_alive():
            self.join(STEP_S)

    def _said(self, line: str) -> None:
        if line == "ready":
            self.start()
        else:
            progress(line)

    def run(self) -> None:
        try:
            self._body(self)
        except Exception as error:  # handed to the main thread, which ends the system first
            self.error = error
        finally:
            self.over.set()
            self._wake()


def _measuring(folder: Path, rtt_ms: float | None, quick: bool, as_json: bool) -> Work:
    def body(work: Work) -> None:
        import hisee
        from hisee.demo.headline import CLICKS, RTTS_MS, run_headline
        from hisee.demo.program import DATABASE
        from hisee.demo.render import show

        rtts: tuple[float, ...] = RTTS_MS if rtt_ms is None else (rtt_ms,)
        clicks: tuple[int, ...] = CLICKS if rtt_ms is None else (40,)
        if quick:
            clicks = tuple(max(4, count // QUICK) for count in clicks)
        with hisee.connect(folder) as system:
            table = run_headline(system, rtts=rtts, clicks=clicks, progress=progress, database=folder / DATABASE)
        if as_json:
            click.echo(table.as_json())
        else:
            show(table)

    return Work(folder, body)


def _serving(folder: Path, rtt_ms: float | None) -> Work:
    def body(work: Work) -> None:
        import hisee
        from hisee.demo.program import play

        with hisee.connect(folder) as system:
            console = system.console("WS1")
            console.link(rtt_ms=5.0 if rtt_ms is None else rtt_ms)
            click.echo(f"operator's page: {console.address}")
            click.echo("Ctrl-C ends the plant")
            sys.stdout.flush()
        play(folder, work.stop.wait)

    return Work(folder, body)


STARTED = time.monotonic()


def progress(line: Any) -> None:
    """What goes on, on standard error, with the seconds since the start."""
    click.echo(f"{time.monotonic() - STARTED:6.1f} s  {line}", err=True)
