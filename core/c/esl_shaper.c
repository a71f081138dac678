/* The shaper's thread: reads while there is room, writes what is due, sleeps until the next of both. */
#define _GNU_SOURCE
#include "esl_shaper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOLD_BYTES  (UINT32_C(4) << 20) /* per direction: 40 ms of 100 MB/s */
#define HOLD_CHUNKS 4096u
#define CHUNK_MOST  65536u
#define CHUNK_RATED 4096u /* with a rate: pieces small enough to be spread evenly */

typedef struct {
    int64_t due_ns;
    uint32_t bytes;
} chunk_t;

typedef struct {
    int from, to;
    bool ended;        /* nothing more will be read */
    bool done;         /* everything written, the end passed on */
    bool stuck;        /* the receiver took less than was due: wait until it is writable */
    uint32_t first, chunks; /* ring of chunks */
    uint64_t start, stop;   /* positions of the bytes held; index = position & (HOLD_BYTES - 1) */
    int64_t last_due_ns;    /* order: nothing is due before what came before it */
    int64_t line_free_ns;   /* end of the last byte's transmission at the given rate */
    chunk_t chunk[HOLD_CHUNKS];
    uint8_t *bytes;
} way_t;

struct esl_shaper {
    _Atomic int64_t delay_ns, jitter_ns, kbit_s; /* relaxed: each is read alone, at the next chunk */
    _Atomic int64_t held;                        /* relaxed: a figure to be shown */
    _Atomic int owners;                          /* handle and thread; acq_rel: the last one frees what both wrote */
    _Atomic bool left;                           /* the handle was given back; the bell follows it */
    int near, far, bell;
    uint64_t dice;
    way_t out, in;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void release(esl_shaper_t *s)
{
    if (atomic_fetch_sub_explicit(&s->owners, 1, memory_order_acq_rel) != 1) return;
    close(s->bell);
    free(s->out.bytes);
    free(s->in.bytes);
    free(s);
}

static int64_t roll(esl_shaper_t *s, int64_t most)
{
    s->dice ^= s->dice << 13;
    s->dice ^= s->dice >> 7;
    s->dice ^= s->dice << 17;
    return most > 0 ? (int64_t)(s->dice % (uint64_t)most) : 0;
}

static void hold(esl_shaper_t *s, way_t *w, uint32_t bytes)
{
    int64_t now = now_ns(), kbit = atomic_load_explicit(&s->kbit_s, memory_order_relaxed);
    int64_t delay = atomic_load_explicit(&s->delay_ns, memory_order_relaxed);
    int64_t jitter = roll(s, atomic_load_explicit(&s->jitter_ns, memory_order_relaxed));
    int64_t line = w->line_free_ns > now ? w->line_free_ns : now;
    if (kbit > 0) line += (int64_t)bytes * 8 * 1000000 / kbit;
    w->line_free_ns = line;
    int64_t due = line + delay + jitter;
    if (due < w->last_due_ns) due = w->last_due_ns;
    w->last_due_ns = due;
    w->chunk[(w->first + w->chunks) % HOLD_CHUNKS] = (chunk_t){due, bytes};
    w->chunks++;
    w->stop += bytes;
    atomic_fetch_add_explicit(&s->held, bytes, memory_order_relaxed);
}

static bool has_room(const way_t *w) { return w->chunks < HOLD_CHUNKS && w->stop - w->start < HOLD_BYTES; }

static void take_in(esl_shaper_t *s, way_t *w)
{
    while (!w->ended && has_room(w)) {
        uint64_t index = w->stop & (HOLD_BYTES - 1), free_bytes = HOLD_BYTES - (w->stop - w->start);
        size_t most = atomic_load_explicit(&s->kbit_s, memory_order_relaxed) > 0 ? CHUNK_RATED : CHUNK_MOST;
        if (most > free_bytes) most = free_bytes;
        if (most > HOLD_BYTES - index) most = HOLD_BYTES - index;
        ssize_t n = recv(w->from, w->bytes + index, most, MSG_DONTWAIT);
        if (n > 0) hold(s, w, (uint32_t)n);
        else if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        else w->ended = true;
    }
}

static void wrote(esl_shaper_t *s, way_t *w, uint32_t bytes)
{
    chunk_t *c = &w->chunk[w->first];
    w->start += bytes;
    atomic_fetch_sub_explicit(&s->held, bytes, memory_order_relaxed);
    c->bytes -= bytes;
    if (c->bytes) return;
    w->first = (w->first + 1) % HOLD_CHUNKS;
    w->chunks--;
}

/* The receiver is gone: what is held for it has nowhere to go. */
static void give_up(esl_shaper_t *s, way_t *w)
{
    atomic_fetch_sub_explicit(&s->held, (int64_t)(w->stop - w->start), memory_order_relaxed);
    w->start = w->stop;
    w->chunks = 0;
    w->ended = true;
}

static void put_out(esl_shaper_t *s, way_t *w)
{
    w->stuck = false;
    while (w->chunks && w->chunk[w->first].due_ns <= now_ns()) {
        uint64_t index = w->start & (HOLD_BYTES - 1);
        uint32_t bytes = w->chunk[w->first].bytes;
        if (bytes > HOLD_BYTES - index) bytes = (uint32_t)(HOLD_BYTES - index);
        ssize_t n = send(w->to, w->bytes + index, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) wrote(s, w, (uint32_t)n);
        else if (n < 0 && (errno == EAGAIN || errno == EINTR)) { w->stuck = true; return; }
        else give_up(s, w);
    }
    if (w->ended && !w->chunks && !w->done) {
        shutdown(w->to, SHUT_WR); /* the end arrives behind the bytes, with their delay */
        w->done = true;
    }
}

static struct pollfd interest(const way_t *reads, const way_t *writes, int fd)
{
    short events = (short)((!reads->ended && has_room(reads) ? POLLIN : 0) | (writes->stuck ? POLLOUT : 0));
    return (struct pollfd){.fd = events ? fd : -1, .events = events};
}

static int64_t next_due(const way_t *w) { return w->chunks && !w->stuck ? w->chunk[w->first].due_ns : INT64_MAX; }

static void sleep_until_due(esl_shaper_t *s)
{
    struct pollfd fds[3] = {interest(&s->out, &s->in, s->near), interest(&s->in, &s->out, s->far),
                            {.fd = atomic_load_explicit(&s->left, memory_order_relaxed) ? -1 : s->bell, .events = POLLIN}};
    int64_t out = next_due(&s->out), in = next_due(&s->in), due = out < in ? out : in;
    struct timespec left = {0}, *limit = NULL;
    if (due != INT64_MAX) {
        int64_t ns = due - now_ns();
        if (ns < 0) ns = 0;
        left = (struct timespec){ns / 1000000000, ns % 1000000000};
        limit = &left;
    }
    ppoll(fds, 3, limit, NULL);
}

static bool over(const esl_shaper_t *s)
{
    if (s->out.done && s->in.done) return true;
    return s->out.done && atomic_load_explicit(&s->left, memory_order_acquire); /* pairs with the release in leave */
}

static void *run(void *argument)
{
    esl_shaper_t *s = argument;
    prctl(PR_SET_NAME, "hisee-shaper");
    prctl(PR_SET_TIMERSLACK, 1000); /* 1 us: the default of 50 us would show in a short delay */
    while (!over(s)) {
        take_in(s, &s->out);
        take_in(s, &s->in);
        put_out(s, &s->out);
        put_out(s, &s->in);
        if (!over(s)) sleep_until_due(s);
    }
    close(s->near);
    close(s->far);
    release(s);
    return NULL;
}

static bool start_thread(esl_shaper_t *s)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the main thread */
    int failed = pthread_create(&thread, &attributes, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return !failed;
}

static void way_init(way_t *w, int from, int to)
{
    w->from = from;
    w->to = to;
    w->bytes = malloc(HOLD_BYTES);
}

esl_shaper_t *esl_shaper_start(int near, int far, const esl_shape_t *shape)
{
    esl_shaper_t *s = calloc(1, sizeof *s);
    if (s) {
        s->near = near;
        s->far = far;
        s->dice = (uint64_t)now_ns() | 1;
        s->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        atomic_init(&s->owners, 2);
        esl_shaper_set(s, shape);
        way_init(&s->out, near, far);
        way_init(&s->in, far, near);
        if (s->bell >= 0 && s->out.bytes && s->in.bytes && start_thread(s)) return s;
        if (s->bell >= 0) close(s->bell);
        free(s->out.bytes);
        free(s->in.bytes);
        free(s);
    }
    close(near);
    close(far);
    return NULL;
}

void esl_shaper_set(esl_shaper_t *s, const esl_shape_t *shape)
{
    atomic_store_explicit(&s->delay_ns, shape->delay_ns, memory_order_relaxed);
    atomic_store_explicit(&s->jitter_ns, shape->jitter_ns, memory_order_relaxed);
    atomic_store_explicit(&s->kbit_s, shape->kbit_s, memory_order_relaxed);
}

int64_t esl_shaper_held(const esl_shaper_t *s) { return atomic_load_explicit(&s->held, memory_order_relaxed); }

void esl_shaper_leave(esl_shaper_t *s)
{
    uint64_t one = 1;
    atomic_store_explicit(&s->left, true, memory_order_release); /* pairs with the acquire in over */
    if (write(s->bell, &one, sizeof one) < 0) { /* the thread ends at its next turn anyway */ }
    release(s);
}
