"""Verbs that measure and shape the workstation's link: link, echo, trace. For the headline and for tests, not for operators."""

from __future__ import annotations

import statistics

from hisee._core.values import encode
from hisee.channel import Message
from hisee.channel.payloads import ConsoleCommand, ConsoleState, SettleGet, Shape, Table, pack, unpack
from hisee.console.console import KNL, REQUEST_S, Console, OperatorError
from hisee.console.opened import Part
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind

VERBS = ("link", "echo", "trace")
MOST_ECHOES = 1000


async def carry_out(console: Console, command: ConsoleCommand) -> ConsoleState:
    if command.verb == "link":
        return reshape(console, command.text)
    if command.verb == "echo":
        return ConsoleState(facts={"rtt_ms": await round_trip_ms(console, command.text)})
    return await trace(console, command.opened)


def reshape(console: Console, text: str) -> ConsoleState:
    """`text` = round trip in ms, jitter in ms, kbit/s; both links of the workstation change."""
    try:
        rtt_ms, jitter_ms, kbit_s = (float(word) for word in text.split())
    except ValueError:
        raise OperatorError(Err.ERR_PARAM_TYPE, f"a link is round trip, jitter and kbit/s, not {text!r}") from None
    if min(rtt_ms, jitter_ms, kbit_s) < 0:
        raise OperatorError(Err.ERR_RANGE_ERROR, "no part of a link's shape is negative")
    shape = Shape(rtt_ms=rtt_ms, jitter_ms=jitter_ms, kbit_s=kbit_s)
    if not console.server.reshape(shape):
        raise OperatorError(Err.ERR_NOT_SUPPORTED, f"the link of {console.name} is not shaped: its node has no `link` in app.toml")
    console.local.send(Message(kind=Kind.LINK_SHAPE, lane=Lane.CONTROL, source=console.number, payload=pack(shape)))
    return ConsoleState(facts={"rtt_ms": rtt_ms, "jitter_ms": jitter_ms, "kbit_s": kbit_s})


async def round_trip_ms(console: Console, text: str) -> float:
    """Median of that many echoes to the server."""
    if not text.isdecimal() or not 0 < int(text) <= MOST_ECHOES:
        raise OperatorError(Err.ERR_RANGE_ERROR, f"echoes are counted from 1 to {MOST_ECHOES}, not {text!r}")
    return statistics.median([await _echo_ms(console) for _ in range(int(text))])


async def _echo_ms(console: Console) -> float:
    clock = console.seams.clock
    before = clock.monotonic_ns()
    await console.server.ask(Message(kind=Kind.ECHO, lane=Lane.BULK, source=console.number, target=KNL, payload=encode([])), REQUEST_S)
    return (clock.monotonic_ns() - before) / 1e6


async def trace(console: Console, number: int) -> ConsoleState:
    """What crossed the workstation's link for this object since the last input: of this process and of the HIS host, by time."""
    opened = console.object(number)
    about = {opened.number, opened.see} - {0}
    rows = console.server.crossed(about, opened.input_ns)
    if opened.local is Part.UP:
        request = Message(kind=Kind.TRACE_GET, lane=Lane.CONTROL, source=console.number, target=opened.number,
                          payload=pack(SettleGet(opened=opened.number)))
        answer = unpack(Table, (await console.local.ask(request, REQUEST_S)).payload)
        rows += [row for row in answer.rows if row["at_ns"] >= opened.input_ns]
    return ConsoleState(opened=opened.number, facts={"trace": sorted(rows, key=lambda row: int(row["at_ns"]))})
