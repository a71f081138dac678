/* TEXT: immutable, counted UTF-8 with its character count; an unshared text may grow in place (appends are linear). */
#ifndef ESL_TEXT_H
#define ESL_TEXT_H

#include "esl_slot.h"

#define ESL_TEXT_STEP 64u /* characters between two entries of the index */

typedef struct esl_text {
    esl_account_t *account; /* who is charged; the instance that made it */
    uint32_t refs;
    uint32_t bytes;         /* length without the closing 0 */
    uint32_t chars;         /* Unicode characters */
    uint32_t capacity;      /* bytes that data can hold */
    uint32_t *index;        /* byte offset of every 64th character, made at the first positional use; ASCII: NULL */
    uint8_t ascii;          /* every character is one byte */
    uint8_t cut;            /* was cut at the limit: the value is Weak */
    char data[];            /* closed by 0 */
} esl_text_t;

/* New text from UTF-8 (must be well-formed); NULL-like invalid results never occur: returns NULL when the account is full. */
esl_text_t *esl_text_new(esl_account_t *account, const char *utf8, size_t bytes);
/* The same with room for `bytes`, to be filled by the caller and closed with esl_text_done. */
esl_text_t *esl_text_reserve(esl_account_t *account, size_t bytes);
/* Counts characters, cuts at `limit_chars` (sets cut), writes the closing 0. */
void esl_text_done(esl_text_t *text, size_t bytes, uint32_t limit_chars);
/* Is it well-formed UTF-8 without surrogates? */
bool esl_utf8_ok(const char *utf8, size_t bytes);

static inline esl_text_t *esl_text_keep(esl_text_t *t)
{
    if (!esl_text_invalid(t)) t->refs++;
    return t;
}
void esl_text_free(esl_text_t *text);
static inline void esl_text_drop(esl_text_t *t)
{
    if (!esl_text_invalid(t) && --t->refs == 0) esl_text_free(t);
}

/* a + b as a new reference. Takes over the caller's reference to a: when that is the only one, a grows in place.
 * NULL when memory is refused (a is then still the caller's). Both must be valid. */
esl_text_t *esl_text_concat(esl_account_t *account, esl_text_t *a, const esl_text_t *b, uint32_t limit_chars);
/* -1, 0, 1 by Unicode code point (byte order of UTF-8 is the same order). */
int esl_text_compare(const esl_text_t *a, const esl_text_t *b);
/* Byte offset of 0-based character `position`, position <= chars. Builds the index of a non-ASCII text. */
uint32_t esl_text_offset(esl_text_t *text, uint32_t position);

#endif
