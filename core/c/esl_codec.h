/* Value codec: lists of values as bytes (docs/design/protocol.md). Little endian, no nesting.
 *
 * Writing never fails half-way: each esl_put_* either appends the whole item or leaves the buffer as it was.
 * Reading trusts nothing: every length is compared with the bytes left and with the limits before memory is taken. */
#ifndef ESL_CODEC_H
#define ESL_CODEC_H

#include "esl_builtin.h" /* esl_value_t */

/* Results beside ESL_ERR_MEMORY. */
#define ESL_CODEC_MALFORMED (-2) /* the bytes break the format or a limit */
#define ESL_CODEC_STRUCTURE (-3) /* a RECORD of a structure the receiver does not know, or with other columns */

/* A value of type ESL_T_NONE stands for "unchanged" (an IN parameter in results). */

/* Growable bytes, charged to an account; start from {.account = a}. */
typedef struct {
    esl_account_t *account; /* NULL: not charged */
    uint8_t *data;
    size_t length;
    size_t capacity;
} esl_buffer_t;

bool esl_buffer_room(esl_buffer_t *buffer, size_t bytes); /* room for so many more; false: memory refused */
int esl_buffer_put(esl_buffer_t *buffer, const void *bytes, size_t count);
void esl_buffer_free(esl_buffer_t *buffer); /* gives the charge back; the buffer is empty and usable again */

/* The whole list: 0 or ESL_ERR_MEMORY (the buffer is then as before). Values are settled on the way (V11).
 * RECORD: `value.rec` with its structure. Time is written when it is valid, or the value is weak. */
int esl_encode_list(esl_buffer_t *buffer, const esl_value_t *values, uint32_t count);
/* Piece by piece: the count, then exactly so many values. */
int esl_put_count(esl_buffer_t *buffer, uint16_t count);
int esl_put_value(esl_buffer_t *buffer, const esl_value_t *value);
int esl_put_unchanged(esl_buffer_t *buffer);
/* A valid TEXT that is no esl_text_t; time INT invalid and weak 0: without them. */
int esl_put_text(esl_buffer_t *buffer, const char *utf8, uint32_t bytes, int64_t time, uint8_t weak);
/* Steps of a RECORD for callers that hold columns in another form. */
int esl_put_record_head(esl_buffer_t *buffer, uint32_t hbj, uint32_t rows, uint16_t columns, bool boxed);
int esl_put_text_cell(esl_buffer_t *buffer, const char *utf8, uint32_t bytes, unsigned reason); /* reason 0: the text */

typedef struct {
    uint32_t text_chars;   /* longer texts are cut and the value marked weak */
    uint32_t record_rows;
    uint32_t record_columns;
    uint32_t values;       /* of one list */
} esl_codec_limits_t;
extern const esl_codec_limits_t esl_codec_limits; /* the defaults of the limits table */

typedef struct {
    const uint8_t *data;
    size_t length;
    size_t offset;
    const esl_codec_limits_t *limits;
} esl_reader_t;

/* Structure of an object number, with columns of any type or without, or NULL when unknown; its columns must have the wire's types. */
typedef const esl_struct_t *(*esl_structure_fn)(void *context, uint32_t hbj, bool boxed);
typedef struct {
    esl_structure_fn find; /* NULL: no RECORD is accepted */
    void *context;
} esl_structures_t;

/* Reads a whole list into values[0..*count); at most `room` of them, nothing may follow. Every TEXT and RECORD is a new
 * reference charged to `account`; after an error nothing is left charged and *count is 0. */
int esl_decode_list(const uint8_t *data, size_t length, const esl_codec_limits_t *limits, esl_account_t *account,
                    const esl_structures_t *structures, esl_value_t *values, uint32_t room, uint32_t *count);
/* Number of values of a list without reading them; -1 when even the count is missing. */
int esl_decode_count(const uint8_t *data, size_t length);
void esl_values_drop(esl_value_t *values, uint32_t count); /* drops references, leaves ESL_T_NONE behind */

/* Piece by piece. */
int esl_get_count(esl_reader_t *reader, uint32_t *count);
int esl_get_value(esl_reader_t *reader, esl_account_t *account, const esl_structures_t *structures, esl_value_t *value);

/* Without building anything: the head of a value, and where its payload stands. */
typedef struct {
    esl_type type;         /* ESL_T_NONE: unchanged */
    unsigned reason;       /* 0 valid */
    esl_slot_t value;      /* BOOL INT REAL TIME OBJECT, settled */
    const char *utf8;      /* TEXT, checked, borrowed from the reader's bytes */
    uint32_t bytes;
    uint32_t hbj, rows;    /* RECORD; its columns follow with esl_get_column */
    uint16_t columns;
    bool boxed;            /* it has columns of any type */
    int64_t time;          /* INT invalid where the wire has none; for a RECORD always */
    uint8_t weak;
} esl_item_t;
int esl_get_item(esl_reader_t *reader, esl_item_t *item);
/* Next column: its type, and for fixed types the block (rows * width bytes); TEXT cells follow with esl_get_text_cell, those of an ANY column
 * with esl_get_any_cell. */
int esl_get_column(esl_reader_t *reader, uint32_t rows, esl_type *type, const uint8_t **block);
int esl_get_text_cell(esl_reader_t *reader, const char **utf8, uint32_t *bytes, unsigned *reason);
int esl_get_any_cell(esl_reader_t *reader, esl_item_t *item); /* a simple value without time */
/* Cell of a fixed block, made canonical: foreign bit patterns become reasons (V1, V7). */
esl_slot_t esl_block_slot(esl_type type, const uint8_t *block, uint32_t row);

#endif
