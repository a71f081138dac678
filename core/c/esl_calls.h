/* Prepares the CALLs of a verified unit for the loop, before instructions are fused: which of them are plain, what their frames begin with, where these lie. */
#ifndef ESL_CALLS_H
#define ESL_CALLS_H

#include "esl_unit.h"

/* Every CALL that the loop can do by copying slots gets its esl_call_t. Where memory is short some stay as they are: the unit does the same. */
void esl_unit_prepare_calls(esl_unit_t *unit);

#endif
