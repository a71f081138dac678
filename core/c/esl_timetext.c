/* Times as text by a mask, and back. A mask is read from left to right; at each place the longest component that did not
 * occur yet is taken, anything else stands for itself. */
#include "esl_number.h"
#include "esl_tzif.h"

#include <stdio.h>

enum { YEAR, MONTH, DAY, HOUR, TRADE_HOUR, MINUTE, SECOND, MILLI, DAY_NAME, OFFSET, COMPONENTS };

typedef struct { const char *spelling; int component; } spelling_t;
static const spelling_t spellings[] = { /* longer before shorter where one begins like the other */
    {"yyyy", YEAR}, {"rrrr", YEAR}, {"yy", YEAR}, {"rr", YEAR}, {"mss", MILLI}, {"mm", MONTH}, {"mi", MINUTE}, {"dd", DAY},
    {"hh", HOUR}, {"hb", TRADE_HOUR}, {"HH", TRADE_HOUR}, {"ss", SECOND}, {"tttt", DAY_NAME}, {"ttt", DAY_NAME}, {"tt", DAY_NAME},
    {"ZZZZZZ", OFFSET}, {"ZZZZZ", OFFSET}, {"ZZZ", OFFSET},
};

/* Component that begins at `at` and is still free: its length, 0 for a literal. */
static size_t component_at(const char *at, const char *end, bool *used, int *component)
{
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        size_t length = strlen(spellings[i].spelling);
        if ((size_t)(end - at) < length || memcmp(at, spellings[i].spelling, length) != 0 || used[spellings[i].component]) continue;
        *component = spellings[i].component;
        used[*component] = true;
        return length;
    }
    return 0;
}

static bool is_mask(const char *mask, size_t bytes, const char *word) { return bytes == strlen(word) && memcmp(mask, word, bytes) == 0; }

/* Writing */
typedef struct {
    const esl_zone_t *zone;
    int64_t time_ms, wall_ms;
    int32_t offset_s;
    esl_civil_t civil;
    char twice;             /* 'A', 'B', or 0 */
} moment_t;

static int64_t day_start(const esl_zone_t *zone, int64_t wall_ms)
{
    int64_t rest = wall_ms % 86400000;
    return esl_zone_instants(zone, wall_ms - (rest < 0 ? rest + 86400000 : rest)).first_ms;
}

static moment_t moment_of(const esl_zone_t *zone, int64_t time_ms, bool twice)
{
    int64_t second = time_ms / 1000 - (time_ms % 1000 < 0);
    moment_t m = {.zone = zone, .time_ms = time_ms, .offset_s = esl_zone_period(zone, second).offset_s};
    m.wall_ms = time_ms + m.offset_s * INT64_C(1000);
    m.civil = esl_civil_from_wall(m.wall_ms);
    if (!twice) return m;
    esl_instants_t both = esl_zone_instants(zone, m.wall_ms);
    if (both.kind == ESL_WALL_TWICE) m.twice = time_ms == both.first_ms ? 'A' : 'B';
    return m;
}

static int print_hour(const moment_t *m, char *out, size_t room)
{
    if (m->twice && m->civil.hour < 10) return snprintf(out, room, "%c%d", m->twice, (int)m->civil.hour);
    return snprintf(out, room, "%s%02d", m->twice == 'A' ? "A" : m->twice ? "B" : "", (int)m->civil.hour);
}

static int print_offset(const moment_t *m, size_t length, char *out, size_t room)
{
    int minutes = (int)(m->offset_s < 0 ? -m->offset_s : m->offset_s) / 60;
    char sign = m->offset_s < 0 ? '-' : '+';
    if (length == 3) return snprintf(out, room, "%c%02d", sign, minutes / 60);
    return snprintf(out, room, length == 5 ? "%c%02d%02d" : "%c%02d:%02d", sign, minutes / 60, minutes % 60);
}

static int print_day_name(const moment_t *m, size_t length, char *out, size_t room)
{
    static const char *const names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    return snprintf(out, room, "%.*s", length == 4 ? 9 : (int)length, names[esl_week_day(m->wall_ms)]);
}

static int print_component(const moment_t *m, int component, size_t length, char *out, size_t room)
{
    switch (component) {
    case YEAR: return length == 4 ? snprintf(out, room, "%04d", (int)m->civil.year) : snprintf(out, room, "%02d", (int)m->civil.year % 100);
    case MONTH: return snprintf(out, room, "%02d", (int)m->civil.month);
    case DAY: return snprintf(out, room, "%02d", (int)m->civil.day);
    case HOUR: return print_hour(m, out, room);
    case TRADE_HOUR: return snprintf(out, room, "%02d", (int)((m->time_ms - day_start(m->zone, m->wall_ms)) / 3600000) + 1);
    case MINUTE: return snprintf(out, room, "%02d", (int)m->civil.minute);
    case SECOND: return snprintf(out, room, "%02d", (int)m->civil.second);
    case MILLI: return snprintf(out, room, "%03d", (int)m->civil.ms);
    case DAY_NAME: return print_day_name(m, length, out, room);
    default: return print_offset(m, length, out, room);
    }
}

static long print_unix(int64_t count, char *out, size_t room)
{
    char text[ESL_INT_TEXT];
    size_t length = esl_int_text(count, text);
    if (length > room) return -1;
    memcpy(out, text, length);
    return (long)length;
}

long esl_time_format(const esl_zone_t *zone, int64_t time_ms, const char *mask, size_t mask_bytes, bool twice, char *out, size_t room)
{
    bool used[COMPONENTS] = {false};
    size_t written = 0;
    if (time_ms < ESL_TIME_LEAST || time_ms > ESL_TIME_MOST) return -1;
    if (is_mask(mask, mask_bytes, "UNIX")) return print_unix(time_ms / 1000 - (time_ms % 1000 < 0), out, room);
    if (is_mask(mask, mask_bytes, "UNIXMS")) return print_unix(time_ms, out, room);
    moment_t m = moment_of(zone, time_ms, twice);
    for (const char *at = mask, *end = mask + mask_bytes; at < end;) {
        char text[24] = {*at};
        int component, count = 1;
        size_t length = component_at(at, end, used, &component);
        if (length) count = print_component(&m, component, length, text, sizeof text);
        if (written + (size_t)count > room) return -1;
        memcpy(out + written, text, (size_t)count);
        written += (size_t)count;
        at += length ? length : 1;
    }
    return (long)written;
}

/* Reading */
typedef struct {
    const char *at, *end;
    int32_t part[COMPONENTS];
    char twice;
    bool has_offset;
    bool bad;
} reading_t;

static bool digit(const reading_t *t) { return t->at < t->end && *t->at >= '0' && *t->at <= '9'; }

static int32_t number(reading_t *t, int most_digits, int *digits)
{
    int32_t value = 0;
    int count = 0;
    while (count < most_digits && digit(t)) {
        value = value * 10 + (*t->at++ - '0');
        count++;
    }
    if (count == 0) t->bad = true;
    if (digits) *digits = count;
    return value;
}

static int32_t read_year(reading_t *t, size_t length)
{
    int digits;
    int32_t year = number(t, length == 4 ? 4 : 2, &digits);
    if (digits == 2) return year + (year < 70 ? 2000 : 1900);
    if (digits != 4) t->bad = true;
    return year;
}

static int32_t read_hour(reading_t *t)
{
    if (t->at < t->end && (*t->at == 'A' || *t->at == 'B')) t->twice = *t->at++;
    return number(t, 2, NULL);
}

static void read_letters(reading_t *t, size_t length)
{
    size_t most = length == 4 ? 9 : length, count = 0;
    while (count < most && t->at < t->end && ((*t->at | 32) >= 'a' && (*t->at | 32) <= 'z')) t->at++, count++;
    if (count < (length == 4 ? 1 : length)) t->bad = true;
}

static int32_t read_offset(reading_t *t, size_t length)
{
    int32_t sign = t->at < t->end && *t->at == '-' ? -1 : 1;
    if (t->at < t->end && (*t->at == '+' || *t->at == '-')) t->at++;
    else t->bad = true;
    int32_t seconds = number(t, 2, NULL) * 3600;
    if (length == 6) t->bad |= !(t->at < t->end && *t->at++ == ':');
    if (length > 3) seconds += number(t, 2, NULL) * 60;
    t->has_offset = true;
    return sign * seconds;
}

static void read_component(reading_t *t, int component, size_t length)
{
    switch (component) {
    case YEAR: t->part[YEAR] = read_year(t, length); break;
    case HOUR: t->part[HOUR] = read_hour(t); break;
    case MILLI: t->part[MILLI] = number(t, 3, NULL); break;
    case DAY_NAME: read_letters(t, length); break;
    case OFFSET: t->part[OFFSET] = read_offset(t, length); break;
    default: t->part[component] = number(t, 2, NULL);
    }
}

static bool parts_ok(const reading_t *t, bool trade)
{
    const int32_t *p = t->part;
    if (p[YEAR] < 1 || p[YEAR] > 9999 || p[MONTH] < 1 || p[MONTH] > 12) return false;
    if (p[DAY] < 1 || p[DAY] > esl_days_in_month(p[YEAR], p[MONTH])) return false;
    if (trade && (p[TRADE_HOUR] < 1 || p[TRADE_HOUR] > 25)) return false;
    return p[HOUR] <= 23 && p[MINUTE] <= 59 && p[SECOND] <= 59 && p[OFFSET] > -86400 && p[OFFSET] < 86400;
}

static int64_t settle(const esl_zone_t *zone, const reading_t *t, bool trade)
{
    const int32_t *p = t->part;
    esl_civil_t civil = {p[YEAR], p[MONTH], p[DAY], trade ? 0 : p[HOUR], trade ? 0 : p[MINUTE], trade ? 0 : p[SECOND], trade ? 0 : p[MILLI]};
    int64_t wall = esl_wall_from_civil(&civil);
    if (trade) { /* hours of the day as they pass */
        int64_t in_day = (p[TRADE_HOUR] - 1) * INT64_C(3600) + p[MINUTE] * INT64_C(60) + p[SECOND];
        return day_start(zone, wall) + in_day * 1000 + p[MILLI];
    }
    if (t->has_offset) return wall - p[OFFSET] * INT64_C(1000);
    esl_instants_t found = esl_zone_instants(zone, wall);
    if (found.kind == ESL_WALL_MISSING) return esl_int_inv(ESL_CONVERSION);
    if (found.kind == ESL_WALL_TWICE && t->twice) return t->twice == 'A' ? found.first_ms : found.second_ms;
    return esl_zone_utc(zone, wall);
}

static int64_t read_unix(const char *text, size_t bytes, int64_t unit)
{
    int64_t ms, count = esl_int_parse(text, bytes);
    if (esl_int_invalid(count)) return count;
    bool fits = !__builtin_mul_overflow(count, unit, &ms) && ms >= ESL_TIME_LEAST && ms <= ESL_TIME_MOST;
    return fits ? ms : esl_int_inv(ESL_OUT_OF_RANGE);
}

int64_t esl_time_parse(const esl_zone_t *zone, const char *text, size_t bytes, const char *mask, size_t mask_bytes)
{
    bool used[COMPONENTS] = {false};
    reading_t t = {.at = text, .end = text + bytes};
    t.part[YEAR] = 1970;
    t.part[MONTH] = t.part[DAY] = 1;
    if (is_mask(mask, mask_bytes, "UNIX")) return read_unix(text, bytes, 1000);
    if (is_mask(mask, mask_bytes, "UNIXMS")) return read_unix(text, bytes, 1);
    for (const char *at = mask, *end = mask + mask_bytes; at < end && !t.bad;) {
        int component;
        size_t length = component_at(at, end, used, &component);
        if (length) read_component(&t, component, length);
        else t.bad = !(t.at < t.end && *t.at++ == *at);
        at += length ? length : 1;
    }
    if (t.bad || t.at != t.end || !parts_ok(&t, used[TRADE_HOUR])) return esl_int_inv(ESL_CONVERSION);
    int64_t time_ms = settle(zone, &t, used[TRADE_HOUR]);
    return time_ms >= ESL_TIME_LEAST && time_ms <= ESL_TIME_MOST ? time_ms : esl_int_inv(ESL_CONVERSION);
}
