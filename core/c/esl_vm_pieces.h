/* Part of esl_vm.c: what is not worth a place in the loop. Each piece is a function of its own there, and no other file includes them. */
#ifndef ESL_VM_PIECES_H
#define ESL_VM_PIECES_H

#include "esl_any.h"
#include "esl_quick.h"
#include "esl_rows.h"
#include "esl_script.h"
#include "esl_zone.h"

#define PIECE static __attribute__((unused)) /* a file that only looks at the header uses none */

PIECE void set_text(esl_slot_t *at, esl_text_t *text)
{
    esl_text_drop(at->t);
    at->t = text;
}

PIECE void move_text(esl_slot_t *at, esl_text_t *text) { set_text(at, esl_text_keep(text)); }

PIECE void move_record(esl_slot_t *at, esl_record_t *record)
{
    esl_record_keep(record);
    esl_record_drop(at->rec);
    at->rec = record;
}

/* ANY: the pair, with its reference. */
PIECE void move_any(esl_slot_t *at, esl_slot_t type, esl_slot_t value)
{
    esl_keep_slot((unsigned)type.u, value);
    esl_drop_slot((unsigned)at[0].u, at[1]);
    at[0] = type;
    at[1] = value;
}

PIECE void put_any(esl_slot_t *at, esl_value_t value)
{
    esl_drop_slot((unsigned)at[0].u, at[1]);
    at[0].u = value.type;
    at[1] = value.value;
}

PIECE esl_value_t any_at(const esl_slot_t *at) { return (esl_value_t){.type = (esl_type)at[0].u, .value = at[1]}; }

PIECE esl_slot_t inv(esl_type type, unsigned reason) { return esl_slot_inv(type, reason); }

/* A text constant belongs to the script, not to the unit: references are counted without atomics. */
PIECE esl_text_t *text_constant(esl_script_t *s, uint32_t index)
{
    if (ESL_UNLIKELY(!esl_script_texts(s))) return NULL;
    if (ESL_UNLIKELY(!s->text[index])) {
        uint64_t string = s->unit->constant[index].value.u;
        s->text[index] = esl_text_new(&s->account, s->unit->string[string], s->unit->string_bytes[string]);
    }
    return s->text[index];
}

PIECE int concat(esl_script_t *s, esl_slot_t *a, const esl_slot_t *b, const esl_slot_t *c)
{
    if (esl_text_invalid(b->t) || esl_text_invalid(c->t)) {
        set_text(a, esl_text_inv(esl_text_invalid(b->t) ? esl_text_reason(b->t) : esl_text_reason(c->t)));
        return 0;
    }
    s->budget -= esl_work((uint64_t)b->t->bytes + c->t->bytes);
    bool grows = a == b && a != c; /* the only reference may be this register's: then it grows in place */
    esl_text_t *joined = esl_text_concat(&s->account, grows ? b->t : esl_text_keep(b->t), c->t, s->limits->text_chars);
    if (!joined) {
        if (!grows) esl_text_drop(b->t);
        return ESL_ERR_MEMORY;
    }
    if (grows) a->t = joined;
    else set_text(a, joined);
    return 0;
}

PIECE int new_text(esl_script_t *s, esl_slot_t *at, const char *text)
{
    esl_text_t *made = esl_text_new(&s->account, text, strlen(text));
    if (!made) return ESL_ERR_MEMORY;
    set_text(at, made);
    return 0;
}

PIECE void on_error(esl_frame_t *f, unsigned mode, uint32_t label)
{
    switch (mode) {
    case ESL_ON_OFF:
        if (f->mode != ESL_ON_OFF) f->off_mode = f->mode, f->off_label = f->label;
        f->mode = ESL_ON_OFF;
        break;
    case 2: /* ON */
        if (f->mode == ESL_ON_OFF) f->mode = f->off_mode, f->label = f->off_label;
        break;
    default:
        f->mode = (uint8_t)mode, f->label = label;
        break;
    }
    if (f->handling) f->resumed_mode = f->mode, f->resumed_label = f->label; /* said in the handler: holds after it too */
}

PIECE void leave_handler(esl_frame_t *f)
{
    if (!f->handling) return;
    f->handling = false;
    f->mode = f->resumed_mode, f->label = f->resumed_label;
}

/* The last frame from which a plain CALL may go on: there is a next one, and it is not too deep. */
PIECE const esl_frame_t *last_frame(const esl_script_t *s)
{
    int64_t deepest = (int64_t)s->entry + s->limits->call_depth, room = (int64_t)s->frames_room - 1;
    return s->frames + (deepest < room ? deepest : room);
}

/* RETRY, RESUME: the pc to go to, or -1 when no label handler runs. */
PIECE int64_t after_handler(const esl_script_t *s, esl_frame_t *f, bool again)
{
    if (!f->handling || f->failed < 0) return -1;
    const esl_action_t *action = &esl_procedure_of(s, f)->action[f->failed];
    leave_handler(f);
    return again ? action->start : action->next;
}

/* Where the last GOSUB of this frame returns to; a handler that began inside the subroutine has ended with it. */
PIECE uint32_t pop_return(esl_script_t *s, esl_frame_t *f)
{
    f->gosubs--;
    if (f->handling && f->gosubs < f->handled_gosubs) leave_handler(f);
    return s->gosub[--s->gosub_used];
}

PIECE int raise_number(int64_t number, const esl_text_t *text, const char **message)
{
    if (esl_int_invalid(number) || number == 0 || number != (int32_t)number) return ESL_ERR_RANGE_ERROR;
    if (text && !esl_text_invalid(text)) *message = text->data;
    return (int)number;
}

/* Any column, also one over 255 and one of values of any type: LDW, STW. */
PIECE void load_wide(esl_slot_t *at, const esl_record_t *record, uint32_t row, uint32_t column)
{
    esl_type type, own = (esl_type)record->structure->types[column];
    esl_slot_t value = esl_record_value(record, row, column, &type);
    if (own == ESL_T_ANY) {
        move_any(at, (esl_slot_t){.u = type}, value);
        return;
    }
    esl_keep_slot(own, value);
    esl_drop_slot(own, *at);
    *at = value;
}

PIECE void store_wide(esl_record_t *record, uint32_t row, uint32_t column, const esl_slot_t *from)
{
    esl_type type = (esl_type)record->structure->types[column];
    esl_slot_t value = *from;
    if (type == ESL_T_ANY) type = (esl_type)from[0].u, value = from[1];
    esl_keep_slot(type, value);
    esl_record_put(record, row, column, type, value);
}

PIECE int cell_state(const esl_script_t *s, int64_t ref, esl_op_t what, int64_t *out)
{
    const esl_cell_t *cell;
    int error = esl_ref_cell(s, ref, &cell);
    if (error) return error;
    *out = what == ESL_OP_ATTR_VLD ? cell->reason == 0 : what == ESL_OP_ATTR_TIM ? cell->time : cell->weak;
    return 0;
}

PIECE const struct esl_zone *zone_of(const esl_script_t *s) { return s->world ? s->world->zone : NULL; }

PIECE int64_t add_time(const esl_script_t *s, int64_t time, double seconds)
{
    return zone_of(s) ? esl_zone_add_local(zone_of(s), time, seconds) : esl_time_add(time, seconds);
}

PIECE double subtract_times(const esl_script_t *s, int64_t a, int64_t b)
{
    return zone_of(s) ? esl_zone_diff_local(zone_of(s), a, b) : esl_time_diff(a, b);
}

PIECE int64_t order_texts(const esl_text_t *b, const esl_text_t *c, bool *valid)
{
    *valid = !esl_text_invalid(b) && !esl_text_invalid(c);
    if (*valid) return esl_text_compare(b, c);
    return esl_bool_inv(esl_text_invalid(b) ? esl_text_reason(b) : esl_text_reason(c));
}

/* 1, 0, or the invalid BOOL: for = and # the bytes suffice, most often their number. */
PIECE int64_t same_texts(const esl_text_t *b, const esl_text_t *c, bool wanted)
{
    bool valid;
    if (ESL_UNLIKELY(esl_text_invalid(b) || esl_text_invalid(c))) return order_texts(b, c, &valid);
    bool same = b->bytes == c->bytes && (b->bytes == 0 || (b->data[0] == c->data[0] && !memcmp(b->data, c->data, b->bytes)));
    return same == wanted;
}

PIECE unsigned real_fault(double b, double c) { return esl_real_invalid(b) ? esl_real_reason(b) : esl_real_reason(c); }
PIECE unsigned int_fault(int64_t b, int64_t c) { return esl_int_reason(esl_int_invalid(b) ? b : c); }
PIECE int64_t bool_fault(int64_t b, int64_t c) { return esl_bool_inv(esl_bool_reason(esl_bool_invalid(b) ? b : c)); }

/* b modulo c, c > 0: a division of 32 bits is several times faster. */
static inline int64_t remainder_of(int64_t b, int64_t c)
{
    return ESL_LIKELY((uint64_t)b <= UINT32_MAX) ? (uint32_t)b % (uint32_t)c : esl_int_mod(b, c);
}

static inline int64_t any_remainder(int64_t b, int64_t c)
{
    bool small = (uint64_t)b <= UINT32_MAX && (uint64_t)c - 1 < UINT32_MAX;
    return ESL_LIKELY(small) ? (uint32_t)b % (uint32_t)c : esl_int_mod(b, c);
}

/* Fuel and slice after a stretch of the loop. */
PIECE void settle_budget(esl_script_t *s)
{
    int64_t spent = s->budget_start - s->budget;
    s->fuel -= spent;
    s->fuel_used += spent;
    s->budget_start = s->budget;
}

PIECE int call_builtin(esl_script_t *s, uint16_t site)
{
    settle_budget(s);
    int64_t before = s->fuel;
    int error = esl_call_builtin(s, site);
    int64_t spent = before - s->fuel; /* the builtin has taken it from the fuel itself */
    s->fuel_used += spent;
    s->budget -= spent;
    s->budget_start = s->budget;
    return error;
}

PIECE esl_status_t stop(esl_script_t *s)
{
    settle_budget(s);
    if (s->running && s->fuel <= 0) esl_script_kill(s, "the computing time of one event is used up", "fuel_per_event");
    return s->status;
}

#endif
