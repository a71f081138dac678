# When a thread looks for a message instead of sleeping, and on which processor it runs; part of route.pyx.

cdef extern from "<sched.h>" nogil:
    int sched_getcpu()

cdef extern from "<sys/resource.h>" nogil:
    struct rusage:
        long ru_nivcsw

    int RUSAGE_THREAD
    int getrusage(int who, rusage *usage)


cdef enum:
    LOOK_REQUESTS = 16  # of a Place, between two looks
    MOST_FAILED = 10

LOOK_NS = 100_000  # about what two wakes across processors take
SOON_NS = 120_000  # asleep for less than this: a look would have found it, or nearly
MOST_PASSED = 1024
FREE, TOGETHER, APART = "free", "together", "apart"
cdef int64_t SOON = SOON_NS


cdef class Spin:
    """When a thread that expects a message looks for it instead of going to sleep at once.

    A wake from one processor to another one costs more than a short statement. So it looks for about as long as a wake takes while that
    pays: the last looks found something, or messages came so soon after it had fallen asleep that they would have. Each failure doubles
    the number of chances that are passed over before the next try. Asked before each sleep (`look_ns`), told what came of it. Without a
    second processor it never looks.
    """

    cdef readonly int64_t look_ns
    cdef bint _may
    cdef int _pass  # chances to be passed over
    cdef int _failed  # in a row

    def __init__(self):
        self._may = len(os.sched_getaffinity(0)) > 1

    cpdef void found(self):
        self._failed = 0

    cpdef void nothing(self):
        self.look_ns = 0
        self._failed += 1
        self._pass = min(1 << min(self._failed, 20), MOST_PASSED)

    cpdef void woken(self, int64_t asleep_ns):
        """After a sleep that a message ended."""
        if asleep_ns > SOON or not self._may:
            return
        self._pass -= 1
        self.look_ns = LOOK_NS if self._pass <= 0 else 0


def move_to(cpus) -> bool:
    """This thread runs on these processors only from now on. False: it may not."""
    try:
        os.sched_setaffinity(0, cpus)
    except OSError:
        return False
    return True


cdef class Place:
    """Where the thread that answers runs, as long as one asks and is answered quickly. FREE: where the system lets it.

    TOGETHER, on the processor of the asker, when requests come one by one: who asks sleeps until he has the answer, and a wake across
    processors costs more than the work. APART when they come one behind the other: then each finds the other's message by looking
    for it, and no one sleeps. Most systems place the two well by themselves; where they were seen otherwise, the lane moves. It is free
    again as soon as another one asks, a statement takes long, others want the processor, or nobody asks for some time. What did not help
    is tried again less and less often. `move` sets the processors of the calling thread (False: it may not).
    """

    cdef readonly str mode
    cdef object _move, _cpus, _asker
    cdef int _heard, _apart, _soon  # since the last look: requests; from another processor; right behind an answer
    cdef int _pass  # looks to be passed over
    cdef int _failed
    cdef long _driven_out  # times that others took the processor, as last seen

    # who asks drives the lane out himself when his answer is there and the two share a processor

    def __init__(self, move=move_to):
        self._move, self.mode = move, FREE

    cpdef int heard(self, asker, uint32_t theirs, uint32_t mine, bint soon, long driven_out) except -1:
        """A request of `asker`, seen on processor `theirs`. `driven_out`: times that this thread had to leave its processor."""
        if asker is not self._asker:
            self.release()
            self._asker, self._heard, self._apart, self._soon = asker, 0, 0, 0
        self._heard += 1
        self._apart += theirs != 0 and theirs != mine
        self._soon += soon
        if self._heard == LOOK_REQUESTS:
            self._look(theirs, driven_out)
        return 0

    cdef bint due(self):
        """Does the next request bring a look?"""
        return self._heard == LOOK_REQUESTS - 1

    cdef int _look(self, uint32_t theirs, long driven_out) except -1:
        cdef bint apart = self._apart * 2 > LOOK_REQUESTS
        cdef bint crowded = driven_out - self._driven_out > (LOOK_REQUESTS // 4 if self.mode is APART else LOOK_REQUESTS * 3 // 2)
        fitting = APART if self._soon * 4 >= LOOK_REQUESTS * 3 else TOGETHER if self._soon * 4 <= LOOK_REQUESTS else FREE
        self._heard = self._apart = self._soon = 0
        self._driven_out = driven_out
        if self.mode is not FREE:
            self._judge(fitting, apart, crowded)
        elif self._pass:
            self._pass -= 1
        elif theirs and not crowded and (fitting is TOGETHER and apart or fitting is APART and not apart):
            self._go(fitting, theirs - 1)
        return 0

    cdef int _judge(self, str fitting, bint apart, bint crowded) except -1:
        """Was it right to move?"""
        if fitting is not self.mode:
            self.release()
        elif crowded or apart != (self.mode is APART):
            self.failed()
        elif self._failed:
            self._failed -= 1
        return 0

    cdef int _go(self, str mode, int cpu) except -1:
        cpus = os.sched_getaffinity(0)
        wanted = {cpu} if mode is TOGETHER else cpus - {cpu}
        if cpu in cpus and len(cpus) > 1 and self._move(wanted):
            self._cpus, self.mode = cpus, mode
        else:
            self.failed()
        return 0

    cpdef int failed(self) except -1:
        """It did not help, or a statement took long."""
        self.release()
        self._failed = min(self._failed + 1, MOST_FAILED)
        self._pass = 1 << self._failed
        return 0

    cpdef int release(self) except -1:
        """To run anywhere."""
        if self.mode is not FREE:
            self.mode = FREE
            self._move(self._cpus)
        return 0
