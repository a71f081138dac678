/* Inside of a zone: shared by the reader of TZif (esl_tzif.c) and the calendar (esl_zone.c). */
#ifndef ESL_TZIF_H
#define ESL_TZIF_H

#include "esl_zone.h"

typedef struct { int32_t offset_s; uint8_t summer; } esl_zone_kind_t;

/* A day of the year on which the clock is changed, and the local time of day in seconds (may be negative or above a day). */
typedef struct {
    char form;                 /* 'M' month.week.day, 'J' day 1..365 without 29 February, 'N' day 0..365 */
    int32_t month, week, day;
    int32_t time_s;
} esl_zone_change_t;

/* What holds behind the last entry of the table. */
typedef struct {
    bool present, has_summer;
    int32_t standard_s, summer_s;
    esl_zone_change_t start, end;
} esl_zone_rule_t;

struct esl_zone {
    char name[64];
    uint32_t count;            /* transitions */
    int64_t *at;               /* UTC seconds, ascending */
    uint8_t *kind;             /* kind that begins there */
    uint32_t kinds;
    esl_zone_kind_t kinds_of[256];
    esl_zone_rule_t rule;
};

/* Footer text of a TZif file ("CET-1CEST,M3.5.0,M10.5.0/3") -> rule; false when it cannot be read. */
bool esl_zone_rule_parse(const char *text, size_t bytes, esl_zone_rule_t *rule);

#endif
