/* Functions that texts are taken apart and put together with, done for the loop without the way over the table of functions. */
#ifndef ESL_QUICK_H
#define ESL_QUICK_H

#include "esl_script.h"

typedef enum { ESL_QUICK_NO, ESL_QUICK_SUB_STR, ESL_QUICK_STR_POS, ESL_QUICK_I_TO_STR } esl_quick_t;

/* Which of them a site of a verified unit calls, with arguments of just the types that its row asks for. */
esl_quick_t esl_quick_of(const esl_site_t *site);
/* The call of a site with `quick`, in the registers R of the top frame: its fuel, to be taken from the budget. Below 0: nothing has been
 * done, and nothing decided: the function itself has to be called (invalid or unusual arguments, no memory, no fuel). */
int64_t esl_quick(esl_script_t *script, const esl_site_t *site, esl_slot_t *R);

#endif
