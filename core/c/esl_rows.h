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
int esl_rows_copy(esl_slot_t *record, esl_record_t *from);             /* SET WITH of a whole record */

int esl_ref_item(const esl_script_t *script, int64_t ref, int64_t row, uint32_t column, int64_t *item);
int esl_ref_number(int64_t hbj, int64_t *ref);
int esl_ref_cell(const esl_script_t *script, int64_t ref, const esl_cell_t **cell);
int esl_ref_rows(const esl_script_t *script, int64_t ref, int64_t *rows);
/* Value of a cell into a register of the top frame, converted. */
int esl_ref_read(esl_script_t *script, const esl_cells_t *table, int64_t ref, uint16_t reg, unsigned type);
int esl_ref_record(esl_script_t *script, int64_t ref, esl_slot_t *to);

#endif
