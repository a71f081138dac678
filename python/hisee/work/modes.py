"""Plain and dialog work processes (R113): how many of a node are which. A pure rule, and the change by command."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hisee.engine.coordinator import PRIMARY, ROLES, Coordinator, Member, TermRow
from hisee.errors import HiseeError
from hisee.work.roles import grant_of, plain

log = logging.getLogger("hisee.modes")
LEAST_PLAIN = 2  # never fewer plain work processes on a node, whatever is asked for


class ModeRefused(HiseeError):
    """The change would leave too few plain work processes, or the process is none."""


class Change(NamedTuple):
    """`member` becomes a plain ("WP") or a dialog ("DWP") work process."""

    member: Member
    mode: str
    why: str


def dialog(members: Sequence[Member]) -> list[Member]:
    return sorted((m for m in members if m.kind == "WP" and m.mode == "DWP" and not m.ended_ms), key=lambda m: (m.joined_ms, m.number))


class Modes:
    """Changes by the minimum per node. Belongs to the primary, which looks at it after every change of members.

    Plain ones above the minimum become dialog ones, those without a role and the youngest first. When plain ones ended, or the
    minimum rose, dialog ones turn back. A process that a person made a dialog one stays it until one of the two happens.
    """

    def __init__(self, least: int) -> None:
        self.least = max(least, LEAST_PLAIN)
        self._seen: dict[str, tuple[int, int, int]] = {}  # node -> plain ones, dialog ones, minimum at the last look
        self._owed: set[str] = set()  # nodes whose plain ones became fewer and are not yet made up for

    def changes(self, members: Sequence[Member], terms: Mapping[str, TermRow]) -> list[Change]:
        """One change per node at most: the next look sees its effect first."""
        nodes = sorted({m.node for m in members if m.kind == "WP" and not m.ended_ms})
        found = [self._of_node([m for m in members if m.node == node], node, terms) for node in nodes]
        return [change for change in found if change is not None]

    def _of_node(self, members: Sequence[Member], node: str, terms: Mapping[str, TermRow]) -> Change | None:
        fit, others = plain(members), dialog(members)
        self._compare(members, node, len(fit), len(others))
        if len(fit) >= self.least or not others:
            self._owed.discard(node)
        if others and (node in self._owed or len(fit) < LEAST_PLAIN):
            return Change(others[0], "WP", f"{len(fit)} plain work processes on {node}, the minimum is {self.least}")
        if len(fit) > self.least:
            return Change(_spare(fit, terms), "DWP", f"{len(fit)} plain work processes on {node}, {self.least} are enough")
        return None

    def _compare(self, members: Sequence[Member], node: str, fit: int, others: int) -> None:
        """Owed is what ended, not what turned into a dialog one."""
        fit_before, others_before, least = self._seen.get(node) or (fit + _ended(members), others, self.least)
        if fit + max(0, others - others_before) < fit_before or self.least > least:
            self._owed.add(node)
        self._seen[node] = (fit, others, self.least)


def _ended(members: Sequence[Member]) -> int:
    """Plain ones of the node that ended and are not replaced: what a new primary has not seen itself."""
    return sum(m.kind == "WP" and m.mode == "WP" and bool(m.ended_ms) and m.ended != "stop" for m in members)


def _spare(fit: Sequence[Member], terms: Mapping[str, TermRow]) -> Member:
    """The youngest without a term; of those with one, the primary last."""
    held = {row.holder: term for term, row in terms.items() if term in (PRIMARY, *ROLES)}

    def cost(member: Member) -> int:
        return 0 if member.incarnation not in held else 2 if terms[PRIMARY].holder == member.incarnation else 1

    return min(reversed(fit), key=cost)


def change_mode(coordinator: Coordinator, member: Member, mode: str) -> Member:
    """By command: hand the roles back first, then change. Raises ModeRefused, EngineError."""
    members, terms = coordinator.members(), coordinator.terms()
    own = next((m for m in members if m.incarnation == member.incarnation), member)
    if mode not in ("WP", "DWP") or member.kind != "WP":
        raise ModeRefused(f"{member.name} cannot become {mode!r}", hint="a work process is WP or DWP")
    if own.mode == mode:
        return own
    if mode == "DWP":
        _refuse_last_ones(own, members, terms)
        for role in ROLES:
            grant = grant_of(role, terms, own)
            if grant is not None:
                coordinator.drop(grant)
                log.info("role %s: handed back by %s", role.removeprefix("role."), own.name)
    log.info("%s: %s -> %s by command", own.name, own.mode, mode)
    return coordinator.set_mode(own, mode)


def _refuse_last_ones(own: Member, members: Sequence[Member], terms: Mapping[str, TermRow]) -> None:
    others = [m for m in plain(members) if m.node == own.node and m.incarnation != own.incarnation]
    if len(others) < LEAST_PLAIN:
        raise ModeRefused(f"{own.name} stays plain: {len(others)} others on {own.node}, {LEAST_PLAIN} have to remain")
    if PRIMARY in terms and terms[PRIMARY].holder == own.incarnation:
        raise ModeRefused(f"{own.name} is primary and stays plain")
