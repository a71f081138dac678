/* The ring of core/c/esl_ring.c between two processes on a machine with store buffers (x86 TSO): either side may be killed
 * between any two steps, either side may sleep. Promised, and checked by Spin:
 *
 *   - the consumer reads records whole, in order, once, and everything that was committed
 *   - nobody sleeps for ever: a lost wake-up, of the sleeper or of the producer that waits for room, is an invalid end state
 *
 * Seeded mistakes, each of which has to be found (-D...):
 *   TAILFIRST        commit before the bytes are written
 *   HEADFIRST        slot given back before it was read
 *   NOFENCE_WAKE     [F1] no fence between tail and reading `waiting`
 *   NOFENCE_SLEEP    [F2] no fence between `waiting` and reading tail
 *   NOFENCE_BLOCK    [F3] no fence between `blocked` and reading head
 *   NOFENCE_RELEASE  [F4] no fence between head and reading `blocked`
 *   NOHUP            the death of the peer wakes nobody
 */
#define SLOTS   2
#define RECORDS 4
#define TAIL    0 /* words of the producer's segment */
#define BLOCKED 1
#define HEAD    2 /* words of the consumer's segment */
#define WAITING 3
#define LEFT(i)  (4 + 2 * ((i) % SLOTS)) /* a record has two words, so that a torn one can be seen */
#define RIGHT(i) (5 + 2 * ((i) % SLOTS))

byte shared[8];
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
    byte i = 0;
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
            if :: shared[WAITING] -> consumer_bell = true :: else fi;
            i++
        :: i < RECORDS && i - shared[HEAD] >= SLOTS ->
            producer_stores!BLOCKED,1;
#ifndef NOFENCE_BLOCK
            (empty(producer_stores));
#endif
            if
            :: i - shared[HEAD] < SLOTS -> skip
            :: else ->
                (producer_bell || consumer_dead);
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

active proctype Consumer()
{
    byte head = 0, tail, left, right;
    bool dead;
    {
        do
        :: head == RECORDS -> break
        :: else ->
            dead = producer_dead; /* before the tail: what the dead committed is read */
            tail = shared[TAIL];
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
#ifndef NOFENCE_RELEASE
                (empty(consumer_stores));
#endif
                if :: shared[BLOCKED] -> producer_bell = true :: else fi
            :: tail == head && dead -> break
            :: tail == head && !dead ->
                consumer_stores!WAITING,1;
#ifndef NOFENCE_SLEEP
                (empty(consumer_stores));
#endif
                if
                :: shared[TAIL] != head -> skip
                :: else -> (consumer_bell || producer_dead); consumer_bell = false
                fi;
                consumer_stores!WAITING,0
            fi
        od;
        assert(head == shared[TAIL] || head == RECORDS);
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
