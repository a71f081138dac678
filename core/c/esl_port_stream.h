/* A port whose carrier is a stream socket: frames as docs/design/protocol.md has them, after the logon. */
#ifndef ESL_PORT_STREAM_H
#define ESL_PORT_STREAM_H

#include "esl_port.h"

#define ESL_STREAM_ACK_EVERY 64u /* counted frames after which an acknowledgement goes alone */

esl_port_status esl_stream_look(esl_port_t *port, esl_envelope_t *envelope, const esl_router_limits_t *limits);
esl_port_status esl_stream_take(esl_port_t *port, esl_envelope_t *envelope, const uint8_t **payload, uint64_t *seq);
bool esl_stream_put(esl_port_t *port, const esl_envelope_t *envelope, const uint8_t *payload, uint64_t seq); /* false: no room */
void esl_stream_write(esl_port_t *port); /* what the system takes of the bytes that wait */
void esl_stream_acknowledge(esl_port_t *port);
static inline bool esl_stream_unsent(const esl_port_t *port) { return port->out_at < port->out_have; }

#endif
