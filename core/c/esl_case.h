/* Simple case mapping of Unicode: one character becomes one character. */
#ifndef ESL_CASE_H
#define ESL_CASE_H

#include "esl_base.h"

uint32_t esl_case_to_upper(uint32_t code);
uint32_t esl_case_to_lower(uint32_t code);
static inline uint32_t esl_case_fold(uint32_t code) { return esl_case_to_lower(esl_case_to_upper(code)); }

/* Next character of well-formed UTF-8; advances *at. */
uint32_t esl_utf8_next(const char **at);
/* Writes a code point (not a surrogate, at most 0x10FFFF) as 1..4 bytes and returns how many. */
size_t esl_utf8_put(char *out, uint32_t code);

#endif
