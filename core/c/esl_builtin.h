/* Builtins: the %functions that run inside the VM. One C function per row of core/schema/functions.py. */
#ifndef ESL_BUILTIN_H
#define ESL_BUILTIN_H

#include "esl_record.h"
#include "esl_slot.h"
#include "esl_text.h"

/* What the world gives a script: passed in, so that a replay or a test decides it. */
typedef struct {
    int64_t (*now_ms)(void *host);     /* TIME of %Now */
    double (*tick_ms)(void *host);     /* monotonic milliseconds */
    uint64_t (*random)(void *host);
    const struct esl_zone *zone;       /* local zone of the process */
    void *host;
    /* A zone by name for functions with a tz argument, living as long as the world; NULL = unknown. May be NULL itself. */
    const struct esl_zone *(*find_zone)(void *host, const char *name);
} esl_world_t;

typedef struct {
    esl_account_t *account;
    const esl_world_t *world;
    int64_t *fuel;                     /* charge before the work: *fuel -= cost; below 0 = return ESL_BUILTIN_FUEL */
    uint32_t text_chars;               /* limit of a TEXT */
    const char *(*object_name)(void *host, uint32_t object); /* may be NULL */
    uint64_t rnd_state;                /* %RndSeed: the instance's own sequence, while rnd_seeded */
    bool rnd_seeded;
} esl_context_t;

#define ESL_BUILTIN_FUEL (-1)          /* the instance is out of fuel: the VM ends it */

/* An argument or result with its type: types are static in the unit, ANY arguments arrive resolved. */
typedef struct {
    esl_type type;
    esl_slot_t value;                  /* TEXT: borrowed in arguments, a new reference in results */
    int64_t time;                      /* TIME of the value where tracked, else INT invalid */
    uint8_t weak;
    uint16_t flags;                    /* user flags of a cell; the codec and the functions know none */
} esl_value_t;

/* Returns 0, an ESL_ERR_ number to raise, or ESL_BUILTIN_FUEL. `result->type` is set by the caller to the wanted type, or to
 * ESL_T_NONE or ESL_T_ANY where it takes whatever comes; then the result's own type stands there afterwards. The prologue in esl_builtin_call applies the strict rule before the function is entered. */
typedef int (*esl_builtin_fn)(esl_context_t *context, const esl_value_t *args, int argc, esl_value_t *result);

/* Runs row `number`: validity prologue (strict rows: the first invalid argument's reason is the result's), then the function. */
int esl_builtin_call(esl_context_t *context, int number, const esl_value_t *args, int argc, esl_value_t *result);

/* Value of one type as another by the table of conversions; a conversion that does not exist gives invalid, reason 3. */
esl_slot_t esl_convert(esl_type from, esl_slot_t value, esl_type to); /* TEXT -> TEXT keeps the reference */

#endif
