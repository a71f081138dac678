"""`hisee rrs APP`: the resident supervisor of one computer without a terminal: its lines go into its log."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable

from hisee.config import find_data
from hisee.datadir import DataDir
from hisee.errors import UsageError
from hisee.model import load_application
from hisee.parameters import StartParameters
from hisee.process import announce_ready
from hisee.resident.launcher import Launcher


def main(parameters: StartParameters) -> int:
    """Run until SIGTERM, SIGINT, an order or the end of the server; a second signal kills."""
    if parameters.app is None:
        raise UsageError("no application named", hint="hisee rrs APP, or --app APP")
    directory = DataDir(find_data(parameters.data, app=parameters.app))
    launcher = Launcher(load_application(parameters.app), directory, lambda line: None, node=parameters.node)
    return run(launcher, running=lambda: announce_ready(parameters.ready_fd, "rrs"))


def tell_systemd(state: str) -> None:
    """One datagram to the service manager that started this process; nothing where there is none (sd_notify's protocol)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        out.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


def nothing() -> None:
    """What a caller does where it has nothing to do."""


def run(launcher: Launcher, *, running: Callable[[], None] = nothing, ended: Callable[[], bool] = lambda: False,
        stopping: Callable[[], None] = nothing) -> int:
    """Start, watch and end a launcher's processes; the first signal ends them in order, the second kills. Returns the exit code.

    `running` is called once all run, `stopping` before they end; `ended` may end them as well.
    """
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        asked.append(number)
        launcher.wake()
        if len(asked) > 1:
            launcher.kill()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    launcher.start(lambda: bool(asked))
    running()
    tell_systemd("READY=1")
    try:
        launcher.watch(lambda: bool(asked) or ended())
    finally:
        tell_systemd("STOPPING=1")
        stopping()
        launcher.stop()
    return launcher.exit
