"""The Coordinator that simulated members use: every call may be where something happens to them, and is looked at afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hisee.engine.coordinator import PRIMARY, StorageFull
from hisee.engine.memory import MemoryCoordinator

if TYPE_CHECKING:
    from simulator.world import Hand, World

# Calls that have to write: a full disk refuses them. A renewal writes nothing.
WRITES = frozenset({"assign", "bury", "claim", "drop", "effects_alone", "finish",
                    "fire", "give_back", "leave", "progress", "release", "sent", "set_mode",
                    "step", "take"})
READS = frozenset({"beat", "changes", "fact", "keep", "members", "next_due", "outbox", "overdue", "renew", "reports", "schedules", "tasks",
                   "terms"})
LOOKS = READS | {"facts", "queues", "task"}
WRITES_IF_FOUND = frozenset({"claim", "release"})


class Crash(BaseException):
    """SIGKILL: nothing in the process notices it."""


class Violation(AssertionError):
    """A promise was broken; the text says which and by whom."""


class Counted:
    """The engine as all use it, the world too: `changes` tells whether anything was written, as a database does."""

    def __init__(self, engine: MemoryCoordinator) -> None:
        self._engine, self._commits = engine, 0

    def changes(self) -> object:
        return self._commits

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        return found if name in LOOKS or not callable(found) else self._counting(name, found)

    def _counting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            result = call(*args, **named)
            self._commits += name not in WRITES_IF_FOUND or bool(result)
            return result

        return counted


class Door:
    """One thread's way into the engine."""

    def __init__(self, world: World, hand: Hand, engine: MemoryCoordinator) -> None:
        self.world, self.hand, self.engine = world, hand, engine


def _call(name: str) -> Callable[..., Any]:
    writes, check = name in WRITES, CHECKS.get(name)

    def call(door: Door, *args: Any, **named: Any) -> Any:
        world = door.world
        world.calls += 1
        trouble = world.calls >= world.next_fault
        if trouble and world.before_call:
            world.interlude(door.hand)
        if writes and world.full:
            world.full -= 1
            raise StorageFull("the disk is full", hint="simulated")
        result = getattr(door.engine, name)(*args, **named)
        if check is not None:
            check(door, args, result)
        if trouble and not world.before_call:
            world.interlude(door.hand)
        return result

    return call


def _claimed(door: Door, args: tuple[Any, ...], claims: list[Any]) -> None:
    """R105, limits on parallel runs, one at a time per key; R123."""
    engine, member = door.engine.engine, args[0]
    if claims and not door.world.servers.works(member.node):
        raise Violation(f"{member.name} takes work on {member.node}, which is not the active computer")
    for claim in claims:
        term = {"O": "role.O", "R": "role.R", "primary": PRIMARY}.get(claim.queue)
        if term and engine.terms[term].holder != member.incarnation:
            raise Violation(f"{member.name} works on queue {claim.queue} without {term}")
        running = [t for t in engine.tasks.living.values() if t.owner]
        if claim.order_key and sum(t.request.order_key == claim.order_key for t in running) > 1:
            raise Violation(f"two tasks of key {claim.order_key} run at once")
        for name in claim.resources:
            if sum(name in t.request.resources for t in running) > engine.capacity[name]:
                raise Violation(f"more tasks on {name} than it takes")


def _in_the_name_of(door: Door, args: tuple[Any, ...], result: Any) -> None:
    """Whatever is done in a term's name is done by its holder (R94, R99: never two primaries that change anything)."""
    grant = args[0]
    row = door.engine.engine.terms[grant.term]
    if (row.holder, row.epoch) != (grant.incarnation, grant.epoch):
        raise Violation(f"{door.hand.name} acts as {grant.term} with epoch {grant.epoch}, the holder's is {row.epoch}")


def _fired(door: Door, args: tuple[Any, ...], ids: list[int]) -> None:
    _in_the_name_of(door, args, ids)
    for instant, task in zip(args[2], ids, strict=True):
        known = door.world.ticks.setdefault((args[1].name, instant), task)
        if known != task:
            raise Violation(f"schedule {args[1].name} ticked twice for {instant}")


def _finished(door: Door, args: tuple[Any, ...], kept: list[bool]) -> None:
    for (claim, outcome), ours in zip(args[0], kept, strict=True):
        if ours and outcome.status == "ok":
            door.world.ended.append(claim)


def _renewed(door: Door, args: tuple[Any, ...], result: None) -> None:
    if door.world.freeze_at_renewal:
        door.world.freeze(door.hand)
        if door.hand.gone:
            raise Crash


def _looked(door: Door, args: tuple[Any, ...], result: Any) -> None:
    door.world.check_leaders()


CHECKS: dict[str, Callable[[Door, tuple[Any, ...], Any], None]] = {
    "claim": _claimed, "assign": _in_the_name_of, "release": _in_the_name_of, "fire": _fired, "finish": _finished,
    "beat": _renewed, "overdue": _looked}
for _name in sorted(WRITES | READS):
    setattr(Door, _name, _call(_name))
