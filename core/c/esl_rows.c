/* Rows of records and cells of objects, as the instructions see them. */
#include "esl_rows.h"

#include <stdlib.h>

#include "esl_any.h"
#include "esl_case.h"

int esl_row_index(int64_t row, uint32_t rows, uint32_t *index)
{
    if (esl_int_invalid(row)) return ESL_ERR_EXPRESSION_STATUS;
    if (row < 1 || row > rows) return ESL_ERR_RANGE_ERROR;
    *index = (uint32_t)(row - 1);
    return 0;
}

static uint64_t cells(const esl_record_t *r) { return (uint64_t)r->rows * r->structure->columns; }

/* Writable record in *slot; copying is work that is paid for. */
static bool own(esl_script_t *s, esl_slot_t *slot)
{
    if (slot->rec->refs == 1) return true;
    s->budget -= esl_work(cells(slot->rec));
    return esl_record_own(&s->account, &slot->rec);
}

static void copy_row(esl_record_t *to, uint32_t to_row, const esl_record_t *from, uint32_t from_row)
{
    for (uint32_t c = 0; c < to->structure->columns; c++) {
        esl_type type;
        esl_slot_t value = esl_record_value(from, from_row, c, &type);
        esl_keep_slot(type, value);
        esl_record_put(to, to_row, c, type, value);
    }
}

int esl_rows_get(esl_script_t *s, esl_slot_t *to, const esl_record_t *from, int64_t row)
{
    uint32_t index;
    int error = esl_row_index(row, from->rows, &index);
    if (error) return error;
    esl_record_t *one = esl_record_new(&s->account, from->structure, 1);
    if (!one) return ESL_ERR_MEMORY;
    copy_row(one, 0, from, index);
    esl_record_drop(to->rec);
    to->rec = one;
    return 0;
}

int esl_rows_put(esl_script_t *s, esl_slot_t *record, int64_t row, esl_record_t *one)
{
    uint32_t index;
    int error = esl_row_index(row, record->rec->rows, &index);
    if (error) return error;
    if (record->rec->structure != one->structure) return ESL_ERR_RECORD_NO_COMP;
    if (one->rows != 1) return ESL_ERR_RANGE_ERROR;
    esl_record_keep(one); /* it may be this very record */
    bool owned = own(s, record);
    if (owned) copy_row(record->rec, index, one, 0);
    esl_record_drop(one);
    return owned ? 0 : ESL_ERR_MEMORY;
}

int esl_rows_redim(esl_script_t *s, esl_slot_t *record, int64_t rows)
{
    if (esl_int_invalid(rows)) return ESL_ERR_EXPRESSION_STATUS;
    if (rows < 0 || rows > s->limits->record_rows) return ESL_ERR_RANGE_ERROR;
    s->budget -= esl_work((uint64_t)rows * record->rec->structure->columns);
    if (!own(s, record) || !esl_record_redim(record->rec, (uint32_t)rows)) return ESL_ERR_RANGE_ERROR;
    return 0;
}

int esl_rows_insert(esl_script_t *s, esl_slot_t *record, int64_t before, esl_record_t *from, int64_t first, int64_t last)
{
    esl_record_t *to = record->rec;
    if (esl_int_invalid(before) || esl_int_invalid(first) || esl_int_invalid(last)) return ESL_ERR_EXPRESSION_STATUS;
    if (to->structure != from->structure) return ESL_ERR_RECORD_NO_COMP;
    if (before == -1) before = (int64_t)to->rows + 1;
    if (before < 1 || before > (int64_t)to->rows + 1) return ESL_ERR_RANGE_ERROR;
    if (first < 1 || last > from->rows || last < first - 1) return ESL_ERR_RANGE_ERROR;
    int64_t count = last - first + 1;
    if (to->rows + count > s->limits->record_rows) return ESL_ERR_RANGE_ERROR;
    s->budget -= esl_work(cells(to) + (uint64_t)count * to->structure->columns);
    esl_record_keep(from); /* the same record in both operands is copied first */
    bool done = own(s, record) && esl_record_insert(record->rec, (uint32_t)(before - 1), from, (uint32_t)(first - 1), (uint32_t)count);
    esl_record_drop(from);
    return done ? 0 : ESL_ERR_RANGE_ERROR;
}

int esl_rows_delete(esl_script_t *s, esl_slot_t *record, int64_t from, int64_t count)
{
    if (esl_int_invalid(from) || esl_int_invalid(count)) return ESL_ERR_EXPRESSION_STATUS;
    uint32_t rows = record->rec->rows;
    if (from < 1 || count < 0 || from > (int64_t)rows + 1 || count > (int64_t)rows - from + 1) return ESL_ERR_RANGE_ERROR;
    s->budget -= esl_work(cells(record->rec));
    if (!own(s, record)) return ESL_ERR_MEMORY;
    for (uint32_t row = (uint32_t)(from + count - 1); row < rows; row++) {
        copy_row(record->rec, row - (uint32_t)count, record->rec, row);
        if (record->rec->bond) record->rec->bond[row - (uint32_t)count] = record->rec->bond[row];
    }
    return esl_record_redim(record->rec, rows - (uint32_t)count) ? 0 : ESL_ERR_MEMORY;
}

esl_record_t *esl_rows_free_of_bonds(esl_script_t *s, esl_record_t *record)
{
    if (!record->bond) return esl_record_keep(record);
    s->budget -= esl_work(cells(record));
    esl_record_t *copy = esl_record_new(&s->account, record->structure, record->rows);
    for (uint32_t row = 0; copy && row < record->rows; row++) copy_row(copy, row, record, row);
    return copy;
}

int esl_rows_copy(esl_script_t *s, esl_slot_t *record, esl_record_t *from)
{
    bool takes = !record->rec->structure->hbj; /* declared without a structure: the first one is taken, with its rows */
    if (!takes && record->rec->structure != from->structure) return ESL_ERR_RECORD_NO_COMP;
    if (!takes && record->rec->rows != from->rows) return ESL_ERR_RANGE_ERROR;
    esl_record_t *values = esl_rows_free_of_bonds(s, from);
    if (!values) return ESL_ERR_MEMORY;
    esl_record_drop(record->rec);
    record->rec = values;
    return 0;
}

int esl_rows_copy_some(esl_script_t *s, esl_slot_t *record, int64_t to_from, esl_record_t *of, int64_t of_from, int64_t count)
{
    int64_t rows = record->rec->rows;
    if (esl_int_invalid(to_from) || esl_int_invalid(of_from) || esl_int_invalid(count)) return ESL_ERR_EXPRESSION_STATUS;
    if (record->rec->structure != of->structure) return ESL_ERR_RECORD_NO_COMP;
    if (count < 0 || of_from < 1 || of_from > (int64_t)of->rows + 1 || count > (int64_t)of->rows - of_from + 1) return ESL_ERR_RANGE_ERROR;
    if (to_from < 1 || to_from > rows + 1 || to_from - 1 + count > s->limits->record_rows) return ESL_ERR_RANGE_ERROR;
    s->budget -= esl_work((uint64_t)count * of->structure->columns);
    esl_record_keep(of); /* the same record in both operands is copied first: its rows are read as they were */
    int error = own(s, record) ? 0 : ESL_ERR_MEMORY;
    if (!error && to_from - 1 + count > rows && !esl_record_redim(record->rec, (uint32_t)(to_from - 1 + count))) error = ESL_ERR_MEMORY;
    for (int64_t k = 0; k < count && !error; k++)
        copy_row(record->rec, (uint32_t)(to_from - 1 + k), of, (uint32_t)(of_from - 1 + k));
    esl_record_drop(of);
    return error;
}

/* sorting */

/* -1, 0, 1 of two cells of a column: invalid ones are equal and least. */
static int order_cells(const esl_record_t *record, uint32_t column, uint32_t a, uint32_t b)
{
    esl_type type, y_type;
    esl_slot_t x = esl_record_value(record, a, column, &type), y = esl_record_value(record, b, column, &y_type);
    bool x_valid = !esl_slot_reason(type, x), y_valid = !esl_slot_reason(y_type, y);
    if (!x_valid || !y_valid) return x_valid - y_valid;
    if (type != y_type) return esl_any_order(type, x, y_type, y);
    if (type == ESL_T_TEXT) return esl_text_compare(x.t, y.t);
    if (type == ESL_T_REAL) return (x.r > y.r) - (x.r < y.r);
    return (x.i > y.i) - (x.i < y.i);
}

static int order_rows(const esl_record_t *record, const esl_sort_key_t *keys, uint32_t count, uint32_t a, uint32_t b)
{
    for (uint32_t k = 0; k < count; k++) {
        int order = order_cells(record, keys[k].column, a, b);
        if (order) return keys[k].ascending ? order : -order;
    }
    return 0;
}

/* Merge sort from below: row numbers go to and fro between two halves of `numbers`; the sorted half is the result. */
static uint32_t *sorted(const esl_record_t *record, const esl_sort_key_t *keys, uint32_t count, uint32_t *numbers)
{
    uint32_t rows = record->rows, *from = numbers, *to = numbers + rows;
    for (uint32_t row = 0; row < rows; row++) from[row] = row;
    for (uint64_t run = 1; run < rows; run *= 2) {
        for (uint64_t low = 0; low < rows; low += 2 * run) {
            uint64_t middle = low + run < rows ? low + run : rows, high = low + 2 * run < rows ? low + 2 * run : rows;
            uint64_t a = low, b = middle, at = low;
            while (a < middle && b < high) to[at++] = order_rows(record, keys, count, from[a], from[b]) <= 0 ? from[a++] : from[b++];
            while (a < middle) to[at++] = from[a++];
            while (b < high) to[at++] = from[b++];
        }
        uint32_t *swap = from;
        from = to, to = swap;
    }
    return from;
}

static void apply_order(esl_record_t *to, const esl_record_t *from, const uint32_t *number)
{
    for (uint32_t row = 0; row < from->rows; row++) {
        copy_row(to, row, from, number[row]);
        if (from->bond) to->bond[row] = from->bond[number[row]];
    }
}

int esl_rows_sort(esl_script_t *s, esl_slot_t *record, const esl_sort_key_t *keys, uint32_t count)
{
    esl_record_t *old = record->rec;
    int64_t bytes = (int64_t)old->rows * 8;
    for (uint32_t n = old->rows; n; n /= 2) s->budget -= esl_work((uint64_t)old->rows * 16);
    if (old->rows < 2) return 0;
    if (!esl_charge(&s->account, bytes)) return ESL_ERR_MEMORY;
    uint32_t *numbers = malloc((size_t)bytes);
    esl_record_t *made = numbers ? esl_record_new(&s->account, old->structure, old->rows) : NULL;
    bool ready = made && (!old->bond || esl_record_bondable(made));
    if (ready) {
        apply_order(made, old, sorted(old, keys, count, numbers));
        esl_record_drop(old);
        record->rec = made;
    } else {
        esl_record_drop(made);
    }
    free(numbers);
    esl_discharge(&s->account, bytes);
    return ready ? 0 : ESL_ERR_MEMORY;
}

/* bound rows */

static int bondable_target(const esl_script_t *s, const esl_struct_t *structure, int64_t target)
{
    esl_shape_t shape;
    if (!s->cells || !esl_cells_shape(s->cells, esl_ref_object(target), &shape)) return ESL_ERR_OBJECT_NOT_FOUND;
    bool fits = shape.type == ESL_T_RECORD && esl_struct_reads(structure, shape.types, shape.columns);
    if (!fits) return ESL_ERR_RECORD_NO_COMP;
    return esl_ref_row(target) < 1 || esl_ref_row(target) > shape.rows ? ESL_ERR_RANGE_ERROR : 0;
}

static void blank(esl_record_t *record, uint32_t row)
{
    for (uint32_t c = 0; c < record->structure->columns; c++) {
        esl_type type = (esl_type)record->structure->types[c];
        if (type == ESL_T_ANY) type = ESL_T_INT; /* as in a fresh row */
        esl_record_put(record, row, c, type, esl_slot_inv(type, ESL_UNDEFINED));
    }
}

int esl_rows_bind(esl_script_t *s, esl_slot_t *record, int64_t row, int64_t target)
{
    uint32_t index;
    int error = esl_row_index(row, record->rec->rows, &index);
    if (!error && target) error = bondable_target(s, record->rec->structure, target);
    if (error) return error;
    if (!own(s, record) || !esl_record_bondable(record->rec)) return ESL_ERR_MEMORY;
    record->rec->bond[index] = target;
    if (!target) blank(record->rec, index);
    return 0;
}

int esl_rows_refresh(esl_script_t *s, esl_slot_t *record)
{
    if (!record->rec->bond) return 0;
    s->budget -= esl_work(cells(record->rec));
    if (!own(s, record)) return ESL_ERR_MEMORY;
    for (uint32_t row = 0; row < record->rec->rows; row++) {
        esl_record_t *now;
        if (!record->rec->bond[row]) continue;
        if (!s->cells) return ESL_ERR_OBJECT_NOT_FOUND;
        int error = esl_cells_load_record(s->cells, record->rec->bond[row], &s->account, record->rec->structure, &now);
        if (error) return error;
        copy_row(record->rec, row, now, 0);
        esl_record_drop(now);
    }
    return 0;
}

/* items by name */

static bool same_name(const char *a, const char *b)
{
    while (*a && *b)
        if (esl_case_fold(esl_utf8_next(&a)) != esl_case_fold(esl_utf8_next(&b))) return false;
    return !*a && !*b;
}

static int find_field(esl_script_t *s, const esl_record_t *record, int64_t row, const char *name, uint32_t *index, uint32_t *column)
{
    const esl_struct_t *structure = record->structure;
    s->budget -= esl_work((uint64_t)structure->columns * 8);
    for (*column = 0; *column < structure->columns; ++*column)
        if (same_name(structure->names[*column], name)) return esl_row_index(row, record->rows, index);
    return ESL_ERR_RECORD_NO_COMP;
}

int esl_rows_field(esl_script_t *s, const esl_record_t *record, int64_t row, const char *name, esl_value_t *value)
{
    uint32_t index, column;
    int error = find_field(s, record, row, name, &index, &column);
    if (error) return error;
    esl_type type;
    esl_slot_t item = esl_record_value(record, index, column, &type);
    if (type == ESL_T_OBJECT) {
        if (!item.i) return ESL_ERR_NO_ASSIGNED_ALIAS;
        return s->cells ? esl_cells_load(s->cells, item.i, &s->account, value) : ESL_ERR_OBJECT_NOT_FOUND;
    }
    esl_keep_slot(type, item);
    *value = (esl_value_t){.type = type, .value = item, .time = esl_int_inv(ESL_UNDEFINED)};
    return 0;
}

int esl_rows_put_field(esl_script_t *s, esl_slot_t *record, int64_t row, const char *name, const esl_value_t *value)
{
    uint32_t index, column;
    int error = find_field(s, record->rec, row, name, &index, &column);
    if (error) return error;
    esl_type type = (esl_type)record->rec->structure->types[column];
    if (type == ESL_T_OBJECT) return ESL_ERR_NOT_SUPPORTED;
    if (!own(s, record)) return ESL_ERR_MEMORY;
    if (type == ESL_T_ANY) type = value->type;
    esl_slot_t item = esl_convert(value->type, value->value, type);
    esl_keep_slot(type, item);
    esl_record_put(record->rec, index, column, type, item);
    return 0;
}

/* references */

int esl_ref_number(int64_t hbj, int64_t *ref)
{
    if (esl_int_invalid(hbj)) return ESL_ERR_EXPRESSION_STATUS;
    if (hbj < 1 || hbj > UINT32_MAX) return ESL_ERR_OBJECT_NOT_FOUND;
    *ref = esl_ref_make((uint32_t)hbj, 0, 0);
    return 0;
}

int esl_ref_item(const esl_script_t *s, int64_t ref, int64_t row, uint32_t column, int64_t *item)
{
    esl_shape_t shape;
    if (!ref) return ESL_ERR_NO_ASSIGNED_ALIAS;
    if (esl_int_invalid(row)) return ESL_ERR_EXPRESSION_STATUS;
    if (!s->cells || !esl_cells_shape(s->cells, esl_ref_object(ref), &shape)) return ESL_ERR_OBJECT_NOT_FOUND;
    if (row < 0 || row > shape.rows || row > 0xfffff || column > shape.columns) return ESL_ERR_RANGE_ERROR;
    *item = esl_ref_make(esl_ref_object(ref), (uint32_t)row, column);
    return 0;
}

int esl_ref_cell(const esl_script_t *s, int64_t ref, const esl_cell_t **cell)
{
    if (!ref) return ESL_ERR_NO_ASSIGNED_ALIAS;
    if (!s->cells) return ESL_ERR_OBJECT_NOT_FOUND;
    return esl_cells_find(s->cells, ref, cell);
}

int esl_ref_link(const esl_script_t *s, int64_t ref, int64_t *link)
{
    const esl_cell_t *cell;
    int error = esl_ref_cell(s, ref, &cell);
    if (error) return error;
    if (cell->type != ESL_T_OBJECT) return ESL_ERR_TYPE_MISMATCH;
    *link = cell->reason ? 0 : cell->value.i;
    return 0;
}

int esl_ref_rows(const esl_script_t *s, int64_t ref, int64_t *rows)
{
    esl_shape_t shape;
    if (!ref) return ESL_ERR_NO_ASSIGNED_ALIAS;
    if (!s->cells || !esl_cells_shape(s->cells, esl_ref_object(ref), &shape)) return ESL_ERR_OBJECT_NOT_FOUND;
    *rows = shape.rows;
    return 0;
}

int esl_ref_read(esl_script_t *s, const esl_cells_t *table, int64_t ref, uint16_t reg, unsigned type)
{
    const esl_frame_t *frame = &s->frames[s->depth - 1];
    const esl_cell_t *cell;
    esl_value_t value;
    if (!ref) return ESL_ERR_NO_ASSIGNED_ALIAS;
    if (!table) return ESL_ERR_OBJECT_NOT_FOUND;
    int error = esl_cells_find(table, ref, &cell);
    if (error) return error;
    if (ESL_LIKELY(cell->type == type && type != ESL_T_TEXT)) {
        s->stack[s->base + reg] = esl_cell_slot(cell);
        return 0;
    }
    if (cell->type == ESL_T_OBJECT) { /* an Object item: what it refers to is read, one step */
        ref = cell->reason ? 0 : cell->value.i;
        if (!ref) return ESL_ERR_NO_ASSIGNED_ALIAS;
    }
    error = esl_cells_load(table, ref, &s->account, &value);
    return error ? error : esl_store_value(s, frame, reg, type, &value);
}

int esl_ref_record(esl_script_t *s, int64_t ref, esl_slot_t *to)
{
    esl_record_t *loaded;
    if (!ref) return ESL_ERR_NO_ASSIGNED_ALIAS;
    if (!s->cells) return ESL_ERR_OBJECT_NOT_FOUND;
    int error = esl_cells_load_record(s->cells, ref, &s->account, to->rec->structure, &loaded);
    if (error) return error;
    if (loaded->structure != to->rec->structure) {
        esl_record_drop(loaded);
        return ESL_ERR_RECORD_NO_COMP;
    }
    esl_record_drop(to->rec);
    to->rec = loaded;
    return 0;
}
