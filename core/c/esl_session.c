/* Numbers of lanes. */
#include "esl_session.h"

#include <string.h>
#include <time.h>

void esl_lanes_init(esl_lanes_t *l, uint32_t count, uint16_t control)
{
    memset(l, 0, sizeof *l);
    l->count = count < ESL_LANES ? count : ESL_LANES;
    l->control = control;
}

uint64_t esl_coarse_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
