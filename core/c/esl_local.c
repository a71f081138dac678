/* Actions carried out inside the VM: containers, SORT, COPY_ROWS, SET BIND, items by name, user flags. Work is charged to the script's budget. */
#include "esl_local.h"

#include <stdlib.h>

#include "esl_container.h"
#include "esl_rows.h"
#include "gen/actions.h"

enum {
#define X(number, name, waits, signature) ACTION_##name = number,
    HISEE_ACTIONS(X)
#undef X
};

/* operands */

static const esl_frame_t *top(const esl_script_t *s) { return &s->frames[s->depth - 1]; }

static esl_value_t given(const esl_script_t *s, const esl_site_t *site, uint16_t i)
{
    return esl_load_value(s, top(s), site->args[i].reg, site->args[i].type);
}

static int64_t int_at(const esl_script_t *s, const esl_site_t *site, uint16_t i)
{
    esl_value_t value = given(s, site, i);
    return esl_convert(value.type, value.value, ESL_T_INT).i;
}

static int64_t bool_at(const esl_script_t *s, const esl_site_t *site, uint16_t i)
{
    esl_value_t value = given(s, site, i);
    return esl_convert(value.type, value.value, ESL_T_BOOL).i;
}

static int give(esl_script_t *s, const esl_site_t *site, uint16_t i, esl_value_t value)
{
    return esl_store_value(s, top(s), site->args[i].reg, site->args[i].type, &value);
}

static int give_slot(esl_script_t *s, const esl_site_t *site, uint16_t i, esl_type type, int64_t payload)
{
    return give(s, site, i, (esl_value_t){.type = type, .value.i = payload, .time = esl_int_inv(ESL_UNDEFINED)});
}

/* A container's value, shared. A structure for a single value, or the other way round, is a mismatch of types. */
static int give_copy(esl_script_t *s, const esl_site_t *site, uint16_t i, const esl_value_t *value)
{
    bool record = value->type == ESL_T_RECORD;
    if (record != (site->args[i].type == ESL_T_RECORD)) return ESL_ERR_TYPE_MISMATCH;
    esl_keep_slot(value->type, value->value);
    return give(s, site, i, *value);
}

/* containers */

static int container_at(const esl_script_t *s, const esl_site_t *site, uint16_t i, esl_container_t **found)
{
    *found = s->containers ? esl_container_find(s->containers, int_at(s, site, i)) : NULL;
    return *found ? 0 : ESL_ERR_NO_DATA;
}

static int cnt_create(esl_script_t *s, const esl_site_t *site)
{
    int64_t handle;
    if (!esl_script_containers(s)) return ESL_ERR_MEMORY;
    int error = esl_container_create(s->containers, bool_at(s, site, 1) == 1, &handle);
    return error ? error : give_slot(s, site, 0, ESL_T_INT, handle);
}

static int64_t size_of(const esl_value_t *value) { return value->type == ESL_T_TEXT && !esl_text_invalid(value->value.t) ? value->value.t->bytes : 0; }

static int cnt_insert(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    int error = container_at(s, site, 0, &c);
    if (error || site->argc != 3) return error ? error : ESL_ERR_INV_NUM_PARAMS;
    esl_value_t key = given(s, site, 1), value = given(s, site, 2);
    s->budget -= esl_work((uint64_t)size_of(&key));
    if (value.type != ESL_T_RECORD) {
        value.value = esl_settle(value.type, value.value);
        return esl_container_insert(s->containers, c, &key, &value);
    }
    value.value.rec = esl_rows_free_of_bonds(s, value.value.rec);
    if (!value.value.rec) return ESL_ERR_MEMORY;
    error = esl_container_insert(s->containers, c, &key, &value);
    esl_record_drop(value.value.rec);
    return error;
}

static int cnt_find(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    const esl_item_pair_t *item;
    int error = container_at(s, site, 0, &c);
    if (error || site->argc != 4) return error ? error : ESL_ERR_INV_NUM_PARAMS;
    esl_value_t key = given(s, site, 1);
    s->budget -= esl_work((uint64_t)size_of(&key));
    error = esl_container_get(c, &key, &item);
    if (error) return error;
    error = give_slot(s, site, 2, ESL_T_BOOL, item != NULL);
    return error || !item ? error : give_copy(s, site, 3, &item->value);
}

static int cnt_delete(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    bool found;
    int error = container_at(s, site, 0, &c);
    if (error) return error;
    esl_value_t key = given(s, site, 1);
    error = esl_container_delete(c, &key, &found);
    return error ? error : give_slot(s, site, 2, ESL_T_BOOL, found);
}

static int cnt_getnr(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    int error = container_at(s, site, 0, &c);
    return error ? error : give_slot(s, site, 1, ESL_T_INT, esl_container_count(c));
}

static int cnt_cnvtoarray(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    int error = container_at(s, site, 0, &c);
    if (!error) s->budget -= esl_work((uint64_t)esl_container_sort(c) * 16);
    return error;
}

static int cnt_getitem(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    const esl_item_pair_t *item;
    int error = container_at(s, site, 0, &c);
    if (error || site->argc != 4) return error ? error : ESL_ERR_INV_NUM_PARAMS;
    error = esl_container_at(c, int_at(s, site, 1), &item);
    if (!error) error = give_copy(s, site, 2, &item->key);
    return error ? error : give_copy(s, site, 3, &item->value);
}

static int cnt_destroy(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    int error = container_at(s, site, 0, &c);
    if (!error) esl_container_destroy(s->containers, c);
    return error;
}

static int cnt_debug(esl_script_t *s, const esl_site_t *site)
{
    esl_container_t *c;
    int error = container_at(s, site, 0, &c);
    esl_value_t name = given(s, site, 1);
    if (!error && name.type == ESL_T_TEXT) esl_container_name(c, name.value.t);
    return error;
}

/* rows */

static int sort(esl_script_t *s, const esl_site_t *site)
{
    esl_sort_key_t keys[ESL_SORT_KEYS];
    uint16_t count = (uint16_t)(site->argc / 2);
    esl_slot_t *slot = esl_record_slot(s, top(s), site->args[0].reg);
    if (site->argc % 2 == 0 || count < 1 || count > ESL_SORT_KEYS) return ESL_ERR_INV_NUM_PARAMS;
    for (uint16_t k = 0; k < count; k++) {
        int64_t column = int_at(s, site, (uint16_t)(1 + 2 * k)), ascending = bool_at(s, site, (uint16_t)(2 + 2 * k));
        if (esl_bool_invalid(ascending)) return ESL_ERR_EXPRESSION_STATUS;
        if (column < 0 || column >= slot->rec->structure->columns) return ESL_ERR_RANGE_ERROR;
        keys[k] = (esl_sort_key_t){(uint32_t)column, ascending == 1};
    }
    return esl_rows_sort(s, slot, keys, count);
}

static int copy_rows(esl_script_t *s, const esl_site_t *site)
{
    esl_slot_t *to = esl_record_slot(s, top(s), site->args[0].reg);
    const esl_slot_t *of = esl_record_slot(s, top(s), site->args[2].reg);
    return esl_rows_copy_some(s, to, int_at(s, site, 1), of->rec, int_at(s, site, 3), int_at(s, site, 4));
}

static int bind(esl_script_t *s, const esl_site_t *site)
{
    esl_slot_t *slot = esl_record_slot(s, top(s), site->args[0].reg);
    return esl_rows_bind(s, slot, int_at(s, site, 1), given(s, site, 2).value.i);
}

static int refresh(esl_script_t *s, const esl_site_t *site) { return esl_rows_refresh(s, esl_record_slot(s, top(s), site->args[0].reg)); }

static int flags(esl_script_t *s, const esl_site_t *site)
{
    const esl_cell_t *cell;
    int error = esl_ref_cell(s, given(s, site, 0).value.i, &cell);
    return error ? error : give_slot(s, site, 1, ESL_T_INT, cell->flags);
}

static int limit(esl_script_t *s, const esl_site_t *site)
{
    const esl_cell_t *cell;
    int error = esl_ref_cell(s, given(s, site, 0).value.i, &cell);
    return error ? error : give_slot(s, site, 1, ESL_T_INT, esl_cell_limit(cell));
}

/* The column's name is a constant of the code generator; whatever else stands there names no column. */
static const char *column_name(const esl_script_t *s, const esl_site_t *site)
{
    esl_value_t name = given(s, site, 2);
    return name.type == ESL_T_TEXT && !esl_text_invalid(name.value.t) ? name.value.t->data : "";
}

static int field(esl_script_t *s, const esl_site_t *site)
{
    esl_value_t value;
    const esl_record_t *record = esl_record_slot(s, top(s), site->args[0].reg)->rec;
    int error = esl_rows_field(s, record, int_at(s, site, 1), column_name(s, site), &value);
    return error ? error : give(s, site, 3, value);
}

static int field_put(esl_script_t *s, const esl_site_t *site)
{
    esl_value_t value = given(s, site, 3);
    return esl_rows_put_field(s, esl_record_slot(s, top(s), site->args[0].reg), int_at(s, site, 1), column_name(s, site), &value);
}

esl_local_fn esl_local_find(uint16_t action)
{
    static const esl_local_fn functions[] = {
        [ACTION_CNT_CREATE] = cnt_create, [ACTION_CNT_INSERT] = cnt_insert, [ACTION_CNT_FIND] = cnt_find,
        [ACTION_CNT_DELETE] = cnt_delete, [ACTION_CNT_GETNR] = cnt_getnr, [ACTION_CNT_CNVTOARRAY] = cnt_cnvtoarray,
        [ACTION_CNT_GETITEM] = cnt_getitem, [ACTION_CNT_DESTROY] = cnt_destroy, [ACTION_CNT_DEBUG] = cnt_debug,
        [ACTION_SORT] = sort, [ACTION_COPY_ROWS] = copy_rows, [ACTION_BIND] = bind, [ACTION_REFRESH] = refresh,
        [ACTION_FLAGS] = flags, [ACTION_FIELD] = field, [ACTION_FIELD_PUT] = field_put,
        [ACTION_LIMIT] = limit,
    };
    return action < sizeof functions / sizeof *functions ? functions[action] : NULL;
}
