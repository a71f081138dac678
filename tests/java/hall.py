"""A small server with its router, one work process in this process, and real Java work processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from hisee.channel import Channel, Listener, Message, memory_pair
from hisee.channel.payloads import Command, CommandResult, Hello, Refused, Welcome, unpack
from hisee.datadir import DataDir
from hisee.engine.coordinator import Candidate, TaskRequest, TaskRow
from hisee.engine.memory import MemoryCoordinator, MemoryEngine
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams
from hisee.server.core import Core
from hisee.server.registry import Link, Process, State
from hisee.server.router import Router
from hisee.work.service import ServiceCalls

HERE = Path(__file__).parent
TIMERS = {"heartbeat": 100, "stall": 300, "watchdog": 600, "stop": 1_000, "progress": 20}
ENDED = ("ended ok", "ended not ok", "cancelled", "lost", "dead letter")
LIMIT_S = 40.0


def launch(data: DataDir, jar: Path, number: int, port: int, services: Path, timers: dict[str, int],
           **more: Any) -> subprocess.Popen[bytes]:
    """A Java work process of that number."""
    words = [sys.executable, str(HERE / "launch.py"), str(data.path), str(jar), str(number), str(port), str(services), json.dumps(timers)]
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}, **more)


class Hall:
    """`jwp(n)` starts a Java work process, `run(...)` puts a task and waits for its end."""

    def __init__(self, folder: Path, jar: Path, services: Path) -> None:
        self.data = DataDir(folder)
        self.data.make()
        self.data.secret(create=True)
        self.data.write_run({"app": str(folder), "limits": {}})
        self.core = Core(Seams())
        self.router = Router(self.core, lambda number: None)
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.replies = 0  # that reached the work process
        self._jar, self._services = jar, services
        self.engine = MemoryCoordinator(MemoryEngine(Seams().clock, lease_ms=10**9))
        self.member = self.engine.join(Candidate(kind="WP", node="N", host="h", pid=1, birth=1, incarnation=1))

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.listener = Listener.unix(self.data.control_socket, self.data.secret(), timers=TIMERS)
        self.listener.start(loop, self._admit, self._on_channel)
        here, there = memory_pair()
        wp = self.core.registry.add(Process(number=2, name="WP001", kind="WP"))
        self.core.route(wp, Link(here, 2))
        here.attach(loop, lambda m: self.router.receive(here, m), lambda reason: None)
        self.link = there
        self.services = ServiceCalls(self.engine, self._send, self.core.seams.clock)
        there.attach(loop, self._to_wp, lambda reason: None)
        self._ticking = loop.create_task(self._tick())

    async def _admit(self, hello: Hello, peer: Any) -> Welcome | Refused:
        process = self.core.registry.add(Process(number=self.core.registry.free_number(), name=hello.name, kind=hello.kind,
                                                 pid=hello.pid, facts=dict(hello.facts)))
        return Welcome(name=process.name, number=process.number)

    def _on_channel(self, channel: Channel) -> None:
        assert channel.welcome is not None
        process = self.core.registry.get(channel.welcome.number)
        assert process is not None
        channel.attach(asyncio.get_running_loop(), lambda m: self.router.receive(channel, m), lambda reason: self._lost(process, reason))
        self.core.route(process, Link(channel, process.number, facts=process.facts))

    def _lost(self, process: Process, reason: str) -> None:
        process.facts["reason"] = reason
        self.core.registry.end(process, State.STOP if reason.startswith("goodbye") else State.CRASH)
        for call in self.core.ended:
            call(process)

    def _send(self, message: Message) -> bool:
        message.source = 2
        self.link.send(message)
        return True

    def _to_wp(self, message: Message) -> None:
        self.replies += message.kind == Kind.REPLY
        self.services.on_message(message)

    async def _tick(self) -> None:
        """The work process: claims what is ready in queue java, and watches."""
        while True:
            if not self.services.full:
                for claim in self.engine.claim(self.member, ["java"], 256):
                    self.services.begin(claim)
            self.services.tick()
            await asyncio.sleep(0.02)

    # -- processes

    async def jwp(self, number: int, port: int = 0) -> subprocess.Popen[bytes]:
        """Start one and wait until the server knows it."""
        child = launch(self.data, self._jar, number, port, self._services, TIMERS)
        name = f"JWP{number:03d}"
        self.children[name] = child
        await self.until(lambda: self.process(name) is not None or child.poll() is not None, f"{name} logs on")
        assert child.poll() is None, self.log(name)
        return child

    def process(self, name: str) -> Process | None:
        found = self.core.registry.named(name)
        return found if found is not None and found.link is not None else None

    async def tell(self, name: str, line: str) -> CommandResult:
        process = self.process(name)
        assert process is not None
        return unpack(CommandResult, (await self.core.ask(process.number, Kind.COMMAND, Command(command=line), 20)).payload)

    def log(self, name: str) -> str:
        path = self.data.log_dir / f"{name}.00.log"
        return path.read_text() if path.exists() else ""

    async def ended(self, name: str) -> int:
        """Exit status of a process that ends by itself."""
        child = self.children[name]
        await self.until(lambda: child.poll() is not None, f"{name} ends")
        return child.returncode

    # -- tasks

    def put(self, service: str, args: dict[str, Any] | None = None, **more: Any) -> int:
        request = TaskRequest(func=f"service.{service}", args=args or {}, queue="java", retry_s=0.05, **more)
        return self.engine.put([request])[0]

    def task(self, number: int) -> TaskRow:
        row = self.engine.task(number)
        assert row is not None
        return row

    async def end_of(self, number: int) -> TaskRow:
        await self.until(lambda: self.task(number).state in ENDED, lambda: f"task ends: {self.task(number)}")
        return self.task(number)

    async def run(self, service: str, args: dict[str, Any] | None = None, **more: Any) -> TaskRow:
        return await self.end_of(self.put(service, args, **more))

    async def active(self, number: int) -> str:
        """Wait until a call of the task runs; the name of its process."""
        call = lambda: self.services._calls.get(number)  # noqa: E731
        await self.until(lambda: (c := call()) is not None and c.target, "the call runs")
        found = self.core.registry.get(call().target)  # type: ignore[union-attr]
        assert found is not None
        return found.name

    async def until(self, condition: Callable[[], object], what: str | Callable[[], str]) -> None:
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, what if isinstance(what, str) else what()
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        self._ticking.cancel()
        for child in self.children.values():
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
            await asyncio.to_thread(child.wait)
        self.listener.close()
        for process in self.core.registry:
            if process.link is not None:
                process.link.channel.close()
        self.link.close()


@contextlib.asynccontextmanager
async def hall(folder: Path, jar: Path, services: Path) -> AsyncIterator[Hall]:
    here = Hall(folder, jar, services)
    await here.open()
    try:
        yield here
    finally:
        await here.close()


__all__ = ["Hall", "hall", "launch"]
