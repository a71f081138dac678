/* Producer and consumer as two processes with a slow side now and then: order, content, no lost wake-up.
 * usage: ring_processes RECORDS SLOW      SLOW: 0 nobody, 1 producer, 2 consumer */
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring_link.h"

#define CAPACITY 65536u
#define LONGEST 5000u

static int bells[2]; /* 0: the producer's, 1: the consumer's */

static int sleep_at(int bell)
{
    struct pollfd p = {.fd = bell, .events = POLLIN};
    uint64_t count;
    if (poll(&p, 1, 5000) != 1) return 0; /* nothing for five seconds: the wake-up was lost */
    return read(bell, &count, 8) == 8;
}

static void ring_bell(int bell)
{
    uint64_t one = 1;
    if (write(bell, &one, 8) != 8) exit(3);
}

static int produce(link_t link, uint64_t records, int slow)
{
    esl_producer_t p;
    static uint8_t payload[LONGEST];
    esl_producer_init(&p, link.a, link.b);
    for (uint64_t seq = 1; seq <= records; seq++) {
        uint32_t length = seq % 64 ? (uint32_t)(seq % 97) : (uint32_t)(seq * 7 % LONGEST);
        esl_envelope_t e = envelope_of(length, seq);
        fill(payload, length, seq);
        while (esl_ring_publish(&p, &e, payload, seq) == ESL_RING_FULL)
            if (esl_ring_block(&p, length, ESL_ON_EVENTFD)) {
                if (!sleep_at(bells[0])) return 2;
                esl_ring_unblock(&p);
            }
        if (esl_ring_must_wake(&p)) ring_bell(bells[1]);
        if (slow == 1 && seq % 1024 == 0) usleep(200);
    }
    return 0;
}

static int consume(link_t link, uint64_t records, int slow)
{
    esl_consumer_t c;
    esl_record_view_t view;
    static uint8_t payload[LONGEST];
    esl_consumer_init(&c, link.b, link.a);
    for (uint64_t seq = 1; seq <= records;) {
        esl_ring_status status = esl_ring_peek(&c, &view);
        if (status == ESL_RING_EMPTY) {
            if (esl_ring_must_release(&c)) ring_bell(bells[0]);
            if (!esl_ring_sleep(&c, ESL_ON_EVENTFD)) continue;
            if (!sleep_at(bells[1])) return 2;
            esl_ring_awake(&c);
            continue;
        }
        if (status != ESL_RING_OK || esl_ring_take(&c, &view, payload) != ESL_RING_OK) return 4;
        if (view.envelope.corr != seq || !filled(payload, view.envelope.length, seq)) return 5;
        if (seq % 16 == 0 && esl_ring_must_release(&c)) ring_bell(bells[0]);
        if (slow == 2 && seq % 1024 == 0) usleep(200);
        seq++;
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    int slow = argc > 2 ? atoi(argv[2]) : 0, status = 0;
    link_t link = fresh_link(CAPACITY, (UINT64_C(1) << 63) - 4 * CAPACITY); /* the run crosses 2^63 */
    for (int i = 0; i < 2; i++) bells[i] = eventfd(0, 0);
    pid_t child = fork();
    if (child == 0) _exit(produce(link, records, slow));
    int failed = consume(link, records, slow);
    waitpid(child, &status, 0);
    printf("%llu records, consumer %d, producer %d\n", (unsigned long long)records, failed, WEXITSTATUS(status));
    return failed || status ? 1 : 0;
}
