/* What a session counts for each message: the numbers of its lanes, both ways. The rules for anything but the next whole message
 * (fragments, repetitions, gaps, link control) are policy and lie in hisee.channel. */
#ifndef ESL_SESSION_H
#define ESL_SESSION_H

#include "esl_ring.h"

#define ESL_LANES 16u /* places; the lane table says how many are used */

typedef struct {
    uint64_t sent[ESL_LANES];  /* number of the newest part of each lane */
    uint64_t taken[ESL_LANES];
    uint32_t open;             /* bit of a lane: a message in parts has begun and not ended */
    uint32_t count;            /* lanes in use */
    uint16_t control;          /* kinds from here on belong to the link itself */
} esl_lanes_t;

void esl_lanes_init(esl_lanes_t *lanes, uint32_t count, uint16_t control);
/* Nanoseconds of the monotonic clock, some milliseconds coarse and nearly free. */
uint64_t esl_coarse_ns(void);
/* Is this the next message of its lane, whole, with nothing in the way? */
static inline bool esl_lanes_next(const esl_lanes_t *lanes, const esl_record_view_t *view)
{
    const esl_envelope_t *e = &view->envelope;
    if (e->kind >= lanes->control || e->lane >= lanes->count || (lanes->open >> e->lane & 1)) return false;
    return (e->flags & (ESL_FIRST | ESL_LAST)) == (ESL_FIRST | ESL_LAST) && view->header.lane_seq == lanes->taken[e->lane] + 1;
}

#endif
