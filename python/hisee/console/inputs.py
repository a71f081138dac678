"""Inputs of a page: the messages it may send, checked by their types, and what each does."""

from __future__ import annotations

from typing import Any

import msgspec

from hisee.console.console import Console, OperatorError
from hisee.console.desk import CHOICES
from hisee.schema.errors import Err


class _Input(msgspec.Struct, tag=str.lower, forbid_unknown_fields=True):
    """Base of all inputs; the field `type` names the class."""


class Snapshot(_Input):
    """The page lost track of the sequence."""


class Pictures(_Input):
    """What can be opened?"""


class Open(_Input):
    object: str


class Close(_Input):
    opened: int


class Click(_Input):
    opened: int
    id: str


class Enter(_Input):
    opened: int
    id: str
    text: str


class Answer(_Input):
    question: int
    choice: str


Input = Snapshot | Pictures | Open | Close | Click | Enter | Answer


async def carry_out(console: Console, wanted: Any) -> None:
    """Raises OperatorError or RequestFailed with what the operator is told."""
    if isinstance(wanted, Open):
        await console.open(wanted.object)
    elif isinstance(wanted, Close):
        await console.close(wanted.opened)
    elif isinstance(wanted, Click):
        console.click(wanted.opened, wanted.id)
    elif isinstance(wanted, Enter):
        console.type(wanted.opened, wanted.id, wanted.text)
    elif isinstance(wanted, Answer):
        if wanted.choice not in CHOICES:
            raise OperatorError(Err.ERR_RANGE_ERROR, f"no answer: {wanted.choice[:64]}")
        console.desk.answer(wanted.question, wanted.choice)
