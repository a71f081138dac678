/* What has to hold beside the router's owner: order, requests under way, a table that changes, an end in order. */
#ifndef ROUTER_OWNER_H
#define ROUTER_OWNER_H

#include "router_ends.h"

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

#endif
