/* Numbers of lanes. */
#include "esl_session.h"

#include <string.h>

void esl_lanes_init(esl_lanes_t *l, uint32_t count, uint16_t control)
{
    memset(l, 0, sizeof *l);
    l->count = count < ESL_LANES ? count : ESL_LANES;
    l->control = control;
}

bool esl_lanes_next(const esl_lanes_t *l, const esl_record_view_t *view)
{
    const esl_envelope_t *e = &view->envelope;
    if (e->kind >= l->control || e->lane >= l->count || (l->open >> e->lane & 1)) return false;
    return (e->flags & (ESL_FIRST | ESL_LAST)) == (ESL_FIRST | ESL_LAST) && view->header.lane_seq == l->taken[e->lane] + 1;
}
