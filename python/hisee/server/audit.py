"""What the server writes into the audit of the engine database, by a thread of its own: the router waits for no disk."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable

from hisee.engine.coordinator import JSON, Coordinator, EngineError

log = logging.getLogger("hisee.server.audit")
MOST = 100  # entries that wait; further ones stand in the log alone
CLOSE_S = 2.0
AGAIN_NS = 60_000_000_000
Entry = tuple[str, str, JSON]


class Auditor:
    """Opens the engine at the first entry. An entry that cannot be written is in the log."""

    def __init__(self, open_engine: Callable[[], Coordinator] | None) -> None:
        """`open_engine` is called in the thread; None = a system without an engine database."""
        self._open = open_engine
        self._entries: queue.Queue[Entry | None] = queue.Queue(MOST)
        self._thread: threading.Thread | None = None
        self._noted: dict[str, int] = {}

    def note_seldom(self, who: str, what: str, detail: JSON, now_ns: int) -> None:
        """The same of the same again counts as one entry for a while: who is refused tries again and again."""
        key = f"{who} {what}"
        if now_ns - self._noted.get(key, -AGAIN_NS) < AGAIN_NS:
            return
        if len(self._noted) >= MOST:
            self._noted.clear()
        self._noted[key] = now_ns
        self.note(who, what, detail)

    def note(self, who: str, what: str, detail: JSON) -> None:
        if self._open is None:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="hisee-audit", daemon=True)
            self._thread.start()
        try:
            self._entries.put_nowait((who, what, detail))
        except queue.Full:
            log.error("not in the audit, too many at once: %s, %s, %s", who, what, detail)

    def _run(self) -> None:
        engine: Coordinator | None = None
        while (entry := self._entries.get()) is not None:
            try:
                assert self._open is not None
                engine = engine or self._open()
                engine.audit(*entry)
            except (EngineError, OSError) as error:
                log.error("not in the audit: %s, %s, %s: %s", *entry, error)
        if engine is not None:
            engine.close()

    def close(self) -> None:
        """What waits is written; a database that does not answer is waited for no longer than a moment."""
        if self._thread is not None:
            with contextlib.suppress(queue.Full):
                self._entries.put(None, timeout=CLOSE_S)
                self._thread.join(CLOSE_S)
