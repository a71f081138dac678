"""Declarations of core/c/esl_router.h."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from hisee._core.book cimport esl_book_t
from hisee._core.cframe cimport esl_envelope_t
from hisee._core.cring cimport esl_segment_t


cdef extern from "esl_router.h" nogil:
    ctypedef struct esl_router_t:
        pass

    ctypedef struct esl_router_limits_t:
        uint64_t backlog_bytes
        uint64_t message_bytes
        uint64_t up_bytes
        uint32_t part_bytes
        uint32_t spin

    ctypedef struct esl_port_counts_t:
        uint64_t taken
        uint64_t taken_bytes
        uint64_t given
        uint64_t given_bytes
        uint64_t waiting_bytes
        uint64_t refused

    ctypedef struct esl_up_t:
        int32_t port
        uint32_t why
        esl_envelope_t envelope

    int ESL_UP_ENDED
    int ESL_UP_DAMAGED

    int ESL_SENT
    int ESL_SEND_FULL
    int ESL_SEND_GONE
    int ESL_SEND_WRONG

    esl_router_t *esl_router_new(const esl_router_limits_t *limits, esl_book_t *book) noexcept
    bint esl_router_start(esl_router_t *router) noexcept
    void esl_router_free(esl_router_t *router) noexcept
    int esl_router_up_bell(const esl_router_t *router) noexcept
    int esl_router_add_ring(esl_router_t *router, esl_segment_t *own, const esl_segment_t *peer, int bell, int peer_bell) noexcept
    int esl_router_add_stream(esl_router_t *router, int socket, uint64_t session, uint32_t epoch) noexcept
    bint esl_router_drop(esl_router_t *router, int port) noexcept
    bint esl_router_leave(esl_router_t *router, int port, const void *goodbye, uint32_t bytes) noexcept
    bint esl_router_set_route(esl_router_t *router, uint32_t number, int port) noexcept
    bint esl_router_set_pass(esl_router_t *router, uint16_t kind, uint32_t lanes) noexcept
    int esl_router_send(esl_router_t *router, int port, const esl_envelope_t *envelope, const void *payload, bint quiet) noexcept
    void esl_router_settle(esl_router_t *router, int port, uint8_t lane, uint32_t count) noexcept
    uint64_t esl_router_heard(esl_router_t *router, int port) noexcept
    uint64_t esl_router_backlog(esl_router_t *router, int port) noexcept
    bint esl_router_sync(esl_router_t *router) noexcept
    bint esl_router_up_look(esl_router_t *router, esl_up_t *up) noexcept
    void esl_router_up_take(esl_router_t *router, void *payload) noexcept
    bint esl_router_counts(esl_router_t *router, int port, esl_port_counts_t *counts) noexcept
