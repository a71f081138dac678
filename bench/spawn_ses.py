"""A real SES process beside a driver that stands where its server would: very many SEEs in seconds, not in minutes.

`python -m bench.spawn_ses idle COUNT | beset COUNT LOOPS ASKING SECONDS` prints one "name figure" a line; `.. child FD` is the SES.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from esl.directory import Names
from hisee._core.values import decode, encode
from hisee.channel import Channel, Message, over_socket
from hisee.channel.payloads import Hello, SeeStart, pack
from hisee.config import limits
from hisee.esl import ObjectContext, compile_source
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.script.ses import Ses
from hisee.seams import Seams

SECRET = bytes(32)
KNL, CALLER, FIRST = 1, 7, 1 << 30
BATCH = 500
QUIET_S = 3.0
IDLE = (Path(__file__).parent / "spawn_app/pictures/S.Idle/remote.esl").read_text().replace("SD.Row", "SD.Meter")
LOOP = "INT _i\nRPC PROCEDURE Go\n_i := 0\nDO_LOOP\n_i := _i + 1\nEND_LOOP\nEND Go\n"
BOUNDS = {**limits(), "fuel_per_event": 10**15}


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def serve(sock: socket.socket) -> None:
    """The SES until the driver is gone."""
    hello = Hello(kind="SES", name="REMOTE1", facts={"serves": ["SES_REMOTE"]})
    ses = Ses(over_socket(sock, hello, SECRET, limits=BOUNDS, server=False), Seams())
    ses.attach(asyncio.get_running_loop())
    await ses.lost.wait()


class Driver:
    """Starts SEEs, calls them, and takes what the SES sends."""

    def __init__(self, channel: Channel, pid: int, units: dict[str, bytes]) -> None:
        self.channel, self.pid = channel, pid
        self._units = {sha256(unit).hexdigest(): unit for unit in units.values()}
        self._names = {name: sha256(unit).hexdigest() for name, unit in units.items()}
        self._corr = 0
        self._asked: dict[int, asyncio.Future[Message]] = {}
        self._count = 0
        channel.attach(asyncio.get_running_loop(), self._take, lambda reason: None)

    def _take(self, message: Message) -> None:
        if message.kind == Kind.UNIT_GET:
            (unit,) = self._units.values() if len(self._units) == 1 else (self._units[self._wanted(message)],)
            self.channel.send(Message(kind=Kind.REPLY, source=KNL, target=message.source, corr=message.corr, payload=unit))
        elif message.kind in (Kind.REPLY, Kind.FAILED):
            self._asked.pop(message.corr).set_result(message)

    def _wanted(self, message: Message) -> str:
        return next(known for known in self._units if known.encode() in message.payload)

    def ask(self, kind: Kind, target: int, payload: bytes, lane: int = Lane.CONTROL) -> asyncio.Future[Message]:
        self._corr += 1
        answer = self._asked[self._corr] = asyncio.get_running_loop().create_future()
        self.channel.send(Message(kind=kind, lane=lane, source=KNL if lane == Lane.CONTROL else CALLER, target=target, corr=self._corr,
                                  payload=payload, wants_answer=True))
        return answer

    async def start(self, name: str, count: int) -> list[int]:
        """Numbers of so many SEEs more, all of them started."""
        numbers = [FIRST + self._count + i for i in range(count)]
        self._count += count
        for at in range(0, count, BATCH):
            answers = await asyncio.gather(*(self.ask(Kind.SEE_START, 2, self._order(name, number)) for number in numbers[at:at + BATCH]))
            assert all(answer.kind == Kind.REPLY for answer in answers), "every SEE is started"
        return numbers

    def _order(self, name: str, number: int) -> bytes:
        return pack(SeeStart(number=number, name=f"WS1_{number}.SEE", incarnation=1, object=f"S.{name}", version=1,
                             unit=self._names[name], his=number + (1 << 29), console=900_000, limits=BOUNDS))

    def call(self, number: int, procedure: str, *arguments: int) -> asyncio.Future[Message]:
        return self.ask(Kind.CALL, number, encode([0, procedure, "=" * len(arguments), *arguments]), Lane.SCRIPT)


def units() -> dict[str, bytes]:
    made = {}
    for name, text in (("Idle", IDLE), ("Loop", LOOP)):
        done = compile_source(text, name=f"S.{name}", context=ObjectContext("picture", directory=Names()), part=2)
        assert done.unit is not None, done.diagnostics
        made[name] = done.unit
    return made


async def idle(driver: Driver, count: int) -> Iterator[tuple[str, float]]:
    await driver.start("Idle", 10)
    await asyncio.sleep(QUIET_S)
    before, begin = resident_bytes(driver.pid), time.perf_counter()
    numbers = await driver.start("Idle", count)
    took = time.perf_counter() - begin
    answer = await driver.call(numbers[-1], "Ping", 41)
    assert decode(answer.payload) == [0, 42], "the last one answers"
    await asyncio.sleep(QUIET_S)
    after = resident_bytes(driver.pid)
    return iter({"ses_mb": after / 1e6, "see_bytes": (after - before) / count, "open_us": took / count * 1e6}.items())


async def beset(driver: Driver, count: int, loops: int, asking: int, seconds: float) -> Iterator[tuple[str, float]]:
    """CALLs of honest ones at random moments of each 200 ms, beside `loops` that never end."""
    await driver.start("Idle", count - loops - asking)
    hostile, honest = await driver.start("Loop", loops), await driver.start("Idle", asking)
    for number in hostile:
        driver.call(number, "Go")
    await asyncio.sleep(1.0)
    times: list[float] = []

    async def asks(number: int, at: int) -> None:
        await asyncio.sleep(at / asking * 0.2)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            begin = time.perf_counter()
            assert decode((await driver.call(number, "Ping", 41)).payload) == [0, 42]
            times.append((time.perf_counter() - begin) * 1e3)
            await asyncio.sleep(0.2)

    await asyncio.gather(*(asks(number, at) for at, number in enumerate(honest)))
    return iter({"calls": len(times), "call_p50_ms": statistics.median(times), "call_max_ms": max(times),
                 "call_p99_ms": statistics.quantiles(times, n=100, method="inclusive")[98]}.items())


async def drive(words: list[str], sock: socket.socket, pid: int) -> None:
    channel = await asyncio.to_thread(over_socket, sock, Hello(kind="KNL", name="SRV1"), SECRET, limits=BOUNDS, server=True)
    driver = Driver(channel, pid, units())
    numbers = list(map(float, words[1:]))
    found = await (idle(driver, int(numbers[0])) if words[0] == "idle" else beset(driver, *map(int, numbers[:3]), numbers[3]))
    for name, value in found:
        print(name, f"{value:.3f}")
    channel.close("done")


def main(words: list[str]) -> None:
    if words[0] == "child":
        asyncio.run(serve(socket.socket(fileno=int(words[1]))))
        return
    ours, theirs = socket.socketpair()
    child = subprocess.Popen([sys.executable, "-m", "bench.spawn_ses", "child", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    theirs.close()
    try:
        asyncio.run(drive(words, ours, child.pid))
    finally:
        child.terminate()
        child.wait()


if __name__ == "__main__":
    main(sys.argv[1:])
