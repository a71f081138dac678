/* Actions that the VM carries out itself: no host sees them. Their rows stand in core/schema/actions.py (implementor VM). */
#ifndef ESL_LOCAL_H
#define ESL_LOCAL_H

#include "esl_script.h"

/* Carries the action of a site out: 0 or an error to raise. The row's signature has been verified. */
typedef int (*esl_local_fn)(esl_script_t *script, const esl_site_t *site);
esl_local_fn esl_local_find(uint16_t action); /* NULL: an action of the host */

#endif
