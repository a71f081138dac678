/* One port of the router, without threads: its carrier, the numbers of its lanes, messages in parts, the backlog of what it has not taken. */
#ifndef ESL_PORT_H
#define ESL_PORT_H

#include "esl_router.h"
#include "esl_wait.h"
#include "gen/messages.h"

enum {
#define X(number, name, lane) MESSAGE_##name = number,
    HISEE_MESSAGES(X)
#undef X
};

#define ESL_LINK_CONTROL 0x0f00u /* kinds from here on belong to the link itself: no number, no backlog */

/* Messages one behind the other in one piece of memory that grows with what is in it. */
typedef struct {
    uint8_t *bytes;
    size_t room, head, tail;
    uint64_t payload; /* bytes of the messages */
} esl_fifo_t;

bool esl_fifo_put(esl_fifo_t *fifo, const void *head, size_t head_bytes, const void *payload, size_t bytes);
void esl_fifo_drop(esl_fifo_t *fifo, size_t head_bytes, size_t bytes); /* the first one; bytes as put */
static inline bool esl_fifo_empty(const esl_fifo_t *fifo) { return fifo->head == fifo->tail; }
static inline uint8_t *esl_fifo_first(const esl_fifo_t *fifo) { return fifo->bytes + fifo->head; }
void esl_fifo_free(esl_fifo_t *fifo);

typedef enum { ESL_PORT_OK, ESL_PORT_EMPTY, ESL_PORT_PART, ESL_PORT_FULL, ESL_PORT_ENDED, ESL_PORT_DAMAGED } esl_port_status;

/* A message whose other parts are still to come. */
typedef struct {
    esl_envelope_t first;
    uint8_t *bytes;
    uint64_t have, room;
} esl_partial_t;

typedef struct {
    int number;
    bool dropped; /* ends when nothing more is there */
    bool leaving; /* ends when nothing more waits */
    uint8_t *goodbye; /* to be said then */
    uint32_t goodbye_bytes;
    bool stream;
    bool dirty;   /* got something since its peer was last woken */
    bool drained; /* gave something since its peer was last told of room */
    esl_producer_t producer; /* ring */
    esl_consumer_t consumer;
    int bell, peer_bell;
    esl_waiter_t waiter; /* how the other end of the rings is called */
    uint8_t *scratch; /* one record, copied out of the ring before it is looked at */
    int socket; /* stream */
    bool hung_up;
    uint64_t session, arrived, owed, sent, beats;
    uint32_t epoch;
    uint8_t *in;
    size_t in_room, in_at, in_have;
    uint8_t *out;
    size_t out_at, out_have;
    uint64_t seen[ESL_ROUTER_LANES], seq[ESL_ROUTER_LANES];
    esl_partial_t partial[ESL_ROUTER_LANES];
    esl_fifo_t waiting[ESL_ROUTER_LANES];
    uint32_t front[ESL_ROUTER_LANES]; /* bytes of the first message of a lane that have gone */
    uint32_t turn;
    uint64_t waiting_bytes;
    esl_port_counts_t counts;
} esl_port_t;

/* NULL: no memory. Either of the two is then told what it carries. */
esl_port_t *esl_port_new(int number);
bool esl_port_use_rings(esl_port_t *port, esl_segment_t *own, const esl_segment_t *peer, int bell, int peer_bell);
bool esl_port_use_stream(esl_port_t *port, int socket, uint64_t session, uint32_t epoch, const esl_router_limits_t *limits);
void esl_port_free(esl_port_t *port);

/* The next part, not taken yet: OK, EMPTY, ENDED, DAMAGED. */
esl_port_status esl_port_look(esl_port_t *port, esl_envelope_t *envelope, const esl_router_limits_t *limits);
/* Takes it. OK: a whole message, `payload` valid until the next look, envelope->length = total. PART: more parts are to come. */
esl_port_status esl_port_take(esl_port_t *port, esl_envelope_t *envelope, const uint8_t **payload, const esl_router_limits_t *limits);
/* Hands a whole message to the peer, or keeps it: OK; FULL = neither. */
esl_port_status esl_port_give(esl_port_t *port, const esl_envelope_t *envelope, const uint8_t *payload, const esl_router_limits_t *limits);
/* Says that its owner ends it. False: once more is to be flushed before. */
bool esl_port_say_goodbye(esl_port_t *port, const esl_router_limits_t *limits);
/* Gives what waits, as much as the carrier takes. */
void esl_port_flush(esl_port_t *port, const esl_router_limits_t *limits);
/* Tells the peer of what came, wherever it sleeps. */
void esl_port_call_reader(esl_port_t *port);
/* And of room. */
void esl_port_ring_bells(esl_port_t *port);
void esl_port_acknowledge(esl_port_t *port); /* alone, if one is owed */

#endif
