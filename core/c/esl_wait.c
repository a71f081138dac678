/* Waiting: look, sleep, learn. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "esl_wait.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 64u        /* between two looks at the clock */
#define BRIEF_LOOKS 256u /* of esl_look_briefly */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void breathe(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static void wake(const void *word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0); }

static void ring_bell(int bell)
{
    uint64_t one = 1;
    if (write(bell, &one, sizeof one) < 0) return; /* full counter or closed peer: it is awake or gone, either is fine */
}

void esl_waiter_init(esl_waiter_t *w) { *w = (esl_waiter_t){.look_ns = ESL_LOOK_MOST_NS / 2, .expecting = true}; }

ESL_HOT void esl_waiter_here(esl_waiter_t *w, esl_segment_t *own)
{
    uint32_t cpu = (uint32_t)sched_getcpu() + 1; /* without a system call; 0 when it is not known */
    if (ESL_LIKELY(cpu == w->cpu)) return;
    w->cpu = cpu;
    atomic_store_explicit(&own->cpu, cpu, memory_order_relaxed); /* a hint: nothing depends on its order */
}

ESL_HOT void esl_call_sleeper(esl_waiter_t *w, esl_producer_t *p, int bell, uint32_t how)
{
    w->calls++;
    if (how == ESL_IN_FUTEX) wake(&p->own->tail);
    else ring_bell(bell);
}

void esl_call_writer(esl_waiter_t *w, esl_consumer_t *c, int bell)
{
    uint32_t how = esl_ring_must_release(c);
    if (ESL_LIKELY(how == ESL_AWAKE)) return;
    w->calls++;
    if (how != ESL_IN_FUTEX) {
        ring_bell(bell);
        return;
    }
    atomic_fetch_add_explicit(&c->own->released, 1, memory_order_release); /* [R] before the wake: who is not asleep yet sees it */
    wake(&c->own->released);
}

uint32_t esl_look_ns(const esl_waiter_t *w, const esl_segment_t *peer)
{
    uint32_t theirs = atomic_load_explicit(&peer->cpu, memory_order_relaxed);
    return w->expecting && theirs && w->cpu != theirs ? w->look_ns : 0;
}

static void paid(esl_waiter_t *w)
{
    uint32_t longer = w->look_ns + w->look_ns / 4 + ESL_LOOK_LEAST_NS;
    w->look_ns = longer < ESL_LOOK_MOST_NS ? longer : ESL_LOOK_MOST_NS;
    w->looked++;
}

static void in_vain(esl_waiter_t *w) { w->look_ns = w->look_ns / 2 < ESL_LOOK_LEAST_NS ? 0 : w->look_ns / 2; }

ESL_HOT bool esl_look_briefly(esl_waiter_t *w, const esl_consumer_t *c)
{
    for (uint32_t i = 0; i < BRIEF_LOOKS; i++) {
        if (!esl_ring_empty(c)) {
            if (ESL_UNLIKELY(w->look_ns < ESL_LOOK_MOST_NS)) paid(w);
            return true;
        }
        breathe();
    }
    return false;
}

static bool look(esl_waiter_t *w, const esl_consumer_t *c, uint64_t until_ns)
{
    do {
        for (uint32_t i = 0; i < LOOKS; i++) {
            if (!esl_ring_empty(c)) {
                paid(w);
                return true;
            }
            breathe();
        }
    } while (now_ns() < until_ns);
    in_vain(w);
    return false;
}

/* In the futex while the word holds `seen`. The kernel compares before it sleeps, so that what moved meanwhile is not slept over;
 * of a position that is its low half. */
static esl_wait_status sleep_on(const void *word, uint32_t seen, uint64_t limit_ns)
{
    struct timespec limit = {.tv_sec = (time_t)(limit_ns / 1000000000u), .tv_nsec = (long)(limit_ns % 1000000000u)};
    if (syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0) == 0 || errno == EAGAIN) return ESL_CAME;
    return errno == EINTR ? ESL_INTERRUPTED : ESL_NOT_YET;
}

static esl_wait_status sleep_for_data(esl_consumer_t *c, uint64_t limit_ns)
{
    if (!esl_ring_sleep(c, ESL_IN_FUTEX)) return ESL_CAME;
    esl_wait_status status = sleep_on(&c->peer->tail, (uint32_t)c->head, limit_ns);
    esl_ring_awake(c);
    return !esl_ring_empty(c) ? ESL_CAME : status;
}

ESL_HOT esl_wait_status esl_wait_data(esl_waiter_t *w, esl_consumer_t *c, uint64_t limit_ns)
{
    if (!esl_ring_empty(c)) return ESL_CAME;
    esl_waiter_here(w, c->own);
    uint32_t look_ns = esl_look_ns(w, c->peer);
    uint64_t began = now_ns();
    if (look_ns && look(w, c, began + (look_ns < limit_ns ? look_ns : limit_ns))) return ESL_CAME;
    uint64_t slept_from = now_ns(), gone = slept_from - began;
    w->slept++;
    esl_wait_status status = sleep_for_data(c, limit_ns > gone ? limit_ns - gone : 0);
    if (status == ESL_CAME && w->look_ns < ESL_LOOK_MOST_NS / 2 && now_ns() - slept_from < ESL_SOON_NS) w->look_ns += ESL_LOOK_MOST_NS / 4;
    if (status == ESL_NOT_YET) w->expecting = false;
    return status;
}

esl_wait_status esl_wait_room(esl_waiter_t *w, esl_producer_t *p, uint32_t payload_length, uint64_t limit_ns)
{
    uint32_t released = atomic_load_explicit(&p->peer->released, memory_order_acquire); /* pairs with [R]; before [B] */
    if (!esl_ring_block(p, payload_length, ESL_IN_FUTEX)) return ESL_CAME;
    w->slept++;
    esl_wait_status status = sleep_on(&p->peer->released, released, limit_ns);
    esl_ring_unblock(p);
    return status;
}

static esl_wait_status poll_both(int bell, int control, int64_t limit_ns)
{
    struct pollfd fds[2] = {{.fd = bell, .events = POLLIN}, {.fd = control, .events = POLLIN}};
    struct timespec limit = {.tv_sec = (time_t)(limit_ns / 1000000000), .tv_nsec = (long)(limit_ns % 1000000000)};
    int found = ppoll(fds, 2, limit_ns < 0 ? NULL : &limit, NULL);
    uint64_t count;
    if (found < 0) return errno == EINTR ? ESL_INTERRUPTED : ESL_CAME;
    if (fds[0].revents && read(bell, &count, sizeof count) < 0) return ESL_CAME; /* somebody else has emptied it */
    return found ? ESL_CAME : ESL_NOT_YET;
}

esl_wait_status esl_wait_at_bell(esl_consumer_t *c, int bell, int control, int64_t limit_ns)
{
    if (!esl_ring_sleep(c, ESL_ON_EVENTFD)) return ESL_CAME;
    esl_wait_status status = poll_both(bell, control, limit_ns);
    esl_ring_awake(c);
    return status;
}

bool esl_hung_up(int control)
{
    char byte;
    ssize_t got = recv(control, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

unsigned esl_fork_count;

static void in_child(void) { esl_fork_count++; }
void esl_count_forks(void) { pthread_atfork(NULL, NULL, in_child); }
