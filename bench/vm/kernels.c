/* The kernels of bench/vm in C: arguments NAME N, prints seconds and the check; compiled for wasm32 too, where the host keeps the
 * time. Each function does what NAME.esl does. */
#include <stdint.h>

typedef int64_t I;
#define APART __attribute__((noinline)) /* a call stays a call, as in the languages beside this one */
#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#define KEEP(value)
#define sqrt __builtin_sqrt
static uint8_t heap[8 << 20];
static uint32_t taken;
static void *take(I bytes) { void *at = heap + taken; taken += (uint32_t)(bytes + 15) & ~15u; return at; }
static void give_back(void) { taken = 0; }
#else
#define EXPORT(name)
#define KEEP(value) __asm__ volatile("" : "+r"(value)) /* the sum is made, not folded into a formula */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
static void *blocks[8];
static int taken;
static void *take(I bytes) { return blocks[taken++] = malloc((size_t)bytes); }
static void give_back(void) { while (taken) free(blocks[--taken]); }
#endif

EXPORT(loop) double k_loop(I n)
{
    I s = 0;
    for (I i = 1; i <= n; i++) {
        s += i % 7;
        KEEP(s);
    }
    return (double)s;
}

static APART I fib(I n)
{
    KEEP(n);
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
EXPORT(fib) double k_fib(I n) { return (double)fib(n); }

EXPORT(sieve) double k_sieve(I n)
{
    I count = 0;
    for (int r = 0; r < 5; r++) {
        uint8_t *f = take(n + 1);
        count = 0;
        for (I i = 1; i <= n; i++) f[i] = 1;
        for (I i = 2; i <= n; i++) {
            if (!f[i]) continue;
            count++;
            for (I j = i * i; j <= n; j += i) f[j] = 0;
        }
        give_back();
    }
    return (double)count;
}

EXPORT(matmul) double k_matmul(I n)
{
    double *a = take(n * n * 8), *b = take(n * n * 8), *c = take(n * n * 8);
    for (I i = 0; i < n; i++)
        for (I j = 0; j < n; j++) a[i * n + j] = (double)(i + j) / n, b[i * n + j] = (double)(i - j) / n;
    for (I i = 0; i < n; i++)
        for (I j = 0; j < n; j++) {
            double s = 0;
            for (I k = 0; k < n; k++) s += a[i * n + k] * b[k * n + j];
            c[i * n + j] = s;
        }
    double check = c[n + 2] + c[n / 2 * n + n / 3];
    give_back();
    return check;
}

EXPORT(mandel) double k_mandel(I n)
{
    I total = 0;
    for (I y = 0; y < n; y++)
        for (I x = 0; x < n; x++) {
            double cr = 2.0 * x / n - 1.5, ci = 2.0 * y / n - 1.0, zr = 0, zi = 0;
            I k = 0;
            while (k < 50 && zr * zr + zi * zi <= 4.0) {
                double t = zr * zr - zi * zi + cr;
                zi = 2.0 * zr * zi + ci;
                zr = t;
                k++;
            }
            total += k;
        }
    return (double)total;
}

typedef struct { I id, qty; double price; int active; } item_t;

EXPORT(records) double k_records(I n)
{
    item_t *t = take(n * (I)sizeof *t);
    for (I i = 0; i < n; i++) t[i] = (item_t){i, i % 10, 1.0 + i % 100, i % 3 != 0};
    for (int pass = 0; pass < 100; pass++)
        for (I i = 0; i < n; i++) {
            item_t *r = &t[i];
            if (r->active) {
                r->qty = (r->qty + r->id) % 100;
                r->price = r->price * 0.99 + r->qty * 0.01;
            } else {
                r->qty = r->qty + 1;
            }
            r->active = r->qty % 5 != 0;
        }
    double s = 0;
    for (I i = 0; i < n; i++) s += t[i].price + t[i].qty;
    give_back();
    return s;
}

typedef struct { double x, y, z, vx, vy, vz, m; } body_t;

EXPORT(nbody) double k_nbody(I n)
{
    body_t b[5];
    for (int i = 0; i < 5; i++) b[i] = (body_t){i * 1.5, i * i * 0.3 - 1.0, 0.1 * i, 0.01 * i, 0.02 * (4 - i), 0.003 * i, 1.0 / (i + 1)};
    for (I step = 0; step < n; step++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                body_t *p = &b[i], *q = &b[j];
                double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
                double d2 = dx * dx + dy * dy + dz * dz + 0.01;
                double mag = 0.001 / (d2 * sqrt(d2));
                p->vx = p->vx - dx * q->m * mag;
                p->vy = p->vy - dy * q->m * mag;
                p->vz = p->vz - dz * q->m * mag;
                q->vx = q->vx + dx * p->m * mag;
                q->vy = q->vy + dy * p->m * mag;
                q->vz = q->vz + dz * p->m * mag;
            }
        for (int i = 0; i < 5; i++) {
            b[i].x = b[i].x + 0.001 * b[i].vx;
            b[i].y = b[i].y + 0.001 * b[i].vy;
            b[i].z = b[i].z + 0.001 * b[i].vz;
        }
    }
    return b[0].x + b[1].y + b[2].z + b[3].vx + b[4].vy;
}

static APART I p0(I x) { return x + 1; }
static APART I p1(I x) { return x * 2 % 1000; }
static APART I p2(I x) { return x + 7; }
static APART I p3(I x) { I y = x % 17; return x + y; }
static APART I p4(I x) { return x > 500 ? x - 500 : x; }
static APART I p5(I x) { return x + 5; }
static APART I p6(I x) { return x * 3 % 1009; }
static APART I p7(I x) { return x > 0 ? x - 1 : 0; }

static APART I dispatch(I op, I x)
{
    if (op == 0) return p0(x);
    else if (op == 1) return p1(x);
    else if (op == 2) return p2(x);
    else if (op == 3) return p3(x);
    else if (op == 4) return p4(x);
    else if (op == 5) return p5(x);
    else if (op == 6) return p6(x);
    else return p7(x);
}

EXPORT(dispatch) double k_dispatch(I n)
{
    I x = 1, seed = 42;
    for (I i = 0; i < n; i++) {
        seed = (seed * 3877 + 29573) % 139968;
        x = dispatch(seed % 8, x);
    }
    return (double)x;
}

#ifndef __wasm__
static double k_strings(I n)
{
    char *text = take(100001), chunk[2048];
    size_t bytes = 0;
    I ends = 0, hits = 0;
    for (I round = 0; round < n; round++) {
        size_t length = bytes = 0;
        for (int i = 1; i <= 6650; i++) {
            length += (size_t)sprintf(chunk + length, "key%d=%d;", i, i * 7);
            if (i % 100) continue;
            memcpy(text + bytes, chunk, length);
            bytes += length, length = 0;
        }
        memcpy(text + bytes, chunk, length);
        bytes += length, text[bytes] = 0;
        for (size_t i = 0; i < bytes; i++) ends += text[i] == ';';
        for (char *at = strstr(text, "99"); at; at = strstr(at + 1, "99")) hits++;
    }
    give_back();
    return (double)(ends * 1000000 + hits + (I)bytes);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; double (*run)(I); } kernels[] = {
        {"loop", k_loop}, {"fib", k_fib}, {"sieve", k_sieve}, {"matmul", k_matmul}, {"mandel", k_mandel},
        {"records", k_records}, {"nbody", k_nbody}, {"dispatch", k_dispatch}, {"strings", k_strings},
    };
    for (size_t i = 0; argc == 3 && i < sizeof kernels / sizeof *kernels; i++) {
        if (strcmp(kernels[i].name, argv[1])) continue;
        double begin = seconds(), check = kernels[i].run(atoll(argv[2]));
        printf("%.9f %.10g\n", seconds() - begin, check);
        return 0;
    }
    return 2;
}
#endif
