/* The measure of `./hisee bench ring`: what two processes of this machine reach in plain C, without names, checks of a foreign
 * peer, sums or recovery. A byte ring each way: length, bytes; cursors on lines of their own, the other side's cursor remembered.
 *
 * usage: ring poll|futex trip|wake|oneway CPU_A CPU_B COUNT SIZE BATCH
 * poll looks again and again; futex sleeps as soon as nothing is there. Prints one line of JSON; wrong contents end it with code 3.
 *   trip    us: there and back, median over parts of the run
 *   wake    us: from the send to the sleeper's return, which has slept for more than a millisecond
 *   oneway  rate: messages per second; cpu: us of the sender's processor per message; published in batches of BATCH */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES (1u << 20)
#define PARTS 50
#define PAUSE_US 1500

typedef struct {
    _Alignas(128) _Atomic uint64_t tail;
    _Alignas(128) _Atomic uint64_t head;
    _Alignas(128) _Atomic uint32_t empty; /* the reader sleeps, or is about to */
    _Alignas(128) _Atomic uint32_t full;  /* the writer does */
    _Alignas(128) uint8_t data[BYTES];
} ring_t;

typedef struct {
    ring_t *ring;
    uint64_t mine, theirs; /* cursors: my own, and the other one as last read */
} end_t;

static int polling;

static double now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) exit(4);
}

static void futex(_Atomic uint32_t *word, int what, uint32_t value) { syscall(SYS_futex, word, what, value, NULL, NULL, 0); }

/* Until `cursor` has left `seen`. */
static uint64_t changed(_Atomic uint64_t *cursor, uint64_t seen, _Atomic uint32_t *asleep)
{
    uint64_t now;
    while ((now = atomic_load_explicit(cursor, memory_order_acquire)) == seen) {
        if (polling) {
            __builtin_ia32_pause();
            continue;
        }
        atomic_store(asleep, 1);
        if (atomic_load(cursor) == seen) futex(asleep, FUTEX_WAIT, 1);
        atomic_store(asleep, 0);
    }
    return now;
}

static void wake(_Atomic uint32_t *asleep)
{
    if (polling) return;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(asleep, memory_order_relaxed) && atomic_exchange(asleep, 0)) futex(asleep, FUTEX_WAKE, 1);
}

static void copy_in(ring_t *ring, uint64_t at, const void *from, uint32_t length)
{
    uint32_t place = at % BYTES, first = length < BYTES - place ? length : BYTES - place;
    memcpy(ring->data + place, from, first);
    if (first < length) memcpy(ring->data, (const uint8_t *)from + first, length - first);
}

static void copy_out(ring_t *ring, uint64_t at, void *to, uint32_t length)
{
    uint32_t place = at % BYTES, first = length < BYTES - place ? length : BYTES - place;
    memcpy(to, ring->data + place, first);
    if (first < length) memcpy((uint8_t *)to + first, ring->data, length - first);
}

static uint64_t step_of(uint32_t length) { return (8 + length + 7) & ~7u; }

static void publish(end_t *out)
{
    atomic_store_explicit(&out->ring->tail, out->mine, memory_order_release);
    wake(&out->ring->empty);
}

/* Visible to the other side after `publish`. */
static void put(end_t *out, const void *bytes, uint32_t length)
{
    uint64_t step = step_of(length), header = length;
    while (out->mine + step - out->theirs > BYTES) {
        publish(out);
        out->theirs = changed(&out->ring->head, out->theirs, &out->ring->full);
    }
    copy_in(out->ring, out->mine, &header, 8);
    copy_in(out->ring, out->mine + 8, bytes, length);
    out->mine += step;
}

static void put_one(end_t *out, const void *bytes, uint32_t length)
{
    put(out, bytes, length);
    publish(out);
}

static uint32_t take(end_t *in, void *bytes)
{
    uint64_t length;
    if (in->theirs == in->mine) in->theirs = changed(&in->ring->tail, in->mine, &in->ring->empty);
    copy_out(in->ring, in->mine, &length, 8);
    copy_out(in->ring, in->mine + 8, bytes, (uint32_t)length);
    in->mine += step_of((uint32_t)length);
    atomic_store_explicit(&in->ring->head, in->mine, memory_order_release);
    wake(&in->ring->full);
    return (uint32_t)length;
}

static uint8_t message[65536], answer[65536];

static void expect(uint32_t length, uint32_t size)
{
    if (length != size || memcmp(message, answer, size)) exit(3);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static void trip(end_t *out, end_t *in, int count, int size)
{
    double parts[PARTS];
    for (int part = 0; part < PARTS; part++) {
        double began = now_us(CLOCK_MONOTONIC);
        for (int i = 0; i < count / PARTS; i++) {
            put_one(out, message, size);
            expect(take(in, answer), size);
        }
        parts[part] = (now_us(CLOCK_MONOTONIC) - began) / (count / PARTS);
    }
    printf("{\"us\": %.4f}\n", median(parts, PARTS));
}

static void wakes(end_t *out, end_t *in, int count)
{
    double *took = malloc(count * sizeof *took);
    for (int i = 0; i < count; i++) {
        double began;
        usleep(PAUSE_US);
        now_us(CLOCK_MONOTONIC); /* what it needs is cold as well */
        began = now_us(CLOCK_MONOTONIC);
        put_one(out, &began, sizeof began);
        take(in, took + i);
    }
    printf("{\"us\": %.4f}\n", median(took, count));
}

static void oneway(end_t *out, end_t *in, int count, int size, int batch)
{
    double began = now_us(CLOCK_MONOTONIC), cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; i++) {
        put(out, message, size);
        if ((i + 1) % batch == 0) publish(out);
    }
    publish(out);
    cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    expect(take(in, answer), size);
    printf("{\"rate\": %.0f, \"cpu\": %.4f}\n", count / (now_us(CLOCK_MONOTONIC) - began) * 1e6, cpu / count);
}

static void answers(end_t *in, end_t *out, const char *what, int count)
{
    double sent;
    uint32_t length = 0;
    for (int i = 0; i < count; i++) {
        length = take(in, answer);
        if (!strcmp(what, "trip")) put_one(out, answer, length);
        if (strcmp(what, "wake")) continue;
        memcpy(&sent, answer, sizeof sent);
        sent = now_us(CLOCK_MONOTONIC) - sent;
        put_one(out, &sent, sizeof sent);
    }
    if (!strcmp(what, "oneway")) put_one(out, answer, length);
}

int main(int argc, char **argv)
{
    if (argc != 8) return 2;
    const char *what = argv[2];
    int count = atoi(argv[5]), size = atoi(argv[6]), status;
    polling = !strcmp(argv[1], "poll");
    ring_t *rings = mmap(NULL, 2 * sizeof *rings, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (rings == MAP_FAILED) return 4;
    end_t there = {.ring = rings}, back = {.ring = rings + 1};
    memset(message, 'x', sizeof message);
    pid_t child = fork();
    pin(atoi(argv[child ? 3 : 4]));
    if (!child) {
        answers(&there, &back, what, count / PARTS * PARTS);
        _exit(0);
    }
    usleep(20000); /* both have moved to their processors */
    if (!strcmp(what, "trip")) trip(&there, &back, count, size);
    else if (!strcmp(what, "wake")) wakes(&there, &back, count / PARTS * PARTS);
    else oneway(&there, &back, count / PARTS * PARTS, size, atoi(argv[7]));
    return waitpid(child, &status, 0) == child && !status ? 0 : 5;
}
