/* The dispatch loop. One body, two dispatches: computed goto, or a switch that any compiler takes.
 *
 * Hoisted: ip (next word), R (registers of the top frame), G (globals = registers of frame 0), fp (top frame), budget; end, last and
 * request say how far a plain CALL and its RET may go.
 * They are written back (SYNC) before anything that may look at the script, and read again (LOAD_FRAME) after anything that
 * may change the frames. Budget is charged on ways back, calls, actions and raised errors: code between two of those is
 * straight, so that no script can hold the processor longer than its own length. */
#include "esl_vm.h"

#include "esl_quick.h"
#include "esl_rows.h"
#include "esl_vm_pieces.h"

#if ESL_COMPUTED_GOTO
#define CASE(name) L_##name:
#define FUSED(name) F_##name:
#define ALIKE(name) L_##name: /* the loader has put another opcode in its place (esl_fuse.c) */
#define DISPATCH() goto *places[ip->op]
#else
#define CASE(name) case ESL_OP_##name: L_##name: __attribute__((unused));
#define FUSED(name) case ESL_FUSED_##name:
#define ALIKE(name)
#define DISPATCH() goto dispatch
#endif

#define A R[ip->a]
#define B R[ip->b]
#define C R[ip->c]
#define X ip->x
#define BC esl_ins_bc(ip)
#define IMM ((int16_t)ip->c)
#define KREAL(index) constants[index].value.r
#define REC(operand) (*((operand) & ESL_GLOBAL ? &G[(operand) & 0x7fff] : &R[operand]))
#define NEXT do { ip++; DISPATCH(); } while (0)
#define SKIP do { ip += 2; DISPATCH(); } while (0)
#define JUMP do { ip += ip->c; DISPATCH(); } while (0) /* forward: the verifier has seen to it */
#define SPEND if (ESL_UNLIKELY(--budget < 0)) goto pause /* it is one less than there is: the sign tells */
#define BACK(distance) do { ip += (ptrdiff_t)(distance); SPEND; DISPATCH(); } while (0)
#define RAISE(number) do { error = (number); goto raise; } while (0)
#define TRY(call) do { error = (call); if (ESL_UNLIKELY(error)) goto raise; } while (0)
#define CODE (unit->procedure[fp->procedure].code) /* of the top frame */
#define SYNC() (fp->at = ip, s->depth = (uint32_t)(fp - s->frames) + 1, s->base = (uint32_t)(R - G), s->budget = budget + 1)
#define LOAD_FRAME() (fp = &s->frames[s->depth - 1], ip = fp->at, G = s->stack, R = G + s->base, end = G + s->stack_room, \
                      request = s->frames + s->entry, last = last_frame(s), budget = s->budget - 1)
/* A piece that may spend budget or look at the script. */
#define COLD(call) do { SYNC(); error = (call); budget = s->budget - 1; if (ESL_UNLIKELY(error)) goto raise; } while (0)

#define COMPARE(type, T, bad, fault, field, name, sign) \
    CASE(name##_##T) { \
        type b = B.field, c = C.field; \
        A.i = ESL_UNLIKELY(bad(b) | bad(c)) ? esl_bool_inv(fault(b, c)) : b sign c; \
        NEXT; \
    }
#define COMPARES(type, T, bad, fault, field) \
    COMPARE(type, T, bad, fault, field, LT, <) COMPARE(type, T, bad, fault, field, LE, <=) \
    COMPARE(type, T, bad, fault, field, EQ, ==) COMPARE(type, T, bad, fault, field, NE, !=)
/* Validity and overflow of INT (V6). `least`, the least valid one, is kept in a register. Apart: each test is one fused compare and jump that
 * is never taken; joined into one condition they would be twice as many instructions. */
#define BAD(i) ((i) < least)
#define UNLESS(test, otherwise) if (ESL_UNLIKELY(test)) goto otherwise; __asm__("")
#define CHECKED(builtin, result, left, right, fault) \
    do { \
        int64_t b_ = left, c_ = right; \
        UNLESS(builtin(b_, c_, &result), fault); \
        UNLESS(BAD(b_), fault); \
        UNLESS(BAD(c_), fault); \
        UNLESS(BAD(result), fault); \
    } while (0)
/* A sum with a number that is valid. */
#define SUMMED(result, left, number, fault) \
    do { \
        int64_t b_ = left; \
        UNLESS(__builtin_add_overflow(b_, (int64_t)(number), &result), fault); \
        UNLESS(BAD(b_), fault); \
        UNLESS(BAD(result), fault); \
    } while (0)
#define BRANCH_INT(name, left, right, sign) \
    CASE(name) { \
        int64_t a = left, b = right; \
        UNLESS(BAD(a), invalid); \
        UNLESS(BAD(b), invalid); \
        if (a sign b) JUMP; \
        NEXT; \
    }
/* Of two finite numbers the difference is finite too, or far over the edge: one test in nearly all cases. */
#define BRANCH_REAL(name, left, right, sign) \
    CASE(name) { \
        double a = left, b = right; \
        if (ESL_UNLIKELY(esl_real_invalid(a - b)) && (esl_real_invalid(a) | esl_real_invalid(b))) RAISE(ESL_ERR_EXPRESSION_STATUS); \
        if (a sign b) JUMP; \
        NEXT; \
    }
#define BRANCHES(T, BRANCH, field) \
    BRANCH(BR_LT_##T, A.field, B.field, <) BRANCH(BR_LE_##T, A.field, B.field, <=) \
    BRANCH(BR_EQ_##T, A.field, B.field, ==) BRANCH(BR_NE_##T, A.field, B.field, !=)
#define BRANCH_K(name, sign) \
    CASE(BRI_##name##_I) { \
        int64_t a = A.i; \
        UNLESS(BAD(a), invalid); \
        if (a sign (int16_t)ip->b) JUMP; \
        NEXT; \
    } \
    BRANCH_REAL(BRK_##name##_R, A.r, KREAL(ip->b), sign)
/* FOR: the end of a turn. */
#define COUNT { \
        int64_t i = A.i; \
        UNLESS(BAD(i), invalid); \
        if (ESL_LIKELY(i < B.i)) { \
            A.i = i + 1; \
            BACK((int16_t)ip->c); \
        } \
        A.i = i == INT64_MAX ? esl_int_inv(ESL_OUT_OF_RANGE) : i + 1; \
        NEXT; \
    }
#define COMPARE_TEXT(name, sign) \
    CASE(name##_T) { bool valid; int64_t order = order_texts(B.t, C.t, &valid); A.i = valid ? order sign 0 : order; NEXT; }
#define COMPARE_BOOL(name, sign) \
    CASE(name##_B) { int64_t b = B.i, c = C.i; A.i = ESL_UNLIKELY((uint64_t)(b | c) > 1) ? bool_fault(b, c) : b sign c; NEXT; }

/* Row c of a record operand, checked: the index counts from 0 in `row`. */
#define ROW(record, operand) \
    uint64_t row = (uint64_t)R[operand].i - 1; \
    if (ESL_UNLIKELY(row >= (record)->rows)) RAISE(esl_int_invalid(R[operand].i) ? ESL_ERR_EXPRESSION_STATUS : ESL_ERR_RANGE_ERROR)
#define OWN(slot) if (ESL_UNLIKELY((slot).rec->refs != 1)) goto shared /* of the record operand a: copied there, and once more from the beginning */
#define CELLS(record) ((esl_slot_t *)esl_record_block(record, X)) /* of column x; of eight bytes */
#define FLAGS(record) ((uint8_t *)esl_record_block(record, X))    /* BOOL */
#define READ_CELL(T, TYPE) \
    CASE(RD_##T) COLD(esl_ref_read(s, s->cells, B.i, ip->a, TYPE)); NEXT; \
    CASE(RDK_##T) COLD(esl_ref_read(s, s->cells, esl_ref_make(unit->object[ip->b].hbj, 0, 0), ip->a, TYPE)); NEXT;
#define VARIABLE(T, TYPE) \
    CASE(PV_RD_##T) COLD(esl_ref_read(s, s->variables, esl_ref_make(unit->variable[ip->b].number, 0, 0), ip->a, TYPE)); NEXT; \
    CASE(PV_WR_##T) COLD(esl_write_variable(s, ip->a, TYPE, B)); goto act;
#define BOX(T, TYPE) CASE(BOX_##T) move_any(&A, (esl_slot_t){.u = TYPE}, B); NEXT;
#define UNBOX(T, TYPE) CASE(UNBOX_##T) A = esl_convert((esl_type)B.u, (&B)[1], TYPE); NEXT;

/* Plain calls: see esl_call_t. Of the frame only that is written which is looked at in the mode that it begins in. */
#define PLAIN(call) ((const esl_call_t *)((const char *)calls + esl_ins_bc(call)))
#define SHIFTED(bytes) ((esl_slot_t *)((char *)R + (bytes)))
#define CHECK_ROOM if (ESL_UNLIKELY(fp >= last) || ESL_UNLIKELY(SHIFTED(plain->span) > end)) goto cramped;
#define BEGIN_FRAME \
        fp->at = ip; \
        fp++; \
        memcpy(&fp->procedure, &plain->frame, 8); \
        R = SHIFTED(plain->shift); \
        ip = plain->code; \
        SPEND; \
        DISPATCH();
#define ENTER { const esl_call_t *plain = PLAIN(ip); CHECK_ROOM BEGIN_FRAME }
/* Back from a plain CALL with one result, the usual case; falls through in others. */
#define LEAVE_ONE \
    if (ESL_LIKELY(fp != request)) { \
        const esl_ins_t *call = fp[-1].at; \
        if (ESL_LIKELY(call->x == 2)) { \
            const esl_call_t *plain = PLAIN(call); \
            esl_slot_t result = R[plain->result.from]; \
            fp--; \
            R = SHIFTED(-(ptrdiff_t)plain->shift); \
            R[plain->result.to] = result; \
            ip = call + 1; \
            DISPATCH(); \
        } \
    }

#if defined __x86_64__ && defined __GNUC__ && !defined __clang__ && !defined ESL_NO_PIN
#define PINNED(type, name, place) register type name __asm__(place)
#else
#define PINNED(type, name, place) type name
#endif

static esl_status_t loop(esl_script_t *s)
{
#if ESL_COMPUTED_GOTO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
    static const void *const targets[256] = {
        [0 ... 255] = &&bad_op,
#undef X
#define X(number, name, x, a, b, c, raises) [number] = &&L_##name,
        HISEE_OPCODES(X)
#undef X
#define X(number, name, first, second, third, fourth, where, landing, only) [number] = &&F_##name,
        HISEE_FUSIONS(X)
#undef X
#define X ip->x
    };
#pragma GCC diagnostic pop
#endif
    const esl_unit_t *const unit = s->unit;
    const esl_constant_t *const constants = unit->constant;
    const esl_call_t *const calls = unit->calls;
    const esl_ins_t *ip;
    esl_slot_t *R, *G;
    const esl_slot_t *end;
    esl_frame_t *fp;
    const esl_frame_t *request, *last;
    int64_t budget;
    int error;
    const char *message = NULL;
    uint32_t line = 0;

    PINNED(int64_t, least, "r14") = ESL_INT_MIN;
    __asm__("" : "+r"(least)); /* else it would be made anew for each test */
#if ESL_COMPUTED_GOTO
    PINNED(const void *const *, places, "r15") = targets;
    __asm__("" : "+r"(places));
#endif

    LOAD_FRAME();
#if ESL_COMPUTED_GOTO
    DISPATCH();
#else
dispatch:
    switch (ip->op) {
#endif
    CASE(NOP) NEXT;
    CASE(EXT) NEXT;
    CASE(JUMP) ip += BC; DISPATCH();
    CASE(LOOP) BACK(BC);
    CASE(BR_TRUE) { int64_t a = A.i; if (ESL_UNLIKELY(esl_bool_invalid(a))) RAISE(ESL_ERR_EXPRESSION_STATUS); if (a) JUMP; NEXT; }
    CASE(BR_FALSE) { int64_t a = A.i; if (ESL_UNLIKELY(esl_bool_invalid(a))) RAISE(ESL_ERR_EXPRESSION_STATUS); if (!a) JUMP; NEXT; }
    FUSED(JUMP_RET) ip += BC; goto leave;
    FUSED(MOV_RET) A = B; ip++; goto leave;
    FUSED(ADDI_RET) { int64_t sum; SUMMED(sum, B.i, IMM, fault_bi); A.i = sum; ip++; goto leave; }
    FUSED(MODI_RET) {
        uint64_t b = B.u;
        UNLESS(b > UINT32_MAX, L_MODI_I);
        A.i = (uint32_t)b % (uint32_t)IMM;
        ip++;
        goto leave;
    }
    FUSED(ADD_RET) {
        int64_t sum;
        CHECKED(__builtin_add_overflow, sum, B.i, C.i, fault_bc);
        A.i = sum;
        ip++;
        LEAVE_ONE
        goto leave;
    }
    CASE(RET) leave:
        LEAVE_ONE
        if (ESL_LIKELY(fp != request && fp[-1].at->x)) {
            const esl_ins_t *call = fp[-1].at;
            const esl_call_t *plain = PLAIN(call);
            esl_slot_t *caller = SHIFTED(-(ptrdiff_t)plain->shift);
            for (unsigned i = 0; i < call->x - 1u; i++) caller[plain->out[i].to] = R[plain->out[i].from];
            R = caller;
            fp--;
            ip = call + 1;
            DISPATCH();
        }
        SYNC();
        if (fp == request) goto done;
        error = esl_call_leave(s);
        LOAD_FRAME(); /* at the CALL */
        if (ESL_UNLIKELY(error)) goto raise;
        NEXT;
    CASE(END) SYNC(); goto done;
    FUSED(ADDI_CALL) { int64_t sum; SUMMED(sum, B.i, IMM, fault_bi); A.i = sum; ip++; ENTER }
    FUSED(MODI_CALL) {
        uint64_t b = B.u;
        UNLESS(b > UINT32_MAX, L_MODI_I);
        A.i = (uint32_t)b % (uint32_t)IMM;
        ip++;
        goto fill;
    }
    FUSED(CALL_OVER) ENTER
    FUSED(CALL_FILL) fill: {
        const esl_call_t *plain = PLAIN(ip);
        CHECK_ROOM
        esl_slot_t *fresh = SHIFTED(plain->shift);
        for (const esl_copy_t *copy = plain->in, *behind = copy + plain->ins; copy < behind; copy++) fresh[copy->to] = R[copy->from];
        for (unsigned i = 0; i < plain->fills; i++) fresh[plain->fresh[i]] = plain->pattern[plain->fresh[i]];
        BEGIN_FRAME
    }
    CASE(CALL) {
        SYNC();
        TRY(esl_call_enter(s, ip->a));
        LOAD_FRAME();
        SPEND;
        DISPATCH();
    }
    FUSED(FN_QUICK) {
        SYNC();
        int64_t cost = esl_quick(s, &unit->site[ip->a], R);
        if (ESL_UNLIKELY(cost < 0)) goto function;
        ip++;
        budget -= cost + 1;
        if (ESL_UNLIKELY(budget < 0)) goto pause;
        DISPATCH();
    }
    CASE(FN) function: {
        SYNC();
        error = call_builtin(s, ip->a);
        budget = s->budget - 1;
        if (ESL_UNLIKELY(error == ESL_BUILTIN_FUEL)) goto starved;
        if (ESL_UNLIKELY(error)) goto raise;
        ip++;
        SPEND;
        DISPATCH();
    }
    CASE(ACT) {
        COLD(esl_begin_action(s, ip->a));
        if (s->status == ESL_ACTION) goto act;
        ip++;
        SPEND;
        DISPATCH();
    }
    CASE(GOSUB) TRY(esl_push_return(s, fp, (uint32_t)(ip + 1 - CODE))); BACK(BC);
    CASE(RETSUB) {
        if (!fp->gosubs) NEXT;
        ip = CODE + pop_return(s, fp);
        BACK(0);
    }
    CASE(GUARD) fp->guard = X == 3 ? (uint32_t)(ip - CODE) + (uint32_t)BC : 0; NEXT;
    CASE(CAUGHT) A.i = s->caught; NEXT;
    CASE(RAISE) RAISE(raise_number(A.i, NULL, &message));
    CASE(RAISE_T) RAISE(raise_number(A.i, B.t, &message));
    CASE(RAISE_NR) RAISE(X);
    CASE(RERAISE) {
        if (!fp->handling) RAISE(ESL_ERR_NO_HANDLER);
        if (s->err_nr == fp->handled_nr) message = esl_err_msg(s);
        line = fp->handled_line;
        RAISE(fp->handled_nr);
    }
    CASE(ON_ERR) on_error(fp, X, (uint32_t)(ip - CODE) + (uint32_t)BC); NEXT;
    CASE(RETRY) CASE(RESUME) {
        int64_t to = after_handler(s, fp, ip->op == ESL_OP_RETRY);
        if (to < 0) RAISE(ESL_ERR_NO_HANDLER);
        ip = CODE + to;
        BACK(0); /* RETRY can be a way back */
    }
    CASE(LEAVE) leave_handler(fp); NEXT;
    CASE(ERR_NR) A.i = s->err_nr; if (fp->mode == ESL_ON_OFF) s->err_nr = 0; NEXT;
    CASE(ERR_MSG) TRY(new_text(s, &A, esl_err_msg(s))); NEXT;
    CASE(ERR_LINE) A.i = s->err_line; NEXT;
    CASE(ERR_EXT) A.i = s->err_extended; NEXT;
    CASE(VALID_TEST) if (esl_bool_invalid(A.i)) RAISE(ESL_ERR_EXPRESSION_STATUS); NEXT;
    CASE(VALID_TEST_I) if (esl_int_invalid(A.i)) RAISE(ESL_ERR_EXPRESSION_STATUS); NEXT;
    CASE(VALID_TEST_R) if (esl_real_invalid(A.r)) RAISE(ESL_ERR_EXPRESSION_STATUS); NEXT;

    /* constants and moves */
    CASE(LOADI_I) A.i = BC; NEXT;
    CASE(LOADI_R) A.r = BC; NEXT;
    CASE(LOADI_B) A.i = X != 0; NEXT;
    CASE(LOADK_I) ALIKE(LOADK_R) ALIKE(LOADK_M) A = constants[(uint32_t)BC].value; NEXT;
    CASE(LOADK_T) {
        esl_text_t *text = text_constant(s, (uint32_t)BC);
        if (ESL_UNLIKELY(!text)) RAISE(ESL_ERR_MEMORY);
        move_text(&A, text);
        NEXT;
    }
    CASE(INVALID_B) A = inv(ESL_T_BOOL, X); NEXT;
    CASE(INVALID_I) ALIKE(INVALID_M) A = inv(ESL_T_INT, X); NEXT;
    CASE(INVALID_R) A = inv(ESL_T_REAL, X); NEXT;
    CASE(INVALID_T) set_text(&A, esl_text_inv(X)); NEXT;
    CASE(INVALID_A) move_any(&A, (esl_slot_t){.u = ESL_T_INT}, inv(ESL_T_INT, X)); NEXT;
    CASE(MOV_I) ALIKE(MOV_B) ALIKE(MOV_R) ALIKE(MOV_M) ALIKE(MOV_O) A = B; NEXT;
    CASE(MOV_T) move_text(&A, B.t); NEXT;
    CASE(MOV_C) move_record(&REC(ip->a), REC(ip->b).rec); NEXT;
    CASE(MOV_A) move_any(&A, B, (&B)[1]); NEXT;
    CASE(GLOAD_I) ALIKE(GLOAD_B) ALIKE(GLOAD_R) ALIKE(GLOAD_M) ALIKE(GLOAD_O) A = G[ip->b]; NEXT;
    CASE(GLOAD_T) move_text(&A, G[ip->b].t); NEXT;
    CASE(GLOAD_A) move_any(&A, G[ip->b], G[ip->b + 1]); NEXT;
    CASE(GSTORE_I) ALIKE(GSTORE_B) ALIKE(GSTORE_R) ALIKE(GSTORE_M) ALIKE(GSTORE_O) G[ip->a] = B; NEXT;
    CASE(GSTORE_T) move_text(&G[ip->a], B.t); NEXT;
    CASE(GSTORE_A) move_any(&G[ip->a], B, (&B)[1]); NEXT;
    CASE(VALID_B) A.i = !esl_bool_invalid(B.i); NEXT;
    CASE(VALID_I) ALIKE(VALID_M) A.i = !esl_int_invalid(B.i); NEXT;
    CASE(VALID_R) A.i = !esl_real_invalid(B.r); NEXT;
    CASE(VALID_T) A.i = !esl_text_invalid(B.t); NEXT;
    CASE(VALID_A) A.i = esl_slot_reason((esl_type)B.u, (&B)[1]) == 0; NEXT;

    /* INT */
    CASE(ADD_I) { int64_t sum; CHECKED(__builtin_add_overflow, sum, B.i, C.i, fault_bc); A.i = sum; NEXT; }
    CASE(SUB_I) { int64_t left; CHECKED(__builtin_sub_overflow, left, B.i, C.i, fault_bc); A.i = left; NEXT; }
    CASE(MUL_I) { int64_t product; CHECKED(__builtin_mul_overflow, product, B.i, C.i, fault_bc); A.i = product; NEXT; }
    CASE(ADDI_I) { int64_t sum; SUMMED(sum, B.i, IMM, fault_bi); A.i = sum; NEXT; }
    CASE(MULI_I) {
        int64_t b = B.i, product;
        UNLESS(__builtin_mul_overflow(b, (int64_t)IMM, &product), fault_bi);
        UNLESS(BAD(b), fault_bi);
        UNLESS(BAD(product), fault_bi);
        A.i = product;
        NEXT;
    }
    CASE(NEG_I) A.i = esl_int_neg(B.i); NEXT;
    CASE(AND_I) A.i = esl_int_and(B.i, C.i); NEXT;
    CASE(DIV_II) A.r = esl_real_div(esl_real_from_int(B.i), esl_real_from_int(C.i)); NEXT;
    CASE(IDIV_I) A.i = esl_int_idiv(B.i, C.i); NEXT;
    CASE(MOD_I) A.i = any_remainder(B.i, C.i); NEXT;
    CASE(MODI_I) A.i = remainder_of(B.i, IMM); NEXT;
    CASE(ABS_I) { int64_t b = B.i; A.i = b < 0 ? esl_int_neg(b) : b; NEXT; }
    CASE(MIN_I) { int64_t b = B.i, c = C.i; A.i = ESL_UNLIKELY(esl_int_invalid(b) | esl_int_invalid(c)) ? esl_int_fault(b, c) : b < c ? b : c; NEXT; }
    CASE(MAX_I) { int64_t b = B.i, c = C.i; A.i = ESL_UNLIKELY(esl_int_invalid(b) | esl_int_invalid(c)) ? esl_int_fault(b, c) : b > c ? b : c; NEXT; }

    /* REAL */
    CASE(ADD_R) A.r = B.r + C.r; NEXT;
    CASE(SUB_R) A.r = B.r - C.r; NEXT;
    CASE(MUL_R) A.r = B.r * C.r; NEXT;
    CASE(DIV_R) A.r = esl_real_div(B.r, C.r); NEXT;
    CASE(NEG_R) A.r = -B.r; NEXT;
    CASE(ADDK_R) A.r = B.r + KREAL(ip->c); NEXT;
    CASE(SUBK_R) A.r = B.r - KREAL(ip->c); NEXT;
    CASE(MULK_R) A.r = B.r * KREAL(ip->c); NEXT;
    CASE(DIVK_R) A.r = esl_real_div(B.r, KREAL(ip->c)); NEXT;
    CASE(SQRT_R) {
        double b = B.r;
        if (ESL_LIKELY(b >= 0 && b <= ESL_REAL_MAX)) A.r = sqrt(b);
        else A.r = esl_real_inv(esl_real_invalid(b) ? esl_real_reason(b) : ESL_OUT_OF_RANGE);
        NEXT;
    }
    CASE(ABS_R) { double b = B.r; A.r = ESL_UNLIKELY(esl_real_invalid(b)) ? esl_real_inv(esl_real_reason(b)) : fabs(b); NEXT; }
    CASE(MIN_R) { double b = B.r, c = C.r; A.r = ESL_UNLIKELY(esl_real_invalid(b) | esl_real_invalid(c)) ? esl_real_inv(real_fault(b, c)) : b < c ? b : c; NEXT; }
    CASE(MAX_R) { double b = B.r, c = C.r; A.r = ESL_UNLIKELY(esl_real_invalid(b) | esl_real_invalid(c)) ? esl_real_inv(real_fault(b, c)) : b > c ? b : c; NEXT; }
    CASE(MULADD_R) { double product = B.r * C.r; A.r += product; NEXT; } /* two roundings: -ffp-contract=off */

    /* BOOL */
    CASE(AND_B) { int64_t b = B.i, c = C.i; A.i = ESL_UNLIKELY((uint64_t)(b | c) > 1) ? bool_fault(b, c) : (b & c); NEXT; }
    CASE(OR_B) { int64_t b = B.i, c = C.i; A.i = ESL_UNLIKELY((uint64_t)(b | c) > 1) ? bool_fault(b, c) : (b | c); NEXT; }
    CASE(NOT_B) { int64_t b = B.i; A.i = ESL_UNLIKELY(esl_bool_invalid(b)) ? b : b ^ 1; NEXT; }
    CASE(DIV_B) {
        int64_t b = B.i, c = C.i;
        if (ESL_UNLIKELY((uint64_t)(b | c) > 1)) A.i = esl_int_inv(esl_bool_reason(esl_bool_invalid(b) ? b : c));
        else A.i = c ? b : esl_int_inv(ESL_DIV_BY_ZERO);
        NEXT;
    }

    /* TIME and TEXT */
    CASE(ADD_M) A.i = add_time(s, B.i, C.r); NEXT;
    CASE(SUB_M) A.i = add_time(s, B.i, -C.r); NEXT;
    CASE(DIFF_M) A.r = subtract_times(s, B.i, C.i); NEXT;
    CASE(CAT_T) COLD(concat(s, &A, &B, &C)); NEXT;
    CASE(LEN_T) A.i = esl_text_invalid(B.t) ? esl_int_inv(esl_text_reason(B.t)) : B.t->chars; NEXT;

    /* conversions */
    CASE(CVT_BI) { int64_t b = B.i; A.i = ESL_UNLIKELY(esl_bool_invalid(b)) ? esl_int_inv(esl_bool_reason(b)) : b; NEXT; }
    CASE(CVT_BR) { int64_t b = B.i; A.r = ESL_UNLIKELY(esl_bool_invalid(b)) ? esl_real_inv(esl_bool_reason(b)) : (double)b; NEXT; }
    CASE(CVT_IB) A = esl_convert(ESL_T_INT, B, ESL_T_BOOL); NEXT;
    CASE(CVT_IR) A.r = esl_real_from_int(B.i); NEXT;
    CASE(CVT_RI) A.i = esl_int_from_real(B.r); NEXT;
    CASE(CVT_RB) A = esl_convert(ESL_T_REAL, B, ESL_T_BOOL); NEXT;

    ALIKE(LT_M) ALIKE(LE_M) ALIKE(EQ_M) ALIKE(NE_M) /* see fusions.py: never met, but the table of jumps has them */
    COMPARES(int64_t, I, esl_int_invalid, int_fault, i)
    COMPARES(double, R, esl_real_invalid, real_fault, r)
    COMPARE_TEXT(LT, <) COMPARE_TEXT(LE, <=)
    CASE(EQ_T) A.i = same_texts(B.t, C.t, true); NEXT;
    CASE(NE_T) A.i = same_texts(B.t, C.t, false); NEXT;
    COMPARE_BOOL(LT, <) COMPARE_BOOL(LE, <=) COMPARE_BOOL(EQ, ==) COMPARE_BOOL(NE, !=)
    ALIKE(BR_LT_M) ALIKE(BR_LE_M) ALIKE(BR_EQ_M) ALIKE(BR_NE_M)
    BRANCHES(I, BRANCH_INT, i)
    BRANCHES(R, BRANCH_REAL, r)
    BRANCH_K(LT, <) BRANCH_K(LE, <=) BRANCH_K(EQ, ==) BRANCH_K(NE, !=) BRANCH_K(GT, >) BRANCH_K(GE, >=)

    BRANCH_INT(FOR_PREP, A.i, B.i, >)
    CASE(FOR) COUNT

    /* records */
    CASE(LD_I) ALIKE(LD_R) ALIKE(LD_M) ALIKE(LD_O) { const esl_record_t *rec = REC(ip->b).rec; ROW(rec, ip->c); A = CELLS(rec)[row]; NEXT; }
    CASE(ST_I) ALIKE(ST_R) ALIKE(ST_M) ALIKE(ST_O) {
        esl_slot_t *slot = &REC(ip->a);
        ROW(slot->rec, ip->b);
        OWN(*slot);
        CELLS(slot->rec)[row] = C;
        NEXT;
    }
    CASE(LD_B) { const esl_record_t *rec = REC(ip->b).rec; ROW(rec, ip->c); A.i = FLAGS(rec)[row]; NEXT; }
    CASE(ST_B) { esl_slot_t *slot = &REC(ip->a); ROW(slot->rec, ip->b); OWN(*slot); FLAGS(slot->rec)[row] = (uint8_t)C.i; NEXT; }
    CASE(LD_T) { const esl_record_t *rec = REC(ip->b).rec; ROW(rec, ip->c); move_text(&A, CELLS(rec)[row].t); NEXT; }
    CASE(ST_T) { esl_slot_t *slot = &REC(ip->a); ROW(slot->rec, ip->b); OWN(*slot); move_text(&CELLS(slot->rec)[row], C.t); NEXT; }
    CASE(LDW) {
        const esl_record_t *rec = REC(ip->b).rec;
        ROW(rec, ip->c);
        load_wide(&A, rec, (uint32_t)row, ip[1].a);
        SKIP;
    }
    CASE(STW) {
        esl_slot_t *slot = &REC(ip->a);
        ROW(slot->rec, ip->b);
        OWN(*slot);
        store_wide(slot->rec, (uint32_t)row, ip[1].a, &C);
        SKIP;
    }
    CASE(DIM) A.i = REC(ip->b).rec->rows; NEXT;
    CASE(ROW_GET) COLD(esl_rows_get(s, &REC(ip->a), REC(ip->b).rec, C.i)); NEXT;
    CASE(LDI_ROW) COLD(esl_rows_get(s, &REC(ip->a), REC(ip->b).rec, IMM)); NEXT;
    CASE(ROW_PUT) COLD(esl_rows_put(s, &REC(ip->a), B.i, REC(ip->c).rec)); NEXT;
    CASE(REDIM) COLD(esl_rows_redim(s, &REC(ip->a), B.i)); NEXT;
    CASE(INSERT) COLD(esl_rows_insert(s, &REC(ip->a), B.i, REC(ip->c).rec, 1, REC(ip->c).rec->rows)); NEXT;
    CASE(INSERT_ROWS) COLD(esl_rows_insert(s, &REC(ip->a), B.i, REC(ip->c).rec, R[ip[1].a].i, R[ip[1].b].i)); SKIP;
    CASE(DELETE) COLD(esl_rows_delete(s, &REC(ip->a), B.i, C.i)); NEXT;
    CASE(SET_WITH) COLD(esl_rows_copy(s, &REC(ip->a), REC(ip->b).rec)); NEXT;
    CASE(NEW_C) { esl_slot_t *slot = &REC(ip->a); move_record(slot, s->blank[slot->rec->structure - unit->structure]); NEXT; }

#include "esl_vm_fused.h"

    /* objects */
    CASE(OBJ) A.i = esl_ref_make(unit->object[ip->b].hbj, 0, 0); NEXT;
    CASE(OBJ_HBJ) TRY(esl_ref_number(B.i, &A.i)); NEXT;
    CASE(OBJ_NONE) A.i = 0; NEXT;
    CASE(ITEM) TRY(esl_ref_item(s, B.i, C.i, X, &A.i)); NEXT;
    CASE(ITEMW) TRY(esl_ref_item(s, B.i, C.i, ip[1].a, &A.i)); SKIP;
    CASE(LINKED) A.i = B.i != 0; NEXT;
    CASE(HBJ) if (!B.i) RAISE(ESL_ERR_NO_ASSIGNED_ALIAS); A.i = esl_ref_object(B.i); NEXT;
    READ_CELL(B, ESL_T_BOOL) READ_CELL(I, ESL_T_INT) READ_CELL(R, ESL_T_REAL) READ_CELL(M, ESL_T_TIME) READ_CELL(T, ESL_T_TEXT)
    READ_CELL(A, ESL_T_ANY)
    CASE(RD_C) COLD(esl_ref_record(s, B.i, &REC(ip->a))); NEXT;
    CASE(BOUND) {
        const esl_record_t *rec = REC(ip->b).rec;
        ROW(rec, ip->c);
        int64_t bond = rec->bond ? rec->bond[row] : 0;
        A.i = bond ? esl_ref_make(esl_ref_object(bond), esl_ref_row(bond), X) : 0;
        NEXT;
    }
    CASE(RD_O) TRY(esl_ref_link(s, B.i, &A.i)); NEXT;
    CASE(ATTR_VLD) CASE(ATTR_TIM) CASE(ATTR_WEA) TRY(cell_state(s, B.i, (esl_op_t)ip->op, &A.i)); NEXT;
    CASE(ATTR_DIM) TRY(esl_ref_rows(s, B.i, &A.i)); NEXT;
    VARIABLE(B, ESL_T_BOOL) VARIABLE(I, ESL_T_INT) VARIABLE(R, ESL_T_REAL) VARIABLE(M, ESL_T_TIME) VARIABLE(T, ESL_T_TEXT)

    /* ANY */
    BOX(B, ESL_T_BOOL) BOX(I, ESL_T_INT) BOX(R, ESL_T_REAL) BOX(M, ESL_T_TIME) BOX(T, ESL_T_TEXT)
    UNBOX(B, ESL_T_BOOL) UNBOX(I, ESL_T_INT) UNBOX(R, ESL_T_REAL) UNBOX(M, ESL_T_TIME)
    CASE(UNBOX_T) { esl_text_t *text = esl_convert((esl_type)B.u, (&B)[1], ESL_T_TEXT).t; move_text(&A, text); NEXT; }
    CASE(BIN_ANY) { esl_value_t r; TRY(esl_any_binary(s, (esl_arith_t)X, any_at(&B), any_at(&C), &r)); put_any(&A, r); NEXT; }
    CASE(CMP_ANY) TRY(esl_any_compare((esl_cmp_t)X, any_at(&B), any_at(&C), &A.i)); NEXT;
    CASE(NEG_ANY) { esl_value_t r; TRY(esl_any_negate(any_at(&B), &r)); put_any(&A, r); NEXT; }
    CASE(NOT_ANY) { esl_value_t r; TRY(esl_any_not(any_at(&B), &r)); put_any(&A, r); NEXT; }
#if !ESL_COMPUTED_GOTO
    default: goto bad_op;
    }
#endif

fault_bc: /* operands or result are no valid INT; this and what follows is not reached by falling */
    A.i = esl_int_fault(B.i, C.i);
    NEXT;
fault_bi:
    A.i = esl_int_fault(B.i, IMM);
    NEXT;
invalid:
    RAISE(ESL_ERR_EXPRESSION_STATUS);
shared: { /* a record that is written at ip and belongs to others too */
        esl_slot_t *slot = &REC(ip->a);
        budget -= esl_work((uint64_t)slot->rec->rows * slot->rec->structure->columns);
        if (!esl_record_own(&s->account, &slot->rec)) RAISE(ESL_ERR_MEMORY);
        DISPATCH();
    }
cramped: /* a plain CALL at ip without room for its frame */
    SYNC();
    TRY(esl_call_room(s, PLAIN(ip)));
    LOAD_FRAME();
    DISPATCH();
raise: /* `error` at ip */
    SYNC();
    if (!esl_raise(s, error, 0, message, line)) return stop(s);
    message = NULL, line = 0;
    LOAD_FRAME();
    SPEND; /* a handler is a way back as well */
    DISPATCH();
act: /* an action is pending at ip */
    s->budget--;
    return stop(s);
done:
    error = esl_finish_request(s);
    if (error) { /* no memory for the results: an error of the last line */
        LOAD_FRAME();
        goto raise;
    }
    return stop(s);
pause:
    SYNC();
    return stop(s);
starved:
    SYNC();
    s->fuel = 0;
    return stop(s);
bad_op: /* the verifier lets no such unit in */
    SYNC();
    esl_script_kill(s, "the unit is damaged", "");
    return stop(s);
}

esl_status_t esl_vm_run(esl_script_t *s, int64_t slice)
{
    if (s->status != ESL_SLICE) return s->status;
    s->budget = s->budget_start = slice < s->fuel ? slice : s->fuel;
    if (s->budget <= 0) return stop(s);
    return loop(s);
}
