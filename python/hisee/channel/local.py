"""The carrier of a link on one computer: rings, or frames on its control socket, changed while messages are under way.

Each direction changes by itself (docs/design/protocol.md, "Changing the carrier"; model: tests/ring/models/carrier.pml). Whoever leaves a
ring makes MARK the last record there and goes on over the socket; the other end reads the socket only behind it, and leaves as well.
A reader that finds its ring damaged says LOST over the socket and drops everything up to AGAIN, behind which comes what it had not
taken. The serving end makes fresh rings and offers them; whoever takes them up says MARK on the socket before the first record.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum

from hisee._core.kept import Kept
from hisee._core.ring import RingPoisoned, Rings
from hisee._core.session import Guard, Lanes
from hisee.channel.carriers import ACK_EVERY, BATCH, BATCH_BYTES, QUIET, Parts, Payload, close_all, poll
from hisee.channel.control import ControlStream, read
from hisee.channel.errors import Lost
from hisee.channel.lanes import LANE_COUNT
from hisee.channel.message import Part
from hisee.channel.payloads import Broken, Mark, Ring, Taken
from hisee.channel.renewal import Renewal
from hisee.channel.segments import RingOffer
from hisee.channel.sending import Sender, To
from hisee.channel.settings import Settings
from hisee.schema.messages import MessageKind as Kind

log = logging.getLogger("hisee.channel")
LOOK_EACH = 64  # takes from a busy ring between two looks at the socket, where nobody tells of it
SEGMENTS = 2  # descriptors of an offer of fresh rings: the client's segment, the server's; the bells stay
BESIDE = frozenset({Kind.HEARTBEAT, Kind.LOST, Kind.BROKEN})  # read from the socket whatever is still in the ring
Quick = Callable[["Rings | None", "Kept | None"], None]


class From(Enum):
    """Where the other end's messages come from. LOST: nowhere until AGAIN."""

    RING = "ring"
    LOST = "lost"
    SOCKET = "socket"

RING, LOST, SOCKET = From  # looked up for every message
IN_RING, MARK = To.RING, int(Kind.MARK)


class LocalCarrier:
    """`renewal`: of the serving end, which decides when the rings are left and makes fresh ones. Owns what `offer` and `stream` hold."""

    def __init__(self, offer: RingOffer, stream: ControlStream, part_bytes: int, config: Settings, peer: str,
                 renewal: Renewal | None = None) -> None:
        self.part_bytes = part_bytes
        self.rescued = 0  # times that the safety poll of `wait` found what should have woken it: a lost wake-up, must stay 0
        self._out = Sender(offer.map(), offer.epoch, stream, peer, self._changed)
        self._peer, self._renewal, self._poll_s = peer, renewal, config.ring_poll_s
        self._stream, self._fd = stream, stream.writer()
        self._bell, self._peer_bell = offer.bell, offer.peer_bell
        self._from = RING
        self._inbox: deque[Part] = deque()  # read from the socket and not handed on
        self._segments: deque[list[int]] = deque()  # descriptors of offers in the inbox
        self._offered: tuple[Ring, list[int]] | None = None  # taken up once nothing is under way in the rings before
        self._end: Lost | None = None  # of the socket; the ring may hold more
        self._takes = 0
        self._rings, self._plain = self._out.rings, True  # both directions go by the rings
        self._look = self._armed = self._unrung = False
        self._news = False  # changed since the last promise of `arm`
        self._acts: dict[int, Callable[[Part], None]] = {
            Kind.MARK: self._entered, Kind.LOST: self._peer_lost, Kind.AGAIN: self._resumed, Kind.BROKEN: self._peer_broken,
            Kind.RING: self._offer_came if renewal is None else self._answered}

    def join(self, guard: Guard, lanes: Lanes, quick: Quick) -> None:
        """Of the channel: its lock of everything that leaves, its numbers, and who is told which rings may be used without this carrier."""
        self._guard, self._lanes, self._quick, self._out.lanes = guard, lanes, quick, lanes
        self._tell_quick()

    @property
    def name(self) -> str:
        return "ring" if self._out.to is IN_RING and self._from is RING else "unix"

    @property
    def dead(self) -> bool:
        return self._stream.dead

    @dead.setter
    def dead(self, on: bool) -> None:
        self._stream.dead = on

    @property
    def counts(self) -> Mapping[str, int]:
        """By the table link_counters."""
        return self._out.counts

    def parts(self) -> Parts:
        """For whoever moves the messages from here on, before any has come or gone: rings, socket, bells, poll. `gone`, `hand` and
        `close` stay here; such a link changes its carrier no more."""
        self._quick(None, None)
        return self._rings, self._stream.sock, self._bell, self._peer_bell, self._poll_s

    def gone(self) -> bool:
        """Behind `parts`: has the other end died? Raises Lost when it cannot go on by the rings."""
        self._refill()
        while self._inbox:
            if self._inbox.popleft()[0] != Kind.HEARTBEAT:
                raise Lost("poisoned: the other end cannot go on by its rings, and a link in the data plane has no other carrier")
        return self._end is not None

    # --- out; the caller holds the guard ---

    def push(self, seq: int, kind: int, lane: int, flags: int, source: int, target: int, object: int, total: int, corr: int,
             payload: Payload, quiet: bool = False) -> bool:
        return self._out.push(seq, kind, lane, flags, source, target, object, total, corr, payload, quiet)

    def want_room(self, payload_bytes: int) -> bool:
        return self._out.want_room(payload_bytes)

    def flush(self) -> None:
        waited = self._stream.unsent
        self._stream.flush()
        self._out.rings.unblock()
        if waited and not self._stream.unsent:
            self._tell_quick()

    # --- in ---

    def take(self) -> list[Part]:
        empty = self._plain and not self._look  # the ring, unless something is found there
        if empty and (found := self._from_ring()):
            return found
        if self._out.to is To.LEAVING:
            with self._guard:
                self._out.go_on()
        if self._offered is not None:
            self._take_up()
        found = self._from_socket()
        if not found and not (empty and self._plain and not self._inbox and self._end is None):
            found = self._from_ring()
        if not found:
            self._nothing()
        return found

    def _nothing(self) -> None:
        """Neither ring nor socket had something for the channel. Raises Lost at the end."""
        if self._end is not None:
            raise self._end
        if self._from is RING and self._inbox:
            raise Lost("poisoned: messages on the socket, and no MARK in the ring")

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    def _from_ring(self) -> list[Part]:
        if self._armed:
            self._armed = False
            self._rings.awake()
            self._hush()
        if self._from is not RING:
            self._hush()  # the bell may tell of room
            return []
        try:
            found: list[Part] = self._rings.pop(BATCH, BATCH_BYTES)
        except RingPoisoned as fault:
            self._give_up(str(fault))
            return []
        if self._unrung:
            self._unrung = False
            self.rescued += any(part[0] not in QUIET for part in found)
        self._takes += 1
        self._look = self._takes % LOOK_EACH == 0
        if found and found[-1][0] == MARK:
            self._left(found.pop())
        return found

    def _from_socket(self) -> list[Part]:
        """In its order; what belongs behind the ring stays in the inbox as long as that is read."""
        self._look, found = False, list[Part]()
        while len(found) < BATCH and (self._inbox or (self._refill() and self._inbox)):
            kind = self._inbox[0][0]
            if self._from is RING and kind not in BESIDE:
                break
            part = self._inbox.popleft()
            if kind in self._acts:
                self._acts[kind](part)
            elif self._from is SOCKET:
                found.append(part)
        return found

    def _refill(self) -> bool:
        """Frames from the socket; descriptors are given to theirs in the order of both. False: none came."""
        if self._end is not None or self._stream.quiet:
            return False
        try:
            parts = self._stream.take()
        except Lost as lost:
            self._end = lost
            return False
        self._look = len(parts) == BATCH
        for part in parts:
            if part[0] == Kind.HANDED:
                self._stream.keep(part)
                continue
            if part[0] == Kind.RING and self._renewal is None:
                self._segments.append(self._stream.claim(SEGMENTS))
            self._inbox.append(part)
        return bool(parts)

    # --- changes; all on the thread that reads ---

    def _left(self, mark: Part) -> None:
        """The other end's last record: what follows comes by the socket. Own messages leave as well."""
        self._expect(read(Mark, mark).epoch)
        self._from = SOCKET
        with self._guard:
            self._out.leave()
            self._changed()

    def _give_up(self, reason: str) -> None:
        """The other end's ring cannot be read any more."""
        self._from = LOST
        with self._guard:
            self._damage(f"what it wrote cannot be read: {reason}")
            taken = [self._lanes.taken(lane) for lane in range(LANE_COUNT)]
            self._stream.tell(Kind.LOST, Taken(epoch=self._out.epoch, received=taken, reason=reason))
            self._out.leave()
            self._changed()

    def _peer_broken(self, part: Part) -> None:
        told = read(Broken, part)
        self._expect(told.epoch)
        if self._from is not LOST:
            self._give_up(f"the other end says: {told.reason}")

    def _peer_lost(self, part: Part) -> None:
        told = read(Taken, part)
        self._expect(told.epoch)
        with self._guard:
            self._damage(f"it cannot read: {told.reason}")
            self._out.lost(told.received)

    def _resumed(self, part: Part) -> None:
        self._expect(read(Mark, part).epoch)
        if self._from is not LOST:
            raise Lost("poisoned: AGAIN, and nothing was lost")
        self._from = SOCKET
        self._changed()

    def _entered(self, part: Part) -> None:
        """The other end has taken up fresh rings: its next message is there."""
        self._expect(read(Mark, part).epoch)
        if self._from is SOCKET:
            self._from = RING
            self._changed()

    def _expect(self, epoch: int) -> None:
        if epoch != self._out.epoch:
            raise Lost(f"poisoned: word of rings {epoch}, in use are {self._out.epoch}")

    def _damage(self, what: str) -> None:
        self._out.counts["losses"] += 1
        log.warning("the rings to %s are damaged, the link goes on over its socket: %s", self._peer, what)
        if self._renewal is not None:
            self._renewal.damaged()

    def _changed(self) -> None:
        self._news = True
        self._tell_quick()

    def _tell_quick(self) -> None:
        """The short way of a message asks nobody here: it is open only while both directions go by rings, and nothing else waits."""
        self._rings, self._plain = self._out.rings, self.name == "ring"
        if self._plain and not self._stream.unsent:
            self._quick(self._rings, self._out.kept)
        else:
            self._quick(None, None)

    # --- fresh rings ---

    def tend(self) -> None:
        """Now and then, on the thread that reads. The serving end returns to rings when it is time."""
        self._look = True
        with self._guard:
            self._out.tend()
            if self._renewal is not None and self._resting and self._renewal.due:
                self._offer(self._renewal)

    def switch(self, *, rings: bool) -> None:
        """The serving end's order: leave the rings until told otherwise, or go to fresh ones now."""
        assert self._renewal is not None
        self._renewal.order(rings=rings)
        if not rings:
            with self._guard:
                self._out.leave()
        self.tend()

    @property
    def _resting(self) -> bool:
        """Nothing goes by rings any more, as far as this end knows."""
        return self._out.to is To.SOCKET and self._from is SOCKET and not self.dead

    def _offer(self, renewal: Renewal) -> None:
        """Segments for the other end to map, over the socket."""
        offer = renewal.make(self._out.rings.capacity, self._bell, self._peer_bell)
        if offer is not None:
            self._stream.tell(Kind.RING, Ring(capacity=offer.capacity, epoch=offer.epoch), [offer.peer, offer.own])
            offer.close_segments()

    def _answered(self, part: Part) -> None:
        """The other end has mapped them, or cannot."""
        assert self._renewal is not None
        told = read(Ring, part)
        rings = self._renewal.settled(told.epoch, accepted=told.accepted)
        with self._guard:
            if rings is not None:
                self._out.use(rings, told.epoch)
                if not self._renewal.wanted:
                    self._out.leave()

    def _offer_came(self, part: Part) -> None:
        offered = read(Ring, part), self._segments.popleft()
        if self._offered is not None:
            close_all(self._offered[1])
        self._offered = offered
        self._take_up()

    def _take_up(self) -> None:
        """Map what was offered, once both directions have left the rings before."""
        if self._offered is None or not self._resting:
            return
        (ring, fds), self._offered = self._offered, None
        offer, rings = RingOffer(self._out.rings.capacity, ring.epoch, fds[0], fds[1], self._bell, self._peer_bell), None
        with suppress(RingPoisoned, OSError, MemoryError, OverflowError):
            rings = offer.map()
        offer.close_segments()
        with self._guard:
            self._stream.tell(Kind.RING, Ring(capacity=ring.capacity, epoch=ring.epoch, accepted=rings is not None))
            if rings is not None:
                self._out.use(rings, ring.epoch)

    # --- descriptors ---

    def hand(self, token: int, fds: list[int]) -> None:
        """Give the peer descriptors, before the message that tells of them. Raises OSError."""
        self._stream.hand(token, fds)

    def handed(self, token: int) -> list[int]:
        """Descriptors that the peer gave under that token, now the caller's; [] = none came."""
        while token not in self._stream.given and self._refill():
            pass
        return self._stream.given.pop(token, [])

    # --- waiting ---

    def arm(self) -> bool:
        if self._news or self._look or self._inbox or self._end is not None:
            self._news = False
            return False
        if self._from is not RING:
            return self._stream.arm()
        self._armed = not self._stream.dead and self._rings.sleep()
        return self._armed

    def looked_at(self) -> None:
        """The socket has something."""
        self._look = True

    def readers(self) -> list[int]:
        return [self._bell, self._fd]

    def writer(self) -> int:
        return self._fd

    @property
    def unsent(self) -> int:
        return self._stream.unsent

    @property
    def acknowledge_soon(self) -> bool:
        return self._stream.owed > 0

    @property
    def acknowledge_now(self) -> bool:
        return self._stream.owed >= ACK_EVERY

    def acknowledge(self) -> None:
        self._stream.acknowledge()

    def listen(self, wake: Callable[[], None] | None) -> None:
        self._stream.listen(wake)

    def wait(self, timeout_s: float, also: list[int]) -> list[int]:
        if not self.arm():
            return []
        woken = poll([self._bell, self._fd, *also], [self._fd] if self._stream.unsent else [], min(timeout_s, self._poll_s))
        self._look = self._fd in woken
        if self._armed:
            self._unrung = not woken and not self._rings.sleep() and not poll([self._bell], [], 0)
        return woken

    def see_out(self) -> bool:
        return False  # what the peer has not read stays with it

    def close(self) -> None:
        self._out.rings.close()
        self._out.kept.clear()
        self._stream.close()
        for fds in (*self._segments, self._offered[1] if self._offered else []):
            close_all(fds)
        self._segments.clear()
        self._offered = None
        if self._renewal is not None:
            self._renewal.close()
        bells, self._bell, self._peer_bell = (self._bell, self._peer_bell), -1, -1
        close_all([fd for fd in bells if fd >= 0])
