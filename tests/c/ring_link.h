/* A link in anonymous shared memory for the C programs of this folder: side A produces, side B consumes. */
#ifndef RING_LINK_H
#define RING_LINK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "esl_ring.h"

typedef struct {
    esl_segment_t *a, *b;
} link_t;

static inline esl_segment_t *fresh_segment(uint32_t capacity)
{
    size_t bytes = (size_t)esl_ring_bytes(capacity) + 64; /* bytes behind the data, to see a write that leaves it */
    esl_segment_t *s = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) abort();
    return s;
}

static inline void reset_segment(esl_segment_t *s, uint32_t capacity, uint64_t position)
{
    memset(s, 0x5a, (size_t)esl_ring_bytes(capacity) + 64);
    esl_segment_init(s, capacity, 7);
    atomic_store(&s->tail, position);
    atomic_store(&s->head, position);
}

static inline link_t fresh_link(uint32_t capacity, uint64_t position)
{
    link_t link = {fresh_segment(capacity), fresh_segment(capacity)};
    reset_segment(link.a, capacity, position);
    reset_segment(link.b, capacity, position);
    return link;
}

static inline uint8_t pattern(uint64_t seq, uint32_t i) { return (uint8_t)(seq * 31 + i); }

static inline esl_envelope_t envelope_of(uint32_t length, uint64_t seq)
{
    return (esl_envelope_t){.length = length, .total = length, .kind = 0x011a, .lane = 1, .flags = ESL_FIRST | ESL_LAST, .corr = seq};
}

static inline void fill(uint8_t *payload, uint32_t length, uint64_t seq)
{
    for (uint32_t i = 0; i < length; i++) payload[i] = pattern(seq, i);
}

static inline int filled(const uint8_t *payload, uint32_t length, uint64_t seq)
{
    for (uint32_t i = 0; i < length; i++)
        if (payload[i] != pattern(seq, i)) return 0;
    return 1;
}

#endif
