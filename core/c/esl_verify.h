/* The structural verifier: one linear pass, no data flow. Registers have one type for life, so that looking at each
 * instruction alone proves that the VM never mistakes a number for a pointer (docs/design/unit.md). */
#ifndef ESL_VERIFY_H
#define ESL_VERIFY_H

#include "esl_unit.h"

/* Everything an operand names exists and has the right type; jumps land on instructions; code ends in a terminator;
 * sites fit what they call. false: *refusal holds the offset in the unit's bytes and a sentence. */
bool esl_unit_verify(esl_unit_t *unit, esl_refusal_t *refusal);

#endif
