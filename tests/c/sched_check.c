/* The slab and the wheel of delays against what they must do, at random: `sched_check STEPS`; prints "ok". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esl_slab.h"
#include "esl_wheel.h"

#define WAITS 300

static uint64_t seed = 88172645463325252u;

static uint64_t below(uint64_t n)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed % n;
}

static void check(int right, const char *what)
{
    if (right) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void slab(long steps)
{
    enum { MOST = 3000, SIZE = 496 };
    static unsigned char *piece[MOST], mark[MOST];
    esl_slab_t slab;
    esl_slab_init(&slab, SIZE);
    for (long i = 0; i < steps; i++) {
        uint64_t at = below(MOST);
        if (piece[at]) {
            check(piece[at][0] == mark[at] && piece[at][SIZE - 1] == mark[at], "a piece is its owner's alone");
            esl_slab_give(piece[at]);
            piece[at] = NULL;
        } else {
            check((piece[at] = esl_slab_take(&slab)) != NULL, "there is memory");
            memset(piece[at], mark[at] = (unsigned char)below(256), SIZE);
        }
    }
    for (int i = 0; i < MOST; i++)
        if (piece[i]) esl_slab_give(piece[i]);
    check(!slab.free && slab.spare, "one empty chunk is kept");
    esl_slab_close(&slab);
}

static int64_t a_delay(void) { return (int64_t)below(UINT64_C(1) << below(40)); }

static int64_t earliest(const esl_wait_t *waits)
{
    int64_t found = INT64_MAX;
    for (int i = 0; i < WAITS; i++)
        if (waits[i].link.next && waits[i].due < found) found = waits[i].due;
    return found;
}

/* Everything due by now comes out, in order, and nothing else. */
static void turn(esl_wheel_t *wheel, esl_wait_t *waits, int64_t now)
{
    esl_link_t due;
    esl_ring_init(&due);
    esl_wheel_turn(wheel, now, &due);
    for (int64_t last = 0; !esl_ring_empty(&due);) {
        esl_wait_t *out = (esl_wait_t *)due.next;
        check(out->due <= now && out->due >= last, "what comes out is due, earlier ones first");
        last = out->due;
        esl_unlink(&out->link);
    }
    check(earliest(waits) > now, "nothing that is due stays");
}

static void wheel(long steps)
{
    static esl_wheel_t wheel;
    static esl_wait_t waits[WAITS];
    int64_t now = (int64_t)below(UINT64_C(1) << 45);
    esl_wheel_init(&wheel, now);
    for (long i = 0; i < steps; i++) {
        esl_wait_t *one = &waits[below(WAITS)];
        if (one->link.next) esl_unlink(&one->link);
        else esl_wheel_add(&wheel, one, now + a_delay());
        if (below(4)) continue;
        int64_t next = esl_wheel_next(&wheel);
        check(next > now && next <= earliest(waits), "the wheel is turned in time");
        now = below(2) && next != INT64_MAX ? next : now + a_delay();
        turn(&wheel, waits, now);
    }
}

int main(int argc, char **argv)
{
    long steps = argc > 1 ? atol(argv[1]) : 100000;
    slab(steps);
    wheel(steps);
    puts("ok");
    return 0;
}
