"""Who may log on over TCP (R84): a pure decision over the ranges of `[access]`. Rings and Unix sockets never come here.

A client is admitted by at least one network: its address is in an accepted range of it, in no denied one of it, and its kind is one of
those that it names, if it names any. Within a network a denied range wins however wide it is; a network denies nothing to another one,
so the order of networks means nothing. Servers of the group are no clients: their certificates and the group admit them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hisee.model.access import Address, Range, read_range

CODE = "ACCESS"
EXEMPT = "KNL"


class Network(NamedTuple):
    accept: tuple[Range, ...]
    deny: tuple[Range, ...]
    kinds: frozenset[str]  # empty = every kind


class Access:
    """Of one system. Without networks everybody is admitted."""

    def __init__(self, networks: Sequence[Mapping[str, Any]] = ()) -> None:
        """As run.json has them. Raises ValueError for a range that is none."""
        self._networks = [Network(tuple(map(read_range, n.get("accept", ()))), tuple(map(read_range, n.get("deny", ()))),
                                  frozenset(n.get("kinds", ()))) for n in networks]

    def refusal(self, peer: str, kind: str) -> str:
        """Why a client of this kind at `peer` (host:port) may not log on; "" = it may."""
        if not self._networks or kind == EXEMPT:
            return ""
        address = address_of(peer)
        if address is None:
            return f"{peer or 'an unknown address'} is no address that [access] could admit"
        reasons = [_reason(place, network, address, kind) for place, network in enumerate(self._networks)]
        if None in reasons:
            return ""
        told = [reason for reason in reasons if reason] or ["it is in no accepted range of [access]"]
        return f"{kind} at {address} may not log on: {'; '.join(told)}"


def _reason(place: int, network: Network, address: Address, kind: str) -> str | None:
    """None = this network admits it; "" = it has nothing to do with it."""
    accepted = next((r for r in network.accept if address in r), None)
    if accepted is None:
        return ""
    denied = next((r for r in network.deny if address in r), None)
    if denied is not None:
        return f"{denied.text} is denied by networks[{place}] of [access]"
    if network.kinds and kind not in network.kinds:
        return f"networks[{place}] of [access] admits {', '.join(sorted(network.kinds))} from {accepted.text}"
    return None


def address_of(peer: str) -> Address | None:
    """Of `host:port`; an IPv4 address in its IPv6 form counts as what it is."""
    host = peer.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
