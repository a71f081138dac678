"""The gate against servers of the past: every process keeps the highest epoch that it has seen and refuses lower ones."""

from __future__ import annotations

import msgspec

from hisee.channel.payloads import ServerState, Welcome


def told_in(welcome: Welcome | None) -> ServerState | None:
    """What a server says of itself in its WELCOME; None = it is in no group. Raises msgspec.ValidationError."""
    facts = welcome.facts.get("server") if welcome is not None else None
    return msgspec.convert(facts, ServerState) if facts else None


class Gate:
    """One per process. Epochs only grow, so what it has once refused it refuses for ever."""

    def __init__(self) -> None:
        self.epoch = 0
        self.refused = 0  # orders and sessions of lower epochs

    def admit(self, epoch: int) -> bool:
        """May whoever speaks with this epoch give orders? 0 = a system without a group, which has no other server."""
        if epoch < self.epoch:
            self.refused += 1
            return False
        self.epoch = epoch
        return True

    def hears(self, state: ServerState) -> bool:
        """Take what a server says of itself: False = it belongs to the past. A standby gives no orders; its words only raise the epoch."""
        if state.hot_itself:
            return self.admit(state.epoch)
        self.epoch = max(self.epoch, state.epoch)
        return True
