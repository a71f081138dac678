/* The data plane of the router: a thread without Python that takes messages from its ports, looks the receiver up and hands them on.
 *
 * A port is the router's end of one link: two rings, or frames on a stream socket. The table (number of a process -> port) is
 * written by whoever owns the router, in order and at any time; what the table does not know, what is of a kind that may not pass
 * and what claims to come from somebody else goes *up*: to the owner, who is told by an eventfd.
 *
 * Every receiver has a bounded backlog of its own, a queue for each lane, served in turn and part by part: a slow one delays nobody
 * else, and a long message of one lane delays no other lane. What a full backlog refuses goes up as well, never away.
 * Order: messages of one port to another one keep the order of their lane, also those that the owner hands on: while one of a port and
 * lane is with the owner, everything behind it goes up as well (`esl_router_settle`).
 *
 * With a book (esl_book.h) a request passes only once it is written there, and an answer only as that of an open request. */
#ifndef ESL_ROUTER_H
#define ESL_ROUTER_H

#include "esl_book.h"
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
    ESL_UP_BEHIND = 6,  /* another one of its port and lane is with the owner */
    ESL_UP_JUDGE = 7,   /* a CALL that closes a circle; an answer to nothing that is open */
};

typedef struct {
    int32_t port; /* that it came by, or that refused what the owner sent */
    uint32_t why;
    esl_envelope_t envelope; /* length = total: a whole message */
} esl_up_t;

typedef enum {
    ESL_SENT = 0,
    ESL_SEND_FULL = 1, /* the backlog is full */
    ESL_SEND_GONE = 2, /* there is no such port any more, or its peer takes nothing ever again */
    ESL_SEND_WRONG = 3, /* no such lane, or longer than a message may be */
} esl_send_status;

/* NULL: no memory, no descriptors. `up_bell` becomes readable when something waits for the owner. `book` outlives the router; NULL: none. */
esl_router_t *esl_router_new(const esl_router_limits_t *limits, esl_book_t *book);
bool esl_router_start(esl_router_t *router);
void esl_router_free(esl_router_t *router); /* stops the thread; closes nothing that was not its own */
int esl_router_up_bell(const esl_router_t *router);

/* Each of these takes effect in the order of the calls. A port's number is free again once ESL_UP_ENDED was taken;
 * -1: no memory, or too many.
 * The segments, bells and sockets stay the caller's, who gives them back after ESL_UP_ENDED. */
int esl_router_add_ring(esl_router_t *router, esl_segment_t *own, const esl_segment_t *peer, int bell, int peer_bell);
int esl_router_add_stream(esl_router_t *router, int socket, uint64_t session, uint32_t epoch);
bool esl_router_drop(esl_router_t *router, int port); /* passes nothing to it, reads what is there, then ends, whatever waits for the peer */
/* The owner ends it: what still comes is thrown away, what was accepted goes out, then a GOODBYE with that payload, then it ends. */
bool esl_router_leave(esl_router_t *router, int port, const void *goodbye, uint32_t bytes);
bool esl_router_set_route(esl_router_t *router, uint32_t number, int port); /* -1: none any more */
bool esl_router_set_pass(esl_router_t *router, uint16_t kind, uint32_t lanes); /* in these, a bit each; at first nothing passes */
bool esl_router_sync(esl_router_t *router); /* until everything before it has taken effect */

/* At once, from any thread. Link control is not numbered and stands behind nothing: what cannot go now is left out. `quiet`: the peer
 * is not woken. */
esl_send_status esl_router_send(esl_router_t *router, int port, const esl_envelope_t *envelope, const void *payload, bool quiet);
/* The owner has done all that so many messages of that port and lane made it do, and has sent what it had to. */
void esl_router_settle(esl_router_t *router, int port, uint8_t lane, uint32_t count);
/* Grows with everything that comes by the port, heartbeats too; wakes the thread where some of it came without a call and is unread. */
uint64_t esl_router_heard(esl_router_t *router, int port);
uint64_t esl_router_backlog(esl_router_t *router, int port); /* bytes that wait for its peer */

/* The next message for the owner; false = none. `esl_router_up_take` copies its payload and goes on to the next. */
bool esl_router_up_look(esl_router_t *router, esl_up_t *up);
void esl_router_up_take(esl_router_t *router, void *payload);

bool esl_router_counts(esl_router_t *router, int port, esl_port_counts_t *counts);

#endif
