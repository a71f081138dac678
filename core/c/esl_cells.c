/* Cell table: objects by number, their cells, reading and writing. */
#include "esl_cells_table.h"

#include <stdlib.h>

#define FIRST_SLOTS 64u

static uint32_t hash(uint32_t hbj) { return (uint32_t)(hbj * UINT64_C(0x9e3779b97f4a7c15) >> 32); }

static int64_t entry_bytes(uint16_t columns) { return (int64_t)sizeof(esl_entry_t) + columns; }

static int64_t cell_bytes(const esl_entry_t *e, uint32_t rows) { return (int64_t)rows * e->columns * (int64_t)sizeof(esl_cell_t); }

esl_cells_t *esl_cells_new(int64_t limit_bytes)
{
    esl_cells_t *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    table->account.limit = limit_bytes;
    table->mask = FIRST_SLOTS - 1;
    table->slot = calloc(FIRST_SLOTS, sizeof *table->slot);
    if (table->slot) return table;
    free(table);
    return NULL;
}

static void drop_cells(esl_entry_t *e, uint32_t from, uint32_t to)
{
    for (size_t i = (size_t)from * e->columns; i < (size_t)to * e->columns; i++)
        if (e->cells[i].type == ESL_T_TEXT) esl_text_drop(e->cells[i].value.t);
}

static void free_entry(esl_cells_t *table, esl_entry_t *e)
{
    drop_cells(e, 0, e->rows);
    esl_discharge(&table->account, entry_bytes(e->columns) + cell_bytes(e, e->capacity));
    free(e->cells);
    free(e);
}

void esl_cells_free(esl_cells_t *table)
{
    if (!table) return;
    for (uint32_t i = 0; i <= table->mask; i++)
        if (table->slot[i]) free_entry(table, table->slot[i]);
    free(table->slot);
    free(table);
}

int64_t esl_cells_used(const esl_cells_t *table) { return table->account.used; }
uint64_t esl_cells_last_change(const esl_cells_t *table) { return table->last_change; }

void esl_cells_leap(esl_cells_t *table, uint64_t floor)
{
    if (floor <= table->last_change || floor == ESL_CELLS_LOCAL) return;
    for (uint32_t i = 0; i <= table->mask; i++) {
        esl_entry_t *e = table->slot[i];
        if (!e) continue;
        if (e->type == ESL_T_RECORD) e->change = floor;
        for (size_t cell = 0; cell < (size_t)e->rows * e->columns; cell++)
            if (e->cells[cell].change) e->cells[cell].change = floor;
    }
    table->last_change = floor;
}

static uint32_t place(const esl_cells_t *table, uint32_t hbj) /* its slot, or the free one where it belongs */
{
    uint32_t i = hash(hbj) & table->mask;
    while (table->slot[i] && table->slot[i]->hbj != hbj) i = (i + 1) & table->mask;
    return i;
}

esl_entry_t *esl_cells_entry(const esl_cells_t *table, uint32_t hbj) { return table->slot[place(table, hbj)]; }

static bool widen(esl_cells_t *table)
{
    uint32_t slots = (table->mask + 1) * 2;
    int64_t more = (int64_t)(table->mask + 1) * (int64_t)sizeof *table->slot;
    esl_entry_t **old = table->slot;
    uint32_t old_mask = table->mask;
    if (!esl_charge(&table->account, more)) return false;
    esl_entry_t **grown = calloc(slots, sizeof *grown);
    if (!grown) {
        esl_discharge(&table->account, more);
        return false;
    }
    table->slot = grown;
    table->mask = slots - 1;
    for (uint32_t i = 0; i <= old_mask; i++)
        if (old[i]) grown[place(table, old[i]->hbj)] = old[i];
    free(old);
    return true;
}

static void blank(const esl_entry_t *e, uint32_t from, uint32_t to)
{
    for (uint32_t row = from; row < to; row++)
        for (uint32_t c = 0; c < e->columns; c++)
            e->cells[(size_t)row * e->columns + c] = (esl_cell_t){
                .time = esl_int_inv(ESL_UNDEFINED), .type = e->types[c], .reason = e->types[c] == ESL_T_OBJECT ? 0 : ESL_UNDEFINED};
}

int esl_entry_redim(esl_cells_t *table, esl_entry_t *e, uint32_t rows)
{
    if (rows > ESL_CELLS_ROWS) return ESL_ERR_RANGE_ERROR;
    if (rows > e->capacity) {
        uint32_t wanted = e->capacity * 2 > rows ? e->capacity * 2 : rows;
        int64_t more = cell_bytes(e, wanted) - cell_bytes(e, e->capacity);
        if (!esl_charge(&table->account, more)) return ESL_ERR_MEMORY;
        esl_cell_t *grown = realloc(e->cells, (size_t)cell_bytes(e, wanted));
        if (!grown) {
            esl_discharge(&table->account, more);
            return ESL_ERR_MEMORY;
        }
        e->cells = grown;
        e->capacity = wanted;
    }
    if (rows < e->rows) drop_cells(e, rows, e->rows);
    else blank(e, e->rows, rows);
    e->rows = rows;
    return 0;
}

static bool same_shape(const esl_entry_t *e, esl_type type, uint32_t rows, const uint8_t *types, uint16_t columns)
{
    bool same_rows = type != ESL_T_RECORD || e->rows == rows;
    return e->type == type && same_rows && e->columns == columns && memcmp(e->types, types, columns) == 0;
}

static bool types_ok(const uint8_t *types, uint16_t columns)
{
    for (uint32_t c = 0; c < columns; c++)
        if (types[c] < ESL_T_BOOL || types[c] > ESL_T_OBJECT || types[c] == ESL_T_RECORD) return false;
    return true;
}

static esl_entry_t *new_entry(esl_cells_t *table, uint32_t hbj, esl_type type, const uint8_t *types, uint16_t columns)
{
    if (table->count >= (table->mask + 1) / 2 && !widen(table)) return NULL;
    if (!esl_charge(&table->account, entry_bytes(columns))) return NULL;
    esl_entry_t *e = calloc(1, (size_t)entry_bytes(columns));
    if (!e) {
        esl_discharge(&table->account, entry_bytes(columns));
        return NULL;
    }
    e->hbj = hbj;
    e->type = (uint8_t)type;
    e->columns = columns;
    memcpy(e->types, types, columns);
    return e;
}

int esl_cells_define(esl_cells_t *table, uint32_t hbj, esl_type type, uint32_t rows, const uint8_t *types, uint16_t columns)
{
    uint8_t own = (uint8_t)type;
    if (type != ESL_T_RECORD) rows = 1, columns = 1, types = &own;
    if (columns == 0 || columns > ESL_CELLS_COLUMNS || rows > ESL_CELLS_ROWS || !types_ok(types, columns)) return ESL_ERR_RANGE_ERROR;
    esl_entry_t *old = esl_cells_entry(table, hbj);
    if (old && same_shape(old, type, rows, types, columns)) return 0;
    esl_entry_t *e = new_entry(table, hbj, type, types, columns);
    if (!e) return ESL_ERR_MEMORY;
    int error = esl_entry_redim(table, e, rows);
    if (error) {
        free_entry(table, e);
        return error;
    }
    table->slot[place(table, hbj)] = e;
    if (old) {
        e->change = ++table->last_change; /* replicas must follow the new shape */
        free_entry(table, old);
    } else {
        table->count++;
    }
    return 0;
}

void esl_cells_forget(esl_cells_t *table, uint32_t hbj)
{
    uint32_t hole = place(table, hbj);
    if (!table->slot[hole]) return;
    free_entry(table, table->slot[hole]);
    table->slot[hole] = NULL;
    table->count--;
    /* Entries behind the hole move up where their own place is at or before it, so that no probe stops early. */
    for (uint32_t i = (hole + 1) & table->mask; table->slot[i]; i = (i + 1) & table->mask) {
        esl_entry_t *e = table->slot[i];
        table->slot[i] = NULL;
        table->slot[place(table, e->hbj)] = e;
    }
}

int esl_cells_redim(esl_cells_t *table, uint32_t hbj, uint32_t rows)
{
    esl_entry_t *e = esl_cells_entry(table, hbj);
    if (!e) return ESL_ERR_OBJECT_NOT_FOUND;
    if (e->type != ESL_T_RECORD) return ESL_ERR_RECORD_NO_COMP;
    int error = esl_entry_redim(table, e, rows);
    if (!error) e->change = ++table->last_change;
    return error;
}

/* Rows from 0-based `row` on stand elsewhere now: a change of the shape and of every cell there, also of those that were never set. */
static void moved(esl_cells_t *table, esl_entry_t *e, uint32_t row)
{
    e->change = ++table->last_change;
    for (size_t i = (size_t)row * e->columns; i < (size_t)e->rows * e->columns; i++) e->cells[i].change = table->last_change;
}

static int structured(const esl_cells_t *table, uint32_t hbj, esl_entry_t **e)
{
    *e = esl_cells_entry(table, hbj);
    if (!*e) return ESL_ERR_OBJECT_NOT_FOUND;
    return (*e)->type == ESL_T_RECORD ? 0 : ESL_ERR_RECORD_NO_COMP;
}

int esl_cells_insert(esl_cells_t *table, uint32_t hbj, uint32_t before, uint32_t count)
{
    esl_entry_t *e;
    int error = structured(table, hbj, &e);
    if (error) return error;
    uint32_t rows = e->rows, columns = e->columns;
    if (before < 1 || before > rows + 1 || count > ESL_CELLS_ROWS - rows) return ESL_ERR_RANGE_ERROR;
    error = count ? esl_entry_redim(table, e, rows + count) : 0;
    if (error || !count) return error;
    esl_cell_t *at = e->cells + (size_t)(before - 1) * columns;
    memmove(at + (size_t)count * columns, at, (size_t)(rows - before + 1) * columns * sizeof *at);
    blank(e, before - 1, before - 1 + count);
    moved(table, e, before - 1);
    return 0;
}

int esl_cells_delete(esl_cells_t *table, uint32_t hbj, uint32_t from, uint32_t count)
{
    esl_entry_t *e;
    int error = structured(table, hbj, &e);
    if (error) return error;
    uint32_t rows = e->rows, columns = e->columns;
    if (from < 1 || from > rows + 1 || count > rows - from + 1 || count >= rows) return ESL_ERR_RANGE_ERROR;
    if (!count) return 0;
    esl_cell_t *at = e->cells + (size_t)(from - 1) * columns;
    drop_cells(e, from - 1, from - 1 + count);
    memmove(at, at + (size_t)count * columns, (size_t)(rows - from + 1 - count) * columns * sizeof *at);
    e->rows = rows - count; /* the texts of the last rows stand further up now: nothing to drop there */
    moved(table, e, from - 1);
    return 0;
}

bool esl_cells_shape(const esl_cells_t *table, uint32_t hbj, esl_shape_t *shape)
{
    const esl_entry_t *e = esl_cells_entry(table, hbj);
    if (!e) return false;
    *shape = (esl_shape_t){(esl_type)e->type, e->rows, e->columns, e->types, e->change};
    return true;
}

static esl_cell_t *cell_of(const esl_entry_t *e, int64_t ref)
{
    uint32_t row = esl_ref_row(ref), column = esl_ref_column(ref);
    if (e->type != ESL_T_RECORD) return row == 0 && column == 0 ? e->cells : NULL;
    if (row == 0 || row > e->rows || column == 0 || column > e->columns) return NULL;
    return &e->cells[(size_t)(row - 1) * e->columns + column - 1];
}

int esl_cells_find(const esl_cells_t *table, int64_t ref, const esl_cell_t **cell)
{
    const esl_entry_t *e = esl_cells_entry(table, esl_ref_object(ref));
    if (!e) return ESL_ERR_OBJECT_NOT_FOUND;
    *cell = cell_of(e, ref);
    return *cell ? 0 : ESL_ERR_RANGE_ERROR;
}

/* The slot a reader gets: of its own, texts copied. false: memory refused. */
static bool copy_out(const esl_cell_t *cell, esl_account_t *account, esl_slot_t *out)
{
    *out = esl_cell_slot(cell);
    if (cell->type != ESL_T_TEXT || esl_text_invalid(out->t)) return true;
    out->t = esl_text_new(account, out->t->data, out->t->bytes);
    return out->t != NULL;
}

int esl_cells_load(const esl_cells_t *table, int64_t ref, esl_account_t *account, esl_value_t *out)
{
    const esl_cell_t *cell;
    int error = esl_cells_find(table, ref, &cell);
    if (error) return error;
    if (!copy_out(cell, account, &out->value)) return ESL_ERR_MEMORY;
    out->type = (esl_type)cell->type;
    out->time = cell->time;
    out->weak = cell->weak;
    out->flags = cell->flags;
    return 0;
}

bool esl_struct_reads(const esl_struct_t *structure, const uint8_t *types, uint16_t columns)
{
    bool fits = structure->columns == columns;
    for (uint16_t c = 0; c < columns && fits; c++)
        fits = structure->types[c] == types[c] || (structure->types[c] == ESL_T_ANY && types[c] == ESL_T_OBJECT);
    return fits;
}

/* What an item of type Object is worth: the value of the cell that it is linked to, NULL where there is none. */
static const esl_cell_t *behind(const esl_cells_t *table, const esl_cell_t *link)
{
    const esl_cell_t *cell = NULL;
    if (link->reason || !link->value.i || esl_cells_find(table, link->value.i, &cell)) return NULL;
    return cell->type == ESL_T_OBJECT ? NULL : cell;
}

static int load_row(const esl_cells_t *table, const esl_entry_t *e, uint32_t from, esl_record_t *record, uint32_t to)
{
    for (uint32_t c = 0; c < e->columns; c++) {
        const esl_cell_t *cell = &e->cells[(size_t)from * e->columns + c];
        esl_slot_t slot;
        if (record->structure->types[c] == ESL_T_ANY) cell = behind(table, cell);
        if (!cell) continue; /* as the new row has it: invalid */
        if (!copy_out(cell, record->account, &slot)) return ESL_ERR_MEMORY;
        esl_record_put(record, to, c, (esl_type)cell->type, slot);
        if (!record->time) continue;
        record->time[c][to] = cell->time;
        record->weak[c][to] = cell->weak;
    }
    return 0;
}

int esl_cells_load_record(const esl_cells_t *table, int64_t ref, esl_account_t *account, const esl_struct_t *structure,
                          esl_record_t **out)
{
    const esl_entry_t *e = esl_cells_entry(table, esl_ref_object(ref));
    uint32_t row = esl_ref_row(ref);
    if (!e) return ESL_ERR_OBJECT_NOT_FOUND;
    if (e->type != ESL_T_RECORD || !esl_struct_reads(structure, e->types, e->columns)) return ESL_ERR_RECORD_NO_COMP;
    if (row > e->rows) return ESL_ERR_RANGE_ERROR;
    uint32_t first = row ? row - 1 : 0, count = row ? 1 : e->rows;
    esl_record_t *record = esl_record_new(account, structure, count);
    int error = record ? 0 : ESL_ERR_MEMORY;
    for (uint32_t k = 0; k < count && !error; k++) error = load_row(table, e, first + k, record, k);
    if (error) esl_record_drop(record);
    else *out = record;
    return error;
}

int esl_cell_store(esl_cells_t *table, esl_cell_t *cell, const esl_value_t *value, uint64_t change)
{
    esl_slot_t slot = esl_settle((esl_type)cell->type, esl_convert(value->type, value->value, (esl_type)cell->type));
    unsigned reason = esl_slot_reason((esl_type)cell->type, slot);
    if (!reason && cell->type == ESL_T_TEXT) {
        slot.t = esl_text_new(&table->account, slot.t->data, slot.t->bytes);
        if (!slot.t) return ESL_ERR_MEMORY;
        esl_text_drop(cell->value.t);
    }
    if (!reason) cell->value = slot; /* an invalid state leaves the last valid payload (V14) */
    cell->reason = (uint8_t)reason;
    cell->time = value->time;
    cell->weak = value->weak ? 1 : 0;
    cell->flags = value->flags;
    if (change != ESL_CELLS_LOCAL) cell->change = change;
    return 0;
}

static int store_record_row(esl_cells_t *table, esl_entry_t *e, uint32_t to, const esl_value_t *value, uint32_t from, uint64_t change)
{
    const esl_record_t *record = value->value.rec;
    int error = 0;
    for (uint32_t c = 0; c < e->columns && !error; c++) {
        bool stamped = record->time && !esl_int_invalid(record->time[c][from]);
        esl_value_t item = {.type = (esl_type)e->types[c], .value = esl_record_get(record, from, c),
                            .time = stamped ? record->time[c][from] : value->time,
                            .weak = record->time ? record->weak[c][from] : value->weak};
        error = esl_cell_store(table, &e->cells[(size_t)to * e->columns + c], &item, change);
    }
    return error;
}

static int store_record(esl_cells_t *table, esl_entry_t *e, int64_t ref, const esl_value_t *value, uint64_t change)
{
    const esl_record_t *record = value->value.rec;
    uint32_t row = esl_ref_row(ref);
    bool fits = e->type == ESL_T_RECORD && record->structure->columns == e->columns &&
                memcmp(record->structure->types, e->types, e->columns) == 0;
    if (!fits) return ESL_ERR_RECORD_NO_COMP;
    if (row > e->rows || (row && record->rows == 0)) return ESL_ERR_RANGE_ERROR;
    if (row) return store_record_row(table, e, row - 1, value, 0, change);
    int error = 0;
    if (e->rows != record->rows) {
        error = esl_entry_redim(table, e, record->rows);
        if (!error && change != ESL_CELLS_LOCAL) e->change = change;
    }
    for (uint32_t k = 0; k < record->rows && !error; k++) error = store_record_row(table, e, k, value, k, change);
    return error;
}

void esl_cells_limits(esl_cells_t *table, uint32_t hbj, const double limits[ESL_LIMITS])
{
    esl_entry_t *e = esl_cells_entry(table, hbj);
    if (!e || e->type == ESL_T_RECORD) return;
    e->limited = false;
    for (int i = 0; i < ESL_LIMITS; i++) {
        e->limit[i] = limits[i];
        e->limited |= !isnan(limits[i]);
    }
}

static bool ordered(const double *limit)
{
    double last = -INFINITY;
    for (int i = 0; i < ESL_LIMITS; i++) {
        if (isnan(limit[i])) continue;
        if (limit[i] < last) return false;
        last = limit[i];
    }
    return true;
}

/* A limit that is not there is never passed: comparisons with NaN are false. */
static int limit_state(const esl_entry_t *e, const esl_cell_t *cell)
{
    const double *limit = e->limit;
    bool number = cell->type == ESL_T_INT || cell->type == ESL_T_REAL;
    if (!number || cell->reason || !ordered(limit)) return 5;
    double v = cell->type == ESL_T_INT ? (double)cell->value.i : cell->value.r;
    if (v < limit[0]) return 1;
    if (v < limit[1]) return 2;
    if (v > limit[3]) return 4;
    return v > limit[2] ? 3 : 0;
}

int esl_cells_set(esl_cells_t *table, int64_t ref, const esl_value_t *value, uint64_t change, uint64_t *given)
{
    esl_entry_t *e = esl_cells_entry(table, esl_ref_object(ref));
    if (!e) return ESL_ERR_OBJECT_NOT_FOUND;
    uint64_t number = change ? change : table->last_change + 1;
    int error;
    if (value->type == ESL_T_RECORD) {
        if (esl_ref_column(ref)) return ESL_ERR_TYPE_MISMATCH;
        error = store_record(table, e, ref, value, number);
    } else {
        esl_cell_t *cell = cell_of(e, ref);
        if (!cell) return ESL_ERR_RANGE_ERROR;
        error = esl_cell_store(table, cell, value, number);
        if (e->limited) cell->limit = (uint8_t)(1 + limit_state(e, cell));
    }
    if (number != ESL_CELLS_LOCAL && number > table->last_change) table->last_change = number;
    if (given) *given = number == ESL_CELLS_LOCAL ? 0 : number;
    return error;
}
