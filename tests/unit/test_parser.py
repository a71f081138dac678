"""Shape of the tree: levels of operators, postfix forms, blocks; recovery at the next line."""

from __future__ import annotations

import pytest

from hisee.esl.front import kinds as N
from hisee.esl.front import lexer as L
from hisee.esl.front.lexer import Source, tokenize
from hisee.esl.front.parser import parse

SIGN = {number: sign for sign, number in L.SIGNS.items()}


def tree_of(text: str):
    source = Source(text)
    tokens = tokenize(text)
    tree, faults, _ = parse(source, tokens, 200)
    return tree, tokens, faults


def shown(tree, tokens, node: int) -> str:
    """An expression with every bracket written."""
    kind = tree.kind[node]
    if kind == N.N_BINARY:
        return f"({shown(tree, tokens, tree.b[node])}{SIGN[tree.a[node]]}{shown(tree, tokens, tree.c[node])})"
    if kind == N.N_UNARY:
        return f"{SIGN[tree.a[node]]}{shown(tree, tokens, tree.b[node])}"
    if kind == N.N_PAREN:
        return shown(tree, tokens, tree.a[node])
    if kind == N.N_INDEX:
        return f"{shown(tree, tokens, tree.a[node])}[{shown(tree, tokens, tree.b[node])}]"
    if kind in (N.N_COLUMN, N.N_ATTR):
        return shown(tree, tokens, tree.a[node]) + ("^" if kind == N.N_COLUMN else "\\") + tokens.names.spelled[tree.b[node]]
    if kind in (N.N_INT, N.N_REAL, N.N_TEXT):
        return str(tokens.literals[tree.a[node]])
    return tokens.names.spelled[tree.a[node]]


@pytest.mark.parametrize("text, wanted", [
    ("1+2*3", "(1+(2*3))"), ("1-2-3", "((1-2)-3)"), ("_a>_b&_a<_c", "((_a>_b)&(_a<_c))"), ("_a|_b&_c", "(_a|(_b&_c))"),
    ("!_a=_b", "(!_a=_b)"), ("-_a*2", "(-_a*2)"), ("_i=_max+1", "(_i=(_max+1))"), ("(1+2)*3", "((1+2)*3)"),
    ("_r[_i+1]^Col\\VLD", "_r[(_i+1)]^Col\\VLD"), ("SV.X[1]^A", "SV.X[1]^A"), ("--1", "--1"),
])
def test_levels(text, wanted):
    tree, tokens, faults = tree_of(f"_x := {text}")
    assert not faults
    assert shown(tree, tokens, tree.b[tree.init[0]]) == wanted


def test_every_faulty_line_is_one_fault_and_the_next_one_is_read():
    tree, _, faults = tree_of("BEGIN\n_a := (\n_a := 1\n_b = 2\nLOG \"x\"\n")
    assert [f.code for f in faults] == ["ESL1001", "ESL1001"]
    assert [tree.kind[n] for n in tree.init] == [N.N_ASSIGN, N.N_LOG]


def test_the_unit_of_delay_is_no_index():
    tree, _, faults = tree_of("DELAY 200[ms]\nDELAY _d[m]\nDELAY _r[1]^Wait[h]\n")
    assert not faults and [tree.b[n] for n in tree.init] == [0, 2, 3]


def test_time_is_a_type_a_clause_and_a_name():
    tree, _, faults = tree_of("TIME _t\nBEGIN\n_a := 1 TIME _t\nTIME := 5\n")
    assert not faults and len(tree.globals) == 1 and len(tree.init) == 2
    assert tree.c[tree.init[0]] >= 0


def test_a_parameter_repeats_mode_and_type_of_the_one_before():
    tree, _, faults = tree_of("PROCEDURE P(IN INT _a, _b, REAL _c, _d)\nEND P\n")
    modes = [(tree.c[p], tree.a[tree.a[p]]) for p in tree.items(tree.b[tree.procedures[0]])]
    assert not faults and modes == [(N.M_IN, N.V_INT)] * 2 + [(N.M_INOUT, N.V_REAL)] * 2
