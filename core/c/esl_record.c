/* RECORD: blocks per column, copied on write. Capacity is charged before it is taken. */
#include "esl_record.h"

#include <stdlib.h>

static esl_type type_of(const esl_record_t *record, uint32_t column) { return (esl_type)record->structure->types[column]; }
static uint32_t columns_of(const esl_record_t *record) { return record->structure->columns; }

bool esl_struct_boxed(const esl_struct_t *structure)
{
    return structure->columns && memchr(structure->types, ESL_T_ANY, structure->columns);
}

/* The pair of an ANY cell: type, payload. */
static esl_slot_t *pair_at(const esl_record_t *record, uint32_t row, uint32_t column) { return (esl_slot_t *)record->column[column] + 2 * (size_t)row; }

/* Head: the struct and its three arrays of pointers, in one piece. */
static size_t head_bytes(const esl_struct_t *structure) { return sizeof(esl_record_t) + 3 * sizeof(void *) * (size_t)structure->columns; }

static int64_t row_bytes(const esl_record_t *record)
{
    int64_t bytes = 0;
    for (uint32_t c = 0; c < columns_of(record); c++) bytes += (int64_t)esl_cell_width(type_of(record, c)) + (record->time ? 9 : 0);
    return bytes + (record->bond ? 8 : 0);
}

static void fill_invalid(const esl_record_t *record, uint32_t column, uint32_t from, uint32_t to)
{
    esl_slot_t pattern = esl_slot_inv(type_of(record, column), ESL_UNDEFINED);
    if (type_of(record, column) == ESL_T_BOOL) {
        memset((uint8_t *)record->column[column] + from, (int)pattern.i, to - from);
    } else if (type_of(record, column) == ESL_T_ANY) { /* no type yet: an invalid INT converts to every type */
        for (uint32_t row = from; row < to; row++) {
            esl_slot_t *pair = pair_at(record, row, column);
            pair[0].u = ESL_T_INT, pair[1].i = esl_int_inv(ESL_UNDEFINED);
        }
    } else {
        esl_slot_t *block = record->column[column];
        for (uint32_t row = from; row < to; row++) block[row] = pattern;
    }
    if (!record->time) return;
    for (uint32_t row = from; row < to; row++) record->time[column][row] = esl_int_inv(ESL_UNDEFINED);
    memset(record->weak[column] + from, 0, to - from);
}

static void drop_texts(const esl_record_t *record, uint32_t column, uint32_t from, uint32_t to)
{
    esl_slot_t *block = record->column[column];
    if (type_of(record, column) == ESL_T_TEXT)
        for (uint32_t row = from; row < to; row++) esl_text_drop(block[row].t);
    if (type_of(record, column) != ESL_T_ANY) return;
    for (uint32_t row = from; row < to; row++)
        if (pair_at(record, row, column)->u == ESL_T_TEXT) esl_text_drop(pair_at(record, row, column)[1].t);
}

static bool resize(void **block, size_t bytes)
{
    void *grown = realloc(*block, bytes ? bytes : 1);
    if (!grown) return false;
    *block = grown;
    return true;
}

static bool resize_column(esl_record_t *record, uint32_t column, uint32_t capacity)
{
    if (!resize(&record->column[column], capacity * esl_cell_width(type_of(record, column)))) return false;
    if (!record->time) return true;
    return resize((void **)&record->time[column], (size_t)capacity * 8) && resize((void **)&record->weak[column], capacity);
}

/* Blocks for so many rows. Where the system refuses half-way, some blocks are larger than `capacity` says: harmless. */
static bool reserve(esl_record_t *record, uint32_t capacity)
{
    int64_t more = row_bytes(record) * ((int64_t)capacity - record->capacity);
    if (!esl_charge(record->account, more)) return false;
    for (uint32_t c = 0; c < columns_of(record); c++) {
        if (resize_column(record, c, capacity)) continue;
        esl_discharge(record->account, more);
        return false;
    }
    if (record->bond && !resize((void **)&record->bond, (size_t)capacity * 8)) {
        esl_discharge(record->account, more);
        return false;
    }
    record->capacity = capacity;
    return true;
}

static esl_record_t *empty(esl_account_t *account, const esl_struct_t *structure)
{
    size_t bytes = head_bytes(structure);
    if (!esl_charge(account, (int64_t)bytes)) return NULL;
    esl_record_t *record = calloc(1, bytes);
    if (!record) {
        esl_discharge(account, (int64_t)bytes);
        return NULL;
    }
    record->account = account;
    record->structure = structure;
    record->refs = 1;
    record->column = (void **)(record + 1);
    return record;
}

esl_record_t *esl_record_new(esl_account_t *account, const esl_struct_t *structure, uint32_t rows)
{
    esl_record_t *record = empty(account, structure);
    if (!record) return NULL;
    if (reserve(record, rows ? rows : 1) && esl_record_redim(record, rows)) return record;
    esl_record_drop(record);
    return NULL;
}

void esl_record_drop(esl_record_t *record)
{
    if (!record || --record->refs) return;
    for (uint32_t c = 0; c < columns_of(record); c++) {
        if (record->column[c]) drop_texts(record, c, 0, record->rows);
        free(record->column[c]);
        if (record->time) free(record->time[c]);
        if (record->time) free(record->weak[c]);
    }
    free(record->bond);
    esl_discharge(record->account, row_bytes(record) * record->capacity + (int64_t)head_bytes(record->structure));
    free(record);
}

bool esl_record_bondable(esl_record_t *record)
{
    if (record->bond) return true;
    if (!esl_charge(record->account, 8 * (int64_t)record->capacity)) return false;
    record->bond = calloc(record->capacity ? record->capacity : 1, 8);
    if (!record->bond) esl_discharge(record->account, 8 * (int64_t)record->capacity);
    return record->bond != NULL;
}

bool esl_record_track(esl_record_t *record)
{
    uint32_t columns = columns_of(record);
    int64_t bytes = 9 * (int64_t)columns * record->capacity;
    if (record->time) return true;
    if (!esl_charge(record->account, bytes)) return false;
    record->time = (int64_t **)(record->column + columns);
    record->weak = (uint8_t **)(record->column + 2 * columns);
    for (uint32_t c = 0; c < columns; c++) {
        if (resize((void **)&record->time[c], (size_t)record->capacity * 8) && resize((void **)&record->weak[c], record->capacity))
            continue;
        for (uint32_t k = 0; k < columns; k++) { free(record->time[k]); free(record->weak[k]); record->time[k] = NULL; record->weak[k] = NULL; }
        record->time = NULL;
        record->weak = NULL;
        esl_discharge(record->account, bytes);
        return false;
    }
    for (uint32_t c = 0; c < columns; c++) {
        for (uint32_t row = 0; row < record->rows; row++) record->time[c][row] = esl_int_inv(ESL_UNDEFINED);
        memset(record->weak[c], 0, record->rows);
    }
    return true;
}

bool esl_record_redim(esl_record_t *record, uint32_t rows)
{
    if (rows > record->capacity) {
        uint64_t doubled = (uint64_t)record->capacity * 2;
        uint32_t wanted = doubled > rows && doubled <= UINT32_MAX ? (uint32_t)doubled : rows;
        if (!reserve(record, wanted) && (wanted == rows || !reserve(record, rows))) return false;
    }
    for (uint32_t c = 0; c < columns_of(record); c++) {
        if (rows < record->rows) drop_texts(record, c, rows, record->rows);
        else fill_invalid(record, c, record->rows, rows);
    }
    for (uint32_t row = record->rows; record->bond && row < rows; row++) record->bond[row] = 0;
    record->rows = rows;
    return true;
}

static void keep_texts(const esl_record_t *record, uint32_t column, uint32_t from, uint32_t to)
{
    if (type_of(record, column) == ESL_T_TEXT)
        for (uint32_t row = from; row < to; row++) esl_text_keep(((esl_slot_t *)record->column[column])[row].t);
    if (type_of(record, column) != ESL_T_ANY) return;
    for (uint32_t row = from; row < to; row++)
        if (pair_at(record, row, column)->u == ESL_T_TEXT) esl_text_keep(pair_at(record, row, column)[1].t);
}

/* Rows [first, first+count) of `from` over rows [to, to+count) of `record`, whose old content is not dropped. */
static void copy_rows(esl_record_t *record, uint32_t to, const esl_record_t *from, uint32_t first, uint32_t count)
{
    for (uint32_t c = 0; c < columns_of(record); c++) {
        size_t width = esl_cell_width(type_of(record, c));
        memcpy((char *)record->column[c] + to * width, (const char *)from->column[c] + first * width, count * width);
        keep_texts(record, c, to, to + count);
        if (!record->time) continue;
        for (uint32_t row = 0; row < count; row++) {
            record->time[c][to + row] = from->time ? from->time[c][first + row] : esl_int_inv(ESL_UNDEFINED);
            record->weak[c][to + row] = from->time ? from->weak[c][first + row] : 0;
        }
    }
}

bool esl_record_own(esl_account_t *account, esl_record_t **slot)
{
    esl_record_t *old = *slot;
    if (old->refs == 1) return true;
    esl_record_t *copy = esl_record_new(account, old->structure, old->rows);
    if (!copy || (old->time && !esl_record_track(copy)) || (old->bond && !esl_record_bondable(copy))) {
        esl_record_drop(copy);
        return false;
    }
    copy_rows(copy, 0, old, 0, old->rows);
    if (old->bond) memcpy(copy->bond, old->bond, (size_t)old->rows * 8);
    esl_record_drop(old);
    *slot = copy;
    return true;
}

static void open_gap(esl_record_t *record, uint32_t before, uint32_t count, uint32_t behind)
{
    if (record->bond) {
        memmove(record->bond + before + count, record->bond + before, (size_t)behind * 8);
        memset(record->bond + before, 0, (size_t)count * 8);
    }
    for (uint32_t c = 0; c < columns_of(record); c++) {
        size_t width = esl_cell_width(type_of(record, c));
        char *at = (char *)record->column[c] + before * width;
        memmove(at + count * width, at, behind * width);
        if (!record->time) continue;
        memmove(record->time[c] + before + count, record->time[c] + before, (size_t)behind * 8);
        memmove(record->weak[c] + before + count, record->weak[c] + before, behind);
    }
}

bool esl_record_insert(esl_record_t *record, uint32_t before, const esl_record_t *from, uint32_t first, uint32_t count)
{
    uint32_t behind = record->rows - before;
    if (count > UINT32_MAX - record->rows || !esl_record_redim(record, record->rows + count)) return false;
    open_gap(record, before, count, behind);
    if (from != record) {
        copy_rows(record, before, from, first, count);
        return true;
    }
    for (uint32_t k = 0; k < count; k++) { /* rows behind the gap have moved */
        uint32_t source = first + k < before ? first + k : first + k + count;
        copy_rows(record, before + k, record, source, 1);
    }
    return true;
}

esl_slot_t esl_record_get(const esl_record_t *record, uint32_t row, uint32_t column)
{
    if (type_of(record, column) == ESL_T_BOOL) return (esl_slot_t){.i = ((const uint8_t *)record->column[column])[row]};
    return ((const esl_slot_t *)record->column[column])[row];
}

void esl_record_set(esl_record_t *record, uint32_t row, uint32_t column, esl_slot_t value)
{
    if (type_of(record, column) == ESL_T_BOOL) {
        /* A byte holds every BOOL; a foreign bit pattern becomes "invalid, undefined" instead of being cut to a valid one. */
        uint8_t byte = (uint64_t)value.i > 17 ? (uint8_t)esl_bool_inv(ESL_UNDEFINED) : (uint8_t)value.i;
        ((uint8_t *)record->column[column])[row] = byte;
        return;
    }
    esl_slot_t *cell = (esl_slot_t *)record->column[column] + row;
    if (type_of(record, column) == ESL_T_TEXT) esl_text_drop(cell->t);
    *cell = value;
}

esl_slot_t esl_record_value(const esl_record_t *record, uint32_t row, uint32_t column, esl_type *type)
{
    *type = type_of(record, column);
    if (*type != ESL_T_ANY) return esl_record_get(record, row, column);
    const esl_slot_t *pair = pair_at(record, row, column);
    *type = (esl_type)pair[0].u;
    return pair[1];
}

void esl_record_put(esl_record_t *record, uint32_t row, uint32_t column, esl_type type, esl_slot_t value)
{
    if (type_of(record, column) != ESL_T_ANY) {
        esl_record_set(record, row, column, value);
        return;
    }
    esl_slot_t *pair = pair_at(record, row, column);
    if (pair[0].u == ESL_T_TEXT) esl_text_drop(pair[1].t);
    pair[0].u = type, pair[1] = value;
}
