/* Plain calls: all arguments are of one slot without a reference, of the parameter's type.
 *
 * A frame of such a call may lie over the end of the caller's, from a register on that the caller does not read again before it writes it:
 * then arguments stand where parameters are expected, and are not copied. What the procedure does not read before it writes it is not
 * filled. Both are proved from the code (esl_flow.h); where they cannot be, the frame begins behind the caller's and is filled. */
#include "esl_calls.h"

#include <stdlib.h>

#include "esl_flow.h"

#define ROUNDS 3               /* through all procedures: what a call reads depends on what the procedure reads. Right after each of them */
#define MOST_PLACES 8          /* arguments of a call whose frame may lie over the caller's */
#define MOST_RESULTS 254       /* operand x holds their number and one */

typedef struct {
    esl_unit_t *unit;
    esl_regs_t *entry;         /* by procedure: what may be read before it is written; all: it is not followed */
    esl_effect_t *sites;       /* by site: what a CALL reads and writes */
    bool ends;                 /* there is an END: it can hand back parameters of the first frame in the middle of a call */
    uint32_t longest;          /* instructions of a procedure */
    esl_effect_t *effects;     /* of one procedure, by instruction */
    esl_regs_t *live;
    esl_regs_t fixed;          /* of one procedure: what no frame may lie over, wherever the CALL stands */
    esl_call_t *next;          /* free place in unit->calls */
} calls_t;

static bool one_slot(unsigned type) { return (type >= ESL_T_BOOL && type <= ESL_T_TIME) || type == ESL_T_OBJECT; }

static esl_regs_t bit(uint16_t reg) { return reg < ESL_FLOW_REGISTERS ? UINT64_C(1) << reg : ESL_REGS_ALL; }

static const esl_procedure_t *callee_of(const calls_t *c, const esl_site_t *site) { return &c->unit->procedure[site->number]; }

static bool plain_arguments(const esl_site_t *site, const esl_procedure_t *callee)
{
    for (uint16_t i = 0; i < site->argc; i++)
        if (site->args[i].type != callee->param[i].type || !one_slot(site->args[i].type)) return false;
    return true;
}

static bool is_plain(const calls_t *c, const esl_site_t *site)
{
    const esl_procedure_t *callee = callee_of(c, site);
    return !callee->owned_count && !callee->gosubs && site->argc <= MOST_RESULTS && plain_arguments(site, callee);
}

/* Does a parameter's value from outside count? */
static bool goes_in(const calls_t *c, const esl_site_t *site, uint16_t i)
{
    const esl_param_t *param = &callee_of(c, site)->param[i];
    return param->mode != ESL_OUT && (!site->plain || c->entry[site->number] & bit(param->reg));
}

/* what is read before it is written */

static esl_effect_t site_effect(const calls_t *c, const esl_site_t *site)
{
    esl_effect_t effect = {0, 0};
    for (uint16_t i = 0; i < site->argc; i++) {
        const esl_arg_t *arg = &site->args[i];
        bool pair = arg->type == ESL_T_ANY, small = arg->reg < ESL_FLOW_REGISTERS;
        if (goes_in(c, site, i)) effect.reads |= bit(arg->reg) | (pair ? bit((uint16_t)(arg->reg + 1)) : 0);
        if (arg->mode != ESL_IN && !pair && small) effect.writes |= bit(arg->reg);
    }
    return effect;
}

static void find_effects(calls_t *c)
{
    for (uint32_t i = 0; i < c->unit->sites; i++)
        if (c->unit->site[i].kind == ESL_SITE_CALL) c->sites[i] = site_effect(c, &c->unit->site[i]);
}

/* Registers that the one who began the request gets, should this be its frame and a procedure below it END. */
static esl_regs_t handed_back(const calls_t *c, const esl_procedure_t *p)
{
    esl_regs_t found = 0;
    for (uint16_t i = 0; i < p->params && c->ends; i++)
        if (p->param[i].mode != ESL_IN) found |= bit(p->param[i].reg);
    return found;
}

/* Fills c->live for the procedure, as far as the others are known by now. */
static bool follow(calls_t *c, const esl_procedure_t *p)
{
    esl_regs_t back = handed_back(c, p);
    for (uint32_t pc = 0; pc < p->length; pc++) {
        bool call = p->code[pc].op == ESL_OP_CALL;
        c->effects[pc] = call ? c->sites[p->code[pc].a] : esl_flow_effect(c->unit, p, pc);
        if (call) c->effects[pc].reads |= back;
    }
    return esl_flow_live(p, c->effects, c->live);
}

static void find_entries(calls_t *c)
{
    bool changed = true;
    for (unsigned round = 0; round < ROUNDS && changed; round++) {
        changed = false;
        find_effects(c);
        for (uint32_t i = 0; i < c->unit->procedures; i++) {
            const esl_procedure_t *p = &c->unit->procedure[i];
            if (!esl_flow_follows(c->unit, p) || !follow(c, p)) continue;
            changed |= c->entry[i] != c->live[0];
            c->entry[i] = c->live[0];
        }
    }
    find_effects(c);
}

/* where the frame begins */

static esl_regs_t fixed_registers(const calls_t *c, const esl_procedure_t *p)
{
    esl_regs_t found = handed_back(c, p);
    for (uint16_t i = 0; i < p->registers; i++)
        if (!one_slot(p->reg[i].type)) found |= bit(i);
    return found;
}

/* Copies that are left when the frame begins at the caller's register `first`; -1: it cannot. */
static int copies_at(const calls_t *c, const esl_site_t *site, int first, esl_regs_t keep)
{
    const esl_procedure_t *callee = callee_of(c, site);
    int copies = 0;
    if (keep >> first) return -1;
    for (uint16_t i = 0; i < site->argc; i++) {
        const esl_arg_t *arg = &site->args[i];
        int place = first + callee->param[i].reg;
        if (place == arg->reg) continue;
        if (arg->mode != ESL_IN && arg->reg >= first) return -1; /* its place is the new frame's */
        for (uint16_t k = 0; k < site->argc; k++)
            if (site->args[k].reg == place) return -1;           /* what is still to be read would be written over */
        copies += goes_in(c, site, i) + (arg->mode != ESL_IN);
    }
    return copies;
}

static int frame_begin(const calls_t *c, const esl_procedure_t *p, uint32_t pc)
{
    const esl_site_t *site = &c->unit->site[p->code[pc].a];
    const esl_procedure_t *callee = callee_of(c, site);
    int best = p->registers, fewest = MOST_RESULTS;
    esl_regs_t keep = c->fixed | (c->live[pc + 1] & ~c->effects[pc].writes);
    for (uint16_t i = 0; i < site->argc; i++) {
        int first = site->args[i].reg - callee->param[i].reg;
        int copies = first < 0 || first >= p->registers ? -1 : copies_at(c, site, first, keep);
        if (copies >= 0 && copies < fewest) best = first, fewest = copies;
    }
    return best;
}

/* what the loop gets */

/* The procedure's registers that are filled although no argument goes in there. false: no memory. */
static bool list_fresh(calls_t *c, uint32_t index)
{
    esl_procedure_t *p = (esl_procedure_t *)&c->unit->procedure[index];
    uint8_t *given = calloc(p->registers + 1u, 1);
    uint16_t *list = esl_unit_room(c->unit, p->registers, sizeof *list);
    for (uint16_t i = 0; given && i < p->params; i++) given[p->param[i].reg] |= p->param[i].mode != ESL_OUT;
    p->fills = 0;
    for (uint16_t reg = 0; given && list && reg < p->registers; reg++)
        if (!given[reg] && (c->entry[index] & bit(reg))) list[p->fills++] = reg;
    free(given);
    p->fresh = given ? list : NULL;
    return p->fresh != NULL;
}

/* false: no memory. */
static bool fill(calls_t *c, esl_call_t *made, const esl_site_t *site, int first)
{
    const esl_procedure_t *callee = callee_of(c, site);
    esl_copy_t *in = esl_unit_room(c->unit, 2u * site->argc + 1, sizeof *in), *out = in + site->argc;
    if (!in || !(callee->fresh || list_fresh(c, site->number))) return false;
    for (uint16_t i = 0; i < site->argc; i++) {
        const esl_arg_t *arg = &site->args[i];
        uint16_t reg = callee->param[i].reg;
        if (first + reg == arg->reg) continue;
        if (goes_in(c, site, i)) in[made->ins++] = (esl_copy_t){arg->reg, reg};
        if (arg->mode != ESL_IN) out[made->outs++] = (esl_copy_t){reg, arg->reg};
    }
    made->in = in, made->out = out, made->result = out[0];
    made->fresh = callee->fresh, made->fills = callee->fills;
    made->pattern = callee->pattern, made->code = callee->code;
    made->shift = (uint32_t)first * (uint32_t)sizeof(esl_slot_t);
    made->span = made->shift + callee->registers * (uint32_t)sizeof(esl_slot_t);
    made->frame.procedure = site->number;
    return true;
}

/* The prepared form of a site for a frame that begins at the caller's register `first`; NULL: there is none. The compiler makes one site for
 * each CALL; of several CALLs of one site, only those that agree are prepared. */
static const esl_call_t *made_for(calls_t *c, esl_site_t *site, int first)
{
    if (site->call) return site->call->shift == (uint32_t)first * sizeof(esl_slot_t) ? site->call : NULL;
    if (fill(c, c->next, site, first)) return site->call = c->next++;
    *c->next = (esl_call_t){0};
    return NULL;
}

static void prepare(calls_t *c, const esl_procedure_t *p, uint32_t pc, bool followed)
{
    esl_ins_t *ins = (esl_ins_t *)&p->code[pc];
    esl_site_t *site = &c->unit->site[ins->a];
    if (!site->plain) return;
    bool over = followed && site->argc <= MOST_PLACES && p->registers < ESL_FLOW_REGISTERS;
    const esl_call_t *made = made_for(c, site, over ? frame_begin(c, p, pc) : p->registers);
    if (!made) return;
    uint32_t place = (uint32_t)((const char *)made - (const char *)c->unit->calls);
    ins->x = (uint8_t)(1 + made->outs), ins->b = (uint16_t)place, ins->c = (uint16_t)(place >> 16);
    ins->op = made->ins || made->fills ? ESL_FUSED_CALL_FILL : ESL_FUSED_CALL_OVER;
}

static void prepare_procedure(calls_t *c, uint32_t index)
{
    const esl_procedure_t *p = &c->unit->procedure[index];
    bool followed = esl_flow_follows(c->unit, p) && follow(c, p);
    c->fixed = followed ? fixed_registers(c, p) : 0;
    for (uint32_t pc = 0; pc < p->length; pc++)
        if (p->code[pc].op == ESL_OP_CALL) prepare(c, p, pc, followed);
}

/* How many CALLs are worth preparing, at most. */
static uint32_t look_over(calls_t *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->unit->procedures; i++) {
        const esl_procedure_t *p = &c->unit->procedure[i];
        if (p->length > c->longest && p->length <= ESL_FLOW_LENGTH) c->longest = p->length;
        for (uint32_t pc = 0; pc < p->length; pc++) {
            count += p->code[pc].op == ESL_OP_CALL;
            c->ends |= i && p->code[pc].op == ESL_OP_END; /* that of the init part runs in its own frame */
        }
    }
    return count < c->unit->sites ? count : c->unit->sites;
}

static void look_at_sites(calls_t *c)
{
    for (uint32_t i = 0; i < c->unit->sites; i++) {
        esl_site_t *site = &c->unit->site[i];
        if (site->kind == ESL_SITE_CALL) site->plain = is_plain(c, site);
    }
}

static bool take_room(calls_t *c, uint32_t count)
{
    c->next = esl_unit_room(c->unit, count, sizeof *c->next);
    c->entry = malloc(c->unit->procedures * sizeof *c->entry);
    c->sites = malloc(c->unit->sites * sizeof *c->sites);
    c->effects = malloc(c->longest * sizeof *c->effects);
    c->live = malloc(c->longest * sizeof *c->live);
    return c->next && c->entry && c->sites && c->effects && c->live;
}

void esl_unit_prepare_calls(esl_unit_t *unit)
{
    calls_t c = {.unit = unit};
    uint32_t count = look_over(&c);
    if (!count) return;
    if (take_room(&c, count)) {
        unit->calls = c.next;
        look_at_sites(&c);
        memset(c.entry, 0xff, unit->procedures * sizeof *c.entry);
        find_entries(&c);
        for (uint32_t i = 0; i < unit->procedures; i++) prepare_procedure(&c, i);
    }
    free(c.entry), free(c.sites), free(c.effects), free(c.live);
}
