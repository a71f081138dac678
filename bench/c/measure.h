/* What the small C programs of the benchmarks share: time, memory, figures. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline long resident_bytes(void)
{
    long all, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2) exit(3);
    fclose(file);
    return resident * 4096;
}

static inline void figure(const char *name, double value) { printf("%s %.3f\n", name, value); }

static inline void wrong(const char *what)
{
    fprintf(stderr, "wrong answer: %s\n", what);
    exit(2);
}

#endif
