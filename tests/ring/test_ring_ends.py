"""A bare ring between processes: blocking both ways, batches, claims, the end of the other side."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from hisee._core.ends import RingEnded
from hisee._core.ring import RingPoisoned
from hisee.channel.ends import End, place_from, ring_pair

CAPACITY = 4096


@pytest.fixture
def pair() -> Iterator[tuple[End, End]]:
    left, right = (place.open() for place in ring_pair(CAPACITY))
    yield left, right
    left.close()
    right.close()


def with_child(work: Callable[[End], None], capacity: int = CAPACITY) -> tuple[End, int]:
    """This process's end, and the number of a child that does `work` at the other one."""
    mine, its = ring_pair(capacity)
    child = os.fork()
    if not child:
        mine.forget()
        try:
            work(its.open())
        except RingEnded:
            os._exit(3)
        os._exit(0)
    its.forget()
    return mine.open(), child


def echo(end: End) -> None:
    while payload := end.recv():
        end.send(payload)


def test_every_length_comes_back_from_another_process() -> None:
    end, child = with_child(echo)
    for length in (*range(1, 200), 959):
        payload = os.urandom(length)
        end.send(payload)
        assert end.recv(5) == payload
    end.send(b"")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(RingEnded):
        end.recv()
    end.close()


def slow_sum(end: End) -> None:
    total = count = 0
    while count < 5000:
        for payload in end.recv_many(7):
            total += int(payload)
            count += 1
    end.send(b"%d" % total)


@pytest.mark.parametrize("together", [1, 300])
def test_more_than_the_ring_holds_waits_for_room(together: int) -> None:
    end, child = with_child(slow_sum)
    numbers = [b"%d" % number for number in range(5000)]
    for at in range(0, 5000, together):
        end.send_many(numbers[at:at + together])
    assert end.recv(20) == b"%d" % sum(range(5000))
    os.waitpid(child, 0)
    end.close()


def test_who_sleeps_is_woken(pair: tuple[End, End]) -> None:
    """In the futex, and after it at the bell."""
    end, child = with_child(echo)
    for pause in (0.003, 0.03):
        time.sleep(pause)
        end.send(b"wake up")
        assert end.recv(5) == b"wake up"
    end.send(b"")
    os.waitpid(child, 0)
    end.close()


@pytest.mark.parametrize("timeout_s", [0.0, 0.002, 0.02])
def test_nothing_in_time(pair: tuple[End, End], timeout_s: float) -> None:
    assert pair[0].recv(timeout_s) is None
    assert pair[0].recv_many(timeout_s=timeout_s) == []


def test_a_reader_that_has_died_ends_a_writer_that_waits_for_room() -> None:
    end, child = with_child(lambda end: time.sleep(0.03))
    with pytest.raises(RingEnded):
        while True:
            end.send(bytes(500))
    os.waitpid(child, 0)
    end.close()


def test_what_the_dead_have_sent_is_read() -> None:
    end, child = with_child(lambda end: end.send_many([b"one", b"two"]))
    os.waitpid(child, 0)
    assert end.recv() == b"one" and end.recv() == b"two"
    with pytest.raises(RingEnded):
        end.recv()
    end.close()


def test_a_claim_is_written_in_place_and_may_end_shorter(pair: tuple[End, End]) -> None:
    left, right = pair
    view = left.claim(900)
    view[:4] = b"long"
    with pytest.raises(RuntimeError, match="claim is open"):
        left.send(b"between")
    part = view[1:3]
    with pytest.raises(BufferError, match="looks into"):
        left.commit(4)
    part.release()
    assert right.recv(0) is None, "nothing is to be seen before the commit"
    left.commit(4)
    assert right.recv() == b"long"
    with pytest.raises(ValueError, match="released"):
        view[0] = 1
    left.send(bytearray(b"after"))
    assert right.recv() == b"after"


def test_what_does_not_fit_is_told(pair: tuple[End, End]) -> None:
    with pytest.raises(ValueError, match="payload of 961 bytes: a record of this ring holds 960"):
        pair[0].send(bytes(961))
    with pytest.raises(ValueError, match="holds 960"):
        pair[0].claim(5000)
    with pytest.raises(RuntimeError, match="nothing is claimed"):
        pair[0].commit()
    pair[0].claim(10)
    with pytest.raises(ValueError, match="11 bytes of a claim of 10"):
        pair[0].commit(11)


def test_no_call_to_who_is_awake(pair: tuple[End, End]) -> None:
    left, right = pair
    for _ in range(200):
        left.send(b"x")
        assert right.recv() == b"x"
    assert left.waits[2] == right.waits[2] == 0


def test_who_sleeps_on_the_same_processor_does_not_look() -> None:
    os.sched_setaffinity(0, processors := {min(before := os.sched_getaffinity(0))})
    try:
        end, child = with_child(echo)
        for _ in range(50):
            end.send(b"x")
            assert end.recv(5) == b"x"
        looked, slept, _ = end.waits
        assert processors and looked == 0 and slept > 0  # an answer may be there before the wait begins
    finally:
        os.sched_setaffinity(0, before)
        end.send(b"")
        os.waitpid(child, 0)
        end.close()


def test_a_place_goes_over_a_socket() -> None:
    here, there = socket.socketpair()
    mine, its = ring_pair(CAPACITY)
    its.send_over(here)
    left, right = mine.open(), place_from(there).open()
    left.send(b"over the socket")
    assert right.recv() == b"over the socket"
    for thing in (left, right, here, there):
        thing.close()


def test_a_forked_child_may_not_use_an_open_end(pair: tuple[End, End]) -> None:
    child = os.fork()
    if not child:
        try:
            pair[0].send(b"")
        except RingPoisoned:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
