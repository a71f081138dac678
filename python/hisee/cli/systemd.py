"""`hisee systemd`: one unit for the supervisor of an application, printed. Writes nothing and starts nothing."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click

from hisee.schema.timers import BY_NAME as TIMERS

# Time for work processes to complete what they run, twice, and for the rest; then systemd kills what is left.
STOP_S = 2 * TIMERS["stop_work"].ms // 1000 + 20
UNIT = """\
[Unit]
Description=hisee system {system}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
User={user}
Restart=on-failure
RestartSec=5
TimeoutStartSec=300
TimeoutStopSec={stop_s}
KillMode=mixed
KillSignal=SIGTERM
LimitNOFILE=65536
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
"""


def quoted(word: str) -> str:
    """A word of a command line as systemd reads it: in quotes where needed, % and $ doubled."""
    word = word.replace("%", "%%").replace("$", "$$")
    if not word or any(c in " \t\"'\\;" for c in word):
        word = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return word


@click.command()
@click.argument("app", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--data", type=click.Path(path_type=Path), help="Data directory of the system [default: $HISEE_DATA, else APP/.hisee].")
@click.option("--user", default="", help="User that runs the system [default: you].")
def systemd(app: Path | None, data: Path | None, user: str) -> int:
    """Print a systemd unit that starts the system of APP with this computer and keeps it running."""
    from hisee.cli.ports import root_of
    from hisee.config import find_data
    from hisee.model import load_application

    root = root_of(app).resolve()
    words = [sys.executable, "-I", "-m", "hisee", "rrs", str(root), "--data", str(find_data(data, app=root))]
    name = load_application(root).system
    click.echo(UNIT.format(system=name, command=" ".join(quoted(word) for word in words), user=user or getpass.getuser(), stop_s=STOP_S),
               nl=False)
    return 0
