"""From the name of a task's function to what runs it. Loads tasks.py from bytes; knows no queue and no process."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NamedTuple, get_type_hints

import msgspec

from hisee.engine.coordinator import Claim, TaskRequest
from hisee.engine.rules import elsewhere
from hisee.errors import HiseeError
from hisee.schema.queues import BY_NAME as QUEUES
from hisee.tasks import MARK, Options, Refuse
from hisee.work.catalogue import ENGINE, EngineFunction

FIRST = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)  # kinds of parameter that take `ctx`


class UnknownFunction(Refuse):
    """No such function; the text lists those that exist."""


class SourceError(HiseeError):
    """tasks.py cannot be loaded; the text names line and cause. The functions loaded before stay."""


class Function(NamedTuple):
    """A function that runs inside a work process. `source` names the text it comes from."""

    name: str
    call: Callable[..., Any]
    options: Options
    source: str
    signature: inspect.Signature | None


class Prepared(NamedTuple):
    """A claim ready to run. `generated` is kept with the task: a later attempt runs with the same arguments."""

    call: Callable[..., Any]
    args: dict[str, Any]
    generated: str


def kind_of(func: str) -> str:
    """tasks, program, service, event or engine."""
    return func.partition(".")[0]


class Source(importlib.abc.InspectLoader):
    """A module whose text comes from the configuration store instead of a file; tracebacks show its lines."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name

    def get_source(self, fullname: str) -> str:
        return self._text

    def get_filename(self, fullname: str) -> str:
        return self._name

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self._text, self._name)

    def is_package(self, fullname: str) -> bool:
        return False


def load_module(source: bytes, name: str) -> ModuleType:
    """Run the text as a module of its own. Raises SourceError."""
    linecache.cache.pop(name, None)  # lines of an older text under this name
    try:
        loader = Source(source.decode("utf-8-sig"), name)
        spec = importlib.util.spec_from_loader(name.removesuffix(".py"), loader)
        if spec is None:
            raise SourceError(f"{name} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise SourceError(f"{name}{_place(error, name)}: {type(error).__name__}: {error}") from error
    return module


def _place(error: BaseException, name: str) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    return f", line {lines[-1]}" if lines else ""


class Functions:
    """The functions that a work process knows: `tasks.NAME` of the application, `engine.NAME` of hisee itself."""

    def __init__(self, engine: Mapping[str, EngineFunction] = ENGINE) -> None:
        self._known = {f"engine.{name}": Function(f"engine.{name}", row.run, Options(queue=row.queue), "hisee", _signature(row.run))
                       for name, row in engine.items()}
        self._types = {f"engine.{name}": get_type_hints(row.run) for name, row in engine.items()}
        self._loaded: bytes | None = None
        self._fault = ""  # why the newest text could not be loaded
        self.refresh: Callable[[], bool] = lambda: False  # loads a text that is newer than this one, if there is one; True = there was

    def differs(self, source: bytes) -> bool:
        """Is it another text than the one loaded last?"""
        return source != self._loaded

    def load(self, source: bytes, name: str = "tasks.py") -> list[str]:
        """Take the functions of this text instead of those before; their names. Raises SourceError, for a queue that cannot run one
        of them too.

        Those are the marked ones, and plain ones with a first parameter (`ctx`): public, and written in this text, not imported.
        """
        try:
            found = self._found(source, name)
        except SourceError as error:
            self._fault = str(error)
            raise
        self._known = {key: row for key, row in self._known.items() if kind_of(key) != "tasks"} | found
        self._loaded, self._fault = source, ""
        return sorted(found)

    def _found(self, source: bytes, name: str) -> dict[str, Function]:
        module = load_module(source, name)
        digest = f"{name} {hashlib.sha256(source).hexdigest()[:12]}"
        found = {f"tasks.{key}": Function(f"tasks.{key}", call, options, digest, _signature(call))
                 for key, call in vars(module).items() if (options := _options(key, call, module)) is not None}
        for function in found.values():
            try:
                check_queue(function.name, function.options.queue)
            except Refuse as refused:
                raise SourceError(f"{name}, {function.name}: {refused.text}", hint=refused.hint) from None
        return found

    def names(self) -> list[str]:
        return sorted(self._known)

    def find(self, func: str) -> Function:
        """Raises UnknownFunction."""
        found = self._known.get(func)
        if found is None and self._fault and kind_of(func) == "tasks":
            raise UnknownFunction(f"there is no function {func}: the newest text could not be loaded", hint=self._fault)
        if found is None:
            raise UnknownFunction(f"there is no function {func}", hint=f"known: {', '.join(self.names()) or 'none'}")
        return found

    def prepare(self, claim: Claim) -> Prepared:
        """Resolve the function and bind its arguments, or take the form that an earlier attempt kept. Raises Refuse.

        What does not fit may have been accepted by a process that has a newer text already: then that is loaded here, too.
        """
        try:
            return self._prepare(claim)
        except Refuse:
            if kind_of(claim.func) != "tasks" or not self.refresh():
                raise
        return self._prepare(claim)

    def _prepare(self, claim: Claim) -> Prepared:
        function = self.find(claim.func)
        if claim.generated:
            return Prepared(function.call, msgspec.json.decode(claim.generated)["args"], claim.generated)
        args = bound(function, claim.args, self._types.get(claim.func))
        try:
            form = msgspec.json.encode({"func": claim.func, "source": function.source, "args": args}).decode()
        except (TypeError, ValueError):  # a default that is no JSON is not kept but taken from the function each time
            args = claim.args
            form = msgspec.json.encode({"func": claim.func, "source": function.source, "args": args}).decode()
        return Prepared(function.call, args, form)

    def request(self, func: str, args: Mapping[str, Any], **given: Any) -> TaskRequest:
        """A request with what the function's own mark says wherever `given` (fields of TaskRequest) is silent.

        Raises UnknownFunction for tasks.* and engine.*, Refuse for a queue that cannot run it or wrong arguments.
        """
        fields: dict[str, Any] = {}
        if elsewhere(func):
            fields["queue"] = {"service": "java", "event": "event"}.get(kind_of(func), "general")
        else:
            function = self.find(func)
            bound(function, args, self._types.get(func))
            fields = fields_of(function.options, args)
        fields |= given
        check_queue(func, fields["queue"])
        return TaskRequest(func=func, args=dict(args), **fields)


def _options(name: str, call: object, module: ModuleType) -> Options | None:
    """What the mark of a task says, the usual for a plain function, None for what is no task."""
    marked = getattr(call, MARK, None)
    if isinstance(marked, Options):
        return marked if callable(call) else None
    if not inspect.isfunction(call) or call.__module__ != module.__name__ or name.startswith("_"):
        return None
    first = next(iter(inspect.signature(call).parameters.values()), None)
    return Options() if first is not None and first.kind in FIRST else None


def fields_of(options: Options, args: Mapping[str, Any]) -> dict[str, Any]:
    key = options.idempotency_key
    return {"queue": options.queue, "priority": options.priority, "max_attempts": options.retries + 1, "retry_s": options.retry_s,
            "timeout_s": options.timeout_s, "order_key": options.order_key, "key": key if isinstance(key, str) else str(key(**args))}


def check_queue(func: str, queue: str) -> None:
    """Raises Refuse when the queue is unknown or cannot run this kind of function."""
    row = QUEUES.get(queue)
    if row is None:
        raise Refuse(f"there is no queue {queue!r}", hint=f"queues: {', '.join(QUEUES)}")
    if kind_of(func) not in row.runs.split():
        fit = [r.name for r in QUEUES.values() if kind_of(func) in r.runs.split()]
        raise Refuse(f"queue {queue} cannot run {func}", hint=f"queues that can: {', '.join(fit) or 'none'}")


def bound(function: Function, args: Mapping[str, Any], types: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The arguments with defaults filled in. Raises Refuse where they do not fit, `types` by name among them."""
    if function.signature is None:
        return dict(args)
    try:
        given = function.signature.bind(None, **args)
    except TypeError as error:
        raise Refuse(f"{function.name}: {error}") from None
    given.apply_defaults()
    names = list(function.signature.parameters.values())[1:]
    out: dict[str, Any] = {}
    for parameter in names:
        value = given.arguments[parameter.name]
        out |= value if parameter.kind is parameter.VAR_KEYWORD else {parameter.name: value}
    for name, kind in (types or {}).items():
        if name in out:
            _fits(function.name, name, out[name], kind)
    return out


def _fits(func: str, name: str, value: Any, kind: Any) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Refuse(f"{func}: argument {name} = {msgspec.json.encode(value).decode()}: {error}") from None


def _signature(call: Callable[..., Any]) -> inspect.Signature | None:
    """None where arguments cannot be bound by name; the call itself then finds what does not fit."""
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):
        return None
    kinds = [p.kind for p in signature.parameters.values()]
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    return signature if kinds and kinds[0] in FIRST and all(kind in plain for kind in kinds[1:]) else None
