"""Keys of outbox rows that were carried out here: the second sending of a row is answered and changes nothing."""

from __future__ import annotations

from collections import OrderedDict

KEPT = 20_000  # rows are sent again within seconds or never: the sender marks them after the answer


class Seen:
    """Remembers the newest keys. The server's life is the system's: what it forgot by ending, it forgot with every value."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._keys: OrderedDict[str, None] = OrderedDict()

    def first(self, key: str) -> bool:
        """False for a key that came before; a message without key is always a first one."""
        if not key:
            return True
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > self._kept:
            self._keys.popitem(last=False)
        return True
