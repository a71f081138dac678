/* Inside of the cell table: shared by esl_cells.c and the VALUES payload (esl_cells_wire.c). */
#ifndef ESL_CELLS_TABLE_H
#define ESL_CELLS_TABLE_H

#include "esl_cells.h"

typedef struct {
    uint32_t hbj;
    uint32_t rows, capacity;
    uint16_t columns;
    uint8_t type;          /* ESL_T_RECORD: structured */
    uint64_t change;       /* of the shape */
    bool limited;          /* a simple object with limits: very low, low, high, very high */
    double limit[ESL_LIMITS];
    esl_cell_t *cells;     /* row by row */
    uint8_t types[];       /* of the columns */
} esl_entry_t;

struct esl_cells {
    esl_account_t account;
    uint64_t last_change;
    uint32_t count;
    uint32_t mask;         /* slots - 1 */
    esl_entry_t **slot;    /* open addressing, at most half full */
};

#define ESL_CELLS_ROWS 1000000u
#define ESL_CELLS_COLUMNS 1000u

esl_entry_t *esl_cells_entry(const esl_cells_t *table, uint32_t hbj); /* NULL: unknown */
/* Rows of a structured object without a change number of its own. */
int esl_entry_redim(esl_cells_t *table, esl_entry_t *entry, uint32_t rows);
/* State of one cell; takes the value's TEXT by copy. */
int esl_cell_store(esl_cells_t *table, esl_cell_t *cell, const esl_value_t *value, uint64_t change);

#endif
