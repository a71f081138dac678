"""Versions of the protocol: what this release speaks, what two processes agree on, and which messages a peer of a lower minor is not sent.

HELLO carries the lowest and the highest version that the caller speaks; in force is the highest that both speak, and WELCOME says
which. Minors only add: fields that have defaults, and rows of the message table, each with the minor that brought it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import hisee
from hisee.channel.payloads import Hello, Version, Welcome
from hisee.schema.messages import BY_NUMBER, ROWS

PROTOCOL: Version = (1, 7)  # the highest that this release speaks; appended rows and fields raise the minor
LOWEST: Version = (1, 0)  # the lowest; raised only when no supported release needs it any more
USER_FLAGS: Version = (1, 5)  # from here on values travel with their user flags
DLLHOSTS: Version = (1, 7)  # from here on the server lists the processes of foreign libraries
CHANGES_CARRIER: Version = (1, 7)  # from here on a local link goes from its rings to the socket and back
NOT_TOLD: Version = (0, 0)
UNTOLD: Version = (1, 0)  # of a peer that says nothing: releases up to 1.2 did not send theirs
NOTHING: Mapping[int, str] = MappingProxyType({})


class Span(NamedTuple):
    """The versions that a process speaks."""

    lowest: Version
    highest: Version

    def __str__(self) -> str:
        return shown(self.highest) if self.lowest == self.highest else f"{shown(self.lowest)} to {shown(self.highest)}"


OWN = Span(LOWEST, PROTOCOL)


def shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def offer(hello: Hello) -> None:
    """Say in a HELLO of this process what it speaks; one that is handed on for another process says that already."""
    if hello.protocol == NOT_TOLD:
        hello.protocol, hello.lowest = PROTOCOL, LOWEST


def span_of(hello: Hello) -> Span:
    """What the sender of a HELLO speaks. Whoever names no lowest speaks its major from 0 on."""
    if hello.protocol == NOT_TOLD:
        return Span(UNTOLD, UNTOLD)
    return Span((hello.protocol[0], 0) if hello.lowest == NOT_TOLD else hello.lowest, hello.protocol)


def agreed(hello: Hello) -> Version:
    """In force with the sender of a HELLO that `refusal` lets in."""
    return min(span_of(hello).highest, PROTOCOL)


def in_force(welcome: Welcome) -> Version:
    """As the server says it; a server that says nothing is of a release before it could."""
    return UNTOLD if welcome.protocol == NOT_TOLD else welcome.protocol


def refusal(hello: Hello) -> str:
    """Why nothing can be agreed on with the sender of a HELLO, and who has to do what; "" = something can."""
    theirs = span_of(hello)
    if theirs.highest < LOWEST:
        way = "upgrade hisee where that program runs"
    elif theirs.lowest > PROTOCOL:
        way = "upgrade hisee on the computer of the server"
    else:
        return ""
    who = f"{hello.kind} {hello.name}".strip() + (f" of {hello.node}" if hello.node else "")
    release = f" (hisee {hello.version})" if hello.version else ""
    return f"the server (hisee {hisee.__version__}) speaks protocol {OWN}, {who}{release} speaks {theirs}: {way}"


@lru_cache(maxsize=64)
def unspoken(version: Version) -> Mapping[int, str]:
    """Kinds of messages that a peer of this version is not sent, with the reason."""
    return {row.number: f"{row.name} needs protocol {PROTOCOL[0]}.{row.since}, the other side speaks {shown(version)}: upgrade hisee there"
            for row in ROWS if (PROTOCOL[0], row.since) > version} or NOTHING


def kind_name(kind: int) -> str:
    """Of a message, also of one that a later release brought."""
    row = BY_NUMBER.get(kind)
    return row.name if row is not None else f"message of kind {kind:#06x}"
