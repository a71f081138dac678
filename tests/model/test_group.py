"""The redundant group of app.toml: what is refused, and what processes are told."""

from __future__ import annotations

import pytest

from hisee.channel.epoch import Gate
from hisee.channel.payloads import ServerState
from hisee.model.application import load_application
from hisee.model.problem import ApplicationError

NODES = """
name = "pair"
[ports]
cp = [3119, 3120]
[nodes.SRV1]
host = "10.9.1.2"
processes = [{kind = "server"}, {kind = "cp"}]
[nodes.SRV2]
host = "10.9.2.2"
processes = [{kind = "server"}, {kind = "cp"}]
[nodes.WS1]
host = "10.9.4.2"
processes = [{kind = "hip"}]
"""
GROUP = """
[group]
name = "hron"
witness = "10.9.3.2:6000"
[group.servers.SRV1]
priority = 3
hosts = ["10.9.1.2", "10.8.1.2"]
[group.servers.SRV2]
priority = 2
"""


def load(folder, text):
    (folder / "app.toml").write_text(text)
    return load_application(folder)


@pytest.mark.req("R66")
def test_without_a_name_there_is_no_group(tmp_path):
    assert load(tmp_path, NODES).group() == {}


def test_processes_are_told_priorities_addresses_and_ports(tmp_path):
    group = load(tmp_path, NODES + GROUP).group()
    assert group["servers"] == {"SRV1": {"priority": 3, "hosts": ["10.9.1.2", "10.8.1.2"], "cp": [3119, 3120]},
                                "SRV2": {"priority": 2, "hosts": ["10.9.2.2"], "cp": [3119, 3120]}}
    assert (group["name"], group["witness"], group["database"], group["multicast"]) == ("hron", "10.9.3.2:6000", "pg_auto_failover", False)


@pytest.mark.parametrize("wrong, said", [
    (GROUP.replace('"hron"', '"h ron"'), "group.name: no name of a group"),
    (GROUP.replace('"hron"', '""'), "servers of a group without a name"),
    (GROUP.replace("servers.SRV2", "servers.SRV9"), "group.servers.SRV9: no such node"),
    (GROUP.replace("servers.SRV2", "servers.WS1"), "group.servers.WS1: its node starts no server"),
    (GROUP.split("[group.servers.SRV2]")[0], "a group of 1 servers guards nobody"),
    (GROUP.replace("10.9.3.2:6000", "a b"), "group.witness: no address"),
    (GROUP.replace("witness", 'database = "patroni"\nwitness'), "engine.url: a database pair that patroni manages has an address"),
    (GROUP.replace("priority = 2", "priority = -1"), "priority"),
])
def test_a_group_that_cannot_work_is_refused(tmp_path, wrong, said):
    with pytest.raises(ApplicationError) as refused:
        load(tmp_path, NODES + wrong)
    assert said in str(refused.value)


@pytest.mark.req("R123")
@pytest.mark.parametrize(("kinds", "warned"), [(("cp", "cp"), []), (("wp", "cp"), ["nodes.SRV2.processes"]), (("wp", "wp"), [])])
def test_a_server_without_work_processes_beside_one_with_is_warned_of(tmp_path, kinds, warned):
    text = NODES.replace('{kind = "cp"}', '{kind = "KIND"}')
    for kind in kinds:
        text = text.replace("KIND", kind, 1)
    assert [p.key for p in load(tmp_path, text + GROUP).warnings if "tasks wait" in p.text] == warned


@pytest.mark.req("R147")
def test_the_gate_refuses_servers_of_the_past():
    gate = Gate()
    assert gate.hears(ServerState(state="HS", epoch=4))
    assert gate.hears(ServerState(state="SBS", epoch=5, hot="SRV2")), "a standby only tells"
    assert not gate.hears(ServerState(state="HS", epoch=4)), "the former hot server woke up"
    assert gate.admit(5) and not gate.admit(4)
    assert gate.refused == 2
