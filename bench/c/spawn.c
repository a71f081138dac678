/* Scripts in C, without Python: create and run to the first wait, switch, memory. Prints one "name figure" a line.
 *
 * spawn WAITS LOOPS COUNT: two units; WAITS' init part adds up and parks in a DELAY, again and again; LOOPS' never ends. */
#include <string.h>

#include "esl_sched.h"
#include "measure.h"

#define SLICE 1000

static const esl_script_limits_t limits = {1000, 256, 1000000, 64 << 20, INT64_C(1) << 60, 1000, 1000000, 100000, SLICE};

static esl_slab_t slab;

static esl_unit_t *load(const char *path)
{
    static uint8_t bytes[1 << 20];
    esl_refusal_t refusal;
    FILE *file = fopen(path, "rb");
    if (!file) wrong(path);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    esl_unit_t *unit = esl_unit_load(bytes, length, &refusal);
    if (!unit) wrong(refusal.text);
    return unit;
}

static esl_script_t *create(const esl_unit_t *unit)
{
    esl_script_t *one = esl_script_new(unit, NULL, NULL, &limits, NULL, &slab);
    if (!one) wrong("a script is made");
    esl_script_start_init(one);
    return one;
}

static esl_script_t *parked(const esl_unit_t *unit)
{
    esl_script_t *one = create(unit);
    if (esl_vm_run(one, SLICE) != ESL_ACTION || !one->pending.waits) wrong("a script parks in its DELAY");
    return one;
}

static void wake(esl_script_t *one)
{
    esl_script_complete(one, NULL, 0, 0);
    if (esl_vm_run(one, SLICE) != ESL_ACTION) wrong("a script parks again");
}

static void turn(esl_script_t *one)
{
    if (esl_vm_run(one, 1) != ESL_SLICE) wrong("a loop has no end");
}

static void switches(const char *name, void (*step)(esl_script_t *), esl_script_t **all, long count, long total)
{
    double start = now_ns();
    for (long done = 0; done < total; done += count)
        for (long i = 0; i < count; i++) step(all[i]);
    figure(name, (now_ns() - start) / (double)total);
}

static void recycle(const esl_unit_t *unit, long count)
{
    double start = now_ns();
    for (long i = 0; i < count; i++) esl_script_free(parked(unit));
    figure("recycle_ns", (now_ns() - start) / (double)count);
}

static void many(const char *create_name, const esl_unit_t *unit, esl_script_t *(*make)(const esl_unit_t *), esl_script_t **all, long count)
{
    long before = resident_bytes();
    double start = now_ns();
    for (long i = 0; i < count; i++) all[i] = make(unit);
    figure(create_name, (now_ns() - start) / (double)count);
    if (make == parked) figure("parked_bytes", (double)(resident_bytes() - before) / (double)count);
}

/* One loop in slices of `slice` back edges, so many in all: time per back edge. */
static double sliced(const esl_unit_t *unit, int64_t slice, int64_t total)
{
    esl_script_t *one = create(unit);
    double start = now_ns();
    for (int64_t done = 0; done < total; done += slice)
        if (esl_vm_run(one, slice) != ESL_SLICE) wrong("a loop has no end");
    double each = (now_ns() - start) / (double)total;
    esl_script_free(one);
    return each;
}

static int64_t clock_ns(void *host)
{
    (void)host;
    return (int64_t)now_ns();
}

/* A hundred loops that the scheduler gives their turns, so many back edges in all: time per back edge. */
static double scheduled(const esl_unit_t *unit, int64_t total)
{
    enum { LOOPS = 100 };
    static esl_sched_t sched;
    esl_script_t *all[LOOPS];
    int64_t done = 0;
    esl_sched_init(&sched, clock_ns, NULL);
    for (int i = 0; i < LOOPS; i++) esl_sched_wake(&sched, all[i] = create(unit));
    double start = now_ns();
    while (done < total) {
        esl_sched_round(&sched, clock_ns(NULL) + 2000000);
        done = 0;
        for (int i = 0; i < LOOPS; i++) done += all[i]->fuel_used;
    }
    double each = (now_ns() - start) / (double)done;
    for (int i = 0; i < LOOPS; i++) esl_script_free(all[i]);
    return each;
}

static void keep_less(double *least, double found) { *least = found < *least ? found : *least; }

static void slicing(const esl_unit_t *unit)
{
    const int64_t total = 2000000;
    double whole = 1e9, in_slices = 1e9, in_turns = 1e9;
    for (int i = 0; i < 60; i++) { /* one after the other; the least disturbed of each */
        keep_less(&whole, sliced(unit, total, total));
        keep_less(&in_slices, sliced(unit, SLICE, total));
        keep_less(&in_turns, scheduled(unit, total));
    }
    figure("back_edge_ns", whole);
    figure("slicing_percent", 100 * (in_slices / whole - 1));
    figure("scheduled_percent", 100 * (in_turns / whole - 1));
}

int main(int argc, char **argv)
{
    if (argc != 4) wrong("spawn WAITS LOOPS COUNT");
    const esl_unit_t *waits = load(argv[1]), *loops = load(argv[2]);
    esl_slab_init(&slab, sizeof(esl_script_t));
    long count = atol(argv[3]);
    esl_script_t **all = calloc((size_t)count, sizeof *all);
    recycle(waits, count);
    many("create_ns", waits, parked, all, count);
    switches("wait_hot_ns", wake, all, 4, 4000000);
    switches("wait_all_ns", wake, all, count, count * 10);
    for (long i = 0; i < count; i++) esl_script_free(all[i]);
    many("create_loop_ns", loops, create, all, count);
    switches("switch_hot_ns", turn, all, 4, 4000000);
    switches("switch_all_ns", turn, all, count, count * 10);
    slicing(loops);
    return 0;
}
