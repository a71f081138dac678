/* One durable task, two work processes that claim it, a relay that sends its outbox row.
 *
 * Rules as docs/design/engine.md states them:
 *  - a claim takes the next token and checks membership, in one transaction;
 *  - no claim has a lease of its own: the membership is the lease. A bury - at any moment, since a lease may end at any
 *    moment, and for certain after a death - frees all that the incarnation had. The buried may be alive (it was frozen)
 *    and goes on where it stood; afterwards it comes back as another incarnation;
 *  - effect, outbox row and end are one transaction that changes the task only where owner and token fit;
 *  - the relay sends, then marks; the receiver keeps keys.
 *
 * Searched: every interleaving, with deaths and freezes between any two steps.
 * Proved: the effect inside happens once, the effect outside happens once, and the task always ends.
 * Seeded mistakes: NOTOKEN TWOTXN NOKEY ACKFIRST, and NOMEMBER (membership looked at before the claim, not in it). */
#define WP 2
#define LIVES 6             /* WP + deaths + freezes */
#define NONE 0

mtype = { READY, RUN, DONE };
mtype state = READY;
byte owner = NONE;          /* incarnation that has it */
byte token = 0, fence = 0;  /* the token of the last claim; the sequence it came from */
byte effects = 0, outside = 0;
bool row = false, marked = false, key_seen = false;

byte born = 0;              /* every incarnation is a number of its own */
bool member[LIVES + 1], dead[LIVES + 1];
byte deaths = 2, freezes = 2, relay_deaths = 1;

#define HELD (state == RUN && owner == me && token == mine)
#define DIE  atomic { deaths > 0 -> deaths--; dead[me] = true }

active [WP] proctype Worker() {
    byte me = 0, mine = 0;
join:
    atomic { born < LIVES; born++; me = born; member[me] = true; mine = 0 };
claim:
#ifdef NOMEMBER
    if :: member[me] :: !member[me] -> goto join fi;                     /* looked at here, claimed there */
#endif
end_idle:
    if
#ifdef NOMEMBER
    :: atomic { state == READY -> state = RUN; owner = me; fence++; token = fence; mine = fence }
#else
    :: atomic { state == READY && member[me] -> state = RUN; owner = me; fence++; token = fence; mine = fence }
#endif
    :: !member[me] -> goto join                                          /* LostMember: it ends and comes back */
    fi;
    if                                                                   /* the run */
    :: DIE; goto buried
    :: skip
    fi;
#ifdef TWOTXN
    if
    :: atomic { HELD -> effects++; row = true; assert(effects <= 1) }
    :: atomic { !HELD -> goto claim }
    fi;
    if
    :: DIE; goto buried
    :: skip
    fi;
    atomic { if :: HELD -> state = DONE :: else fi };
#else
    atomic {
        if
#ifdef NOTOKEN
        :: true -> effects++; row = true; state = DONE
#else
        :: HELD -> effects++; row = true; state = DONE
        :: else                                                          /* stale: nothing of it happened */
#endif
        fi;
        assert(effects <= 1)
    };
#endif
    goto claim;
buried:
    !member[me];
    goto join
}

#define BURY(who) \
    :: atomic { member[who] && (dead[who] || freezes > 0) -> \
        if :: dead[who] :: else -> freezes-- fi; \
        member[who] = false; \
        if :: state == RUN && owner == who -> state = READY; owner = NONE :: else fi }

active proctype Burier() {
end:
    do
    BURY(1)
    BURY(2)
    BURY(3)
    BURY(4)
    BURY(5)
    BURY(6)
    od
}

active proctype Relay() {
end:
    do
    :: row && !marked ->
#ifdef ACKFIRST
        marked = true;
        if :: atomic { relay_deaths > 0 -> relay_deaths-- }; goto end :: skip fi;
#endif
        atomic {                                                         /* the receiver */
            if
#ifdef NOKEY
            :: true -> outside++
#else
            :: !key_seen -> key_seen = true; outside++
            :: else
#endif
            fi;
            assert(outside <= 1)
        };
        if :: atomic { relay_deaths > 0 -> relay_deaths-- }; goto end :: skip fi;
        marked = true
    od
}

active proctype Rest() {                                                 /* when nobody can do anything any more */
end:
    timeout;
    assert(state == DONE && effects == 1 && outside == 1)
}
