/* Builtins that build texts: replacing, cutting, padding, letters, escapes. The size of a result is known, and paid for,
 * before the first byte is written. */
#define _GNU_SOURCE
#include "esl_builtin_fn.h"
#include "esl_case.h"

static esl_text_t *text(const esl_value_t *a) { return a->value.t; }
static int range(esl_value_t *r) { return esl_give_invalid(r, ESL_OUT_OF_RANGE); }

/* Replacements */
static int replace(esl_context_t *c, const esl_value_t *a, esl_value_t *r, int64_t most)
{
    const esl_text_t *s = text(&a[0]), *old = text(&a[1]), *by = text(&a[2]);
    const char *at = s->data, *end = at + s->bytes, *hit;
    int64_t hits = 0;
    esl_writer_t w;
    if (old->bytes == 0 || most <= 0) return esl_give_copy(r, &a[0]);
    for (; hits < most && (hit = memmem(at, (size_t)(end - at), old->data, old->bytes)); hits++) at = hit + old->bytes;
    if (hits == 0) return esl_give_copy(r, &a[0]);
    int error = esl_write_begin(c, &w, s->bytes + (uint64_t)hits * by->bytes - (uint64_t)hits * old->bytes);
    if (error) return error;
    for (at = s->data; hits && (hit = memmem(at, (size_t)(end - at), old->data, old->bytes)); hits--) {
        esl_write(&w, at, (size_t)(hit - at));
        esl_write(&w, by->data, by->bytes);
        at = hit + old->bytes;
    }
    esl_write(&w, at, (size_t)(end - at));
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_str_replace) { ESL_UNUSED; return replace(c, a, r, INT64_MAX); }
ESL_FN(esl_fn_str_replace_n) { ESL_UNUSED; return a[3].value.i < 0 ? range(r) : replace(c, a, r, a[3].value.i); }

/* s without bytes [from, to), and with `ins` there. */
static int splice(esl_context_t *c, esl_value_t *r, const esl_text_t *s, uint32_t from, uint32_t to, const esl_text_t *ins)
{
    esl_writer_t w;
    uint32_t more = ins ? ins->bytes : 0;
    int error = esl_write_begin(c, &w, (uint64_t)s->bytes - (to - from) + more);
    if (error) return error;
    esl_write(&w, s->data, from);
    if (ins) esl_write(&w, ins->data, ins->bytes);
    esl_write(&w, s->data + to, s->bytes - to);
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_str_insert)
{
    ESL_UNUSED;
    int64_t at = a[1].value.i;
    if (at < 1 || at > (int64_t)text(&a[0])->chars + 1) return range(r);
    uint32_t offset = esl_text_offset(text(&a[0]), (uint32_t)(at - 1));
    return splice(c, r, text(&a[0]), offset, offset, text(&a[2]));
}

ESL_FN(esl_fn_str_delete)
{
    esl_text_t *s = text(&a[0]);
    int64_t from = a[1].value.i, length = a[2].value.i, chars = s->chars;
    ESL_UNUSED;
    if (from < 1 || length < 0) return range(r);
    if (from > chars || length == 0) return esl_give_copy(r, &a[0]);
    int64_t left = chars - (from - 1);
    if (length > left) length = left;
    return splice(c, r, s, esl_text_offset(s, (uint32_t)(from - 1)), esl_text_offset(s, (uint32_t)(from - 1 + length)), NULL);
}

/* Trimming */
static bool among(uint32_t code, const esl_value_t *a, int n)
{
    static const char blanks[] = " \t\r\n";
    const char *at = n > 1 ? text(&a[1])->data : blanks;
    const char *end = at + (n > 1 ? text(&a[1])->bytes : 4);
    while (at < end)
        if (esl_utf8_next(&at) == code) return true;
    return false;
}

static const char *one_back(const char *at)
{
    do at--;
    while (((unsigned char)*at & 0xc0) == 0x80);
    return at;
}

static int trim(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r, bool left, bool right)
{
    const esl_text_t *s = text(&a[0]);
    const char *from = s->data, *to = from + s->bytes, *next;
    int64_t step = n > 1 ? 1 + text(&a[1])->bytes / 16 : 1; /* each character is looked up among those given */
    for (next = from; left && from < to && among(esl_utf8_next(&next), a, n); from = next)
        if (!esl_spend(c, step)) return ESL_BUILTIN_FUEL;
    while (right && from < to) {
        const char *last = one_back(to);
        next = last;
        if (!esl_spend(c, step)) return ESL_BUILTIN_FUEL;
        if (!among(esl_utf8_next(&next), a, n)) break;
        to = last;
    }
    if ((size_t)(to - from) == s->bytes) return esl_give_copy(r, &a[0]);
    return esl_give_text(c, r, from, (size_t)(to - from));
}

ESL_FN(esl_fn_trim) { return trim(c, a, n, r, true, true); }
ESL_FN(esl_fn_l_trim) { return trim(c, a, n, r, true, false); }
ESL_FN(esl_fn_r_trim) { return trim(c, a, n, r, false, true); }

/* Letters */
static int map_letters(esl_context_t *c, const esl_value_t *a, esl_value_t *r, uint32_t (*map)(uint32_t))
{
    const esl_text_t *s = text(&a[0]);
    const char *end = s->data + s->bytes;
    char utf8[4];
    uint64_t total = 0;
    esl_writer_t w;
    for (const char *at = s->data; at < end;) total += esl_utf8_put(utf8, map(esl_utf8_next(&at)));
    int error = esl_write_begin(c, &w, total);
    if (error) return error;
    for (const char *at = s->data; at < end;) {
        size_t length = esl_utf8_put(utf8, map(esl_utf8_next(&at)));
        esl_write(&w, utf8, length);
    }
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_upper) { ESL_UNUSED; return map_letters(c, a, r, esl_case_to_upper); }
ESL_FN(esl_fn_lower) { ESL_UNUSED; return map_letters(c, a, r, esl_case_to_lower); }

/* Repeating and padding */
static void write_times(esl_writer_t *w, const esl_text_t *s, uint64_t times)
{
    for (; times && s->bytes && w->bytes < w->room; times--) esl_write(w, s->data, s->bytes);
}

ESL_FN(esl_fn_str_repeat)
{
    uint64_t total;
    esl_writer_t w;
    ESL_UNUSED;
    if (a[1].value.i < 0) return range(r);
    if (__builtin_mul_overflow((uint64_t)text(&a[0])->bytes, (uint64_t)a[1].value.i, &total)) total = UINT64_MAX; /* cut below */
    int error = esl_write_begin(c, &w, total);
    if (error) return error;
    write_times(&w, text(&a[0]), (uint64_t)a[1].value.i);
    return esl_write_end(c, &w, r);
}

static int pad(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r, bool left)
{
    const esl_text_t *s = text(&a[0]);
    int64_t width = a[1].value.i;
    const char *fill = n > 2 ? text(&a[2])->data : " ";
    size_t fill_bytes = n > 2 ? text(&a[2])->bytes : 1;
    uint64_t total;
    esl_writer_t w;
    if (width < 0 || (n > 2 && text(&a[2])->chars != 1)) return range(r);
    if (width <= (int64_t)s->chars) return esl_give_copy(r, &a[0]);
    uint64_t times = (uint64_t)(width - s->chars);
    if (__builtin_mul_overflow(times, (uint64_t)fill_bytes, &total) || __builtin_add_overflow(total, s->bytes, &total)) total = UINT64_MAX;
    int error = esl_write_begin(c, &w, total);
    if (error) return error;
    if (!left) esl_write(&w, s->data, s->bytes);
    for (; times && w.bytes < w.room; times--) esl_write(&w, fill, fill_bytes);
    if (left) esl_write(&w, s->data, s->bytes);
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_l_pad) { return pad(c, a, n, r, true); }
ESL_FN(esl_fn_r_pad) { return pad(c, a, n, r, false); }

ESL_FN(esl_fn_str_reverse)
{
    const esl_text_t *s = text(&a[0]);
    esl_writer_t w;
    ESL_UNUSED;
    int error = esl_write_begin(c, &w, s->bytes);
    if (error) return error;
    for (const char *to = s->data + s->bytes; to > s->data;) {
        const char *from = one_back(to);
        esl_write(&w, from, (size_t)(to - from));
        to = from;
    }
    return esl_write_end(c, &w, r);
}

/* Fixed texts */
ESL_FN(esl_fn_new_line) { ESL_UNUSED; return esl_give_text(c, r, "\r\n", 2); }
ESL_FN(esl_fn_tab) { ESL_UNUSED; return esl_give_text(c, r, "\t", 1); }
ESL_FN(esl_fn_cr) { ESL_UNUSED; return esl_give_text(c, r, "\r", 1); }
ESL_FN(esl_fn_lf) { ESL_UNUSED; return esl_give_text(c, r, "\n", 1); }

/* Escapes: every byte has at most one longer form; bytes of multi-byte characters have none. */
typedef const char *(*escape_fn)(char);

static const char *double_quote(char ch) { return ch == '"' ? "\"\"" : NULL; }
static const char *single_quote(char ch) { return ch == '\'' ? "''" : NULL; }

static const char *entity(char ch)
{
    switch (ch) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static int escaped(esl_context_t *c, const esl_text_t *s, esl_value_t *r, escape_fn escape, const char *around)
{
    uint64_t total = s->bytes + 2 * strlen(around);
    esl_writer_t w;
    for (uint32_t i = 0; i < s->bytes; i++) {
        const char *longer = escape(s->data[i]);
        if (longer) total += strlen(longer) - 1;
    }
    int error = esl_write_begin(c, &w, total);
    if (error) return error;
    esl_write(&w, around, strlen(around));
    for (uint32_t i = 0; i < s->bytes; i++) {
        const char *longer = escape(s->data[i]);
        esl_write(&w, longer ? longer : &s->data[i], longer ? strlen(longer) : 1);
    }
    esl_write(&w, around, strlen(around));
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_quote) { ESL_UNUSED; return escaped(c, text(&a[0]), r, double_quote, "\""); }
ESL_FN(esl_fn_html_esc) { ESL_UNUSED; return escaped(c, text(&a[0]), r, entity, ""); }
ESL_FN(esl_fn_sql_text) { ESL_UNUSED; return escaped(c, text(&a[0]), r, single_quote, "'"); }

ESL_FN(esl_fn_csv_cell)
{
    const esl_text_t *s = text(&a[0]);
    ESL_UNUSED;
    for (uint32_t i = 0; i < s->bytes; i++)
        if (memchr("\",;\r\n\t", s->data[i], 6)) return escaped(c, s, r, double_quote, "\"");
    return esl_give_copy(r, &a[0]);
}

ESL_FN(esl_fn_unquote)
{
    const esl_text_t *s = text(&a[0]);
    esl_writer_t w;
    ESL_UNUSED;
    char quote = s->bytes ? s->data[0] : 0;
    if (s->bytes < 2 || (quote != '"' && quote != '\'') || s->data[s->bytes - 1] != quote) return esl_give_invalid(r, ESL_CONVERSION);
    int error = esl_write_begin(c, &w, s->bytes);
    if (error) return error;
    bool whole = true;
    for (uint32_t i = 1; i + 1 < s->bytes && whole; i++) {
        esl_write(&w, &s->data[i], 1);
        if (s->data[i] == quote) whole = ++i + 1 < s->bytes && s->data[i] == quote; /* inside, a quote stands twice */
    }
    esl_write_end(c, &w, r);
    if (whole) return 0;
    esl_text_drop(r->value.t);
    return esl_give_invalid(r, ESL_CONVERSION);
}
