"""Nodes of calls between objects, events, locks and commands. Operands, as in nodes.py (n = node, l = list, name; -1 = absent):

    CALL_OBJECT(result n, object n, l of arguments, l of [procedure name, flags, interface name, process n, instance n, priority n,
    conversation n])   EVENT(event n, l of names, l of values, l of [flags, priority n])   OPENEVENT(event n, process n, instance n, flags)
    CLOSE(object n, process n, instance n, flags)   COMMAND(result n, text n, process n, instance n)
    GETACCESS(result n, name n, l of [public, holder n, note n])   RELEASEACCESS(name n, public)
"""

N_CALL_OBJECT, N_EVENT, N_OPENEVENT, N_CLOSE, N_COMMAND, N_GETACCESS, N_RELEASEACCESS = range(100, 107)

# flags, as the actions have them
G_ASYNC, G_CODE, G_ALL = 1, 2, 4
G_DURABLE = 2  # of EVENT
G_BEGIN, G_CONTINUE, G_END = 8, 16, 32
G_CONVERSATION = G_BEGIN | G_CONTINUE | G_END
O_SYNC, O_DIRECT, O_ALL = 1, 2, 4
EVENT_VALUES = 10  # most PUBLIC locals that one EVENT hands over
# flag of DECL
D_PUBLIC = 1
