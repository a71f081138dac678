/* Part of the loop in esl_vm.c: what the loader made of several instructions (core/schema/fusions.py). Either each part is done whole before
 * the next one begins, and ip stands on the part that is done: an error finds the instruction that the unit has there. Or all is looked at
 * before anything is done, and what is unusual is left to the parts. Values that the table's
 * tests prove to be handed on are used without another look at their register. */
#ifdef FUSED

#define THEN ip++
#define LOADED(record) ROW(record, ip->c)
/* Operands of a part behind ip, for what is done at once: all tests first, and where one fails nothing has been done, so that the first part
 * can go on alone. */
#define A_(part) R[ip[part].a]
#define B_(part) R[ip[part].b]
#define C_(part) R[ip[part].c]
#define IMM_(part) ((int16_t)ip[part].c)
#define PLACE(record, index, otherwise) uint64_t row = (uint64_t)(index) - 1; UNLESS(row >= (record)->rows, otherwise)
/* FOR that makes another turn. */
#define TURN(part, otherwise) int64_t turn = A_(part).i; UNLESS(BAD(turn), otherwise); UNLESS(turn >= B_(part).i, otherwise)
#define TURNED(part) A_(part).i = turn + 1; ip += part; BACK((int16_t)ip->c)
/* The same where the turn is most often this instruction again: a jump that is known early. */
#define TURNED_TO(again, part) \
    if (ESL_LIKELY((int16_t)ip[part].c == -(part))) { \
        A_(part).i = turn + 1; \
        SPEND; \
        goto again; \
    } \
    TURNED(part)

    FUSED(LOADI_ST_ADD_LOOP) loadi_st_add_loop: {
        int64_t sum;
        const esl_record_t *rec = A_(1).rec;
        PLACE(rec, B_(1).i, L_LOADI_B);
        UNLESS(rec->refs != 1, L_LOADI_B);
        CHECKED(__builtin_add_overflow, sum, B_(2).i, C_(2).i, L_LOADI_B);
        uint8_t flag = X != 0;
        A.i = flag;
        ((uint8_t *)esl_record_block(rec, ip[1].x))[row] = flag;
        A_(2).i = sum;
        const esl_ins_t *own = ip;
        ip += 3 + (ptrdiff_t)esl_ins_bc(ip + 3);
        SPEND;
        int64_t a = A.i, b = B.i;
        UNLESS(BAD(a), invalid);
        UNLESS(BAD(b), invalid);
        if (a < b) JUMP;
        if (ESL_LIKELY(ip + 1 == own)) {
            ip = own;
            goto loadi_st_add_loop;
        }
        NEXT;
    }
    FUSED(MOV_ADDI_LOOP_BRI) A = B; THEN; goto addi_loop_bri;
    FUSED(ADDI_LOOP_BRI) addi_loop_bri: {
        int64_t sum;
        SUMMED(sum, B.i, IMM, fault_bi);
        A.i = sum;
        ip += 1 + (ptrdiff_t)esl_ins_bc(ip + 1);
        SPEND;
        int64_t a = A.i;
        UNLESS(BAD(a), invalid);
        if (a >= (int16_t)ip->b) JUMP;
        NEXT;
    }
    FUSED(ADD_LOOP_BR) {
        int64_t sum;
        CHECKED(__builtin_add_overflow, sum, B.i, C.i, fault_bc);
        A.i = sum;
        ip += 1 + (ptrdiff_t)esl_ins_bc(ip + 1);
        SPEND;
        int64_t a = A.i, b = B.i;
        UNLESS(BAD(a), invalid);
        UNLESS(BAD(b), invalid);
        if (a < b) JUMP;
        NEXT;
    }
    FUSED(ADDI_LOOP) { int64_t sum; SUMMED(sum, B.i, IMM, fault_bi); A.i = sum; BACK(1 + (ptrdiff_t)esl_ins_bc(ip + 1)); }
    FUSED(MODI_ADD_FOR) modi_add_for: {
        int64_t sum;
        uint64_t b = B.u;
        UNLESS(b > UINT32_MAX, L_MODI_I);
        uint32_t left = (uint32_t)b % (uint32_t)IMM;
        SUMMED(sum, B_(1).i, left, L_MODI_I);
        TURN(2, L_MODI_I);
        A.i = left;
        A_(1).i = sum;
        TURNED_TO(modi_add_for, 2);
    }
    FUSED(LOADI_ST_B_FOR) loadi_st_b_for: {
        const esl_record_t *rec = A_(1).rec;
        int64_t turn = A_(2).i; /* the row as well: a valid number */
        PLACE(rec, turn, L_LOADI_B);
        UNLESS(rec->refs != 1, L_LOADI_B);
        UNLESS(turn >= B_(2).i, L_LOADI_B);
        uint8_t flag = X != 0;
        A.i = flag;
        ((uint8_t *)esl_record_block(rec, ip[1].x))[row] = flag;
        TURNED_TO(loadi_st_b_for, 2);
    }
    FUSED(LD_B_BR_FOR) ld_b_br_for: {
        const esl_record_t *rec = B.rec;
        PLACE(rec, C.i, L_LD_B);
        int64_t a = FLAGS(rec)[row];
        UNLESS(esl_bool_invalid(a), L_LD_B);
        A.i = a;
        const esl_ins_t *own = ip;
        THEN;
        if (a) NEXT;
        ip += ip->c;
        int64_t turn = A.i;
        UNLESS(BAD(turn), invalid);
        UNLESS(turn >= B.i, L_FOR);
        A.i = turn + 1;
        if (ESL_LIKELY(ip + (int16_t)ip->c == own)) {
            ip = own;
            SPEND;
            goto ld_b_br_for;
        }
        BACK((int16_t)ip->c);
    }
    FUSED(ADD_FOR) {
        int64_t sum;
        CHECKED(__builtin_add_overflow, sum, B.i, C.i, L_ADD_I);
        TURN(1, L_ADD_I);
        A.i = sum;
        TURNED(1);
    }
    FUSED(ST_B_FOR) st_b_for: {
        esl_record_t *rec = A.rec;
        PLACE(rec, B.i, L_ST_B);
        UNLESS(rec->refs != 1, L_ST_B);
        TURN(1, L_ST_B);
        FLAGS(rec)[row] = (uint8_t)C.i;
        TURNED_TO(st_b_for, 1);
    }
    FUSED(MOV_FOR_PREP) {
        int64_t a = B.i;
        A.i = a;
        THEN;
        int64_t b = B.i;
        UNLESS(BAD(a), invalid);
        UNLESS(BAD(b), invalid);
        if (a > b) JUMP;
        NEXT;
    }

    FUSED(LD_LD_SUB) {
        double left, right;
        { const esl_record_t *rec = B.rec; LOADED(rec); A.r = left = CELLS(rec)[row].r; }
        THEN;
        { const esl_record_t *rec = B.rec; LOADED(rec); A.r = right = CELLS(rec)[row].r; }
        THEN;
        A.r = left - right;
        NEXT;
    }
    FUSED(LD_MUL_ADD) {
        const esl_record_t *rec = B.rec;
        LOADED(rec);
        double right = CELLS(rec)[row].r;
        A.r = right;
        THEN;
        double product = B.r * right;
        A.r = product;
        THEN;
        A.r = B.r + product;
        NEXT;
    }
    FUSED(INDEX_LD) {
        int64_t at;
        CHECKED(__builtin_add_overflow, at, B.i, C.i, fault_bc);
        A.i = at;
        THEN;
        const esl_record_t *rec = B.rec;
        uint64_t row = (uint64_t)at - 1;
        UNLESS(row >= rec->rows, L_LD_I);
        A = CELLS(rec)[row];
        NEXT;
    }
    FUSED(LD_MULK) {
        const esl_record_t *rec = B.rec;
        LOADED(rec);
        double left = CELLS(rec)[row].r;
        A.r = left;
        THEN;
        A.r = left * KREAL(ip->c);
        NEXT;
    }
    FUSED(LD_CVT_MULK) {
        const esl_record_t *rec = B.rec;
        LOADED(rec);
        int64_t whole = CELLS(rec)[row].i;
        A.i = whole;
        THEN;
        double left = esl_real_from_int(whole);
        A.r = left;
        THEN;
        A.r = left * KREAL(ip->c);
        NEXT;
    }
    FUSED(LD_MODI) {
        const esl_record_t *rec = B.rec;
        LOADED(rec);
        int64_t whole = CELLS(rec)[row].i;
        A.i = whole;
        THEN;
        UNLESS((uint64_t)whole > UINT32_MAX, L_MODI_I);
        A.i = (uint32_t)whole % (uint32_t)IMM;
        NEXT;
    }
    FUSED(LD_ADDI_ST) {
        int64_t left;
        { const esl_record_t *rec = B.rec; LOADED(rec); A.i = left = CELLS(rec)[row].i; }
        THEN;
        SUMMED(left, left, IMM, fault_bi);
        A.i = left;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        CELLS(slot->rec)[row].i = left;
        NEXT;
    }
    FUSED(LD_LD) {
        { const esl_record_t *rec = B.rec; LOADED(rec); A = CELLS(rec)[row]; }
        THEN;
        { const esl_record_t *rec = B.rec; LOADED(rec); A = CELLS(rec)[row]; }
        NEXT;
    }
    FUSED(LD_MUL_MUL) {
        const esl_record_t *rec = B.rec;
        LOADED(rec);
        double product = CELLS(rec)[row].r;
        A.r = product;
        THEN;
        product = B.r * product;
        A.r = product;
        THEN;
        A.r = product * C.r;
        NEXT;
    }
    FUSED(LD_B_BR) {
        const esl_record_t *rec = B.rec;
        LOADED(rec);
        int64_t a = FLAGS(rec)[row];
        A.i = a;
        THEN;
        if (ESL_UNLIKELY(esl_bool_invalid(a))) RAISE(ESL_ERR_EXPRESSION_STATUS);
        if (!a) JUMP;
        NEXT;
    }
    FUSED(LOADI_ST_B) {
        int64_t flag = X != 0;
        A.i = flag;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        FLAGS(slot->rec)[row] = (uint8_t)flag;
        NEXT;
    }
    FUSED(LOADI_NE_ST) {
        int64_t right = BC;
        A.i = right;
        THEN;
        int64_t left = B.i, differ = ESL_UNLIKELY(esl_int_invalid(left)) ? esl_bool_inv(esl_int_reason(left)) : left != right;
        A.i = differ;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        FLAGS(slot->rec)[row] = (uint8_t)differ;
        NEXT;
    }
    FUSED(SUB_ST) {
        double made = B.r - C.r;
        A.r = made;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        CELLS(slot->rec)[row].r = made;
        NEXT;
    }
    FUSED(ADD_ST) {
        double made = B.r + C.r;
        A.r = made;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        CELLS(slot->rec)[row].r = made;
        NEXT;
    }
    FUSED(ADD_MODI_ST) {
        int64_t made;
        CHECKED(__builtin_add_overflow, made, B.i, C.i, fault_bc);
        A.i = made;
        THEN;
        UNLESS((uint64_t)made > UINT32_MAX, L_MODI_I);
        uint32_t left = (uint32_t)made % (uint32_t)IMM;
        A.i = left;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        CELLS(slot->rec)[row].i = left;
        NEXT;
    }

    FUSED(MUL_MUL_ADD_BRK) {
        double left = B.r * C.r;
        A.r = left;
        double right = B_(1).r * C_(1).r;
        A_(1).r = right;
        double a = left + right, b = KREAL(ip[3].b);
        A_(2).r = a;
        ip += 3;
        if (ESL_UNLIKELY(esl_real_invalid(a - b)) && (esl_real_invalid(a) | esl_real_invalid(b))) goto invalid;
        if (a > b) JUMP;
        NEXT;
    }
    FUSED(MUL_MUL_SUB_ADD) {
        double left = B.r * C.r;
        A.r = left;
        double right = B_(1).r * C_(1).r;
        A_(1).r = right;
        left = left - right;
        A_(2).r = left;
        A_(3).r = left + C_(3).r;
        ip += 4;
        DISPATCH();
    }
    FUSED(MUL_MUL_ADD) {
        double left = B.r * C.r;
        A.r = left;
        THEN;
        double right = B.r * C.r;
        A.r = right;
        THEN;
        A.r = left + right;
        NEXT;
    }
    FUSED(MUL_MUL_SUB) {
        double left = B.r * C.r;
        A.r = left;
        THEN;
        double right = B.r * C.r;
        A.r = right;
        THEN;
        A.r = left - right;
        NEXT;
    }
    FUSED(MULK_MUL_ADD) {
        double made = B.r * KREAL(ip->c);
        A.r = made;
        THEN;
        made = made * C.r;
        A.r = made;
        THEN;
        A.r = made + C.r;
        NEXT;
    }
    FUSED(MUL_ADD) {
        double product = B.r * C.r;
        A.r = product;
        THEN;
        A.r = B.r + product;
        NEXT;
    }

    FUSED(MULI_ADDI) {
        int64_t b = B.i, product, sum;
        UNLESS(__builtin_mul_overflow(b, (int64_t)IMM, &product), L_MULI_I);
        UNLESS(BAD(b), L_MULI_I);
        SUMMED(sum, product, IMM_(1), L_MULI_I);
        A.i = product;
        A_(1).i = sum;
        ip += 2;
        DISPATCH();
    }
    FUSED(LOADI_MOD) {
        int64_t divisor = BC;
        uint64_t b = B_(1).u;
        UNLESS(b > UINT32_MAX, L_LOADI_I);
        UNLESS(divisor <= 0, L_LOADI_I);
        A.i = divisor;
        A_(1).i = (uint32_t)b % (uint32_t)divisor;
        ip += 2;
        DISPATCH();
    }
    FUSED(BR_CASE) {
        int64_t a = A.i;
        UNLESS(BAD(a), invalid);
        const esl_case_t *table = &unit->cases[X];
        uint64_t place = (uint64_t)a - (uint64_t)table->low;
        ip += table->distance[place < table->count ? place : table->count];
        DISPATCH();
    }

#undef THEN
#undef LOADED
#undef A_
#undef B_
#undef C_
#undef IMM_
#undef PLACE
#undef TURN
#undef TURNED
#undef TURNED_TO
#endif
