/* Frames of a stream: head, CRC, and the checks that come before anything is believed. */
#include "esl_frame.h"

#include <string.h>

#include "esl_crc.h"

static uint32_t crc_of(const esl_envelope_t *envelope, const void *payload)
{
    return esl_crc32c(esl_crc32c(0, envelope, sizeof *envelope), payload, envelope->length);
}

void esl_frame_head(uint8_t *head, esl_session_t *session, const esl_envelope_t *envelope, const void *payload)
{
    session->crc = crc_of(envelope, payload);
    memcpy(head, session, sizeof *session);
    memcpy(head + sizeof *session, envelope, sizeof *envelope);
}

esl_frame_status esl_frame_look(const uint8_t *bytes, size_t have, uint32_t limit, esl_session_t *session,
                                esl_envelope_t *envelope)
{
    if (have < ESL_FRAME_HEAD) return ESL_FRAME_PART;
    memcpy(session, bytes, sizeof *session);
    memcpy(envelope, bytes + sizeof *session, sizeof *envelope);
    if (envelope->length > limit) return ESL_FRAME_LONG;
    if (!esl_envelope_ok(envelope)) return ESL_FRAME_TOTAL;
    if (have - ESL_FRAME_HEAD < envelope->length) return ESL_FRAME_PART;
    return crc_of(envelope, bytes + ESL_FRAME_HEAD) == session->crc ? ESL_FRAME_OK : ESL_FRAME_CRC;
}
