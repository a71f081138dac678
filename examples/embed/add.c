/* A C program in a running system: calls a procedure of an open event and prints what it gives back.
 *
 *     add DATA E.Counter Add 5        E.Counter: RPC PROCEDURE Add(IN INT _by, INT _sum)
 *
 * README.md beside this file says how to build it. */
#include <hisee.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEADLINE_MS 5000

static int called(hisee_t *system, const char *object, const char *procedure, int64_t by)
{
    hisee_value_t arguments[] = {{.type = HISEE_INT, .integer = by, .in_only = true}, {.type = HISEE_INT}};
    int error = hisee_call(system, object, procedure, arguments, 2, DEADLINE_MS);
    if (error) fprintf(stderr, "%s of %s: error %d: %s\n", procedure, object, error, hisee_why(system));
    else if (arguments[1].reason) printf("invalid, reason %d\n", arguments[1].reason);
    else printf("%" PRId64 "\n", arguments[1].integer);
    return error ? 1 : 0;
}

int main(int count, char **words)
{
    char why[HISEE_WHY];
    if (count != 5) {
        fprintf(stderr, "usage: %s DATA OBJECT PROCEDURE NUMBER\n", words[0]);
        return 2;
    }
    hisee_t *system = hisee_open(words[1], why);
    if (!system) {
        fprintf(stderr, "%s\n", why);
        return 3;
    }
    int result = called(system, words[2], words[3], strtoll(words[4], NULL, 10));
    hisee_close(system);
    return result;
}
