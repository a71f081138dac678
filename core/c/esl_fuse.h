/* Puts the loader's own instructions into the code of a verified unit. */
#ifndef ESL_FUSE_H
#define ESL_FUSE_H

#include "esl_unit.h"

/* Opcodes that are alike get the one that stands for them; when `fused`, instructions that follow each other become one where a row of
 * core/schema/fusions.py fits. Where memory is short some are not fused: the unit does the same. */
void esl_unit_fuse(esl_unit_t *unit, bool fused);

#endif
