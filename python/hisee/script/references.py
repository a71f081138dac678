"""Objects that go with a CALL as references: what an ALIAS parameter is handed.

The caller cannot know whether a parameter takes the object or its value, so both go: the reference at the argument's place, the value
behind the last argument. Signs of such arguments: O in-out, a of an ASYNC call, o an object that cannot be written. h is a number in
brackets, which names an object where one is wanted. What comes back for an O takes three places: the reference, "a value came", the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hisee._core.values import decode
from hisee.channel import RequestFailed
from hisee.channel.payloads import Subscribe, pack
from hisee.esl.unit import ALIASES
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.script.instance import Instance, Item, Waiting
from hisee.values import UNCHANGED, Cell, Record, Ref, Stamped, Type

if TYPE_CHECKING:
    from hisee.script.engine import Engine

OBJECTS = 64  # flag of a CALL: it has such arguments
SIGNS = "Oao"
CONSTANTS = "<h"
KNL = 1
MARK = ALIASES.partition("{")[0]


class Unfit(Exception):
    """An argument that its parameter cannot take."""

    def __init__(self, error: int, text: str) -> None:
        super().__init__(text)
        self.error = error


# -- the caller


def with_values(engine: Engine, modes: str, arguments: Sequence[Any]) -> list[Any]:
    """The arguments, and behind them the present values of those that are objects."""
    return [*arguments, *(_value(engine, ref) for sign, ref in zip(modes, arguments, strict=True) if sign in SIGNS)]


def _value(engine: Engine, ref: Ref) -> Any:
    """UNCHANGED: the object is not linked, not known, or no single value."""
    try:
        found = engine.cells.get(ref)
        if isinstance(found, Cell) and isinstance(found.value, Ref):  # an Object item: what it refers to
            found = engine.cells.get(found.value)
    except (KeyError, IndexError):
        return UNCHANGED
    return UNCHANGED if isinstance(found, Record) or isinstance(found.value, Ref) else found.value


def places_back(modes: str) -> int:
    """How many values come back."""
    return modes.count("=") + 3 * modes.count("O")


# -- the callee


def fitting(name: str, parameters: Sequence[Any], modes: str, arguments: Sequence[Any]) -> list[Any]:
    """One argument for each parameter, from what came. Raises Unfit."""
    values = iter(arguments[len(modes):])
    found = []
    for parameter, sign, argument in zip(parameters, modes, arguments, strict=False):
        value = next(values, UNCHANGED) if sign in SIGNS else argument
        aliased = parameter.type == "OBJECT"
        if parameter.mode != "IN" and (sign in CONSTANTS or sign == "o" and not aliased):
            raise Unfit(Err.ERR_SET_CONST, f"{name}: a constant was passed to an in-out parameter")
        found.append(_object(name, sign, argument) if aliased else _plain(name, sign, argument, value))
    return found


def _object(name: str, sign: str, argument: Any) -> Ref:
    plain = argument.value if isinstance(argument, Stamped) else argument
    if sign in SIGNS and isinstance(plain, Ref):
        return plain
    if sign != "h" or not isinstance(plain, int) or isinstance(plain, bool):
        raise Unfit(Err.ERR_PARAM_TYPE, f"{name}: an ALIAS parameter needs an object")
    if not 1 <= plain < 1 << 32:
        raise Unfit(Err.ERR_OBJECT_NOT_FOUND, f"{name}: {plain} is no number of an object")
    return Ref(plain)


def _plain(name: str, sign: str, argument: Any, value: Any) -> Any:
    if sign in SIGNS and value is UNCHANGED:
        error = Err.ERR_OBJECT_NOT_FOUND if argument.object else Err.ERR_NO_ASSIGNED_ALIAS
        raise Unfit(error, f"{name}: the argument has no value")
    return value


def results(instance: Instance, item: Item) -> list[Any]:
    """What goes back to the caller."""
    assert item.procedure is not None
    found: list[Any] = []
    parameters = instance.unit.procedures[item.procedure].parameters
    for sign, parameter, value in zip(item.modes, parameters, decode(instance.script.results()), strict=True):
        found += back(sign, parameter.type == "OBJECT", value)
    return found


def back(sign: str, aliased: bool, value: Any) -> list[Any]:
    """The places of one argument: none, its value, or three."""
    if sign == "=":
        return [value]
    if sign != "O":
        return []
    if aliased or value is UNCHANGED:
        return [value, UNCHANGED, UNCHANGED]
    return [UNCHANGED, True, value]


def typed(unit: Any) -> dict[int, dict[int, list[Type]]]:
    """Procedure -> position -> types of the columns that a typed alias wants."""
    found: dict[int, dict[int, list[Type]]] = {}
    marks = [p.name.split(" ") for p in unit.procedures if p.name.startswith(MARK)]
    numbers = {p.name: index for index, p in enumerate(unit.procedures)} if marks else {}
    for _, structure, procedure, at in marks:
        found.setdefault(numbers[procedure], {})[int(at)] = [Type[kind] for _, kind in unit.structures[int(structure)].columns]
    return found


# -- around a call


def wanted(engine: Engine, instance: Instance, item: Item) -> set[int]:
    """Objects of this call whose values this process does not follow yet."""
    assert item.procedure is not None
    parameters = instance.unit.procedures[item.procedure].parameters
    if not any(parameter.type == "OBJECT" for parameter in parameters):
        return set()
    return {ref.object for ref in decode(item.arguments) if isinstance(ref, Ref) and ref.object} - engine.followed


def fetch(engine: Engine, instance: Instance, objects: set[int], then: Callable[[], None]) -> None:
    """Follow them, then go on; the instance waits meanwhile."""
    instance.waiting = Waiting(0, "ALIAS", 0)
    engine.outside.spawn(_fetched(engine, instance, instance.waiting, objects, then))


async def _fetched(engine: Engine, instance: Instance, waiting: Waiting, objects: set[int], then: Callable[[], None]) -> None:
    engine.followed |= objects
    try:
        engine.values(await engine.outside.ask(KNL, Kind.SUBSCRIBE, pack(Subscribe(objects=sorted(objects)))))
    except RequestFailed:
        engine.followed -= objects  # whoever uses one is told that it is not known
    if instance.waiting is waiting and not instance.ended:
        instance.waiting = None
        then()
        engine.wake(instance)


def misfit(engine: Engine, instance: Instance, item: Item) -> int:
    """Number of the error of a typed alias that is handed an object of another structure; 0 = all fit."""
    assert item.procedure is not None
    for at, types in instance.aliases.get(item.procedure, {}).items():
        ref = decode(item.arguments)[at]
        if isinstance(ref, Ref) and ref.object and not _has(engine, ref, types):
            return int(Err.ERR_RECORD_NO_COMP)
    return 0


def _has(engine: Engine, ref: Ref, types: list[Type]) -> bool:
    try:
        kind, _, columns, _ = engine.cells.shape(ref.object)
    except KeyError:
        return True  # not known here: its use says so
    return kind == Type.RECORD and not ref.column and list(columns) == types
