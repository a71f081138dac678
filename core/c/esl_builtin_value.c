/* Builtins on validity, attributes and selection, and the order of values. */
#include "esl_builtin_fn.h"

ESL_FN(esl_fn_is_valid) { ESL_UNUSED; return esl_give_int(r, !esl_arg_invalid(&a[0])); }

ESL_FN(esl_fn_invalid) { ESL_UNUSED; return esl_give_invalid(r, ESL_UNDEFINED); }

ESL_FN(esl_fn_if_invalid) { ESL_UNUSED; return esl_give_copy(r, esl_arg_invalid(&a[0]) ? &a[1] : &a[0]); }

static int give_empty(esl_context_t *c, esl_type type, esl_value_t *r) /* 0, FALSE, "", 1970 */
{
    if (type == ESL_T_TEXT) return esl_give_text(c, r, "", 0);
    r->type = type;
    r->value = (esl_slot_t){0};
    return 0;
}

ESL_FN(esl_fn_set_valid)
{
    ESL_UNUSED;
    r->type = a[0].type;
    if (esl_arg_invalid(&a[1])) return esl_give_invalid(r, esl_arg_reason(&a[1]));
    if (!a[1].value.i) return esl_give_invalid(r, esl_arg_invalid(&a[0]) ? esl_arg_reason(&a[0]) : ESL_UNDEFINED);
    return esl_arg_invalid(&a[0]) ? give_empty(c, a[0].type, r) : esl_give_copy(r, &a[0]);
}

ESL_FN(esl_fn_invalid_reason) { ESL_UNUSED; return esl_give_int(r, (int64_t)esl_arg_reason(&a[0])); }

ESL_FN(esl_fn_set_invalid)
{
    ESL_UNUSED;
    int64_t reason = a[0].value.i;
    return esl_give_invalid(r, reason >= 1 && reason <= 15 ? (unsigned)reason : ESL_OUT_OF_RANGE);
}

ESL_FN(esl_fn_set_time)
{
    ESL_UNUSED;
    r->time = a[1].value.i;
    return esl_give_copy(r, &a[0]);
}

ESL_FN(esl_fn_get_time)
{
    ESL_UNUSED;
    return esl_give_int(r, a[0].time);
}

ESL_FN(esl_fn_is_weak) { ESL_UNUSED; return esl_give_int(r, a[0].weak != 0); }

ESL_FN(esl_fn_set_weak)
{
    ESL_UNUSED;
    r->weak = (uint8_t)a[1].value.i;
    return esl_give_copy(r, &a[0]);
}

ESL_FN(esl_fn_type_of)
{
    static const uint8_t code[] = {[ESL_T_BOOL] = 1, [ESL_T_INT] = 2, [ESL_T_REAL] = 3, [ESL_T_TIME] = 4, [ESL_T_TEXT] = 5};
    ESL_UNUSED;
    return esl_give_int(r, (unsigned)a[0].type < sizeof code ? code[a[0].type] : 0);
}

/* User flags stand beside a value, in cells and in companions of locals, where the compiler reads and sets them. A value in a register
 * carries none: no flag is set, and what sets one hands the value on. So do limit states; alarms are not kept yet: no alarm. */

static bool flag(int64_t number) { return number >= 0 && number <= 15; }

ESL_FN(esl_fn_flag)
{
    ESL_UNUSED;
    return flag(a[1].value.i) ? esl_give_int(r, 0) : esl_give_invalid(r, ESL_OUT_OF_RANGE);
}

ESL_FN(esl_fn_set_flags_v)
{
    ESL_UNUSED;
    r->type = a[0].type;
    return a[1].value.i >= 0 && a[1].value.i <= 0xffff ? esl_give_copy(r, &a[0]) : esl_give_invalid(r, ESL_OUT_OF_RANGE);
}

ESL_FN(esl_fn_set_flag)
{
    ESL_UNUSED;
    r->type = a[0].type;
    return flag(a[1].value.i) ? esl_give_copy(r, &a[0]) : esl_give_invalid(r, ESL_OUT_OF_RANGE);
}

ESL_FN(esl_fn_get_flags) { ESL_UNUSED; return esl_give_int(r, 0); }
ESL_FN(esl_fn_lim_state) { ESL_UNUSED; return esl_give_int(r, 5); }
ESL_FN(esl_fn_alarm_state) { ESL_UNUSED; return esl_give_int(r, 0); }
ESL_FN(esl_fn_arc_nowrite) { ESL_UNUSED; return esl_give_invalid(r, ESL_NO_DATA_REASON); }

ESL_FN(esl_fn_i_if)
{
    ESL_UNUSED;
    if (!esl_arg_invalid(&a[0])) return esl_give_copy(r, a[0].value.i ? &a[1] : &a[2]);
    r->type = a[1].type;
    return esl_give_invalid(r, esl_arg_reason(&a[0]));
}

ESL_FN(esl_fn_choose)
{
    ESL_UNUSED;
    int64_t wanted = a[0].value.i;
    if (wanted >= 1 && wanted < n) return esl_give_copy(r, &a[wanted]);
    r->type = a[1].type;
    return esl_give_invalid(r, esl_arg_invalid(&a[0]) ? esl_arg_reason(&a[0]) : ESL_OUT_OF_RANGE);
}

static int order_of(double a, double b) { return (a > b) - (a < b); }

static int order_numbers(const esl_value_t *a, const esl_value_t *b)
{
    if (a->type == ESL_T_REAL || b->type == ESL_T_REAL)
        return order_of(esl_convert(a->type, a->value, ESL_T_REAL).r, esl_convert(b->type, b->value, ESL_T_REAL).r);
    return (a->value.i > b->value.i) - (a->value.i < b->value.i);
}

static bool number(esl_type type) { return type >= ESL_T_BOOL && type <= ESL_T_REAL; }

bool esl_value_order(const esl_value_t *a, const esl_value_t *b, int *order)
{
    bool a_invalid = esl_arg_invalid(a), b_invalid = esl_arg_invalid(b);
    if (a_invalid || b_invalid) *order = b_invalid - a_invalid;
    else if (number(a->type) && number(b->type)) *order = order_numbers(a, b);
    else if (a->type != b->type) return false;
    else if (a->type == ESL_T_TEXT) *order = esl_text_compare(a->value.t, b->value.t);
    else if (a->type == ESL_T_TIME || a->type == ESL_T_OBJECT) *order = (a->value.i > b->value.i) - (a->value.i < b->value.i);
    else return false;
    return true;
}

ESL_FN(esl_fn_in_range)
{
    int low, high;
    ESL_UNUSED;
    esl_value_order(&a[0], &a[1], &low);
    esl_value_order(&a[0], &a[2], &high);
    return esl_give_int(r, low >= 0 && high <= 0);
}

ESL_FN(esl_fn_same)
{
    int order;
    ESL_UNUSED;
    bool a_invalid = esl_arg_invalid(&a[0]), b_invalid = esl_arg_invalid(&a[1]);
    if (a_invalid || b_invalid) return esl_give_int(r, a_invalid && b_invalid);
    return esl_give_int(r, a[0].type == a[1].type && esl_value_order(&a[0], &a[1], &order) && order == 0);
}

ESL_FN(esl_fn_compare)
{
    int order;
    ESL_UNUSED;
    return esl_value_order(&a[0], &a[1], &order) ? esl_give_int(r, order) : esl_give_invalid(r, ESL_CONVERSION);
}
