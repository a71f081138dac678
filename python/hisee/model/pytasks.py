"""tasks.py at the gate: is it Python at all? Compiles it, runs nothing; whether its imports are there, only a work process finds out."""

from __future__ import annotations

import warnings

from hisee.model.layout import TASKS_FILE, Layout
from hisee.model.problem import BAD_TASKS, Findings


def check(parts: Layout, findings: Findings) -> None:
    """An error with line and cause where the text cannot be compiled."""
    source = parts.files.get(TASKS_FILE)
    if source is None:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, TASKS_FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested beyond what the compiler takes
        findings.error(BAD_TASKS, TASKS_FILE, f"{type(error).__name__}: {getattr(error, 'msg', None) or error}",
                       line=getattr(error, "lineno", None) or 1, hint="it is Python, docs/tasks.md shows how it looks")
