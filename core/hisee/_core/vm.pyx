"""Units and scripts (docs/design/script-spine.md, S5). Checks arguments, calls one C function, converts back.

`Script.run` holds the interpreter lock; a scheduler's round gives it up once for all its slices. Nobody else touches the tables of values
that its scripts read meanwhile: the thread that runs them is the one that changes them.
"""

import hashlib
from collections import namedtuple
from enum import IntEnum

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact, PyFloat_FromDouble
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact, PyLong_FromLongLong
from cpython.object cimport PyObject
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from hisee._core cimport cvm
from hisee._core.cells cimport CellTable
from hisee._core.cvalues cimport (
    ESL_CODEC_STRUCTURE,
    ESL_ERR_NOT_SUPPORTED,
    ESL_T_BOOL,
    ESL_T_INT,
    ESL_T_REAL,
    esl_buffer_t,
    esl_cells_t,
    esl_int_invalid,
    esl_slot_reason,
    esl_slot_t,
    esl_struct_t,
    esl_type,
    esl_world_t,
    esl_zone_t,
)

from hisee._core.library import Zone
from hisee._core.values import decode, encode
from hisee.schema import opcodes
from hisee.schema.errors import BY_NUMBER as ERRORS
from hisee.schema.errors import Err
from hisee.schema.fusions import BY_NUMBER as FUSIONS
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.values import UNCHANGED, Invalid

if opcodes.SCHEMA_HASH != cvm.HISEE_OPCODES_HASH:
    raise ImportError("hisee._core.vm was built from another table of opcodes; run: python setup.py build_ext --inplace")

DISPATCH = "goto" if cvm.ESL_COMPUTED_GOTO else "switch"
TYPES = ("NONE", "BOOL", "INT", "REAL", "TIME", "TEXT", "RECORD", "OBJECT", "ANY")
KINDS = ("LOCAL", "RPC", "RPCX", "ENTRY", "ENTRYX", "INIT", "CHANGE")
MODES = ("IN", "OUT", "INOUT")
SITES = ("CALL", "FN", "ACT")


class Status(IntEnum):
    """How a run ended."""

    DONE = 0
    SLICE = 1
    ACTION = 2
    FAILED = 3
    KILLED = 4


cdef tuple STATUS = tuple(Status)
cdef bytes NO_VALUES = bytes(2)  # a list of none


class UnitRejected(ValueError):
    """The bytes are no unit that may run: `offset` in them, `text`."""

    def __init__(self, offset, text):
        super().__init__(f"unit refused at byte {offset}: {text}")
        self.offset = offset
        self.text = text


Parameter = namedtuple("Parameter", "name mode type structure")
Procedure = namedtuple("Procedure", "name kind parameters")
Object = namedtuple("Object", "name hbj type rows columns")
Variable = namedtuple("Variable", "name type number")
Structure = namedtuple("Structure", "name hbj columns")
Site = namedtuple("Site", "kind number waits arguments")
Pending = namedtuple("Pending", "number site line waits payload")
Failure = namedtuple("Failure", "number name line procedure text limit extended")

Container = namedtuple("Container", "handle name items most bytes array")


cdef str text_of(const char *data):
    return data.decode("utf-8", "replace")


cdef class Unit:
    """A verified unit. Raises UnitRejected. `fused=False` leaves the loader's own instructions out: the unit does the same and takes longer."""

    cdef cvm.esl_unit_t *unit
    cdef readonly str name
    cdef readonly str sha256
    cdef readonly tuple procedures
    cdef readonly tuple objects
    cdef readonly tuple variables
    cdef readonly tuple structures
    cdef readonly tuple sites

    def __cinit__(self, bytes data not None, bint fused=True):
        cdef cvm.esl_refusal_t refusal
        self.unit = cvm.esl_unit_load_as(<const uint8_t *>data, len(data), fused, &refusal)
        if self.unit == NULL:
            raise UnitRejected(refusal.offset, text_of(refusal.text))
        self.name = self._string(self.unit.name)
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.structures = tuple(self._structure(i) for i in range(self.unit.structures))
        self.objects = tuple(self._object(i) for i in range(self.unit.objects))
        self.variables = tuple(self._variable(i) for i in range(self.unit.variables))
        self.procedures = tuple(self._procedure(i) for i in range(self.unit.procedures))
        self.sites = tuple(self._site(i) for i in range(self.unit.sites))

    def __dealloc__(self):
        cvm.esl_unit_free(self.unit)

    @property
    def fused(self):
        """Names of the loader's own instructions in this unit (core/schema/fusions.py), in order."""
        cdef const cvm.esl_procedure_t *p
        found = []
        for i in range(self.unit.procedures):
            p = &self.unit.procedure[i]
            found += [FUSIONS[p.code[pc].op].name for pc in range(p.length) if p.code[pc].op in FUSIONS]
        return tuple(found)

    cdef str _string(self, uint32_t number):
        return self.unit.string[number][:self.unit.string_bytes[number]].decode("utf-8")

    def _structure(self, uint32_t index):
        cdef const esl_struct_t *s = &self.unit.structure[index]
        columns = tuple((text_of(s.names[i]), TYPES[s.types[i]]) for i in range(s.columns))
        return Structure(self._string(self.unit.structure_name[index]), s.hbj, columns)

    def _object(self, uint32_t index):
        cdef const cvm.esl_object_t *o = &self.unit.object[index]
        return Object(self._string(o.name), o.hbj, TYPES[o.type], o.rows, o.columns)

    def _variable(self, uint32_t index):
        cdef const cvm.esl_variable_t *v = &self.unit.variable[index]
        return Variable(self._string(v.name), TYPES[v.type], v.number)

    def _procedure(self, uint32_t index):
        cdef const cvm.esl_procedure_t *p = &self.unit.procedure[index]
        cdef const cvm.esl_param_t *q
        parameters = []
        for i in range(p.params):
            q = &p.param[i]
            structure = self.structures[p.reg[q.reg].structure].name if TYPES[q.type] == "RECORD" else ""
            parameters.append(Parameter(self._string(q.name), MODES[q.mode], TYPES[q.type], structure))
        return Procedure(self._string(p.name), KINDS[p.kind], tuple(parameters))

    def _site(self, uint32_t index):
        cdef const cvm.esl_site_t *s = &self.unit.site[index]
        arguments = tuple((MODES[s.args[i].mode], TYPES[s.args[i].type]) for i in range(s.argc))
        return Site(SITES[s.kind], s.number, bool(s.waits), arguments)


include "setting.pxi"


@cython.no_gc_clear  # the C script uses unit and setting until the end of __dealloc__
cdef class Script:
    """One running instance of `unit`.

    `cells` and `variables` are CellTables or None; `limits` is a mapping over the names of the limits table or None;
    `world` has now_ms(), tick_ms(), random(), and where it knows them `zone` (a Zone, else UTC) and find_zone(name).
    A Setting in place of `limits` holds both. `owner` is the host's own. MemoryError when the globals do not fit the limit.
    """

    cdef cvm.esl_script_t *script
    cdef Setting setting
    cdef readonly Unit unit
    cdef CellTable cells
    cdef CellTable variables
    cdef public object owner

    def __cinit__(self, Unit unit not None, CellTable cells, CellTable variables, limits, world=None):
        self.unit, self.cells, self.variables = unit, cells, variables
        self.setting = <Setting>limits if type(limits) is Setting else Setting(limits, world)
        self.script = cvm.esl_script_new(unit.unit, table_of(cells), table_of(variables), &self.setting.limits, &self.setting.world_c,
                                         &SCRIPTS)
        if self.script == NULL:
            raise MemoryError(f"script of {unit.name}: its globals need more than {self.setting.limits.memory_bytes} bytes")
        self.script.wait.owner = <void *>self

    def __dealloc__(self):
        cvm.esl_script_free(self.script)

    cdef cvm.esl_script_t *_open(self) except NULL:
        if self.script == NULL:
            raise RuntimeError("the script is closed")
        return self.script

    cdef cvm.esl_script_t *_idle(self) except NULL:
        cdef cvm.esl_script_t *s = self._open()
        if s.status == cvm.ESL_KILLED:
            raise RuntimeError("the script was ended")
        if s.running:
            raise RuntimeError("a request of the script is under way")
        return s

    cdef cvm.esl_script_t *_waiting(self) except NULL:
        cdef cvm.esl_script_t *s = self._open()
        if s.status != cvm.ESL_ACTION:
            raise RuntimeError("no action of the script is pending")
        return s

    def start_init(self):
        """Begin the init part. RuntimeError while a request is under way."""
        cvm.esl_script_start_init(self._idle())

    def start(self, procedure, bytes arguments not None=b""):
        """Begin a procedure, by index. Arguments that do not fit end the request before its first line: run() gives FAILED."""
        cdef cvm.esl_script_t *s = self._idle()
        if not 0 < procedure < self.unit.unit.procedures:
            raise IndexError(f"{self.unit.name} has no procedure {procedure}")
        cvm.esl_script_start(s, procedure, <const uint8_t *>arguments, len(arguments))

    def run(self, int64_t slice):
        """Run for at most about `slice` units of fuel; returns a Status."""
        cdef cvm.esl_status_t status
        if slice < 1:
            raise ValueError("a slice is at least 1")
        status = cvm.esl_vm_run(self._open(), slice)
        self.setting.check()
        return STATUS[status]

    def function(self, str name not None):
        """A procedure of the script as a function of Python, which runs it to its end: `add = script.function("Add"); add(20, 22)`.

        It takes the parameters in their order; those behind the last IN one may be left out, they begin as the procedure has them. It
        gives back what comes back: None, the value of the one parameter that is INOUT or OUT, or a tuple of them. Fuel, validity and all
        limits hold as ever; an invalid value is an Invalid. Values of INT, REAL and BOOL go straight into the procedure's registers; the
        interpreter lock is kept. An action that a host would have to do fails with _ERR_NOT_SUPPORTED: such a procedure needs start() and
        run(). KeyError: no such procedure; CallFailed: the call has ended by an error; TypeError: arguments that do not fit.
        """
        for index, procedure in enumerate(self.unit.procedures):
            if index and procedure.name.lower() == name.lower():
                direct = Direct(self, index)
                return direct_method(&direct.method, direct.name, <void *>direct_call, direct.doc, direct)
        raise KeyError(f"{self.unit.name} has no procedure {name}")

    @property
    def status(self):
        """Status of the last run; DONE before the first one."""
        return STATUS[self._open().status]

    @property
    def pending(self):
        """The action that the script waits for (site -1: a picture variable); None when there is none."""
        cdef cvm.esl_pending_t *p = &self._open().pending
        if self.script.status != cvm.ESL_ACTION:
            return None
        if cvm.esl_script_payload(self.script):
            raise MemoryError("arguments of an action")
        payload = PyBytes_FromStringAndSize(<const char *>p.payload.data, p.payload.length)
        return Pending(p.number, -1 if p.site == cvm.ESL_NO_SITE else p.site, p.line, bool(p.waits), payload)

    def complete(self, bytes payload not None=b"", int64_t extended=0):
        """End the pending action: its OUT and INOUT values, in order. A payload that does not fit is an error in the script."""
        cvm.esl_script_complete(self._waiting(), <const uint8_t *>payload, len(payload), extended)

    def fail(self, int error, int64_t extended=0, str text=""):
        """End the pending action with an error that the script may catch."""
        cdef bytes message = text.encode()
        cdef const char *shown = message
        cvm.esl_script_fail(self._waiting(), error, extended, shown if message else NULL)

    def kill(self, str text not None, str limit_name=""):
        """End the script for good; nothing in it can catch this."""
        cdef bytes message = text.encode()
        limit_bytes = LIMIT_NAMES.setdefault(limit_name, limit_name.encode())
        cvm.esl_script_kill(self._open(), message, <const char *><bytes>limit_bytes)

    def results(self):
        """Value codec list of the parameters after a request: INOUT and OUT values, "unchanged" for IN."""
        cdef cvm.esl_buffer_t *b = &self._open().pending.payload
        if self.script.status != cvm.ESL_DONE:
            return b""
        if b.length == 0:
            return NO_VALUES
        return PyBytes_FromStringAndSize(<const char *>b.data, b.length)

    @property
    def failure(self):
        """Why the last request FAILED or the script was KILLED, with the line where it began; None otherwise."""
        cdef const cvm.esl_failure_t *f = cvm.esl_script_failure(self._open())
        if self.script.status not in (cvm.ESL_FAILED, cvm.ESL_KILLED):
            return None
        name = ERRORS[f.number].name if f.number in ERRORS else str(f.number)
        procedure = self.unit.procedures[f.procedure].name
        return Failure(f.number, name, f.line, procedure, text_of(f.text), text_of(f.limit), f.extended)

    @property
    def containers(self):
        """Data containers that the script holds, the newest first."""
        cdef cvm.esl_script_t *s = self._open()
        cdef cvm.esl_container_info_t info
        cdef const cvm.esl_container_t *c = NULL
        found = []
        if s.containers != NULL:
            c = cvm.esl_container_next(s.containers, NULL, &info)
        while c != NULL:
            found.append(Container(info.handle, text_of(info.name), info.items, info.most, info.bytes, bool(info.array)))
            c = cvm.esl_container_next(s.containers, c, &info)
        return found

    def take(self, int64_t handle):
        """The container as bytes; it is the script's no more. KeyError when there is none, MemoryError."""
        cdef cvm.esl_script_t *s = self._open()
        cdef cvm.esl_container_t *found = NULL if s.containers == NULL else cvm.esl_container_find(s.containers, handle)
        cdef esl_buffer_t buffer
        if found == NULL:
            raise KeyError(handle)
        memset(&buffer, 0, sizeof(buffer))
        if cvm.esl_container_write(found, &buffer):
            raise MemoryError(f"container {handle}")
        try:
            data = PyBytes_FromStringAndSize(<const char *>buffer.data, buffer.length)
        finally:
            cvm.esl_buffer_free(&buffer)
        cvm.esl_container_destroy(s.containers, found)
        return data

    def give(self, bytes data not None, int64_t handle=0):
        """A container of what `take` gave, under this handle if it is free, else a new one; the handle. ValueError: the number of
        the error that a script would get."""
        cdef cvm.esl_script_t *s = self._open()
        cdef cvm.esl_structures_t structures = cvm.esl_script_structures(s)
        cdef cvm.esl_containers_t *all = cvm.esl_script_containers(s)
        cdef int error = Err.ERR_MEMORY
        if all != NULL:
            error = cvm.esl_container_read(all, <const uint8_t *>data, len(data), &structures, &handle)
        if error == ESL_CODEC_STRUCTURE:
            error = Err.ERR_RECORD_NO_COMP
        if error:
            raise ValueError(error if error > 0 else int(Err.ERR_PARAM_TYPE))
        return handle

    @property
    def line(self):
        """Line of the running or waiting action; 0 while nothing runs."""
        return cvm.esl_script_line(self._open())

    @property
    def chain(self):
        """(procedure, line) of every running procedure, innermost first; empty while nothing runs."""
        cdef cvm.esl_script_t *s = self._open()
        if not s.running:
            return ()
        first = 0 if s.depth == 1 else 1  # the frame of the init part lives on under every request
        return tuple((self.unit.procedures[s.frames[i].procedure].name, cvm.esl_script_line_at(s, i))
                     for i in reversed(range(first, s.depth)))

    @property
    def woken_ns(self):
        """When it began to run, by the scheduler's clock, after it was woken."""
        return self._open().wait.due

    @property
    def asleep(self):
        """It sleeps in a DELAY that its scheduler ends."""
        return self._open().wait.place == cvm.ESL_ASLEEP

    @property
    def fuel_used(self):
        return self._open().fuel_used

    @property
    def memory_used(self):
        """Bytes charged to the script."""
        return self._open().account.used

    def close(self):
        """Give the memory back; idempotent. Everything else raises RuntimeError afterwards."""
        cvm.esl_script_free(self.script)
        self.script, self.owner = NULL, None


include "direct.pxi"

cdef dict LIMIT_NAMES = {}  # the bytes live as long as the module: a failure points at them

include "sched.pxi"
