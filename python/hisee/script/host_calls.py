"""Host functions of scripts: at once where nothing waits, else in a thread while the other instances go on."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hisee._core.values import decode, encode
from hisee.schema.actions import ActionId
from hisee.schema.errors import Err
from hisee.schema.host_functions import BY_NUMBER
from hisee.script.functions.registry import Raised
from hisee.script.instance import Instance, Waiting
from hisee.script.object_lists import create_list, destroy_list, go_list
from hisee.values import Invalid

if TYPE_CHECKING:
    from hisee.script.engine import Engine

log = logging.getLogger("hisee.script.functions")
LONG = 4096  # bytes of arguments from which on a call may take longer than a slice
Outcome = tuple[bytes, Raised | None]
LISTS: dict[int, Callable[..., list[Any]]] = {ActionId.LST_CREATE: create_list, ActionId.LST_GO: go_list,
                                               ActionId.LST_DESTROY: destroy_list}


class Workers:
    """At most `most` daemon threads that take work in turn: one that hangs does not keep the process from ending."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = 0
        self._idle = threading.Semaphore(0)

    def put(self, work: Callable[[], None]) -> None:
        """Called from one thread, that of the loop."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False) and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._serve, name=f"function-{self._threads}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            self._work.get()()
            self._idle.release()


def perform(engine: Engine, instance: Instance, over_limit: Callable[..., None]) -> None:
    """Carry out the pending FUNCTION of an instance."""
    number, *arguments = decode(instance.pending.payload)
    row = BY_NUMBER.get(number) if not isinstance(number, Invalid) else None
    if row is None or not row.waits and len(instance.pending.payload) <= LONG:
        settle(instance, outcome(instance.functions, number, arguments))
        return
    functions = instance.functions
    _in_thread(engine, instance, row.name, lambda: outcome(functions, number, arguments), over_limit)


def perform_list(engine: Engine, instance: Instance, over_limit: Callable[..., None]) -> None:
    """Carry out the pending LST_ action of an instance: it asks the server for its objects, and waits for them in a thread."""
    act, functions, operands = instance.pending.number, instance.functions, decode(instance.pending.payload)
    how = LISTS[act]
    name = ActionId(act).name
    if act == ActionId.LST_CREATE:
        _in_thread(engine, instance, name, lambda: _answer(name, lambda: how(functions, *operands)), over_limit)
    else:
        settle(instance, _answer(name, lambda: how(functions, *operands)))


def _in_thread(engine: Engine, instance: Instance, name: str, work: Callable[[], Outcome], over_limit: Callable[..., None]) -> None:
    """Park the instance until `work` is done by one of the engine's threads, or the request limit is over."""
    pending = instance.pending
    now = engine.now_ns()
    waiting = Waiting(pending.number, name, pending.line, sent_ns=now, prepare_ns=now - instance.resumed_ns)
    limit_s = instance.limits["request_limit_s"]
    loop = asyncio.get_running_loop()
    waiting.timer = loop.call_later(limit_s, over_limit, engine, instance, waiting, limit_s)
    instance.waiting, instance.resumed_ns = waiting, 0

    def work_and_tell() -> None:
        done = work()
        try:
            loop.call_soon_threadsafe(_done, engine, instance, waiting, done)
        except RuntimeError:
            log.debug("the loop ended before %s did", name)

    engine.workers.put(work_and_tell)


def _done(engine: Engine, instance: Instance, waiting: Waiting, done: Outcome) -> None:
    if instance.waiting is not waiting or instance.ended:
        return
    instance.waiting = None
    waiting.timer.cancel()
    settle(instance, done)
    engine.recorded(instance, waiting, engine.now_ns(), len(done[0]))
    engine.wake(instance)


def outcome(functions: Any, number: Any, arguments: list[Any]) -> Outcome:
    """The reply of a call, or the error that ends it."""
    return _answer(f"function {number}", lambda: [functions.call(number, arguments)])


def _answer(what: str, how: Callable[[], list[Any]]) -> Outcome:
    """Values or an error of the script. A fault of ours ends the call alone, and is told in the log."""
    try:
        return encode(how()), None
    except Raised as error:
        return b"", error
    except Exception:
        log.exception("%s", what)
        return b"", Raised(Err.ERR_UNKNOWN, f"{what} failed; the log of the process says why")


def settle(instance: Instance, done: Outcome) -> None:
    payload, error = done
    if error is None:
        instance.script.complete(payload)
    else:
        instance.script.fail(error.error, 0, error.text)
