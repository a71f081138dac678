/* Fusing: a row of core/schema/fusions.py is an opcode for several instructions. Only the opcode of the first one changes; all operands
 * stay where they are, so whoever jumps to a later one finds it whole. Knows no opcode by itself but those of decisions by value. */
#include "esl_fuse.h"

#include "esl_calls.h"
#include "esl_quick.h"

#define MOST_PARTS 4         /* of a row */
#define MOST_CASES 256       /* tables of one unit: their number stands in operand x */
#define LEAST_DECISIONS 3    /* fewer are no slower one after the other */
#define MOST_DECISIONS 1024  /* of one table; what follows them stays as it is */

typedef struct {
    uint8_t number, parts[MOST_PARTS], landing;
    const char *where;
    bool only;               /* where the loader has looked further */
} row_t;

static const row_t rows[] = {
#define X(number, name, first, second, third, fourth, where, landing, only) {number, {first, second, third, fourth}, landing, where, only},
    HISEE_FUSIONS(X)
#undef X
};
#define ROWS (sizeof rows / sizeof *rows)

/* Opcodes that the loop does in the same way: on the left the one that stands for the others. */
static uint8_t standing(uint8_t op)
{
    switch (op) {
    case ESL_OP_LD_R: case ESL_OP_LD_M: case ESL_OP_LD_O: return ESL_OP_LD_I;
    case ESL_OP_ST_R: case ESL_OP_ST_M: case ESL_OP_ST_O: return ESL_OP_ST_I;
    case ESL_OP_MOV_B: case ESL_OP_MOV_R: case ESL_OP_MOV_M: case ESL_OP_MOV_O: return ESL_OP_MOV_I;
    case ESL_OP_LOADK_R: case ESL_OP_LOADK_M: return ESL_OP_LOADK_I;
    case ESL_OP_GLOAD_B: case ESL_OP_GLOAD_R: case ESL_OP_GLOAD_M: case ESL_OP_GLOAD_O: return ESL_OP_GLOAD_I;
    case ESL_OP_GSTORE_B: case ESL_OP_GSTORE_R: case ESL_OP_GSTORE_M: case ESL_OP_GSTORE_O: return ESL_OP_GSTORE_I;
    case ESL_OP_LT_M: return ESL_OP_LT_I;
    case ESL_OP_LE_M: return ESL_OP_LE_I;
    case ESL_OP_EQ_M: return ESL_OP_EQ_I;
    case ESL_OP_NE_M: return ESL_OP_NE_I;
    case ESL_OP_BR_LT_M: return ESL_OP_BR_LT_I;
    case ESL_OP_BR_LE_M: return ESL_OP_BR_LE_I;
    case ESL_OP_BR_EQ_M: return ESL_OP_BR_EQ_I;
    case ESL_OP_BR_NE_M: return ESL_OP_BR_NE_I;
    case ESL_OP_INVALID_M: return ESL_OP_INVALID_I;
    case ESL_OP_VALID_M: return ESL_OP_VALID_I;
    default: return op;
    }
}

static uint16_t operand(const esl_ins_t *ins, char name) { return name == 'a' ? ins->a : name == 'b' ? ins->b : ins->c; }

/* The tests of a row, one after the other: see the head of the table. */
static bool holds(const char *where, const esl_ins_t *at)
{
    for (; *where; where += *where == ' ') {
        uint16_t value = operand(&at[where[0] - '0'], where[1]);
        char test = where[2];
        bool other = where[3] >= '0' && where[3] <= '9';
        uint16_t wanted = other ? operand(&at[where[3] - '0'], where[4]) : 0;
        if (test == 'L' ? (value & ESL_GLOBAL) != 0 : test == '!' ? value == wanted : value != wanted) return false;
        where += other ? 5 : 3;
    }
    return true;
}

/* Of the jump that a row with a landing ends in. */
static int32_t distance(const esl_ins_t *ins) { return ins->op == ESL_OP_BR_FALSE ? (int16_t)ins->c : esl_ins_bc(ins); }

static bool fits(const row_t *row, const esl_procedure_t *p, uint32_t pc)
{
    const esl_ins_t *at = &p->code[pc];
    uint32_t last = 0;
    for (uint32_t i = 0; i < MOST_PARTS && row->parts[i]; last = i++)
        if (pc + i >= p->length || at[i].op != row->parts[i]) return false;
    if (row->landing && p->code[(int64_t)(pc + last) + distance(&at[last])].op != row->landing) return false;
    return holds(row->where, at);
}

/* Two instructions are not made one where three that begin with the second can be. */
static bool better_behind(const row_t *row, const esl_procedure_t *p, uint32_t pc)
{
    if (row->parts[2] || !row->parts[1] || pc + 1 >= p->length) return false;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].parts[2] && rows[i].parts[0] == p->code[pc + 1].op && fits(&rows[i], p, pc + 1)) return true;
    return false;
}

/* decisions by the value of one INT */

static bool same_decision(const esl_ins_t *head, const esl_ins_t *ins) { return ins->op == ESL_OP_BRI_NE_I && ins->a == head->a; }

typedef struct { int64_t low, high; uint32_t decisions, otherwise; } chain_t;

/* The decisions from pc on, each where the one before leads when it is not met. */
static chain_t chain_at(const esl_procedure_t *p, uint32_t pc)
{
    const esl_ins_t *head = &p->code[pc];
    chain_t chain = {INT16_MAX, INT16_MIN, 0, pc};
    while (chain.decisions < MOST_DECISIONS && same_decision(head, &p->code[chain.otherwise])) {
        const esl_ins_t *ins = &p->code[chain.otherwise];
        int64_t value = (int16_t)ins->b;
        chain.low = value < chain.low ? value : chain.low;
        chain.high = value > chain.high ? value : chain.high;
        chain.decisions++;
        chain.otherwise += ins->c;
    }
    return chain;
}

static bool worth_a_table(const chain_t *chain)
{
    return chain->decisions >= LEAST_DECISIONS && chain->high - chain->low < 4 * (int64_t)chain->decisions + 8;
}

/* Of two decisions by the same value the first one holds, so the table is filled from the last one back: in chain order, once each. */
static void fill_table(const esl_procedure_t *p, uint32_t pc, const chain_t *chain, int32_t *distance)
{
    uint32_t places = (uint32_t)(chain->high - chain->low + 1);
    for (uint32_t i = 0; i <= places; i++) distance[i] = 0;
    for (uint32_t at = pc; at != chain->otherwise; at += p->code[at].c) {
        int32_t *place = &distance[(int16_t)p->code[at].b - chain->low];
        if (!*place) *place = (int32_t)(at + 1 - pc);
    }
    for (uint32_t i = 0; i <= places; i++)
        if (!distance[i]) distance[i] = (int32_t)(chain->otherwise - pc);
}

static void make_case(esl_unit_t *unit, const esl_procedure_t *p, uint32_t pc, uint32_t *count)
{
    if (*count == MOST_CASES) return;
    chain_t chain = chain_at(p, pc);
    if (!worth_a_table(&chain)) return;
    uint32_t places = (uint32_t)(chain.high - chain.low + 1);
    int32_t *distance = esl_unit_room(unit, places + 1, sizeof *distance);
    if (!unit->cases) unit->cases = esl_unit_room(unit, MOST_CASES, sizeof *unit->cases);
    if (!distance || !unit->cases) return;
    fill_table(p, pc, &chain, distance);
    ((esl_case_t *)unit->cases)[*count] = (esl_case_t){chain.low, places, distance};
    esl_ins_t *ins = (esl_ins_t *)&p->code[pc];
    ins->op = ESL_FUSED_BR_CASE, ins->x = (uint8_t)(*count)++;
}

/* Is it a decision that the one before it leads to? Then its table would begin in the middle. */
static bool follows_decision(const esl_procedure_t *p, uint32_t pc)
{
    for (uint32_t back = 1; back <= pc && back < 64; back++) {
        const esl_ins_t *ins = &p->code[pc - back];
        if ((ins->op == ESL_OP_BRI_NE_I || ins->op == ESL_FUSED_BR_CASE) && ins->a == p->code[pc].a && ins->c == back) return true;
    }
    return false;
}

static void fuse_procedure(esl_unit_t *unit, const esl_procedure_t *p, const uint8_t *first_row, uint32_t *cases)
{
    for (uint32_t pc = 0; pc < p->length; pc++) { /* forward: what stands behind pc is still as the unit has it */
        esl_ins_t *ins = (esl_ins_t *)&p->code[pc];
        if (ins->op == ESL_OP_BRI_NE_I && !follows_decision(p, pc)) make_case(unit, p, pc, cases);
        if (ins->op == ESL_OP_FN && unit->site[ins->a].quick) ins->op = ESL_FUSED_FN_QUICK;
        for (uint8_t row = first_row[ins->op]; row < ROWS; row++) {
            if (rows[row].parts[0] != ins->op || rows[row].only || !fits(&rows[row], p, pc)) continue;
            if (!better_behind(&rows[row], p, pc)) ins->op = rows[row].number;
            break;
        }
    }
}

static void use_standing(const esl_unit_t *unit)
{
    for (uint32_t i = 0; i < unit->procedures; i++) {
        const esl_procedure_t *p = &unit->procedure[i];
        for (uint32_t pc = 0; pc < p->length; pc++) ((esl_ins_t *)&p->code[pc])->op = standing(p->code[pc].op);
    }
}

void esl_unit_fuse(esl_unit_t *unit, bool fused)
{
    uint8_t first_row[256];
    uint32_t cases = 0;
    use_standing(unit); /* first: the numbers that it frees are used from here on */
    if (!fused) return;
    esl_unit_prepare_calls(unit);
    for (uint32_t i = 0; i < unit->sites; i++) unit->site[i].quick = (uint8_t)esl_quick_of(&unit->site[i]);
    memset(first_row, ROWS, sizeof first_row);
    for (size_t row = ROWS; row-- > 0;) first_row[rows[row].parts[0]] = (uint8_t)row;
    for (uint32_t i = 0; i < unit->procedures; i++) fuse_procedure(unit, &unit->procedure[i], first_row, &cases);
}
