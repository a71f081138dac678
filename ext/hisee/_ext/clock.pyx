"""Clocks and thread facts, compiled. The twin in plain Python is hisee/_ext/pure_clock.py."""

from libc.stdint cimport int64_t


cdef extern from "time.h" nogil:
    ctypedef long time_t
    ctypedef int clockid_t
    cdef struct timespec:
        time_t tv_sec
        long tv_nsec
    int clock_gettime(clockid_t, timespec *)
    clockid_t CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID

cdef extern from "errno.h":
    int errno

cdef extern from "sys/prctl.h" nogil:
    int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)
    int PR_SET_NAME, PR_SET_PDEATHSIG


cdef inline int64_t read(clockid_t clock) noexcept nogil:
    cdef timespec t
    clock_gettime(clock, &t)
    return <int64_t>t.tv_sec * 1000000000 + t.tv_nsec


def monotonic_ns():
    """Nanoseconds of the clock that never jumps; the same clock in every process of this computer."""
    return read(CLOCK_MONOTONIC)


def thread_cpu_ns():
    """Processor time of the calling thread, in nanoseconds."""
    return read(CLOCK_THREAD_CPUTIME_ID)


def set_thread_name(name):
    """Name the calling thread as `ps -L` and `top -H` show it; ValueError over 15 bytes."""
    cdef bytes data = name.encode()
    if len(data) > 15 or b"\0" in data:
        raise ValueError(f"thread name {name!r} is longer than 15 bytes or holds a NUL")
    prctl(PR_SET_NAME, <unsigned long><char *>data, 0, 0, 0)


def set_parent_death_signal(int signal):
    """Have the kernel send `signal` to this process when the thread that started it ends; OSError when refused."""
    if prctl(PR_SET_PDEATHSIG, <unsigned long>signal, 0, 0, 0) != 0:
        raise OSError(errno, f"the parent-death signal {signal} was refused")
