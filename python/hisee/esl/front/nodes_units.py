"""Nodes of unit events, interfaces and WAIT with a condition. Operands, as in nodes.py (n = node, l = list, name; -1 = absent):

    UNIT(name of the unit event, l of names)   CALL_UNIT(name of the unit variable, name of the procedure, l of arguments)
    IMPLEMENTS(name of the interface)   WAIT_FOR(condition n, seconds n, unit, variable n)
"""

N_UNIT, N_CALL_UNIT, N_IMPLEMENTS, N_WAIT_FOR = range(81, 85)
