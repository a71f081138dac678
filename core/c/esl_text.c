/* TEXT: making, growing, comparing and indexing counted UTF-8. Every byte is charged before it is taken. */
#include "esl_text.h"

#include <stdlib.h>

#define STEP ESL_TEXT_STEP
#define MOST_BYTES 0x7fffff00u

static int64_t cost(uint32_t capacity) { return (int64_t)sizeof(esl_text_t) + capacity + 1; }

static int64_t index_cost(const esl_text_t *text) { return ((int64_t)text->chars / STEP + 1) * 4; }

static bool continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

static bool has_high_bit(const char *at) /* in the next eight bytes */
{
    uint64_t word;
    memcpy(&word, at, 8);
    return (word & UINT64_C(0x8080808080808080)) != 0;
}

static uint32_t count_chars(const char *utf8, size_t bytes)
{
    uint32_t continuations = 0;
    size_t i = 0;
    while (i < bytes) {
        if (i + 8 <= bytes && !has_high_bit(utf8 + i)) {
            i += 8;
            continue;
        }
        continuations += continuation((unsigned char)utf8[i++]);
    }
    return (uint32_t)bytes - continuations;
}

/* Length of the well-formed sequence at `at`, 0 when there is none. */
static size_t sequence(const unsigned char *at, size_t left)
{
    unsigned char c = at[0];
    if (c < 0x80) return 1;
    size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || length > left) return 0;
    for (size_t i = 1; i < length; i++)
        if (!continuation(at[i])) return 0;
    if (c == 0xe0 && at[1] < 0xa0) return 0; /* overlong */
    if (c == 0xed && at[1] > 0x9f) return 0; /* surrogate */
    if (c == 0xf0 && at[1] < 0x90) return 0; /* overlong */
    if (c == 0xf4 && at[1] > 0x8f) return 0; /* above U+10FFFF */
    return length;
}

bool esl_utf8_ok(const char *utf8, size_t bytes)
{
    size_t i = 0;
    while (i < bytes) {
        if (i + 8 <= bytes && !has_high_bit(utf8 + i)) {
            i += 8;
            continue;
        }
        size_t length = sequence((const unsigned char *)utf8 + i, bytes - i);
        if (!length) return false;
        i += length;
    }
    return true;
}

esl_text_t *esl_text_reserve(esl_account_t *account, size_t bytes)
{
    if (bytes > MOST_BYTES || !esl_charge(account, cost((uint32_t)bytes))) return NULL;
    esl_text_t *text = malloc(sizeof(esl_text_t) + bytes + 1);
    if (!text) {
        esl_discharge(account, cost((uint32_t)bytes));
        return NULL;
    }
    *text = (esl_text_t){.account = account, .refs = 1, .capacity = (uint32_t)bytes};
    text->data[0] = 0;
    return text;
}

/* First byte behind `chars` characters. */
static size_t bytes_of_chars(const char *utf8, size_t bytes, uint32_t chars)
{
    size_t i = 0;
    while (i < bytes) {
        if (!continuation((unsigned char)utf8[i]) && chars-- == 0) break;
        i++;
    }
    return i;
}

void esl_text_done(esl_text_t *text, size_t bytes, uint32_t limit_chars)
{
    uint32_t chars = count_chars(text->data, bytes);
    if (chars > limit_chars) {
        bytes = bytes_of_chars(text->data, bytes, limit_chars);
        chars = limit_chars;
        text->cut = 1;
    }
    text->bytes = (uint32_t)bytes;
    text->chars = chars;
    text->ascii = chars == bytes;
    text->data[bytes] = 0;
}

esl_text_t *esl_text_new(esl_account_t *account, const char *utf8, size_t bytes)
{
    esl_text_t *text = esl_text_reserve(account, bytes);
    if (!text) return NULL;
    if (bytes) memcpy(text->data, utf8, bytes);
    esl_text_done(text, bytes, UINT32_MAX);
    return text;
}

static void drop_index(esl_text_t *text)
{
    if (!text->index) return;
    esl_discharge(text->account, index_cost(text));
    free(text->index);
    text->index = NULL;
}

void esl_text_free(esl_text_t *text)
{
    drop_index(text);
    esl_discharge(text->account, cost(text->capacity));
    free(text);
}

/* Larger block for an unshared text; NULL: memory refused, the text is as before. */
static esl_text_t *regrow(esl_text_t *text, uint32_t capacity)
{
    int64_t more = (int64_t)capacity - text->capacity;
    if (!esl_charge(text->account, more)) return NULL;
    esl_text_t *grown = realloc(text, sizeof(esl_text_t) + capacity + 1);
    if (!grown) {
        esl_discharge(text->account, more);
        return NULL;
    }
    grown->capacity = capacity;
    return grown;
}

static esl_text_t *grow(esl_text_t *text, uint64_t bytes)
{
    if (bytes <= text->capacity) return text;
    uint64_t doubled = bytes * 2 < MOST_BYTES ? bytes * 2 : bytes;
    esl_text_t *grown = regrow(text, (uint32_t)doubled);
    return grown ? grown : regrow(text, (uint32_t)bytes); /* near the limit of the account: exactly */
}

static void append(esl_text_t *a, const char *utf8, uint32_t bytes, uint32_t chars)
{
    memcpy(a->data + a->bytes, utf8, bytes);
    a->bytes += bytes;
    a->chars += chars;
    a->ascii = a->bytes == a->chars;
    a->data[a->bytes] = 0;
}

static esl_text_t *joined(esl_account_t *account, const esl_text_t *a, const char *utf8, uint32_t bytes, uint32_t chars)
{
    esl_text_t *text = esl_text_reserve(account, (size_t)a->bytes + bytes);
    if (!text) return NULL;
    append(text, a->data, a->bytes, a->chars);
    append(text, utf8, bytes, chars);
    text->cut = a->cut;
    return text;
}

esl_text_t *esl_text_concat(esl_account_t *account, esl_text_t *a, const esl_text_t *b, uint32_t limit_chars)
{
    uint32_t room = limit_chars > a->chars ? limit_chars - a->chars : 0;
    uint32_t chars = b->chars < room ? b->chars : room;
    uint32_t bytes = chars == b->chars ? b->bytes : (uint32_t)bytes_of_chars(b->data, b->bytes, chars);
    uint64_t total = (uint64_t)a->bytes + bytes;
    uint8_t cut = b->cut || chars < b->chars;
    esl_text_t *result;
    if (total > MOST_BYTES) return NULL;
    if (a->refs == 1 && a->account == account && a != b) {
        drop_index(a);
        result = grow(a, total);
        if (result) append(result, b->data, bytes, chars);
    } else {
        result = joined(account, a, b->data, bytes, chars);
        if (result) esl_text_drop(a);
    }
    if (result) result->cut |= cut;
    return result;
}

int esl_text_compare(const esl_text_t *a, const esl_text_t *b)
{
    uint32_t common = a->bytes < b->bytes ? a->bytes : b->bytes;
    int order = memcmp(a->data, b->data, common);
    if (order == 0) return (a->bytes > b->bytes) - (a->bytes < b->bytes);
    return order < 0 ? -1 : 1;
}

static void make_index(esl_text_t *text)
{
    if (!esl_charge(text->account, index_cost(text))) return; /* then positions are counted from the front */
    uint32_t *index = malloc((size_t)index_cost(text));
    if (!index) {
        esl_discharge(text->account, index_cost(text));
        return;
    }
    uint32_t chars = 0;
    for (uint32_t i = 0; i < text->bytes; i++)
        if (!continuation((unsigned char)text->data[i]) && chars++ % STEP == 0) index[(chars - 1) / STEP] = i;
    if (text->chars % STEP == 0) index[text->chars / STEP] = text->bytes;
    text->index = index;
}

uint32_t esl_text_offset(esl_text_t *text, uint32_t position)
{
    if (text->ascii) return position;
    if (position >= text->chars) return text->bytes;
    if (!text->index && position >= STEP) make_index(text);
    uint32_t start = text->index ? text->index[position / STEP] : 0;
    uint32_t rest = text->index ? position % STEP : position;
    return start + (uint32_t)bytes_of_chars(text->data + start, text->bytes - start, rest);
}
