"""Declarations of core/c/esl_ring.h. Only the inline functions and the C file touch the atomics."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from hisee._core.cframe cimport esl_envelope_t


cdef extern from "esl_ring.h" nogil:
    ctypedef struct esl_segment_t:
        pass

    ctypedef struct esl_record_header_t:
        uint32_t length
        uint64_t seq
        uint64_t lane_seq

    ctypedef struct esl_producer_t:
        uint64_t tail
        uint64_t head_seen

    ctypedef struct esl_consumer_t:
        uint64_t head
        uint64_t seq

    ctypedef struct esl_record_view_t:
        esl_record_header_t header
        esl_envelope_t envelope

    ctypedef enum esl_ring_status:
        ESL_RING_OK
        ESL_RING_FULL
        ESL_RING_EMPTY
        ESL_RING_LONG
        ESL_RING_POISON

    int ESL_ON_EVENTFD

    uint64_t esl_ring_bytes(uint32_t capacity) noexcept
    uint32_t esl_ring_payload_max(uint32_t capacity) noexcept
    bint esl_ring_capacity_ok(uint32_t capacity) noexcept
    void esl_segment_init(esl_segment_t *segment, uint32_t capacity, uint32_t epoch) noexcept
    bint esl_segment_ok(const esl_segment_t *segment, uint64_t size, uint32_t capacity, uint32_t epoch) noexcept
    void esl_producer_init(esl_producer_t *producer, esl_segment_t *own, const esl_segment_t *peer) noexcept
    void esl_consumer_init(esl_consumer_t *consumer, esl_segment_t *own, const esl_segment_t *peer) noexcept
    esl_ring_status esl_ring_publish(esl_producer_t *producer, const esl_envelope_t *envelope, const void *payload,
                                     uint64_t lane_seq) noexcept
    bint esl_ring_must_wake(esl_producer_t *producer) noexcept
    bint esl_ring_block(esl_producer_t *producer, uint32_t payload_length) noexcept
    void esl_ring_unblock(esl_producer_t *producer) noexcept
    esl_ring_status esl_ring_peek(esl_consumer_t *consumer, esl_record_view_t *view) noexcept
    esl_ring_status esl_ring_take(esl_consumer_t *consumer, const esl_record_view_t *view, void *payload) noexcept
    bint esl_ring_must_release(esl_consumer_t *consumer) noexcept
    bint esl_ring_sleep(esl_consumer_t *consumer, uint32_t how) noexcept
    void esl_ring_awake(esl_consumer_t *consumer) noexcept
