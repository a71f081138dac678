"""One opened object at a console: its picture state, its handlers, the state of its remote part, its timer and its counters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

from hisee.channel import Message
from hisee.channel.payloads import Opened, Shape
from hisee.console.bindings import Bindings, Replica
from hisee.console.events import Handlers
from hisee.console.picture import ChangeLog, PictureState
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock

VERSIONS = 64  # of objects whose stored parts are kept once for all that are open
EMPTY_DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 120"/>'


class Link(Protocol):
    """The way to the HIS host or to the server. `send`: False = it did not leave. `ask` raises RequestFailed."""

    def send(self, message: Message) -> bool: ...
    async def ask(self, message: Message, timeout_s: float) -> Message: ...
    def reshape(self, shape: Shape) -> bool: ...
    def crossed(self, about: set[int], since_ns: int) -> list[dict[str, Any]]: ...


class Part(StrEnum):
    """Where a part of the object stands. NONE = the object has no such part."""

    NONE = "none"
    STARTING = "starting"
    UP = "up"
    DOWN = "down"


class Timer:
    """OnTimer: ticks while switched on. A late loop gives one tick, never a burst."""

    __slots__ = ("_clock", "_due_ns", "_handle", "_tick", "period_ms")

    def __init__(self, clock: Clock, tick: Callable[[], None]) -> None:
        self._clock, self._tick = clock, tick
        self.period_ms = TIMERS["picture_timer"].ms
        self._due_ns = 0
        self._handle: asyncio.TimerHandle | None = None

    @property
    def on(self) -> bool:
        return self._handle is not None

    def enable(self, on: bool) -> None:
        if on and self._handle is None:
            self._due_ns = self._clock.monotonic_ns() + self.period_ms * 1_000_000
            self._arm()
        elif not on and self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def period(self, period_ms: int) -> None:
        running = self.on
        self.enable(False)
        self.period_ms = period_ms
        self.enable(running)

    def _arm(self) -> None:
        wait_s = max(0, self._due_ns - self._clock.monotonic_ns()) / 1e9
        self._handle = asyncio.get_running_loop().call_later(wait_s, self._ring)

    def _ring(self) -> None:
        now_ns, step_ns = self._clock.monotonic_ns(), self.period_ms * 1_000_000
        missed = max(0, now_ns - self._due_ns) // step_ns
        self._due_ns += (missed + 1) * step_ns
        self._arm()
        self._tick()


class Stored:
    """What opened objects of one stored version have in common: a console may have very many of them, and drawings are large."""

    __slots__ = ("handlers", "reply")

    def __init__(self, reply: Opened) -> None:
        self.reply, self.handlers = reply, Handlers(reply.handlers)

    def lend(self, reply: Opened) -> bool:
        """Let `reply` use what is equal here anyway; False = it is of another version after all."""
        mine = self.reply
        if any(getattr(mine, name) != getattr(reply, name) for name in COMMON):
            return False
        for name in COMMON:
            setattr(reply, name, getattr(mine, name))
        return True


COMMON = ("object", "version", "picture", "svg", "local_unit", "variables", "handlers", "objects")
_stored: dict[tuple[str, int], Stored] = {}


def stored(reply: Opened) -> Stored:
    """The common part of what `reply` opens; `reply` holds no other copy of it afterwards."""
    key = reply.object, reply.version
    found = _stored.pop(key, None)
    if found is None or not found.lend(reply):
        found = Stored(reply)
    _stored[key] = found  # the last one used is the last to go
    if len(_stored) > VERSIONS:
        del _stored[next(iter(_stored))]
    return found


class OpenObject:
    """An opened picture or client-and-server event."""

    __slots__ = ("_on_close", "asked_ns", "bindings", "closing", "dropped", "effect_ns", "handled", "handlers", "home", "input_ns",
                 "instance", "local", "orphan", "pending", "picture", "reason", "refused", "remote", "reply", "see", "see_name", "slot",
                 "timer", "up_ns")

    def __init__(self, reply: Opened, slot: int, log: ChangeLog, replica: Replica, clock: Clock,
                 on_timer: Callable[[OpenObject], None], on_close: Callable[[OpenObject], None]) -> None:
        """Raises PictureRefused or DrawingRefused when the stored picture cannot be shown."""
        self.reply = reply
        self.slot = slot  # what a page knows it by: stays when the object is opened again after a crash
        self.picture = PictureState.load(reply.picture, reply.svg or EMPTY_DRAWING, log)
        self.handlers = stored(reply).handlers
        self.bindings = Bindings(self.picture, reply.objects, replica)
        self.local = Part.STARTING
        self.remote = Part.STARTING if self.has_remote else Part.NONE
        self.see, self.see_name, self.reason = reply.see, reply.see_name, ""
        self.timer = Timer(clock, lambda: on_timer(self))
        self.closing = False
        self.instance = 0  # of OPENEVENT
        self.pending = 0  # synchronous events and other work that the console itself waits for
        self.handled = 0  # events sent and picture functions done
        self.dropped = 0  # events for a part that was absent
        self.refused = 0  # SET functions that failed: nobody waits for them
        self.orphan = False  # its local part ended with the HIS host
        self.home: object = None  # where it is open: which session with which server, which logon of the HIS host
        self.input_ns = self.effect_ns = 0  # monotonic: last input of a person; last picture function of a script done
        self.asked_ns = self.up_ns = 0  # monotonic: when it was asked for; when its remote part was last known to run
        self._on_close = on_close

    @property
    def number(self) -> int:
        return self.reply.opened

    @property
    def name(self) -> str:
        return self.reply.object

    @property
    def is_picture(self) -> bool:
        return bool(self.reply.svg)

    @property
    def has_remote(self) -> bool:
        return bool(self.reply.see_name) or self.handlers.has("R")

    # -- from server to server

    def lives_on(self, reply: Opened) -> bool:
        """May the picture and the local part stay, now that another server opened the object?"""
        mine = self.reply
        return not self.orphan and (mine.object, mine.version, mine.local_unit) == (reply.object, reply.version, reply.local_unit)

    def move(self, reply: Opened) -> None:
        """The same object, under the numbers of another server; its remote part starts from its beginning."""
        self.reply = reply
        self.see, self.see_name, self.reason = reply.see, reply.see_name, ""
        self.remote = Part.STARTING if self.has_remote else Part.NONE

    # -- what picture functions may do (visual.Window)

    def enable_timer(self, on: bool) -> None:
        self.timer.enable(on)

    def set_timer_period(self, period_ms: int) -> None:
        self.timer.period(period_ms)

    def close_soon(self) -> None:
        self._on_close(self)

    # -- what commands and pages are told

    def facts(self) -> dict[str, Any]:
        """For commands: what a page is told, and moments on the clock of the console."""
        moments = {"input_ns": self.input_ns, "effect_ns": self.effect_ns, "asked_ns": self.asked_ns, "up_ns": self.up_ns}
        return {**self.shown_facts(), **moments}

    def shown_facts(self) -> dict[str, Any]:
        return {"opened": self.number, "slot": self.slot, "object": self.name, "title": self.picture.title, "version": self.reply.version,
                "his": self.reply.his_name, "see": self.see_name, "local": str(self.local), "remote": str(self.remote),
                "reason": self.reason, "dropped": self.dropped, "refused": self.refused, "timer": self.timer.on}

    def tree(self) -> list[Any]:
        return self.picture.drawing.root.tree()

    def end(self) -> None:
        self.timer.enable(False)


