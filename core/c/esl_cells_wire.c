/* The VALUES payload: shapes and cells of a table as bytes, and back into a replica. Layout: docs/design/protocol.md. */
#include "esl_cells_table.h"

#define SHAPE 1
#define CELL 2
#define WEAK 1u
#define PAYLOAD 2u
#define FLAGS 4u

static int put_shape(esl_buffer_t *out, const esl_entry_t *e)
{
    uint8_t kind = SHAPE;
    if (!esl_buffer_room(out, 20 + (size_t)e->columns)) return ESL_ERR_MEMORY;
    esl_buffer_put(out, &kind, 1);
    esl_buffer_put(out, &e->hbj, 4);
    esl_buffer_put(out, &e->type, 1);
    esl_buffer_put(out, &e->rows, 4);
    esl_buffer_put(out, &e->change, 8);
    esl_buffer_put(out, &e->columns, 2);
    return esl_buffer_put(out, e->types, e->columns);
}

static bool has_payload(const esl_cell_t *cell) { return cell->type != ESL_T_TEXT || !esl_text_invalid(cell->value.t); }

static size_t payload_bytes(const esl_cell_t *cell)
{
    if (!has_payload(cell)) return 0;
    if (cell->type == ESL_T_TEXT) return 4 + (size_t)cell->value.t->bytes;
    return cell->type == ESL_T_BOOL ? 1 : 8;
}

static int put_payload(esl_buffer_t *out, const esl_cell_t *cell)
{
    if (!has_payload(cell)) return 0;
    if (cell->type != ESL_T_TEXT) return esl_buffer_put(out, &cell->value, payload_bytes(cell));
    esl_buffer_put(out, &cell->value.t->bytes, 4);
    return esl_buffer_put(out, cell->value.t->data, cell->value.t->bytes);
}

static int put_cell(esl_buffer_t *out, int64_t ref, const esl_cell_t *cell, bool with_flags)
{
    uint8_t kind = CELL;
    bool flagged = with_flags && (cell->flags || cell->limit);
    uint8_t flags = (uint8_t)((cell->weak ? WEAK : 0) | (has_payload(cell) ? PAYLOAD : 0) | (flagged ? FLAGS : 0));
    if (!esl_buffer_room(out, 31 + payload_bytes(cell))) return ESL_ERR_MEMORY;
    esl_buffer_put(out, &kind, 1);
    esl_buffer_put(out, &ref, 8);
    esl_buffer_put(out, &cell->change, 8);
    esl_buffer_put(out, &cell->time, 8);
    esl_buffer_put(out, &cell->type, 1);
    esl_buffer_put(out, &cell->reason, 1);
    esl_buffer_put(out, &flags, 1);
    int error = put_payload(out, cell);
    if (error || !flagged) return error;
    esl_buffer_put(out, &cell->flags, 2);
    return esl_buffer_put(out, &cell->limit, 1);
}

static int put_whole(esl_buffer_t *out, const esl_entry_t *e, bool flags)
{
    int error = put_shape(out, e);
    for (uint32_t row = 0; row < e->rows && !error; row++) {
        for (uint32_t c = 0; c < e->columns && !error; c++) {
            const esl_cell_t *cell = &e->cells[(size_t)row * e->columns + c];
            bool simple = e->type != ESL_T_RECORD;
            if (cell->change) error = put_cell(out, esl_ref_make(e->hbj, simple ? 0 : row + 1, simple ? 0 : c + 1), cell, flags);
        }
    }
    return error;
}

int esl_cells_write(const esl_cells_t *table, const int64_t *refs, uint32_t count, bool flags, esl_buffer_t *out)
{
    size_t before = out->length;
    int error = 0;
    for (uint32_t i = 0; i < count && !error; i++) {
        const esl_entry_t *e = esl_cells_entry(table, esl_ref_object(refs[i]));
        const esl_cell_t *cell;
        if (!e) continue;
        if (esl_ref_row(refs[i]) == 0 && esl_ref_column(refs[i]) == 0) error = put_whole(out, e, flags);
        else if (esl_cells_find(table, refs[i], &cell) == 0) error = put_cell(out, refs[i], cell, flags);
    }
    if (error) out->length = before;
    return error;
}

typedef struct { const uint8_t *at; size_t left; } bytes_t;

static bool take(bytes_t *in, void *out, size_t count)
{
    if (count > in->left) return false;
    memcpy(out, in->at, count);
    in->at += count;
    in->left -= count;
    return true;
}

/* Rows of a known object, or an object defined or defined afresh, as a newer shape says. */
static int follow_shape(esl_cells_t *table, uint32_t hbj, esl_type type, uint32_t rows, uint64_t change, const uint8_t *types,
                        uint16_t columns)
{
    esl_entry_t *e = esl_cells_entry(table, hbj);
    if (e && change <= e->change) return 0;
    uint64_t last = table->last_change;
    bool same_columns = e && e->type == type && e->columns == columns && memcmp(e->types, types, columns) == 0;
    int error = same_columns ? esl_entry_redim(table, e, rows) : esl_cells_define(table, hbj, type, rows, types, columns);
    if (error) return error == ESL_ERR_RANGE_ERROR ? ESL_CODEC_MALFORMED : error;
    esl_cells_entry(table, hbj)->change = change;
    table->last_change = change > last ? change : last; /* the owner counts, not this replica */
    return 0;
}

static int apply_shape(esl_cells_t *table, bytes_t *in, esl_changed_fn changed, void *context)
{
    uint32_t hbj, rows;
    uint64_t change;
    uint16_t columns;
    uint8_t type, types[ESL_CELLS_COLUMNS];
    bool whole = take(in, &hbj, 4) && take(in, &type, 1) && take(in, &rows, 4) && take(in, &change, 8) && take(in, &columns, 2) &&
                 columns > 0 && columns <= ESL_CELLS_COLUMNS && take(in, types, columns);
    if (!whole || (type != ESL_T_RECORD && (columns != 1 || types[0] != type || rows != 1))) return ESL_CODEC_MALFORMED;
    const esl_entry_t *e = esl_cells_entry(table, hbj);
    uint32_t before = e ? e->rows : UINT32_MAX;
    int error = follow_shape(table, hbj, (esl_type)type, rows, change, types, columns);
    if (error) return error;
    if (changed && before != esl_cells_entry(table, hbj)->rows) changed(context, esl_ref_make(hbj, 0, 0));
    return 0;
}

typedef struct {
    int64_t ref, time;
    uint64_t change;
    uint8_t type, reason, flags, limit;
    uint16_t user_flags;
    esl_slot_t value;
    const char *utf8;
    uint32_t bytes;
} cell_t;

static bool take_text(bytes_t *in, cell_t *cell)
{
    if (!take(in, &cell->bytes, 4) || cell->bytes > in->left) return false;
    cell->utf8 = (const char *)in->at;
    in->at += cell->bytes;
    in->left -= cell->bytes;
    return esl_utf8_ok(cell->utf8, cell->bytes);
}

static bool take_payload(bytes_t *in, cell_t *cell)
{
    if (!(cell->flags & PAYLOAD)) return cell->reason != 0;
    if (cell->type == ESL_T_TEXT) return take_text(in, cell);
    if (!take(in, &cell->value, cell->type == ESL_T_BOOL ? 1 : 8)) return false;
    return esl_slot_reason((esl_type)cell->type, cell->value) == 0 || cell->reason; /* beside "valid" the payload must be valid */
}

static bool take_state(bytes_t *in, cell_t *cell) { return take(in, &cell->user_flags, 2) && take(in, &cell->limit, 1) && cell->limit <= 6; }

static bool take_cell(bytes_t *in, cell_t *cell)
{
    bool head = take(in, &cell->ref, 8) && take(in, &cell->change, 8) && take(in, &cell->time, 8) && take(in, &cell->type, 1) &&
                take(in, &cell->reason, 1) && take(in, &cell->flags, 1);
    if (!head || cell->type < ESL_T_BOOL || cell->type > ESL_T_OBJECT || cell->type == ESL_T_RECORD) return false;
    if (cell->reason > 15 || cell->flags > (WEAK | PAYLOAD | FLAGS) || cell->change == ESL_CELLS_LOCAL) return false;
    return take_payload(in, cell) && (!(cell->flags & FLAGS) || take_state(in, cell));
}

/* The payload goes in as a valid value first, then the state: an invalid cell keeps what was last valid. */
static int store(esl_cells_t *table, esl_cell_t *to, const cell_t *cell)
{
    esl_value_t value = {.type = (esl_type)cell->type, .value = cell->value, .time = cell->time};
    bool usable = (cell->flags & PAYLOAD) && (cell->type == ESL_T_TEXT || !esl_slot_reason(value.type, value.value));
    int error = 0;
    if (usable && cell->type == ESL_T_TEXT) {
        esl_text_t *text = esl_text_new(&table->account, cell->utf8, cell->bytes);
        if (!text) return ESL_ERR_MEMORY;
        esl_text_drop(to->value.t);
        to->value.t = text;
        value.value.t = text;
    }
    if (usable && cell->type != ESL_T_TEXT) error = esl_cell_store(table, to, &value, cell->change);
    to->reason = cell->reason;
    to->time = cell->time;
    to->weak = cell->flags & WEAK;
    to->flags = cell->user_flags;
    to->limit = cell->limit;
    to->change = cell->change;
    return error;
}

static int apply_cell(esl_cells_t *table, bytes_t *in, esl_changed_fn changed, void *context)
{
    cell_t cell = {0};
    const esl_cell_t *found;
    if (!take_cell(in, &cell)) return ESL_CODEC_MALFORMED;
    /* Unknown, or behind the end of a replica that is already smaller: news of an older shape. */
    if (esl_cells_find(table, cell.ref, &found) || cell.change <= found->change) return 0;
    if (found->type != cell.type) return ESL_CODEC_MALFORMED;
    int error = store(table, (esl_cell_t *)found, &cell);
    if (error) return error;
    if (cell.change > table->last_change) table->last_change = cell.change;
    if (changed) changed(context, cell.ref);
    return 0;
}

int esl_cells_apply(esl_cells_t *table, const uint8_t *data, size_t length, esl_changed_fn changed, void *context)
{
    bytes_t in = {data, length};
    int error = 0;
    while (in.left && !error) {
        uint8_t kind;
        take(&in, &kind, 1);
        if (kind == SHAPE) error = apply_shape(table, &in, changed, context);
        else error = kind == CELL ? apply_cell(table, &in, changed, context) : ESL_CODEC_MALFORMED;
    }
    return error;
}
