"""Doorbells: one datagram socket each in the system's socket directory. A hint only; whoever waits looks again by itself all the same.

The bell of a member's worker is passed over while the worker is busy. No wake-up is lost: `claim` says "I want the bell" before it
looks, and whoever puts looks at that word after its commit; so one of the two sees the other.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path

from hisee.config import make_private, socket_directory
from hisee.engine.coordinator import EngineError, Member
from hisee.engine.sqlite.beats import Beats
from hisee.engine.sqlite.store import BEATS, TURN
from hisee.engine.sqlite.turn import Turn

PREFIX = "bell-"
TICK_NS = 50_000_000


class SqliteDoorbell:
    """Its socket is `bell-<slot>-<incarnation>` for a member's worker, `bell-0-<random>` for everybody else."""

    def __init__(self, data: Path, member: Member | None = None) -> None:
        self._folder = make_private(socket_directory(data))
        self._beats = _mapped(data)
        incarnation = member.incarnation if member else int.from_bytes(os.urandom(7))
        slot = self._beats.slot_of(incarnation) if member else 0
        self._path = self._folder / f"{PREFIX}{slot}-{incarnation:x}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._bind()
        self._seen_ns = -1
        self._others: list[tuple[int, int, str]] = []

    def _bind(self) -> None:
        self._path.unlink(missing_ok=True)
        try:
            self._socket.bind(str(self._path))
        except OSError as error:
            self._socket.close()
            raise EngineError(f"no doorbell at {self._path}: {error.strerror}", hint="is the socket directory writable?") from error

    def ring(self, queues: Iterable[str]) -> None:
        """Everybody but this bell's own thread."""
        for slot, incarnation, path in self._bells():
            if not slot or self._beats.wants_bell(slot, incarnation):
                self._send(path)

    def _send(self, path: str) -> None:
        try:
            self._socket.sendto(b"!", path)
        except BlockingIOError:
            return  # it has not heard the last hundred either: it is awake or will be
        except (ConnectionRefusedError, FileNotFoundError):
            # Names are never used twice, so this one's owner is gone for good.
            with contextlib.suppress(OSError):
                os.unlink(path)
        except OSError:
            return

    def _bells(self) -> list[tuple[int, int, str]]:
        """All bells of the system; looked up anew when the folder has changed."""
        changed = os.stat(self._folder).st_mtime_ns
        if changed != self._seen_ns:
            self._others = [_parts(path) for path in self._folder.glob(f"{PREFIX}*") if path != self._path]
            # The folder's clock is coarse: another bell may come behind this look within the same tick.
            self._seen_ns = changed if time.time_ns() - changed > TICK_NS else -1
        return self._others

    def fileno(self) -> int:
        return self._socket.fileno()

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._socket.close()
            self._path.unlink(missing_ok=True)
            self._beats.close()


def _mapped(data: Path) -> Beats:
    turn = Turn(data / TURN, 0)
    try:
        with turn:
            return Beats(data / BEATS)
    finally:
        turn.close()


def _parts(path: Path) -> tuple[int, int, str]:
    slot, incarnation = path.name.removeprefix(PREFIX).split("-")
    return int(slot), int(incarnation, 16), str(path)
