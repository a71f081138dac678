"""Administration: values by name, objects and parts, saving through the gate, the end of the system."""

from __future__ import annotations

import asyncio
import datetime as dt
import fnmatch
import logging
import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from hisee._core.values import decode
from hisee.channel import Message
from hisee.channel.payloads import (
    ConsoleAdd,
    Export,
    Files,
    LogWrite,
    ObjectList,
    ObjectSave,
    Part,
    PartRead,
    Payload,
    ProfileGet,
    ProfileRows,
    Saved,
    Table,
    UnitGet,
    ValueGet,
    Values,
    ValueSet,
    ValueState,
    Welcome,
    unpack,
)
from hisee.model.objects import INT_LEAST, INT_MOST
from hisee.model.store import Store, StoredPart, StoreError
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.server.core import Core
from hisee.server.eventlog import EventSink
from hisee.server.registry import NameInUse, Process
from hisee.server.seen import Seen
from hisee.server.values import Refused
from hisee.server.values import Values as ValueServer
from hisee.shown import iso
from hisee.values import Invalid, Ref, Time, flag_bits, flag_letters

T = TypeVar("T")
log = logging.getLogger("hisee.server.admin")
PROFILE_S = TIMERS["see_start_each"].ms / 1000


class Admin:
    """Answers the requests of commands and of the Python API."""

    def __init__(self, core: Core, store: Store, values: ValueServer, events: EventSink, stop: Callable[[], None]) -> None:
        self._core, self._store, self._values, self._events, self._stop = core, store, values, events, stop
        self._seen = Seen()
        self.saved: Callable[[], None] = lambda: None  # told when objects were saved
        self._aside = ThreadPoolExecutor(1, "hisee-store")  # what may wait for the database of the store, in order
        self._under_way: set[asyncio.Task[None]] = set()
        for kind, handler in (
            (Kind.VALUE_GET, self._value_get), (Kind.VALUE_SET, self._value_set), (Kind.WATCH, self._watch),
            (Kind.OBJECT_LIST, self._objects), (Kind.PART_READ, self._part), (Kind.OBJECT_SAVE, self._save),
            (Kind.EXPORT, self._export), (Kind.UNIT_GET, self._unit), (Kind.SYSTEM_STOP, self._system_stop),
            (Kind.LOG_WRITE, self._log), (Kind.ECHO, self._echo), (Kind.CONSOLE_ADD, self._console_add), (Kind.PROFILE_GET, self._profile),
        ):
            core.handlers[kind] = handler
        core.event_missed = self._event_missed

    def _console_add(self, source: Process, message: Message) -> None:
        """A further console of one hip process: an entry of its own on the same link."""
        request = unpack(ConsoleAdd, message.payload)
        name = f"{request.name}.HIP"
        number = self._store.process_number(name) or self._core.registry.free_number()
        try:
            added = self._core.registry.add(Process(number=number, name=name, kind="HIP", node=request.node or source.node,
                                                    pid=source.pid, address=source.address, facts=dict(source.facts)))
        except NameInUse:
            self._core.fail(message, Err.ERR_TRANS_IGNORED, 0, f"a process named {name} runs already")
            return
        self._core.route(added, source.link)
        self._core.reply(message, Welcome(name=name, number=number))

    # -- values

    def _state(self, name: str) -> ValueState:
        entry = self._store.directory().object(name)
        if entry is None or not self._values.table.has(entry.hbj):
            raise StoreError(f"object {name}: unknown or without a value; `hisee get '*'` lists them")
        if entry.columns:
            raise StoreError(f"object {name}: a structure of {len(entry.columns)} columns has no single value; scripts read its cells")
        cell = self._values.table.get(Ref(entry.hbj, 0, 0))
        value = None if isinstance(cell.value, Invalid) else cell.value
        shown = iso(int(value)) if isinstance(value, Time) else value
        return ValueState(name=entry.name, type=entry.value_type or "", value=shown, reason=cell.reason,
                          time_ms=cell.time_ms or 0, change=cell.change, flags=flag_letters(cell.flags))

    def _value_get(self, source: Process, message: Message) -> None:
        try:
            states = [self._state(name) for name in self._expand(unpack(ValueGet, message.payload).names)]
        except StoreError as error:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, str(error))
            return
        self._core.reply(message, Values(values=states))

    def _expand(self, names: list[str]) -> list[str]:
        out: list[str] = []
        for name in names:
            if any(c in name for c in "*?"):
                out += [n for n in self._store.directory().names() if fnmatch.fnmatch(n.lower(), name.lower()) and self._has_value(n)]
            else:
                out.append(name)
        return out

    def _has_value(self, name: str) -> bool:
        entry = self._store.directory().object(name)
        return entry is not None and self._values.table.has(entry.hbj) and not entry.columns

    def _value_set(self, source: Process, message: Message) -> None:
        request = unpack(ValueSet, message.payload)
        entry = self._store.directory().object(request.name)
        if entry is None:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, f"object {request.name}: unknown")
            return
        if not self._core.allow(source, "set", entry.name):
            self._core.deny(message, "set", entry.name)
            return
        try:
            value, flags = parse_value(request.value, entry.value_type or ""), flag_bits(request.flags)
            if self._seen.first(request.key):
                self._write(Ref(entry.hbj, 0, 0), value, flags)
        except (Refused, ValueError) as error:
            self._core.fail(message, Err.ERR_TRANS_ERROR, 13, f"object {request.name}: {error}")
            return
        self._values.settled(Ref(entry.hbj, 0, 0), partial(self._value_settled, message, request.name))

    def _write(self, ref: Ref, value: object, flags: int) -> None:
        """A text longer than a text may be is cut and marked Weak, as in a script."""
        most = self._store.system().limits["text_chars"] if isinstance(value, str) else 0
        cut = isinstance(value, str) and len(value) > most
        self._values.write(ref, value[:most] if isinstance(value, str) else value, weak=cut, flags=flags)

    def _value_settled(self, message: Message, name: str, reason: str) -> None:
        if reason:
            self._core.fail(message, Err.ERR_TRANS_ERROR, 0, f"object {name}: {reason}")
        else:
            self._core.reply(message)

    def _watch(self, source: Process, message: Message) -> None:
        names = self._expand(unpack(ValueGet, message.payload).names)
        try:
            states = [self._state(name) for name in names]
        except StoreError as error:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, str(error))
            return
        for name in names:
            entry = self._store.directory().object(name)
            if entry is not None:
                self._values.watch(source.number, entry.hbj, partial(self._state, name))
        self._core.reply(message, Values(values=states))

    # -- objects

    def _objects(self, source: Process, message: Message) -> None:
        wanted = unpack(ObjectList, message.payload)
        rows = [dict(row) for row in self._store.objects(wanted.mask)]
        if wanted.details:
            rows = [{**row, **self._details(str(row["name"]))} for row in rows]
        self._core.reply(message, Table(rows=rows))

    def _details(self, name: str) -> dict[str, Any]:
        """Shape of an object, with the rows that it has now; `parent`: the definition of a structured one, the database of a table."""
        directory = self._store.directory()
        entry = directory.object(name)
        if entry is None:
            return {}
        parent = directory.object(entry.structure) if entry.structure and entry.kind != "table" else None
        owner = self._store.databases().get(entry.hbj, 0) if entry.kind == "table" else parent.hbj if parent else 0
        rows = self._values.table.dim(entry.hbj) if entry.rows and self._values.table.has(entry.hbj) else entry.rows
        return {"rows": rows, "columns": [list(column) for column in entry.columns], "parent": owner}

    def _carry_out(self, message: Message, work: Callable[[], T], then: Callable[[T], None], error: Err = Err.ERR_TRANS_ERROR) -> None:
        """`work` beside the loop, since the store's database may be slow or away; a StoreError is the request's failure."""
        task = asyncio.get_running_loop().create_task(self._carried_out(message, work, then, error))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _carried_out(self, message: Message, work: Callable[[], T], then: Callable[[T], None], error: Err) -> None:
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._aside, work)
        except StoreError as failure:
            self._core.fail(message, error, 11 if error == Err.ERR_OBJECT_NOT_FOUND else 0, str(failure))
        else:
            then(result)

    def close(self) -> None:
        """Once a save that is under way has ended."""
        self._aside.shutdown()

    def _part(self, source: Process, message: Message) -> None:
        request = unpack(PartRead, message.payload)
        if request.version:
            self._carry_out(message, lambda: self._store.read(request.part, request.version),
                            partial(self._answer_part, message, request.part), Err.ERR_OBJECT_NOT_FOUND)
            return
        try:
            self._answer_part(message, request.part, self._store.read(request.part))
        except StoreError as error:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, str(error))

    def _answer_part(self, message: Message, part: str, stored: StoredPart) -> None:
        self._core.reply(message, Part(part=part, version=stored.version, data=stored.data))

    def _save(self, source: Process, message: Message) -> None:
        request = unpack(ObjectSave, message.payload)
        if not self._core.allow(source, "save", request.object):
            self._core.deny(message, "save", request.object)
            return
        self._carry_out(message, lambda: self._store.save(request.object, request.parts),
                        partial(self._saved, message, self._store.tasks_version))

    def _saved(self, message: Message, tasks_version: int, result: Saved) -> None:
        if self._store.tasks_version != tasks_version:
            self._tell_tasks_changed()
        self.saved()
        self._core.reply(message, result)

    def _tell_tasks_changed(self) -> None:
        """Before the answer to the save: whoever then puts a task of the new text finds work processes that know of it."""
        for process in self._core.registry.of_kind("WP"):
            self._core.tell(process.number, Kind.TASKS_CHANGED, Payload())

    def _export(self, source: Process, message: Message) -> None:
        try:
            files = self._store.files(unpack(Export, message.payload).objects)
        except StoreError as error:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, str(error))
            return
        self._core.reply(message, Files(files=files))

    def _unit(self, source: Process, message: Message) -> None:
        sha256 = unpack(UnitGet, message.payload).sha256
        if self._store.holds(sha256):
            self._answer_unit(message, sha256, self._store.unit(sha256))
        else:
            self._carry_out(message, lambda: self._store.unit(sha256), partial(self._answer_unit, message, sha256))

    def _answer_unit(self, message: Message, sha256: str, data: bytes | None) -> None:
        if data is None:
            self._core.fail(message, Err.ERR_OBJECT_NOT_FOUND, 11, f"unit {sha256}: not in the store")
        else:
            self._core.reply(message, data)

    # -- the rest

    def _system_stop(self, source: Process, message: Message) -> None:
        if not self._core.allow(source, "stop"):
            self._core.deny(message, "stop", "")
            return
        log.info("stop ordered by %s", source.name)
        self._core.reply(message)
        self._stop()

    def _event_missed(self, message: Message, text: str) -> None:
        """Its handler is the first value of the payload."""
        console = self._core.registry.get(message.source)
        line = f"{decode(message.payload)[0]} is not delivered: {text}"
        self._events.write(LogWrite(script=str(message.target), text=line, priority=3, time_ms=self._core.seams.clock.now_ms()),
                           console.name if console is not None else str(message.source))

    def _log(self, source: Process, message: Message) -> None:
        entry = unpack(LogWrite, message.payload)
        if self._seen.first(entry.key):
            self._events.write(entry, source.name)
        if message.wants_answer:
            self._core.reply(message)

    def _profile(self, source: Process, message: Message) -> None:
        asyncio.get_running_loop().create_task(self._gather_profile(message))

    async def _gather_profile(self, message: Message) -> None:
        """Rows of every engine host, in the order of their times."""
        request = unpack(ProfileGet, message.payload)
        hosts = self._core.registry.of_kind("SES", "EVH", "HISHOST")
        answers = await asyncio.gather(
            *(self._core.ask(host.number, Kind.PROFILE_GET, request, PROFILE_S) for host in hosts), return_exceptions=True)
        rows = [row for answer in answers if isinstance(answer, Message) for row in unpack(ProfileRows, answer.payload).rows]
        self._core.reply(message, ProfileRows(rows=sorted(rows, key=lambda row: row["sent_at_ns"])))

    def _echo(self, source: Process, message: Message) -> None:
        self._core.reply(message, message.payload)


NUMBERS = {"INT": re.compile(r"[+-]?[0-9]+"), "REAL": re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")}
BOOLS = {"true": True, "1": True, "false": False, "0": False}


def parse_value(value: object, value_type: str) -> object:
    """A value from the command line or the API as the object's type; None = invalid. Raises ValueError."""
    if value is None:
        return Invalid(1, value_type)
    text = str(value).strip()
    if value_type == "BOOL":
        if text.lower() not in BOOLS:
            raise ValueError(f"{value!r} is no BOOL: TRUE, FALSE, 1 or 0")
        return BOOLS[text.lower()]
    if value_type in ("INT", "REAL"):
        return _number(text, value_type)
    if value_type == "TIME":
        return _time(text)
    return str(value)


def _number(text: str, value_type: str) -> int | float:
    """Digits as a script would write them: Python's other spellings, and numbers that an object cannot hold, are refused."""
    if not NUMBERS[value_type].fullmatch(text):
        raise ValueError(f"{text!r} is no {value_type}")
    number = int(text) if value_type == "INT" else float(text)
    if not INT_LEAST <= number <= INT_MOST if isinstance(number, int) else not math.isfinite(number):
        raise ValueError(f"{text} is outside the range of {value_type}")
    return number


def _time(text: str) -> Time:
    try:
        return Time(int(dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000))
    except ValueError:
        raise ValueError(f"{text!r} is no TIME: 2026-01-31T10:00:00Z") from None
