/* The wheel of delays. */
#include "esl_wheel.h"

#define BITS 6
#define MOST ((INT64_C(1) << (BITS * ESL_WHEEL_LEVELS)) - 1)

void esl_wheel_init(esl_wheel_t *w, int64_t now)
{
    w->now = now;
    for (int level = 0; level < ESL_WHEEL_LEVELS; level++) {
        w->taken[level] = 0;
        for (int slot = 0; slot < 64; slot++) esl_ring_init(&w->slot[level][slot]);
    }
}

void esl_wheel_add(esl_wheel_t *w, esl_wait_t *wait, int64_t due)
{
    if (due > w->now + MOST / 2) due = w->now + MOST / 2;
    if (due <= w->now) due = w->now + 1;
    int level = (63 - __builtin_clzll((uint64_t)(w->now ^ due) | 63)) / BITS;
    if (level >= ESL_WHEEL_LEVELS) level = ESL_WHEEL_LEVELS - 1;
    int slot = (int)(due >> (BITS * level)) & 63;
    wait->due = due;
    w->taken[level] |= UINT64_C(1) << slot;
    esl_link_last(&w->slot[level][slot], &wait->link);
}

/* The slot that comes next: its first tick, or INT64_MAX. A lower level is always due before a higher one. */
static int64_t next_slot(const esl_wheel_t *w, int *level, int *slot)
{
    for (int i = 0; i < ESL_WHEEL_LEVELS; i++) {
        if (!w->taken[i]) continue;
        int shift = BITS * i, here = (int)(w->now >> shift) & 63;
        uint64_t turned = here ? w->taken[i] >> here | w->taken[i] << (64 - here) : w->taken[i];
        int64_t begin = (w->now >> shift) + __builtin_ctzll(turned);
        *level = i, *slot = (int)begin & 63;
        return begin << shift;
    }
    return INT64_MAX;
}

int64_t esl_wheel_next(const esl_wheel_t *w)
{
    int level = 0, slot = 0;
    return next_slot(w, &level, &slot);
}

/* The slot's time has come: what is due goes out, the rest comes down. */
static void empty(esl_wheel_t *w, int level, int slot, esl_link_t *due)
{
    esl_link_t *head = &w->slot[level][slot];
    w->taken[level] &= ~(UINT64_C(1) << slot);
    while (!esl_ring_empty(head)) {
        esl_wait_t *wait = (esl_wait_t *)head->next;
        esl_unlink(&wait->link);
        if (wait->due <= w->now) esl_link_last(due, &wait->link);
        else esl_wheel_add(w, wait, wait->due);
    }
}

void esl_wheel_turn(esl_wheel_t *w, int64_t now, esl_link_t *due)
{
    int level = 0, slot = 0;
    for (int64_t begin; (begin = next_slot(w, &level, &slot)) <= now;) {
        if (begin > w->now) w->now = begin;
        empty(w, level, slot, due);
    }
    if (now > w->now) w->now = now;
}
