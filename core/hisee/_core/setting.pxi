# What scripts share: world, limits, the memory that they come from; included by vm.pyx.

cdef int64_t now_ms(void *host) noexcept with gil:
    try:
        return (<Setting>host).world.now_ms()
    except BaseException as error:
        (<Setting>host).broken = error
        return 0

cdef double tick_ms(void *host) noexcept with gil:
    try:
        return (<Setting>host).world.tick_ms()
    except BaseException as error:
        (<Setting>host).broken = error
        return 0.0

cdef uint64_t random_word(void *host) noexcept with gil:
    try:
        return (<Setting>host).world.random() & 0xFFFFFFFFFFFFFFFF
    except BaseException as error:
        (<Setting>host).broken = error
        return 0


cdef const esl_zone_t *find_zone(void *host, const char *name) noexcept with gil:
    try:
        return zone_address((<Setting>host)._zone(name.decode("utf-8", "replace")))
    except BaseException as error:
        (<Setting>host).broken = error
        return NULL


cdef const esl_zone_t *zone_address(object zone):
    return NULL if zone is None else <esl_zone_t *><size_t>zone.address


class Still:
    """The world of a script that is given none: time stands still at 1970."""

    def now_ms(self):
        return 0

    def tick_ms(self):
        return 0.0

    def random(self):
        return 0


UTC = Zone("UTC")


def limit(limits, name):
    """A limit by name: the system's value, else the default of the table."""
    return int(limits.get(name, LIMITS[name].value)) if limits is not None else LIMITS[name].value


cdef esl_cells_t *table_of(CellTable table):
    return NULL if table is None else table.table


cdef class Setting:
    """What the scripts of one host share: their limits and their world. Scripts that name the same one are small and quickly made."""

    cdef cvm.esl_script_limits_t limits
    cdef esl_world_t world_c
    cdef object world
    cdef object broken
    cdef object zone
    cdef dict zones  # found by name: kept for as long as the VM may hold their address

    def __cinit__(self, limits, world):
        cdef cvm.esl_script_limits_t *bounds = &self.limits
        self.world = Still() if world is None else world
        self.zone, self.zones = getattr(world, "zone", None) or UTC, {}
        self.world_c.host = <void *>self
        self.world_c.now_ms, self.world_c.tick_ms, self.world_c.random = now_ms, tick_ms, random_word
        self.world_c.find_zone, self.world_c.zone = find_zone, zone_address(self.zone)
        bounds.call_depth, bounds.record_rows = limit(limits, "call_depth"), limit(limits, "record_rows")
        bounds.memory_bytes, bounds.fuel = limit(limits, "see_memory_bytes"), limit(limits, "fuel_per_event")
        bounds.text_chars, bounds.gosub_depth = limit(limits, "text_chars"), limit(limits, "gosub_depth")
        bounds.containers, bounds.container_items = limit(limits, "containers"), limit(limits, "container_items")
        bounds.slice = min(max(limit(limits, "slice"), 1), 1 << 30)

    def _zone(self, name):
        if name not in self.zones:
            finder = getattr(self.world, "find_zone", None)
            self.zones[name] = finder(name) if finder is not None else None
        return self.zones[name]

    cdef int check(self) except -1:
        """Raise what the world raised while a script ran."""
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error
        return 0


cdef cvm.esl_slab_t SCRIPTS  # used under the interpreter lock
cvm.esl_slab_init(&SCRIPTS, sizeof(cvm.esl_script_t))
