/* Builtins that look into texts: length, parts, search, comparison, masks, tokens. Positions count characters from 1.
 * Searching is linear in the text: memmem uses the two-way method. */
#define _GNU_SOURCE
#include "esl_builtin_fn.h"
#include "esl_case.h"

static esl_text_t *text(const esl_value_t *a) { return a->value.t; }
static int range(esl_value_t *r) { return esl_give_invalid(r, ESL_OUT_OF_RANGE); }

/* Characters [from, from+count) of a text, 0-based, inside it. The whole text is handed on without a copy. */
static int give_part(esl_context_t *c, esl_value_t *r, const esl_value_t *a, int64_t from, int64_t count)
{
    esl_text_t *s = text(a);
    if (from == 0 && count == s->chars) return esl_give_copy(r, a);
    bool counts = !s->ascii && !s->index && from + count >= ESL_TEXT_STEP; /* the index is made, or there is no memory for it: from the front */
    if (counts && !esl_spend(c, s->bytes / 16)) return ESL_BUILTIN_FUEL;
    uint32_t start = esl_text_offset(s, (uint32_t)from);
    uint32_t end = esl_text_offset(s, (uint32_t)(from + count));
    return esl_give_text(c, r, s->data + start, end - start);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* 1-based character of a byte offset. */
static int64_t position(const esl_text_t *s, size_t offset)
{
    if (s->ascii) return (int64_t)offset + 1;
    int64_t chars = 1;
    for (size_t i = 0; i < offset; i++) chars += ((unsigned char)s->data[i] & 0xc0) != 0x80;
    return chars;
}

ESL_FN(esl_fn_str_len) { ESL_UNUSED; return esl_give_int(r, text(&a[0])->chars); }

ESL_FN(esl_fn_sub_str)
{
    int64_t from = a[1].value.i, length = esl_arg_int(a, n, 2, -1), chars = text(&a[0])->chars;
    if (from < 1 || length < -1) return range(r);
    if (from > chars) return esl_give_text(c, r, "", 0);
    int64_t left = chars - (from - 1);
    return give_part(c, r, &a[0], from - 1, length < 0 ? left : least(length, left));
}

ESL_FN(esl_fn_str_left)
{
    ESL_UNUSED;
    return a[1].value.i < 0 ? range(r) : give_part(c, r, &a[0], 0, least(a[1].value.i, text(&a[0])->chars));
}

ESL_FN(esl_fn_str_right)
{
    ESL_UNUSED;
    int64_t chars = text(&a[0])->chars, count = least(a[1].value.i, chars);
    return count < 0 ? range(r) : give_part(c, r, &a[0], chars - count, count);
}

static const char *found_at(const esl_text_t *s, uint32_t start, const esl_text_t *sub)
{
    return memmem(s->data + start, s->bytes - start, sub->data, sub->bytes);
}

ESL_FN(esl_fn_str_pos)
{
    int64_t from = esl_arg_int(a, n, 2, 1);
    esl_text_t *s = text(&a[0]);
    ESL_UNUSED;
    if (from < 1) return range(r);
    if (from > (int64_t)s->chars + 1) return esl_give_int(r, 0);
    if (text(&a[1])->bytes == 0) return esl_give_int(r, from);
    const char *hit = found_at(s, esl_text_offset(s, (uint32_t)(from - 1)), text(&a[1]));
    return esl_give_int(r, hit ? position(s, (size_t)(hit - s->data)) : 0);
}

/* Every match is visited, and paid for: overlapping ones make this more than linear. */
ESL_FN(esl_fn_str_pos_last)
{
    const esl_text_t *s = text(&a[0]), *sub = text(&a[1]);
    const char *last = NULL, *at = s->data, *end = s->data + s->bytes;
    ESL_UNUSED;
    if (sub->bytes == 0) return esl_give_int(r, (int64_t)s->chars + 1);
    while ((at = memmem(at, (size_t)(end - at), sub->data, sub->bytes))) {
        if (!esl_spend(c, 1 + sub->bytes / 16)) return ESL_BUILTIN_FUEL;
        last = at++;
    }
    return esl_give_int(r, last ? position(s, (size_t)(last - s->data)) : 0);
}

ESL_FN(esl_fn_str_has) { ESL_UNUSED; return esl_give_int(r, found_at(text(&a[0]), 0, text(&a[1])) != NULL); }

ESL_FN(esl_fn_starts_with)
{
    const esl_text_t *s = text(&a[0]), *sub = text(&a[1]);
    ESL_UNUSED;
    return esl_give_int(r, sub->bytes <= s->bytes && memcmp(s->data, sub->data, sub->bytes) == 0);
}

ESL_FN(esl_fn_ends_with)
{
    const esl_text_t *s = text(&a[0]), *sub = text(&a[1]);
    ESL_UNUSED;
    return esl_give_int(r, sub->bytes <= s->bytes && memcmp(s->data + s->bytes - sub->bytes, sub->data, sub->bytes) == 0);
}

ESL_FN(esl_fn_str_cmp) { ESL_UNUSED; return esl_give_int(r, esl_text_compare(text(&a[0]), text(&a[1]))); }

ESL_FN(esl_fn_str_cmp_nc)
{
    const esl_text_t *x = text(&a[0]), *y = text(&a[1]);
    const char *px = x->data, *py = y->data, *ex = px + x->bytes, *ey = py + y->bytes;
    ESL_UNUSED;
    while (px < ex && py < ey) {
        uint32_t cx = esl_case_fold(esl_utf8_next(&px)), cy = esl_case_fold(esl_utf8_next(&py));
        if (cx != cy) return esl_give_int(r, cx < cy ? -1 : 1);
    }
    return esl_give_int(r, (px < ex) - (py < ey));
}

/* Greedy match with one point of return: on a mismatch the last star takes one character more. Worst case text x mask,
 * so each step is paid for, and there is a greatest number of them: a call cannot be killed in its middle. */
#define LIKE_STEPS 5000000

ESL_FN(esl_fn_like)
{
    const char *s = text(&a[0])->data, *end = s + text(&a[0])->bytes;
    const char *m = text(&a[1])->data, *mask_end = m + text(&a[1])->bytes;
    const char *after_star = NULL, *retry = NULL;
    ESL_UNUSED;
    for (uint32_t step = 0; s < end; step++) {
        if (step == LIKE_STEPS) return esl_give_invalid(r, ESL_OUT_OF_RANGE);
        const char *s_next = s, *m_next = m;
        uint32_t ch = esl_case_fold(esl_utf8_next(&s_next));
        uint32_t want = m < mask_end ? esl_utf8_next(&m_next) : 0;
        if (!esl_spend(c, 1)) return ESL_BUILTIN_FUEL;
        if (m < mask_end && want == '*') {
            after_star = m = m_next;
            retry = s;
        } else if (m < mask_end && (want == '?' || esl_case_fold(want) == ch)) {
            s = s_next;
            m = m_next;
        } else if (after_star) {
            esl_utf8_next(&retry);
            s = retry;
            m = after_star;
        } else {
            return esl_give_int(r, 0);
        }
    }
    while (m < mask_end && *m == '*') m++;
    return esl_give_int(r, m == mask_end);
}

/* Tokens: a cursor over the parts between separators. An empty separator makes one token of the whole text. */
typedef struct { const char *at, *end, *sep; size_t sep_bytes, length; bool more; } tokens_t;

static tokens_t tokens_of(const esl_text_t *s, const esl_text_t *sep)
{
    return (tokens_t){s->data, s->data + s->bytes, sep->data, sep->bytes, 0, true};
}

/* Next token at *start with t->length bytes; false behind the last. */
static bool next_token(tokens_t *t, const char **start)
{
    if (!t->more) return false;
    const char *hit = t->sep_bytes ? memmem(t->at, (size_t)(t->end - t->at), t->sep, t->sep_bytes) : NULL;
    *start = t->at;
    t->length = (size_t)((hit ? hit : t->end) - t->at);
    t->more = hit != NULL;
    if (hit) t->at = hit + t->sep_bytes;
    return true;
}

ESL_FN(esl_fn_token_count)
{
    const char *start;
    int64_t count = 0;
    ESL_UNUSED;
    for (tokens_t t = tokens_of(text(&a[0]), text(&a[1])); next_token(&t, &start);) count++;
    return esl_give_int(r, count);
}

ESL_FN(esl_fn_token)
{
    const char *start;
    int64_t number = 0;
    ESL_UNUSED;
    for (tokens_t t = tokens_of(text(&a[0]), text(&a[1])); next_token(&t, &start);)
        if (++number == a[2].value.i) return esl_give_text(c, r, start, t.length);
    return range(r);
}

ESL_FN(esl_fn_token_find)
{
    const char *start;
    const esl_text_t *wanted = text(&a[2]);
    int64_t number = 0;
    ESL_UNUSED;
    for (tokens_t t = tokens_of(text(&a[0]), text(&a[1])); next_token(&t, &start);) {
        number++;
        if (t.length == wanted->bytes && memcmp(start, wanted->data, t.length) == 0) return esl_give_int(r, number);
    }
    return esl_give_int(r, 0);
}

ESL_FN(esl_fn_token_put)
{
    const esl_text_t *s = text(&a[0]), *sep = text(&a[1]), *token = text(&a[3]);
    const char *start, *from = s->data + s->bytes, *behind = from;
    int64_t number = 0, wanted = a[2].value.i;
    esl_writer_t w;
    ESL_UNUSED;
    if (wanted < 1 || (sep->bytes == 0 && wanted > 1)) return range(r);
    for (tokens_t t = tokens_of(s, sep); number < wanted && next_token(&t, &start);)
        if (++number == wanted) from = start, behind = start + t.length;
    uint64_t missing = (uint64_t)(wanted - number), total;
    uint64_t kept = (uint64_t)s->bytes + token->bytes;
    if (__builtin_mul_overflow(missing, (uint64_t)sep->bytes, &total) || __builtin_add_overflow(total, kept, &total)) total = UINT64_MAX;
    int error = esl_write_begin(c, &w, total);
    if (error) return error;
    esl_write(&w, s->data, (size_t)(from - s->data));
    for (; missing && w.bytes < w.room; missing--) esl_write(&w, sep->data, sep->bytes);
    esl_write(&w, token->data, token->bytes);
    esl_write(&w, behind, (size_t)(s->data + s->bytes - behind));
    return esl_write_end(c, &w, r);
}
