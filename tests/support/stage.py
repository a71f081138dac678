"""A server inside the test: real registry, router, opening, overview; processes are played by the test.

Over memory carriers, or over rings with the data plane between them: where a test asks for it, and everywhere with HISEE_PLANE=1.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hisee.channel import Channel, Listener, Message, RequestFailed, Requests, dial_unix
from hisee.channel.payloads import CommandResult, Hello, Numbers, Open, Opened, SeeStart, Started, Table, Tell, pack, unpack
from hisee.config import limits
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.model.store import OpenPlan
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams
from hisee.server.forwarding import wanted
from hisee.server.knl import Knl

ANSWER_S = 10
SECRET = b"the secret of a stage"


class Nowhere:
    """An event log that nobody reads."""

    def write(self, entry: Any, process: str) -> None:
        """Dropped."""

    def close(self) -> None:
        """Nothing is open."""


class FakeStore:
    """Just enough of a store: one split picture, one database."""

    def __init__(self, grants: list[str]) -> None:
        self._system = SimpleNamespace(rights={"local": grants}, time_zone="UTC", scripts={})

    def system(self) -> Any:
        return self._system

    def opened(self, name: str) -> OpenPlan:
        return OpenPlan(object=name, hbj=50, kind="picture", version=1, picture=b"", svg=b"", local_unit="aa", remote_unit="bb",
                        handlers={}, variables=[], objects={}, refs={})

    def databases(self) -> dict[int, int]:
        return {70: 7}

    def dbm_facts(self, process: str = "") -> dict[str, Any]:
        return {"databases": {7: {}}}

    def process_number(self, name: str) -> int | None:
        return None

    def cells(self) -> list[Any]:
        return []

    def refresh(self) -> None:
        """It never changes."""

    def objects(self, mask: str = "*") -> list[Any]:
        return []

    def events(self) -> list[Any]:
        return []

    def event_handlers(self) -> list[tuple[str, str]]:
        return []


class Actor:
    """A process played by the test: its link, what it got, and what it answers to."""

    def __init__(self, channel: Channel) -> None:
        assert channel.welcome is not None
        self.channel, self.number, self.name = channel, channel.welcome.number, channel.welcome.name
        self.requests = Requests(channel)
        self.got: list[Message] = []
        self.answers: dict[int, Callable[[Message], bytes | None]] = {}  # kind -> payload of the reply; None = silence
        channel.attach(asyncio.get_running_loop(), self._take, lambda reason: None)

    def _take(self, message: Message) -> None:
        if self.requests.settle(message):
            return
        self.got.append(message)
        answer = self.answers.get(message.kind)
        payload = answer(message) if answer is not None and message.wants_answer else None
        if payload is not None:
            self.reply(message, payload)

    def reply(self, message: Message, payload: bytes = b"", kind: Kind = Kind.REPLY) -> None:
        self.channel.send(Message(kind=kind, lane=message.lane, source=message.target, target=message.source, corr=message.corr,
                                  payload=payload))

    def send(self, kind: Kind, payload: bytes = b"", *, target: int = 1, lane: int = Lane.CONTROL, source: int = 0) -> None:
        self.channel.send(Message(kind=kind, lane=lane, source=source or self.number, target=target, payload=payload))

    async def ask(self, kind: Kind, payload: bytes = b"", *, target: int = 1, lane: int = Lane.CONTROL) -> bytes:
        message = Message(kind=kind, lane=lane, source=self.number, target=target, payload=payload)
        return (await self.requests.ask(message, ANSWER_S)).payload

    async def refused(self, kind: Kind, payload: bytes = b"", *, target: int = 1, lane: int = Lane.CONTROL) -> RequestFailed:
        """The failure that this request must end in."""
        try:
            await self.ask(kind, payload, target=target, lane=lane)
        except RequestFailed as failed:
            return failed
        raise AssertionError(f"{kind.name} was carried out")

    async def rows(self, kind: Kind) -> list[dict[str, Any]]:
        return unpack(Table, await self.ask(kind)).rows

    async def row(self, name: str) -> dict[str, Any]:
        return next(row for row in await self.rows(Kind.PS_GET) if row["name"] == name)

    async def tell(self, process: str, command: str, wait: bool = True) -> CommandResult:
        return unpack(CommandResult, await self.ask(Kind.TELL, pack(Tell(name=process, command=command, wait=wait))))

    def kinds(self) -> list[Kind]:
        return [Kind(message.kind) for message in self.got]

    def end(self, reason: str = "the test ends it") -> None:
        self.channel.close(reason)


class Ses(Actor):
    """An SES that starts what it is asked to, or refuses, or says nothing."""

    def __init__(self, channel: Channel, *, starts: bool = True) -> None:
        super().__init__(channel)
        self.sees: list[int] = []
        self.answers[Kind.SEE_START] = self._start if starts else lambda message: None
        self.answers[Kind.SEE_LIST] = lambda message: pack(Numbers(numbers=self.sees))
        self.obeys_stop = True

    def _start(self, message: Message) -> bytes:
        start = unpack(SeeStart, message.payload)
        self.sees.append(start.number)
        return pack(Started(number=start.number, incarnation=start.incarnation))

    def starts(self) -> int:
        return self.kinds().count(Kind.SEE_START)


class Stage:
    """The server and those who log on. `door`: where they do so over rings; None = in memory."""

    def __init__(self, grants: list[str], seams: Seams, engine: MemoryEngine | None, door: Path | None = None) -> None:
        self.seams, self.engine = seams, engine
        self.stopped = asyncio.Event()
        opens = (lambda: MemoryCoordinator(engine)) if engine is not None else None
        self.door = door
        self.knl = Knl(FakeStore(grants), seams, node="SRV1", system="TEST", limits=limits(), event_log=Nowhere(),  # type: ignore[arg-type]
                       stop=self.stopped.set, engine=opens,
                       listener=Listener.unix(door, SECRET, seams, limits()) if door is not None else None)
        self.actors: list[Actor] = []

    async def log_on(self, kind: str, name: str = "", maker: Callable[[Channel], Actor] = Actor, **facts: Any) -> Any:
        """Raises LogonRefused. `incarnation`, `node`, `pid` among the facts go into the hello itself."""
        head = {key: facts.pop(key) for key in ("incarnation", "node", "pid") if key in facts}
        actor = maker(await self._dialled(Hello(kind=kind, name=name, facts=facts, **head)))
        self.actors.append(actor)
        return actor

    async def _dialled(self, hello: Hello) -> Channel:
        if self.door is None:
            return await self.knl.connect(hello)
        return await asyncio.to_thread(dial_unix, self.door, hello, SECRET)

    async def ses(self, name: str, *, starts: bool = True) -> Ses:
        found: Ses = await self.log_on("SES", name, lambda channel: Ses(channel, starts=starts), serves=["SES_REMOTE"])
        return found

    async def open(self, hip: Actor) -> Opened:
        return unpack(Opened, await hip.ask(Kind.OPEN, pack(Open(object="S.Split", console=hip.number))))


@contextlib.asynccontextmanager
async def stage(*, grants: tuple[str, ...] = ("*",), seams: Seams | None = None,
                engine: MemoryEngine | None = None, plane: bool | None = None, rings: bool = False) -> AsyncIterator[Stage]:
    """`plane`: None = as the environment wants it, where the time is the real one. `rings`: also without the plane."""
    plane = wanted() and seams is None if plane is None else plane
    with tempfile.TemporaryDirectory(prefix="hisee-stage-") as folder:
        made = Stage(list(grants), seams or Seams(), engine, Path(folder) / "door" if plane or rings else None)
        made.knl.plane = plane
        made.knl.start(asyncio.get_running_loop())
        try:
            yield made
        finally:
            for actor in made.actors:
                actor.end()
            made.knl.close()


async def eventually(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Wait for something that other tasks do."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}") from None
