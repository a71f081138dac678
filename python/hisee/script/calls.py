"""Actions that reach other objects and processes: CALL [obj], EVENT, OPENEVENT, CLOSE, COMMAND, GETACCESS, RELEASEACCESS.

The server knows what is open where; a request goes to it with the numbers that the script gave (docs/design/events.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hisee._core.values import decode, encode
from hisee.channel.calls import (
    ALL,
    ASYNC,
    BEGIN,
    CODE,
    CONVERSATION,
    NO_INSTANCE,
    PRIORITIES,
    USUAL,
    Address,
    pack_call,
    with_flags,
)
from hisee.channel.payloads import AccessGet, CommandResult, EventOpen, Tell, pack, unpack
from hisee.commands import ABORTED, ERROR, IGNORED, OK
from hisee.schema.actions import ActionId as Act
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.picture_functions import BY_NAME as PICTURE_FUNCTIONS
from hisee.script import actions
from hisee.script.actions import KNL, ask, go_on, tell, write_log
from hisee.script.instance import Instance
from hisee.script.locks import Holder
from hisee.script.references import OBJECTS, places_back, with_values
from hisee.values import UNCHANGED, Invalid

if TYPE_CHECKING:
    from hisee.script.engine import Engine

SYNC, DIRECT, EVERYWHERE = 1, 2, 4
DURABLE = 2  # of EVENT
RESULTS = {OK: 0, ERROR: int(Err.ERR_TRANS_ERROR), ABORTED: int(Err.ERR_TRANS_ABORT), IGNORED: int(Err.ERR_TRANS_IGNORED)}
CLOSE_PICTURE = PICTURE_FUNCTIONS["%HI_ClosePicture"].number
EVENT_STARTS = {int(Err.ERR_OBJECT_NOT_FOUND), int(Err.ERR_NOT_SUPPORTED), int(Err.ERR_DEADLOCK), int(Err.ERR_PARAM_TYPE),
                int(Err.ERR_LOCAL_VAR_NFOUND), int(Err.ERR_RECORD_NO_COMP), int(Err.ERR_TRANS_ABORT), int(Err.ERR_TRANS_IGNORED),
                int(Err.ERR_NO_ACCESS)}  # it was not started: an error of the caller


class Refused(Exception):
    """An operand that the action cannot take: an error of the script."""

    def __init__(self, error: int, text: str) -> None:
        super().__init__(text)
        self.error = error


# -- operands


def priority_of(value: Any) -> int:
    """1 highest to 5; not given is 3."""
    if isinstance(value, Invalid):
        return USUAL
    if value not in PRIORITIES:
        raise Refused(Err.ERR_RANGE_ERROR, f"PRTY {value}: 1 (highest) to 5")
    return int(value)


def instance_of(value: Any) -> int:
    if isinstance(value, Invalid):
        return NO_INSTANCE
    if not 0 <= value <= 0x7FFFFFFF:
        raise Refused(Err.ERR_RANGE_ERROR, f"INSTANCE {value}: a number from 0 on")
    return int(value)


def text_of(value: Any, what: str) -> str:
    if isinstance(value, Invalid):
        raise Refused(Err.ERR_EXPRESSION_STATUS, f"{what} needs a valid text")
    return str(value)


# -- CALL [obj]


def _call_object(engine: Engine, instance: Instance) -> None:
    flags, target, procedure, interface, process, number, priority, modes, *arguments = decode(instance.pending.payload)
    conversation = 0
    if flags & BEGIN:
        conversation = instance.number << 20 | engine.corr() & 0xFFFFF
    elif flags & CONVERSATION:
        conversation = int(arguments[0]) if not isinstance(arguments[0], Invalid) else 0
    if not flags & BEGIN:
        arguments = arguments[1:]  # the place of the handle
    address = Address(target.object, process.object, instance_of(number), flags & (ALL | CONVERSATION), priority_of(priority), conversation)
    name = f"{interface}^{procedure}" if interface else procedure
    if flags & OBJECTS:
        arguments = with_values(engine, modes, arguments)
    call = encode([flags & (ASYNC | CODE | OBJECTS), name, modes, *arguments])
    payload = pack_call(address, with_flags(call, 0, address.priority, conversation))
    if flags & ASYNC:
        tell(engine, instance, Kind.CALL_TO, Lane.SCRIPT, KNL, payload, object=target.object)
        go_on(instance, encode([conversation, 0]) if flags & BEGIN else b"")
    else:
        ask(engine, instance, Kind.CALL_TO, Lane.SCRIPT, KNL, payload, object=target.object)


def _call_failed(engine: Engine, instance: Instance, line: int, error: int, text: str) -> bool:
    """The caller sees what befell the call in its code only; a constant for an in-out parameter is its own error."""
    if error in (Err.ERR_SET_CONST, Err.ERR_NO_ASSIGNED_ALIAS):
        return False
    values = decode(instance.pending.payload)
    if not values[0] & CODE:
        write_log(engine, instance, f"CALL [..] {values[2]} failed: {text} (error {error})", 3, line)
    go_on(instance, encode([error, *([UNCHANGED] * places_back(values[7]))]))
    return True


# -- events


def _event(engine: Engine, instance: Instance) -> None:
    flags, target, names, modes, priority, *values = decode(instance.pending.payload)
    payload = encode([0 if isinstance(priority, Invalid) else priority_of(priority), names, modes, *values])
    if flags & DURABLE:
        ask(engine, instance, Kind.EVENT_PUT, Lane.SCRIPT, KNL, payload, object=target.object)
    elif flags & ASYNC:
        tell(engine, instance, Kind.EVENT_START, Lane.SCRIPT, KNL, payload, object=target.object)
        go_on(instance)
    else:
        ask(engine, instance, Kind.EVENT_START, Lane.SCRIPT, KNL, payload, object=target.object)


def _event_failed(engine: Engine, instance: Instance, line: int, error: int, text: str) -> bool:
    """An event that ran and broke is not the caller's error: its values stay as they were."""
    flags, _, _, modes, *_ = decode(instance.pending.payload)
    if error in EVENT_STARTS or flags & DURABLE:
        return False
    write_log(engine, instance, f"EVENT: {text} (error {error})", 3, line)
    go_on(instance, encode([UNCHANGED] * modes.count("=")))
    return True


def _openevent(engine: Engine, instance: Instance) -> None:
    flags, target, process, number = decode(instance.pending.payload)
    payload = pack(EventOpen(object=target.object, process=process.object, instance=instance_of(number), direct=bool(flags & DIRECT)))
    if flags & SYNC:
        ask(engine, instance, Kind.EVENT_OPEN, Lane.SCRIPT, KNL, payload, object=target.object)
    else:
        tell(engine, instance, Kind.EVENT_OPEN, Lane.SCRIPT, KNL, payload, object=target.object)
        go_on(instance)


def _close(engine: Engine, instance: Instance) -> None:
    flags, target, process, number = decode(instance.pending.payload)
    if not target.object:
        _close_itself(engine, instance)
        return
    payload = pack(EventOpen(object=target.object, process=process.object, instance=instance_of(number), direct=bool(flags & DIRECT),
                             all=bool(flags & EVERYWHERE)))
    tell(engine, instance, Kind.EVENT_CLOSE, Lane.SCRIPT, KNL, payload, object=target.object)
    go_on(instance)


def _close_itself(engine: Engine, instance: Instance) -> None:
    """An event of an event handler ends here and now; what is open on a console is closed by the console."""
    if instance.event:
        engine.close(instance)
        return
    tell(engine, instance, Kind.VISUAL_SET, Lane.VISUAL, instance.console, encode([CLOSE_PICTURE]),
         object=instance.number if instance.part == 1 else instance.partner)
    go_on(instance)


# -- commands


def _command(engine: Engine, instance: Instance) -> None:
    text, process, number = decode(instance.pending.payload)
    waits = instance.pending.waits
    wanted = instance_of(number)
    request = Tell(name="", command=text_of(text, "COMMAND"), wait=waits, number=process.object, instance=max(0, wanted))
    if waits:
        ask(engine, instance, Kind.TELL, Lane.CONTROL, KNL, pack(request))
    else:
        tell(engine, instance, Kind.TELL, Lane.CONTROL, KNL, pack(request))
        go_on(instance)


def _command_result(payload: bytes) -> bytes:
    """How a command ended, as a script's return code."""
    return encode([RESULTS.get(unpack(CommandResult, payload).result, int(Err.ERR_TRANS_ERROR))])


# -- locks


def _getaccess(engine: Engine, instance: Instance) -> None:
    name, public, note = decode(instance.pending.payload)
    name, note = text_of(name, "GETACCESS"), "" if isinstance(note, Invalid) else note
    if public is True:
        ask(engine, instance, Kind.ACCESS_GET, Lane.CONTROL, KNL, pack(AccessGet(name=name, note=note)))
        return
    other = engine.locks.get(name, Holder(instance.number, instance.object, note))
    go_on(instance, encode([other is None, "" if other is None else f";;{other.object};{other.note}"]))


def _releaseaccess(engine: Engine, instance: Instance) -> None:
    name, public = decode(instance.pending.payload)
    name = text_of(name, "RELEASEACCESS")
    if public is True:
        tell(engine, instance, Kind.ACCESS_RELEASE, Lane.CONTROL, KNL, pack(AccessGet(name=name)))
    else:
        engine.locks.release(name, instance.number)
    go_on(instance)


def _checked(how: Callable[[Engine, Instance], None]) -> Callable[[Engine, Instance], None]:
    """An operand that does not fit is an error of the script at this line."""

    def perform(engine: Engine, instance: Instance) -> None:
        try:
            how(engine, instance)
        except Refused as refused:
            instance.script.fail(refused.error, 0, str(refused))

    return perform


HOW: dict[int, Callable[[Engine, Instance], None]] = {act: _checked(how) for act, how in {
    Act.CALL_OBJECT: _call_object, Act.EVENT: _event, Act.OPENEVENT: _openevent, Act.CLOSE: _close, Act.COMMAND: _command,
    Act.GETACCESS: _getaccess, Act.RELEASEACCESS: _releaseaccess}.items()}


def extend_actions() -> None:
    """Make the actions of this module known to those of `hisee.script.actions`."""
    actions.HOW.update(HOW)
    actions.NOT_RAISED.update({Act.CALL_OBJECT: _call_failed, Act.EVENT: _event_failed})
    actions.READ[Act.COMMAND] = _command_result
