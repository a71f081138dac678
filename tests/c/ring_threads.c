/* Producer and consumer as two threads of one process, for ThreadSanitizer: it sees a missing release or acquire that the
 * processor forgives. usage: ring_threads RECORDS */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ring_link.h"

#define CAPACITY 4096u
#define LONGEST 600u

static link_t ring;
static int bell_a, bell_b;
static uint64_t records;

static void sleep_at(int bell)
{
    struct pollfd p = {.fd = bell, .events = POLLIN};
    uint64_t count;
    if (poll(&p, 1, 5000) != 1) {
        fprintf(stderr, "lost wake-up\n");
        exit(2);
    }
    if (read(bell, &count, 8) != 8) exit(3);
}

static void ring_bell(int bell)
{
    uint64_t one = 1;
    if (write(bell, &one, 8) != 8) exit(3);
}

static void *produce(void *unused)
{
    esl_producer_t p;
    uint8_t payload[LONGEST];
    (void)unused;
    esl_producer_init(&p, ring.a, ring.b);
    for (uint64_t seq = 1; seq <= records; seq++) {
        uint32_t length = (uint32_t)(seq * 37 % LONGEST);
        esl_envelope_t e = envelope_of(length, seq);
        fill(payload, length, seq);
        while (esl_ring_publish(&p, &e, payload, seq) == ESL_RING_FULL)
            if (esl_ring_block(&p, length, ESL_ON_EVENTFD)) {
                sleep_at(bell_a);
                esl_ring_unblock(&p);
            }
        if (esl_ring_must_wake(&p)) ring_bell(bell_b);
    }
    return NULL;
}

static int consume(void)
{
    esl_consumer_t c;
    esl_record_view_t view;
    uint8_t payload[LONGEST];
    esl_consumer_init(&c, ring.b, ring.a);
    for (uint64_t seq = 1; seq <= records;) {
        esl_ring_status status = esl_ring_peek(&c, &view);
        if (status == ESL_RING_EMPTY) {
            if (esl_ring_sleep(&c, ESL_ON_EVENTFD)) {
                sleep_at(bell_b);
                esl_ring_awake(&c);
            }
            continue;
        }
        if (status != ESL_RING_OK || esl_ring_take(&c, &view, payload) != ESL_RING_OK) return 4;
        if (view.envelope.corr != seq || view.envelope.length != seq * 37 % LONGEST) return 5;
        if (!filled(payload, view.envelope.length, seq)) return 6;
        if (esl_ring_must_release(&c)) ring_bell(bell_a);
        seq++;
    }
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    records = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    ring = fresh_link(CAPACITY, 0);
    bell_a = eventfd(0, 0);
    bell_b = eventfd(0, 0);
    if (pthread_create(&thread, NULL, produce, NULL)) return 3;
    int failed = consume();
    pthread_join(thread, NULL);
    printf("%llu records, result %d\n", (unsigned long long)records, failed);
    return failed;
}
