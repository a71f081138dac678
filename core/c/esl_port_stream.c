#include "esl_port_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OUT_PARTS 4u /* parts that are kept in frames before the stream says that it has no room */

bool esl_port_use_stream(esl_port_t *p, int socket, uint64_t session, uint32_t epoch, const esl_router_limits_t *limits)
{
    p->stream = true;
    p->socket = socket;
    p->session = session;
    p->epoch = epoch;
    p->in_room = (size_t)(limits->part_bytes + ESL_FRAME_HEAD) * 2;
    p->in = malloc(p->in_room);
    p->out = malloc((size_t)(limits->part_bytes + ESL_FRAME_HEAD) * OUT_PARTS);
    return p->in && p->out;
}

/* --- in --- */

static void read_more(esl_port_t *p)
{
    memmove(p->in, p->in + p->in_at, p->in_have - p->in_at);
    p->in_have -= p->in_at;
    p->in_at = 0;
    ssize_t got = recv(p->socket, p->in + p->in_have, p->in_room - p->in_have, MSG_DONTWAIT);
    if (got > 0)
        p->in_have += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        p->hung_up = true;
}

static esl_frame_status frame(const esl_port_t *p, esl_session_t *s, esl_envelope_t *e, uint32_t limit)
{
    return esl_frame_look(p->in + p->in_at, p->in_have - p->in_at, limit, s, e);
}

esl_port_status esl_stream_look(esl_port_t *p, esl_envelope_t *e, const esl_router_limits_t *limits)
{
    esl_session_t s;
    esl_frame_status status = frame(p, &s, e, limits->part_bytes);
    if (status == ESL_FRAME_PART) {
        read_more(p);
        status = frame(p, &s, e, limits->part_bytes);
    }
    if (status == ESL_FRAME_PART) return p->hung_up ? ESL_PORT_ENDED : ESL_PORT_EMPTY;
    bool right = status == ESL_FRAME_OK && s.session == p->session && s.epoch == p->epoch && s.ack <= p->sent;
    return right ? ESL_PORT_OK : ESL_PORT_DAMAGED;
}

esl_port_status esl_stream_take(esl_port_t *p, esl_envelope_t *e, const uint8_t **payload, uint64_t *seq)
{
    esl_session_t s;
    if (frame(p, &s, e, UINT32_MAX) != ESL_FRAME_OK) return ESL_PORT_DAMAGED;
    *payload = p->in + p->in_at + ESL_FRAME_HEAD;
    *seq = s.seq;
    p->in_at += ESL_FRAME_HEAD + e->length;
    if (s.seq) {
        p->arrived++;
        p->owed++;
    } else {
        p->beats++;
    }
    return ESL_PORT_OK;
}

/* --- out --- */

void esl_stream_write(esl_port_t *p)
{
    while (esl_stream_unsent(p) && !p->hung_up) {
        ssize_t gone = send(p->socket, p->out + p->out_at, p->out_have - p->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (gone < 0) {
            if (errno == EINTR) continue;
            p->hung_up = errno != EAGAIN; /* what has come is still read */
            return;
        }
        p->out_at += (size_t)gone;
    }
    if (!esl_stream_unsent(p)) p->out_at = p->out_have = 0;
}

static bool room_for(esl_port_t *p, size_t bytes)
{
    size_t room = (p->in_room / 2) * OUT_PARTS;
    if (p->out_have + bytes > room) esl_stream_write(p);
    if (p->out_have + bytes > room && p->out_at) {
        memmove(p->out, p->out + p->out_at, p->out_have - p->out_at);
        p->out_have -= p->out_at;
        p->out_at = 0;
    }
    return p->out_have + bytes <= room && !p->hung_up;
}

bool esl_stream_put(esl_port_t *p, const esl_envelope_t *e, const uint8_t *payload, uint64_t seq)
{
    if (!room_for(p, ESL_FRAME_HEAD + (size_t)e->length)) return false;
    esl_session_t s = {.session = p->session, .seq = seq, .ack = p->arrived, .epoch = p->epoch};
    esl_frame_head(p->out + p->out_have, &s, e, payload);
    if (e->length) memcpy(p->out + p->out_have + ESL_FRAME_HEAD, payload, e->length);
    p->out_have += ESL_FRAME_HEAD + e->length;
    p->owed = 0;
    if (seq) p->sent++;
    return true;
}

void esl_stream_acknowledge(esl_port_t *p)
{
    esl_envelope_t e = {.kind = MESSAGE_HEARTBEAT, .flags = ESL_FIRST | ESL_LAST};
    if (esl_stream_put(p, &e, NULL, 0)) esl_stream_write(p);
}
