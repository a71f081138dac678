"""Declarations of core/c/esl_frame.h and esl_crc.h."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "esl_frame.h" nogil:
    int ESL_FRAME_HEAD
    int ESL_FIRST, ESL_LAST, ESL_WANTS_ANSWER

    ctypedef struct esl_envelope_t:
        uint32_t length
        uint16_t kind
        uint8_t lane
        uint8_t flags
        uint32_t source
        uint32_t target
        uint32_t object
        uint32_t total
        uint64_t corr

    ctypedef struct esl_session_t:
        uint64_t session
        uint64_t seq
        uint64_t ack
        uint32_t epoch
        uint32_t crc

    ctypedef enum esl_frame_status:
        ESL_FRAME_OK
        ESL_FRAME_PART
        ESL_FRAME_LONG
        ESL_FRAME_CRC
        ESL_FRAME_TOTAL

    esl_envelope_t esl_envelope_of(uint32_t length, uint16_t kind, uint8_t lane, uint8_t flags, uint32_t source, uint32_t target,
                                   uint32_t object, uint32_t total, uint64_t corr) noexcept
    bint esl_envelope_ok(const esl_envelope_t *envelope) noexcept
    void esl_frame_head(uint8_t *head, esl_session_t *session, const esl_envelope_t *envelope, const void *payload) noexcept
    esl_frame_status esl_frame_look(const uint8_t *data, size_t have, uint32_t limit, esl_session_t *session,
                                    esl_envelope_t *envelope) noexcept


cdef extern from "esl_crc.h" nogil:
    uint32_t esl_crc32c(uint32_t crc, const void *data, size_t length) noexcept
    uint32_t esl_crc32c_table(uint32_t crc, const void *data, size_t length) noexcept
