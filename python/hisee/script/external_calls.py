"""External functions of scripts: a script waits for its library's turn and answer, the others go on meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from hisee._core.values import decode, encode
from hisee.external import ExternalError, Library
from hisee.schema.errors import Err
from hisee.script.functions.calls import first_invalid, plain, storable
from hisee.script.functions.registry import Raised
from hisee.script.host_calls import Outcome, settle
from hisee.script.instance import Instance, Waiting
from hisee.values import Invalid, Type, type_of

if TYPE_CHECKING:
    from hisee.script.engine import Engine

log = logging.getLogger("hisee.script.external")
PLAIN = {Type.BOOL: bool, Type.INT: int, Type.REAL: float, Type.TEXT: str}
LOGGED = ("crashed", "late")  # what the event log is told; a refusal is the script's business


@dataclass(frozen=True, slots=True)
class Asked:
    """What a script asks of a library. `result`: type of the script's register for it."""

    name: str
    path: str
    declaration: str
    function: str
    deadline_s: float
    arguments: list[Any]
    result: Type


def asked(instance: Any, default_s: float) -> Asked:
    """The pending EXTERNAL of an instance."""
    name, path, declaration, function, seconds, *arguments = decode(instance.pending.payload)
    types = (kind for mode, kind in instance.unit.sites[instance.pending.site].arguments if mode == "OUT")
    deadline_s = default_s if isinstance(seconds, Invalid) else seconds
    return Asked(f"%{name}", path, declaration, function, deadline_s, [plain(value) for value in arguments], type_of(next(types)))


def without_call(what: Asked) -> Outcome | None:
    """The strict rule: an invalid argument is the result. None = the library has to be asked."""
    bad = first_invalid(what.arguments)
    return None if bad is None else (encode([Invalid(bad.reason, what.result)]), None)


def answer(what: Asked, library: Library, text_chars: int) -> tuple[Outcome, str]:
    """Reply or error, and what kind of fault it was; a fault of ours ends the call alone, and is told in the log."""
    try:
        value = library.call(what.function, *what.arguments, deadline_s=what.deadline_s, declaration=what.declaration)
        return (encode([settled(value, what.result, text_chars)]), None), ""
    except ExternalError as fault:
        return (b"", raised(what.name, fault)), fault.fault
    except Exception:
        log.exception("%s", what.name)
        return (b"", Raised(Err.ERR_UNKNOWN, f"{what.name} failed; the log of the process says why")), ""


def settled(value: Any, wanted: Type, text_chars: int) -> Any:
    """The value as a script holds it. Raises ExternalError for one of another type than the header says."""
    if isinstance(value, Invalid):
        return Invalid(value.reason, wanted)
    if type(value) is not PLAIN.get(wanted):
        raise ExternalError("called", f"answered a {type(value).__name__}, not {wanted.name}")
    return storable(value[:text_chars]) if isinstance(value, str) else value


def raised(name: str, fault: ExternalError) -> Raised:
    return Raised(Err.ERR_EXT_FUNCTION, f"{name}: {fault}" + (f"; {fault.hint}" if fault.hint else ""))


@dataclass(slots=True)
class Call:
    """One call under way. Whoever takes `claim` first decides about it: the library's thread begins it, or the loop gives it up."""

    engine: Engine
    instance: Instance
    waiting: Waiting
    what: Asked
    loop: asyncio.AbstractEventLoop
    claim: threading.Lock = field(default_factory=threading.Lock)
    turn: asyncio.TimerHandle | None = None


def perform(engine: Engine, instance: Instance, over_limit: Callable[..., None]) -> None:
    """Carry out the pending EXTERNAL of an instance."""
    what = asked(instance, engine.site.limit("external_s"))
    known = without_call(what)
    if known is not None:
        settle(instance, known)
        return
    call = Call(engine, instance, parked(engine, instance, what.name), what, asyncio.get_running_loop())
    try:
        engine.external.put(what.path, partial(carried_out, call))
    except ExternalError as fault:
        instance.waiting = None
        settle(instance, (b"", raised(what.name, fault)))
        return
    limit_s = instance.limits["request_limit_s"]
    call.waiting.timer = call.loop.call_later(limit_s, over_limit, engine, instance, call.waiting, limit_s)
    call.turn = call.loop.call_later(what.deadline_s, no_turn, call)


def parked(engine: Engine, instance: Instance, name: str) -> Waiting:
    pending, now = instance.pending, engine.now_ns()
    waiting = Waiting(pending.number, name, pending.line, sent_ns=now, prepare_ns=now - instance.resumed_ns,
                      bytes_out=len(pending.payload))
    instance.waiting, instance.resumed_ns = waiting, 0
    return waiting


def carried_out(call: Call, library: Library) -> None:
    """In the library's thread: the call's turn has come. It is not begun for a script that has ended, or that was told meanwhile that
    it takes too long."""
    if call.instance.ended or not call.claim.acquire(blocking=False):
        return
    began_ns = call.engine.now_ns()
    outcome, fault = answer(call.what, library, call.engine.site.limit("text_chars"))
    call.waiting.service_ns = call.engine.now_ns() - began_ns
    try:
        call.loop.call_soon_threadsafe(done, call, outcome, fault)
    except RuntimeError:
        log.debug("the loop ended before %s did", call.what.name)


def no_turn(call: Call) -> None:
    """On the loop: the calls in front of it took too long."""
    if call.claim.acquire(blocking=False):
        fault = ExternalError("late", f"other calls of its library took longer than {call.what.deadline_s:g} s")
        done(call, (b"", raised(call.what.name, fault)), fault.fault)


def done(call: Call, outcome: Outcome, fault: str) -> None:
    """On the loop: the script goes on."""
    engine, instance, waiting = call.engine, call.instance, call.waiting
    if call.turn is not None:
        call.turn.cancel()
    if instance.waiting is not waiting or instance.ended:
        return
    instance.waiting = None
    waiting.timer.cancel()
    if fault in LOGGED and outcome[1] is not None:
        engine.outside.external_failed(instance, outcome[1].text, waiting.line)
    settle(instance, outcome)
    engine.recorded(instance, waiting, engine.now_ns(), len(outcome[0]))
    engine.wake(instance)
