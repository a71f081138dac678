"""A server of a redundant group acts by where it stands: what it takes, refuses, keeps waiting or sends on, and every change of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from hisee.background import Background
from hisee.channel import Channel, Message, RequestFailed, Requests
from hisee.channel.group import STAYS
from hisee.channel.payloads import Hello, Payload, Refused, ServerState, unpack
from hisee.commands import CommandRefused
from hisee.engine.coordinator import EngineError
from hisee.errors import HiseeError
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.authority import Authority
from hisee.server.core import Core
from hisee.server.followers import Followers
from hisee.server.opening import Opening
from hisee.server.orders import Orders
from hisee.server.registry import KNL_NUMBER, Process
from hisee.server.router import Router
from hisee.server.standby import Dial, Standby
from hisee.server.standing import MS
from hisee.server.values import Values

log = logging.getLogger("hisee.server.group")
WRITES = frozenset({Kind.SET, Kind.OBJECT_ROWS, Kind.VALUE_SET, Kind.OBJECT_SAVE, Kind.OPEN})  # what only the hot server carries out
FORWARDED = frozenset({Kind.VALUE_SET, Kind.OBJECT_SAVE})  # a standby server has it done: the answer tells its client all there is to know
LASTING = frozenset({"standby", "wrong"})  # all other states of a server that is not hot are over soon: writes wait
FOLLOW_THE_HOT = frozenset({"HIP", "HISHOST", "AGENT"})  # sent away by a server that is hot no more, unless they stay whatever it is
LOOK_S = 0.05
HELD = 10_000  # messages that wait for a hot server
HAND_OVER_S, MOVED_NS = TIMERS["hand_over"].ms / 1000, TIMERS["moved"].ms * MS
PROMOTE_S = 2 * TIMERS["lease"].ms / 1000 + 2 * TIMERS["renewal_call"].ms / 1000
AGAIN_S = TIMERS["lease_renew"].ms / 1000


class Grouped:
    """Ties the authority to the parts of the server. Belongs to the loop."""

    def __init__(self, core: Core, values: Values, opening: Opening, orders: Orders, router: Router, authority: Authority, *,
                 dial: Dial, hello: Callable[[], Hello], end: Callable[[Iterable[Process], str], None],
                 configured: Callable[[], Awaitable[None]]) -> None:
        """`end(processes, reason)` ends the links of these processes; `configured` looks into the store."""
        self._core, self._values, self._opening, self._router = core, values, opening, router
        self.authority, self._end, self._configured = authority, end, configured
        self._held: deque[tuple[Process, Message, int]] = deque()  # with the time at which it came
        self._was = ServerState()
        self.became_hot: Callable[[], None] = lambda: None  # told when this server acts, and when it does no more
        self.stepped_down: Callable[[], None] = lambda: None
        self._hot_ns = core.seams.clock.monotonic_ns()  # when this server was last sure to be hot
        self._background = Background(log)
        self._sent_away = True
        core.requests = Requests(core, first=core.seams.rng.below(1 << 30) << 24 | 1)
        core.acknowledges = authority.settles
        opening.arranges = lambda: bool(authority.standing.epoch)
        core.handlers[Kind.SERVER_STATE] = self._standby_says
        router.admits = self.admits
        self.followers = Followers(core, values, authority.standing)
        self.standby = Standby(core, values, authority.standing.node, authority.group.servers, dial, hello, orders.own,
                               followed=lambda node, synchronized: authority.follows(node, synchronized=synchronized),
                               heard=self._hot_says, config_changed=lambda: self._background.spawn(self._look_into_the_store()))
        orders.own.add("SWITCH", self._switch)
        orders.own.add("PROMOTE", self._promote)
        orders.own.add("CONTRACT", self._contract)
        self.contract_database: Callable[[], list[str]] = list  # names of the tables that had something to drop; blocks
        orders.own.add_status(lambda: {"server": msgspec.structs.asdict(self.state)})

    @property
    def state(self) -> ServerState:
        return self.authority.snapshot()

    def start(self) -> None:
        self.authority.start()
        self._background.spawn(self._look_forever())

    def close(self) -> None:
        self.standby.close()
        self.authority.close()
        self._background.cancel()

    async def _look_forever(self) -> None:
        """Time alone changes a state too: a lease is over though nobody says so."""
        while True:
            self.authority.look()
            self._judge_waiting()
            await asyncio.sleep(LOOK_S)

    # -- what is taken

    def admits(self, source: Process, message: Message) -> bool:
        """May the server carry it out now? False = it waits, was sent on or refused."""
        if message.kind not in WRITES or self.authority.acknowledges():
            return True
        if self._waits() and len(self._held) < HELD:
            self._held.append((source, message, self._core.seams.clock.monotonic_ns()))
        else:
            self._elsewhere(source, message)
        return False

    def _waits(self) -> bool:
        return self.state.sub not in LASTING

    def _elsewhere(self, source: Process, message: Message) -> None:
        if message.kind in FORWARDED and message.wants_answer and self.standby.synchronized:
            self._background.spawn(self._forward(message))
        else:
            self._refuse(source, message)

    async def _forward(self, message: Message) -> None:
        try:
            payload = await self.standby.forward(message)
        except RequestFailed as failed:
            self._core.fail(message, failed.error, failed.extended, failed.text)
        else:
            self._core.reply(message, payload)

    def _refuse(self, source: Process, message: Message) -> None:
        state = self.state
        text = f"{state.node} is no hot server ({state.sub}): " + (f"the hot server is {state.hot}" if state.hot not in ("", state.node)
                                                                   else "nobody is known to be hot now")
        if message.kind == Kind.SET:
            self._values.refuse(source, message, Ext.STANDBY, text)
        else:
            self._core.fail(message, Err.ERR_TRANS_IGNORED, Ext.STANDBY, text)

    def _judge_waiting(self) -> None:
        """Writes wait while it is not clear who is hot; then they are carried out here, there or not at all."""
        now_ns = self._core.seams.clock.monotonic_ns()
        self.followers.look(over=not self.authority.standing.epoch)
        if self.authority.acknowledges():
            self._hot_ns, self._sent_away = now_ns, False
            self._core.acknowledge_late()
            self._release()
            return
        if not self._sent_away and (not self.authority.standing.epoch or now_ns - self._hot_ns >= MOVED_NS):
            self._step_down()
        while self._held and (now_ns - self._held[0][2] >= MOVED_NS or not self._waits()):
            source, message, _ = self._held.popleft()
            if self._core.registry.get(source.number) is source and source.link is not None:
                self._elsewhere(source, message)

    def _release(self) -> None:
        held, self._held = self._held, deque()
        for source, message, _ in held:
            if self._core.registry.get(source.number) is source:
                self._router.carry_out(source, message)

    # -- changes of state

    def changed(self, state: ServerState) -> None:
        """The authority says where this server stands now."""
        was, self._was = self._was, state
        self._tell(state)
        if state.sub == "switching to hot" and (was.sub, was.epoch) != (state.sub, state.epoch):
            self._background.spawn(self._become_hot(state.epoch))
        self.standby.follow("" if self.authority.standing.epoch else state.hot, state.epoch)
        self._judge_waiting()

    def _tell(self, state: ServerState) -> None:
        """Everybody on a link of this server, and the hot one."""
        self.standby.tell(state)
        for process in self._core.registry:
            if process.link is not None and not process.virtual and not process.link.standby:
                self._core.tell(process.number, Kind.SERVER_STATE, state)

    async def _become_hot(self, epoch: int) -> None:
        """Values and configuration as they were acknowledged, script servers rid of what the former hot server ran on them."""
        self.standby.follow("", epoch)
        while self.authority.standing.epoch == epoch:
            try:
                await self._configured()
                stored = await asyncio.to_thread(self._values.stored)
            except HiseeError as error:  # the database went away again
                log.error("not hot yet: %s", error)
                await asyncio.sleep(AGAIN_S)
            else:
                self._values.become_owner(epoch, stored)
                self.authority.ready(epoch)
                log.warning("hot in epoch %d", epoch)
                self.became_hot()
                await self._opening.reconcile()
                return

    async def _look_into_the_store(self) -> None:
        try:
            await self._configured()
        except HiseeError as error:  # the next change, or becoming hot, looks again
            log.warning("the configuration was not read: %s", error)

    def _step_down(self) -> None:
        """Hot no more: remote parts end, consoles look for the hot server; script servers, work processes and doors stay."""
        self._sent_away = True
        state = self.state
        reason = f"moved: the hot server is {state.hot}" if state.hot not in ("", state.node) else "moved: this server is not hot any more"
        log.warning("%s", reason)
        unknown = f"{state.node} is not hot any more: whether this was kept is not known"
        self._core.acknowledge_late(unknown)
        self._values.give_up(unknown)
        self.stepped_down()
        self._opening.close_all()
        gone = [p for p in self._core.registry if p.link is not None and not p.virtual and self._leaves(p)]
        self._end(gone, reason)

    @staticmethod
    def _leaves(process: Process) -> bool:
        """Has it no business with a server that is not hot?"""
        link = process.link
        follows = process.kind in FOLLOW_THE_HOT and link is not None and not link.facts.get(STAYS)
        return follows or bool(link and link.standby) or (process.kind == "KNL" and process.number != KNL_NUMBER)

    def _hot_says(self, state: ServerState) -> None:
        self.standby.gate.hears(state)
        if state.sub == "switching to standby":
            self.authority.hurry()

    def _standby_says(self, source: Process, message: Message) -> None:
        if source.kind == "KNL":
            source.facts["server"] = msgspec.structs.asdict(unpack(ServerState, message.payload))

    def tell_configuration(self) -> None:
        """Objects were saved here."""
        for node in self._core.registry.of_kind("KNL"):
            if node.number != KNL_NUMBER:
                self._core.tell(node.number, Kind.CONFIG_CHANGED, Payload())

    def script_server(self, ses: Process) -> None:
        """One logged on: known to the hot server, or rid of what another server ran on it."""
        if self.authority.standing.epoch:
            self._background.spawn(self._opening.reconcile_one(ses))
        elif ses.link is not None and not ses.link.standby:
            self.standby.announce(ses)

    # -- logons

    def admission(self, hello: Hello) -> Refused | None:
        """Another server of the group logs on: only at the hot one."""
        if hello.name not in self.authority.group.servers or hello.name == self.authority.standing.node:
            return Refused(code="KIND", text=f"{hello.name} is no other server of the group {self.authority.group.name}")
        if not self.authority.holds():
            return Refused(code="STANDBY", text=f"this server is not hot; {self.state.hot or 'nobody'} is, as far as it knows")
        old = self._core.registry.named(f"{hello.name}.KNL")
        if old is not None and old.running:
            self._end([p for p in self._core.registry if p.link is not None and (p is old or p.link.standby == old.number)],
                      "another session of this server began")
        return None

    # -- orders

    async def _switch(self, words: list[str]) -> str:
        """The hot server hands over: nothing that it acknowledged is missing there, nothing that waits is lost."""
        if not self.authority.acknowledges():
            raise CommandRefused(f"{self.state.node} is not hot; order it at {self.state.hot or 'the hot server'}")
        heir = self._heir(words[0] if words else "")
        self.authority.settle_for(heir)
        self._tell(self.state)
        try:
            async with asyncio.timeout(HAND_OVER_S):
                await self._values.quiet()
                if not await self.followers.settled(heir):
                    raise CommandRefused(f"{heir} follows no more; {self.state.node} stays hot")
                await asyncio.wrap_future(self.authority.hand_over(heir))
        except TimeoutError:
            self._stay()
            raise CommandRefused(f"what is open is not settled within {HAND_OVER_S:g} s; {self.state.node} stays hot") from None
        except (EngineError, CommandRefused):
            self._stay()
            raise
        return f"handed over to {heir}"

    async def leave(self) -> None:
        """This server ends in order: one that keeps up takes over at once."""
        with contextlib.suppress(CommandRefused, EngineError):
            await self._switch([])

    def _stay(self) -> None:
        self.authority.settle_for("")

    def _heir(self, wanted: str) -> str:
        """The named one, or of the standby servers that keep up the one of highest priority."""
        priorities, follow = self.authority.group.priorities, self.followers.names
        if not wanted:
            found = sorted((node for node in follow if priorities.get(node)), key=lambda node: (-priorities[node], node))
            wanted = found[0] if found else ""
        if not follow.get(wanted):
            raise CommandRefused(f"{wanted or 'no standby server'} does not follow this one with all values"
                                 f"; there are {', '.join(sorted(follow)) or 'none'}")
        return wanted

    async def _contract(self, words: list[str]) -> str:
        """Nobody of the release before is left: the database need not be one that it understands. Back leads only a backup then."""
        if not self.authority.acknowledges():
            raise CommandRefused(f"{self.state.node} is not hot; order it at {self.state.hot or 'the hot server'}")
        from hisee.model.versions import own_schemas

        own = own_schemas()
        if behind := [found for node in self.authority.group.servers if (found := self._behind(node, own))]:
            raise CommandRefused("; ".join(behind))
        await asyncio.wrap_future(self.authority.audit("contract", {"group": self.authority.group.name, **own}))
        done = await asyncio.to_thread(self.contract_database)
        return f"contracted: {', '.join(done)}" if done else "there is nothing to contract"

    def _behind(self, node: str, own: dict[str, int]) -> str:
        """Why this server of the group keeps the database from being contracted; "" = it does not."""
        if node == self.authority.standing.node:
            return ""
        server = self._core.registry.named(f"{node}.KNL")
        if server is None or not server.running:
            return f"{node} does not answer, and may be of an older release; start it first"
        schemas = server.facts.get("schemas")
        told = schemas if isinstance(schemas, dict) else {}
        older = any(told.get(name, 0) < schema for name, schema in own.items())
        return f"{node} runs hisee {server.version or '?'}: upgrade it first" if older else ""

    async def _promote(self, words: list[str]) -> str:
        """An operator decides that the former hot server is dead. One that still renews cannot be replaced so."""
        standing = self.authority.standing
        if standing.epoch:
            return f"{standing.node} is hot already"
        await asyncio.wrap_future(self.authority.promote())
        try:
            async with asyncio.timeout(PROMOTE_S):
                while not self.authority.acknowledges():
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            standing.promote(False)
            holder = standing.view.holder
            raise CommandRefused(f"{holder} is hot and renews; order it there: SWITCH {standing.node}" if holder
                                 else "the engine database does not give the term; see the log") from None
        return f"{standing.node} is hot in epoch {standing.epoch}"


def close_late(future: asyncio.Future[Channel]) -> None:
    """A channel that nobody waits for any more."""
    if not future.cancelled() and future.exception() is None:
        future.result().close("too late")
