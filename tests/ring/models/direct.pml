/* A direct route between S, which asks, and D, which answers, beside the way through the server K: granted, taken back, granted
 * again at any moment, while requests and answers are under way on either; D may die at any moment.
 *
 * Rules as docs/design/direct-routes.md states them:
 *  - K grants to D first, and to S once D has taken the route;
 *  - whoever begins to send by the route says ON on the way through the server, and is not read by it before that word has come;
 *  - whoever leaves it says OFF with the number of messages sent by it; they are taken before anything behind that word;
 *  - an answer goes the way its request came, while that way is open; before anything that K sends, what is in the ring is read;
 *  - K answers for a dead D what went through K; S itself what it asked by the route, behind what D left in the ring.
 *
 * Proved: D takes requests in order and none twice, none is lost while D lives; answers come in order; each request ends once, and all
 * of them end (a state in which S waits for ever is an error). Seeded mistakes, each of which has to be found (-D...):
 *   NOTURN     read as soon as granted, not when the other end has said ON
 *   NOREAD     D takes what K sends, OFF too, without reading the ring before it
 *   STAY       D goes on answering by a route that it has left
 *   ASKAGAIN   on OFF of the other end, S asks again what is not answered
 *   FORGET     S does not end what it asked by the route of a dead D
 *   HASTY      S ends it before it has read the ring */
#ifndef N
#define N 3
#endif
#ifndef ROUTES
#define ROUTES 2
#endif
#define NONE 9

mtype = { REQ, REP, FAIL, GRANT, TAKEN, REVOKE, ON, OFF, GONE };
chan s2k = [8] of { mtype, byte, byte }; /* kind, route, number or count */
chan k2s = [12] of { mtype, byte, byte };
chan k2d = [12] of { mtype, byte, byte };
chan d2k = [12] of { mtype, byte, byte };
chan sd0 = [N] of { byte }; chan sd1 = [N] of { byte }; /* rings */
chan ds0 = [N] of { byte }; chan ds1 = [N] of { byte };
bool dead = false;

byte ended[N + 1], finished = 0;
byte answered = 0;  /* newest answer that S took */
byte executed = 0;  /* newest request that D took */

#define SD(r, op, v) if :: r == 0 -> sd0 op v :: else -> sd1 op v fi
#define DS(r, op, v) if :: r == 0 -> ds0 op v :: else -> ds1 op v fi

/* S */
byte s_way = NONE;               /* route that requests take */
bool s_read[ROUTES], s_left[ROUTES];
byte s_sent[ROUTES], s_got[ROUTES];
byte s_by[N + 1];                /* route of a request that is not answered; NONE */

inline settle(v)
{
    ended[v]++;
    finished++;
    assert(ended[v] == 1);
    s_by[v] = NONE
}

inline answer(v)
{
    assert(v > answered);
    answered = v;
    settle(v)
}

inline s_drain(r)
{
    do
    :: r == 0 && s_read[0] && len(ds0) > 0 -> ds0?x; s_got[0]++; answer(x)
    :: r == 1 && s_read[1] && len(ds1) > 0 -> ds1?x; s_got[1]++; answer(x)
    :: else -> break
    od
}

inline s_leave(r)
{
    if
    :: !s_left[r] ->
        s_left[r] = true;
        if :: s_way == r -> s_way = NONE :: else fi;
        s2k!OFF,r,s_sent[r]
    :: else
    fi
}

active proctype S()
{
    byte sent = 0, x, r, v, i;
    mtype kind;
    d_step { i = 0; do :: i <= N -> s_by[i] = NONE; i++ :: else -> break od };
    do
    :: sent < N ->
        atomic {
            sent++;
            if
            :: s_way == NONE -> s2k!REQ,0,sent
            :: else -> s_by[sent] = s_way; s_sent[s_way]++; SD(s_way, !, sent)
            fi
        }
    :: atomic { s_read[0] && len(ds0) > 0 -> s_drain(0) }
    :: atomic { s_read[1] && len(ds1) > 0 -> s_drain(1) }
    :: atomic {
        k2s?kind,r,v;
#ifdef HASTY
        if :: kind != GONE -> s_drain(0); s_drain(1) :: else fi;
#else
        s_drain(0); s_drain(1); /* what D said before K said this */
#endif
        if
        :: kind == REP -> answer(v)
        :: kind == FAIL -> settle(v)
        :: kind == GRANT -> s2k!ON,r,0; s_way = r
#ifdef NOTURN
            ; s_read[r] = true
#endif
        :: kind == ON -> s_read[r] = true
        :: kind == OFF ->
            s_drain(r);
            assert(s_got[r] == v);
            s_read[r] = false;
            s_leave(r);
#ifdef ASKAGAIN
            i = 1;
            do
            :: i <= N && s_by[i] == r -> s2k!REQ,0,i; s_by[i] = NONE; i++
            :: i <= N && s_by[i] != r -> i++
            :: i > N -> break
            od
#endif
        :: kind == REVOKE -> s_leave(r)
        :: kind == GONE ->
            s_way = NONE;
#ifndef FORGET
            i = 1;
            do
            :: i <= N && s_by[i] != NONE -> settle(i); i++
            :: i <= N && s_by[i] == NONE -> i++
            :: i > N -> break
            od
#endif
        fi
      }
    :: sent == N && finished == N -> break
    od
}

/* D */
bool d_read[ROUTES], d_way[ROUTES], d_left[ROUTES];
byte d_sent[ROUTES], d_got[ROUTES];

inline execute(v, r)
{
    assert(v == executed + 1);
    executed = v;
    if
    :: r != NONE && d_way[r] -> d_sent[r]++; DS(r, !, v)
    :: else -> d2k!REP,0,v
    fi
}

inline d_drain(r)
{
    do
    :: r == 0 && d_read[0] && len(sd0) > 0 -> sd0?y; d_got[0]++; execute(y, 0)
    :: r == 1 && d_read[1] && len(sd1) > 0 -> sd1?y; d_got[1]++; execute(y, 1)
    :: else -> break
    od
}

inline d_leave(r)
{
    if
    :: !d_left[r] ->
        d_left[r] = true;
#ifndef STAY
        d_way[r] = false;
#endif
        d2k!OFF,r,d_sent[r]
    :: else
    fi
}

active proctype D()
{
    byte y, r, v;
    mtype kind;
    {
        end: do
        :: atomic { d_read[0] && len(sd0) > 0 -> sd0?y; d_got[0]++; execute(y, 0) }
        :: atomic { d_read[1] && len(sd1) > 0 -> sd1?y; d_got[1]++; execute(y, 1) }
        :: atomic {
            k2d?kind,r,v;
#ifndef NOREAD
            d_drain(0); d_drain(1);
#endif
            if
            :: kind == REQ -> execute(v, NONE)
            :: kind == GRANT -> d2k!TAKEN,r,0
#ifdef NOTURN
                ; d_read[r] = true
#endif
            :: kind == ON ->
                d_read[r] = true;
                if :: !d_left[r] -> d2k!ON,r,0; d_way[r] = true :: else fi
            :: kind == OFF ->
#ifndef NOREAD
                d_drain(r);
                assert(d_got[r] == v);
#endif
                d_leave(r);
                d_read[r] = false
            :: kind == REVOKE -> d_leave(r)
            fi
          }
        od
    } unless { dead }
}

active proctype Killer() { if :: dead = true :: skip fi }

/* K */
active proctype K()
{
    byte routes = 0, r, v, i;
    byte given = NONE;
    bool granting = false, knows = false;
    bool asked[N + 1];
    mtype kind;
    end: do
    :: atomic {
        s2k?kind,r,v;
        if
        :: kind == REQ && !knows -> asked[v] = true; k2d!REQ,0,v
        :: kind == REQ && knows -> k2s!FAIL,0,v
        :: kind != REQ && !knows -> k2d!kind,r,v
        :: else
        fi
      }
    :: atomic {
        d2k?kind,r,v;
        if
        :: kind == REP -> asked[v] = false; k2s!REP,0,v
        :: kind == TAKEN -> granting = false; given = r; k2s!GRANT,r,0
        :: else -> k2s!kind,r,v
        fi
      }
    :: atomic { given == NONE && !granting && !knows && routes < ROUTES -> granting = true; k2d!GRANT,routes,0; routes++ }
    :: atomic { given != NONE && !knows -> k2s!REVOKE,given,0; k2d!REVOKE,given,0; given = NONE }
    :: atomic {
        dead && !knows && len(d2k) == 0 -> /* what it left is read before */
        knows = true;
        i = 1;
        do
        :: i <= N && asked[i] -> asked[i] = false; k2s!FAIL,0,i; i++
        :: i <= N && !asked[i] -> i++
        :: i > N -> break
        od;
        k2s!GONE,0,0
      }
    od
}
