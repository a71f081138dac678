/* Entrance of all builtins: the function table in C, conversion of arguments, the strict rule, fuel, and TEXT results. */
#include "esl_builtin_fn.h"

#define MOST_ARGUMENTS 10
#define NUMBERS 1000

typedef struct {
    esl_builtin_fn fn;
    const char *letters, *result, *validity, *per;
    int least, most, base;
} row_t;

static const row_t rows[NUMBERS] = {
#define X(number, name, c, letters, least, most, result, validity, base, per) \
    [number] = {c, letters, result, validity, per, least, most, base},
    HISEE_FUNCTIONS(X)
#undef X
};

static const row_t *find(int number)
{
    if (number < 0 || number >= NUMBERS || !rows[number].fn) return NULL;
    return &rows[number];
}

/* `letter` 0: behind the last one, which then repeats. */
static char letter_of(const row_t *row, int i)
{
    int count = (int)strlen(row->letters);
    return count == 0 ? 0 : row->letters[i < count ? i : count - 1];
}

static esl_type wanted_type(char letter, esl_type given)
{
    switch (letter) {
    case 'B': return ESL_T_BOOL;
    case 'I': return ESL_T_INT;
    case 'R': return ESL_T_REAL;
    case 'T': return ESL_T_TEXT;
    case 'M': return ESL_T_TIME;
    case 'N': return given == ESL_T_REAL ? ESL_T_REAL : ESL_T_INT;
    default: return given;
    }
}

/* Arguments in the row's types. A conversion makes no new references. */
static void convert(const row_t *row, const esl_value_t *args, int argc, esl_value_t *a)
{
    for (int i = 0; i < argc; i++) {
        a[i] = args[i];
        a[i].type = wanted_type(letter_of(row, i), args[i].type);
        a[i].value = esl_convert(args[i].type, args[i].value, a[i].type);
    }
}

static bool all_int(const row_t *row, const esl_value_t *a, int argc)
{
    for (int i = 0; i < argc; i++)
        if (letter_of(row, i) == 'N' && a[i].type != ESL_T_INT) return false;
    return true;
}

static esl_type result_type(const row_t *row, const esl_value_t *a, int argc)
{
    if (strcmp(row->result, "TM") == 0) return ESL_T_TIME;
    if (row->result[0] == 'N') return all_int(row, a, argc) ? ESL_T_INT : ESL_T_REAL;
    if (row->result[0] == '-') return ESL_T_NONE;
    if (row->result[0] != 'U') return wanted_type(row->result[0], ESL_T_NONE);
    /* U: the type of the first argument of that kind, else any type that can be invalid */
    for (int i = 0; i < argc; i++)
        if (letter_of(row, i) == 'U') return a[i].type;
    return ESL_T_INT;
}

static void merge_attributes(const esl_value_t *a, int argc, esl_value_t *result)
{
    result->time = esl_int_inv(ESL_UNDEFINED);
    result->weak = 0;
    for (int i = 0; i < argc; i++) {
        if (!esl_int_invalid(a[i].time) && (esl_int_invalid(result->time) || a[i].time > result->time)) result->time = a[i].time;
        result->weak |= a[i].weak;
    }
}

static int64_t price(const row_t *row, const esl_value_t *a, int argc)
{
    int64_t bytes = 0;
    if (row->per[0] == 'e') return row->base + argc;
    for (int i = 0; i < argc && row->per[0] == 'b'; i++)
        if (a[i].type == ESL_T_TEXT && !esl_text_invalid(a[i].value.t)) bytes += a[i].value.t->bytes;
    return row->base + bytes / 16;
}

static unsigned first_reason(const esl_value_t *a, int argc)
{
    for (int i = 0; i < argc; i++)
        if (esl_arg_invalid(&a[i])) return esl_arg_reason(&a[i]);
    return 0;
}

/* As the caller wants it. */
static void deliver(esl_type wanted, esl_value_t *result)
{
    if (wanted == ESL_T_NONE || wanted == ESL_T_ANY || wanted == result->type) return;
    esl_slot_t made = result->value;
    result->value = esl_convert(result->type, made, wanted);
    if (result->type == ESL_T_TEXT) esl_text_drop(made.t);
    result->type = wanted;
}

int esl_builtin_call(esl_context_t *context, int number, const esl_value_t *args, int argc, esl_value_t *result)
{
    const row_t *row = find(number);
    esl_value_t a[MOST_ARGUMENTS];
    if (!row) return ESL_ERR_NOT_SUPPORTED;
    if (argc < row->least || argc > row->most) return ESL_ERR_INV_NUM_PARAMS;
    convert(row, args, argc, a);
    if (!esl_spend(context, price(row, a, argc))) return ESL_BUILTIN_FUEL;
    esl_type wanted = result->type;
    result->type = result_type(row, a, argc);
    merge_attributes(a, argc, result);
    unsigned reason = row->validity[0] == 's' ? first_reason(a, argc) : 0;
    int error = reason ? esl_give_invalid(result, reason) : row->fn(context, a, argc, result);
    if (!error) deliver(wanted, result);
    return error;
}

int esl_write_begin(esl_context_t *c, esl_writer_t *w, uint64_t total)
{
    /* One character more than the limit is enough to see that the text is cut. */
    uint64_t most = (uint64_t)c->text_chars * 4 + 4;
    w->bytes = 0;
    w->room = (size_t)(total < most ? total : most);
    if (!esl_spend(c, (int64_t)(w->room / 16))) return ESL_BUILTIN_FUEL; /* no more is written than that */
    w->text = esl_text_reserve(c->account, w->room);
    return w->text ? 0 : ESL_ERR_MEMORY;
}

void esl_write(esl_writer_t *w, const char *bytes, size_t count)
{
    if (count > w->room - w->bytes) count = w->room - w->bytes;
    if (count) memcpy(w->text->data + w->bytes, bytes, count);
    w->bytes += count;
}

int esl_write_end(esl_context_t *c, esl_writer_t *w, esl_value_t *r)
{
    esl_text_done(w->text, w->bytes, c->text_chars);
    r->type = ESL_T_TEXT;
    r->value.t = w->text;
    r->weak |= w->text->cut;
    return 0;
}

int esl_give_text(esl_context_t *c, esl_value_t *r, const char *utf8, size_t bytes)
{
    esl_writer_t w;
    int error = esl_write_begin(c, &w, bytes);
    if (error) return error;
    esl_write(&w, utf8, bytes);
    return esl_write_end(c, &w, r);
}
