/* Builtins over a whole column of a record. The record comes as the first argument, the column's index, from 0, as the second;
 * invalid cells do not count. Each cell costs fuel. */
#include "esl_builtin_fn.h"
#include "esl_record.h"

typedef struct {
    const esl_record_t *record;
    uint32_t column;
    esl_type type;
} column_t;

/* 0: the arguments name a column; else the reason of the result. */
static unsigned column_of(const esl_value_t *a, int n, column_t *found)
{
    int64_t at = esl_arg_int(a, n, 1, 0);
    if (a[0].type != ESL_T_RECORD) return ESL_CONVERSION;
    found->record = a[0].value.rec;
    if (at < 0 || at >= found->record->structure->columns) return ESL_OUT_OF_RANGE;
    found->column = (uint32_t)at;
    found->type = (esl_type)found->record->structure->types[at];
    return found->type == ESL_T_OBJECT ? ESL_CONVERSION : 0;
}

static bool pay(esl_context_t *c, const column_t *column) { return esl_spend(c, column->record->rows / 8); }

static esl_value_t cell(const column_t *column, uint32_t row)
{
    esl_value_t value = {.time = esl_int_inv(ESL_UNDEFINED)};
    value.value = esl_record_value(column->record, row, column->column, &value.type);
    return value;
}

/* Sum and number of the valid cells of a column of numbers. */
static unsigned add_up(const column_t *column, double *sum, int64_t *count)
{
    *sum = 0, *count = 0;
    if (column->type > ESL_T_REAL && column->type != ESL_T_ANY) return ESL_CONVERSION;
    for (uint32_t row = 0; row < column->record->rows; row++) {
        esl_value_t value = cell(column, row);
        if (esl_arg_invalid(&value) || value.type > ESL_T_REAL) continue;
        *sum += esl_convert(value.type, value.value, ESL_T_REAL).r;
        ++*count;
    }
    return *count ? 0 : ESL_NO_DATA_REASON;
}

static int total(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r, bool mean)
{
    column_t column;
    double sum;
    int64_t count;
    unsigned reason = column_of(a, n, &column);
    if (reason) return esl_give_invalid(r, reason);
    if (!pay(c, &column)) return ESL_BUILTIN_FUEL;
    reason = add_up(&column, &sum, &count);
    if (reason) return esl_give_invalid(r, reason);
    return esl_give_real(r, mean ? sum / (double)count : sum);
}

ESL_FN(esl_fn_col_sum) { return total(c, a, n, r, false); }
ESL_FN(esl_fn_col_avg) { return total(c, a, n, r, true); }

/* The cell that comes first in the order of values, `sign` 1 = the least one. */
static int extreme(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r, int sign)
{
    column_t column;
    unsigned reason = column_of(a, n, &column);
    if (reason) return esl_give_invalid(r, reason);
    if (!pay(c, &column)) return ESL_BUILTIN_FUEL;
    if (column.type != ESL_T_ANY) r->type = column.type;
    esl_value_t best = {.type = ESL_T_NONE};
    for (uint32_t row = 0; row < column.record->rows; row++) {
        int order;
        esl_value_t value = cell(&column, row);
        if (esl_arg_invalid(&value)) continue;
        if (best.type == ESL_T_NONE || (esl_value_order(&value, &best, &order) && order * sign < 0)) best = value;
    }
    return best.type == ESL_T_NONE ? esl_give_invalid(r, ESL_NO_DATA_REASON) : esl_give_copy(r, &best);
}

ESL_FN(esl_fn_col_min) { return extreme(c, a, n, r, 1); }
ESL_FN(esl_fn_col_max) { return extreme(c, a, n, r, -1); }

ESL_FN(esl_fn_col_count)
{
    column_t column;
    int64_t count = 0;
    unsigned reason = column_of(a, n, &column);
    if (reason) return esl_give_invalid(r, reason);
    if (!pay(c, &column)) return ESL_BUILTIN_FUEL;
    for (uint32_t row = 0; row < column.record->rows; row++) {
        esl_value_t value = cell(&column, row);
        count += !esl_arg_invalid(&value);
    }
    return esl_give_int(r, count);
}
