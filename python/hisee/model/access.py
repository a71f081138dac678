"""Ranges of addresses of `[access]` in app.toml: how they are read, what is wrong with them, what run.json tells processes. Pure data."""

from __future__ import annotations

import ipaddress
from typing import Any, NamedTuple

from hisee.model import forms
from hisee.model.problem import BAD_ACCESS, Findings, choose_from, shown
from hisee.schema.kinds import ROWS as KINDS

FILE = "app.toml"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NO_CLIENT = ("KNL", "PWP", "DWP", "NWP")  # the server itself, and kinds of the overview: those processes log on as WP
CLIENTS = tuple(row.name for row in KINDS if not row.virtual and row.name not in NO_CLIENT)


class Range(NamedTuple):
    """From `first` to `last`, both included, of one version of IP; `text` as it was written."""

    first: Address
    last: Address
    text: str

    def __contains__(self, address: object) -> bool:
        return isinstance(address, type(self.first)) and int(self.first) <= int(address) <= int(self.last)


def read_range(text: str) -> Range:
    """An address, a prefix `10.0.0.0/8` or a span `10.0.0.1-10.0.0.9`. ValueError says what it is not."""
    if "-" in text:
        first, last = (ipaddress.ip_address(part.strip()) for part in text.split("-", 1))
        if first.version != last.version:
            raise ValueError("a span of two versions of IP")
        if int(first) > int(last):
            raise ValueError("a span that ends before it begins")
        return Range(first, last, text)
    network = ipaddress.ip_network(text.strip())
    return Range(network.network_address, network.broadcast_address, text)


def check(form: forms.AccessForm, findings: Findings) -> None:
    """What can never be meant: ranges that are none, a network that accepts nobody, kinds that do not exist."""
    for place, network in enumerate(form.networks):
        key = f"access.networks[{place}]"
        if not network.accept:
            findings.error(BAD_ACCESS, FILE, "a network without an accepted range lets nobody log on", key=f"{key}.accept",
                           hint='accept = ["0.0.0.0/0", "::/0"] is every address')
        for name in ("accept", "deny"):
            _check_ranges(getattr(network, name), f"{key}.{name}", findings)
        for kind in network.kinds:
            if kind not in CLIENTS:
                findings.error(BAD_ACCESS, FILE, "no kind of process that logs on", key=f"{key}.kinds", value=shown(kind),
                               hint=choose_from(kind, CLIENTS))


def _check_ranges(texts: list[str], key: str, findings: Findings) -> None:
    for place, text in enumerate(texts):
        try:
            read_range(text)
        except ValueError as fault:
            findings.error(BAD_ACCESS, FILE, f"no range of addresses: {fault}", key=f"{key}[{place}]", value=shown(text),
                           hint="write 10.9.0.7, 10.9.0.0/16, 10.9.0.1-10.9.0.9 or the same of IPv6")


def facts(form: forms.AccessForm) -> list[dict[str, Any]]:
    """What run.json says under "access": [] = nothing is checked."""
    return [{"accept": n.accept, "deny": n.deny, "kinds": n.kinds} for n in form.networks]
