/* Value codec, writing half and the buffer. */
#include "esl_codec.h"
#include "esl_wire.h"

#include <stdlib.h>

const esl_codec_limits_t esl_codec_limits = {.text_chars = 100000, .record_rows = 1000000, .record_columns = 1000, .values = 65535};

bool esl_buffer_room(esl_buffer_t *buffer, size_t bytes)
{
    if (bytes <= buffer->capacity - buffer->length) return true;
    if (bytes > SIZE_MAX / 4 - buffer->length) return false;
    size_t wanted = (buffer->length + bytes) * 2 < 64 ? 64 : (buffer->length + bytes) * 2;
    int64_t more = (int64_t)(wanted - buffer->capacity);
    if (buffer->account && !esl_charge(buffer->account, more)) return false;
    uint8_t *grown = realloc(buffer->data, wanted);
    if (!grown) {
        if (buffer->account) esl_discharge(buffer->account, more);
        return false;
    }
    buffer->data = grown;
    buffer->capacity = wanted;
    return true;
}

int esl_buffer_put(esl_buffer_t *buffer, const void *bytes, size_t count)
{
    if (!esl_buffer_room(buffer, count)) return ESL_ERR_MEMORY;
    if (count) memcpy(buffer->data + buffer->length, bytes, count);
    buffer->length += count;
    return 0;
}

void esl_buffer_free(esl_buffer_t *buffer)
{
    if (buffer->account) esl_discharge(buffer->account, (int64_t)buffer->capacity);
    free(buffer->data);
    *buffer = (esl_buffer_t){.account = buffer->account};
}

int esl_put_count(esl_buffer_t *buffer, uint16_t count) { return esl_buffer_put(buffer, &count, 2); }

int esl_put_unchanged(esl_buffer_t *buffer)
{
    uint8_t byte = ESL_WIRE_UNCHANGED;
    return esl_buffer_put(buffer, &byte, 1);
}

int esl_put_record_head(esl_buffer_t *buffer, uint32_t hbj, uint32_t rows, uint16_t columns, bool boxed)
{
    if (!esl_buffer_room(buffer, 11)) return ESL_ERR_MEMORY;
    uint8_t type = (uint8_t)(ESL_T_RECORD | (boxed ? ESL_WIRE_BOXED : 0));
    esl_buffer_put(buffer, &type, 1);
    esl_buffer_put(buffer, &hbj, 4);
    esl_buffer_put(buffer, &rows, 4);
    return esl_buffer_put(buffer, &columns, 2);
}

int esl_put_text_cell(esl_buffer_t *buffer, const char *utf8, uint32_t bytes, unsigned reason)
{
    uint32_t length = reason ? ESL_WIRE_INVALID_TEXT + (reason & 15u) : bytes;
    size_t payload = reason ? 0 : bytes;
    if (!esl_buffer_room(buffer, 4 + payload)) return ESL_ERR_MEMORY;
    esl_buffer_put(buffer, &length, 4);
    return esl_buffer_put(buffer, utf8, payload);
}

static int put_simple(esl_buffer_t *buffer, const esl_value_t *value);

static int put_any_column(esl_buffer_t *buffer, const esl_record_t *record, uint32_t column)
{
    int error = 0;
    for (uint32_t row = 0; row < record->rows && !error; row++) {
        esl_value_t value = {.time = esl_int_inv(ESL_UNDEFINED)};
        value.value = esl_record_value(record, row, column, &value.type);
        error = put_simple(buffer, &value);
    }
    return error;
}

static int put_column(esl_buffer_t *buffer, const esl_record_t *record, uint32_t column)
{
    uint8_t type = record->structure->types[column];
    int error = esl_buffer_put(buffer, &type, 1);
    if (type == ESL_T_ANY) return error ? error : put_any_column(buffer, record, column);
    if (error || !esl_buffer_room(buffer, record->rows * esl_cell_width((esl_type)type))) return ESL_ERR_MEMORY;
    for (uint32_t row = 0; row < record->rows && !error; row++) {
        esl_slot_t s = esl_record_get(record, row, column);
        if (type == ESL_T_TEXT) {
            bool bad = esl_text_invalid(s.t);
            error = esl_put_text_cell(buffer, bad ? NULL : s.t->data, bad ? 0 : s.t->bytes, bad ? esl_text_reason(s.t) : 0);
        } else {
            s = esl_settle((esl_type)type, s);
            error = esl_buffer_put(buffer, &s, esl_cell_width((esl_type)type));
        }
    }
    return error;
}

static int put_record(esl_buffer_t *buffer, const esl_record_t *record)
{
    int error = esl_put_record_head(buffer, record->structure->hbj, record->rows, record->structure->columns,
                                    esl_struct_boxed(record->structure));
    for (uint32_t c = 0; c < record->structure->columns && !error; c++) error = put_column(buffer, record, c);
    return error;
}

static int put_payload(esl_buffer_t *buffer, esl_type type, esl_slot_t s)
{
    if (type == ESL_T_BOOL) return esl_buffer_put(buffer, &s, 1);
    if (type != ESL_T_TEXT) return esl_buffer_put(buffer, &s, 8);
    int error = esl_buffer_put(buffer, &s.t->bytes, 4);
    return error ? error : esl_buffer_put(buffer, s.t->data, s.t->bytes);
}

static int put_stamp(esl_buffer_t *buffer, const esl_value_t *value)
{
    uint8_t weak = value->weak ? 1 : 0;
    int error = esl_buffer_put(buffer, &value->time, 8);
    return error ? error : esl_buffer_put(buffer, &weak, 1);
}

int esl_put_text(esl_buffer_t *buffer, const char *utf8, uint32_t bytes, int64_t time, uint8_t weak)
{
    bool stamped = weak || !esl_int_invalid(time);
    uint8_t head = (uint8_t)(ESL_T_TEXT | (stamped ? ESL_WIRE_STAMPED : 0));
    esl_value_t stamp = {.type = ESL_T_TEXT, .time = time, .weak = weak};
    if (!esl_buffer_room(buffer, 14 + (size_t)bytes)) return ESL_ERR_MEMORY;
    esl_buffer_put(buffer, &head, 1);
    esl_buffer_put(buffer, &bytes, 4);
    esl_buffer_put(buffer, utf8, bytes);
    return stamped ? put_stamp(buffer, &stamp) : 0;
}

static int put_simple(esl_buffer_t *buffer, const esl_value_t *value)
{
    unsigned reason = esl_slot_reason(value->type, value->value);
    bool stamped = value->weak || !esl_int_invalid(value->time);
    uint8_t head = (uint8_t)((unsigned)value->type | (reason ? ESL_WIRE_INVALID : 0) | (stamped ? ESL_WIRE_STAMPED : 0));
    uint8_t code = (uint8_t)(reason & 15u);
    int error = esl_buffer_put(buffer, &head, 1);
    if (!error) error = reason ? esl_buffer_put(buffer, &code, 1) : put_payload(buffer, value->type, value->value);
    return !error && stamped ? put_stamp(buffer, value) : error;
}

int esl_put_value(esl_buffer_t *buffer, const esl_value_t *value)
{
    size_t before = buffer->length;
    int error;
    if (value->type == ESL_T_NONE) error = esl_put_unchanged(buffer);
    else if (value->type == ESL_T_RECORD) error = put_record(buffer, value->value.rec);
    else error = put_simple(buffer, value);
    if (error) buffer->length = before;
    return error;
}

int esl_encode_list(esl_buffer_t *buffer, const esl_value_t *values, uint32_t count)
{
    size_t before = buffer->length;
    int error = count > UINT16_MAX ? ESL_ERR_RANGE_ERROR : esl_put_count(buffer, (uint16_t)count);
    for (uint32_t i = 0; i < count && !error; i++) error = esl_put_value(buffer, &values[i]);
    if (error) buffer->length = before;
    return error;
}
