/* What every C file of the core may use: widths, branches, results. No Python.h, no operating system. */
#ifndef ESL_BASE_H
#define ESL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESL_HOT         __attribute__((hot)) /* linked side by side: who has slept finds few pages cold instead of many */
#define ESL_LIKELY(x)   __builtin_expect(!!(x), 1)
#define ESL_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Run-time errors (_ERR_NR) as ESL_ERR_MEMORY, ESL_ERR_STACK, ...; 0 is success everywhere in the core. */
#include "gen/errors.h"
enum esl_err {
#define X(number, name, catchable, text) ESL_##name = number,
    HISEE_ERRORS(X)
#undef X
};

/* Memory of one script instance: charged before anything is allocated, given back when it is freed.
 * A charge that does not fit is refused and nothing is allocated. */
typedef struct {
    int64_t used;  /* bytes */
    int64_t limit; /* bytes */
} esl_account_t;

static inline bool esl_charge(esl_account_t *account, int64_t bytes)
{
    if (ESL_UNLIKELY(bytes > account->limit - account->used)) return false;
    account->used += bytes;
    return true;
}

static inline void esl_discharge(esl_account_t *account, int64_t bytes) { account->used -= bytes; }

#endif
