/* The router's thread between ends of this process: order, content, slow receivers, refusals, streams, ends. For ASan and TSan.
 * usage: router_check MESSAGES. The result is 0 when everything held; the first thing that did not is printed. */
#define _GNU_SOURCE
#include "router_ends.h"
#include "router_owner.h"

/* --- what has to hold --- */

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
