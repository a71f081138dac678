"""Direct routes while nothing is in the way: a message out, a message in, and the sleep between the two, without Python in between.

`QuickEnd` and `QuickWay` are the bases of hisee.channel.route_end.RouteEnd and hisee.channel.direct.Direct, which decide everything
else: grants, turns of the lane, ends.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close

from hisee._core cimport cring as c
from hisee._core.message cimport Message
from hisee._core.reads cimport Reads
from hisee._core.ring cimport Rings
from hisee._core.session cimport Quick

import mmap
import os

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64

    struct epoll_event:
        uint32_t events
        epoll_data_t data

    int EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_CLOEXEC
    uint32_t EPOLLIN, EPOLLET
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int op, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int most, int timeout_ms)


cdef extern from "<sched.h>" nogil:
    int sched_getcpu()

cdef extern from "<sys/resource.h>" nogil:
    struct rusage:
        long ru_nivcsw

    int RUSAGE_THREAD
    int getrusage(int who, rusage *usage)

cdef extern from "esl_ring.h" nogil:
    ctypedef struct segment_t "esl_segment_t":
        uint32_t cpu  # 1 + processor that its owner was last seen on; a hint, nothing depends on its order


cdef enum:
    EVENTS = 16  # taken from the epoll at once
    TURN_MESSAGES = 16  # of routes, before the server's link gets a look
    # what a descriptor is, above its number in the event: a selector of Python looks at the lower half only
    PLAIN = 0
    BELL = 1  # of a route: edge-triggered, never read
    SERVER = 2
    CONTROL = 3  # socket of a route, whose end tells the death of its peer
    OTHER = 4
    LOOK_REQUESTS = 16  # of a Place: requests between two looks
    MOST_FAILED = 10
    PAGE = 4096
    COUNTERS = 2048
    MOST_LANES = 128  # what the page has room for

cdef int64_t LONG_NS = 3_600_000_000_000
LOOK_NS = 100_000  # about what two wakes across processors take
SOON_NS = 120_000  # asleep for less than this: a look would have found it, or nearly
MOST_PASSED = 1024
FREE, TOGETHER, APART = "free", "together", "apart"
cdef int64_t SOON = SOON_NS
cdef int64_t SHORT_NS = 200_000  # a statement that takes longer is no short one


cdef int64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


cdef int control(int epoll, int op, int fd, uint64_t what, uint32_t events) except -1:
    cdef epoll_event event
    event.events, event.data.u64 = events, what << 32 | <uint32_t>fd
    if epoll_ctl(epoll, op, fd, &event):
        raise OSError(errno, os.strerror(errno))
    return 0


def edge(int epoll, int bell) -> None:
    """Of a bell that this epoll watches already: from now on each stroke is told once, and nobody has to read it."""
    control(epoll, EPOLL_CTL_MOD, bell, BELL, EPOLLIN | EPOLLET)


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


cdef class Counters:
    """Messages and bytes of each lane that the owner of a segment has sent; the server reads what the owner writes.

    They lie in the first page of the segment, which holds the ring's words before them.
    """

    cdef object _page
    cdef Py_buffer _view
    cdef uint64_t *_cells

    def __init__(self, int segment, *, bint own):
        self._page = mmap.mmap(segment, PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE if own else mmap.PROT_READ)
        PyObject_GetBuffer(self._page, &self._view, PyBUF_WRITABLE if own else PyBUF_SIMPLE)
        self._cells = <uint64_t *>(<char *>self._view.buf + COUNTERS)

    def __dealloc__(self):
        if self._cells != NULL:
            PyBuffer_Release(&self._view)

    cdef uint64_t *_of(self, unsigned int lane) except NULL:
        if self._cells == NULL:
            raise ValueError("the counters of a route that is closed")
        if lane >= MOST_LANES:
            raise IndexError(f"lane {lane} of {MOST_LANES}")
        return self._cells + 2 * lane

    cpdef int add(self, unsigned int lane, int64_t size, int sign=1) except -1:
        cdef uint64_t *cells = self._of(lane)
        cells[0] += <uint64_t>sign
        cells[1] += <uint64_t>(sign * size)
        return 0

    def of(self, unsigned int lane) -> tuple[int, int]:
        """Messages, bytes."""
        cdef uint64_t *cells = self._of(lane)
        return cells[0], cells[1]

    def close(self) -> None:
        if self._cells != NULL:
            self._cells = NULL
            PyBuffer_Release(&self._view)
            self._page.close()


cdef class QuickEnd:
    """One end of a direct route. `sending`: own messages go by it. `reading`: the peer has said that its do."""

    cdef readonly Quick channel
    cdef public Counters counters
    cdef public uint32_t route
    cdef public uint32_t peer
    cdef public unsigned char lane
    cdef public bint asks
    cdef public bint sending
    cdef public bint reading
    cdef public dict open  # asked by it and not answered, by source and corr
    cdef Rings _rings

    def bind(self, channel) -> None:
        """`channel`: the link of rings that carries it."""
        self.channel, self._rings, self.open = channel, channel._rings, {}

    cdef int send(self, Message message) except -1:
        """Raises ChannelFull, ChannelClosed, MessageTooLong."""
        cdef Py_ssize_t size = len(message.payload)
        self.counters.add(message.lane, size)  # before anybody can have it
        try:
            if not self.channel._push(message):
                self.channel._send(message)
        except BaseException:
            self.counters.add(message.lane, size, -1)
            raise
        if message.wants_answer:
            self.open[message.source, message.corr] = message
        return 0

    cdef bint usable(self):
        cdef Rings r = self._rings
        return r._own != NULL and not r._ending and r._forks == r._fork_count[0]

    cdef bint nothing(self):
        return c.esl_ring_empty(&self._rings._consumer)

    cdef bint apart(self):
        """Was the peer last seen on another processor?"""
        return c.esl_look_ns(&self._rings._waiter, self._rings._peer) != 0


cdef class Watch:
    """What a blocking thread with direct routes waits for: one epoll for its server's link, the routes and other descriptors.

    `server_due`: look at that link. Bells are edge-triggered and never read.
    """

    cdef int _epoll
    cdef dict _ends  # by control socket
    cdef tuple _others
    cdef public bint server_due
    cdef bint _stop  # one of the others is readable

    def __init__(self, servers):
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        if self._epoll < 0:
            raise OSError(errno, os.strerror(errno))
        self._ends, self._others, self.server_due = {}, (), True
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


cdef class QuickWay:
    """See the module's text. What is not to be handed over as it is goes to `_hand_over`."""

    cdef public object _server  # the link to the server
    cdef public object _gone  # exception that `send` of a closed link raises
    cdef public dict _ways  # (lane, object) -> the end that requests for it take
    cdef public list _reading  # ends that are read
    cdef public object _own_kinds  # of messages that are not handed over as they are
    cdef public object _answers  # kinds that end a request
    cdef public Spin _spin
    cdef public int64_t waited_ns  # asleep
    cdef size_t _next_at
    cdef QuickEnd _brought_by  # the newest message
    # a thread that blocks
    cdef public Reads reads  # requests that it answers by itself, None = none
    cdef public Place place
    cdef int64_t _answered_ns
    cdef public object post  # called with a request and its answer where that may not go out at once
    cdef public object _ready  # deque of what came and is not handed over
    cdef public QuickEnd _came_by  # way of the message handed over last
    cdef public int _taken  # from routes, since the server's link had its look
    cdef public Watch _watch
    cdef int64_t _tick_ns  # when the server's link wants a look all the same
    # beside an event loop
    cdef public object _on_message
    cdef public object on_answer  # what is called with an answer by a route in place of `_on_message`; None = that
    cdef public int _epoll  # of the loop; -1: none, or not known
    cdef public bint between  # `rest` comes before the loop goes on
    cdef public bint awake  # and some peers do not ring meanwhile
    cdef public bint elsewhere  # something came that is not of a route
    cdef int _unlooked  # answers since the loop's epoll was looked at
    cdef QuickEnd _asked_by

    # -- out

    def send(self, message) -> None:
        """As Channel.send. An answer goes back the way its request came, in blocking mode."""
        self._out(message, self._way_of(message))

    cdef int _out(self, Message message, QuickEnd end) except -1:
        if end is None:
            self._server.send(message)
            return 0
        if self.between and end.usable():
            self._asked_by = end
            c.esl_ring_awake(&end._rings._consumer)  # `rest` looks before it sleeps
            self.awake = True
        if end.asks:
            message.target = end.peer
        try:
            end.send(message)
        except Exception as fault:
            if not isinstance(fault, self._gone):
                raise
            self._server.send(message)  # the peer is gone; the server says so, and knows what becomes of this one
        return 0

    cdef QuickEnd _way_of(self, Message message):
        cdef QuickEnd end
        if not message.target:
            return self._ways.get((message.lane, message.object)) if self._ways else None
        end = self._came_by
        return end if end is not None and end.sending and message.lane == end.lane and message.kind in self._answers else None

    # -- in

    cdef Message _next(self):
        """The next message of a route, the routes in turn."""
        cdef size_t count = len(self._reading), at
        cdef QuickEnd end
        cdef Message message
        for at in range(count):
            end = <QuickEnd>self._reading[(self._next_at + at) % count]
            message = end.channel.next()
            if message is not None:
                self._next_at += at + 1
                self._brought_by = end
                return message
        return None

    def receive(self, double timeout_s, also=()):
        """As Channel.receive, None also for a mere look; a direct route is read before what the server sends behind it."""
        cdef Message message
        if self._watch is None:
            return self._receive(timeout_s, also)
        while not self._ready and not self.is_server_due():
            message = self._next()
            if message is None and timeout_s > 0 and self._await(timeout_s, also):
                message = self._next()
            if message is None:
                return self._receive(0.0, also)
            if message.kind in self._own_kinds:
                self._hand_over(message, self._brought_by)
                break
            self._came_by = self._brought_by
            self._taken += 1
            if self.reads is None or not self._answer(message):
                self.place.release()  # nobody knows how long it will take
                return message
        return self._receive(timeout_s, also)

    cdef bint _answer(self, Message message) except -1:
        """A request that was known again has its answer."""
        cdef QuickEnd end = self._came_by
        cdef int64_t began_ns = now_ns()
        cdef Message answer
        self._place_for(end, began_ns - self._answered_ns < SOON)
        answer = self.reads.answer(message)
        if answer is None:
            return False
        if len(answer.payload) <= self._came_by.channel._part_bytes:
            self._out(answer, self._way_of(answer))
        else:
            self.post(message, answer)
        self._answered_ns = now_ns()
        if self._answered_ns - began_ns > SHORT_NS and self.place.mode is not FREE:
            self.place.failed()
        return True

    cdef int _place_for(self, QuickEnd end, bint soon) except -1:
        cdef rusage usage
        usage.ru_nivcsw = 0
        if self.place.due():
            getrusage(RUSAGE_THREAD, &usage)
        return self.place.heard(end, (<segment_t *>end._rings._peer).cpu, <uint32_t>sched_getcpu() + 1, soon, usage.ru_nivcsw)

    cpdef bint is_server_due(self):
        """Is it time to look at the server's link?"""
        return self._taken >= TURN_MESSAGES or self._watch.server_due

    def tick_in(self, double seconds) -> None:
        """When `receive` must look at the server's link whatever comes by routes."""
        self._tick_ns = now_ns() + <int64_t>(seconds * 1e9)

    cdef bint _await(self, double timeout_s, also) except -1:
        """Until something may have come by a route (True), or there is something else to do."""
        cdef int64_t began_ns
        cdef bint came
        if self._looks(self._came_by) or not self._all_asleep():
            return True
        self._watch._look_for(also)
        began_ns = now_ns()
        came = self._watch._sleep(min(<int64_t>(timeout_s * 1e9), self._tick_ns - began_ns))
        self._slept(now_ns() - began_ns, came)
        if not came:
            self._watch.server_due = True  # it has a heartbeat to send
            self.place.release()
        elif not self._watch.server_due:
            self._taken = 0  # the server's link is armed and had nothing
        return came

    # -- beside an event loop

    def rest(self, loop, int64_t limit_ns) -> bool:
        """Hand over the next answer by a route, if it comes before anything else that the loop has to do, within `limit_ns` (< 0: ever).

        `loop` is a MeteredLoop: what it has to do is in `_ready`, what it will have to in `_scheduled`.

        False: let the loop go on. Between `between` = True and `leave`.
        """
        cdef Message message
        cdef int64_t spare_ns
        if self._epoll < 0 or self.elsewhere or self._unlooked >= TURN_MESSAGES or loop._ready or not self._expects():
            return False
        timers = loop._scheduled
        spare_ns = <int64_t>(<double>timers[0]._when * 1e9) - now_ns() if timers else LONG_NS
        if 0 <= limit_ns < spare_ns:
            spare_ns = limit_ns
        if spare_ns <= 0:
            return False
        message = self._next()
        if message is None and (self._looks(self._asked_by) or self._dozed(spare_ns)):
            message = self._next()
        if message is None:
            return False
        self._unlooked += 1
        if message.kind in self._answers and self._brought_by.open.pop((message.target, message.corr), None) is not None:
            (self._on_message if self.on_answer is None else self.on_answer)(message)
        else:
            self._hand_over(message, self._brought_by)
        return True

    cdef bint _expects(self):
        cdef QuickEnd end
        for end in self._reading:
            if end.open:
                return True
        return False

    cdef bint _dozed(self, int64_t limit_ns) except -1:
        cdef epoll_event events[EVENTS]
        cdef int found, at
        cdef int64_t began_ns
        self.awake = True
        if not self._all_asleep():
            return True
        began_ns = now_ns()
        found = doze(self._epoll, limit_ns, events)
        self._slept(now_ns() - began_ns, found > 0)
        self._unlooked = 0
        for at in range(found):
            if events[at].data.u64 >> 32 != BELL:
                self.elsewhere = True
        return found > 0

    def leave(self) -> bool:
        """The loop goes on: every peer knows that this side waits at its bell. False: something is there by now."""
        self.between = self.elsewhere = False
        self._unlooked = 0
        if not self.awake:
            return True
        self.awake = False
        return self._all_asleep()

    # -- how it waits

    cdef bint _all_asleep(self):
        """Every peer knows that this side waits at its bell. False: something is there, nobody knows."""
        cdef QuickEnd end
        for end in self._reading:
            if not end.usable() or not c.esl_ring_sleep(&end._rings._consumer, c.ESL_ON_EVENTFD):
                return False
        return True

    cdef int _slept(self, int64_t ns, bint came) except -1:
        cdef QuickEnd end
        self.waited_ns += ns
        if came:
            self._spin.woken(ns)
        for end in self._reading:
            if end.usable():
                c.esl_ring_awake(&end._rings._consumer)
        return 0

    cdef bint _looks(self, QuickEnd end) except -1:
        """Whoever asked or answered last may well do so again before a sleep has begun; not while he waits for this processor."""
        cdef int64_t until_ns
        if not self._spin.look_ns or end is None or not end.reading or not end.usable() or not end.apart():
            return False
        until_ns = now_ns() + self._spin.look_ns
        while True:
            if c.esl_look_briefly(&end._rings._waiter, &end._rings._consumer):
                self._spin.found()
                return True
            if now_ns() >= until_ns:
                self._spin.nothing()
                return False
