"""The servers of a group as a client asks them: all at once, each in a thread of its own. Then it decides, purely, whom to believe."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from hisee.channel.channel import Channel
from hisee.channel.epoch import Gate, told_in
from hisee.channel.errors import PeerUnreachable
from hisee.channel.payloads import ServerState
from hisee.channel.way import Member
from hisee.errors import AccessRefused, CannotConnect, HiseeError
from hisee.schema.server_states import BY_NAME as STATES
from hisee.schema.timers import BY_NAME as TIMERS

LOOK_S, GRACE_S = TIMERS["group_look"].ms / 1000, TIMERS["group_grace"].ms / 1000
AGAIN_S = TIMERS["group_again"].ms / 1000
MOST_S = TIMERS["ready"].ms / 1000
LOGON = {"logon": TIMERS["group_look"].ms}  # timers of such a logon
CUT_OFF = "cut off"
STAYS, WARM = "stays", "warm"  # facts of a HELLO: stays with this server whatever it is; is here for views while another one is hot
VIEWS = ("all", "views")
Enter = Callable[[Member], Channel]  # blocks until the logon ended; raises HiseeError, OSError


class Answer(NamedTuple):
    """A server that let us log on, and what it says of itself."""

    member: Member
    channel: Channel
    state: ServerState

    @property
    def views(self) -> bool:
        """Does it know the values of the plant?"""
        return self.state.sub in STATES and STATES[self.state.sub].serves in VIEWS

    def close(self, reason: str) -> None:
        self.channel.close(reason)


class Chosen(NamedTuple):
    """Whom a client obeys, whom it keeps for views, and who is sent away again."""

    hot: Answer | None
    standby: Answer | None
    rest: list[Answer]


def choose(answers: Iterable[Answer], group: str, gate: Gate) -> Chosen:
    """The hot server of the highest epoch, unless a higher one was seen before; of the others the one that knows the newest values.

    `group` "" = whatever the server says of its group. A server of another group is never chosen.
    """
    mine = [answer for answer in answers if group in ("", answer.state.group)]
    hot = max((a for a in mine if a.state.hot_itself), key=lambda a: a.state.epoch, default=None)
    if hot is not None and not gate.hears(hot.state):
        hot = None
    others = [a for a in mine if a is not hot and not a.state.hot_itself and a.views]
    for answer in others:
        gate.hears(answer.state)
    standby = max(others, key=lambda a: (a.state.sub == "standby", a.state.epoch), default=None)
    return Chosen(hot, standby, [a for a in answers if a is not hot and a is not standby])


def nobody(answers: Iterable[Answer], faults: Sequence[HiseeError], group: str) -> HiseeError:
    """Why no hot server was found, for a person: a refusal first, since waiting does not mend it."""
    refused = next((fault for fault in faults if isinstance(fault, AccessRefused)), None)
    told = ", ".join(f"{a.state.node or a.member.name}: {a.state.sub}" for a in answers)
    if refused is not None or not (told or group):
        return refused or (faults[0] if faults else CannotConnect("nobody answers"))
    return CannotConnect(f"no server of the group {group} says that it is hot ({told or 'nobody answers'})",
                         hint=str(faults[0]) if faults else "")


def left(state: ServerState) -> bool:
    """Has a server that was hot said that it is so no more? One that is only cut off from the database may be so again."""
    return not state.hot_itself and state.sub != CUT_OFF


Told = Answer | HiseeError


class Round:
    """One question to all servers. Who answers when it is over is sent away."""

    def __init__(self, enter: Enter) -> None:
        self._enter = enter
        self._news: queue.SimpleQueue[tuple[str, Told]] = queue.SimpleQueue()
        self._guard, self._over = threading.Lock(), False
        self._asked: set[str] = set()
        self.heard: dict[str, Told] = {}

    def ask(self, member: Member) -> None:
        """Once more, when it has answered already: what it says then counts."""
        if member.name not in self._asked:
            self._asked.add(member.name)
            threading.Thread(target=self._ask, args=(member,), name=f"hisee-ask-{member.name}", daemon=True).start()

    def _ask(self, member: Member) -> None:
        told = self._answer(member)
        with self._guard:
            if not self._over:
                self._news.put((member.name, told))
                return
        if isinstance(told, Answer):
            told.close("another server was found")

    def _answer(self, member: Member) -> Told:
        try:
            channel = self._enter(member)
        except HiseeError as fault:
            return fault
        except OSError as fault:
            return PeerUnreachable(f"{member.name}: {fault.strerror or fault}")
        try:
            return Answer(member, channel, told_in(channel.welcome) or ServerState())
        except msgspec.ValidationError as fault:
            channel.close("the state in the WELCOME cannot be read")
            return PeerUnreachable(f"{member.name}: what it says of itself cannot be read: {fault}")

    def next(self, seconds: float) -> Told | None:
        try:
            name, told = self._news.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        self._asked.discard(name)
        before, self.heard[name] = self.heard.get(name), told
        if isinstance(before, Answer):
            before.close("asked again")
        return told

    def end(self) -> None:
        """Nobody is waited for any more; who answered in time is heard."""
        with self._guard:
            self._over = True
        while not self._news.empty():
            self.next(0.0)


def patience(members: Iterable[Member]) -> float:
    """Seconds: a network that swallows everything costs the timer `group_look` for each of its doors, and the next one may work."""
    return min(MOST_S, LOOK_S * max((sum(map(len, member.way.networks)) for member in members), default=1) or LOOK_S)


def ask_all(members: Sequence[Member], enter: Enter, *, least: int = 0, seconds: float = 0.0) -> tuple[list[Answer], list[HiseeError]]:
    """Log on at all of them at once: who let us, and why others did not. Blocks for `seconds` at most, or as long as `patience` says.

    Once one says that it is hot, in an epoch of `least` or more, the others have only the timer `group_grace` left. Until then who has
    answered is asked again every `group_again`: it may become hot while a dead one is waited for.
    """
    asked, hot = Round(enter), False
    deadline = time.monotonic() + (seconds or patience(members)) + GRACE_S  # the threads give up by themselves before
    ask_each(asked, members)
    again = time.monotonic() + AGAIN_S
    while len(asked.heard) < len(members) and (now := time.monotonic()) < deadline:
        if now >= again and not hot:
            ask_each(asked, [member for member in members if member.name in asked.heard])
            again = now + AGAIN_S
        told = asked.next((deadline if hot else min(deadline, again)) - now)
        if isinstance(told, Answer) and told.state.hot_itself and told.state.epoch >= least:
            hot, deadline = True, min(deadline, time.monotonic() + GRACE_S)
    asked.end()
    said = asked.heard.values()
    return [told for told in said if isinstance(told, Answer)], [told for told in said if isinstance(told, HiseeError)]


def ask_each(asked: Round, members: Iterable[Member]) -> None:
    for member in members:
        asked.ask(member)
