/* A ring between two processes: one producer, one consumer, one per direction. No operating system in here: the caller
 * maps the segments and rings the bell (eventfd) when a function says so.
 *
 * A link has two segments. Each side writes only its own one and maps the other read-only:
 *
 *   A's segment   A's data, A's `tail`, A's `head` in B's data, A's `waiting` and `blocked`
 *   B's segment   the same the other way round
 *
 * Positions count bytes, have 64 bits and only grow; index = position & (capacity - 1).
 *
 *   record   header (32 bytes), envelope (32 bytes), payload, filled up to 32 bytes
 *
 * The alignment equals the size of the header, so that the gap at the end always has room for a PAD header.
 * The release store of `tail` is the only commit point: a producer that dies anywhere leaves nothing half visible. */
#ifndef ESL_RING_H
#define ESL_RING_H

#include <stdatomic.h>

#include "esl_base.h"
#include "esl_frame.h"

#define ESL_RING_MAGIC      UINT64_C(0x31474e4952454548) /* "HEERING1" as bytes in memory */
#define ESL_RING_DATA       4096u                        /* offset of the data in the segment: a page of its own */
#define ESL_RING_MIN        256u                         /* least capacity: a record with an empty payload is a quarter */
#define ESL_RING_MAX        (UINT32_C(1) << 30)
#ifdef ESL_RING_MUTANT_ALIGN                             /* mutants exist to prove that the tests can see them fail */
#define ESL_RING_ALIGN      8u
#else
#define ESL_RING_ALIGN      32u
#endif
#ifdef ESL_RING_MUTANT_RELAXED
#define ESL_RING_COMMIT     memory_order_relaxed
#else
#define ESL_RING_COMMIT     memory_order_release
#endif

typedef struct {
    uint32_t length;   /* bytes after this header: envelope and payload; of a PAD: what is left of the gap */
    uint32_t type;     /* ESL_RECORD_DATA, ESL_RECORD_PAD */
    uint64_t seq;      /* of the ring, from 1; a PAD has the one of the record behind it */
    uint32_t epoch;
    uint32_t crc;      /* CRC-32C of this header with crc 0, envelope and payload; of a PAD: of the header */
    uint64_t lane_seq; /* the session's number of the message part in its lane, as in a frame */
} esl_record_header_t;

enum { ESL_RECORD_DATA = 1, ESL_RECORD_PAD = 2 };

_Static_assert(sizeof(esl_record_header_t) == 32, "the record header has 32 bytes");
_Static_assert(offsetof(esl_record_header_t, seq) == 8 && offsetof(esl_record_header_t, lane_seq) == 24, "its places");
#ifndef ESL_RING_MUTANT_ALIGN
_Static_assert(ESL_RING_ALIGN == sizeof(esl_record_header_t), "a gap must hold a PAD header");
#endif

/* How a sleeper wants to be called: the two low bits of `waiting` and `blocked`. Above them lies what tells one sleep from another, so
 * that who has called it once does not pay for calling it again while it wakes up: in `waiting` the position behind the newest record
 * that it has (a call for that record would be no call for the next), in `blocked` a count. An older release writes only how, and is
 * called each time. */
enum { ESL_AWAKE = 0, ESL_IN_FUTEX = 1, ESL_ON_EVENTFD = 2, ESL_HOW = 3 };
#define ESL_SLEEP_STEP 4u
#define ESL_KNOWS_FUTEX 1u /* `knows`: this side calls sleepers in a futex; who sleeps there asks first */

/* The first page of a segment. 128 bytes apart: processors fetch lines in pairs. */
typedef struct {
    uint64_t magic;
    uint32_t capacity;
    uint32_t epoch;
    _Atomic uint32_t knows;                 /* ESL_KNOWS_*, written when the owner takes its segment; 0 = an older release */
    _Alignas(128) _Atomic uint64_t tail;    /* written by the owner as producer; its low half is the futex of who waits for data */
    _Atomic uint32_t cpu;                   /* 1 + processor that the owner was last seen on; 0 = not known */
    _Alignas(128) _Atomic uint64_t head;    /* written by the owner as consumer of the other segment's data */
    _Atomic uint32_t released;              /* calls to a producer that waits for room: its futex, because the head moves without one */
    _Alignas(128) _Atomic uint64_t waiting; /* owner as consumer: sleeps until data comes */
    _Alignas(128) _Atomic uint32_t blocked; /* owner as producer: waits until room comes */
    _Atomic uint64_t want;                  /* and until the head is here; 0 = any room will do */
} esl_segment_t;

_Static_assert(offsetof(esl_segment_t, tail) == 128 && offsetof(esl_segment_t, head) == 256, "own lines");
_Static_assert(offsetof(esl_segment_t, waiting) == 384 && offsetof(esl_segment_t, blocked) == 512, "own lines");
_Static_assert(offsetof(esl_segment_t, knows) == 16 && offsetof(esl_segment_t, cpu) == 136, "words that came later");
_Static_assert(offsetof(esl_segment_t, released) == 264 && offsetof(esl_segment_t, want) == 520, "words that came later");
_Static_assert(sizeof(esl_segment_t) <= ESL_RING_DATA, "the first page holds the control words");

typedef enum {
    ESL_RING_OK = 0,
    ESL_RING_FULL = 1,   /* no room now */
    ESL_RING_EMPTY = 2,  /* nothing there now */
    ESL_RING_LONG = 3,   /* a record of this length never fits (over a quarter of the capacity) */
    ESL_RING_POISON = 4, /* the peer's words or bytes cannot be: the link has to end. Stays. */
} esl_ring_status;

typedef struct {
    esl_segment_t *own;
    const esl_segment_t *peer;
    uint8_t *data;
    uint64_t tail;      /* next position to write; own->tail once it is committed */
    uint64_t head_seen; /* the peer's head as last read */
    uint64_t seq;       /* of the newest record */
    uint32_t capacity;
    uint32_t epoch;
    uint32_t sleeps;    /* counted in `blocked` above ESL_HOW */
    uint64_t called;    /* the peer's `waiting` that was called */
    bool counts;        /* the peer tells one sleep from another: remembered, because its first line is cold */
    bool poisoned;
} esl_producer_t;

typedef struct {
    esl_segment_t *own;
    const esl_segment_t *peer;
    const uint8_t *data; /* in the peer's segment, read-only */
    uint64_t head;       /* next position to read; equals own->head */
    uint64_t tail_seen;  /* the peer's tail as last read */
    uint64_t seq;        /* of the newest record taken */
    uint32_t capacity;
    uint32_t epoch;
    uint64_t offered;    /* head up to which a writer that waits for room was looked for */
    uint32_t called;     /* the peer's `blocked` that was called */
    bool poisoned;
} esl_consumer_t;

/* What esl_ring_peek found: a copy, so that nothing is read twice. */
typedef struct {
    union {
        struct {
            esl_record_header_t header;
            esl_envelope_t envelope;
        };
        uint64_t words[8]; /* the same; copied word by word, because a wider read of narrower writes waits for them */
    };
    const uint8_t *payload; /* in the ring */
} esl_record_view_t;

_Static_assert(offsetof(esl_record_view_t, envelope) == 32 && offsetof(esl_record_header_t, crc) == 20, "esl_crc32c_record");

static inline uint64_t esl_ring_bytes(uint32_t capacity) { return (uint64_t)ESL_RING_DATA + capacity; }
/* Longest payload of one record. */
static inline uint32_t esl_ring_payload_max(uint32_t capacity)
{
    return capacity / 4 - (uint32_t)(sizeof(esl_record_header_t) + sizeof(esl_envelope_t));
}
bool esl_ring_capacity_ok(uint32_t capacity); /* a power of two from ESL_RING_MIN to ESL_RING_MAX */

/* Fresh segment: everything zero, then the words. The caller has mapped esl_ring_bytes(capacity) zeroed bytes. */
void esl_segment_init(esl_segment_t *segment, uint32_t capacity, uint32_t epoch);
/* Is this a segment of that capacity and epoch? `bytes` = size of the mapping, checked first. */
bool esl_segment_ok(const esl_segment_t *segment, uint64_t bytes, uint32_t capacity, uint32_t epoch);

/* Both take the positions up from the segments. */
void esl_producer_init(esl_producer_t *producer, esl_segment_t *own, const esl_segment_t *peer);
void esl_consumer_init(esl_consumer_t *consumer, esl_segment_t *own, const esl_segment_t *peer);

/* Commits one record: OK, FULL, LONG or POISON. envelope->length bytes of payload are copied. */
esl_ring_status esl_ring_publish(esl_producer_t *producer, const esl_envelope_t *envelope, const void *payload,
                                 uint64_t lane_seq);
/* The same without the commit: many records, then one esl_ring_commit. */
esl_ring_status esl_ring_put(esl_producer_t *producer, const esl_envelope_t *envelope, const void *payload, uint64_t lane_seq);
static inline void esl_ring_commit(esl_producer_t *producer)
{
    atomic_store_explicit(&producer->own->tail, producer->tail, ESL_RING_COMMIT); /* [T] publishes everything written before it */
}
/* Without a copy: OK gives the place of a payload of that length, to be written by the caller; nothing else may be put before
 * esl_ring_fill, which makes a record of it (not committed), or of its first envelope->length bytes. */
esl_ring_status esl_ring_claim(esl_producer_t *producer, uint32_t payload_length, uint8_t **payload);
void esl_ring_fill(esl_producer_t *producer, const esl_envelope_t *envelope, uint64_t lane_seq);
uint32_t esl_ring_whom_to_wake(esl_producer_t *producer, uint64_t waiting); /* the peer, which announced that it sleeps */
/* After one or more commits: how must the peer be called? ESL_AWAKE = not at all. Contains the full fence. */
static inline uint32_t esl_ring_must_wake(esl_producer_t *producer)
{
    atomic_thread_fence(memory_order_seq_cst); /* [F1] tail before waiting; pairs with [F2] of the sleeper */
    uint64_t word = atomic_load_explicit(&producer->peer->waiting, memory_order_relaxed);
    return ESL_LIKELY((word & ESL_HOW) == ESL_AWAKE) ? ESL_AWAKE : esl_ring_whom_to_wake(producer, word);
}
/* Announces that the producer waits for room in `how`: it is called once half of the ring is free, not for each record. false: there
 * is room for `payload_length` by now, do not wait. */
bool esl_ring_block(esl_producer_t *producer, uint32_t payload_length, uint32_t how);
void esl_ring_unblock(esl_producer_t *producer);
/* Reads the peer's head anew: head_seen is as of now, or POISON. */
esl_ring_status esl_ring_look(esl_producer_t *producer);
/* Can a record with this payload be written now? */
esl_ring_status esl_ring_room(esl_producer_t *producer, uint32_t payload_length);

/* Next record: OK fills `view`, the payload is still in the ring and not yet checked. EMPTY, POISON. Skips PADs. */
esl_ring_status esl_ring_peek(esl_consumer_t *consumer, esl_record_view_t *view);
/* Copies the payload of the record that peek showed to `payload`, checks its CRC on the copy, frees the record. */
esl_ring_status esl_ring_take(esl_consumer_t *consumer, const esl_record_view_t *view, void *payload);
/* After one or more takes: how must the peer be called because it waits for room? Contains the full fence. */
uint32_t esl_ring_must_release(esl_consumer_t *consumer);
/* Is it time for esl_ring_must_release? Each eighth of the ring and before every wait is often enough, and spares the fence. */
static inline bool esl_ring_owes_release(const esl_consumer_t *consumer)
{
    return consumer->head - consumer->offered >= consumer->capacity / 8;
}
/* Announces that the consumer goes to sleep in `how`. false: data is there, do not sleep (nothing is announced then). */
bool esl_ring_sleep(esl_consumer_t *consumer, uint32_t how);
void esl_ring_awake(esl_consumer_t *consumer);
/* Nothing committed that was not taken? */
static inline bool esl_ring_empty(const esl_consumer_t *consumer)
{
    return atomic_load_explicit(&consumer->peer->tail, memory_order_acquire) == consumer->head; /* pairs with [T] */
}
/* Bytes between the consumer and the newest record; 0 = empty. */
uint64_t esl_ring_waiting_bytes(const esl_consumer_t *consumer);

#endif
