"""Which Python function stands behind which row of the table host_functions; what such a function may answer and raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hisee.schema.errors import Err
from hisee.schema.host_functions import BY_NAME
from hisee.values import Invalid, Reason

Call = TypeVar("Call", bound=Callable[..., Any])
BEHIND: dict[int, Callable[..., Any]] = {}


class Raised(Exception):
    """Ends the call with a run-time error that the script can catch."""

    def __init__(self, error: Err, text: str) -> None:
        super().__init__(text)
        self.error, self.text = error, text


def function(name: str) -> Callable[[Call], Call]:
    """Puts a Python function behind a row. It gets the `Functions` of its instance and the arguments in the row's types, defaults
    filled in, and answers a value, an `Invalid` of any type, or None where the row has no result."""
    number = BY_NAME[name].number

    def put(call: Call) -> Call:
        BEHIND[number] = call
        return call

    return put


UNDEFINED = Invalid(Reason.UNDEFINED)
RANGE = Invalid(Reason.OUT_OF_RANGE)
CONVERSION = Invalid(Reason.CONVERSION)
NO_DATA = Invalid(Reason.NO_DATA)
COMMUNICATION = Invalid(Reason.COMMUNICATION)
