"""Records without a bell: whoever sleeps finds them later, and is woken all the same when the writer needs room."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from hisee._core.ring import Rings, init_segment, segment_bytes

CAPACITY, EPOCH = 4096, 7


@pytest.fixture
def pair() -> Iterator[tuple[Rings, Rings, int]]:
    """Writer, reader, and the reader's bell."""
    segments = [os.memfd_create("ring", os.MFD_CLOEXEC) for _ in range(2)]
    bells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
    for fd in segments:
        os.ftruncate(fd, segment_bytes(CAPACITY))
        init_segment(fd, CAPACITY, EPOCH)
    writer, reader = Rings(*segments, CAPACITY, EPOCH, bells[1]), Rings(*reversed(segments), CAPACITY, EPOCH, bells[0])
    yield writer, reader, bells[1]
    writer.close()
    reader.close()
    for fd in (*segments, *bells):
        os.close(fd)


def rung(bell: int) -> bool:
    try:
        return os.eventfd_read(bell) > 0
    except BlockingIOError:
        return False


def push(rings: Rings, *, quiet: bool) -> bool:
    return rings.push(1, 1, 0, 3, 0, 0, 0, 64, 0, bytes(64), quiet)


def test_a_quiet_record_wakes_nobody_and_is_there(pair: tuple[Rings, Rings, int]) -> None:
    writer, reader, bell = pair
    assert reader.sleep() and push(writer, quiet=True) and not rung(bell)
    assert push(writer, quiet=False) and rung(bell)
    assert len(reader.pop(9, 9999)) == 2


def test_who_waits_for_room_wakes_a_reader_that_only_quiet_ones_have_filled(pair: tuple[Rings, Rings, int]) -> None:
    writer, reader, bell = pair
    assert reader.sleep()
    while push(writer, quiet=True):
        pass
    assert not rung(bell)
    assert writer.block(64) and rung(bell)
