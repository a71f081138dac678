/* The ring. Every position of the peer is checked before an address is made of it: a peer that writes nonsense costs the
 * link, never a read outside the segment. */
#include "esl_ring.h"

#include <string.h>

#include "esl_crc.h"

#define HEADER ((uint32_t)sizeof(esl_record_header_t))
#define ENVELOPE ((uint32_t)sizeof(esl_envelope_t))
static uint64_t aligned(uint64_t length) { return (length + ESL_RING_ALIGN - 1) & ~(uint64_t)(ESL_RING_ALIGN - 1); }

bool esl_ring_capacity_ok(uint32_t capacity)
{
    return capacity >= ESL_RING_MIN && capacity <= ESL_RING_MAX && (capacity & (capacity - 1)) == 0;
}

void esl_segment_init(esl_segment_t *segment, uint32_t capacity, uint32_t epoch)
{
    memset(segment, 0, sizeof *segment);
    segment->magic = ESL_RING_MAGIC;
    segment->capacity = capacity;
    segment->epoch = epoch;
}

bool esl_segment_ok(const esl_segment_t *segment, uint64_t bytes, uint32_t capacity, uint32_t epoch)
{
    if (!esl_ring_capacity_ok(capacity) || bytes != esl_ring_bytes(capacity)) return false;
    return segment->magic == ESL_RING_MAGIC && segment->capacity == capacity && segment->epoch == epoch;
}

void esl_producer_init(esl_producer_t *p, esl_segment_t *own, const esl_segment_t *peer)
{
    *p = (esl_producer_t){.own = own, .peer = peer, .data = (uint8_t *)own + ESL_RING_DATA,
                          .capacity = own->capacity, .epoch = own->epoch};
    p->tail = atomic_load_explicit(&own->tail, memory_order_relaxed); /* only we write it */
    p->head_seen = atomic_load_explicit(&peer->head, memory_order_acquire); /* pairs with [H] */
    p->poisoned = p->tail - p->head_seen > p->capacity;
    atomic_store_explicit(&own->knows, ESL_KNOWS_FUTEX, memory_order_relaxed);
}

void esl_consumer_init(esl_consumer_t *c, esl_segment_t *own, const esl_segment_t *peer)
{
    *c = (esl_consumer_t){.own = own, .peer = peer, .data = (const uint8_t *)peer + ESL_RING_DATA,
                          .capacity = own->capacity, .epoch = own->epoch};
    c->head = atomic_load_explicit(&own->head, memory_order_relaxed); /* only we write it */
    c->tail_seen = c->offered = c->head;
}

/* Eight bytes at a time, whatever the compiler would like: header and envelope have just been written in words of that width, and
 * a processor that reads wider waits until they are in the cache. */
static inline void copy_words(void *to, const void *from, int count)
{
#pragma GCC unroll 8
    for (int i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)from + 8 * i, 8);
        __asm__("" : "+r"(word));
        memcpy((uint8_t *)to + 8 * i, &word, 8);
    }
}

/* --- producer --- */

/* Bytes of the gap that must be skipped so that `need` bytes lie in one piece. */
static uint64_t gap(const esl_producer_t *p, uint64_t need)
{
    uint64_t left = p->capacity - (p->tail & (p->capacity - 1));
    return need > left ? left : 0;
}

/* Reads the peer's head again; a head that went back, overtook the tail or is not on a record cannot be. */
static bool look_at_head(esl_producer_t *p)
{
    uint64_t head = atomic_load_explicit(&p->peer->head, memory_order_acquire); /* pairs with [H] */
    if (head - p->head_seen > p->tail - p->head_seen || head % ESL_RING_ALIGN) return false;
    p->head_seen = head;
    return true;
}

esl_ring_status esl_ring_look(esl_producer_t *p)
{
    if (!p->poisoned) p->poisoned = !look_at_head(p);
    return p->poisoned ? ESL_RING_POISON : ESL_RING_OK;
}

static esl_ring_status room_for(esl_producer_t *p, uint64_t bytes)
{
    if (ESL_UNLIKELY(p->poisoned)) return ESL_RING_POISON;
    if (ESL_LIKELY(p->tail + bytes - p->head_seen <= p->capacity)) return ESL_RING_OK;
    if (esl_ring_look(p) != ESL_RING_OK) return ESL_RING_POISON;
    return p->tail + bytes - p->head_seen <= p->capacity ? ESL_RING_OK : ESL_RING_FULL;
}

static void put_pad(esl_producer_t *p, uint64_t bytes)
{
    esl_record_header_t header = {.length = (uint32_t)bytes - HEADER, .type = ESL_RECORD_PAD, .seq = p->seq + 1,
                                  .epoch = p->epoch};
    header.crc = esl_crc32c(0, &header, sizeof header);
    memcpy(p->data + (p->tail & (p->capacity - 1)), &header, sizeof header);
}

static uint64_t room_of(uint32_t payload_length) { return aligned((uint64_t)HEADER + ENVELOPE + payload_length); }

/* The words of header and envelope, but for the sum. */
static inline void head_of(const esl_producer_t *p, uint64_t *words, const esl_envelope_t *envelope, uint64_t lane_seq)
{
    words[0] = (ENVELOPE + envelope->length) | (uint64_t)ESL_RECORD_DATA << 32;
    words[1] = p->seq + 1, words[2] = p->epoch, words[3] = lane_seq;
    copy_words(words + 4, envelope, 4);
}

/* Makes a record of head and payload, which is there already. */
static inline void seal(esl_producer_t *p, uint64_t *words, uint32_t crc, uint32_t payload_length)
{
    words[2] |= (uint64_t)crc << 32;
    copy_words(p->data + (p->tail & (p->capacity - 1)), words, 8);
    p->seq++;
    p->tail += room_of(payload_length);
}

static inline esl_ring_status place_for(esl_producer_t *p, uint32_t payload_length, uint8_t **payload)
{
    if (payload_length > esl_ring_payload_max(p->capacity)) return ESL_RING_LONG;
    uint64_t need = room_of(payload_length);
    uint64_t skip = gap(p, need);
    esl_ring_status status = room_for(p, skip + need);
    if (status != ESL_RING_OK) return status;
#ifdef ESL_RING_MUTANT_TAILFIRST
    atomic_store_explicit(&p->own->tail, p->tail + skip + need, memory_order_release);
#endif
    if (skip) put_pad(p, skip);
    p->tail += skip;
    *payload = p->data + (p->tail & (p->capacity - 1)) + HEADER + ENVELOPE;
    return ESL_RING_OK;
}

esl_ring_status esl_ring_claim(esl_producer_t *p, uint32_t payload_length, uint8_t **payload)
{
    return place_for(p, payload_length, payload);
}

void esl_ring_fill(esl_producer_t *p, const esl_envelope_t *envelope, uint64_t lane_seq)
{
    uint64_t words[8];
    const uint8_t *payload = p->data + (p->tail & (p->capacity - 1)) + HEADER + ENVELOPE;
    head_of(p, words, envelope, lane_seq);
    seal(p, words, esl_crc32c_record(words, payload, envelope->length), envelope->length);
}

ESL_HOT esl_ring_status esl_ring_put(esl_producer_t *p, const esl_envelope_t *envelope, const void *payload, uint64_t lane_seq)
{
    uint8_t *place;
    esl_ring_status status = place_for(p, envelope->length, &place);
    if (ESL_UNLIKELY(status != ESL_RING_OK)) return status;
    uint64_t words[8];
    head_of(p, words, envelope, lane_seq);
    seal(p, words, esl_crc32c_copy(words, place, payload, envelope->length), envelope->length);
    return ESL_RING_OK;
}

esl_ring_status esl_ring_publish(esl_producer_t *p, const esl_envelope_t *envelope, const void *payload, uint64_t lane_seq)
{
    esl_ring_status status = esl_ring_put(p, envelope, payload, lane_seq);
    if (ESL_LIKELY(status == ESL_RING_OK)) esl_ring_commit(p);
    return status;
}

ESL_HOT uint32_t esl_ring_whom_to_wake(esl_producer_t *p, uint64_t word)
{
    bool counts = p->counts = p->counts || (atomic_load_explicit(&p->peer->knows, memory_order_relaxed) & ESL_KNOWS_FUTEX);
#ifndef ESL_RING_MUTANT_CALLEDEARLY
    if (counts && (word & ~(uint64_t)ESL_HOW) == p->tail) return ESL_AWAKE; /* it has everything */
#endif
    if (counts && word == p->called) return ESL_AWAKE;
    p->called = word;
    return word & ESL_HOW;
}

esl_ring_status esl_ring_room(esl_producer_t *p, uint32_t payload_length)
{
    if (payload_length > esl_ring_payload_max(p->capacity)) return ESL_RING_LONG;
    uint64_t need = room_of(payload_length);
    return room_for(p, gap(p, need) + need);
}

/* Half of the ring, or more where the record needs it: who is called for every record only passes the processor to and fro. */
static uint64_t wanted_head(const esl_producer_t *p, uint32_t payload_length)
{
    uint64_t need = room_of(payload_length), most = p->capacity / 2;
    need += gap(p, need);
    return p->tail + (need > most ? need : most) - p->capacity;
}

bool esl_ring_block(esl_producer_t *p, uint32_t payload_length, uint32_t how)
{
    atomic_store_explicit(&p->own->want, wanted_head(p, payload_length), memory_order_relaxed);
    p->sleeps += ESL_SLEEP_STEP;
    if (p->sleeps == 0) p->sleeps = ESL_SLEEP_STEP;
    atomic_store_explicit(&p->own->blocked, p->sleeps | how, memory_order_release); /* [B] read after [F4] */
    atomic_thread_fence(memory_order_seq_cst); /* [F3] blocked before head; pairs with [F4] of the consumer */
    if (esl_ring_room(p, payload_length) == ESL_RING_FULL) return true;
    esl_ring_unblock(p);
    return false;
}

void esl_ring_unblock(esl_producer_t *p)
{
    atomic_store_explicit(&p->own->blocked, ESL_AWAKE, memory_order_relaxed); /* a late bell is harmless */
}

/* --- consumer --- */

static esl_ring_status poison(esl_consumer_t *c)
{
    c->poisoned = true;
    return ESL_RING_POISON;
}

static void free_up_to(esl_consumer_t *c, uint64_t position)
{
    c->head = position;
    atomic_store_explicit(&c->own->head, position, memory_order_release); /* [H] after the last read of the record */
}

/* Reads the peer's tail again; a tail that went back, is not on a record or is too far ahead cannot be. */
static bool look_at_tail(esl_consumer_t *c)
{
    uint64_t tail = atomic_load_explicit(&c->peer->tail, memory_order_acquire); /* pairs with [T] */
    if (tail - c->head < c->tail_seen - c->head || tail - c->head > c->capacity || tail % ESL_RING_ALIGN) return false;
    c->tail_seen = tail;
    return true;
}

/* The checks of a header that has been copied once; `ready` = bytes committed from here on. */
static bool header_ok(const esl_consumer_t *c, const esl_record_header_t *h, uint64_t ready)
{
    uint64_t left = c->capacity - (c->head & (c->capacity - 1));
    uint64_t length = aligned((uint64_t)HEADER + h->length);
    if (h->epoch != c->epoch || h->seq != c->seq + 1 || length > left || length > ready) return false;
    if (h->type == ESL_RECORD_PAD) return length == left;
    return h->type == ESL_RECORD_DATA && h->length >= ENVELOPE;
}

static bool pad_ok(esl_record_header_t header)
{
    uint32_t crc = header.crc;
    header.crc = 0;
    return esl_crc32c(0, &header, sizeof header) == crc;
}

static esl_ring_status peek_one(esl_consumer_t *c, esl_record_view_t *view)
{
    const uint8_t *at = c->data + (c->head & (c->capacity - 1));
    copy_words(&view->header, at, 4);
    if (ESL_UNLIKELY(!header_ok(c, &view->header, c->tail_seen - c->head))) return poison(c);
    if (view->header.type == ESL_RECORD_PAD) {
        if (!pad_ok(view->header)) return poison(c);
        free_up_to(c, c->head + HEADER + view->header.length);
        return ESL_RING_EMPTY; /* go on behind it */
    }
    copy_words(&view->envelope, at + HEADER, 4);
    view->payload = at + HEADER + ENVELOPE;
    if (view->envelope.length != view->header.length - ENVELOPE) return poison(c);
    return esl_envelope_ok(&view->envelope) ? ESL_RING_OK : poison(c);
}

ESL_HOT esl_ring_status esl_ring_peek(esl_consumer_t *c, esl_record_view_t *view)
{
    if (ESL_UNLIKELY(c->poisoned)) return ESL_RING_POISON;
    for (;;) {
        if (c->tail_seen == c->head && !look_at_tail(c)) return poison(c);
        if (c->tail_seen == c->head) return ESL_RING_EMPTY;
        esl_ring_status status = peek_one(c, view);
        if (status != ESL_RING_EMPTY) return status;
    }
}

ESL_HOT esl_ring_status esl_ring_take(esl_consumer_t *c, const esl_record_view_t *view, void *payload)
{
    uint64_t next = c->head + aligned((uint64_t)HEADER + view->header.length);
#ifdef ESL_RING_MUTANT_HEADFIRST
    atomic_store_explicit(&c->own->head, next, memory_order_release);
#endif
    uint32_t crc = esl_crc32c_copy(view->words, payload, view->payload, view->envelope.length); /* the peer cannot change the copy any more */
    if (ESL_UNLIKELY(crc != view->header.crc)) return poison(c);
    c->seq++;
    free_up_to(c, next);
    return ESL_RING_OK;
}

uint32_t esl_ring_must_release(esl_consumer_t *c)
{
    c->offered = c->head;
    atomic_thread_fence(memory_order_seq_cst); /* [F4] head before blocked; pairs with [F3] */
    uint32_t word = atomic_load_explicit(&c->peer->blocked, memory_order_acquire); /* pairs with [B] */
    if (ESL_LIKELY((word & ESL_HOW) == ESL_AWAKE)) return ESL_AWAKE;
    uint64_t missing = atomic_load_explicit(&c->peer->want, memory_order_relaxed) - c->head;
    bool later = missing > 0 && missing <= c->tail_seen - c->head; /* more is there to take, and a call comes with that */
    if (later || (word == c->called && word >= ESL_SLEEP_STEP)) return ESL_AWAKE;
    c->called = word;
    return word & ESL_HOW;
}

ESL_HOT bool esl_ring_sleep(esl_consumer_t *c, uint32_t how)
{
    atomic_store_explicit(&c->own->waiting, c->head | how, memory_order_relaxed); /* [W] read after [F1] */
    atomic_thread_fence(memory_order_seq_cst); /* [F2] waiting before tail; pairs with [F1] */
    if (!c->poisoned && atomic_load_explicit(&c->peer->tail, memory_order_acquire) == c->head) return true; /* pairs with [T] */
    esl_ring_awake(c);
    return false;
}

ESL_HOT void esl_ring_awake(esl_consumer_t *c)
{
    atomic_store_explicit(&c->own->waiting, ESL_AWAKE, memory_order_relaxed); /* a late bell is harmless */
}

uint64_t esl_ring_waiting_bytes(const esl_consumer_t *c)
{
    return atomic_load_explicit(&c->peer->tail, memory_order_acquire) - c->head; /* pairs with [T] */
}
