"""Nodes of unit events and interfaces. Operands, as in nodes.py (n = node, l = list, name; -1 = absent):

    UNIT(name of the unit event, l of names)   CALL_UNIT(name of the unit variable, name of the procedure, l of arguments)
    IMPLEMENTS(name of the interface)
"""

N_UNIT, N_CALL_UNIT, N_IMPLEMENTS = range(81, 84)
