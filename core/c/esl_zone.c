/* Calendar and wall clock. All in whole seconds or milliseconds; floating point only where a script gives REAL seconds. */
#include "esl_tzif.h"

#define DAY_S INT64_C(86400)
#define DAY_MS INT64_C(86400000)
#define WIDEST_S (26 * 3600) /* no zone is further from UTC */

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b < 0);
}

static bool leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Days since 1970-01-01, counted in eras of 400 years that begin in March. */
int64_t esl_days_from_civil(int64_t year, int32_t month, int32_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void civil_from_days(int64_t days, esl_civil_t *civil)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    civil->day = (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil->month = (int32_t)(month_from_march + (month_from_march < 10 ? 3 : -9));
    civil->year = (int32_t)(year_of_era + era * 400 + (civil->month <= 2));
}

int32_t esl_days_in_month(int64_t year, int32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap(year));
}

esl_civil_t esl_civil_from_wall(int64_t wall_ms)
{
    esl_civil_t civil;
    int64_t days = floor_div(wall_ms, DAY_MS);
    int64_t rest = wall_ms - days * DAY_MS;
    civil_from_days(days, &civil);
    civil.hour = (int32_t)(rest / 3600000);
    civil.minute = (int32_t)(rest / 60000 % 60);
    civil.second = (int32_t)(rest / 1000 % 60);
    civil.ms = (int32_t)(rest % 1000);
    return civil;
}

int64_t esl_wall_from_civil(const esl_civil_t *civil)
{
    int64_t seconds = civil->hour * INT64_C(3600) + civil->minute * INT64_C(60) + civil->second;
    return esl_days_from_civil(civil->year, civil->month, civil->day) * DAY_MS + seconds * 1000 + civil->ms;
}

int32_t esl_week_day(int64_t wall_ms)
{
    int64_t days = floor_div(wall_ms, DAY_MS) + 4; /* 1970-01-01 was a Thursday */
    return (int32_t)(days - floor_div(days, 7) * 7);
}

/* Local second (wall) at which the clock is changed in that year. */
static int64_t change_wall(const esl_zone_change_t *change, int64_t year)
{
    int64_t days;
    if (change->form == 'M') {
        int64_t first = esl_days_from_civil(year, change->month, 1);
        int32_t day = 1 + (change->day - esl_week_day(first * DAY_MS) + 7) % 7 + (change->week - 1) * 7;
        if (day > esl_days_in_month(year, change->month)) day -= 7;
        days = first + day - 1;
    } else {
        days = esl_days_from_civil(year, 1, 1) + change->day;
        if (change->form == 'J') days += (leap(year) && change->day >= 60) - 1;
    }
    return days * DAY_S + change->time_s;
}

/* Period of the rule that holds `utc_s`: among the changes of the years around it, the last not later and the next one. */
static esl_period_t rule_period(const esl_zone_rule_t *rule, int64_t utc_s)
{
    esl_period_t p = {INT64_MIN, INT64_MAX, rule->standard_s, false};
    esl_civil_t civil;
    if (!rule->has_summer) return p;
    civil_from_days(floor_div(utc_s, DAY_S), &civil);
    for (int64_t year = civil.year - 1; year <= civil.year + 1; year++) {
        int64_t to_summer = change_wall(&rule->start, year) - rule->standard_s;
        int64_t to_standard = change_wall(&rule->end, year) - rule->summer_s;
        if (to_summer <= utc_s && to_summer >= p.start_s) p = (esl_period_t){to_summer, p.end_s, rule->summer_s, true};
        if (to_standard <= utc_s && to_standard > p.start_s) p = (esl_period_t){to_standard, p.end_s, rule->standard_s, false};
        if (to_summer > utc_s && to_summer < p.end_s) p.end_s = to_summer;
        if (to_standard > utc_s && to_standard < p.end_s) p.end_s = to_standard;
    }
    return p;
}

static uint32_t transitions_until(const esl_zone_t *zone, int64_t utc_s)
{
    uint32_t low = 0, high = zone->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (zone->at[middle] <= utc_s) low = middle + 1;
        else high = middle;
    }
    return low;
}

esl_period_t esl_zone_period(const esl_zone_t *zone, int64_t utc_s)
{
    uint32_t n = transitions_until(zone, utc_s);
    int64_t start = n ? zone->at[n - 1] : INT64_MIN;
    if (n == zone->count && zone->rule.present) {
        esl_period_t p = rule_period(&zone->rule, utc_s);
        if (p.start_s < start) p.start_s = start;
        return p;
    }
    const esl_zone_kind_t *kind = &zone->kinds_of[n ? zone->kind[n - 1] : 0];
    return (esl_period_t){start, n < zone->count ? zone->at[n] : INT64_MAX, kind->offset_s, kind->summer};
}

int64_t esl_zone_wall(const esl_zone_t *zone, int64_t utc_ms)
{
    return utc_ms + esl_zone_period(zone, floor_div(utc_ms, 1000)).offset_s * INT64_C(1000);
}

esl_instants_t esl_zone_instants(const esl_zone_t *zone, int64_t wall_ms)
{
    int64_t wall_s = floor_div(wall_ms, 1000), ms = wall_ms - wall_s * 1000;
    esl_instants_t found = {.kind = ESL_WALL_MISSING};
    int64_t at = wall_s - WIDEST_S;
    int32_t gap_offset = 0;
    bool gap_summer = false;
    for (;;) {
        esl_period_t p = esl_zone_period(zone, at);
        int64_t utc_s = wall_s - p.offset_s;
        if (utc_s >= p.start_s && utc_s < p.end_s) {
            found.second_ms = utc_s * 1000 + ms;
            found.second_offset_s = p.offset_s;
            found.second_summer = p.summer;
            if (found.kind == ESL_WALL_MISSING) {
                found.first_ms = found.second_ms;
                found.first_offset_s = p.offset_s;
                found.first_summer = p.summer;
                found.kind = ESL_WALL_UNIQUE;
            } else {
                found.kind = ESL_WALL_TWICE;
            }
        } else if (utc_s >= p.end_s) { /* the clock jumped over it at the end of this period */
            gap_offset = p.offset_s;
            gap_summer = p.summer;
        }
        if (p.end_s > wall_s + WIDEST_S) break;
        at = p.end_s;
    }
    if (found.kind == ESL_WALL_MISSING) { /* the offset of before carries it forward by the gap */
        found.first_ms = found.second_ms = wall_ms - gap_offset * INT64_C(1000);
        found.first_offset_s = found.second_offset_s = gap_offset;
        found.first_summer = found.second_summer = gap_summer;
    }
    return found;
}

int64_t esl_zone_utc(const esl_zone_t *zone, int64_t wall_ms)
{
    esl_instants_t found = esl_zone_instants(zone, wall_ms);
    return found.second_summer && !found.first_summer ? found.first_ms : found.second_ms;
}

int64_t esl_zone_utc_near(const esl_zone_t *zone, int64_t wall_ms, int32_t offset_s)
{
    esl_instants_t found = esl_zone_instants(zone, wall_ms);
    if (found.kind == ESL_WALL_TWICE && found.first_offset_s == offset_s) return found.first_ms;
    if (found.kind == ESL_WALL_TWICE && found.second_offset_s == offset_s) return found.second_ms;
    return found.second_summer && !found.first_summer ? found.first_ms : found.second_ms;
}

static int64_t within(int64_t time_ms)
{
    bool fits = time_ms >= ESL_TIME_LEAST && time_ms <= ESL_TIME_MOST;
    return fits ? time_ms : esl_int_inv(ESL_OUT_OF_RANGE);
}

/* Milliseconds of valid seconds, half up; false when they are more than all years together. */
static bool ms_of(double seconds, int64_t *ms)
{
    if (!(fabs(seconds) < 4e11)) return false;
    double exact = seconds * 1000.0, whole = floor(exact);
    *ms = (int64_t)whole + (exact - whole >= 0.5);
    return true;
}

static int64_t invalid_operand(int64_t time_ms, double seconds) /* 0 = both are valid */
{
    if (esl_int_invalid(time_ms)) return esl_int_inv(esl_int_reason(time_ms));
    return esl_real_invalid(seconds) ? esl_int_inv(esl_real_reason(seconds)) : 0;
}

int64_t esl_time_add(int64_t time_ms, double seconds)
{
    int64_t ms, sum, invalid = invalid_operand(time_ms, seconds);
    if (invalid) return invalid;
    if (!ms_of(seconds, &ms) || __builtin_add_overflow(time_ms, ms, &sum)) return esl_int_inv(ESL_OUT_OF_RANGE);
    return within(sum);
}

int64_t esl_zone_add_local(const esl_zone_t *zone, int64_t time_ms, double seconds)
{
    int64_t ms, wall, invalid = invalid_operand(time_ms, seconds);
    if (invalid) return invalid;
    if (!ms_of(seconds, &ms) || esl_int_invalid(within(time_ms))) return esl_int_inv(ESL_OUT_OF_RANGE);
    if (ms == 0) return time_ms;
    int32_t offset = esl_zone_period(zone, floor_div(time_ms, 1000)).offset_s;
    wall = time_ms + offset * INT64_C(1000) + ms;
    if (esl_int_invalid(within(wall))) return esl_int_inv(ESL_OUT_OF_RANGE);
    return within(esl_zone_utc_near(zone, wall, offset));
}

static double invalid_pair(int64_t a_ms, int64_t b_ms)
{
    return esl_real_inv(esl_int_reason(esl_int_invalid(a_ms) ? a_ms : b_ms));
}

double esl_time_diff(int64_t a_ms, int64_t b_ms)
{
    int64_t ms;
    if (esl_int_invalid(a_ms) || esl_int_invalid(b_ms)) return invalid_pair(a_ms, b_ms);
    if (__builtin_sub_overflow(a_ms, b_ms, &ms)) return esl_real_inv(ESL_OUT_OF_RANGE);
    return (double)ms / 1000.0;
}

double esl_zone_diff_local(const esl_zone_t *zone, int64_t a_ms, int64_t b_ms)
{
    if (esl_int_invalid(a_ms) || esl_int_invalid(b_ms)) return invalid_pair(a_ms, b_ms);
    if (esl_int_invalid(within(a_ms)) || esl_int_invalid(within(b_ms))) return esl_real_inv(ESL_OUT_OF_RANGE);
    return (double)(esl_zone_wall(zone, a_ms) - esl_zone_wall(zone, b_ms)) / 1000.0;
}

static int32_t two_digits(const char **at, const char *end)
{
    int32_t value = -1;
    if (end - *at >= 2 && (unsigned)((*at)[0] - '0') < 10 && (unsigned)((*at)[1] - '0') < 10) {
        value = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
        *at += 2;
    }
    return value;
}

bool esl_zone_offset_text(const char *text, size_t bytes, int32_t *offset_s)
{
    const char *at = text, *end = text + bytes;
    if (bytes < 3 || (*at != '+' && *at != '-')) return false;
    int32_t sign = *at++ == '-' ? -1 : 1;
    int32_t parts[3] = {0, 0, 0}, most[3] = {23, 59, 59};
    for (int i = 0; i < 3; i++) {
        parts[i] = two_digits(&at, end);
        if (parts[i] < 0 || parts[i] > most[i]) return false;
        if (at == end) {
            for (int k = i + 1; k < 3; k++) parts[k] = 0;
            *offset_s = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
            return true;
        }
        if (*at++ != ':') return false;
    }
    return false;
}
