# Rows of a structure in the form that the machine itself works with; part of values.pyx.
#
# One block per column, so that a buffer, and NumPy behind it, sees a column without a copy. A block moves when rows are added or removed:
# while anybody looks at one, that is refused, as bytearray refuses it.

from cpython.buffer cimport PyBUF_FORMAT
from cpython.bytes cimport PyBytes_AS_STRING

ROOM = 1 << 32  # bytes that one Rows may take
cdef dict FORMATS = {c.ESL_T_BOOL: b"B", c.ESL_T_INT: b"q", c.ESL_T_TIME: b"q", c.ESL_T_OBJECT: b"q", c.ESL_T_REAL: b"d"}


cdef class Rows:
    """A RECORD: `types` of its columns, all cells invalid (reason 1) at first. MemoryError beyond ROOM bytes.

    `column(n)` is a buffer over the cells of a column, in the form of the core: what is invalid has a pattern of its own there (`hisee.arrays`
    reads and makes masks). What is written through it is settled when the rows are encoded. `encode` takes Rows for a Record.
    """

    cdef c.esl_account_t account
    cdef c.esl_struct_t structure
    cdef c.esl_record *record
    cdef bytes kinds
    cdef Py_ssize_t views
    cdef readonly tuple types
    cdef readonly tuple names

    def __cinit__(self, uint32_t structure_hbj, types, uint32_t rows=0, names=()):
        self.types, self.names = tuple(type_of(kind) for kind in types), tuple(names)
        for kind in self.types:
            if kind in (c.ESL_T_NONE, c.ESL_T_RECORD, c.ESL_T_ANY):
                raise ValueError(f"a column cannot be {kind.name}")
        if not 0 < len(self.types) <= c.esl_codec_limits.record_columns or rows > c.esl_codec_limits.record_rows:
            raise ValueError(f"a record of {rows} rows and {len(self.types)} columns")
        if self.names and len(self.names) != len(self.types):
            raise ValueError(f"{len(self.names)} names for {len(self.types)} columns")
        self.kinds = bytes(self.types)
        self.structure.hbj, self.structure.columns = structure_hbj, <uint16_t>len(self.types)
        self.structure.types = <const uint8_t *>PyBytes_AS_STRING(self.kinds)
        self.account.used, self.account.limit = 0, ROOM
        self.record = c.esl_record_new(&self.account, &self.structure, rows)
        if self.record == NULL:
            raise MemoryError(f"no memory for {rows} rows")

    def __dealloc__(self):
        if self.record != NULL:
            c.esl_record_drop(self.record)

    @staticmethod
    def of(record, names=()):
        """The same rows as a Record has them."""
        rows = Rows(record.structure_hbj, record.types, record.rows, names)
        for at, cells in enumerate(record.columns):
            for row, value in enumerate(cells):
                rows.set(row, at, value)
        return rows

    @property
    def structure_hbj(self):
        return self.structure.hbj

    @property
    def rows(self):
        return (<c.esl_record_t *>self.record).rows

    def __len__(self):
        return (<c.esl_record_t *>self.record).rows

    @property
    def memory_bytes(self):
        return self.account.used

    cdef int _place(self, Py_ssize_t row, Py_ssize_t column) except -1:
        if not (0 <= row < self.rows and 0 <= column < len(self.types)):
            raise IndexError(f"there is no cell {row}, {column}: {self.rows} rows, {len(self.types)} columns, both counted from 0")
        return 0

    def number(self, column):
        """Number of a column by its name (any case) or number. KeyError, IndexError."""
        if isinstance(column, str):
            for at, name in enumerate(self.names):
                if name.casefold() == column.casefold():
                    return at
            raise KeyError(f"there is no column {column}; there are {', '.join(self.names)}")
        if not 0 <= column < len(self.types):
            raise IndexError(f"there is no column {column}: {len(self.types)} columns, counted from 0")
        return column

    def get(self, row, column):
        """A cell, row and column from 0; Invalid where it is invalid."""
        self._place(row, column)
        return slot_object(self.kinds[column], c.esl_record_get(self.record, row, column))

    def set(self, row, column, value):
        """Write a cell: converted to the column's type, None is invalid with reason 5."""
        cdef c.esl_slot_t slot
        cdef int kind
        self._place(row, column)
        kind = self.kinds[column]
        slot = invalid_slot(kind, c.ESL_NO_DATA_REASON if value is None else c.ESL_CONVERSION)
        if kind == c.ESL_T_TEXT:
            self._text(value, &slot)
        elif value is not None and not isinstance(value, str):
            own = natural(value, &slot)
            slot = c.esl_settle(kind, c.esl_convert(own, slot, kind))
        c.esl_record_set(self.record, row, column, slot)

    cdef int _text(self, object value, c.esl_slot_t *slot) except -1:
        cdef Py_ssize_t size = 0
        cdef const char *utf8 = NULL
        if isinstance(value, Invalid):
            slot[0] = invalid_slot(c.ESL_T_TEXT, value.reason)
        elif isinstance(value, str):
            utf8 = utf8_of(value, &size)
        if utf8 != NULL:
            slot[0].t = c.esl_text_new(&self.account, utf8, size)
            if slot[0].t == NULL:
                raise MemoryError(f"text of {size} bytes")
        return 0

    def redim(self, uint32_t rows):
        """Change the number of rows; new ones are invalid. BufferError while a column is looked at, ValueError beyond the limit."""
        if self.views:
            raise BufferError(f"{self.views} views look at these rows, which would move: let go of the arrays first, or take copies")
        if rows > c.esl_codec_limits.record_rows:
            raise ValueError(f"a record has at most {c.esl_codec_limits.record_rows} rows, not {rows}")
        if not c.esl_record_redim(self.record, rows):
            raise MemoryError(f"no memory for {rows} rows")

    def column(self, column):
        """A writable buffer over one column; TypeError for TEXT, whose cells lie elsewhere."""
        return Column(self, self.number(column))

    def to_record(self):
        """A copy as lists of Python values."""
        columns = [[self.get(row, at) for row in range(self.rows)] for at in range(len(self.types))]
        return Record(self.structure.hbj, self.types, columns)


cdef class Column:
    """The cells of one column. Keeps its rows alive."""

    cdef readonly Rows owner
    cdef readonly object type
    cdef Py_ssize_t at, shape, stride

    def __cinit__(self, Rows owner not None, Py_ssize_t at):
        self.owner, self.at, self.type = owner, at, owner.types[at]
        if self.type == c.ESL_T_TEXT:
            raise TypeError(f"column {at} holds texts: read them with get, or all with to_record")

    def __len__(self):
        return self.owner.rows

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        cdef c.esl_record_t *record = <c.esl_record_t *>self.owner.record
        self.shape, self.stride = record.rows, 1 if self.type == c.ESL_T_BOOL else 8
        buffer.buf, buffer.obj, buffer.len, buffer.readonly = record.column[self.at], self, self.shape * self.stride, 0
        buffer.itemsize, buffer.ndim, buffer.shape, buffer.strides = self.stride, 1, &self.shape, &self.stride
        buffer.suboffsets, buffer.internal, buffer.format = NULL, NULL, NULL
        if flags & PyBUF_FORMAT:
            buffer.format = <char *>PyBytes_AS_STRING(FORMATS[self.type])
        self.owner.views += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self.owner.views -= 1


cdef int put_rows(c.esl_buffer_t *out, Rows rows) except -1:
    cdef c.esl_value_t value
    cdef c.esl_slot_t slot
    slot.rec = rows.record
    fill(&value, c.ESL_T_RECORD, slot, c.esl_int_inv(c.ESL_UNDEFINED), 0)
    return check(c.esl_put_value(out, &value))


cdef list types_of(c.esl_reader_t *reader, c.esl_item_t *item):
    """Types of the columns that follow; the reader stands where it stood."""
    cdef size_t begin = reader.offset
    cdef const uint8_t *block = NULL
    cdef c.esl_type type = c.ESL_T_NONE
    types = []
    for _ in range(item.columns):
        sound(c.esl_get_column(reader, item.rows, &type, &block), reader)
        types.append(TYPES[type])
        if type == c.ESL_T_TEXT:
            text_column(reader, item.rows)
    reader.offset = begin
    return types


cdef Rows get_rows(c.esl_reader_t *reader, c.esl_item_t *item):
    """What is foreign in a block becomes a reason on the way (V1)."""
    cdef const uint8_t *block = NULL
    cdef c.esl_type type = c.ESL_T_NONE
    cdef uint32_t row, column
    cdef Rows rows = Rows(item.hbj, types_of(reader, item), item.rows)
    for column in range(item.columns):
        sound(c.esl_get_column(reader, item.rows, &type, &block), reader)
        if type == c.ESL_T_TEXT:
            for row, value in enumerate(text_column(reader, item.rows)):
                rows.set(row, column, value)
        else:
            for row in range(item.rows):
                c.esl_record_set(rows.record, row, column, c.esl_block_slot(type, block, row))
    return rows
