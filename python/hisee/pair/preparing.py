"""The pair's step of `hisee cluster init` and `join`: what a computer lacks is said then. Done again it changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hisee.datadir import DataDir
from hisee.pair.home import Home, keep_passwords
from hisee.pair.plan import duties, managed


def prepare(data: DataDir, group: Mapping[str, Any], nodes: Mapping[str, Sequence[str]], node: str, say: Callable[[str], object]) -> None:
    """`group` as app.toml has it, `nodes`: node -> its addresses. Raises UsageError when programs or rights are missing.

    The node or monitor itself is made at the first `hisee up` or `hisee rrs`, once the others can be reached.
    """
    if not managed(group):
        return
    facts = {**group, "servers": {name: {**server, "hosts": list(nodes.get(name, ()))} for name, server in group["servers"].items()}}
    keep_passwords(data)
    for duty in duties(facts, node, {name: addresses[0] for name, addresses in nodes.items() if addresses}):
        Home(data, duty).prepare()
        what = "the monitor of the database pair" if duty.role == "monitor" else "a node of the database pair"
        say(f"prepared: {what} at {duty.address}:{duty.port}; it is made at the first start")
