"""The database pair as it is at this moment, asked from any of its computers: every node itself, and the monitor."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from hisee.datadir import DataDir
from hisee.pair.plan import (
    DATABASE,
    MONITOR_DATABASE,
    MONITOR_USER,
    NODE_PORT,
    PASSWORDS,
    USER,
    hosts_of,
    managed,
    monitor_of,
    password,
    security,
)

ANSWER_S = 2  # the shortest that libpq knows
PLACE = "SELECT pg_is_in_recovery(), CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) " \
        "ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn"
MONITORED = "SELECT nodename, current_group_state::text, assigned_group_state::text, health FROM pgautofailover.current_state()"


def look(group: Mapping[str, Any], data: DataDir, url: str = "") -> dict[str, Any]:
    """{"managed", "witness", "nodes"}; nodes: node, role (primary, secondary, silent), lsn, lag_bytes, state, goal, healthy, why.

    Where hisee does not manage the database only what `url` says is known.
    """
    if not managed(group) or (url and PASSWORDS not in url):
        return {"managed": "elsewhere" if url.startswith("postgresql") else "none", "witness": None, "nodes": []}
    nodes = [_node(group, data, name) for name in group["servers"]]
    witness, judged = _witness(group, data)
    head = max((row["lsn"] for row in nodes if row["role"] == "primary"), default=None)
    for row in nodes:
        row["lag_bytes"] = None if head is None or row["lsn"] is None else max(0, head - row["lsn"])
        row |= judged.get(row["node"], {"state": None, "goal": None, "healthy": None})
    return {"managed": group["database"], "witness": witness, "nodes": nodes}


def _node(group: Mapping[str, Any], data: DataDir, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"node": name, "role": "silent", "lsn": None, "why": ""}
    try:
        with connected(data, hosts_of(group, name)[0], NODE_PORT, USER, DATABASE) as connection:
            found = connection.execute(PLACE).fetchone()
            if found is not None:
                row["role"], row["lsn"] = "secondary" if found[0] else "primary", int(found[1])
    except psycopg.Error as error:
        row["why"] = _why(error)
    return row


def _witness(group: Mapping[str, Any], data: DataDir) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    host, port = monitor_of(group)
    try:
        with connected(data, host, port, MONITOR_USER, MONITOR_DATABASE) as connection:
            rows = connection.execute(MONITORED).fetchall()
    except psycopg.Error as error:
        return {"address": f"{host}:{port}", "state": "silent", "why": _why(error)}, {}
    judged = {name: {"state": now, "goal": then, "healthy": health == 1} for name, now, then, health in rows}
    return {"address": f"{host}:{port}", "state": "up", "why": ""}, judged


def connected(data: DataDir, host: str, port: int, user: str, database: str) -> contextlib.closing[psycopg.Connection[Any]]:
    """A connection for the length of a `with`; raises psycopg.Error when it is not there within ANSWER_S seconds."""
    address = make_conninfo(host=host, port=port, user=user, dbname=database, password=password(data, user), connect_timeout=ANSWER_S,
                            application_name="hisee status", **security(data.path))
    return contextlib.closing(psycopg.connect(address, autocommit=True))


def _why(error: psycopg.Error) -> str:
    return " ".join(str(error).split())[:200]
