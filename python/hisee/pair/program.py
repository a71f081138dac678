"""One duty of the pair on this computer, a child of the supervisor: makes the node, runs pg_autoctl, watches it, follows the hot server.

    python -m hisee.pair.program DATA NODE ROLE READY_FD
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import psycopg

from hisee.datadir import DataDir
from hisee.errors import HiseeError
from hisee.pair.apart import Apart
from hisee.pair.home import Home
from hisee.pair.local import Local
from hisee.pair.plan import Duty, duties, url_of
from hisee.pair.promotion import overruled_by
from hisee.process import Wake, announce_ready, named_log
from hisee.schema.exits import Exit
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.pair")
WATCH_S, FOLLOW_S = TIMERS["pair_watch"].ms / 1000, TIMERS["pair_follow"].ms / 1000
STOP_S, AGAIN_S = TIMERS["pair_stop"].ms / 1000, TIMERS["pair_again"].ms / 1000
OUTPUT_BYTES = 8 << 20


class Keeper:
    """Keeps one node (or the monitor) alive until it is asked to end."""

    def __init__(self, home: Home, ready_fd: int, group: dict[str, Any]) -> None:
        self._home, self._ready_fd, self._group = home, ready_fd, group
        self._url = url_of(group, home.data.path, home.duty.node)
        self._local = Local(home)
        self._apart = Apart(home, group, self._local)
        self._wake = Wake()
        self._asked = self._told = self._safe = False
        self._apart_since = 0.0  # the hot server is here and the primary elsewhere since then; 0 = no
        self._switch: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0  # no further planned switch is asked for before this time

    def run(self) -> int:
        """Exit code: 0 after an order, 70 when pg_autoctl ended by itself."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ask_to_end())
        self._home.prepare()
        self._home.make_sockets()
        self._await_nobody()
        with open(self._home.folder / "output", _mode(self._home.folder / "output")) as out:
            if not self._create(out):
                return int(Exit.OK) if self._asked else int(Exit.INTERNAL)
            code = self._keep(out)
            while code and not self._told:  # the computer of the monitor may start later than this one, and without it nothing begins
                self._rest(WATCH_S)
                code = self._keep(out)
            return code

    def _await_nobody(self) -> None:
        """Programs of an earlier keeper that was killed are on their way out; those that are not are killed, then their files are ours."""
        deadline = time.monotonic() + STOP_S
        while pids := self._home.living():
            if time.monotonic() > deadline:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            self._rest(WATCH_S / 5)
        self._home.forget_pids()

    def _ask_to_end(self) -> None:
        self._asked = True
        self._wake()

    def _create(self, out: IO[bytes]) -> bool:
        """Make the node; as often as it takes, because monitor and primary may start later than this computer."""
        while not (self._home.created or self._asked):
            log.info("making the %s at %s:%d", self._home.duty.role, self._home.duty.address, self._home.duty.port)
            if self._until_ended(self._home.spawn(self._home.create_words(), out)) == 0:
                self._home.note_created()
                return True
            log.warning("not made yet; the end of %s says why. Tried again", self._home.folder / "output")
            self._rest(WATCH_S)
        return not self._asked

    def _until_ended(self, child: subprocess.Popen[bytes]) -> int:
        while (code := child.poll()) is None and not self._asked:
            self._rest(WATCH_S / 5)
        return self._end(child) if code is None else code

    def _await_right(self) -> None:
        """A node that an operator has promoted past this one meanwhile: these files must not become a second truth."""
        said = ""
        while self._home.duty.role == "node" and not self._asked and (other := overruled_by(self._home, self._group)):
            if other != said:
                log.error("ALARM an operator promoted the database of %s after this node was made: it stays down", other)
            said = other
            self._rest(AGAIN_S)

    def _keep(self, out: IO[bytes]) -> int:
        self._await_right()
        if self._asked:
            return int(Exit.OK)
        self._home.settle()
        child = self._home.spawn(self._home.run_words(), out)
        log.info("pg_autoctl runs with pid %d", child.pid)
        try:
            while child.poll() is None and not self._asked:
                with contextlib.suppress(psycopg.Error):  # it is not there now: that is what pg_autoctl works at
                    self._look(out)
                self._rest(WATCH_S if self._told else WATCH_S / 5)
        finally:
            code = self._end(child)
        log.info("pg_autoctl ended: %d", code)
        return int(Exit.OK) if self._asked else int(Exit.INTERNAL)

    def _look(self, out: IO[bytes]) -> None:
        if self._home.duty.role == "monitor":
            self._secure(True)
            self._tell("monitor")
            return
        primary = self._local.is_primary()
        self._secure(primary)
        self._apart.look(primary)
        if not self._told:
            self._tell_once_writable("primary" if primary else "secondary")
        self._follow(primary, out)

    def _secure(self, primary: bool) -> None:
        if primary and not self._safe:
            self._local.give_passwords()
            self._safe = True

    def _tell_once_writable(self, role: str) -> None:
        """The server's processes start when there is a database that they can write to."""
        with contextlib.closing(psycopg.connect(self._url, connect_timeout=2)):
            self._tell(role)

    def _tell(self, what: str) -> None:
        if not self._told:
            self._told = True
            log.info("serves as %s", what)
            announce_ready(self._ready_fd, f"{what}=1")

    # -- the primary is where the hot server is (R147)

    def _follow(self, primary: bool, out: IO[bytes]) -> None:
        now = time.monotonic()
        if self._switch is not None and self._switch.poll() is not None:
            log.info("planned switch of the database to this computer: exit %d", self._switch.returncode)
            self._switch, self._not_before = None, now + AGAIN_S
        if primary or self._local.hot_node(self._home.duty.group) != self._home.duty.node:
            self._apart_since = 0.0
        elif self._switch is None and self._is_apart(now) and self._local.streams():
            log.info("the hot server is here and the primary is not: asking for a planned switch")
            self._switch = self._home.spawn(self._home.promote_words(), out)

    def _is_apart(self, now: float) -> bool:
        self._apart_since = self._apart_since or now
        return now - self._apart_since >= FOLLOW_S and now >= self._not_before

    # -- end

    def _end(self, child: subprocess.Popen[bytes]) -> int:
        """In order; PostgreSQL ends its sessions and writes what it has."""
        for each in (self._switch, child):
            if each is not None and each.poll() is None:
                each.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(STOP_S)
        child.kill()
        return child.wait()

    def _rest(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._wake.fd, select.POLLIN)
        poll.poll(seconds * 1000)


def _mode(path: Path) -> str:
    return "wb" if path.exists() and path.stat().st_size > OUTPUT_BYTES else "ab"


def duty_of(data: DataDir, node: str, role: str) -> Duty | None:
    """What run.json says that this computer does."""
    run = data.read_run()
    addresses = {name: facts.get("host", "") for name, facts in run.get("nodes", {}).items()}
    return next((duty for duty in duties(run.get("group", {}), node, addresses) if duty.role == role), None)


def main(words: list[str]) -> int:
    path, node, role, ready_fd = words
    data = DataDir(path)
    duty = duty_of(data, node, role)
    if duty is None:
        print(f"hisee: node {node} has no part as {role} in a database pair", file=sys.stderr)
        return int(Exit.USAGE)
    named_log(data.log_dir, duty.name)
    try:
        return Keeper(Home(data, duty), int(ready_fd), data.group()).run()
    except HiseeError as error:
        print(f"hisee: {error}", file=sys.stderr)
        return int(error.exit)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
