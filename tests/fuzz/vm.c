/* Fuzzer of the verifier and the VM, and of the value codec, in one process: inputs are mutated, those that take new edges are kept.
 *
 *   vm SECONDS SEED STATE FILE..    STATE gets every input before it runs, so that a crash leaves it there
 *
 * Compiled by gcc with -fsanitize=address,undefined; the modules under test also with -fsanitize-coverage=trace-pc, whose callback
 * fills a map of edges by the hash of two places, as AFL does. A run that takes longer than HANG_S ends the process by SIGALRM.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "esl_script.h"
#include "esl_vm.h"

#define EDGES (1u << 16)
#define MOST_BYTES (1u << 16)
#define MOST_INPUTS 20000u
#define HANG_S 10

static uint8_t seen[EDGES], now[EDGES];
static uintptr_t before;

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void)
{
    uintptr_t here = (uintptr_t)__builtin_return_address(0);
    here ^= here >> 16;
    now[(here ^ before) & (EDGES - 1)] = 1;
    before = here >> 1;
}

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

static int64_t now_ms(void *host) { (void)host; return 1795420800000; }
static double tick_ms(void *host) { (void)host; return 0; }
static uint64_t random_word(void *host) { (void)host; return 7; }
static const esl_world_t world = {.now_ms = now_ms, .tick_ms = tick_ms, .random = random_word};
static const esl_script_limits_t limits = {.call_depth = 100, .record_rows = 10000, .memory_bytes = 4 << 20, .fuel = 100000, .text_chars = 1000};

static void run_until_it_ends(esl_script_t *s)
{
    for (int actions = 0; actions < 100; actions++) {
        esl_status_t status = esl_vm_run(s, 5000);
        if (status == ESL_ACTION) esl_script_complete(s, NULL, 0, 0);
        else if (status != ESL_SLICE) return;
    }
    esl_script_kill(s, "enough", "");
}

static void take(const uint8_t *data, size_t length)
{
    esl_refusal_t refusal;
    esl_unit_t *unit = esl_unit_load(data, length, &refusal);
    if (!unit) return;
    esl_cells_t *cells = esl_cells_new(1 << 20), *variables = esl_cells_new(1 << 20);
    esl_cells_define(cells, 101, ESL_T_INT, 0, NULL, 0);
    esl_cells_define(variables, 1, ESL_T_INT, 0, NULL, 0);
    esl_script_t *s = esl_script_new(unit, cells, variables, &limits, &world);
    if (s) {
        esl_script_start_init(s);
        run_until_it_ends(s);
        for (uint32_t p = 1; p < unit->procedures && p < 8 && s->status != ESL_KILLED; p++)
            if (!esl_script_start(s, p, NULL, 0)) run_until_it_ends(s);
        esl_script_free(s);
    }
    esl_cells_free(cells);
    esl_cells_free(variables);
    esl_unit_free(unit);
}

static uint32_t edges(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < EDGES; i++) count += seen[i];
    return count;
}

static bool new_edges(void)
{
    bool found = false;
    for (uint32_t i = 0; i < EDGES; i++)
        if (now[i] && !seen[i]) seen[i] = 1, found = true;
    return found;
}

static bool one(const uint8_t *data, uint32_t length, uint8_t *shown)
{
    memcpy(shown + 4, data, length);
    memcpy(shown, &length, 4);
    memset(now, 0, sizeof now);
    before = 0;
    alarm(HANG_S);
    take(data, length);
    alarm(0);
    return new_edges();
}

static void keep(const uint8_t *data, uint32_t length)
{
    if (inputs == MOST_INPUTS) return;
    pool[inputs].data = malloc(length ? length : 1);
    memcpy(pool[inputs].data, data, length);
    pool[inputs++].length = length;
}

/* The length in the head (offset 8) is put right most of the time: else nothing but the head would be fuzzed. */
static uint32_t mutated(uint8_t *out)
{
    const input_t *from = &pool[below(inputs)];
    uint32_t length = from->length;
    memcpy(out, from->data, length);
    for (uint32_t times = 1 + below(6); times; times--) {
        uint32_t at = below(length), size = 1u << below(4), other;
        static const int64_t extremes[] = {0, 1, -1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, INT64_MIN, INT64_MIN + 1, INT64_MAX};
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
    }
    if (length >= 12 && below(10)) memcpy(out + 8, &length, 4);
    return length;
}

static bool read_file(const char *path, uint8_t *buffer, uint32_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    *length = (uint32_t)fread(buffer, 1, MOST_BYTES, file);
    fclose(file);
    return true;
}

int main(int count, char **arguments)
{
    static uint8_t buffer[MOST_BYTES];
    uint32_t length;
    uint64_t done = 0;
    if (count < 4) return 2;
    int file = open(arguments[3], O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, MOST_BYTES + 4)) return 2;
    uint8_t *shown = mmap(NULL, MOST_BYTES + 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    double seconds = atof(arguments[1]);
    state = strtoull(arguments[2], NULL, 10) * 2 + 1;
    for (int i = 4; i < count; i++) {
        if (!read_file(arguments[i], buffer, &length)) continue;
        one(buffer, length, shown);
        keep(buffer, length);
        done++;
    }
    uint32_t seeds = edges();
    if (!inputs) keep((const uint8_t *)"ESLU", 4);
    for (time_t end = time(NULL) + (time_t)seconds; time(NULL) < end;)
        for (int i = 0; i < 100; i++, done++) {
            length = mutated(buffer);
            if (one(buffer, length, shown)) keep(buffer, length);
        }
    printf("%llu %u %u %u\n", (unsigned long long)done, inputs, seeds, edges());
    return 0;
}
