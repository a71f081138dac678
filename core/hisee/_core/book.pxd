"""Declarations of core/c/esl_book.h, and the class over it."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "esl_book.h" nogil:
    unsigned int ESL_BOOK_CHAIN
    int ESL_BOOK_CIRCLE
    int ESL_BOOK_MEMORY

    ctypedef struct esl_book_t:
        pass

    ctypedef struct esl_open_t:
        uint64_t corr
        uint32_t caller
        uint32_t target
        uint32_t object
        uint16_t kind
        uint8_t lane
        bint waits

    ctypedef struct esl_passed_t:
        uint64_t messages
        uint64_t bytes
        int64_t since_ms
        uint32_t source
        uint32_t target
        uint8_t lane
        bint answer

    ctypedef struct esl_chain_t:
        uint32_t count
        uint32_t *numbers

    esl_book_t *esl_book_new() noexcept
    void esl_book_free(esl_book_t *book) noexcept
    int esl_book_enter(esl_book_t *book, const esl_open_t *open, esl_chain_t *circle) noexcept
    bint esl_book_leave(esl_book_t *book, uint32_t caller, uint64_t corr) noexcept
    void esl_book_forget(esl_book_t *book, uint32_t caller) noexcept
    bint esl_book_orphan(esl_book_t *book, uint32_t target, uint32_t *at, esl_open_t *orphan) noexcept
    uint32_t esl_book_size(esl_book_t *book) noexcept
    uint32_t esl_book_count(esl_book_t *book, uint32_t target, uint32_t lanes) noexcept
    bint esl_book_take_passed(esl_book_t *book, esl_passed_t *passed) noexcept


cdef class Book:
    cdef esl_book_t *_book
