"""JSON. A handle stands for a dictionary or a list; a child that was put into a parent is shared with it, not copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hisee.schema.errors import Err
from hisee.script.functions import documents
from hisee.script.functions.registry import NO_DATA, RANGE, Raised, function
from hisee.values import Invalid

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

ACCOUNT_STEP = 1 << 20  # bytes between two looks at what all documents of the instance hold


class Object:
    """What a handle of an object stands for."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value


class Array:
    """What a handle of an array stands for."""

    def __init__(self, value: list[Any]) -> None:
        self.value = value


class Memory:
    """Of the JSON functions of one instance."""

    error = ""
    grown = 0  # bytes since the last look
    held = 0  # bytes at the last look


def grow(own: Functions, size: int) -> None:
    """Before `size` bytes are added to a document; _ERR_MEMORY when all of them hold more than one instance may."""
    memory = own.keep(Memory)
    memory.grown += size + documents.OVERHEAD
    if memory.grown < ACCOUNT_STEP + memory.held // 4:
        return
    memory.held = documents.size_of([*(o.value for o in own.handles.all(Object)), *(a.value for a in own.handles.all(Array))])
    memory.grown = 0
    if memory.held + size > own.site.limit("see_memory_bytes"):
        raise Raised(Err.ERR_MEMORY, f"JSON documents of {memory.held} bytes; the limit is see_memory_bytes")


def weight(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


def fields(own: Functions, handle: int) -> dict[str, Any]:
    return own.handles.get(handle, Object).value


def elements(own: Functions, handle: int) -> list[Any]:
    return own.handles.get(handle, Array).value


def limits(own: Functions) -> tuple[int, int]:
    return own.site.limit("json_depth"), own.site.limit("json_items")


# -- texts


def from_text(own: Functions, text: str, kind: type[Any]) -> Any:
    """The value when it is a `kind`; else None, with the reason kept."""
    memory = own.keep(Memory)
    memory.error = ""
    try:
        value = documents.parsed(text, *limits(own))
    except (ValueError, documents.TooLarge) as error:
        memory.error = str(error)[:500]
        return None
    if not isinstance(value, kind):
        memory.error = "the text is no JSON " + ("object" if kind is dict else "array")
        return None
    grow(own, len(text) * 4)
    return value


@function("%JSON_ObjectFromString")
def object_from_string(own: Functions, text: str) -> int:
    value = from_text(own, text, dict)
    return 0 if value is None else own.handles.open(Object(value))


@function("%JSON_ArrayFromString")
def array_from_string(own: Functions, text: str) -> int:
    value = from_text(own, text, list)
    return 0 if value is None else own.handles.open(Array(value))


@function("%JSON_LastError")
def last_error(own: Functions) -> str:
    return str(own.keep(Memory).error)


def to_text(own: Functions, value: Any, pretty: bool) -> Any:
    try:
        return documents.written(value, pretty, *limits(own), own.site.limit("text_chars"))
    except documents.TooLarge:
        return RANGE


@function("%JSON_ObjectToString")
def object_to_string(own: Functions, handle: int, pretty: bool) -> Any:
    return to_text(own, fields(own, handle), pretty)


@function("%JSON_ArrayToString")
def array_to_string(own: Functions, handle: int, pretty: bool) -> Any:
    return to_text(own, elements(own, handle), pretty)


# -- handles


@function("%JSON_CreateObject")
def create_object(own: Functions) -> int:
    return own.handles.open(Object({}))


@function("%JSON_CreateArray")
def create_array(own: Functions) -> int:
    return own.handles.open(Array([]))


@function("%JSON_FreeObjectHandle")
def free_object(own: Functions, handle: int) -> None:
    own.handles.close(handle, Object)


@function("%JSON_FreeArrayHandle")
def free_array(own: Functions, handle: int) -> None:
    own.handles.close(handle, Array)


def handle_of(own: Functions, value: Any, kind: type[Any]) -> int:
    """A handle of a child; 0 when it is not of that kind."""
    if not isinstance(value, kind):
        return 0
    return own.handles.open(Object(value) if kind is dict else Array(value))


def is_simple(value: Any) -> bool:
    return not isinstance(value, (dict, list))


def given(value: Any) -> Any:
    found = documents.as_value(value)
    return NO_DATA if found is None else found


# -- objects


def put_field(own: Functions, handle: int, key: str, value: Any) -> None:
    target = fields(own, handle)
    if key not in target and len(target) >= own.site.limit("json_items"):
        raise Raised(Err.ERR_RANGE_ERROR, "the JSON object has as many fields as the limit json_items allows")
    grow(own, len(key) + weight(value))
    target[key] = value


@function("%JSON_ObjectSetValue")
def object_set_value(own: Functions, handle: Any, key: Any, value: Any) -> None:
    if not isinstance(handle, Invalid) and not isinstance(key, Invalid):
        put_field(own, handle, key, documents.as_json(value))


@function("%JSON_ObjectSetObject")
def object_set_object(own: Functions, handle: int, key: str, child: int) -> None:
    put_field(own, handle, key, fields(own, child))


@function("%JSON_ObjectSetArray")
def object_set_array(own: Functions, handle: int, key: str, child: int) -> None:
    put_field(own, handle, key, elements(own, child))


@function("%JSON_ObjectGetValue")
def object_get_value(own: Functions, handle: int, key: str) -> Any:
    return given(fields(own, handle).get(key))


@function("%JSON_ObjectGetObject")
def object_get_object(own: Functions, handle: int, key: str) -> int:
    return handle_of(own, fields(own, handle).get(key), dict)


@function("%JSON_ObjectGetArray")
def object_get_array(own: Functions, handle: int, key: str) -> int:
    return handle_of(own, fields(own, handle).get(key), list)


@function("%JSON_ObjectIsValue")
def object_is_value(own: Functions, handle: int, key: str) -> bool:
    target = fields(own, handle)
    return key in target and is_simple(target[key])


@function("%JSON_ObjectIsObject")
def object_is_object(own: Functions, handle: int, key: str) -> bool:
    return isinstance(fields(own, handle).get(key), dict)


@function("%JSON_ObjectIsArray")
def object_is_array(own: Functions, handle: int, key: str) -> bool:
    return isinstance(fields(own, handle).get(key), list)


@function("%JSON_ObjectGetFieldsCount")
def object_get_fields_count(own: Functions, handle: int) -> int:
    return len(fields(own, handle))


@function("%JSON_ObjectGetFieldName")
def object_get_field_name(own: Functions, handle: int, number: int) -> Any:
    names = list(fields(own, handle))
    return names[number - 1] if 1 <= number <= len(names) else RANGE


@function("%JSON_ObjectRemoveField")
def object_remove_field(own: Functions, handle: int, key: str) -> None:
    fields(own, handle).pop(key, None)


# -- arrays


def put_element(own: Functions, handle: int, number: int, value: Any) -> None:
    target = elements(own, handle)
    if not 1 <= number <= len(target):
        raise Raised(Err.ERR_RANGE_ERROR, f"element {number} of a JSON array of {len(target)}")
    grow(own, weight(value))
    target[number - 1] = value


def append(own: Functions, handle: int, value: Any) -> None:
    target = elements(own, handle)
    if len(target) >= own.site.limit("json_items"):
        raise Raised(Err.ERR_RANGE_ERROR, "the JSON array has as many elements as the limit json_items allows")
    grow(own, weight(value))
    target.append(value)


@function("%JSON_ArraySetValue")
def array_set_value(own: Functions, handle: Any, number: Any, value: Any) -> None:
    if not isinstance(handle, Invalid) and not isinstance(number, Invalid):
        put_element(own, handle, number, documents.as_json(value))


@function("%JSON_ArraySetObject")
def array_set_object(own: Functions, handle: int, number: int, child: int) -> None:
    put_element(own, handle, number, fields(own, child))


@function("%JSON_ArraySetArray")
def array_set_array(own: Functions, handle: int, number: int, child: int) -> None:
    put_element(own, handle, number, elements(own, child))


@function("%JSON_ArrayAppendValue")
def array_append_value(own: Functions, handle: Any, value: Any) -> None:
    if not isinstance(handle, Invalid):
        append(own, handle, documents.as_json(value))


@function("%JSON_ArrayAppendObject")
def array_append_object(own: Functions, handle: int, child: int) -> None:
    append(own, handle, fields(own, child))


@function("%JSON_ArrayAppendArray")
def array_append_array(own: Functions, handle: int, child: int) -> None:
    append(own, handle, elements(own, child))


def element(own: Functions, handle: int, number: int) -> Any:
    target = elements(own, handle)
    return target[number - 1] if 1 <= number <= len(target) else None


@function("%JSON_ArrayGetValue")
def array_get_value(own: Functions, handle: int, number: int) -> Any:
    return given(element(own, handle, number))


@function("%JSON_ArrayGetObject")
def array_get_object(own: Functions, handle: int, number: int) -> int:
    return handle_of(own, element(own, handle, number), dict)


@function("%JSON_ArrayGetArray")
def array_get_array(own: Functions, handle: int, number: int) -> int:
    return handle_of(own, element(own, handle, number), list)


@function("%JSON_ArrayIsValue")
def array_is_value(own: Functions, handle: int, number: int) -> bool:
    return 1 <= number <= len(elements(own, handle)) and is_simple(element(own, handle, number))


@function("%JSON_ArrayIsObject")
def array_is_object(own: Functions, handle: int, number: int) -> bool:
    return isinstance(element(own, handle, number), dict)


@function("%JSON_ArrayIsArray")
def array_is_array(own: Functions, handle: int, number: int) -> bool:
    return isinstance(element(own, handle, number), list)


@function("%JSON_ArrayGetLength")
def array_get_length(own: Functions, handle: int) -> int:
    return len(elements(own, handle))


@function("%JSON_ArraySetLength")
def array_set_length(own: Functions, handle: int, count: int) -> None:
    target = elements(own, handle)
    if not 0 <= count <= own.site.limit("json_items"):
        raise Raised(Err.ERR_RANGE_ERROR, f"length {count} of a JSON array; 0 to json_items = {own.site.limit('json_items')}")
    grow(own, max(0, count - len(target)) * documents.OVERHEAD)
    target[count:] = [None] * (count - len(target))


@function("%JSON_ArrayClear")
def array_clear(own: Functions, handle: int) -> None:
    elements(own, handle).clear()


@function("%JSON_ArrayRemoveItem")
def array_remove_item(own: Functions, handle: int, number: int) -> None:
    target = elements(own, handle)
    if not 1 <= number <= len(target):
        raise Raised(Err.ERR_RANGE_ERROR, f"element {number} of a JSON array of {len(target)}")
    del target[number - 1]
