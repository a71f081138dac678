"""Frames of a stream: encode one, find the next one in what has arrived. Owns no socket."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from hisee._core cimport cframe as c

FIRST = c.ESL_FIRST
LAST = c.ESL_LAST
WANTS_ANSWER = c.ESL_WANTS_ANSWER
HEAD_BYTES = c.ESL_FRAME_HEAD

cdef dict FAULTS = {
    c.ESL_FRAME_LONG: "frame longer than the limit",
    c.ESL_FRAME_CRC: "check sum of a frame is wrong",
    c.ESL_FRAME_TOTAL: "lengths of a frame contradict each other",
}


class FrameFault(ValueError):
    """What arrived is no frame of this protocol, or a damaged one: the stream cannot go on."""


def crc32c(data, uint32_t crc=0, bint table=False) -> int:
    """CRC-32C of `data`, continuing `crc`; `table` takes the twin without the processor's instruction."""
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        return (c.esl_crc32c_table if table else c.esl_crc32c)(crc, view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


def encode(uint64_t session, uint64_t seq, uint64_t ack, uint32_t epoch, unsigned short kind, unsigned char lane,
           unsigned char flags, uint32_t source, uint32_t target, uint32_t object, uint32_t total, uint64_t corr, payload) -> bytes:
    """One frame. `payload` is any buffer of bytes."""
    cdef c.esl_session_t head
    cdef c.esl_envelope_t envelope
    cdef Py_buffer view
    cdef bytes frame
    PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
    try:
        head.session, head.seq, head.ack, head.epoch = session, seq, ack, epoch
        envelope.length = <uint32_t>view.len
        envelope.kind, envelope.lane, envelope.flags = kind, lane, flags
        envelope.source, envelope.target, envelope.object = source, target, object
        envelope.total, envelope.corr = total, corr
        frame = PyBytes_FromStringAndSize(NULL, c.ESL_FRAME_HEAD + view.len)
        c.esl_frame_head(<uint8_t *>PyBytes_AS_STRING(frame), &head, &envelope, view.buf)
        memcpy(PyBytes_AS_STRING(frame) + c.ESL_FRAME_HEAD, view.buf, view.len)
        return frame
    finally:
        PyBuffer_Release(&view)


cdef class Decoder:
    """The frames in a stream of bytes. `limit` is the longest payload; it may be raised after the logon.

    `session` and `epoch` are what every frame has to carry; they start as 0 and are set when the logon ended.
    """

    cdef public uint32_t limit
    cdef public uint64_t session
    cdef public uint32_t epoch
    cdef readonly uint64_t ack
    cdef bytearray _bytes
    cdef Py_ssize_t _start

    def __init__(self, uint32_t limit):
        self.limit = limit
        self._bytes = bytearray()

    def feed(self, data) -> None:
        """Take over what a read gave."""
        if self._start:
            del self._bytes[:self._start]
            self._start = 0
        self._bytes += data

    @property
    def pending(self) -> int:
        """Bytes that are not yet a whole frame."""
        return len(self._bytes) - self._start

    @property
    def ready(self) -> bool:
        """Would `next` give a frame or a fault?"""
        cdef c.esl_session_t head
        cdef c.esl_envelope_t e
        cdef const uint8_t *at = <const uint8_t *>(<char *>self._bytes) + self._start
        return c.esl_frame_look(at, len(self._bytes) - self._start, self.limit, &head, &e) != c.ESL_FRAME_PART

    def next(self):
        """(kind, lane, flags, source, target, object, total, corr, payload, seq) or None; FrameFault ends the stream."""
        cdef c.esl_session_t head
        cdef c.esl_envelope_t e
        cdef const uint8_t *at = <const uint8_t *>(<char *>self._bytes) + self._start
        cdef c.esl_frame_status status
        status = c.esl_frame_look(at, len(self._bytes) - self._start, self.limit, &head, &e)
        if status == c.ESL_FRAME_PART:
            return None
        if status != c.ESL_FRAME_OK:
            raise FrameFault(FAULTS[status])
        if head.session != self.session or head.epoch != self.epoch:
            raise FrameFault("a frame of another session or carrier")
        self.ack = head.ack
        payload = PyBytes_FromStringAndSize(<const char *>at + c.ESL_FRAME_HEAD, e.length)
        self._start += c.ESL_FRAME_HEAD + e.length
        return e.kind, e.lane, e.flags, e.source, e.target, e.object, e.total, e.corr, payload, head.seq
