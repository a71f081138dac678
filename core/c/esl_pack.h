/* MessagePack, as much as control messages need: maps with texts as keys are written, and fields of a map found.
 * Reading trusts nothing: every length is compared with the bytes left, depth is limited. */
#ifndef ESL_PACK_H
#define ESL_PACK_H

#include "esl_codec.h"

/* Writing: 0 or ESL_ERR_MEMORY. At most 15 fields in a map, texts and bytes below 64 KiB. */
int esl_pack_map(esl_buffer_t *out, unsigned fields);
int esl_pack_array(esl_buffer_t *out, unsigned items);
int esl_pack_text(esl_buffer_t *out, const char *text);
int esl_pack_bytes(esl_buffer_t *out, const void *bytes, size_t length);
int esl_pack_uint(esl_buffer_t *out, uint32_t value);

typedef struct { const uint8_t *at, *end; } esl_packed_t; /* one value, perhaps with others behind it */

/* The value of a field; false: it is no map, has no such field, or the bytes are broken. */
bool esl_packed_field(esl_packed_t map, const char *name, esl_packed_t *value);
/* Item of an array, from 0. */
bool esl_packed_item(esl_packed_t array, uint32_t index, esl_packed_t *value);
bool esl_packed_text(esl_packed_t value, const char **text, uint32_t *length); /* a text or bytes; not closed by 0 */
bool esl_packed_int(esl_packed_t value, int64_t *number);

#endif
