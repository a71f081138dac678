"""Actions of scripts: what each pending one becomes, a message or something local, and what its answer does.

One function per action number; the tables say lane and waiting, this module only knows how.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.payloads import Failed, LogWrite, pack, pack_data, unpack_data_reply
from hisee.schema.actions import BY_NUMBER as ACTIONS
from hisee.schema.actions import ActionId as Act
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.picture_functions import BY_NUMBER as PICTURE_FUNCTIONS
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.script import external_calls, host_calls
from hisee.script.instance import NOTHING, Instance, Waiting
from hisee.script.references import OBJECTS, places_back, with_values
from hisee.script.text import LABEL
from hisee.values import UNCHANGED, Invalid, Ref, Stamped

if TYPE_CHECKING:
    from hisee.script.engine import Engine

log = logging.getLogger("hisee.script.actions")
KNL = 1
START_LIMIT_S = TIMERS["see_start_all"].ms / 1000
ASYNC, CODE_ASSIGNED = 1, 2
FIRST_PICTURE_FUNCTION = 200
LOG_VALUE, LOG_LINENO = 1, 2


def name_of(action: int) -> str:
    row = ACTIONS.get(action) or PICTURE_FUNCTIONS[action]
    return row.name


def perform(engine: Engine, instance: Instance) -> None:
    """Carry out the pending action of an instance: send and wait, or do and go on."""
    instance.pending = instance.script.pending
    if instance.pending.number >= FIRST_PICTURE_FUNCTION:
        _visual(engine, instance)
    else:
        HOW[instance.pending.number](engine, instance)


# -- asking and going on


def ask(engine: Engine, instance: Instance, kind: Kind, lane: int, target: int, payload: bytes, *, object: int = 0) -> None:
    """Send the request of the pending action and park the instance until its answer or the request limit."""
    pending = instance.pending
    message = Message(kind=kind, lane=lane, source=instance.number, target=target, object=object, corr=engine.corr(),
                      payload=payload, wants_answer=True)
    waiting = Waiting(pending.number, name_of(pending.number), pending.line, message.corr, lane, bytes_out=len(payload))
    waiting.far = engine.outside.far(message)
    limit_s = instance.limits["request_limit_s"]
    waiting.timer = asyncio.get_running_loop().call_later(limit_s, _over_limit, engine, instance, waiting, limit_s)
    instance.waiting = waiting
    waiting.sent_ns = engine.now_ns()  # before it leaves: whoever answers may get this processor at once
    engine.outside.send(message)
    waiting.prepare_ns = waiting.sent_ns - instance.resumed_ns
    instance.resumed_ns = 0


def tell(engine: Engine, instance: Instance, kind: Kind, lane: int, target: int, payload: bytes, *, object: int = 0) -> int:
    """Send without waiting and go on; returns the message's corr."""
    corr = engine.corr()
    engine.outside.send(Message(kind=kind, lane=lane, source=instance.number, target=target, object=object, corr=corr, payload=payload))
    return corr


def _over_limit(engine: Engine, instance: Instance, waiting: Waiting, limit_s: int) -> None:
    if instance.waiting is waiting:
        engine.kill(instance, f"{instance.object} line {waiting.line}: {waiting.name} waited longer than "
                              f"request_limit_s = {limit_s} s; the instance is ended")


def go_on(instance: Instance, payload: bytes = b"", extended: int = 0) -> None:
    instance.script.complete(payload, extended)


def answered(engine: Engine, instance: Instance, waiting: Waiting, payload: bytes) -> None:
    """The implementor's reply: its values go into the registers that the action names."""
    extended = 0
    if waiting.action in READ:
        payload = READ[waiting.action](payload)
    if waiting.lane == Lane.DATA_DB:
        head, payload = unpack_data_reply(payload)
        extended, waiting.service_ns = head.extended, head.service_ns
        if extended or head.engine_code:
            instance.database_error = (head.engine_code, head.text)
    instance.resumed_ns = 0
    go_on(instance, payload, extended)


def failed(engine: Engine, instance: Instance, waiting: Waiting, failure: Failed) -> None:
    """The request was not executed: an error of the script, except that a CALL reports through its code."""
    if waiting.action in NOT_RAISED and NOT_RAISED[waiting.action](engine, instance, waiting.line, failure.error, failure.text):
        instance.resumed_ns = 0
        return
    code = _code_of(instance, waiting.action, failure.error)
    if code:
        write_log(engine, instance, f"{waiting.name}: {failure.text} (error {failure.error})", 3, waiting.line)
        go_on(instance, code, failure.extended)
        return
    instance.script.fail(failure.error, failure.extended, failure.text)


def _code_of(instance: Instance, action: int, error: int) -> bytes:
    """The reply of an action whose script asked for a return code: that code, everything else unchanged; b"" = it asked for none."""
    operands = ACTIONS[action].operands if action in ACTIONS else ()
    place = next((i for i, (name, mode, _) in enumerate(operands) if name == "rc" and mode == "OUT"), None)
    received = [i for i, (mode, _) in enumerate(instance.unit.sites[instance.pending.site].arguments) if mode != "IN"]
    if place is None or place not in received:
        return b""
    return encode([error if i == place else UNCHANGED for i in received])


# -- single actions


def _visual(engine: Engine, instance: Instance) -> None:
    pending = instance.pending
    row = PICTURE_FUNCTIONS[pending.number]
    payload = prefixed(pending.number, pending.payload)
    opened = instance.number if instance.part == 1 else instance.partner
    if row.waits == "always":
        ask(engine, instance, Kind.VISUAL, Lane.VISUAL, instance.console, payload, object=opened)
    else:
        tell(engine, instance, Kind.VISUAL_SET, Lane.VISUAL, instance.console, payload, object=opened)
        go_on(instance)


def prefixed(number: int, payload: bytes) -> bytes:
    """The value list with the action's number as its first value."""
    (count,) = struct.unpack_from("<H", payload)
    return struct.pack("<HBq", count + 1, 2, number) + payload[2:]


def _message(engine: Engine, instance: Instance) -> None:
    pending = instance.pending
    console = _console_of(instance, decode(pending.payload)[1])
    if console:
        tell(engine, instance, Kind.VISUAL_SET, Lane.VISUAL, console, prefixed(pending.number, pending.payload),
             object=instance.number if instance.part == 1 else instance.partner)
        go_on(instance)


def _query(engine: Engine, instance: Instance) -> None:
    pending = instance.pending
    console = _console_of(instance, decode(pending.payload)[2])
    if console:
        ask(engine, instance, Kind.VISUAL, Lane.VISUAL, console, prefixed(pending.number, pending.payload),
            object=instance.number if instance.part == 1 else instance.partner)


def _console_of(instance: Instance, named: Ref) -> int:
    """The named console, or that of the script; 0 = there is none, the action has failed."""
    console = named.object or instance.console
    if not console:
        name = name_of(instance.pending.number)
        instance.script.fail(Err.ERR_NOT_IN_PICTURE, 0, f"the script runs on no console: write {name} .. ON console")
    return console


# where the value that names the table stands in a payload: after the count and the values before it
TABLE_AT = {Act.DB_CONNECT: 3, Act.DBS_DELETE_WHERE: 3, Act.DBS_READ: 12, Act.DBS_INSERT: 12, Act.DBS_UPDATE: 12, Act.DBS_DELETE: 12}
HANDLE_AT = {Act.DB_DISCONNECT: 3, Act.DB_READ: 12}


def _data(engine: Engine, instance: Instance) -> None:
    pending = instance.pending
    if pending.number in TABLE_AT:
        (table,) = struct.unpack_from("<I", pending.payload, TABLE_AT[Act(pending.number)])
    else:
        (handle,) = struct.unpack_from("<q", pending.payload, HANDLE_AT[Act(pending.number)])
        table = max(0, handle) >> 24  # a handle carries the number of its table
    if table == 0:
        instance.script.fail(Err.ERR_NO_DATA, 0, "the handle is not open")
        return
    ask(engine, instance, Kind.DATA, Lane.DATA_DB, 0, pack_data(pending.number, pending.payload), object=table)


def _set(engine: Engine, instance: Instance) -> None:
    target, value, time, weak, *flags = decode(instance.pending.payload)
    if isinstance(value, Stamped):  # a text that was cut is weak by itself
        value, weak = value.value, True
    unstamped = isinstance(time, Invalid) and weak is not True
    stamped = value if unstamped else Stamped(value, None if isinstance(time, Invalid) else int(time), weak is True)
    flagged = [flags[0]] if flags and flags[0] and engine.flags_spoken else []
    corr = tell(engine, instance, Kind.SET, Lane.SCRIPT, KNL, encode([target, stamped, *flagged]), object=target.object)
    instance.sets_open = {**(instance.sets_open or {}), corr: 1}
    go_on(instance)


def _object_rows(engine: Engine, instance: Instance) -> None:
    """REDIM, INSERT, DELETE of an object: the server's answer comes behind the new values."""
    payload = instance.pending.payload
    target = decode(payload)[0]
    ask(engine, instance, Kind.OBJECT_ROWS, Lane.SCRIPT, KNL, payload, object=target.object)


def _pvar_write(engine: Engine, instance: Instance) -> None:
    index, value = decode(instance.pending.payload)
    version = instance.variables.wrote(index)
    if instance.part == 1:
        share_variable(engine, instance, index, version, value, answers=0)
    elif instance.partner:
        tell(engine, instance, Kind.PVAR_WRITE, Lane.SCRIPT, instance.partner, encode([index, value]))
    go_on(instance)


def share_variable(engine: Engine, instance: Instance, index: int, version: int, value: object, answers: int) -> None:
    """The owner tells the remote part, and the console for bound displays."""
    if instance.partner:
        tell(engine, instance, Kind.PVAR_STATE, Lane.SCRIPT, instance.partner, encode([index, version, value, answers]))
    tell(engine, instance, Kind.PVAR_SEEN, Lane.VISUAL, instance.console, encode([index, value]), object=instance.number)


def _on_change(engine: Engine, instance: Instance) -> None:
    target, procedure, on = decode(instance.pending.payload)
    if instance.changes is None:
        instance.changes = {}
    watching = instance.changes.setdefault(target, [])
    if on is True and procedure not in watching:
        watching.append(procedure)
    elif on is not True and procedure in watching:
        watching.remove(procedure)
    if not watching:
        del instance.changes[target]
    engine.watches(instance)
    go_on(instance)


def _wait(engine: Engine, instance: Instance) -> None:
    pending = instance.pending
    now = engine.now_ns()
    instance.waiting = Waiting(pending.number, "WAIT", pending.line, lane=Lane.SCRIPT, sent_ns=now, prepare_ns=now - instance.resumed_ns)
    if not instance.sets_open:
        end_wait(engine, instance)


def end_wait(engine: Engine, instance: Instance) -> None:
    """Every SET is settled: go on, or raise the first refusal."""
    instance.waiting = None
    instance.resumed_ns = 0
    refused, instance.set_failure = instance.set_failure, None
    if refused is not None:
        instance.script.fail(*refused)
    else:
        go_on(instance)


def _delay(engine: Engine, instance: Instance) -> None:
    """Only one that cannot be: the scheduler carries out the others, and ends them."""
    instance.script.fail(Err.ERR_EXPRESSION_STATUS, 0, "DELAY needs a valid time, 0 or more")


def _log(engine: Engine, instance: Instance) -> None:
    flags, label, priority, value = decode(instance.pending.payload)
    text = "" if isinstance(label, Invalid) else label[:LABEL]
    if flags & LOG_VALUE:
        text = f"{text} {engine.text.logged(value)}" if text else engine.text.logged(value)
    _log_line(engine, instance, text, priority, flags)


def _logex(engine: Engine, instance: Instance) -> None:
    flags, text, priority = decode(instance.pending.payload)
    _log_line(engine, instance, engine.text.of(text)[:LABEL], priority, flags)


def _log_line(engine: Engine, instance: Instance, text: str, priority: object, flags: int) -> None:
    if not isinstance(priority, int) or isinstance(priority, bool) or not 0 <= priority <= 5:
        instance.script.fail(Err.ERR_RANGE_ERROR, 0, "PRIORITY is 0 to 5")
        return
    write_log(engine, instance, text, priority, instance.pending.line if flags & LOG_LINENO else 0)
    go_on(instance)


def write_log(engine: Engine, instance: Instance, text: str, priority: int, line: int) -> None:
    part = "L" if instance.part == 1 else "R"
    entry = LogWrite(script=f"{instance.object}[{part}]", text=text, priority=priority, line=line, time_ms=engine.seams.clock.now_ms())
    tell(engine, instance, Kind.LOG_WRITE, Lane.CONTROL, KNL, pack(entry))


# -- CALL to the other part


def _call_other(engine: Engine, instance: Instance) -> None:
    payload = instance.pending.payload
    (flags,) = struct.unpack_from("<q", payload, 3)
    if flags & OBJECTS:
        head, name, modes, *arguments = decode(payload)
        payload = encode([head, name, modes, *with_values(engine, modes, arguments)])
    if instance.partner_state == "starting":
        _hold(engine, instance)
    elif instance.partner_state != "up" or not instance.partner:
        _call_failed(engine, instance, instance.pending.line, Err.ERR_NO_REMOTE, "no remote part runs")
    elif flags & ASYNC:
        tell(engine, instance, Kind.CALL, Lane.SCRIPT, instance.partner, payload)
        go_on(instance)
    else:
        ask(engine, instance, Kind.CALL, Lane.SCRIPT, instance.partner, payload)


def _hold(engine: Engine, instance: Instance) -> None:
    """The remote part is starting: the CALL waits for it, not longer than the start may take."""
    pending = instance.pending
    waiting = instance.waiting = Waiting(pending.number, "CALL_OTHER", pending.line)

    def go() -> None:
        if instance.waiting is waiting and not instance.ended:
            waiting.timer.cancel()
            instance.waiting = None
            instance.resumed_ns = engine.now_ns()
            if instance.partner_state == "starting":
                instance.partner_state = "down"
            _call_other(engine, instance)
            engine.wake(instance)

    waiting.timer = asyncio.get_running_loop().call_later(START_LIMIT_S, go)
    instance.held = [*instance.held, go]


def partner_settled(instance: Instance) -> None:
    """The partner is up or down: held CALLs go on."""
    held, instance.held = instance.held, NOTHING
    for go in held:
        go()


def _call_failed(engine: Engine, instance: Instance, line: int, error: int, text: str) -> bool:
    """A CALL reports through its code; False = an error of the script after all."""
    if error in (Err.ERR_SET_CONST, Err.ERR_NO_ASSIGNED_ALIAS):
        return False
    values = decode(instance.pending.payload)
    flags, procedure, modes = values[:3]
    if not flags & CODE_ASSIGNED:
        write_log(engine, instance, f"CALL [] {procedure} failed: {text} (error {error})", 3, line)
    go_on(instance, encode([error, *([UNCHANGED] * places_back(modes))]))
    return True


# of hisee.script.calls too: failures that are no errors of the script, and answers that are no lists of values
NOT_RAISED: dict[int, Callable[[Engine, Instance, int, int, str], bool]] = {Act.CALL_OTHER: _call_failed}
READ: dict[int, Callable[[bytes], bytes]] = {}
def _function(engine: Engine, instance: Instance) -> None:
    host_calls.perform(engine, instance, _over_limit)


def _external(engine: Engine, instance: Instance) -> None:
    external_calls.perform(engine, instance, _over_limit)


def _list(engine: Engine, instance: Instance) -> None:
    host_calls.perform_list(engine, instance, _over_limit)


HOW: dict[int, Callable[[Engine, Instance], None]] = {
    Act.SET: _set, Act.PVAR_WRITE: _pvar_write, Act.ON_CHANGE: _on_change, Act.WAIT: _wait, Act.DELAY: _delay,
    Act.CALL_OTHER: _call_other, Act.LOG: _log, Act.LOGEX: _logex, Act.MESSAGE: _message, Act.QUERY: _query, Act.FUNCTION: _function,
    Act.EXTERNAL: _external,
    Act.OBJECT_ROWS: _object_rows, Act.LST_CREATE: _list, Act.LST_GO: _list, Act.LST_DESTROY: _list,
    **dict.fromkeys((*TABLE_AT, *HANDLE_AT), _data),
}
