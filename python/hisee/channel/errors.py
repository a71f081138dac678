"""Faults of channels: who is at fault decides the class. `code` is stable and may be looked up, `hint` is the way out."""

from __future__ import annotations

from typing import Any

from hisee.errors import AccessRefused, CannotConnect, HiseeError


class ChannelError(HiseeError):
    """Base of every fault of a channel."""

    code = "V6000"


class ChannelClosed(ChannelError):
    """The channel has ended; `reason` says how: "died", "silent", "goodbye: ...", "poisoned: ...", "closed"."""

    code = "V6001"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the channel has ended ({reason})")
        self.reason = reason


class ChannelFull(ChannelError):
    """The peer takes nothing and the backlog is at its limit. The message was not accepted."""

    code = "V6002"


class MessageTooLong(ChannelFull):
    """The message is longer than the limit message_bytes; it will never be accepted."""

    code = "V6003"


class NotSpoken(ChannelFull):
    """The peer's release does not know this kind of message; it was not sent."""

    code = "V6008"


class CarrierFixed(ChannelError):
    """This link cannot change its carrier; the message says why."""

    code = "V6009"


class PeerUnreachable(CannotConnect):
    """Nobody listens at that address, or the other side does not speak the protocol."""

    code = "V6004"


class LogonRefused(AccessRefused):
    """The peer answered the logon with no. `refusal` is its code, `text` its words, `facts` what it says beside them."""

    code = "V6005"

    def __init__(self, refusal: str, text: str, facts: dict[str, Any] | None = None) -> None:
        super().__init__(text or f"logon refused ({refusal})")
        self.refusal = refusal
        self.facts = facts or {}


class ProtocolMismatch(LogonRefused):
    """The two programs have no version of the protocol in common."""

    code = "V6006"


class RequestFailed(ChannelError):
    """A request ended without its result: error number of a script, extended reason, words of the peer."""

    code = "V6007"

    def __init__(self, error: int, extended: int = 0, text: str = "") -> None:
        super().__init__(text or f"request failed with error {error}, extended {extended}")
        self.error = error
        self.extended = extended


class Lost(Exception):
    """Inside this package: the carrier has ended, for this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
