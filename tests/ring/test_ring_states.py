"""The ring at hand-made positions: empty, full, wrap, near 2^63; and everything a damaged segment can hold."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisee._core.frame import crc32c
from hisee._core.ring import RingPoisoned, Rings, capacity_ok, init_segment, payload_max, segment_bytes

CAPACITY = 1024
KNOWS, TAIL, HEAD, WAITING, BLOCKED, DATA = 16, 128, 256, 384, 512, 4096
KIND, LANE, WHOLE = 0x011A, 1, 3
U64 = struct.Struct("<Q")


class Side:
    """One segment with a window into its bytes, as a third process might have it."""

    def __init__(self, capacity: int, epoch: int = 7) -> None:
        self.fd = os.memfd_create("segment")
        os.ftruncate(self.fd, segment_bytes(capacity))
        init_segment(self.fd, capacity, epoch)
        self.bytes = mmap.mmap(self.fd, segment_bytes(capacity))
        self.bell = os.eventfd(0, os.EFD_NONBLOCK)

    def poke(self, offset: int, value: int) -> None:
        self.bytes[offset:offset + 8] = U64.pack(value % (1 << 64))

    def peek(self, offset: int) -> int:
        return U64.unpack_from(self.bytes, offset)[0]

    def rung(self) -> bool:
        try:
            return os.eventfd_read(self.bell) > 0
        except BlockingIOError:
            return False

    def close(self) -> None:
        self.bytes.close()
        os.close(self.fd)
        os.close(self.bell)


class Link:
    def __init__(self, capacity: int = CAPACITY, position: int = 0) -> None:
        self.a, self.b = Side(capacity), Side(capacity)
        for side in (self.a, self.b):
            side.poke(TAIL, position)
            side.poke(HEAD, position)
        self.out = Rings(self.a.fd, self.b.fd, capacity, 7, self.b.bell)
        self.into = Rings(self.b.fd, self.a.fd, capacity, 7, self.a.bell)
        self.seq = 0

    def push(self, payload: bytes) -> bool:
        done = self.out.push(self.seq + 1, KIND, LANE, WHOLE, 5, 6, 7, len(payload), self.seq + 1, payload)
        self.seq += done
        return done

    def pop(self, count: int = 100) -> list[bytes]:
        return [part[8] for part in self.into.pop(count, 1 << 30)]


@pytest.fixture
def link() -> Iterator[Link]:
    made = Link()
    yield made
    close(made)


def close(link: Link) -> None:
    for thing in (link.out, link.into, link.a, link.b):
        thing.close()


def test_capacity_is_a_power_of_two() -> None:
    assert [n for n in (0, 1, 128, 255, 256, 300, 4096, 1 << 30, (1 << 31)) if capacity_ok(n)] == [256, 4096, 1 << 30]
    assert payload_max(1 << 20) == (1 << 18) - 64


def test_empty(link: Link) -> None:
    assert link.pop() == []
    assert link.into.sleep() and not link.b.rung()


def test_what_goes_in_comes_out_with_all_fields(link: Link) -> None:
    assert link.out.push(41, 0x0111, 2, 5, 1, 2, 3, 9, (1 << 64) - 1, b"xy")
    assert link.into.pop(10, 1 << 20) == [(0x0111, 2, 5, 1, 2, 3, 9, (1 << 64) - 1, b"xy", 41)]


def test_the_bytes_of_a_record_are_pinned(link: Link) -> None:
    assert link.push(b"abc")
    head = struct.pack("<IIQIIQ", 35, 1, 1, 7, 0, 1)
    body = struct.pack("<IHBBIIIIQ", 3, KIND, LANE, WHOLE, 5, 6, 7, 3, 1) + b"abc"
    record = bytes(link.a.bytes[DATA:DATA + 67])
    assert record[:20] + record[24:] == head[:20] + head[24:] + body
    assert struct.unpack_from("<I", record, 20)[0] == crc32c(body, crc32c(head))
    assert link.a.peek(TAIL) == 96


def test_full_then_free(link: Link) -> None:
    accepted = 0
    while link.push(bytes(32)):
        accepted += 1
    assert accepted == CAPACITY // 96
    assert link.out.block(32) and not link.a.rung()
    taken = 0
    while not link.a.rung():
        assert len(link.pop(1)) == 1, "the waiting producer is called when room comes"
        taken += 1
    left = 96 * (accepted - taken)
    assert left <= CAPACITY // 2 < left + 96, "not for each record, but once half of the ring is free"
    assert link.push(bytes(32))
    assert len(link.pop()) == accepted - taken + 1


def test_a_sleeper_is_called_once_for_each_sleep(link: Link) -> None:
    assert link.into.sleep()
    assert link.push(b"1") and link.b.rung()
    assert link.push(b"2") and not link.b.rung(), "it is on its way already"
    assert link.pop() == [b"1", b"2"]
    assert link.into.sleep()
    assert link.push(b"3") and link.b.rung()


def test_who_sleeps_behind_the_newest_record_is_called_for_the_next(link: Link) -> None:
    """A call for the record that it has would wake nobody, and must not stand for the next one."""
    assert link.out.push(1, KIND, LANE, WHOLE, 5, 6, 7, 1, 1, b"1", True)
    assert link.pop() == [b"1"] and link.into.sleep()
    link.out.block(32)  # looks at the sleeper, as after a push that was overtaken
    assert not link.b.rung()
    assert link.out.push(2, KIND, LANE, WHOLE, 5, 6, 7, 1, 1, b"2") and link.b.rung()


def test_a_sleeper_of_an_older_release_is_called_each_time(link: Link) -> None:
    link.b.poke(KNOWS, 0)
    link.b.poke(WAITING, 2)
    assert link.push(b"1") and link.b.rung()
    assert link.push(b"2") and link.b.rung()


@pytest.mark.parametrize("length", [
    0, 1, 7, 8, 9, 63, 64, 71, 248, 256, 257, 264, 383, 384, 775, 1528, 1536, 1927, 3072, 4095, 4096, 5001, 8127])
def test_the_sum_of_a_record_is_the_documented_one(length: int) -> None:
    link = Link(32768)
    payload = bytes(at * 7 % 251 for at in range(length))
    assert link.push(payload)
    record = bytes(link.a.bytes[DATA:DATA + 64 + length])
    without = record[:20] + bytes(4) + record[24:]
    assert struct.unpack_from("<I", record, 20)[0] == crc32c(without, table=True)
    assert link.pop() == [payload]
    close(link)


def test_block_says_no_when_room_came_meanwhile(link: Link) -> None:
    assert not link.out.block(32)


@pytest.mark.parametrize("position", [0, CAPACITY - 32, CAPACITY - 96, (1 << 63) - 64, (1 << 64) - 160])
def test_wrap_at_any_position(position: int) -> None:
    link = Link(position=position)
    for turn in range(40):
        payload = bytes([turn]) * (turn * 7 % 190)
        assert link.push(payload)
        assert link.pop() == [payload]
    assert link.a.peek(TAIL) == link.b.peek(HEAD)
    close(link)


def test_longest_record_and_one_more(link: Link) -> None:
    assert link.push(bytes(payload_max(CAPACITY)))
    with pytest.raises(ValueError, match="longer"):
        link.push(bytes(payload_max(CAPACITY) + 1))


def test_the_bell_rings_only_for_a_sleeper(link: Link) -> None:
    assert link.push(b"1") and not link.b.rung()
    assert not link.into.sleep(), "something is there"
    assert link.pop() == [b"1"]
    assert link.into.sleep()
    assert link.push(b"2") and link.b.rung()
    link.into.awake()
    assert link.push(b"3") and not link.b.rung()


@pytest.mark.parametrize("tail", [32, 8, 2000, CAPACITY + 32, 1 << 63, (1 << 64) - 32, 31])
def test_a_tail_that_cannot_be_poisons(link: Link, tail: int) -> None:
    link.a.poke(TAIL, tail)
    with pytest.raises(RingPoisoned):
        link.pop()
    link.a.poke(TAIL, 0)
    with pytest.raises(RingPoisoned):  # and stays
        link.pop()


@pytest.mark.parametrize("head", [33, 1 << 63, (1 << 64) - 32])
def test_a_head_that_cannot_be_poisons(link: Link, head: int) -> None:
    link.b.poke(HEAD, head)
    with pytest.raises(RingPoisoned):
        for _ in range(100):
            link.push(bytes(100))


def test_a_head_that_goes_back_poisons(link: Link) -> None:
    for _ in range(30):
        assert link.push(bytes(100)) and link.pop()
    link.b.poke(HEAD, 64)
    with pytest.raises(RingPoisoned):
        for _ in range(100):
            link.push(bytes(100))


def test_every_single_bit_of_a_record_is_guarded() -> None:
    for bit in range(8 * 104):
        link = Link()
        assert link.push(b"payload!" * 5)
        link.a.bytes[DATA + bit // 8] ^= 1 << bit % 8
        with pytest.raises(RingPoisoned):
            link.pop()
        close(link)


def test_every_single_bit_of_a_pad_header_is_guarded() -> None:
    for bit in range(8 * 32):
        link = Link(position=CAPACITY - 64)
        assert link.push(b"wraps")
        link.a.bytes[DATA + CAPACITY - 64 + bit // 8] ^= 1 << bit % 8
        with pytest.raises(RingPoisoned):
            link.pop()
        close(link)


def test_records_before_the_damage_are_delivered(link: Link) -> None:
    assert link.push(b"one") and link.push(b"two")
    link.a.bytes[DATA + 96 + 65] ^= 1
    assert link.pop() == [b"one"]
    with pytest.raises(RingPoisoned):
        link.pop()


def test_a_record_of_another_epoch_is_refused() -> None:
    link, other = Link(), Side(CAPACITY, epoch=8)
    with pytest.raises(RingPoisoned):
        Rings(link.b.fd, other.fd, CAPACITY, 7, link.a.bell)
    close(link)
    other.close()


def test_a_segment_of_another_size_is_refused() -> None:
    link = Link()
    os.ftruncate(link.a.fd, segment_bytes(CAPACITY) - 4096)
    with pytest.raises(RingPoisoned):
        Rings(link.b.fd, link.a.fd, CAPACITY, 7, link.a.bell)
    os.ftruncate(link.a.fd, segment_bytes(CAPACITY))
    close(link)


def test_a_closed_ring_refuses(link: Link) -> None:
    link.out.close()
    link.out.close()
    with pytest.raises(RingPoisoned):
        link.push(b"")


def test_a_forked_child_may_not_use_the_ring(link: Link) -> None:
    child = os.fork()
    if child == 0:
        try:
            link.push(b"")
        except RingPoisoned:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_the_peer_segment_is_mapped_read_only(link: Link) -> None:
    maps = Path("/proc/self/maps").read_text()
    kinds = sorted(line.split()[1] for line in maps.splitlines() if "memfd:segment" in line)
    assert kinds.count("r--s") == 2  # the other side, in each of both Rings


def test_crc_twins_agree() -> None:
    data = bytes(range(256)) * 3
    for cut in range(40):
        assert crc32c(data[cut:]) == crc32c(data[cut:], table=True)
    assert crc32c(b"123456789") == 0xE3069283
