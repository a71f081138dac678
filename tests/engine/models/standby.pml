/* Two servers, one plant: a database pair, its witness, the server program of each computer, and one receiver.
 *
 * Rules as docs/design/cluster.md states them:
 *  - the witness keeps {timeline, holder, in sync}; each change is a compare-and-set on all that the asker last saw. The database
 *    of the holder commits when the other one has the record, or when the witness has recorded that the other is out of sync;
 *  - HS is who holds the term in that database: taking, renewing, handing over and every write are commits there, fenced by
 *    the term; an acknowledgement is given within the lease only. A step between two looks at the clock is one step here;
 *    what a frozen server does later is refused by the receivers;
 *  - the lease ends at any moment for its holder, and afterwards, at any moment, for the others;
 *  - an ordered switch settles what is open, then frees the term for its heir;
 *  - the witness is slow (questions and answers arrive late), mortal, restarted with its record, or made anew from an old
 *    backup: then it is believed when both servers have reported, and takes the newest timeline with nobody else in sync;
 *  - where it is dead (UNREACHED=1: or cut off from there) an operator may promote: writes may be lost, then and only then.
 *
 * Proved: I1 no promotion, rewind or acknowledgement leaves an acknowledged write out of the database of the hot server;
 * I2 no receiver carries out an order of a lower epoch after one of a higher; I3 an epoch is granted once, to one server;
 * I4 nobody acknowledges when a higher epoch was granted.
 * Compiled once; the environment chooses (tests/support/spin.py): MUTANT, a seeded mistake below by its number; the bounds
 * WRITES, EPOCHS, TIMELINES, DEATHS and RESTORES (of the witness), OPERATORS (their promotions); BADCLOCK=1, a holder whose clock stands still:
 * I1 to I3 hold all the same; REACH, a good end by its number: then the assertion fails when it is reached. */
c_decl { \#include <stdlib.h> }
c_decl { \#define SETTING(name) (getenv(name) ? atoi(getenv(name)) : 0) }
byte mutant, writes_max, epochs_max, timelines_max, deaths, restores, operators, reach;
bool bad_clock, unreached;

#define ASYNC        (mutant == 1)  /* a commit does not wait for the other database */
#define NOISR        (mutant == 2)  /* the witness promotes one that is out of sync */
#define NOEPOCH      (mutant == 3)  /* receivers take orders of any epoch */
#define SOLOLATE     (mutant == 4)  /* the other is back: first the record, then no longer alone */
#define SOLOEARLY    (mutant == 5)  /* alone without the record of the witness */
#define OLDWITNESS   (mutant == 6)  /* one restored from an old backup is believed */
#define NOHEIR       (mutant == 7)  /* a switch frees the term and settles nothing */
#define LEASELATE    (mutant == 8)  /* acknowledges after its lease */
#define AUTOALONE    (mutant == 9)  /* a database promotes itself on silence */
#define LATEQUESTION (mutant == 10) /* the witness acts on a question that something else overtook */
#define LATEANSWER   (mutant == 11) /* an answer counts though its question was given up and another one asked */
#define NOFENCE      (mutant == 12) /* writes do not look at the term */
#define SAMEEPOCH    (mutant == 13) /* an operator's promotion counts on like any other */
#define RELEASES     (mutant == 14) /* an operator's promotion lets commits go that waited for the other database */

#define BACK         (reach == 1)   /* a loss, a promotion, and the other server acknowledges */
#define SWITCHED     (reach == 2)   /* an ordered switch, and the heir acknowledges */
#define RENEWED      (reach == 3)   /* the same as 1 after the witness was made anew */
#define LOSSY        (reach == 4)   /* an operator's promotion loses what was acknowledged */

#define BIT(n)      (1 << (n))
#define BOTH        3
#define TERM        7               /* an open request: the term; else the number of a write */
#define DROPPED     32              /* an answer: the other is out of sync, on timeline ..; without it: promoted to .. */
#define BYHAND(n)   (8 + 4 * (n))   /* timeline and epoch of an operator's promotion: nobody counts so far */

byte w_timeline = 1, w_holder = 0, w_sync = BOTH, w_known = BOTH;    /* the witness; known: who has reported to it */
bool w_up = true;

byte timeline[2], writes[2], epoch[2], holder[2], heir[2];           /* databases: heir + 1 while the term is free */
bool primary[2], alone[2], late[2];                                  /* late: the question "the other is back" is under way */
byte answer[2];

byte mine[2], open[2], at[2];                                        /* server programs: epoch believed, open request, where */
bool done[2], lease[2];

byte acked = 0, written = 0, seen = 1;                         /* for the proof; seen: by the receiver */
short granted = BIT(1);
bool byhand = false, restored = false, switched = false;

#define COMMITTED(d) (alone[d] || ASYNC)
#define ELIGIBLE(n)  ((w_sync & BIT(n)) || NOISR)
#define ACCEPTS(e)   (seen <= (e) || NOEPOCH)
#define IN_TIME(n)   (lease[n] || LEASELATE || bad_clock)
#define FENCED(n, d) ((epoch[d] == mine[n] && holder[d] == n && heir[d] == 0) || NOFENCE)
#define ASKS(n)      (answer[n] == 0 || LATEANSWER)                  /* one question at a time; a broken connection takes its answer along */
#define BELIEVED     (w_up && w_known == BOTH)
#define OBEYED(n)    (BELIEVED && w_holder == n && w_timeline == timeline[n])
#define SAME(n, o)   (timeline[n] == timeline[o] && writes[n] == writes[o] && epoch[n] == epoch[o] && holder[n] == holder[o] && heir[n] == heir[o])
#define FOLLOWS(n, o) (!primary[o] && SAME(n, o))
#define SETTLED(n)   ((open[n] == 0 && lease[n]) || NOHEIR)
#define HOT(n)       (mine[n] > 0 && open[n] != TERM)
#define ORDERED(d)   (timeline[d] >= BYHAND(0))
#define COUNTS(d)    (epoch[d] < epochs_max || (ORDERED(d) && !SAMEEPOCH && (epoch[d] < BYHAND(0) || epoch[d] == timeline[d])))
#define FREE(n, d)   (heir[d] == n + 1 || (holder[d] == n && heir[d] == 0) || !lease[holder[d]] || ORDERED(d))

inline kept(db) {
    assert(byhand || (acked & ~writes[db]) == 0);   /* I1 */
    assert(!(LOSSY && (acked & ~writes[db]))) }
inline nothing(x) { open[x] = 0; at[x] = 0; done[x] = false }
inline forget(x) { if :: open[x] == TERM -> mine[x] = 0 :: else fi; nothing(x) }
inline closes(db) {  /* a database that turns round or starts again ends its connections: what waited there is never answered */
    if :: open[0] > 0 && at[0] == db && !done[0] -> forget(0) :: else fi;
    if :: open[1] > 0 && at[1] == db && !done[1] -> forget(1) :: else fi }
inline changed() {  /* who asked before this change asks in vain */
    if :: !LATEQUESTION -> late[0] = false; late[1] = false :: else fi }

inline follow(me, other) {  /* the other has all that this one has, rewound if need be; waiting commits are done */
    assert(byhand || (acked & writes[other] & ~writes[me]) == 0);   /* I1 */
    closes(other);
    primary[other] = false; alone[other] = false; timeline[other] = timeline[me]; writes[other] = writes[me];
    epoch[other] = epoch[me]; holder[other] = holder[me]; heir[other] = heir[me];
    if :: open[me] > 0 && at[me] == me -> done[me] = true :: else fi;
    if :: open[other] > 0 && at[other] == me -> done[other] = true :: else fi }

inline promote(me, to) { primary[me] = true; alone[me] = true; timeline[me] = to; answer[me] = 0 }

inline report(me, other) {  /* what the first one said is still so: nobody is promoted before both have reported */
    w_known = w_known | BIT(me); answer[me] = 0;
    if
    :: w_known == BOTH ->
        if :: primary[me] && (timeline[me] > timeline[other] || !primary[other]) -> w_holder = me :: else -> w_holder = other fi;
        w_timeline = timeline[w_holder]; w_sync = BIT(w_holder); changed()
    :: else
    fi }

inline write(me, db) {
    assert(epoch[db] <= mine[me]);   /* I2 */
    writes[db] = writes[db] | BIT(written); written++; open[me] = written; at[me] = db; done[me] = false }

inline take(me, db) {
    if
    :: ORDERED(db) && epoch[db] < BYHAND(0) && !SAMEEPOCH -> epoch[db] = timeline[db]
    :: else -> epoch[db]++
    fi;
    holder[db] = me; heir[db] = 0; mine[me] = epoch[db]; open[me] = TERM; at[me] = db; done[me] = false; lease[me] = true }

inline free(me, db, next) {
    heir[db] = next + 1; switched = switched || reach > 0;
    if :: !NOHEIR -> mine[me] = 0 :: else fi }

inline acknowledge(me) {
    acked = acked | BIT(open[me] - 1);
    assert(byhand || bad_clock || granted < 2 * BIT(mine[me]));   /* I4 */
    kept(at[me]);
    assert(!(BACK && me == 1 && w_timeline > 1));
    assert(!(SWITCHED && me == 1 && switched && w_timeline == 1));
    assert(!(RENEWED && me == 1 && restored && w_timeline > 1));
    nothing(me) }

proctype Server(byte n) {
    byte o = 1 - n;
end:
    do
    /* the database */
    :: atomic { primary[n] && timeline[n] >= timeline[o] && !(primary[o] && timeline[o] == timeline[n]) && !(FOLLOWS(n, o)
           && (open[n] == 0 || at[n] != n || done[n]) && (open[o] == 0 || at[o] != n || done[o])) -> follow(n, o) }
    :: atomic { primary[n] && COMMITTED(n) && open[n] > 0 && at[n] == n && !done[n] -> done[n] = true }
    :: atomic { primary[n] && COMMITTED(n) && open[o] > 0 && at[o] == n && !done[o] -> done[o] = true }
    :: atomic { primary[n] && !alone[n] && OBEYED(n) && ASKS(n) ->   /* first the record .. */
        w_sync = BIT(n); answer[n] = DROPPED + timeline[n]; changed() }
    :: atomic { primary[n] && answer[n] == DROPPED + timeline[n] -> alone[n] = true; answer[n] = 0 }   /* .. then alone */
    :: atomic { answer[n] > 0 -> answer[n] = 0 }                     /* its connection broke */
    :: atomic { SOLOEARLY && primary[n] && !alone[n] -> alone[n] = true }
    :: atomic { SOLOLATE && primary[n] && alone[n] && FOLLOWS(n, o) && OBEYED(n) -> w_sync = BOTH }
    :: atomic { primary[n] && alone[n] && FOLLOWS(n, o) && (!SOLOLATE || w_sync == BOTH) -> alone[n] = false }  /* first no longer alone .. */
    :: atomic { primary[n] && !alone[n] && ASKS(n) && w_sync == BIT(n) && OBEYED(n) && FOLLOWS(n, o) -> late[n] = true }
    :: atomic { late[n] && OBEYED(n) -> late[n] = false; w_sync = BOTH; changed() }                    /* .. then the record */
    :: atomic { BELIEVED && w_holder == n && w_timeline > timeline[n] && ASKS(n) -> answer[n] = w_timeline }
    :: atomic { answer[n] > timeline[n] && answer[n] < DROPPED -> promote(n, answer[n]); kept(n) }
    :: atomic { w_up && !(w_known & BIT(n)) -> report(n, o) }
    :: atomic { AUTOALONE && !primary[n] && timeline[n] < timelines_max -> promote(n, timeline[n] + 1); kept(n) }
    :: atomic { operators > 0 && !alone[n] && (!w_up || unreached) ->
        operators--; byhand = true; if :: !RELEASES -> closes(n) :: else fi; promote(n, BYHAND(n)) }

    /* the server program; its database is any one that takes writes */
    :: atomic { HOT(n) && open[n] == 0 && written < writes_max && primary[n] && FENCED(n, n) -> write(n, n) }
    :: atomic { HOT(n) && open[n] == 0 && written < writes_max && primary[o] && FENCED(n, o) -> write(n, o) }
    :: atomic { HOT(n) && open[n] > 0 && done[n] && IN_TIME(n) -> acknowledge(n) }
    :: atomic { open[n] > 0 -> forget(n) }                           /* its outcome is unknown */
    :: atomic { mine[n] == 0 && primary[n] && COUNTS(n) && FREE(n, n) -> take(n, n) }
    :: atomic { mine[n] == 0 && primary[o] && COUNTS(o) && FREE(n, o) -> take(n, o) }
    :: atomic { open[n] == TERM && done[n] ->
        assert(!(granted & BIT(mine[n])));   /* I3 */
        if :: granted < BIT(mine[n]) -> kept(at[n]) :: else fi;   /* else it heard too late */
        granted = granted | BIT(mine[n]); nothing(n) }
    :: atomic { HOT(n) && open[n] == 0 && !lease[n] && primary[n] && FENCED(n, n) && (alone[n] || FOLLOWS(n, o)) -> lease[n] = true }
    :: atomic { HOT(n) && open[n] == 0 && !lease[n] && primary[o] && FENCED(n, o) && (alone[o] || FOLLOWS(o, n)) -> lease[n] = true }
    :: atomic { lease[n] -> lease[n] = false }
    :: atomic { mine[n] > 0 -> mine[n] = 0; nothing(n) }             /* it gives up, or died and is there again */
    :: atomic { HOT(n) && SETTLED(n) && primary[n] && FENCED(n, n) -> free(n, n, o) }
    :: atomic { HOT(n) && SETTLED(n) && primary[o] && FENCED(n, o) -> free(n, o, o) }
    :: atomic { HOT(n) && mine[n] != seen && ACCEPTS(mine[n]) -> assert(mine[n] >= seen); seen = mine[n] } /* I2 */
    od
}

proctype Witness() {
end:
    do
    :: atomic { BELIEVED && w_timeline < timelines_max && ELIGIBLE(1 - w_holder) ->    /* it prefers the other */
        w_timeline++; w_holder = 1 - w_holder; w_sync = BIT(w_holder); changed() }
    :: atomic { w_up && deaths > 0 -> deaths--; w_up = false; changed() }
    :: atomic { !w_up && !byhand -> w_up = true }
    :: atomic { !w_up && restores > 0 ->
        restores--; w_up = true; w_timeline = 1; w_holder = 0; w_sync = BOTH; restored = reach > 0;
        if :: !OLDWITNESS -> w_known = 0 :: else fi }
    od
}

init {
    d_step {
        c_code {
            now.mutant = SETTING("MUTANT"); now.reach = SETTING("REACH"); now.bad_clock = SETTING("BADCLOCK");
            now.writes_max = SETTING("WRITES"); now.epochs_max = SETTING("EPOCHS"); now.timelines_max = SETTING("TIMELINES");
            now.deaths = SETTING("DEATHS"); now.restores = SETTING("RESTORES"); now.operators = SETTING("OPERATORS");
            now.unreached = SETTING("UNREACHED");
        };
        timeline[0] = 1; timeline[1] = 1; primary[0] = true; epoch[0] = 1; epoch[1] = 1; mine[0] = 1; lease[0] = true
    }
    run Server(0); run Server(1); run Witness()
}
