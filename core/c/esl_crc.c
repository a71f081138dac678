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

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_instruction(uint32_t crc, const uint8_t *p, size_t length)
{
    uint64_t c = (uint32_t)~crc;
    for (; length >= 8; length -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        c = _mm_crc32_u64(c, word);
    }
    while (length--) c = _mm_crc32_u8((uint32_t)c, *p++);
    return ~(uint32_t)c;
}

uint32_t esl_crc32c(uint32_t crc, const void *bytes, size_t length)
{
    if (ESL_LIKELY(__builtin_cpu_supports("sse4.2"))) return crc_instruction(crc, bytes, length);
    return esl_crc32c_table(crc, bytes, length);
}
#else
uint32_t esl_crc32c(uint32_t crc, const void *bytes, size_t length) { return esl_crc32c_table(crc, bytes, length); }
#endif
