"""What is set up on a computer once it has certificates and secret: one step after the other, each of which may be done again."""

from __future__ import annotations

from collections.abc import Callable

from hisee.cluster.computer import Computer
from hisee.errors import HiseeError
from hisee.pair.preparing import prepare

Say = Callable[[str], object]
Step = Callable[[Computer, Say], None]


def prepare_pair(computer: Computer, say: Say) -> None:
    """Folders and passwords of the database pair. What is missing for it is said and can follow: the certificates are there already."""
    try:
        prepare(computer.data, computer.plan.group, computer.plan.nodes, computer.node, say)
    except HiseeError as error:
        say(f"the database pair cannot run here yet: {error}")


STEPS: tuple[Step, ...] = (prepare_pair,)


def set_up_computer(computer: Computer, say: Say) -> None:
    """Called by `hisee cluster init` (before it lets others join) and `hisee cluster join`, again at each repetition of them.

    A step looks at `computer.role` and does nothing where it has nothing to do; raises HiseeError, which ends the command.
    """
    for step in STEPS:
        step(computer, say)
