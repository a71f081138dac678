/* Cells: the values of objects in one process. KNL owns the true table; every other process keeps a replica.
 *
 * A simple object is one cell, a structured one rows x columns cells. A cell keeps its last valid payload beside an
 * invalid state (V14); scripts see it invalid. Texts belong to the table's account: whoever keeps one longer copies it
 * (esl_cells_load does).
 * Threads: a table is used by one thread at a time; today that is whoever holds the interpreter lock. */
#ifndef ESL_CELLS_H
#define ESL_CELLS_H

#include "esl_codec.h"

typedef struct {
    esl_slot_t value;  /* last valid payload, of `type`; TEXT belongs to the table, null if there never was one */
    int64_t time;      /* TIME of the value; INT invalid if never set */
    uint64_t change;   /* number of the change that made it; grows within one owner; 0 = never set */
    uint8_t type;      /* esl_type */
    uint8_t reason;    /* 0 valid */
    uint8_t weak;
    uint8_t limit;     /* where the value stands against the limits of its object: 1 + what \\LIM gives; 0 = it has no limits */
    uint16_t flags;    /* user flags, bit 0 = A */
} esl_cell_t;

typedef struct esl_cells esl_cells_t;

esl_cells_t *esl_cells_new(int64_t limit_bytes); /* NULL: no memory */
void esl_cells_free(esl_cells_t *table);
int64_t esl_cells_used(const esl_cells_t *table); /* bytes */

/* Make an object known: `type` of a simple one, or ESL_T_RECORD with `rows` and the types of its columns. Defining it
 * again with the same shape keeps its values; another shape starts it afresh. 0, ESL_ERR_MEMORY or ESL_ERR_RANGE_ERROR. */
int esl_cells_define(esl_cells_t *table, uint32_t hbj, esl_type type, uint32_t rows, const uint8_t *types, uint16_t columns);
/* Limits of a simple object: very low, low, high, very high, each NaN where there is none. They count from the next value on. Unknown
 * and structured objects have none. */
#define ESL_LIMITS 4
void esl_cells_limits(esl_cells_t *table, uint32_t hbj, const double limits[ESL_LIMITS]);
/* Limit state of a cell as \LIM gives it: 0 within, 1 below the very low one, 2 low, 3 high, 4 very high, 5 none, out of order, or no number. */
static inline int esl_cell_limit(const esl_cell_t *cell) { return cell->limit ? cell->limit - 1 : 5; }
void esl_cells_forget(esl_cells_t *table, uint32_t hbj);
int esl_cells_redim(esl_cells_t *table, uint32_t hbj, uint32_t rows); /* new rows are invalid, reason 1 */
/* `count` invalid rows before row `before` (from 1; rows + 1 = behind the last), or rows `from` .. `from` + count - 1 taken out; at least
 * one row stays. Cells that get another row count as changed. 0, ESL_ERR_OBJECT_NOT_FOUND, ESL_ERR_RECORD_NO_COMP for a simple object,
 * ESL_ERR_RANGE_ERROR, ESL_ERR_MEMORY; after an error nothing has changed. */
int esl_cells_insert(esl_cells_t *table, uint32_t hbj, uint32_t before, uint32_t count);
int esl_cells_delete(esl_cells_t *table, uint32_t hbj, uint32_t from, uint32_t count);

typedef struct {
    esl_type type;
    uint32_t rows;          /* 1 for a simple object */
    uint16_t columns;       /* 1 for a simple object */
    const uint8_t *types;   /* of the columns */
    uint64_t change;        /* of the shape itself: 0 as first defined */
} esl_shape_t;
bool esl_cells_shape(const esl_cells_t *table, uint32_t hbj, esl_shape_t *shape);

/* The cell of a reference: row and column 0 for a simple object, both from 1 for a structured one. One hash probe.
 * 0, ESL_ERR_OBJECT_NOT_FOUND, or ESL_ERR_RANGE_ERROR. The pointer holds until the next call that changes the table. */
int esl_cells_find(const esl_cells_t *table, int64_t ref, const esl_cell_t **cell);
/* What a script sees of a cell: its value, or the invalid value of its type. TEXT is borrowed. */
static inline esl_slot_t esl_cell_slot(const esl_cell_t *cell)
{
    return cell->reason ? esl_slot_inv((esl_type)cell->type, cell->reason) : cell->value;
}
/* The cell as a value of its own: TEXT is copied and charged to `account`. Errors of esl_cells_find, or ESL_ERR_MEMORY. */
int esl_cells_load(const esl_cells_t *table, int64_t ref, esl_account_t *account, esl_value_t *out);
/* Can rows of such an object be read into a record of that structure? An ANY column takes the values behind a column of references. */
bool esl_struct_reads(const esl_struct_t *structure, const uint8_t *types, uint16_t columns);
/* A whole structured object (row 0) or one row of it as a new RECORD; ESL_ERR_RECORD_NO_COMP if the columns differ. */
int esl_cells_load_record(const esl_cells_t *table, int64_t ref, esl_account_t *account, const esl_struct_t *structure,
                          esl_record_t **out);

/* Write. The value is converted to the cell's type (no conversion: invalid, reason 3) and settled; `value->time`,
 * `value->weak` and `value->flags` are stored. A RECORD value writes a whole structured object (row 0, column 0; rows follow the record) or
 * with its first row one row (column 0); its cells have no user flags.
 * `change` 0: this table owns the value and gives the next number; else the cell gets that number;
 * ESL_CELLS_LOCAL: a replica's own write, applied at once, the cell keeps its number until the owner answers.
 * *given is the number stored (may be NULL). */
#define ESL_CELLS_LOCAL UINT64_MAX
int esl_cells_set(esl_cells_t *table, int64_t ref, const esl_value_t *value, uint64_t change, uint64_t *given);
uint64_t esl_cells_last_change(const esl_cells_t *table);
/* From now on this table counts, from `floor` on: every cell that was ever set and every structure gets that number, so that replicas which
 * followed another owner take them. Nothing happens when the table counted further already. */
void esl_cells_leap(esl_cells_t *table, uint64_t floor);

/* Payload of VALUES: shapes and cells of whole objects, or of single references (row and column 0: the whole object).
 * Unknown objects are left out. `flags`: with user flags and limit states; a reader of protocol 1.4 and below takes none. 0 or ESL_ERR_MEMORY. */
int esl_cells_write(const esl_cells_t *table, const int64_t *refs, uint32_t count, bool flags, esl_buffer_t *out);
/* Apply such a payload to a replica: unknown objects are defined, rows follow, cells whose change number is not newer
 * are left alone. `changed` (may be NULL) is told each reference whose state changed. 0, ESL_ERR_MEMORY, or
 * ESL_CODEC_MALFORMED; what stood before the fault is applied. */
typedef void (*esl_changed_fn)(void *context, int64_t ref);
int esl_cells_apply(esl_cells_t *table, const uint8_t *data, size_t length, esl_changed_fn changed, void *context);

#endif
