/* SHA-256 and HMAC over it (FIPS 180-4, RFC 2104), for the logon of a client without Python. */
#ifndef ESL_SHA256_H
#define ESL_SHA256_H

#include "esl_base.h"

#define ESL_SHA256_BYTES 32u

typedef struct {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} esl_sha256_t;

void esl_sha256_begin(esl_sha256_t *hash);
void esl_sha256_add(esl_sha256_t *hash, const void *bytes, size_t length);
void esl_sha256_end(esl_sha256_t *hash, uint8_t digest[ESL_SHA256_BYTES]);

typedef struct { const void *bytes; size_t length; } esl_piece_t;
/* HMAC of the pieces, one behind the other. */
void esl_hmac_sha256(const void *key, size_t key_bytes, const esl_piece_t *pieces, unsigned count, uint8_t mac[ESL_SHA256_BYTES]);
/* Compares in a time that does not depend on the bytes. */
bool esl_same_bytes(const void *a, const void *b, size_t length);

#endif
