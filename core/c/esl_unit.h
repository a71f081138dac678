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
#define X(number, name, first, second, third, fourth, where, landing, only) ESL_FUSED_##name = number,
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
struct esl_call;
typedef struct {
    uint8_t kind, waits;
    uint16_t number, argc;
    uint8_t quick;           /* FN: esl_quick_t (esl_quick.h) */
    bool plain;              /* CALL: the loop could copy its slots (esl_calls.c) */
    uint32_t offset;         /* of its row in the unit, for the verifier */
    const esl_arg_t *args;
    union {
        const char *signature;       /* ACT: of its row, set by the verifier */
        const struct esl_call *call; /* CALL: its last prepared form */
    };
} esl_site_t;
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
    bool gosubs;                     /* has GOSUB or RETSUB: its frames own a part of the return stack */
    uint16_t fills;                  /* registers that a plain CALL fills from the pattern, besides those of arguments, */
    const uint16_t *fresh;           /* and which; NULL: none was prepared */
} esl_procedure_t;

/* A plain CALL, prepared (esl_calls.c): all that the loop needs for it and for the way back. Operands b:c of the instruction are its
 * distance from the unit's first one in bytes, operand x is 1 and the number of ways back; x 0: it is no plain one. */
typedef struct esl_call {
    const esl_ins_t *code;
    struct { uint16_t procedure; uint8_t mode, handling; uint32_t guard; } frame; /* what the frame begins with; but for the procedure 0 */
    uint32_t shift, span;    /* bytes from the caller's first register to the procedure's first one, to behind its last one */
    esl_copy_t result;               /* the first way back */
    uint16_t fills;
    uint8_t ins, outs;
    const esl_copy_t *in, *out;      /* caller's register to procedure's; the way back */
    const uint16_t *fresh;           /* of the procedure; */
    const esl_slot_t *pattern;
} esl_call_t;
_Static_assert(sizeof(void *) == 4 || sizeof(esl_call_t) == 64, "one line of the cache");

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
    const esl_call_t *calls;         /* prepared, the first one; NULL: there is none */
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
