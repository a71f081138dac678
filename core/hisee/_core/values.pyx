"""The value codec for Python: lists of values to bytes and back (docs/design/protocol.md).

Hostile bytes end in ValueError, never in a value that breaks a rule of validity.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize

include "pyvalues.pxi"

MOST_VALUES = 65535


cdef class _Bytes:
    """A buffer that frees itself."""

    cdef c.esl_buffer_t buffer

    def __dealloc__(self):
        c.esl_buffer_free(&self.buffer)

    cdef bytes taken(self):
        return PyBytes_FromStringAndSize(<const char *>self.buffer.data, self.buffer.length)


include "rows.pxi"


# writing

cdef int put_text(c.esl_buffer_t *out, str value, int64_t time, uint8_t weak) except -1:
    cdef Py_ssize_t size = 0
    cdef const char *utf8 = utf8_of(value, &size)
    cdef c.esl_value_t invalid
    if utf8 != NULL:
        if size >= 0x7fffff00:
            raise ValueError(f"text of {size} bytes")
        return check(c.esl_put_text(out, utf8, <uint32_t>size, time, weak))
    fill(&invalid, c.ESL_T_TEXT, invalid_slot(c.ESL_T_TEXT, c.ESL_CONVERSION), time, weak)
    return check(c.esl_put_value(out, &invalid))


cdef int put_as(c.esl_buffer_t *out, int type, object value, int64_t time, uint8_t weak) except -1:
    """`value` as a simple `type`, by the table of conversions; type NONE: as what it is."""
    cdef c.esl_value_t v
    cdef c.esl_slot_t slot
    cdef int own
    if isinstance(value, str):
        if type == c.ESL_T_TEXT or type == c.ESL_T_NONE:
            return put_text(out, value, time, weak)
        own, slot = type, invalid_slot(type, c.ESL_CONVERSION)
    elif value is None and type != c.ESL_T_NONE:
        own, slot = type, invalid_slot(type, c.ESL_NO_DATA_REASON)
    else:
        own = natural(value, &slot)
    if type == c.ESL_T_NONE:
        type = own
    fill(&v, type, c.esl_convert(own, slot, type), time, weak)
    return check(c.esl_put_value(out, &v))


cdef int put_cell(c.esl_buffer_t *out, int type, object value) except -1:
    """One cell of a fixed column, in slot form."""
    cdef c.esl_slot_t slot
    cdef int own
    if value is None:
        slot = invalid_slot(type, c.ESL_NO_DATA_REASON)
    elif isinstance(value, str):
        slot = invalid_slot(type, c.ESL_CONVERSION)
    else:
        own = natural(value, &slot)
        slot = c.esl_settle(type, c.esl_convert(own, slot, type))
    return check(c.esl_buffer_put(out, &slot, 1 if type == c.ESL_T_BOOL else 8))


cdef int put_text_cell(c.esl_buffer_t *out, object value) except -1:
    cdef Py_ssize_t size = 0
    cdef const char *utf8 = NULL
    if isinstance(value, str):
        utf8 = utf8_of(value, &size)
    if utf8 != NULL:
        if size >= 0x7fffff00:
            raise ValueError(f"text of {size} bytes")
        return check(c.esl_put_text_cell(out, utf8, <uint32_t>size, 0))
    reason = c.ESL_NO_DATA_REASON if value is None else value.reason if isinstance(value, Invalid) else c.ESL_CONVERSION
    return check(c.esl_put_text_cell(out, NULL, 0, reason))


cdef int put_any_cell(c.esl_buffer_t *out, object value) except -1:
    """One cell of a column of any type: a simple value."""
    if value is None or isinstance(value, Invalid) and not c.ESL_T_BOOL <= value.type <= c.ESL_T_TEXT:
        value = Invalid(c.ESL_NO_DATA_REASON if value is None else value.reason, c.ESL_T_INT)
    if isinstance(value, Ref):
        raise ValueError(f"{value} is a reference; a column of type ANY holds values")
    return put_as(out, c.ESL_T_NONE, value, c.esl_int_inv(c.ESL_UNDEFINED), 0)


cdef int put_column(c.esl_buffer_t *out, int type, list column) except -1:
    cdef uint8_t byte = <uint8_t>type
    if type == c.ESL_T_NONE or type == c.ESL_T_RECORD or type > c.ESL_T_ANY:
        raise ValueError(f"a column cannot be {TYPES[type].name}")
    check(c.esl_buffer_put(out, &byte, 1))
    for value in column:
        if type == c.ESL_T_ANY:
            put_any_cell(out, value)
        elif type == c.ESL_T_TEXT:
            put_text_cell(out, value)
        else:
            put_cell(out, type, value)
    return 0


cdef int put_record(c.esl_buffer_t *out, object record) except -1:
    cdef Py_ssize_t rows = record.rows, columns = len(record.columns)
    if columns > c.esl_codec_limits.record_columns or rows > c.esl_codec_limits.record_rows:
        raise ValueError(f"record of {rows} rows and {columns} columns")
    check(c.esl_put_record_head(out, record.structure_hbj, <uint32_t>rows, <uint16_t>columns, Type.ANY in record.types))
    for type, column in zip(record.types, record.columns):
        if len(column) != rows:
            raise ValueError(f"columns of {rows} and of {len(column)} rows in one record")
        put_column(out, type, column)
    return 0


cdef int put(c.esl_buffer_t *out, int type, object value) except -1:
    cdef int64_t time = c.esl_int_inv(c.ESL_UNDEFINED)
    cdef uint8_t weak = 0
    if isinstance(value, Unchanged):
        return check(c.esl_put_unchanged(out))
    if isinstance(value, Stamped):
        time, weak, value = time_slot(value.time_ms), value.weak, value.value
    if isinstance(value, (Record, Rows)):
        if type != c.ESL_T_NONE and type != c.ESL_T_RECORD:
            raise TypeError(f"a record is no {TYPES[type].name}")
        return put_rows(out, value) if isinstance(value, Rows) else put_record(out, value)
    if type == c.ESL_T_RECORD:
        raise TypeError(f"{value!r} is no record")
    return put_as(out, c.ESL_T_NONE if type == c.ESL_T_ANY else type, value, time, weak)


def encode(values):
    """A list of values as bytes, each as the type of its Python form. TypeError for an object that is no value.

    An int that no INT holds becomes invalid, reason 2; so does a float that is not finite.
    """
    cdef _Bytes out = _Bytes()
    if len(values) > MOST_VALUES:
        raise ValueError(f"{len(values)} values in one list")
    check(c.esl_put_count(&out.buffer, <uint16_t>len(values)))
    for value in values:
        put(&out.buffer, c.ESL_T_NONE, value)
    return out.taken()


def encode_args(types, values):
    """The same with the type that each value must have: converted by the language's table; None is invalid, reason 5.

    Type ANY takes the value as it is. ValueError when the lengths differ.
    """
    cdef _Bytes out = _Bytes()
    if len(values) != len(types) or len(values) > MOST_VALUES:
        raise ValueError(f"{len(values)} values for {len(types)} types")
    check(c.esl_put_count(&out.buffer, <uint16_t>len(values)))
    for type, value in zip(types, values):
        put(&out.buffer, type_of(type), value)
    return out.taken()


# reading

cdef int sound(int error, c.esl_reader_t *reader) except -1:
    if error:
        raise ValueError(f"malformed values at byte {reader.offset} of {reader.length}")
    return 0


cdef list text_column(c.esl_reader_t *reader, uint32_t rows):
    cdef const char *utf8 = NULL
    cdef uint32_t size = 0, row
    cdef unsigned reason = 0
    cells = []
    for row in range(rows):
        sound(c.esl_get_text_cell(reader, &utf8, &size, &reason), reader)
        cells.append(Invalid(reason, c.ESL_T_TEXT) if reason else text_object(utf8, size))
    return cells


cdef object any_cell(c.esl_reader_t *reader):
    cdef c.esl_item_t item
    sound(c.esl_get_any_cell(reader, &item), reader)
    return text_object(item.utf8, item.bytes) if item.type == c.ESL_T_TEXT and not item.reason else scalar(item.type, item.value)


cdef object get_record(c.esl_reader_t *reader, c.esl_item_t *item):
    cdef const uint8_t *block = NULL
    cdef c.esl_type type = c.ESL_T_NONE
    cdef uint32_t row
    types, columns = [], []
    for _ in range(item.columns):
        sound(c.esl_get_column(reader, item.rows, &type, &block), reader)
        types.append(TYPES[type])
        if type == c.ESL_T_TEXT:
            columns.append(text_column(reader, item.rows))
        elif type == c.ESL_T_ANY:
            columns.append([any_cell(reader) for row in range(item.rows)])
        else:
            columns.append([scalar(type, c.esl_block_slot(type, block, row)) for row in range(item.rows)])
    return Record(item.hbj, types, columns)


cdef object get(c.esl_reader_t *reader, bint rows):
    cdef c.esl_item_t item
    sound(c.esl_get_item(reader, &item), reader)
    if item.type == c.ESL_T_NONE:
        return UNCHANGED
    if item.type == c.ESL_T_RECORD:
        return get_rows(reader, &item) if rows else get_record(reader, &item)
    if item.type == c.ESL_T_TEXT and not item.reason:
        return stamp(text_object(item.utf8, item.bytes), item.time, item.weak)
    return stamp(scalar(item.type, item.value), item.time, item.weak)


def decode(data, bint rows=False):
    """The values of a list. ValueError for bytes that break the format or a limit. Times come as Stamped; with `rows` a RECORD as Rows."""
    cdef const uint8_t[::1] view = memoryview(data).cast("B") if not isinstance(data, bytes) else data
    cdef c.esl_reader_t reader
    cdef uint32_t count = 0
    cdef uint8_t nothing = 0
    reader.data, reader.length, reader.offset = &view[0] if len(view) else &nothing, len(view), 0
    reader.limits = &c.esl_codec_limits
    sound(c.esl_get_count(&reader, &count), &reader)
    values = [get(&reader, rows) for _ in range(count)]
    if reader.offset != reader.length:
        raise ValueError(f"{reader.length - reader.offset} bytes behind the last value")
    return values


def real_text(double value):
    """A REAL as the language prints it: the shortest of 15, 16, 17 digits. ValueError when it is not finite."""
    cdef char out[c.ESL_REAL_TEXT]
    if not isfinite(value):
        raise ValueError(f"{value} is no valid REAL")
    cdef size_t size = c.esl_real_text(value, out)
    return PyUnicode_DecodeUTF8(out, size, NULL)
