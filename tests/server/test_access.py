"""Access ranges: who may log on over TCP, and what is said to those who may not."""

from __future__ import annotations

from typing import Any

import pytest

from hisee.server.access import Access

PLANT: dict[str, Any] = {"accept": ["10.9.0.0/16"], "deny": ["10.9.4.0/24", "10.9.5.7"]}
OFFICE: dict[str, Any] = {"accept": ["192.168.1.10-192.168.1.20"], "kinds": ["HIP", "HISHOST"]}
GUEST: dict[str, Any] = {"accept": ["10.9.4.8"], "kinds": ["HIP"]}  # in a range that PLANT denies
SIX: dict[str, Any] = {"accept": ["2001:db8::/32", "fe80::/10"], "deny": ["2001:db8:0:1::/64"]}
NARROW: dict[str, Any] = {"accept": ["10.9.4.8"], "deny": ["10.9.0.0/16"]}
ADMITTED = ""


@pytest.mark.req("R84")
@pytest.mark.parametrize(("networks", "peer", "kind", "said"), [
    pytest.param([], "203.0.113.9:40000", "HIP", ADMITTED, id="nothing configured, nothing checked"),
    pytest.param([PLANT], "10.9.1.5:40000", "HIP", ADMITTED, id="accepted"),
    pytest.param([PLANT], "10.9.0.0:1", "AGENT", ADMITTED, id="first address of a prefix"),
    pytest.param([PLANT], "10.9.255.255:1", "AGENT", ADMITTED, id="last address of a prefix"),
    pytest.param([PLANT], "10.10.0.0:1", "HIP", "HIP at 10.10.0.0 may not log on: it is in no accepted range", id="one beyond it"),
    pytest.param([PLANT], "10.9.4.9:1", "HIP", "10.9.4.0/24 is denied by networks[0]", id="denied inside accepted"),
    pytest.param([PLANT], "10.9.5.7:1", "HIP", "10.9.5.7 is denied by networks[0]", id="a single address denied"),
    pytest.param([PLANT], "10.9.5.8:1", "HIP", ADMITTED, id="its neighbour is not"),
    pytest.param([NARROW], "10.9.4.8:1", "HIP", "10.9.0.0/16 is denied", id="a wide denied range beats a narrow accepted one"),
    pytest.param([OFFICE], "192.168.1.10:1", "HIP", ADMITTED, id="begin of a span"),
    pytest.param([OFFICE], "192.168.1.20:1", "HISHOST", ADMITTED, id="end of a span"),
    pytest.param([OFFICE], "192.168.1.21:1", "HIP", "no accepted range", id="behind a span"),
    pytest.param([OFFICE], "192.168.1.15:1", "AGENT", "networks[0] of [access] admits HIP, HISHOST from 192.168.1.10-192.168.1.20",
                 id="a kind that is not named"),
    pytest.param([PLANT, OFFICE], "192.168.1.15:1", "HIP", ADMITTED, id="any of several networks"),
    pytest.param([PLANT, GUEST], "10.9.4.8:1", "HIP", ADMITTED, id="denied by one network, admitted by another"),
    pytest.param([GUEST, PLANT], "10.9.4.8:1", "HIP", ADMITTED, id="the order of networks means nothing"),
    pytest.param([PLANT, GUEST], "10.9.4.8:1", "AGENT", "denied by networks[0] of [access]; networks[1] of [access] admits HIP",
                 id="every reason is told"),
    pytest.param([SIX], "2001:db8:0:2::5:40000", "HIP", ADMITTED, id="IPv6"),
    pytest.param([SIX], "2001:db8:0:1::5:40000", "HIP", "2001:db8:0:1::/64 is denied", id="IPv6 denied"),
    pytest.param([SIX], "[fe80::1%eth0]:40000", "HIP", ADMITTED, id="IPv6 with brackets and the name of an interface"),
    pytest.param([SIX], "10.9.1.5:1", "HIP", "no accepted range", id="IPv4 is in no range of IPv6"),
    pytest.param([PLANT], "2001:db8::1:1", "HIP", "no accepted range", id="nor the other way round"),
    pytest.param([PLANT], "::ffff:10.9.1.5:40000", "HIP", ADMITTED, id="IPv4 in its IPv6 form"),
    pytest.param([PLANT], "::ffff:10.9.4.9:40000", "HIP", "denied", id="which is denied as well"),
    pytest.param([{"accept": ["0.0.0.0/0"]}], "203.0.113.9:1", "TEL", ADMITTED, id="every address of IPv4"),
    pytest.param([PLANT], "", "HIP", "an unknown address", id="an address that nobody knows is refused"),
    pytest.param([PLANT], "local", "HIP", "local is no address", id="and one that is none"),
    pytest.param([PLANT], "203.0.113.9:1", "KNL", ADMITTED, id="servers of the group are no clients"),
])
def test_who_may_log_on(networks: list[dict[str, Any]], peer: str, kind: str, said: str) -> None:
    refusal = Access(networks).refusal(peer, kind)
    assert said in refusal if said else refusal == ""
