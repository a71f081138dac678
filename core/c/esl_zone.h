/* Time zones and the calendar. TIME is milliseconds since 1970 UTC; a wall time is the same count read off a local clock.
 *
 * A zone is immutable once parsed: any number of threads may read it. Its bytes come from outside (no files here). */
#ifndef ESL_ZONE_H
#define ESL_ZONE_H

#include "esl_slot.h"
#include "esl_text.h"

typedef struct esl_zone esl_zone_t;

/* From a TZif file, version 2 and up (the 64-bit table and the footer rule). NULL: malformed, or no memory. */
esl_zone_t *esl_zone_parse(const char *name, const uint8_t *bytes, size_t length);
/* Constant offset in seconds, within a day. */
esl_zone_t *esl_zone_fixed(const char *name, int32_t offset_s);
void esl_zone_free(esl_zone_t *zone);
const char *esl_zone_name(const esl_zone_t *zone);
/* "(+|-)hh[:mi[:ss]]" as seconds; false when it is written otherwise. */
bool esl_zone_offset_text(const char *text, size_t bytes, int32_t *offset_s);

/* The stretch of constant offset that holds an instant. */
typedef struct {
    int64_t start_s, end_s;  /* UTC seconds, [start, end); INT64_MIN and INT64_MAX at the ends of time */
    int32_t offset_s;        /* local minus UTC */
    bool summer;
} esl_period_t;
esl_period_t esl_zone_period(const esl_zone_t *zone, int64_t utc_s);

int64_t esl_zone_wall(const esl_zone_t *zone, int64_t utc_ms); /* wall time of a valid TIME */

/* UTC of a wall time. */
typedef enum { ESL_WALL_UNIQUE, ESL_WALL_TWICE, ESL_WALL_MISSING } esl_wall_t;
typedef struct {
    esl_wall_t kind;
    int64_t first_ms;   /* MISSING: moved forward by the gap */
    int64_t second_ms;  /* TWICE: the later one; else equal to first_ms */
    int32_t first_offset_s, second_offset_s;
    bool first_summer, second_summer;
} esl_instants_t;
esl_instants_t esl_zone_instants(const esl_zone_t *zone, int64_t wall_ms);
/* The one in standard time (else the later) when there are two; a missing one moved forward. */
int64_t esl_zone_utc(const esl_zone_t *zone, int64_t wall_ms);
/* The one with `offset_s` when there are two and one has it, else as esl_zone_utc. */
int64_t esl_zone_utc_near(const esl_zone_t *zone, int64_t wall_ms, int32_t offset_s);

/* Operators: TIME + REAL seconds (TM + N) and TIME - TIME by the wall clock. Operands may be invalid; results carry a
 * reason. Seconds are rounded to milliseconds, half up. A sum outside the years 1..9999 is invalid, reason 2. */
int64_t esl_zone_add_local(const esl_zone_t *zone, int64_t time_ms, double seconds);
double esl_zone_diff_local(const esl_zone_t *zone, int64_t a_ms, int64_t b_ms);
int64_t esl_time_add(int64_t time_ms, double seconds);   /* elapsed time */
double esl_time_diff(int64_t a_ms, int64_t b_ms);

/* Calendar (proleptic Gregorian). */
typedef struct {
    int32_t year, month, day, hour, minute, second, ms; /* month and day from 1 */
} esl_civil_t;
esl_civil_t esl_civil_from_wall(int64_t wall_ms);
int64_t esl_wall_from_civil(const esl_civil_t *civil);   /* parts may be out of range only where the caller checked */
int64_t esl_days_from_civil(int64_t year, int32_t month, int32_t day);
int32_t esl_days_in_month(int64_t year, int32_t month);
int32_t esl_week_day(int64_t wall_ms);                   /* Sunday 0 */
#define ESL_TIME_LEAST INT64_C(-62135596800000)          /* 00:00 01-01-0001 */
#define ESL_TIME_MOST  INT64_C(253402300799999)          /* end of 9999 */

/* Text of a time by a mask: yyyy rrrr yy rr mm dd hh mi ss mss, hb HH (hour 1..25), tttt ttt tt (day name), ZZZ ZZZZZ
 * ZZZZZZ (offset). Only the first occurrence of a component counts, the longest spelling wins. `twice`: the hour that
 * comes twice is written A2, B2. Returns the bytes written (at most `room`; the mask may be repeated text), or -1. */
long esl_time_format(const esl_zone_t *zone, int64_t time_ms, const char *mask, size_t mask_bytes, bool twice,
                     char *out, size_t room);
/* The reverse: TIME or INT invalid (reason 3). Missing parts: 1970, January, 1, 0. Accepts A2, B2. */
int64_t esl_time_parse(const esl_zone_t *zone, const char *text, size_t bytes, const char *mask, size_t mask_bytes);

#define ESL_TIME_MASK "hh:mi:ss dd-mm-yyyy" /* %StrToTime, %ToStr */

#endif
