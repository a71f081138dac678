"""The two rings of one link as other compiled modules use them: without a Python object in between."""

from libc.stdint cimport uint32_t, uint64_t

from hisee._core cimport cring as c


cdef class Rings:
    cdef c.esl_segment_t *_own  # what a send looks at comes first and lies together: who has slept is cold
    cdef unsigned int _forks  # as counted when this was made: a mapping belongs to one process
    cdef int _bell
    cdef const unsigned int *_fork_count
    cdef bint _claimed  # a place in the ring is being written by a user: nothing else may be put
    cdef c.esl_producer_t _producer
    cdef c.esl_waiter_t _waiter
    cdef c.esl_consumer_t _consumer
    cdef c.esl_segment_t *_peer
    cdef readonly uint32_t capacity
    cdef int _waiting  # threads that look into the mapping without the GIL
    cdef bint _ending  # closed meanwhile: the last of them unmaps
    cdef void _unmap(self)
    cdef void _leave(self)
    cdef int _check(self) except -1
