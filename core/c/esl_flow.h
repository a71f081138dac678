/* Which registers of a procedure may be read, from an instruction on, before they are written. For the loader: a CALL need not fill what
 * nobody reads, and may lay the new frame over what nobody reads any more. Only types of one slot without a reference are decided by it,
 * so that it has no say in the safety of memory: see docs/adr/0024. */
#ifndef ESL_FLOW_H
#define ESL_FLOW_H

#include "esl_unit.h"

#define ESL_FLOW_REGISTERS 64      /* procedures with more are not followed */
#define ESL_FLOW_LENGTH 65536u     /* nor longer ones */
#define ESL_REGS_ALL (~UINT64_C(0))

typedef uint64_t esl_regs_t;       /* a set of registers, bit by number */
typedef struct { esl_regs_t reads, writes; } esl_effect_t;

/* Can a procedure be followed? It has handlers, guards or subroutines otherwise, or is too large; the init part's registers are
 * everybody's. */
bool esl_flow_follows(const esl_unit_t *unit, const esl_procedure_t *procedure);
/* What an instruction of a verified unit does in its frame; of a CALL nothing is said. */
esl_effect_t esl_flow_effect(const esl_unit_t *unit, const esl_procedure_t *procedure, uint32_t pc);
/* live[pc]: may be read at pc or later before it is written, by the effects of all instructions. false: not settled in time. */
bool esl_flow_live(const esl_procedure_t *procedure, const esl_effect_t *effects, esl_regs_t *live);

#endif
