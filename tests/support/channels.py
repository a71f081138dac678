"""Pairs of channels over every carrier, for tests. Both ends live in this process and are not attached to a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from hisee.channel import Channel, Listener, Peer, dial_tcp, dial_unix, memory_pair
from hisee.channel.payloads import Hello, Refused, Version, Welcome
from hisee.channel.spoken import NOT_TOLD
from support.certificates import contexts

SECRET = bytes(range(32))
CARRIERS = ("memory", "unix", "tcp", "tls", "ring")
NETWORK = ("tcp", "tls")


async def welcome(hello: Hello, peer: Peer) -> Welcome | Refused:
    return Welcome(name=hello.name, number=77)


def make_pair(carrier: str, folder: Path, limits: Mapping[str, int] | None = None,
              timers: Mapping[str, int] | None = None, protocol: Version = NOT_TOLD) -> tuple[Channel, Channel]:
    """(the end that dialled, the end that was accepted). `protocol`: what the former speaks at most, where it is of an earlier release."""
    if carrier == "memory":
        return memory_pair(limits=limits)
    return asyncio.run(log_on(carrier, folder, limits, timers, protocol))


async def log_on(carrier: str, folder: Path, limits: Mapping[str, int] | None,
                 timers: Mapping[str, int] | None, protocol: Version = NOT_TOLD) -> tuple[Channel, Channel]:
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[Channel] = loop.create_future()
    tls = contexts(folder) if carrier == "tls" else (None, None)
    listener = Listener.tcp("", 0, SECRET, limits=limits, timers=timers, tls=tls[0]) if carrier in NETWORK else \
        Listener.unix(folder / "s", SECRET, limits=limits, timers=timers)
    listener.start(loop, welcome, accepted.set_result)
    hello = Hello(kind="TEL", name="test", facts={"rings": carrier == "ring"}, protocol=protocol)
    if carrier in NETWORK:
        dialled = await asyncio.to_thread(dial_tcp, "127.0.0.1", listener.port, hello, SECRET, limits=limits, timers=timers, tls=tls[1])
    else:
        dialled = await asyncio.to_thread(dial_unix, listener.address, hello, SECRET, limits=limits, timers=timers)
    other = await asyncio.wait_for(accepted, 5)
    listener.close()
    return dialled, other
