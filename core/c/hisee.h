/* The embedding API: a C program attaches to a running system of this computer and calls procedures of open objects.
 *
 *     char why[HISEE_WHY];
 *     hisee_t *system = hisee_open("plant/.hisee", why);
 *     hisee_value_t pump = {.type = HISEE_INT};
 *     if (!system || hisee_call(system, "E.PumpChangeover", "Change", &pump, 1, 5000)) ...
 *
 * It speaks frames over the control socket of the system's data directory, as the user that may read its secret. A link is used by one
 * thread at a time. Between calls hisee_turn has to be called at least once a second, else the server takes the program for dead.
 * Link with libhisee.so; docs/design/embedding.md. */
#ifndef HISEE_H
#define HISEE_H

#include <stdbool.h>
#include <stdint.h>

#define HISEE_WHY 512 /* bytes of an error text */

typedef struct hisee hisee_t;

typedef enum { HISEE_BOOL = 1, HISEE_INT = 2, HISEE_REAL = 3, HISEE_TIME = 4, HISEE_TEXT = 5 } hisee_type_t;

typedef struct {
    int type;            /* hisee_type_t */
    int reason;          /* 0 valid; else why it is invalid, 1 to 15, and nothing below counts */
    bool in_only;        /* IN: the procedure gets it and gives nothing back */
    bool boolean;
    int64_t integer;     /* INT; TIME in milliseconds since 1970 UTC */
    double real;
    const char *text;    /* UTF-8 closed by 0. What comes back is the link's, until its next call */
} hisee_value_t;

/* Results beside 0 and the positive error numbers that scripts know (_ERR_NR). */
#define HISEE_LOST (-1)    /* the link has ended: only hisee_close is of use */
#define HISEE_LATE (-2)    /* no answer in time; whether it was done is not known */
#define HISEE_USAGE (-3)   /* the call itself is wrong: a type that does not exist, too many arguments, a text without its end */

#ifdef __GNUC__
#pragma GCC visibility push(default) /* the library shows these and nothing else */
#endif

/* NULL: `why` (HISEE_WHY bytes) says what to do about it. */
hisee_t *hisee_open(const char *data_directory, char *why);
void hisee_close(hisee_t *system); /* NULL is fine */
/* Number that the program has in the system, and why the last call failed ("" when it did not). */
uint32_t hisee_number(const hisee_t *system);
const char *hisee_why(const hisee_t *system);

/* CALL [object] procedure(arguments): the object is open in an event handler or on the only console that has it. Arguments that are not
 * `in_only` get what the procedure gives back. 0, a number of _ERR_NR, or one of the results above. */
int hisee_call(hisee_t *system, const char *object, const char *procedure, hisee_value_t *arguments, unsigned count, int timeout_ms);
/* Keeps the link alive, waits at most so long for what comes. 0 or HISEE_LOST. */
int hisee_turn(hisee_t *system, int timeout_ms);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif
