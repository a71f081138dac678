"""Tells the other computers of a group at once that a process of this one has ended: its supervisor knows it before any lease is over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from hisee.engine.coordinator import Coordinator, EngineError
from hisee.engine.proof import ENDED
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.resident.burial")
AGAIN_S = TIMERS["lease_renew"].ms / 1000


class Burial:
    """A thread with a Coordinator of its own, because a database that is away must not stop the supervisor."""

    def __init__(self, open_engine: Callable[[], Coordinator]) -> None:
        """`open_engine` is called in the thread, at the first death and after each trouble."""
        self._open = open_engine
        self._engine: Coordinator | None = None
        self._news, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="hisee-burial", daemon=True)
        self._thread.start()

    def someone_ended(self) -> None:
        self._news.set()

    def close(self) -> None:
        """Whoever is not buried by now is found by the others."""
        self._ended.set()
        self._news.set()
        self._thread.join(AGAIN_S)

    def _run(self) -> None:
        trouble = ""
        while self._news.wait() and not self._ended.is_set():
            self._news.clear()
            try:
                self._bury()
                trouble = ""
            except EngineError as error:
                if not trouble:
                    log.info("not buried yet: %s", error)
                trouble = str(error)
                self._forget()
                self._news.set()
                self._ended.wait(AGAIN_S)
        self._forget()

    def _bury(self) -> None:
        """Only whose death is proven here; silence is for the primary and the hot server to judge."""
        self._engine = self._engine or self._open()
        for member, why in self._engine.overdue():
            if why == ENDED:
                self._engine.bury(member.incarnation, why)
                log.info("%s is buried: %s", member.name, why)

    def _forget(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
