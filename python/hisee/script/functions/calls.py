"""Calls of host functions by one script instance: arguments by the row, the strict rule, a result of the row's type."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

from hisee.channel.payloads import CallChain
from hisee.schema.errors import Err
from hisee.schema.host_functions import BY_NUMBER, HostFnRow
from hisee.script.functions.handles import Handles
from hisee.script.functions.registry import BEHIND, CONVERSION, RANGE, Raised
from hisee.script.functions.site import Site
from hisee.values import Invalid, Ref, Stamped, Time, Type

SECTIONS = ("text", "objects", "identity", "users", "runtime", "files", "http", "crypto", "json", "xml", "programs")
for _section in SECTIONS:
    import_module(f"hisee.script.functions.on_{_section}")

LEAST_INT, MOST_INT = -(2**63) + 16, 2**63 - 1
TYPES = {"B": Type.BOOL, "I": Type.INT, "H": Type.INT, "R": Type.REAL, "T": Type.TEXT, "TM": Type.TIME, "U": Type.INT, "-": Type.INT}


class Owner(Protocol):
    """The script instance that the functions belong to."""

    name: str
    object: str
    number: int
    console: int
    script: Any

    def chain(self) -> CallChain: ...

    database_error: tuple[int, str]


class Functions:
    """Functions of one instance, with what it holds: handles, the last errors. One call at a time; some calls come from a thread."""

    def __init__(self, site: Site, owner: Owner) -> None:
        self.site, self.owner = site, owner
        self.handles = Handles(site.limit("handles"))
        self.kept: dict[str, Any] = {}  # what a section remembers between calls
        self._lock = threading.Lock()
        self.closed = False

    def keep(self, kind: type[Any]) -> Any:
        """The section's own memory, made at first use."""
        return self.kept.setdefault(kind.__name__, kind())

    def call(self, number: int, arguments: Sequence[Any]) -> Any:
        """The result, in the type of the row or Invalid. Raises Raised for an error of the script, nothing else."""
        row = BY_NUMBER.get(number)
        if row is None:
            raise Raised(Err.ERR_NOT_SUPPORTED, f"function {number} is not known here; the script was compiled for a newer system")
        if not row.least <= len(arguments) <= row.most:
            raise Raised(Err.ERR_INV_NUM_PARAMS, f"{row.name} with {len(arguments)} arguments")
        values = [converted(letter(row, i), plain(value)) for i, value in enumerate(arguments)]
        values += [default for _, _, default in row.parameters[len(values):]]
        bad = first_invalid(values) if row.validity == "strict" else None
        with self._lock:
            if self.closed:
                raise Raised(Err.ERR_EVENT_CLOSED, "the script has ended")
            return self._result(row, bad if bad is not None else BEHIND[number](self, *values))

    def _result(self, row: HostFnRow, value: Any) -> Any:
        if value is None or isinstance(value, Invalid):
            return Invalid(1 if value is None else value.reason, TYPES[row.result])
        if isinstance(value, str):
            return storable(value[:self.site.limit("text_chars")])
        if isinstance(value, float) and not math.isfinite(value):
            return Invalid(2, Type.REAL)
        if isinstance(value, int) and not LEAST_INT <= value <= MOST_INT:
            return Invalid(2, TYPES[row.result])
        return value

    def close(self) -> None:
        """Give back what the instance holds: at once, or by the call that is under way when that ends."""
        self.closed = True
        for stop in list(self.kept.get("Stoppers", ())):
            stop()
        threading.Thread(target=self._close_handles, daemon=True).start() if self._lock.locked() else self._close_handles()

    def _close_handles(self) -> None:
        with self._lock:
            self.handles.close_all()
            self.kept.clear()


def letter(row: HostFnRow, i: int) -> str:
    return str(row.parameters[min(i, len(row.parameters) - 1)][1])


def plain(value: Any) -> Any:
    value = value.value if isinstance(value, Stamped) else value
    return value.object if isinstance(value, Ref) else value


def first_invalid(values: Sequence[Any]) -> Invalid | None:
    return next((v for v in values if isinstance(v, Invalid)), None)


def storable(text: str) -> Any:
    """A TEXT is UTF-8: lone surrogates have no place in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return Invalid(3, Type.TEXT)
    return text


def converted(letter: str, value: Any) -> Any:
    """By the table of conversions."""
    if isinstance(value, Invalid) or letter == "U":
        return value
    if letter == "T":
        return value if isinstance(value, str) else CONVERSION
    if letter == "TM":
        return value if isinstance(value, Time) else CONVERSION
    if isinstance(value, (str, Time)):
        return CONVERSION
    if letter == "R":
        return float(value)
    whole = nearest(value)
    if letter == "B" and not isinstance(whole, Invalid):
        return bool(whole) if whole in (0, 1) else CONVERSION
    return whole


def nearest(value: float) -> Any:
    """INT of a number, half away from zero."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return RANGE
        value = math.floor(abs(value) + 0.5) * (1 if value > 0 else -1) if abs(value) < 2**52 else int(value)
    return int(value) if LEAST_INT <= value <= MOST_INT else RANGE
