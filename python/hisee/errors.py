"""Faults as a person sees them: one line that names the thing, its value and the way out, and the exit code it leads to.

The class says whose fault it is. Expected outcomes are return values, not errors; a script's own errors are numbers
(`hisee.schema.errors`). Parts may derive their own classes; the command line needs only `text` and `exit`.
"""

from __future__ import annotations

from hisee.schema.exits import Exit


class HiseeError(Exception):
    """Base of every error that hisee raises on purpose. `hint` is the way out and may be empty."""

    exit = Exit.FINDINGS

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return one_line(f"{self.text}; {self.hint}" if self.hint else self.text)


class UsageError(HiseeError):
    """Wrong options, a missing file, a folder that is no application."""

    exit = Exit.USAGE


class CannotConnect(HiseeError):
    """No system runs there, or it does not answer the logon."""

    exit = Exit.CANNOT_CONNECT


class AccessRefused(HiseeError):
    """The system is there and says no: secret not proved, name taken, right missing."""

    exit = Exit.REFUSED


class TimeOver(HiseeError):
    """The system did not answer or finish within the time given."""

    exit = Exit.TIMED_OUT


class InternalError(HiseeError):
    """A fault of hisee itself; worth a report."""

    exit = Exit.INTERNAL


def one_line(text: str) -> str:
    """`text` with its line breaks shown as \\n: a log line stays one line whatever a name contains."""
    return text.replace("\r", "").replace("\n", "\\n")
