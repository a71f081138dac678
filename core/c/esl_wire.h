/* Byte marks of the value codec, shared by its two halves. Numbers are fixed by docs/design/protocol.md. */
#ifndef ESL_WIRE_H
#define ESL_WIRE_H

#include "esl_base.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the wire is little endian and read with memcpy");

#define ESL_WIRE_STAMPED 0x80u
#define ESL_WIRE_INVALID 0x40u
#define ESL_WIRE_BOXED 0x40u /* of a RECORD: it has columns of type ANY */
#define ESL_WIRE_TYPE 0x3fu
#define ESL_WIRE_UNCHANGED 0x0fu
#define ESL_WIRE_INVALID_TEXT 0xFFFFFFF0u

#endif
