/* A wheel of delays: very many of them, each begun, given up and ended in a few instructions, whatever their number.
 *
 * Time is a number of ticks that only grows. Level n has 64 slots of 64^n ticks; a delay lies in the level of the highest digit (base 64)
 * in which its end differs from now, and comes down a level whenever the time reaches its slot. Places are rings: one can leave its ring
 * without knowing which it is. Threads: used by one at a time. */
#ifndef ESL_WHEEL_H
#define ESL_WHEEL_H

#include "esl_base.h"

typedef struct esl_link {
    struct esl_link *next, *previous; /* NULL: in no ring */
} esl_link_t;

/* What waits: part of a script. */
typedef struct {
    esl_link_t link;     /* first: a link is its wait */
    int64_t due;         /* tick */
    void *owner;         /* of who put it there */
    int32_t left;        /* esl_sched.h: of its slice */
    uint8_t halvings, priority, place;
} esl_wait_t;

#define ESL_WHEEL_LEVELS 8 /* of 6 bits: 2^48 ticks, which no delay outlives */

typedef struct {
    int64_t now;
    uint64_t taken[ESL_WHEEL_LEVELS]; /* bit per slot: it may hold something */
    esl_link_t slot[ESL_WHEEL_LEVELS][64];
} esl_wheel_t;

static inline void esl_ring_init(esl_link_t *head) { head->next = head->previous = head; }
static inline bool esl_ring_empty(const esl_link_t *head) { return head->next == head; }
static inline void esl_link_last(esl_link_t *head, esl_link_t *link)
{
    link->next = head, link->previous = head->previous;
    head->previous->next = link;
    head->previous = link;
}
static inline void esl_unlink(esl_link_t *link)
{
    if (!link->next) return;
    link->next->previous = link->previous;
    link->previous->next = link->next;
    link->next = link->previous = NULL;
}

void esl_wheel_init(esl_wheel_t *wheel, int64_t now);
void esl_wheel_add(esl_wheel_t *wheel, esl_wait_t *wait, int64_t due); /* it is in no ring */
/* Time is `now`: what is due by then goes to the end of `due`, earlier ones first. */
void esl_wheel_turn(esl_wheel_t *wheel, int64_t now, esl_link_t *due);
int64_t esl_wheel_next(const esl_wheel_t *wheel); /* a tick at which to turn it again, never too late; INT64_MAX: nothing waits */

#endif
