"""Process administration and time basis: what every work process does for the primary's term, and what the primary does with it.

Takes a Coordinator, a Clock and a Lease; a steward calls `look` each renewal and after every death, `time` each time basis.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from hisee.engine.coordinator import PRIMARY, Coordinator, Grant, LostGrant, LostMember, Member, NotActive, TermRow
from hisee.engine.proof import OVER
from hisee.engine.rules import active_node
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock
from hisee.tasks import cause
from hisee.work.lease import Lease
from hisee.work.modes import Change, Modes, dialog
from hisee.work.roles import candidates, grant_of, settle_roles
from hisee.work.schedules import FAR_MS, Ticker

log = logging.getLogger("hisee.primary")
ADMINISTRATION_NS = TIMERS["administration"].ms * 1_000_000
DEAD_LETTERS = 100  # looked at, the newest ones


def _nothing(_: object) -> None:
    return


class Primary:
    """One per work process, primary or not. After LostGrant it is none and goes on as every other member."""

    def __init__(self, coordinator: Coordinator, clock: Clock, member: Member, lease: Lease, *, wp_min: int = LIMITS["wp_min"].value,
                 ring: Callable[[Iterable[str]], None] = _nothing, alarm: Callable[[str], None] = _nothing) -> None:
        """ring: wakes the workers of these queues; alarm: a line that a person has to see."""
        self.grant: Grant | None = None
        self._coordinator, self._clock, self._member, self._lease = coordinator, clock, member, lease
        self._alarm, self._ring = alarm, ring
        self._modes = Modes(wp_min)
        self._ticker = Ticker(coordinator, clock, alarm, ring)
        self._letters: set[int] | None = None  # dead letters told of
        self._letters_ns = 0
        self._looked: object = None  # what `changes` said when `look` found all in order; None = look again
        self._timed: object = None  # the same of `time`
        self.news = False  # `time` found that somebody had committed something

    def look(self) -> bool:
        """Bury the overdue, take the primary's term when it is free, then, as primary, keep roles and modes in order.

        True when members, terms or roles changed. Raises LostMember when this member is none any more.
        """
        if not self._lease.good():
            return False
        changed = self._bury_overdue()
        seen = self._coordinator.changes()
        if seen == self._looked:
            return changed
        self._looked = None  # until all of it is done
        changed |= self._take()
        if self.grant is not None:
            try:
                changed |= self._administer()
            except LostGrant:
                self._lost()
                return True
        if self.grant is None or self._tell_dead_letters():
            self._looked = seen
        return changed

    def time(self) -> int:
        """As primary fire what is due; as holder of R run the resource calculation. How many tasks became ready."""
        self.news = False
        if not self._lease.good():
            return 0
        seen = self._coordinator.changes()
        if seen == self._timed and (self.grant is None or self._ticker.rest_ms()):
            return 0
        self.news, self._timed = True, None  # until all of it is done
        fired = 0
        if self.grant is not None:
            try:
                fired = self._ticker.fire(self.grant)
            except LostGrant:
                self._lost()
        fired += self._calculate()
        self._timed = seen
        return fired

    def rest_ms(self) -> int:
        """Until the next instant of a schedule; a large number for who is not primary."""
        return self._ticker.rest_ms() if self.grant is not None else FAR_MS

    # -- every member
    def _bury_overdue(self) -> bool:
        changed = False
        for member, proof in self._coordinator.overdue():
            if member.incarnation == self._member.incarnation:
                continue  # alive, as this line shows; its own renewal is under way
            if proof == OVER and not self._lease.judges():
                continue
            buried = self._coordinator.bury(member.incarnation, proof, still_over=True)  # it may have renewed since the look
            changed = True
            log.warning("%s: %s; %d tasks and %s are free", member.name, proof, buried.tasks, ", ".join(buried.terms) or "no term")
        return changed

    def _take(self) -> bool:
        """The first plain work process that asks becomes primary (R94, R99); a dialog one only when there is no plain one left."""
        terms = self._coordinator.terms()
        held = grant_of(PRIMARY, terms, self._member)
        if held is not None or (PRIMARY in terms and terms[PRIMARY].holder):
            known, self.grant = self.grant, held
            return known != held
        if not self._may_lead(terms):
            known, self.grant = self.grant, None
            return known is not None
        self.grant = self._coordinator.take(PRIMARY, self._member)
        if self.grant is not None:
            self._ticker.begin()
            self._timed = None
            log.info("%s is primary, epoch %d", self._member.name, self.grant.epoch)
        return self.grant is not None

    def _may_lead(self, terms: Mapping[str, TermRow]) -> bool:
        members = self._coordinator.members()
        node, fit = active_node(members, terms), candidates(members, terms)
        spare = [m for m in dialog(members) if node in (None, m.node)]
        if not fit and [m.incarnation for m in spare[:1]] == [self._member.incarnation]:
            self._coordinator.set_mode(self._member, "WP")
            log.info("%s: DWP -> WP, no plain work process is left", self._member.name)
            return True
        return any(m.incarnation == self._member.incarnation for m in fit)

    def _lost(self) -> None:
        log.warning("%s is primary no more", self._member.name)
        self.grant, self._letters = None, None

    # -- the primary
    def _administer(self) -> bool:
        grant = self.grant
        assert grant is not None
        self._coordinator.keep(grant)
        self._stay_plain()
        changed = bool(settle_roles(self._coordinator, grant))
        changed |= self._settle_modes(grant)
        return changed

    def _stay_plain(self) -> None:
        """A change of mode that was decided before this one became primary may have come after it."""
        members = self._coordinator.members()
        if any(m.incarnation == self._member.incarnation and m.mode == "DWP" for m in members):
            self._coordinator.set_mode(self._member, "WP")
            log.info("%s: DWP -> WP, it is primary", self._member.name)

    def _settle_modes(self, grant: Grant) -> bool:
        changes = self._modes.changes(self._coordinator.members(), self._coordinator.terms())
        for change in changes:
            self._change(grant, change)
        return bool(changes)

    def _change(self, grant: Grant, change: Change) -> None:
        """A role holder's roles go to the primary before it becomes a dialog process; the next step places them anew."""
        try:
            if change.mode == "DWP":
                for role in self._roles_of(change.member):
                    self._coordinator.assign(grant, role, self._member)
                    log.info("role %s: handed back by %s", role.removeprefix("role."), change.member.name)
            self._coordinator.keep(grant)
            self._coordinator.set_mode(change.member, change.mode)
            log.info("%s: %s -> %s, %s", change.member.name, change.member.mode, change.mode, change.why)
        except (LostMember, NotActive):
            return  # ended meanwhile, or the active computer changed

    def _roles_of(self, member: Member) -> Sequence[str]:
        return [term for term, row in self._coordinator.terms().items() if term.startswith("role.") and row.holder == member.incarnation]

    def _calculate(self) -> int:
        """Conditions and limits on parallel runs: the holder of R alone."""
        grant = grant_of("role.R", self._coordinator.terms(), self._member)
        if grant is None:
            return 0
        try:
            freed = self._coordinator.release(grant)
        except LostGrant:
            return 0
        if freed:
            self._ring(("general", "dialog", "java", "O", "R", "primary"))
        return freed

    def _tell_dead_letters(self) -> bool:
        """One alarm line per dead letter. Those that were there before this one became primary are only counted. False = put off."""
        now = self._clock.monotonic_ns()
        if self._letters is not None and now - self._letters_ns < ADMINISTRATION_NS:
            return False
        self._letters_ns = now
        rows = self._coordinator.tasks(state="dead letter", limit=DEAD_LETTERS)
        known = {row.id for row in rows} if self._letters is None else self._letters
        if self._letters is None and rows:
            log.warning("%d dead letters, the newest is task %d", len(rows), rows[0].id)
        for row in rows:
            if row.id not in known:
                why = cause(row.text) or "no reason"
                self._alarm(f"task {row.id} ({row.func}) is a dead letter after {row.attempt} attempts: {why}")
        self._letters = {row.id for row in rows}
        return True
