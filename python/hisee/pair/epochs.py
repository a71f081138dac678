"""Epochs after a promotion by hand: none that another part of a broken pair may give out as well.

Nobody can tell such a promotion to the part that is cut off, which goes on counting from the same epoch. So the numbers are cut into
blocks, every computer owns each 16th of them, and a promotion goes on at the begin of the next block but one of its own computer.
"""

from __future__ import annotations

from typing import Any

import psycopg

from hisee.errors import HiseeError

BLOCK = 1 << 12  # more changes of hands than a part of a pair can count while nobody knows of it
COMPUTERS = 16
LIMIT = 1 << 24  # values are numbered by epoch x 2^40 in 64 bits; at most 17 blocks go with a promotion: over 200 of them
TERMS = "SELECT term, epoch FROM engine_term ORDER BY term FOR UPDATE"
RAISE = "UPDATE engine_term SET epoch = %s, holder = 0 WHERE term = %s"


def promoted(epoch: int, place: int, given: int = 0) -> int:
    """The epoch to go on from after a promotion on the computer with this place in the group; `given`: the highest one that a promotion
    there gave before, whatever its database knows of it."""
    block = max(epoch, given) // BLOCK + 2
    return (block + (place - block) % COMPUTERS) * BLOCK


def raise_epochs(connection: psycopg.Connection[Any], place: int, given: int = 0) -> dict[str, int]:
    """Inside a transaction: every term is free and has such an epoch; whoever held one finds it lost. Raises HiseeError."""
    epochs = {term: promoted(epoch, place, given) for term, epoch in connection.execute(TERMS).fetchall()}
    if any(epoch >= LIMIT for epoch in epochs.values()):
        raise HiseeError(f"epoch {max(epochs.values())} is beyond {LIMIT}: no promotion by hand is left",
                         hint="export the system and begin with a new engine database")
    for term, epoch in epochs.items():
        connection.execute(RAISE, [epoch, term])
    return epochs
