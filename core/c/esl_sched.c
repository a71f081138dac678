/* Run queues, slices, delays. */
#include "esl_sched.h"

#include "gen/actions.h"

enum {
#define X(number, name, waits, signature) ACTION_##name = number,
    HISEE_ACTIONS(X)
#undef X
};

#define SLICE_NS 500000
#define IN_A_ROW 8        /* woken ones before a spent one gets its turn */
#define MOST_STOPPED 32   /* then the host is told, whoever else is ready */
#define MOST_SLICES 4096  /* of a round, should the clock stand still */
#define ACTION_FUEL 20    /* of the slice: what an action that the host does at once costs about */
#define MS INT64_C(1000000)
#define MOST_S 1e9        /* of a DELAY: some thirty years */

static esl_script_t *script_of(esl_link_t *link) { return (esl_script_t *)((char *)link - offsetof(esl_script_t, wait)); }

void esl_sched_init(esl_sched_t *sched, int64_t (*now_ns)(void *host), void *host)
{
    sched->now_ns = now_ns, sched->host = host, sched->in_a_row = 0;
    for (int i = 0; i < ESL_PRIORITIES; i++) {
        esl_ring_init(&sched->woken[i]);
        esl_ring_init(&sched->spent[i]);
    }
    esl_ring_init(&sched->stopped);
    esl_wheel_init(&sched->wheel, now_ns(host) / MS);
}

void esl_sched_remove(esl_script_t *script)
{
    esl_unlink(&script->wait.link);
    script->wait.place = ESL_NOWHERE;
}

static void let_go(esl_link_t *head)
{
    while (!esl_ring_empty(head)) esl_sched_remove(script_of(head->next));
}

void esl_sched_close(esl_sched_t *sched)
{
    for (int i = 0; i < ESL_PRIORITIES; i++) {
        let_go(&sched->woken[i]);
        let_go(&sched->spent[i]);
    }
    let_go(&sched->stopped);
    for (int level = 0; level < ESL_WHEEL_LEVELS; level++)
        for (int slot = 0; slot < 64; slot++) let_go(&sched->wheel.slot[level][slot]);
}

static int32_t slice_of(const esl_script_t *s) { return s->limits->slice >> s->wait.halvings ? s->limits->slice >> s->wait.halvings : 1; }

static void put(esl_link_t *head, esl_script_t *s, esl_place_t place)
{
    s->wait.place = (uint8_t)place;
    esl_link_last(head, &s->wait.link);
}

static void put_woken(esl_sched_t *sched, esl_script_t *s) { put(&sched->woken[s->wait.priority], s, ESL_WOKEN); }

static void put_spent(esl_sched_t *sched, esl_script_t *s)
{
    s->wait.left = slice_of(s);
    put(&sched->spent[s->wait.priority], s, ESL_SPENT);
}

void esl_sched_wake(esl_sched_t *sched, esl_script_t *s)
{
    if (s->wait.place != ESL_NOWHERE) return;
    s->wait.left = slice_of(s);
    s->wait.due = 0;
    put_woken(sched, s);
}

void esl_sched_go_on(esl_sched_t *sched, esl_script_t *s)
{
    if (s->wait.place != ESL_NOWHERE) return;
    s->wait.left -= ACTION_FUEL;
    if (s->wait.left > 0) put_woken(sched, s);
    else put_spent(sched, s);
}

/* Of the highest priority that has one; NULL: only a spent one is left while the host is wanted. */
static esl_script_t *next(esl_sched_t *sched)
{
    for (int i = 0; i < ESL_PRIORITIES; i++) {
        bool woken = !esl_ring_empty(&sched->woken[i]), spent = !esl_ring_empty(&sched->spent[i]);
        if (woken && !(spent && sched->in_a_row >= IN_A_ROW)) {
            sched->in_a_row++;
            return script_of(sched->woken[i].next);
        }
        if (!spent) continue;
        if (!esl_ring_empty(&sched->stopped)) return NULL;
        sched->in_a_row = 0;
        return script_of(sched->spent[i].next);
    }
    return NULL;
}

/* Its back edges are longer, or shorter again, than a slice of that many may have. */
static void keep_pace(esl_script_t *s, int64_t took_ns)
{
    if (took_ns > SLICE_NS && slice_of(s) > 1) s->wait.halvings++;
    else if (took_ns < SLICE_NS / 4 && s->wait.halvings) s->wait.halvings--;
}

/* true: it sleeps now. A DELAY whose time is no valid one is the host's business: it fails there like any action. */
static bool falls_asleep(esl_sched_t *sched, esl_script_t *s, int64_t now_ns)
{
    if (s->pending.number != ACTION_DELAY || s->pending.site == ESL_NO_SITE) return false;
    double seconds = esl_script_delay(s);
    if (esl_real_invalid(seconds)) return false;
    if (seconds > MOST_S) seconds = MOST_S;
    if (seconds == 0) { /* only a turn for the others */
        esl_script_complete(s, NULL, 0, 0);
        esl_sched_wake(sched, s);
        return true;
    }
    s->wait.place = ESL_ASLEEP;
    esl_wheel_add(&sched->wheel, &s->wait, (now_ns + (int64_t)(seconds * 1e9) + MS - 1) / MS);
    return true;
}

/* One slice; the time after it. */
static int64_t run(esl_sched_t *sched, esl_script_t *s, int64_t now_ns, uint32_t *stopped)
{
    esl_sched_remove(s);
    if (!s->wait.due) s->wait.due = now_ns;
    esl_status_t status = esl_vm_run(s, s->wait.left);
    int64_t after_ns = sched->now_ns(sched->host);
    s->wait.left = (int32_t)(s->budget > 0 ? s->budget : 0);
    keep_pace(s, after_ns - now_ns);
    if (status == ESL_SLICE) put_spent(sched, s);
    else if (status != ESL_ACTION || !falls_asleep(sched, s, after_ns)) {
        put(&sched->stopped, s, ESL_STOPPED);
        ++*stopped;
    }
    return after_ns;
}

static void wake_sleepers(esl_sched_t *sched, int64_t now_ns)
{
    esl_link_t due;
    esl_ring_init(&due);
    esl_wheel_turn(&sched->wheel, now_ns / MS, &due);
    while (!esl_ring_empty(&due)) {
        esl_script_t *s = script_of(due.next);
        esl_sched_remove(s);
        esl_script_complete(s, NULL, 0, 0);
        esl_sched_wake(sched, s);
    }
}

void esl_sched_round(esl_sched_t *sched, int64_t until_ns)
{
    uint32_t stopped = 0, slices = 0;
    int64_t now_ns = sched->now_ns(sched->host);
    wake_sleepers(sched, now_ns);
    do {
        esl_script_t *s = next(sched);
        if (!s) return;
        now_ns = run(sched, s, now_ns, &stopped);
    } while (now_ns < until_ns && stopped < MOST_STOPPED && ++slices < MOST_SLICES);
}

esl_script_t *esl_sched_stopped(esl_sched_t *sched)
{
    if (esl_ring_empty(&sched->stopped)) return NULL;
    esl_script_t *s = script_of(sched->stopped.next);
    esl_sched_remove(s);
    return s;
}

bool esl_sched_ready(const esl_sched_t *sched)
{
    for (int i = 0; i < ESL_PRIORITIES; i++)
        if (!esl_ring_empty(&sched->woken[i]) || !esl_ring_empty(&sched->spent[i])) return true;
    return false;
}

int64_t esl_sched_next_ms(const esl_sched_t *sched) { return esl_wheel_next(&sched->wheel); }
