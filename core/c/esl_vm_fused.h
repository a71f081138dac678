/* Part of the loop in esl_vm.c: what the loader made of several instructions (core/schema/fusions.py). Each part is done whole before the
 * next one begins, and ip stands on the part that is done: an error finds the instruction that the unit has there. Values that the table's
 * tests prove to be handed on are used without another look at their register. */
#ifdef FUSED

#define THEN ip++
#define LOADED(record) ROW(record, ip->c)

    FUSED(ADDI_LOOP_BRI) {
        A.i = esl_int_add(B.i, IMM);
        THEN;
        ip += BC;
        if (ESL_UNLIKELY(--budget <= 0)) goto pause;
        int64_t a = A.i;
        if (ESL_UNLIKELY(esl_int_invalid(a))) RAISE(ESL_ERR_EXPRESSION_STATUS);
        if (a >= (int16_t)ip->b) JUMP;
        NEXT;
    }
    FUSED(ADD_LOOP_BR) {
        A.i = esl_int_add(B.i, C.i);
        THEN;
        ip += BC;
        if (ESL_UNLIKELY(--budget <= 0)) goto pause;
        int64_t a = A.i, b = B.i;
        if (ESL_UNLIKELY(esl_int_invalid(a))) RAISE(ESL_ERR_EXPRESSION_STATUS);
        __asm__("");
        if (ESL_UNLIKELY(esl_int_invalid(b))) RAISE(ESL_ERR_EXPRESSION_STATUS);
        if (a < b) JUMP;
        NEXT;
    }
    FUSED(ADDI_LOOP) A.i = esl_int_add(B.i, IMM); THEN; BACK(BC);
    FUSED(MODI_ADD_FOR) {
        int64_t left = remainder_of(B.i, IMM);
        A.i = left;
        THEN;
        A.i = esl_int_add(B.i, left);
        THEN;
        COUNT
    }
    FUSED(ADD_FOR) A.i = esl_int_add(B.i, C.i); THEN; COUNT
    FUSED(ST_B_FOR) {
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        FLAGS(slot->rec)[row] = (uint8_t)C.i;
        THEN;
        COUNT
    }
    FUSED(MOV_FOR_PREP) {
        int64_t a = B.i;
        A.i = a;
        THEN;
        int64_t b = B.i;
        if (ESL_UNLIKELY(esl_int_invalid(a) | esl_int_invalid(b))) RAISE(ESL_ERR_EXPRESSION_STATUS);
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
        int64_t at = esl_int_add(B.i, C.i);
        A.i = at;
        THEN;
        const esl_record_t *rec = B.rec;
        LOADED(rec);
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
        int64_t left = CELLS(rec)[row].i;
        A.i = left;
        THEN;
        A.i = remainder_of(left, IMM);
        NEXT;
    }
    FUSED(LD_ADDI_ST) {
        int64_t left;
        { const esl_record_t *rec = B.rec; LOADED(rec); A.i = left = CELLS(rec)[row].i; }
        THEN;
        left = esl_int_add(left, IMM);
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
        int64_t made = esl_int_add(B.i, C.i);
        A.i = made;
        THEN;
        made = remainder_of(made, IMM);
        A.i = made;
        THEN;
        esl_slot_t *slot = &A;
        ROW(slot->rec, ip->b);
        OWN(*slot);
        CELLS(slot->rec)[row].i = made;
        NEXT;
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
        int64_t product = esl_int_mul(B.i, IMM);
        A.i = product;
        THEN;
        A.i = esl_int_add(product, IMM);
        NEXT;
    }
    FUSED(LOADI_MOD) {
        int64_t divisor = BC;
        A.i = divisor;
        THEN;
        A.i = any_remainder(B.i, divisor);
        NEXT;
    }
    FUSED(BR_CASE) {
        int64_t a = A.i;
        if (ESL_UNLIKELY(esl_int_invalid(a))) RAISE(ESL_ERR_EXPRESSION_STATUS);
        const esl_case_t *table = &unit->cases[X];
        uint64_t place = (uint64_t)a - (uint64_t)table->low;
        ip += table->distance[place < table->count ? place : table->count];
        DISPATCH();
    }

#undef THEN
#undef LOADED
#endif
