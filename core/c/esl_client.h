/* A client's link over the Unix control socket: logon, frames, acknowledgements, heartbeats. For programs without Python. */
#ifndef ESL_CLIENT_H
#define ESL_CLIENT_H

#include "esl_codec.h"
#include "esl_frame.h"
#include "gen/messages.h"

enum {
#define X(number, name, lane) ESL_KIND_##name = number,
    HISEE_MESSAGES(X)
#undef X
};

#define ESL_LANES 16
#define ESL_CLIENT_WHY 512

typedef struct {
    int fd;                      /* -1: the link has ended */
    uint32_t number;             /* of this program in the system */
    uint64_t session, seq[ESL_LANES], received;
    uint32_t epoch;
    int64_t spoke_ms;            /* when something was last sent */
    uint8_t *in;                 /* bytes that have arrived and were not taken */
    size_t have, taken;
    char why[ESL_CLIENT_WHY];
} esl_client_t;

/* A frame that has arrived; the payload is the link's, until the next one is asked for. */
typedef struct { esl_envelope_t envelope; const uint8_t *payload; } esl_arrived_t;

/* false: `why` says what is wrong, nothing is left open. */
bool esl_client_open(esl_client_t *client, const char *data_directory);
void esl_client_close(esl_client_t *client);
/* The envelope's length, total and flags are filled in; `flags` of it as given. false: the link has ended. */
bool esl_client_send(esl_client_t *client, esl_envelope_t *envelope, const void *payload, size_t length);
/* 1: a frame; 0: none until `deadline_ms` (esl_client_now); -1: the link has ended. Sends heartbeats on the way. */
int esl_client_receive(esl_client_t *client, int64_t deadline_ms, esl_arrived_t *arrived);
int64_t esl_client_now(void); /* monotonic milliseconds */

#endif
