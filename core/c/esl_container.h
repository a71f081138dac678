/* Data containers: maps of a script from keys of one type to values, rows or structures (actions CNT_*).
 *
 * A container belongs to one script and is charged to its account; its handle is a number that the script never gets
 * twice. Items lie side by side, found by open addressing; making an array of them sorts them where they lie. */
#ifndef ESL_CONTAINER_H
#define ESL_CONTAINER_H

#include "esl_codec.h"

typedef struct esl_container esl_container_t;

typedef struct {
    esl_account_t *account;
    esl_container_t *first;
    int64_t serial;          /* last handle given */
    int64_t count;
    int64_t most, most_items; /* limits */
} esl_containers_t;

typedef struct {
    esl_value_t key, value;  /* own references */
    uint64_t hash;
} esl_item_pair_t;

/* What a diagnosis shows of one. */
typedef struct {
    int64_t handle;
    const char *name;        /* "" unless CNT_DEBUG gave one */
    uint32_t items, most;
    int64_t bytes;           /* of the container itself, without what its values share with the script */
    bool array;
} esl_container_info_t;

/* A new container: 0, ESL_ERR_RANGE_ERROR (limit), ESL_ERR_MEMORY. */
int esl_container_create(esl_containers_t *all, bool case_sensitive, int64_t *handle);
esl_container_t *esl_container_find(const esl_containers_t *all, int64_t handle); /* NULL: no such one */
void esl_container_destroy(esl_containers_t *all, esl_container_t *container);
void esl_containers_free(esl_containers_t *all);

/* Both are borrowed. ESL_ERR_EXPRESSION_STATUS (invalid key), ESL_ERR_CNT_KEY_TYPE, ESL_ERR_RANGE_ERROR, ESL_ERR_MEMORY. */
int esl_container_insert(esl_containers_t *all, esl_container_t *container, const esl_value_t *key, const esl_value_t *value);
/* *item = NULL when the key is absent. The pointer holds until the container changes. */
int esl_container_get(const esl_container_t *container, const esl_value_t *key, const esl_item_pair_t **item);
int esl_container_delete(esl_container_t *container, const esl_value_t *key, bool *found);
uint32_t esl_container_count(const esl_container_t *container);
int64_t esl_container_sort(esl_container_t *container); /* the work of it, in comparisons; the array stands afterwards */
/* 1-based; ESL_ERR_NO_DATA without an array, ESL_ERR_RANGE_ERROR outside. */
int esl_container_at(const esl_container_t *container, int64_t index, const esl_item_pair_t **item);
void esl_container_name(esl_container_t *container, esl_text_t *name); /* borrowed; invalid = none */
/* As bytes, for another script: its kind, the number of items, then key and value of each as the codec has them. 0 or ESL_ERR_MEMORY. */
int esl_container_write(const esl_container_t *container, esl_buffer_t *buffer);
/* A container of such bytes. `handle` is the one that it is to have, 0 or one in use: a new one. Also ESL_CODEC_MALFORMED, ESL_CODEC_STRUCTURE;
 * after an error there is none. */
int esl_container_read(esl_containers_t *all, const uint8_t *data, size_t length, const esl_structures_t *structures, int64_t *handle);
/* Info of the container behind `container` (NULL: the first); NULL at the end. */
const esl_container_t *esl_container_next(const esl_containers_t *all, const esl_container_t *container, esl_container_info_t *info);

#endif
