"""Objects of the system by number and name. The server is asked; these calls run in threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hisee.script.functions.registry import COMMUNICATION, NO_DATA, RANGE, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

# kinds of objects -> numbers of @OTYPE_
KINDS = {"user_variable": 1, "alarm": 6, "historical_value": 7, "structure_definition": 8, "structured_variable": 9, "database": 10,
         "table": 11, "picture": 12, "event": 17, "external_function": 18, "process": 19, "interface": 29}
COLUMN_TYPES = {"BOOL": 1, "INT": 2, "REAL": 3, "TIME": 4, "TEXT": 5, "OBJECT": 7}


def asked(own: Functions, key: str, wanted: Any, answer: Any) -> Any:
    """`answer(row)` of the object whose `key` is this; no such object: invalid, 5; no server: invalid, 6."""
    try:
        rows = own.site.objects()
    except OSError:
        return COMMUNICATION
    row = next((r for r in rows if r[key] == wanted), None)
    return NO_DATA if row is None else answer(row)


def number_of(own: Functions, name: str) -> Any:
    try:
        rows = own.site.objects()
    except OSError:
        return COMMUNICATION
    folded = name.casefold()
    return next((int(r["hbj"]) for r in rows if str(r["name"]).casefold() == folded), 0)


def exists(found: Any) -> Any:
    return found if found is COMMUNICATION else found is not NO_DATA and found != 0


@function("%OpenRefToObject")
def open_ref_to_object(own: Functions, number: int, sync: bool) -> Any:
    """Known or not, the values of an object that exists are followed from here on."""
    found = exists(asked(own, "hbj", number, lambda row: True))
    if found is True:
        try:
            own.site.follow(number)
        except OSError:
            return COMMUNICATION
    return found


@function("%ObjName")
def obj_name(own: Functions, number: int) -> Any:
    return asked(own, "hbj", number, lambda row: str(row["name"]))


@function("%ObjDesc")
def obj_desc(own: Functions, number: int) -> Any:
    """Objects have no description of their own: an empty text."""
    return asked(own, "hbj", number, lambda row: str(row.get("description", "")))


@function("%ObjType")
def obj_type(own: Functions, number: int) -> Any:
    return asked(own, "hbj", number, lambda row: KINDS.get(str(row["kind"]), 0))


@function("%ObjParent")
def obj_parent(own: Functions, number: int) -> Any:
    return asked(own, "hbj", number, lambda row: int(row.get("parent", 0)))


@function("%ObjRows")
def obj_rows(own: Functions, number: int) -> Any:
    return asked(own, "hbj", number, lambda row: int(row.get("rows", 0)))


@function("%ObjCols")
def obj_cols(own: Functions, number: int) -> Any:
    return asked(own, "hbj", number, lambda row: len(row.get("columns", ())))


@function("%ObjFind")
def obj_find(own: Functions, name: str) -> Any:
    return number_of(own, name)


@function("%ObjExists")
def obj_exists(own: Functions, name: str) -> Any:
    return exists(number_of(own, name))


def column(own: Functions, number: int, n: int, at: int) -> Any:
    """Name (at 0) or type (at 1) of column n."""

    def of(row: Any) -> Any:
        columns = row.get("columns", ())
        return columns[n - 1][at] if 1 <= n <= len(columns) else RANGE

    return asked(own, "hbj", number, of)


@function("%ColName")
def col_name(own: Functions, number: int, n: int) -> Any:
    return column(own, number, n, 0)


@function("%ColIndex")
def col_index(own: Functions, number: int, name: str) -> Any:
    folded = name.casefold()

    def of(row: Any) -> int:
        return next((i for i, c in enumerate(row.get("columns", ()), 1) if str(c[0]).casefold() == folded), 0)

    return asked(own, "hbj", number, of)


@function("%ColType")
def col_type(own: Functions, number: int, n: int) -> Any:
    found = column(own, number, n, 1)
    return COLUMN_TYPES.get(found.upper(), 0) if isinstance(found, str) else found


@function("%IsSimul")
def is_simul(own: Functions, number: int) -> Any:
    """No stations exist, so none is simulated."""
    return exists(asked(own, "hbj", number, lambda row: 0))


@function("%ProcState")
def proc_state(own: Functions, number: int) -> Any:
    try:
        running = any(int(row["number"]) == number for row in own.site.processes())
    except OSError:
        return COMMUNICATION
    return 1 if running else asked(own, "hbj", number, lambda row: 0 if row["kind"] == "process" else NO_DATA)
