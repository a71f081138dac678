"""One end of a link under load, steered by lines on standard input. usage: carrier_end.py serve|call PATH loop|thread SEED

Both ends send numbered messages of mixed sizes on three lanes, every other one a request; each checks that what comes is whole, comes once
and in order, and that every request is answered once and in order. Orders: `?` prints the state as JSON, `socket` and `ring` switch (the
serving end), `stop` sends nothing new, `end` closes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import sys
from collections import deque

from hisee.channel import Channel, ChannelClosed, Listener, Message, dial_unix
from hisee.channel.payloads import Hello
from hisee.schema.messages import MessageKind as Kind
from support.channels import SECRET, welcome

LIMITS = {"ring_bytes": 1 << 18}
LANES = (0, 1, 2)
WINDOW = 24  # open requests
SIZES = (*[(0, 300)] * 12, *[(4_000, 20_000)] * 4, *[(60_000, 100_000)] * 3, (300_000, 600_000))  # the last two travel in parts


def content(number: int, size: int) -> bytes:
    return number.to_bytes(8, "little") + bytes([number * 31 % 256]) * size


class Load:
    """What one end sends, and what it has to get."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.sent, self.got = [0] * len(LANES), [0] * len(LANES)
        self.open: list[deque[int]] = [deque() for _ in LANES]
        self.answers = 0
        self.wrong = ""
        self.stopped = False
        self.lost = ""

    def begin(self, channel: Channel) -> None:
        self.channel = channel
        self.go_on()

    def go_on(self) -> None:
        while not self.stopped and not self.lost and sum(map(len, self.open)) < WINDOW:
            self.send(wants_answer=False)
            self.send(wants_answer=True)

    def send(self, *, wants_answer: bool) -> None:
        lane = self.chance.choice(LANES)
        self.sent[lane] += 1
        number = self.sent[lane]
        if wants_answer:
            self.open[lane].append(number)
        self.post(Message(Kind.ECHO, lane, corr=number, payload=content(number, self.chance.randint(*self.chance.choice(SIZES))),
                          wants_answer=wants_answer))

    def post(self, message: Message) -> None:
        try:
            self.channel.send(message)
        except ChannelClosed as closed:
            self.lost = self.lost or closed.reason

    def take(self, message: Message) -> None:
        if message.kind == Kind.REPLY:
            self.answered(message)
        elif message.kind == Kind.ECHO:
            self.came(message)
        else:
            self.complain(f"message of kind {message.kind:#06x}")

    def came(self, message: Message) -> None:
        lane = message.lane
        self.got[lane] += 1
        number = self.got[lane]
        if message.corr != number or message.payload != content(number, len(message.payload) - 8):
            self.complain(f"lane {lane}: {message.corr} of {len(message.payload)} bytes in the place of {number}")
        if message.wants_answer:
            self.post(Message(Kind.REPLY, lane, corr=message.corr, payload=b"answer"))

    def answered(self, message: Message) -> None:
        lane = self.open[message.lane]
        if not lane or lane.popleft() != message.corr:
            self.complain(f"lane {message.lane}: answer to {message.corr} out of its turn")
        self.answers += 1
        self.go_on()

    def complain(self, text: str) -> None:
        self.wrong = self.wrong or text

    def ordered(self) -> bool:
        """Standard input is readable; False at its end, or that of this process."""
        words = os.read(sys.stdin.fileno(), 1 << 16).decode().split()
        return bool(words) and all(self.order(word) for word in words)

    def order(self, word: str) -> bool:
        if word == "?":
            print(json.dumps({**self.channel.changes, "carrier": self.channel.carrier, "sent": self.sent, "got": self.got,
                              "open": sum(map(len, self.open)), "answers": self.answers, "wrong": self.wrong, "lost": self.lost}),
                  flush=True)
        elif word in ("socket", "ring"):
            self.channel.switch(rings=word == "ring")
        elif word == "stop":
            self.stopped = True
        return word != "end"


async def on_loop(load: Load, channel: Channel) -> None:
    """Attached to the running loop."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def lost(reason: str) -> None:
        load.lost = reason

    def ordered() -> None:
        if not load.ordered() and not ended.done():
            ended.set_result(None)

    load.begin(channel)
    channel.attach(loop, load.take, lost)
    loop.add_reader(sys.stdin.fileno(), ordered)
    await ended
    channel.close("enough")


async def serve(load: Load, path: str) -> None:
    accepted: asyncio.Future[Channel] = asyncio.get_running_loop().create_future()
    listener = Listener.unix(path, SECRET, limits=LIMITS)
    listener.start(asyncio.get_running_loop(), welcome, accepted.set_result)
    print("ready", flush=True)
    channel = await accepted
    listener.close()
    await on_loop(load, channel)


def call(load: Load, path: str, how: str) -> None:
    channel = dial_unix(path, Hello(kind="TEL", name="caller"), SECRET, limits=LIMITS)
    print("ready", flush=True)
    if how == "loop":
        asyncio.run(on_loop(load, channel))
        return
    load.begin(channel)
    try:
        in_thread(load, channel)
    except ChannelClosed as closed:
        load.lost = closed.reason
        while load.ordered():
            pass


def in_thread(load: Load, channel: Channel) -> None:
    """A thread that blocks, as a database manager has it."""
    while True:
        message = channel.receive(0.05, [sys.stdin.fileno()])
        if message is not None:
            load.take(message)
        elif select.select([sys.stdin], [], [], 0)[0] and not load.ordered():
            channel.close("enough")
            return


def main(side: str, path: str, how: str, seed: str) -> None:
    load = Load(int(seed))
    if side == "serve":
        asyncio.run(serve(load, path))
    else:
        call(load, path, how)


if __name__ == "__main__":
    main(*sys.argv[1:])
