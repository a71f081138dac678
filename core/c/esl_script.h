/* A script: one running instance of a unit. Its stack is memory, so a waiting script costs no thread.
 *
 * Frame 0 belongs to the init part and lives as long as the script: its registers are the globals. A request runs in
 * frame 1 and above. Threads: a script is used by one thread at a time. No operating system here; the world is passed in. */
#ifndef ESL_SCRIPT_H
#define ESL_SCRIPT_H

#include "esl_builtin.h"
#include "esl_cells.h"
#include "esl_codec.h"
#include "esl_container.h"
#include "esl_slab.h"
#include "esl_unit.h"
#include "esl_wheel.h"

typedef enum {
    ESL_DONE = 0,    /* nothing to run: the request ended, or none began */
    ESL_SLICE = 1,   /* the slice is used; run goes on */
    ESL_ACTION = 2,  /* an action is pending */
    ESL_FAILED = 3,  /* the request ended by an error that nothing caught; the script can take another one */
    ESL_KILLED = 4   /* the script is over for good */
} esl_status_t;

typedef enum { ESL_ON_NONE = 0, ESL_ON_OFF = 1, ESL_ON_LABEL = 3 } esl_on_t;

/* The frame of a plain CALL (esl_calls.h) begins with `at` and the eight bytes behind it; all else is looked at only where these say so, or
 * where the procedure has GOSUBs. Frames do not say where their registers are: see esl_script_t.base. */
typedef struct {
    const esl_ins_t *at;     /* where it goes on; of a caller: its CALL */
    uint16_t procedure;
    uint8_t mode;            /* esl_on_t */
    uint8_t handling;        /* a label handler runs */
    uint32_t guard;          /* where the next error goes, before the mode is looked at; 0 none */
    uint8_t off_mode;        /* what OFF replaced */
    uint8_t resumed_mode;    /* mode after the running label handler */
    uint16_t gosubs;         /* GOSUBs of this frame that have not returned */
    uint16_t handled_gosubs; /* of those, when the running handler began */
    uint32_t label, off_label, resumed_label;
    int32_t failed;          /* action range of the handled error; -1 none */
    int32_t handled_nr;      /* for RERAISE */
    uint32_t handled_line;
} esl_frame_t;
_Static_assert(offsetof(esl_frame_t, guard) == offsetof(esl_frame_t, procedure) + 4, "a plain CALL writes these in one word");

#define ESL_MESSAGE 1008     /* bytes of _ERR_MSG: 250 characters and their end */

typedef struct {
    int number;              /* 0: none */
    int64_t extended;
    uint32_t line;           /* where it began */
    uint16_t procedure;
    char text[ESL_MESSAGE];
    const char *limit;       /* name of the limit that ended the script, or "" */
} esl_failure_t;

/* What only a script that met an error has. */
typedef struct {
    esl_failure_t failure;   /* while raising, and after FAILED or KILLED */
    char err_msg[ESL_MESSAGE]; /* _ERR_MSG */
} esl_trouble_t;

typedef struct {
    int64_t call_depth, gosub_depth, record_rows, memory_bytes, fuel, containers, container_items;
    uint32_t text_chars;
    int32_t slice;           /* of the scheduler */
} esl_script_limits_t;

typedef struct {
    uint16_t number;         /* of the action */
    uint16_t site;           /* ESL_NO_SITE: a picture variable */
    uint32_t line;
    uint8_t waits;
    esl_buffer_t payload;    /* after DONE: the results of the request */
} esl_pending_t;
#define ESL_NO_SITE 0xffffu

/* Room inside a script: the globals and one handler of a usual size take nothing else. */
#define ESL_INLINE_FRAMES 2
#define ESL_INLINE_SLOTS 12

typedef struct esl_script {
    const esl_unit_t *unit;
    esl_cells_t *cells, *variables;  /* may be NULL: nothing is known then */
    const esl_world_t *world;
    const esl_script_limits_t *limits;
    esl_account_t account;

    esl_slot_t *stack;               /* `slots`, or memory of its own once that is too small; so are the frames */
    uint32_t base, stack_room;       /* slots; base: the first one of the top frame */
    esl_frame_t *frames;
    uint32_t depth, frames_room;     /* depth >= 1: frame 0 is the init part */
    uint32_t entry;                  /* index of the frame of the request */
    uint32_t gosub_used, gosub_room;
    uint32_t *gosub;                 /* where the GOSUBs of all frames return to, the latest last */
    esl_containers_t *containers;    /* NULL: there never was one */
    esl_text_t **text;               /* constants of this script, made at first use; NULL before the first */
    esl_text_t **letter;             /* ASCII characters as texts, made at first use: see esl_letter */
    esl_record_t **blank;            /* one invalid row of each structure, shared until written; NULL before the first */

    esl_status_t status;
    bool running;                    /* a request is under way */
    bool in_slab;
    bool rnd_seeded;                 /* of the context that builtins get */
    uint64_t rnd_state;
    int64_t fuel;                    /* left for this request */
    int64_t fuel_used;               /* of all requests */
    int64_t budget, budget_start;    /* of the slice: back edges, calls and what builtins charge */
    bool direct;                     /* it takes its results from the registers: they are not written out */

    int err_nr;                      /* _ERR_NR, _ERR_LINE, _ERR_NR_TRANS_EX */
    uint32_t err_line;
    int64_t err_extended;
    int caught;                      /* by the last guard */
    esl_trouble_t *trouble;          /* NULL: there never was an error */
    esl_pending_t pending;
    esl_wait_t wait;                 /* for the scheduler */

    esl_frame_t first_frames[ESL_INLINE_FRAMES];
    esl_slot_t slots[ESL_INLINE_SLOTS];
} esl_script_t;

/* NULL: the memory limit is too small for the globals. `limits` and `world` must outlive the script. `slab` (may be NULL) is one of
 * pieces of esl_script_t, and is used by one thread at a time. */
esl_script_t *esl_script_new(const esl_unit_t *unit, esl_cells_t *cells, esl_cells_t *variables, const esl_script_limits_t *limits,
                             const esl_world_t *world, esl_slab_t *slab);
void esl_script_free(esl_script_t *script);

/* Begin a request; esl_vm_run carries it. `start` decodes and converts the arguments: 0, or an error number with which
 * the request has failed (status FAILED, failure filled). The caller checks that no request runs. */
void esl_script_start_init(esl_script_t *script);
int esl_script_start(esl_script_t *script, uint32_t procedure, const uint8_t *arguments, size_t length);
/* The same with parameters as a fresh frame has them; the caller may write registers of frame 1 that hold no reference, and set `direct`. */
int esl_script_begin(esl_script_t *script, uint32_t procedure);
/* End the pending action. A payload that does not fit raises an error in the script. */
void esl_script_complete(esl_script_t *script, const uint8_t *payload, size_t length, int64_t extended);
void esl_script_fail(esl_script_t *script, int number, int64_t extended, const char *text);
void esl_script_kill(esl_script_t *script, const char *text, const char *limit);
const esl_failure_t *esl_script_failure(const esl_script_t *script); /* number 0: there is none */
/* The payload of the pending action as the host gets it: 0 or ESL_ERR_MEMORY. That of a DELAY is made only here. */
int esl_script_payload(esl_script_t *script);
double esl_script_delay(const esl_script_t *script); /* seconds of the pending DELAY; NaN: they are invalid or below 0 */
uint32_t esl_script_line(const esl_script_t *script); /* of the running or waiting action; 0 unknown */
/* Of the frame at `depth`, 0 = the init part. */
uint32_t esl_script_line_at(const esl_script_t *script, uint32_t depth);

/* For the loop. */
/* A register's value: borrowed, ANY resolved. `operand` may name a global when type is RECORD. */
esl_value_t esl_load_value(const esl_script_t *script, const esl_frame_t *frame, uint16_t operand, unsigned type);
/* Moves *value into a register, converted to its type; the old value is dropped. 0, or an error (the value is dropped then too). */
int esl_store_value(esl_script_t *script, const esl_frame_t *frame, uint16_t operand, unsigned type, esl_value_t *value);
esl_structures_t esl_script_structures(const esl_script_t *script);
esl_containers_t *esl_script_containers(esl_script_t *script); /* NULL: no memory */
esl_text_t **esl_script_texts(esl_script_t *script);           /* the table of text constants; NULL: no memory */
static inline const char *esl_err_msg(const esl_script_t *s) { return s->trouble ? s->trouble->err_msg : ""; }
/* The text of one ASCII character, borrowed; each script has one of each. NULL: memory refused. */
esl_text_t *esl_letter(esl_script_t *script, unsigned char character);
bool esl_push_frame(esl_script_t *script, uint16_t procedure);
void esl_pop_frame(esl_script_t *script);
int esl_call_enter(esl_script_t *script, uint16_t site);  /* 0 or an error to raise at the CALL */
/* Room for a plain CALL at the top frame: 0 or an error to raise there. */
int esl_call_room(esl_script_t *script, const esl_call_t *call);
int esl_call_leave(esl_script_t *script);                 /* copy back and drop; 0 or an error to raise at the CALL */
int esl_call_builtin(esl_script_t *script, uint16_t site);
/* Status ESL_ACTION: the host has to carry it out; else the VM has done it. */
int esl_begin_action(esl_script_t *script, uint16_t site);
esl_slot_t *esl_record_slot(const esl_script_t *script, const esl_frame_t *frame, uint16_t operand);
/* GOSUB: 0 or ESL_ERR_STACK, ESL_ERR_MEMORY. */
int esl_push_return(esl_script_t *script, esl_frame_t *frame, uint32_t pc);
int esl_write_variable(esl_script_t *script, uint16_t variable, esl_type type, esl_slot_t value);
int esl_finish_request(esl_script_t *script);             /* the entry frame has returned: results, frame dropped */
/* Raise at the top frame's pc; text NULL = the text of the table, line 0 = that of the action. true: a handler or the
 * next action goes on at the top frame's pc. false: the request has failed. */
bool esl_raise(esl_script_t *script, int number, int64_t extended, const char *text, uint32_t line);
const char *esl_error_text(int number);

static inline void esl_drop_slot(unsigned type, esl_slot_t s)
{
    if (type == ESL_T_TEXT) esl_text_drop(s.t);
    else if (type == ESL_T_RECORD) esl_record_drop(s.rec);
}
static inline void esl_keep_slot(unsigned type, esl_slot_t s)
{
    if (type == ESL_T_TEXT) esl_text_keep(s.t);
    else if (type == ESL_T_RECORD) esl_record_keep(s.rec);
}

/* The registers of a request's frame, also after its end: what stood in them is still there. */
static inline esl_slot_t *esl_request_registers(const esl_script_t *s) { return s->stack + s->unit->procedure[0].registers; }

/* Frames come and go with every CALL: the usual case is here, what is rare is behind a function. */
bool esl_frame_room(esl_script_t *script, const esl_procedure_t *procedure, uint32_t base);
void esl_frame_records(esl_script_t *script, const esl_procedure_t *procedure, esl_slot_t *slots);
void esl_frame_drop(const esl_procedure_t *procedure, esl_slot_t *slots);

/* The procedure of the frame at `depth`, and where its code stands: pcs are kept as pointers while frames live. */
static inline const esl_procedure_t *esl_procedure_of(const esl_script_t *s, const esl_frame_t *frame)
{
    return &s->unit->procedure[frame->procedure];
}
static inline uint32_t esl_pc_of(const esl_script_t *s, const esl_frame_t *frame)
{
    return (uint32_t)(frame->at - esl_procedure_of(s, frame)->code);
}

/* Slots from the first register of a frame that waits in a CALL to that of the frame above it. */
static inline uint32_t esl_call_shift(const esl_script_t *s, const esl_frame_t *caller)
{
    const esl_ins_t *call = caller->at;
    if (!call->x) return esl_procedure_of(s, caller)->registers;
    return ((const esl_call_t *)((const char *)s->unit->calls + esl_ins_bc(call)))->shift / (uint32_t)sizeof(esl_slot_t);
}

static inline bool esl_push(esl_script_t *s, uint16_t procedure)
{
    const esl_procedure_t *p = &s->unit->procedure[procedure];
    uint32_t base = s->depth ? s->base + esl_procedure_of(s, &s->frames[s->depth - 1])->registers : 0;
    bool fits = base + p->registers <= s->stack_room && s->depth < s->frames_room;
    if (ESL_UNLIKELY(p->owned_count || !fits) && !esl_frame_room(s, p, base)) return false;
    esl_slot_t *slots = s->stack + base;
    for (uint32_t i = 0; i < p->registers; i++) slots[i] = p->pattern[i];
    if (p->owned_count) esl_frame_records(s, p, slots);
    s->frames[s->depth++] = (esl_frame_t){.at = p->code, .procedure = procedure, .failed = -1};
    s->base = base;
    return true;
}

/* Frame 1 was entered by a CALL of the init part or is that of a request: the one below it begins at slot 0. */
static inline void esl_pop(esl_script_t *s)
{
    const esl_frame_t *frame = &s->frames[--s->depth];
    const esl_procedure_t *p = esl_procedure_of(s, frame);
    if (p->owned_count) esl_frame_drop(p, s->stack + s->base);
    if (p->gosubs) s->gosub_used -= frame->gosubs;
    s->base = s->depth > 1 ? s->base - esl_call_shift(s, frame - 1) : 0;
}

#endif
