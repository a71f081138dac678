/* One port: parts in, whole messages out of them, whole messages in parts. */
#include "esl_port.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "esl_port_stream.h"

#define WHOLE (ESL_FIRST | ESL_LAST)
#define LEAST_ROOM 4096u
#define KEPT_ROOM 65536u /* an empty queue gives back more than this */

static size_t padded(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

/* --- queue --- */

static bool make_room(esl_fifo_t *f, size_t bytes)
{
    size_t used = f->tail - f->head;
    if (f->head && (f->head >= f->room / 2 || esl_fifo_empty(f))) {
        memmove(f->bytes, f->bytes + f->head, used);
        f->head = 0;
        f->tail = used;
    }
    if (f->tail + bytes <= f->room) return true;
    size_t room = f->room ? f->room : LEAST_ROOM;
    while (room < f->tail + bytes) room *= 2;
    uint8_t *grown = realloc(f->bytes, room);
    if (!grown) return false;
    f->bytes = grown;
    f->room = room;
    return true;
}

bool esl_fifo_put(esl_fifo_t *f, const void *head, size_t head_bytes, const void *payload, size_t bytes)
{
    size_t all = head_bytes + padded(bytes);
    if (f->tail + all > f->room && !make_room(f, all)) return false;
    memcpy(f->bytes + f->tail, head, head_bytes);
    if (bytes) memcpy(f->bytes + f->tail + head_bytes, payload, bytes);
    f->tail += all;
    f->payload += bytes;
    return true;
}

void esl_fifo_drop(esl_fifo_t *f, size_t head_bytes, size_t bytes)
{
    f->head += head_bytes + padded(bytes);
    f->payload -= bytes;
    if (!esl_fifo_empty(f)) return;
    f->head = f->tail = 0;
    if (f->room > KEPT_ROOM) esl_fifo_free(f);
}

void esl_fifo_free(esl_fifo_t *f)
{
    free(f->bytes);
    *f = (esl_fifo_t){0};
}

/* --- life --- */

esl_port_t *esl_port_new(int number)
{
    esl_port_t *p = calloc(1, sizeof *p);
    if (p) *p = (esl_port_t){.number = number, .bell = -1, .peer_bell = -1, .socket = -1};
    return p;
}

bool esl_port_use_rings(esl_port_t *p, esl_segment_t *own, const esl_segment_t *peer, int bell, int peer_bell)
{
    esl_producer_init(&p->producer, own, peer);
    esl_consumer_init(&p->consumer, own, peer);
    p->bell = bell;
    p->peer_bell = peer_bell;
    esl_waiter_init(&p->waiter);
    p->scratch = malloc(own->capacity / 4);
    return p->scratch != NULL;
}

void esl_port_free(esl_port_t *p)
{
    for (int lane = 0; lane < ESL_ROUTER_LANES; lane++) {
        esl_fifo_free(&p->waiting[lane]);
        free(p->partial[lane].bytes);
    }
    free(p->goodbye);
    free(p->scratch);
    free(p->in);
    free(p->out);
    free(p);
}

/* --- in --- */

esl_port_status esl_port_look(esl_port_t *p, esl_envelope_t *e, const esl_router_limits_t *limits)
{
    esl_record_view_t view;
    if (p->stream) return esl_stream_look(p, e, limits);
    switch (esl_ring_peek(&p->consumer, &view)) {
    case ESL_RING_OK: *e = view.envelope; return ESL_PORT_OK;
    case ESL_RING_EMPTY: return ESL_PORT_EMPTY;
    default: return ESL_PORT_DAMAGED;
    }
}

static esl_port_status take_part(esl_port_t *p, esl_envelope_t *e, const uint8_t **payload, uint64_t *seq)
{
    esl_record_view_t view;
    if (p->stream) return esl_stream_take(p, e, payload, seq);
    if (esl_ring_peek(&p->consumer, &view) != ESL_RING_OK) return ESL_PORT_DAMAGED;
    if (esl_ring_take(&p->consumer, &view, p->scratch) != ESL_RING_OK) return ESL_PORT_DAMAGED;
    p->drained = true;
    *e = view.envelope;
    *payload = p->scratch;
    *seq = view.header.lane_seq;
    return ESL_PORT_OK;
}

static bool same(const esl_envelope_t *a, const esl_envelope_t *b)
{
    return a->kind == b->kind && a->source == b->source && a->target == b->target && a->object == b->object && a->total == b->total
        && a->corr == b->corr;
}

static bool append(esl_partial_t *part, const uint8_t *bytes, uint32_t length)
{
    if (part->have + length > part->room) { /* memory grows with what has arrived, never with what was announced */
        uint64_t room = part->room ? part->room * 2 : LEAST_ROOM;
        while (room < part->have + length) room *= 2;
        uint8_t *grown = realloc(part->bytes, room);
        if (!grown) return false;
        part->bytes = grown;
        part->room = room;
    }
    if (length) memcpy(part->bytes + part->have, bytes, length);
    part->have += length;
    return true;
}

/* One part of a longer message; OK when it was the last one. */
static esl_port_status assemble(esl_port_t *p, esl_envelope_t *e, const uint8_t **payload, const esl_router_limits_t *limits)
{
    esl_partial_t *part = &p->partial[e->lane];
    if (e->flags & ESL_FIRST) {
        if (part->first.total || e->total > limits->message_bytes || !e->total) return ESL_PORT_DAMAGED;
        part->first = *e;
        part->have = 0;
    }
    if (!part->first.total || !same(&part->first, e) || part->have + e->length > e->total) return ESL_PORT_DAMAGED;
    if (!append(part, *payload, e->length)) return ESL_PORT_DAMAGED;
    if (!(e->flags & ESL_LAST)) return ESL_PORT_PART;
    if (part->have != e->total) return ESL_PORT_DAMAGED;
    part->first.total = 0;
    e->length = e->total;
    e->flags |= ESL_FIRST;
    *payload = part->bytes;
    return ESL_PORT_OK;
}

esl_port_status esl_port_take(esl_port_t *p, esl_envelope_t *e, const uint8_t **payload, const esl_router_limits_t *limits)
{
    uint64_t seq = 0;
    esl_port_status status = take_part(p, e, payload, &seq);
    if (status != ESL_PORT_OK || e->kind >= ESL_LINK_CONTROL) return status; /* link control is not counted */
    if (e->lane >= ESL_ROUTER_LANES || seq != p->seen[e->lane] + 1) return ESL_PORT_DAMAGED;
    p->seen[e->lane] = seq;
    if ((e->flags & WHOLE) != WHOLE)
        status = assemble(p, e, payload, limits);
    else if (p->partial[e->lane].first.total)
        return ESL_PORT_DAMAGED;
    if (status != ESL_PORT_OK) return status;
    p->counts.taken++;
    p->counts.taken_bytes += e->total;
    return ESL_PORT_OK;
}

/* --- out --- */

static bool put_part(esl_port_t *p, const esl_envelope_t *e, const uint8_t *payload)
{
    uint64_t seq = e->kind >= ESL_LINK_CONTROL ? 0 : p->seq[e->lane] + 1;
    if (p->stream ? !esl_stream_put(p, e, payload, seq) : esl_ring_publish(&p->producer, e, payload, seq) != ESL_RING_OK) return false;
    if (seq) p->seq[e->lane] = seq;
    p->dirty = true;
    return true;
}

static void given(esl_port_t *p, uint32_t bytes)
{
    p->counts.given++;
    p->counts.given_bytes += bytes;
}

static uint32_t part_of(const esl_port_t *p, const esl_router_limits_t *limits)
{
    uint32_t most = p->stream ? limits->part_bytes : esl_ring_payload_max(p->producer.capacity);
    return most < limits->part_bytes ? most : limits->part_bytes;
}

static bool fits(const esl_port_t *p, uint32_t lane, uint32_t bytes, const esl_router_limits_t *limits)
{
    uint64_t limit = limits->backlog_bytes;
    if (esl_fifo_empty(&p->waiting[lane])) return true; /* an empty lane takes one message of any legal length */
    return p->waiting_bytes + bytes <= limit && p->waiting[lane].payload + bytes <= limit / 4 * 3;
}

esl_port_status esl_port_give(esl_port_t *p, const esl_envelope_t *e, const uint8_t *payload, const esl_router_limits_t *limits)
{
#ifdef ESL_ROUTER_MUTANT_OVERTAKE /* mutants exist to prove that the tests can see them fail */
    bool behind = false;
#else
    bool behind = p->waiting_bytes > 0;
#endif
    if (!behind && e->length <= part_of(p, limits) && put_part(p, e, payload)) {
        given(p, e->length);
        return ESL_PORT_OK;
    }
    if (!fits(p, e->lane, e->length, limits) || !esl_fifo_put(&p->waiting[e->lane], e, sizeof *e, payload, e->length)) {
        p->counts.refused++;
        return ESL_PORT_FULL;
    }
    p->waiting_bytes += e->length + sizeof *e;
    return ESL_PORT_OK;
}

bool esl_port_say_goodbye(esl_port_t *p, const esl_router_limits_t *limits)
{
    esl_envelope_t e = {.length = p->goodbye_bytes, .total = p->goodbye_bytes, .kind = MESSAGE_GOODBYE, .flags = WHOLE};
    if (p->goodbye && esl_port_give(p, &e, p->goodbye, limits) == ESL_PORT_OK) {
        free(p->goodbye);
        p->goodbye = NULL;
    }
    if (p->waiting_bytes) esl_port_flush(p, limits); /* and be told of room */
    if (p->stream) esl_stream_write(p);
    return !p->waiting_bytes && !(p->stream && esl_stream_unsent(p));
}

/* One part of the first message of a lane. */
static bool give_part(esl_port_t *p, uint32_t lane, uint32_t most)
{
    esl_envelope_t e;
    memcpy(&e, esl_fifo_first(&p->waiting[lane]), sizeof e);
    uint32_t total = e.length, begin = p->front[lane], length = total - begin < most ? total - begin : most;
    const uint8_t *payload = esl_fifo_first(&p->waiting[lane]) + sizeof e + begin;
    e.total = total;
    e.length = length;
    e.flags = (uint8_t)((e.flags & ~WHOLE) | (begin ? 0 : ESL_FIRST) | (begin + length == total ? ESL_LAST : 0));
    if (!put_part(p, &e, payload)) return false;
    p->front[lane] = begin + length;
    if (!(e.flags & ESL_LAST)) return true;
    p->front[lane] = 0;
    esl_fifo_drop(&p->waiting[lane], sizeof e, total);
    p->waiting_bytes -= total + sizeof e;
    given(p, total);
    return true;
}

/* Does the carrier promise to tell of room? */
static bool waits_for_room(esl_port_t *p, uint32_t bytes)
{
    return p->stream || esl_ring_block(&p->producer, bytes, ESL_ON_EVENTFD);
}

void esl_port_flush(esl_port_t *p, const esl_router_limits_t *limits)
{
    uint32_t most = part_of(p, limits);
    if (p->stream) esl_stream_write(p);
    else if (p->waiting_bytes) esl_ring_unblock(&p->producer);
    while (p->waiting_bytes) {
        uint32_t lane = p->turn;
        while (esl_fifo_empty(&p->waiting[lane])) lane = (lane + 1) % ESL_ROUTER_LANES;
        if (give_part(p, lane, most))
#ifdef ESL_ROUTER_MUTANT_NOTURN
            p->turn = lane;
#else
            p->turn = (lane + 1) % ESL_ROUTER_LANES;
#endif
        else if (p->hung_up || p->producer.poisoned || waits_for_room(p, most))
            break;
    }
}

void esl_port_call_reader(esl_port_t *p)
{
    if (p->stream) esl_stream_write(p);
    else if (p->dirty) esl_call_reader(&p->waiter, &p->producer, p->peer_bell);
    p->dirty = false;
}

void esl_port_ring_bells(esl_port_t *p)
{
    esl_port_call_reader(p);
    if (p->drained) esl_call_writer(&p->waiter, &p->consumer, p->peer_bell);
    p->drained = false;
}

void esl_port_acknowledge(esl_port_t *p)
{
    if (p->stream && p->owed) esl_stream_acknowledge(p);
}
