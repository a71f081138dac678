"""Real processes at both ends: death proven at once, silence after the limit, a stopped reader, order under load."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hisee.channel import Channel, ChannelFull, Listener, Message, Requests, memory_pair
from hisee.schema.messages import MessageKind
from hisee.seams import Seams
from support.channels import SECRET, make_pair, welcome
from support.clock import FakeClock
from support.leftovers import shared_memory

TESTS = Path(__file__).resolve().parents[1]
LOCAL = pytest.mark.parametrize("carrier", ["ring", "unix"])
QUICK = {"heartbeat": 60, "watchdog": 300}  # ms


@asynccontextmanager
async def child(folder: Path, behaviour: str, carrier: str, timers: dict[str, int] | None = None,
                limits: dict[str, int] | None = None) -> AsyncIterator[tuple[Channel, subprocess.Popen[str]]]:
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Channel] = loop.create_future()
    listener = Listener.unix(folder / "s", SECRET, timers=timers, limits=limits)
    listener.start(loop, welcome, accepted.set_result)
    environment = {**os.environ, "PYTHONPATH": f"{TESTS.parent / 'python'}:{TESTS}"}
    process = subprocess.Popen([sys.executable, str(TESTS / "support/channel_child.py"), listener.address, behaviour, carrier],
                               env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield await asyncio.wait_for(accepted, 15), process
    finally:
        listener.close()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def until(condition: Callable[[], object], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


@LOCAL
@pytest.mark.slow
@pytest.mark.req("R31")
def test_a_killed_peer_is_dead_at_once_and_what_it_sent_arrives(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "echo", carrier) as (channel, process):
            got: list[Message] = []
            lost: list[str] = []
            requests = Requests(channel)
            channel.attach(asyncio.get_running_loop(), lambda m: requests.settle(m) or got.append(m), lost.append)
            assert channel.carrier == carrier
            assert channel.peer is not None and channel.peer.pid == process.pid and channel.peer.uid == os.getuid()
            reply = await requests.ask(Message(MessageKind.ECHO, payload=b"x" * 200_000), 10)
            assert len(reply.payload) == 200_000
            assert shared_memory() == []
            process.kill()
            await until(lambda: lost, 2)
            assert lost == ["died"]

    asyncio.run(main())


@LOCAL
@pytest.mark.slow
def test_a_writer_killed_in_full_flight_leaves_whole_messages_in_order(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "flood", carrier) as (channel, process):
            got: list[Message] = []
            lost: list[str] = []
            channel.attach(asyncio.get_running_loop(), got.append, lost.append)
            await until(lambda: len(got) > 3000)
            process.kill()
            await until(lambda: lost)
            assert lost == ["died"]
            for lane in range(3):
                numbers = [m.corr for m in got if m.lane == lane]
                assert numbers == list(range(lane, lane + 3 * len(numbers), 3))
            assert all(m.payload == b"%d" % m.corr * (m.corr % 50) for m in got)

    asyncio.run(main())


@LOCAL
@pytest.mark.slow
@pytest.mark.req("R48")
def test_a_hundred_thousand_messages_without_inversion_gap_or_repeat(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "flood", carrier) as (channel, _):
            numbers: list[list[int]] = [[], [], []]
            lost: list[str] = []
            channel.attach(asyncio.get_running_loop(), lambda m: numbers[m.lane].append(m.corr), lost.append)
            await until(lambda: lost, 60)
            assert lost == ["goodbye: all sent"]
            assert numbers == [list(range(lane, 100_000, 3)) for lane in range(3)]

    asyncio.run(main())


@LOCAL
@pytest.mark.slow
def test_a_killed_reader_ends_the_writer_in_a_full_ring(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "dead", carrier, limits={"backlog_bytes": 2_000_000}) as (channel, process):
            lost: list[str] = []
            channel.attach(asyncio.get_running_loop(), lambda _: None, lost.append)
            with pytest.raises(ChannelFull):
                while True:
                    channel.send(Message(MessageKind.ECHO, payload=bytes(10_000)))
            process.kill()
            await until(lambda: lost, 2)
            assert lost == ["died"]

    asyncio.run(main())


@LOCAL
@pytest.mark.slow
def test_a_stopped_reader_only_causes_back_pressure(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "echo", carrier, limits={"backlog_bytes": 3_000_000}) as (channel, process):
            got: list[Message] = []
            lost: list[str] = []
            channel.attach(asyncio.get_running_loop(), got.append, lost.append)
            process.send_signal(signal.SIGSTOP)
            sent = 0
            with pytest.raises(ChannelFull):
                while True:
                    channel.send(Message(MessageKind.ECHO, 1, corr=sent, payload=bytes(5_000)))
                    sent += 1
            await asyncio.sleep(0.1)
            assert not lost and channel.backlog_bytes > 0
            process.send_signal(signal.SIGCONT)
            await until(lambda: len(got) == sent, 30)
            assert [m.corr for m in got] == list(range(sent))
            assert channel.backlog_bytes == 0

    asyncio.run(main())


def test_silence_is_counted_from_what_was_heard_last() -> None:
    """Not from the next tick, up to a heartbeat later: consoles show another server's values by it."""
    clock = FakeClock()
    left, right = memory_pair(seams=Seams(clock=clock))
    for pause_ms in (700, 30):
        left.send(Message(kind=MessageKind.ECHO))
        assert right.receive(0) is not None and right.silent_ms == 0
        clock.advance(pause_ms)
        assert right.silent_ms == pause_ms
    left.close()
    right.close()


@LOCAL
@pytest.mark.slow
@pytest.mark.req("R31")
def test_a_silent_peer_is_lost_after_the_limit_and_not_before(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "dead", carrier, timers=QUICK) as (channel, _):
            lost: list[str] = []
            start = time.monotonic()
            channel.attach(asyncio.get_running_loop(), lambda _: None, lost.append)
            await until(lambda: lost)
            assert lost == ["silent"]
            assert time.monotonic() - start >= QUICK["watchdog"] / 1000

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize("carrier", ["ring", "unix", "tcp"])
def test_an_idle_link_lives_by_its_heartbeat(tmp_path: Path, carrier: str) -> None:
    left, right = make_pair(carrier, tmp_path, timers=QUICK)

    async def main() -> None:
        lost: list[str] = []
        for end in (left, right):
            end.attach(asyncio.get_running_loop(), lambda _: None, lost.append)
        await asyncio.sleep(2.5 * QUICK["watchdog"] / 1000)
        assert not lost
        assert left.received == right.received == 0, "heartbeats are no messages"
        assert left.silent_ms < QUICK["watchdog"]
        left.close()
        await until(lambda: lost)

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize("carrier", ["ring", "tcp"])
def test_a_blocking_end_keeps_the_link_and_sees_silence(tmp_path: Path, carrier: str) -> None:
    left, right = make_pair(carrier, tmp_path, timers=QUICK)
    until_s = time.monotonic() + 2 * QUICK["watchdog"] / 1000
    while time.monotonic() < until_s:  # both in turn: both hear the other
        assert left.receive(0.01) is None
        assert right.receive(0.01) is None
    with pytest.raises(Exception, match="silent"):
        left.receive(10)
    right.close()
    left.close()


def test_beat_speaks_for_a_lane_that_is_busy(tmp_path: Path) -> None:
    left, right = make_pair("ring", tmp_path, timers=QUICK)
    until_s = time.monotonic() + 2 * QUICK["watchdog"] / 1000
    while time.monotonic() < until_s:  # right executes a long statement; another thread beats for it
        right.beat()
        assert left.receive(0.02) is None
    for end in (left, right):
        end.close()


@pytest.mark.slow
@LOCAL
def test_an_ordered_end_says_why(tmp_path: Path, carrier: str) -> None:
    async def main() -> None:
        async with child(tmp_path, "leave", carrier) as (channel, _):
            lost: list[str] = []
            channel.attach(asyncio.get_running_loop(), lambda _: None, lost.append)
            await until(lambda: lost)
            assert lost == ["goodbye: had enough"]

    asyncio.run(main())
