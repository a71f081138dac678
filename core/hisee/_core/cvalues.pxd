# Declarations of core/c: slots, codec, cells, zones, builtins. Extern only.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "esl_slot.h" nogil:
    ctypedef struct esl_account_t:
        int64_t used
        int64_t limit
    struct esl_text
    struct esl_record
    ctypedef union esl_slot_t:
        int64_t i
        double r
        uint64_t u
        esl_text *t
        esl_record *rec
    ctypedef int esl_type
    enum:
        ESL_T_NONE, ESL_T_BOOL, ESL_T_INT, ESL_T_REAL, ESL_T_TIME, ESL_T_TEXT, ESL_T_RECORD, ESL_T_OBJECT, ESL_T_ANY
    enum:
        ESL_VALID, ESL_UNDEFINED, ESL_OUT_OF_RANGE, ESL_CONVERSION, ESL_DIV_BY_ZERO, ESL_NO_DATA_REASON, ESL_COMMUNICATION
    int64_t ESL_INT_MIN
    bint esl_int_invalid(int64_t i) noexcept
    int64_t esl_int_inv(unsigned reason) noexcept
    bint esl_text_invalid(const esl_text *t) noexcept
    unsigned esl_slot_reason(esl_type type, esl_slot_t s) noexcept
    esl_slot_t esl_slot_inv(esl_type type, unsigned reason) noexcept
    esl_slot_t esl_settle(esl_type type, esl_slot_t s) noexcept
    int64_t esl_ref_make(uint32_t object, uint32_t row, uint32_t column) noexcept
    uint32_t esl_ref_object(int64_t ref) noexcept
    uint32_t esl_ref_row(int64_t ref) noexcept
    uint32_t esl_ref_column(int64_t ref) noexcept

cdef extern from "esl_base.h" nogil:
    enum:
        ESL_ERR_MEMORY, ESL_ERR_RANGE_ERROR, ESL_ERR_OBJECT_NOT_FOUND, ESL_ERR_RECORD_NO_COMP, ESL_ERR_TYPE_MISMATCH
        ESL_ERR_NOT_SUPPORTED, ESL_ERR_INV_NUM_PARAMS

cdef extern from "esl_text.h" nogil:
    ctypedef struct esl_text_t "esl_text_t":
        uint32_t bytes
        uint32_t chars
        uint8_t cut
        char data[1]
    esl_text *esl_text_new(esl_account_t *account, const char *utf8, size_t bytes) noexcept
    void esl_text_drop(esl_text *t) noexcept

cdef extern from "esl_record.h" nogil:
    ctypedef struct esl_struct_t:
        uint32_t hbj
        uint16_t columns
        const uint8_t *types
        const char **names
    ctypedef struct esl_record_t "esl_record_t":
        uint32_t rows
        void **column
    esl_record *esl_record_new(esl_account_t *account, const esl_struct_t *structure, uint32_t rows) noexcept
    void esl_record_drop(esl_record *record) noexcept
    bint esl_record_redim(esl_record *record, uint32_t rows) noexcept
    esl_slot_t esl_record_get(const esl_record *record, uint32_t row, uint32_t column) noexcept
    void esl_record_set(esl_record *record, uint32_t row, uint32_t column, esl_slot_t value) noexcept

cdef extern from "esl_builtin.h" nogil:
    ctypedef struct esl_world_t:
        int64_t (*now_ms)(void *host) noexcept
        double (*tick_ms)(void *host) noexcept
        uint64_t (*random)(void *host) noexcept
        const esl_zone_t *zone
        void *host
        const esl_zone_t *(*find_zone)(void *host, const char *name) noexcept
    ctypedef struct esl_context_t:
        esl_account_t *account
        const esl_world_t *world
        int64_t *fuel
        uint32_t text_chars
        uint64_t rnd_state
        bint rnd_seeded
    ctypedef struct esl_value_t:
        esl_type type
        esl_slot_t value
        int64_t time
        uint8_t weak
        uint16_t flags
    enum:
        ESL_BUILTIN_FUEL
    int esl_builtin_call(esl_context_t *context, int number, const esl_value_t *args, int argc, esl_value_t *result) noexcept
    esl_slot_t esl_convert(esl_type source, esl_slot_t value, esl_type target) noexcept

cdef extern from "esl_codec.h" nogil:
    enum:
        ESL_CODEC_MALFORMED, ESL_CODEC_STRUCTURE
    ctypedef struct esl_buffer_t:
        esl_account_t *account
        uint8_t *data
        size_t length
        size_t capacity
    ctypedef struct esl_codec_limits_t:
        uint32_t text_chars, record_rows, record_columns, values
    const esl_codec_limits_t esl_codec_limits
    ctypedef struct esl_reader_t:
        const uint8_t *data
        size_t length
        size_t offset
        const esl_codec_limits_t *limits
    ctypedef struct esl_item_t:
        esl_type type
        unsigned reason
        esl_slot_t value
        const char *utf8
        uint32_t bytes
        uint32_t hbj, rows
        uint16_t columns
        bint boxed
        int64_t time
        uint8_t weak
    void esl_buffer_free(esl_buffer_t *buffer) noexcept
    int esl_buffer_put(esl_buffer_t *buffer, const void *bytes, size_t count) noexcept
    int esl_put_count(esl_buffer_t *buffer, uint16_t count) noexcept
    int esl_put_value(esl_buffer_t *buffer, const esl_value_t *value) noexcept
    int esl_put_unchanged(esl_buffer_t *buffer) noexcept
    int esl_put_text(esl_buffer_t *buffer, const char *utf8, uint32_t bytes, int64_t time, uint8_t weak) noexcept
    int esl_put_record_head(esl_buffer_t *buffer, uint32_t hbj, uint32_t rows, uint16_t columns, bint boxed) noexcept
    int esl_put_text_cell(esl_buffer_t *buffer, const char *utf8, uint32_t bytes, unsigned reason) noexcept
    int esl_get_count(esl_reader_t *reader, uint32_t *count) noexcept
    int esl_get_item(esl_reader_t *reader, esl_item_t *item) noexcept
    int esl_get_column(esl_reader_t *reader, uint32_t rows, esl_type *type, const uint8_t **block) noexcept
    int esl_get_text_cell(esl_reader_t *reader, const char **utf8, uint32_t *bytes, unsigned *reason) noexcept
    int esl_get_any_cell(esl_reader_t *reader, esl_item_t *item) noexcept
    esl_slot_t esl_block_slot(esl_type type, const uint8_t *block, uint32_t row) noexcept

cdef extern from "esl_number.h" nogil:
    enum:
        ESL_REAL_TEXT
    size_t esl_real_text(double r, char *out) noexcept

cdef extern from "esl_zone.h" nogil:
    ctypedef struct esl_zone_t:
        pass
    ctypedef struct esl_period_t:
        int64_t start_s, end_s
        int32_t offset_s
        bint summer
    ctypedef struct esl_instants_t:
        int kind
        int64_t first_ms, second_ms
    esl_zone_t *esl_zone_parse(const char *name, const uint8_t *bytes, size_t length) noexcept
    esl_zone_t *esl_zone_fixed(const char *name, int32_t offset_s) noexcept
    void esl_zone_free(esl_zone_t *zone) noexcept
    const char *esl_zone_name(const esl_zone_t *zone) noexcept
    esl_period_t esl_zone_period(const esl_zone_t *zone, int64_t utc_s) noexcept
    esl_instants_t esl_zone_instants(const esl_zone_t *zone, int64_t wall_ms) noexcept
    int64_t esl_zone_utc(const esl_zone_t *zone, int64_t wall_ms) noexcept
    int64_t esl_zone_add_local(const esl_zone_t *zone, int64_t time_ms, double seconds) noexcept
    double esl_zone_diff_local(const esl_zone_t *zone, int64_t a_ms, int64_t b_ms) noexcept

cdef extern from "esl_cells.h" nogil:
    ctypedef struct esl_cell_t:
        esl_slot_t value
        int64_t time
        uint64_t change
        uint8_t type
        uint8_t reason
        uint8_t weak
        uint8_t limit
        uint16_t flags
    ctypedef struct esl_cells_t:
        pass
    ctypedef struct esl_shape_t:
        esl_type type
        uint32_t rows
        uint16_t columns
        const uint8_t *types
        uint64_t change
    uint64_t ESL_CELLS_LOCAL
    esl_cells_t *esl_cells_new(int64_t limit_bytes) noexcept
    void esl_cells_free(esl_cells_t *table) noexcept
    int64_t esl_cells_used(const esl_cells_t *table) noexcept
    int esl_cells_define(esl_cells_t *table, uint32_t hbj, esl_type type, uint32_t rows, const uint8_t *types, uint16_t columns) noexcept
    void esl_cells_forget(esl_cells_t *table, uint32_t hbj) noexcept
    int esl_cells_redim(esl_cells_t *table, uint32_t hbj, uint32_t rows) noexcept
    void esl_cells_limits(esl_cells_t *table, uint32_t hbj, const double *limits) noexcept
    int esl_cells_insert(esl_cells_t *table, uint32_t hbj, uint32_t before, uint32_t count) noexcept
    int esl_cells_delete(esl_cells_t *table, uint32_t hbj, uint32_t first, uint32_t count) noexcept
    bint esl_cells_shape(const esl_cells_t *table, uint32_t hbj, esl_shape_t *shape) noexcept
    int esl_cells_find(const esl_cells_t *table, int64_t ref, const esl_cell_t **cell) noexcept
    int esl_cells_set(esl_cells_t *table, int64_t ref, const esl_value_t *value, uint64_t change, uint64_t *given) noexcept
    uint64_t esl_cells_last_change(const esl_cells_t *table) noexcept
    void esl_cells_leap(esl_cells_t *table, uint64_t floor) noexcept
    int esl_cells_write(const esl_cells_t *table, const int64_t *refs, uint32_t count, bint flags, esl_buffer_t *out) noexcept
    ctypedef void (*esl_changed_fn)(void *context, int64_t ref) noexcept
    int esl_cells_apply(esl_cells_t *table, const uint8_t *data, size_t length, esl_changed_fn changed, void *context) noexcept
