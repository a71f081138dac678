/* Who runs next: scripts in fair slices, by priority, until one needs its host or the round is over.
 *
 * In each priority those that were woken (a request, an answer, the end of a delay) go before those that used up a slice: a handler
 * begins at once though a hundred others loop for ever. So that the woken never starve the others, every ninth turn is one of theirs.
 * A slice is `slice` units of fuel, and about SLICE_NS at most: whose back edges are long gets fewer of them.
 * DELAYs are kept here; a script that sleeps needs its host for nothing.
 * Threads: used by one at a time, together with its scripts. No operating system here: the clock is passed in. */
#ifndef ESL_SCHED_H
#define ESL_SCHED_H

#include "esl_vm.h"

#define ESL_PRIORITIES 5

typedef enum { ESL_NOWHERE, ESL_WOKEN, ESL_SPENT, ESL_ASLEEP, ESL_STOPPED } esl_place_t; /* of esl_wait_t */

typedef struct {
    int64_t (*now_ns)(void *host);    /* monotonic */
    void *host;
    esl_link_t woken[ESL_PRIORITIES], spent[ESL_PRIORITIES];
    esl_link_t stopped;               /* those that need the host, the first one first */
    uint32_t in_a_row;                /* woken ones that ran since a spent one did */
    esl_wheel_t wheel;                /* in milliseconds of the clock */
} esl_sched_t;

void esl_sched_init(esl_sched_t *sched, int64_t (*now_ns)(void *host), void *host);
void esl_sched_close(esl_sched_t *sched);                      /* lets go of all */
/* It can run now, with a fresh slice; nothing happens when it is ready already. A sleeping one goes on sleeping. */
void esl_sched_wake(esl_sched_t *sched, esl_script_t *script);
/* The host has carried out its action: the rest of its slice, if there is one, comes as if it was woken. */
void esl_sched_go_on(esl_sched_t *sched, esl_script_t *script);
void esl_sched_remove(esl_script_t *script);                   /* from wherever it is */
/* Run until nobody is ready, the clock passes `until_ns`, or somebody stopped and no woken one is left that could stop as well. */
void esl_sched_round(esl_sched_t *sched, int64_t until_ns);
esl_script_t *esl_sched_stopped(esl_sched_t *sched);           /* the next one that needs the host, taken out; NULL: none */
bool esl_sched_ready(const esl_sched_t *sched);                /* is there anybody to run? */
int64_t esl_sched_next_ms(const esl_sched_t *sched);           /* when to run a round for the sleepers; INT64_MAX: nobody sleeps */

#endif
