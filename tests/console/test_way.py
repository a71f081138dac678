"""Where a console logs on: this computer's control socket, the CP through a shaped link, or another computer."""

from pathlib import Path

import pytest

from hisee.console.way import Way, address, way_to_server
from hisee.errors import CannotConnect, UsageError

SOCKET = Path("/run/x/knl")
RUN = {"cp": "127.0.0.1:4119", "nodes": {"SRV1": {"host": "", "link": {}}, "WS0": {"host": "", "link": {}},
                                         "WS1": {"host": "127.0.0.1", "link": {"rtt_ms": 5.0, "jitter_ms": 0.0, "kbit_s": 0}}}}


@pytest.mark.parametrize(("server", "node", "run", "way"), [
    ("SRV1", "WS0", RUN, Way(path=SOCKET)), ("", "WS0", RUN, Way(path=SOCKET)), ("SRV1", "unknown", RUN, Way(path=SOCKET)),
    ("SRV1", "WS1", RUN, Way(host="127.0.0.1", port=4119, link={"rtt_ms": 5.0, "jitter_ms": 0.0, "kbit_s": 0})),
    ("plant.example:4000", "WS1", RUN, Way(host="plant.example", port=4000)),
    ("plant.example", "WS1", {}, Way(host="plant.example", port=3119)),
    ("", "WS0", {}, Way(path=SOCKET))])
def test_ways(server, node, run, way):
    assert way_to_server(server, node, run, SOCKET) == way


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
