/* Kill sweep of the product's ring: a child publishes or consumes and is stopped after every machine instruction; the
 * shared memory is then judged exactly as the survivor would find it had the child been killed there. At every KILL-th
 * instruction it really is killed. A build with a seeded mistake (ESL_RING_MUTANT_*) has to fail.
 *
 * usage: ring_sweep publish|consume STEP KILL     look at every STEP-th instruction, kill at every KILL-th (0 = never)
 * prints: points N visible A/B/C kills K violations V */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring_link.h"

#define CAPACITY 512u
#define MOST 3

typedef struct {
    uint32_t length;
    uint64_t start;
} scene_t;

/* what the consuming child has handed out; shared, so that the parent sees it as the child left it */
typedef struct {
    volatile uint64_t taken; /* written after the payload was judged */
    uint8_t payload[MOST + 1][256];
} out_t;

static link_t ring;
static out_t *out;
static long points, kills, violations, seen[MOST + 1];

/* What a survivor that consumes would find: number of whole records, -1 for anything that must not be seen. */
static int survivor_reads(uint64_t start, uint64_t first)
{
    esl_consumer_t c;
    esl_record_view_t view;
    uint8_t payload[256];
    uint64_t keep = atomic_load(&ring.b->head);
    int count = 0;
    esl_ring_status status;
    esl_consumer_init(&c, ring.b, ring.a);
    c.head = c.tail_seen = start;
    c.seq = first - 1;
    while ((status = esl_ring_peek(&c, &view)) == ESL_RING_OK) {
        if (esl_ring_take(&c, &view, payload) != ESL_RING_OK) break;
        if (view.envelope.corr != first + (uint64_t)count || !filled(payload, view.envelope.length, view.envelope.corr)) return -1;
        count++;
    }
    if (status == ESL_RING_EMPTY && c.tail_seen != c.head) count = -1;
    atomic_store(&ring.b->head, keep);
    return status == ESL_RING_EMPTY ? count : -1;
}

static int inside(void) /* nothing was written behind the data */
{
    const uint8_t *behind = (const uint8_t *)ring.a + esl_ring_bytes(CAPACITY);
    for (int i = 0; i < 64; i++)
        if (behind[i] != 0x5a) return 0;
    return 1;
}

static void judge_publish(scene_t s)
{
    int count = survivor_reads(s.start, 1);
    if (count < 0 || count > MOST || !inside()) violations++;
    else seen[count]++;
}

/* Consuming: a record that has been freed has been read whole, and everything else is still there to be read. */
static void judge_consume(scene_t s)
{
    uint64_t head = atomic_load(&ring.b->head), whole = (64u + s.length + ESL_RING_ALIGN - 1) & ~(uint64_t)(ESL_RING_ALIGN - 1);
    uint64_t position = s.start, freed = 0;
    while (position != head && freed <= MOST) {
        uint64_t left = CAPACITY - position % CAPACITY;
        if (left < whole) position += left; /* a PAD */
        if (position == head) break;
        position += whole;
        freed++;
    }
    if (freed > MOST) { violations++; return; }
    for (uint64_t seq = 1; seq <= freed; seq++)
        if (!filled(out->payload[seq], s.length, seq)) { violations++; return; }
    if (survivor_reads(head, freed + 1) != MOST - (int)freed) { violations++; return; }
    seen[freed]++;
}

static void publish_all(uint32_t length)
{
    esl_producer_t p;
    uint8_t payload[256];
    esl_producer_init(&p, ring.a, ring.b);
    for (uint64_t seq = 1; seq <= MOST; seq++) {
        esl_envelope_t e = envelope_of(length, seq);
        fill(payload, length, seq);
        if (esl_ring_publish(&p, &e, payload, seq) == ESL_RING_OK) esl_ring_must_wake(&p);
    }
}

static void consume_all(void)
{
    esl_consumer_t c;
    esl_record_view_t view;
    esl_consumer_init(&c, ring.b, ring.a);
    for (uint64_t seq = 1; seq <= MOST; seq++) {
        if (esl_ring_peek(&c, &view) != ESL_RING_OK || esl_ring_take(&c, &view, out->payload[seq]) != ESL_RING_OK) break;
        esl_ring_must_release(&c);
    }
}

static pid_t start_child(scene_t s, int consuming)
{
    reset_segment(ring.a, CAPACITY, s.start);
    reset_segment(ring.b, CAPACITY, s.start);
    memset(out, 0, sizeof *out);
    if (consuming) publish_all(s.length);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        if (consuming) consume_all();
        else publish_all(s.length);
        _exit(0);
    }
    return child;
}

static void judge(scene_t s, int consuming)
{
    points++;
    if (consuming) judge_consume(s);
    else judge_publish(s);
}

/* One life of the child; kill_at < 0: it may live. Returns the number of its instructions. */
static long sweep(scene_t s, int consuming, long step, long kill_at)
{
    int status;
    pid_t child = start_child(s, consuming);
    waitpid(child, &status, 0);
    for (long k = 0;; k++) {
        if (k == kill_at) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            kills++;
            judge(s, consuming);
            return k;
        }
        if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) {
            judge(s, consuming);
            if (WIFSIGNALED(status)) violations++;
            return k;
        }
        if (kill_at < 0 && k % step == 0) judge(s, consuming);
    }
}

int main(int argc, char **argv)
{
    int consuming = argc > 1 && !strcmp(argv[1], "consume");
    long step = argc > 2 ? atol(argv[2]) : 1, kill_every = argc > 3 ? atol(argv[3]) : 499;
    ring = fresh_link(CAPACITY, 0);
    out = mmap(NULL, sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    /* the last one leaves a gap of three alignments: with the wrong alignment too short for a PAD header */
    const uint64_t starts[] = {0, 160, 320, 480, CAPACITY - 3 * ESL_RING_ALIGN};
    for (uint32_t length = 1; length <= 40; length += 13)
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
            scene_t s = {length, starts[i]};
            long instructions = sweep(s, consuming, step, -1);
            for (long at = kill_every; kill_every && at < instructions; at += kill_every) sweep(s, consuming, step, at);
        }
    printf("points %ld visible %ld/%ld/%ld/%ld kills %ld violations %ld\n", points, seen[0], seen[1], seen[2], seen[3], kills,
           violations);
    return violations != 0;
}
