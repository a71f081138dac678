/* Builtins that turn numbers and BOOL into text and back, and the mask of %FormatNum. */
#include "esl_builtin_fn.h"
#include "esl_case.h"
#include "esl_number.h"
#include "esl_zone.h"

static int bad(esl_value_t *r) { return esl_give_invalid(r, ESL_CONVERSION); }
static int range(esl_value_t *r) { return esl_give_invalid(r, ESL_OUT_OF_RANGE); }

/* Optional separator; the default is a point. */
static const char *separator(const esl_value_t *a, int n, int i, size_t *bytes)
{
    *bytes = i < n ? a[i].value.t->bytes : 1;
    return i < n ? a[i].value.t->data : ".";
}

static void decimal_of(const esl_value_t *a, esl_decimal_t *d)
{
    if (a->type == ESL_T_INT) esl_decimal_of_int(a->value.i, d);
    else esl_decimal_of_real(a->value.r, d);
}

ESL_FN(esl_fn_round)
{
    esl_decimal_t d;
    ESL_UNUSED;
    int64_t places = esl_arg_int(a, n, 1, 0);
    if (places < -15 || places > 15) return range(r);
    decimal_of(&a[0], &d);
    esl_decimal_round(&d, (int)places);
    return esl_give_real(r, esl_decimal_to_real(&d));
}

ESL_FN(esl_fn_i_to_str)
{
    char text[ESL_INT_TEXT];
    ESL_UNUSED;
    int64_t i = esl_convert(a[0].type, a[0].value, ESL_T_INT).i;
    if (esl_int_invalid(i)) return esl_give_invalid(r, esl_int_reason(i));
    return esl_give_text(c, r, text, esl_int_text(i, text));
}

/* Printed with a one-byte mark, which the separator then replaces: it may be of any length. */
static int give_with_separator(esl_context_t *c, esl_value_t *r, const char *text, size_t bytes, const char *sep, size_t sep_bytes)
{
    const char *mark = memchr(text, '.', bytes);
    esl_writer_t w;
    if (!mark) return esl_give_text(c, r, text, bytes);
    int error = esl_write_begin(c, &w, bytes - 1 + sep_bytes);
    if (error) return error;
    size_t before = (size_t)(mark - text);
    esl_write(&w, text, before);
    esl_write(&w, sep, sep_bytes);
    esl_write(&w, mark + 1, bytes - before - 1);
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_r_to_str)
{
    char text[ESL_FIXED_TEXT];
    size_t sep_bytes, bytes;
    esl_decimal_t d;
    int64_t decimals = esl_arg_int(a, n, 1, -1);
    const char *sep = separator(a, n, 2, &sep_bytes);
    if (decimals < -1 || decimals > 30) return range(r);
    if (decimals < 0) {
        bytes = esl_real_text(a[0].value.r, text);
    } else {
        esl_decimal_of_real(a[0].value.r, &d);
        esl_decimal_round(&d, (int)decimals);
        bytes = esl_fixed_text(&d, (int)decimals, text);
    }
    return give_with_separator(c, r, text, bytes, sep, sep_bytes);
}

static char *digits_in(uint64_t value, unsigned base, int64_t width, char *end)
{
    char *at = end;
    do {
        *--at = "0123456789ABCDEF"[value % base];
        value /= base;
    } while (value || end - at < width);
    return at;
}

static int give_digits(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r, unsigned base)
{
    char text[64], *end = text + sizeof text;
    int64_t width = esl_arg_int(a, n, 1, 0);
    if (width < 0 || width > 64) return range(r);
    char *at = digits_in((uint64_t)a[0].value.i, base, width, end);
    return esl_give_text(c, r, at, (size_t)(end - at));
}

ESL_FN(esl_fn_i_to_hex) { return give_digits(c, a, n, r, 16); }
ESL_FN(esl_fn_i_to_bin) { return give_digits(c, a, n, r, 2); }

static int digit_value(char ch)
{
    if (ch >= '0' && ch <= '9') return ch - '0';
    ch |= 32;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : 99;
}

static int read_digits(const esl_text_t *s, unsigned shift, uint32_t most, esl_value_t *r)
{
    uint64_t value = 0;
    if (s->bytes == 0 || s->bytes > most) return bad(r);
    for (uint32_t i = 0; i < s->bytes; i++) {
        int digit = digit_value(s->data[i]);
        if (digit >= 1 << shift) return bad(r);
        value = value << shift | (unsigned)digit;
    }
    return esl_int_invalid((int64_t)value) ? range(r) : esl_give_int(r, (int64_t)value);
}

ESL_FN(esl_fn_hex_to_i) { ESL_UNUSED; return read_digits(a[0].value.t, 4, 16, r); }
ESL_FN(esl_fn_bin_to_i) { ESL_UNUSED; return read_digits(a[0].value.t, 1, 64, r); }

ESL_FN(esl_fn_str_to_i) { ESL_UNUSED; return esl_give_int(r, esl_int_parse(a[0].value.t->data, a[0].value.t->bytes)); }

ESL_FN(esl_fn_str_to_r)
{
    size_t sep_bytes;
    ESL_UNUSED;
    const char *sep = separator(a, n, 1, &sep_bytes);
    return esl_give_real(r, esl_real_parse(a[0].value.t->data, a[0].value.t->bytes, sep, sep_bytes));
}

ESL_FN(esl_fn_b_to_str) { ESL_UNUSED; return a[0].value.i ? esl_give_text(c, r, "TRUE", 4) : esl_give_text(c, r, "FALSE", 5); }

static bool is_word(const esl_text_t *s, const char *word)
{
    size_t length = strlen(word);
    if (s->bytes != length) return false;
    for (size_t i = 0; i < length; i++)
        if (esl_case_to_upper((unsigned char)s->data[i]) != (unsigned char)word[i]) return false;
    return true;
}

ESL_FN(esl_fn_str_to_b)
{
    ESL_UNUSED;
    const esl_text_t *s = a[0].value.t;
    if (!s->ascii) return bad(r);
    if (is_word(s, "TRUE") || is_word(s, "1")) return esl_give_int(r, 1);
    return is_word(s, "FALSE") || is_word(s, "0") ? esl_give_int(r, 0) : bad(r);
}

static int give_converted(const esl_value_t *a, esl_value_t *r)
{
    r->value = esl_convert(a->type, a->value, r->type);
    return 0;
}

ESL_FN(esl_fn_b_to_i) { ESL_UNUSED; return give_converted(&a[0], r); }
ESL_FN(esl_fn_i_to_b) { ESL_UNUSED; return give_converted(&a[0], r); }
ESL_FN(esl_fn_r_to_i) { ESL_UNUSED; return give_converted(&a[0], r); }
ESL_FN(esl_fn_i_to_r) { ESL_UNUSED; return give_converted(&a[0], r); }

ESL_FN(esl_fn_left0)
{
    char text[ESL_INT_TEXT];
    esl_writer_t w;
    ESL_UNUSED;
    size_t length = esl_int_text(a[0].value.i, text);
    size_t sign = a[0].value.i < 0;
    int64_t width = a[1].value.i;
    if (width < 0) return range(r);
    uint64_t zeros = (uint64_t)width > length ? (uint64_t)width - length : 0;
    int error = esl_write_begin(c, &w, length + zeros);
    if (error) return error;
    esl_write(&w, text, sign);
    for (; zeros && w.bytes < w.room; zeros--) esl_write(&w, "0", 1);
    esl_write(&w, text + sign, length - sign);
    return esl_write_end(c, &w, r);
}

/* %FormatNum */
#define GROUPED 400 /* digits of the whole part and their separators */
typedef struct {
    bool plus;
    char group;          /* 0 = none */
    int group_size;
    int least_whole;     /* zeros of the whole part */
    char point;          /* 0 = no decimals */
    int decimals, least_decimals;
} mask_t;

static bool placeholder(char ch) { return ch == '0' || ch == '#'; }

static bool read_fraction(const char *at, const char *end, mask_t *m)
{
    for (; at < end; at++) {
        if (!placeholder(*at) || ++m->decimals > 30) return false;
        if (*at == '0') m->least_decimals = m->decimals;
    }
    return true;
}

static bool read_whole(const char *at, const char *end, mask_t *m)
{
    int since_group = 0;
    for (; at < end; at++) {
        if (placeholder(*at)) {
            since_group++;
            if ((*at == '0' || m->least_whole) && ++m->least_whole > 300) return false;
        } else if (*at == ' ' || *at == ',' || *at == '.') {
            m->group = *at;
            since_group = 0;
        } else {
            return false;
        }
    }
    m->group_size = m->group ? since_group : 0;
    return !m->group || since_group > 0;
}

static bool read_mask(const esl_text_t *mask, mask_t *m)
{
    const char *at = mask->data, *end = at + mask->bytes, *point = NULL;
    *m = (mask_t){0};
    if (at < end && (*at == '+' || *at == '-')) m->plus = *at++ == '+';
    for (const char *p = at; p < end; p++)
        if (*p == '.' || *p == ',') point = p;
    if (point) m->point = *point;
    if (point && !read_fraction(point + 1, end, m)) return false;
    return at < end && read_whole(at, point ? point : end, m);
}

static char *whole_part(const esl_decimal_t *d, const mask_t *m, char *end)
{
    char *at = end;
    int digits = d->point > m->least_whole ? d->point : m->least_whole;
    for (int place = 0; place < digits; place++) {
        if (m->group_size && place && place % m->group_size == 0) *--at = m->group;
        *--at = esl_decimal_whole_digit(d, place);
    }
    return at;
}

ESL_FN(esl_fn_format_num)
{
    char text[2 * GROUPED + 40], *middle = text + 2 * GROUPED;
    esl_decimal_t d;
    mask_t m;
    ESL_UNUSED;
    if (!read_mask(a[1].value.t, &m)) return bad(r);
    decimal_of(&a[0], &d);
    esl_decimal_round(&d, m.decimals);
    char *start = whole_part(&d, &m, middle), *end = middle;
    if (d.negative) *--start = '-';
    else if (m.plus) *--start = '+';
    int used = d.count - d.point;
    int decimals = used > m.least_decimals ? used : m.least_decimals;
    if (decimals > 0) *end++ = m.point;
    for (int place = 0; place < decimals; place++) *end++ = esl_decimal_fraction_digit(&d, place);
    return esl_give_text(c, r, start, (size_t)(end - start));
}

/* Characters */
ESL_FN(esl_fn_chr)
{
    char utf8[4];
    ESL_UNUSED;
    int64_t code = a[0].value.i;
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return range(r);
    return esl_give_text(c, r, utf8, esl_utf8_put(utf8, (uint32_t)code));
}

ESL_FN(esl_fn_asc)
{
    ESL_UNUSED;
    const char *at = a[0].value.t->data;
    return a[0].value.t->bytes ? esl_give_int(r, esl_utf8_next(&at)) : range(r);
}

/* %ToStr */
static int time_text(esl_context_t *c, int64_t time_ms, esl_value_t *r)
{
    char text[40];
    long length = c->world->zone ? esl_time_format(c->world->zone, time_ms, ESL_TIME_MASK, strlen(ESL_TIME_MASK), false, text, sizeof text)
                                 : -1;
    return length < 0 ? range(r) : esl_give_text(c, r, text, (size_t)length);
}

int esl_value_text(esl_context_t *c, const esl_value_t *value, esl_value_t *r)
{
    char text[ESL_REAL_TEXT];
    r->type = ESL_T_TEXT;
    if (esl_arg_invalid(value)) return esl_give_text(c, r, "", 0);
    switch (value->type) {
    case ESL_T_BOOL: return value->value.i ? esl_give_text(c, r, "TRUE", 4) : esl_give_text(c, r, "FALSE", 5);
    case ESL_T_INT: return esl_give_text(c, r, text, esl_int_text(value->value.i, text));
    case ESL_T_REAL: return esl_give_text(c, r, text, esl_real_text(value->value.r, text));
    case ESL_T_TIME: return time_text(c, value->value.i, r);
    case ESL_T_TEXT: return esl_give_copy(r, value);
    case ESL_T_OBJECT: return esl_give_text(c, r, text, esl_int_text(esl_ref_object(value->value.i), text));
    default: return esl_give_text(c, r, "", 0);
    }
}

ESL_FN(esl_fn_to_str)
{
    ESL_UNUSED;
    return esl_value_text(c, &a[0], r);
}
