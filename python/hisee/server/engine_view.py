"""Members, terms and queues of the engine database as one instant, read in a thread of its own: a slow database never stops the router."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from hisee.engine import rules
from hisee.engine.coordinator import PRIMARY, ROLES, Coordinator, EngineError, Member, QueueRow, TermRow
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.server.engine")
ANSWER_S = TIMERS["stall"].ms / 1000
LOOKS = 5  # readings until nothing changed in between
ROLE_LETTERS = {term: term.removeprefix("role.") for term in ROLES}


class EngineView(NamedTuple):
    """One instant. `failed` says why there is none; `age_ms` is not known to it: it is made for one request."""

    members: tuple[Member, ...] = ()
    terms: Mapping[str, TermRow] = {}
    queues: Mapping[str, QueueRow] = {}
    failed: str = ""

    def member(self, name: str) -> Member | None:
        """The member of that name; of several, the one that joined last."""
        found = [m for m in self.members if m.name == name]
        return max(found, key=lambda m: (not m.ended_ms, m.joined_ms)) if found else None

    def holds(self, member: Member, term: str) -> bool:
        row = self.terms.get(term)
        return row is not None and row.holder != 0 and row.holder == member.incarnation

    def role(self, member: Member) -> str | None:
        """None, "O", "R" or "O,R"."""
        held = [ROLE_LETTERS[term] for term in ROLES if self.holds(member, term)]
        return ",".join(held) or None

    def kind(self, member: Member) -> str:
        """WP, PWP, DWP, NWP, JWP or CP as the overview names it (R95)."""
        if member.kind != "WP":
            return member.kind
        if not rules.is_active(member.node, self.members, self.terms):
            return "NWP"
        return "PWP" if self.holds(member, PRIMARY) else member.mode

    def holder(self, term: str) -> str | None:
        """Its name as `ps` has it: servers are members without a name of their own."""
        row, member = self.terms.get(term), self._holding(term)
        if row is None or not row.holder:
            return None
        return f"{member.node}.KNL" if member is not None and member.kind == "KNL" else row.name

    def node(self, term: str) -> str | None:
        """The computer of its holder."""
        member = self._holding(term)
        return member.node if member is not None else None

    def _holding(self, term: str) -> Member | None:
        row = self.terms.get(term)
        return next((m for m in self.members if row is not None and row.holder and m.incarnation == row.holder), None)


def look(engine: Coordinator) -> EngineView:
    """Read until the terms are the same before and after: epochs only grow, so everything in between belongs to them."""
    terms = engine.terms()
    for _ in range(LOOKS):
        members, queues = tuple(engine.members()), engine.queues()
        before, terms = terms, engine.terms()
        if before == terms:
            break
    return EngineView(members, terms, queues)


class EngineReader:
    """Opens the engine at the first question. `latest` is the last view, for those who cannot wait (the router)."""

    def __init__(self, open_engine: Callable[[], Coordinator] | None) -> None:
        """`open_engine` is called in the thread; None = a system without durable work."""
        self.latest = EngineView()
        self._open = open_engine
        self._engine: Coordinator | None = None
        self._wanted: queue.SimpleQueue[asyncio.AbstractEventLoop | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._next: asyncio.Future[EngineView] | None = None
        self._must = False  # somebody waits for the next view
        self._seen: object = None  # what `changes` said before the last view was read
        self._thread: threading.Thread | None = None

    async def view(self) -> EngineView:
        """A view that was read after this call; without one within `stall`, an empty one that says why."""
        if self._open is None:
            return self.latest
        try:
            return await asyncio.wait_for(asyncio.shield(self._ask()), ANSWER_S)
        except TimeoutError:
            return EngineView(failed=f"the engine database does not answer within {ANSWER_S:g} s")

    def refresh(self) -> None:
        """Bring `latest` up to date in the background."""
        if self._open is not None:
            self._ask()

    def follow(self) -> None:
        """The same if anything was committed since."""
        if self._open is not None:
            self._ask(must=False)

    def _ask(self, *, must: bool = True) -> asyncio.Future[EngineView]:
        """Questions that wait for the thread share the next reading."""
        loop = asyncio.get_running_loop()
        with self._guard:
            self._must |= must
            if self._next is None:
                self._next = loop.create_future()
                self._wanted.put(loop)
            found = self._next
        if self._thread is None:
            self._thread = threading.Thread(target=self._read_forever, name="hisee-engine", daemon=True)
            self._thread.start()
        return found

    def _read_forever(self) -> None:
        while (loop := self._wanted.get()) is not None:
            with self._guard:
                asked, must, self._next, self._must = self._next, self._must, None, False
            view = self._read() if must or self._changed() else None
            if view is not None and asked is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._answer, asked, view)
        if self._engine is not None:
            self._engine.close()

    def _changed(self) -> bool:
        try:
            return self._engine is None or self._engine.changes() != self._seen
        except (EngineError, OSError):
            return True  # the reading tells why

    def _read(self) -> EngineView:
        try:
            if self._engine is None:
                assert self._open is not None
                self._engine = self._open()
            self._seen = self._engine.changes()
            return look(self._engine)
        except (EngineError, OSError) as error:
            return self._failed(str(error))
        except Exception as error:  # the thread outlives a fault of ours: the next question tries again
            log.exception("reading the engine database")
            return self._failed(f"{type(error).__name__}: {error}")

    def _failed(self, reason: str) -> EngineView:
        log.warning("the engine database: %s", reason)
        self._forget_engine()
        return EngineView(failed=reason)

    def _forget_engine(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            try:
                engine.close()
            except (EngineError, OSError) as error:
                log.debug("closing: %s", error)

    def _answer(self, asked: asyncio.Future[EngineView], view: EngineView) -> None:
        if not view.failed:
            self.latest = view
        if not asked.done():
            asked.set_result(view)

    def close(self) -> None:
        """Ends the thread after the reading under way; does not wait for it."""
        self._wanted.put(None)
