/* The primary's term and one role over three work processes.
 *
 * Rules as docs/design/engine.md states them:
 *  - a term has a holder and an epoch; taking a free term and assigning one raise its epoch;
 *  - there is no lease per term: the membership is the lease. A bury, at any moment, frees the terms of the buried, which
 *    may be alive (frozen) and goes on believing in its grants;
 *  - assigning checks, inside its transaction, that the assigner is primary in that epoch and that the holder is a member;
 *  - what is done in a term's name checks holder and epoch inside its transaction.
 *
 * Proved: epochs of effects never go down; an epoch has one holder for ever; only the current holder has an effect; only
 * the current primary assigns; a term never belongs to a process that is no member.
 * Seeded mistakes: NOCHECK STALEPWP NOBUMP, and NOMEMBER (a role given to a buried process). */
#define NW 3
#define NOBODY NW

byte pwp_holder = NOBODY, pwp_epoch = 0;
byte role_holder = NOBODY, role_epoch = 0;
bool member[NW];
byte last = 0;                      /* epoch of the last effect */
byte holder_of[8];                  /* epoch of the role -> holder + 1 */
byte buries = 3, assigns = 3;
byte primary_grant[NW], role_grant[NW];  /* what each believes; 0 = nothing */

#ifdef NOCHECK
#define EFFECT_OK true
#else
#define EFFECT_OK (role_holder == n && role_epoch == role_grant[n])
#endif
#ifdef STALEPWP
#define ASSIGN_OK true
#else
#define ASSIGN_OK (pwp_holder == n && pwp_epoch == primary_grant[n])
#endif
#ifdef NOMEMBER
#define TAKES(who) true
#else
#define TAKES(who) member[who]
#endif

active [NW] proctype WorkProcess() {
    byte n = _pid;
    member[n] = true;
end:
    do
    :: atomic { member[n] && pwp_holder == NOBODY ->
        pwp_epoch++; pwp_holder = n; primary_grant[n] = pwp_epoch }
    :: atomic { primary_grant[n] > 0 && assigns > 0 && ASSIGN_OK ->
        if
        :: TAKES(0) -> role_holder = 0
        :: TAKES(1) -> role_holder = 1
        :: TAKES(2) -> role_holder = 2
        fi;
        assigns--;
#ifdef NOBUMP
        if :: role_epoch == 0 -> role_epoch = 1 :: else fi;
#else
        role_epoch++;
#endif
        assert(pwp_holder == n && pwp_epoch == primary_grant[n]);
        assert(member[role_holder]);
        assert(holder_of[role_epoch] == 0 || holder_of[role_epoch] == role_holder + 1);
        holder_of[role_epoch] = role_holder + 1 }
    :: atomic { role_holder == n && role_grant[n] != role_epoch -> role_grant[n] = role_epoch }
    :: atomic { role_grant[n] > 0 && role_grant[n] != last && EFFECT_OK ->
        assert(role_holder == n && role_grant[n] >= last);
        last = role_grant[n] }
    :: atomic { !member[n] ->                                   /* it noticed: a new incarnation without grants */
        member[n] = true; primary_grant[n] = 0; role_grant[n] = 0 }
    od
}

#define BURY(who) \
    :: atomic { buries > 0 && member[who] -> \
        buries--; member[who] = false; \
        if :: pwp_holder == who -> pwp_holder = NOBODY :: else fi; \
        if :: role_holder == who -> role_holder = NOBODY :: else fi }

active proctype Burier() {
end:
    do
    BURY(0)
    BURY(1)
    BURY(2)
    od
}
