# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Checking the database actions. `db[n]` keeps which operand is what, for the code generator."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.checker_expr import ExpressionChecker
from hisee.esl.front.nodes import TYPE_NAMES
from hisee.esl.front.symbols import Place
from hisee.esl.front.words import DB_ORDER

# operands between table or handle and return code; "?" is optional
SHAPES = {
    "db_connect": ("table", "access", "handle>", "rc"), "db_disconnect": ("handle",), "db_read": ("handle", "row", "rc", "max?"),
    "dbs_read": ("table", "row", "rc", "max?"), "dbs_insert": ("table", "row", "rc"), "dbs_update": ("table", "row", "rc"),
    "dbs_delete": ("table", "row", "rc"), "dbs_delete_where": ("table", "rc"),
}
SYNTAX = {
    "db_connect": "table, access, _handle, _rc", "db_disconnect": "_handle", "db_read": "_handle, row, _rc [, max]",
    "dbs_read": "table, row, _rc [, max]", "dbs_insert": "table, row, _rc", "dbs_update": "table, row, _rc",
    "dbs_delete": "table, row, _rc", "dbs_delete_where": "table, _rc WHERE ..",
}
LEAST = {word: sum("?" not in role for role in shape) for word, shape in SHAPES.items()}
CONDITIONAL = ("db_read", "dbs_read", "dbs_update", "dbs_delete")


class DbAction:
    """One database action: its operands by name, the mode (0 row, 1 record), the condition."""

    def __init__(self, name: str, where: int, binds: list[int]) -> None:
        self.name = name
        self.operands: dict[str, int] = {}
        self.mode = 0
        self.where = where
        self.binds = binds


class DatabaseChecker(ExpressionChecker):
    def prepare(self) -> None:
        ExpressionChecker.prepare(self)
        self.db: dict[int, DbAction] = {}

    def out(self, node: int, kind: int) -> Place | None:
        raise NotImplementedError

    def is_row(self, place: Place) -> bool:
        return place.kind == K.P_ROW or place.kind == K.P_CELL and not place.whole

    def same_structure(self, node: int, left: Place, right: Place) -> bool:
        raise NotImplementedError

    def database(self, node: int) -> None:
        tree = self.tree
        word = DB_ORDER[tree.a[node]]
        action = DbAction(word, tree.c[node], tree.items(tree.d[node]))
        if word == "dbs_delete" and action.where >= 0:
            action.name = "dbs_delete_where"
        shape, given = SHAPES[action.name], tree.items(tree.b[node])
        if not LEAST[action.name] <= len(given) <= len(shape):
            self.error("ESL2007", node, name=word.upper(), wanted=f"`{SYNTAX[action.name]}`",
                       found=f"{len(given)} operand" + "s" * (len(given) != 1))
            return
        for at in range(len(given)):
            self._operand(action, shape[at], given[at])
        self._condition_of(node, word, action)
        self._structures(node, action)
        self.db[node] = action

    def _operand(self, action: DbAction, role: str, node: int) -> None:
        action.operands[role.rstrip("?>")] = node
        if role == "table":
            self._table(node)
        elif role == "row":
            self._row(action, node)
        elif role in ("rc", "handle>"):
            self.out(node, K.V_INT)
        else:
            self.convertible(node, self.check(node), K.V_INT)

    def _table(self, node: int) -> None:
        place = self.place(node)
        if place is not None and place.kind != K.P_CELL:
            self.error("ESL3002", node, wanted="a table", found=place.shown())

    def _row(self, action: DbAction, node: int) -> None:
        place = self.place(node)
        if place is None:
            return
        if place.type != K.V_RECORD or place.kind == K.P_COLUMN:
            self.error("ESL3002", node, wanted="a row or structure", found=TYPE_NAMES[place.type])
            return
        action.mode = int(not self.is_row(place))

    def _condition_of(self, node: int, word: str, action: DbAction) -> None:
        if action.where < 0:
            return
        if word not in CONDITIONAL:
            self.error("ESL1001", action.where, wanted="the end of the line", found="`WHERE`")
        self.convertible(action.where, self.check(action.where), K.V_TEXT)
        for bind in action.binds:
            kind = self.check(bind)
            place = self.place_known(bind)
            if kind == K.V_RECORD and (place is None or not self.is_row(place) or len(action.binds) > 1):
                self.error("ESL3002", bind, wanted="values, or one row", found="a structure")
            elif kind != K.V_RECORD:
                self.convertible(bind, kind, K.V_ANY)

    def _structures(self, node: int, action: DbAction) -> None:
        """The record must have the table's structure, where both are known."""
        if "table" not in action.operands or "row" not in action.operands:
            return
        table, row = self.place_known(action.operands["table"]), self.place_known(action.operands["row"])
        if table is not None and row is not None:
            self.same_structure(node, table, row)
        if action.mode == 0 and "max" in action.operands:
            self.error("ESL3002", action.operands["row"], wanted="a whole structure for several rows", found="a row")
