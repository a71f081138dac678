"""Primary and standby that do not reach each other while the witness reaches both. It judges by what it sees itself, so it would let the
commits of the primary wait for ever. The primary's computer asks it to set the standby aside: then nobody waits for it, and nobody promotes
it. When it is in reach again it is taken back, and catches up."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Mapping
from typing import Any

import psycopg

from hisee.pair.home import Home
from hisee.pair.local import Local
from hisee.pair.plan import MONITOR_DATABASE, MONITOR_USER, NODE_PORT, hosts_of, monitor_of
from hisee.pair.state import connected
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.pair.apart")
APART_S, REACH_S = TIMERS["pair_apart"].ms / 1000, 1.0
MARK = "aside"  # below the node's folder: whom this computer has set aside; an operator's maintenance is left alone
HEALTHY = """SELECT node_id FROM pgautofailover.current_state()
    WHERE nodename = %s AND health = 1 AND current_group_state::text = 'secondary' AND assigned_group_state::text = 'secondary'"""
ASIDE = "SELECT node_id FROM pgautofailover.current_state() WHERE nodename = %s AND assigned_group_state::text LIKE '%%maintenance'"


class Apart:
    """`look` is called once a second on the computer of a node."""

    def __init__(self, home: Home, group: Mapping[str, Any], local: Local) -> None:
        self._home, self._group, self._local = home, group, local
        self._other = next((name for name in group["servers"] if name != home.duty.node), "")
        self._mark = home.folder / MARK
        self._since = 0.0  # commits wait since then; 0 = none does

    def look(self, primary: bool) -> None:
        """Raises psycopg.Error when node or monitor do not answer."""
        if not primary or not self._other:
            self._since = 0.0
        elif self._mark.exists():
            self._take_back()
        elif not self._local.commits_wait():
            self._since = 0.0
        else:
            self._since = self._since or time.monotonic()
            if time.monotonic() - self._since >= APART_S:
                self._set_aside()

    def _set_aside(self) -> None:
        """Only one that the witness trusts: whom it has lost, it deals with by itself. One that answers here is on its way to catch up."""
        if not self._in_reach() and self._ask(HEALTHY, "start_maintenance"):
            log.error("ALARM the database of %s is out of reach, though the witness sees it: set aside, so that work goes on", self._other)
            self._mark.write_text(self._other)

    def _take_back(self) -> None:
        """Asked for until it is done: a standby that is still on its way aside cannot be taken back yet."""
        if not self._in_reach():
            return
        done = self._ask(ASIDE, "stop_maintenance")
        if done:
            log.warning("the database of %s is in reach again", self._other)
        if done is not False:
            self._mark.unlink()
            self._since = 0.0

    def _in_reach(self) -> bool:
        return any(reached(host) for host in hosts_of(self._group, self._other))

    def _ask(self, whom: str, what: str) -> bool | None:
        """Has the monitor done that with the other node? None = that is in no such state."""
        host, port = monitor_of(self._group)
        with connected(self._home.data, host, port, MONITOR_USER, MONITOR_DATABASE) as monitor:
            row = monitor.execute(whom, [self._other]).fetchone()
            if row is None:
                return None
            with contextlib.suppress(psycopg.errors.ObjectNotInPrerequisiteState):
                done = monitor.execute(f"SELECT pgautofailover.{what}(%s)", row).fetchone()
                return done is not None and bool(done[0])
        return False


def reached(host: str) -> bool:
    """Does that computer answer at all? One whose database is down refuses, which is an answer."""
    try:
        socket.create_connection((host, NODE_PORT), REACH_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True
