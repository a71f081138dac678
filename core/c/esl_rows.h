/* Record and object operations of the loop that are long enough to be functions. All return 0 or an error to raise. */
#ifndef ESL_ROWS_H
#define ESL_ROWS_H

#include "esl_script.h"

/* Rough work of touching cells or bytes, in fuel: one unit for 1,024 of them. */
static inline int64_t esl_work(uint64_t touched) { return (int64_t)(touched >> 10); }

int esl_row_index(int64_t row, uint32_t rows, uint32_t *index);        /* 1-based; 2 invalid, 4 outside */
int esl_rows_get(esl_script_t *script, esl_slot_t *to, const esl_record_t *from, int64_t row);
int esl_rows_put(esl_script_t *script, esl_slot_t *record, int64_t row, esl_record_t *one);
int esl_rows_redim(esl_script_t *script, esl_slot_t *record, int64_t rows);
/* Rows first..last (1-based) of `from` before row `before`; all of it with first = 1, last = its rows. */
int esl_rows_insert(esl_script_t *script, esl_slot_t *record, int64_t before, esl_record_t *from, int64_t first, int64_t last);
int esl_rows_delete(esl_script_t *script, esl_slot_t *record, int64_t from, int64_t count);
int esl_rows_copy(esl_script_t *script, esl_slot_t *record, esl_record_t *from); /* SET WITH of a whole record */
/* Rows of_from.. of `of` over rows to_from.. of `record`, which grows as needed. */
int esl_rows_copy_some(esl_script_t *script, esl_slot_t *record, int64_t to_from, esl_record_t *of, int64_t of_from, int64_t count);

#define ESL_SORT_KEYS 5
typedef struct { uint32_t column; bool ascending; } esl_sort_key_t;
int esl_rows_sort(esl_script_t *script, esl_slot_t *record, const esl_sort_key_t *keys, uint32_t count); /* stable; invalid first */

/* Rows bound to rows of objects (SET BIND). */
int esl_rows_bind(esl_script_t *script, esl_slot_t *record, int64_t row, int64_t target); /* target 0: no longer */
int esl_rows_refresh(esl_script_t *script, esl_slot_t *record);        /* bound rows take the values of their objects */
esl_record_t *esl_rows_free_of_bonds(esl_script_t *script, esl_record_t *record); /* a reference to the record, or to a copy; NULL: no memory */

int esl_ref_item(const esl_script_t *script, int64_t ref, int64_t row, uint32_t column, int64_t *item);
int esl_ref_number(int64_t hbj, int64_t *ref);
/* Item by the name of its column, in any case: FIELD and FIELD_PUT of records without a structure. The value of a linked item is read
 * over its link. 0, ESL_ERR_RECORD_NO_COMP: no such column, or an error of the row or the link. `value` of esl_rows_field is a new reference. */
int esl_rows_field(esl_script_t *script, const esl_record_t *record, int64_t row, const char *column, esl_value_t *value);
int esl_rows_put_field(esl_script_t *script, esl_slot_t *record, int64_t row, const char *column, const esl_value_t *value);
int esl_ref_cell(const esl_script_t *script, int64_t ref, const esl_cell_t **cell);
int esl_ref_rows(const esl_script_t *script, int64_t ref, int64_t *rows);
/* Value of a cell into a register of the top frame, converted. */
int esl_ref_read(esl_script_t *script, const esl_cells_t *table, int64_t ref, uint16_t reg, unsigned type);
int esl_ref_link(const esl_script_t *script, int64_t ref, int64_t *link); /* what an Object cell refers to */
int esl_ref_record(esl_script_t *script, int64_t ref, esl_slot_t *to);

#endif
