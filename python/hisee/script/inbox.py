"""Work that comes to an instance: picture events, CALLs, changes of objects, states of picture variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hisee._core.values import decode, encode
from hisee.channel import Message
from hisee.channel.calls import parts_of
from hisee.esl.unit import IMPLEMENTS
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.script import actions, containers, references
from hisee.script.instance import Instance, Item, QueueFull
from hisee.values import UNCHANGED, Cell, Invalid, Reason, Ref

if TYPE_CHECKING:
    from hisee.script.engine import Engine

RPC = ("RPC", "RPCX")
ENTRY = ("ENTRY", "ENTRYX")
COALESCED = {"OnTimer"}
ABORTED = "OnConversationAbort"
CALLERS = (Err.ERR_SET_CONST, Err.ERR_NO_ASSIGNED_ALIAS)  # errors of the caller's own arguments


def take(engine: Engine, instance: Instance, message: Message) -> None:
    """Queue a request or apply it at once; raises QueueFull."""
    if message.kind == Kind.CALL:
        _call(engine, instance, message)
    elif message.kind == Kind.PICTURE_EVENT:
        _event(engine, instance, message)
    elif message.kind == Kind.PVAR_WRITE:
        index, value = decode(message.payload)
        version = instance.variables.apply_write(index, value, engine.seams.clock.now_ms())
        actions.share_variable(engine, instance, index, version, instance.variables.value(index), answers=1)
    elif message.kind == Kind.PVAR_STATE:
        index, version, value, answers = decode(message.payload)
        instance.variables.apply_state(index, version, value, engine.seams.clock.now_ms(), answers_own=bool(answers))
    elif message.kind == Kind.CONVERSATION_LOST:
        index = instance.procedure(ABORTED, ("LOCAL", *RPC))
        if index is not None:
            instance.put(Item(index, message.payload, f"procedure {ABORTED}"))
    elif message.kind == Kind.ECHO:
        instance.put(Item(None, what="echo", done=lambda: engine.reply(message, message.payload)))
    else:
        engine.fail(message, Err.ERR_NOT_SUPPORTED, 0, f"{instance.name} knows no message of kind {message.kind:#06x}")


def _call(engine: Engine, instance: Instance, message: Message) -> None:
    first, name, modes, *arguments = decode(message.payload)
    flags, priority, conversation = parts_of(first)
    interface, _, name = name.rpartition("^")
    if interface and instance.procedure(IMPLEMENTS.format(interface), ("LOCAL",)) is None:
        _refuse_call(engine, message, modes, Err.ERR_NOT_SUPPORTED)
        return
    if conversation:
        modes, arguments = "<" + modes, [conversation, *arguments]
    index = instance.procedure(name, RPC)
    if index is None:
        _refuse_call(engine, message, modes, Err.ERR_PROC_NOT_FOUND)
        return
    info = instance.unit.procedures[index]
    if len(info.parameters) != (len(modes) if flags & references.OBJECTS else len(arguments)):
        _refuse_call(engine, message, modes, Err.ERR_INV_NUM_PARAMS)
        return
    try:
        arguments = references.fitting(name, info.parameters, modes, arguments)
    except references.Unfit as unfit:
        if unfit.error in CALLERS:
            engine.fail(message, unfit.error, 0, str(unfit))
        else:
            _refuse_call(engine, message, modes, unfit.error)
        return
    key = ("rpcx", index) if info.kind == "RPCX" and not message.wants_answer else None
    instance.put(Item(index, encode(arguments), f"procedure {info.name}", modes, message, key=key, priority=priority))


def _refuse_call(engine: Engine, message: Message, modes: str, error: int) -> None:
    engine.reply(message, encode([error, *([UNCHANGED] * references.places_back(modes))]))


def _event(engine: Engine, instance: Instance, message: Message) -> None:
    name, *arguments = decode(message.payload)
    index = instance.procedure(name, ENTRY)
    if index is None:
        engine.fail(message, Err.ERR_PROC_NOT_FOUND, 0, f"{instance.object} handles no {name}")
        return
    info = instance.unit.procedures[index]
    base = name.rsplit("_", 1)[-1]
    key = ("event", index) if info.kind == "ENTRYX" or base in COALESCED else None
    instance.put(Item(index, encode(arguments[: len(info.parameters)]), f"event {info.name}", "=" * len(info.parameters), message, key=key))


def changed(engine: Engine, instance: Instance, references: Iterable[Ref]) -> None:
    """ON CHANGE: one waiting notice per handler and cell, always the newest value."""
    for ref in references:
        procedures = {p: None for place in places(ref) for p in (instance.changes or {}).get(place, ())}
        if not procedures:
            continue
        state = engine.cells.get(ref)
        value = state.value if isinstance(state, Cell) else Invalid(Reason.NO_DATA)  # the number of rows changed: no single value
        arguments = encode([value, ref, ref.row, ref.column])
        for procedure in procedures:
            try:
                instance.put(Item(procedure, arguments, "ON CHANGE", key=("change", procedure, ref)))
            except QueueFull:  # counted there
                return


def places(ref: Ref) -> tuple[Ref, ...]:
    """What a change of this cell is a change of: itself, its row, its column, the whole object."""
    if not ref.row:
        return (ref,)
    return ref, Ref(ref.object, ref.row), Ref(ref.object, 0, ref.column), Ref(ref.object)


def begin(engine: Engine, instance: Instance, item: Item) -> None:
    """Start the item's procedure; arguments that do not fit end it before it began."""
    assert item.procedure is not None
    if item.request is not None and item.request.kind == Kind.CALL and not _objects_here(engine, instance, item):
        return
    if item.request is not None and item.procedure in instance.handles:
        containers.fetch(engine, instance, item)
        return
    try:
        instance.script.start(item.procedure, item.arguments)
    except ValueError as error:
        instance.current = None
        if item.request is not None:
            engine.fail(item.request, Err.ERR_PARAM_TYPE, 0, f"{item.what}: {error}")


def _objects_here(engine: Engine, instance: Instance, item: Item) -> bool:
    """Have the objects of this call values here, and the columns that its parameters want? If not it goes on later, or has ended."""
    objects = references.wanted(engine, instance, item)
    if objects:
        references.fetch(engine, instance, objects, lambda: begin(engine, instance, item))
        return False
    error = references.misfit(engine, instance, item)
    if error:
        assert item.request is not None
        instance.current = None
        if item.request.wants_answer:
            _refuse_call(engine, item.request, item.modes, error)
    return not error


def end(engine: Engine, instance: Instance, item: Item, code: int) -> None:
    """Answer the request behind a finished item."""
    request = item.request
    assert request is not None
    if item.procedure in instance.handles:
        containers.hand_back(engine, instance, item, code)
    elif request.kind == Kind.CALL:
        engine.reply(request, _call_results(instance, item, code))
    elif code:
        engine.fail(request, code, 0, f"{item.what} of {instance.object} ended with an error")
    else:
        engine.reply(request, instance.script.results() if request.wants_answer else b"")


def _call_results(instance: Instance, item: Item, code: int) -> bytes:
    """Code, then one value for each in-out argument."""
    if code:
        return encode([code, *([UNCHANGED] * references.places_back(item.modes))])
    return encode([0, *references.results(instance, item)])


