# Declarations of core/c: units, scripts and the loop. Extern only.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


from hisee._core.cvalues cimport esl_account_t, esl_buffer_t, esl_cells_t, esl_slot_t, esl_struct_t, esl_world_t

cdef extern from "esl_unit.h" nogil:
    ctypedef struct esl_object_t:
        uint32_t name, hbj, rows
        uint16_t columns
        uint8_t type
    ctypedef struct esl_variable_t:
        uint32_t name, number
        uint8_t type
    ctypedef struct esl_arg_t:
        uint8_t mode, type
        uint16_t reg
    ctypedef struct esl_site_t:
        uint8_t kind, waits
        uint16_t number, argc
        const esl_arg_t *args
    ctypedef struct esl_register_t:
        uint8_t type
        uint16_t structure
    ctypedef struct esl_param_t:
        uint32_t name
        uint8_t mode, type
        uint16_t reg
    ctypedef struct esl_ins_t:
        uint8_t op
    ctypedef struct esl_procedure_t:
        uint32_t name, length
        const esl_ins_t *code
        uint8_t kind
        uint16_t registers, params
        const esl_register_t *reg
        const esl_param_t *param
    ctypedef struct esl_unit_t:
        uint32_t structures, objects, variables, sites, procedures, name
        const char **string
        const uint32_t *string_bytes
        const esl_struct_t *structure
        const uint32_t *structure_name
        const esl_object_t *object
        const esl_variable_t *variable
        const esl_site_t *site
        const esl_procedure_t *procedure
    ctypedef struct esl_refusal_t:
        size_t offset
        char text[192]
    ctypedef enum esl_mode_t:
        ESL_IN, ESL_OUT, ESL_INOUT
    esl_unit_t *esl_unit_load_as(const uint8_t *data, size_t length, bint fused, esl_refusal_t *refusal)
    void esl_unit_free(esl_unit_t *unit)
    const uint32_t HISEE_OPCODES_HASH

cdef extern from "esl_vm.h" nogil:
    ctypedef enum esl_status_t:
        ESL_DONE, ESL_SLICE, ESL_ACTION, ESL_FAILED, ESL_KILLED
    const int ESL_COMPUTED_GOTO
    const int ESL_NO_SITE
    ctypedef struct esl_failure_t:
        int number
        int64_t extended
        uint32_t line
        uint16_t procedure
        char text[1008]
        const char *limit
    ctypedef struct esl_script_limits_t:
        int64_t call_depth, gosub_depth, record_rows, memory_bytes, fuel, containers, container_items
        uint32_t text_chars
        int32_t slice
    ctypedef struct esl_slab_t:
        pass
    void esl_slab_init(esl_slab_t *slab, size_t size)
    ctypedef struct esl_wait_t:
        int64_t due
        void *owner
        uint8_t priority, place
    ctypedef struct esl_pending_t:
        uint16_t number, site
        uint32_t line
        uint8_t waits
        esl_buffer_t payload
    ctypedef struct esl_container_t:
        pass
    ctypedef struct esl_containers_t:
        pass
    ctypedef struct esl_container_info_t:
        int64_t handle, bytes
        const char *name
        uint32_t items, most
        bint array
    ctypedef struct esl_structures_t:
        pass
    esl_container_t *esl_container_find(const esl_containers_t *all, int64_t handle)
    void esl_container_destroy(esl_containers_t *all, esl_container_t *container)
    int esl_container_write(const esl_container_t *container, esl_buffer_t *buffer)
    int esl_container_read(esl_containers_t *all, const uint8_t *data, size_t length, const esl_structures_t *structures, int64_t *handle)
    void esl_buffer_free(esl_buffer_t *buffer)
    const esl_container_t *esl_container_next(const esl_containers_t *all, const esl_container_t *container, esl_container_info_t *info)
    ctypedef struct esl_frame_t:
        uint16_t procedure

    ctypedef struct esl_script_t:
        esl_containers_t *containers
        esl_frame_t *frames
        uint32_t depth
        bint direct
        esl_status_t status
        bint running
        int64_t fuel_used
        esl_account_t account
        esl_pending_t pending
        esl_wait_t wait
    esl_slot_t *esl_request_registers(const esl_script_t *script)
    esl_script_t *esl_script_new(const esl_unit_t *unit, esl_cells_t *cells, esl_cells_t *variables,
                                 const esl_script_limits_t *limits, const esl_world_t *world, esl_slab_t *slab)
    const esl_failure_t *esl_script_failure(const esl_script_t *script)
    esl_containers_t *esl_script_containers(esl_script_t *script)
    int esl_script_payload(esl_script_t *script)
    void esl_script_free(esl_script_t *script)
    esl_structures_t esl_script_structures(const esl_script_t *script)
    void esl_script_start_init(esl_script_t *script)
    int esl_script_begin(esl_script_t *script, uint32_t procedure)
    int esl_script_start(esl_script_t *script, uint32_t procedure, const uint8_t *arguments, size_t length)
    void esl_script_complete(esl_script_t *script, const uint8_t *payload, size_t length, int64_t extended)
    void esl_script_fail(esl_script_t *script, int number, int64_t extended, const char *text)
    void esl_script_kill(esl_script_t *script, const char *text, const char *limit)
    uint32_t esl_script_line(const esl_script_t *script)
    uint32_t esl_script_line_at(const esl_script_t *script, uint32_t depth)
    const char *esl_error_text(int number)
    esl_status_t esl_vm_run(esl_script_t *script, int64_t slice)

cdef extern from "esl_sched.h" nogil:
    const int ESL_PRIORITIES, ESL_ASLEEP
    ctypedef struct esl_sched_t:
        pass
    void esl_sched_init(esl_sched_t *sched, int64_t (*now_ns)(void *host) noexcept nogil, void *host)
    void esl_sched_close(esl_sched_t *sched)
    void esl_sched_wake(esl_sched_t *sched, esl_script_t *script)
    void esl_sched_go_on(esl_sched_t *sched, esl_script_t *script)
    void esl_sched_remove(esl_script_t *script)
    void esl_sched_round(esl_sched_t *sched, int64_t until_ns)
    esl_script_t *esl_sched_stopped(esl_sched_t *sched)
    bint esl_sched_ready(const esl_sched_t *sched)
    int64_t esl_sched_next_ms(const esl_sched_t *sched)
