/* Operators on ANY, and the slow paths of arithmetic. */
#include "esl_any.h"

#include "esl_zone.h"

int64_t esl_int_fault(int64_t b, int64_t c)
{
    if (esl_int_invalid(b)) return esl_int_inv(esl_int_reason(b));
    if (esl_int_invalid(c)) return esl_int_inv(esl_int_reason(c));
    return esl_int_inv(ESL_OUT_OF_RANGE);
}

double esl_real_div_fault(double b, double c)
{
    if (c == 0) return esl_real_inv(esl_real_invalid(b) ? esl_real_reason(b) : ESL_DIV_BY_ZERO);
    return esl_real_inv(esl_real_reason(c));
}

int64_t esl_int_mod(int64_t b, int64_t c)
{
    if (esl_int_invalid(b)) return esl_int_inv(esl_int_reason(b));
    if (esl_int_invalid(c)) return esl_int_inv(esl_int_reason(c));
    if (c == 0) return esl_int_inv(ESL_DIV_BY_ZERO);
    if (c == -1) return 0; /* the one divisor whose machine division can overflow */
    int64_t r = b % c;
    return r && (r ^ c) < 0 ? r + c : r;
}

int64_t esl_int_idiv(int64_t b, int64_t c)
{
    if (esl_int_invalid(b)) return esl_int_inv(esl_int_reason(b));
    if (esl_int_invalid(c)) return esl_int_inv(esl_int_reason(c));
    if (c == 0) return esl_int_inv(ESL_DIV_BY_ZERO);
    return c == -1 ? esl_int_neg(b) : b / c;
}

static bool number(esl_type type) { return type == ESL_T_BOOL || type == ESL_T_INT || type == ESL_T_REAL; }

static esl_value_t value_of(esl_type type, esl_slot_t slot)
{
    return (esl_value_t){.type = type, .value = slot, .time = esl_int_inv(ESL_UNDEFINED)};
}
static esl_value_t of_int(int64_t i) { return value_of(ESL_T_INT, (esl_slot_t){.i = i}); }
static esl_value_t of_real(double r) { return value_of(ESL_T_REAL, (esl_slot_t){.r = r}); }
static double as_real(esl_value_t v) { return esl_convert(v.type, v.value, ESL_T_REAL).r; }
static int64_t as_int(esl_value_t v) { return esl_convert(v.type, v.value, ESL_T_INT).i; }

/* Reason of the first invalid operand, 0 = both valid. */
static unsigned bad(esl_value_t b, esl_value_t c)
{
    unsigned reason = esl_slot_reason(b.type, b.value);
    return reason ? reason : esl_slot_reason(c.type, c.value);
}

static esl_value_t divide(esl_value_t b, esl_value_t c)
{
    if (b.type == ESL_T_BOOL && c.type == ESL_T_BOOL) return of_int(esl_int_idiv(as_int(b), as_int(c)));
    return of_real(esl_real_div(as_real(b), as_real(c)));
}

static int numbers(esl_arith_t op, esl_value_t b, esl_value_t c, esl_value_t *result)
{
    bool real = b.type == ESL_T_REAL || c.type == ESL_T_REAL;
    switch (op) {
    case ESL_ADD: *result = real ? of_real(as_real(b) + as_real(c)) : of_int(esl_int_add(as_int(b), as_int(c))); return 0;
    case ESL_SUB: *result = real ? of_real(as_real(b) - as_real(c)) : of_int(esl_int_sub(as_int(b), as_int(c))); return 0;
    case ESL_MUL: *result = real ? of_real(as_real(b) * as_real(c)) : of_int(esl_int_mul(as_int(b), as_int(c))); return 0;
    case ESL_DIV: *result = divide(b, c); return 0;
    default: return ESL_ERR_TYPE_MISMATCH;
    }
}

static int logic(esl_arith_t op, esl_value_t b, esl_value_t c, esl_value_t *result)
{
    if (b.type != c.type) return ESL_ERR_TYPE_MISMATCH;
    if (b.type == ESL_T_INT && op == ESL_AND) {
        *result = of_int(esl_int_and(b.value.i, c.value.i));
        return 0;
    }
    if (b.type != ESL_T_BOOL) return ESL_ERR_TYPE_MISMATCH;
    int64_t r = op == ESL_AND ? b.value.i & c.value.i : b.value.i | c.value.i;
    *result = value_of(ESL_T_BOOL, (esl_slot_t){.i = r});
    return 0;
}

static int times(const esl_zone_t *zone, esl_arith_t op, esl_value_t b, esl_value_t c, esl_value_t *result)
{
    bool both = b.type == c.type;
    esl_slot_t slot;
    if (op == ESL_SUB && both) {
        *result = of_real(zone ? esl_zone_diff_local(zone, b.value.i, c.value.i) : esl_time_diff(b.value.i, c.value.i));
        return 0;
    }
    if (both || (op != ESL_ADD && op != ESL_SUB) || (op == ESL_SUB && b.type != ESL_T_TIME)) return ESL_ERR_TYPE_MISMATCH;
    esl_value_t time = b.type == ESL_T_TIME ? b : c, amount = b.type == ESL_T_TIME ? c : b;
    if (!number(amount.type)) return ESL_ERR_TYPE_MISMATCH;
    double seconds = op == ESL_SUB ? -as_real(amount) : as_real(amount);
    slot.i = zone ? esl_zone_add_local(zone, time.value.i, seconds) : esl_time_add(time.value.i, seconds);
    *result = value_of(ESL_T_TIME, slot);
    return 0;
}

static int texts(esl_script_t *s, esl_arith_t op, esl_value_t b, esl_value_t c, esl_value_t *result)
{
    if (b.type != c.type || op != ESL_ADD) return ESL_ERR_TYPE_MISMATCH;
    esl_text_t *joined = esl_text_concat(&s->account, esl_text_keep(b.value.t), c.value.t, s->limits->text_chars);
    if (!joined) {
        esl_text_drop(b.value.t);
        return ESL_ERR_MEMORY;
    }
    *result = value_of(ESL_T_TEXT, (esl_slot_t){.t = joined});
    return 0;
}

int esl_any_binary(esl_script_t *s, esl_arith_t op, esl_value_t b, esl_value_t c, esl_value_t *result)
{
    unsigned reason = bad(b, c);
    if (reason) {
        *result = of_int(esl_int_inv(reason));
        return 0;
    }
    if (op == ESL_AND || op == ESL_OR) return logic(op, b, c, result);
    if (number(b.type) && number(c.type)) return numbers(op, b, c, result);
    if (b.type == ESL_T_TEXT || c.type == ESL_T_TEXT) return texts(s, op, b, c, result);
    return times(s->world ? s->world->zone : NULL, op, b, c, result);
}

/* -1, 0, 1; false: these types do not compare. */
static bool order(esl_value_t b, esl_value_t c, int *sign)
{
    if (b.type == ESL_T_TEXT && c.type == ESL_T_TEXT) {
        *sign = esl_text_compare(b.value.t, c.value.t);
        return true;
    }
    if ((b.type == ESL_T_TIME && c.type == ESL_T_TIME) || (number(b.type) && number(c.type) && b.type != ESL_T_REAL && c.type != ESL_T_REAL)) {
        *sign = (b.value.i > c.value.i) - (b.value.i < c.value.i);
        return true;
    }
    if (!number(b.type) || !number(c.type)) return false;
    double x = as_real(b), y = as_real(c);
    *sign = (x > y) - (x < y);
    return true;
}

int esl_any_compare(esl_cmp_t op, esl_value_t b, esl_value_t c, int64_t *result)
{
    unsigned reason = bad(b, c);
    int sign;
    if (reason) {
        *result = esl_bool_inv(reason);
        return 0;
    }
    if (!order(b, c, &sign)) return ESL_ERR_TYPE_MISMATCH;
    switch (op) {
    case ESL_LT: *result = sign < 0; break;
    case ESL_LE: *result = sign <= 0; break;
    case ESL_EQ: *result = sign == 0; break;
    case ESL_NE: *result = sign != 0; break;
    case ESL_GT: *result = sign > 0; break;
    default: *result = sign >= 0; break;
    }
    return 0;
}

int esl_any_negate(esl_value_t b, esl_value_t *result)
{
    unsigned reason = esl_slot_reason(b.type, b.value);
    if (!reason && (b.type == ESL_T_BOOL || !number(b.type))) return ESL_ERR_TYPE_MISMATCH;
    if (reason) *result = of_int(esl_int_inv(reason));
    else *result = b.type == ESL_T_REAL ? of_real(-b.value.r) : of_int(esl_int_neg(b.value.i));
    return 0;
}

int esl_any_not(esl_value_t b, esl_value_t *result)
{
    unsigned reason = esl_slot_reason(b.type, b.value);
    if (!reason && b.type != ESL_T_BOOL) return ESL_ERR_TYPE_MISMATCH;
    *result = value_of(ESL_T_BOOL, (esl_slot_t){.i = reason ? esl_bool_inv(reason) : b.value.i ^ 1});
    return 0;
}

/* A whole number against a REAL, exactly: as REALs two different numbers could be one. */
static int order_mixed(int64_t i, double r)
{
    if (!(fabs(r) < 9223372036854775808.0)) return r > 0 ? -1 : 1;
    int64_t whole = (int64_t)r;
    if (i != whole) return i > whole ? 1 : -1;
    return (r < (double)whole) - (r > (double)whole);
}

int esl_any_order(esl_type x_type, esl_slot_t x, esl_type y_type, esl_slot_t y)
{
    bool x_number = x_type <= ESL_T_REAL, y_number = y_type <= ESL_T_REAL;
    if (!x_number || !y_number) return x_number != y_number ? (x_number ? -1 : 1) : x_type < y_type ? -1 : 1;
    if (x_type == ESL_T_REAL) return -order_mixed(y.i, x.r);
    return y_type == ESL_T_REAL ? order_mixed(x.i, y.r) : (x.i > y.i) - (x.i < y.i);
}
