# The sleep in an epoll; part of route.pyx.

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64

    struct epoll_event:
        uint32_t events
        epoll_data_t data

    int EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_CLOEXEC
    uint32_t EPOLLIN, EPOLLOUT, EPOLLET
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int op, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int most, int timeout_ms)


cdef enum:
    EVENTS = 16  # taken from the epoll at once
    # what a descriptor is, above its number in the event: a selector of Python looks at the lower half only
    PLAIN = 0
    BELL = 1  # of a route: edge-triggered, never read
    SERVER = 2
    CONTROL = 3  # socket of a route, whose end tells the death of its peer
    OTHER = 4


cdef int control(int epoll, int op, int fd, uint64_t what, uint32_t events) except -1:
    cdef epoll_event event
    event.events, event.data.u64 = events, what << 32 | <uint32_t>fd
    if epoll_ctl(epoll, op, fd, &event):
        raise OSError(errno, os.strerror(errno))
    return 0


def edge(int epoll, int bell) -> None:
    """Of a bell that this epoll watches already: from now on each stroke is told once, and nobody has to read it."""
    control(epoll, EPOLL_CTL_MOD, bell, BELL, EPOLLIN | EPOLLET)


cdef class Watch:
    """What a blocking thread with direct routes waits for: one epoll for its server's link, the routes and other descriptors.

    `server_due`: look at that link. Bells are edge-triggered and never read.
    """

    cdef int _epoll
    cdef dict _ends  # by control socket
    cdef tuple _others
    cdef public bint server_due
    cdef bint _stop  # one of the others is readable
    cdef int _waits_for_room  # the server's socket, while own bytes wait for it; -1: none do

    def __init__(self, servers):
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            raise OSError(errno, os.strerror(errno))
        self._ends, self._others, self.server_due, self._waits_for_room = {}, (), True, -1
        for fd in servers:
            control(self._epoll, EPOLL_CTL_ADD, fd, SERVER, EPOLLIN)

    def __dealloc__(self):
        self.close()

    def close(self) -> None:
        epoll, self._epoll = self._epoll, -1
        if epoll >= 0:
            close(epoll)

    def add(self, end) -> None:
        bell, socket = end.carrier.descriptors
        control(self._epoll, EPOLL_CTL_ADD, bell, BELL, EPOLLIN | EPOLLET)
        control(self._epoll, EPOLL_CTL_ADD, socket, CONTROL, EPOLLIN)
        self._ends[socket] = end

    def drop(self, end) -> None:
        """Before its descriptors are closed."""
        bell, socket = end.carrier.descriptors
        if self._ends.pop(socket, None) is not None:
            control(self._epoll, EPOLL_CTL_DEL, bell, BELL, 0)
            control(self._epoll, EPOLL_CTL_DEL, socket, CONTROL, 0)

    @property
    def empty(self) -> bool:
        """No route is left."""
        return not self._ends

    def wait(self, double timeout_s, also) -> bool:
        """False = time is over, or one of `also` is readable."""
        self._look_for(also)
        return self._sleep(<int64_t>(timeout_s * 1e9)) and not self._stop

    cpdef int look_for_room(self, int socket) except -2:
        """The server's socket that own bytes wait for; -1 = none do."""
        if socket == self._waits_for_room:
            return 0
        if self._waits_for_room >= 0:
            control(self._epoll, EPOLL_CTL_MOD, self._waits_for_room, SERVER, EPOLLIN)
        if socket >= 0:
            control(self._epoll, EPOLL_CTL_MOD, socket, SERVER, EPOLLIN | EPOLLOUT)
        self._waits_for_room = socket
        return 0

    cdef int _look_for(self, also) except -1:
        if self._others == tuple(also):
            return 0
        for fd in self._others:
            control(self._epoll, EPOLL_CTL_DEL, fd, OTHER, 0)
        self._others = tuple(also)
        for fd in self._others:
            control(self._epoll, EPOLL_CTL_ADD, fd, OTHER, EPOLLIN)
        return 0

    cdef bint _sleep(self, int64_t limit_ns) except -1:
        """Whether anything came."""
        cdef epoll_event events[EVENTS]
        cdef int found = doze(self._epoll, limit_ns, events), at
        cdef uint64_t what
        self._stop = False
        for at in range(found):
            what = events[at].data.u64 >> 32
            if what == SERVER:
                self.server_due = True
            elif what == OTHER:
                self._stop = True
            elif what == CONTROL:
                self._ends[<int><uint32_t>events[at].data.u64].carrier.look = True
        return found > 0


cdef int doze(int epoll, int64_t limit_ns, epoll_event *events) except -1:
    """Asleep until something comes; the number of events. A part of a millisecond counts as a whole one, as event loops have it."""
    cdef int timeout_ms, found
    timeout_ms = <int>((min(limit_ns, LONG_NS) + 999999) // 1000000) if limit_ns > 0 else 0
    with nogil:
        found = epoll_wait(epoll, events, EVENTS, timeout_ms)
    if found < 0:
        if errno != EINTR:
            raise OSError(errno, os.strerror(errno))
        PyErr_CheckSignals()
        return 0
    return found
