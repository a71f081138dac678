/* RECORD: rows of a structure, one block per column (BOOL one byte, ANY a pair of type and payload, every other type eight bytes), counted,
 * copied on write. */
#ifndef ESL_RECORD_H
#define ESL_RECORD_H

#include "esl_slot.h"
#include "esl_text.h"

/* A structure definition, shared by all records of it; lives as long as its unit or table. */
typedef struct {
    uint32_t hbj;            /* object number of the SD */
    uint16_t columns;
    const uint8_t *types;    /* esl_type of each column; ESL_T_OBJECT = column of references, ESL_T_ANY = the same column of a NOALIAS record: values */
    const char *const *names;
} esl_struct_t;

typedef struct esl_record {
    esl_account_t *account;
    const esl_struct_t *structure;
    uint32_t refs;
    uint32_t rows;
    uint32_t capacity;       /* rows that each block can hold */
    void **column;           /* one block per column */
    int64_t **time;          /* optional side columns: TIME of each cell, NULL where nobody asks */
    uint8_t **weak;
    int64_t *bond;           /* optional: row of an object that a row stands for (SET BIND), 0 none; NULL while no row has one */
} esl_record_t;

/* A record with `rows` rows, every cell invalid (reason 1); NULL when memory is refused. */
esl_record_t *esl_record_new(esl_account_t *account, const esl_struct_t *structure, uint32_t rows);
static inline esl_record_t *esl_record_keep(esl_record_t *r) { r->refs++; return r; }
void esl_record_drop(esl_record_t *record); /* NULL is fine */

/* Make *slot writable: a shared record is copied and the copy charged to `account`. false when memory is refused. */
bool esl_record_own(esl_account_t *account, esl_record_t **slot);
/* Change the number of rows; surviving rows keep their values, new ones are invalid. false: memory refused, nothing changed.
 * The record must be owned. Capacity doubles. */
bool esl_record_redim(esl_record_t *record, uint32_t rows);
/* Insert rows [first, first+count) of `from` before 0-based row `before`; same structure, `from` may be the record itself. */
bool esl_record_insert(esl_record_t *record, uint32_t before, const esl_record_t *from, uint32_t first, uint32_t count);

/* The block of a column. The pointers stand right behind the struct, so that a cell is one load less away than by way of `column`. */
static inline void *esl_record_block(const esl_record_t *record, uint32_t column) { return ((void *const *)(record + 1))[column]; }

/* Give every cell a time (invalid at first) and a weak mark; later calls change nothing. false: memory refused. */
bool esl_record_track(esl_record_t *record);

/* Room for bonds, none set; later calls change nothing. false: memory refused. Copies of rows never carry them, copies of
 * a whole record (esl_record_own) do. */
bool esl_record_bondable(esl_record_t *record);

/* Bytes of one cell of a column of that type. */
static inline size_t esl_cell_width(esl_type type) { return type == ESL_T_BOOL ? 1 : type == ESL_T_ANY ? 16 : 8; }

/* Has a structure columns of values of any type? Such a one and that with references in their place share an object number. */
bool esl_struct_boxed(const esl_struct_t *structure);

/* One cell, 0-based, no checks; a TEXT cell is borrowed on get, and set takes over a reference. get and set: not of an ANY column. */
esl_slot_t esl_record_get(const esl_record_t *record, uint32_t row, uint32_t column);
void esl_record_set(esl_record_t *record, uint32_t row, uint32_t column, esl_slot_t value);
/* The same of any column; *type is that of the value. What is put has the column's type, or in an ANY column a simple one. */
esl_slot_t esl_record_value(const esl_record_t *record, uint32_t row, uint32_t column, esl_type *type);
void esl_record_put(esl_record_t *record, uint32_t row, uint32_t column, esl_type type, esl_slot_t value);

#endif
