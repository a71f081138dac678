"""Limits and timers of one channel, resolved once from the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hisee.schema import limits as limit_table
from hisee.schema import timers as timer_table

LIMITS = {row.name: row.value for row in limit_table.ROWS}
TIMERS = {row.name: row.ms for row in timer_table.ROWS}
MS = 1_000_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes in bytes, times in the unit of the name."""

    fragment_bytes: int
    message_bytes: int
    backlog_bytes: int
    ring_bytes: int
    frame_bytes: int
    frame_before_logon_bytes: int
    half_open_logons: int
    heartbeat_ns: int
    watchdog_ns: int
    tick_s: float
    logon_s: float
    ack_alone_s: float
    ring_poll_s: float
    ring_again_ns: int
    ring_again_most_ns: int
    linger_s: float
    watchdog_s: float
    resume_silence_ms: int
    resume_dial_s: float
    resume_wait_ms: int
    reconnect_ms: int
    alternate_ms: int


def settings(limits: Mapping[str, int] | None = None, timers: Mapping[str, int] | None = None) -> Settings:
    """The tables with `limits` (names of the limits table) and `timers` (milliseconds) in place of their defaults."""
    size = {**LIMITS, **(limits or {})}
    ms = {**TIMERS, **(timers or {})}
    return Settings(
        fragment_bytes=size["fragment_bytes"], message_bytes=size["message_bytes"], backlog_bytes=size["backlog_bytes"],
        ring_bytes=size["ring_bytes"], frame_bytes=size["frame_bytes"],
        frame_before_logon_bytes=size["frame_before_logon_bytes"], half_open_logons=size["half_open_logons"],
        heartbeat_ns=ms["heartbeat"] * MS, watchdog_ns=ms["watchdog"] * MS, tick_s=ms["heartbeat"] / 2000,
        logon_s=ms["logon"] / 1000, ack_alone_s=ms["ack_alone"] / 1000, ring_poll_s=ms["ring_poll"] / 1000,
        ring_again_ns=ms["ring_again"] * MS, ring_again_most_ns=ms["ring_again_most"] * MS,
        linger_s=ms["stop"] / 1000, watchdog_s=ms["watchdog"] / 1000, resume_silence_ms=ms["resume_silence"],
        resume_dial_s=ms["resume_dial"] / 1000, resume_wait_ms=ms["resume_wait"], reconnect_ms=ms["reconnect"],
        alternate_ms=ms["alternate"],
    )
