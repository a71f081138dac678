"""Direct routes while nothing is in the way: a message out, a message in, and the sleep between the two, without Python in between.

`QuickEnd` and `QuickWay` are the bases of hisee.channel.route_end.RouteEnd and hisee.channel.direct.Direct, which decide everything
else: grants, turns of the lane, ends.
"""

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

cdef extern from "esl_ring.h" nogil:
    ctypedef struct segment_t "esl_segment_t":
        uint32_t cpu  # 1 + processor that its owner was last seen on; a hint, nothing depends on its order


cdef enum:
    TURN_MESSAGES = 16  # of routes, before the server's link gets a look
    PAGE = 4096
    COUNTERS = 2048
    MOST_LANES = 128  # what the page has room for

cdef int64_t LONG_NS = 3_600_000_000_000
cdef int64_t TURN_NS = 2_000_000  # as a turn of hisee.script.turns
cdef int64_t SHORT_NS = 200_000  # a statement that takes longer is no short one


cdef int64_t now_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


include "place.pxi"


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


include "watch.pxi"


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
    cdef bint _between  # in a turn of scripts: `rest` comes before the loop goes on
    cdef bint _awake  # and some peers do not ring meanwhile
    cdef bint _elsewhere  # something came that is not of a route
    cdef int64_t _began_ns  # the turn
    cdef int _unlooked  # answers since the loop's epoll was looked at
    cdef QuickEnd _asked_by

    @property
    def near(self) -> bool:
        """Is there a route to be read?"""
        return len(self._reading) > 0

    # -- out

    def send(self, message) -> None:
        """As Channel.send. An answer goes back the way its request came, in blocking mode."""
        self._out(message, self._way_of(message))

    cdef int _out(self, Message message, QuickEnd end) except -1:
        if end is None:
            self._server.send(message)
            return 0
        if self._between and end.usable():
            self._asked_by = end
            c.esl_ring_awake(&end._rings._consumer)  # `rest` looks before it sleeps
            self._awake = True
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
        self._watch.look_for_room(self._server.writing)
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

    def open_turn(self) -> None:
        """Scripts run now, and what they ask may be answered before the loop goes on: `rest`. `leave` ends it."""
        self._between, self._began_ns, self.waited_ns = True, now_ns(), 0

    def rest(self, loop, int64_t limit_ns) -> bool:
        """Hand over the next answer by a route, if it comes before anything else that the loop has to do, within `limit_ns` (< 0: ever).

        `loop` is a MeteredLoop: what it has to do is in `_ready`, what it will have to in `_scheduled`.

        False: let the loop go on. So it does as well when the turn has worked for TURN_NS.
        """
        cdef Message message
        cdef int64_t spare_ns, current_ns
        if self._epoll < 0 or self._elsewhere or self._unlooked >= TURN_MESSAGES or loop._ready or not self._expects():
            return False
        timers = loop._scheduled
        current_ns = now_ns()
        if current_ns - self._began_ns - self.waited_ns > TURN_NS:
            return False
        spare_ns = <int64_t>(<double>timers[0]._when * 1e9) - current_ns if timers else LONG_NS
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
        self._awake = True  # its peer may believe that this one's place is still where this side waits
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
        self._awake = True
        if not self._all_asleep():
            return True
        began_ns = now_ns()
        found = doze(self._epoll, limit_ns, events)
        self._slept(now_ns() - began_ns, found > 0)
        self._unlooked = 0
        for at in range(found):
            if events[at].data.u64 >> 32 != BELL:
                self._elsewhere = True
        return found > 0

    def leave(self) -> bool:
        """The loop goes on: every peer knows that this side waits at its bell. False: something is there by now."""
        self._between = self._elsewhere = False
        self._unlooked = 0
        if not self._awake:
            return True
        self._awake = False
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
