"""The functions of the language outside a script: constants folded by the compiler, evaluation in tools, tests.

The same C functions as in the VM run here, with a world that the caller decides.
"""

import time
from random import Random

include "pyvalues.pxi"

from hisee.schema.functions import BY_NAME, ROWS, SCHEMA_HASH

cdef extern from "gen/functions.h":
    unsigned HISEE_FUNCTIONS_HASH

if SCHEMA_HASH != HISEE_FUNCTIONS_HASH:
    raise ImportError("hisee._core.library was built from another table of functions; run: python setup.py build_ext --inplace")

NAMES = {name.upper(): row.number for row in ROWS for name in (row.name, *row.old_names)}


class OutOfFuel(Exception):
    """The function would have used more fuel than it was given."""


cdef class Zone:
    """A time zone from the bytes of a TZif file, or with a fixed `offset_s`. ValueError when they cannot be read."""

    cdef c.esl_zone_t *zone
    cdef readonly str name

    def __cinit__(self, str name not None, bytes data=None, *, offset_s=0):
        cdef bytes label = name.encode()
        self.name = name
        if data is None:
            self.zone = c.esl_zone_fixed(label, offset_s)
        else:
            self.zone = c.esl_zone_parse(label, <const uint8_t *>data, len(data))
        if self.zone == NULL:
            raise ValueError(f"time zone {name}: the bytes are no TZif file of version 2" if data else f"offset {offset_s} s")

    def __dealloc__(self):
        c.esl_zone_free(self.zone)

    @property
    def address(self):
        """Where the C zone lies, for a VM that is handed this zone; holds as long as this object."""
        return <size_t>self.zone

    def period(self, int64_t utc_s):
        """(start, end, offset, summer) of the stretch that holds a UTC second."""
        cdef c.esl_period_t p = c.esl_zone_period(self.zone, utc_s)
        return p.start_s, p.end_s, p.offset_s, bool(p.summer)

    def instants(self, int64_t wall_ms):
        """(first, second) UTC ms of a wall time: equal when there is one, moved forward when there is none; and their number."""
        cdef c.esl_instants_t found = c.esl_zone_instants(self.zone, wall_ms)
        return found.first_ms, found.second_ms, (1, 2, 0)[found.kind]

    def utc(self, int64_t wall_ms):
        """UTC ms of a wall time: standard time when it comes twice."""
        return c.esl_zone_utc(self.zone, wall_ms)


cdef class World:
    """What functions may ask for: the zone of the process, others by name, the time, random numbers from a seed."""

    cdef c.esl_world_t world
    cdef readonly dict zones
    cdef readonly object zone
    cdef object now, tick, rng

    def __cinit__(self, Zone zone=None, zones=(), now_ms=None, tick_ms=None, seed=0):
        self.zone = zone
        self.zones = {z.name.encode(): z for z in zones}
        self.now = now_ms or (lambda: time.time_ns() // 1_000_000)
        self.tick = tick_ms or (lambda: time.monotonic_ns() / 1e6)
        self.rng = Random(seed)
        self.world.host = <void *>self
        self.world.zone = zone.zone if zone is not None else NULL
        self.world.now_ms, self.world.tick_ms, self.world.random = now_ms_of, tick_ms_of, random_of
        self.world.find_zone = zone_of


cdef int64_t now_ms_of(void *host) noexcept with gil:
    return (<World>host).now()


cdef double tick_ms_of(void *host) noexcept with gil:
    return (<World>host).tick()


cdef uint64_t random_of(void *host) noexcept with gil:
    return (<World>host).rng.getrandbits(64)


cdef const c.esl_zone_t *zone_of(void *host, const char *name) noexcept with gil:
    zone = (<World>host).zones.get(<bytes>name)
    return NULL if zone is None else (<Zone>zone).zone


cdef int take(object value, c.esl_account_t *account, c.esl_value_t *out) except -1:
    """An argument; a Stamped one brings its time and mark."""
    cdef int64_t at = c.esl_int_inv(c.ESL_UNDEFINED)
    cdef uint8_t weak = 0
    cdef Py_ssize_t size = 0
    cdef const char *utf8
    if isinstance(value, Stamped):
        at, weak, value = time_slot(value.time_ms), value.weak, value.value
    fill(out, c.ESL_T_NONE, c.esl_slot_inv(c.ESL_T_NONE, 0), at, weak)
    if not isinstance(value, str):
        out.type = natural(value, &out.value)
        return 0
    utf8 = utf8_of(value, &size)
    if utf8 == NULL:
        raise ValueError("a text with lone surrogates")
    out.value.t = c.esl_text_new(account, utf8, size)
    if out.value.t == NULL:
        raise MemoryError("an argument is longer than the memory allowed")
    out.type = c.ESL_T_TEXT
    return 0


cdef class Library:
    """Calls functions by number or name. Keeps what an instance keeps: the sequence that %RndSeed starts.

    `fuel` and `memory_bytes` are what is left; memory comes back with each call.
    """

    cdef c.esl_context_t context
    cdef c.esl_account_t account
    cdef int64_t left
    cdef readonly World world

    def __cinit__(self, World world=None, *, int64_t fuel=10**9, int64_t memory_bytes=64 << 20, uint32_t text_chars=100_000):
        self.world = World() if world is None else world
        self.account.used, self.account.limit, self.left = 0, memory_bytes, fuel
        self.context.account, self.context.world, self.context.fuel = &self.account, &self.world.world, &self.left
        self.context.text_chars = text_chars

    @property
    def fuel(self):
        return self.left

    @property
    def memory_used(self):
        return self.account.used

    def call(self, function, args=(), wanted="NONE"):
        """Result of a function; `wanted` is the type of its destination. Its time and mark, if any, come in a Stamped.

        KeyError for an unknown function, OutOfFuel, MemoryError, ValueError with the number of another run-time error.
        """
        cdef c.esl_value_t values[10]
        cdef c.esl_value_t result
        cdef int number = NAMES[function.upper()] if isinstance(function, str) else function
        cdef int count = 0, error
        if len(args) > 10:
            raise ValueError(f"{len(args)} arguments")
        try:
            for value in args:
                take(value, &self.account, &values[count])
                count += 1
            fill(&result, type_of(wanted), c.esl_slot_inv(c.ESL_T_NONE, 0), 0, 0)
            error = c.esl_builtin_call(&self.context, number, values, count, &result)
        finally:
            for i in range(count):
                if values[i].type == c.ESL_T_TEXT:
                    c.esl_text_drop(values[i].value.t)
        return self._given(error, &result)

    cdef object _given(self, int error, c.esl_value_t *result):
        if error == c.ESL_BUILTIN_FUEL:
            raise OutOfFuel("the function needs more fuel than is left")
        if error == c.ESL_ERR_MEMORY:
            raise MemoryError("the function needs more memory than is left")
        if error:
            raise ValueError(f"error {error}")
        if result.type == c.ESL_T_NONE:
            return None
        value = slot_object(result.type, result.value)
        if result.type == c.ESL_T_TEXT:
            c.esl_text_drop(result.value.t)
        return stamp(value, result.time, result.weak)
