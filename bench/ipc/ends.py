"""Two pinned processes over one transport: python -m bench.ipc.ends SUBJECT trip|wake|oneway|batch CPU_A CPU_B COUNT SIZE BATCH

Prints what bench/c/ring.c prints. Before anything is timed, messages of different contents go there and back and are compared.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

from bench.ipc.transports import INSTANT, TRANSPORTS, Recv, Send, Transport

if TYPE_CHECKING:
    from bench.ipc.ours import Ring

PARTS = 50
PAUSE_S = 0.0015
PROOFS = 20
LIMIT_S = 60  # then a side that waits for ever is ended



def transport(subject: str, size: int) -> Transport:
    if subject in TRANSPORTS:
        return TRANSPORTS[subject](size)
    from bench.ipc.ours import TRANSPORTS as ours  # these need hisee, which the peers' environment has not

    return ours[subject](size)


def prove(send: Send, recv: Recv, size: int) -> None:
    for number in range(PROOFS):
        payload = bytes((number + at) % 256 for at in range(size))
        send(payload)
        if recv() != payload:
            raise AssertionError("what came back is not what was sent")


def trip(subject: Transport, send: Send, recv: Recv, count: int, size: int) -> dict[str, float]:
    payload, clock, parts = b"x" * size, time.perf_counter_ns, []
    for _ in range(PARTS):
        began = clock()
        answer = subject.ask(send, recv, payload, count // PARTS)
        parts.append((clock() - began) / (count // PARTS) / 1e3)
        if answer != payload:
            raise AssertionError("a wrong answer")
    return {"us": median(parts)}


def wake(subject: Transport, send: Send, recv: Recv, count: int, size: int) -> dict[str, float]:
    """The sleeper looks at the clock, which both share, as soon as it has the message, and tells. Between the two looks lies the transport
    only: what has slept is cold, and a payload that is put together there would take longer than it takes to send."""
    took, payload, clock = [], bytes(size), time.monotonic_ns
    for _ in range(count):
        time.sleep(PAUSE_S)
        clock()  # what it needs is cold as well
        began = clock()
        send(payload)
        took.append((INSTANT.unpack_from(recv())[0] - began) / 1e3)
    return {"us": median(took)}


def oneway(subject: Transport, send: Send, recv: Recv, count: int, size: int) -> dict[str, float]:
    payload = b"x" * size
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        send(payload)
    if recv() != payload:
        raise AssertionError("a wrong answer")
    cpu = time.process_time() - cpu  # with what a thread of this process still had to send
    return {"rate": count / (time.perf_counter() - began), "cpu": cpu / count * 1e6}


def answers(subject: Transport, what: str, send: Send, recv: Recv, count: int, size: int) -> None:
    if what == "trip":
        subject.echo(send, recv, count // PARTS * PARTS)
    elif what == "wake":
        clock, filler = time.monotonic_ns, bytes(size - INSTANT.size)
        for _ in range(count):
            recv()
            came = clock()
            send(INSTANT.pack(came) + filler)
    else:
        for _ in range(count):
            last = recv()
        send(last)


def right(subject: Transport, together: Callable[[], None], what: str, count: int, size: int) -> None:
    if what == "batch":
        taken_in_batches(subject, together, count, size)
        return
    send, recv = subject.right()
    together()
    subject.echo(send, recv, PROOFS)
    answers(subject, what, send, recv, count, size)
    time.sleep(0.05)  # what was sent last may still wait in a thread of this process


def left(subject: Transport, together: Callable[[], None], what: str, count: int, size: int, batch: int) -> dict[str, float]:
    if what == "batch":
        return sent_in_batches(subject, together, count, size, batch)
    send, recv = subject.left()
    together()
    prove(send, recv, size)
    return {"trip": trip, "wake": wake, "oneway": oneway}[what](subject, send, recv, count, size)


def sent_in_batches(subject: Ring, together: Callable[[], None], count: int, size: int, batch: int) -> dict[str, float]:
    send_many, recv_many = subject.many(left=True)
    payloads = [b"x" * size] * batch
    together()
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count // batch):
        send_many(payloads)
    if recv_many() != payloads[:1]:
        raise AssertionError("a wrong answer")
    cpu = time.process_time() - cpu
    return {"rate": count // batch * batch / (time.perf_counter() - began), "cpu": cpu / count * 1e6}


def taken_in_batches(subject: Ring, together: Callable[[], None], count: int, size: int) -> None:
    send_many, recv_many = subject.many(left=False)
    payload = b"x" * size
    together()
    while count > 0:
        taken = recv_many()
        if taken[0] != payload or taken[-1] != payload:
            raise AssertionError("a wrong message")
        count -= len(taken)
    send_many([payload])


def meeting(sock: socket.socket) -> Callable[[], None]:
    """Both sides call it once: it returns when both have, so that nobody sends to an end that is not there yet."""

    def together() -> None:
        sock.send(b"!")
        sock.recv(1)

    return together


def main(subject: str, what: str, cpu_a: str, cpu_b: str, *numbers: str) -> None:
    count, size, batch = map(int, numbers)
    count = count // batch * batch
    pair, meet = transport(subject, size), socket.socketpair()
    child = os.fork()
    signal.alarm(LIMIT_S)
    os.sched_setaffinity(0, {int(cpu_a if child else cpu_b)})
    if not child:
        right(pair, meeting(meet[1]), what, count, size)
        pair.leave()
        os._exit(0)
    found = left(pair, meeting(meet[0]), what, count, size, batch)
    pair.leave()
    if os.waitpid(child, 0)[1]:
        raise AssertionError("the other side failed")
    pair.close()
    print(json.dumps(found), flush=True)
    os._exit(0)  # threads of a queue would be waited for


if __name__ == "__main__":
    main(*sys.argv[1:])
