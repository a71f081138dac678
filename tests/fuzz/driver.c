/* Fuzzer of what is written in C, in one process and without Python: inputs are mutated, those that take new edges are kept.
 *
 *   fuzz TARGET COUNT SECONDS SEED STATE KEPT ZONE FILE..
 *
 * Ends after COUNT inputs, or when COUNT is 0 after SECONDS; with neither only the files are run. STATE gets every input before it runs,
 * so that a crash leaves it there; the folder KEPT gets the inputs that took new edges. ZONE is a TZif file, the local zone.
 *
 * The modules under test are compiled by gcc with -fsanitize-coverage=trace-pc, whose callback fills a map of edges by the hash of two
 * places, as AFL does. An input that takes longer than HANG_S ends the process by SIGALRM.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "esl_builtin_fn.h"
#include "esl_codec.h"
#include "esl_script.h"
#include "esl_tzif.h"
#include "esl_vm.h"

#define EDGES (1u << 16)
#define MOST_BYTES (1u << 16)
#define MOST_INPUTS 20000u
#define HANG_S 10

/* edges */

static uint8_t seen[EDGES], now[EDGES];
static uint32_t touched[EDGES], touched_count;
static uintptr_t before;

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void)
{
    uintptr_t here = (uintptr_t)__builtin_return_address(0);
    here ^= here >> 16;
    uint32_t edge = (here ^ before) & (EDGES - 1);
    if (!now[edge]) now[edge] = 1, touched[touched_count++] = edge;
    before = here >> 1;
}

static bool new_edges(void)
{
    bool found = false;
    while (touched_count) {
        uint32_t edge = touched[--touched_count];
        found |= !seen[edge];
        seen[edge] = 1, now[edge] = 0;
    }
    return found;
}

static uint32_t edges(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < EDGES; i++) count += seen[i];
    return count;
}

/* the world */

static esl_zone_t *home;
static int64_t now_ms(void *host) { (void)host; return 1795420800000; }
static double tick_ms(void *host) { (void)host; return 0; }
static uint64_t random_word(void *host) { (void)host; return 7; }
static const esl_zone_t *find_zone(void *host, const char *name) { (void)host; return *name == 'E' ? home : NULL; }
static esl_world_t world = {.now_ms = now_ms, .tick_ms = tick_ms, .random = random_word, .find_zone = find_zone};
static const esl_script_limits_t limits = {.call_depth = 50, .record_rows = 1000, .memory_bytes = 4 << 20, .fuel = 3000,
                                             .text_chars = 1000, .gosub_depth = 20, .containers = 20, .container_items = 100};

/* target vm: verifier and VM */

/* A list of so many values that are "unchanged". */
static size_t unchanged(uint8_t *list, uint32_t count)
{
    list[0] = (uint8_t)count, list[1] = 0;
    memset(list + 2, 0x0f, count);
    return 2 + count;
}

/* A host that answers with as much as the action wants back; now and then with nothing, or with an error. */
static void answer(esl_script_t *s, int number)
{
    uint8_t list[2 + 255];
    const esl_site_t *site = s->pending.site < s->unit->sites ? &s->unit->site[s->pending.site] : NULL;
    uint32_t back = 0;
    for (uint16_t i = 0; site && i < site->argc; i++) back += site->args[i].mode != ESL_IN;
    if (number % 8 == 7) esl_script_fail(s, 11, 7, "");
    else if (number % 8 == 6) esl_script_complete(s, NULL, 0, 0);
    else esl_script_complete(s, list, unchanged(list, back), 0);
}

static void run_until_it_ends(esl_script_t *s)
{
    for (int actions = 0; actions < 100; actions++) {
        esl_status_t status = esl_vm_run(s, 1000);
        if (status == ESL_ACTION) answer(s, actions);
        else if (status != ESL_SLICE) return;
    }
    esl_script_kill(s, "enough", "");
}

static void run(esl_unit_t *unit)
{
    esl_cells_t *cells = esl_cells_new(1 << 20), *variables = esl_cells_new(1 << 20);
    uint8_t columns[] = {ESL_T_INT, ESL_T_TEXT, ESL_T_REAL};
    esl_cells_define(cells, 101, ESL_T_INT, 0, NULL, 0);
    esl_cells_define(cells, 102, ESL_T_REAL, 0, NULL, 0);
    esl_cells_define(cells, 103, ESL_T_TEXT, 0, NULL, 0);
    esl_cells_define(cells, 204, ESL_T_RECORD, 2, columns, 3);
    esl_cells_define(variables, 1, ESL_T_INT, 0, NULL, 0);
    esl_script_t *s = esl_script_new(unit, cells, variables, &limits, &world, NULL);
    if (s) {
        esl_script_start_init(s);
        run_until_it_ends(s);
        for (uint32_t p = 1; p < unit->procedures && p < 8 && s->status != ESL_KILLED; p++) {
            uint8_t list[2 + 255];
            if (!esl_script_start(s, p, list, unchanged(list, unit->procedure[p].params))) run_until_it_ends(s);
        }
        esl_script_free(s);
    }
    esl_cells_free(cells);
    esl_cells_free(variables);
}

static void take_unit(const uint8_t *data, size_t length)
{
    esl_refusal_t refusal;
    esl_unit_t *unit = esl_unit_load(data, length, &refusal);
    if (!unit) return;
    run(unit);
    esl_unit_free(unit);
}

/* target codec: what decodes is encoded again and decodes again */

static const esl_struct_t *structure(void *context, uint32_t hbj)
{
    static const uint8_t types[] = {ESL_T_INT, ESL_T_TEXT, ESL_T_REAL, ESL_T_BOOL};
    static const char *const names[] = {"Id", "Name", "Reading", "On"};
    static const esl_struct_t known = {.hbj = 203, .columns = 4, .types = types, .names = (const char **)names};
    (void)context;
    return hbj == 203 ? &known : NULL;
}

static void take_values(const uint8_t *data, size_t length)
{
    esl_account_t account = {.limit = 4 << 20};
    esl_structures_t structures = {.find = structure};
    esl_value_t values[64];
    uint32_t count;
    if (esl_decode_list(data, length, &esl_codec_limits, &account, &structures, values, 64, &count)) return;
    esl_buffer_t buffer = {.account = &account};
    uint32_t again = 0;
    if (!esl_encode_list(&buffer, values, count)) {
        esl_value_t copies[64];
        if (esl_decode_list(buffer.data, buffer.length, &esl_codec_limits, &account, &structures, copies, 64, &again) || again != count) abort();
        esl_values_drop(copies, again);
    }
    esl_buffer_free(&buffer);
    esl_values_drop(values, count);
    if (account.used) abort();
}

/* the other targets: two texts, parted by a zero byte, as arguments of functions */

static esl_account_t account = {.limit = 16 << 20};
static int64_t fuel;
static esl_context_t context = {.account = &account, .world = &world, .fuel = &fuel, .text_chars = 100000};
typedef int builtin_fn(esl_context_t *, const esl_value_t *, int, esl_value_t *);

static esl_value_t text_value(const uint8_t *data, size_t length)
{
    if (!esl_utf8_ok((const char *)data, length)) data = (const uint8_t *)"?", length = 1;
    return (esl_value_t){.type = ESL_T_TEXT, .value.t = esl_text_new(&account, (const char *)data, length)};
}

static esl_value_t int_value(int64_t i) { return (esl_value_t){.type = ESL_T_INT, .value.i = i}; }
static bool valid(const esl_value_t *value) { return !esl_slot_reason(value->type, value->value); }

/* Result of a function whose arguments are valid; an argument that is not makes the result invalid, as the VM does. */
static esl_value_t call(builtin_fn *function, esl_type result, int count, const esl_value_t *arguments)
{
    esl_value_t r = {.type = result};
    for (int i = 0; i < count; i++)
        if (!valid(&arguments[i])) return r.value = esl_slot_inv(result, ESL_UNDEFINED), r;
    fuel = 1000000;
    if (function(&context, arguments, count, &r)) r.value = esl_slot_inv(r.type, ESL_UNDEFINED);
    return r;
}

static void drop(esl_value_t value)
{
    if (value.type == ESL_T_TEXT) esl_text_drop(value.value.t);
}

#define CALL(function, result, ...) \
    call(function, result, sizeof((esl_value_t[]){__VA_ARGS__}) / sizeof(esl_value_t), (esl_value_t[]){__VA_ARGS__})

static void read_times(esl_value_t a, esl_value_t b)
{
    esl_value_t t = CALL(esl_fn_str_to_time_ex, ESL_T_TIME, a, b);
    drop(CALL(esl_fn_time_to_str_ex, ESL_T_TEXT, t, b));
    CALL(esl_fn_str_to_time, ESL_T_TIME, a, b);
    CALL(esl_fn_str_mono_to_time, ESL_T_TIME, a, b, int_value(3600));
    CALL(esl_fn_str_to_rel_time, ESL_T_REAL, a);
}

static void write_times(esl_value_t a, esl_value_t b)
{
    esl_value_t number = CALL(esl_fn_str_to_i, ESL_T_INT, a), t = CALL(esl_fn_from_unix_ms, ESL_T_TIME, number);
    drop(CALL(esl_fn_time_to_str_ex, ESL_T_TEXT, t, b));
    drop(CALL(esl_fn_time_to_str, ESL_T_TEXT, t, b));
    drop(CALL(esl_fn_time_to_str_mono, ESL_T_TEXT, t, b, int_value(-5400)));
    CALL(esl_fn_begin_of, ESL_T_TIME, t, b);
    drop(CALL(esl_fn_rel_time_to_str, ESL_T_TEXT, CALL(esl_fn_i_to_r, ESL_T_REAL, number)));
}

static void read_numbers(esl_value_t a, esl_value_t b)
{
    CALL(esl_fn_str_to_r, ESL_T_REAL, a, b);
    CALL(esl_fn_str_to_i, ESL_T_INT, a);
    CALL(esl_fn_str_to_b, ESL_T_BOOL, a);
    CALL(esl_fn_hex_to_i, ESL_T_INT, a);
    CALL(esl_fn_bin_to_i, ESL_T_INT, a);
}

static void write_numbers(esl_value_t a, esl_value_t b)
{
    esl_value_t x = CALL(esl_fn_str_to_r, ESL_T_REAL, a), i = CALL(esl_fn_str_to_i, ESL_T_INT, a), width = CALL(esl_fn_str_to_i, ESL_T_INT, b);
    drop(CALL(esl_fn_format_num, ESL_T_TEXT, x, b));
    drop(CALL(esl_fn_format_num, ESL_T_TEXT, i, b));
    drop(CALL(esl_fn_r_to_str, ESL_T_TEXT, x, width, b));
    drop(CALL(esl_fn_r_to_str, ESL_T_TEXT, x));
    drop(CALL(esl_fn_i_to_str, ESL_T_TEXT, x));
    drop(CALL(esl_fn_i_to_hex, ESL_T_TEXT, i, width));
    drop(CALL(esl_fn_i_to_bin, ESL_T_TEXT, i, width));
    CALL(esl_fn_round, ESL_T_REAL, x, width);
}

static void with_texts(void (*with)(esl_value_t, esl_value_t), const uint8_t *data, size_t length)
{
    const uint8_t *zero = memchr(data, 0, length);
    size_t first = zero ? (size_t)(zero - data) : length;
    esl_value_t a = text_value(data, first), b = text_value(zero ? zero + 1 : data, zero ? length - first - 1 : 0);
    with(a, b);
    drop(a);
    drop(b);
    if (account.used) abort(); /* a reference was lost */
}

static void take_time(const uint8_t *data, size_t length) { with_texts(read_times, data, length); }
static void take_time_text(const uint8_t *data, size_t length) { with_texts(write_times, data, length); }
static void take_number(const uint8_t *data, size_t length) { with_texts(read_numbers, data, length); }
static void take_number_text(const uint8_t *data, size_t length) { with_texts(write_numbers, data, length); }

typedef struct {
    const char *name;
    void (*take)(const uint8_t *, size_t);
    bool fixed; /* bytes keep their places: a table, not a text */
} target_t;
static const target_t targets[] = {
    {"vm", take_unit, true}, {"codec", take_values, false}, {"time", take_time, false}, {"time_text", take_time_text, false},
    {"number", take_number, false}, {"number_text", take_number_text, false},
};

/* inputs */

typedef struct { uint8_t *data; uint32_t length; } input_t;
static input_t pool[MOST_INPUTS];
static uint32_t inputs;
static uint64_t state;

static uint64_t draw(void) /* xorshift64* */
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}
static uint32_t below(uint32_t n) { return n ? (uint32_t)(draw() >> 32) % n : 0; }

static void keep(const uint8_t *data, uint32_t length, const char *folder)
{
    char path[4096];
    if (inputs == MOST_INPUTS) return;
    snprintf(path, sizeof path, "%s/%05u", folder, inputs);
    FILE *file = fopen(path, "wb");
    if (file) fwrite(data, 1, length, file), fclose(file);
    pool[inputs].data = malloc(length ? length : 1);
    memcpy(pool[inputs].data, data, length);
    pool[inputs++].length = length;
}

static uint32_t in_place(uint8_t *out, uint32_t length)
{
    static const int64_t extremes[] = {0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, INT64_MIN, INT64_MIN + 1, INT64_MAX};
    uint32_t at = below(length), size = 1u << below(4), other;
    const input_t *from;
    switch (below(6)) {
    case 0: case 1: if (length) out[at] ^= (uint8_t)(1u << below(8)); break;
    case 2: if (at + size <= length) memcpy(out + at, &extremes[below(12)], size); break;
    case 3: if (at + size <= length) out[at] = (uint8_t)(out[at] + below(9) - 4); break;
    case 4: /* words of eight bytes, as instructions are, change places */
        other = below(length);
        if (at + 8 <= length && other + 8 <= length) memmove(out + at, out + other, 8);
        break;
    default: /* a piece of another input */
        from = &pool[below(inputs)];
        other = below(from->length);
        size = below(64);
        if (at + size <= length && other + size <= from->length) memcpy(out + at, from->data + other, size);
    }
    return length;
}

/* Texts grow and shrink: a piece is taken out, doubled, or put in from another input. */
static uint32_t of_other_length(uint8_t *out, uint32_t length)
{
    uint32_t at = below(length + 1), size = below(below(4) ? 6 : 40), rest = length - at;
    const input_t *from = &pool[below(inputs)];
    if (below(3) == 0) { /* out */
        size = size < rest ? size : rest;
        memmove(out + at, out + at + size, rest - size);
        return length - size;
    }
    bool own = below(4) == 0;
    uint32_t begin = below(own ? length : from->length), most = (own ? length : from->length) - begin;
    size = size < most ? size : most;
    if (length + size > MOST_BYTES / 2) return length;
    uint8_t piece[40];
    memcpy(piece, (own ? out : from->data) + begin, size);
    memmove(out + at + size, out + at, rest);
    memcpy(out + at, piece, size);
    return length + size;
}

/* The length in the head of a unit (offset 8) is put right most of the time: else nothing but the head would be fuzzed. */
static uint32_t mutated(uint8_t *out, bool fixed)
{
    const input_t *from = &pool[below(inputs)];
    uint32_t length = from->length;
    memcpy(out, from->data, length);
    for (uint32_t times = 1 + below(fixed ? 6 : 4); times; times--)
        length = fixed || below(3) == 0 ? in_place(out, length) : of_other_length(out, length);
    if (fixed && length >= 12 && below(10)) memcpy(out + 8, &length, 4);
    return length;
}

/* running */

static uint64_t done;
static const target_t *target;
static uint8_t *shown;

static void watch(int signal)
{
    static uint64_t last;
    static int seconds;
    (void)signal;
    seconds = done == last ? seconds + 1 : 0;
    last = done;
    if (seconds > HANG_S) raise(SIGKILL); /* the input stands in STATE */
}

static bool one(const uint8_t *data, uint32_t length)
{
    memcpy(shown + 4, data, length);
    memcpy(shown, &length, 4);
    before = 0;
    target->take(data, length);
    done++;
    return new_edges();
}

static bool read_file(const char *path, uint8_t *buffer, uint32_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    *length = (uint32_t)fread(buffer, 1, MOST_BYTES / 2, file);
    fclose(file);
    return true;
}

static bool begin(char **arguments, uint8_t *buffer)
{
    uint32_t length;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (!strcmp(targets[i].name, arguments[1])) target = &targets[i];
    int file = open(arguments[5], O_RDWR | O_CREAT, 0600);
    if (!target || file < 0 || ftruncate(file, MOST_BYTES + 4) || !read_file(arguments[7], buffer, &length)) return false;
    shown = mmap(NULL, MOST_BYTES + 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    world.zone = home = esl_zone_parse("Europe/Bratislava", buffer, length);
    state = strtoull(arguments[4], NULL, 10) * 2 + 1;
    signal(SIGALRM, watch);
    struct itimerval each_second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
    return home && shown != MAP_FAILED && !setitimer(ITIMER_REAL, &each_second, NULL);
}

int main(int count, char **arguments)
{
    static uint8_t buffer[MOST_BYTES];
    uint32_t length;
    if (count < 8 || !begin(arguments, buffer)) return 2;
    uint64_t wanted = strtoull(arguments[2], NULL, 10);
    time_t end = time(NULL) + (time_t)atof(arguments[3]);
    for (int i = 8; i < count; i++)
        if (read_file(arguments[i], buffer, &length) && (one(buffer, length) || i < 8 + 2)) keep(buffer, length, arguments[6]);
    uint32_t of_seeds = edges();
    if (!inputs) keep((const uint8_t *)"", 0, arguments[6]);
    while (wanted ? done < wanted : time(NULL) < end)
        for (int i = 0; i < 100; i++) {
            length = mutated(buffer, target->fixed);
            if (one(buffer, length)) keep(buffer, length, arguments[6]);
        }
    printf("%llu %u %u %u\n", (unsigned long long)done, inputs, of_seeds, edges());
    return 0;
}
