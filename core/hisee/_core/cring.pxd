"""Declarations of core/c/esl_ring.h. Only the inline functions and the C file touch the atomics."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

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

    int ESL_AWAKE
    int ESL_IN_FUTEX
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
    esl_ring_status esl_ring_put(esl_producer_t *producer, const esl_envelope_t *envelope, const void *payload,
                                 uint64_t lane_seq) noexcept
    void esl_ring_commit(esl_producer_t *producer) noexcept
    esl_ring_status esl_ring_claim(esl_producer_t *producer, uint32_t payload_length, uint8_t **payload) noexcept
    void esl_ring_fill(esl_producer_t *producer, const esl_envelope_t *envelope, uint64_t lane_seq) noexcept
    esl_ring_status esl_ring_look(esl_producer_t *producer) noexcept
    bint esl_ring_block(esl_producer_t *producer, uint32_t payload_length, uint32_t how) noexcept
    void esl_ring_unblock(esl_producer_t *producer) noexcept
    esl_ring_status esl_ring_peek(esl_consumer_t *consumer, esl_record_view_t *view) noexcept
    esl_ring_status esl_ring_take(esl_consumer_t *consumer, const esl_record_view_t *view, void *payload) noexcept
    bint esl_ring_sleep(esl_consumer_t *consumer, uint32_t how) noexcept
    void esl_ring_awake(esl_consumer_t *consumer) noexcept
    bint esl_ring_owes_release(const esl_consumer_t *consumer) noexcept
    bint esl_ring_empty(const esl_consumer_t *consumer) noexcept


cdef extern from "esl_wait.h" nogil:
    ctypedef struct esl_waiter_t:
        uint32_t look_ns
        bint expecting
        uint64_t looked
        uint64_t slept
        uint64_t calls

    ctypedef enum esl_wait_status:
        ESL_CAME
        ESL_NOT_YET
        ESL_INTERRUPTED

    void esl_waiter_init(esl_waiter_t *waiter) noexcept
    void esl_waiter_here(esl_waiter_t *waiter, esl_segment_t *own) noexcept
    void esl_call_reader(esl_waiter_t *waiter, esl_producer_t *producer, int bell) noexcept
    void esl_call_writer(esl_waiter_t *waiter, esl_consumer_t *consumer, int bell) noexcept
    uint32_t esl_look_ns(const esl_waiter_t *waiter, const esl_segment_t *peer) noexcept
    bint esl_look_briefly(esl_waiter_t *waiter, const esl_consumer_t *consumer) noexcept
    esl_wait_status esl_wait_data(esl_waiter_t *waiter, esl_consumer_t *consumer, uint64_t limit_ns) noexcept
    esl_wait_status esl_wait_room(esl_waiter_t *waiter, esl_producer_t *producer, uint32_t payload_length, uint64_t limit_ns) noexcept
    esl_wait_status esl_wait_at_bell(esl_consumer_t *consumer, int bell, int control, int64_t limit_ns) noexcept
    bint esl_peer_knows_futex(const esl_segment_t *peer) noexcept
    bint esl_hung_up(int control) noexcept
    const unsigned int esl_fork_count
    void esl_count_forks() noexcept
