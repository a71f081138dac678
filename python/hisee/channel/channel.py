"""One link to one peer process: messages in order per lane, back-pressure, heartbeat, one end with a reason.

Works in one of two modes: `attach` (callbacks on an asyncio loop) or `receive` (a thread that blocks). `send` never blocks.
"""

from __future__ import annotations

import math
import threading
from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from hisee._core.kept import Kept
from hisee._core.ring import Rings
from hisee._core.session import Guard, Lanes, Quick
from hisee.channel.carriers import Carrier, RingCarrier
from hisee.channel.errors import CarrierFixed, ChannelClosed, ChannelFull, Lost, MessageTooLong, NotSpoken
from hisee.channel.lanes import LANE_COUNT, LINK_CONTROL, Assembly, Backlog
from hisee.channel.local import LocalCarrier
from hisee.channel.logon import farewell_of
from hisee.channel.message import WANTS_ANSWER, WHOLE, Message, Part
from hisee.channel.payloads import Goodbye, Hello, Welcome, pack
from hisee.channel.peer import Peer
from hisee.channel.settings import MS, Settings
from hisee.channel.shape import Shape
from hisee.channel.spoken import CHANGES_CARRIER, NOTHING, UNTOLD, in_force, shown, unspoken
from hisee.schema.messages import MessageKind
from hisee.seams import Clock

DRAIN_BATCHES = 256  # more than a full ring holds of the shortest messages
EARLY_S = 0.001  # a tick that comes so much too early is the one that was meant
OnMessage = Callable[[Message], None]
OnLost = Callable[[str], None]


class Channel(Quick):
    """See docs/design/channel-api.md. Made by dial_*, over_socket, memory_pair or a Listener.

    `send` and `receive` are those of Quick, which ask `_send` and `_receive` here for everything but whole messages over a ring.

    `send` and `beat` may be called from any thread; everything else belongs to the thread that receives, or to the loop's.
    """

    def __init__(self, carrier: Carrier, settings: Settings, clock: Clock, *, hello: Hello | None = None,
                 welcome: Welcome | None = None, peer: Peer | None = None, watch: bool = True, serves: bool = False) -> None:
        self.hello = hello
        self.welcome = welcome
        self.peer = peer
        self.shape: Shape | None = None  # of a shaped link
        self._unspoken = dict(unspoken(in_force(welcome)) if welcome is not None else NOTHING)
        self._carrier = carrier
        self._local = carrier if isinstance(carrier, LocalCarrier) else None
        self._given_to = ""
        self._rings = carrier.rings if isinstance(carrier, RingCarrier) else None
        self._settings = settings
        self._clock = clock
        self._watch = watch
        self._serves = serves
        self._phase_s = settings.tick_s / 16 if serves else 0.0  # it finds what the other side has just told
        self._look_ns = int(settings.tick_s * 1e9) // 4
        self._guard = Guard()  # of everything that leaves
        self._part_bytes = min(carrier.part_bytes, settings.fragment_bytes)
        self._backlog = Backlog(settings.backlog_bytes, self._part_bytes)
        self._lanes = Lanes(LANE_COUNT, LINK_CONTROL)
        if self._local is not None:
            self._local.join(self._guard, self._lanes, self._use_rings)
        self._assembly = Assembly(settings.message_bytes, self._lanes)
        self._ready = deque()
        self._end = ""  # reason, once nothing more will come
        self._closed = False  # carrier given back
        self._told = False  # on_lost was called, or the end was our own wish
        self._spoke = self._heard = self._calm = True  # since the last tick; calm: heard before it
        self._ticked_ns = self._heard_ns = clock.monotonic_ns()
        self._report: Callable[[], Message] | None = None
        self._reported_ns = 0
        self._loop: AbstractEventLoop | None = None
        self._on_message: OnMessage | None = None
        self._on_lost: OnLost | None = None
        self._timer: TimerHandle | None = None
        self._ack_timer: TimerHandle | None = None
        self._farewell: bytes | None = None  # GOODBYE that waits behind the backlog
        self._home = 0  # the loop's thread
        self._readers: list[int] = []
        self._writer = -1  # descriptor watched for writing
        self._held = False  # nothing is read

    # --- what a user sees ---

    @property
    def carrier(self) -> str:
        """"ring", "unix", "tcp", "tls" or "memory"."""
        return self._carrier.name

    @property
    def ring(self) -> RingCarrier | LocalCarrier | None:
        """Its carrier, where that has rings."""
        return self._carrier if isinstance(self._carrier, (RingCarrier, LocalCarrier)) else None

    def go_by(self, carrier: Carrier, owner: str) -> None:
        """Another carrier of whole messages, which has taken over the link for `owner`, before anything was sent, received or attached."""
        self._carrier, self._part_bytes = carrier, carrier.part_bytes
        self._local = self._rings = self._kept = None
        self._given_to = owner
        self._backlog = Backlog(self._settings.backlog_bytes, carrier.part_bytes)

    @property
    def backlog_bytes(self) -> int:
        """Bytes accepted by `send` that neither the peer's ring nor the system's socket has taken."""
        return self._backlog.bytes + self._carrier.unsent

    @property
    def silent_ms(self) -> int:
        """Milliseconds without a sign of the peer."""
        return 0 if self._heard_here else (self._clock.monotonic_ns() - self._heard_ns) // MS

    @property
    def ended(self) -> str:
        """Reason of the end; "" while it works."""
        return self._end

    def _send(self, message: Message) -> None:
        if message.kind in self._unspoken:
            raise NotSpoken(self._unspoken[message.kind])
        with self._guard:
            if self._end:
                raise ChannelClosed(self._end)
            size, limit = len(message.payload), self._settings.message_bytes
            if size > limit:
                raise MessageTooLong(f"message of {size} bytes", hint=f"the limit message_bytes is {limit}")
            if self._backlog or size > self._part_bytes or not self._push_whole(message, size):
                self._backlog.add(message)
                self._queued = True
                self._pump()

    def beat(self) -> None:
        """Tell the peer that this process lives, from any thread: for a lane that is busy longer than the heartbeat."""
        if self._guard.acquire(blocking=False):
            try:
                self._heartbeat()
            finally:
                self._guard.release()

    def report(self, make: Callable[[], Message]) -> None:
        """Send what `make` gives now and then once per heartbeat, in place of the heartbeat. It wakes no peer that sleeps at a ring."""
        self._report = make
        self._send_report(self._clock.monotonic_ns())
        if self._loop is not None and self._timer is None and not self._closed:
            self._set_timer(self._loop)

    def attach(self, loop: AbstractEventLoop, on_message: OnMessage, on_lost: OnLost) -> None:
        """Deliver on `loop` from now on. `on_lost(reason)` is called once, after the last message, unless we closed."""
        self._loop, self._on_message, self._on_lost = loop, on_message, on_lost
        self._readers = self._carrier.readers()
        self._watch_readers(True)
        for fd in self._pidfds():
            loop.add_reader(fd, self._on_death)
            self._readers.append(fd)
        self._home = threading.get_ident()
        self._carrier.listen(self._on_blocked if self._carrier.writer() >= 0 else self._on_news)
        loop.call_soon(self._turn)
        if self._watch or self._report is not None:
            self._set_timer(loop)

    def _receive(self, timeout_s: float, also: Sequence[int] = ()) -> Message | None:
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * 1e9)
        while True:
            if self._ready:
                return self._ready.popleft()
            if self._closed:
                raise ChannelClosed(self._end or "closed")
            self._fill()
            self._tick()
            if self._ready:
                continue
            if self._end:
                self._finish()
                continue
            left_ns = deadline_ns - self._clock.monotonic_ns()
            if left_ns <= 0:
                return None
            if self._wait(left_ns / 1e9, also):
                return None

    # --- the carrier of a link on one computer ---

    def _use_rings(self, rings: Rings | None, kept: Kept | None) -> None:
        """Told by the carrier, under the guard: the rings that messages may take without it."""
        self._rings, self._kept = rings, kept

    def switch(self, *, rings: bool) -> None:
        """Attached mode, serving end: go over to the socket and stay there, or to fresh rings now. Raises CarrierFixed."""
        if self._local is None or not self._serves or self._loop is None:
            raise CarrierFixed(self._fixed_why())
        if self._end:
            raise ChannelClosed(self._end)
        self._local.switch(rings=rings)
        self._loop.call_soon(self._turn)

    def _fixed_why(self) -> str:
        if self._given_to:
            return f"its rings are in {self._given_to}"
        spoken = in_force(self.welcome) if self.welcome is not None else UNTOLD
        if isinstance(self._carrier, RingCarrier) and spoken < CHANGES_CARRIER:
            return f"it speaks protocol {shown(spoken)}, links change their carrier from {shown(CHANGES_CARRIER)} on: upgrade hisee there"
        return f"a link by {self.carrier} has no other carrier"

    @property
    def changes(self) -> Mapping[str, int]:
        """Counters of the table link_counters; empty for a link that cannot change its carrier."""
        return self._local.counts if self._local is not None else {}

    # --- beside another link to the same peer: direct routes ---

    @property
    def hands(self) -> bool:
        """Descriptors can be given to the peer."""
        return isinstance(self._carrier, (RingCarrier, LocalCarrier))

    def hand(self, token: int, fds: list[int]) -> None:
        """Give the peer descriptors under that number, before the message that tells of them. Raises OSError."""
        if not isinstance(self._carrier, (RingCarrier, LocalCarrier)):
            raise OSError(f"carrier {self.carrier} takes no descriptors")
        with self._guard:
            self._carrier.hand(token, fds)

    def handed(self, token: int) -> list[int]:
        """The descriptors that the peer gave under that number, from now on the caller's; [] = none came."""
        return self._carrier.handed(token) if isinstance(self._carrier, (RingCarrier, LocalCarrier)) else []

    def deliver_now(self) -> None:
        """Attached mode: deliver what the peer has sent by now. For a message that came another way and was sent after it."""
        for _ in range(DRAIN_BATCHES):
            before = self.received
            if self._closed or self._told or self._held:
                return
            self._fill()
            self._deliver()
            if self.received == before:
                break
        if not self._closed and self._loop is not None and not self._carrier.arm():
            self._loop.call_soon(self._turn)

    def look_again(self) -> None:
        """Attached mode: something may have come that nobody was told of."""
        if self._loop is not None and not self._closed:
            self._loop.call_soon(self._turn)

    def turn(self) -> None:
        """Attached mode: what its carrier has by now is delivered, a batch at most."""
        self._turn()

    def batch(self) -> list[Message]:
        """Blocking mode, without waiting: some of what has come, [] = nothing. Raises ChannelClosed behind the last one."""
        if not self._ready and not self._closed:
            self._fill()
        if self._ready:
            found = list(self._ready)
            self._ready.clear()
            return found
        if self._end or self._closed:
            raise ChannelClosed(self._end or "closed")
        return []

    def arm(self) -> bool:
        """Blocking mode: from now on one of `readers` tells of anything more; False = there is something now."""
        return not self._ready and not self._end and self._carrier.arm()

    def until_tick_s(self) -> float:
        """Blocking mode: how long a thread that waits elsewhere may do so before it must look here again."""
        now_s = self._clock.monotonic_ns() / 1e9
        return self._next_tick(now_s) - now_s

    def readers(self) -> list[int]:
        """Descriptors that are readable when something comes, or when the peer dies."""
        return [*self._carrier.readers(), *self._pidfds()]

    @property
    def writing(self) -> int:
        """Blocking mode: the descriptor whose room own bytes wait for; -1 = none do, or a bell tells."""
        return self._carrier.writer() if self._carrier.unsent else -1

    def take_back(self) -> list[Message]:
        """What was accepted and has not gone whole, for another way; `sent` is the number of those that have. Nothing is sent after it."""
        with self._guard:
            return self._backlog.take_all()

    def hold(self, on: bool) -> None:
        """Attached mode: read nothing until it is let go again, so that the peer runs into back-pressure. Its silence does not count."""
        self._held = on
        if not on and self._loop is not None and not self._closed:
            self._loop.call_soon(self._turn)
        self._watch_readers(not on)

    def abandon(self) -> None:
        """End at once, without a word and whatever waits: for a peer that takes nothing. on_lost is not called."""
        self._told = True
        self._end = self._end or "closed"
        self._finish()

    def close(self, reason: str = "") -> None:
        """Say GOODBYE behind everything accepted so far, then end. Idempotent; on_lost is not called."""
        if self._told:
            return
        self._told = True
        with self._guard:
            if not self._end:
                self._end = "closed"
                self._farewell = pack(Goodbye(reason=reason))
                self._pump()
        if self._under_way():
            self._linger()
        else:
            self._finish()

    # --- out ---

    def _push_whole(self, m: Message, size: int) -> bool:
        seq = self._lanes.sent(m.lane) + 1
        flags = WHOLE | WANTS_ANSWER if m.wants_answer else WHOLE
        if not self._carrier.push(seq, m.kind, m.lane, flags, m.source, m.target, m.object, size, m.corr, m.payload, m.quiet):
            return False
        self._lanes.count_sent(m.lane)
        self._spoke = True
        self.sent += 1
        return True

    def _pump(self) -> None:
        """Move the backlog until it is empty or the carrier has promised to tell of room."""
        backlog, carrier = self._backlog, self._carrier
        while backlog:
            part = backlog.part()
            if carrier.push(self._lanes.sent(part[1]) + 1, *part):
                self._lanes.count_sent(part[1])
                self.sent += backlog.advance()
                self._spoke = True
            elif carrier.want_room(len(part[8])):
                return
        self._queued = False
        while self._farewell is not None:
            if carrier.push(0, MessageKind.GOODBYE, 0, WHOLE, 0, 0, 0, len(self._farewell), 0, self._farewell):
                self._farewell = None
            elif carrier.want_room(len(self._farewell)):
                return

    def _heartbeat(self) -> None:
        if not self._end and not self._backlog:
            self._carrier.push(0, MessageKind.HEARTBEAT, 0, WHOLE, 0, 0, 0, 0, 0, b"", quiet=True)
            self._spoke = True

    def _unsent(self) -> bool:
        if self._carrier.dead:
            return False
        return bool(self._backlog) or self._farewell is not None or self._carrier.unsent > 0

    def _under_way(self) -> bool:
        """Closing: would a peer that lives miss something if this end were closed now?"""
        return self._unsent() or (not self._closed and not self._carrier.dead and self._carrier.see_out())

    def _flush(self) -> None:
        with self._guard:
            self._carrier.flush()
            self._pump()

    # --- in ---

    def _fill(self) -> None:
        """Take one batch from the carrier; its messages go to `_ready`, an end to `_end`."""
        if self._end:
            return
        if self._backlog or self._carrier.unsent:
            self._flush()
        try:
            parts = self._carrier.take()
            if parts:
                self._heard, self._heard_ns = True, self._clock.monotonic_ns()
            for part in parts:
                message = self._accept(part)
                if message is not None:
                    self.received += 1
                    self._ready.append(message)
        except Lost as lost:
            self._end = lost.reason
        if self._carrier.acknowledge_now:
            self._acknowledge()

    def _accept(self, part: Part) -> Message | None:
        if part[0] < LINK_CONTROL:
            return self._assembly.add(part)
        if part[0] == MessageKind.HEARTBEAT:
            return None
        if part[0] == MessageKind.GOODBYE:
            raise Lost(f"goodbye: {farewell_of(part[8])}")
        raise Lost(f"poisoned: link control {part[0]:#06x} in a running session")

    def _wait(self, left_s: float, also: Sequence[int] = ()) -> bool:
        """At most to the next tick; True when one of the descriptors `also` has something."""
        deaths = self._pidfds()
        owed = self._carrier.acknowledge_soon
        now_s = self._clock.monotonic_ns() / 1e9
        limit = self._settings.ack_alone_s if owed else self._next_tick(now_s) - now_s
        woken = set() if self._carrier.dead else set(self._carrier.wait(min(left_s, limit), [*deaths, *also]))
        if not woken.isdisjoint(deaths):
            self._carrier.dead = True
        if owed:
            self._acknowledge()
        return not woken.isdisjoint(also)

    def _watch_readers(self, on: bool) -> None:
        """A descriptor that nobody reads must not wake the loop for ever."""
        if self._loop is None or self._closed:
            return
        for fd in self._carrier.readers():
            if on:
                self._loop.add_reader(fd, self._look_at_socket if self._local is not None and fd == self._local.writer() else self._turn)
            else:
                self._loop.remove_reader(fd)

    def _look_at_socket(self) -> None:
        """A ring that is never empty must not hide what the socket beside it has."""
        assert self._local is not None
        self._local.looked_at()
        self._turn()

    def _pidfds(self) -> list[int]:
        return [self.peer.pidfd] if self.peer is not None and self.peer.pidfd >= 0 else []

    # --- time ---

    def _tick(self) -> None:
        """Report, or speak when we were quiet; judge when the peer was."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._ticked_ns < self._period_s * 750_000_000:
            return
        paused = now_ns - self._ticked_ns > 2 * self._settings.heartbeat_ns
        self._ticked_ns = now_ns
        if self._local is not None:
            self._local.tend()
        if self._report is not None and now_ns - self._reported_ns >= self._settings.heartbeat_ns * 7 // 8:
            self._send_report(now_ns)
        if not (self._spoke and self._serves):  # who ticks once per heartbeat may have spoken nearly two of them before the next
            self.beat()
        self._spoke = False
        if self._heard_here:  # by who had no time for the clock
            self._heard_here, self._heard_ns = False, now_ns
        if paused or self._held:  # we did not look: silence would be our own
            self._heard, self._heard_ns = True, now_ns
        self._calm, self._heard = self._heard, False
        if not self._calm and self._watch and now_ns - self._heard_ns >= self._settings.watchdog_ns:
            self._end = self._end or "silent"

    def _send_report(self, now_ns: int) -> None:
        assert self._report is not None
        self._reported_ns = now_ns
        message = self._report()
        message.quiet = True
        with suppress(ChannelClosed, ChannelFull):  # the next one tells it all
            self.send(message)

    @property
    def _period_s(self) -> float:
        """A server ticks twice per heartbeat; a client once, as long as it hears the server."""
        return self._settings.tick_s * (1 if self._serves or not self._calm else 2)

    def _next_tick(self, now_s: float) -> float:
        """Ticks stand on a grid that all processes of a computer share: many links wake their process once."""
        tick_s = self._period_s
        return (math.floor((now_s + EARLY_S - self._phase_s) / tick_s) + 1) * tick_s + self._phase_s

    def _set_timer(self, loop: AbstractEventLoop) -> None:
        self._timer = loop.call_at(self._next_tick(loop.time()), self._on_tick)

    def _on_tick(self) -> None:
        assert self._loop is not None
        if not self._told:
            self._turn()  # what waits unread is a sign of life
            if not self._closed:
                self._tick()
                self._deliver()
        if not self._closed:
            self._set_timer(self._loop)

    # --- attached mode ---

    def _turn(self) -> None:
        """Something may have come, or room: one batch, then others get their turn."""
        if self._closed or (self._held and not self._told):
            return
        if self._told:
            self._see_off()
            return
        self._fill()
        self._deliver()
        if self._closed or self._loop is None:
            return
        if self._carrier.acknowledge_soon and self._ack_timer is None:
            self._ack_timer = self._loop.call_later(self._settings.ack_alone_s, self._on_ack)
        if not self._carrier.arm():
            self._loop.call_soon(self._turn)

    def _deliver(self) -> None:
        assert self._loop is not None and self._on_message is not None
        while self._ready and not self._told and not self._held:
            message = self._ready.popleft()
            try:
                self._on_message(message)
            except Exception as fault:  # one handler's fault must not cost the messages behind it
                self._loop.call_exception_handler({"message": f"handler of message {message.kind:#06x}", "exception": fault})
        if self._end and not self._told and not self._held:
            self._told = True
            self._finish()
            if self._on_lost is not None:
                self._on_lost(self._end)

    def _on_ack(self) -> None:
        self._ack_timer = None
        if not self._closed:
            self._acknowledge()

    def _acknowledge(self) -> None:
        with self._guard:
            self._spoke |= self._carrier.acknowledge_soon
            self._carrier.acknowledge()

    def _on_blocked(self) -> None:
        """The stream has bytes that wait for the socket; told by whoever sent them."""
        assert self._loop is not None
        if threading.get_ident() != self._home:
            self._loop.call_soon_threadsafe(self._on_blocked)
        elif self._writer < 0 and not self._closed and not self._loop.is_closed():
            self._writer = self._carrier.writer()
            self._loop.add_writer(self._writer, self._on_writable)

    def _on_writable(self) -> None:
        self._flush()
        if not self._carrier.unsent:
            self._forget_writer()
        if self._told:
            self._see_off()

    def _forget_writer(self) -> None:
        fd, self._writer = self._writer, -1
        if fd >= 0 and self._loop is not None:
            self._loop.remove_writer(fd)

    def _on_news(self) -> None:
        """The memory carrier has something for us, perhaps from another thread."""
        assert self._loop is not None
        if self._loop.is_closed():
            return
        if threading.get_ident() == self._home:
            self._loop.call_soon(self._turn)
        else:
            self._loop.call_soon_threadsafe(self._turn)

    def _on_death(self) -> None:
        """The peer process has ended: read what it left, then end."""
        assert self._loop is not None and self.peer is not None
        self._loop.remove_reader(self.peer.pidfd)
        self._carrier.dead = True
        self._turn()

    # --- the end ---

    def _linger(self) -> None:
        """Give a slow peer some time to take what was accepted."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_later(self._settings.linger_s, self._finish)
            self._loop.call_soon(self._turn)
            return
        until_ns = self._clock.monotonic_ns() + int(self._settings.linger_s * 1e9)
        while not self._closed and self._clock.monotonic_ns() < until_ns:
            self._see_off()
            if not self._closed:
                self._carrier.wait(self._settings.tick_s, [])
        self._finish()

    def _see_off(self) -> None:
        """Closing: what still comes is dropped, what was accepted goes out, then the end."""
        try:
            self._carrier.take()
        except Lost:
            self._finish()
            return
        self._flush()
        if not self._under_way():
            self._finish()
        elif self._loop is not None and not self._carrier.arm():
            self._loop.call_soon(self._turn)

    def _finish(self) -> None:
        """Give everything back; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None:
            for fd in self._readers:
                self._loop.remove_reader(fd)
            self._forget_writer()
            self._carrier.listen(None)
        for timer in (self._timer, self._ack_timer):
            if timer is not None:
                timer.cancel()
        with self._guard:
            self._carrier.close()
        if self.peer is not None:
            self.peer.close()
        if self.shape is not None:
            self.shape.close()
