/* The router's thread between ends of this process: order, content, slow receivers, refusals, streams, ends. For ASan and TSan.
 * usage: router_check MESSAGES. The result is 0 when everything held; the first thing that did not is printed. */
#define _GNU_SOURCE
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

/* --- what has to hold --- */

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

/* Two senders to one receiver, in the same lane, long messages among short ones: each one's order, nothing mixed. */
static void two_senders(end_t *a, end_t *b, end_t *to, uint64_t messages)
{
    pthread_t threads[2];
    flow_t flows[2] = {{a, to->number, 1, messages}, {b, to->number, 1, messages}};
    uint64_t seen[2] = {0};
    for (int n = 0; n < 2; n++) MUST(pthread_create(&threads[n], NULL, flow, &flows[n]) == 0);
    for (uint64_t n = 0; n < 2 * messages; n++) {
        esl_envelope_t e;
        receive_soon(to, &e);
        MUST(e.corr == ++seen[e.source == b->number] && e.total == size_of(e.corr));
    }
    for (int n = 0; n < 2; n++) pthread_join(threads[n], NULL);
}

/* One receiver takes nothing; the other one gets everything meanwhile, and the slow one its own in the end (R49). */
static void slow_receiver(end_t *from, end_t *slow, end_t *quick, uint64_t messages)
{
    esl_envelope_t e;
    for (uint64_t corr = 1; corr <= messages; corr++) {
        send_message(from, from->number, slow->number, 2, corr, 300, KIND);
        send_message(from, from->number, quick->number, 2, corr, 10, KIND);
        receive_soon(quick, &e);
        MUST(e.corr == corr);
    }
    for (uint64_t corr = 1; corr <= messages; corr++) {
        receive_soon(slow, &e);
        MUST(e.corr == corr);
    }
}

/* A long message of one lane does not hold up a short one of another lane: it comes between its parts. */
static void lanes_in_turn(end_t *from, end_t *to)
{
    esl_envelope_t e;
    uint8_t payload[PART];
    uint64_t seq;
    int parts_before = 0;
    send_message(from, from->number, to->number, 3, 1, 1000000, KIND);
    send_message(from, from->number, to->number, 4, 1, 10, KIND);
    for (bool short_came = false; !short_came;) {
        while (!next_part(to, &e, &seq, payload)) usleep(100);
        MUST(seq == ++to->got[e.lane]);
        short_came = e.lane == 4;
        parts_before += !short_came;
    }
    MUST(parts_before < 100);
    for (uint32_t parts = (uint32_t)parts_before; parts < (1000000 + PART - 1) / PART; parts++) {
        while (!next_part(to, &e, &seq, payload)) usleep(100);
        MUST(e.lane == 3 && seq == ++to->got[3]);
    }
}

static void what_goes_up(esl_router_t *r, end_t *a, end_t *b)
{
    esl_envelope_t e;
    send_message(a, a->number, 1, 1, 5, 100, KIND);
    MUST(up_soon(r, ESL_UP_OWN).envelope.corr == 5);
    send_message(a, a->number, b->number, 1, 6, 100, KIND + 1);
    MUST(up_soon(r, ESL_UP_OWN).envelope.kind == KIND + 1);
    send_message(a, b->number, b->number, 1, 7, 20000, KIND);
    MUST(up_soon(r, ESL_UP_FOREIGN).port == a->port);
    uint8_t payload[50];
    fill(payload, 50, 8);
    esl_envelope_t own = {.length = 50, .kind = 0x0301, .lane = 5, .source = 1, .target = b->number, .corr = 8};
    MUST(esl_router_send(r, b->port, &own, payload, false) == ESL_SENT);
    receive_soon(b, &e);
    MUST(e.corr == 8 && e.source == 1 && e.kind == 0x0301);
}

/* --- order beside what the owner hands on --- */

static void owner_sends(esl_router_t *r, const end_t *to, uint64_t corr, uint32_t length)
{
    uint8_t payload[1000];
    fill(payload, length, corr);
    esl_envelope_t e = {.length = length, .kind = 0x0301, .lane = 1, .source = 1, .target = to->number, .corr = corr};
    esl_send_status status;
    while ((status = esl_router_send(r, to->port, &e, payload, false)) == ESL_SEND_FULL) usleep(100);
    MUST(status == ESL_SENT);
}

/* What is behind a message that the owner has still to deal with goes up too, and comes behind it where it passes again. */
static void nothing_overtakes(esl_router_t *r, end_t *a, end_t *b)
{
    static uint8_t payload[1u << 20];
    esl_envelope_t e;
    esl_up_t up;
    send_message(a, a->number, 1, 1, 1, 10, KIND);
    send_message(a, a->number, b->number, 1, 2, 10, KIND);
    send_message(a, a->number, b->number, 2, 3, 10, KIND); /* another lane */
    receive_soon(b, &e);
    MUST(e.corr == 3);
    for (uint64_t corr = 1; corr <= 2; corr++) {
        while (!esl_router_up_look(r, &up)) wait_for(esl_router_up_bell(r));
        esl_router_up_take(r, payload);
        MUST(up.envelope.corr == corr && up.why == (corr == 1 ? ESL_UP_OWN : ESL_UP_BEHIND));
    }
    owner_sends(r, b, 2, 10);
    esl_router_settle(r, a->port, 1, 2);
    send_message(a, a->number, b->number, 1, 4, 10, KIND);
    receive_soon(b, &e);
    MUST(e.corr == 2 && e.source == 1);
    receive_soon(b, &e);
    MUST(e.corr == 4);
}

typedef struct {
    esl_router_t *router;
    const end_t *to;
    uint64_t messages;
} owner_t;

static void *owner_flow(void *given)
{
    owner_t *o = given;
    for (uint64_t corr = 1; corr <= o->messages; corr++) owner_sends(o->router, o->to, corr, (uint32_t)(corr * 7 % 900));
    return NULL;
}

/* The owner and a port send to one receiver in one lane, both at once. */
static void owner_among(esl_router_t *r, end_t *a, end_t *to, uint64_t messages)
{
    pthread_t threads[2];
    flow_t passing = {a, to->number, 1, messages};
    owner_t own = {r, to, messages};
    uint64_t seen[2] = {0};
    MUST(pthread_create(&threads[0], NULL, flow, &passing) == 0 && pthread_create(&threads[1], NULL, owner_flow, &own) == 0);
    for (uint64_t n = 0; n < 2 * messages; n++) {
        esl_envelope_t e;
        receive_soon(to, &e);
        MUST(e.corr == ++seen[e.source == 1]);
    }
    for (int n = 0; n < 2; n++) pthread_join(threads[n], NULL);
}

/* The way to a process comes and goes while messages for it flow: each arrives or comes up, in order either way. */
static void changing_table(esl_router_t *r, end_t *a, end_t *to, uint64_t messages)
{
    static uint8_t payload[1u << 20];
    pthread_t thread;
    flow_t flows = {a, to->number, 1, messages};
    uint64_t came = 0, rose = 0, last_came = 0, last_rose = 0, turn = 0;
    MUST(pthread_create(&thread, NULL, flow, &flows) == 0);
    while (came + rose < messages) {
        esl_envelope_t e;
        esl_up_t up;
        if (receive(to, &e)) {
            MUST(e.corr > last_came);
            last_came = e.corr;
            came++;
        }
        if (esl_router_up_look(r, &up)) {
            esl_router_up_take(r, payload);
            esl_router_settle(r, up.port, up.envelope.lane, 1);
            MUST((up.why == ESL_UP_OWN || up.why == ESL_UP_BEHIND) && up.envelope.corr > last_rose);
            last_rose = up.envelope.corr;
            rose++;
        }
        if (!(++turn % 64)) MUST(esl_router_set_route(r, to->number, turn % 128 ? -1 : to->port));
    }
    pthread_join(thread, NULL);
    MUST(esl_router_set_route(r, to->number, to->port) && esl_router_sync(r));
}

/* --- requests under way --- */

#define CALL 0x0111
#define DATA 0x0114
#define REPLY KIND
#define ASKS 4

static void say(end_t *e, uint32_t target, uint8_t lane, uint64_t corr, uint16_t kind, uint8_t flags)
{
    esl_envelope_t env = {.kind = kind, .lane = lane, .source = e->number, .target = target, .corr = corr,
                          .flags = (uint8_t)(flags | ESL_FIRST | ESL_LAST)};
    send_part(e, &env, NULL);
}

/* Of a thousand requests to one that dies half are answered, the others are handed out: each once. */
static void a_target_dies(esl_router_t *r, esl_book_t *book, end_t *a, end_t *b, end_t *dies)
{
    esl_envelope_t e;
    esl_open_t orphan;
    static bool ended[2000];
    uint32_t at = 0, left = 0;
    for (uint64_t corr = 0; corr < 1000; corr++) {
        say(corr % 2 ? a : b, dies->number, 3, corr, DATA, ASKS);
        receive_soon(dies, &e);
        MUST(e.corr == corr);
        if (corr % 3 == 0) say(dies, e.source, 3, corr, REPLY, 0);
    }
    MUST(esl_router_drop(r, dies->port) && up_soon(r, ESL_UP_ENDED).port == dies->port);
    for (uint64_t corr = 0; corr < 1000; corr++)
        if (corr % 3 == 0) {
            receive_soon(corr % 2 ? a : b, &e);
            MUST(e.corr == corr && !ended[corr]);
            ended[corr] = true;
        }
    for (; esl_book_orphan(book, dies->number, &at, &orphan); left++) {
        MUST(orphan.kind == DATA && orphan.lane == 3 && orphan.caller == (orphan.corr % 2 ? a : b)->number && !ended[orphan.corr]);
        ended[orphan.corr] = true;
    }
    MUST(left == 666 && esl_book_size(book) == 0);
}

static void what_the_book_refuses(esl_router_t *r, esl_book_t *book, end_t *a, end_t *b, end_t *c)
{
    esl_envelope_t e;
    esl_passed_t passed;
    say(a, b->number, 1, 1, CALL, ASKS);
    receive_soon(b, &e);
    say(b, c->number, 1, 2, CALL, ASKS);
    receive_soon(c, &e);
    say(c, a->number, 1, 3, CALL, ASKS); /* a waits for b, b for c */
    MUST(up_soon(r, ESL_UP_JUDGE).envelope.corr == 3);
    say(c, a->number, 1, 1, REPLY, 0); /* that is b's to answer */
    MUST(up_soon(r, ESL_UP_JUDGE).envelope.corr == 1);
    say(b, a->number, 1, 1, REPLY, 0);
    receive_soon(a, &e);
    MUST(e.corr == 1 && e.source == b->number);
    say(b, a->number, 1, 1, REPLY, 0); /* once more */
    MUST(up_soon(r, ESL_UP_JUDGE).envelope.corr == 1);
    MUST(esl_book_size(book) == 1 && esl_book_leave(book, b->number, 2));
    uint64_t messages = 0;
    while (esl_book_take_passed(book, &passed)) messages += passed.messages;
    MUST(messages == 3);
}

static void requests(void)
{
    esl_book_t *book = esl_book_new();
    esl_router_t *r = esl_router_new(&limits, book);
    MUST(book && r && esl_router_start(r));
    MUST(esl_router_set_pass(r, CALL, 1u << 1) && esl_router_set_pass(r, REPLY, ~0u) && esl_router_set_pass(r, DATA, 1u << 3));
    end_t *a = end_of(r, 10), *b = end_of(r, 11), *c = end_of(r, 12);
    what_the_book_refuses(r, book, a, b, c);
    a_target_dies(r, book, a, b, c);
    say(a, b->number, 2, 9, CALL, ASKS); /* not in this lane */
    MUST(up_soon(r, ESL_UP_OWN).envelope.corr == 9);
    esl_router_free(r);
    esl_book_free(book);
}

/* The owner ends a port: what was accepted arrives, then the farewell, then the word of the end; heartbeats are nobody's business. */
static void leaving(void)
{
    esl_router_t *r = fresh();
    end_t *a = end_of(r, 10), *b = end_of(r, 11);
    esl_envelope_t e, beat = {.kind = 0x0f07};
    MUST(esl_router_send(r, b->port, &beat, NULL, true) == ESL_SENT && esl_router_sync(r));
    for (uint64_t corr = 1; corr <= 300; corr++) owner_sends(r, b, corr, 900);
    MUST(esl_router_backlog(r, b->port) > 0 && esl_router_leave(r, b->port, "bye", 3) && esl_router_sync(r));
    MUST(esl_router_send(r, b->port, &beat, NULL, true) == ESL_SEND_GONE);
    say(b, 10, 1, 1, KIND, 0); /* too late */
    for (uint64_t corr = 1; corr <= 300; corr++) {
        receive_soon(b, &e);
        MUST(e.corr == corr);
    }
    MUST(up_soon(r, ESL_UP_ENDED).port == b->port && !next_part(a, &e, &(uint64_t){0}, b->whole));
    uint64_t seq;
    MUST(next_part(b, &e, &seq, b->whole) && e.kind == 0x0f08 && seq == 0 && !memcmp(b->whole, "bye", 3));
    MUST(esl_router_send(r, b->port, &beat, NULL, true) == ESL_SEND_GONE);
    e = (esl_envelope_t){.kind = 0x0301, .lane = 1, .flags = ESL_FIRST | ESL_LAST, .source = 10, .corr = 7};
    uint64_t before = esl_router_heard(r, a->port);
    MUST(esl_router_sync(r) && esl_ring_publish(&a->producer, &e, NULL, ++a->seq[1]) == ESL_RING_OK); /* quiet */
    while (esl_router_heard(r, a->port) == before) usleep(100);
    MUST(up_soon(r, ESL_UP_OWN).envelope.corr == 7);
    esl_router_free(r);
}

/* What a full backlog refuses comes up: with what arrives it is everything. */
static void refusals(void)
{
    esl_router_limits_t usual = limits;
    limits.backlog_bytes = 100000;
    esl_router_t *r = fresh();
    end_t *a = end_of(r, 10), *b = end_of(r, 11);
    uint64_t refused = 0, behind = 0, came = 0, last = 0;
    esl_envelope_t e;
    esl_port_counts_t counts;
    for (uint64_t corr = 1; corr <= 400; corr++) send_message(a, 10, 11, 1, corr, 1000, KIND);
    for (uint64_t n = 0; n < 400; n++) {
        esl_up_t up;
        uint8_t payload[1000];
        if (esl_router_up_look(r, &up)) {
            esl_router_up_take(r, payload);
            esl_router_settle(r, up.port, 1, 1);
            MUST((up.why == ESL_UP_REFUSED || up.why == ESL_UP_BEHIND) && filled(payload, 1000, up.envelope.corr));
            refused += up.why == ESL_UP_REFUSED;
            behind += up.why == ESL_UP_BEHIND;
        } else {
            receive_soon(b, &e);
            MUST(e.corr > last);
            last = e.corr;
            came++;
        }
    }
    MUST(refused + behind + came == 400 && refused && came > 50);
    esl_router_drop(r, b->port);
    while (up_soon(r, ESL_UP_ENDED).port != b->port) continue;
    MUST(esl_router_counts(r, b->port, &counts) && counts.refused == refused && counts.given == came);
    esl_router_free(r);
    limits = usual;
}

/* A port that is taken out is read to its end; one that is damaged ends alone. */
static void ends(esl_router_t *r, end_t *a, end_t *b, end_t *stream)
{
    esl_envelope_t e;
    for (uint64_t corr = 1; corr <= 100; corr++) send_message(a, a->number, b->number, 6, corr, 10, KIND);
    MUST(esl_router_drop(r, a->port));
    for (uint64_t corr = 1; corr <= 100; corr++) receive_soon(b, &e);
    MUST(e.corr == 100 && up_soon(r, ESL_UP_ENDED).port == a->port);
    end_t *again = end_of(r, a->number);
    MUST(again->port == a->port); /* its number is free again */
    again->seq[1] = 5; /* the numbers of a lane have a hole */
    send_message(again, again->number, b->number, 1, 1, 10, KIND);
    MUST(up_soon(r, ESL_UP_DAMAGED).port == again->port);
    send_message(b, b->number, stream->number, 6, 1, 10, KIND);
    receive_soon(stream, &e);
    MUST(send(stream->socket, stream->whole, 200, 0) == 200); /* no frame */
    MUST(up_soon(r, ESL_UP_DAMAGED).port == stream->port);
    send_message(b, b->number, stream->number, 6, 2, 10, KIND); /* its number leads nowhere any more */
    MUST(up_soon(r, ESL_UP_OWN).envelope.corr == 2);
}

static void streams(esl_router_t *r, end_t *ring, uint64_t messages)
{
    end_t *a = stream_of(r, 20), *b = stream_of(r, 21);
    two_senders(a, ring, b, messages);
    two_senders(b, a, ring, messages);
    close(a->socket);
    MUST(up_soon(r, ESL_UP_ENDED).port == a->port);
}

int main(int argc, char **argv)
{
    uint64_t messages = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
    esl_router_t *r = fresh();
    end_t *a = end_of(r, 10), *b = end_of(r, 11), *c = end_of(r, 12), *stream = stream_of(r, 13);
    two_senders(a, b, c, messages);
    slow_receiver(a, b, c, messages);
    lanes_in_turn(a, b);
    what_goes_up(r, a, b);
    nothing_overtakes(r, a, b);
    owner_among(r, a, b, messages);
    changing_table(r, a, b, messages);
    streams(r, c, messages);
    ends(r, a, b, stream);
    esl_router_free(r);
    refusals();
    requests();
    leaving();
    puts("all of it held");
    return 0;
}
