/* SHA-256 by the standard's own steps: a logon hashes some hundred bytes, so clarity wins. */
#include "esl_sha256.h"

#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static uint32_t word_at(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static void schedule(const uint8_t block[64], uint32_t w[64])
{
    for (int i = 0; i < 16; i++) w[i] = word_at(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
}

static void compress(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64], s[8];
    schedule(block, w);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]), most = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t a = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + choice + K[i] + w[i];
        uint32_t b = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + most;
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += a;
        s[0] = a + b;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

void esl_sha256_begin(esl_sha256_t *hash)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, first, sizeof first);
    hash->bytes = 0;
}

void esl_sha256_add(esl_sha256_t *hash, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < length; i++) {
        hash->block[hash->bytes++ % 64] = p[i];
        if (hash->bytes % 64 == 0) compress(hash->state, hash->block);
    }
}

void esl_sha256_end(esl_sha256_t *hash, uint8_t digest[ESL_SHA256_BYTES])
{
    static const uint8_t one = 0x80, zero = 0;
    uint64_t bits = hash->bytes * 8;
    uint8_t tail[8];
    esl_sha256_add(hash, &one, 1);
    while (hash->bytes % 64 != 56) esl_sha256_add(hash, &zero, 1);
    for (int i = 0; i < 8; i++) tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    esl_sha256_add(hash, tail, 8);
    for (unsigned i = 0; i < ESL_SHA256_BYTES; i++) digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

static void keyed(esl_sha256_t *hash, const uint8_t key[64], uint8_t pad)
{
    uint8_t block[64];
    for (int i = 0; i < 64; i++) block[i] = key[i] ^ pad;
    esl_sha256_begin(hash);
    esl_sha256_add(hash, block, sizeof block);
}

void esl_hmac_sha256(const void *key, size_t key_bytes, const esl_piece_t *pieces, unsigned count, uint8_t mac[ESL_SHA256_BYTES])
{
    esl_sha256_t hash;
    uint8_t whole[64] = {0};
    if (key_bytes > sizeof whole) {
        esl_sha256_begin(&hash);
        esl_sha256_add(&hash, key, key_bytes);
        esl_sha256_end(&hash, whole);
    } else {
        memcpy(whole, key, key_bytes);
    }
    keyed(&hash, whole, 0x36);
    for (unsigned i = 0; i < count; i++) esl_sha256_add(&hash, pieces[i].bytes, pieces[i].length);
    esl_sha256_end(&hash, mac);
    keyed(&hash, whole, 0x5c);
    esl_sha256_add(&hash, mac, ESL_SHA256_BYTES);
    esl_sha256_end(&hash, mac);
}

bool esl_same_bytes(const void *a, const void *b, size_t length)
{
    const uint8_t *p = a, *q = b;
    uint8_t different = 0;
    for (size_t i = 0; i < length; i++) different |= p[i] ^ q[i];
    return !different;
}
