/* Inside of the builtins: what every C function behind a row of the function table uses.
 *
 * When a function is entered its arguments have the types of its row (N: INT or REAL), strict rows have valid arguments
 * only, `r->type` is the type of the result (N: INT if all arguments are INT; U: undecided), time and weak are merged and
 * the row's fuel is paid. A function whose work or result can exceed its arguments pays for that itself with esl_spend. */
#ifndef ESL_BUILTIN_FN_H
#define ESL_BUILTIN_FN_H

#include "esl_builtin.h"
#include "gen/functions.h"

#define ESL_FN(name) int name(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r)

#define X(number, name, c, letters, least, most, result, validity, base, per) \
    int c(esl_context_t *, const esl_value_t *, int, esl_value_t *);
HISEE_FUNCTIONS(X)
#undef X

#define ESL_UNUSED (void)c, (void)a, (void)n

static inline bool esl_spend(esl_context_t *c, int64_t fuel) { return (*c->fuel -= fuel) >= 0; }

/* Results: each returns 0, so that a function may end with it. */
static inline int esl_give_invalid(esl_value_t *r, unsigned reason)
{
    r->value = esl_slot_inv(r->type, reason);
    return 0;
}
static inline int esl_give_int(esl_value_t *r, int64_t i)
{
    r->value.i = i;
    return 0;
}
static inline int esl_give_real(esl_value_t *r, double real)
{
    r->value.r = real;
    return 0;
}
/* The value of an argument, with the result's own time and weak. */
static inline int esl_give_copy(esl_value_t *r, const esl_value_t *from)
{
    r->type = from->type;
    r->value = from->value;
    if (from->type == ESL_T_TEXT) esl_text_keep(from->value.t);
    return 0;
}

static inline bool esl_arg_invalid(const esl_value_t *a) { return esl_slot_reason(a->type, a->value) != 0; }
static inline unsigned esl_arg_reason(const esl_value_t *a) { return esl_slot_reason(a->type, a->value); }
/* Optional INT argument. */
static inline int64_t esl_arg_int(const esl_value_t *a, int n, int i, int64_t otherwise) { return i < n ? a[i].value.i : otherwise; }
/* Argument N as REAL; valid. */
static inline double esl_arg_real(const esl_value_t *a) { return a->type == ESL_T_INT ? (double)a->value.i : a->value.r; }

/* TEXT results. */
typedef struct {
    esl_text_t *text;
    size_t bytes, room;
} esl_writer_t;
/* A writer for a result of `total` bytes, paid for; only what can survive the limit of a TEXT is taken. 0 or an error. */
int esl_write_begin(esl_context_t *c, esl_writer_t *w, uint64_t total);
void esl_write(esl_writer_t *w, const char *bytes, size_t count); /* what no longer fits is dropped */
int esl_write_end(esl_context_t *c, esl_writer_t *w, esl_value_t *r);
int esl_give_text(esl_context_t *c, esl_value_t *r, const char *utf8, size_t bytes);

/* -1, 0, 1 in `*order`; false when the types have no common order. Invalid is the least. */
bool esl_value_order(const esl_value_t *a, const esl_value_t *b, int *order);
/* Text of a valid or invalid value, as %ToStr and LOG print it. */
int esl_value_text(esl_context_t *c, const esl_value_t *value, esl_value_t *r);

#endif
