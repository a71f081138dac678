"""A member that only has to live: renews its lease in a thread of its own and tells who is primary. For communication processes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from hisee.channel import Channel, LogonRefused, dial_unix
from hisee.channel.payloads import Hello
from hisee.config import limits
from hisee.datadir import DataDir
from hisee.engine import open_engine
from hisee.engine.coordinator import PRIMARY, Coordinator, EngineError, LostMember, Member
from hisee.schema.exits import Exit
from hisee.schema.timers import BY_NAME as TIMERS

log = logging.getLogger("hisee.work.membership")
RENEW_S, LOOK_S = TIMERS["lease_renew"].ms / 1000, TIMERS["administration"].ms / 1000
NAME_FREE_S = (TIMERS["watchdog"].ms + TIMERS["heartbeat"].ms) / 1000  # by then the server knows that the former one is gone


class Membership:
    """`with membership:` runs the thread. `ended(code, why)` and `primary(name)` are called from it; name "" = nobody is primary."""

    def __init__(self, member: Member, data: DataDir, *, ended: Callable[[int, str], None], primary: Callable[[str], None]) -> None:
        self._member, self._data, self._ended, self._primary = member, data, ended, primary
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{member.name}.member")
        self._known = ""

    def __enter__(self) -> Membership:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            engine = open_engine(self._data.engine_url(), self._data.path, self._data.seams, hasty=True)
        except EngineError as error:
            self._ended(error.exit, str(error))
            return
        try:
            self._renew_until_stopped(engine)
        except LostMember as error:
            self._ended(Exit.LOST_MEMBER, str(error))
        finally:
            engine.close()

    def _renew_until_stopped(self, engine: Coordinator) -> None:
        trouble, look_at = "", 0.0
        while True:
            try:
                engine.beat(self._member)
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_S
                    self._look(engine)
                trouble = ""
            except LostMember:
                raise
            except EngineError as error:  # it cannot answer now; whether we are still members shows when it can
                if trouble != str(error):
                    trouble = str(error)
                    log.warning("%s", trouble)
            if self._stop.wait(RENEW_S):
                return

    def _look(self, engine: Coordinator) -> None:
        term = engine.terms().get(PRIMARY)
        name = term.name if term is not None and term.holder else ""
        if name != self._known:
            self._known = name
            self._primary(name)


def log_on(data: DataDir, hello: Hello) -> Channel:
    """Log on to the server of this computer; waits while it still counts a dead process of that name as running.

    Blocks. Raises PeerUnreachable, LogonRefused.
    """
    deadline = time.monotonic() + NAME_FREE_S
    while True:
        try:
            return dial_unix(data.control_socket, hello, data.secret(), seams=data.seams, limits=limits())
        except LogonRefused as refused:
            if refused.refusal != "NAME_IN_USE" or time.monotonic() > deadline:
                raise
        time.sleep(0.1)
