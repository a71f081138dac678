/* CRC-32C (Castagnoli) of records and frames: the processor's instruction where there is one, else a table. */
#ifndef ESL_CRC_H
#define ESL_CRC_H

#include "esl_base.h"

/* CRC of `length` bytes, continuing `crc`: esl_crc32c(esl_crc32c(0, a), b) is the CRC of a followed by b. */
uint32_t esl_crc32c(uint32_t crc, const void *bytes, size_t length);
/* CRC of a record: the eight words of header and envelope, then `length` bytes of payload. The place of the CRC itself, the upper half
 * of the third word, counts as zero. */
uint32_t esl_crc32c_record(const uint64_t *words, const void *payload, size_t length);
/* The same of what it copies on the way: `to` gets the payload, and the sum is that of the copy, whatever becomes of `from` meanwhile. */
uint32_t esl_crc32c_copy(const uint64_t *words, void *to, const void *from, size_t length);
/* The table twin, for tests and for processors without the instruction. */
uint32_t esl_crc32c_table(uint32_t crc, const void *bytes, size_t length);

#endif
