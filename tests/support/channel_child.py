"""A process at the far end of a channel. usage: channel_child.py PATH BEHAVIOUR

echo: answers every message. flood: sends numbered messages as fast as it may. idle: only keeps the link alive.
dead: never looks at the channel. leave: says goodbye at once.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from hisee.channel import Channel, ChannelClosed, ChannelFull, Message, dial_unix
from hisee.channel.payloads import Hello
from hisee.schema.messages import MessageKind
from support.channels import SECRET


def echo(channel: Channel) -> None:
    while True:
        message = channel.receive(60)
        if message is not None:
            channel.send(Message(MessageKind.REPLY, message.lane, corr=message.corr, payload=message.payload))


def flood(channel: Channel) -> None:
    number = 0
    while True:
        try:
            channel.send(Message(MessageKind.ECHO, number % 3, corr=number, payload=b"%d" % number * (number % 50)))
            number += 1
        except ChannelFull:
            channel.receive(0.001)
        if number == 100_000:
            channel.close("all sent")
            return


def idle(channel: Channel) -> None:
    async def main() -> None:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        channel.attach(asyncio.get_running_loop(), lambda _: None, ended.set_result)
        await ended

    asyncio.run(main())


def dead(channel: Channel) -> None:
    time.sleep(60)


def leave(channel: Channel) -> None:
    channel.close("had enough")


def main(path: str, behaviour: str, carrier: str) -> None:
    hello = Hello(kind="TEL", name=behaviour, facts={"rings": carrier == "ring"})
    limits = {"backlog_bytes": 1_000_000} if behaviour == "flood" else None
    channel = dial_unix(path, hello, SECRET, limits=limits)
    print(channel.carrier, flush=True)
    with suppress(ChannelClosed):
        {"echo": echo, "flood": flood, "idle": idle, "dead": dead, "leave": leave}[behaviour](channel)


if __name__ == "__main__":
    main(*sys.argv[1:])
