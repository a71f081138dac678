/* The data plane of the router: a thread without Python that takes messages from its ports, looks the receiver up and hands them on.
 *
 * A port is the router's end of one link: two rings, or frames on a stream socket. The table (number of a process -> port) is
 * written by whoever owns the router, in order and at any time; what the table does not know, what is of a kind that may not pass
 * and what claims to come from somebody else goes *up*: to the owner, who is told by an eventfd.
 *
 * Every receiver has a bounded backlog of its own, a queue for each lane, served in turn and part by part: a slow one delays nobody
 * else, and a long message of one lane delays no other lane. What a full backlog refuses goes up as well, never away.
 * Order: messages of one port to another one keep the order of their lane. */
#ifndef ESL_ROUTER_H
#define ESL_ROUTER_H

#include "esl_frame.h"
#include "esl_ring.h"

#define ESL_ROUTER_PORTS 256
#define ESL_ROUTER_LANES 16

typedef struct esl_router esl_router_t;

typedef struct {
    uint64_t backlog_bytes; /* of one receiver; one lane gets three quarters of it */
    uint64_t message_bytes; /* longest message */
    uint64_t up_bytes;      /* waiting for the owner; a port that has more for it is not read meanwhile */
    uint32_t part_bytes;    /* longest part */
    uint32_t spin;          /* empty rounds before the thread goes to sleep */
} esl_router_limits_t;

/* Figures of one port since it was made. */
typedef struct {
    uint64_t taken, taken_bytes;
    uint64_t given, given_bytes; /* whole messages handed to its carrier */
    uint64_t waiting_bytes;
    uint64_t refused;
} esl_port_counts_t;

enum {
    ESL_UP_OWN = 1,     /* not to be passed on: kind, or a target that is no port's */
    ESL_UP_FOREIGN = 2, /* its source is not behind the port that it came by */
    ESL_UP_REFUSED = 3, /* the receiver's backlog is full */
    ESL_UP_ENDED = 4,   /* no message: the port is read to its end, and taken out */
    ESL_UP_DAMAGED = 5, /* the same after something that no correct peer sends */
};

typedef struct {
    int32_t port; /* that it came by, or that refused what the owner sent */
    uint32_t why;
    esl_envelope_t envelope; /* length = total: a whole message */
} esl_up_t;

/* NULL: no memory, no descriptors. `up_bell` becomes readable when something waits for the owner. */
esl_router_t *esl_router_new(const esl_router_limits_t *limits);
bool esl_router_start(esl_router_t *router);
void esl_router_free(esl_router_t *router); /* stops the thread; closes nothing that was not its own */
int esl_router_up_bell(const esl_router_t *router);

/* Each of these takes effect in the order of the calls. A port's number is free again once ESL_UP_ENDED was taken;
 * -1: no memory, or too many.
 * The segments, bells and sockets stay the caller's, who gives them back after ESL_UP_ENDED. */
int esl_router_add_ring(esl_router_t *router, esl_segment_t *own, const esl_segment_t *peer, int bell, int peer_bell);
int esl_router_add_stream(esl_router_t *router, int socket, uint64_t session, uint32_t epoch);
bool esl_router_drop(esl_router_t *router, int port); /* reads what is there, then ends */
bool esl_router_set_route(esl_router_t *router, uint32_t number, int port); /* -1: none any more */
bool esl_router_set_pass(esl_router_t *router, uint16_t kind, bool pass);   /* at first nothing passes */
bool esl_router_send(esl_router_t *router, int port, const esl_envelope_t *envelope, const void *payload);
bool esl_router_sync(esl_router_t *router); /* until everything before it has taken effect */

/* The next message for the owner; false = none. `esl_router_up_take` copies its payload and goes on to the next. */
bool esl_router_up_look(esl_router_t *router, esl_up_t *up);
void esl_router_up_take(esl_router_t *router, void *payload);

bool esl_router_counts(esl_router_t *router, int port, esl_port_counts_t *counts);

#endif
