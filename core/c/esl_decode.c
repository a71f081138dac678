/* Value codec, reading half. The bytes come from another process: nothing in them is believed before it is checked. */
#include "esl_codec.h"
#include "esl_wire.h"

#define TRY(step)                  \
    do {                           \
        int try_error = (step);    \
        if (try_error) return try_error; \
    } while (0)

static int take(esl_reader_t *reader, void *out, size_t count)
{
    if (count > reader->length - reader->offset) return ESL_CODEC_MALFORMED;
    memcpy(out, reader->data + reader->offset, count);
    reader->offset += count;
    return 0;
}

static int skip(esl_reader_t *reader, uint64_t count, const uint8_t **at)
{
    if (count > reader->length - reader->offset) return ESL_CODEC_MALFORMED;
    *at = reader->data + reader->offset;
    reader->offset += (size_t)count;
    return 0;
}

int esl_get_count(esl_reader_t *reader, uint32_t *count)
{
    uint16_t wire;
    TRY(take(reader, &wire, 2));
    if (wire > reader->limits->values) return ESL_CODEC_MALFORMED;
    *count = wire;
    return 0;
}

int esl_decode_count(const uint8_t *data, size_t length)
{
    uint16_t wire;
    if (length < 2) return -1;
    memcpy(&wire, data, 2);
    return wire;
}

/* A number that happens to be one of the reason codes is out of range (V7); an infinity or a NaN is made a reason. */
static esl_slot_t arrived(esl_type type, esl_slot_t s)
{
    switch (type) {
    case ESL_T_INT: case ESL_T_TIME: return esl_int_invalid(s.i) ? esl_slot_inv(type, ESL_OUT_OF_RANGE) : s;
    case ESL_T_BOOL: return (uint64_t)s.i > 1 ? esl_slot_inv(type, ESL_CONVERSION) : s;
    default: return esl_settle(type, s);
    }
}

static int get_payload(esl_reader_t *reader, esl_item_t *item)
{
    const uint8_t *at;
    switch (item->type) {
    case ESL_T_BOOL: {
        uint8_t byte;
        TRY(take(reader, &byte, 1));
        item->value.i = byte;
        break;
    }
    case ESL_T_TEXT:
        TRY(take(reader, &item->bytes, 4));
        TRY(skip(reader, item->bytes, &at));
        item->utf8 = (const char *)at;
        return esl_utf8_ok(item->utf8, item->bytes) ? 0 : ESL_CODEC_MALFORMED;
    default: TRY(take(reader, &item->value, 8));
    }
    item->value = arrived(item->type, item->value);
    item->reason = esl_slot_reason(item->type, item->value);
    return 0;
}

static int get_record_head(esl_reader_t *reader, esl_item_t *item)
{
    TRY(take(reader, &item->hbj, 4));
    TRY(take(reader, &item->rows, 4));
    TRY(take(reader, &item->columns, 2));
    if (item->rows > reader->limits->record_rows || item->columns > reader->limits->record_columns) return ESL_CODEC_MALFORMED;
    /* Every column needs its type and at least one byte per row: more rows than bytes cannot be true. */
    uint64_t least = (uint64_t)item->columns * (1 + (uint64_t)item->rows);
    return least > reader->length - reader->offset ? ESL_CODEC_MALFORMED : 0;
}

static int get_invalid(esl_reader_t *reader, esl_item_t *item)
{
    uint8_t reason;
    TRY(take(reader, &reason, 1));
    if (reason == 0 || reason > 15 || item->type == ESL_T_OBJECT) return ESL_CODEC_MALFORMED;
    item->reason = reason;
    item->value = esl_slot_inv(item->type, reason);
    return 0;
}

static int get_stamp(esl_reader_t *reader, esl_item_t *item)
{
    TRY(take(reader, &item->time, 8));
    TRY(take(reader, &item->weak, 1));
    return item->weak > 1 ? ESL_CODEC_MALFORMED : 0;
}

int esl_get_item(esl_reader_t *reader, esl_item_t *item)
{
    uint8_t head;
    *item = (esl_item_t){.time = esl_int_inv(ESL_UNDEFINED)};
    TRY(take(reader, &head, 1));
    if (head == ESL_WIRE_UNCHANGED) return 0;
    if ((head & ~ESL_WIRE_BOXED) == ESL_T_RECORD) {
        item->type = ESL_T_RECORD;
        item->boxed = head & ESL_WIRE_BOXED;
        return get_record_head(reader, item);
    }
    item->type = (esl_type)(head & ESL_WIRE_TYPE);
    bool simple = item->type >= ESL_T_BOOL && item->type <= ESL_T_OBJECT && item->type != ESL_T_RECORD;
    if (!simple) return ESL_CODEC_MALFORMED;
    TRY(head & ESL_WIRE_INVALID ? get_invalid(reader, item) : get_payload(reader, item));
    return head & ESL_WIRE_STAMPED ? get_stamp(reader, item) : 0;
}

int esl_get_column(esl_reader_t *reader, uint32_t rows, esl_type *type, const uint8_t **block)
{
    uint8_t wire;
    TRY(take(reader, &wire, 1));
    *type = (esl_type)wire;
    *block = NULL;
    if (wire < ESL_T_BOOL || wire > ESL_T_ANY || wire == ESL_T_RECORD) return ESL_CODEC_MALFORMED;
    if (wire == ESL_T_TEXT || wire == ESL_T_ANY) return 0;
    return skip(reader, (uint64_t)rows * esl_cell_width(*type), block);
}

int esl_get_text_cell(esl_reader_t *reader, const char **utf8, uint32_t *bytes, unsigned *reason)
{
    uint32_t length;
    const uint8_t *at;
    TRY(take(reader, &length, 4));
    *reason = length >= ESL_WIRE_INVALID_TEXT ? length - ESL_WIRE_INVALID_TEXT : 0;
    if (length == ESL_WIRE_INVALID_TEXT) *reason = ESL_UNDEFINED;
    *bytes = *reason ? 0 : length;
    TRY(skip(reader, *bytes, &at));
    *utf8 = (const char *)at;
    return esl_utf8_ok(*utf8, *bytes) ? 0 : ESL_CODEC_MALFORMED;
}

int esl_get_any_cell(esl_reader_t *reader, esl_item_t *item)
{
    TRY(esl_get_item(reader, item));
    bool plain = item->type >= ESL_T_BOOL && item->type <= ESL_T_TEXT && esl_int_invalid(item->time) && !item->weak;
    return plain ? 0 : ESL_CODEC_MALFORMED;
}

esl_slot_t esl_block_slot(esl_type type, const uint8_t *block, uint32_t row)
{
    esl_slot_t s = {0};
    if (type == ESL_T_BOOL) s.i = block[row];
    else memcpy(&s, block + (size_t)row * 8, 8);
    return esl_settle(type, s); /* slot form: reasons are allowed here, foreign patterns are not */
}

static esl_text_t *make_text(esl_account_t *account, const char *utf8, uint32_t bytes, uint32_t limit_chars)
{
    esl_text_t *text = esl_text_reserve(account, bytes);
    if (!text) return NULL;
    if (bytes) memcpy(text->data, utf8, bytes);
    esl_text_done(text, bytes, limit_chars);
    return text;
}

static int fill_texts(esl_reader_t *reader, esl_record_t *record, uint32_t column)
{
    for (uint32_t row = 0; row < record->rows; row++) {
        const char *utf8;
        uint32_t bytes;
        unsigned reason;
        TRY(esl_get_text_cell(reader, &utf8, &bytes, &reason));
        esl_text_t *text = reason ? esl_text_inv(reason) : make_text(record->account, utf8, bytes, reader->limits->text_chars);
        if (!reason && !text) return ESL_ERR_MEMORY;
        esl_record_set(record, row, column, (esl_slot_t){.t = text});
    }
    return 0;
}

static int fill_any(esl_reader_t *reader, esl_record_t *record, uint32_t column)
{
    for (uint32_t row = 0; row < record->rows; row++) {
        esl_item_t item;
        TRY(esl_get_any_cell(reader, &item));
        if (item.type == ESL_T_TEXT && !item.reason) {
            item.value.t = make_text(record->account, item.utf8, item.bytes, reader->limits->text_chars);
            if (!item.value.t) return ESL_ERR_MEMORY;
        }
        esl_record_put(record, row, column, item.type, item.value);
    }
    return 0;
}

static int fill_column(esl_reader_t *reader, esl_record_t *record, uint32_t column)
{
    esl_type type;
    const uint8_t *block;
    TRY(esl_get_column(reader, record->rows, &type, &block));
    if (type != record->structure->types[column]) return ESL_CODEC_STRUCTURE;
    if (type == ESL_T_TEXT) return fill_texts(reader, record, column);
    if (type == ESL_T_ANY) return fill_any(reader, record, column);
    for (uint32_t row = 0; row < record->rows; row++) esl_record_set(record, row, column, esl_block_slot(type, block, row));
    return 0;
}

static int get_record(esl_reader_t *reader, esl_account_t *account, const esl_structures_t *structures, const esl_item_t *item,
                      esl_value_t *value)
{
    const esl_struct_t *structure = structures && structures->find ? structures->find(structures->context, item->hbj, item->boxed) : NULL;
    if (!structure || structure->columns != item->columns) return ESL_CODEC_STRUCTURE;
    esl_record_t *record = esl_record_new(account, structure, item->rows);
    int error = record ? 0 : ESL_ERR_MEMORY;
    for (uint32_t c = 0; c < item->columns && !error; c++) error = fill_column(reader, record, c);
    if (error) {
        esl_record_drop(record);
        return error;
    }
    value->value.rec = record;
    return 0;
}

int esl_get_value(esl_reader_t *reader, esl_account_t *account, const esl_structures_t *structures, esl_value_t *value)
{
    esl_item_t item;
    *value = (esl_value_t){.type = ESL_T_NONE, .time = esl_int_inv(ESL_UNDEFINED)};
    TRY(esl_get_item(reader, &item));
    if (item.type == ESL_T_RECORD) {
        TRY(get_record(reader, account, structures, &item, value));
    } else if (item.type == ESL_T_TEXT && !item.reason) {
        value->value.t = make_text(account, item.utf8, item.bytes, reader->limits->text_chars);
        if (!value->value.t) return ESL_ERR_MEMORY;
        item.weak |= value->value.t->cut;
    } else {
        value->value = item.value;
    }
    value->type = item.type;
    value->time = item.time;
    value->weak = item.weak;
    return 0;
}

void esl_values_drop(esl_value_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].type == ESL_T_TEXT) esl_text_drop(values[i].value.t);
        if (values[i].type == ESL_T_RECORD) esl_record_drop(values[i].value.rec);
        values[i].type = ESL_T_NONE;
    }
}

int esl_decode_list(const uint8_t *data, size_t length, const esl_codec_limits_t *limits, esl_account_t *account,
                    const esl_structures_t *structures, esl_value_t *values, uint32_t room, uint32_t *count)
{
    esl_reader_t reader = {data, length, 0, limits ? limits : &esl_codec_limits};
    uint32_t wanted, done = 0;
    *count = 0;
    TRY(esl_get_count(&reader, &wanted));
    int error = wanted > room ? ESL_CODEC_MALFORMED : 0;
    while (!error && done < wanted) {
        error = esl_get_value(&reader, account, structures, &values[done]);
        done += !error;
    }
    if (!error && reader.offset != length) error = ESL_CODEC_MALFORMED;
    if (error) esl_values_drop(values, done);
    else *count = done;
    return error;
}
