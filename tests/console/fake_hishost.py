"""A HIS host that answers and does nothing else. `python fake_hishost.py --fd N`; ends with its console."""

from __future__ import annotations

import asyncio
import os
import socket
import sys

from hisee.channel import Message, over_socket
from hisee.channel.payloads import Hello, HisHostStart, HisStart, Pending, Started, Table, pack, unpack
from hisee.schema.messages import MessageKind as Kind


def main() -> None:
    sock = socket.socket(fileno=int(sys.argv[-1]))
    length = int.from_bytes(sock.recv(4, socket.MSG_WAITALL), "little")
    start = unpack(HisHostStart, sock.recv(length, socket.MSG_WAITALL))
    assert start.console and start.server_path
    channel = over_socket(sock, Hello(kind="HISHOST", name=start.workstation, pid=os.getpid()), start.secret, server=False)
    asyncio.run(serve(channel))


async def serve(channel) -> None:
    end = asyncio.Event()
    answers = {Kind.SETTLE_GET: lambda m: Pending(waiting=0, handled=0), Kind.TRACE_GET: lambda m: Table(rows=[]),
               Kind.HIS_START: lambda m: Started(number=unpack(HisStart, m.payload).opened)}

    def take(message: Message) -> None:
        if message.kind in answers:
            channel.send(Message(kind=Kind.REPLY, corr=message.corr, target=message.source, payload=pack(answers[message.kind](message))))

    channel.attach(asyncio.get_running_loop(), take, lambda reason: end.set())
    await end.wait()


if __name__ == "__main__":
    main()
