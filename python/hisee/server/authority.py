"""The one authority of a group: a thread with its own Coordinator that takes, renews and drops the term of the hot server.

It carries out what `standing` wants and tells the server's loop what changed. A call that the database does not answer within the timer
`renewal_call` is cut, so that a connection that hangs costs no term that another way would have kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from hisee.channel.payloads import ServerState
from hisee.engine.coordinator import ACTIVE, Candidate, Coordinator, EngineError, Grant, LostGrant, LostMember, Member
from hisee.engine.proof import OVER, birth
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock, Rng
from hisee.server.standing import MS, Standing, View

log = logging.getLogger("hisee.server.authority")
KIND = "KNL"
RENEW_NS, CALL_S = TIMERS["lease_renew"].ms * MS, TIMERS["renewal_call"].ms / 1000
LOOK_NS = RENEW_NS // 2  # of a server that may have to become hot
AGAIN_NS = 100 * MS  # after a round without a database
HASTE_NS, HASTE_LASTS_NS = 20 * MS, 2_000 * MS  # the hot server hands over: its heir looks often
ELECTION_MS = TIMERS["election"].ms


def term_of(group: str) -> str:
    """The term whose holder is the hot server of the group."""
    return f"hs.{group}"


class Group(NamedTuple):
    """The redundant group as run.json tells it."""

    name: str
    servers: Mapping[str, Mapping[str, Any]]  # node -> {"priority", "hosts", "cp"}
    witness: str = ""

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Group | None:
        """None = no group is configured."""
        return cls(str(facts["name"]), facts.get("servers", {}), str(facts.get("witness", ""))) if facts.get("name") else None

    @property
    def priorities(self) -> dict[str, int]:
        return {node: int(server.get("priority", 0)) for node, server in self.servers.items()}


class Rounds:
    """What the thread does, one step after the other and without a thread: for tests and the simulator too.

    Calls raise what the engine raises; `round` takes it.
    """

    def __init__(self, engine: Coordinator, standing: Standing, group: Group, clock: Clock, candidate: Callable[[], Candidate]) -> None:
        """`candidate` makes a new incarnation of this server."""
        self._engine, self.standing, self._group, self._clock, self._candidate = engine, standing, group, clock, candidate
        self._term = term_of(group.name)
        self._member: Member | None = None
        self._grants: tuple[Grant, ...] = ()
        self._beat_ns = 0  # when the last answered beat was sent

    @property
    def grants(self) -> tuple[Grant, ...]:
        return self._grants

    def round(self) -> None:
        """Renew, bury, look, and take the term when it is time. Raises EngineError when the database does not answer."""
        try:
            self._renew()
            self._look()
            if self.standing.wants_the_term():
                self._take()
        except LostMember as lost:
            log.warning("%s", lost)
            self._member = None
            self._dropped()
        except LostGrant as lost:
            log.warning("%s", lost)
            self._dropped()

    def _dropped(self) -> None:
        self._grants = ()
        self.standing.lost()

    def _joined(self) -> Member:
        if self._member is None:
            self._member = self._engine.join(self._candidate())
            log.info("joined the engine as %s", self._member.name)
        return self._member

    def _renew(self) -> None:
        member, began_ns = self._joined(), self._clock.monotonic_ns()
        self._engine.beat(member, replicated=bool(self._grants))
        for grant in self._grants:
            self._engine.keep(grant)
        self._beat_ns = began_ns
        self.standing.renewed(began_ns)

    def _look(self) -> None:
        self._bury()
        began_ns = self._clock.monotonic_ns()
        self.standing.saw(self._view(), began_ns)

    def _bury(self) -> None:
        """Servers first: whoever waits for the term of a dead one waits for this."""
        overdue = sorted(self._engine.overdue(), key=lambda found: found[0].kind != KIND)
        for member, why in overdue:
            if self._member is None or member.incarnation != self._member.incarnation:
                self._engine.bury(member.incarnation, why, still_over=True)
                log.warning("%s of %s is buried: %s", member.name, member.node, why)

    def _view(self) -> View:
        members = [m for m in self._engine.members() if m.kind == KIND]
        term, last = self._engine.terms().get(self._term), self._engine.succession(self._term)
        living = {m.node: m for m in members if not m.ended_ms}
        holder = next((m.node for m in living.values() if term is not None and m.incarnation == term.holder), "")
        if term is not None and term.holder and not holder:
            holder = last.node or "?"  # taken between the two readings
        return View(epoch=term.epoch if term is not None else 0, holder=holder, heir=last.heir,
                    silent=not holder and bool(last.node) and _silent(last.node, last.incarnation, members),
                    candidates={node: p for node, p in self._group.priorities.items() if node in living})

    def _take(self) -> None:
        """The lease counts from the beat of this round: the term does not prolong it."""
        grants = self._engine.take_together([self._term, ACTIVE], self._joined())
        if grants is not None:
            self._grants = grants
            self.standing.took(grants[0].epoch, self._beat_ns)
            log.warning("this server holds %s, epoch %d", self._term, grants[0].epoch)

    def hand_over(self, heir: str) -> None:
        """Drop the terms in favour of `heir`. Raises LostGrant, EngineError: then only the next renewal tells whether they are dropped."""
        self.standing.doubt()
        self._engine.hand_over(self._grants, heir, ELECTION_MS)
        log.warning("%s is handed over to %s", self._term, heir)
        self._dropped()

    def audit(self, what: str, detail: dict[str, Any]) -> None:
        self._engine.audit("operator", what, detail)

    def leave(self) -> None:
        """An ordered end: the terms are free at once."""
        if self._member is not None:
            self._engine.leave(self._member)
        self._member = None
        self._dropped()


def _silent(node: str, incarnation: int, members: list[Member]) -> bool:
    """Did the last holder end by silence alone? One whose node has a server again has stepped back, or died."""
    if any(m.node == node and not m.ended_ms for m in members):
        return False
    known = next((m for m in members if m.incarnation == incarnation), None)
    return known is None or known.ended == OVER


class Authority:
    """`changed(state)` is called on the loop with every change; `acknowledges` and `epoch` may be asked at any time."""

    def __init__(self, open_engine: Callable[[], Coordinator], standing: Standing, group: Group, clock: Clock, rng: Rng,
                 soon: Callable[[Callable[[], None]], object], changed: Callable[[ServerState], None]) -> None:
        """`open_engine` is called in the thread; `soon` runs a callable on the loop, from any thread."""
        self._open, self.standing, self.group, self._clock, self._rng = open_engine, standing, group, clock, rng
        self._soon, self._changed = soon, changed
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._engine: Coordinator | None = None
        self._rounds: Rounds | None = None
        self._told = ServerState()
        self._haste_until_ns = 0
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="hisee-authority", daemon=True)

    def start(self) -> None:
        self._thread.start()

    # -- asked by the loop

    def acknowledges(self) -> bool:
        return self.standing.acknowledges()

    def settles(self) -> bool:
        return self.standing.settles()

    def holds(self) -> bool:
        return self.standing.holds()

    @property
    def state(self) -> ServerState:
        """As it was told last."""
        return self._told

    @property
    def fence(self) -> tuple[str, int]:
        """The term and the epoch in which this server writes; epoch 0 fits none."""
        return term_of(self.group.name), self.standing.epoch

    # -- told by the loop; carried out by the thread

    def ready(self, epoch: int) -> None:
        """What a hot server of this epoch needs is in place."""
        self._order(lambda: self.standing.ready() if self.standing.epoch == epoch else None)

    def follows(self, node: str, *, synchronized: bool) -> None:
        self._order(lambda: self.standing.follows(node, synchronized=synchronized))

    def hurry(self) -> None:
        """The term is about to be free."""
        self._haste_until_ns = self._clock.monotonic_ns() + HASTE_LASTS_NS
        self._order(lambda: None)

    def settle_for(self, heir: str) -> None:
        """From this moment on nothing is acknowledged; "" = the order is taken back."""
        self.standing.hand_over(heir)
        self._order(lambda: None)

    def hand_over(self, heir: str) -> Future[None]:
        """Drop the terms in favour of `heir`; ends with EngineError when they are not known to be dropped."""
        return self._ask(lambda rounds: rounds.hand_over(heir))

    def promote(self) -> Future[None]:
        """Take the term though the former holder may live, as an operator decided; audited."""
        def carry_out(rounds: Rounds) -> None:
            rounds.audit("promote", {"group": self.group.name, "node": self.standing.node, "epoch": self.standing.view.epoch})
            self.standing.promote()

        return self._ask(carry_out)

    def audit(self, what: str, detail: dict[str, Any]) -> Future[None]:
        """An operator's order, written down before it is carried out."""
        return self._ask(lambda rounds: rounds.audit(what, detail))

    def _ask(self, work: Callable[[Rounds], None]) -> Future[None]:
        future: Future[None] = Future()

        def carry_out() -> None:
            try:
                if self._rounds is None:
                    raise EngineError("the engine database is not open", hint="nothing was changed")
                work(self._rounds)
                future.set_result(None)
            except EngineError as error:
                future.set_exception(error)

        self._order(carry_out)
        return future

    def _order(self, work: Callable[[], None]) -> None:
        self._orders.put(work)

    def close(self) -> None:
        """Leave in order, within the timer `renewal_call`: the terms are free."""
        self._orders.put(None)
        if self._thread.is_alive():
            self._thread.join(2 * CALL_S)

    # -- the thread

    def _run(self) -> None:
        next_ns = 0
        while True:
            wait_s = max(0.0, (next_ns - self._clock.monotonic_ns()) / 1e9)
            try:
                order = self._orders.get(timeout=min(wait_s, RENEW_NS / 1e9))
            except queue.Empty:
                pass
            else:
                if order is None:
                    break
                order()
                self._tell()
                if self._clock.monotonic_ns() < next_ns and self._clock.monotonic_ns() >= self._haste_until_ns:
                    continue
            began_ns = self._clock.monotonic_ns()
            self._round()
            self._tell()
            next_ns = began_ns + self._pause_ns()
        self._leave()

    def _pause_ns(self) -> int:
        if self._clock.monotonic_ns() < self._haste_until_ns and not self.standing.epoch:
            return HASTE_NS
        if self._trouble:
            return AGAIN_NS
        return RENEW_NS if self.standing.epoch else LOOK_NS

    def _round(self) -> None:
        try:
            if self._rounds is None:
                self._engine = self._open()
                self._rounds = Rounds(self._engine, self.standing, self.group, self._clock, self._candidate)
            self._rounds.round()
            self._trouble = ""
        except (EngineError, OSError) as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                log.warning("%s", error)

    def _candidate(self) -> Candidate:
        pid = os.getpid()
        return Candidate(kind=KIND, node=self.standing.node, host=socket.gethostname(), pid=pid, birth=birth(pid),
                         incarnation=int.from_bytes(self._rng.secret(8), "little") >> 1 or 1)

    def _tell(self) -> None:
        """The loop looks by itself too: a call that hangs must not keep it from seeing that the lease is over."""
        if self.snapshot() != self._told:
            self._soon(self.look)

    def look(self) -> None:
        """On the loop: tell what has changed since the last time."""
        state = self.snapshot()
        if state != self._told:
            self._told = state
            log.info("%s %s, epoch %d, hot %s", state.state, state.sub, state.epoch, state.hot or "-")
            self._changed(state)

    def snapshot(self) -> ServerState:
        """What this server says of itself."""
        row, standing = self.standing.state, self.standing
        return ServerState(group=self.group.name, node=standing.node, state=row.state, sub=row.name,
                           epoch=standing.epoch or standing.view.epoch, hot=standing.hot)

    def _leave(self) -> None:
        with contextlib.suppress(EngineError, OSError):
            if self._rounds is not None:
                self._rounds.leave()
        if self._engine is not None:
            self._engine.close()
