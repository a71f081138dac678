"""Lists of objects: LST_CREATE, LST_GO_NEXT, LST_GO_PREV, LST_DESTROY. A list is what the system had when it was made; pages of it go
into records of the script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import translate
from re import IGNORECASE, compile
from typing import TYPE_CHECKING, Any

from hisee.schema.errors import Err
from hisee.script.functions.on_objects import KINDS
from hisee.script.functions.registry import Raised
from hisee.values import Invalid, Reason, Record, Ref, Type

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

MOST_LINES = 1000
NO_RELATION, NOT_USED, CHILD, PARENT, USES, USED_BY = range(6)
SHORT = [Type.INT, Type.TEXT, Type.TEXT, Type.INT, Type.INT, Type.INT, Type.INT]
SHAPES = (SHORT, [*SHORT, Type.TIME, Type.TEXT])
Rows = list[dict[str, Any]]


@dataclass(slots=True)
class ObjectList:
    """Its rows, how many of them a page has, and where the present page begins."""

    rows: Rows
    lines: int
    at: int = 0

    def go(self, step: int) -> Rows:
        """The page `step` pages on, which becomes the present one; nothing there: no rows, the position stays."""
        to = self.at + step * self.lines
        if not 0 <= to < len(self.rows):
            return []
        self.at = to
        return self.rows[to:to + self.lines]


def create_list(own: Functions, mask: Any, kind: Any, group: Ref, sort: Any, lines: Any, relation: Any, other: Ref,
                data: Record) -> list[Any]:
    """Handle and first page; handle 0: the server does not answer. Raises Raised."""
    for value in (mask, kind, sort, lines, relation):
        if isinstance(value, Invalid):
            raise Raised(Err.ERR_EXPRESSION_STATUS, "LST_CREATE needs valid operands")
    if not 1 <= lines <= MOST_LINES:
        raise Raised(Err.ERR_RANGE_ERROR, f"{lines} lines: a page has 1 to {MOST_LINES}")
    _must_fit(data)
    try:
        rows = own.site.objects()
    except OSError:
        return [0, _page(data, [])]
    found = ObjectList(_sorted(_chosen(rows, mask, kind, group, relation, other), sort), lines)
    return [own.handles.open(found), _page(data, found.go(0))]


def go_list(own: Functions, handle: Any, step: int, data: Record) -> list[Any]:
    """The next or previous page. Raises Raised: _ERR_NO_DATA for an unknown handle."""
    _must_fit(data)
    return [_page(data, own.handles.get(_number(handle), ObjectList).go(step))]


def destroy_list(own: Functions, handle: Any) -> list[Any]:
    own.handles.close(_number(handle), ObjectList)
    return []


def _number(handle: Any) -> int:
    return 0 if isinstance(handle, Invalid) else int(handle)


def _must_fit(data: Record) -> None:
    if data.types not in SHAPES:
        raise Raised(Err.ERR_RECORD_NO_COMP, "a list of objects needs the columns Id INT, Name TEXT, Description TEXT, Type INT, Rows INT, "
                                             "Columns INT, Parent INT, and behind them perhaps ModifyTime TIME, ModifyUser TEXT")


def _chosen(rows: Rows, mask: str, kind: int, group: Ref, relation: int, other: Ref) -> Rows:
    """By name, type, group and relation. There are no logical groups yet: a group that is given has no members."""
    fits = compile(translate(mask.replace("[", "[[]")), IGNORECASE)
    related = _related(rows, relation, other)
    if group.object:
        return []
    return [r for r in rows if fits.match(str(r["name"])) and kind in (0, _type(r)) and (related is None or r["hbj"] in related)]


def _related(rows: Rows, relation: int, other: Ref) -> set[int] | None:
    """Numbers of the objects that stand in that relation; None = all."""
    if relation in (NO_RELATION, NOT_USED):
        return None
    if relation == CHILD:
        return {int(r["hbj"]) for r in rows if int(r.get("parent", 0)) == other.object != 0}
    if relation == PARENT:
        return {int(r.get("parent", 0)) for r in rows if r["hbj"] == other.object}
    if relation in (USES, USED_BY):
        raise Raised(Err.ERR_NOT_SUPPORTED, "what an object uses is not known yet: @REL_CHILD and @REL_PARENT are")
    raise Raised(Err.ERR_RANGE_ERROR, f"relation {relation}: a constant @REL_")


def _type(row: dict[str, Any]) -> int:
    return KINDS.get(str(row["kind"]), -1)


KEYS: dict[int, Callable[[dict[str, Any]], Any]] = {
    1: lambda r: str(r["name"]).casefold(), 2: lambda r: str(r.get("description", "")), 3: _type, 4: lambda r: int(r["hbj"]),
    5: lambda r: 0}  # times of changes are not kept


def _sorted(rows: Rows, sort: int) -> Rows:
    key = KEYS.get(abs(sort))
    if key is None:
        raise Raised(Err.ERR_RANGE_ERROR, f"sort {sort}: a constant @SORT_LIST_, negative = descending")
    return sorted(rows, key=key, reverse=sort < 0)


def _page(data: Record, rows: Rows) -> Record:
    nothing = [Invalid(Reason.NO_DATA, Type.TIME), Invalid(Reason.NO_DATA, Type.TEXT)][:len(data.types) - len(SHORT)]
    cells = [[int(r["hbj"]), str(r["name"]), str(r.get("description", "")), max(0, _type(r)), int(r.get("rows", 0)),
              len(r.get("columns", ())), int(r.get("parent", 0)), *nothing] for r in rows]
    columns = [list(column) for column in zip(*cells, strict=True)] if cells else [[] for _ in data.types]
    return Record(data.structure_hbj, data.types, columns)
