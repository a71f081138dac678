/* Operators on values whose types are known only at run time (ANY). Typed code never comes here. */
#ifndef ESL_ANY_H
#define ESL_ANY_H

#include "esl_script.h"

typedef enum { ESL_ADD, ESL_SUB, ESL_MUL, ESL_DIV, ESL_AND, ESL_OR } esl_arith_t;
typedef enum { ESL_LT, ESL_LE, ESL_EQ, ESL_NE, ESL_GT, ESL_GE } esl_cmp_t;

/* Operands are borrowed, *result is a new value. 0, ESL_ERR_TYPE_MISMATCH or ESL_ERR_MEMORY. An invalid operand makes the
 * result invalid whatever the types are. */
int esl_any_binary(esl_script_t *script, esl_arith_t op, esl_value_t b, esl_value_t c, esl_value_t *result);
int esl_any_compare(esl_cmp_t op, esl_value_t b, esl_value_t c, int64_t *result);
int esl_any_negate(esl_value_t b, esl_value_t *result);
int esl_any_not(esl_value_t b, esl_value_t *result);

/* -1, 0, 1 of two valid values of different types, as an ANY column may hold them: numbers, then times, then texts. */
int esl_any_order(esl_type x_type, esl_slot_t x, esl_type y_type, esl_slot_t y);

/* INT arithmetic with V6's rule, shared with the loop. */
int64_t esl_int_fault(int64_t b, int64_t c); /* reason of an invalid operand, else 2 */
/* Apart: each test is one fused compare and jump that is never taken; joined into one condition they would be twice as many instructions. */
#define ESL_INT_UNLESS(fault, test) if (ESL_UNLIKELY(test)) goto fault; __asm__("")
#define ESL_INT_OPERATION(name, builtin) \
    static inline int64_t name(int64_t b, int64_t c) \
    { \
        int64_t r; \
        ESL_INT_UNLESS(fault, builtin(b, c, &r)); \
        ESL_INT_UNLESS(fault, esl_int_invalid(b)); \
        ESL_INT_UNLESS(fault, esl_int_invalid(c)); \
        ESL_INT_UNLESS(fault, esl_int_invalid(r)); \
        return r; \
    fault: \
        return esl_int_fault(b, c); \
    }
ESL_INT_OPERATION(esl_int_add, __builtin_add_overflow)
ESL_INT_OPERATION(esl_int_sub, __builtin_sub_overflow)
ESL_INT_OPERATION(esl_int_mul, __builtin_mul_overflow)
static inline int64_t esl_int_and(int64_t b, int64_t c)
{
    int64_t r = b & c;
    return ESL_UNLIKELY(esl_int_invalid(b) | esl_int_invalid(c) | esl_int_invalid(r)) ? esl_int_fault(b, c) : r;
}
static inline int64_t esl_int_neg(int64_t b) /* the unsigned form: INT64_MIN itself is an invalid INT, not undefined behaviour */
{
    int64_t r = (int64_t)(0 - (uint64_t)b);
    return ESL_UNLIKELY(esl_int_invalid(b) | esl_int_invalid(r)) ? esl_int_fault(b, b) : r;
}

/* Division (V3): b / c, where c may be invalid, infinite or zero of either sign. */
double esl_real_div_fault(double b, double c);
static inline double esl_real_div(double b, double c)
{
    return ESL_UNLIKELY(esl_real_invalid(c) | (c == 0)) ? esl_real_div_fault(b, c) : b / c;
}
int64_t esl_int_mod(int64_t b, int64_t c);
int64_t esl_int_idiv(int64_t b, int64_t c);

#endif
