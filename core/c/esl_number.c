/* Numbers as text and back. snprintf and strtod only ever see digits and an exponent here, never a decimal separator,
 * so that no locale of the embedding program changes a result. */
#include "esl_number.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void trim(esl_decimal_t *d)
{
    int zeros = 0;
    while (zeros < d->count && d->digits[zeros] == '0') zeros++;
    memmove(d->digits, d->digits + zeros, (size_t)(d->count - zeros));
    d->count -= zeros;
    d->point -= zeros;
    while (d->count && d->digits[d->count - 1] == '0') d->count--;
    if (d->count == 0) d->point = 0, d->negative = false;
}

/* r in so many digits, correctly rounded; whatever stands between the digits is skipped. */
static void digits_of(double r, int precision, esl_decimal_t *d)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", precision - 1, fabs(r));
    const char *at = text;
    d->count = 0;
    for (; *at && *at != 'e'; at++)
        if (is_digit(*at)) d->digits[d->count++] = *at;
    d->point = (int)strtol(at + 1, NULL, 10) + 1;
    d->negative = r < 0;
    d->precision = precision;
    trim(d);
}

double esl_decimal_to_real(const esl_decimal_t *d)
{
    char text[48];
    if (d->count == 0) return 0.0;
    snprintf(text, sizeof text, "%s%.*se%d", d->negative ? "-" : "", d->count, d->digits, d->point - d->count);
    return strtod(text, NULL);
}

void esl_decimal_of_real(double r, esl_decimal_t *d)
{
    for (int precision = 15; precision <= 17; precision++) {
        digits_of(r, precision, d);
        if (esl_decimal_to_real(d) == r) return;
    }
}

void esl_decimal_of_int(int64_t i, esl_decimal_t *d)
{
    uint64_t rest = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    *d = (esl_decimal_t){.count = 20, .point = 20, .negative = i < 0, .precision = 20};
    for (int k = 19; k >= 0; k--, rest /= 10) d->digits[k] = (char)('0' + rest % 10);
    trim(d);
}

void esl_decimal_round(esl_decimal_t *d, int places)
{
    int keep = d->point + places; /* digits that stay */
    if (keep >= d->count) return;
    if (keep < 0) {
        *d = (esl_decimal_t){.precision = d->precision};
        return;
    }
    bool up = d->digits[keep] >= '5';
    d->count = keep;
    while (up && d->count && d->digits[d->count - 1] == '9') d->count--;
    if (up && d->count) {
        d->digits[d->count - 1]++;
    } else if (up) {
        d->digits[d->count++] = '1';
        d->point++;
    }
    trim(d);
}

char esl_decimal_whole_digit(const esl_decimal_t *d, int place)
{
    int i = d->point - 1 - place;
    return i >= 0 && i < d->count ? d->digits[i] : '0';
}

char esl_decimal_fraction_digit(const esl_decimal_t *d, int place)
{
    int i = d->point + place;
    return i >= 0 && i < d->count ? d->digits[i] : '0';
}

size_t esl_int_text(int64_t i, char *out)
{
    char digits[ESL_INT_TEXT], *at = digits + sizeof digits;
    uint64_t left = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do *--at = (char)('0' + left % 10); while (left /= 10);
    if (i < 0) *--at = '-';
    size_t length = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, length);
    out[length] = 0;
    return length;
}

size_t esl_fixed_text(const esl_decimal_t *d, int decimals, char *out)
{
    char *at = out;
    if (d->negative) *at++ = '-';
    for (int place = d->point > 1 ? d->point - 1 : 0; place >= 0; place--) *at++ = esl_decimal_whole_digit(d, place);
    if (decimals > 0) *at++ = '.';
    for (int place = 0; place < decimals; place++) *at++ = esl_decimal_fraction_digit(d, place);
    return (size_t)(at - out);
}

static size_t exponent_text(const esl_decimal_t *d, char *out)
{
    char *at = out;
    int exponent = d->point - 1;
    if (d->negative) *at++ = '-';
    *at++ = d->digits[0];
    if (d->count > 1) *at++ = '.';
    memcpy(at, d->digits + 1, (size_t)d->count - 1);
    at += d->count - 1;
    at += snprintf(at, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    return (size_t)(at - out);
}

size_t esl_real_text(double r, char *out)
{
    esl_decimal_t d;
    esl_decimal_of_real(r, &d);
    int exponent = d.point - 1;
    if (d.count && (exponent < -4 || exponent >= d.precision)) return exponent_text(&d, out);
    int decimals = d.count - d.point;
    return esl_fixed_text(&d, decimals > 0 ? decimals : 0, out);
}

typedef struct { const char *at, *end; } span_t;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static span_t without_blanks(const char *text, size_t bytes)
{
    span_t s = {text, text + bytes};
    while (s.at < s.end && is_blank(*s.at)) s.at++;
    while (s.at < s.end && is_blank(s.end[-1])) s.end--;
    return s;
}

static bool sign(span_t *s)
{
    bool negative = s->at < s->end && *s->at == '-';
    if (s->at < s->end && (*s->at == '-' || *s->at == '+')) s->at++;
    return negative;
}

int64_t esl_int_parse(const char *text, size_t bytes)
{
    span_t s = without_blanks(text, bytes);
    bool negative = sign(&s), over = false;
    int64_t value = 0;
    if (s.at == s.end) return esl_int_inv(ESL_CONVERSION);
    for (; s.at < s.end; s.at++) {
        if (!is_digit(*s.at)) return esl_int_inv(ESL_CONVERSION);
        int64_t digit = negative ? '0' - *s.at : *s.at - '0';
        over = over || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value);
    }
    return over || esl_int_invalid(value) ? esl_int_inv(ESL_OUT_OF_RANGE) : value;
}

/* Digits that decide a double: more than 767 significant ones can only break a tie, which one further digit tells. */
#define SIGNIFICANT 780
typedef struct { char digits[SIGNIFICANT + 24]; int count; int64_t exponent; bool any; } mantissa_t;

static void mantissa_digit(mantissa_t *m, char c, bool fraction)
{
    m->any = true;
    if (fraction) m->exponent--;
    if (m->count == 0 && c == '0') return;
    if (m->count < SIGNIFICANT) m->digits[m->count++] = c;
    else {
        m->exponent++;
        if (c != '0') m->digits[SIGNIFICANT - 1] = '1' + (m->digits[SIGNIFICANT - 1] - '0') % 9; /* any digit but 0 will do */
    }
}

static bool separator(span_t *s, const char *sep, size_t sep_bytes)
{
    if (sep_bytes == 0 || (size_t)(s->end - s->at) < sep_bytes || memcmp(s->at, sep, sep_bytes) != 0) return false;
    s->at += sep_bytes;
    return true;
}

static bool exponent_part(span_t *s, mantissa_t *m)
{
    if (s->at == s->end) return true;
    if (*s->at != 'e' && *s->at != 'E') return false;
    s->at++;
    bool negative = sign(s);
    int64_t value = 0;
    if (s->at == s->end) return false;
    for (; s->at < s->end && is_digit(*s->at); s->at++)
        if (value < 1000000) value = value * 10 + (*s->at - '0');
    m->exponent += negative ? -value : value;
    return s->at == s->end;
}

double esl_real_parse(const char *text, size_t bytes, const char *sep, size_t sep_bytes)
{
    span_t s = without_blanks(text, bytes);
    bool negative = sign(&s);
    mantissa_t m = {.count = 0};
    while (s.at < s.end && is_digit(*s.at)) mantissa_digit(&m, *s.at++, false);
    if (separator(&s, sep, sep_bytes))
        while (s.at < s.end && is_digit(*s.at)) mantissa_digit(&m, *s.at++, true);
    if (!m.any || !exponent_part(&s, &m)) return esl_real_inv(ESL_CONVERSION);
    if (m.count == 0) return 0.0;
    if (m.exponent > 1000000) m.exponent = 1000000;
    if (m.exponent < -1000000) m.exponent = -1000000;
    snprintf(m.digits + m.count, 16, "e%lld", (long long)m.exponent);
    double r = strtod(m.digits, NULL);
    if (esl_real_invalid(r)) return esl_real_inv(ESL_OUT_OF_RANGE);
    return negative ? -r : r;
}
