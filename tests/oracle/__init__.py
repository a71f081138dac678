"""A second reading of the language: ESL scripts run by walking the parser's tree, in plain Python.

Read it in this order: values.py (what a value is, and the operators), functions.py (one Python function per %Function),
walk.py (actions, procedures, ON ERROR), world.py (objects and the trace). Lexer and parser are the product's; everything behind
them is written again from the rules of the language, with Python's own integers, floats and decimals, so that the compiler and
the VM can be compared with it (compare.py, `./hisee campaign oracle`). It is slow on purpose: no rule is folded into another.

Not written yet: NOT_KNOWN in walk.py names the kinds of nodes, functions.not_known() the functions; tests/oracle/test_oracle.py
prints both and fails when something new in the language stands in neither.
"""
