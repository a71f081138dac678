/* One kernel of bench/vm on the bare machine, for callgrind: arguments UNIT ARGUMENTS [0|1: fused], prints seconds, fuel and check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "esl_vm.h"

#define MOST (1 << 20)

static int64_t now_ms(void *host) { (void)host; return 0; }
static double tick_ms(void *host) { (void)host; return 0; }
static uint64_t random_word(void *host) { (void)host; return 0; }

static size_t read_file(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(bytes, 1, MOST, file) : 0;
    if (file) fclose(file);
    return length;
}

static uint32_t kernel_of(const esl_unit_t *unit)
{
    uint32_t i = unit->procedures - 1;
    while (i && strcmp(unit->string[unit->procedure[i].name], "Kernel")) i--;
    return i;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[MOST], arguments[MOST];
    static const esl_world_t world = {.now_ms = now_ms, .tick_ms = tick_ms, .random = random_word};
    static const esl_script_limits_t limits = {.call_depth = 1000, .gosub_depth = 256, .record_rows = 1000000, .memory_bytes = 64 << 20,
                                               .fuel = INT64_C(1000000000000), .text_chars = 100000};
    esl_refusal_t refusal;
    double check = 0;
    if (argc < 3) return 2;
    esl_unit_t *unit = esl_unit_load_as(bytes, read_file(argv[1], bytes), argc < 4 || atoi(argv[3]), &refusal);
    if (!unit) return fprintf(stderr, "%s: %s\n", argv[1], refusal.text), 1;
    esl_script_t *s = esl_script_new(unit, NULL, NULL, &limits, &world, NULL);
    esl_script_start(s, kernel_of(unit), arguments, read_file(argv[2], arguments));
    clock_t began = clock();
    while (esl_vm_run(s, 100000) == ESL_SLICE) continue;
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
    const esl_failure_t *f = esl_script_failure(s);
    if (s->status != ESL_DONE) return fprintf(stderr, "error %d line %u: %s\n", f->number, f->line, f->text), 1;
    memcpy(&check, s->pending.payload.data + s->pending.payload.length - 8, 8); /* the last result is the check */
    printf("%.6f %lld %.10g\n", seconds, (long long)s->fuel_used, check);
    esl_script_free(s);
    esl_unit_free(unit);
    return 0;
}
