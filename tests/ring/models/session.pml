/* A session that goes from connection to connection: messages both ways, connections left at any moment.
 *
 * Rules as docs/design/protocol.md states them:
 *  - messages are numbered; the receiver takes number taken + 1, drops what it had, and takes only by the line it is bound to;
 *  - the client leaves a connection whenever it likes and says RESUME{turn, taken} over the next one; what is on its way over
 *    the old one may still arrive at the server, later than anything sent over the new one;
 *  - the server binds itself to the line of the newest RESUME, answers with its own count, and sends again what the client has not;
 *  - the client sends again from the count in the answer; it sends nothing over the new line before it.
 * Control and data of a connection overtake each other.
 *
 * Proved: each message is handed on once and in order, and all of them in the end (a state in which somebody waits for ever is an
 * error). Seeded mistakes: ACKFIRST (counted when read, handed on later), SENTAGAIN (sent again from what was sent, not from what
 * was taken), OLDLINE (a RESUME over an old connection binds the server to it). */
#define N 2          /* messages of the client */
#define M 1          /* of the server */
#define CONNS 3

mtype = { RESUME, ACK };
chan up[CONNS] = [4] of { byte };
chan down[CONNS] = [4] of { byte };
chan up_control[CONNS] = [4] of { mtype, byte };
chan down_control[CONNS] = [4] of { mtype, byte };

byte c_line = 0, c_sent = 0, c_confirmed = 0, c_taken = 0, c_told = 0;
bool c_open = true, c_asked = false;
byte s_line = 0, s_sent = 0, s_confirmed = 0, s_taken = 0, s_told = 0, s_turn = 0;
bool s_open = false;
byte s_handed = 0, in_hand = 0, hand_line = 0;
byte i;

#ifdef SENTAGAIN
#define FIRST_MISSING(count, sent) sent
#else
#define FIRST_MISSING(count, sent) count
#endif
#ifdef OLDLINE
#define NEWER(x) true
#else
#define NEWER(x) (x >= s_turn)
#endif
#define QUIET (c_sent == N && s_sent == M && c_confirmed == N && s_confirmed == M && c_taken == M && s_handed == N)

#define CLIENT_HEARS(x) \
    :: atomic { down[x] ? n -> \
        if :: x == c_line && n == c_taken + 1 -> c_taken = n :: else fi } \
    :: atomic { down_control[x] ? ACK, n -> \
        if \
        :: x == c_line && !c_asked -> assert(n >= c_confirmed && n <= c_sent); c_confirmed = n \
        :: x == c_line && c_asked -> \
            assert(n >= c_confirmed && n <= c_sent); c_confirmed = n; c_asked = false; c_open = true; \
            for (i : FIRST_MISSING(n, c_sent) + 1 .. c_sent) { up[c_line] ! i } \
        :: else \
        fi }

active proctype Client() {
    byte n;
    up_control[0] ! RESUME, 0;
end:
    do
    :: atomic { c_sent < N -> c_sent++; if :: c_open -> up[c_line] ! c_sent :: else fi }
    :: atomic { c_taken > c_told && !c_asked -> c_told = c_taken; up_control[c_line] ! ACK, c_taken }
    :: atomic { c_line < CONNS - 1 ->
        c_line++; c_open = false; c_asked = true; c_told = c_taken; up_control[c_line] ! RESUME, c_taken }
    CLIENT_HEARS(0)
    CLIENT_HEARS(1)
    CLIENT_HEARS(2)
    :: atomic { timeout -> assert(QUIET); break }
    od
}

#ifdef ACKFIRST
#define TAKE(x, n) s_taken = n; in_hand = n; hand_line = x
#else
#define TAKE(x, n) s_taken = n; s_handed++; assert(s_handed == n)
#endif

#define SERVER_HEARS(x) \
    :: atomic { in_hand == 0 && nempty(up[x]) -> up[x] ? n; \
        if :: x == s_line && n == s_taken + 1 -> TAKE(x, n) :: else fi } \
    :: atomic { up_control[x] ? ACK, n -> \
        if :: x == s_line -> assert(n >= s_confirmed && n <= s_sent); s_confirmed = n :: else fi } \
    :: atomic { up_control[x] ? RESUME, n -> \
        if \
        :: NEWER(x) -> \
            s_turn = x; s_line = x; s_open = true; s_told = s_taken; \
            assert(n >= s_confirmed && n <= s_sent); s_confirmed = n; \
            down_control[x] ! ACK, s_taken; \
            for (i : FIRST_MISSING(n, s_sent) + 1 .. s_sent) { down[x] ! i } \
        :: else \
        fi }

active proctype Server() {
    byte n;
end:
    do
    :: atomic { s_sent < M -> s_sent++; if :: s_open -> down[s_line] ! s_sent :: else fi }
    :: atomic { s_taken > s_told && s_open -> s_told = s_taken; down_control[s_line] ! ACK, s_taken }
    SERVER_HEARS(0)
    SERVER_HEARS(1)
    SERVER_HEARS(2)
#ifdef ACKFIRST
    :: atomic { in_hand > 0 ->
        if :: hand_line == s_line -> s_handed++; assert(s_handed == in_hand) :: else fi;
        in_hand = 0 }
#endif
    od
}
