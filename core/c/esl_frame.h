/* The envelope of a message and the frame that carries it on a stream. Byte layout: docs/design/protocol.md.
 *
 *   frame    session header (32 bytes), envelope (32 bytes), payload
 *   record   record header of esl_ring.h, the same envelope, payload
 *
 * Everything is little endian and copied whole; a machine of the other order is refused when this file is compiled. */
#ifndef ESL_FRAME_H
#define ESL_FRAME_H

#include "esl_base.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are copied, not swapped");

enum { ESL_FIRST = 1, ESL_LAST = 2, ESL_WANTS_ANSWER = 4 };

typedef struct {
    uint32_t length; /* bytes of payload in this record or frame */
    uint16_t kind;
    uint8_t lane;
    uint8_t flags;
    uint32_t source;
    uint32_t target;
    uint32_t object;
    uint32_t total;  /* bytes of the whole message */
    uint64_t corr;
} esl_envelope_t;

typedef struct {
    uint64_t session; /* 0 before WELCOME */
    uint64_t seq;     /* of its lane, from 1; 0 = link control, not counted and not acknowledged */
    uint64_t ack;     /* counted frames of the other direction that have arrived */
    uint32_t epoch;   /* carrier of the session, from 1; 0 before WELCOME */
    uint32_t crc;     /* CRC-32C of envelope and payload */
} esl_session_t;

_Static_assert(sizeof(esl_envelope_t) == 32, "the envelope has 32 bytes");
_Static_assert(offsetof(esl_envelope_t, kind) == 4 && offsetof(esl_envelope_t, corr) == 24, "places of the envelope");
_Static_assert(sizeof(esl_session_t) == 32, "the session header has 32 bytes");
_Static_assert(offsetof(esl_session_t, epoch) == 24, "places of the session header");

/* An envelope out of whole words. */
static inline esl_envelope_t esl_envelope_of(uint32_t length, uint16_t kind, uint8_t lane, uint8_t flags, uint32_t source, uint32_t target,
                                             uint32_t object, uint32_t total, uint64_t corr)
{
    union { uint64_t words[4]; esl_envelope_t envelope; } made = {.words = {
        length | (uint64_t)kind << 32 | (uint64_t)lane << 48 | (uint64_t)flags << 56,
        source | (uint64_t)target << 32, object | (uint64_t)total << 32, corr}};
    return made.envelope;
}

#define ESL_FRAME_HEAD 64u /* session header and envelope */

typedef enum {
    ESL_FRAME_OK = 0,
    ESL_FRAME_PART = 1,  /* more bytes are needed */
    ESL_FRAME_LONG = 2,  /* length over the limit */
    ESL_FRAME_CRC = 3,   /* the bytes were changed on the way */
    ESL_FRAME_TOTAL = 4, /* lengths and fragment flags contradict each other */
} esl_frame_status;

/* Are length, total and fragment flags of one envelope consistent? */
static inline bool esl_envelope_ok(const esl_envelope_t *e)
{
    bool whole = (e->flags & (ESL_FIRST | ESL_LAST)) == (ESL_FIRST | ESL_LAST);
    return !(e->flags & ~(ESL_FIRST | ESL_LAST | ESL_WANTS_ANSWER)) && e->length <= e->total && whole == (e->length == e->total);
}
/* Writes the 64 bytes in front of `payload` to `head`; fills session->crc. payload may be NULL when length is 0. */
void esl_frame_head(uint8_t *head, esl_session_t *session, const esl_envelope_t *envelope, const void *payload);
/* Looks at the first `have` bytes of a stream. OK: session and envelope are filled, the payload follows the head.
 * The length is checked against `limit` (bytes of payload) as soon as the head is there, before a payload is waited for. */
esl_frame_status esl_frame_look(const uint8_t *bytes, size_t have, uint32_t limit, esl_session_t *session,
                                esl_envelope_t *envelope);

#endif
