"""Where a console logs on: this computer's control socket, the CP through a shaped link, or another computer."""

from pathlib import Path

import pytest

from hisee.channel.way import Way, address, way_to_server
from hisee.errors import CannotConnect, UsageError

SOCKET = Path("/run/x/knl")
RUN = {"cp": "127.0.0.1:4119", "nodes": {"SRV1": {"host": "", "link": {}}, "WS0": {"host": "", "link": {}},
                                         "WS1": {"host": "127.0.0.1", "link": {"rtt_ms": 5.0, "jitter_ms": 0.0, "kbit_s": 0}}}}


@pytest.mark.parametrize(("server", "node", "run", "way"), [
    ("SRV1", "WS0", RUN, Way(path=SOCKET)), ("", "WS0", RUN, Way(path=SOCKET)), ("SRV1", "unknown", RUN, Way(path=SOCKET)),
    ("SRV1", "WS1", RUN, Way(networks=[["127.0.0.1:4119"]], link={"rtt_ms": 5.0, "jitter_ms": 0.0, "kbit_s": 0})),
    ("plant.example:4000", "WS1", RUN, Way(networks=[["plant.example:4000"]])),
    ("a.example:4000,b.example", "WS1", RUN, Way(networks=[["a.example:4000"], ["b.example:3119"]])),
    ("plant.example", "WS1", {}, Way(networks=[["plant.example:3119"]])),
    ("", "WS0", {}, Way(path=SOCKET))])
def test_ways(server, node, run, way):
    assert way_to_server(server, node, run, SOCKET) == way


@pytest.mark.req("R82")
def test_a_server_of_a_group_is_reached_over_each_of_its_networks():
    servers = {"SRV1": {"priority": 3, "hosts": ["10.9.1.2", "10.8.1.2"], "cp": [3119, 3120]},
               "SRV2": {"priority": 2, "hosts": [], "cp": []}}
    run = {**RUN, "server": "SRV1", "group": {"name": "hron", "servers": servers}}
    both = [["10.9.1.2:3119", "10.9.1.2:3120"], ["10.8.1.2:3119", "10.8.1.2:3120"]]
    assert way_to_server("SRV1", "WS1", run, SOCKET).networks == both == way_to_server("", "WS1", run, SOCKET).networks
    assert way_to_server("", "WS0", run, SOCKET) == Way(path=SOCKET)


def test_a_node_that_needs_a_cp_says_so():
    with pytest.raises(CannotConnect, match="communication process"):
        way_to_server("SRV1", "WS1", {**RUN, "cp": ""}, SOCKET)


@pytest.mark.parametrize("text", [":80", "a:", "a:b", "a:0", "a:70000"])
def test_wrong_addresses(text):
    with pytest.raises(UsageError):
        address(text)


def test_an_unknown_node_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="SRV9"):
        way_to_server("SRV9", "WS1", RUN, SOCKET)
