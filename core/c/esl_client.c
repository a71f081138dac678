/* The link of a client without Python. Byte formats: docs/design/protocol.md. */
#define _GNU_SOURCE
#include "esl_client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "esl_pack.h"
#include "esl_sha256.h"

#define SECRET_BYTES 32
#define NONCE_BYTES 16
#define PROTOCOL_MAJOR 1
#define PROTOCOL_MINOR 5         /* the highest that this file speaks */
#define LOWEST_MINOR 4           /* CALL_TO came with it */
#define LOGON_MS 5000
#define BEAT_MS 1000
#define FRAME_BYTES (64u * 1024) /* of payload: what is longer comes in fragments */
#define ROOM (ESL_FRAME_HEAD + FRAME_BYTES)

int64_t esl_client_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool failed(esl_client_t *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->why, sizeof c->why, format, arguments);
    va_end(arguments);
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    return false;
}

/* --- frames --------------------------------------------------------------------------------------------------------- */

static bool write_all(esl_client_t *c, const uint8_t *bytes, size_t length)
{
    while (length) {
        ssize_t done = send(c->fd, bytes, length, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return failed(c, "the system ended the link: %s", strerror(errno));
        bytes += done;
        length -= (size_t)done;
    }
    return true;
}

bool esl_client_send(esl_client_t *c, esl_envelope_t *envelope, const void *payload, size_t length)
{
    uint8_t head[ESL_FRAME_HEAD];
    bool counted = envelope->kind < ESL_KIND_HELLO; /* link control has seq 0 */
    if (c->fd < 0 || length > FRAME_BYTES) return false;
    esl_session_t session = {.session = c->session, .seq = counted ? ++c->seq[envelope->lane % ESL_LANES] : 0, .ack = c->received,
                             .epoch = c->epoch};
    envelope->length = envelope->total = (uint32_t)length;
    envelope->flags |= ESL_FIRST | ESL_LAST;
    esl_frame_head(head, &session, envelope, payload);
    c->spoke_ms = esl_client_now();
    return write_all(c, head, sizeof head) && write_all(c, payload, length);
}

static bool say(esl_client_t *c, uint16_t kind, const esl_buffer_t *payload)
{
    esl_envelope_t envelope = {.kind = kind};
    return esl_client_send(c, &envelope, payload ? payload->data : NULL, payload ? payload->length : 0);
}

/* Descriptors that come beside a frame are not asked for: the kernel drops them, and the link stays on the socket. */
static int more(esl_client_t *c, int64_t wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int ready = poll(&p, 1, (int)(wait_ms < 0 ? 0 : wait_ms));
    if (ready == 0 || (ready < 0 && errno == EINTR)) return 0;
    ssize_t got = recv(c->fd, c->in + c->have, ROOM - c->have, 0);
    if (got <= 0) {
        failed(c, "the system ended the link%s%s", got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
        return -1;
    }
    c->have += (size_t)got;
    return 1;
}

static int next_frame(esl_client_t *c, esl_arrived_t *arrived)
{
    esl_session_t session;
    memmove(c->in, c->in + c->taken, c->have -= c->taken);
    c->taken = 0;
    esl_frame_status status = esl_frame_look(c->in, c->have, FRAME_BYTES, &session, &arrived->envelope);
    if (status == ESL_FRAME_PART) return 0;
    if (status != ESL_FRAME_OK) {
        failed(c, "the other side does not speak the protocol of hisee (frame fault %d)", status);
        return -1;
    }
    c->taken = ESL_FRAME_HEAD + arrived->envelope.length;
    c->received += session.seq != 0;
    arrived->payload = c->in + ESL_FRAME_HEAD;
    return 1;
}

static bool beat(esl_client_t *c)
{
    return !c->session || esl_client_now() - c->spoke_ms < BEAT_MS || say(c, ESL_KIND_HEARTBEAT, NULL);
}

int esl_client_receive(esl_client_t *c, int64_t deadline_ms, esl_arrived_t *arrived)
{
    for (;;) {
        if (c->fd < 0 || !beat(c)) return -1;
        int found = next_frame(c, arrived);
        if (found < 0 || (found && arrived->envelope.kind != ESL_KIND_HEARTBEAT)) return found;
        if (found) continue;
        int64_t left = deadline_ms - esl_client_now();
        int got = more(c, left < BEAT_MS / 2 ? left : BEAT_MS / 2);
        if (got < 0) return -1;
        if (got == 0 && left <= 0) return 0;
    }
}

/* --- where the system is -------------------------------------------------------------------------------------------- */

static bool read_file(esl_client_t *c, const char *folder, const char *name, char *to, size_t room, size_t *length)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) return failed(c, "%s: %s; is this the data directory of a running system?", path, strerror(errno));
    *length = fread(to, 1, room, file);
    fclose(file);
    return true;
}

static bool connect_to(esl_client_t *c, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char place[sizeof address.sun_path];
    size_t length;
    if (!read_file(c, folder, "sockets", place, sizeof place - 1, &length)) return false;
    while (length && (place[length - 1] == '\n' || place[length - 1] == '\r')) length--;
    place[length] = 0;
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s/knl", place) >= (int)sizeof address.sun_path)
        return failed(c, "%s/sockets names a directory that is too long for a socket", folder);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
        return failed(c, "nobody answers at %s: %s; is the system running?", address.sun_path, strerror(errno));
    return true;
}

/* --- logon ---------------------------------------------------------------------------------------------------------- */

static bool no_memory(esl_client_t *c) { return failed(c, "no memory for a link"); }

static int put_version(esl_buffer_t *out, const char *field, unsigned minor)
{
    return esl_pack_text(out, field) || esl_pack_array(out, 2) || esl_pack_uint(out, PROTOCOL_MAJOR) || esl_pack_uint(out, minor);
}

static int hello(esl_buffer_t *out, const uint8_t *nonce)
{
    return esl_pack_map(out, 5) || esl_pack_text(out, "kind") || esl_pack_text(out, "TEL") || esl_pack_text(out, "pid")
        || esl_pack_uint(out, (uint32_t)getpid()) || put_version(out, "protocol", PROTOCOL_MINOR) || put_version(out, "lowest", LOWEST_MINOR)
        || esl_pack_text(out, "nonce") || esl_pack_bytes(out, nonce, NONCE_BYTES);
}

static bool text_field(const esl_arrived_t *a, const char *name, const char **text, uint32_t *length)
{
    esl_packed_t all = {a->payload, a->payload + a->envelope.length}, value;
    return esl_packed_field(all, name, &value) && esl_packed_text(value, text, length);
}

static bool int_field(const esl_arrived_t *a, const char *name, int64_t *number)
{
    esl_packed_t all = {a->payload, a->payload + a->envelope.length}, value;
    return esl_packed_field(all, name, &value) && esl_packed_int(value, number);
}

static bool expect(esl_client_t *c, uint16_t kind, int64_t deadline, esl_arrived_t *a)
{
    const char *text;
    uint32_t length;
    int got = esl_client_receive(c, deadline, a);
    if (got < 0) return false;
    if (got == 0) return failed(c, "no answer to the logon within %d ms", LOGON_MS);
    if (a->envelope.kind == kind) return true;
    if (a->envelope.kind == ESL_KIND_REFUSED && text_field(a, "text", &text, &length))
        return failed(c, "the logon was refused: %.*s", (int)length, text);
    return failed(c, "the other side does not speak the protocol of hisee");
}

typedef struct { uint8_t secret[SECRET_BYTES], mine[NONCE_BYTES], theirs[NONCE_BYTES]; esl_buffer_t hello; } proof_t;

static void prove(const proof_t *p, const char *label, uint8_t mac[ESL_SHA256_BYTES])
{
    esl_piece_t pieces[] = {{label, strlen(label)}, {p->mine, NONCE_BYTES}, {p->theirs, NONCE_BYTES}, {p->hello.data, p->hello.length}};
    esl_hmac_sha256(p->secret, SECRET_BYTES, pieces, 4, mac);
}

static bool send_proof(esl_client_t *c, const proof_t *p)
{
    uint8_t mac[ESL_SHA256_BYTES];
    esl_buffer_t out = {0};
    prove(p, "hisee logon", mac);
    bool ok = !(esl_pack_map(&out, 1) || esl_pack_text(&out, "hmac") || esl_pack_bytes(&out, mac, sizeof mac));
    ok = ok ? say(c, ESL_KIND_PROOF, &out) : no_memory(c);
    esl_buffer_free(&out);
    return ok;
}

static bool welcomed(esl_client_t *c, const proof_t *p, const esl_arrived_t *a)
{
    uint8_t mac[ESL_SHA256_BYTES];
    const char *proof;
    uint32_t length;
    int64_t number, session;
    prove(p, "hisee welcome", mac);
    if (!text_field(a, "proof", &proof, &length) || length != sizeof mac || !esl_same_bytes(proof, mac, sizeof mac))
        return failed(c, "the server did not prove the system's secret: it is another system, or none");
    if (!int_field(a, "number", &number) || !int_field(a, "session", &session))
        return failed(c, "the server's WELCOME cannot be read");
    c->number = (uint32_t)number, c->session = (uint64_t)session, c->epoch = 1;
    return true;
}

/* The offer of a ring is declined: frames go on over the socket. */
static bool decline_ring(esl_client_t *c, const esl_arrived_t *a)
{
    static const uint8_t no = 0xc2;
    int64_t capacity = 0, epoch = 0;
    esl_buffer_t out = {0};
    bool ok = int_field(a, "capacity", &capacity) && int_field(a, "epoch", &epoch)
        && !(esl_pack_map(&out, 3) || esl_pack_text(&out, "capacity") || esl_pack_uint(&out, (uint32_t)capacity)
             || esl_pack_text(&out, "epoch") || esl_pack_uint(&out, (uint32_t)epoch) || esl_pack_text(&out, "accepted")
             || esl_buffer_put(&out, &no, 1));
    ok = ok ? say(c, ESL_KIND_RING, &out) : failed(c, "the server's offer of a ring cannot be read");
    esl_buffer_free(&out);
    return ok;
}

static bool converse(esl_client_t *c, proof_t *p)
{
    esl_arrived_t a;
    const char *nonce;
    uint32_t length;
    int64_t deadline = esl_client_now() + LOGON_MS;
    if (getrandom(p->mine, NONCE_BYTES, 0) != NONCE_BYTES || hello(&p->hello, p->mine)) return no_memory(c);
    if (!say(c, ESL_KIND_HELLO, &p->hello) || !expect(c, ESL_KIND_CHALLENGE, deadline, &a)) return false;
    if (!text_field(&a, "nonce", &nonce, &length) || length != NONCE_BYTES) return failed(c, "the server's CHALLENGE holds no nonce");
    memcpy(p->theirs, nonce, NONCE_BYTES);
    return send_proof(c, p) && expect(c, ESL_KIND_WELCOME, deadline, &a) && welcomed(c, p, &a)
        && expect(c, ESL_KIND_RING, deadline, &a) && decline_ring(c, &a);
}

bool esl_client_open(esl_client_t *c, const char *folder)
{
    proof_t proof = {.hello = {0}};
    size_t length;
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->in = malloc(ROOM);
    if (!c->in) return no_memory(c);
    bool ok = read_file(c, folder, "secret", (char *)proof.secret, SECRET_BYTES, &length)
        && (length == SECRET_BYTES || failed(c, "%s/secret holds %zu bytes, not %d; restore it from a backup", folder, length, SECRET_BYTES))
        && connect_to(c, folder) && converse(c, &proof);
    esl_buffer_free(&proof.hello);
    explicit_bzero(proof.secret, SECRET_BYTES);
    if (!ok) esl_client_close(c);
    return ok;
}

void esl_client_close(esl_client_t *c)
{
    static const uint8_t empty = 0x80;
    esl_buffer_t nothing = {.data = (uint8_t *)&empty, .length = 1};
    if (c->fd >= 0 && c->session) say(c, ESL_KIND_GOODBYE, &nothing);
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    free(c->in);
    c->in = NULL;
}
