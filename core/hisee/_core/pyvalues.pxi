# Python objects to values and back; included by values.pyx, cells.pyx and library.pyx.

from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cimport hisee._core.cvalues as c

from hisee.values import UNCHANGED, Cell, Invalid, Record, Ref, Stamped, Time, Type, Unchanged, type_of

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef object TYPES = tuple(Type)


cdef inline c.esl_slot_t invalid_slot(int type, unsigned reason):
    return c.esl_slot_inv(type, reason)


cdef inline int64_t ref_of(object value) except? -1:
    """Reference of a Ref, a tuple of up to three numbers, or an object number."""
    if isinstance(value, tuple):
        parts = tuple(value) + (0, 0)
        number, row, column = parts[0], parts[1], parts[2]
    else:
        number, row, column = value, 0, 0
    if not (0 <= number < 1 << 32 and 0 <= row < 1 << 20 and 0 <= column < 1 << 10):
        raise ValueError(f"no reference: object {number}, row {row}, column {column}")
    return c.esl_ref_make(number, row, column)


cdef inline object ref_object(int64_t ref):
    return Ref(c.esl_ref_object(ref), c.esl_ref_row(ref), c.esl_ref_column(ref))


cdef inline int64_t time_slot(object time_ms) except? -1:
    """Milliseconds, or INT invalid for None and for numbers that no TIME holds."""
    if time_ms is None:
        return c.esl_int_inv(c.ESL_UNDEFINED)
    return int_slot(time_ms)


cdef inline int64_t int_slot(object value) except? -1:
    """A Python int as INT; out of range is invalid, reason 2 (V7)."""
    if not c.ESL_INT_MIN <= value < (1 << 63):
        return c.esl_int_inv(c.ESL_OUT_OF_RANGE)
    return value


cdef inline int natural(object value, c.esl_slot_t *slot) except -1:
    """Type and slot of a scalar that is no str. TypeError when Python means something else by it."""
    if isinstance(value, bool):
        slot.i = 1 if value else 0
        return c.ESL_T_BOOL
    if isinstance(value, Time):
        slot.i = int_slot(value)
        return c.ESL_T_TIME
    if isinstance(value, int):
        slot.i = int_slot(value)
        return c.ESL_T_INT
    if isinstance(value, float):
        slot.r = value
        slot[0] = c.esl_settle(c.ESL_T_REAL, slot[0])
        return c.ESL_T_REAL
    if isinstance(value, Invalid):
        slot[0] = invalid_slot(value.type, value.reason)
        return value.type
    if isinstance(value, Ref):
        slot.i = ref_of(value)
        return c.ESL_T_OBJECT
    raise TypeError(f"{type(value).__name__} {value!r} is no value of a script")


cdef inline const char *utf8_of(str text, Py_ssize_t *size):
    """UTF-8 of a str; NULL when it holds lone surrogates, which no TEXT can."""
    try:
        return PyUnicode_AsUTF8AndSize(text, size)
    except UnicodeEncodeError:
        return NULL


cdef inline object scalar(int type, c.esl_slot_t slot):
    """Python form of a value that is no TEXT and no RECORD."""
    cdef unsigned reason = c.esl_slot_reason(type, slot)
    if reason:
        return Invalid(reason, type)
    if type == c.ESL_T_BOOL:
        return slot.i != 0
    if type == c.ESL_T_INT:
        return slot.i
    if type == c.ESL_T_REAL:
        return slot.r
    if type == c.ESL_T_TIME:
        return Time(slot.i)
    return ref_object(slot.i)


cdef inline object text_object(const char *utf8, uint32_t size):
    return PyUnicode_DecodeUTF8(utf8, size, NULL)


cdef inline object slot_object(int type, c.esl_slot_t slot):
    """Python form of a simple value; TEXT from its text."""
    if type != c.ESL_T_TEXT or c.esl_text_invalid(slot.t):
        return scalar(type, slot)
    return text_object(&(<c.esl_text_t *>slot.t).data[0], (<c.esl_text_t *>slot.t).bytes)


cdef inline object stamp(object value, int64_t time, uint8_t weak):
    """The value alone, or with its time and mark where there is one."""
    if c.esl_int_invalid(time) and not weak:
        return value
    return Stamped(value, None if c.esl_int_invalid(time) else time, weak != 0)


cdef inline int check(int error) except -1:
    if error == c.ESL_ERR_MEMORY:
        raise MemoryError("the memory limit of the table is reached")
    if error:
        raise ValueError(f"error {error}")
    return 0


cdef inline void fill(c.esl_value_t *value, int type, c.esl_slot_t slot, int64_t time, uint8_t weak):
    value.type, value.value, value.time, value.weak, value.flags = type, slot, time, weak, 0
