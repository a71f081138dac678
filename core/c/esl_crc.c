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

static uint32_t copy_table(const uint64_t *words, void *to, const void *from, size_t length)
{
    if (length) memcpy(to, from, length);
    return record_table(words, to, length);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define INSTRUCTIONS __attribute__((target("sse4.2,pclmul")))
#define WIDE_INSTRUCTIONS __attribute__((target("sse4.2,pclmul,vpclmulqdq,avx512f")))

INSTRUCTIONS static inline uint64_t word_over(uint64_t crc, const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
    return _mm_crc32_u64(crc, word);
}

/* A sum moved over so many bytes; `by` = x^(8 * bytes - 33) mod P, bits reversed. */
INSTRUCTIONS static inline uint64_t moved(uint64_t crc, uint64_t by)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc), _mm_cvtsi64_si128((long long)by), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* x^(8 * n - 33) mod P, bits reversed, for n = 8, 16 .. 256. */
static const uint32_t by_words[32] = {
    0x00000001, 0x493c7d27, 0xf20c0dfe, 0xba4fc28e, 0x3da6d0cb, 0xddc0152b, 0x1c291d04, 0x9e4addf8,
    0x740eef02, 0x39d3b296, 0x083a6eec, 0x0715ce53, 0xc49f4f67, 0x47db8317, 0x2ad91c30, 0x0d3b6092,
    0x6992cea2, 0xc96cfdc0, 0x7e908048, 0x878a92a7, 0x1b3d8f29, 0xdaece73e, 0xf1d0f55e, 0xab7aff2a,
    0xa87ab8a8, 0x2162d385, 0x8462d800, 0x83348832, 0x71d111a8, 0x299847d5, 0xffd852c6, 0xb9e02b86,
};
#define WIDE 512u /* bytes of each of three independent sums: one alone waits three cycles for each of its eight bytes */
#define BY_WIDE 0xdd7e3b0cu
#define BY_2_WIDE 0x170076fau
#define NARROW 128u
#define BY_NARROW 0x0d3b6092u
#define BY_2_NARROW 0xb9e02b86u
#define SHORT (sizeof by_words / sizeof *by_words * 8)

INSTRUCTIONS static inline uint64_t three_streams(uint64_t crc, const uint8_t *p, size_t stream, uint64_t by, uint64_t by_2)
{
    uint64_t second = 0, third = 0;
    for (size_t at = 0; at < stream; at += 8) {
        crc = word_over(crc, p + at);
        second = word_over(second, p + stream + at);
        third = word_over(third, p + 2 * stream + at);
    }
    return moved(crc, by_2) ^ moved(second, by) ^ third;
}

#define BLOCK 256u  /* bytes that are folded at once, in four sums of four lanes of sixteen bytes */
#define LONG (16 * BLOCK) /* of a copy just made, wide reads of something shorter would wait for its writes */
#define FOLD(by, by_8_more) _mm_set_epi64x((by), (by_8_more)) /* x^(8 * n - 33) for the far and the near half of a lane that moves over n bytes */

/* The lanes of `sum` moved over as many bytes as `by` says, and laid over `next`. */
WIDE_INSTRUCTIONS static inline __m512i fold(__m512i sum, __m512i by, __m512i next)
{
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(sum, by, 0x00), _mm512_clmulepi64_epi128(sum, by, 0x11), next, 0x96);
}

WIDE_INSTRUCTIONS static inline __m128i fold_lane(__m128i sum, __m128i by, __m128i next)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(sum, by, 0x00), _mm_clmulepi64_si128(sum, by, 0x11)), next);
}

/* Of four sums one, of its four lanes one, and of that the register. */
WIDE_INSTRUCTIONS static inline uint64_t register_of(const __m512i sums[4])
{
    __m512i by = _mm512_broadcast_i32x4(FOLD(0x9e4addf8, 0x740eef02)), sum = sums[0]; /* over 64 bytes */
    __m128i by_lane = FOLD(0x493c7d27, 0xf20c0dfe);                                   /* over 16 */
    for (int i = 1; i < 4; i++) sum = fold(sum, by, sums[i]);
    __m128i lane = fold_lane(_mm512_extracti32x4_epi32(sum, 0), by_lane, _mm512_extracti32x4_epi32(sum, 1));
    lane = fold_lane(lane, by_lane, _mm512_extracti32x4_epi32(sum, 2));
    lane = fold_lane(lane, by_lane, _mm512_extracti32x4_epi32(sum, 3));
    return _mm_crc32_u64(_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(lane)), (uint64_t)_mm_extract_epi64(lane, 1));
}

/* The register after whole blocks, two at least. */
WIDE_INSTRUCTIONS static uint64_t blocks_instruction(uint64_t crc, const uint8_t *p, size_t length)
{
    __m512i by = _mm512_broadcast_i32x4(FOLD(0xb9e02b86, 0xdcb17aa4)), sums[4]; /* over 256 bytes */
    for (int i = 0; i < 4; i++) sums[i] = _mm512_loadu_si512(p + 64 * i);
    sums[0] = _mm512_xor_si512(sums[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)(uint32_t)crc)));
    for (const uint8_t *at = p + BLOCK; at < p + length; at += BLOCK) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) sums[i] = fold(sums[i], by, _mm512_loadu_si512(at + 64 * i));
    }
    return register_of(sums);
}

static bool has_wide_instructions(void) { return __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f"); }

INSTRUCTIONS static inline uint64_t register_after(uint64_t crc, const uint8_t *p, size_t length)
{
    if (length >= LONG && has_wide_instructions()) {
        size_t blocks = length & ~(size_t)(BLOCK - 1);
        crc = blocks_instruction(crc, p, blocks);
        p += blocks, length -= blocks;
    }
    for (; length >= 3 * WIDE; length -= 3 * WIDE, p += 3 * WIDE) crc = three_streams(crc, p, WIDE, BY_WIDE, BY_2_WIDE);
    for (; length >= 3 * NARROW; length -= 3 * NARROW, p += 3 * NARROW) crc = three_streams(crc, p, NARROW, BY_NARROW, BY_2_NARROW);
    for (; length >= 8; length -= 8, p += 8) crc = word_over(crc, p);
    while (length--) crc = _mm_crc32_u8((uint32_t)crc, *p++);
    return crc;
}

INSTRUCTIONS static inline uint64_t head_register(const uint64_t *words)
{
    uint64_t crc = UINT32_MAX;
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) crc = _mm_crc32_u64(crc, i == 2 ? (uint32_t)words[i] : words[i]);
    return crc;
}

/* Eight bytes of a payload, read once: neither again for the copy, nor as a part of something wider. */
INSTRUCTIONS static inline uint64_t word_through(uint64_t crc, bool copy, uint8_t *to, const uint8_t *p, size_t at)
{
    uint64_t word;
    memcpy(&word, p + at, 8);
    __asm__("" : "+r"(word));
    if (copy) memcpy(to + at, &word, 8);
    return _mm_crc32_u64(crc, word);
}

/* Of a short payload, beside that of the head: the two sums do not wait for each other. What is read goes into the sum and, where it is
 * copied, to `to`: a copy made in wide pieces and read back in words would be waited for until it is in the cache, in a ring until the
 * other processor has given up the line. */
INSTRUCTIONS static inline uint32_t short_record(const uint64_t *words, bool copy, uint8_t *to, const uint8_t *p, size_t length)
{
    uint64_t head = head_register(words), rest = 0;
    size_t at = 0;
    for (; at + 32 <= length; at += 32) {
#pragma GCC unroll 4
        for (size_t k = at; k < at + 32; k += 8) rest = word_through(rest, copy, to, p, k);
    }
    for (; at + 8 <= length; at += 8) rest = word_through(rest, copy, to, p, at);
    rest = at ? rest ^ moved(head, by_words[at / 8 - 1]) : head;
    for (; at < length; at++) {
        uint8_t byte = p[at];
        __asm__("" : "+r"(byte));
        if (copy) to[at] = byte;
        rest = _mm_crc32_u8((uint32_t)rest, byte);
    }
    return ~(uint32_t)rest;
}

INSTRUCTIONS static uint32_t crc_instruction(uint32_t crc, const uint8_t *p, size_t length)
{
    return ~(uint32_t)register_after((uint32_t)~crc, p, length);
}

INSTRUCTIONS static uint32_t record_instruction(const uint64_t *words, const uint8_t *p, size_t length)
{
    return length <= SHORT ? short_record(words, false, NULL, p, length) : ~(uint32_t)register_after(head_register(words), p, length);
}

INSTRUCTIONS ESL_HOT static uint32_t copy_instruction(const uint64_t *words, uint8_t *to, const uint8_t *p, size_t length)
{
    if (ESL_LIKELY(length <= SHORT)) return short_record(words, true, to, p, length);
    memcpy(to, p, length);
    return ~(uint32_t)register_after(head_register(words), to, length);
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

ESL_HOT uint32_t esl_crc32c_copy(const uint64_t *words, void *to, const void *from, size_t length)
{
    if (ESL_LIKELY(has_instructions())) return copy_instruction(words, to, from, length);
    return copy_table(words, to, from, length);
}
#else
uint32_t esl_crc32c(uint32_t crc, const void *bytes, size_t length) { return esl_crc32c_table(crc, bytes, length); }

uint32_t esl_crc32c_record(const uint64_t *words, const void *payload, size_t length) { return record_table(words, payload, length); }

uint32_t esl_crc32c_copy(const uint64_t *words, void *to, const void *from, size_t length) { return copy_table(words, to, from, length); }
#endif
