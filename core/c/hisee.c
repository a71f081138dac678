/* The embedding API over a client's link: values in, a CALL, values out. */
#include "hisee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esl_client.h"
#include "esl_pack.h"

#define KNL 1u
#define LANE_CONTROL 0
#define LANE_SCRIPT 1
#define CODE_ASSIGNED 2
#define USUAL_PRIORITY 3
#define MOST_ARGUMENTS 255u
#define NAME_BYTES 256u          /* 64 characters of four bytes */

struct hisee {
    esl_client_t client;
    uint64_t corr;
    esl_buffer_t out, answer;
    char **texts;                /* given out by the last call */
    unsigned texts_count;
};

static int said(hisee_t *s, int result, const char *what, const char *detail)
{
    snprintf(s->client.why, sizeof s->client.why, "%s%s", what, detail);
    return result;
}

static void drop_texts(hisee_t *s)
{
    for (unsigned i = 0; i < s->texts_count; i++) free(s->texts[i]);
    free(s->texts);
    s->texts = NULL;
    s->texts_count = 0;
}

hisee_t *hisee_open(const char *data_directory, char *why)
{
    hisee_t *s = calloc(1, sizeof *s);
    if (!s) snprintf(why, HISEE_WHY, "no memory for a link");
    if (s && !esl_client_open(&s->client, data_directory)) {
        snprintf(why, HISEE_WHY, "%s", s->client.why);
        free(s);
        s = NULL;
    }
    return s;
}

void hisee_close(hisee_t *s)
{
    if (!s) return;
    esl_client_close(&s->client);
    drop_texts(s);
    esl_buffer_free(&s->out);
    esl_buffer_free(&s->answer);
    free(s);
}

uint32_t hisee_number(const hisee_t *s) { return s->client.number; }
const char *hisee_why(const hisee_t *s) { return s->client.why; }

int hisee_turn(hisee_t *s, int timeout_ms)
{
    esl_arrived_t arrived;
    int64_t deadline = esl_client_now() + timeout_ms;
    int got;
    while ((got = esl_client_receive(&s->client, deadline, &arrived)) > 0) {}
    return got < 0 ? HISEE_LOST : 0;
}

/* --- a request and its answer ----------------------------------------------------------------------------------------- */

/* Parts of the answer, one behind the other. 1: it is whole, `kind` says what it is. */
static int gather(hisee_t *s, const esl_arrived_t *a, uint16_t *kind)
{
    if (a->envelope.corr != s->corr) return 0;
    if (a->envelope.flags & ESL_FIRST) s->answer.length = 0;
    if (esl_buffer_put(&s->answer, a->payload, a->envelope.length)) return said(s, HISEE_LOST, "no memory for the answer", "");
    *kind = a->envelope.kind;
    return (a->envelope.flags & ESL_LAST) != 0;
}

static int ask(hisee_t *s, uint16_t kind, uint8_t lane, int timeout_ms, uint16_t *answered)
{
    esl_envelope_t envelope = {.kind = kind, .lane = lane, .flags = ESL_WANTS_ANSWER, .source = s->client.number, .target = KNL,
                               .corr = ++s->corr};
    esl_arrived_t arrived;
    int64_t deadline = esl_client_now() + timeout_ms;
    int got = 0, whole = 0;
    if (!esl_client_send(&s->client, &envelope, s->out.data, s->out.length))
        return s->client.fd < 0 ? HISEE_LOST : said(s, HISEE_USAGE, "the arguments need more than 64 KiB", "");
    while (!whole && (got = esl_client_receive(&s->client, deadline, &arrived)) > 0) whole = gather(s, &arrived, answered);
    if (whole < 0 || got < 0) return HISEE_LOST;
    return whole ? 0 : said(s, HISEE_LATE, "no answer in time; whether it was done is not known", "");
}

static int failed(hisee_t *s)
{
    esl_packed_t all = {s->answer.data, s->answer.data + s->answer.length}, value;
    const char *text = "";
    uint32_t length = 0;
    int64_t error = ESL_ERR_TRANS_ABORT;
    if (esl_packed_field(all, "error", &value)) esl_packed_int(value, &error);
    if (esl_packed_field(all, "text", &value)) esl_packed_text(value, &text, &length);
    snprintf(s->client.why, sizeof s->client.why, "%.*s", (int)length, text);
    return (int)error;
}

/* Number of an object by its name. */
static int find(hisee_t *s, const char *object, int timeout_ms, uint32_t *hbj)
{
    uint16_t kind = 0;
    int64_t number;
    s->out.length = 0;
    if (esl_pack_map(&s->out, 1) || esl_pack_text(&s->out, "mask") || esl_pack_text(&s->out, object))
        return said(s, HISEE_USAGE, "no memory for the request", "");
    int error = ask(s, ESL_KIND_OBJECT_LIST, LANE_CONTROL, timeout_ms, &kind);
    if (error) return error;
    if (kind != ESL_KIND_REPLY) return failed(s);
    esl_packed_t all = {s->answer.data, s->answer.data + s->answer.length}, rows, row, value;
    if (!esl_packed_field(all, "rows", &rows) || !esl_packed_item(rows, 0, &row) || !esl_packed_field(row, "hbj", &value)
        || !esl_packed_int(value, &number))
        return said(s, ESL_ERR_OBJECT_NOT_FOUND, "there is no object ", object);
    *hbj = (uint32_t)number;
    return 0;
}

/* --- values --------------------------------------------------------------------------------------------------------- */

static const esl_slot_t none;

static esl_slot_t slot_of(const hisee_value_t *v)
{
    esl_slot_t slot = none;
    if (v->reason) return esl_slot_inv((esl_type)v->type, (unsigned)v->reason);
    if (v->type == HISEE_BOOL) slot.i = v->boolean;
    else if (v->type == HISEE_REAL) slot.r = v->real;
    else slot.i = v->integer;
    return slot;
}

static int put_argument(esl_buffer_t *out, const hisee_value_t *v)
{
    int64_t untimed = esl_int_inv(ESL_UNDEFINED);
    if (v->type == HISEE_TEXT && !v->reason) return esl_put_text(out, v->text, (uint32_t)strlen(v->text), untimed, 0);
    esl_value_t value = {.type = (esl_type)v->type, .value = slot_of(v), .time = untimed};
    return esl_put_value(out, &value);
}

static int put_int(esl_buffer_t *out, int64_t number)
{
    hisee_value_t value = {.type = HISEE_INT, .integer = number};
    return put_argument(out, &value);
}

static int put_words(esl_buffer_t *out, const char *text)
{
    hisee_value_t value = {.type = HISEE_TEXT, .text = text};
    return put_argument(out, &value);
}

static int usage(hisee_t *s, const char *object, const char *procedure, const hisee_value_t *arguments, unsigned count)
{
    if (strlen(object) > NAME_BYTES || strlen(procedure) > NAME_BYTES || strpbrk(object, "*?["))
        return said(s, HISEE_USAGE, "a name has at most 64 characters, and no * ? [ in it: ", object);
    if (count > MOST_ARGUMENTS) return said(s, HISEE_USAGE, "a procedure has at most 255 parameters: ", procedure);
    for (unsigned i = 0; i < count; i++) {
        const hisee_value_t *v = &arguments[i];
        if (v->type < HISEE_BOOL || v->type > HISEE_TEXT || v->reason < 0 || v->reason > 15)
            return said(s, HISEE_USAGE, "an argument has a type or a reason that does not exist: ", procedure);
        if (v->type == HISEE_TEXT && !v->reason && (!v->text || !esl_utf8_ok(v->text, strlen(v->text))))
            return said(s, HISEE_USAGE, "a text is no UTF-8: ", procedure);
    }
    return 0;
}

/* Address and list of a CALL_TO. */
static int put_call(hisee_t *s, uint32_t hbj, const char *procedure, const hisee_value_t *arguments, unsigned count)
{
    char modes[MOST_ARGUMENTS + 1];
    struct { uint32_t object, process; int32_t instance; uint8_t flags, priority, unused[2]; int64_t conversation; } address = {
        .object = hbj, .instance = -1, .flags = CODE_ASSIGNED, .priority = USUAL_PRIORITY};
    for (unsigned i = 0; i < count; i++) modes[i] = arguments[i].in_only ? '<' : '=';
    modes[count] = 0;
    s->out.length = 0;
    int error = esl_buffer_put(&s->out, &address, sizeof address) || esl_put_count(&s->out, (uint16_t)(3 + count))
        || put_int(&s->out, CODE_ASSIGNED | USUAL_PRIORITY << 8) || put_words(&s->out, procedure) || put_words(&s->out, modes);
    for (unsigned i = 0; !error && i < count; i++) error = put_argument(&s->out, &arguments[i]);
    return error ? said(s, HISEE_USAGE, "no memory for the arguments", "") : 0;
}

static bool keep_text(hisee_t *s, const esl_item_t *item, hisee_value_t *v)
{
    char *text = malloc(item->bytes + 1);
    if (!text) return false;
    memcpy(text, item->utf8, item->bytes);
    text[item->bytes] = 0;
    s->texts[s->texts_count++] = text;
    v->text = text;
    return true;
}

static bool take_value(hisee_t *s, const esl_item_t *item, hisee_value_t *v)
{
    if (item->type == ESL_T_NONE) return true; /* unchanged */
    if ((int)item->type != v->type) return false;
    v->reason = (int)item->reason;
    if (item->reason) return true;
    if (item->type == ESL_T_TEXT) return keep_text(s, item, v);
    if (item->type == ESL_T_BOOL) v->boolean = item->value.i != 0;
    else if (item->type == ESL_T_REAL) v->real = item->value.r;
    else v->integer = item->value.i;
    return true;
}

static int take_results(hisee_t *s, hisee_value_t *arguments, unsigned count)
{
    esl_reader_t reader = {s->answer.data, s->answer.length, 0, &esl_codec_limits};
    esl_item_t item;
    uint32_t values;
    if (esl_get_count(&reader, &values) || !values || esl_get_item(&reader, &item) || item.type != ESL_T_INT)
        return said(s, ESL_ERR_TRANS_ABORT, "the answer cannot be read", "");
    int code = (int)item.value.i;
    for (unsigned i = 0; i < count; i++) {
        if (arguments[i].in_only) continue;
        if (esl_get_item(&reader, &item) || !take_value(s, &item, &arguments[i]))
            return said(s, ESL_ERR_PARAM_TYPE, "the procedure gave back another type than the argument has", "");
    }
    return code ? said(s, code, "the procedure ended with an error", "") : 0;
}

int hisee_call(hisee_t *s, const char *object, const char *procedure, hisee_value_t *arguments, unsigned count, int timeout_ms)
{
    int64_t deadline = esl_client_now() + timeout_ms;
    uint32_t hbj = 0;
    uint16_t kind = 0;
    s->client.why[0] = 0;
    int error = usage(s, object, procedure, arguments, count);
    if (!error) error = find(s, object, timeout_ms, &hbj);
    if (!error) error = put_call(s, hbj, procedure, arguments, count);
    if (!error) error = ask(s, ESL_KIND_CALL_TO, LANE_SCRIPT, (int)(deadline - esl_client_now()), &kind);
    if (error) return error;
    if (kind != ESL_KIND_REPLY) return failed(s);
    drop_texts(s);
    s->texts = calloc(count + 1, sizeof *s->texts);
    return s->texts ? take_results(s, arguments, count) : said(s, HISEE_LOST, "no memory for the results", "");
}
