"""Settle: an opened object is quiet when console, local part and remote part have nothing pending, twice in a row, and none
of the three counted anything in between (a message under way is seen by the second look)."""

from __future__ import annotations

import asyncio

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import Pending, SettleGet, pack, unpack
from hisee.console.console import Console, OperatorError
from hisee.console.opened import Link, OpenObject, Part
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS

POLL_S = TIMERS["settle_poll"].ms / 1000
Counts = tuple[int, ...]


async def settled(console: Console, opened: OpenObject, timeout_s: float) -> None:
    """Return once `opened` is quiet; raises OperatorError 21 after `timeout_s`, naming who still works."""
    before: Counts = ()
    busy = "its parts"
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                counts, busy = await _look(console, opened)
                if not busy and counts == before:
                    return
                before = counts
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise OperatorError(Err.ERR_TIMEOUT, f"{opened.name} is not quiet after {timeout_s} s: {busy or 'it'} still works") from None


async def _look(console: Console, opened: OpenObject) -> tuple[Counts, str]:
    """Handled counters of the three, and the name of the first that has work ("" = nobody)."""
    local = remote = Pending(waiting=0, handled=0)
    if opened.local is not Part.NONE and opened.local is not Part.DOWN:
        local = await _ask(console, console.local, opened.number, opened)
    if opened.remote is Part.UP:
        remote = await _ask(console, console.server, opened.see, opened)
    return (opened.handled, local.handled, remote.handled), _busy(opened, local, remote)


def _busy(opened: OpenObject, local: Pending, remote: Pending) -> str:
    if opened.pending or opened.local is Part.STARTING:
        return "the console"
    if local.waiting:
        return "the local part"
    if remote.waiting or opened.remote is Part.STARTING:
        return "the remote part"
    return ""


async def _ask(console: Console, link: Link, target: int, opened: OpenObject) -> Pending:
    """An answer that does not come counts as work: the next look asks again."""
    request = Message(kind=Kind.SETTLE_GET, lane=Lane.CONTROL, source=console.number, target=target, object=opened.number,
                      payload=pack(SettleGet(opened=opened.number if target == opened.number else target)), wants_answer=True)
    try:
        return unpack(Pending, (await link.ask(request, POLL_S * 100)).payload)
    except RequestFailed:
        return Pending(waiting=1, handled=-1)
