/* Life of a script: frames, requests, errors. Sites are in esl_site.c, the loop is in esl_vm.c. */
#include "esl_script.h"

#include <stdio.h>
#include <stdlib.h>

#define LETTERS 128

const char *esl_error_text(int number)
{
    static const char *const text[] = {
#define X(number, name, catchable, text) [number] = text,
        HISEE_ERRORS(X)
#undef X
    };
    return number >= 0 && number < HISEE_ERRORS_COUNT && text[number] ? text[number] : "an error of the script";
}

/* At most 250 characters: cut at a character's start. */
static void set_message(char *message, const char *text)
{
    size_t at = 0, characters = 0;
    for (; text[at] && at < ESL_MESSAGE - 1; at++) {
        bool begins = ((unsigned char)text[at] & 0xc0) != 0x80;
        if (begins && characters++ == 250) break;
    }
    memcpy(message, text, at);
    message[at] = 0;
}

/* For scripts that find no memory even for their error; the texts of several may mix there. */
static esl_trouble_t last_resort = {.failure.limit = ""};

static esl_failure_t *failure_of(esl_script_t *s)
{
    if (!s->trouble && (s->trouble = malloc(sizeof *s->trouble))) s->trouble->err_msg[0] = 0;
    if (!s->trouble) s->trouble = &last_resort;
    return &s->trouble->failure;
}

const esl_failure_t *esl_script_failure(const esl_script_t *s)
{
    static const esl_failure_t none = {.limit = ""};
    return s->trouble ? &s->trouble->failure : &none;
}

static void set_failure(esl_script_t *s, int number, int64_t extended, uint32_t line, uint16_t procedure, const char *text, const char *limit)
{
    esl_failure_t *failure = failure_of(s);
    failure->number = number, failure->extended = extended, failure->line = line, failure->procedure = procedure, failure->limit = limit;
    set_message(failure->text, text);
}

/* memory of the script itself */

static void *charged_calloc(esl_account_t *account, size_t count, size_t size)
{
    if (!esl_charge(account, (int64_t)(count * size))) return NULL;
    void *memory = calloc(count, size);
    if (!memory) esl_discharge(account, (int64_t)(count * size));
    return memory;
}

/* Room for `needed` elements; false: refused, nothing changed. `inside` is the room that the script itself has: it stays charged. */
static bool grow(esl_account_t *account, void **block, uint32_t *have, uint32_t needed, size_t size, void *inside)
{
    if (needed <= *have) return true;
    uint32_t more = *have ? *have : 16, charged = *block == inside ? 0 : *have;
    while (more < needed) more *= 2;
    int64_t bytes = (int64_t)(more - charged) * (int64_t)size;
    if (!esl_charge(account, bytes)) return false;
    void *moved = realloc(*block == inside ? NULL : *block, more * size);
    if (!moved) {
        esl_discharge(account, bytes);
        return false;
    }
    if (*block == inside && inside) memcpy(moved, inside, *have * size);
    *block = moved, *have = more;
    return true;
}

/* frames */

static esl_record_t *blank_row(esl_script_t *s, uint16_t structure)
{
    if (!s->blank && !(s->blank = charged_calloc(&s->account, s->unit->structures, sizeof *s->blank))) return NULL;
    if (!s->blank[structure]) s->blank[structure] = esl_record_new(&s->account, &s->unit->structure[structure], 1);
    return s->blank[structure];
}

/* Blank records must exist before the frame does, so that a refusal leaves nothing half-made. */
static bool blanks_ready(esl_script_t *s, const esl_procedure_t *p)
{
    for (uint32_t i = 0; i < p->owned_count; i++) {
        const esl_register_t *reg = &p->reg[p->owned[i]];
        if (reg->type == ESL_T_RECORD && !blank_row(s, reg->structure)) return false;
    }
    return true;
}

/* For one frame more, whose registers end before slot `end`. */
static bool room_to(esl_script_t *s, uint32_t end)
{
    return grow(&s->account, (void **)&s->stack, &s->stack_room, end, sizeof *s->stack, s->slots) &&
           grow(&s->account, (void **)&s->frames, &s->frames_room, s->depth + 1, sizeof *s->frames, s->first_frames);
}

bool esl_frame_room(esl_script_t *s, const esl_procedure_t *p, uint32_t base) { return blanks_ready(s, p) && room_to(s, base + p->registers); }

int esl_call_room(esl_script_t *s, const esl_call_t *call)
{
    if (s->depth - s->entry > s->limits->call_depth) return ESL_ERR_STACK;
    return room_to(s, s->base + call->span / (uint32_t)sizeof(esl_slot_t)) ? 0 : ESL_ERR_MEMORY;
}

void esl_frame_records(esl_script_t *s, const esl_procedure_t *p, esl_slot_t *slots)
{
    for (uint32_t i = 0; i < p->owned_count; i++) {
        const esl_register_t *reg = &p->reg[p->owned[i]];
        if (reg->type == ESL_T_RECORD) slots[p->owned[i]].rec = esl_record_keep(s->blank[reg->structure]);
    }
}

bool esl_push_frame(esl_script_t *s, uint16_t procedure) { return esl_push(s, procedure); }

void esl_frame_drop(const esl_procedure_t *p, esl_slot_t *slots)
{
    for (uint32_t i = 0; i < p->owned_count; i++) {
        uint16_t reg = p->owned[i];
        if (p->reg[reg].type == ESL_T_ANY) esl_drop_slot((unsigned)slots[reg].u, slots[reg + 1]);
        else esl_drop_slot(p->reg[reg].type, slots[reg]);
    }
}

void esl_pop_frame(esl_script_t *s) { esl_pop(s); }

int esl_push_return(esl_script_t *s, esl_frame_t *frame, uint32_t pc)
{
    if (frame->gosubs >= s->limits->gosub_depth || frame->gosubs == UINT16_MAX) return ESL_ERR_STACK;
    if (!grow(&s->account, (void **)&s->gosub, &s->gosub_room, s->gosub_used + 1, sizeof *s->gosub, NULL)) return ESL_ERR_MEMORY;
    s->gosub[s->gosub_used++] = pc;
    frame->gosubs++;
    return 0;
}

/* life */

esl_text_t **esl_script_texts(esl_script_t *s)
{
    if (!s->text) s->text = charged_calloc(&s->account, s->unit->constants, sizeof *s->text);
    return s->text;
}

esl_containers_t *esl_script_containers(esl_script_t *s)
{
    if (s->containers) return s->containers;
    s->containers = charged_calloc(&s->account, 1, sizeof *s->containers);
    if (s->containers) *s->containers = (esl_containers_t){.account = &s->account, .most = s->limits->containers,
                                                           .most_items = s->limits->container_items};
    return s->containers;
}

esl_script_t *esl_script_new(const esl_unit_t *unit, esl_cells_t *cells, esl_cells_t *variables, const esl_script_limits_t *limits,
                             const esl_world_t *world, esl_slab_t *slab)
{
    esl_script_t *s = slab ? esl_slab_take(slab) : malloc(sizeof *s);
    if (!s) return NULL;
    memset(s, 0, offsetof(esl_script_t, first_frames));
    s->unit = unit, s->cells = cells, s->variables = variables, s->world = world, s->limits = limits;
    s->in_slab = slab != NULL;
    s->stack = s->slots, s->stack_room = ESL_INLINE_SLOTS;
    s->frames = s->first_frames, s->frames_room = ESL_INLINE_FRAMES;
    s->account.limit = limits->memory_bytes;
    s->pending.payload.account = &s->account;
    if (esl_charge(&s->account, sizeof *s) && esl_push_frame(s, 0)) return s;
    esl_script_free(s);
    return NULL;
}

static void free_values(esl_script_t *s)
{
    while (s->depth) esl_pop_frame(s);
    if (s->containers) esl_containers_free(s->containers);
    for (uint32_t i = 0; s->text && i < s->unit->constants; i++) esl_text_drop(s->text[i]);
    for (uint32_t i = 0; s->letter && i < LETTERS; i++) esl_text_drop(s->letter[i]);
    for (uint32_t i = 0; s->blank && i < s->unit->structures; i++) esl_record_drop(s->blank[i]);
    esl_buffer_free(&s->pending.payload);
}

void esl_script_free(esl_script_t *s)
{
    if (!s) return;
    esl_unlink(&s->wait.link);
    free_values(s);
    if (s->stack != s->slots) free(s->stack);
    if (s->frames != s->first_frames) free(s->frames);
    free(s->containers);
    free(s->text);
    free(s->letter);
    free(s->blank);
    free(s->gosub);
    if (s->trouble != &last_resort) free(s->trouble);
    if (s->in_slab) esl_slab_give(s);
    else free(s);
}

esl_text_t *esl_letter(esl_script_t *s, unsigned char character)
{
    if (!s->letter) s->letter = charged_calloc(&s->account, LETTERS, sizeof *s->letter);
    if (!s->letter || character >= LETTERS) return NULL;
    if (!s->letter[character]) s->letter[character] = esl_text_new(&s->account, (const char *)&character, 1);
    return s->letter[character];
}

/* requests */

static void begin(esl_script_t *s, uint32_t entry)
{
    s->entry = entry;
    s->fuel = s->limits->fuel;
    s->running = true;
    s->status = ESL_SLICE;
    s->direct = false;
    if (s->trouble) s->trouble->failure = (esl_failure_t){.limit = ""};
    esl_buffer_free(&s->pending.payload);
}

void esl_script_start_init(esl_script_t *s)
{
    begin(s, 0);
    s->gosub_used = 0;
    s->frames[0] = (esl_frame_t){.at = s->unit->procedure[0].code, .procedure = 0, .failed = -1};
}

static void drop_request(esl_script_t *s)
{
    while (s->depth > s->entry && s->depth > 1) esl_pop_frame(s);
    s->running = false;
}

/* A request that could not even begin. */
static int refuse(esl_script_t *s, uint32_t procedure, int number)
{
    set_failure(s, number, 0, 0, (uint16_t)procedure, esl_error_text(number), "");
    s->running = false;
    s->status = ESL_FAILED;
    return number;
}

static const esl_struct_t *find_structure(void *unit, uint32_t hbj, bool boxed)
{
    const esl_unit_t *u = unit;
    for (uint32_t i = 0; i < u->structures; i++)
        if (u->structure[i].hbj == hbj && esl_struct_boxed(&u->structure[i]) == boxed) return &u->structure[i];
    return NULL;
}

esl_structures_t esl_script_structures(const esl_script_t *s)
{
    return (esl_structures_t){.find = find_structure, .context = (void *)(uintptr_t)s->unit};
}

/* Arguments into the fresh frame; "unchanged" leaves a parameter as the frame has it. */
static int take_arguments(esl_script_t *s, const esl_procedure_t *p, const uint8_t *bytes, size_t length)
{
    esl_value_t values[ESL_ARGUMENTS];
    esl_structures_t structures = esl_script_structures(s);
    uint32_t count = 0;
    if (length == 0 && p->params == 0) return 0;
    int given = esl_decode_count(bytes, length);
    if (given >= 0 && given != p->params) return ESL_ERR_INV_NUM_PARAMS;
    int error = esl_decode_list(bytes, length, &esl_codec_limits, &s->account, &structures, values, ESL_ARGUMENTS, &count);
    if (error) return error == ESL_ERR_MEMORY ? error : error == ESL_CODEC_STRUCTURE ? ESL_ERR_RECORD_NO_COMP : ESL_ERR_PARAM_TYPE;
    for (uint32_t i = 0; i < count && !error; i++)
        if (values[i].type != ESL_T_NONE)
            error = esl_store_value(s, &s->frames[s->depth - 1], p->param[i].reg, p->param[i].type, &values[i]);
    esl_values_drop(values, count);
    return error;
}

int esl_script_begin(esl_script_t *s, uint32_t procedure)
{
    begin(s, 1);
    return esl_push_frame(s, (uint16_t)procedure) ? 0 : refuse(s, procedure, ESL_ERR_MEMORY);
}

int esl_script_start(esl_script_t *s, uint32_t procedure, const uint8_t *arguments, size_t length)
{
    int error = esl_script_begin(s, procedure);
    if (error) return error;
    error = take_arguments(s, &s->unit->procedure[procedure], arguments, length);
    if (!error) return 0;
    drop_request(s);
    return refuse(s, procedure, error);
}

static int put_results(esl_script_t *s, const esl_frame_t *frame)
{
    const esl_procedure_t *p = &s->unit->procedure[frame->procedure];
    int error = p->params ? esl_put_count(&s->pending.payload, p->params) : 0; /* without any it is empty: an idle script holds nothing */
    for (uint16_t i = 0; i < p->params && !error; i++) {
        const esl_param_t *param = &p->param[i];
        esl_value_t value = esl_load_value(s, frame, param->reg, param->type);
        error = param->mode == ESL_IN ? esl_put_unchanged(&s->pending.payload) : esl_put_value(&s->pending.payload, &value);
    }
    return error;
}

int esl_finish_request(esl_script_t *s)
{
    while (s->depth > s->entry + 1) esl_pop_frame(s); /* END may come from any depth */
    int error = s->direct ? 0 : put_results(s, &s->frames[s->entry]);
    if (error) return ESL_ERR_MEMORY;
    drop_request(s);
    s->status = ESL_DONE;
    return 0;
}

void esl_script_kill(esl_script_t *s, const char *text, const char *limit)
{
    if (s->status == ESL_KILLED) return; /* the first reason is the one to tell */
    set_failure(s, ESL_ERR_KILLED, esl_script_failure(s)->extended, esl_script_line(s), s->frames[s->depth - 1].procedure, text, limit);
    while (s->depth > 1) esl_pop_frame(s);
    esl_buffer_free(&s->pending.payload);
    s->running = false;
    s->status = ESL_KILLED;
}

uint32_t esl_script_line(const esl_script_t *s) { return esl_script_line_at(s, s->depth - 1); }

uint32_t esl_script_line_at(const esl_script_t *s, uint32_t depth)
{
    const esl_frame_t *frame = &s->frames[depth];
    const esl_procedure_t *p = esl_procedure_of(s, frame);
    int64_t row = s->running ? esl_action_at(p, esl_pc_of(s, frame)) : -1;
    return row < 0 ? 0 : p->action[row].line;
}

/* errors */

static void note_error(esl_script_t *s, uint32_t line)
{
    esl_trouble_t *trouble = s->trouble;
    s->err_nr = trouble->failure.number;
    s->err_line = line;
    s->err_extended = trouble->failure.extended;
    memcpy(trouble->err_msg, trouble->failure.text, sizeof trouble->err_msg);
}

static void enter_handler(const esl_procedure_t *p, esl_frame_t *frame, int32_t row, int number, uint32_t line)
{
    frame->handling = true;
    frame->failed = row;
    frame->handled_nr = number;
    frame->handled_line = line;
    frame->handled_gosubs = frame->gosubs;
    frame->resumed_mode = ESL_ON_LABEL;
    frame->resumed_label = frame->label;
    frame->mode = ESL_ON_NONE;
    frame->at = p->code + frame->label;
}

bool esl_raise(esl_script_t *s, int number, int64_t extended, const char *text, uint32_t line)
{
    char message[ESL_MESSAGE];
    set_message(message, text ? text : esl_error_text(number));
    for (bool first = true;; first = false) {
        esl_frame_t *frame = &s->frames[s->depth - 1];
        const esl_procedure_t *p = esl_procedure_of(s, frame);
        int64_t row = esl_action_at(p, esl_pc_of(s, frame));
        uint32_t here = first && line ? line : row < 0 ? 0 : p->action[row].line;
        if (first) set_failure(s, number, extended, here, frame->procedure, message, "");
        if (frame->guard) {
            frame->at = p->code + frame->guard, frame->guard = 0;
            s->caught = number;
            return true;
        }
        note_error(s, here);
        if (frame->mode == ESL_ON_LABEL) {
            enter_handler(p, frame, (int32_t)row, number, here);
            return true;
        }
        if (frame->mode == ESL_ON_OFF && row >= 0) {
            frame->at = p->code + p->action[row].next;
            return true;
        }
        if (s->depth - 1 == s->entry) break;
        esl_pop_frame(s);
    }
    drop_request(s);
    s->status = ESL_FAILED;
    return false;
}
