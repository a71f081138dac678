/* Messages from one end through the router's thread to another end. Both ends share a processor, the router has the other one.
 * usage: router_flow MESSAGES SIZE BATCH ROUTER_CPU ENDS_CPU. Prints nanoseconds per message; the receiver checks order and content. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "esl_router.h"

#define CAPACITY (1u << 20)
#define WINDOW   4096u
#define KIND     0x0201
#define FROM     7
#define TO       8

typedef struct {
    esl_segment_t *near, *far;
    esl_producer_t producer;
    esl_consumer_t consumer;
    int bell, router_bell;
} end_t;

static void fail(const char *what)
{
    fprintf(stderr, "router_flow: %s\n", what);
    exit(1);
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) fail("cannot pin");
}

static esl_segment_t *segment(void)
{
    esl_segment_t *made = mmap(NULL, esl_ring_bytes(CAPACITY), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (made == MAP_FAILED) fail("no memory");
    esl_segment_init(made, CAPACITY, 1);
    return made;
}

static end_t end_of(esl_router_t *router, uint32_t number)
{
    end_t e = {.near = segment(), .far = segment(), .bell = eventfd(0, EFD_NONBLOCK), .router_bell = eventfd(0, EFD_NONBLOCK)};
    esl_producer_init(&e.producer, e.near, e.far);
    esl_consumer_init(&e.consumer, e.near, e.far);
    int port = esl_router_add_ring(router, e.far, e.near, e.router_bell, e.bell);
    if (port < 0 || !esl_router_set_route(router, number, port)) fail("no port");
    return e;
}

static uint64_t send_batch(end_t *e, uint64_t seq, uint64_t last, uint32_t size, uint32_t batch, uint8_t *payload)
{
    esl_envelope_t env = {.length = size, .total = size, .kind = KIND, .lane = 1, .flags = ESL_FIRST | ESL_LAST, .source = FROM, .target = TO};
    for (uint32_t n = 0; n < batch && seq < last; n++) {
        env.corr = seq + 1;
        memcpy(payload, &seq, 8);
        if (esl_ring_publish(&e->producer, &env, payload, seq + 1) != ESL_RING_OK) break;
        seq++;
    }
    if (esl_ring_must_wake(&e->producer) && eventfd_write(e->router_bell, 1)) fail("no bell");
    return seq;
}

static uint64_t receive(end_t *e, uint64_t seq, uint32_t size, uint8_t *payload)
{
    esl_record_view_t view;
    while (esl_ring_peek(&e->consumer, &view) == ESL_RING_OK) {
        uint64_t told;
        if (esl_ring_take(&e->consumer, &view, payload) != ESL_RING_OK) fail("damaged");
        memcpy(&told, payload, 8);
        if (view.envelope.corr != seq + 1 || told != seq || view.envelope.length != size) fail("order or content");
        seq++;
    }
    if (esl_ring_must_release(&e->consumer) && eventfd_write(e->router_bell, 1)) fail("no bell");
    return seq;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 6) fail("usage: MESSAGES SIZE BATCH ROUTER_CPU ENDS_CPU");
    uint64_t messages = strtoull(argv[1], NULL, 10), sent = 0, got = 0, turns = 0;
    uint32_t size = (uint32_t)atoi(argv[2]), batch = (uint32_t)atoi(argv[3]);
    esl_router_limits_t limits = {.backlog_bytes = 64u << 20, .message_bytes = 256u << 20, .up_bytes = 1u << 20, .part_bytes = 65536, .spin = 20000};
    esl_router_t *router = esl_router_new(&limits, NULL);
    uint8_t out[65536] = {0}, in[65536];
    if (!router || size < 8 || size > sizeof out) fail("cannot begin");
    pin(atoi(argv[4])); /* the thread takes over where it may run */
    if (!esl_router_start(router)) fail("no thread");
    pin(atoi(argv[5]));
    end_t a = end_of(router, FROM), b = end_of(router, TO);
    if (!esl_router_set_pass(router, KIND, ~0u) || !esl_router_sync(router)) fail("no order");
    double begin = now();
    while (got < messages) {
        if (sent - got < WINDOW) sent = send_batch(&a, sent, messages, size, batch, out);
        got = receive(&b, got, size, in);
        esl_up_t up;
        if (!(++turns % 65536) && esl_router_up_look(router, &up)) {
            fprintf(stderr, "router_flow: message %llu, port %d, came up: %u\n", (unsigned long long)got, up.port, up.why);
            return 1;
        }
    }
    printf("%.2f\n", (now() - begin) / (double)messages);
    esl_router_free(router);
    return 0;
}
