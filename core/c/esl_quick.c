/* The usual case of a few functions: valid arguments, ASCII texts. Each gives what the function of its row gives, and costs the same fuel;
 * whatever is unusual is left to it. */
#define _GNU_SOURCE
#include "esl_quick.h"

#include "esl_number.h"
#include "gen/functions.h"

enum {
#define X(number, name, c, letters, least, most, result, validity, base, per) FN_##name = number, BASE_##name = base,
    HISEE_FUNCTIONS(X)
#undef X
};

/* Do the arguments have these types, the last one being the result? */
static bool typed(const esl_site_t *site, uint16_t argc, const char *types)
{
    if (site->argc != argc) return false;
    for (uint16_t i = 0; i < argc; i++) {
        bool result = i == argc - 1;
        if (site->args[i].type != (types[i] == 'T' ? ESL_T_TEXT : ESL_T_INT) || (site->args[i].mode == ESL_OUT) != result) return false;
    }
    return true;
}

esl_quick_t esl_quick_of(const esl_site_t *site)
{
    if (site->kind != ESL_SITE_FN) return ESL_QUICK_NO;
    switch (site->number) {
    case FN_SUBSTR: return typed(site, 4, "TIIT") ? ESL_QUICK_SUB_STR : ESL_QUICK_NO;
    case FN_STRPOS: return typed(site, 3, "TTI") || typed(site, 4, "TTII") ? ESL_QUICK_STR_POS : ESL_QUICK_NO;
    case FN_ITOSTR: return typed(site, 2, "IT") ? ESL_QUICK_I_TO_STR : ESL_QUICK_NO;
    default: return ESL_QUICK_NO;
    }
}

static int64_t fuel_left(const esl_script_t *s) { return s->fuel - (s->budget_start - s->budget); }

/* A text of one character is shared: every script has it once. */
static esl_text_t *ascii_text(esl_script_t *s, const char *at, size_t bytes)
{
    return bytes == 1 ? esl_text_keep(esl_letter(s, (unsigned char)*at)) : esl_text_new(&s->account, at, bytes);
}

static int64_t give(esl_script_t *s, esl_slot_t *to, const char *at, size_t bytes, int64_t cost)
{
    cost += (int64_t)(bytes / 16);
    esl_text_t *made = cost <= fuel_left(s) ? ascii_text(s, at, bytes) : NULL;
    if (!made) return -1;
    esl_text_drop(to->t);
    to->t = made;
    return cost;
}

static int64_t sub_str(esl_script_t *s, const esl_arg_t *args, esl_slot_t *R)
{
    const esl_text_t *text = R[args[0].reg].t;
    int64_t from = R[args[1].reg].i, count = R[args[2].reg].i; /* an invalid INT is below 0 */
    if (esl_text_invalid(text) || !text->ascii || from < 1 || from > text->chars || count < 0) return -1;
    int64_t left = text->chars - (from - 1);
    if (count >= left && from == 1) return -1; /* the whole text is handed on as it is */
    return give(s, &R[args[3].reg], text->data + from - 1, (size_t)(count < left ? count : left), BASE_SUBSTR);
}

static const char *found_from(const char *at, size_t bytes, const esl_text_t *sub)
{
    return sub->bytes == 1 ? memchr(at, sub->data[0], bytes) : memmem(at, bytes, sub->data, sub->bytes);
}

static int64_t str_pos(const esl_script_t *s, const esl_site_t *site, esl_slot_t *R)
{
    const esl_arg_t *args = site->args;
    const esl_text_t *text = R[args[0].reg].t, *sub = R[args[1].reg].t;
    int64_t from = site->argc == 4 ? R[args[2].reg].i : 1;
    if (esl_text_invalid(text) || esl_text_invalid(sub) || !text->ascii || !sub->bytes || from < 1 || from > text->chars) return -1;
    int64_t cost = BASE_STRPOS + ((int64_t)text->bytes + sub->bytes) / 16;
    if (cost > fuel_left(s)) return -1;
    const char *hit = found_from(text->data + from - 1, (size_t)(text->bytes - (from - 1)), sub);
    R[args[site->argc - 1].reg].i = hit ? hit - text->data + 1 : 0;
    return cost;
}

static int64_t i_to_str(esl_script_t *s, const esl_arg_t *args, esl_slot_t *R)
{
    char digits[ESL_INT_TEXT];
    int64_t number = R[args[0].reg].i;
    if (esl_int_invalid(number)) return -1;
    return give(s, &R[args[1].reg], digits, esl_int_text(number, digits), BASE_ITOSTR);
}

int64_t esl_quick(esl_script_t *s, const esl_site_t *site, esl_slot_t *R)
{
    switch (site->quick) {
    case ESL_QUICK_SUB_STR: return sub_str(s, site->args, R);
    case ESL_QUICK_STR_POS: return str_pos(s, site, R);
    default: return i_to_str(s, site->args, R);
    }
}
