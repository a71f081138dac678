/* Pieces of one size, taken and given back in a few instructions. Memory comes in chunks and goes back with a chunk's last piece.
 *
 * Threads: a slab is used by one thread at a time. No operating system here. */
#ifndef ESL_SLAB_H
#define ESL_SLAB_H

#include "esl_base.h"

struct esl_chunk_of_pieces;

typedef struct {
    uint32_t size, room;                 /* bytes of a piece; pieces of a chunk */
    struct esl_chunk_of_pieces *free;    /* chunks with room, the latest used first */
    struct esl_chunk_of_pieces *spare;   /* one empty chunk is kept: the next piece may come at once */
} esl_slab_t;

void esl_slab_init(esl_slab_t *slab, size_t size);
void *esl_slab_take(esl_slab_t *slab);   /* not cleared; NULL: no memory */
void esl_slab_give(void *piece);         /* to the slab that it is of */
void esl_slab_close(esl_slab_t *slab);   /* every piece has been given back */

#endif
