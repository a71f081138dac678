"""The ways of a client to its server, one per network: doors on it, and the logon through one of them. Blocks; the loop knows nothing."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hisee.channel.channel import Channel
from hisee.channel.dial import dial_tcp
from hisee.channel.doors import CHOOSE, Doors, Rows, enter
from hisee.channel.errors import LogonRefused, PeerUnreachable
from hisee.channel.payloads import Hello
from hisee.channel.shape import LinkShape
from hisee.seams import Seams

Numbers = Mapping[str, int]
Secure = Callable[[str], ssl.SSLContext | None]  # the certificates to show at a host; None = that host is dialled without TLS
SESSION = "session"  # fact of a HELLO: True = a session is wanted, its number = another way into it; of a WELCOME: its number
NETWORK, NETWORKS = "network", "networks"  # facts of a HELLO: place of this way in the list of the client's networks
NO_SESSION = "SESSION"  # refusal: the server has no such session, and will never have it again
UNSPECIFIED = ("", "0.0.0.0", "::", "[::]")


class Network:
    """One network: its doors and how to log on there. `name` is the host of its first door."""

    def __init__(self, addresses: Sequence[str], secret: bytes, seams: Seams, *, limits: Numbers, timers: Numbers,
                 link: LinkShape | None = None, alone: bool = True, tls: Secure | None = None) -> None:
        self.name = split(addresses[0])[0] if addresses else ""
        self.doors = Doors(addresses, seams.rng)
        self.link = link
        self._secret, self._seams, self._limits, self._timers, self._alone = secret, seams, limits, timers, alone
        self._tls = tls

    def learn(self, rows: Rows) -> None:
        """The server's list of doors. Beside other networks only those of this one count; a door that listens everywhere is on each."""
        mine = []
        for row in rows:
            host, port = split(str(row.get("address") or ""))
            if host in UNSPECIFIED:
                mine.append({**row, "address": f"{self.name}:{port}"})
            elif self._alone or host == self.name:
                mine.append(row)
        self.doors.learn(mine)

    def enter(self, hello: Hello, *, choose: bool) -> Channel:
        """The first logon. `choose`: at the least loaded door. Raises PeerUnreachable, LogonRefused."""
        if choose:
            return enter(self.doors, hello, lambda address, said: self._dial(address, said, self._timers))
        return self._any_door(hello, self._timers)

    def again(self, hello: Hello, session: int, network: int, deadline_ms: int, after: str = "") -> Channel:
        """Another way into a session that runs, through whichever door answers first; `after`, the door that was lost, comes last.

        Raises PeerUnreachable, LogonRefused.
        """
        said = msgspec.structs.replace(hello, facts={**hello.facts, SESSION: session, NETWORK: network, CHOOSE: False})
        return self._any_door(said, {**self._timers, "logon": deadline_ms}, after)

    def _any_door(self, hello: Hello, timers: Numbers, after: str = "") -> Channel:
        last: PeerUnreachable | LogonRefused = PeerUnreachable("no communication process is known", hint="name one with /SHOST:PORT")
        for address in sorted(self.doors.any_order(), key=lambda address: address == after):
            try:
                channel = self._dial(address, hello, timers)
            except PeerUnreachable as fault:
                last = fault
            except LogonRefused as refused:
                last = refused
                if refused.refusal not in PASSING:
                    break
            else:
                self.doors.entered()
                return channel
        raise last

    def _dial(self, address: str, hello: Hello, timers: Numbers) -> Channel:
        host, port = split(address)
        return dial_tcp(host, port, hello, self._secret, seams=self._seams, limits=self._limits, timers=timers, link=self.link,
                        tls=self._tls(host) if self._tls is not None else None)


PASSING = ("CROWDED", "SERVER", "ELSEWHERE")  # refusals of one door that another one need not share


def server_networks(run: Mapping[str, Any], server: str) -> list[list[str]]:
    """Doors of a server of a group by run.json, a list for each of its networks; [] where nothing names its hosts and ports. `server` ""
    = the one of this computer."""
    named = (run.get("group") or {}).get("servers", {}).get(server or run.get("server", ""), {})
    ports = named.get("cp") or []
    return [[f"{host}:{port}" for port in ports] for host in named.get("hosts") or []] if ports else []


def split(address: str) -> tuple[str, int]:
    """Host and port; port 0 where there is none."""
    host, _, port = address.rpartition(":")
    return host, int(port) if port.isdecimal() else 0
