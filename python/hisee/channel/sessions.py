"""Ways to get a Channel that outlives its connections, and the order that sets its preferred network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hisee.channel.channel import Channel
from hisee.channel.errors import PeerUnreachable
from hisee.channel.networks import NETWORK, NETWORKS, SESSION, Network, Secure
from hisee.channel.payloads import Hello
from hisee.channel.resuming import SessionChannel
from hisee.channel.settings import Settings, settings
from hisee.channel.shape import LinkShape
from hisee.commands import CommandRefused
from hisee.seams import Seams

Numbers = Mapping[str, int]


def dial_session(networks: Sequence[Sequence[str]], hello: Hello, secret: bytes, *, seams: Seams | None = None,
                 limits: Numbers | None = None, timers: Numbers | None = None, link: LinkShape | None = None,
                 choose: bool = False, tls: Secure | None = None) -> Channel:
    """Log on through a communication process and keep a session that survives it. `networks`: addresses of doors per network, the
    first network is tried first; `choose`: at the least loaded door. Blocks.

    A server that knows no sessions gives a plain channel. Raises PeerUnreachable, LogonRefused, ProtocolMismatch.
    """
    seams = seams or Seams()
    ways = [Network(addresses, secret, seams, limits=limits or {}, timers=timers or {}, link=link, alone=len(networks) == 1,
                    tls=tls)
            for addresses in networks]
    return log_on(ways, hello, seams, settings(limits, timers), choose=choose)


def log_on(ways: Sequence[Network], hello: Hello, seams: Seams, config: Settings, *, choose: bool = False) -> Channel:
    """The same over networks that the caller made."""
    last: PeerUnreachable | None = None
    hello.facts = {**hello.facts, SESSION: True, NETWORKS: [way.name for way in ways]}
    for number, way in enumerate(ways):
        hello.facts[NETWORK] = number
        try:
            line = way.enter(hello, choose=choose)
        except PeerUnreachable as fault:
            last = fault
            continue
        if line.welcome is None or not line.welcome.facts.get(SESSION):
            return line
        return SessionChannel(line, number, ways, hello, seams, config)
    raise last or PeerUnreachable("no communication process is known", hint="name one with /SHOST:PORT")


def route_ordered(channel: Channel | None, words: list[str]) -> str:
    """The command ROUTE NETWORK|NONE; its answer. Raises ValueError, CommandRefused."""
    if not isinstance(channel, SessionChannel):
        raise CommandRefused("this process has one way to its server")
    names = [name for name, _ in channel.networks]
    if len(words) != 1 or words[0] not in (*names, "NONE"):
        raise ValueError(f"ROUTE {' or '.join([*names, 'NONE'])}")
    channel.prefer(names.index(words[0]) if words[0] != "NONE" else -1)
    return ", ".join(f"{name} {state}" for name, state in channel.networks)
