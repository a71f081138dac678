/* A slot holds one value of a type that is known statically; validity lives inside the payload.
 *
 *   INT, TIME   valid from INT64_MIN+16 up; INT64_MIN+r = invalid, reason r (TIME = milliseconds since 1970 UTC)
 *   REAL        valid when finite; NaN carries the reason in the low payload bits, an infinity is reason 2
 *   BOOL        0, 1; 2+r = invalid, reason r
 *   TEXT        pointer to esl_text_t; values below 16 = invalid, reason = the value (0 reads as 1)
 *   RECORD      pointer to esl_record_t, never null once its frame is initialised
 *   OBJECT      reference to an object, its row or its item (esl_ref_*); 0 = not linked
 *   ANY         two adjacent slots: type word (esl_type), then payload of that type
 *
 * Rules V1..V14 of docs/design/validity.md; each helper names the rule it implements.
 */
#ifndef ESL_SLOT_H
#define ESL_SLOT_H

#include <math.h>
#include <string.h>

#include "esl_base.h"

typedef enum {
    ESL_T_NONE = 0, ESL_T_BOOL = 1, ESL_T_INT = 2, ESL_T_REAL = 3, ESL_T_TIME = 4, ESL_T_TEXT = 5,
    ESL_T_RECORD = 6, ESL_T_OBJECT = 7, ESL_T_ANY = 8
} esl_type;

typedef enum {
    ESL_VALID = 0, ESL_UNDEFINED = 1, ESL_OUT_OF_RANGE = 2, ESL_CONVERSION = 3, ESL_DIV_BY_ZERO = 4,
    ESL_NO_DATA_REASON = 5, ESL_COMMUNICATION = 6
} esl_reason;

struct esl_text;
struct esl_record;

typedef union {
    int64_t i;
    double r;
    uint64_t u;
    struct esl_text *t;
    struct esl_record *rec;
} esl_slot_t;
_Static_assert(sizeof(esl_slot_t) == 8, "a slot is eight bytes");

#define ESL_INT_MIN (INT64_MIN + 16) /* least valid INT (V7) */
#define ESL_REAL_MAX 1.7976931348623157e308

static inline bool esl_int_invalid(int64_t i) { return i < ESL_INT_MIN; }
static inline int64_t esl_int_inv(unsigned reason) { return INT64_MIN + (int64_t)(reason & 15u); }
static inline unsigned esl_int_reason(int64_t i) /* V1 */
{
    unsigned r = (unsigned)(i & 15);
    return r ? r : ESL_OUT_OF_RANGE;
}

static inline bool esl_real_invalid(double r) { return !(fabs(r) <= ESL_REAL_MAX); }
static inline double esl_real_inv(unsigned reason)
{
    uint64_t u = UINT64_C(0x7ff8000000000000) | (reason & 15u);
    double r;
    memcpy(&r, &u, 8);
    return r;
}
static inline unsigned esl_real_reason(double r) /* V1 */
{
    uint64_t u;
    if (!isnan(r)) return ESL_OUT_OF_RANGE; /* an infinity */
    memcpy(&u, &r, 8);
    u &= UINT64_C(0x0007ffffffffffff);
    if (u > 15) return ESL_CONVERSION;
    return u ? (unsigned)u : ESL_OUT_OF_RANGE;
}

static inline bool esl_bool_invalid(int64_t b) { return (uint64_t)b > 1; }
static inline int64_t esl_bool_inv(unsigned reason) { return 2 + (int64_t)(reason & 15u); }
static inline unsigned esl_bool_reason(int64_t b)
{
    uint64_t r = (uint64_t)b - 2;
    return r == 0 || r > 15 ? ESL_UNDEFINED : (unsigned)r;
}

static inline bool esl_text_invalid(const struct esl_text *t) { return (uintptr_t)t < 16; }
static inline struct esl_text *esl_text_inv(unsigned reason) { return (struct esl_text *)(uintptr_t)(reason & 15u); }
static inline unsigned esl_text_reason(const struct esl_text *t) { return (uintptr_t)t ? (unsigned)(uintptr_t)t : ESL_UNDEFINED; }

/* Reason of a slot of that type; 0 = valid. RECORD and OBJECT are always valid. */
static inline unsigned esl_slot_reason(esl_type type, esl_slot_t s)
{
    switch (type) {
    case ESL_T_INT: case ESL_T_TIME: return esl_int_invalid(s.i) ? esl_int_reason(s.i) : 0;
    case ESL_T_REAL: return esl_real_invalid(s.r) ? esl_real_reason(s.r) : 0;
    case ESL_T_BOOL: return esl_bool_invalid(s.i) ? esl_bool_reason(s.i) : 0;
    case ESL_T_TEXT: return esl_text_invalid(s.t) ? esl_text_reason(s.t) : 0;
    default: return 0;
    }
}

/* The invalid value of a type; also the pattern of fresh frames and rows with reason ESL_UNDEFINED (V13). */
static inline esl_slot_t esl_slot_inv(esl_type type, unsigned reason)
{
    esl_slot_t s = {0};
    switch (type) {
    case ESL_T_INT: case ESL_T_TIME: s.i = esl_int_inv(reason); break;
    case ESL_T_REAL: s.r = esl_real_inv(reason); break;
    case ESL_T_BOOL: s.i = esl_bool_inv(reason); break;
    case ESL_T_TEXT: s.t = esl_text_inv(reason); break;
    default: break;
    }
    return s;
}

/* Canonical form of a value that leaves its activation (V11): an infinity becomes "invalid, reason 2". */
static inline esl_slot_t esl_settle(esl_type type, esl_slot_t s)
{
    unsigned reason = esl_slot_reason(type, s);
    return reason ? esl_slot_inv(type, reason) : s;
}

/* REAL -> INT and back, each with its reason (V5): half away from zero, tested before it is converted. */
static inline int64_t esl_int_from_real(double r)
{
    if (ESL_UNLIKELY(!(fabs(r) < 9223372036854775808.0))) return esl_int_inv(esl_real_invalid(r) ? esl_real_reason(r) : ESL_OUT_OF_RANGE);
    int64_t i = (int64_t)round(r);
    return esl_int_invalid(i) ? esl_int_inv(ESL_OUT_OF_RANGE) : i;
}
static inline double esl_real_from_int(int64_t i)
{
    return ESL_UNLIKELY(esl_int_invalid(i)) ? esl_real_inv(esl_int_reason(i)) : (double)i;
}

/* References: object number, row (0 = whole) and column (0 = none, else 1-based) in one word. */
static inline int64_t esl_ref_make(uint32_t object, uint32_t row, uint32_t column)
{
    return (int64_t)((uint64_t)object | (uint64_t)(row & 0xfffffu) << 32 | (uint64_t)(column & 0x3ffu) << 52);
}
static inline uint32_t esl_ref_object(int64_t ref) { return (uint32_t)ref; }
static inline uint32_t esl_ref_row(int64_t ref) { return (uint32_t)((uint64_t)ref >> 32) & 0xfffffu; }
static inline uint32_t esl_ref_column(int64_t ref) { return (uint32_t)((uint64_t)ref >> 52) & 0x3ffu; }

#endif
