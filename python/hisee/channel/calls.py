"""CALL_TO: the address in front of a CALL to an open object, which the server reads; what follows is the CALL itself.

24 bytes, little endian: object (4), process (4, 0 = not given), instance (4, signed, -1 = not given), flags (1), priority (1), two unused
bytes, conversation (8). Flags as of the action CALL_OBJECT.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEAD = struct.Struct("<IIiBBxxq")
ASYNC, CODE, ALL, BEGIN, CONTINUE, END = 1, 2, 4, 8, 16, 32
CONVERSATION = BEGIN | CONTINUE | END
NO_INSTANCE, PRIORITIES, USUAL = -1, (1, 2, 3, 4, 5), 3


class Address(NamedTuple):
    """Whom a CALL is for."""

    object: int
    process: int = 0
    instance: int = NO_INSTANCE
    flags: int = 0
    priority: int = USUAL
    conversation: int = 0


def pack_call(address: Address, call: bytes) -> bytes:
    """Payload of CALL_TO."""
    return HEAD.pack(*address) + call


def unpack_call(payload: bytes) -> tuple[Address, bytes]:
    """Address and payload of the CALL; raises ValueError."""
    if len(payload) < HEAD.size:
        raise ValueError(f"CALL_TO of {len(payload)} bytes, its address alone has {HEAD.size}")
    return Address(*HEAD.unpack_from(payload)), payload[HEAD.size:]


def with_flags(call: bytes, flags: int, priority: int, conversation: int = 0) -> bytes:
    """A CALL's flags, its first value: bits 0-7 the flags, 8-10 the priority, 11-62 the conversation."""
    (before,) = struct.unpack_from("<q", call, 3)
    return call[:3] + struct.pack("<q", before | flags | priority << 8 | conversation << 11) + call[11:]


def parts_of(flags: int) -> tuple[int, int, int]:
    """Flags, priority, conversation of a CALL's first value."""
    return flags & 0xFF, flags >> 8 & 7 or USUAL, flags >> 11
