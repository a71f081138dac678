/* The book of a router: which requests are under way, who waits for whom, and what has passed without its owner.
 *
 * A request is known by who asked and its number (`corr`). One that `waits` holds its caller up: an instance waits for at most one
 * other, so following them finds any circle. Every function may be called from any thread; one lock, held for
 * some hundred nanoseconds, guards all of it. */
#ifndef ESL_BOOK_H
#define ESL_BOOK_H

#include "esl_base.h"

#define ESL_BOOK_CHAIN 64u /* numbers of a circle that are told */

typedef struct esl_book esl_book_t;

/* A request under way: enough to end it when nobody else will. */
typedef struct {
    uint64_t corr;
    uint32_t caller, target, object;
    uint16_t kind;
    uint8_t lane;
    bool waits;
} esl_open_t;

/* Messages of one pair of processes in one lane since they were last taken. */
typedef struct {
    uint64_t messages, bytes;
    int64_t since_ms; /* system time of the first one */
    uint32_t source, target;
    uint8_t lane;
    bool answer;
} esl_passed_t;

typedef struct {
    uint32_t count;
    uint32_t numbers[ESL_BOOK_CHAIN];
} esl_chain_t;

typedef enum { ESL_BOOK_OK, ESL_BOOK_CIRCLE, ESL_BOOK_MEMORY } esl_book_status;

esl_book_t *esl_book_new(void); /* NULL: no memory */
void esl_book_free(esl_book_t *book);

/* Enters a request, in the place of one with the same caller and number. CIRCLE: it waits, and its target waits for the caller in the
 * end; it is not entered, `circle` (may be NULL) holds the caller, then whoever waits for whom, up to the caller again. */
esl_book_status esl_book_enter(esl_book_t *book, const esl_open_t *open, esl_chain_t *circle);
/* Would it be refused now? */
bool esl_book_circles(esl_book_t *book, uint32_t caller, uint32_t target);
/* The request has ended; false: it was not under way. */
bool esl_book_leave(esl_book_t *book, uint32_t caller, uint64_t corr);
/* The same for an answer of `target`; false as well for somebody else's request. */
bool esl_book_answer(esl_book_t *book, uint32_t caller, uint64_t corr, uint32_t target);
bool esl_book_awaits(esl_book_t *book, uint32_t caller, uint64_t corr, uint32_t target); /* would it be true now? */
/* A process is gone: what it asked is forgotten. */
void esl_book_forget(esl_book_t *book, uint32_t caller);
/* Takes out the next request to it; `at` begins with 0. false: there is none behind `at`. */
bool esl_book_orphan(esl_book_t *book, uint32_t target, uint32_t *at, esl_open_t *orphan);
uint32_t esl_book_size(esl_book_t *book);
uint32_t esl_book_count(esl_book_t *book, uint32_t target, uint32_t lanes); /* requests to it in these lanes, a bit each */

/* One message has passed. Without memory it is not counted. */
void esl_book_pass(esl_book_t *book, uint32_t source, uint32_t target, uint8_t lane, bool answer, uint32_t bytes);
/* Takes the figures of one pair out; false: none are left. */
bool esl_book_take_passed(esl_book_t *book, esl_passed_t *passed);

#endif
