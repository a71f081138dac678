"""The group as one picture: computers, states and epoch, database, SES with their SEEs, consoles. Pure: facts in, rows and text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
UNKNOWN = "?"
FOLLOWS = ("standby", "synchronizing")


def picture(group: Mapping[str, Any], processes: Sequence[Row], terms: Sequence[Row], pair: Row,
            schemas: Mapping[str, Any] | None = None) -> Row:
    """`processes` and `terms` as a running server tells them (empty: none answers), `pair` as `hisee.pair.state.look` does, `schemas` as
    `hisee.model.versions.look` does."""
    term = next((row for row in terms if row.get("role") == f"hs.{group.get('name')}"), {})
    living = [row for row in processes if row.get("state") == "Run"]
    servers = [_server(name, facts, living, pair) for name, facts in group.get("servers", {}).items()]
    hot = next((row["node"] for row in servers if row["state"] == "HS"), "")
    epoch = max([term.get("epoch") or 0, *(row["epoch"] for row in servers)])
    return {"group": group.get("name", ""), "hot": hot, "epoch": epoch, "database": pair["managed"], "servers": servers,
            "witness": pair["witness"], "consoles": [_console(row) for row in living if row.get("kind") == "HIP"],
            "schemas": dict(schemas or {})}


def _server(name: str, facts: Mapping[str, Any], living: Sequence[Row], pair: Row) -> Row:
    knl = next((row for row in living if row.get("kind") == "KNL" and row.get("name") == f"{name}.KNL"), {})
    told = knl.get("server") or _heard_of(name, living)
    database: Row = next((row for row in pair["nodes"] if row["node"] == name), {})
    scripts = [{"name": row["name"], "see_count": row.get("see_count") or 0} for row in living
               if row.get("kind") == "SES" and row.get("node") == name]
    return {"node": name, "hosts": list(facts.get("hosts", ())), "priority": facts.get("priority", 0), "pid": knl.get("pid"),
            "state": told.get("state", ""), "sub": told.get("sub", ""), "epoch": told.get("epoch", 0),
            "database": database.get("role", ""), "database_state": database.get("state"), "lag_bytes": database.get("lag_bytes"),
            "why": database.get("why", ""), "version": knl.get("version"), "protocol": knl.get("protocol"),
            "time_difference_ms": knl.get("time_difference_ms"),
            "ses": scripts}


def _heard_of(name: str, living: Sequence[Row]) -> Row:
    """A standby server lists no hot one among its processes, and knows of it all the same, as long as it has a session with it."""
    said = [row["server"] for row in living if row.get("kind") == "KNL" and row.get("server")]
    told = next((server for server in said if server.get("hot") == name and server.get("sub") in FOLLOWS), None)
    return {"state": "HS", "sub": f"as {told['node']} says", "epoch": told["epoch"]} if told else {}


def _console(row: Row) -> Row:
    return {"name": row["name"], "node": row.get("node", ""), "host": row.get("host", "")}


def text(found: Row) -> str:
    """The diagram for a terminal."""
    lines = [f"group {found['group']}: hot server {found['hot'] or UNKNOWN}, epoch {found['epoch'] or UNKNOWN}", ""]
    for server in found["servers"]:
        lines += _server_lines(server)
    lines += [_witness_line(found), ""]
    lines += [*upgrade, ""] if (upgrade := ["  " + line for line in upgrade_lines(found)]) else []
    return "\n".join(lines + _console_lines(found["consoles"]))


def _server_lines(server: Row) -> list[str]:
    state = f"{server['state']} {server['sub']}".strip() or "does not answer"
    lines = [f"  {server['node']:<10} {', '.join(server['hosts'])}  priority {server['priority']}",
             f"    server    {state}{_release(server)}", f"    database  {_database(server)}"]
    lines += [f"    {ses['name']:<9} {ses['see_count']} SEE" for ses in server["ses"]]
    return [*lines, ""]


def _release(server: Row) -> str:
    return f", hisee {server['version']}, protocol {server['protocol']}" if server["version"] and server["protocol"] else ""


def upgrade_lines(found: Row) -> list[str]:
    """How far an upgrade is: releases side by side, and whether the one before can still come back; empty = no upgrade is under way."""
    lines = []
    versions = {row["node"]: row["version"] for row in found["servers"] if row["version"]}
    if len(set(versions.values())) > 1:
        lines.append("an upgrade is under way: " + ", ".join(f"{node} runs hisee {version}" for node, version in versions.items()))
    for owner, schema in found["schemas"].items():
        if isinstance(schema, dict) and schema["min_reader"] < schema["schema"]:
            lines.append(f"contract open: tables of the {owner} have schema {schema['schema']}, releases of schema {schema['min_reader']} "
                         "can still come back; `hisee cluster contract` ends that")
    return lines


def _database(server: Row) -> str:
    if not server["database"]:
        return "managed elsewhere"
    words = [server["database"]]
    if server["database"] == "secondary":
        words.append("lag unknown" if server["lag_bytes"] is None else f"lag {server['lag_bytes']} bytes")
    if server["database_state"] and server["database_state"] != server["database"]:
        words.append(f"the monitor says {server['database_state']}")
    return ", ".join([*words, server["why"]] if server["why"] else words)


def _witness_line(found: Row) -> str:
    witness = found["witness"]
    if witness is None:
        return f"  witness     none; the database is managed {found['database']}"
    return f"  witness     {witness['address']}  {witness['state']}" + (f": {witness['why']}" if witness["why"] else "")


def _console_lines(consoles: Sequence[Row]) -> list[str]:
    nodes: dict[str, list[str]] = {}
    for row in consoles:
        nodes.setdefault(row["node"] or row["host"] or UNKNOWN, []).append(row["name"])
    return [f"  {node:<10} {len(names)} console{'s' if len(names) > 1 else ''}: {', '.join(names)}" for node, names in nodes.items()]


def faults(found: Row) -> list[str]:
    """What would keep a switch from working, as far as the picture shows it; empty = nothing."""
    out = [f"the server on {row['node']} does not answer" for row in found["servers"] if not row["state"]]
    out += [f"the server on {row['node']} is {row['state']} {row['sub']}" for row in found["servers"]
            if row["state"] not in ("", "HS", "SBS")]
    out += [f"the database on {row['node']} is silent: {row['why']}" for row in found["servers"] if row["database"] == "silent"]
    primaries = [row["node"] for row in found["servers"] if row["database"] == "primary"]
    if found["witness"] is not None and len(primaries) != 1:
        out.append(f"the database has {len(primaries)} primaries: {', '.join(primaries) or 'nobody may write'}")
    if primaries and found["hot"] and found["hot"] not in primaries:
        out.append(f"the hot server is {found['hot']}, the primary of the database {primaries[0]}: a switch is under way or failed")
    out += [f"the database on {row['node']} lags by {row['lag_bytes']} bytes" for row in found["servers"] if (row["lag_bytes"] or 0) > LAG]
    out += [f"the clock of {row['node']} differs by {row['time_difference_ms']:.0f} ms" for row in found["servers"]
            if abs(row["time_difference_ms"] or 0) > CLOCK_MS]
    if found["witness"] is not None and found["witness"]["state"] != "up":
        out.append(f"the witness {found['witness']['address']} is silent: nobody is promoted on a loss ({found['witness']['why']})")
    return out


LAG = 16 << 20  # one segment of the log
CLOCK_MS = 1000
