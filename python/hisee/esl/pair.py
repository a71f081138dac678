"""Pair rules: what the two parts of an object must not both do. Part 1 is local, part 2 remote."""

from __future__ import annotations

from hisee.esl.diagnostics import Diagnostic, Note, make
from hisee.esl.front.checker import Checker
from hisee.esl.front.kinds import F_RPC, F_RPCX, N_ASSIGN, N_LOCAL, P_PVAR
from hisee.esl.front.lexer import fold
from hisee.esl.front.rows import as_list
from hisee.esl.front.symbols import Procedure

LABELS = {1: "first declared here (local)", 2: "declared again here (remote)"}


def pair_diagnostics(parts: dict[int, Checker]) -> list[Diagnostic]:
    """Diagnostics of both parts together; empty unless both were checked."""
    return [*double_headers(parts), *_shared_steps(parts)] if 1 in parts and 2 in parts else []


def double_headers(parts: dict[int, Checker]) -> list[Diagnostic]:
    """What headers alone show: bodies may be missing from the checked texts."""
    return [*_double_procedures(parts), *_double_entries(parts)]


def _by_name(checker: Checker, flags: int) -> dict[str, Procedure]:
    return {fold(p.name): p for p in checker.procedures[1:] if p.flags & flags}


def _double_procedures(parts: dict[int, Checker]) -> list[Diagnostic]:
    local, remote = (_by_name(parts[n], F_RPC | F_RPCX) for n in (1, 2))
    return [
        _double(parts, "ESL2101", local[key], remote[key], "Duplicate declaration of procedure", arguments=_arguments(remote[key]))
        for key in remote if key in local
    ]


def _double_entries(parts: dict[int, Checker]) -> list[Diagnostic]:
    """An event that either handler answers may have one handler only."""
    local, remote = ({fold(p.name): p for p in parts[n].procedures[1:] if p.event} for n in (1, 2))
    found = []
    for key in remote:
        other = local.get(key)
        if other is not None and (parts[1].is_synchronous(other) or parts[2].is_synchronous(remote[key])):
            found.append(_double(parts, "ESL2102", other, remote[key], "Duplicate declaration of entry"))
    return found


def _arguments(procedure: Procedure) -> str:
    names = ", ".join(p.symbol.name for p in procedure.parameters)
    return f"({names})" if names else ""


def _double(parts: dict[int, Checker], code: str, first: Procedure, second: Procedure, original: str, **values: str) -> Diagnostic:
    remote = parts[2]
    place = remote.source.span(remote.tree.start[second.node], remote.tree.end[second.node])
    local = parts[1]
    where = local.note(local.tree.start[first.node], local.tree.end[first.node], LABELS[1])
    notes = [where, Note(1, 0, 0, 0, f'the object was not saved. Original wording: "{original}"')]
    return make(code, remote.name, 2, place, label=LABELS[2], notes=notes, name=second.name, **values)


def _shared_steps(parts: dict[int, Checker]) -> list[Diagnostic]:
    """Picture variables that both parts change by reading them in the same action: one step can be lost."""
    local, remote = (steps(parts[n]) for n in (1, 2))
    found = []
    for key in remote:
        if key in local:
            checker, node = parts[2], remote[key]
            other = parts[1]
            place = checker.source.span(checker.tree.start[node], checker.tree.end[node])
            notes = [other.note(other.tree.start[local[key]], other.tree.end[local[key]], "and here (local)")]
            found.append(make("ESL4005", checker.name, 2, place, notes=notes, name=checker.pvars[key].name))
    return found


def steps(checker: Checker) -> dict[str, int]:
    """Picture variable -> an action `_v := .. _v ..`."""
    tree = checker.tree
    found: dict[str, int] = {}
    if not checker.pvars:
        return found
    for node, kind in enumerate(as_list(tree.kind, tree.count)):
        if kind != N_ASSIGN or tree.kind[tree.a[node]] != N_LOCAL:
            continue
        place = checker.places[tree.a[node]]
        if place is None or place.kind != P_PVAR or place.symbol is None:
            continue
        key = fold(place.symbol.name)
        low, high = tree.start[tree.b[node]], tree.end[tree.b[node]]
        if key in checker.pvars and key in fold(checker.source.text[low:high]):
            found.setdefault(key, node)
    return found
