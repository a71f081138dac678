"""EVH: runs the scripts of events. The server says which and when; the event handler verifies the unit, runs it, and tells the end."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from hisee._core.values import decode, encode
from hisee._core.vm import Unit, UnitRejected
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import EventEnded, EventRun, SeeStop, Started, pack, unpack
from hisee.commands import Commands
from hisee.esl.unit import PUBLIC_IN, PUBLIC_OUT
from hisee.schema.errors import Err
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script import actions
from hisee.script.host import KNL, Host
from hisee.script.instance import Instance, Item
from hisee.values import UNCHANGED, Invalid, Record, Stamped, Type

log = logging.getLogger("hisee.script")


class WrongValue(Exception):
    """A value of EVENT that the event cannot take; `error` is an _ERR_ number."""

    def __init__(self, error: int, text: str) -> None:
        super().__init__(text)
        self.error = error


class Evh(Host):
    """Scripts of events; those that do not stay end with their init part."""

    def control(self, message: Message) -> bool:
        if message.kind == Kind.EVENT_RUN:
            self.background.spawn(self._run(message, unpack(EventRun, message.payload)))
        elif message.kind == Kind.EVENT_STOP:
            stop = unpack(SeeStop, message.payload)
            self.engine.stop(stop.number, stop.reason)
        else:
            return super().control(message)
        return True

    def make_commands(self) -> Commands:
        return Commands("EVH", lambda: self.stop.set(), {"DYNAMIC_INFO": self._dynamic_info},
                        status=lambda: {"scripts": len(self.engine.instances)}, trace=self.trace_switch.switch)

    def _dynamic_info(self, words: list[str]) -> str:
        """Running scripts and the locks of this process, one line each."""
        scripts = [f"ESL;{i.object};{i.name}" for _, i in sorted(self.engine.instances.items())]
        return "\n".join([*scripts, *(f"ACCESS;{h.object};{name};;local;{h.note}" for name, h in self.engine.locks.rows())])

    # -- starts

    async def _run(self, request: Message, order: EventRun) -> None:
        try:
            unit = await self.unit(order.unit)
            given = given_to(unit, order.names, order.modes, decode(order.given) if order.given else [])
        except (RequestFailed, UnitRejected) as error:
            self.refuse(request, Err.ERR_NOT_SUPPORTED, f"unit {order.unit[:12]} of {order.object}: {error}")
            return
        except WrongValue as error:
            self.refuse(request, error.error, f"EVENT {order.object}: {error}")
            return
        if order.values:
            self.engine.values(order.values)
        self.reply(request, Started(number=order.number))
        self._begin(order, unit, given)

    def _begin(self, order: EventRun, unit: Unit, given: bytes) -> None:
        instance = self.engine.start(number=order.number, name=order.name, object=order.object, part=1, unit=unit, console=order.console,
                                     limits=order.limits or self.limits, variables=order.variables, priority=order.priority)
        instance.event, instance.started_by = True, order.caller
        if given:
            index = instance.procedure(PUBLIC_IN, ("LOCAL",))
            instance.put_first(Item(index, given, "values of EVENT", priority=0))
        if not order.stays:
            self._ends_by_itself(instance, order)

    def _ends_by_itself(self, instance: Instance, order: EventRun) -> None:
        """Behind the init part: the values go back to whoever waits, and the script is over."""
        index = instance.procedure(PUBLIC_OUT, ("LOCAL",)) if "=" in order.modes else None
        if index is None:
            instance.put(Item(None, what="end", priority=0, done=partial(self._over, instance, b"")))
            return

        def after(code: int) -> None:
            self._over(instance, back_from(instance.unit, instance.script.results(), order.names, order.modes) if not code else b"")

        instance.put(Item(index, encode([UNCHANGED] * len(instance.unit.procedures[index].parameters)), "values of EVENT", priority=0,
                          after=after))

    def _over(self, instance: Instance, results: bytes) -> None:
        self.engine.stop(instance.number, "ended")
        self._tell_end(EventEnded(number=instance.number, results=results))

    def _tell_end(self, ended: EventEnded) -> None:
        """Behind everything that the script has written."""
        self.send(Message(kind=Kind.EVENT_ENDED, lane=Lane.SCRIPT, source=self.number, target=KNL, payload=pack(ended)))

    # -- ends

    def ended(self, instance: Instance, reason: str) -> None:
        actions.write_log(self.engine, instance, reason, 5, 0)
        self._tell_end(EventEnded(number=instance.number, reason=reason, failed=True))

    def closed(self, instance: Instance) -> None:
        self._tell_end(EventEnded(number=instance.number, reason="closed by itself"))


def given_to(unit: Unit, names: list[str], modes: str, values: list[Any]) -> bytes:
    """Arguments of the procedure that takes PUBLIC variables; b"" = nothing is given. Raises WrongValue."""
    if len(names) != len(values) or len(modes) != len(values):
        raise WrongValue(Err.ERR_INV_NUM_PARAMS, f"{len(names)} names, {len(values)} values")
    if not names:
        return b""
    procedure = next((p for p in unit.procedures if p.name == PUBLIC_IN), None)
    parameters = procedure.parameters if procedure is not None else ()
    places = {p.name.casefold(): i for i, p in enumerate(parameters)}
    arguments: list[Any] = [UNCHANGED] * len(parameters)
    for name, value in zip(names, values, strict=True):
        at = places.get(name.casefold())
        if at is None:
            raise WrongValue(Err.ERR_LOCAL_VAR_NFOUND, f"it has no PUBLIC variable {name}")
        _fits(unit, parameters[at], value)
        arguments[at] = value
    return encode(arguments)


def _fits(unit: Unit, parameter: Any, value: Any) -> None:
    """A structure goes to a variable of the same structure, a value to a value that it converts to."""
    plain = value.value if isinstance(value, Stamped) else value
    if isinstance(plain, Record) != (parameter.type == "RECORD"):
        raise WrongValue(Err.ERR_PARAM_TYPE, f"{parameter.name} is {parameter.type}")
    if isinstance(plain, Record):
        forms = {(s.hbj, any(kind == "ANY" for _, kind in s.columns)) for s in unit.structures if s.name == parameter.structure}
        if (plain.structure_hbj, Type.ANY in plain.types) not in forms:  # the second: is it NOALIAS?
            raise WrongValue(Err.ERR_RECORD_NO_COMP, f"{parameter.name} is of the structure {parameter.structure}")
    elif isinstance(plain, str) != (parameter.type == "TEXT") and not isinstance(plain, Invalid):
        raise WrongValue(Err.ERR_PARAM_TYPE, f"{parameter.name} is {parameter.type}, the value is no such")


def back_from(unit: Unit, results: bytes, names: list[str], modes: str) -> bytes:
    """The values that the caller gets back, in its order."""
    procedure = next(p for p in unit.procedures if p.name == PUBLIC_OUT)
    found = dict(zip((p.name.casefold() for p in procedure.parameters), decode(results), strict=True))
    return encode([found[name.casefold()] for name, mode in zip(names, modes, strict=True) if mode == "="])

