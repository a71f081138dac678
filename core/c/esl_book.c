/* Requests under way and figures of what passed: two pools of entries, each found by a chain from its bucket. */
#define _GNU_SOURCE
#include "esl_book.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NONE  UINT32_MAX
#define LEAST 64u

typedef struct {
    esl_open_t open;
    uint32_t next;      /* in the bucket of its key; of a free entry: the next free one */
    uint32_t next_wait; /* in the bucket of its caller */
    bool used;
} entry_t;

typedef struct {
    esl_passed_t passed;
    uint32_t next;
} figures_t;

struct esl_book {
    pthread_mutex_t lock;
    entry_t *entries;
    uint32_t *keys, *waits; /* buckets, as many as entries */
    uint32_t room, free, size;
    figures_t *figures;
    uint32_t *pairs;
    uint32_t figures_room, figures_count;
};

static uint32_t mixed(uint64_t a, uint64_t b)
{
    uint64_t h = (a * UINT64_C(0x9e3779b97f4a7c15)) ^ (b * UINT64_C(0xc2b2ae3d27d4eb4f));
    return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

static uint32_t *key_bucket(const esl_book_t *b, uint32_t caller, uint64_t corr) { return &b->keys[mixed(caller, corr) & (b->room - 1)]; }

static uint32_t *wait_bucket(const esl_book_t *b, uint32_t caller) { return &b->waits[mixed(caller, 0) & (b->room - 1)]; }

/* --- requests --- */

static void hang(esl_book_t *b, uint32_t at)
{
    entry_t *e = &b->entries[at];
    uint32_t *bucket = key_bucket(b, e->open.caller, e->open.corr);
    e->next = *bucket;
    *bucket = at;
    if (!e->open.waits) return;
    bucket = wait_bucket(b, e->open.caller);
    e->next_wait = *bucket;
    *bucket = at;
}

static bool grow(esl_book_t *b)
{
    uint32_t room = b->room ? b->room * 2 : LEAST;
    entry_t *entries = malloc(room * sizeof *entries);
    uint32_t *buckets = malloc((size_t)room * 2 * sizeof *buckets);
    if (!entries || !buckets) {
        free(entries);
        free(buckets);
        return false;
    }
    if (b->room) memcpy(entries, b->entries, b->room * sizeof *entries);
    memset(buckets, 0xff, (size_t)room * 2 * sizeof *buckets);
    for (uint32_t at = room; at-- > b->room;) {
        entries[at] = (entry_t){.next = b->free};
        b->free = at;
    }
    free(b->entries);
    free(b->keys);
    uint32_t old = b->room;
    b->entries = entries;
    b->keys = buckets;
    b->waits = buckets + room;
    b->room = room;
    for (uint32_t at = 0; at < old; at++)
        if (entries[at].used) hang(b, at);
    return true;
}

/* The link that leads to the entry, or the one at the end of its chain. */
static uint32_t *link_of(const esl_book_t *b, uint32_t caller, uint64_t corr)
{
    uint32_t *link = key_bucket(b, caller, corr);
    while (*link != NONE && (b->entries[*link].open.caller != caller || b->entries[*link].open.corr != corr)) link = &b->entries[*link].next;
    return link;
}

static void unhang_wait(esl_book_t *b, uint32_t at)
{
    uint32_t *link = wait_bucket(b, b->entries[at].open.caller);
    while (*link != at) link = &b->entries[*link].next_wait;
    *link = b->entries[at].next_wait;
}

static void take_out(esl_book_t *b, uint32_t *link)
{
    uint32_t at = *link;
    entry_t *e = &b->entries[at];
    if (e->open.waits) unhang_wait(b, at);
    *link = e->next;
    e->used = false;
    e->next = b->free;
    b->free = at;
    b->size--;
}

/* Whom it waits for; 0 = nobody. */
static uint32_t awaited(const esl_book_t *b, uint32_t caller)
{
    for (uint32_t at = *wait_bucket(b, caller); at != NONE; at = b->entries[at].next_wait)
        if (b->entries[at].open.caller == caller) return b->entries[at].open.target;
    return 0;
}

/* Does whoever `target` waits for, directly or not, lead to `caller`? */
static bool circles(const esl_book_t *b, uint32_t caller, uint32_t target, esl_chain_t *told)
{
    esl_chain_t chain = {.count = 1, .numbers = {caller}};
    uint32_t number = target;
    for (uint32_t steps = 0; number && steps <= b->size; steps++) {
        if (chain.count < ESL_BOOK_CHAIN) chain.numbers[chain.count++] = number;
        if (number == caller) {
            if (told) *told = chain;
            return true;
        }
        number = awaited(b, number);
    }
    return false;
}

static esl_book_status enter(esl_book_t *b, const esl_open_t *open, esl_chain_t *circle)
{
#ifndef ESL_BOOK_MUTANT_CIRCLE /* mutants exist to prove that the tests can see them fail */
    if (open->waits && circles(b, open->caller, open->target, circle)) return ESL_BOOK_CIRCLE;
#else
    (void)circle;
#endif
    uint32_t *link = link_of(b, open->caller, open->corr);
    if (*link != NONE) take_out(b, link);
    if (b->free == NONE && !grow(b)) return ESL_BOOK_MEMORY;
    uint32_t at = b->free;
    b->free = b->entries[at].next;
    b->entries[at] = (entry_t){.open = *open, .next_wait = NONE, .used = true};
    b->size++;
    hang(b, at);
    return ESL_BOOK_OK;
}

esl_book_status esl_book_enter(esl_book_t *b, const esl_open_t *open, esl_chain_t *circle)
{
    pthread_mutex_lock(&b->lock);
    esl_book_status status = enter(b, open, circle);
    pthread_mutex_unlock(&b->lock);
    return status;
}

bool esl_book_circles(esl_book_t *b, uint32_t caller, uint32_t target)
{
    pthread_mutex_lock(&b->lock);
    bool found = circles(b, caller, target, NULL);
    pthread_mutex_unlock(&b->lock);
    return found;
}

bool esl_book_leave(esl_book_t *b, uint32_t caller, uint64_t corr)
{
    pthread_mutex_lock(&b->lock);
    uint32_t *link = link_of(b, caller, corr);
    bool found = *link != NONE;
    if (found) take_out(b, link);
    pthread_mutex_unlock(&b->lock);
    return found;
}

bool esl_book_answer(esl_book_t *b, uint32_t caller, uint64_t corr, uint32_t target)
{
    pthread_mutex_lock(&b->lock);
    uint32_t *link = link_of(b, caller, corr);
#ifdef ESL_BOOK_MUTANT_ANYBODY
    (void)target;
    bool found = *link != NONE;
#else
    bool found = *link != NONE && b->entries[*link].open.target == target;
#endif
    if (found) take_out(b, link);
    pthread_mutex_unlock(&b->lock);
    return found;
}

bool esl_book_awaits(esl_book_t *b, uint32_t caller, uint64_t corr, uint32_t target)
{
    pthread_mutex_lock(&b->lock);
    uint32_t at = *link_of(b, caller, corr);
    bool found = at != NONE && b->entries[at].open.target == target;
    pthread_mutex_unlock(&b->lock);
    return found;
}

static void remove_at(esl_book_t *b, uint32_t at) { take_out(b, link_of(b, b->entries[at].open.caller, b->entries[at].open.corr)); }

void esl_book_forget(esl_book_t *b, uint32_t caller)
{
    pthread_mutex_lock(&b->lock);
    for (uint32_t at = 0; at < b->room; at++)
        if (b->entries[at].used && b->entries[at].open.caller == caller) remove_at(b, at);
    pthread_mutex_unlock(&b->lock);
}

bool esl_book_orphan(esl_book_t *b, uint32_t target, uint32_t *from, esl_open_t *orphan)
{
    pthread_mutex_lock(&b->lock);
    uint32_t at = *from;
    while (at < b->room && !(b->entries[at].used && b->entries[at].open.target == target)) at++;
    bool found = at < b->room;
    if (found) {
        *orphan = b->entries[at].open;
        remove_at(b, at++);
    }
    *from = at;
    pthread_mutex_unlock(&b->lock);
    return found;
}

uint32_t esl_book_size(esl_book_t *b)
{
    pthread_mutex_lock(&b->lock);
    uint32_t size = b->size;
    pthread_mutex_unlock(&b->lock);
    return size;
}

uint32_t esl_book_count(esl_book_t *b, uint32_t target, uint32_t lanes)
{
    uint32_t count = 0;
    pthread_mutex_lock(&b->lock);
    for (uint32_t at = 0; at < b->room; at++) {
        const entry_t *e = &b->entries[at];
        count += e->used && e->open.target == target && lanes >> (e->open.lane & 31) & 1;
    }
    pthread_mutex_unlock(&b->lock);
    return count;
}

/* --- figures --- */

static uint32_t *pair_bucket(const esl_book_t *b, uint32_t source, uint32_t target, uint8_t lane, bool answer)
{
    return &b->pairs[mixed((uint64_t)source << 32 | target, (uint64_t)lane << 1 | answer) & (b->figures_room - 1)];
}

static uint32_t *bucket_of(const esl_book_t *b, const esl_passed_t *p) { return pair_bucket(b, p->source, p->target, p->lane, p->answer); }

static bool more_figures(esl_book_t *b)
{
    uint32_t room = b->figures_room ? b->figures_room * 2 : LEAST;
    figures_t *figures = realloc(b->figures, room * sizeof *figures);
    if (!figures) return false;
    b->figures = figures;
    uint32_t *pairs = malloc(room * sizeof *pairs);
    if (!pairs) return false;
    memset(pairs, 0xff, room * sizeof *pairs);
    free(b->pairs);
    b->pairs = pairs;
    b->figures_room = room;
    for (uint32_t at = 0; at < b->figures_count; at++) {
        uint32_t *bucket = bucket_of(b, &figures[at].passed);
        figures[at].next = *bucket;
        *bucket = at;
    }
    return true;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static esl_passed_t *figures_of(esl_book_t *b, uint32_t source, uint32_t target, uint8_t lane, bool answer)
{
    for (uint32_t at = *pair_bucket(b, source, target, lane, answer); at != NONE; at = b->figures[at].next) {
        esl_passed_t *p = &b->figures[at].passed;
        if (p->source == source && p->target == target && p->lane == lane && p->answer == answer) return p;
    }
    if (b->figures_count == b->figures_room && !more_figures(b)) return NULL;
    uint32_t at = b->figures_count++, *bucket = pair_bucket(b, source, target, lane, answer);
    b->figures[at] = (figures_t){.passed = {.since_ms = now_ms(), .source = source, .target = target, .lane = lane, .answer = answer}, .next = *bucket};
    *bucket = at;
    return &b->figures[at].passed;
}

void esl_book_pass(esl_book_t *b, uint32_t source, uint32_t target, uint8_t lane, bool answer, uint32_t bytes)
{
    pthread_mutex_lock(&b->lock);
    esl_passed_t *p = figures_of(b, source, target, lane, answer);
    if (p) {
        p->messages++;
        p->bytes += bytes;
    }
    pthread_mutex_unlock(&b->lock);
}

bool esl_book_take_passed(esl_book_t *b, esl_passed_t *passed)
{
    pthread_mutex_lock(&b->lock);
    bool found = b->figures_count > 0;
    if (found) {
        uint32_t last = --b->figures_count;
        *passed = b->figures[last].passed;
        uint32_t *link = bucket_of(b, passed);
        while (*link != last) link = &b->figures[*link].next;
        *link = b->figures[last].next;
    }
    pthread_mutex_unlock(&b->lock);
    return found;
}

/* --- life --- */

esl_book_t *esl_book_new(void)
{
    esl_book_t *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->free = NONE;
    pthread_mutex_init(&b->lock, NULL);
    if (grow(b) && more_figures(b)) return b;
    esl_book_free(b);
    return NULL;
}

void esl_book_free(esl_book_t *b)
{
    free(b->entries);
    free(b->keys);
    free(b->figures);
    free(b->pairs);
    pthread_mutex_destroy(&b->lock);
    free(b);
}
