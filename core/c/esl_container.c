/* Data containers. See esl_container.h; no operating system, no script: only values. */
#include "esl_container.h"

#include <stdlib.h>

#include "esl_case.h"

struct esl_container {
    esl_container_t *next;
    int64_t handle;
    esl_type key_type;       /* ESL_T_NONE until the first key */
    bool case_sensitive, array;
    esl_item_pair_t *item;
    uint32_t count, room, most;
    uint32_t *place;         /* number of an item + 1; 0 = free */
    uint32_t mask;           /* places - 1; 0: none yet */
    esl_text_t *name;
};

/* values */

static void drop(esl_value_t *value)
{
    if (value->type == ESL_T_TEXT) esl_text_drop(value->value.t);
    else if (value->type == ESL_T_RECORD) esl_record_drop(value->value.rec);
}

static esl_value_t keep(const esl_value_t *value)
{
    if (value->type == ESL_T_TEXT) esl_text_keep(value->value.t);
    else if (value->type == ESL_T_RECORD) esl_record_keep(value->value.rec);
    return *value;
}

/* keys */

static uint64_t mix(uint64_t hash, uint64_t word) /* FNV-1a, a word at a time, closed by a shift */
{
    hash = (hash ^ word) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static uint64_t hash_text(const esl_text_t *text, bool exact)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *at = text->data, *end = at + text->bytes; at < end;) {
        uint32_t code = esl_utf8_next(&at);
        hash = mix(hash, exact ? code : esl_case_fold(code));
    }
    return hash;
}

static uint64_t hash_of(const esl_container_t *c, const esl_value_t *key)
{
    if (key->type == ESL_T_TEXT) return hash_text(key->value.t, c->case_sensitive);
    return mix(UINT64_C(0xcbf29ce484222325), key->value.u);
}

static int order_texts(const esl_text_t *a, const esl_text_t *b, bool exact)
{
    if (exact) return esl_text_compare(a, b);
    const char *x = a->data, *y = b->data, *x_end = x + a->bytes, *y_end = y + b->bytes;
    while (x < x_end && y < y_end) {
        uint32_t p = esl_case_fold(esl_utf8_next(&x)), q = esl_case_fold(esl_utf8_next(&y));
        if (p != q) return p < q ? -1 : 1;
    }
    return (x < x_end) - (y < y_end);
}

/* Keys of one type, valid. */
static int order_keys(const esl_value_t *a, const esl_value_t *b, bool exact)
{
    if (a->type == ESL_T_TEXT) return order_texts(a->value.t, b->value.t, exact);
    if (a->type == ESL_T_REAL) return (a->value.r > b->value.r) - (a->value.r < b->value.r);
    return (a->value.i > b->value.i) - (a->value.i < b->value.i);
}

/* The key in the form in which it is stored: -0.0 is 0.0. */
static int check_key(const esl_container_t *c, esl_value_t *key)
{
    if (key->type < ESL_T_BOOL || key->type > ESL_T_TEXT) return ESL_ERR_CNT_KEY_TYPE;
    if (esl_slot_reason(key->type, key->value)) return ESL_ERR_EXPRESSION_STATUS;
    if (c->key_type != ESL_T_NONE && c->key_type != key->type) return ESL_ERR_CNT_KEY_TYPE;
    if (key->type == ESL_T_REAL && key->value.r == 0) key->value.r = 0.0;
    return 0;
}

/* places */

/* The place of a key, or the free one where it would go. */
static uint32_t place_of(const esl_container_t *c, const esl_value_t *key, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & c->mask;
    for (; c->place[at]; at = (at + 1) & c->mask) {
        const esl_item_pair_t *item = &c->item[c->place[at] - 1];
        if (item->hash == hash && order_keys(&item->key, key, c->case_sensitive) == 0) break;
    }
    return at;
}

static void place_all(esl_container_t *c)
{
    memset(c->place, 0, ((size_t)c->mask + 1) * sizeof *c->place);
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t at = (uint32_t)c->item[i].hash & c->mask;
        while (c->place[at]) at = (at + 1) & c->mask;
        c->place[at] = i + 1;
    }
}

static int64_t bytes_of(uint32_t room) { return (int64_t)room * (int64_t)(sizeof(esl_item_pair_t) + 2 * sizeof(uint32_t)); }

/* Twice the room: items and two places for each, so that half the places stay free. */
static bool widen(esl_account_t *account, esl_container_t *c)
{
    uint32_t room = c->room ? 2 * c->room : 8;
    if (!esl_charge(account, bytes_of(room) - bytes_of(c->room))) return false;
    esl_item_pair_t *item = realloc(c->item, room * sizeof *item);
    if (item) c->item = item;
    uint32_t *place = item ? malloc(2 * (size_t)room * sizeof *place) : NULL;
    if (!place) {
        esl_discharge(account, bytes_of(room) - bytes_of(c->room));
        return false;
    }
    free(c->place);
    c->place = place, c->mask = 2 * room - 1, c->room = room;
    place_all(c);
    return true;
}

/* life */

int esl_container_create(esl_containers_t *all, bool case_sensitive, int64_t *handle)
{
    if (all->count >= all->most) return ESL_ERR_RANGE_ERROR;
    if (!esl_charge(all->account, sizeof(esl_container_t))) return ESL_ERR_MEMORY;
    esl_container_t *c = calloc(1, sizeof *c);
    if (!c) {
        esl_discharge(all->account, sizeof *c);
        return ESL_ERR_MEMORY;
    }
    c->case_sensitive = case_sensitive;
    c->handle = *handle = ++all->serial;
    c->next = all->first;
    all->first = c;
    all->count++;
    return 0;
}

esl_container_t *esl_container_find(const esl_containers_t *all, int64_t handle)
{
    esl_container_t *c = all->first;
    while (c && c->handle != handle) c = c->next;
    return c;
}

static void release(esl_account_t *account, esl_container_t *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        drop(&c->item[i].key);
        drop(&c->item[i].value);
    }
    esl_text_drop(c->name);
    esl_discharge(account, bytes_of(c->room) + (int64_t)sizeof *c);
    free(c->item);
    free(c->place);
    free(c);
}

void esl_container_destroy(esl_containers_t *all, esl_container_t *container)
{
    esl_container_t **at = &all->first;
    while (*at != container) at = &(*at)->next;
    *at = container->next;
    all->count--;
    release(all->account, container);
}

void esl_containers_free(esl_containers_t *all)
{
    while (all->first) esl_container_destroy(all, all->first);
}

/* items */

static int append(esl_containers_t *all, esl_container_t *c, const esl_value_t *key, const esl_value_t *value, uint64_t hash)
{
    if (c->count >= all->most_items) return ESL_ERR_RANGE_ERROR;
    if (c->count == c->room && !widen(all->account, c)) return ESL_ERR_MEMORY;
    c->place[place_of(c, key, hash)] = c->count + 1;
    c->item[c->count++] = (esl_item_pair_t){keep(key), keep(value), hash};
    if (c->count > c->most) c->most = c->count;
    c->key_type = key->type;
    return 0;
}

int esl_container_insert(esl_containers_t *all, esl_container_t *c, const esl_value_t *given, const esl_value_t *value)
{
    esl_value_t key = *given;
    int error = check_key(c, &key);
    if (error) return error;
    c->array = false;
    uint64_t hash = hash_of(c, &key);
    uint32_t number = c->mask ? c->place[place_of(c, &key, hash)] : 0;
    if (!number) return append(all, c, &key, value, hash);
    esl_value_t older = c->item[number - 1].value;
    c->item[number - 1].value = keep(value);
    drop(&older);
    return 0;
}

int esl_container_get(const esl_container_t *c, const esl_value_t *given, const esl_item_pair_t **item)
{
    esl_value_t key = *given;
    int error = check_key(c, &key);
    *item = NULL;
    if (error || !c->mask) return error;
    uint32_t number = c->place[place_of(c, &key, hash_of(c, &key))];
    if (number) *item = &c->item[number - 1];
    return 0;
}

/* A free place at `hole`: what follows without a gap moves up where that shortens its way. */
static void close_gap(esl_container_t *c, uint32_t hole)
{
    c->place[hole] = 0;
    for (uint32_t at = (hole + 1) & c->mask; c->place[at]; at = (at + 1) & c->mask) {
        uint32_t own = (uint32_t)c->item[c->place[at] - 1].hash & c->mask;
        if (((at - own) & c->mask) < ((at - hole) & c->mask)) continue;
        c->place[hole] = c->place[at];
        c->place[at] = 0;
        hole = at;
    }
}

int esl_container_delete(esl_container_t *c, const esl_value_t *given, bool *found)
{
    esl_value_t key = *given;
    int error = check_key(c, &key);
    *found = false;
    if (error) return error;
    c->array = false;
    if (!c->mask) return 0;
    uint32_t at = place_of(c, &key, hash_of(c, &key)), number = c->place[at];
    if (!number) return 0;
    esl_item_pair_t gone = c->item[number - 1];
    esl_item_pair_t *last = &c->item[c->count - 1];
    close_gap(c, at);
    if (number != c->count) { /* the last item takes its number */
        c->place[place_of(c, &last->key, last->hash)] = number;
        c->item[number - 1] = *last;
    }
    c->count--;
    drop(&gone.key);
    drop(&gone.value);
    return *found = true, 0;
}

uint32_t esl_container_count(const esl_container_t *c) { return c->count; }

/* array */

static int by_key(const void *a, const void *b) { return order_keys(&((const esl_item_pair_t *)a)->key, &((const esl_item_pair_t *)b)->key, true); }
static int by_folded_key(const void *a, const void *b)
{
    return order_keys(&((const esl_item_pair_t *)a)->key, &((const esl_item_pair_t *)b)->key, false);
}

int64_t esl_container_sort(esl_container_t *c)
{
    int64_t work = c->count;
    for (uint32_t n = c->count; n > 1; n /= 2) work += c->count;
    if (c->count) {
        qsort(c->item, c->count, sizeof *c->item, c->case_sensitive ? by_key : by_folded_key); /* keys differ: stability is no question */
        place_all(c);
    }
    c->array = true;
    return work;
}

int esl_container_at(const esl_container_t *c, int64_t index, const esl_item_pair_t **item)
{
    if (!c->array) return ESL_ERR_NO_DATA;
    if (esl_int_invalid(index)) return ESL_ERR_EXPRESSION_STATUS;
    if (index < 1 || index > c->count) return ESL_ERR_RANGE_ERROR;
    *item = &c->item[index - 1];
    return 0;
}

/* as bytes */

int esl_container_write(const esl_container_t *c, esl_buffer_t *buffer)
{
    size_t before = buffer->length;
    uint8_t head[5] = {c->case_sensitive};
    memcpy(head + 1, &c->count, sizeof c->count);
    int error = esl_buffer_put(buffer, head, sizeof head);
    for (uint32_t i = 0; i < c->count && !error; i++) {
        error = esl_put_value(buffer, &c->item[i].key);
        if (!error) error = esl_put_value(buffer, &c->item[i].value);
    }
    if (error) buffer->length = before;
    return error;
}

/* One item of the bytes into the container. */
static int read_item(esl_containers_t *all, esl_container_t *c, esl_reader_t *reader, const esl_structures_t *structures)
{
    esl_value_t key, value;
    int error = esl_get_value(reader, all->account, structures, &key);
    if (error) return error;
    error = esl_get_value(reader, all->account, structures, &value);
    if (!error) {
        bool whole = key.type != ESL_T_NONE && value.type != ESL_T_NONE;
        error = whole ? esl_container_insert(all, c, &key, &value) : ESL_CODEC_MALFORMED;
        esl_values_drop(&value, 1);
    }
    esl_values_drop(&key, 1);
    return error;
}

int esl_container_read(esl_containers_t *all, const uint8_t *data, size_t length, const esl_structures_t *structures, int64_t *handle)
{
    int64_t wanted = *handle, given;
    uint32_t count;
    if (length < 5 || data[0] > 1) return ESL_CODEC_MALFORMED;
    memcpy(&count, data + 1, sizeof count);
    int error = esl_container_create(all, data[0] == 1, &given);
    if (error) return error;
    esl_container_t *c = all->first;
    esl_reader_t reader = {data, length, 5, &esl_codec_limits};
    for (uint32_t i = 0; i < count && !error; i++) error = read_item(all, c, &reader, structures);
    if (!error && reader.offset != length) error = ESL_CODEC_MALFORMED;
    if (error) {
        esl_container_destroy(all, c);
        return error;
    }
    if (wanted > 0 && wanted < given && !esl_container_find(all, wanted)) c->handle = wanted;
    *handle = c->handle;
    return 0;
}

/* diagnosis */

void esl_container_name(esl_container_t *c, esl_text_t *name)
{
    esl_text_keep(name);
    esl_text_drop(c->name);
    c->name = name;
}

const esl_container_t *esl_container_next(const esl_containers_t *all, const esl_container_t *container, esl_container_info_t *info)
{
    const esl_container_t *c = container ? container->next : all->first;
    if (!c) return NULL;
    *info = (esl_container_info_t){c->handle, esl_text_invalid(c->name) ? "" : c->name->data, c->count, c->most,
                                   bytes_of(c->room) + (int64_t)sizeof *c, c->array};
    return c;
}
