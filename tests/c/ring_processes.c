/* Producer and consumer as two processes with a slow side now and then: order, content, no lost wake-up.
 * usage: ring_processes RECORDS SLOW HOW     SLOW: 0 nobody, 1 producer, 2 consumer; HOW: 1 futex, 2 bell */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "esl_wait.h"
#include "ring_link.h"

#define CAPACITY 65536u
#define LONGEST 5000u

#define LIMIT_NS 5000000000u /* nothing for five seconds: the wake-up was lost */

static int bells[2]; /* 0: the producer's, 1: the consumer's */
static uint32_t how;

static int sleep_at(int bell)
{
    struct pollfd p = {.fd = bell, .events = POLLIN};
    uint64_t count;
    if (poll(&p, 1, LIMIT_NS / 1000000) != 1) return 0;
    return read(bell, &count, 8) == 8;
}

/* 0: there may be room. */
static int wait_room(esl_waiter_t *w, esl_producer_t *p, uint32_t length)
{
    if (how == ESL_IN_FUTEX) return esl_wait_room(w, p, length, LIMIT_NS) == ESL_NOT_YET;
    if (!esl_ring_block(p, length, ESL_ON_EVENTFD)) return 0;
    if (!sleep_at(bells[0])) return 1;
    esl_ring_unblock(p);
    return 0;
}

static int wait_data(esl_waiter_t *w, esl_consumer_t *c)
{
    esl_call_writer(w, c, bells[0]);
    if (how == ESL_IN_FUTEX) return esl_wait_data(w, c, LIMIT_NS) == ESL_NOT_YET;
    if (!esl_ring_sleep(c, ESL_ON_EVENTFD)) return 0;
    if (!sleep_at(bells[1])) return 1;
    esl_ring_awake(c);
    return 0;
}

static int produce(link_t link, uint64_t records, int slow)
{
    esl_producer_t p;
    static uint8_t payload[LONGEST];
    esl_waiter_t w;
    esl_waiter_init(&w);
    esl_producer_init(&p, link.a, link.b);
    for (uint64_t seq = 1; seq <= records; seq++) {
        uint32_t length = seq % 64 ? (uint32_t)(seq % 97) : (uint32_t)(seq * 7 % LONGEST);
        esl_envelope_t e = envelope_of(length, seq);
        fill(payload, length, seq);
        while (esl_ring_publish(&p, &e, payload, seq) == ESL_RING_FULL)
            if (wait_room(&w, &p, length)) return 2;
        esl_call_reader(&w, &p, bells[1]);
        if (slow == 1 && seq % 1024 == 0) usleep(200);
    }
    return 0;
}

static int consume(link_t link, uint64_t records, int slow)
{
    esl_consumer_t c;
    esl_record_view_t view;
    static uint8_t payload[LONGEST];
    esl_waiter_t w;
    esl_waiter_init(&w);
    esl_consumer_init(&c, link.b, link.a);
    for (uint64_t seq = 1; seq <= records;) {
        esl_ring_status status = esl_ring_peek(&c, &view);
        if (status == ESL_RING_EMPTY) {
            if (wait_data(&w, &c)) return 2;
            continue;
        }
        if (status != ESL_RING_OK || esl_ring_take(&c, &view, payload) != ESL_RING_OK) return 4;
        if (view.envelope.corr != seq || !filled(payload, view.envelope.length, seq)) return 5;
        if (esl_ring_owes_release(&c)) esl_call_writer(&w, &c, bells[0]);
        if (slow == 2 && seq % 1024 == 0) usleep(200);
        seq++;
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    int slow = argc > 2 ? atoi(argv[2]) : 0, status = 0;
    how = argc > 3 ? (uint32_t)atoi(argv[3]) : ESL_ON_EVENTFD;
    link_t link = fresh_link(CAPACITY, (UINT64_C(1) << 63) - 4 * CAPACITY); /* the run crosses 2^63 */
    for (int i = 0; i < 2; i++) bells[i] = eventfd(0, 0);
    pid_t child = fork();
    if (child == 0) _exit(produce(link, records, slow));
    int failed = consume(link, records, slow);
    waitpid(child, &status, 0);
    printf("%llu records, consumer %d, producer %d\n", (unsigned long long)records, failed, WEXITSTATUS(status));
    return failed || status ? 1 : 0;
}
