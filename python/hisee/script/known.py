"""What the host of scripts asks the server on behalf of a function: objects and processes. The callers are threads that wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import hisee
from hisee.channel import Message, RequestFailed, Requests
from hisee.channel.payloads import CallChain, ObjectList, Subscribe, Table, Welcome, pack, unpack
from hisee.profile import Recorder
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script.functions import Rules, Site
from hisee.seams import Clock, Seams

T = TypeVar("T")
KNL = 1
ANSWER_S = 10.0
FRESH_NS = 5_000_000_000  # an object that is saved is seen after this time at the latest


class Known:
    """The list of objects, kept for a few seconds, so that a loop over numbers asks once; and the list of processes, asked each time."""

    def __init__(self, clock: Clock) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._asked_ns = -FRESH_NS
        self.apply: Callable[[bytes], None] = lambda payload: None  # takes values of objects, on the loop
        self._followed: set[int] = set()

    def use(self, requests: Requests, number: int) -> None:
        """The link to ask over, and the own number there."""
        self._requests, self._number = requests, number
        self._followed.clear()

    def objects(self) -> list[dict[str, Any]]:
        """Rows with hbj, name, kind, and of structured ones rows, columns, parent. Raises OSError: the server does not answer."""
        with self._lock:
            now = self._clock.monotonic_ns()
            if now - self._asked_ns >= FRESH_NS:
                self._rows = self._ask(Kind.OBJECT_LIST, pack(ObjectList(details=True)))
                self._asked_ns = now
            return self._rows

    def processes(self) -> list[dict[str, Any]]:
        """Rows of `ps`. Raises OSError."""
        return self._ask(Kind.PS_GET, b"")

    def chain(self, number: int) -> CallChain:
        """What runs in an instance of whatever process. Raises OSError."""
        message = Message(kind=Kind.CHAIN_GET, lane=Lane.CONTROL, source=self._number, target=number, wants_answer=True)
        return unpack(CallChain, self._wait(self._requests.ask(message, ANSWER_S)).payload)

    def follow(self, number: int) -> None:
        """Values of an object that no unit names, from now on: they are in the replica when this returns. Raises OSError."""
        if number not in self._followed:
            self._wait(self._follow(number))
            self._followed.add(number)

    async def _follow(self, number: int) -> None:
        message = Message(kind=Kind.SUBSCRIBE, lane=Lane.SCRIPT, source=self._number, target=KNL, wants_answer=True,
                          payload=pack(Subscribe(objects=[number])))
        self.apply((await self._requests.ask(message, ANSWER_S)).payload)

    def _ask(self, kind: Kind, payload: bytes) -> list[dict[str, Any]]:
        message = Message(kind=kind, lane=Lane.CONTROL, source=self._number, target=KNL, payload=payload, wants_answer=True)
        return unpack(Table, self._wait(self._requests.ask(message, ANSWER_S)).payload).rows

    def _wait(self, asking: Coroutine[Any, Any, T]) -> T:
        if self.loop is None:
            asking.close()
            raise OSError("not attached to a server")
        try:
            return asyncio.run_coroutine_threadsafe(asking, self.loop).result(ANSWER_S + 1)
        except (RequestFailed, TimeoutError, RuntimeError) as error:
            raise OSError(f"the server does not answer: {error}") from error


def site_of(welcome: Welcome, seams: Seams, known: Known, recorder: Recorder) -> Site:
    """What scripts of this process may reach, as the server said at the logon."""

    def profile(on: bool) -> None:
        recorder.enabled = on

    name = str(welcome.name)
    rules = Rules.of(welcome.facts.get("scripts", {}), node=name.partition(".")[0], process=name)
    return Site(seams, rules, welcome.limits, system=welcome.system, version=hisee.__version__, objects=known.objects,
                processes=known.processes, follow=known.follow, chain=known.chain, profile=profile)
