# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Nodes of the syntax tree: rows over int arrays (kind, start, end and four operands), lists of nodes in one pool.

A node is its row's number. Operands by kind (n = node, l = list, name = interned name, -1 = absent):

    expressions  INT REAL TEXT (literal)   AT(name)  LOCAL(name)  OBJECT(name)  PAREN(n)  UNARY(op, n)  BINARY(op, n, n)
                 INDEX(n, n)  COLUMN(n, name)  ATTR(n, name)  FUNC(name, l)  BAD
    declarations DECL(type, l of VAR, flags)  VAR(name, value)  TYPE(type, structure name, noalias)
                 PROC(name, l of PARAM, l of items, flags)  PARAM(type, name, mode)  LABEL(name)
    units        UNIT(name of the unit event, l of names)  IMPLEMENTS(name of the interface)
    calls        CALL_OBJECT(result n, object n, l of arguments, l of [procedure name, flags, interface name, process n, instance n,
                 priority n, conversation n])  CALL_UNIT(name of the unit variable, name of the procedure, l of arguments)
    events       EVENT(event n, l of names, l of values, l of [flags, priority n])  OPENEVENT(event n, process n, instance n, flags)
                 CLOSE(object n, process n, instance n, flags)  COMMAND(result n, text n, process n, instance n)
    locks        GETACCESS(result n, name n, l of [public, holder n, note n])  RELEASEACCESS(name n, public)
    actions      WAIT_FOR(condition n, seconds n, unit, variable n); for the others see the parser function of the same name
"""

from __future__ import annotations

from hisee.esl.front.rows import doubled, zeros

TYPE_NAMES = ("nothing", "BOOL", "INT", "REAL", "TIME", "TEXT", "RECORD", "an object", "a value of any type")
LETTERS = "?BIRMTCOA"
ROOM = 64  # items of open lists
EVENT_VALUES = 10  # most PUBLIC locals that one EVENT hands over


class Tree:
    """The rows, the pool of lists, and what the parser says of the whole script. Rows from `count` on are spare and zero; `room`: how
    many there are before they must grow."""

    def __init__(self, room: int) -> None:
        self.count = 0
        self.kind, self.start, self.end = zeros(room), zeros(room), zeros(room)
        self.a, self.b, self.c, self.d = zeros(room), zeros(room), zeros(room), zeros(room)
        self.pooled = 0
        self.pool = zeros(room)
        self.waiting = 0
        self._waiting = zeros(ROOM)  # items of lists that are being read, inner ones behind outer ones
        self.globals: list[int] = []  # DECL nodes of the script
        self.procedures: list[int] = []  # PROC nodes
        self.init: list[int] = []  # items of the init part
        self.units: list[int] = []  # UNIT nodes
        self.implements: list[int] = []  # IMPLEMENTS nodes

    def add(self, kind: int, start: int, end: int, a: int = -1, b: int = -1, c: int = -1, d: int = -1) -> int:
        node = self.count
        if node == len(self.kind):
            self._grow()
        self.kind[node] = kind
        self.start[node] = start
        self.end[node] = end
        self.a[node] = a
        self.b[node] = b
        self.c[node] = c
        self.d[node] = d
        self.count = node + 1
        return node

    def _grow(self) -> None:
        self.kind, self.start, self.end = doubled(self.kind), doubled(self.start), doubled(self.end)
        self.a, self.b, self.c, self.d = doubled(self.a), doubled(self.b), doubled(self.c), doubled(self.d)

    def pack(self, items: list[int]) -> int:
        """Store a list; the answer is its number: where its length stands in the pool, its items behind that."""
        number = self.pooled
        self.pooled = number + 1 + len(items)
        while self.pooled > len(self.pool):
            self.pool = doubled(self.pool)
        self.pool[number] = len(items)
        for at, item in enumerate(items, number + 1):
            self.pool[at] = item
        return number

    def wait(self, item: int) -> None:
        """An item of the list that is being read; pack_from() stores that from the place where `waiting` stood when it began."""
        if self.waiting == len(self._waiting):
            self._waiting = doubled(self._waiting)
        self._waiting[self.waiting] = item
        self.waiting += 1

    def pack_from(self, first: int) -> int:
        """As pack(), of the items that have been waiting since `first`."""
        number, count = self.pooled, self.waiting - first
        self.pooled = number + 1 + count
        while self.pooled > len(self.pool):
            self.pool = doubled(self.pool)
        self.pool[number] = count
        for at in range(count):
            self.pool[number + 1 + at] = self._waiting[first + at]
        self.waiting = first
        return number

    def items(self, number: int) -> list[int]:
        """A stored list; -1 is an empty one."""
        return [self.pool[at] for at in range(self.first(number), self.behind(number))]

    def first(self, number: int) -> int:
        """Where the items of a list begin in the pool."""
        return number + 1

    def behind(self, number: int) -> int:
        """Where they end."""
        return number + 1 + self.pool[number] if number >= 0 else 0
