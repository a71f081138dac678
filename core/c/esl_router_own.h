/* What the router's thread and its owner's functions share. */
#ifndef ESL_ROUTER_OWN_H
#define ESL_ROUTER_OWN_H

#include <pthread.h>
#include <stdatomic.h>

#include "esl_port.h"

typedef struct {
    uint32_t number; /* 0 = free */
    int32_t port;    /* -1 = was taken out: a search goes on behind it */
} esl_slot_t;

typedef enum { ESL_ADD, ESL_DROP, ESL_LEAVE, ESL_ROUTE, ESL_PASS, ESL_SHOW } esl_order_kind;

typedef struct esl_order {
    struct esl_order *next;
    esl_order_kind kind;
    int port;
    uint32_t number; /* of a process; of a kind of message; bytes of a GOODBYE */
    uint32_t lanes;
    esl_port_t *made;
    uint8_t payload[];
} esl_order_t;

struct esl_router {
    esl_router_limits_t limits;
    /* the thread's own */
    esl_port_t *port[ESL_ROUTER_PORTS];
    int ports; /* highest number in use + 1 */
    esl_slot_t *slots;
    uint32_t slot_count, slots_used;
    uint16_t pass[ESL_LINK_CONTROL]; /* lanes in which a kind passes */
    int epoll;
    bool worked; /* in this round */
    esl_book_t *book;
    /* what goes out, under `out`: the senders' side of every port (producer, stream, backlog), for the thread and for the owner */
    pthread_mutex_t out;
    esl_port_t *gate[ESL_ROUTER_PORTS]; /* ports that take something; where they are freed it is NULL before */
    /* shared: all under `guard`, but for the flags and counts that are looked at without it */
    pthread_mutex_t guard;
    pthread_cond_t applied;
    esl_order_t *first, **last;
    uint64_t ordered, done;
    bool numbered[ESL_ROUTER_PORTS]; /* port numbers given; free again when the owner has taken the word of their end */
    esl_fifo_t up;
    esl_port_counts_t counts[ESL_ROUTER_PORTS];
    _Atomic bool orders, stop;     /* release by who sets it, acquire by the thread: what it announces is behind the guard */
    _Atomic uint64_t up_waiting;   /* relaxed: bytes for the owner, a limit that need not be exact */
    /* Messages of a port and lane that went up and are not settled. The owner's subtraction releases what it sent before; the
     * thread's look acquires it, so that what passes afterwards comes behind. */
    _Atomic uint32_t behind[ESL_ROUTER_PORTS][ESL_ROUTER_LANES];
    int bell, up_bell;
    bool runs;
    pthread_t thread;
};

void *esl_router_run(void *router); /* the thread's function */

#endif
