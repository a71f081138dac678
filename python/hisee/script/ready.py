"""Instances that can run now: those of the highest priority first, each priority round robin. Pure."""

from __future__ import annotations

from collections import deque

from hisee.script.instance import Instance

LOWEST = 5


class Ready:
    """A queue for each priority, 1 (highest) to 5."""

    def __init__(self) -> None:
        self._queues: list[deque[Instance]] = [deque() for _ in range(LOWEST)]

    def __bool__(self) -> bool:
        return any(self._queues)

    def __contains__(self, instance: Instance) -> bool:
        return instance in self._of(instance)

    def append(self, instance: Instance) -> None:
        """Behind all of its priority."""
        self._of(instance).append(instance)

    def pop(self) -> Instance:
        """The next one to run; raises IndexError when there is none."""
        return next((queue for queue in self._queues if queue), self._queues[0]).popleft()

    def _of(self, instance: Instance) -> deque[Instance]:
        return self._queues[min(max(instance.priority, 1), LOWEST) - 1]
