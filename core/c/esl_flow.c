/* Backward data flow over sets of registers, by the operand signatures of core/schema/opcodes.py. */
#include "esl_flow.h"

#define MOST_PASSES 16             /* one for each loop inside another, and two */

typedef struct { const char *a, *b, *c; } row_t;

static const row_t rows[256] = {
#define X(number, name, x, a, b, c, raises) [number] = {a, b, c},
    HISEE_OPCODES(X)
#undef X
};

bool esl_flow_follows(const esl_unit_t *unit, const esl_procedure_t *p)
{
    if (p == unit->procedure || p->registers > ESL_FLOW_REGISTERS || p->length > ESL_FLOW_LENGTH || p->gosubs) return false;
    for (uint32_t pc = 0; pc < p->length; pc++) {
        uint8_t op = p->code[pc].op;
        if (op == ESL_OP_ON_ERR || op == ESL_OP_GUARD || op == ESL_OP_RETRY || op == ESL_OP_RESUME) return false;
    }
    return true;
}

/* effects */

static esl_regs_t bit(uint16_t reg) { return reg < ESL_FLOW_REGISTERS ? UINT64_C(1) << reg : 0; } /* 0: a record among the globals */

static void read_register(esl_effect_t *effect, uint16_t reg, bool pair)
{
    effect->reads |= bit(reg) | (pair ? bit((uint16_t)(reg + 1)) : 0);
}

static void operand(esl_effect_t *effect, const char *signature, uint16_t value)
{
    switch (*signature) {
    case '=': /* of a pair, and where the type depends on a column: not counted as written */
        if (signature[1] != 'A' && signature[1] != '*') effect->writes |= bit(value);
        break;
    case 'A': case '*': read_register(effect, value, true); break;
    case '+': case 'B': case 'I': case 'R': case 'M': case 'T': case 'C': case 'O': read_register(effect, value, false); break;
    default: break; /* words in small letters name no register */
    }
}

/* Arguments of a function or an action. What an action's answer leaves alone keeps its value: as good as read. */
static void arguments(esl_effect_t *effect, const esl_site_t *site)
{
    for (uint16_t i = 0; i < site->argc; i++) {
        const esl_arg_t *arg = &site->args[i];
        if (site->kind == ESL_SITE_FN && arg->mode == ESL_OUT && arg->type != ESL_T_ANY) effect->writes |= bit(arg->reg);
        else read_register(effect, arg->reg, arg->type == ESL_T_ANY);
    }
}

/* The end of a procedure hands back what is not IN. */
static void results(esl_effect_t *effect, const esl_procedure_t *p)
{
    for (uint16_t i = 0; i < p->params; i++)
        if (p->param[i].mode != ESL_IN) read_register(effect, p->param[i].reg, p->param[i].type == ESL_T_ANY);
}

esl_effect_t esl_flow_effect(const esl_unit_t *unit, const esl_procedure_t *p, uint32_t pc)
{
    const esl_ins_t *ins = &p->code[pc];
    esl_effect_t effect = {0, 0};
    switch (ins->op) {
    case ESL_OP_FN: case ESL_OP_ACT: arguments(&effect, &unit->site[ins->a]); break;
    case ESL_OP_RET: case ESL_OP_END: results(&effect, p); break;
    case ESL_OP_EXT: effect.reads = bit(ins->a) | bit(ins->b); break; /* of some these are registers */
    default:
        operand(&effect, rows[ins->op].a, ins->a);
        operand(&effect, rows[ins->op].b, ins->b);
        operand(&effect, rows[ins->op].c, ins->c);
        break;
    }
    return effect;
}

/* flow */

static bool never_next(const esl_ins_t *ins)
{
    switch (ins->op) {
    case ESL_OP_RET: case ESL_OP_END: case ESL_OP_JUMP: case ESL_OP_LOOP: case ESL_OP_RAISE: case ESL_OP_RAISE_T: case ESL_OP_RAISE_NR:
    case ESL_OP_RERAISE: return true;
    default: return false;
    }
}

/* Distance of a jump; 0: it is none. */
static int32_t distance(const esl_ins_t *ins)
{
    const row_t *row = &rows[ins->op];
    if (row->c[0] == 'j' || row->c[0] == 'l') return (int16_t)ins->c;
    return row->b[0] == 'j' || row->b[0] == 'l' ? esl_ins_bc(ins) : 0;
}

static esl_regs_t behind(const esl_procedure_t *p, const esl_regs_t *live, uint32_t pc)
{
    const esl_ins_t *ins = &p->code[pc];
    int32_t jump = distance(ins);
    return (jump ? live[(int64_t)pc + jump] : 0) | (never_next(ins) ? 0 : live[pc + 1]);
}

bool esl_flow_live(const esl_procedure_t *p, const esl_effect_t *effects, esl_regs_t *live)
{
    bool settled = false;
    memset(live, 0, p->length * sizeof *live);
    for (unsigned pass = 0; pass < MOST_PASSES && !settled; pass++) {
        settled = true;
        for (uint32_t pc = p->length; pc-- > 0;) {
            esl_regs_t now = effects[pc].reads | (behind(p, live, pc) & ~effects[pc].writes);
            settled &= now == live[pc];
            live[pc] = now;
        }
    }
    return settled;
}
