/* An artificial wide-area link between two connected stream sockets: delay, jitter, rate. One thread, no Python, no GIL.
 *
 * Bytes of each direction keep their order. Each direction holds a bounded amount of bytes; when it is full the shaper
 * reads no more, so that back-pressure reaches the sender as it does on a real link. */
#ifndef ESL_SHAPER_H
#define ESL_SHAPER_H

#include "esl_base.h"

typedef struct esl_shaper esl_shaper_t;

typedef struct {
    int64_t delay_ns;  /* each way */
    int64_t jitter_ns; /* up to so much more, each way */
    int64_t kbit_s;    /* 0 = no limit */
} esl_shape_t;

/* Takes over both descriptors and starts the thread; NULL (descriptors closed) when memory or a thread cannot be had. */
esl_shaper_t *esl_shaper_start(int near, int far, const esl_shape_t *shape);
/* From the next byte on. May be called from any thread. */
void esl_shaper_set(esl_shaper_t *shaper, const esl_shape_t *shape);
/* Bytes that have been read and not yet written, both directions. */
int64_t esl_shaper_held(const esl_shaper_t *shaper);
/* Gives the handle back. The thread goes on until what it holds has arrived and the near end is closed, then frees all. */
void esl_shaper_leave(esl_shaper_t *shaper);

#endif
