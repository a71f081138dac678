/* Numbers as text and back: by decimal digits, and without regard to the C locale. */
#ifndef ESL_NUMBER_H
#define ESL_NUMBER_H

#include "esl_slot.h"

/* +-0.d1d2d3... x 10^point; zero has no digits. */
typedef struct {
    char digits[24];     /* '0'..'9', no zeros at either end */
    int count;
    int point;           /* digits in front of the decimal point; may be negative or above count */
    bool negative;
    int precision;       /* digits that had to be tried: 15, 16 or 17 */
} esl_decimal_t;

/* Shortest of 15, 16, 17 digits that reads back as the same number. `r` must be finite. -0.0 is 0. */
void esl_decimal_of_real(double r, esl_decimal_t *d);
void esl_decimal_of_int(int64_t i, esl_decimal_t *d);
void esl_decimal_round(esl_decimal_t *d, int places); /* half away from zero; negative places = tens, hundreds, ... */
double esl_decimal_to_real(const esl_decimal_t *d);
/* Digit of 10^(-place-1) behind, or of 10^place before the point (place counted from the point outwards). */
char esl_decimal_whole_digit(const esl_decimal_t *d, int place);
char esl_decimal_fraction_digit(const esl_decimal_t *d, int place);

#define ESL_REAL_TEXT 40   /* room for esl_real_text */
#define ESL_INT_TEXT 24
#define ESL_FIXED_TEXT 360 /* room for esl_fixed_text: sign, 309 digits, point, 30 decimals */
size_t esl_int_text(int64_t i, char *out);
/* As %.15g, %.16g or %.17g would print it. */
size_t esl_real_text(double r, char *out);
size_t esl_fixed_text(const esl_decimal_t *d, int decimals, char *out);

/* The whole text, blanks around ignored. The result is invalid with reason 3 when it is no number, 2 when it is too large. */
int64_t esl_int_parse(const char *text, size_t bytes);
double esl_real_parse(const char *text, size_t bytes, const char *sep, size_t sep_bytes);

#endif
