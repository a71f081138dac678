"""Time of one call of a function of two numbers; needs nothing but Python, so that it runs in the peers' environment too."""

import time
from collections.abc import Callable


def nanoseconds(add: Callable[[int, int], int], calls: int) -> float:
    """Of one call; the answer is looked at first."""
    if add(20, 22) != 42:
        raise SystemExit(f"{add}: 20 and 22 are not {add(20, 22)}")
    empty = elapsed(range(calls // 10))
    begin = time.process_time_ns()
    for _ in range(calls // 10):
        add(20, 22), add(20, 22), add(20, 22), add(20, 22), add(20, 22)
        add(20, 22), add(20, 22), add(20, 22), add(20, 22), add(20, 22)
    return (time.process_time_ns() - begin - empty) / (calls // 10 * 10)


def elapsed(turns: range) -> int:
    begin = time.process_time_ns()
    for _ in turns:
        pass
    return time.process_time_ns() - begin
