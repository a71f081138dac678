/* The ring of core/c/esl_ring.c between two processes on a machine with store buffers (x86 TSO): either side may be killed
 * between any two steps, either side may sleep. Promised, and checked by Spin:
 *
 *   - the consumer reads records whole, in order, once, and everything that was committed
 *   - nobody sleeps for ever: a lost wake-up, of the sleeper or of the producer that waits for room, is an invalid end state
 *
 * A sleeper has one of two ways (-DHOW=1 or 2): the futex, which the kernel enters only while the word is what the sleeper saw and which tells
 * nothing of a death (a bounded sleep does: here it ends when the peer is dead), or the bell, which stays rung. It is called once for
 * each place where it sleeps. The consumer may free many slots before it looks whether the producer waits, but looks before it sleeps.
 *
 * Seeded mistakes, each of which has to be found (-D...):
 *   TAILFIRST        commit before the bytes are written
 *   HEADFIRST        slot given back before it was read
 *   NOFENCE_WAKE     [F1] no fence between tail and reading `waiting`
 *   NOFENCE_SLEEP    [F2] no fence between `waiting` and reading tail
 *   NOFENCE_BLOCK    [F3] no fence between `blocked` and reading head
 *   NOFENCE_RELEASE  [F4] no fence between head and reading `blocked`
 *   NOHUP            the death of the peer wakes nobody
 *   NOCOMPARE        sleep in a futex without comparing: what moved meanwhile is slept over
 *   ONCEONLY         waits for room are not counted: who was called once is never called again
 *   CALLEDEARLY      who sleeps behind the newest record is called for that one, and then not for the next
 *   LATEREAD         `released` is read after the look for room
 *   NOLASTCALL       the consumer sleeps without looking whether the producer waits
 *   EARLYWANT        the producer is held back for a head that more than everything there is must reach
 */
#define SLOTS   2
#define RECORDS 3
#define TAIL    0 /* words of the producer's segment */
#define BLOCKED 1
#define HEAD    2 /* words of the consumer's segment */
#define WAITING 3
#define WANT    4 /* the producer's again */
#define LEFT(i)  (5 + 2 * ((i) % SLOTS)) /* a record has two words, so that a torn one can be seen */
#define RIGHT(i) (6 + 2 * ((i) % SLOTS))
#define FUTEX   1
#define BELL    2
#ifndef HOW
#define HOW FUTEX
#endif
#ifdef ONCEONLY
#define NEXT(sleeps) sleeps = 4
#else
#define NEXT(sleeps) sleeps = sleeps + 4
#endif
#ifdef CALLEDEARLY
#define HAS_NOT_ALL(word, tail) true
#else
#define HAS_NOT_ALL(word, tail) (word / 4 != tail)
#endif
#ifdef EARLYWANT
#define WANTED(i) ((i) + 1)
#define CAN_TAKE 255
#else
#define WANTED(i) ((i) - 1)
#define CAN_TAKE tail
#endif

byte shared[11];
byte released = 0;                                      /* changed by a locked instruction */
bool consumer_asleep = false, producer_asleep = false;  /* in the futex */
chan producer_stores = [6] of { byte, byte };
chan consumer_stores = [6] of { byte, byte };
bool consumer_bell = false, producer_bell = false;      /* eventfds */
bool producer_dead = false, consumer_dead = false;      /* hang-up of the control socket */
bool kill_producer = false, kill_consumer = false;
bool producer_done = false, consumer_done = false;

active proctype DrainProducer() { byte word, value; end: do :: atomic { producer_stores?word,value -> shared[word] = value } od }
active proctype DrainConsumer() { byte word, value; end: do :: atomic { consumer_stores?word,value -> shared[word] = value } od }
active proctype Killer() { if :: kill_producer = true :: kill_consumer = true :: skip fi }

active proctype Producer()
{
    byte i = 0, sleeps = 0, called = 0, word, seen;
    {
        do
        :: i == RECORDS -> break
        :: i < RECORDS && i - shared[HEAD] < SLOTS ->
#ifdef TAILFIRST
            producer_stores!TAIL,i+1;
#endif
            producer_stores!LEFT(i),i+1;
            producer_stores!RIGHT(i),i+1;
#ifndef TAILFIRST
            producer_stores!TAIL,i+1;
#endif
#ifndef NOFENCE_WAKE
            (empty(producer_stores));
#endif
            word = shared[WAITING];
            if
            :: word && word != called && HAS_NOT_ALL(word, i + 1) -> called = word;
                if :: word % 4 == FUTEX -> consumer_asleep = false :: else -> consumer_bell = true fi
            :: else
            fi;
            i++
        :: i < RECORDS && i - shared[HEAD] >= SLOTS ->
#ifndef LATEREAD
            seen = released;
#endif
            NEXT(sleeps);
            word = HOW;
            producer_stores!WANT,WANTED(i);
            producer_stores!BLOCKED,sleeps + word;
#ifndef NOFENCE_BLOCK
            (empty(producer_stores));
#endif
            if
            :: i - shared[HEAD] < SLOTS -> skip
            :: else ->
#ifdef LATEREAD
                seen = released;
#endif
                if
                :: word == FUTEX ->
                    atomic { if :: released == seen -> producer_asleep = true :: else fi };
                    (!producer_asleep || consumer_dead); producer_asleep = false
                :: word == BELL -> (producer_bell || consumer_dead)
                fi;
                if :: consumer_dead -> break :: else -> producer_bell = false fi
            fi;
            producer_stores!BLOCKED,0
        od;
        producer_done = true
    } unless { kill_producer && !producer_done };
    if
    :: producer_done -> skip
    :: else ->
        (empty(producer_stores)); /* what has retired still reaches memory */
#ifndef NOHUP
        producer_dead = true
#endif
    fi
}

inline look_for_writer() {
#ifndef NOFENCE_RELEASE
    (empty(consumer_stores));
#endif
    word = shared[BLOCKED];
    if
    :: word && word != called && !(head < shared[WANT] && shared[WANT] <= CAN_TAKE) -> called = word;
        if :: word % 4 == FUTEX -> atomic { released++; producer_asleep = false } :: else -> producer_bell = true fi
    :: else
    fi
}
active proctype Consumer()
{
    byte head = 0, tail = 0, left, right, called = 0, word, how;
    bool dead;
    {
        do
        :: head == RECORDS -> break
        :: else ->
            dead = producer_dead; /* before the tail: what the dead committed is read */
            if :: tail == head -> tail = shared[TAIL] :: else fi;
            if
            :: tail != head ->
#ifdef HEADFIRST
                consumer_stores!HEAD,head+1; (empty(consumer_stores));
#endif
                left = shared[LEFT(head)];
                right = shared[RIGHT(head)];
                assert(left == head + 1 && right == head + 1);
#ifndef HEADFIRST
                consumer_stores!HEAD,head+1;
#endif
                head++;
                if :: look_for_writer() :: skip fi
            :: tail == head && dead -> break
            :: tail == head && !dead ->
#ifndef NOLASTCALL
                look_for_writer();
#endif
                how = HOW;
                consumer_stores!WAITING,head * 4 + how;
#ifndef NOFENCE_SLEEP
                (empty(consumer_stores));
#endif
                if
                :: shared[TAIL] != head -> skip
                :: else ->
                    if
                    :: how == FUTEX ->
#ifdef NOCOMPARE
                        consumer_asleep = true;
#else
                        atomic { if :: shared[TAIL] == head -> consumer_asleep = true :: else fi };
#endif
                        (!consumer_asleep || producer_dead); consumer_asleep = false
                    :: how == BELL -> (consumer_bell || producer_dead); consumer_bell = false
                    fi
                fi;
                consumer_stores!WAITING,0
            fi
        od;
        assert(head == shared[TAIL] || head == RECORDS);
        look_for_writer();
        consumer_done = true
    } unless { kill_consumer && !consumer_done };
    if
    :: consumer_done -> skip
    :: else ->
        (empty(consumer_stores));
#ifndef NOHUP
        consumer_dead = true
#endif
    fi
}
