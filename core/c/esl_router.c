/* The router's thread: its table, each message's way, orders from the owner, sleep. */
#define _GNU_SOURCE
#include "esl_router_own.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "esl_port_stream.h"

#define BATCH        32u /* messages of one port before the next one gets its turn */
#define ACK_ALONE_MS 5
#define EVENTS       64

/* --- the table: open addressing, only the thread touches it --- */

static uint32_t place(const esl_router_t *r, uint32_t number) { return (number * 2654435761u) & (r->slot_count - 1); }

static esl_slot_t *find(const esl_router_t *r, uint32_t number)
{
    for (uint32_t at = place(r, number); r->slots[at].number; at = (at + 1) & (r->slot_count - 1))
        if (r->slots[at].number == number) return &r->slots[at];
    return NULL;
}

static esl_port_t *port_of(const esl_router_t *r, uint32_t number)
{
    esl_slot_t *slot = number ? find(r, number) : NULL;
    return slot && slot->port >= 0 ? r->port[slot->port] : NULL;
}

static void enter(esl_router_t *r, uint32_t number, int port)
{
    uint32_t at = place(r, number);
    while (r->slots[at].number) at = (at + 1) & (r->slot_count - 1);
    r->slots[at] = (esl_slot_t){number, port};
    r->slots_used++;
}

/* Twice the slots, without those that were taken out. False: no memory; the table is as it was. */
static bool grow(esl_router_t *r)
{
    esl_slot_t *old = r->slots, *made = calloc((size_t)r->slot_count * 2, sizeof *made);
    uint32_t count = r->slot_count;
    if (!made) return false;
    r->slots = made;
    r->slot_count = count * 2;
    r->slots_used = 0;
    for (uint32_t at = 0; at < count; at++)
        if (old[at].number && old[at].port >= 0) enter(r, old[at].number, old[at].port);
    free(old);
    return true;
}

static void set_route(esl_router_t *r, uint32_t number, int port)
{
    esl_slot_t *slot = find(r, number);
    if (slot)
        slot->port = port;
    else if (number && port >= 0 && (r->slots_used * 2 < r->slot_count || grow(r)))
        enter(r, number, port);
}

static bool passes(const esl_router_t *r, const esl_envelope_t *e)
{
    return e->kind < ESL_LINK_CONTROL && e->lane < ESL_ROUTER_LANES && r->pass[e->kind] >> e->lane & 1;
}

/* --- up --- */

static void up(esl_router_t *r, const esl_port_t *port, uint32_t why, const esl_envelope_t *e, const uint8_t *payload)
{
    esl_up_t head = {.port = port->number, .why = why};
    if (e) head.envelope = *e;
    if (e && e->lane < ESL_ROUTER_LANES) atomic_fetch_add_explicit(&r->behind[port->number][e->lane], 1, memory_order_relaxed);
    pthread_mutex_lock(&r->guard);
    bool first = esl_fifo_empty(&r->up);
    if (esl_fifo_put(&r->up, &head, sizeof head, payload, head.envelope.length))
        atomic_fetch_add_explicit(&r->up_waiting, head.envelope.length + sizeof head, memory_order_relaxed);
    pthread_mutex_unlock(&r->guard);
    uint64_t one = 1;
    if (first && write(r->up_bell, &one, sizeof one) < 0) return; /* a full counter wakes as well */
}

static bool up_full(const esl_router_t *r)
{
    return atomic_load_explicit(&r->up_waiting, memory_order_relaxed) >= r->limits.up_bytes;
}

/* --- one message --- */

/* Where it goes; NULL = up, with the reason. */
static esl_port_t *receiver(const esl_router_t *r, const esl_port_t *from, const esl_envelope_t *e, uint32_t *why)
{
    *why = ESL_UP_OWN;
    if (!passes(r, e)) return NULL;
#ifndef ESL_ROUTER_MUTANT_ANYBODY
    if (port_of(r, e->source) != from) {
        *why = ESL_UP_FOREIGN;
        return NULL;
    }
#else
    (void)from;
#endif
    esl_port_t *to = port_of(r, e->target);
    if (to && (to->dropped || to->leaving)) return NULL;
#ifndef ESL_ROUTER_MUTANT_BEHIND
    if (to && atomic_load_explicit(&r->behind[from->number][e->lane], memory_order_acquire)) { /* pairs with esl_router_settle */
        *why = ESL_UP_BEHIND;
        return NULL;
    }
#endif
    return to;
}

static bool answers(const esl_envelope_t *e) { return e->kind == MESSAGE_REPLY || e->kind == MESSAGE_FAILED; }

/* A request is written down, an answer ends one. False: that needs a judgement. */
static bool written(esl_router_t *r, const esl_envelope_t *e)
{
    if (!r->book) return true;
    if (answers(e)) return esl_book_answer(r->book, e->target, e->corr, e->source);
    esl_open_t open = {.corr = e->corr, .caller = e->source, .target = e->target, .object = e->object, .kind = e->kind, .lane = e->lane,
                       .waits = e->kind == MESSAGE_CALL};
    return !(e->flags & ESL_WANTS_ANSWER) || esl_book_enter(r->book, &open, NULL) == ESL_BOOK_OK;
}

/* Would it be, now? */
static bool writable(esl_router_t *r, const esl_envelope_t *e)
{
    if (!r->book) return true;
    if (answers(e)) return esl_book_awaits(r->book, e->target, e->corr, e->source);
    return !(e->flags & ESL_WANTS_ANSWER) || e->kind != MESSAGE_CALL || !esl_book_circles(r->book, e->source, e->target);
}

static void route(esl_router_t *r, esl_port_t *from, esl_envelope_t *e, const uint8_t *payload)
{
    uint32_t why;
    if (e->kind == MESSAGE_HEARTBEAT) return;
    esl_port_t *to = receiver(r, from, e, &why);
    if (to && !written(r, e)) {
        to = NULL;
        why = ESL_UP_JUDGE;
    }
    if (to && esl_port_give(to, e, payload, &r->limits) == ESL_PORT_OK) {
        if (r->book) esl_book_pass(r->book, e->source, e->target, e->lane, answers(e), e->length);
        return;
    }
    if (to && r->book && e->flags & ESL_WANTS_ANSWER) esl_book_leave(r->book, e->source, e->corr); /* the owner ends it */
    up(r, from, to ? ESL_UP_REFUSED : why, e, payload);
}

static void remove_port(esl_router_t *r, esl_port_t *p, uint32_t why)
{
    for (uint32_t at = 0; at < r->slot_count; at++)
        if (r->slots[at].port == p->number) r->slots[at].port = -1;
    epoll_ctl(r->epoll, EPOLL_CTL_DEL, p->stream ? p->socket : p->bell, NULL);
    r->port[p->number] = NULL;
    pthread_mutex_lock(&r->out);
    r->gate[p->number] = NULL;
    pthread_mutex_unlock(&r->out);
    pthread_mutex_lock(&r->guard);
    r->counts[p->number] = p->counts;
    pthread_mutex_unlock(&r->guard);
    up(r, p, why, NULL, NULL);
    esl_port_free(p);
}

/* Must it wait for an owner that is behind? */
static bool held_back(esl_router_t *r, const esl_port_t *p, const esl_envelope_t *e)
{
    uint32_t why;
    return up_full(r) && !p->leaving && e->kind != MESSAGE_HEARTBEAT && !(receiver(r, p, e, &why) && writable(r, e));
}

/* A batch of one port. What would go up stays where it is while its owner is behind. */
static void drain(esl_router_t *r, esl_port_t *p)
{
    esl_port_status status = ESL_PORT_EMPTY;
    pthread_mutex_lock(&r->out); /* once for all of them; a stream's two directions share bytes and counts */
    for (uint32_t n = 0; n < BATCH; n++) {
        esl_envelope_t e;
        const uint8_t *payload = NULL;
        if ((status = esl_port_look(p, &e, &r->limits)) != ESL_PORT_OK || held_back(r, p, &e)) break;
        status = esl_port_take(p, &e, &payload, &r->limits);
        if (status == ESL_PORT_OK && !p->leaving) route(r, p, &e, payload);
        else if (status != ESL_PORT_OK && status != ESL_PORT_PART) break;
        r->worked = true;
    }
    pthread_mutex_unlock(&r->out);
    if (status == ESL_PORT_DAMAGED) remove_port(r, p, ESL_UP_DAMAGED);
    else if (status == ESL_PORT_ENDED || (status == ESL_PORT_EMPTY && p->dropped)) remove_port(r, p, ESL_UP_ENDED);
}

/* --- orders --- */

static void add(esl_router_t *r, esl_order_t *o)
{
    esl_port_t *p = o->made;
    struct epoll_event event = {.events = p->stream ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN, .data.fd = p->stream ? -1 : p->bell};
    o->made = NULL;
    r->port[p->number] = p;
    if (p->number >= r->ports) r->ports = p->number + 1;
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, p->stream ? p->socket : p->bell, &event)) remove_port(r, p, ESL_UP_DAMAGED);
}

static void leave(esl_port_t *p, const esl_order_t *o)
{
    p->leaving = true;
    p->goodbye = malloc(o->number ? o->number : 1); /* without memory it goes without a word */
    p->goodbye_bytes = o->number;
    if (p->goodbye && o->number) memcpy(p->goodbye, o->payload, o->number);
}

static void show_counts(esl_router_t *r)
{
    pthread_mutex_lock(&r->out);
    pthread_mutex_lock(&r->guard);
    for (int at = 0; at < r->ports; at++)
        if (r->port[at]) {
            r->counts[at] = r->port[at]->counts;
            r->counts[at].waiting_bytes = r->port[at]->waiting_bytes;
        }
    pthread_mutex_unlock(&r->guard);
    pthread_mutex_unlock(&r->out);
}

static void apply(esl_router_t *r, esl_order_t *o)
{
    esl_port_t *p = o->port >= 0 && o->port < ESL_ROUTER_PORTS ? r->port[o->port] : NULL;
    switch (o->kind) {
    case ESL_ADD: add(r, o); break;
    case ESL_DROP:
        if (p) p->dropped = true;
        break;
    case ESL_ROUTE: set_route(r, o->number, p ? o->port : -1); break;
    case ESL_LEAVE:
        if (p && !p->leaving) leave(p, o);
        break;
    case ESL_PASS: r->pass[o->number] = (uint16_t)o->lanes; break;
    case ESL_SHOW: show_counts(r); break;
    }
}

static void take_orders(esl_router_t *r)
{
    pthread_mutex_lock(&r->guard);
    esl_order_t *o = r->first;
    uint64_t upto = r->ordered;
    r->first = NULL;
    r->last = &r->first;
    atomic_store_explicit(&r->orders, false, memory_order_relaxed); /* under the guard, as every order is */
    pthread_mutex_unlock(&r->guard);
    while (o) {
        esl_order_t *next = o->next;
        apply(r, o);
        if (o->made) esl_port_free(o->made);
        free(o);
        o = next;
    }
    pthread_mutex_lock(&r->guard);
    r->done = upto;
    pthread_cond_broadcast(&r->applied);
    pthread_mutex_unlock(&r->guard);
    r->worked = true;
}

/* --- the thread --- */

/* What waits goes out, and the peer is told. False: the port has said all that it had to. */
static bool serve(esl_router_t *r, esl_port_t *p)
{
    pthread_mutex_lock(&r->out);
    if (p->waiting_bytes) esl_port_flush(p, &r->limits);
    bool over = p->leaving && (p->hung_up || p->producer.poisoned || (!p->waiting_bytes && esl_port_say_goodbye(p, &r->limits)));
    esl_port_ring_bells(p);
    if (p->owed >= ESL_STREAM_ACK_EVERY) esl_port_acknowledge(p);
    pthread_mutex_unlock(&r->out);
    return !over;
}

/* Everybody's turn once. */
static void round_of(esl_router_t *r)
{
    r->worked = false;
    if (atomic_load_explicit(&r->orders, memory_order_acquire)) take_orders(r);
    for (int at = 0; at < r->ports; at++)
        if (r->port[at]) drain(r, r->port[at]);
    for (int at = 0; at < r->ports; at++)
        if (r->port[at] && !serve(r, r->port[at])) remove_port(r, r->port[at], ESL_UP_ENDED);
}

/* Announces at every ring that we sleep; false: something is there. What waits for an owner that is `behind` may stay there. */
static bool arm(esl_router_t *r, bool behind)
{
    bool quiet = true;
    for (int at = 0; at < r->ports; at++) {
        esl_port_t *p = r->port[at];
        if (p && !p->stream && !esl_ring_sleep(&p->consumer, ESL_ON_EVENTFD) && !behind) quiet = false;
    }
    return quiet;
}

static void disarm(esl_router_t *r)
{
    for (int at = 0; at < r->ports; at++)
        if (r->port[at] && !r->port[at]->stream) esl_ring_awake(&r->port[at]->consumer);
}

static bool acks_owed(esl_router_t *r)
{
    bool owed = false;
    for (int at = 0; at < r->ports && !owed; at++)
        if (r->port[at] && r->port[at]->stream) {
            pthread_mutex_lock(&r->out);
            owed = r->port[at]->owed > 0;
            pthread_mutex_unlock(&r->out);
        }
    return owed;
}

static void acknowledge_all(esl_router_t *r)
{
    pthread_mutex_lock(&r->out);
    for (int at = 0; at < r->ports; at++)
        if (r->port[at]) esl_port_acknowledge(r->port[at]);
    pthread_mutex_unlock(&r->out);
}

static void rest(esl_router_t *r)
{
    struct epoll_event events[EVENTS];
    uint64_t count;
    bool owed = acks_owed(r), behind = up_full(r);
    int found = arm(r, behind) ? epoll_wait(r->epoll, events, EVENTS, behind ? 1 : owed ? ACK_ALONE_MS : -1) : 0;
    for (int at = 0; at < found; at++)
        if (events[at].data.fd >= 0 && read(events[at].data.fd, &count, sizeof count) < 0) continue;
    disarm(r);
    if (owed && found == 0) acknowledge_all(r);
}

void *esl_router_run(void *given)
{
    esl_router_t *r = given;
    uint32_t idle = 0;
    prctl(PR_SET_NAME, "hisee-router", 0, 0, 0);
    while (!atomic_load_explicit(&r->stop, memory_order_acquire)) {
        round_of(r);
        if (r->worked) {
            idle = 0;
        } else if (idle++ < r->limits.spin) {
            __builtin_ia32_pause();
        } else {
            rest(r);
        }
    }
    round_of(r); /* the owner's last orders */
    return NULL;
}
