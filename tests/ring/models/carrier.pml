/* One direction of a local link that goes from ring to socket and back, at any moment, with rings that are damaged.
 *
 * Rules as docs/design/protocol.md states them:
 *  - the sender's last record in a carrier is MARK; everything after it goes by the other one; the receiver reads the other one
 *    only behind MARK, so a planned change needs nothing sent again;
 *  - a receiver that finds its ring damaged says LOST{taken} over the other direction's socket, reads the socket from then on, and
 *    drops everything until AGAIN;
 *  - a sender that finds its ring damaged says BROKEN over the socket, also one that has left it and does not know yet whether it was
 *    read to its end; the receiver answers as if it had found it itself;
 *  - at LOST the sender gives up its ring, sends AGAIN over the socket and everything behind `taken` once more; it goes back to a
 *    ring only with a fresh segment.
 *
 * Proved: each message is handed on once and in order, and all of them in the end (an invalid end state otherwise). Seeded mistakes:
 * EARLY (the socket is read before MARK), NOSKIP (what came before AGAIN is taken), SENTAGAIN (sent again from what was sent),
 * OLDRING (the segment is repaired, not replaced), TWICE (BROKEN is answered although LOST is out). */
#define N 4          /* messages */
#define CHANGES 3    /* planned ones */
#define FAULTS 2     /* damaged rings */
#define RINGS 4      /* segments */

mtype = { DATA, MARK, AGAIN, BROKEN };
chan ring[RINGS] = [3] of { mtype, byte };
chan sock = [6] of { mtype, byte };
chan back = [3] of { byte };

bool damaged[RINGS];
byte sent = 0, taken = 0, changes = 0, faults = 0;
byte s_ring = 0, r_ring = 0; /* segment that each end has; the sender's fresh one comes with its MARK */
bool s_on_ring = true, s_lost_ring = false, r_on_ring = true, waits = false, broken_told = false;
byte i;

#ifdef SENTAGAIN
#define FIRST_MISSING(count) sent
#else
#define FIRST_MISSING(count) count
#endif
#ifdef OLDRING
#define FRESH s_ring
#else
#define FRESH (s_ring + 1)
#endif
#ifdef TWICE
#define ANSWERS true
#else
#define ANSWERS (!waits)
#endif

active proctype Sender() {
    byte n;
end:
    do
    :: atomic { sent < N && s_on_ring && !damaged[s_ring] && nfull(ring[s_ring]) -> sent++; ring[s_ring] ! DATA, sent }
    :: atomic { sent < N && !s_on_ring && nfull(sock) -> sent++; sock ! DATA, sent }
    :: atomic { changes < CHANGES && s_on_ring && !damaged[s_ring] && nfull(ring[s_ring]) ->
        changes++; ring[s_ring] ! MARK, 0; s_on_ring = false }
    :: atomic { changes < CHANGES && !s_on_ring && nfull(sock) && (!s_lost_ring || FRESH < RINGS) ->
        changes++;
        if :: s_lost_ring -> s_ring = FRESH; damaged[s_ring] = false; s_lost_ring = false :: else fi;
        sock ! MARK, s_ring; s_on_ring = true; broken_told = false }
    :: atomic { damaged[s_ring] && !s_lost_ring && !broken_told && nfull(sock) -> broken_told = true; sock ! BROKEN, 0 }
    :: atomic { back ? n ->
        assert(n <= sent);
        s_on_ring = false; s_lost_ring = true;
        sock ! AGAIN, 0;
        for (i : FIRST_MISSING(n) + 1 .. sent) { sock ! DATA, i } }
    od
}

inline hand_on(n) { assert(n == taken + 1); taken = n }
inline give_up() { waits = true; r_on_ring = false; back ! taken }

active proctype Receiver() {
    byte n;
    mtype kind;
end:
    do
    :: atomic { r_on_ring && !damaged[r_ring] && nempty(ring[r_ring]) ->
        ring[r_ring] ? kind, n;
        if :: kind == DATA -> hand_on(n) :: kind == MARK -> r_on_ring = false fi }
    :: atomic { r_on_ring && damaged[r_ring] -> give_up() }
    :: atomic { r_on_ring && sock ? [BROKEN, n] -> sock ? BROKEN, n; give_up() }
#ifdef EARLY
    :: atomic { nempty(sock) ->
#else
    :: atomic { !r_on_ring && nempty(sock) ->
#endif
        sock ? kind, n;
        if
        :: kind == AGAIN -> waits = false
        :: kind == BROKEN -> if :: ANSWERS -> give_up() :: else fi
#ifdef NOSKIP
        :: kind == DATA -> hand_on(n)
#else
        :: kind == DATA && !waits -> hand_on(n)
        :: kind == DATA && waits
#endif
        :: kind == MARK && !waits -> r_ring = n; r_on_ring = true
        :: kind == MARK && waits
        fi }
    :: atomic { timeout -> assert(taken == N && !waits); break }
    od
}

active proctype Wild() { /* writes where it should not */
end:
    do
    :: atomic { faults < FAULTS -> faults++; if :: damaged[s_ring] = true :: damaged[r_ring] = true fi }
    od
}
