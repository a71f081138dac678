"""Which member holds which role (R100-R104): a pure rule over members and terms, and the step of the primary that carries it out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hisee.engine import rules
from hisee.engine.coordinator import PRIMARY, ROLES, Coordinator, Grant, LostMember, Member, NotActive, TermRow

log = logging.getLogger("hisee.roles")


class Assignment(NamedTuple):
    """`role` (a term) goes to `member`."""

    role: str
    member: Member


def plain(members: Sequence[Member]) -> list[Member]:
    """Living work processes that are not dialog ones, in the order in which they joined."""
    fit = [m for m in members if m.kind == "WP" and m.mode == "WP" and not m.ended_ms]
    return sorted(fit, key=lambda m: (m.joined_ms, m.number))


def candidates(members: Sequence[Member], terms: Mapping[str, TermRow]) -> list[Member]:
    """The plain ones of the active computer; of all computers where there is no group."""
    node = rules.active_node(members, terms)
    return [m for m in plain(members) if node in (None, m.node)]


def assignments(members: Sequence[Member], terms: Mapping[str, TermRow]) -> list[Assignment]:
    """What has to change, role by role in the order of ROLES.

    A holder other than the primary keeps its first role. A role of the primary or of nobody goes to the first one to join
    that has none; without such a one the primary has it. Empty when everything is in place.
    """
    fit = {m.incarnation: m for m in candidates(members, terms)}
    primary = fit.get(terms[PRIMARY].holder) if PRIMARY in terms else None
    if primary is None:
        return []
    holders = {role: fit.get(terms[role].holder) if role in terms else None for role in ROLES}
    placed = _kept(holders, primary)
    changes = []
    for role in ROLES:
        if role in placed:
            continue
        taken = {m.incarnation for m in placed.values()} | {primary.incarnation}
        target = next((m for m in fit.values() if m.incarnation not in taken), primary)
        if target is not primary:
            placed[role] = target
        if holders[role] != target:
            changes.append(Assignment(role, target))
    return changes


def _kept(holders: Mapping[str, Member | None], primary: Member) -> dict[str, Member]:
    """Roles that stay: the first one of every holder that is not the primary."""
    kept: dict[str, Member] = {}
    for role in ROLES:
        holder = holders[role]
        if holder is not None and holder.incarnation != primary.incarnation and holder not in kept.values():
            kept[role] = holder
    return kept


def settle_roles(coordinator: Coordinator, primary: Grant) -> list[Assignment]:
    """One step of the primary: bring roles in order. Raises LostGrant when it is primary no more."""
    done = []
    for change in assignments(coordinator.members(), coordinator.terms()):
        try:
            coordinator.assign(primary, change.role, change.member)
        except (LostMember, NotActive):  # ended, or its computer waits, since the look: the next round chooses another
            continue
        done.append(change)
        log.info("role %s: held by %s", change.role.removeprefix("role."), change.member.name)
    return done


def grant_of(term: str, terms: Mapping[str, TermRow], member: Member) -> Grant | None:
    """The member's grant of a term as the engine has it; None when another or nobody holds it."""
    row = terms.get(term)
    return Grant(term, member.incarnation, row.epoch) if row is not None and row.holder == member.incarnation else None
