/* Structural verifier. Reads the operand signatures of core/schema/opcodes.py; knows no opcode by itself but the few
 * whose operands depend on each other. */
#include "esl_verify.h"

#include <stdarg.h>
#include <stdio.h>

#include "gen/actions.h"
#include "gen/functions.h"
#include "gen/limits.h"
#include "gen/picture_functions.h"

enum {
#define X(number, name, value) LIMIT_##name = value,
    HISEE_LIMITS(X)
#undef X
};

typedef struct {
    const char *name, *x, *a, *b, *c;
} row_t;

static const row_t rows[256] = {
#define X(number, name, x, a, b, c, raises) [number] = {#name, x, a, b, c},
    HISEE_OPCODES(X)
#undef X
};

typedef struct {
    const esl_unit_t *unit;
    const esl_procedure_t *p;
    esl_refusal_t *refusal;
    size_t offset;      /* of what is being looked at */
    uint32_t pc;
} verifier_t;

static bool refuse(verifier_t *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(v->refusal->text, sizeof v->refusal->text, format, args);
    va_end(args);
    v->refusal->offset = v->offset;
    return false;
}

/* Ends a function that answers whether all is well. */
#define RETURN_WHETHER(condition, ...)            \
    do {                                          \
        if (condition) return true;               \
        return refuse(v, __VA_ARGS__);            \
    } while (0)

static bool simple(unsigned type) { return type >= ESL_T_BOOL && type <= ESL_T_TEXT; }
static bool simple_or_any(unsigned type) { return simple(type) || type == ESL_T_ANY; }

static unsigned type_of_letter(char letter)
{
    static const char letters[] = "BIRMTCOA"; /* core/schema/opcodes.py has no other ones */
    return (unsigned)(strchr(letters, letter) - letters) + 1;
}

/* registers */

/* The register an operand names, bit 15 of record operands included; NULL when there is none. */
static const esl_register_t *reg_at(const verifier_t *v, uint16_t operand, bool record)
{
    const esl_procedure_t *p = v->p;
    if (record && operand & ESL_GLOBAL) {
        p = &v->unit->procedure[0];
        operand &= (uint16_t)~ESL_GLOBAL;
    }
    return operand < p->registers ? &p->reg[operand] : NULL;
}

static bool check_register(verifier_t *v, uint16_t operand, unsigned type, const char *field)
{
    const esl_register_t *reg = reg_at(v, operand, type == ESL_T_RECORD);
    if (!reg) return refuse(v, "%s: register %u of operand %s does not exist", rows[v->p->code[v->pc].op].name, operand, field);
    if (reg->type != type) {
        return refuse(v, "%s: register %u of operand %s has type %u, needed is %u", rows[v->p->code[v->pc].op].name,
                      operand & 0x7fffu, field, reg->type, type);
    }
    return true;
}

/* Structure of a record operand that is known to be one: operands are checked before what depends on them. */
static const esl_struct_t *structure_at(const verifier_t *v, uint16_t operand)
{
    return &v->unit->structure[reg_at(v, operand, true)->structure];
}

/* Does a record of structure `a` go where one of `b` is expected? Number 0 is a RECORD declared without a structure: looked at when it runs. */
static bool pairs(const esl_struct_t *a, const esl_struct_t *b) { return a == b || (a && b && !(a->hbj && b->hbj)); }

static bool same_structure(verifier_t *v, uint16_t a, uint16_t b)
{
    RETURN_WHETHER(structure_at(v, a) == structure_at(v, b), "%s: records of different structures", rows[v->p->code[v->pc].op].name);
}

/* sites */

static bool convertible(unsigned from, unsigned to) { return simple_or_any(from) && simple_or_any(to); }

/* A site's argument against the register it names in the procedure that uses the site. */
static bool check_argument(verifier_t *v, const esl_arg_t *arg, const char *field)
{
    return check_register(v, arg->reg, arg->type, field);
}

static bool check_call(verifier_t *v, const esl_site_t *site)
{
    const esl_procedure_t *callee = &v->unit->procedure[site->number];
    for (uint16_t i = 0; i < site->argc; i++) {
        const esl_arg_t *arg = &site->args[i];
        const esl_param_t *param = &callee->param[i];
        if (!check_argument(v, arg, "site")) return false;
        if (arg->type == ESL_T_RECORD && param->type == ESL_T_RECORD) {
            if (!pairs(structure_at(v, arg->reg), &v->unit->structure[callee->reg[param->reg].structure]))
                return refuse(v, "CALL: argument %u is a record of another structure", i + 1u);
        } else if (arg->type != param->type && !convertible(arg->type, param->type)) {
            return refuse(v, "CALL: argument %u of type %u for a parameter of type %u", i + 1u, arg->type, param->type);
        }
    }
    return true;
}

static bool check_site_use(verifier_t *v, uint16_t index, esl_site_kind_t kind)
{
    if (index >= v->unit->sites) return refuse(v, "site %u does not exist", index);
    const esl_site_t *site = &v->unit->site[index];
    if (site->kind != kind) return refuse(v, "site %u is of another kind", index);
    if (kind == ESL_SITE_CALL) return check_call(v, site);
    for (uint16_t i = 0; i < site->argc; i++)
        if (!check_argument(v, &site->args[i], "site")) return false;
    return true;
}

/* operands */

static bool check_constant(verifier_t *v, uint32_t index, unsigned type)
{
    if (index >= v->unit->constants) return refuse(v, "constant %u does not exist", index);
    RETURN_WHETHER(v->unit->constant[index].type == type, "constant %u has type %u, needed is %u", index, v->unit->constant[index].type, type);
}

static bool check_target(verifier_t *v, int64_t target)
{
    if (target < 0 || target >= v->p->length) return refuse(v, "a jump leaves the procedure");
    RETURN_WHETHER(v->p->code[target].op != ESL_OP_EXT, "a jump into the operands of an instruction");
}

static bool check_jump(verifier_t *v, const char *kind, int32_t distance)
{
    if (!strncmp(kind, "jump", 4) && distance <= 0) return refuse(v, "a jump backwards that is not charged");
    if (!strcmp(kind, "loop16") && distance > 0) return refuse(v, "a loop that goes forward");
    return check_target(v, (int64_t)v->pc + distance);
}

static bool check_column(verifier_t *v, uint32_t column, unsigned type)
{
    const esl_ins_t *ins = &v->p->code[v->pc];
    bool store = rows[ins->op].a[0] == '+'; /* the record: at a when something is stored, at b when it is loaded */
    const esl_struct_t *s = structure_at(v, store ? ins->a : ins->b);
    if (column >= s->columns) return refuse(v, "column %u does not exist", column);
    RETURN_WHETHER(s->types[column] == type, "column %u has type %u, needed is %u", column, s->types[column], type);
}

static bool check_wide(verifier_t *v)
{
    const esl_ins_t *ins = &v->p->code[v->pc];
    const esl_ins_t *ext = v->pc + 1 < v->p->length ? ins + 1 : NULL;
    if (!ext || ext->op != ESL_OP_EXT) return refuse(v, "%s without its operands", rows[ins->op].name);
    if (ins->op == ESL_OP_LDW || ins->op == ESL_OP_STW) {
        uint16_t value = ins->op == ESL_OP_LDW ? ins->a : ins->c;
        if (value >= v->p->registers) return refuse(v, "register %u does not exist", value);
        return check_column(v, ext->a, v->p->reg[value].type);
    }
    if (ins->op == ESL_OP_INSERT_ROWS) return check_register(v, ext->a, ESL_T_INT, "EXT.a") && check_register(v, ext->b, ESL_T_INT, "EXT.b");
    return true; /* ITEMW: any column, looked at at run time */
}

static bool check_x(verifier_t *v, const char *sig, uint8_t x)
{
    const char *name = rows[v->p->code[v->pc].op].name;
    if (!*sig) RETURN_WHETHER(!x, "%s: operand x must be 0", name);
    if (!strncmp(sig, "column:", 7)) return check_column(v, x, type_of_letter(sig[7]));
    if (!strcmp(sig, "ext")) return check_wide(v);
    unsigned least = !strcmp(sig, "reason") || !strcmp(sig, "error"), most = 255;
    if (!strcmp(sig, "reason")) most = 15;
    else if (!strcmp(sig, "mode")) most = 3;
    else if (!strcmp(sig, "arith") || !strcmp(sig, "cmp")) most = 5;
    else if (!strcmp(sig, "error")) most = HISEE_ERRORS_COUNT - 1;
    RETURN_WHETHER(x >= least && x <= most, "%s: operand x is %u, allowed is %u to %u", name, x, least, most);
}

static bool check_half(verifier_t *v, const char *sig, uint16_t value, const char *field)
{
    const esl_unit_t *u = v->unit;
    const char *name = rows[v->p->code[v->pc].op].name;
    if (!*sig) RETURN_WHETHER(!value, "%s: operand %s must be 0", name, field);
    if (!strncmp(sig, "imm", 3) || *sig == '*' || !strcmp(sig, "=*")) return true;
    if (!strncmp(sig, "const16:", 8)) return check_constant(v, value, type_of_letter(sig[8]));
    if (!strncmp(sig, "jump16", 6) || !strncmp(sig, "loop16", 6)) return check_jump(v, sig, (int16_t)value);
    if (!strcmp(sig, "site:CALL")) return check_site_use(v, value, ESL_SITE_CALL);
    if (!strcmp(sig, "site:FN")) return check_site_use(v, value, ESL_SITE_FN);
    if (!strcmp(sig, "site:ACT")) return check_site_use(v, value, ESL_SITE_ACT);
    if (!strcmp(sig, "object")) RETURN_WHETHER(value < u->objects, "object %u does not exist", value);
    if (!strncmp(sig, "variable:", 9)) {
        RETURN_WHETHER(value < u->variables && u->variable[value].type == type_of_letter(sig[9]),
                       "%s: picture variable %u does not exist or has another type", name, value);
    }
    if (!strncmp(sig, "global:", 7)) {
        const esl_procedure_t *init = &u->procedure[0];
        RETURN_WHETHER(value < init->registers && init->reg[value].type == type_of_letter(sig[7]),
                       "%s: global %u does not exist or has another type", name, value);
    }
    return check_register(v, value, type_of_letter(sig[*sig == '=' || *sig == '+']), field);
}

/* An operand in b:c; false in *known when the signature is none of these. */
static bool check_word(verifier_t *v, const char *sig, int32_t value, bool *known)
{
    *known = true;
    if (!strcmp(sig, "imm32")) return true;
    if (!strncmp(sig, "const32:", 8)) return check_constant(v, (uint32_t)value, type_of_letter(sig[8]));
    if (!strcmp(sig, "jump32") || !strcmp(sig, "loop32")) return check_jump(v, sig, value);
    if (!strcmp(sig, "label32")) {
        if (v->p->code[v->pc].x != 3) RETURN_WHETHER(!value, "ON_ERR without a label has a distance");
        return check_target(v, (int64_t)v->pc + value);
    }
    *known = false;
    return true;
}

static bool check_pairs(verifier_t *v, const esl_ins_t *ins)
{
    if (ins->op == ESL_OP_MOV_C || ins->op == ESL_OP_ROW_GET || ins->op == ESL_OP_LDI_ROW) return same_structure(v, ins->a, ins->b);
    RETURN_WHETHER(ins->op != ESL_OP_MODI_I || (int16_t)ins->c > 0, "MODI_I: the divisor must be above 0");
}

static bool check_instruction(verifier_t *v)
{
    const esl_ins_t *ins = &v->p->code[v->pc];
    const row_t *row = &rows[ins->op];
    bool word;
    if (!row->name) return refuse(v, "%u is no opcode", ins->op);
    if (ins->op == ESL_OP_EXT)
        RETURN_WHETHER(v->pc && !strcmp(rows[ins[-1].op].x, "ext"), "operands that belong to no instruction");
    if (!check_half(v, row->a, ins->a, "a")) return false;
    if (!check_word(v, row->b, esl_ins_bc(ins), &word)) return false;
    if (!word && !(check_half(v, row->b, ins->b, "b") && check_half(v, row->c, ins->c, "c"))) return false;
    return check_x(v, row->x, ins->x) && check_pairs(v, ins);
}

static bool ends(uint8_t op)
{
    switch (op) {
    case ESL_OP_RET: case ESL_OP_END: case ESL_OP_JUMP: case ESL_OP_LOOP: case ESL_OP_RAISE: case ESL_OP_RAISE_T:
    case ESL_OP_RAISE_NR: case ESL_OP_RERAISE: case ESL_OP_RETRY: case ESL_OP_RESUME: return true;
    default: return false;
    }
}

static bool check_code(verifier_t *v)
{
    for (v->pc = 0; v->pc < v->p->length; v->pc++) {
        v->offset = v->p->offset + 8 * (size_t)v->pc;
        if (!check_instruction(v)) return false;
    }
    RETURN_WHETHER(v->p->length && ends(v->p->code[v->p->length - 1].op), "the code of a procedure can run over its end");
}

static bool check_action_rows(verifier_t *v)
{
    for (uint32_t i = 0; i < v->p->actions; i++) {
        const esl_action_t *a = &v->p->action[i];
        v->offset = v->p->offset + 8 * (size_t)v->p->length + 16 * (size_t)i;
        if (i && a->first <= a[-1].first) return refuse(v, "the actions of a procedure are not in order");
        if (!check_target(v, a->first) || !check_target(v, a->start) || !check_target(v, a->next)) return false;
    }
    return true;
}

/* tables */

static bool check_registers(verifier_t *v)
{
    const esl_procedure_t *p = v->p;
    for (uint16_t i = 0; i < p->registers; i++) {
        uint8_t type = p->reg[i].type;
        bool upper = i && p->reg[i - 1].type == ESL_T_ANY;
        if (type < ESL_T_BOOL || type > ESL_T_UPPER) return refuse(v, "register %u has no known type", i);
        if ((type == ESL_T_UPPER) != upper) return refuse(v, "register %u is not a pair of registers", i);
        if ((type == ESL_T_RECORD) != (p->reg[i].structure != ESL_NO_STRUCTURE)) return refuse(v, "register %u: record without structure", i);
        if (type == ESL_T_RECORD && p->reg[i].structure >= v->unit->structures) return refuse(v, "register %u: unknown structure", i);
    }
    if (p->registers && p->reg[p->registers - 1].type == ESL_T_ANY) return refuse(v, "the last register is half a pair");
    return true;
}

static bool check_params(verifier_t *v)
{
    const esl_procedure_t *p = v->p;
    for (uint16_t i = 0; i < p->params; i++) {
        const esl_param_t *param = &p->param[i];
        if (param->mode > ESL_INOUT) return refuse(v, "parameter %u has no known mode", i + 1u);
        if (param->reg >= p->registers || p->reg[param->reg].type != param->type || param->type == ESL_T_UPPER)
            return refuse(v, "parameter %u does not fit its register", i + 1u);
    }
    return true;
}

static bool check_procedure(verifier_t *v, uint32_t index)
{
    v->p = &v->unit->procedure[index];
    v->offset = v->p->offset;
    if (v->p->kind >= ESL_KINDS) return refuse(v, "procedure %u has no known kind", index);
    if ((v->p->kind == ESL_INIT) != (index == 0)) return refuse(v, "the first procedure, and only that, is the init part");
    if (index == 0 && v->p->params) return refuse(v, "the init part has parameters");
    return check_registers(v) && check_params(v);
}

static bool check_constants(verifier_t *v)
{
    for (uint32_t i = 0; i < v->unit->constants; i++) {
        const esl_constant_t *k = &v->unit->constant[i];
        if (k->type < ESL_T_INT || k->type > ESL_T_TEXT) return refuse(v, "constant %u has no known type", i);
        if (k->type == ESL_T_TEXT && k->value.u >= v->unit->strings) return refuse(v, "constant %u is no text", i);
    }
    return true;
}

static bool check_structures(verifier_t *v)
{
    for (uint32_t i = 0; i < v->unit->structures; i++) {
        const esl_struct_t *s = &v->unit->structure[i];
        if (!s->columns != !s->hbj || s->columns > LIMIT_RECORD_COLUMNS) return refuse(v, "structure %u has %u columns", i, s->columns);
        for (uint16_t c = 0; c < s->columns; c++)
            if (!simple_or_any(s->types[c]) && s->types[c] != ESL_T_OBJECT) return refuse(v, "column %u of structure %u has no known type", c, i);
        for (uint32_t k = 0; k < i; k++) /* a decoder finds a structure by its number, and by whether it has columns of any type */
            if (v->unit->structure[k].hbj == s->hbj && esl_struct_boxed(&v->unit->structure[k]) == esl_struct_boxed(s)) return refuse(v, "structures %u and %u have one number", k, i);
    }
    return true;
}

static bool check_names(verifier_t *v)
{
    for (uint32_t i = 0; i < v->unit->objects; i++)
        if (!v->unit->object[i].hbj || v->unit->object[i].type < ESL_T_BOOL || v->unit->object[i].type > ESL_T_ANY)
            return refuse(v, "object %u has no number or no known type", i);
    for (uint32_t i = 0; i < v->unit->variables; i++)
        if (!v->unit->variable[i].number || !simple(v->unit->variable[i].type))
            return refuse(v, "picture variable %u has no number or no known type", i);
    return true;
}

static bool check_call_site(verifier_t *v, const esl_site_t *site)
{
    if (!site->number || site->number >= v->unit->procedures) return refuse(v, "CALL of procedure %u, which does not exist", site->number);
    const esl_procedure_t *callee = &v->unit->procedure[site->number];
    if (callee->params != site->argc) return refuse(v, "CALL with %u arguments for %u parameters", site->argc, callee->params);
    for (uint16_t i = 0; i < site->argc; i++)
        if (site->args[i].mode != ESL_IN && site->args[i].mode != callee->param[i].mode)
            return refuse(v, "CALL: argument %u has another direction than the parameter", i + 1u);
    return true;
}

typedef struct { uint16_t number; uint8_t least, most; const char *result, *letters; } function_t;

static const function_t *function_row(uint16_t number)
{
    static const function_t functions[] = {
#define X(number, name, c, letters, least, most, result, validity, base, per) {number, least, most, result, letters},
        HISEE_FUNCTIONS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (functions[i].number == number) return &functions[i];
    return NULL;
}

/* Is this argument the record of a column ("C")? Only the first one of a row can be. */
static bool wants_record(const function_t *f, uint16_t i) { return i == 0 && *f->letters == 'C'; }

static bool fn_argument_fits(const function_t *f, uint16_t i, unsigned type)
{
    return wants_record(f, i) ? type == ESL_T_RECORD : simple_or_any(type);
}

static bool check_fn_site(verifier_t *v, const esl_site_t *site)
{
    const function_t *f = function_row(site->number);
    if (!f) return refuse(v, "function %u does not exist", site->number);
    uint16_t given = site->argc;
    if (given && site->args[given - 1].mode == ESL_OUT) {
        given--;
        if (*f->result == '-') return refuse(v, "function %u has no result", site->number);
    }
    if (given < f->least || given > f->most) return refuse(v, "function %u with %u arguments", site->number, given);
    for (uint16_t i = 0; i < site->argc; i++) {
        if (!fn_argument_fits(f, i, site->args[i].type)) return refuse(v, "function %u: argument %u of type %u", site->number, i + 1u, site->args[i].type);
        if (i < given && site->args[i].mode != ESL_IN) return refuse(v, "function %u: argument %u is not IN", site->number, i + 1u);
    }
    return true;
}

typedef struct { uint16_t number; const char *waits, *signature; } action_row_t;

static const action_row_t *action_row(uint16_t number)
{
    static const action_row_t actions[] = {
#define X(number, name, waits, signature) {number, waits, signature},
        HISEE_ACTIONS(X)
        HISEE_PICTURE_FUNCTIONS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (actions[i].number == number) return &actions[i];
    return NULL;
}

enum {
#define X(number, name, waits, signature) ACTION_##name = number,
    HISEE_ACTIONS(X)
#undef X
};

/* Calls of other scripts take objects among their arguments. */
static bool takes_objects(uint16_t action) { return action == ACTION_CALL_OTHER || action == ACTION_CALL_OBJECT; }

/* Does an argument fit mode and type of a signature's place ("<I", "=C", ">A")? `repeated`: under a "*". */
static bool fits(const esl_arg_t *arg, const char *place, bool repeated, bool objects)
{
    static const char modes[] = "<>=";
    if (place[0] != '=' && modes[arg->mode] != place[0]) return false;
    switch (place[1]) {
    case 'C': return arg->type == ESL_T_RECORD;
    case 'O': return arg->type == ESL_T_OBJECT;
    case 'A': return simple_or_any(arg->type) || (repeated && (arg->type == ESL_T_RECORD || (objects && arg->type == ESL_T_OBJECT)));
    default: return simple_or_any(arg->type);
    }
}

static bool check_act_site(verifier_t *v, esl_site_t *site)
{
    const action_row_t *row = action_row(site->number);
    if (!row) return refuse(v, "action %u does not exist", site->number);
    if (!strcmp(row->waits, "never") ? site->waits : !strcmp(row->waits, "always") && !site->waits)
        return refuse(v, "action %u: waiting is not as its row says", site->number);
    size_t length = strlen(row->signature), places = length / 2; /* "*" makes the length odd */
    bool repeats = length & 1;
    site->signature = row->signature;
    if (repeats ? site->argc + 1u < places : site->argc != places) return refuse(v, "action %u with %u arguments", site->number, site->argc);
    for (uint16_t i = 0; i < site->argc; i++) {
        size_t place = i < places ? i : places - 1;
        if (!fits(&site->args[i], row->signature + 2 * place, repeats && place == places - 1, takes_objects(site->number)))
            return refuse(v, "action %u: argument %u does not fit", site->number, i + 1u);
    }
    return true;
}

static bool check_site(verifier_t *v, esl_site_t *site)
{
    v->offset = site->offset;
    if (site->waits > 1) return refuse(v, "a call that neither waits nor does not");
    for (uint16_t i = 0; i < site->argc; i++)
        if (site->args[i].mode > ESL_INOUT || site->args[i].type < ESL_T_BOOL || site->args[i].type > ESL_T_ANY)
            return refuse(v, "argument %u has no known mode or type", i + 1u);
    switch (site->kind) {
    case ESL_SITE_CALL: return check_call_site(v, site);
    case ESL_SITE_FN: return check_fn_site(v, site);
    case ESL_SITE_ACT: return check_act_site(v, site);
    default: return refuse(v, "a call of no known kind");
    }
}

bool esl_unit_verify(esl_unit_t *unit, esl_refusal_t *refusal)
{
    verifier_t v = {.unit = unit, .refusal = refusal};
    if (!unit->procedures) return refuse(&v, "the unit has no init part");
    if (!check_constants(&v) || !check_structures(&v) || !check_names(&v)) return false;
    for (uint32_t i = 0; i < unit->procedures; i++) /* registers first: code names those of the init part and of callees */
        if (!check_procedure(&v, i)) return false;
    for (uint32_t i = 0; i < unit->sites; i++)
        if (!check_site(&v, &unit->site[i])) return false;
    for (uint32_t i = 0; i < unit->procedures; i++) {
        v.p = &unit->procedure[i];
        if (!check_code(&v) || !check_action_rows(&v)) return false;
    }
    return true;
}
