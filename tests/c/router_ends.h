/* Ends of a router in the same process, played by the program: rings and streams, messages in parts, a flow of them. */
#ifndef ROUTER_ENDS_H
#define ROUTER_ENDS_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esl_router.h"
#include "ring_link.h"

#define CAPACITY 65536u
#define PART     4096u
#define KIND     0x0201
#ifndef LIMIT_MS
#define LIMIT_MS 60000
#endif

static esl_router_limits_t limits = {.backlog_bytes = 8u << 20, .message_bytes = 1u << 20, .up_bytes = 1u << 20, .part_bytes = PART};

#define MUST(x) do { if (!(x)) { fprintf(stderr, "line %d: %s\n", __LINE__, #x); exit(1); } } while (0)

typedef struct {
    link_t link;
    esl_producer_t producer;
    esl_consumer_t consumer;
    int bell, router_bell, port;
    uint32_t number;
    uint64_t seq[ESL_ROUTER_LANES], got[ESL_ROUTER_LANES];
    uint8_t whole[1u << 20];
    uint32_t have;
    int socket;
    uint8_t in[1u << 17];
    size_t in_have;
} end_t;

static end_t *ends_made[64]; /* they live as long as the program: what the sanitizer finds lost is the router's */
static int ends_count;

static end_t *new_end(void)
{
    MUST(ends_count < 64);
    return ends_made[ends_count++] = calloc(1, sizeof(end_t));
}

static end_t *end_of(esl_router_t *r, uint32_t number)
{
    end_t *e = new_end();
    e->link = fresh_link(CAPACITY, 0);
    e->number = number;
    e->bell = eventfd(0, EFD_NONBLOCK);
    e->router_bell = eventfd(0, EFD_NONBLOCK);
    esl_producer_init(&e->producer, e->link.a, e->link.b);
    esl_consumer_init(&e->consumer, e->link.a, e->link.b);
    e->port = esl_router_add_ring(r, e->link.b, e->link.a, e->router_bell, e->bell);
    MUST(e->port >= 0 && esl_router_set_route(r, number, e->port));
    return e;
}

static end_t *stream_of(esl_router_t *r, uint32_t number)
{
    end_t *e = new_end();
    int pair[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    e->socket = pair[0];
    e->number = number;
    e->port = esl_router_add_stream(r, pair[1], 99, 1);
    MUST(e->port >= 0 && esl_router_set_route(r, number, e->port));
    return e;
}

static void wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t count;
    MUST(poll(&p, 1, LIMIT_MS) == 1); /* else: a lost wake-up */
    if (read(fd, &count, 8) < 0) return;
}

static void wake(const end_t *e) { MUST(eventfd_write(e->router_bell, 1) == 0); }

static void send_part(end_t *e, const esl_envelope_t *env, const uint8_t *payload)
{
    uint64_t seq = ++e->seq[env->lane];
    if (e->socket) {
        uint8_t head[ESL_FRAME_HEAD];
        esl_session_t s = {.session = 99, .seq = seq, .epoch = 1};
        esl_frame_head(head, &s, env, payload);
        MUST(send(e->socket, head, sizeof head, 0) == sizeof head);
        for (size_t at = 0; at < env->length;) {
            ssize_t gone = send(e->socket, payload + at, env->length - at, 0);
            MUST(gone > 0);
            at += (size_t)gone;
        }
        return;
    }
    while (esl_ring_publish(&e->producer, env, payload, seq) != ESL_RING_OK)
        if (esl_ring_block(&e->producer, env->length, ESL_ON_EVENTFD)) {
            if (esl_ring_must_wake(&e->producer)) wake(e);
            wait_for(e->bell);
            esl_ring_unblock(&e->producer);
        }
    if (esl_ring_must_wake(&e->producer)) wake(e);
}

/* Message `corr` of a lane, in parts where it is long; its content follows from its number. */
static void send_message(end_t *e, uint32_t source, uint32_t target, uint8_t lane, uint64_t corr, uint32_t total, uint16_t kind)
{
    static _Thread_local uint8_t payload[1u << 20];
    fill(payload, total, corr);
    for (uint32_t at = 0; at == 0 || at < total;) {
        uint32_t length = total - at < PART ? total - at : PART;
        esl_envelope_t env = {.length = length, .total = total, .kind = kind, .lane = lane, .source = source, .target = target, .corr = corr,
                              .flags = (uint8_t)((at ? 0 : ESL_FIRST) | (at + length == total ? ESL_LAST : 0))};
        send_part(e, &env, payload + at);
        at += length ? length : 1;
    }
}

static bool next_part(end_t *e, esl_envelope_t *env, uint64_t *seq, uint8_t *payload)
{
    if (!e->socket) {
        esl_record_view_t view;
        esl_ring_status status = esl_ring_peek(&e->consumer, &view);
        if (status == ESL_RING_EMPTY) return false;
        MUST(status == ESL_RING_OK && esl_ring_take(&e->consumer, &view, payload) == ESL_RING_OK);
        if (esl_ring_must_release(&e->consumer)) wake(e);
        *env = view.envelope;
        *seq = view.header.lane_seq;
        return true;
    }
    esl_session_t s;
    while (esl_frame_look(e->in, e->in_have, PART, &s, env) != ESL_FRAME_OK) {
        ssize_t got = recv(e->socket, e->in + e->in_have, sizeof e->in - e->in_have, MSG_DONTWAIT);
        if (got <= 0) return false;
        e->in_have += (size_t)got;
    }
    memcpy(payload, e->in + ESL_FRAME_HEAD, env->length);
    e->in_have -= ESL_FRAME_HEAD + env->length;
    memmove(e->in, e->in + ESL_FRAME_HEAD + env->length, e->in_have);
    *seq = s.seq;
    return true;
}

/* The next whole message; parts of one lane never mix. false: nothing now. */
static bool receive(end_t *e, esl_envelope_t *env)
{
    static uint8_t payload[PART];
    uint64_t seq;
    while (next_part(e, env, &seq, payload)) {
        if (!seq) continue; /* an acknowledgement alone */
        MUST(seq == ++e->got[env->lane]);
        if (env->flags & ESL_FIRST) e->have = 0;
        memcpy(e->whole + e->have, payload, env->length);
        e->have += env->length;
        if (!(env->flags & ESL_LAST)) continue;
        MUST(e->have == env->total && filled(e->whole, env->total, env->corr));
        return true;
    }
    return false;
}

static void receive_soon(end_t *e, esl_envelope_t *env)
{
    while (!receive(e, env)) {
        if (e->socket) {
            struct pollfd p = {.fd = e->socket, .events = POLLIN};
            MUST(poll(&p, 1, LIMIT_MS) == 1);
        } else if (esl_ring_sleep(&e->consumer, ESL_ON_EVENTFD)) {
            wait_for(e->bell);
            esl_ring_awake(&e->consumer);
        }
    }
}

static esl_up_t up_soon(esl_router_t *r, uint32_t why)
{
    static uint8_t payload[1u << 20];
    esl_up_t up;
    while (!esl_router_up_look(r, &up)) wait_for(esl_router_up_bell(r));
    esl_router_up_take(r, payload);
    if (up.why != ESL_UP_ENDED && up.why != ESL_UP_DAMAGED) esl_router_settle(r, up.port, up.envelope.lane, 1);
    if (up.why != why) fprintf(stderr, "came up for reason %u, not %u\n", up.why, why);
    MUST(up.why == why && filled(payload, up.envelope.length, up.envelope.corr));
    return up;
}

static esl_router_t *fresh(void)
{
    esl_router_t *r = esl_router_new(&limits, NULL);
    MUST(r && esl_router_start(r) && esl_router_set_pass(r, KIND, ~0u));
    return r;
}

static uint32_t size_of(uint64_t corr) { return corr % 97 == 0 ? 30000 : (uint32_t)(corr * 37 % 900); }

typedef struct {
    end_t *from;
    uint32_t to;
    uint8_t lane;
    uint64_t messages;
} flow_t;

static void *flow(void *given)
{
    flow_t *f = given;
    for (uint64_t corr = 1; corr <= f->messages; corr++)
        send_message(f->from, f->from->number, f->to, f->lane, corr, size_of(corr), KIND);
    return NULL;
}

#endif
