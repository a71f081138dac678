/* Slabs: a chunk is aligned to its size, so that a piece finds its chunk, and the chunk its slab. */
#include "esl_slab.h"

#include <stdlib.h>

#define CHUNK (1u << 20) /* of address space; what is not taken yet takes no memory */
#define TAIL 64 /* for the allocator's own head: so chunks lie side by side */

typedef struct esl_chunk_of_pieces {
    esl_slab_t *slab;
    struct esl_chunk_of_pieces *next, *previous; /* in the list of chunks with room */
    void *given;                                 /* pieces that came back, each holds the next */
    uint32_t used, fresh;                        /* pieces out; pieces that were never taken begin at this one */
} chunk_t;

#define HEAD ((sizeof(chunk_t) + 63) & ~(size_t)63)

void esl_slab_init(esl_slab_t *slab, size_t size)
{
    uint32_t rounded = (uint32_t)((size + 15) & ~(size_t)15);
    *slab = (esl_slab_t){.size = rounded, .room = (uint32_t)((CHUNK - HEAD - TAIL) / rounded)};
}

static chunk_t *chunk_of(void *piece) { return (chunk_t *)((uintptr_t)piece & ~(uintptr_t)(CHUNK - 1)); }

static void link_first(chunk_t *chunk)
{
    esl_slab_t *slab = chunk->slab;
    chunk->previous = NULL;
    chunk->next = slab->free;
    if (slab->free) slab->free->previous = chunk;
    slab->free = chunk;
}

static void unlink_chunk(chunk_t *chunk)
{
    if (chunk->next) chunk->next->previous = chunk->previous;
    if (chunk->previous) chunk->previous->next = chunk->next;
    else chunk->slab->free = chunk->next;
}

static chunk_t *chunk_with_room(esl_slab_t *slab)
{
    chunk_t *chunk = slab->spare;
    slab->spare = NULL;
    if (!chunk && posix_memalign((void **)&chunk, CHUNK, CHUNK - TAIL)) return NULL;
    *chunk = (chunk_t){.slab = slab};
    link_first(chunk);
    return chunk;
}

void *esl_slab_take(esl_slab_t *slab)
{
    chunk_t *chunk = slab->free;
    if (ESL_UNLIKELY(!chunk) && !(chunk = chunk_with_room(slab))) return NULL;
    void *piece = chunk->given;
    if (piece) chunk->given = *(void **)piece;
    else piece = (char *)chunk + HEAD + (size_t)slab->size * chunk->fresh++;
    if (++chunk->used == slab->room) unlink_chunk(chunk);
    return piece;
}

static void retire(chunk_t *chunk)
{
    unlink_chunk(chunk);
    if (chunk->slab->spare) free(chunk);
    else chunk->slab->spare = chunk;
}

void esl_slab_give(void *piece)
{
    chunk_t *chunk = chunk_of(piece);
    if (chunk->used-- == chunk->slab->room) link_first(chunk);
    *(void **)piece = chunk->given;
    chunk->given = piece;
    if (ESL_UNLIKELY(!chunk->used)) retire(chunk);
}

void esl_slab_close(esl_slab_t *slab)
{
    free(slab->spare);
    slab->spare = NULL;
}
