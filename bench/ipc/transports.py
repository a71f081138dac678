"""The peers of the ring: one class for each transport, opened before the fork; `left` and `right` give (send, recv) of each side.

Payloads are bytes, recv blocks (iceoryx2 is polled), a full transport makes send wait. Imports come late: one process runs one of them.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import socket
import struct
from collections.abc import Callable
from tempfile import mkdtemp
from typing import Any

Send = Callable[[bytes], object]
Recv = Callable[[], bytes]
BOUND = 16_384  # messages that a queue holds, where it counts messages


class Transport:
    """`size`: bytes of a payload, for those that want to know."""

    left: Callable[[], tuple[Send, Recv]]  # of the side that asks
    right: Callable[[], tuple[Send, Recv]]  # of the side that answers

    def __init__(self, size: int) -> None:
        self.size = size

    def ask(self, send: Send, recv: Recv, payload: bytes, count: int) -> bytes:
        """So many round trips; the last answer."""
        for _ in range(count):
            send(payload)
            answer = recv()
        return answer

    def echo(self, send: Send, recv: Recv, count: int) -> None:
        for _ in range(count):
            send(recv())

    def leave(self) -> None:
        """Called on either side when it is done."""

    def close(self) -> None:
        """Give back what has a name; called once, on the left."""


class Pipe(Transport):
    def __init__(self, size: int) -> None:
        self.ends = mp.Pipe()

    def left(self) -> tuple[Send, Recv]:
        return self.ends[0].send_bytes, self.ends[0].recv_bytes

    def right(self) -> tuple[Send, Recv]:
        return self.ends[1].send_bytes, self.ends[1].recv_bytes


class Queues(Transport):
    """A queue each way: what has `put` and `get`."""

    def __init__(self, size: int) -> None:
        self.there, self.back = self.queue(), self.queue()

    def queue(self) -> Any:
        return mp.Queue(BOUND)

    def left(self) -> tuple[Send, Recv]:
        return self.there.put, self.back.get

    def right(self) -> tuple[Send, Recv]:
        return self.back.put, self.there.get


class FasterFifo(Queues):
    def queue(self) -> Any:
        import faster_fifo

        return faster_fifo.Queue(max_size_bytes=1 << 20, loads=bytes, dumps=bytes)


class PosixQueue(Transport):
    """Depth 10: more takes a privilege."""

    def __init__(self, size: int) -> None:
        import posix_ipc

        self.queues = [posix_ipc.MessageQueue(None, posix_ipc.O_CREX, max_messages=10, max_message_size=size) for _ in range(2)]

    def side(self, out: int) -> tuple[Send, Recv]:
        receive = self.queues[1 - out].receive
        return self.queues[out].send, lambda: receive()[0]

    def left(self) -> tuple[Send, Recv]:
        return self.side(0)

    def right(self) -> tuple[Send, Recv]:
        return self.side(1)

    def close(self) -> None:
        for queue in self.queues:
            queue.unlink()


class Sockets(Transport):
    """A stream socket; a payload has a known length, so that a message costs one call each way where the system lets it."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.ends = self.pair()

    def pair(self) -> tuple[socket.socket, socket.socket]:
        return socket.socketpair()

    def side(self, sock: socket.socket) -> tuple[Send, Recv]:
        size, receive = self.size, sock.recv

        def recv() -> bytes:
            data = receive(size)
            while len(data) < size:
                data += receive(size - len(data))
            return data

        return sock.sendall, recv

    def left(self) -> tuple[Send, Recv]:
        return self.side(self.ends[0])

    def right(self) -> tuple[Send, Recv]:
        return self.side(self.ends[1])


class Tcp(Sockets):
    def pair(self) -> tuple[socket.socket, socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            left = socket.create_connection(server.getsockname())
            right, _ = server.accept()
        for sock in (left, right):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return left, right


class ZeroMq(Transport):
    """A PAIR of sockets over ipc; a context lives in one process, so it is made after the fork."""

    def __init__(self, size: int) -> None:
        self.folder = mkdtemp()
        self.keep: list[object] = []

    def side(self, connect: str) -> tuple[Send, Recv]:
        import zmq

        context = zmq.Context()
        sock = context.socket(zmq.PAIR)
        sock.set_hwm(BOUND)
        getattr(sock, connect)(f"ipc://{self.folder}/pair")
        self.keep += [context, sock]
        return sock.send, sock.recv

    def left(self) -> tuple[Send, Recv]:
        return self.side("bind")

    def right(self) -> tuple[Send, Recv]:
        return self.side("connect")

    def close(self) -> None:
        path = os.path.join(self.folder, "pair")
        if os.path.exists(path):
            os.unlink(path)
        os.rmdir(self.folder)


class Iceoryx2(Transport):
    """Publish and subscribe each way, the subscriber polled; nothing may be overwritten."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.name = f"hisee-bench-{os.getpid()}-{os.urandom(4).hex()}"
        self.keep: list[Any] = []

    def service(self, node: Any, way: str, kind: type) -> Any:
        import iceoryx2 as iox

        name = iox.ServiceName.new(f"{self.name}-{way}")
        return (node.service_builder(name).publish_subscribe(kind).subscriber_max_buffer_size(256).enable_safe_overflow(False)
                .open_or_create())

    def side(self, out: str, into: str) -> tuple[Send, Recv]:
        import ctypes

        import iceoryx2 as iox

        class Payload(ctypes.Structure):
            _fields_ = [("bytes", ctypes.c_uint8 * self.size)]

        iox.set_log_level(iox.LogLevel.Error)
        node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
        ways = self.service(node, out, Payload), self.service(node, into, Payload)
        publisher = ways[0].publisher_builder().backpressure_strategy(iox.BackpressureStrategy.RetryUntilDelivered).create()
        subscriber = ways[1].subscriber_builder().buffer_size(256).create()
        self.keep += [publisher, subscriber]
        move, text, size = ctypes.memmove, ctypes.string_at, self.size

        def send(payload: bytes) -> None:
            sample = publisher.loan_uninit()
            move(sample.payload_ptr, payload, size)
            sample.assume_init().send()

        def recv() -> bytes:
            while (sample := subscriber.receive()) is None:
                pass
            data = text(sample.payload_ptr, size)
            sample.delete()
            return data

        return send, recv

    def leave(self) -> None:
        for thing in reversed(self.keep):
            thing.delete()

    def left(self) -> tuple[Send, Recv]:
        return self.side("there", "back")

    def right(self) -> tuple[Send, Recv]:
        return self.side("back", "there")


TRANSPORTS: dict[str, type[Transport]] = {
    "mp.Pipe": Pipe, "mp.Queue": Queues, "faster-fifo": FasterFifo, "pyzmq": ZeroMq, "iceoryx2": Iceoryx2, "posix_ipc": PosixQueue,
    "unix socket": Sockets, "tcp socket": Tcp,
}
INSTANT = struct.Struct("<Q")
