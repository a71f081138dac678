/* The owner's side of the router: orders down, messages up. Any thread of the owner, one at a time for what comes up. */
#define _GNU_SOURCE
#include "esl_router_own.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LEAST_SLOTS 64u

static bool order(esl_router_t *r, esl_order_t *o)
{
    uint64_t one = 1;
    if (!o) return false;
    pthread_mutex_lock(&r->guard);
    *r->last = o;
    r->last = &o->next;
    r->ordered++;
    atomic_store_explicit(&r->orders, true, memory_order_release); /* pairs with the acquire in the thread's round */
    pthread_mutex_unlock(&r->guard);
    return write(r->bell, &one, sizeof one) == sizeof one || errno == EAGAIN;
}

static esl_order_t *new_order(esl_order_kind kind, int port, size_t payload)
{
    esl_order_t *o = malloc(sizeof *o + payload);
    if (o) *o = (esl_order_t){.kind = kind, .port = port};
    return o;
}


esl_router_t *esl_router_new(const esl_router_limits_t *limits, esl_book_t *book)
{
    esl_router_t *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->limits = *limits;
    r->book = book;
    r->last = &r->first;
    r->slot_count = LEAST_SLOTS;
    r->slots = calloc(LEAST_SLOTS, sizeof *r->slots);
    pthread_mutex_init(&r->guard, NULL);
    pthread_mutex_init(&r->out, NULL);
    pthread_cond_init(&r->applied, NULL);
    r->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r->up_bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = r->bell};
    if (r->slots && r->bell >= 0 && r->up_bell >= 0 && r->epoll >= 0 && !epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->bell, &event)) return r;
    esl_router_free(r);
    return NULL;
}

bool esl_router_start(esl_router_t *r)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    r->runs = pthread_create(&r->thread, NULL, esl_router_run, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r->runs;
}

static void close_own(esl_router_t *r)
{
    int own[] = {r->bell, r->up_bell, r->epoll};
    for (size_t at = 0; at < sizeof own / sizeof *own; at++)
        if (own[at] >= 0) close(own[at]);
}

void esl_router_free(esl_router_t *r)
{
    uint64_t one = 1;
    atomic_store_explicit(&r->stop, true, memory_order_release);
    if (r->runs && write(r->bell, &one, sizeof one) >= -1) pthread_join(r->thread, NULL);
    for (esl_order_t *o = r->first, *next; o; o = next) {
        next = o->next;
        if (o->made) esl_port_free(o->made);
        free(o);
    }
    for (int at = 0; at < ESL_ROUTER_PORTS; at++)
        if (r->port[at]) esl_port_free(r->port[at]);
    esl_fifo_free(&r->up);
    free(r->slots);
    close_own(r);
    pthread_cond_destroy(&r->applied);
    pthread_mutex_destroy(&r->guard);
    pthread_mutex_destroy(&r->out);
    free(r);
}

int esl_router_up_bell(const esl_router_t *r) { return r->up_bell; }

static int new_number(esl_router_t *r)
{
    pthread_mutex_lock(&r->guard);
    int number = 0;
    while (number < ESL_ROUTER_PORTS && r->numbered[number]) number++;
    if (number < ESL_ROUTER_PORTS) r->numbered[number] = true;
    pthread_mutex_unlock(&r->guard);
    return number < ESL_ROUTER_PORTS ? number : -1;
}

/* Takes over the port; frees it where it cannot be entered. */
static int enter_port(esl_router_t *r, esl_port_t *p, bool whole)
{
    esl_order_t *o = whole ? new_order(ESL_ADD, -1, 0) : NULL;
    int number = p ? p->number : -1;
    if (!o) {
        if (p) esl_port_free(p);
        return -1;
    }
    o->made = p;
    pthread_mutex_lock(&r->out);
    r->gate[number] = p; /* the owner may send at once */
    pthread_mutex_unlock(&r->out);
    return order(r, o) ? number : -1;
}

int esl_router_add_ring(esl_router_t *r, esl_segment_t *own, const esl_segment_t *peer, int bell, int peer_bell)
{
    int number = new_number(r);
    esl_port_t *p = number < 0 ? NULL : esl_port_new(number);
    return enter_port(r, p, p && esl_port_use_rings(p, own, peer, bell, peer_bell));
}

int esl_router_add_stream(esl_router_t *r, int socket, uint64_t session, uint32_t epoch)
{
    int number = new_number(r);
    esl_port_t *p = number < 0 ? NULL : esl_port_new(number);
    return enter_port(r, p, p && esl_port_use_stream(p, socket, session, epoch, &r->limits));
}

bool esl_router_drop(esl_router_t *r, int port) { return order(r, new_order(ESL_DROP, port, 0)); }

bool esl_router_set_route(esl_router_t *r, uint32_t number, int port)
{
    esl_order_t *o = new_order(ESL_ROUTE, port, 0);
    if (o) o->number = number;
    return order(r, o);
}

bool esl_router_leave(esl_router_t *r, int port, const void *goodbye, uint32_t bytes)
{
    esl_order_t *o = new_order(ESL_LEAVE, port, bytes);
    if (o) o->number = bytes;
    if (o && bytes) memcpy(o->payload, goodbye, bytes);
    return order(r, o);
}

bool esl_router_set_pass(esl_router_t *r, uint16_t kind, uint32_t lanes)
{
    esl_order_t *o = kind < ESL_LINK_CONTROL ? new_order(ESL_PASS, -1, 0) : NULL;
    if (o) o->number = kind, o->lanes = lanes;
    return order(r, o);
}

/* Under `out`. `later`: the thread has to bring the rest. */
static esl_send_status send_by(esl_router_t *r, esl_port_t *p, const esl_envelope_t *e, const void *payload, bool quiet, bool *later)
{
    bool dirty = p->dirty;
    if (p->hung_up || p->producer.poisoned || p->leaving) return ESL_SEND_GONE;
    if (e->kind >= ESL_LINK_CONTROL && p->waiting_bytes) return ESL_SENT;
    if (esl_port_give(p, e, payload, &r->limits) != ESL_PORT_OK) return ESL_SEND_FULL;
    *later = p->waiting_bytes > 0;
    if (quiet) p->dirty = dirty;
    else esl_port_call_reader(p);
    return ESL_SENT;
}

esl_send_status esl_router_send(esl_router_t *r, int port, const esl_envelope_t *given, const void *payload, bool quiet)
{
    esl_envelope_t e = *given;
    bool later = false;
    uint64_t one = 1;
    if (e.length > r->limits.message_bytes || e.lane >= ESL_ROUTER_LANES) return ESL_SEND_WRONG;
    e.total = e.length;
    e.flags |= ESL_FIRST | ESL_LAST;
    pthread_mutex_lock(&r->out);
    esl_port_t *p = port >= 0 && port < ESL_ROUTER_PORTS ? r->gate[port] : NULL;
    esl_send_status status = p ? send_by(r, p, &e, payload, quiet, &later) : ESL_SEND_GONE;
    pthread_mutex_unlock(&r->out);
    if (later && write(r->bell, &one, sizeof one) < 0) return status; /* a full counter wakes as well */
    return status;
}

void esl_router_settle(esl_router_t *r, int port, uint8_t lane, uint32_t count)
{
    if (port < 0 || port >= ESL_ROUTER_PORTS || lane >= ESL_ROUTER_LANES) return;
    atomic_fetch_sub_explicit(&r->behind[port][lane], count, memory_order_release); /* pairs with the acquire in the thread's look */
}

uint64_t esl_router_heard(esl_router_t *r, int port)
{
    uint64_t one = 1, heard = 0;
    bool unread = false;
    pthread_mutex_lock(&r->out);
    const esl_port_t *p = port >= 0 && port < ESL_ROUTER_PORTS ? r->gate[port] : NULL;
    if (p && p->stream) {
        heard = p->arrived + p->beats;
    } else if (p) { /* signs of life: no order with what they announce is needed */
        heard = atomic_load_explicit(&p->consumer.peer->tail, memory_order_relaxed);
        unread = heard != atomic_load_explicit(&p->consumer.own->head, memory_order_relaxed);
    }
    pthread_mutex_unlock(&r->out);
    if (unread && write(r->bell, &one, sizeof one) < 0) return heard; /* a full counter wakes as well */
    return heard;
}

uint64_t esl_router_backlog(esl_router_t *r, int port)
{
    pthread_mutex_lock(&r->out);
    esl_port_t *p = port >= 0 && port < ESL_ROUTER_PORTS ? r->gate[port] : NULL;
    uint64_t bytes = p ? p->waiting_bytes : 0;
    pthread_mutex_unlock(&r->out);
    return bytes;
}

bool esl_router_sync(esl_router_t *r)
{
    pthread_mutex_lock(&r->guard);
    uint64_t wanted = r->ordered;
    while (r->runs && r->done < wanted) pthread_cond_wait(&r->applied, &r->guard);
    pthread_mutex_unlock(&r->guard);
    return r->runs;
}

bool esl_router_up_look(esl_router_t *r, esl_up_t *head)
{
    uint64_t count;
    pthread_mutex_lock(&r->guard);
    bool found = !esl_fifo_empty(&r->up);
    if (found) memcpy(head, esl_fifo_first(&r->up), sizeof *head);
    else if (read(r->up_bell, &count, sizeof count) < 0) errno = 0; /* was not rung since */
    pthread_mutex_unlock(&r->guard);
    return found;
}

/* Nothing of the port is under way any more: it was read to its end, and this was its last word. */
static void free_number(esl_router_t *r, int port)
{
    for (int lane = 0; lane < ESL_ROUTER_LANES; lane++) atomic_store_explicit(&r->behind[port][lane], 0, memory_order_relaxed);
    r->numbered[port] = false;
}

void esl_router_up_take(esl_router_t *r, void *payload)
{
    esl_up_t head;
    pthread_mutex_lock(&r->guard);
    memcpy(&head, esl_fifo_first(&r->up), sizeof head);
    if (head.why == ESL_UP_ENDED || head.why == ESL_UP_DAMAGED) free_number(r, head.port);
    if (head.envelope.length) memcpy(payload, esl_fifo_first(&r->up) + sizeof head, head.envelope.length);
    esl_fifo_drop(&r->up, sizeof head, head.envelope.length);
    atomic_fetch_sub_explicit(&r->up_waiting, head.envelope.length + sizeof head, memory_order_relaxed);
    pthread_mutex_unlock(&r->guard);
}

bool esl_router_counts(esl_router_t *r, int port, esl_port_counts_t *counts)
{
    if (port < 0 || port >= ESL_ROUTER_PORTS) return false;
    if (!order(r, new_order(ESL_SHOW, -1, 0)) || !esl_router_sync(r)) return false;
    pthread_mutex_lock(&r->guard);
    *counts = r->counts[port];
    pthread_mutex_unlock(&r->guard);
    return true;
}
