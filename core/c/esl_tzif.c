/* Reader of TZif files (RFC 8536), version 2 and up, and of their footer. The bytes may be anything. */
#include "esl_tzif.h"

#include <stdlib.h>

typedef struct { const uint8_t *at; size_t left; bool bad; } bytes_t;

static const uint8_t *take(bytes_t *in, size_t count)
{
    static const uint8_t nothing[8];
    if (in->bad || count > in->left) {
        in->bad = true;
        return nothing;
    }
    in->at += count;
    in->left -= count;
    return in->at - count;
}

static uint64_t big(const uint8_t *at, int width)
{
    uint64_t value = 0;
    for (int i = 0; i < width; i++) value = value << 8 | at[i];
    return value;
}

typedef struct { uint8_t version; uint32_t utc, standard, leap, times, types, chars; } head_t;

static head_t read_head(bytes_t *in)
{
    head_t head = {0};
    if (in->left < 44 || memcmp(in->at, "TZif", 4) != 0) {
        in->bad = true;
        return head;
    }
    head.version = in->at[4];
    take(in, 20);
    uint32_t *field[] = {&head.utc, &head.standard, &head.leap, &head.times, &head.types, &head.chars};
    for (int i = 0; i < 6; i++) {
        *field[i] = (uint32_t)big(take(in, 4), 4);
        if (*field[i] > 100000) in->bad = true;
    }
    return head;
}

static size_t body_bytes(const head_t *head, size_t width)
{
    return head->times * (width + 1) + head->types * 6u + head->chars + head->leap * (width + 4) + head->standard + head->utc;
}

static bool read_table(esl_zone_t *zone, bytes_t *in, const head_t *head)
{
    if (in->bad || body_bytes(head, 8) > in->left || head->types == 0 || head->types > 256) return false;
    zone->at = malloc((head->times ? head->times : 1) * sizeof(int64_t));
    zone->kind = malloc(head->times ? head->times : 1);
    if (!zone->at || !zone->kind) return false;
    zone->count = head->times;
    zone->kinds = head->types;
    for (uint32_t i = 0; i < head->times; i++) zone->at[i] = (int64_t)big(take(in, 8), 8);
    for (uint32_t i = 0; i < head->times; i++) zone->kind[i] = *take(in, 1);
    for (uint32_t i = 0; i < head->types; i++) {
        const uint8_t *type = take(in, 6);
        zone->kinds_of[i] = (esl_zone_kind_t){(int32_t)(uint32_t)big(type, 4), type[4] != 0};
    }
    take(in, head->chars + head->leap * 12u + head->standard + head->utc);
    return !in->bad;
}

static bool offset_ok(int32_t offset_s) { return offset_s >= -26 * 3600 && offset_s <= 26 * 3600; }

static bool table_ok(const esl_zone_t *zone)
{
    for (uint32_t i = 0; i < zone->count; i++)
        if (zone->kind[i] >= zone->kinds || (i && zone->at[i] <= zone->at[i - 1])) return false;
    for (uint32_t i = 0; i < zone->kinds; i++)
        if (!offset_ok(zone->kinds_of[i].offset_s)) return false;
    for (uint32_t i = 0; i < zone->count; i++)
        if (zone->at[i] > INT64_C(1) << 58 || zone->at[i] < -(INT64_C(1) << 60)) return false;
    return true;
}

static bool read_footer(esl_zone_t *zone, bytes_t *in)
{
    if (*take(in, 1) != '\n' || in->bad) return false;
    const uint8_t *end = memchr(in->at, '\n', in->left);
    if (!end) return false;
    if (end == in->at) return true; /* no rule: the last entry holds for ever */
    return esl_zone_rule_parse((const char *)in->at, (size_t)(end - in->at), &zone->rule);
}

static esl_zone_t *named(const char *name)
{
    esl_zone_t *zone = calloc(1, sizeof *zone);
    if (zone) strncpy(zone->name, name, sizeof zone->name - 1);
    return zone;
}

esl_zone_t *esl_zone_parse(const char *name, const uint8_t *bytes, size_t length)
{
    bytes_t in = {bytes, length, false};
    head_t head = read_head(&in);
    if (in.bad || head.version < '2') return NULL;
    take(&in, body_bytes(&head, 4));
    head = read_head(&in);
    esl_zone_t *zone = named(name);
    if (!zone) return NULL;
    if (!in.bad && read_table(zone, &in, &head) && table_ok(zone) && read_footer(zone, &in)) return zone;
    esl_zone_free(zone);
    return NULL;
}

esl_zone_t *esl_zone_fixed(const char *name, int32_t offset_s)
{
    if (offset_s <= -86400 || offset_s >= 86400) return NULL;
    esl_zone_t *zone = named(name);
    if (!zone) return NULL;
    zone->kinds = 1;
    zone->kinds_of[0].offset_s = offset_s;
    return zone;
}

void esl_zone_free(esl_zone_t *zone)
{
    if (!zone) return;
    free(zone->at);
    free(zone->kind);
    free(zone);
}

const char *esl_zone_name(const esl_zone_t *zone) { return zone->name; }

/* Footer: name offset [name [offset] , change , change] */
typedef struct { const char *at, *end; bool bad; } text_t;

static char peek(const text_t *t) { return t->at < t->end ? *t->at : 0; }
static bool accept(text_t *t, char c) { return peek(t) == c && c ? (t->at++, true) : false; }
static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void skip_name(text_t *t)
{
    const char *start = t->at;
    if (accept(t, '<')) {
        while (t->at < t->end && *t->at != '>') t->at++;
        if (!accept(t, '>')) t->bad = true;
        return;
    }
    while (letter(peek(t))) t->at++;
    if (t->at - start < 3) t->bad = true;
}

static int32_t number(text_t *t, int32_t least, int32_t most)
{
    int32_t value = 0;
    if (!digit(peek(t))) t->bad = true;
    while (digit(peek(t)) && value < 100000) value = value * 10 + (*t->at++ - '0');
    if (value < least || value > most) t->bad = true;
    return value;
}

static int32_t clock_text(text_t *t) /* [+-]hh[:mm[:ss]] in seconds */
{
    int32_t sign = accept(t, '-') ? -1 : 1;
    if (sign > 0) accept(t, '+');
    int32_t seconds = number(t, 0, 167) * 3600;
    if (accept(t, ':')) {
        seconds += number(t, 0, 59) * 60;
        if (accept(t, ':')) seconds += number(t, 0, 59);
    }
    return sign * seconds;
}

static esl_zone_change_t change(text_t *t)
{
    esl_zone_change_t c = {.form = 'N', .time_s = 7200};
    if (accept(t, 'M')) {
        c.form = 'M';
        c.month = number(t, 1, 12);
        if (!accept(t, '.')) t->bad = true;
        c.week = number(t, 1, 5);
        if (!accept(t, '.')) t->bad = true;
        c.day = number(t, 0, 6);
    } else if (accept(t, 'J')) {
        c.form = 'J';
        c.day = number(t, 1, 365);
    } else {
        c.day = number(t, 0, 365);
    }
    if (accept(t, '/')) c.time_s = clock_text(t);
    return c;
}

bool esl_zone_rule_parse(const char *text, size_t bytes, esl_zone_rule_t *rule)
{
    text_t t = {text, text + bytes, false};
    *rule = (esl_zone_rule_t){.present = true};
    skip_name(&t);
    rule->standard_s = -clock_text(&t);
    rule->summer_s = rule->standard_s + 3600;
    if (t.at < t.end && !t.bad) {
        rule->has_summer = true;
        skip_name(&t);
        if (peek(&t) != ',') rule->summer_s = -clock_text(&t);
        if (!accept(&t, ',')) t.bad = true;
        rule->start = change(&t);
        if (!accept(&t, ',')) t.bad = true;
        rule->end = change(&t);
    }
    bool fits = offset_ok(rule->standard_s) && offset_ok(rule->summer_s);
    if (t.bad || t.at != t.end || !fits) rule->present = false;
    return rule->present;
}
