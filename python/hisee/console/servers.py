"""Sessions of one hip process with its servers: the main one, and in a group a warm second one at a standby server.

Decides which session is which; what passes over them is the business of `Taker`. Belongs to the loop.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import msgspec

from hisee.channel import Message
from hisee.channel.duties import report_load
from hisee.channel.epoch import Gate
from hisee.channel.group import AGAIN_S, LOOK_S, Answer, Chosen, Enter, ask_all, choose, left, nobody
from hisee.channel.payloads import ServerState, unpack
from hisee.channel.plan import Plan
from hisee.channel.resuming import BROKEN, SessionChannel
from hisee.channel.trace import Trace
from hisee.console.link import ChannelLink
from hisee.errors import HiseeError
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Clock

log = logging.getLogger("hisee.console")
QUIET_MS, MUTE_MS, DOUBT_MS = TIMERS["quiet"].ms, TIMERS["mute"].ms, TIMERS["in_doubt"].ms
SINGLE_S = 600.0  # each door has its own deadline, and there is nobody else to ask


class Session:
    """One logon of this process: the server it leads to, what that says of itself, and the link."""

    def __init__(self, answer: Answer, servers: Servers, clock: Clock) -> None:
        channel = answer.channel
        assert channel.welcome is not None
        self.member, self.state, self.welcome = answer.member, answer.state, channel.welcome
        self.number = channel.welcome.number
        self.link = ChannelLink(channel, lambda message: servers.received(self, message), lambda reason: servers.lost(self, reason),
                                Trace(clock))
        self._doubted = False
        self.link.attach(asyncio.get_running_loop())
        report_load(channel, self.number)

    @property
    def node(self) -> str:
        return self.state.node or self.member.name

    @property
    def quiet(self) -> bool:
        """It says nothing for longer than it should."""
        return self.link.channel.silent_ms >= QUIET_MS or self.in_doubt

    @property
    def in_doubt(self) -> bool:
        """Nothing carries it, or its server is mute: it may be lost, though nobody knows it yet. Over when it is heard again."""
        channel = self.link.channel
        broken = isinstance(channel, SessionChannel) and all(state == BROKEN for _, state in channel.networks)
        silent = channel.silent_ms >= (DOUBT_MS if broken else MUTE_MS)
        self._doubted = silent or (broken and self._doubted)  # the silence of a session begins anew when its connection breaks
        return self._doubted


class Taker(Protocol):
    """Who uses the sessions."""

    def from_main(self, session: Session, message: Message) -> None: ...
    def from_warm(self, session: Session, message: Message) -> None: ...
    def main_gone(self, session: Session, reason: str) -> None: ...
    def warm_changed(self) -> None: ...


class Servers:
    """`enter` logs on at one server and blocks. `news` is set when a search would have another result than before."""

    def __init__(self, plan: Plan, enter: Enter, taker: Taker, clock: Clock) -> None:
        self.plan, self._enter, self._taker, self._clock = plan, enter, taker, clock
        self.gate = Gate()
        self.main: Session | None = None
        self.warm: Session | None = None
        self.news = asyncio.Event()
        self._asking = asyncio.Lock()

    # -- who is hot

    async def find(self) -> Session:
        """The session with the hot server, found anew when there is none. Raises CannotConnect, AccessRefused."""
        async with self._asking:
            self.news.clear()
            if not self._promoted():
                answers, faults = await self._ask(self.warm)
                self._take(choose(answers, self.plan.group, self.gate))
                if not self._promoted() and self.main is None:
                    raise nobody(answers, faults, self.plan.group)
        assert self.main is not None
        return self.main

    async def keep_warm(self) -> None:
        """While there is a hot server and no second session, ask the others for one."""
        while not self.plan.single:
            await asyncio.sleep(LOOK_S)
            if self.main is not None and self.warm is None:
                try:
                    await self._look_beside(self.main)
                except (HiseeError, OSError) as error:
                    log.info("no second session: %s", error)

    async def _look_beside(self, main: Session) -> None:
        async with self._asking:
            answers, _ = await self._ask(main)
            chosen = choose(answers, self.plan.group, self.gate)
            if chosen.hot is not None and self.main is main:
                self._drop_main(f"{chosen.hot.state.node} is hot in epoch {chosen.hot.state.epoch}")
            self._take(chosen)

    async def _ask(self, but: Session | None) -> tuple[list[Answer], list[HiseeError]]:
        """Everybody but the server of a session that is there already."""
        self.news.clear()
        asking = asyncio.get_running_loop().create_task(asyncio.to_thread(self._ask_in_thread, but))
        news = asyncio.get_running_loop().create_task(self.news.wait())
        try:
            await asyncio.wait({asking, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            if not asking.done():  # what the second session says is enough, or the process ends
                asking.add_done_callback(send_away)
        return asking.result() if asking.done() else ([], [])

    def _ask_in_thread(self, but: Session | None) -> tuple[list[Answer], list[HiseeError]]:
        members = [member for member in self.plan.members() if but is None or member.name != but.member.name]
        return ask_all(members, self._enter, least=self.gate.epoch, seconds=SINGLE_S if self.plan.single else 0.0)

    def _take(self, chosen: Chosen) -> None:
        hot, standby, rest = chosen
        if hot is not None and self.main is None:
            self.main = Session(hot, self, self._clock)
        elif hot is not None:
            rest.append(hot)
        if self.plan.single and rest and standby is None:  # it stays with this server, whatever that is
            standby = rest.pop()
        if standby is not None and self.warm is None:
            self.warm = Session(standby, self, self._clock)
            log.info("second session with %s (%s)", self.warm.node, self.warm.state.sub)
            self._taker.warm_changed()
        elif standby is not None:
            rest.append(standby)
        for answer in rest:
            answer.close("another server is hot, or nobody is")

    def _promoted(self) -> bool:
        """Is there a main session? The warm one becomes it when its server says that it is hot."""
        warm = self.warm
        if self.main is None and warm is not None and warm.state.hot_itself and self.gate.admit(warm.state.epoch):
            self.main, self.warm = warm, None
            log.warning("%s is hot in epoch %d; its session is the main one now", warm.node, warm.state.epoch)
        return self.main is not None

    # -- what servers say

    def received(self, session: Session, message: Message) -> None:
        if message.kind == Kind.SERVER_STATE:
            try:
                self._told(session, unpack(ServerState, message.payload))
            except msgspec.MsgspecError as error:
                log.warning("the state of %s cannot be read: %s", session.node, error)
        elif session is self.main:
            self._taker.from_main(session, message)
        elif session is self.warm:
            self._taker.from_warm(session, message)

    def _told(self, session: Session, state: ServerState) -> None:
        session.state = state
        if not self.gate.hears(state):
            session.link.close("a server of a past epoch")
            self.lost(session, f"{state.node} speaks for epoch {state.epoch}, {self.gate.epoch} has begun")
        elif session is self.main and left(state):
            self._drop_main(f"{state.node} is not hot any more: {state.sub}")
        elif session is self.warm and state.hot_itself:
            if self.main is not None:
                self._drop_main(f"{state.node} is hot in epoch {state.epoch}")
            self.news.set()

    def _drop_main(self, reason: str) -> None:
        """A client of one server keeps the session for views."""
        main, self.main = self.main, None
        assert main is not None
        if self.plan.single:
            self.warm = main
        else:
            main.link.close(reason)
        self._taker.main_gone(main, reason)

    def lost(self, session: Session, reason: str) -> None:
        if session is self.main:
            self.main = None
            self._taker.main_gone(session, reason)
        elif session is self.warm and self.plan.single:
            self.warm = None
            self._taker.main_gone(session, reason)
        elif session is self.warm:
            self.warm = None
            log.info("the second session, with %s, ended: %s", session.node, reason)
            self._taker.warm_changed()

    def close(self, reason: str) -> None:
        for session in (self.main, self.warm):
            if session is not None:
                session.link.close(reason)

    @property
    def again_s(self) -> float:
        return AGAIN_S


def send_away(asking: asyncio.Task[tuple[list[Answer], list[HiseeError]]]) -> None:
    """Who answered a question that nobody asks any more."""
    if not asking.cancelled() and asking.exception() is None:
        for answer in asking.result()[0]:
            answer.close("another server is hot")
