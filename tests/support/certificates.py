"""Certificates for tests: a CA of a system in memory, and computers' folders with certificates of it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from hisee.cluster.ca import Authority, keep_own, own_key
from hisee.seams import SystemClock
from hisee.tls import CA, Certificates

DAY_MS = 86_400_000


@dataclass
class ShiftedClock(SystemClock):
    """The real clock, some days earlier or later."""

    days: float = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.days * DAY_MS)


def computer(folder: Path, authority: Authority, node: str) -> Certificates:
    """A computer of the authority's system, its files in `folder`."""
    key = own_key(folder)
    keep_own(folder, key, authority.issue(node, key.public_key()))
    (folder / CA).write_bytes(authority.pem)
    return Certificates(folder, SystemClock().now_ms())


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server of SRV1, client of WS1) of one system; made once per folder."""
    if not (folder / "ca").exists():
        authority = Authority.make(folder / "ca", "TEST", SystemClock())
        for node in ("SRV1", "WS1"):
            computer(folder / node, authority, node)
    now_ms = SystemClock().now_ms()
    return Certificates(folder / "SRV1", now_ms).server(), Certificates(folder / "WS1", now_ms).client()
