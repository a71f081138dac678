"""Contract: members, numbers, leases, terms. Every sentence of the protocol about them as a test."""

from __future__ import annotations

import pytest

from engine.lab import Lab, claim_ids, claim_one, end, ended_with_add, join, lead, put, state
from hisee.engine.coordinator import ACTIVE, PRIMARY, Candidate, Coordinator, Grant, LostGrant, LostMember, Member, NoNumber, NotActive


def listed(engine: Coordinator, member: Member) -> Member:
    return next(m for m in engine.members() if m.incarnation == member.incarnation)


def living(engine: Coordinator) -> list[str]:
    return sorted(m.name for m in engine.members() if not m.ended_ms)


def dead(engine: Coordinator) -> dict[int, str]:
    return {m.incarnation: why for m, why in engine.overdue()}


class Members:
    """Joining, leaving, beating, burying."""

    @pytest.mark.req("R90")
    def test_numbers_in_order_of_start(self, lab: Lab, engine: Coordinator) -> None:
        assert [join(lab, engine).name for _ in range(3)] == ["WP001", "WP002", "WP003"]
        assert [join(lab, engine, "CP").name for _ in range(2)] == ["CP001", "CP002"]
        assert join(lab, engine).number == 4

    @pytest.mark.req("R90")
    def test_a_number_left_is_the_next_one_given(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        engine.leave(first)
        assert living(engine) == ["WP002"] and listed(engine, first).ended == "stop"
        again = join(lab, engine)
        assert again.number == first.number and again.incarnation != first.incarnation
        assert [m.incarnation for m in engine.members() if m.name == "WP001"] == [again.incarnation]
        assert listed(engine, second).ended_ms == 0

    @pytest.mark.req("R91")
    def test_position_in_the_list_is_the_number(self, lab: Lab, engine: Coordinator) -> None:
        first, second = (join(lab, engine, ports=(2218, 2219)) for _ in range(2))
        assert (first.number, first.port, second.number, second.port) == (1, 2218, 2, 2219)

    @pytest.mark.req("R92")
    def test_an_occupied_port_is_passed_over(self, lab: Lab, engine: Coordinator) -> None:
        asked: list[int] = []

        def occupy(port: int) -> bool:
            asked.append(port)
            return port != 2218

        member = join(lab, engine, ports=(2218, 2219, 2220), occupy=occupy)
        assert (member.number, member.port) == (2, 2219) and asked == [2218, 2219]

    @pytest.mark.req("R92")
    def test_no_number_left(self, lab: Lab, engine: Coordinator) -> None:
        join(lab, engine, ports=(2218,))
        with pytest.raises(NoNumber, match="WP"):
            join(lab, engine, ports=(2218,))
        assert living(engine) == ["WP001"]

    @pytest.mark.req("R92")
    def test_no_number_when_every_port_is_occupied(self, lab: Lab, engine: Coordinator) -> None:
        with pytest.raises(NoNumber):
            join(lab, engine, ports=(2218, 2219), occupy=lambda port: False)
        assert engine.members() == []

    def test_facts_of_a_member_are_kept(self, lab: Lab, engine: Coordinator) -> None:
        candidate = lab.candidate("WP", node="SRV2")
        member = engine.join(candidate)
        kept = listed(lab.open(), member)
        assert kept == member and (kept.node, kept.pid, kept.birth) == ("SRV2", candidate.pid, candidate.birth)
        assert kept.mode == "WP" and kept.incarnation == candidate.incarnation

    def test_a_number_of_a_proven_death_is_free_at_the_next_join(self, lab: Lab, engine: Coordinator) -> None:
        first = join(lab, engine, ports=(2218,))
        lab.kill(first)
        assert join(lab, engine, ports=(2218,)).number == 1

    def test_overdue_by_death_and_by_silence(self, lab: Lab, engine: Coordinator) -> None:
        killed, silent = join(lab, engine), join(lab, engine)
        assert dead(engine) == {}
        lab.kill(killed)
        assert dead(engine) == {killed.incarnation: "process ended"}
        lab.lapse()
        engine.beat(silent)
        assert silent.incarnation not in dead(engine)
        lab.lapse()
        assert dead(engine)[silent.incarnation] == "lease over"

    def test_a_kind_without_lease_ends_by_its_death_only(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine, "JWP")
        lab.lapse()
        assert dead(engine) == {}
        lab.kill(member)
        assert dead(engine) == {member.incarnation: "process ended"}

    def test_an_ended_one_is_never_overdue(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.leave(member)
        lab.kill(member)
        lab.lapse()
        assert dead(engine) == {}

    def test_bury_sets_everything_free_once(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), join(lab, engine)
        lead(engine, member)
        tasks = [put(engine) for _ in range(3)]
        assert claim_ids(engine, member) == tasks
        lab.kill(member)
        buried = engine.bury(member.incarnation, "process ended")
        assert (buried.tasks, buried.terms) == (3, (PRIMARY,))
        assert engine.bury(member.incarnation, "process ended") == (0, ())
        assert listed(engine, member).ended == "process ended"
        assert {state(engine, t) for t in tasks} == {"ready"} and engine.terms()[PRIMARY].holder == 0
        assert lead(engine, other).epoch == 2

    def test_one_that_renewed_since_the_look_is_not_buried(self, lab: Lab, engine: Coordinator) -> None:
        """Whoever looked, stood still and then acts on the old look must not end one that lives."""
        late, silent, killed = join(lab, engine), join(lab, engine), join(lab, engine)
        lab.lapse()
        assert {late.incarnation, silent.incarnation} <= dead(engine).keys()
        put(engine)
        engine.beat(late)
        engine.beat(killed)
        lab.kill(killed)
        claim = claim_one(engine, late)
        assert engine.bury(late.incarnation, "lease over", still_over=True) == (0, ())
        assert engine.renew([claim]) == [claim] and listed(engine, late).ended_ms == 0
        engine.bury(silent.incarnation, "lease over", still_over=True)
        engine.bury(killed.incarnation, "process ended", still_over=True)
        assert living(engine) == [late.name]

    def test_bury_of_nobody(self, engine: Coordinator) -> None:
        assert engine.bury(4711, "process ended") == (0, ())

    def test_the_buried_changes_nothing(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        grant = lead(engine, member)
        put(engine)
        claim = claim_one(engine, member)
        lab.open().bury(member.incarnation, "lease over")
        with pytest.raises(LostMember):
            engine.beat(member)
        with pytest.raises(LostMember):
            engine.claim(member, ["general"], 1)
        with pytest.raises(LostMember):
            engine.take("role.O", member)
        with pytest.raises(LostGrant):
            engine.keep(grant)
        assert not end(engine, claim) and state(engine, claim.id) == "ready"

    def test_leave_gives_back_without_counting(self, lab: Lab, engine: Coordinator) -> None:
        member, other = join(lab, engine), join(lab, engine)
        lead(engine, member)
        task = put(engine)
        claim_one(engine, member)
        engine.leave(member)
        assert engine.terms()[PRIMARY].holder == 0
        again = claim_one(engine, other)
        assert (again.id, again.attempt) == (task, 1)
        with pytest.raises(LostMember):
            engine.beat(member)

    def test_leave_is_no_new_lease(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        engine.leave(member)
        engine.leave(member)
        assert living(engine) == []

    def test_mode_is_kept(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        assert engine.set_mode(member, "DWP").mode == "DWP" and listed(lab.open(), member).mode == "DWP"
        engine.leave(member)
        with pytest.raises(LostMember):
            engine.set_mode(member, "WP")

    def test_two_threads_of_one_member(self, lab: Lab, engine: Coordinator) -> None:
        """The worker and the steward of a process have a Coordinator each."""
        worker, steward = engine, lab.open()
        member = join(lab, steward)
        task = put(worker)
        assert claim_ids(worker, member) == [task]
        lab.lapse()
        steward.beat(member)
        assert dead(worker) == {}


class Terms:
    """One holder, epochs that only grow, nothing done in the name of an old one."""

    @pytest.mark.req("R94")
    def test_one_holder(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        grant = lead(engine, first)
        assert grant == Grant(PRIMARY, first.incarnation, 1)
        assert lab.open().take(PRIMARY, second) is None
        row = engine.terms()[PRIMARY]
        assert (row.holder, row.name, row.epoch) == (first.incarnation, first.name, 1)

    def test_epoch_grows_at_every_take(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        epochs = []
        for _ in range(3):
            grant = lead(engine, member)
            epochs.append(grant.epoch)
            engine.drop(grant)
            assert engine.terms()[PRIMARY].holder == 0
        assert epochs == [1, 2, 3]

    def test_an_old_grant_drops_nothing(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        old = lead(engine, first)
        engine.drop(old)
        new = lead(engine, second)
        engine.drop(old)
        engine.keep(new)
        with pytest.raises(LostGrant):
            engine.keep(old)

    @pytest.mark.req("R101", "R103")
    def test_assign_moves_a_role(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        primary = lead(engine, first)
        own = engine.assign(primary, "role.O", first)
        other = engine.assign(primary, "role.O", second)
        assert other.epoch == own.epoch + 1 and engine.terms()["role.O"].holder == second.incarnation
        engine.keep(other)
        with pytest.raises(LostGrant):
            engine.keep(own)

    @pytest.mark.req("R102")
    def test_a_stale_primary_assigns_nothing(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        old = lead(engine, first)
        engine.bury(first.incarnation, "lease over")
        new = lead(engine, second)
        held = engine.assign(new, "role.O", second)
        with pytest.raises(LostGrant):
            engine.assign(old, "role.O", second)
        with pytest.raises(LostGrant):
            engine.purge(old, ["general"])
        with pytest.raises(LostGrant):
            engine.release(old)
        engine.keep(held)

    def test_a_role_is_no_primary(self, lab: Lab, engine: Coordinator) -> None:
        member = join(lab, engine)
        role = engine.assign(lead(engine, member), "role.O", member)
        with pytest.raises(LostGrant):
            engine.assign(role, "role.R", member)

    def test_only_members_hold(self, lab: Lab, engine: Coordinator) -> None:
        first, second = join(lab, engine), join(lab, engine)
        primary = lead(engine, first)
        engine.leave(second)
        with pytest.raises(LostMember):
            engine.assign(primary, "role.O", second)
        assert "role.O" not in engine.terms() or engine.terms()["role.O"].holder == 0

    def test_numbers_of_two_joins_differ(self, lab: Lab, engine: Coordinator) -> None:
        candidates: list[Candidate] = [lab.candidate() for _ in range(4)]
        engines = [lab.open() for _ in candidates]
        numbers = [e.join(c).number for e, c in zip(engines, candidates, strict=True)]
        assert numbers == [1, 2, 3, 4]


HOT = "hs.plant"


class Together:
    """Terms that go with one another: the hot server's and its node's."""

    def servers(self, lab: Lab, engine: Coordinator, *nodes: str) -> list[Member]:
        return [join(lab, engine, "KNL", node=node) for node in nodes]

    @pytest.mark.req("R147")
    def test_all_or_none(self, lab: Lab, engine: Coordinator) -> None:
        first, second = self.servers(lab, engine, "SRV1", "SRV2")
        alone = engine.take(ACTIVE, second)
        assert alone is not None and engine.take_together([HOT, ACTIVE], first) is None
        assert HOT not in engine.terms() or engine.terms()[HOT].holder == 0
        engine.drop(alone)
        grants = engine.take_together([HOT, ACTIVE], first)
        assert grants is not None and [g.term for g in grants] == [HOT, ACTIVE]
        assert {engine.terms()[term].holder for term in (HOT, ACTIVE)} == {first.incarnation}
        assert grants[1].epoch > alone.epoch and engine.take_together([HOT, ACTIVE], second) is None
        for grant in grants:
            engine.keep(grant)

    @pytest.mark.req("R147")
    def test_the_death_of_the_holder_frees_them_and_it_is_known_who_it_was(self, lab: Lab, engine: Coordinator) -> None:
        first, second = self.servers(lab, engine, "SRV1", "SRV2")
        assert engine.succession(HOT).node == ""
        grants = engine.take_together([HOT, ACTIVE], first)
        assert grants is not None
        lab.kill(first)
        assert set(engine.bury(first.incarnation, "process ended").terms) == {HOT, ACTIVE}
        known = engine.succession(HOT)
        assert (known.node, known.incarnation, known.epoch, known.heir) == ("SRV1", first.incarnation, grants[0].epoch, "")
        taken = engine.take_together([HOT, ACTIVE], second)
        assert taken is not None and taken[0].epoch > grants[0].epoch and engine.succession(HOT).node == "SRV2"
        with pytest.raises(LostMember):
            engine.take_together([HOT, ACTIVE], first)
        with pytest.raises(LostGrant):
            engine.keep(grants[0])

    @pytest.mark.req("R74")
    def test_the_heir_alone_for_its_time(self, lab: Lab, engine: Coordinator) -> None:
        first, second, third = self.servers(lab, engine, "SRV1", "SRV2", "SRV3")
        grants = engine.take_together([HOT, ACTIVE], first)
        assert grants is not None
        engine.hand_over(grants, "SRV2", 60_000)
        assert engine.succession(HOT).heir == "SRV2"
        assert engine.take_together([HOT, ACTIVE], third) is None and engine.take_together([HOT, ACTIVE], first) is None
        with pytest.raises(LostGrant):
            engine.hand_over(grants, "SRV3", 60_000)
        taken = engine.take_together([HOT, ACTIVE], second)
        assert taken is not None and taken[0].epoch == grants[0].epoch + 1 and engine.succession(HOT).heir == ""

    @pytest.mark.req("R74")
    def test_an_heir_that_never_comes_blocks_nobody(self, lab: Lab, engine: Coordinator) -> None:
        first, third = self.servers(lab, engine, "SRV1", "SRV3")
        grants = engine.take_together([HOT, ACTIVE], first)
        assert grants is not None
        engine.hand_over(grants, "SRV2", 5_000)
        assert engine.take_together([HOT, ACTIVE], third) is None
        lab.advance(5_001)
        assert engine.take_together([HOT, ACTIVE], third) is not None


class NonStop:
    """Only the computer of the holder of `node.active` works; without that term all do."""

    def pair(self, lab: Lab, engine: Coordinator) -> tuple[Member, Member, Member, Member]:
        """Servers of two nodes, the first of them hot, and a work process of each."""
        first, second = (join(lab, engine, "KNL", node=node) for node in ("SRV1", "SRV2"))
        assert engine.take_together([HOT, ACTIVE], first) is not None
        here, there = (join(lab, engine, node=node) for node in ("SRV1", "SRV2"))
        return first, second, here, there

    @staticmethod
    def switch(engine: Coordinator, former: Member, heir: Member) -> None:
        grants = [Grant(term, former.incarnation, engine.terms()[term].epoch) for term in (HOT, ACTIVE)]
        engine.hand_over(grants, heir.node, 60_000)
        assert engine.take_together([HOT, ACTIVE], heir) is not None

    @pytest.mark.req("R123")
    def test_without_the_term_every_computer_works(self, lab: Lab, engine: Coordinator) -> None:
        tasks = [put(engine), put(engine)]
        found = [claim_one(engine, join(lab, engine, node=node)).id for node in ("SRV1", "SRV2")]
        assert found == tasks

    @pytest.mark.req("R123")
    def test_a_computer_that_waits_claims_nothing(self, lab: Lab, engine: Coordinator) -> None:
        _, _, here, there = self.pair(lab, engine)
        tasks = [put(engine, queue=queue) for queue in ("general", "dialog")] + [put(engine, due_ms=lab.now_ms() + 100)]
        lab.advance(200)
        assert claim_ids(engine, there) == [] and {state(engine, task) for task in tasks} == {"ready", "waiting due"}
        assert sorted(claim_ids(engine, here)) == tasks

    @pytest.mark.req("R123")
    def test_work_goes_with_the_term(self, lab: Lab, engine: Coordinator) -> None:
        first, second, here, there = self.pair(lab, engine)
        task, later = put(engine), put(engine)
        claim = engine.claim(here, ["general"], 1)[0]
        self.switch(engine, first, second)
        assert claim_ids(engine, here) == [] and claim_ids(engine, there) == [later]
        assert claim.id == task and ended_with_add(engine, claim), "what was claimed before is ended by its claim's rules"

    @pytest.mark.req("R123")
    def test_nobody_works_while_nobody_holds_it(self, lab: Lab, engine: Coordinator) -> None:
        first, second, here, there = self.pair(lab, engine)
        task = put(engine)
        engine.bury(first.incarnation, "lease over")
        assert claim_ids(engine, here) == claim_ids(engine, there) == []
        assert engine.take(PRIMARY, here) is None
        assert engine.take_together([HOT, ACTIVE], second) is not None and claim_ids(engine, there) == [task]

    @pytest.mark.req("R123", "R147")
    def test_primary_and_roles_follow_in_the_same_commit(self, lab: Lab, engine: Coordinator) -> None:
        first, second, here, there = self.pair(lab, engine)
        assert engine.take(PRIMARY, there) is None
        old = lead(engine, here)
        role = engine.assign(old, "role.O", here)
        with pytest.raises(NotActive):
            engine.assign(old, "role.R", there)
        self.switch(engine, first, second)
        assert {engine.terms()[term].holder for term in (PRIMARY, "role.O")} == {0}
        for stale in (old, role):
            with pytest.raises(LostGrant):
                engine.keep(stale)
        assert engine.take(PRIMARY, here) is None and lead(engine, there).epoch == old.epoch + 1
        assert engine.assign(lead_of(engine, there), "role.O", there).epoch == role.epoch + 1

    @pytest.mark.req("R123")
    def test_queues_of_a_term_go_with_it(self, lab: Lab, engine: Coordinator) -> None:
        first, second, here, there = self.pair(lab, engine)
        lead(engine, here)
        task = put(engine, func="engine.report", queue="primary")
        self.switch(engine, first, second)
        assert claim_ids(engine, here) == claim_ids(engine, there) == []
        lead(engine, there)
        assert claim_ids(engine, there) == [task]

    @pytest.mark.req("R123", "R110")
    def test_the_late_end_of_a_frozen_computer_is_refused(self, lab: Lab, engine: Coordinator) -> None:
        first, second, here, there = self.pair(lab, engine)
        put(engine)
        claim = claim_one(engine, here)
        lab.lapse()
        engine.beat(second)
        engine.beat(there)
        for frozen in (first, here):
            engine.bury(frozen.incarnation, "lease over", still_over=True)
        assert engine.take_together([HOT, ACTIVE], second) is not None
        again = claim_one(engine, there)
        assert again.id == claim.id and again.attempt == 2
        assert not ended_with_add(engine, claim) and ended_with_add(engine, again) and engine.fact("sum") == 1
        with pytest.raises(LostMember):
            engine.claim(here, ["general"], 1)

    @pytest.mark.req("R123")
    def test_a_group_that_begins(self, lab: Lab, engine: Coordinator) -> None:
        """Before its first server is hot nobody works; whoever expects it later takes nothing away."""
        member, server = join(lab, engine), join(lab, engine, "KNL", node="SRV1")
        task = put(engine)
        engine.expect(ACTIVE)
        assert claim_ids(engine, member) == [] and engine.take(PRIMARY, member) is None
        grants = engine.take_together([HOT, ACTIVE], server)
        assert grants is not None
        engine.expect(ACTIVE)
        engine.keep(grants[1])
        assert claim_ids(engine, member) == [task]

    @pytest.mark.req("R123")
    def test_a_group_that_is_no_more(self, lab: Lab, engine: Coordinator) -> None:
        first, _, _, there = self.pair(lab, engine)
        task = put(engine)
        assert not engine.forget(ACTIVE), "it is held"
        engine.leave(first)
        assert claim_ids(engine, there) == []
        assert engine.forget(ACTIVE) and not engine.forget(ACTIVE) and ACTIVE not in engine.terms()
        assert claim_ids(engine, there) == [task]


def lead_of(engine: Coordinator, member: Member) -> Grant:
    return Grant(PRIMARY, member.incarnation, engine.terms()[PRIMARY].epoch)
