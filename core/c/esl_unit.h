/* Units: the immutable form of a compiled script (docs/design/unit.md). Loading copies the bytes into tables of its own,
 * every count compared with the bytes left before memory is taken; esl_unit_load also verifies (esl_verify.h).
 * A loaded unit is never written again: any number of scripts may share it. */
#ifndef ESL_UNIT_H
#define ESL_UNIT_H

#include "esl_record.h"
#include "gen/fusions.h"
#include "gen/opcodes.h"

typedef enum {
#define X(number, name, x, a, b, c, raises) ESL_OP_##name = number,
    HISEE_OPCODES(X)
#undef X
} esl_op_t;

/* What the loader puts in the place of opcodes (core/schema/fusions.py). */
typedef enum {
#define X(number, name, first, second, third, where, landing, only) ESL_FUSED_##name = number,
    HISEE_FUSIONS(X)
#undef X
} esl_fused_t;

typedef struct esl_ins {
    uint8_t op, x;
    uint16_t a, b, c;
} esl_ins_t;
_Static_assert(sizeof(esl_ins_t) == 8, "an instruction is eight bytes");

#define ESL_T_UPPER 9       /* second register of an ANY */
#define ESL_GLOBAL 0x8000u  /* record operand: a global */
#define ESL_NO_STRUCTURE 0xffffu
#define ESL_UNIT_MAJOR 1
#define ESL_REGISTERS 4096
#define ESL_ARGUMENTS 255   /* of one site, parameters of one procedure */

typedef enum { ESL_IN = 0, ESL_OUT = 1, ESL_INOUT = 2 } esl_mode_t;
typedef enum { ESL_SITE_CALL = 0, ESL_SITE_FN = 1, ESL_SITE_ACT = 2 } esl_site_kind_t;
typedef enum { ESL_LOCAL, ESL_RPC, ESL_RPCX, ESL_ENTRY, ESL_ENTRYX, ESL_INIT, ESL_CHANGE, ESL_KINDS } esl_kind_t;

typedef struct { esl_slot_t value; uint8_t type; } esl_constant_t; /* TEXT: value.u = number of a string */
typedef struct { uint32_t name, hbj, rows; uint16_t columns; uint8_t type; } esl_object_t;
typedef struct { uint32_t name, number; uint8_t type; } esl_variable_t;
typedef struct { uint8_t mode, type; uint16_t reg; } esl_arg_t;
typedef struct { uint16_t from, to; } esl_copy_t;
typedef struct {
    uint8_t kind, waits;
    uint16_t number, argc;
    uint16_t registers;      /* these four for a plain CALL: of the procedure; */
    uint8_t ins, outs;       /* pairs of registers that are copied on the way in and on the way back; */
    uint8_t given;           /* so many of the procedure's first registers are written by the way in */
    uint8_t quick;           /* FN: esl_quick_t (esl_quick.h) */
    uint32_t offset;         /* of its row in the unit, for the verifier */
    const esl_arg_t *args;
    union {
        const char *signature; /* ACT: of its row, set by the verifier */
        struct { uint16_t procedure, site; uint32_t modes; } frame; /* plain CALL: what its frame begins with, modes being 0 */
    };
    /* CALL without conversions and references, so that the loop only copies slots, two at a time; NULL: not such a one. */
    const struct esl_ins *code;
    const esl_slot_t *pattern; /* of the registers that are not given */
    const esl_copy_t *in, *out;
} esl_site_t;
_Static_assert(sizeof(void *) == 4 || sizeof(esl_site_t) == 64, "the loop finds a site by a shift");
typedef struct { uint8_t type; uint16_t structure; } esl_register_t;
typedef struct { uint32_t name; uint8_t mode, type; uint16_t reg; } esl_param_t;
typedef struct { uint32_t first, start, next, line; } esl_action_t;

typedef struct {
    uint32_t name;
    uint8_t kind;
    uint16_t registers, params;
    uint32_t length, actions;
    uint32_t offset;                 /* of its first instruction in the unit's bytes */
    const esl_register_t *reg;
    const esl_param_t *param;
    const esl_ins_t *code;
    const esl_action_t *action;
    const esl_slot_t *pattern;       /* fresh frame (V13); RECORD registers are set apart */
    const uint16_t *owned;           /* TEXT and RECORD registers and payloads of ANY: to be dropped */
    uint32_t owned_count;
    bool gosubs;                     /* has GOSUB: its frames own a part of the return stack */
} esl_procedure_t;

/* Decisions by the value of one INT, one after the other: where the code goes on, by value. */
typedef struct {
    int64_t low;                     /* value of the first place */
    uint32_t count;                  /* places */
    const int32_t *distance;         /* from the first decision; one more for every other value */
} esl_case_t;

typedef struct esl_unit {
    uint32_t strings, constants, structures, objects, variables, sites, procedures;
    const char *const *string;       /* closed by 0, well-formed UTF-8 */
    const uint32_t *string_bytes;
    const esl_constant_t *constant;
    const esl_struct_t *structure;
    const uint32_t *structure_name;
    const esl_object_t *object;
    const esl_variable_t *variable;
    esl_site_t *site;
    const esl_procedure_t *procedure;
    const esl_case_t *cases;         /* of BR_CASE, by its operand x */
    uint32_t name;
    struct esl_chunk *chunks;        /* everything above lies in these */
} esl_unit_t;

/* Why a unit was not accepted: where in its bytes, and a sentence. */
typedef struct {
    size_t offset;
    char text[192];
} esl_refusal_t;

/* NULL: *refusal says why (also when memory is short). `fused`: with the loader's own instructions where they fit (esl_fuse.c); without
 * them the unit does the same and takes longer. */
esl_unit_t *esl_unit_load_as(const uint8_t *bytes, size_t length, bool fused, esl_refusal_t *refusal);
static inline esl_unit_t *esl_unit_load(const uint8_t *bytes, size_t length, esl_refusal_t *refusal)
{
    return esl_unit_load_as(bytes, length, true, refusal);
}
void esl_unit_free(esl_unit_t *unit);
/* Zeroed memory that lives as long as the unit; NULL: refused. */
void *esl_unit_room(esl_unit_t *unit, size_t count, size_t size);

/* Index of the action range that holds pc, or -1. */
int64_t esl_action_at(const esl_procedure_t *procedure, uint32_t pc);

static inline int32_t esl_ins_bc(const esl_ins_t *ins) { return (int32_t)((uint32_t)ins->b | (uint32_t)ins->c << 16); }

#endif
