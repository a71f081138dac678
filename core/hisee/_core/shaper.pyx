"""The shaper of one link: a C thread between two sockets. This module starts it, changes it and lets it go."""

from libc.stdint cimport int64_t


cdef extern from "esl_shaper.h" nogil:
    ctypedef struct esl_shaper_t:
        pass

    ctypedef struct esl_shape_t:
        int64_t delay_ns
        int64_t jitter_ns
        int64_t kbit_s

    esl_shaper_t *esl_shaper_start(int near, int far, const esl_shape_t *shape) noexcept
    void esl_shaper_set(esl_shaper_t *shaper, const esl_shape_t *shape) noexcept
    int64_t esl_shaper_held(const esl_shaper_t *shaper) noexcept
    void esl_shaper_leave(esl_shaper_t *shaper) noexcept


cdef esl_shape_t shape_of(double rtt_ms, double jitter_ms, int64_t kbit_s) except *:
    cdef esl_shape_t shape
    if not (0 <= rtt_ms <= 60_000 and 0 <= jitter_ms <= 60_000 and kbit_s >= 0):
        raise ValueError("a link has 0 to 60 000 ms of delay and jitter, and a rate of 0 (no limit) or more")
    shape.delay_ns, shape.jitter_ns, shape.kbit_s = <int64_t>(rtt_ms * 500_000), <int64_t>(jitter_ms * 1_000_000), kbit_s
    return shape


cdef class Shaper:
    """Takes over two descriptors of connected sockets; `near` is the side of the one who made the shaper."""

    cdef esl_shaper_t *_shaper

    def __init__(self, int near, int far, double rtt_ms, double jitter_ms, int64_t kbit_s):
        cdef esl_shape_t shape = shape_of(rtt_ms, jitter_ms, kbit_s)
        self._shaper = esl_shaper_start(near, far, &shape)
        if self._shaper == NULL:
            raise MemoryError("no thread or memory for a shaped link")

    def __dealloc__(self):
        self._leave()

    cdef void _leave(self):
        if self._shaper != NULL:
            esl_shaper_leave(self._shaper)
        self._shaper = NULL

    def set(self, double rtt_ms, double jitter_ms, int64_t kbit_s) -> None:
        """New delay (half of rtt_ms each way), jitter and rate, from the next byte on. Nothing after close."""
        cdef esl_shape_t shape = shape_of(rtt_ms, jitter_ms, kbit_s)
        if self._shaper != NULL:
            esl_shaper_set(self._shaper, &shape)

    @property
    def held_bytes(self) -> int:
        """Bytes under way in both directions."""
        return esl_shaper_held(self._shaper) if self._shaper != NULL else 0

    def close(self) -> None:
        """Let the thread end by itself; idempotent."""
        self._leave()
