"""The book of a router (core/c/esl_book.h): requests under way, who waits for whom, what passed without Python."""

from libc.stdint cimport uint32_t, uint64_t

from hisee._core cimport book as c

from typing import NamedTuple

ALL_LANES = 0xFFFFFFFF


class Open(NamedTuple):
    """A request under way: enough to end it when nobody will."""

    kind: int
    lane: int
    object: int
    caller: int
    corr: int
    waits: bool


class Passed(NamedTuple):
    """Messages of one pair of processes in one lane; `since_ms`: system time of the first one."""

    source: int
    target: int
    lane: int
    answer: bool
    messages: int
    bytes: int
    since_ms: int


cdef class Book:
    """Belongs to one router; its data plane writes into it as well, from a thread of its own."""

    def __cinit__(self):
        self._book = c.esl_book_new()
        if self._book == NULL:
            raise MemoryError("no memory for the requests under way")

    def __dealloc__(self):
        if self._book != NULL:
            c.esl_book_free(self._book)

    def __len__(self) -> int:
        return c.esl_book_size(self._book)

    def enter(self, uint32_t caller, uint64_t corr, uint32_t target, unsigned short kind, unsigned char lane, uint32_t object,
              bint waits=False) -> list[int]:
        """Enter a request. Returns [] when it holds, else the numbers that would wait in a circle, the caller first and last."""
        cdef c.esl_open_t o
        cdef c.esl_chain_t circle
        o.caller, o.corr, o.target, o.kind, o.lane, o.object, o.waits = caller, corr, target, kind, lane, object, waits
        status = c.esl_book_enter(self._book, &o, &circle)
        if status == c.ESL_BOOK_CIRCLE:
            return [circle.numbers[at] for at in range(circle.count)]
        if status == c.ESL_BOOK_MEMORY:
            raise MemoryError("no memory for a request under way")
        return []

    def leave(self, uint32_t caller, uint64_t corr) -> bool:
        """The request has ended; False = it was not under way."""
        return c.esl_book_leave(self._book, caller, corr)

    def end(self, uint32_t number) -> list[Open]:
        """A process is gone: what it asked is forgotten; what others asked of it is taken out and returned."""
        cdef c.esl_open_t o
        cdef uint32_t at = 0
        c.esl_book_forget(self._book, number)
        found = []
        while c.esl_book_orphan(self._book, number, &at, &o):
            found.append(Open(o.kind, o.lane, o.object, o.caller, o.corr, o.waits))
        return found

    def count(self, uint32_t target, uint32_t lanes=ALL_LANES) -> int:
        """Requests to it that are under way, in these lanes (a bit each)."""
        return c.esl_book_count(self._book, target, lanes)

    def passed(self) -> list[Passed]:
        """What the data plane has let pass since the last call."""
        cdef c.esl_passed_t p
        found = []
        while c.esl_book_take_passed(self._book, &p):
            found.append(Passed(p.source, p.target, p.lane, p.answer, p.messages, p.bytes, p.since_ms))
        return found
