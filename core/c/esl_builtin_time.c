/* Builtins of time: wall clock arithmetic, components, grids, text. */
#include "esl_builtin_fn.h"
#include "esl_number.h"
#include "esl_tzif.h"

#include <stdio.h>

#define DAY_MS INT64_C(86400000)

static int bad(esl_value_t *r) { return esl_give_invalid(r, ESL_CONVERSION); }
static int range(esl_value_t *r) { return esl_give_invalid(r, ESL_OUT_OF_RANGE); }
static bool in_years(int64_t ms) { return ms >= ESL_TIME_LEAST && ms <= ESL_TIME_MOST; }
static int give_time(esl_value_t *r, int64_t ms) { return in_years(ms) ? esl_give_int(r, ms) : range(r); }

static int64_t floor_div(int64_t x, int64_t y)
{
    int64_t q = x / y;
    return q - (x % y < 0);
}

static const esl_zone_t *fixed_zone(int64_t offset_s, esl_zone_t *own)
{
    if (offset_s <= -86400 || offset_s >= 86400) return NULL;
    own->count = 0; /* the rest of the struct is not looked at */
    own->kinds = 1;
    own->kinds_of[0] = (esl_zone_kind_t){(int32_t)offset_s, 0};
    own->rule.present = false;
    return own;
}

/* Zone of argument i: by name, as an offset (built in *own), or the process's; NULL when there is none of that name. */
static const esl_zone_t *zone_of(esl_context_t *c, const esl_value_t *a, int n, int i, esl_zone_t *own)
{
    int32_t offset_s;
    if (i >= n || a[i].value.t->bytes == 0) return c->world->zone;
    const esl_text_t *name = a[i].value.t;
    if (esl_zone_offset_text(name->data, name->bytes, &offset_s)) return fixed_zone(offset_s, own);
    return c->world->find_zone ? c->world->find_zone(c->world->host, name->data) : NULL;
}

/* Begins a function whose argument `i` is tz. */
#define WITH_ZONE(i)                                        \
    esl_zone_t own;                                         \
    const esl_zone_t *zone = zone_of(c, a, n, i, &own);     \
    if (!zone) return bad(r)

ESL_FN(esl_fn_now) { ESL_UNUSED; return esl_give_int(r, c->world->now_ms(c->world->host)); }
ESL_FN(esl_fn_tick_ms) { ESL_UNUSED; return esl_give_real(r, c->world->tick_ms(c->world->host)); }

/* Text */
static int parse(const esl_zone_t *zone, const esl_text_t *s, const char *mask, size_t mask_bytes, esl_value_t *r)
{
    return esl_give_int(r, esl_time_parse(zone, s->data, s->bytes, mask, mask_bytes));
}

ESL_FN(esl_fn_str_to_time)
{
    WITH_ZONE(1);
    return parse(zone, a[0].value.t, ESL_TIME_MASK, strlen(ESL_TIME_MASK), r);
}

ESL_FN(esl_fn_str_to_time_ex)
{
    WITH_ZONE(2);
    return parse(zone, a[0].value.t, a[1].value.t->data, a[1].value.t->bytes, r);
}

static int format(esl_context_t *c, const esl_zone_t *zone, const esl_value_t *a, esl_value_t *r, bool twice)
{
    const esl_text_t *mask = a[1].value.t;
    esl_writer_t w;
    if (!in_years(a[0].value.i)) return range(r);
    int error = esl_write_begin(c, &w, (uint64_t)mask->bytes + 64); /* components outgrow their spelling by less than that */
    if (error) return error;
    long written = esl_time_format(zone, a[0].value.i, mask->data, mask->bytes, twice, w.text->data, w.room);
    if (written < 0) { /* the mask itself is longer than a TEXT may be */
        esl_text_free(w.text);
        return range(r);
    }
    w.bytes = (size_t)written;
    return esl_write_end(c, &w, r);
}

ESL_FN(esl_fn_time_to_str) { WITH_ZONE(2); return format(c, zone, a, r, false); }
ESL_FN(esl_fn_time_to_str_ex) { WITH_ZONE(2); return format(c, zone, a, r, true); }

ESL_FN(esl_fn_str_mono_to_time)
{
    esl_zone_t own;
    ESL_UNUSED;
    const esl_zone_t *zone = fixed_zone(a[2].value.i, &own);
    return zone ? parse(zone, a[0].value.t, a[1].value.t->data, a[1].value.t->bytes, r) : range(r);
}

ESL_FN(esl_fn_time_to_str_mono)
{
    esl_zone_t own;
    ESL_UNUSED;
    const esl_zone_t *zone = fixed_zone(a[2].value.i, &own);
    return zone ? format(c, zone, a, r, false) : range(r);
}

/* Arithmetic */
ESL_FN(esl_fn_add_interval_local) { WITH_ZONE(2); return esl_give_int(r, esl_zone_add_local(zone, a[0].value.i, a[1].value.r)); }
ESL_FN(esl_fn_sub_interval_local) { WITH_ZONE(2); return esl_give_int(r, esl_zone_add_local(zone, a[0].value.i, -a[1].value.r)); }
ESL_FN(esl_fn_add_interval_mono) { ESL_UNUSED; return esl_give_int(r, esl_time_add(a[0].value.i, a[1].value.r)); }
ESL_FN(esl_fn_sub_interval_mono) { ESL_UNUSED; return esl_give_int(r, esl_time_add(a[0].value.i, -a[1].value.r)); }
ESL_FN(esl_fn_sub_times_local) { WITH_ZONE(2); return esl_give_real(r, esl_zone_diff_local(zone, a[0].value.i, a[1].value.i)); }
ESL_FN(esl_fn_sub_times_mono) { ESL_UNUSED; return esl_give_real(r, esl_time_diff(a[0].value.i, a[1].value.i)); }

static bool within(int64_t x, int64_t most) { return x >= -most && x <= most; }

ESL_FN(esl_fn_new_time)
{
    WITH_ZONE(5);
    int64_t years = a[1].value.i, months = a[2].value.i, days = a[3].value.i, seconds = a[4].value.i;
    if (!in_years(a[0].value.i) || !within(years, 10000) || !within(months, 120000) || !within(days, 4000000) || !within(seconds, 400000000000))
        return range(r);
    int64_t wall = esl_zone_wall(zone, a[0].value.i);
    int32_t offset = (int32_t)((wall - a[0].value.i) / 1000);
    esl_civil_t civil = esl_civil_from_wall(wall);
    int64_t month = (civil.year + years) * 12 + civil.month - 1 + months;
    civil.year = (int32_t)floor_div(month, 12);
    civil.month = (int32_t)(month - civil.year * INT64_C(12)) + 1;
    if (civil.day > esl_days_in_month(civil.year, civil.month)) civil.day = esl_days_in_month(civil.year, civil.month);
    wall = esl_wall_from_civil(&civil) + days * DAY_MS + seconds * 1000;
    return in_years(wall) ? give_time(r, esl_zone_utc_near(zone, wall, offset)) : range(r);
}

ESL_FN(esl_fn_tm_to_r) { ESL_UNUSED; return esl_give_real(r, (double)a[0].value.i / 1000.0); }
ESL_FN(esl_fn_r_to_tm) { ESL_UNUSED; return esl_give_int(r, esl_time_add(0, a[0].value.r)); }
ESL_FN(esl_fn_unix_time) { ESL_UNUSED; return esl_give_int(r, floor_div(a[0].value.i, 1000)); }
ESL_FN(esl_fn_unix_time_ms) { ESL_UNUSED; return esl_give_int(r, a[0].value.i); }
ESL_FN(esl_fn_from_unix_ms) { ESL_UNUSED; return give_time(r, a[0].value.i); }

ESL_FN(esl_fn_from_unix)
{
    int64_t ms;
    ESL_UNUSED;
    return __builtin_mul_overflow(a[0].value.i, 1000, &ms) ? range(r) : give_time(r, ms);
}

/* Components */
#define COMPONENT(fn, expression)                                \
    ESL_FN(fn)                                                   \
    {                                                            \
        WITH_ZONE(1);                                            \
        if (!in_years(a[0].value.i)) return range(r);            \
        int64_t wall = esl_zone_wall(zone, a[0].value.i);        \
        esl_civil_t civil = esl_civil_from_wall(wall);           \
        (void)civil;                                             \
        return esl_give_int(r, expression);                      \
    }

static int64_t year_day(int64_t wall, const esl_civil_t *civil)
{
    return floor_div(wall, DAY_MS) - esl_days_from_civil(civil->year, 1, 1) + 1;
}

static int64_t iso_week(int64_t wall)
{
    int32_t day = (esl_week_day(wall) + 6) % 7;        /* Monday 0 */
    int64_t thursday = wall + (3 - day) * DAY_MS;      /* the week belongs to the year of its Thursday */
    esl_civil_t civil = esl_civil_from_wall(thursday);
    return (year_day(thursday, &civil) - 1) / 7 + 1;
}

COMPONENT(esl_fn_week_day, esl_week_day(wall))
COMPONENT(esl_fn_year, civil.year)
COMPONENT(esl_fn_month, civil.month)
COMPONENT(esl_fn_day, civil.day)
COMPONENT(esl_fn_hour, civil.hour)
COMPONENT(esl_fn_minute, civil.minute)
COMPONENT(esl_fn_second, civil.second)
COMPONENT(esl_fn_m_sec, civil.ms)
COMPONENT(esl_fn_year_day, year_day(wall, &civil))
COMPONENT(esl_fn_week_nr, iso_week(wall))
COMPONENT(esl_fn_quarter, (civil.month + 2) / 3)
COMPONENT(esl_fn_days_in_month, esl_days_in_month(civil.year, civil.month))
COMPONENT(esl_fn_utc_offset, (wall - a[0].value.i) / 1000)
COMPONENT(esl_fn_is_summer_time, esl_zone_period(zone, floor_div(a[0].value.i, 1000)).summer)

ESL_FN(esl_fn_is_leap_year)
{
    ESL_UNUSED;
    return within(a[0].value.i, 1000000) ? esl_give_int(r, esl_days_in_month(a[0].value.i, 2) == 29) : range(r);
}

static bool part(int64_t x, int64_t least, int64_t most) { return x >= least && x <= most; }

ESL_FN(esl_fn_mk_time)
{
    WITH_ZONE(6);
    int64_t year = a[0].value.i, month = a[1].value.i, day = a[2].value.i;
    int64_t hour = esl_arg_int(a, n, 3, 0), minute = esl_arg_int(a, n, 4, 0);
    double seconds = n > 5 ? a[5].value.r : 0;
    if (!part(year, 1, 9999) || !part(month, 1, 12) || !part(day, 1, esl_days_in_month(year, (int32_t)month))) return range(r);
    if (!part(hour, 0, 23) || !part(minute, 0, 59) || seconds < 0 || seconds >= 60) return range(r);
    esl_civil_t civil = {(int32_t)year, (int32_t)month, (int32_t)day, (int32_t)hour, (int32_t)minute, 0, 0};
    int64_t wall = esl_wall_from_civil(&civil) + (int64_t)floor(seconds * 1000 + 0.5);
    if (esl_zone_instants(zone, wall).kind == ESL_WALL_MISSING) return range(r);
    return give_time(r, esl_zone_utc(zone, wall));
}

static bool is_unit(const esl_text_t *unit, const char *name)
{
    if (unit->bytes != strlen(name)) return false;
    for (uint32_t i = 0; i < unit->bytes; i++)
        if ((unit->data[i] & ~32) != name[i]) return false;
    return true;
}

/* Wall time at which the year, quarter, month, week or day of `wall` began; false for another unit. */
static bool day_unit_start(const esl_text_t *unit, int64_t wall, int64_t *start)
{
    esl_civil_t civil = esl_civil_from_wall(wall);
    int64_t day = floor_div(wall, DAY_MS);
    if (is_unit(unit, "Y")) day = esl_days_from_civil(civil.year, 1, 1);
    else if (is_unit(unit, "Q")) day = esl_days_from_civil(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
    else if (is_unit(unit, "M")) day = esl_days_from_civil(civil.year, civil.month, 1);
    else if (is_unit(unit, "W")) day -= (esl_week_day(wall) + 6) % 7;
    else if (!is_unit(unit, "D")) return false;
    *start = day * DAY_MS;
    return true;
}

ESL_FN(esl_fn_begin_of)
{
    WITH_ZONE(2);
    const esl_text_t *unit = a[1].value.t;
    int64_t start, ms = a[0].value.i;
    if (!in_years(ms)) return range(r);
    int64_t wall = esl_zone_wall(zone, ms);
    if (day_unit_start(unit, wall, &start)) return give_time(r, esl_zone_instants(zone, start).first_ms);
    int64_t size = is_unit(unit, "H") ? 3600000 : is_unit(unit, "MI") ? 60000 : 0;
    return size ? give_time(r, ms - (wall - floor_div(wall, size) * size)) : bad(r);
}

/* Grids: wall times offset + k * period. Within one period of the zone the wall clock runs like UTC; at its borders the
 * search goes on with the clock of the other side. */
static int64_t grid_before(const esl_zone_t *zone, int64_t ms, int64_t period, int64_t offset)
{
    for (;;) {
        esl_period_t p = esl_zone_period(zone, floor_div(ms, 1000));
        int64_t wall = ms + p.offset_s * INT64_C(1000) - offset;
        int64_t found = ms - (wall - floor_div(wall, period) * period);
        if (p.start_s == INT64_MIN || found >= p.start_s * 1000) return found;
        ms = p.start_s * 1000 - 1;
    }
}

static int64_t grid_after(const esl_zone_t *zone, int64_t ms, int64_t period, int64_t offset)
{
    for (;;) {
        esl_period_t p = esl_zone_period(zone, floor_div(ms, 1000));
        int64_t wall = ms + p.offset_s * INT64_C(1000) - offset;
        int64_t found = ms + period - (wall - floor_div(wall, period) * period);
        if (p.end_s == INT64_MAX || found < p.end_s * 1000) return found;
        ms = p.end_s * 1000;
        p = esl_zone_period(zone, p.end_s);
        wall = ms + p.offset_s * INT64_C(1000) - offset;
        if (floor_div(wall, period) * period == wall) return ms; /* the border itself is on the grid */
    }
}

/* Period and offset of the grid functions in ms; false = out of range. Ten years are enough for any plant's rhythm. */
static bool grid(const esl_value_t *a, int n, int i, int64_t *period, int64_t *offset)
{
    int64_t seconds = a[i].value.i, shift = esl_arg_int(a, n, i + 1, 0);
    if (seconds <= 0 || seconds > INT64_C(316000000) || !within(shift, INT64_C(316000000))) return false;
    *period = seconds * 1000;
    *offset = shift * 1000;
    return true;
}

ESL_FN(esl_fn_grid_time)
{
    int64_t period, offset;
    WITH_ZONE(3);
    if (!in_years(a[0].value.i) || !grid(a, n, 1, &period, &offset)) return range(r);
    return give_time(r, grid_before(zone, a[0].value.i, period, offset));
}

/* %PrevTime and %NextTime look at validity themselves only so that the trigger, which is ignored, may be invalid. */
static int grid_now(esl_context_t *c, const esl_value_t *a, int n, esl_value_t *r, bool next)
{
    int64_t period, offset;
    for (int i = 0; i < n; i++)
        if (i != 2 && esl_arg_invalid(&a[i])) return esl_give_invalid(r, esl_arg_reason(&a[i]));
    WITH_ZONE(3);
    int64_t now = c->world->now_ms(c->world->host);
    if (!in_years(now) || !grid(a, 2, 0, &period, &offset)) return range(r);
    return give_time(r, next ? grid_after(zone, now, period, offset) : grid_before(zone, now, period, offset));
}

ESL_FN(esl_fn_prev_time) { return grid_now(c, a, n, r, false); }
ESL_FN(esl_fn_next_time) { return grid_now(c, a, n, r, true); }

/* Relative time */
static bool digits(const char **at, const char *end, int64_t most, int64_t *value)
{
    const char *start = *at;
    *value = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *value <= most) *value = *value * 10 + (*(*at)++ - '0');
    return *at > start && *value <= most;
}

static bool accept(const char **at, const char *end, char ch)
{
    if (*at >= end || **at != ch) return false;
    (*at)++;
    return true;
}

ESL_FN(esl_fn_str_to_rel_time)
{
    const char *at = a[0].value.t->data, *end = at + a[0].value.t->bytes;
    int64_t days, hours, minutes, seconds;
    ESL_UNUSED;
    bool negative = accept(&at, end, '-');
    if (!digits(&at, end, 100000000, &days)) return bad(r);
    if (accept(&at, end, ' ')) {
        if (!digits(&at, end, 23, &hours)) return bad(r);
    } else { /* without days the first number is the hours */
        hours = days;
        days = 0;
    }
    bool rest = accept(&at, end, ':') && digits(&at, end, 59, &minutes) && accept(&at, end, ':') && digits(&at, end, 59, &seconds);
    if (!rest || at != end) return bad(r);
    double total = (double)(((days * 24 + hours) * 60 + minutes) * 60 + seconds);
    return esl_give_real(r, negative ? -total : total);
}

ESL_FN(esl_fn_rel_time_to_str)
{
    char text[48];
    ESL_UNUSED;
    int64_t seconds = esl_int_from_real(a[0].value.r);
    if (!within(seconds, INT64_C(8640000000000))) return range(r);
    int64_t size = seconds < 0 ? -seconds : seconds;
    int length = snprintf(text, sizeof text, "%s%lld %02d:%02d:%02d", seconds < 0 ? "-" : "", (long long)(size / 86400),
                          (int)(size / 3600 % 24), (int)(size / 60 % 60), (int)(size % 60));
    return esl_give_text(c, r, text, (size_t)length);
}

ESL_FN(esl_fn_get_current_time_zone)
{
    ESL_UNUSED;
    if (!c->world->zone) return bad(r);
    const char *name = esl_zone_name(c->world->zone);
    return esl_give_text(c, r, name, strlen(name));
}
