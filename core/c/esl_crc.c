/* CRC-32C. Both ways are pure functions over constant data: any number of threads may call them. */
#include "esl_crc.h"

#include <string.h>

/* CRC of each half byte (polynomial 0x82f63b78, bits reversed): small enough to be written down, so that no first
 * caller has to build a table while a second one reads it. */
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t esl_crc32c_table(uint32_t crc, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    while (length--) {
        crc ^= *p++;
        crc = (crc >> 4) ^ nibble[crc & 15];
        crc = (crc >> 4) ^ nibble[crc & 15];
    }
    return ~crc;
}

static uint32_t record_table(const uint64_t *words, const void *payload, size_t length)
{
    uint64_t head[8];
    memcpy(head, words, sizeof head);
    head[2] = (uint32_t)head[2];
    return esl_crc32c_table(esl_crc32c_table(0, head, sizeof head), payload, length);
}

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>

#define STREAM 512u /* bytes of each of three independent sums: one alone waits three cycles for each of its eight bytes */
#define BY_STREAM 0xdd7e3b0c   /* x^(8 * 512 - 33) mod P, bits reversed: moves a sum over so many bytes */
#define BY_2_STREAMS 0x170076fa

#define INSTRUCTIONS __attribute__((target("sse4.2,pclmul")))

INSTRUCTIONS static inline uint64_t word_at(uint64_t crc, const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return _mm_crc32_u64(crc, word);
}

INSTRUCTIONS static inline uint64_t moved(uint64_t crc, uint64_t by)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128((long long)by), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

INSTRUCTIONS static uint64_t three_streams(uint64_t crc, const uint8_t *p)
{
    uint64_t second = 0, third = 0;
    for (size_t at = 0; at < STREAM; at += 8) {
        crc = word_at(crc, p + at);
        second = word_at(second, p + STREAM + at);
        third = word_at(third, p + 2 * STREAM + at);
    }
    return moved(crc, BY_2_STREAMS) ^ moved(second, BY_STREAM) ^ third;
}

INSTRUCTIONS static inline uint64_t register_after(uint64_t crc, const uint8_t *p, size_t length)
{
    for (; length >= 3 * STREAM; length -= 3 * STREAM, p += 3 * STREAM) crc = three_streams(crc, p);
    for (; length >= 8; length -= 8, p += 8) crc = word_at(crc, p);
    while (length--) crc = _mm_crc32_u8((uint32_t)crc, *p++);
    return crc;
}

INSTRUCTIONS static uint32_t crc_instruction(uint32_t crc, const uint8_t *p, size_t length)
{
    return ~(uint32_t)register_after((uint32_t)~crc, p, length);
}

/* x^(8 * n - 33) mod P, bits reversed, for n = 8, 16 .. 256: moves a sum over a short payload. */
static const uint32_t by_words[32] = {
    0x00000001, 0x493c7d27, 0xf20c0dfe, 0xba4fc28e, 0x3da6d0cb, 0xddc0152b, 0x1c291d04, 0x9e4addf8,
    0x740eef02, 0x39d3b296, 0x083a6eec, 0x0715ce53, 0xc49f4f67, 0x47db8317, 0x2ad91c30, 0x0d3b6092,
    0x6992cea2, 0xc96cfdc0, 0x7e908048, 0x878a92a7, 0x1b3d8f29, 0xdaece73e, 0xf1d0f55e, 0xab7aff2a,
    0xa87ab8a8, 0x2162d385, 0x8462d800, 0x83348832, 0x71d111a8, 0x299847d5, 0xffd852c6, 0xb9e02b86,
};

/* Of a short payload of whole words beside that of the head: the two sums do not wait for each other. */
INSTRUCTIONS static uint32_t record_instruction(const uint64_t *words, const uint8_t *payload, size_t length)
{
    uint64_t head = UINT32_MAX, rest = 0;
    for (int i = 0; i < 8; i++) head = _mm_crc32_u64(head, i == 2 ? (uint32_t)words[i] : words[i]);
    if (length == 0 || length > sizeof by_words / sizeof *by_words * 8 || length % 8) return ~(uint32_t)register_after(head, payload, length);
    for (size_t at = 0; at < length; at += 8) rest = word_at(rest, payload + at);
    return ~(uint32_t)(moved(head, by_words[length / 8 - 1]) ^ rest);
}

static bool has_instructions(void) { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

uint32_t esl_crc32c(uint32_t crc, const void *bytes, size_t length)
{
    if (ESL_LIKELY(has_instructions())) return crc_instruction(crc, bytes, length);
    return esl_crc32c_table(crc, bytes, length);
}

uint32_t esl_crc32c_record(const uint64_t *words, const void *payload, size_t length)
{
    if (ESL_LIKELY(has_instructions())) return record_instruction(words, payload, length);
    return record_table(words, payload, length);
}
#else
uint32_t esl_crc32c(uint32_t crc, const void *bytes, size_t length) { return esl_crc32c_table(crc, bytes, length); }

uint32_t esl_crc32c_record(const uint64_t *words, const void *payload, size_t length) { return record_table(words, payload, length); }
#endif
