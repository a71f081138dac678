/* TEXT, RECORD, codec, cells, zones and builtins under the sanitizers: ownership, refused memory at every step, and
 * hostile bytes. Usage: values_check TZIF-FILE ROUNDS. Prints "ok" and ends with 0, or names the line that failed. */
#include <stdio.h>
#include <stdlib.h>

#include "esl_builtin_fn.h"
#include "esl_cells.h"
#include "esl_number.h"
#include "esl_zone.h"

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition)) {                                                  \
            fprintf(stderr, "%s:%d: %s\n", __func__, __LINE__, #condition);  \
            exit(1);                                                         \
        }                                                                    \
    } while (0)

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % below;
}

static esl_account_t account(int64_t limit) { return (esl_account_t){0, limit}; }

static const uint8_t types[] = {ESL_T_INT, ESL_T_TEXT, ESL_T_BOOL, ESL_T_REAL, ESL_T_OBJECT, ESL_T_TIME};
static const esl_struct_t structure = {.hbj = 77, .columns = 6, .types = types, .names = NULL};
static const uint8_t any_types[] = {ESL_T_INT, ESL_T_TEXT, ESL_T_BOOL, ESL_T_REAL, ESL_T_ANY, ESL_T_TIME};
static const esl_struct_t any_structure = {.hbj = 77, .columns = 6, .types = any_types, .names = NULL};
static const esl_struct_t *find(void *context, uint32_t hbj, bool boxed) { return context && hbj == 77 ? (boxed ? &any_structure : &structure) : NULL; }
static const esl_structures_t structures = {find, (void *)&structure};

/* TEXT */
static void texts_append_in_place(void)
{
    esl_account_t a = account(1 << 20);
    esl_text_t *b = esl_text_new(&a, "\xc3\xa9x", 3), *s = esl_text_new(&a, "", 0);
    int moves = 0;
    for (int i = 0; i < 3000; i++) {
        esl_text_t *grown = esl_text_concat(&a, s, b, 100000);
        moves += grown != s;
        s = grown;
    }
    CHECK(s->chars == 6000 && s->bytes == 9000 && !s->ascii && s->data[9000] == 0);
    CHECK(moves < 200); /* doubling, not one block per append */
    for (uint32_t i = 0; i <= 6000; i++) CHECK(esl_text_offset(s, i) == i / 2 * 3 + (i % 2 ? 2 : 0));
    CHECK(s->index != NULL);
    esl_text_t *shared = esl_text_keep(s);
    esl_text_t *other = esl_text_concat(&a, s, b, 100000);
    CHECK(other != shared && shared->chars == 6000 && shared->refs == 1);
    esl_text_t *twice = esl_text_concat(&a, b, b, 3); /* a text with itself, cut */
    CHECK(twice->chars == 3 && twice->cut && twice->bytes == 5);
    esl_text_drop(twice);
    esl_text_drop(shared);
    esl_text_drop(other);
    CHECK(a.used == 0);
}

static void texts_are_checked(void)
{
    CHECK(esl_utf8_ok("plain text", 10) && esl_utf8_ok("\xf0\x9f\x98\x80", 4) && esl_utf8_ok("", 0));
    CHECK(!esl_utf8_ok("\xf0\x9f\x98", 3) && !esl_utf8_ok("\x80", 1) && !esl_utf8_ok("\xf4\x90\x80\x80", 4) && !esl_utf8_ok("12345678\xff", 9));
}

/* RECORD */
static esl_record_t *sample(esl_account_t *a, uint32_t rows)
{
    esl_record_t *r = esl_record_new(a, &structure, rows);
    for (uint32_t row = 0; r && row < rows; row++) {
        char text[20];
        esl_text_t *t = esl_text_new(a, text, (size_t)snprintf(text, sizeof text, "row %u", row));
        if (!t) {
            esl_record_drop(r);
            return NULL;
        }
        esl_record_set(r, row, 0, (esl_slot_t){.i = row});
        esl_record_set(r, row, 1, (esl_slot_t){.t = t});
        esl_record_set(r, row, 2, (esl_slot_t){.i = row & 1});
        esl_record_set(r, row, 3, (esl_slot_t){.r = row / 2.0});
    }
    return r;
}

static bool row_is(const esl_record_t *r, uint32_t row, int64_t i)
{
    char text[20];
    snprintf(text, sizeof text, "row %d", (int)i);
    esl_text_t *t = esl_record_get(r, row, 1).t;
    return esl_record_get(r, row, 0).i == i && !esl_text_invalid(t) && strcmp(t->data, text) == 0;
}

static void records_keep_their_rows(void)
{
    esl_account_t a = account(1 << 20);
    esl_record_t *r = sample(&a, 4), *copy = esl_record_keep(r);
    CHECK(esl_record_track(r));
    CHECK(esl_record_own(&a, &copy) && copy != r && copy->time && row_is(copy, 3, 3));
    CHECK(esl_record_insert(copy, 1, copy, 0, 3)); /* itself, over the place of insertion */
    const int64_t wanted[] = {0, 0, 1, 2, 1, 2, 3};
    for (uint32_t i = 0; i < 7; i++) CHECK(row_is(copy, i, wanted[i]));
    CHECK(esl_record_insert(copy, 7, r, 2, 2) && copy->rows == 9 && row_is(copy, 8, 3));
    CHECK(esl_record_redim(copy, 2) && esl_record_redim(copy, 40) && copy->rows == 40);
    for (uint32_t c = 0; c < 6; c++) CHECK(types[c] == ESL_T_OBJECT || esl_slot_reason((esl_type)types[c], esl_record_get(copy, 39, c)) == 1);
    CHECK(esl_record_get(copy, 39, 4).i == 0 && row_is(r, 3, 3));
    esl_record_drop(copy);
    esl_record_drop(r);
    CHECK(a.used == 0);
}

/* Everything again with each possible limit: a refusal leaves nothing behind. */
static void refused_memory_leaves_nothing(void)
{
    for (int64_t limit = 0; limit < 6000; limit += 13) {
        esl_account_t a = account(limit);
        esl_record_t *r = sample(&a, 3), *copy = r ? esl_record_keep(r) : NULL;
        if (r && esl_record_track(r) && esl_record_own(&a, &copy) && esl_record_redim(copy, 9)) esl_record_insert(copy, 2, r, 0, 3);
        esl_record_drop(copy);
        esl_record_drop(r);
        CHECK(a.used == 0);
    }
}

/* Codec */
static esl_value_t simple(esl_type type, esl_slot_t slot) { return (esl_value_t){.type = type, .value = slot, .time = esl_int_inv(1)}; }

static void encode_sample(esl_account_t *a, esl_buffer_t *out)
{
    esl_value_t v[] = {simple(ESL_T_INT, (esl_slot_t){.i = -5}), simple(ESL_T_TEXT, (esl_slot_t){.t = esl_text_new(a, "\xc5\xbe!", 3)}),
                       simple(ESL_T_RECORD, (esl_slot_t){.rec = sample(a, 3)}), simple(ESL_T_REAL, (esl_slot_t){.r = INFINITY}),
                       {.type = ESL_T_BOOL, .value.i = 1, .time = 1234, .weak = 1}, simple(ESL_T_NONE, (esl_slot_t){0}), simple(ESL_T_OBJECT, (esl_slot_t){.i = 9})};
    CHECK(esl_encode_list(out, v, 7) == 0);
    esl_values_drop(v, 7);
}

static void lists_survive(void)
{
    esl_account_t a = account(1 << 20);
    esl_buffer_t out = {.account = &a}, again = {.account = &a};
    esl_value_t v[8];
    uint32_t count;
    encode_sample(&a, &out);
    CHECK(esl_decode_list(out.data, out.length, NULL, &a, &structures, v, 8, &count) == 0 && count == 7);
    CHECK(v[0].value.i == -5 && strcmp(v[1].value.t->data, "\xc5\xbe!") == 0 && row_is(v[2].value.rec, 2, 2));
    CHECK(esl_slot_reason(v[3].type, v[3].value) == ESL_OUT_OF_RANGE && v[4].time == 1234 && v[4].weak && v[5].type == ESL_T_NONE);
    CHECK(esl_encode_list(&again, v, 7) == 0 && again.length == out.length && memcmp(again.data, out.data, out.length) == 0);
    esl_values_drop(v, count);
    CHECK(esl_decode_list(out.data, out.length, NULL, &a, NULL, v, 8, &count) == ESL_CODEC_STRUCTURE && count == 0);
    CHECK(esl_decode_list(out.data, out.length, NULL, &a, &structures, v, 6, &count) == ESL_CODEC_MALFORMED);
    esl_codec_limits_t tight = {.text_chars = 1, .record_rows = 10, .record_columns = 10, .values = 10};
    CHECK(esl_decode_list(out.data, out.length, &tight, &a, &structures, v, 8, &count) == 0 && v[1].value.t->chars == 1 && v[1].weak);
    esl_values_drop(v, count);
    for (int64_t limit = 0; limit < 3000; limit += 7) {
        esl_account_t small = account(limit);
        int error = esl_decode_list(out.data, out.length, NULL, &small, &structures, v, 8, &count);
        CHECK(error == 0 || error == ESL_ERR_MEMORY);
        esl_values_drop(v, count);
        CHECK(small.used == 0);
    }
    esl_buffer_free(&out);
    esl_buffer_free(&again);
    CHECK(a.used == 0);
}

static uint8_t *damaged(const uint8_t *data, size_t length, size_t *left) /* exactly sized, so that a read past the end is seen */
{
    *left = rnd(8) ? length : rnd((uint32_t)length + 1);
    uint8_t *copy = malloc(*left ? *left : 1);
    memcpy(copy, data, *left);
    for (uint32_t k = rnd(4); k && *left; k--) copy[rnd((uint32_t)*left)] = (uint8_t)rnd(256);
    return copy;
}

static void hostile_lists(int rounds)
{
    esl_account_t a = account(1 << 20);
    esl_buffer_t out = {.account = &a};
    encode_sample(&a, &out);
    for (int i = 0; i < rounds; i++) {
        esl_account_t small = account(100000);
        esl_value_t v[8];
        uint32_t count;
        size_t left;
        uint8_t *bytes = damaged(out.data, out.length, &left);
        esl_decode_list(bytes, left, NULL, &small, &structures, v, 8, &count);
        esl_values_drop(v, count);
        CHECK(small.used == 0);
        free(bytes);
    }
    esl_buffer_free(&out);
}

/* Cells */
static void fill_cells(esl_cells_t *t, esl_account_t *a)
{
    esl_value_t text = simple(ESL_T_TEXT, (esl_slot_t){.t = esl_text_new(a, "value", 5)});
    esl_value_t record = simple(ESL_T_RECORD, (esl_slot_t){.rec = sample(a, 4)});
    CHECK(esl_cells_define(t, 1, ESL_T_TEXT, 0, NULL, 0) == 0 && esl_cells_define(t, 2, ESL_T_RECORD, 1, types, 6) == 0);
    CHECK(esl_cells_set(t, esl_ref_make(1, 0, 0), &text, 0, NULL) == 0 && esl_cells_set(t, esl_ref_make(2, 0, 0), &record, 0, NULL) == 0);
    esl_values_drop(&text, 1);
    esl_values_drop(&record, 1);
}

/* A column of values of any type: every third row a text, a number, nothing yet. NULL: no memory. */
static esl_record_t *any_sample(esl_account_t *a, uint32_t rows)
{
    esl_record_t *r = esl_record_new(a, &any_structure, rows);
    for (uint32_t row = 0; r && row < rows; row++) {
        if (row % 3 == 1) esl_record_put(r, row, 4, ESL_T_REAL, (esl_slot_t){.r = row / 4.0});
        if (row % 3) continue;
        esl_text_t *t = esl_text_new(a, "any", 3);
        if (!t) {
            esl_record_drop(r);
            return NULL;
        }
        esl_record_put(r, row, 4, ESL_T_TEXT, (esl_slot_t){.t = t});
    }
    return r;
}

static bool any_row_is(const esl_record_t *r, uint32_t row, uint32_t was)
{
    esl_type type;
    esl_slot_t value = esl_record_value(r, row, 4, &type);
    if (was % 3 == 0) return type == ESL_T_TEXT && strcmp(value.t->data, "any") == 0;
    return was % 3 == 1 ? type == ESL_T_REAL && value.r == was / 4.0 : type == ESL_T_INT && esl_slot_reason(type, value) == 1;
}

static void columns_of_any_type(int rounds)
{
    esl_account_t a = account(1 << 20);
    esl_record_t *r = any_sample(&a, 5), *copy = esl_record_keep(r);
    CHECK(esl_record_own(&a, &copy) && copy != r && any_row_is(copy, 0, 0) && any_row_is(copy, 4, 4));
    CHECK(esl_record_insert(copy, 1, copy, 0, 3) && esl_record_insert(copy, 8, r, 3, 2) && any_row_is(copy, 1, 0) && any_row_is(copy, 8, 3));
    CHECK(esl_record_redim(copy, 1) && esl_record_redim(copy, 20) && any_row_is(copy, 0, 0) && any_row_is(copy, 19, 2));
    esl_record_drop(copy);
    esl_value_t value = simple(ESL_T_RECORD, (esl_slot_t){.rec = r}), back;
    esl_buffer_t out = {.account = &a};
    uint32_t count;
    CHECK(esl_encode_list(&out, &value, 1) == 0);
    CHECK(esl_decode_list(out.data, out.length, NULL, &a, &structures, &back, 1, &count) == 0 && back.value.rec->structure == &any_structure);
    for (uint32_t row = 0; row < 5; row++) CHECK(any_row_is(back.value.rec, row, row));
    esl_values_drop(&back, 1);
    esl_values_drop(&value, 1);
    for (int64_t limit = 0; limit < 1500; limit += 7) {
        esl_account_t small = account(limit);
        int error = esl_decode_list(out.data, out.length, NULL, &small, &structures, &back, 1, &count);
        CHECK(error == 0 || error == ESL_ERR_MEMORY);
        esl_values_drop(&back, count);
        esl_record_drop(any_sample(&small, 5));
        CHECK(small.used == 0);
    }
    for (int i = 0; i < rounds; i++) {
        esl_account_t small = account(100000);
        size_t left;
        uint8_t *bytes = damaged(out.data, out.length, &left);
        esl_decode_list(bytes, left, NULL, &small, &structures, &back, 1, &count);
        esl_values_drop(&back, count);
        CHECK(small.used == 0);
        free(bytes);
    }
    esl_buffer_free(&out);
    CHECK(a.used == 0);
}

static void cells_survive_their_makers(void)
{
    esl_account_t a = account(1 << 20);
    esl_cells_t *t = esl_cells_new(1 << 20);
    const esl_cell_t *cell;
    esl_value_t out;
    esl_record_t *r;
    fill_cells(t, &a);
    CHECK(esl_cells_find(t, esl_ref_make(1, 0, 0), &cell) == 0 && strcmp(esl_cell_slot(cell).t->data, "value") == 0);
    CHECK(esl_cells_load(t, esl_ref_make(1, 0, 0), &a, &out) == 0 && out.value.t != cell->value.t);
    esl_value_t link = simple(ESL_T_OBJECT, (esl_slot_t){.i = esl_ref_make(1, 0, 0)});
    CHECK(esl_cells_set(t, esl_ref_make(2, 2, 5), &link, 0, NULL) == 0);
    CHECK(esl_cells_load_record(t, esl_ref_make(2, 0, 0), &a, &any_structure, &r) == 0); /* the value behind the link */
    esl_type type;
    CHECK(strcmp(esl_record_value(r, 1, 4, &type).t->data, "value") == 0 && type == ESL_T_TEXT && any_row_is(r, 0, 2));
    esl_record_drop(r);
    CHECK(esl_cells_load_record(t, esl_ref_make(2, 0, 0), &a, &structure, &r) == 0 && r->rows == 4);
    esl_cells_free(t);
    CHECK(strcmp(out.value.t->data, "value") == 0 && row_is(r, 3, 3));
    esl_values_drop(&out, 1);
    esl_record_drop(r);
    CHECK(a.used == 0);
}

/* Rows with texts move, grow and go; whatever is asked, a replica ends with the owner's rows and nothing is lost or freed twice. */
static void rows_move(int rounds)
{
    esl_account_t a = account(1 << 20);
    esl_cells_t *owner = esl_cells_new(1 << 20), *replica = esl_cells_new(1 << 20);
    esl_buffer_t out = {.account = &a};
    const int64_t whole = 2;
    fill_cells(owner, &a);
    for (int i = 0; i < rounds; i++) {
        esl_shape_t before, after;
        esl_cells_shape(owner, 2, &before);
        uint32_t place = rnd(before.rows + 3), count = rnd(5);
        bool put = before.rows < 40 && rnd(2);
        int error = put ? esl_cells_insert(owner, 2, place, count) : esl_cells_delete(owner, 2, place, count);
        esl_cells_shape(owner, 2, &after);
        CHECK(after.rows == (error ? before.rows : put ? before.rows + count : before.rows - count) && after.rows);
        esl_value_t text = simple(ESL_T_TEXT, (esl_slot_t){.t = esl_text_new(&a, "moved", 5)});
        for (uint16_t c = 1; c <= after.columns; c++)
            if (after.types[c - 1] == ESL_T_TEXT) CHECK(esl_cells_set(owner, esl_ref_make(2, 1 + rnd(after.rows), c), &text, 0, NULL) == 0);
        esl_values_drop(&text, 1);
        out.length = 0;
        CHECK(esl_cells_write(owner, &whole, 1, true, &out) == 0 && esl_cells_apply(replica, out.data, out.length, NULL, NULL) == 0);
        esl_cells_shape(replica, 2, &before);
        CHECK(before.rows == after.rows && before.change == after.change);
    }
    CHECK(esl_cells_insert(owner, 1, 1, 1) == ESL_ERR_RECORD_NO_COMP && esl_cells_delete(owner, 7, 1, 1) == ESL_ERR_OBJECT_NOT_FOUND);
    esl_cells_free(owner);
    esl_cells_free(replica);
    esl_buffer_free(&out);
    CHECK(a.used == 0);
}

static void hostile_payloads(int rounds)
{
    esl_account_t a = account(1 << 20);
    esl_cells_t *owner = esl_cells_new(1 << 20);
    esl_buffer_t out = {.account = &a};
    const int64_t refs[] = {1, 2};
    fill_cells(owner, &a);
    const double limits[ESL_LIMITS] = {0, 1, 2, 3};
    esl_value_t flagged = simple(ESL_T_TEXT, esl_slot_inv(ESL_T_TEXT, 3));
    flagged.flags = 0x8001;
    esl_cells_limits(owner, 1, limits);
    CHECK(esl_cells_set(owner, 1, &flagged, 0, NULL) == 0);
    CHECK(esl_cells_write(owner, refs, 2, true, &out) == 0);
    for (int i = 0; i < rounds; i++) {
        size_t left;
        uint8_t *bytes = damaged(out.data, out.length, &left);
        esl_cells_t *replica = esl_cells_new(rnd(2) ? 1 << 16 : rnd(3000));
        esl_cells_apply(replica, bytes, left, NULL, NULL);
        esl_cells_apply(replica, out.data, out.length, NULL, NULL);
        esl_cells_free(replica);
        free(bytes);
    }
    esl_cells_free(owner);
    esl_buffer_free(&out);
}

/* Zones and builtins */
static uint8_t *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    uint8_t *bytes = malloc(1 << 16);
    *length = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return bytes;
}

static void hostile_zones(const uint8_t *tzif, size_t length, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        size_t left;
        uint8_t *bytes = damaged(tzif, length, &left);
        esl_zone_t *zone = esl_zone_parse("damaged", bytes, left);
        for (int k = 0; zone && k < 8; k++) {
            int64_t ms = ESL_TIME_LEAST + (int64_t)((double)(ESL_TIME_MOST - ESL_TIME_LEAST) * rnd(1 << 20) / (1 << 20));
            esl_zone_utc(zone, ms);
            esl_zone_add_local(zone, ms, rnd(100000));
        }
        esl_zone_free(zone);
        free(bytes);
    }
}

static int64_t now(void *host) { (void)host; return INT64_C(1256430605078); }
static double tick(void *host) { (void)host; return 1; }
static uint64_t word(void *host) { (void)host; return state; }

static esl_value_t random_value(esl_account_t *a)
{
    static const char *const texts[] = {"", "a", "hh:mi:ss dd-mm-yyyy", "12:00:00 25-10-2009", "\xc5\xbe\xe2\x82\xac;x;", "# ##0.00", "-1e5", "+02:00", "*a?"};
    static const int64_t ints[] = {0, 1, -1, 7, 64, INT64_MAX, INT64_MIN, INT64_MIN + 3, ESL_INT_MIN, 1256430605078, 1 << 20};
    static const double reals[] = {0.0, -0.0, 0.5, -2.5, 1e300, -1e300, 1e-300, 4e18, INFINITY, NAN, 3600};
    esl_type type = (esl_type)(1 + rnd(5));
    esl_value_t v = simple(type, (esl_slot_t){.i = ints[rnd(11)]});
    if (type == ESL_T_BOOL) v.value.i = rnd(5);
    if (type == ESL_T_REAL) v.value.r = reals[rnd(11)];
    const char *text = texts[rnd(9)];
    if (type == ESL_T_TEXT) v.value.t = rnd(6) ? esl_text_new(a, text, strlen(text)) : esl_text_inv(rnd(16));
    if (rnd(4) == 0) v.time = ints[rnd(11)];
    return v;
}

static void any_function_any_arguments(const esl_zone_t *zone, int rounds)
{
    static const int numbers[] = {
#define X(number, name, c, letters, least, most, result, validity, base, per) number,
        HISEE_FUNCTIONS(X)
#undef X
    };
    esl_world_t world = {now, tick, word, zone, NULL, NULL};
    for (int i = 0; i < rounds; i++) {
        esl_account_t a = account(rnd(4) ? 1 << 16 : rnd(2000)), lent = account(1 << 20);
        int64_t fuel = rnd(4) ? 1000000 : rnd(100);
        esl_context_t context = {.account = &a, .world = &world, .fuel = &fuel, .text_chars = rnd(2) ? 100 : 3};
        esl_value_t args[10], result = {.type = (esl_type)(rnd(3) ? 0 : rnd(6))};
        int argc = (int)rnd(7);
        for (int k = 0; k < argc; k++) args[k] = random_value(&lent);
        int error = esl_builtin_call(&context, numbers[rnd(sizeof numbers / sizeof numbers[0])], args, argc, &result);
        if (!error && result.type == ESL_T_TEXT) {
            if (!esl_text_invalid(result.value.t)) CHECK(result.value.t->chars <= 100 || result.value.t->account == &lent);
            esl_text_drop(result.value.t);
        }
        esl_values_drop(args, (uint32_t)argc);
        CHECK(a.used == 0 && lent.used == 0);
    }
}

int main(int argc, char **argv)
{
    size_t length;
    CHECK(argc == 3);
    int rounds = atoi(argv[2]);
    uint8_t *tzif = read_file(argv[1], &length);
    esl_zone_t *zone = esl_zone_parse("zone", tzif, length);
    CHECK(zone);
    texts_append_in_place();
    texts_are_checked();
    records_keep_their_rows();
    refused_memory_leaves_nothing();
    lists_survive();
    cells_survive_their_makers();
    hostile_lists(rounds);
    columns_of_any_type(rounds);
    rows_move(rounds);
    hostile_payloads(rounds);
    hostile_zones(tzif, length, rounds / 4);
    any_function_any_arguments(zone, rounds * 10);
    esl_zone_free(zone);
    free(tzif);
    puts("ok");
    return 0;
}
