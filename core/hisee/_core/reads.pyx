"""Reads of a table that come again and again: from the bytes of the request to those of the reply, around one statement.

A request is known again by its bytes up to the bound values. Everything that the first one needed (handle, table, rights, text of the
statement, limits) is kept with them as a Read. What does not fit a Read exactly is left to hisee.data.lane, which knows all requests.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

include "pyvalues.pxi"

from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hisee._core.values cimport get, put_column

import time

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1

cdef enum:
    ACTION = 2  # bytes of the action's number
    NAMED = 5  # values before the bound ones: mode, table, rows wanted, condition, count of bound values
    MOST = 512  # reads kept


cdef class Read:
    """What a request of this form does.

    owner      the only process that may ask so; 0 = any
    database   hisee.data.database.Database; `generation` is its one when this was made
    most       rows to fetch; more than `ceiling` are cut and told by the code `cut`
    readers    of each column: what makes a value of a cell that the codec does not take as it is
    """

    def __init__(self, uint32_t owner, database, table, str text, Py_ssize_t marks, Py_ssize_t most, Py_ssize_t ceiling,
                 uint32_t structure, kinds, readers, codes):
        self.owner, self.database, self.generation, self.table, self.text = owner, database, database.generation, table, text
        self.marks, self.most, self.ceiling, self.structure = marks, most, ceiling, structure
        self.kinds, self.readers, self.codes = bytes(kinds), tuple(readers), tuple(codes)
        self.by_system = database.now_ns is time.monotonic_ns

    cdef list rows(self, list values, int64_t *service_ns):
        """Raises what Database makes of a fault of the engine."""
        cdef object database = self.database
        cdef int64_t begun = self.now_ns()
        database.started_ns = begun
        try:
            cursor = database.db.execute(self.text, values)
            rows = cursor.fetchmany(self.most)
            cursor.close()
        except Exception as error:
            raise database.told(self.table, error, self.now_ns() - begun) from error
        service_ns[0] = self.now_ns() - begun
        return rows

    cdef int64_t now_ns(self) except -1:
        cdef timespec now
        if not self.by_system:
            return self.database.now_ns()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec

    cdef int put(self, c.esl_buffer_t *out, list rows) except -1:
        """The reply list: the record and the code."""
        cdef Py_ssize_t at
        cdef c.esl_value_t code
        cdef c.esl_slot_t slot
        ok, nothing, cut = self.codes
        slot.i = ok if rows else nothing
        if len(rows) > self.ceiling:
            del rows[self.ceiling:]
            slot.i = cut
        check(c.esl_put_count(out, 2))
        check(c.esl_put_record_head(out, self.structure, <uint32_t>len(rows), <uint16_t>len(self.kinds), c.ESL_T_ANY in self.kinds))
        for at in range(len(self.kinds)):
            self.put_column(out, at, rows)
        fill(&code, c.ESL_T_INT, slot, c.esl_int_inv(c.ESL_UNDEFINED), 0)
        return check(c.esl_put_value(out, &code))

    cdef int put_column(self, c.esl_buffer_t *out, Py_ssize_t at, list rows) except -1:
        """One row of plain cells without what the codec asks of any value."""
        cdef int kind = self.kinds[at]
        cdef uint8_t byte = <uint8_t>kind
        cdef c.esl_slot_t slot
        cdef Py_ssize_t size = 0
        cdef int over = 0
        cdef const char *utf8
        if len(rows) != 1:
            return put_column(out, kind, self.cells(rows, at))
        value = (<tuple>rows[0])[at]
        if kind == c.ESL_T_TEXT and type(value) is str:
            utf8 = utf8_of(value, &size)
            if utf8 != NULL and size < 0x7fffff00:
                check(c.esl_buffer_put(out, &byte, 1))
                return check(c.esl_put_text_cell(out, utf8, <uint32_t>size, 0))
        elif kind == c.ESL_T_INT and type(value) is int:
            slot.i = PyLong_AsLongLongAndOverflow(value, &over)
            if not over and slot.i >= c.ESL_INT_MIN:
                return self.put_cell(out, kind, slot)
        elif kind == c.ESL_T_REAL and type(value) is float:
            slot.r = value
            return self.put_cell(out, kind, c.esl_settle(kind, slot))
        return put_column(out, kind, self.cells(rows, at))

    cdef int put_cell(self, c.esl_buffer_t *out, uint8_t kind, c.esl_slot_t slot) except -1:
        check(c.esl_buffer_put(out, &kind, 1))
        return check(c.esl_buffer_put(out, &slot, 8))

    cdef list cells(self, list rows, Py_ssize_t at):
        cdef int kind = self.kinds[at]
        cdef list cells = []
        for row in rows:
            value = (<tuple>row)[at]
            cells.append(value if plain(kind, value) else self.readers[at](value))
        return cells


cdef bint plain(int kind, object value):
    """Does the codec take this cell of a table as it is?"""
    if value is None:
        return True
    if kind == c.ESL_T_TEXT:
        return type(value) is str
    if kind == c.ESL_T_INT or kind == c.ESL_T_REAL or kind == c.ESL_T_BOOL:
        return type(value) is int or type(value) is float or type(value) is str
    return False


cdef class Reads:
    """`answer` gives the reply to a request that is known again, None for any other; `keep` makes one known."""

    def __init__(self, int data, int reply, failed):
        """Kinds of the messages that ask and answer; `failed(message, error)` makes the reply where the statement failed, or raises."""
        self._known, self._data, self._reply, self._failed = {}, data, reply, failed

    def keep(self, Message message not None, read) -> None:
        key = self._key(message, [])
        if key is not None:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[key] = read

    def forget(self) -> None:
        """A handle ended: nothing is known any more."""
        self._known.clear()

    cdef bytes _key(self, Message message, list values):
        """The bytes before the bound values; these to `values`. None: no request of this form."""
        cdef c.esl_reader_t reader
        cdef c.esl_item_t item
        cdef uint32_t count = 0
        cdef int at
        cdef const char *begin
        if message.kind != self._data or not PyBytes_CheckExact(message.payload) or PyBytes_GET_SIZE(message.payload) <= ACTION:
            return None
        begin = PyBytes_AS_STRING(message.payload)
        reader.data, reader.length, reader.offset = <const uint8_t *>begin + ACTION, PyBytes_GET_SIZE(message.payload) - ACTION, 0
        reader.limits = &c.esl_codec_limits
        if c.esl_get_count(&reader, &count) or count < NAMED:
            return None
        for at in range(NAMED):
            if c.esl_get_item(&reader, &item) or item.type == c.ESL_T_RECORD:
                return None
        key = PyBytes_FromStringAndSize(begin, ACTION + reader.offset)
        try:
            for at in range(NAMED, <int>count):
                values.append(get(&reader, False))
        except ValueError:
            return None
        return key if reader.offset == reader.length else None

    cpdef Message answer(self, Message message):
        cdef list values = []
        cdef Read read
        cdef head_t head
        cdef int64_t service_ns = 0
        key = self._key(message, values) if message.wants_answer else None
        read = self._known.get(key) if key is not None else None
        if read is None or not self._fits(read, message, values):
            return None
        try:
            rows = read.rows(values, &service_ns)
        except Exception as error:
            return self._failed(message, error)
        head.service_ns, head.extended, head.engine_code, head.text_bytes = service_ns, 0, 0, 0
        try:
            payload = self._payload(read, rows, &head)
        except (TypeError, ValueError):
            return None  # said in full by who knows all requests
        return self._message(message, payload)

    cdef bint _fits(self, Read read, Message message, list values) except -1:
        cdef Py_ssize_t at
        if read.owner and read.owner != message.source or len(values) != read.marks:
            return False
        for at in range(len(values)):
            kind = type(values[at])
            if kind is not int and kind is not str and kind is not float and kind is not bool:
                return False
        return read.database.db is not None and read.generation == read.database.generation

    cdef bytes _payload(self, Read read, list rows, head_t *head):
        cdef c.esl_buffer_t out
        out.account, out.data, out.length, out.capacity = NULL, NULL, 0, 0
        try:
            check(c.esl_buffer_put(&out, head, sizeof(head_t)))
            read.put(&out, rows)
            return PyBytes_FromStringAndSize(<const char *>out.data, out.length)
        finally:
            c.esl_buffer_free(&out)

    cdef Message _message(self, Message request, bytes payload):
        cdef Message m = Message.__new__(Message)
        m.kind, m.lane, m.source, m.target = self._reply, request.lane, request.target, request.source
        m.object, m.corr, m.payload = request.object, request.corr, payload
        return m
