/* The loop: runs a script until it is done, has used its slice, waits for an action, failed or was killed.
 * No operating system, no threads. Dispatch is computed goto, or a switch with -DESL_COMPUTED_GOTO=0; both pass one suite. */
#ifndef ESL_VM_H
#define ESL_VM_H

#include "esl_script.h"

#ifndef ESL_COMPUTED_GOTO
#define ESL_COMPUTED_GOTO 1
#endif

/* `slice` > 0 in units of fuel (a back edge, a call, what a builtin charges). Returns script->status. */
esl_status_t esl_vm_run(esl_script_t *script, int64_t slice);

#endif
