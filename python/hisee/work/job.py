"""A program's task as data: what its arguments mean, its generated form, the outcome of its end. Nothing here runs."""

from __future__ import annotations

from typing import Any

import msgspec

from hisee.engine.coordinator import Claim, Outcome
from hisee.errors import HiseeError
from hisee.work.jobbook import RUN_NUMBERS

FUNC = "program."


class WrongArguments(HiseeError):
    """The task cannot be a program's call."""


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The generated form of a program's task, kept with the task as JSON (R140)."""

    program: str
    args: list[str]
    agent: str = ""
    run: int = 1
    noted: bool = False  # stands in the engine
    started: bool = False  # the agent said that it has the job
    argv: list[str] = []  # the command line as the agent resolved it

    @property
    def base(self) -> int:
        """Reports of this run have greater numbers."""
        return (self.run - 1) * RUN_NUMBERS

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def read(cls, text: str) -> Form | None:
        """None = there is none yet."""
        return msgspec.json.decode(text, type=cls) if text else None


def program_of(claim: Claim) -> str:
    return claim.func.removeprefix(FUNC)


def arguments_of(claim: Claim) -> list[str]:
    """Argument `args`: a list of texts, or one. Raises WrongArguments."""
    given = claim.args.get("args", [])
    given = [given] if isinstance(given, str) else given
    if set(claim.args) - {"args"} or not isinstance(given, list):
        raise WrongArguments(f"{claim.func} takes only the argument args, a list of texts", hint='--arg args=\'["-v", "file"]\'')
    return [value if isinstance(value, str) else msgspec.json.encode(value).decode() for value in given]


def outcome_of(row: dict[str, Any], output: str) -> Outcome:
    """From the report of an end. A program that failed is not started again by itself: nobody knows what it had done by then."""
    code, text = row.get("exit"), row.get("text", "")
    result = {"exit": code, "output": output}
    if code is None:
        return Outcome(status="lost", text=text, result=result)
    if code == 0 and not text:
        return Outcome(status="ok", result=result)
    return Outcome(status="not ok", text=text or f"exit code {code}", result=result)
