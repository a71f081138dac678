# The scheduler of scripts; included by vm.pyx.

from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef int64_t FOR_EVER = 0x7FFFFFFFFFFFFFFF


cdef int64_t system_ns(void *host) noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


cdef int64_t asked_ns(void *host) noexcept with gil:
    try:
        return (<Scheduler>host).clock()
    except BaseException as error:
        (<Scheduler>host).broken = error
        return FOR_EVER


cdef class Scheduler:
    """Runs scripts in fair slices (esl_sched.h). `clock` gives monotonic nanoseconds; None = the system's, asked without the interpreter.

    Its scripts belong to one thread. One that is closed or gone has left it.
    """

    cdef cvm.esl_sched_t sched
    cdef object clock
    cdef object broken

    def __cinit__(self, clock=None):
        self.clock = clock
        cvm.esl_sched_init(&self.sched, system_ns if clock is None else asked_ns, <void *>self)

    def __dealloc__(self):
        cvm.esl_sched_close(&self.sched)

    def wake(self, Script script not None, int priority=3):
        """It runs in the next round, before those that used up a slice. One that is ready, or sleeps in a DELAY, is left as it is."""
        cdef cvm.esl_script_t *s = script._open()
        s.wait.priority = <uint8_t>(min(max(priority, 1), cvm.ESL_PRIORITIES) - 1)
        cvm.esl_sched_wake(&self.sched, s)

    def go_on(self, Script script not None):
        """Its action is done without a wait: the rest of its slice follows."""
        cvm.esl_sched_go_on(&self.sched, script._open())

    def round(self, int64_t for_ns):
        """Run for about `for_ns`, less when everybody waits; the owners of the scripts that need their host, in order."""
        cdef cvm.esl_script_t *s
        cdef int64_t until_ns = (system_ns(NULL) if self.clock is None else asked_ns(<void *>self)) + for_ns
        with nogil:
            cvm.esl_sched_round(&self.sched, until_ns)
        stopped = []
        while True:
            s = cvm.esl_sched_stopped(&self.sched)
            if s == NULL:
                break
            stopped.append((<Script>s.wait.owner).owner)
        if self.broken is not None:
            error, self.broken = self.broken, None
            raise error
        return stopped

    @property
    def now_ns(self):
        return system_ns(NULL) if self.clock is None else asked_ns(<void *>self)

    @property
    def ready(self):
        """Is there anybody to run?"""
        return cvm.esl_sched_ready(&self.sched)

    @property
    def next_ns(self):
        """When the next sleeper wants a round, by the clock; None = nobody sleeps."""
        cdef int64_t tick = cvm.esl_sched_next_ms(&self.sched)
        return None if tick == FOR_EVER else tick * 1000000
