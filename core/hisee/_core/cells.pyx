"""The table of object values of one process: KNL's own, or a replica. Used by one thread at a time, under the interpreter lock."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport NAN
from libc.stdlib cimport free, malloc

include "pyvalues.pxi"

DEFAULT_LIMIT = 1 << 32  # bytes


cdef void note(void *context, int64_t ref) noexcept with gil:
    (<list>context).append(ref_object(ref))


cdef int found(int error, int64_t ref) except -1:
    """Errors of a table: KeyError unknown object, IndexError no such row or column, TypeError another structure."""
    if error == 0:
        return 0
    place = ref_object(ref)
    if error == c.ESL_ERR_OBJECT_NOT_FOUND:
        raise KeyError(place.object)
    if error == c.ESL_ERR_RANGE_ERROR:
        raise IndexError(f"{place} is outside the object")
    if error == c.ESL_ERR_MEMORY:
        raise MemoryError("the memory limit of the table is reached")
    raise TypeError(f"{place}: another structure")


cdef object cell_object(const c.esl_cell_t *cell):
    last = None
    if cell.type != c.ESL_T_TEXT or not c.esl_text_invalid(cell.value.t):
        last = slot_object(cell.type, cell.value)
    value = Invalid(cell.reason, cell.type) if cell.reason else last
    known = cell.change != 0 or not c.esl_int_invalid(cell.time)
    time = None if c.esl_int_invalid(cell.time) else cell.time
    return Cell(value, TYPES[cell.type], cell.reason, time, cell.weak != 0, cell.change, last if known else None, cell.flags,
                cell.limit - 1 if cell.limit else None)


cdef class CellTable:
    """Objects by number, each with its cells. `limit_bytes` bounds the memory of all of them (MemoryError)."""

    def __cinit__(self, int64_t limit_bytes=DEFAULT_LIMIT):
        self.table = c.esl_cells_new(limit_bytes)
        if self.table == NULL:
            raise MemoryError("no memory for a table of values")

    def __dealloc__(self):
        c.esl_cells_free(self.table)

    def define(self, uint32_t hbj, type, uint32_t rows=0, columns=()):
        """Make an object known: a simple `type`, or "RECORD" with `rows` and the types of its `columns`.

        The same shape again keeps the values, another one starts afresh. ValueError when there is no such shape.
        """
        cdef bytes types = bytes([type_of(column) for column in columns])
        cdef int kind = type_of(type)
        cdef int error = c.esl_cells_define(self.table, hbj, kind, rows, <const uint8_t *>types, <uint16_t>min(len(types), 65535))
        if error == c.ESL_ERR_RANGE_ERROR:
            raise ValueError(f"object {hbj} cannot be {type} with {rows} rows and {len(types)} columns")
        found(error, hbj)

    def limits(self, uint32_t hbj, vll=None, ll=None, hl=None, vhl=None):
        """Limits of a simple object, None = not given; they count from its next value on. Others have none."""
        cdef double given[4]
        for i, limit in enumerate((vll, ll, hl, vhl)):
            given[i] = NAN if limit is None else limit
        c.esl_cells_limits(self.table, hbj, given)

    def forget(self, uint32_t hbj):
        """Remove an object; unknown ones are fine."""
        c.esl_cells_forget(self.table, hbj)

    def has(self, uint32_t hbj):
        cdef c.esl_shape_t shape
        return c.esl_cells_shape(self.table, hbj, &shape)

    def __contains__(self, hbj):
        return self.has(hbj)

    def shape(self, uint32_t hbj):
        """(type, rows, types of the columns, change number of the shape) of an object. KeyError."""
        cdef c.esl_shape_t shape = shape_of(self, hbj)
        return TYPES[shape.type], shape.rows, tuple(TYPES[shape.types[i]] for i in range(shape.columns)), shape.change

    def dim(self, uint32_t hbj):
        """Rows of an object; 1 for a simple one. KeyError."""
        return shape_of(self, hbj).rows

    def redim(self, uint32_t hbj, uint32_t rows):
        """Change the rows of a structured object; new ones are invalid. KeyError, TypeError for a simple one."""
        found(c.esl_cells_redim(self.table, hbj, rows), hbj)

    def insert_rows(self, uint32_t hbj, uint32_t before, uint32_t count):
        """Invalid rows before row `before` (from 1; one more than there are = behind the last). KeyError, TypeError for a simple object,
        IndexError: no such row, or too many."""
        found(c.esl_cells_insert(self.table, hbj, before, count), hbj)

    def delete_rows(self, uint32_t hbj, uint32_t first, uint32_t count):
        """Take rows out; later ones move up, at least one stays. KeyError, TypeError for a simple object, IndexError."""
        found(c.esl_cells_delete(self.table, hbj, first, count), hbj)

    def set(self, ref, value, time_ms=None, weak=False, uint64_t change=0, uint16_t flags=0):
        """Write and return the change number: the table's next one, or `change` where another table counts.

        `ref` is a Ref, a tuple or an object number. The value is converted to the cell's type; None is invalid, reason 5.
        A Record writes a whole structured object or one row, without user flags. `flags`: user flags, bit 0 = A.
        KeyError, IndexError, TypeError, MemoryError.
        """
        return store(self, ref, value, time_ms, weak, change, flags)

    def put(self, ref, value, time_ms=None, weak=False):
        """A replica's own write: applied at once, the cell keeps its change number until the owner answers."""
        store(self, ref, value, time_ms, weak, c.ESL_CELLS_LOCAL, 0)

    def get(self, ref):
        """Cell of a reference; Record for a whole structured object (row 0) or one row of it. KeyError, IndexError."""
        cdef int64_t where = ref_of(ref)
        cdef const c.esl_cell_t *cell = NULL
        cdef uint32_t hbj = c.esl_ref_object(where)
        if c.esl_ref_column(where) == 0 and shape_of(self, hbj).type == c.ESL_T_RECORD:
            return record_of(self, hbj, c.esl_ref_row(where))
        found(c.esl_cells_find(self.table, where, &cell), where)
        return cell_object(cell)

    def changes(self, refs, bint flags=True):
        """Payload of VALUES with the state of these references; an object number or row and column 0 = the whole object.
        flags=False: without user flags, for a reader of protocol 1.4 and below."""
        cdef c.esl_buffer_t out
        cdef uint32_t count = len(refs), index
        cdef int64_t *wanted = <int64_t *>malloc((count + 1) * 8)
        if wanted == NULL:
            raise MemoryError("no memory for a list of references")
        out.account, out.data, out.length, out.capacity = NULL, NULL, 0, 0
        try:
            for index in range(count):
                wanted[index] = ref_of(refs[index])
            check(c.esl_cells_write(self.table, wanted, count, flags, &out))
            return PyBytes_FromStringAndSize(<const char *>out.data, out.length)
        finally:
            free(wanted)
            c.esl_buffer_free(&out)

    def snapshot(self, objects, bint flags=True):
        """Payload of VALUES with whole objects; unknown ones are left out."""
        return self.changes([Ref(number) for number in objects], flags)

    def apply(self, data):
        """Take such a payload into this replica; returns the references that changed. ValueError for malformed bytes."""
        cdef const uint8_t[::1] view = memoryview(data).cast("B") if not isinstance(data, bytes) else data
        changed = []
        if len(view) == 0:
            return changed
        error = c.esl_cells_apply(self.table, &view[0], len(view), note, <void *>changed)
        if error == c.ESL_CODEC_MALFORMED:
            raise ValueError("malformed payload of values")
        check(error)
        return changed

    def leap(self, uint64_t floor):
        """From now on this table counts, from `floor` on: its cells get that number, so that replicas which followed another owner take
        them. Nothing happens when it counted further already."""
        c.esl_cells_leap(self.table, floor)

    @property
    def last_change(self):
        return c.esl_cells_last_change(self.table)

    @property
    def memory_bytes(self):
        return c.esl_cells_used(self.table)


cdef c.esl_shape_t shape_of(CellTable self, uint32_t hbj) except *:
    cdef c.esl_shape_t shape
    if not c.esl_cells_shape(self.table, hbj, &shape):
        raise KeyError(hbj)
    return shape


cdef uint64_t store_simple(CellTable self, int64_t ref, object value, int64_t time, bint weak, uint64_t change, uint16_t flags) except? 0:
    cdef c.esl_value_t v
    cdef c.esl_account_t lent
    cdef uint64_t given = 0
    cdef Py_ssize_t size = 0
    cdef const char *utf8 = NULL
    lent.used, lent.limit = 0, 1 << 40
    fill(&v, c.ESL_T_TEXT, invalid_slot(c.ESL_T_TEXT, c.ESL_NO_DATA_REASON if value is None else c.ESL_CONVERSION), time, weak)
    if isinstance(value, str):
        utf8 = utf8_of(value, &size)
        if utf8 != NULL:
            v.value.t = c.esl_text_new(&lent, utf8, size)
            if v.value.t == NULL:
                raise MemoryError(f"text of {size} bytes")
    elif value is not None:
        v.type = natural(value, &v.value)
    v.flags = flags
    error = c.esl_cells_set(self.table, ref, &v, change, &given)
    if utf8 != NULL:
        c.esl_text_drop(v.value.t)
    found(error, ref)
    return given


cdef uint64_t store_record(CellTable self, int64_t ref, object record, int64_t time, bint weak, uint64_t change) except? 0:
    """Cell by cell; all get one change number. The whole object takes the record's rows, one row its first row."""
    cdef uint32_t hbj = c.esl_ref_object(ref), row = c.esl_ref_row(ref)
    cdef c.esl_shape_t shape = shape_of(self, hbj)
    if shape.type != c.ESL_T_RECORD or c.esl_ref_column(ref) or [shape.types[i] for i in range(shape.columns)] != record.types:
        raise TypeError(f"{ref_object(ref)}: another structure")
    if row > shape.rows or (row and record.rows == 0):
        raise IndexError(f"{ref_object(ref)} is outside the object")
    if row == 0 and record.rows != shape.rows:
        self.redim(hbj, record.rows)
    given = c.esl_cells_last_change(self.table) + 1 if change == 0 else change
    for index in range(1 if row else record.rows):
        for column, cells in enumerate(record.columns):
            target = c.esl_ref_make(hbj, row if row else index + 1, column + 1)
            store_simple(self, target, cells[index], time, weak, given, 0)
    return given


cdef uint64_t store(CellTable self, object where, object value, object time_ms, bint weak, uint64_t change, uint16_t flags) except? 0:
    cdef int64_t ref = ref_of(where), time
    if isinstance(value, Stamped):
        time_ms = value.time_ms if time_ms is None else time_ms
        weak, value = weak or value.weak, value.value
    time = time_slot(time_ms)
    if isinstance(value, Record):
        return store_record(self, ref, value, time, weak, change)
    return store_simple(self, ref, value, time, weak, change, flags)


cdef object record_of(CellTable self, uint32_t hbj, uint32_t row):
    cdef c.esl_shape_t shape = shape_of(self, hbj)
    cdef const c.esl_cell_t *cell = NULL
    if row > shape.rows:
        raise IndexError(f"object {hbj} has {shape.rows} rows, not {row}")
    columns = []
    for column in range(shape.columns):
        cells = []
        for index in range(row or 1, (row or shape.rows) + 1):
            c.esl_cells_find(self.table, c.esl_ref_make(hbj, index, column + 1), &cell)
            cells.append(Invalid(cell.reason, cell.type) if cell.reason else slot_object(cell.type, cell.value))
        columns.append(cells)
    return Record(hbj, [TYPES[shape.types[i]] for i in range(shape.columns)], columns)
