"""What is set up on a computer once it has certificates and secret: one step after the other, each of which may be done again."""

from __future__ import annotations

from collections.abc import Callable

from hisee.cluster.computer import Computer

Say = Callable[[str], object]
Step = Callable[[Computer, Say], None]
STEPS: tuple[Step, ...] = ()  # the database's steps stand here: on the witness's computer the monitor, on a server a database node


def set_up_computer(computer: Computer, say: Say) -> None:
    """Called by `hisee cluster init` (before it lets others join) and `hisee cluster join`, again at each repetition of them.

    A step looks at `computer.role` and does nothing where it has nothing to do; raises HiseeError, which ends the command.
    """
    for step in STEPS:
        step(computer, say)
