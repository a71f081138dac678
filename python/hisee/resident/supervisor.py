"""What a supervisor decides: which child is started, ended, killed or given up, and when. A state machine without processes.

Told what happened (`ready`, `ended`, `silent`), asked what to do (`acts`). Time comes from the clock it is given. Restart intensity as in
Erlang/OTP supervisors: more than N restarts of a child within a window and it stays down, with an alarm.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from hisee.errors import HiseeError
from hisee.resident.spec import DATABASE, PRIMARY_TURN, SERVER, ChildSpec, in_order
from hisee.schema.limits import BY_NAME as LIMITS
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock

SECOND = 1_000_000_000
REST_NS = TIMERS["heartbeat"].ms * 1_000_000
READY_NS = TIMERS["ready"].ms * 1_000_000
READY_COLD_NS = TIMERS["ready_cold"].ms * 1_000_000
LEFT_NS = TIMERS["kill"].ms * 1_000_000
FROZEN_NS = (TIMERS["kill"].ms - TIMERS["watchdog"].ms) * 1_000_000  # it is called silent once the watchdog's time is over


class Phase(Enum):
    """Life of a child as its supervisor sees it."""

    DOWN = "down"
    WAITING = "waiting"  # for its turn, its delay or the server
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


ALLOWED = {
    Phase.DOWN: {Phase.WAITING},
    Phase.WAITING: {Phase.STARTING, Phase.DOWN},
    Phase.STARTING: {Phase.RUNNING, Phase.STOPPING, Phase.WAITING, Phase.DOWN},
    Phase.RUNNING: {Phase.STOPPING, Phase.WAITING, Phase.DOWN},
    Phase.STOPPING: {Phase.WAITING, Phase.DOWN},
}
AS_ASKED = ("exit 0", "SIGTERM")  # asked twice, or before it listened: still in order
LIVING = (Phase.STARTING, Phase.RUNNING, Phase.STOPPING)


class OrderRefused(HiseeError):
    """The order does not fit the present state of the child, or there is no such child."""


class Act(NamedTuple):
    """Something to do: "start", "ask" (to end in order) or "kill" a child; "say" a line, "alarm" with one."""

    what: str
    name: str
    text: str = ""


@dataclass(slots=True)
class Child:
    """One child and what is known of it."""

    spec: ChildSpec
    phase: Phase = Phase.DOWN
    wanted: bool = False  # by configuration or order; an ordered end takes it away
    pid: int = 0
    joined: str = ""  # its name in the system, once it has one
    was: str = ""  # the one of its last life: who ended it by this name starts it again by it
    told: str = ""  # what its ready line said
    due_ns: int = 0  # WAITING: not before; STARTING, STOPPING: killed then
    queued: bool = False  # part of a start of the whole system: one after the other
    again: bool = False  # STOPPING to be started again
    silent_ns: int = 0  # since when the server has not heard of it; 0 = it is heard
    killed: str = ""  # why it was killed from here
    why: str = ""  # how its last run ended
    left_ns: int = 0  # when it ended in order without an order from here
    starts: int = 0
    crashes: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.spec.name

    def move(self, phase: Phase) -> None:
        assert phase in ALLOWED[self.phase], (self.name, self.phase, phase)
        self.phase = phase


class Supervisor:
    """The children of one computer."""

    def __init__(self, specs: Iterable[ChildSpec], clock: Clock, *, restarts: int = LIMITS["restarts"].value,
                 window_s: float = LIMITS["restart_window_s"].value, forgiving: bool = False) -> None:
        """`forgiving`: a child that fails while the system starts is started again, as later; what it needs may be on another computer."""
        self._forgiving = forgiving
        self._clock, self._restarts, self._window_ns = clock, restarts, int(window_s * SECOND)
        self.children = {spec.name: Child(spec, wanted=spec.autostart) for spec in in_order(specs)}
        self._said: list[Act] = []
        self._gate_ns = 0  # initialization time of the one started last
        self._first = True  # the start of the system is under way: a child that fails now makes it fail
        self.stopping = False
        self.failed = ""  # why the start of the system failed
        self.given_up = False  # the server stays down: the system cannot go on
        self.primary = ""  # child that is the primary work process

    # -- orders

    def begin(self) -> None:
        """Start everything that is wanted, in order."""
        for child in self.children.values():
            if child.wanted and child.phase is Phase.DOWN:
                self._wait(child, 0, queued=True)

    def stop_all(self) -> None:
        """End everything, turn by turn (R129)."""
        self.stopping, self._first = True, False
        for child in self.children.values():
            child.again = False
            if child.phase is Phase.WAITING:
                child.move(Phase.DOWN)

    def start(self, name: str) -> str:
        """Start a child by order; what it did before is forgiven."""
        child = self.find(name)
        if self.stopping:
            raise OrderRefused("the system ends")
        if child.phase in (Phase.STARTING, Phase.RUNNING):
            raise OrderRefused(f"{child.name} runs already", hint=f"RESTART {child.name} ends it first")
        child.wanted, child.crashes = True, []
        if child.phase is Phase.STOPPING:
            child.again = True
        else:
            self._wait(child, 0)
        return f"{child.name} starts"

    def stop(self, name: str) -> str:
        """End a child by order; it is not started again."""
        child = self.find(name)
        if child.spec.kind == SERVER:
            raise OrderRefused(f"{child.name} ends with the system", hint="`hisee stop` ends it in order")
        child.wanted = child.again = False
        if child.phase is Phase.WAITING:
            child.move(Phase.DOWN)
            return f"{child.name} is not started again"
        if child.phase is Phase.DOWN:
            raise OrderRefused(f"{child.name} does not run")
        self._ask(child)
        return f"{child.name} ends"

    def restart(self, name: str) -> str:
        """End a child in order and start it again."""
        child = self.find(name)
        if child.phase in LIVING and not self.stopping:
            child.wanted, child.crashes = True, []
            if child.spec.kind == SERVER:
                self._server_gone()
            self._ask(child)
            child.again = True
            return f"{child.name} ends and starts again"
        return self.start(name)

    def find(self, name: str) -> Child:
        """A child by its configured name or the one it has in the system, else the one it had there; raises OrderRefused."""
        for called in (lambda child: (child.name, child.joined), lambda child: (child.was,)):
            for child in self.children.values():
                if name.upper() in (word.upper() for word in called(child)):
                    return child
        raise OrderRefused(f"no process {name} is configured on this computer", hint="LIST shows those that are")

    # -- what happened

    def started(self, name: str, pid: int, *, deletes: bool = False) -> None:
        """Its process is there. `deletes`: it serves only when everything that waits is deleted, which takes as long as that is."""
        child = self.children[name]
        child.pid, child.starts = pid, child.starts + 1
        if deletes:
            child.due_ns = self._clock.monotonic_ns() + READY_COLD_NS

    def ready(self, name: str, told: str) -> None:
        """It said that it serves."""
        child = self.children[name]
        if child.phase is Phase.STARTING:
            child.move(Phase.RUNNING)
        child.told = told
        child.joined = dict(word.split("=", 1) for word in told.split() if "=" in word).get("name", "")
        if child.queued:
            self._gate_ns = self._clock.monotonic_ns() + int(child.spec.init_s * SECOND)
            child.queued = False
        self._say(f"{child.name} {told}")
        if self._first and not any(c.queued for c in self.children.values()):
            self._first = False

    def silent(self, name: str) -> None:
        """The server has not heard of it for the watchdog's time (WDErr)."""
        child = self.children[name]
        if child.phase in (Phase.RUNNING, Phase.STOPPING) and not child.silent_ns:
            child.silent_ns = self._clock.monotonic_ns()
            self._alarm(f"{child.name} does not answer (WDErr)")

    def heard(self, name: str) -> None:
        self.children[name].silent_ns = 0

    def ended(self, name: str, status: int, said: str = "") -> None:
        """The process is gone. `status` as waitpid tells it, `said` its last words."""
        child = self.children[name]
        was, ordered = child.phase, child.phase is Phase.STOPPING or self.stopping
        child.why = (f"{child.killed}, " if child.killed else "") + status_text(status)
        frozen, again = bool(child.silent_ns), child.again
        child.was = child.joined or child.was
        child.pid, child.silent_ns, child.killed, child.again, child.joined = 0, 0, "", False, ""
        if ordered:
            self._ended_by_order(child, again)
        elif was is Phase.STARTING and self._first and not self._forgiving:
            child.move(Phase.DOWN)
            self.failed = f"{child.name} did not start: {said or child.why}"
        elif child.spec.kind == SERVER and status == 0:
            child.move(Phase.DOWN)
            self._say(f"{child.name} ended in order: the system ends")
            self.stop_all()
        elif status == 0 and was is Phase.RUNNING and not frozen and child.spec.restart != "permanent":
            child.move(Phase.DOWN)
            child.wanted, child.left_ns = False, self._clock.monotonic_ns()
            self._say(f"{child.name} ended in order")
        else:
            self._crashed(child)

    def _ended_by_order(self, child: Child, again: bool) -> None:
        self._say(f"{child.name} ended" + ("" if child.why in AS_ASKED else f" ({child.why})"))
        if again and not self.stopping:
            self._wait(child, 0, queued=child.queued)
            if child.spec.kind == SERVER:
                self._server_gone()
        else:
            child.move(Phase.DOWN)

    def _crashed(self, child: Child) -> None:
        if child.spec.restart == "temporary":
            child.move(Phase.DOWN)
            child.wanted = False
            self._alarm(f"{child.name} ended ({child.why}): it is not started again")
            return
        now = self._clock.monotonic_ns()
        child.crashes = [at for at in child.crashes if now - at < self._window_ns] + [now]
        if len(child.crashes) > self._restarts:
            self._give_up(child)
            return
        self._alarm(f"{child.name} ended ({child.why}): started again in {child.spec.delay_s:g} s")
        self._wait(child, int(child.spec.delay_s * SECOND), queued=self._first and child.queued)
        if child.spec.kind == SERVER:
            self._server_gone()

    def _give_up(self, child: Child) -> None:
        """A crash loop ends (P19): better one process down and an alarm than a system that only starts processes."""
        child.move(Phase.DOWN)
        child.wanted = False
        self._alarm(f"{child.name} ended ({child.why}) {len(child.crashes)} times in {self._window_ns // SECOND} s: it stays down")
        if child.spec.kind == SERVER:
            self.given_up = True
            self.stop_all()

    def _server_gone(self) -> None:
        """Every session is lost with the server: the others end and start again behind it, in order.

        Some have left in order a moment ago, only because the server was silent: nobody meant them to stay down.
        """
        since = self._clock.monotonic_ns() - LEFT_NS
        for child in self.children.values():
            if child.spec.kind in (SERVER, DATABASE):
                continue
            child.crashes = []  # they were the server's
            if child.phase in LIVING:
                self._ask(child)
                child.again = child.queued = child.wanted
            elif child.phase is Phase.DOWN and child.left_ns > since > 0:
                child.wanted = True
                self._wait(child, 0, queued=True)

    # -- what is to be done

    def acts(self) -> list[Act]:
        """What to do now; every act is handed out once."""
        now = self._clock.monotonic_ns()
        if self.stopping:
            self._stop_turn()
        for child in self.children.values():
            self._overdue(child, now)
        self._starts(now)
        acts, self._said = self._said, []
        return acts

    def _stop_turn(self) -> None:
        """Ask those whose turn it is; the next turn comes when they are gone."""
        living = [child for child in self.children.values() if child.phase in LIVING]
        turn = min((self._turn(child) for child in living), default=0)
        for child in living:
            if self._turn(child) == turn and child.phase is not Phase.STOPPING:
                self._ask(child)

    def _turn(self, child: Child) -> int:
        return PRIMARY_TURN if child.name == self.primary else child.spec.turn

    def _overdue(self, child: Child, now: int) -> None:
        if child.phase not in LIVING or child.killed:
            return
        if child.silent_ns and now - child.silent_ns >= FROZEN_NS:
            self._kill(child, "WDErr: frozen")
        elif child.phase is Phase.STARTING and now >= child.due_ns and child.spec.kind != DATABASE:  # it may wait for another computer
            self._kill(child, "not ready in time")
        elif child.phase is Phase.STOPPING and now >= child.due_ns:
            self._kill(child, "did not end in time")

    def _starts(self, now: int) -> None:
        if self.failed:  # all that runs is about to end
            return
        due = [child for child in self.children.values() if child.phase is Phase.WAITING and now >= child.due_ns]
        for child in due:
            if child.spec.kind not in (SERVER, DATABASE) and not self._server_runs():
                continue
            if child.queued and (self._one_is_starting() or now < self._gate_ns or any(c.queued for c in due[: due.index(child)])):
                continue
            child.move(Phase.STARTING)
            child.due_ns = now + READY_NS
            self._said.append(Act("start", child.name))

    def _server_runs(self) -> bool:
        """Nobody can log on at a server that is silent."""
        return all(child.phase is Phase.RUNNING and not child.silent_ns for child in self.children.values() if child.spec.kind == SERVER)

    def _one_is_starting(self) -> bool:
        return any(child.queued and child.phase is Phase.STARTING for child in self.children.values())

    # -- small steps

    def _wait(self, child: Child, delay_ns: int, *, queued: bool = False) -> None:
        if child.phase is not Phase.WAITING:
            child.move(Phase.WAITING)
        child.due_ns, child.queued = self._clock.monotonic_ns() + delay_ns, queued

    def _ask(self, child: Child) -> None:
        if child.phase is Phase.STOPPING:
            return
        child.move(Phase.STOPPING)
        child.due_ns = self._clock.monotonic_ns() + int(child.spec.stop_s * SECOND)
        self._said.append(Act("ask", child.name))

    def _kill(self, child: Child, why: str) -> None:
        child.killed = why
        self._said.append(Act("kill", child.name, why))

    def _say(self, text: str) -> None:
        self._said.append(Act("say", "", text))

    def _alarm(self, text: str) -> None:
        self._said.append(Act("alarm", "", text))

    # -- facts

    @property
    def complete(self) -> bool:
        """Everything that was to be started runs, initialization times included."""
        return not self._first and self._clock.monotonic_ns() >= self._gate_ns

    def wait_s(self, child: Child) -> float | None:
        """Seconds until a waiting child may start, 0 once only its turn is missing; None while it does not wait."""
        if child.phase is not Phase.WAITING:
            return None
        return max(0, child.due_ns - self._clock.monotonic_ns()) / SECOND

    def rest_s(self) -> float:
        """Seconds until the clock alone gives something to do, at most one heartbeat. Everything else is told."""
        now = self._clock.monotonic_ns()
        dues = [self._gate_ns, *(child.silent_ns + FROZEN_NS for child in self.children.values() if child.silent_ns)]
        dues += [child.due_ns for child in self.children.values() if child.phase not in (Phase.DOWN, Phase.RUNNING)]
        return min([due - now for due in dues if due > now] + [REST_NS]) / SECOND

    @property
    def all_down(self) -> bool:
        return not any(child.phase in LIVING for child in self.children.values())


def status_text(status: int) -> str:
    """Exit status in words: `exit 3` or `SIGKILL`."""
    return signal.Signals(-status).name if status < 0 else f"exit {status}"
