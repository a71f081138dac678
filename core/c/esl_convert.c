/* The table of conversions: a value of one type as another, for assignments, IN parameters and stores to columns. */
#include "esl_builtin.h"

static esl_slot_t to_bool(esl_type from, esl_slot_t v)
{
    int64_t i = from == ESL_T_REAL ? esl_int_from_real(v.r) : v.i;
    if (esl_int_invalid(i)) return (esl_slot_t){.i = esl_bool_inv(esl_int_reason(i))};
    return (esl_slot_t){.i = (uint64_t)i > 1 ? esl_bool_inv(ESL_CONVERSION) : i};
}

static esl_slot_t to_int(esl_type from, esl_slot_t v)
{
    if (from == ESL_T_REAL) return (esl_slot_t){.i = esl_int_from_real(v.r)};
    return (esl_slot_t){.i = esl_bool_invalid(v.i) ? esl_int_inv(esl_bool_reason(v.i)) : v.i};
}

static esl_slot_t to_real(esl_type from, esl_slot_t v)
{
    if (from == ESL_T_INT) return (esl_slot_t){.r = esl_real_from_int(v.i)};
    return (esl_slot_t){.r = esl_bool_invalid(v.i) ? esl_real_inv(esl_bool_reason(v.i)) : (double)v.i};
}

static bool is_number(esl_type type) { return type == ESL_T_BOOL || type == ESL_T_INT || type == ESL_T_REAL; }

esl_slot_t esl_convert(esl_type from, esl_slot_t value, esl_type to)
{
    if (from == to) return value;
    if (is_number(from) && to == ESL_T_BOOL) return to_bool(from, value);
    if (is_number(from) && to == ESL_T_INT) return to_int(from, value);
    if (is_number(from) && to == ESL_T_REAL) return to_real(from, value);
    unsigned reason = esl_slot_reason(from, value); /* invalid stays invalid, with its own reason */
    return esl_slot_inv(to, reason ? reason : ESL_CONVERSION);
}
