/* Reads the bytes of a unit into tables. Knows the layout; what the tables mean is the verifier's business. */
#include "esl_unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "esl_fuse.h"
#include "esl_verify.h"

struct esl_chunk {
    struct esl_chunk *next;
    max_align_t data[];
};

typedef struct {
    const uint8_t *bytes;
    size_t length, offset;
    esl_unit_t *unit;
    esl_refusal_t *refusal;
    bool failed;
} reader_t;

static void fail(reader_t *r, const char *text)
{
    if (r->failed) return; /* the first fault is the one to tell */
    r->failed = true;
    r->refusal->offset = r->offset;
    snprintf(r->refusal->text, sizeof r->refusal->text, "%s", text);
}

static const uint8_t *take(reader_t *r, size_t count)
{
    if (r->failed || count > r->length - r->offset) {
        fail(r, "the unit ends too early");
        return NULL;
    }
    const uint8_t *at = r->bytes + r->offset;
    r->offset += count;
    return at;
}

static uint64_t number(reader_t *r, unsigned bytes)
{
    const uint8_t *p = take(r, bytes);
    uint64_t value = 0;
    for (unsigned i = 0; p && i < bytes; i++) value |= (uint64_t)p[i] << 8 * i;
    return value;
}
#define U8(r) ((uint8_t)number(r, 1))
#define U16(r) ((uint16_t)number(r, 2))
#define U32(r) ((uint32_t)number(r, 4))

void *esl_unit_room(esl_unit_t *unit, size_t count, size_t size)
{
    struct esl_chunk *chunk = calloc(1, sizeof *chunk + (count ? count : 1) * size);
    if (!chunk) return NULL;
    chunk->next = unit->chunks;
    unit->chunks = chunk;
    return chunk->data;
}

/* The same for the reader; never NULL unless it failed. */
static void *room(reader_t *r, size_t count, size_t size)
{
    void *memory = r->failed ? NULL : esl_unit_room(r->unit, count, size);
    if (!memory) fail(r, "not enough memory for the unit");
    return memory;
}

/* A count of rows that take at least `least` bytes each: more rows than bytes left is a lie. */
static uint32_t count_of(reader_t *r, size_t least)
{
    uint32_t count = U32(r);
    if (!r->failed && count > (r->length - r->offset) / least) fail(r, "a count is greater than the bytes left");
    return r->failed ? 0 : count;
}

static void read_head(reader_t *r)
{
    const uint8_t *magic = take(r, 4);
    if (magic && memcmp(magic, "ESLU", 4)) fail(r, "this is not a unit");
    uint16_t major = U16(r);
    if (!r->failed && major != ESL_UNIT_MAJOR) fail(r, "the unit has another format");
    take(r, 2); /* minor: any */
    if (U32(r) != r->length) fail(r, "the length in the header is not the length of the unit");
    if (U32(r) != HISEE_OPCODES_HASH) fail(r, "the unit was compiled for another table of opcodes");
    r->unit->name = U32(r);
}

static void read_strings(reader_t *r)
{
    uint32_t n = count_of(r, 4);
    char **string = room(r, n, sizeof *string);
    uint32_t *bytes = room(r, n, sizeof *bytes);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        bytes[i] = U32(r);
        const uint8_t *data = take(r, bytes[i]);
        if (!data) return;
        if (!esl_utf8_ok((const char *)data, bytes[i])) fail(r, "a text is not well-formed UTF-8");
        string[i] = room(r, (size_t)bytes[i] + 1, 1);
        if (string[i]) memcpy(string[i], data, bytes[i]);
    }
    r->unit->strings = n, r->unit->string = (const char *const *)string, r->unit->string_bytes = bytes;
}

/* Number of a string, checked here so that nobody else has to. */
static uint32_t name_of(reader_t *r)
{
    uint32_t name = U32(r);
    if (!r->failed && name >= r->unit->strings) fail(r, "a name is not among the strings");
    return name;
}

static void read_constants(reader_t *r)
{
    uint32_t n = count_of(r, 12);
    esl_constant_t *constant = room(r, n, sizeof *constant);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        constant[i].type = U8(r);
        take(r, 3);
        constant[i].value.u = number(r, 8);
    }
    r->unit->constants = n, r->unit->constant = constant;
}

static void read_structures(reader_t *r)
{
    uint32_t n = count_of(r, 12);
    esl_struct_t *structure = room(r, n, sizeof *structure);
    uint32_t *names = room(r, n, sizeof *names);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        names[i] = name_of(r);
        uint32_t hbj = U32(r);
        uint16_t columns = U16(r);
        take(r, 2);
        if (!r->failed && columns > (r->length - r->offset) / 8) fail(r, "a structure has more columns than bytes");
        uint8_t *types = room(r, columns, 1);
        const char **column = room(r, columns, sizeof *column);
        for (uint16_t c = 0; c < columns && !r->failed; c++) {
            uint32_t name = name_of(r);
            types[c] = U8(r);
            take(r, 3);
            if (!r->failed) column[c] = r->unit->string[name];
        }
        if (!r->failed) structure[i] = (esl_struct_t){.hbj = hbj, .columns = columns, .types = types, .names = column};
    }
    r->unit->structures = n, r->unit->structure = structure, r->unit->structure_name = names;
}

static void read_objects(reader_t *r)
{
    uint32_t n = count_of(r, 16);
    esl_object_t *object = room(r, n, sizeof *object);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        object[i].name = name_of(r);
        object[i].hbj = U32(r);
        object[i].rows = U32(r);
        object[i].columns = U16(r);
        object[i].type = U8(r);
        take(r, 1);
    }
    r->unit->objects = n, r->unit->object = object;
}

static void read_variables(reader_t *r)
{
    uint32_t n = count_of(r, 12);
    esl_variable_t *variable = room(r, n, sizeof *variable);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        variable[i].name = name_of(r);
        variable[i].number = U32(r);
        variable[i].type = U8(r);
        take(r, 3);
    }
    r->unit->variables = n, r->unit->variable = variable;
}

static void read_sites(reader_t *r)
{
    uint32_t n = count_of(r, 8);
    esl_site_t *site = room(r, n, sizeof *site);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        site[i].offset = (uint32_t)r->offset;
        site[i].kind = U8(r);
        site[i].waits = U8(r);
        site[i].number = U16(r);
        site[i].argc = U16(r);
        take(r, 2);
        if (site[i].argc > ESL_ARGUMENTS) fail(r, "a call has more than 255 arguments");
        esl_arg_t *args = room(r, site[i].argc, sizeof *args);
        for (uint16_t k = 0; k < site[i].argc && !r->failed; k++) {
            args[k].mode = U8(r);
            args[k].type = U8(r);
            args[k].reg = U16(r);
        }
        site[i].args = args;
    }
    r->unit->sites = n, r->unit->site = site;
}

static void read_registers(reader_t *r, esl_procedure_t *p)
{
    esl_register_t *reg = room(r, p->registers, sizeof *reg);
    for (uint16_t i = 0; i < p->registers && !r->failed; i++) {
        reg[i].type = U8(r);
        take(r, 1);
        reg[i].structure = U16(r);
    }
    p->reg = reg;
}

static void read_params(reader_t *r, esl_procedure_t *p)
{
    esl_param_t *param = room(r, p->params, sizeof *param);
    for (uint16_t i = 0; i < p->params && !r->failed; i++) {
        param[i].name = name_of(r);
        param[i].mode = U8(r);
        param[i].type = U8(r);
        param[i].reg = U16(r);
    }
    p->param = param;
}

static void read_code(reader_t *r, esl_procedure_t *p)
{
    if (!r->failed && p->length > (r->length - r->offset) / 8) fail(r, "a procedure has more instructions than bytes");
    p->offset = (uint32_t)r->offset;
    esl_ins_t *code = room(r, p->length, sizeof *code);
    for (uint32_t i = 0; i < p->length && !r->failed; i++) {
        code[i].op = U8(r);
        code[i].x = U8(r);
        code[i].a = U16(r);
        code[i].b = U16(r);
        code[i].c = U16(r);
        p->gosubs |= code[i].op == ESL_OP_GOSUB || code[i].op == ESL_OP_RETSUB;
    }
    p->code = code;
}

static void read_actions(reader_t *r, esl_procedure_t *p)
{
    if (!r->failed && p->actions > (r->length - r->offset) / 16) fail(r, "a procedure has more actions than bytes");
    esl_action_t *action = room(r, p->actions, sizeof *action);
    for (uint32_t i = 0; i < p->actions && !r->failed; i++) {
        action[i].first = U32(r);
        action[i].start = U32(r);
        action[i].next = U32(r);
        action[i].line = U32(r);
    }
    p->action = action;
}

/* Pattern of a fresh frame and the registers that hold references. */
static void prepare_frame(reader_t *r, esl_procedure_t *p)
{
    esl_slot_t *pattern = room(r, p->registers, sizeof *pattern);
    uint16_t *owned = room(r, p->registers, sizeof *owned);
    for (uint16_t i = 0; i < p->registers && !r->failed; i++) {
        uint8_t type = p->reg[i].type;
        if (type == ESL_T_ANY) pattern[i].u = ESL_T_INT; /* no type yet: an invalid INT converts to every type */
        else pattern[i] = esl_slot_inv(type == ESL_T_UPPER ? ESL_T_INT : type, ESL_UNDEFINED);
        if (type == ESL_T_TEXT || type == ESL_T_RECORD || type == ESL_T_ANY) owned[p->owned_count++] = i;
    }
    p->pattern = pattern, p->owned = owned;
}

static void read_procedures(reader_t *r)
{
    uint32_t n = count_of(r, 20);
    esl_procedure_t *procedure = room(r, n, sizeof *procedure);
    for (uint32_t i = 0; i < n && !r->failed; i++) {
        esl_procedure_t *p = &procedure[i];
        p->name = name_of(r);
        p->kind = U8(r);
        take(r, 1);
        p->registers = U16(r);
        p->params = U16(r);
        take(r, 2);
        p->length = U32(r);
        p->actions = U32(r);
        if (p->registers > ESL_REGISTERS) fail(r, "a procedure has more than 4096 registers");
        if (p->params > ESL_ARGUMENTS) fail(r, "a procedure has more than 255 parameters");
        read_registers(r, p);
        read_params(r, p);
        read_code(r, p);
        read_actions(r, p);
        prepare_frame(r, p);
    }
    r->unit->procedures = n, r->unit->procedure = procedure;
}

static bool read_unit(reader_t *r)
{
    read_head(r);
    read_strings(r);
    if (!r->failed && r->unit->name >= r->unit->strings) fail(r, "the unit's name is not among the strings");
    read_constants(r);
    read_structures(r);
    read_objects(r);
    read_variables(r);
    read_sites(r);
    read_procedures(r);
    if (!r->failed && r->offset != r->length) fail(r, "bytes follow the end of the unit");
    return !r->failed;
}

esl_unit_t *esl_unit_load_as(const uint8_t *bytes, size_t length, bool fused, esl_refusal_t *refusal)
{
    esl_unit_t *unit = calloc(1, sizeof *unit);
    reader_t r = {.bytes = bytes, .length = length, .unit = unit, .refusal = refusal};
    if (!unit) {
        fail(&r, "not enough memory for the unit");
        return NULL;
    }
    if (length > UINT32_MAX) fail(&r, "a unit of more than 4 GiB");
    if (!r.failed && read_unit(&r) && esl_unit_verify(unit, refusal)) {
        esl_unit_fuse(unit, fused);
        return unit;
    }
    esl_unit_free(unit);
    return NULL;
}

void esl_unit_free(esl_unit_t *unit)
{
    if (!unit) return;
    for (struct esl_chunk *c = unit->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(unit);
}

int64_t esl_action_at(const esl_procedure_t *procedure, uint32_t pc)
{
    uint32_t low = 0, high = procedure->actions; /* the last row with first <= pc */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (procedure->action[middle].first <= pc) low = middle + 1;
        else high = middle;
    }
    return (int64_t)low - 1;
}
