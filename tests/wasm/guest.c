/* The machine in a WebAssembly sandbox: serves one script at a time over standard input and output.
 *
 * A message is {u32 length of the body, u8 what, body}, little endian; every message of the host is answered by one. While a
 * script runs, the guest may ask the host back for the time, a random number or a zone. tests/wasm/machine.py is the other end.
 * The host is trusted: a message that does not fit ends the guest. */
#include "esl_vm.h"
#include "esl_zone.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { uint8_t what; uint32_t length, at; uint8_t *body; } message_t;

#define MOST_ZONES 64

static struct {
    esl_unit_t *unit;
    esl_cells_t *cells, *variables;
    esl_zone_t *zone[MOST_ZONES]; /* the local one first, then those that functions asked for */
    uint32_t zones;
    esl_world_t world;
    esl_script_t *script;
    esl_buffer_t out;
    message_t in;
} guest;

/* --- messages ------------------------------------------------------------------------------------------------------- */

static void read_all(void *to, size_t bytes)
{
    for (uint8_t *at = to; bytes;) {
        ssize_t got = read(0, at, bytes);
        if (got <= 0) exit(got ? 3 : 0); /* the host is gone */
        at += got;
        bytes -= (size_t)got;
    }
}

static void write_all(const void *from, size_t bytes)
{
    for (const uint8_t *at = from; bytes;) {
        ssize_t put = write(1, at, bytes);
        if (put <= 0) exit(3);
        at += put;
        bytes -= (size_t)put;
    }
}

static void receive(message_t *message)
{
    read_all(&message->length, 4);
    read_all(&message->what, 1);
    free(message->body);
    message->body = malloc(message->length + 1);
    if (!message->body) abort();
    read_all(message->body, message->length);
    message->body[message->length] = 0;
    message->at = 0;
}

static void send(uint8_t what, const void *body, uint32_t length)
{
    uint8_t head[5];
    memcpy(head, &length, 4);
    head[4] = what;
    write_all(head, sizeof head);
    write_all(body, length);
}

static void take(void *to, uint32_t bytes)
{
    message_t *in = &guest.in;
    if (bytes > in->length - in->at) abort();
    memcpy(to, in->body + in->at, bytes);
    in->at += bytes;
}

static int64_t take_i64(void)
{
    int64_t value;
    take(&value, 8);
    return value;
}

static const char *take_text(void) /* closed by 0 */
{
    const char *text = (const char *)guest.in.body + guest.in.at;
    guest.in.at += (uint32_t)strlen(text) + 1;
    if (guest.in.at > guest.in.length + 1) abort();
    return text;
}

static void put(const void *bytes, size_t count)
{
    if (esl_buffer_put(&guest.out, bytes, count)) abort();
}

static void put_i64(int64_t value) { put(&value, 8); }
static void put_text(const char *text) { put(text, strlen(text) + 1); }
static void done(void) { send('o', "", 0); }

/* --- the world ------------------------------------------------------------------------------------------------------ */

static message_t answer;

static uint64_t asked(uint8_t what)
{
    uint64_t value;
    send(what, "", 0);
    receive(&answer);
    if (answer.length != sizeof value) abort();
    memcpy(&value, answer.body, sizeof value);
    return value;
}

static int64_t now_ms(void *host) { (void)host; return (int64_t)asked('n'); }
static uint64_t random_word(void *host) { (void)host; return asked('r'); }

static double tick_ms(void *host)
{
    (void)host;
    uint64_t bits = asked('t');
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Bytes of a TZif file; none: the host knows no such zone. */
static const esl_zone_t *add_zone(const char *name, const uint8_t *bytes, uint32_t length)
{
    if (length == 0) return NULL;
    if (guest.zones == MOST_ZONES) abort();
    esl_zone_t *zone = esl_zone_parse(name, bytes, length);
    if (!zone) abort();
    return guest.zone[guest.zones++] = zone;
}

static const esl_zone_t *find_zone(void *host, const char *name)
{
    (void)host;
    for (uint32_t i = 1; i < guest.zones; i++)
        if (!strcmp(esl_zone_name(guest.zone[i]), name)) return guest.zone[i];
    send('z', name, (uint32_t)strlen(name));
    receive(&answer);
    return add_zone(name, answer.body, answer.length);
}

/* --- what the host says --------------------------------------------------------------------------------------------- */

static void close_script(void)
{
    esl_script_free(guest.script);
    esl_unit_free(guest.unit);
    esl_cells_free(guest.cells);
    esl_cells_free(guest.variables);
    while (guest.zones) esl_zone_free(guest.zone[--guest.zones]);
    guest.script = NULL, guest.unit = NULL, guest.cells = guest.variables = NULL;
}

static void load_unit(void)
{
    esl_refusal_t refusal;
    close_script();
    guest.cells = esl_cells_new(1 << 30);
    guest.variables = esl_cells_new(1 << 30);
    guest.unit = esl_unit_load(guest.in.body, guest.in.length, &refusal);
    if (guest.unit) done();
    else send('x', refusal.text, (uint32_t)strlen(refusal.text));
}

static void local_zone(void)
{
    const char *name = take_text();
    message_t *in = &guest.in;
    if (!add_zone(name, in->body + in->at, in->length - in->at)) guest.zone[guest.zones++] = esl_zone_fixed("UTC", 0);
    done();
}

static void new_script(void)
{
    static esl_script_limits_t limits; /* must outlive the script */
    limits = (esl_script_limits_t){.call_depth = take_i64(), .gosub_depth = take_i64()};
    limits.record_rows = take_i64(), limits.memory_bytes = take_i64(), limits.fuel = take_i64();
    limits.containers = take_i64(), limits.container_items = take_i64(), limits.text_chars = (uint32_t)take_i64();
    guest.world = (esl_world_t){.now_ms = now_ms, .tick_ms = tick_ms, .random = random_word, .zone = guest.zone[0], .find_zone = find_zone};
    guest.script = esl_script_new(guest.unit, guest.cells, guest.variables, &limits, &guest.world, NULL);
    if (guest.script) done();
    else send('m', "", 0);
}

static void apply(esl_cells_t *table)
{
    if (esl_cells_apply(table, guest.in.body, guest.in.length, NULL, NULL)) abort();
    done();
}

/* --- what it has come to -------------------------------------------------------------------------------------------- */

static void put_chain(const esl_script_t *s)
{
    uint32_t first = s->depth == 1 ? 0 : 1; /* the frame of the init part lives on under every request */
    put_i64(s->running ? s->depth - first : 0);
    for (uint32_t i = s->depth; s->running && i-- > first;) {
        put_i64(s->frames[i].procedure);
        put_i64(esl_script_line_at(s, i));
    }
}

static void put_outcome(esl_script_t *s)
{
    const esl_pending_t *p = &s->pending;
    const esl_failure_t *f = esl_script_failure(s);
    if (s->status == ESL_ACTION) {
        if (esl_script_payload(s)) abort();
        put_i64(p->number), put_i64(p->site), put_i64(p->line), put_i64(p->waits);
        put(p->payload.data, p->payload.length);
    } else if (s->status == ESL_FAILED || s->status == ESL_KILLED) {
        put_i64(f->number), put_i64(f->extended), put_i64(f->line), put_i64(f->procedure);
        put_text(f->text), put_text(f->limit);
    } else if (s->status == ESL_DONE) {
        put(s->pending.payload.data, s->pending.payload.length);
    }
}

static void state(void)
{
    esl_script_t *s = guest.script;
    guest.out.length = 0;
    put_i64(s->status), put_i64(s->running), put_i64(esl_script_line(s)), put_i64(s->fuel_used), put_i64(s->account.used);
    put_chain(s);
    put_outcome(s);
    send('s', guest.out.data, (uint32_t)guest.out.length);
}

static void start(void)
{
    uint32_t procedure = (uint32_t)take_i64();
    esl_script_start(guest.script, procedure, guest.in.body + guest.in.at, guest.in.length - guest.in.at);
    state();
}

static void complete(void)
{
    int64_t extended = take_i64();
    esl_script_complete(guest.script, guest.in.body + guest.in.at, guest.in.length - guest.in.at, extended);
    state();
}

static void fail(void)
{
    int number = (int)take_i64();
    int64_t extended = take_i64();
    const char *text = take_text();
    esl_script_fail(guest.script, number, extended, *text ? text : NULL);
    state();
}

static void serve(void)
{
    switch (guest.in.what) {
    case 'U': load_unit(); break;
    case 'Z': local_zone(); break;
    case 'N': new_script(); break;
    case 'C': apply(guest.cells); break;
    case 'V': apply(guest.variables); break;
    case 'I': esl_script_start_init(guest.script); state(); break;
    case 'S': start(); break;
    case 'G': esl_vm_run(guest.script, take_i64()); state(); break;
    case 'K': complete(); break;
    case 'F': fail(); break;
    default: abort();
    }
}

int main(void)
{
    for (;;) {
        receive(&guest.in);
        serve();
    }
}
