/* Builtins of mathematics, random numbers and bits. Arguments are valid here (rows V excepted): libm never sees an
 * infinity or a NaN of a script. A result that overflows may leave as an infinity; every reader takes it as reason 2. */
#include "esl_builtin_fn.h"

#define PI 3.14159265358979323846

static bool is_int(const esl_value_t *a) { return a->type == ESL_T_INT; }
static double num(const esl_value_t *a) { return esl_arg_real(a); }
static int domain(esl_value_t *r) { return esl_give_invalid(r, ESL_OUT_OF_RANGE); }
/* An INT result that may collide with the codes of invalid values (V6). */
static int give_checked(esl_value_t *r, int64_t i) { return esl_int_invalid(i) ? domain(r) : esl_give_int(r, i); }

ESL_FN(esl_fn_abs)
{
    ESL_UNUSED;
    if (is_int(&a[0])) return esl_give_int(r, a[0].value.i < 0 ? -a[0].value.i : a[0].value.i); /* the least valid INT has a minus */
    return esl_give_real(r, fabs(a[0].value.r));
}

ESL_FN(esl_fn_sgn)
{
    ESL_UNUSED;
    double x = num(&a[0]);
    return esl_give_int(r, (x > 0) - (x < 0));
}

/* Least (sign -1) or greatest (1) of the valid arguments. */
static int extreme(const esl_value_t *a, int n, esl_value_t *r, int sign)
{
    const esl_value_t *best = NULL;
    int order;
    for (int i = 0; i < n; i++) {
        if (esl_arg_invalid(&a[i])) continue;
        if (!best || (esl_value_order(&a[i], best, &order) && order == sign)) best = &a[i];
    }
    if (!best) return esl_give_invalid(r, esl_arg_reason(&a[0]));
    if (r->type == ESL_T_REAL) return esl_give_real(r, num(best));
    return esl_give_int(r, best->value.i);
}

ESL_FN(esl_fn_min) { ESL_UNUSED; return extreme(a, n, r, -1); }
ESL_FN(esl_fn_max) { ESL_UNUSED; return extreme(a, n, r, 1); }
ESL_FN(esl_fn_min_v) { ESL_UNUSED; return extreme(a, n, r, -1); }
ESL_FN(esl_fn_max_v) { ESL_UNUSED; return extreme(a, n, r, 1); }

static int mean(const esl_value_t *a, int n, esl_value_t *r)
{
    double sum = 0;
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (esl_arg_invalid(&a[i])) continue;
        sum += num(&a[i]);
        count++;
    }
    return count ? esl_give_real(r, sum / count) : esl_give_invalid(r, esl_arg_reason(&a[0]));
}

ESL_FN(esl_fn_avg) { ESL_UNUSED; return mean(a, n, r); }
ESL_FN(esl_fn_avg_v) { ESL_UNUSED; return mean(a, n, r); }

ESL_FN(esl_fn_sqrt) { ESL_UNUSED; return num(&a[0]) < 0 ? domain(r) : esl_give_real(r, sqrt(num(&a[0]))); }

ESL_FN(esl_fn_sqr)
{
    int64_t product;
    ESL_UNUSED;
    if (!is_int(&a[0])) return esl_give_real(r, a[0].value.r * a[0].value.r);
    return __builtin_mul_overflow(a[0].value.i, a[0].value.i, &product) ? domain(r) : esl_give_int(r, product);
}

ESL_FN(esl_fn_power)
{
    ESL_UNUSED;
    double base = num(&a[0]), exponent = num(&a[1]);
    bool fraction = exponent != floor(exponent);
    if ((base < 0 && fraction) || (base == 0 && exponent < 0)) return domain(r);
    return esl_give_real(r, pow(base, exponent));
}

#define LOGARITHM(fn, call) ESL_FN(fn) { ESL_UNUSED; return num(&a[0]) <= 0 ? domain(r) : esl_give_real(r, call(num(&a[0]))); }
LOGARITHM(esl_fn_ln, log)
LOGARITHM(esl_fn_log10, log10)

ESL_FN(esl_fn_log)
{
    ESL_UNUSED;
    double x = num(&a[0]), base = num(&a[1]);
    if (x <= 0 || base <= 0 || base == 1) return domain(r);
    if (base == 2) return esl_give_real(r, log2(x));
    return esl_give_real(r, base == 10 ? log10(x) : log(x) / log(base));
}

#define UNARY(fn, expression) ESL_FN(fn) { ESL_UNUSED; double x = num(&a[0]); return esl_give_real(r, expression); }
UNARY(esl_fn_exp, exp(x))
UNARY(esl_fn_sin, sin(x))
UNARY(esl_fn_cos, cos(x))
UNARY(esl_fn_tan, tan(x))
UNARY(esl_fn_a_tan, atan(x))
UNARY(esl_fn_sinh, sinh(x))
UNARY(esl_fn_cosh, cosh(x))
UNARY(esl_fn_tanh, tanh(x))
UNARY(esl_fn_deg_to_rad, x * (PI / 180))
UNARY(esl_fn_rad_to_deg, x * (180 / PI))

ESL_FN(esl_fn_a_sin) { ESL_UNUSED; return fabs(num(&a[0])) > 1 ? domain(r) : esl_give_real(r, asin(num(&a[0]))); }
ESL_FN(esl_fn_a_cos) { ESL_UNUSED; return fabs(num(&a[0])) > 1 ? domain(r) : esl_give_real(r, acos(num(&a[0]))); }

ESL_FN(esl_fn_a_tan2)
{
    ESL_UNUSED;
    double y = num(&a[0]) + 0.0, x = num(&a[1]) + 0.0; /* -0.0 counts as 0 */
    return esl_give_real(r, atan2(y, x));
}

ESL_FN(esl_fn_pi) { ESL_UNUSED; return esl_give_real(r, PI); }

/* A whole REAL as INT where it fits. */
static int give_whole(esl_value_t *r, double whole) { return esl_give_int(r, esl_int_from_real(whole)); }

#define WHOLE(fn, call) ESL_FN(fn) { ESL_UNUSED; return is_int(&a[0]) ? esl_give_int(r, a[0].value.i) : give_whole(r, call(a[0].value.r)); }
WHOLE(esl_fn_round_i, round)
WHOLE(esl_fn_trunc, trunc)
WHOLE(esl_fn_floor, floor)
WHOLE(esl_fn_ceil, ceil)

ESL_FN(esl_fn_frac)
{
    ESL_UNUSED;
    double x = num(&a[0]);
    return esl_give_real(r, x == 0 ? x : x - trunc(x)); /* a zero keeps its sign */
}

ESL_FN(esl_fn_div)
{
    ESL_UNUSED;
    if (a[1].value.i == 0) return esl_give_invalid(r, ESL_DIV_BY_ZERO);
    return give_checked(r, a[0].value.i / a[1].value.i); /* the least valid INT divided by -1 fits */
}

ESL_FN(esl_fn_rem)
{
    ESL_UNUSED;
    if (a[1].value.i == 0) return esl_give_invalid(r, ESL_DIV_BY_ZERO);
    return esl_give_int(r, a[0].value.i % a[1].value.i);
}

static int mod_int(int64_t x, int64_t y, esl_value_t *r)
{
    if (y == 0) return esl_give_invalid(r, ESL_DIV_BY_ZERO);
    int64_t rest = x % y;
    return esl_give_int(r, rest && (rest < 0) != (y < 0) ? rest + y : rest);
}

ESL_FN(esl_fn_mod)
{
    ESL_UNUSED;
    if (r->type == ESL_T_INT) return mod_int(a[0].value.i, a[1].value.i, r);
    double x = num(&a[0]), y = num(&a[1]);
    if (y == 0) return esl_give_invalid(r, ESL_DIV_BY_ZERO);
    double rest = fmod(x, y);
    return esl_give_real(r, rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
}

ESL_FN(esl_fn_limit)
{
    int order;
    ESL_UNUSED;
    const esl_value_t *chosen = &a[0];
    if (esl_value_order(&a[1], &a[2], &order) && order > 0) return domain(r);
    if (esl_value_order(&a[0], &a[1], &order) && order < 0) chosen = &a[1];
    if (esl_value_order(&a[0], &a[2], &order) && order > 0) chosen = &a[2];
    return r->type == ESL_T_INT ? esl_give_int(r, chosen->value.i) : esl_give_real(r, num(chosen));
}

ESL_FN(esl_fn_round_to)
{
    ESL_UNUSED;
    double step = num(&a[1]);
    return step <= 0 ? domain(r) : esl_give_real(r, round(num(&a[0]) / step) * step);
}

ESL_FN(esl_fn_interp)
{
    ESL_UNUSED;
    double x = num(&a[0]), x1 = num(&a[1]), y1 = num(&a[2]), x2 = num(&a[3]), y2 = num(&a[4]);
    return x1 == x2 ? domain(r) : esl_give_real(r, y1 + (x - x1) * (y2 - y1) / (x2 - x1));
}

/* Steele, Lea and Flood's mixer over a counter: 64 good bits from any seed. */
static uint64_t mixed(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t bits(esl_context_t *c) { return c->rnd_seeded ? mixed(&c->rnd_state) : c->world->random(c->world->host); }

ESL_FN(esl_fn_rnd) { ESL_UNUSED; return esl_give_real(r, (double)(bits(c) >> 11) * 0x1.0p-53); }

ESL_FN(esl_fn_rnd_int)
{
    ESL_UNUSED;
    if (a[0].value.i > a[1].value.i) return domain(r);
    uint64_t span = (uint64_t)a[1].value.i - (uint64_t)a[0].value.i + 1; /* never 0: INT has fewer than 2^64 values */
    uint64_t excess = (0 - span) % span, drawn;
    do { /* the first `excess` numbers would make small results likelier */
        drawn = bits(c);
    } while (drawn < excess && esl_spend(c, 1));
    return esl_give_int(r, (int64_t)((uint64_t)a[0].value.i + drawn % span));
}

ESL_FN(esl_fn_rnd_seed)
{
    ESL_UNUSED;
    c->rnd_state = (uint64_t)a[0].value.i;
    c->rnd_seeded = true;
    return esl_give_invalid(r, ESL_UNDEFINED);
}

static bool bit_number(int64_t bit) { return bit >= 0 && bit <= 63; }

ESL_FN(esl_fn_bit_and) { ESL_UNUSED; return give_checked(r, a[0].value.i & a[1].value.i); }
ESL_FN(esl_fn_bit_or) { ESL_UNUSED; return give_checked(r, a[0].value.i | a[1].value.i); }
ESL_FN(esl_fn_bit_xor) { ESL_UNUSED; return give_checked(r, a[0].value.i ^ a[1].value.i); }
ESL_FN(esl_fn_bit_not) { ESL_UNUSED; return give_checked(r, ~a[0].value.i); }

ESL_FN(esl_fn_bit_shl)
{
    ESL_UNUSED;
    return bit_number(a[1].value.i) ? give_checked(r, (int64_t)((uint64_t)a[0].value.i << a[1].value.i)) : domain(r);
}

ESL_FN(esl_fn_bit_shr)
{
    ESL_UNUSED;
    return bit_number(a[1].value.i) ? give_checked(r, (int64_t)((uint64_t)a[0].value.i >> a[1].value.i)) : domain(r);
}

ESL_FN(esl_fn_bit_test)
{
    ESL_UNUSED;
    return bit_number(a[1].value.i) ? esl_give_int(r, (int64_t)((uint64_t)a[0].value.i >> a[1].value.i & 1)) : domain(r);
}

ESL_FN(esl_fn_bit_set)
{
    ESL_UNUSED;
    if (!bit_number(a[1].value.i)) return domain(r);
    uint64_t mask = UINT64_C(1) << a[1].value.i, x = (uint64_t)a[0].value.i;
    return give_checked(r, (int64_t)(a[2].value.i ? x | mask : x & ~mask));
}

ESL_FN(esl_fn_bit_count) { ESL_UNUSED; return esl_give_int(r, __builtin_popcountll((unsigned long long)a[0].value.i)); }

ESL_FN(esl_fn_bit_field)
{
    ESL_UNUSED;
    int64_t from = a[1].value.i, length = a[2].value.i;
    if (!bit_number(from) || length < 1 || length > 64 - from) return domain(r);
    uint64_t field = (uint64_t)a[0].value.i >> from;
    if (length < 64) field &= (UINT64_C(1) << length) - 1;
    return give_checked(r, (int64_t)field);
}
