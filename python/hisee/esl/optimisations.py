"""What the compiler does beyond the plain translation, by name. Each can be left out when a unit is compiled; then the unit is
longer and does the same: `./hisee campaign oracle` compares both.
"""

from __future__ import annotations

FOLD = "fold"  # operators on values known now are computed by the compiler
SHORT_LOAD = "short_load"  # small numbers stand in the instruction instead of the table of constants
IMMEDIATE = "immediate"  # INT + - * with a small number
REAL_CONSTANT = "real_constant"  # REAL + - * / with a number from the table of constants
BRANCH = "branch"  # a comparison and the jump by it are one instruction
BRANCH_CONSTANT = "branch_constant"  # the same with a number known now
HOT = "hot"  # functions that have an instruction of their own
IN_PLACE = "in_place"  # an operator writes its result to the variable, or to its left operand's register
ALL = (FOLD, SHORT_LOAD, IMMEDIATE, REAL_CONSTANT, BRANCH, BRANCH_CONSTANT, HOT, IN_PLACE)
NONE: frozenset[str] = frozenset()
