"""Commands to a process (`hisee tell`, action COMMAND): what each process answers the same way, and its own handlers by name.

Knows no messages: `hisee.channel.duties` carries the question and the result. The rows stand in core/schema/commands.py.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from hisee import process
from hisee.errors import HiseeError
from hisee.load import memory_bytes
from hisee.schema.commands import BY_NAME as COMMANDS
from hisee.schema.commands import ROWS, CommandIdRow
from hisee.schema.errors import Err

log = logging.getLogger("hisee.commands")
OK, ERROR, ABORTED, IGNORED = "ok", "error", "aborted", "ignored"
TOP = "hisee"  # of all categories of debug lines


class Result(NamedTuple):
    """How a command ended (R85): ok, error (it was tried and failed), aborted (refused, or nobody can say how it ended), ignored
    (the process has no such command). `error` is the number that a script's action COMMAND sees."""

    result: str
    text: str = ""
    error: int = Err.ERR_NO_ERROR


class CommandRefused(HiseeError):
    """A handler does not carry the command out in the present state: result `aborted`."""


Handler = Callable[[list[str]], "str | None | Awaitable[str | None]"]


class Commands:
    """The commands of one process. `handlers` by name get the words behind it; what they return is the text of `ok`.

    A handler raises CommandRefused (aborted), ValueError or HiseeError (error). It may be a coroutine function where the
    process uses `carry_out`. `stop` is called by STOP, `shift` by LOG SHIFT, `trace` by TRACE; `status` adds facts to STATUS.
    """

    def __init__(self, kind: str, stop: Callable[[], None], handlers: Mapping[str, Handler] | None = None, *,
                 status: Callable[[], Mapping[str, Any]] = dict, shift: Callable[[], None] | None = None,
                 trace: Callable[[bool], str] | None = None) -> None:
        self._kinds = set(kind.split())
        self._stop, self._status, self._trace = stop, status, trace
        self._shift = shift or process.shift_log
        self._handlers: dict[str, Handler] = {
            "HELP": self._help, "STOP": self._stop_ordered, "LOG": self._log, "DI": _debug_information, "E": _category,
            "TRACE": self._traced, "PING": lambda words: "", "STATUS": self._facts, **(handlers or {}),
        }

    def add(self, name: str, handler: Handler) -> None:
        """One more handler."""
        self._handlers[name] = handler

    def add_status(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        """More facts for STATUS."""
        before = self._status
        self._status = lambda: {**before(), **facts()}

    async def carry_out(self, line: str) -> Result:
        """Carry out one command; handlers may be coroutine functions. Never raises."""
        try:
            found = self._begin(line)
            if isinstance(found, Result):
                return found
            return _done(line, await found if inspect.isawaitable(found) else found)
        except Exception as error:  # whoever ordered it gets an answer, whatever broke
            return _failed(line, error)

    def carry_out_now(self, line: str) -> Result:
        """The same for a process without an event loop."""
        try:
            found = self._begin(line)
            if isinstance(found, Result):
                return found
            assert not inspect.isawaitable(found), "a handler that waits needs carry_out"
            return _done(line, found)
        except Exception as error:
            return _failed(line, error)

    def _begin(self, line: str) -> Result | str | None | Awaitable[str | None]:
        words = line.split()
        name = words[0].upper() if words else ""
        if not self._takes(name):
            return Result(IGNORED, f"no command {name or '(empty)'} here; HELP lists what there is", Err.ERR_TRANS_IGNORED)
        log.info("command %s", line.strip())
        return self._handlers[name](words[1:])

    def _takes(self, name: str) -> bool:
        row = COMMANDS.get(name)
        return name in self._handlers and (row is None or taken_by(row, self._kinds))

    # -- what every process knows

    def _help(self, words: list[str]) -> str:
        rows = [row for row in ROWS if self._takes(row.name)]
        width = max(len(row.syntax) for row in rows)
        return "\n".join(f"{row.syntax.ljust(width)}  {row.doc}" for row in rows)

    def _stop_ordered(self, words: list[str]) -> str:
        self._stop()
        return "ends"

    def _log(self, words: list[str]) -> str:
        if [word.upper() for word in words] != ["SHIFT"]:
            raise ValueError("LOG SHIFT is the only form")
        self._shift()
        return "a new log file begins"

    def _traced(self, words: list[str]) -> str:
        if self._trace is None:
            raise CommandRefused("this process keeps no trace")
        return self._trace(_on(words, "TRACE"))

    def _facts(self, words: list[str]) -> str:
        facts = {"pid": os.getpid(), "memory_bytes": memory_bytes(), "debug": logging.getLogger().level <= logging.DEBUG,
                 "categories": debugged(), **self._status()}
        return json.dumps(facts)


def taken_by(row: CommandIdRow, kinds: set[str]) -> bool:
    """Does a process of one of these kinds take the command?"""
    return row.kinds == "*" or bool(kinds & set(row.kinds.split()))


def _done(line: str, text: str | None) -> Result:
    log.debug("command %s ended ok: %s", line.strip(), text or "")
    return Result(OK, text or "")


def _failed(line: str, error: Exception) -> Result:
    if isinstance(error, CommandRefused):
        return Result(ABORTED, str(error), Err.ERR_TRANS_ABORT)
    if not isinstance(error, (ValueError, HiseeError, OSError)):
        log.exception("command %s", line)
        return Result(ERROR, f"{type(error).__name__}: {error}", Err.ERR_TRANS_ERROR)
    return Result(ERROR, str(error), Err.ERR_TRANS_ERROR)


def _on(words: list[str], command: str) -> bool:
    if len(words) != 1 or words[0].upper() not in ("ON", "OFF"):
        raise ValueError(f"{command} ON or {command} OFF")
    return words[0].upper() == "ON"


def _debug_information(words: list[str]) -> str:
    on = _on(words, "DI")
    logging.getLogger().setLevel(logging.DEBUG if on else logging.INFO)
    return "debug information on" if on else "debug information off"


def _category(words: list[str]) -> str:
    if len(words) != 1 or words[0][:1] not in "+-" or len(words[0]) < 2:
        raise ValueError("E +CATEGORY or E -CATEGORY")
    switch_category(words[0][1:], words[0][0] == "+")
    return f"{words[0][1:]} {'on' if words[0][0] == '+' else 'off'}"


# -- categories of debug lines: the loggers below `hisee`


def categories() -> list[str]:
    """Names of all categories of this process, without the common beginning."""
    names = logging.root.manager.loggerDict
    return sorted(name.removeprefix(TOP + ".") for name in names if name.startswith(TOP + "."))


def debugged() -> list[str]:
    """Categories whose debug lines are on by themselves."""
    return [name for name in categories() if logging.getLogger(f"{TOP}.{name}").level == logging.DEBUG]


def switch_category(name: str, on: bool) -> None:
    """Debug lines of one category (and of what lies below it) on or off; raises ValueError naming the categories there are."""
    wanted = name.lower().removeprefix(TOP + ".")
    if wanted not in categories():
        raise ValueError(f"no category {name}; there are {', '.join(categories())}")
    logging.getLogger(f"{TOP}.{wanted}").setLevel(logging.DEBUG if on else logging.INFO)
