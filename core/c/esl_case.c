/* Case mapping by binary search in the generated runs, and single characters of UTF-8. */
#include "esl_case.h"

#include "gen/case.h"

#define COUNT(runs) (sizeof(runs) / sizeof(runs)[0])

static uint32_t mapped(const esl_case_run_t *runs, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (runs[middle].last < code) low = middle + 1;
        else high = middle;
    }
    if (low == count || code < runs[low].first || (code - runs[low].first) % runs[low].step) return code;
    return (uint32_t)((int32_t)code + runs[low].delta);
}

uint32_t esl_case_to_upper(uint32_t code)
{
    if (code < 128) return code >= 'a' && code <= 'z' ? code - 32 : code;
    return mapped(esl_case_upper, COUNT(esl_case_upper), code);
}

uint32_t esl_case_to_lower(uint32_t code)
{
    if (code < 128) return code >= 'A' && code <= 'Z' ? code + 32 : code;
    return mapped(esl_case_lower, COUNT(esl_case_lower), code);
}

uint32_t esl_utf8_next(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    uint32_t c = p[0];
    if (c < 0x80) return (*at)++, c;
    if (c < 0xe0) return *at += 2, (c & 0x1fu) << 6 | (p[1] & 0x3fu);
    if (c < 0xf0) return *at += 3, (c & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    return *at += 4, (c & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
}

size_t esl_utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) return out[0] = (char)code, 1;
    if (code < 0x800) return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 0x3f)), 2;
    if (code < 0x10000)
        return out[0] = (char)(0xe0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 0x3f)), out[2] = (char)(0x80 | (code & 0x3f)), 3;
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
