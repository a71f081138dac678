/* MessagePack: head bytes by the table of its specification. */
#include "esl_pack.h"

#include <string.h>

#define MOST_DEPTH 32

static int put_u8(esl_buffer_t *out, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    return esl_buffer_put(out, &byte, 1);
}

static int put_big(esl_buffer_t *out, uint8_t head, uint32_t value, unsigned bytes)
{
    uint8_t all[5] = {head};
    for (unsigned i = 0; i < bytes; i++) all[1 + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return esl_buffer_put(out, all, 1 + bytes);
}

int esl_pack_map(esl_buffer_t *out, unsigned fields) { return put_u8(out, 0x80u | fields); }
int esl_pack_array(esl_buffer_t *out, unsigned items) { return put_u8(out, 0x90u | items); }
int esl_pack_uint(esl_buffer_t *out, uint32_t value) { return put_big(out, 0xce, value, 4); }

int esl_pack_text(esl_buffer_t *out, const char *text)
{
    size_t length = strlen(text);
    int error = put_big(out, 0xda, (uint32_t)length, 2);
    return error ? error : esl_buffer_put(out, text, length);
}

int esl_pack_bytes(esl_buffer_t *out, const void *bytes, size_t length)
{
    int error = put_big(out, 0xc5, (uint32_t)length, 2);
    return error ? error : esl_buffer_put(out, bytes, length);
}

/* The head of a value: its kind, its number (length, count or value), and how many bytes follow at once. */
typedef enum { NUMBER, DATA, ARRAY, MAP, OTHER } shape_t;
typedef struct { shape_t shape; int64_t number; size_t skip; } head_t;

static bool big(esl_packed_t *p, unsigned bytes, uint64_t *value)
{
    if ((size_t)(p->end - p->at) < bytes) return false;
    *value = 0;
    while (bytes--) *value = *value << 8 | *p->at++;
    return true;
}

static bool sized(esl_packed_t *p, unsigned bytes, shape_t shape, head_t *head)
{
    uint64_t count;
    if (!big(p, bytes, &count)) return false;
    *head = (head_t){shape, (int64_t)count, shape == DATA ? (size_t)count : 0};
    return true;
}

static bool signed_number(esl_packed_t *p, unsigned bytes, head_t *head)
{
    uint64_t value;
    if (!big(p, bytes, &value)) return false;
    unsigned up = 64 - 8 * bytes;
    *head = (head_t){NUMBER, (int64_t)(value << up) >> up, 0};
    return true;
}

static bool plain(esl_packed_t *p, size_t bytes, head_t *head)
{
    (void)p;
    *head = (head_t){OTHER, 0, bytes};
    return true;
}

static bool short_head(uint8_t first, head_t *head)
{
    if (first < 0x80 || first >= 0xe0) *head = (head_t){NUMBER, (int8_t)first, 0};
    else if (first < 0x90) *head = (head_t){MAP, first & 15, 0};
    else if (first < 0xa0) *head = (head_t){ARRAY, first & 15, 0};
    else *head = (head_t){DATA, first & 31, first & 31};
    return true;
}

static bool take_head(esl_packed_t *p, head_t *head)
{
    if (p->at >= p->end) return false;
    uint8_t first = *p->at++;
    if (first < 0xc0 || first >= 0xe0) return short_head(first, head);
    switch (first) {
    case 0xc0: case 0xc2: case 0xc3: return plain(p, 0, head);
    case 0xca: return plain(p, 4, head);
    case 0xcb: return plain(p, 8, head);
    case 0xc4: case 0xd9: return sized(p, 1, DATA, head);
    case 0xc5: case 0xda: return sized(p, 2, DATA, head);
    case 0xc6: case 0xdb: return sized(p, 4, DATA, head);
    case 0xcc: return sized(p, 1, NUMBER, head);
    case 0xcd: return sized(p, 2, NUMBER, head);
    case 0xce: return sized(p, 4, NUMBER, head);
    case 0xcf: return sized(p, 8, NUMBER, head);
    case 0xd0: return signed_number(p, 1, head);
    case 0xd1: return signed_number(p, 2, head);
    case 0xd2: return signed_number(p, 4, head);
    case 0xd3: return signed_number(p, 8, head);
    case 0xdc: return sized(p, 2, ARRAY, head);
    case 0xdd: return sized(p, 4, ARRAY, head);
    case 0xde: return sized(p, 2, MAP, head);
    case 0xdf: return sized(p, 4, MAP, head);
    default: return false; /* extensions are not used */
    }
}

static bool pass(esl_packed_t *p, unsigned depth)
{
    head_t head;
    if (depth > MOST_DEPTH || !take_head(p, &head) || head.skip > (size_t)(p->end - p->at)) return false;
    p->at += head.skip;
    int64_t inside = head.shape == MAP ? 2 * head.number : head.shape == ARRAY ? head.number : 0;
    while (inside-- > 0)
        if (!pass(p, depth + 1)) return false;
    return true;
}

bool esl_packed_text(esl_packed_t value, const char **text, uint32_t *length)
{
    head_t head;
    if (!take_head(&value, &head) || head.shape != DATA || head.skip > (size_t)(value.end - value.at)) return false;
    *text = (const char *)value.at;
    *length = (uint32_t)head.skip;
    return true;
}

bool esl_packed_int(esl_packed_t value, int64_t *number)
{
    head_t head;
    if (!take_head(&value, &head) || head.shape != NUMBER) return false;
    *number = head.number;
    return true;
}

bool esl_packed_field(esl_packed_t map, const char *name, esl_packed_t *value)
{
    head_t head;
    if (!take_head(&map, &head) || head.shape != MAP) return false;
    for (int64_t left = head.number; left > 0; left--) {
        const char *key;
        uint32_t length;
        bool found = esl_packed_text(map, &key, &length) && length == strlen(name) && !memcmp(key, name, length);
        if (!pass(&map, 0)) return false;
        *value = map;
        if (found) return map.at < map.end;
        if (!pass(&map, 0)) return false;
    }
    return false;
}

bool esl_packed_item(esl_packed_t array, uint32_t index, esl_packed_t *value)
{
    head_t head;
    if (!take_head(&array, &head) || head.shape != ARRAY || index >= head.number) return false;
    while (index--)
        if (!pass(&array, 0)) return false;
    *value = array;
    return array.at < array.end;
}
