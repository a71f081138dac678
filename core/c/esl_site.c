/* Sites: arguments of local calls, builtins and actions, each by mode, type and register. */
#include "esl_script.h"

#include "esl_local.h"
#include "gen/actions.h"

enum {
#define X(number, name, waits, signature) ACTION_##name = number,
    HISEE_ACTIONS(X)
#undef X
};

#define HOST_FUNCTION_FUEL 50 /* a function done by the host: about what the way out and back costs */

/* Where the registers of the top frame, or of the one that has called it, are. */
static esl_slot_t *registers_of(const esl_script_t *s, const esl_frame_t *frame)
{
    bool top = frame == &s->frames[s->depth - 1];
    return s->stack + s->base - (top ? 0 : esl_call_shift(s, frame));
}

static esl_slot_t *slot_at(const esl_script_t *s, const esl_frame_t *frame, uint16_t operand, unsigned type)
{
    if (type == ESL_T_RECORD && operand & ESL_GLOBAL) return s->stack + (operand & ~ESL_GLOBAL);
    return registers_of(s, frame) + operand;
}

esl_slot_t *esl_record_slot(const esl_script_t *s, const esl_frame_t *frame, uint16_t operand) { return slot_at(s, frame, operand, ESL_T_RECORD); }

static const esl_struct_t *structure_of(const esl_script_t *s, const esl_frame_t *frame, uint16_t operand)
{
    bool global = operand & ESL_GLOBAL;
    const esl_procedure_t *p = &s->unit->procedure[global ? 0 : frame->procedure];
    return &s->unit->structure[p->reg[operand & ~ESL_GLOBAL].structure];
}

esl_value_t esl_load_value(const esl_script_t *s, const esl_frame_t *frame, uint16_t operand, unsigned type)
{
    const esl_slot_t *at = slot_at(s, frame, operand, type);
    esl_value_t value = {.type = (esl_type)type, .value = *at, .time = esl_int_inv(ESL_UNDEFINED)};
    if (type == ESL_T_ANY) value.type = (esl_type)at[0].u, value.value = at[1];
    if (value.type == ESL_T_TEXT && !esl_text_invalid(value.value.t)) value.weak = value.value.t->cut;
    return value;
}

static bool is_simple(unsigned type) { return type >= ESL_T_BOOL && type <= ESL_T_TEXT; }

static int store_any(esl_slot_t *at, esl_value_t *value)
{
    if (!is_simple(value->type)) return ESL_ERR_PARAM_TYPE;
    esl_drop_slot((unsigned)at[0].u, at[1]);
    at[0].u = value->type;
    at[1] = value->value;
    value->type = ESL_T_NONE;
    return 0;
}

static int store_record(esl_slot_t *at, const esl_struct_t *structure, esl_value_t *value)
{
    if (value->type != ESL_T_RECORD) return ESL_ERR_PARAM_TYPE;
    if (structure->hbj && value->value.rec->structure != structure) return ESL_ERR_RECORD_NO_COMP; /* hbj 0: it takes any */
    esl_record_drop(at->rec);
    at->rec = value->value.rec;
    value->type = ESL_T_NONE;
    return 0;
}

static int store_simple(esl_slot_t *at, unsigned type, esl_value_t *value)
{
    if (!is_simple(value->type)) return ESL_ERR_PARAM_TYPE;
    esl_slot_t converted = esl_convert(value->type, value->value, (esl_type)type);
    if (value->type != type) esl_drop_slot(value->type, value->value);
    esl_drop_slot(type, *at);
    *at = converted;
    value->type = ESL_T_NONE;
    return 0;
}

int esl_store_value(esl_script_t *s, const esl_frame_t *frame, uint16_t operand, unsigned type, esl_value_t *value)
{
    esl_slot_t *at = slot_at(s, frame, operand, type);
    int error = 0;
    if (type == ESL_T_ANY) error = store_any(at, value);
    else if (type == ESL_T_RECORD) error = store_record(at, structure_of(s, frame, operand), value);
    else if (type != ESL_T_OBJECT) error = store_simple(at, type, value);
    else if (value->type == ESL_T_OBJECT) *at = value->value;
    else error = ESL_ERR_PARAM_TYPE;
    if (error) esl_drop_slot(value->type, value->value);
    return error;
}

/* local calls */

static bool plain(unsigned type) { return (type >= ESL_T_BOOL && type <= ESL_T_TIME) || type == ESL_T_OBJECT; }

/* One value from a register of one frame to a register of another. */
static inline int pass(esl_script_t *s, const esl_frame_t *from, uint16_t from_reg, unsigned from_type, const esl_frame_t *to, uint16_t to_reg,
                unsigned to_type)
{
    if (ESL_LIKELY(from_type == to_type && plain(from_type))) {
        registers_of(s, to)[to_reg] = registers_of(s, from)[from_reg];
        return 0;
    }
    esl_value_t value = esl_load_value(s, from, from_reg, from_type);
    esl_keep_slot(value.type, value.value);
    return esl_store_value(s, to, to_reg, to_type, &value);
}

int esl_call_enter(esl_script_t *s, uint16_t index)
{
    const esl_site_t *site = &s->unit->site[index];
    if (s->depth - s->entry > s->limits->call_depth) return ESL_ERR_STACK;
    if (!esl_push(s, site->number)) return ESL_ERR_MEMORY;
    const esl_procedure_t *p = &s->unit->procedure[site->number];
    const esl_frame_t *callee = &s->frames[s->depth - 1], *caller = callee - 1;
    int error = 0;
    for (uint16_t i = 0; i < site->argc && !error; i++) {
        const esl_arg_t *arg = &site->args[i];
        const esl_param_t *param = &p->param[i];
        if (param->mode != ESL_OUT) error = pass(s, caller, arg->reg, arg->type, callee, param->reg, param->type);
    }
    if (ESL_UNLIKELY(error)) esl_pop(s);
    return error;
}

int esl_call_leave(esl_script_t *s)
{
    const esl_frame_t *callee = &s->frames[s->depth - 1], *caller = callee - 1;
    const esl_site_t *site = &s->unit->site[caller->at->a];
    const esl_procedure_t *p = esl_procedure_of(s, callee);
    int error = 0;
    for (uint16_t i = 0; i < site->argc && !error; i++) {
        const esl_arg_t *arg = &site->args[i];
        const esl_param_t *param = &p->param[i];
        if (arg->mode != ESL_IN) error = pass(s, callee, param->reg, param->type, caller, arg->reg, arg->type);
    }
    esl_pop(s);
    return error;
}

/* builtins */

static int store_result(esl_script_t *s, const esl_frame_t *frame, const esl_arg_t *arg, esl_value_t *result)
{
    if (arg) return is_simple(result->type) ? esl_store_value(s, frame, arg->reg, arg->type, result) : ESL_ERR_PARAM_TYPE;
    esl_drop_slot(result->type, result->value);
    return 0;
}

int esl_call_builtin(esl_script_t *s, uint16_t index)
{
    const esl_site_t *site = &s->unit->site[index];
    const esl_frame_t *frame = &s->frames[s->depth - 1];
    int argc = site->argc;
    const esl_arg_t *out = argc && site->args[argc - 1].mode == ESL_OUT ? &site->args[--argc] : NULL;
    esl_value_t args[ESL_ARGUMENTS];
    for (int i = 0; i < argc; i++) args[i] = esl_load_value(s, frame, site->args[i].reg, site->args[i].type);
    esl_value_t result = {.type = out ? (esl_type)out->type : ESL_T_ANY, .time = esl_int_inv(ESL_UNDEFINED)};
    esl_context_t context = {.account = &s->account, .world = s->world, .fuel = &s->fuel, .text_chars = s->limits->text_chars,
                             .rnd_state = s->rnd_state, .rnd_seeded = s->rnd_seeded};
    int error = esl_builtin_call(&context, site->number, args, argc, &result);
    s->rnd_state = context.rnd_state, s->rnd_seeded = context.rnd_seeded;
    return error ? error : store_result(s, frame, out, &result);
}

/* actions */

static unsigned type_of_letter(char letter)
{
    static const char letters[] = "BIRMTCOA";
    return (unsigned)(strchr(letters, letter) - letters) + 1;
}

/* The type that the action's row asks of argument i; "*" repeats the last place. */
static unsigned wanted_type(const esl_site_t *site, uint16_t i)
{
    size_t places = strlen(site->signature) / 2;
    return type_of_letter(site->signature[2 * (i < places ? i : places - 1) + 1]);
}

static int put_argument(esl_script_t *s, const esl_frame_t *frame, const esl_site_t *site, uint16_t i)
{
    const esl_arg_t *arg = &site->args[i];
    unsigned wanted = wanted_type(site, i);
    esl_value_t value = esl_load_value(s, frame, arg->reg, arg->type);
    if (is_simple(wanted) && wanted != value.type) {
        value.value = esl_convert(value.type, value.value, (esl_type)wanted); /* never a TEXT: nothing to drop */
        value.type = (esl_type)wanted;
    }
    if (wanted == ESL_T_TEXT) value.weak = 0; /* the action reads the text; that it was cut is told of values (ANY) only */
    return esl_put_value(&s->pending.payload, &value);
}

static int put_arguments(esl_script_t *s, const esl_site_t *site)
{
    const esl_frame_t *frame = &s->frames[s->depth - 1];
    uint16_t sent = 0;
    for (uint16_t i = 0; i < site->argc; i++) sent += site->args[i].mode != ESL_OUT;
    int error = esl_put_count(&s->pending.payload, sent);
    for (uint16_t i = 0; i < site->argc && !error; i++)
        if (site->args[i].mode != ESL_OUT) error = put_argument(s, frame, site, i);
    return error;
}

static int hand_out(esl_script_t *s, int error, uint16_t number, uint16_t site, uint8_t waits)
{
    if (error) {
        esl_buffer_free(&s->pending.payload);
        return ESL_ERR_MEMORY;
    }
    s->pending.number = number, s->pending.site = site, s->pending.waits = waits;
    s->pending.line = esl_script_line(s);
    s->status = ESL_ACTION;
    return 0;
}

/* Row 0 of a column is the whole column: ON CHANGE follows it, nothing can be assigned to it. */
static bool names_column(const esl_script_t *s, const esl_arg_t *target)
{
    int64_t ref = esl_load_value(s, &s->frames[s->depth - 1], target->reg, target->type).value.i;
    return esl_ref_column(ref) && !esl_ref_row(ref);
}

int esl_begin_action(esl_script_t *s, uint16_t index)
{
    const esl_site_t *site = &s->unit->site[index];
    esl_local_fn local = esl_local_find(site->number);
    if (local) return local(s, site);
    if (site->number == ACTION_SET && names_column(s, &site->args[0])) return ESL_ERR_RANGE_ERROR;
    esl_buffer_free(&s->pending.payload);
    int error = site->number == ACTION_DELAY ? 0 : put_arguments(s, site);
    if (site->number == ACTION_FUNCTION) s->budget -= HOST_FUNCTION_FUEL + (int64_t)s->pending.payload.length / 16;
    return hand_out(s, error, site->number, index, site->waits);
}

int esl_script_payload(esl_script_t *s)
{
    if (s->status != ESL_ACTION || s->pending.number != ACTION_DELAY || s->pending.payload.length) return 0;
    return put_arguments(s, &s->unit->site[s->pending.site]) ? ESL_ERR_MEMORY : 0;
}

double esl_script_delay(const esl_script_t *s)
{
    const esl_arg_t *arg = &s->unit->site[s->pending.site].args[0];
    esl_value_t seconds = esl_load_value(s, &s->frames[s->depth - 1], arg->reg, arg->type);
    double given = esl_convert(seconds.type, seconds.value, ESL_T_REAL).r;
    return esl_real_invalid(given) || given < 0 ? esl_real_inv(ESL_OUT_OF_RANGE) : given;
}

int esl_write_variable(esl_script_t *s, uint16_t index, esl_type type, esl_slot_t slot)
{
    const esl_variable_t *variable = &s->unit->variable[index];
    esl_value_t value = {.type = type, .value = esl_settle(type, slot), .time = esl_int_inv(ESL_UNDEFINED)};
    esl_value_t number = {.type = ESL_T_INT, .value.i = (int64_t)variable->number - 1, .time = esl_int_inv(ESL_UNDEFINED)};
    if (s->world && s->world->now_ms) value.time = s->world->now_ms(s->world->host);
    if (!s->variables) return ESL_ERR_OBJECT_NOT_FOUND;
    int error = esl_cells_set(s->variables, esl_ref_make(variable->number, 0, 0), &value, ESL_CELLS_LOCAL, NULL);
    if (error) return error;
    esl_value_t list[] = {number, value};
    esl_buffer_free(&s->pending.payload);
    return hand_out(s, esl_encode_list(&s->pending.payload, list, 2), ACTION_PVAR_WRITE, ESL_NO_SITE, 0);
}

/* The pending action has ended: the script goes on after it. */
static void go_on(esl_script_t *s)
{
    esl_buffer_free(&s->pending.payload);
    s->status = ESL_SLICE;
}

static int take_values(esl_script_t *s, const esl_site_t *site, const esl_value_t *values, uint32_t count)
{
    const esl_frame_t *frame = &s->frames[s->depth - 1];
    uint32_t next = 0;
    int error = 0;
    for (uint16_t i = 0; i < site->argc && next < count && !error; i++) {
        const esl_arg_t *arg = &site->args[i];
        if (arg->mode == ESL_IN) continue;
        esl_value_t value = values[next++];
        if (value.type == ESL_T_NONE) continue;
        esl_keep_slot(value.type, value.value);
        error = esl_store_value(s, frame, arg->reg, arg->type, &value);
    }
    return error;
}

static int take_answer(esl_script_t *s, const esl_site_t *site, const uint8_t *payload, size_t length)
{
    esl_value_t values[ESL_ARGUMENTS];
    esl_structures_t structures = esl_script_structures(s);
    uint32_t count = 0, wanted = 0;
    for (uint16_t i = 0; i < site->argc; i++) wanted += site->args[i].mode != ESL_IN;
    if (!length) return wanted && site->waits ? ESL_ERR_TRANS_ERROR : 0;
    int error = esl_decode_list(payload, length, &esl_codec_limits, &s->account, &structures, values, ESL_ARGUMENTS, &count);
    if (error) return error == ESL_ERR_MEMORY ? error : error == ESL_CODEC_STRUCTURE ? ESL_ERR_RECORD_NO_COMP : ESL_ERR_TRANS_ERROR;
    error = count == wanted ? take_values(s, site, values, count) : ESL_ERR_TRANS_ERROR;
    esl_values_drop(values, count);
    return error;
}

void esl_script_complete(esl_script_t *s, const uint8_t *payload, size_t length, int64_t extended)
{
    int error = s->pending.site == ESL_NO_SITE ? 0 : take_answer(s, &s->unit->site[s->pending.site], payload, length);
    go_on(s);
    if (error) {
        esl_raise(s, error, 0, error == ESL_ERR_TRANS_ERROR ? "the answer of the action does not fit" : NULL, 0);
        return;
    }
    if (s->pending.waits) s->err_extended = extended; /* a LOG between an error and its reading leaves the reason alone */
    s->frames[s->depth - 1].at++;
}

void esl_script_fail(esl_script_t *s, int number, int64_t extended, const char *text)
{
    go_on(s);
    esl_raise(s, number, extended, text, 0);
}
