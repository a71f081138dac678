"""Containers that go with a CALL: parameters declared CNT_HANDLE. A container has one owner, so it moves.

When the call's turn comes its containers are fetched from the caller, who may be in any process; at its end those of in-out parameters go
back, and after an error all do, under the handles that they had. Nothing of an ASYNC call comes back.
"""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING, Any

from hisee._core.values import decode, encode
from hisee.channel import RequestFailed
from hisee.esl.unit import HANDLES
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.script import references
from hisee.script.instance import Instance, Item, Waiting
from hisee.values import UNCHANGED

if TYPE_CHECKING:
    from hisee.script.engine import Engine

log = logging.getLogger("hisee.script")
HANDLE = struct.Struct("<q")
MARK = HANDLES.partition("{")[0]


def places(unit: Any) -> dict[int, list[int]]:
    """Procedure -> positions of its CNT_HANDLE parameters."""
    marks = {p.name for p in unit.procedures if p.name.startswith(MARK)}
    found: dict[int, list[int]] = {}
    for index, procedure in enumerate(unit.procedures if marks else ()):
        of_it = [at for at in range(len(procedure.parameters)) if HANDLES.format(procedure.name, at) in marks]
        if of_it:
            found[index] = of_it
    return found


# -- for the other side


def taken(instance: Instance, payload: bytes) -> bytes:
    """CNT_TAKE: the container leaves. Raises KeyError."""
    (handle,) = HANDLE.unpack(payload)
    return bytes(instance.script.take(handle))


def given(instance: Instance, payload: bytes) -> bytes:
    """CNT_GIVE: a container comes; its handle. Raises ValueError with the number of the error, MemoryError."""
    return HANDLE.pack(instance.script.give(payload[HANDLE.size:], *HANDLE.unpack_from(payload)))


# -- around a call


def fetch(engine: Engine, instance: Instance, item: Item) -> None:
    """Fetch what the call brings, then begin it; the instance waits meanwhile."""
    instance.waiting = Waiting(0, "CNT_HANDLE", 0)
    engine.outside.spawn(_fetched(engine, instance, item, instance.waiting))


async def _fetched(engine: Engine, instance: Instance, item: Item, waiting: Waiting) -> None:
    assert item.procedure is not None and item.request is not None
    arguments, parameters = decode(item.arguments), instance.unit.procedures[item.procedure].parameters
    error, unread = 0, dict[int, bytes]()
    for at in instance.handles[item.procedure]:
        handle = number_of(arguments[at])
        if not handle and parameters[at].mode != "IN":
            continue
        try:
            unread[handle] = await engine.outside.ask(item.request.source, Kind.CNT_TAKE, HANDLE.pack(handle))
            arguments[at] = item.containers[handle] = instance.script.give(unread[handle])
            del unread[handle]
        except RequestFailed as failed:
            error = failed.error
        except (ValueError, MemoryError, RuntimeError) as failure:
            error = number_in(failure)
        if error or instance.ended:
            break
    if instance.waiting is waiting and not instance.ended:
        instance.waiting = None
        _begin(engine, instance, item, arguments, error, unread)
        engine.wake(instance)


def _begin(engine: Engine, instance: Instance, item: Item, arguments: list[Any], error: int, unread: dict[int, bytes]) -> None:
    """Run it, or end it with the error: the procedure is not entered. `unread`: what this script cannot hold."""
    if error:
        log.warning("%s: a container for %s did not come (error %d)", instance.name, item.what, error)
        instance.current = None
        hand_back(engine, instance, item, error, unread)
        return
    assert item.procedure is not None
    instance.script.start(item.procedure, encode(arguments))


def hand_back(engine: Engine, instance: Instance, item: Item, code: int, unread: dict[int, bytes] | None = None) -> None:
    """The end of such a call: what goes back leaves now, the answer follows behind it."""
    assert item.request is not None and item.procedure is not None
    if not item.request.wants_answer:
        return
    back: list[tuple[int, int, bytes]] = []  # place in the results, or -1; handle that it had; container
    results = [] if code else decode(instance.script.results())
    if code:
        back = [(-1, old, data) for old, data in (unread or {}).items()]
        back += [(-1, old, data) for old, new in item.containers.items() if (data := _leaving(instance, new)) is not None]
    else:
        for at in instance.handles[item.procedure]:
            data = _leaving(instance, number_of(results[at])) if item.modes[at] in "=O" else None
            if data is not None:
                back.append((at, 0, data))
    engine.outside.spawn(_answered(engine, instance, item, code, results, back))


def _leaving(instance: Instance, handle: int) -> bytes | None:
    try:
        return bytes(instance.script.take(handle))
    except KeyError:
        return None


async def _answered(engine: Engine, instance: Instance, item: Item, code: int, results: list[Any],
                    back: list[tuple[int, int, bytes]]) -> None:
    assert item.request is not None and item.procedure is not None
    for at, handle, data in back:
        try:
            answer = await engine.outside.ask(item.request.source, Kind.CNT_GIVE, HANDLE.pack(handle) + data)
        except RequestFailed as failed:
            code = code or failed.error
            continue
        if at >= 0:
            (results[at],) = HANDLE.unpack(answer)
    parameters = instance.unit.procedures[item.procedure].parameters
    ends = [UNCHANGED] * references.places_back(item.modes) if code else [
        end for sign, parameter, v in zip(item.modes, parameters, results, strict=True)
        for end in references.back(sign, parameter.type == "OBJECT", v)]
    engine.reply(item.request, encode([code, *ends]))


def number_of(value: Any) -> int:
    """A handle in an argument; 0 = none."""
    plain = getattr(value, "value", value)
    return plain if isinstance(plain, int) and not isinstance(plain, bool) and plain > 0 else 0


def number_in(failure: Exception) -> int:
    """Number of the error that a container met at its new owner."""
    if isinstance(failure, ValueError) and isinstance(failure.args[0], int):
        return failure.args[0]
    return int(Err.ERR_MEMORY if isinstance(failure, MemoryError) else Err.ERR_EVENT_CLOSED)
