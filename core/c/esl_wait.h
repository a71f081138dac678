/* How one side of a ring waits, and how it calls the other: the ring's only part that knows the operating system (Linux).
 *
 * A waiter looks for a while before it sleeps, because waking a sleeper costs more than most answers take. It looks only
 *   - while something is expected: since the last wait that ended in vain, this side has sent or received something
 *   - while a processor is free for it: the peer was last seen on another one than this side
 *   - as long as looking has paid: each success lengthens the time, each failure halves it, to nothing; a sleep that was
 *     short all the same brings it back
 * Then it sleeps in a futex (the low half of the peer's position that will move), or at its eventfd, where other
 * descriptors can wake it too. A peer of an older release calls by eventfd only, and is waited for only there. */
#ifndef ESL_WAIT_H
#define ESL_WAIT_H

#include "esl_ring.h"

#define ESL_LOOK_MOST_NS 50000u /* about what a wake across processors takes */
#define ESL_LOOK_LEAST_NS 1000u
#define ESL_SOON_NS 100000u     /* who slept less would better have looked */

typedef enum {
    ESL_CAME = 0,        /* look into the ring */
    ESL_NOT_YET = 1,     /* the time is over */
    ESL_INTERRUPTED = 2, /* a signal came */
} esl_wait_status;

typedef struct {
    uint32_t look_ns; /* how long the next wait looks before it sleeps */
    uint32_t cpu;     /* as published in the own segment */
    bool expecting;
    uint64_t looked;  /* waits that ended while looking */
    uint64_t slept;   /* waits that slept */
    uint64_t calls;   /* calls to the other side that cost a system call */
} esl_waiter_t;

void esl_waiter_init(esl_waiter_t *waiter);
/* Publishes the processor that this side runs on. */
void esl_waiter_here(esl_waiter_t *waiter, esl_segment_t *own);
void esl_call_sleeper(esl_waiter_t *waiter, esl_producer_t *producer, int bell, uint32_t how);
/* After commits: calls the reader if it sleeps. `bell`: its eventfd. */
static inline void esl_call_reader(esl_waiter_t *waiter, esl_producer_t *producer, int bell)
{
    uint32_t how = esl_ring_must_wake(producer);
    if (ESL_UNLIKELY(how != ESL_AWAKE)) esl_call_sleeper(waiter, producer, bell, how);
}
/* After takes: calls the writer if it waits for room and there is enough. */
void esl_call_writer(esl_waiter_t *waiter, esl_consumer_t *consumer, int bell);
/* How long this side may look now: 0 = not at all. */
uint32_t esl_look_ns(const esl_waiter_t *waiter, const esl_segment_t *peer);
/* Looks for a moment (some hundred nanoseconds), for who holds a lock that he would not give back for that long. */
bool esl_look_briefly(esl_waiter_t *waiter, const esl_consumer_t *consumer);
/* Looks, then sleeps in the futex, together at most `limit_ns`. Only for a peer that knows the futex. */
esl_wait_status esl_wait_data(esl_waiter_t *waiter, esl_consumer_t *consumer, uint64_t limit_ns);
/* Sleeps until there is room for `payload_length` bytes, at most `limit_ns`. */
esl_wait_status esl_wait_room(esl_waiter_t *waiter, esl_producer_t *producer, uint32_t payload_length, uint64_t limit_ns);
/* Sleeps until data comes, the control socket says something or its other end is gone (a status of data all the same), or the time is
 * over; limit_ns < 0: without end. Empties the bell. */
esl_wait_status esl_wait_at_bell(esl_consumer_t *consumer, int bell, int control, int64_t limit_ns);
/* Has the other end of the control socket gone? Proven: the system says so. */
bool esl_hung_up(int control);
/* How many forks lie between esl_count_forks, called once, and the caller: a mapping belongs to one process. */
extern unsigned esl_fork_count;
void esl_count_forks(void);
static inline bool esl_peer_knows_futex(const esl_segment_t *peer)
{
    return atomic_load_explicit(&peer->knows, memory_order_relaxed) & ESL_KNOWS_FUTEX;
}

#endif
