"""Names of processes that log on: node and kind, numbers, agents, instances."""

import pytest

from hisee.channel.payloads import Hello
from hisee.seams import Seams
from hisee.server.names import NameRefused, full_name, may_log_on
from hisee.server.registry import Process, Registry, State


def names(*running):
    made = Registry(Seams())
    for number, (name, kind) in enumerate(running, 10):
        made.add(Process(number=number, name=name, kind=kind))
    return made


def named(registry, kind, name="", node="SRV1"):
    return full_name(Hello(kind=kind, name=name, node=node), "SRV1", registry)


@pytest.mark.req("R95")
def test_numbered_processes_and_agents_have_bare_names():
    none = names()
    assert [named(none, kind, name) for kind, name in (("WP", "WP003"), ("CP", "CP001"), ("JWP", "JWP002"), ("AGENT", "AG1"))] == \
        ["WP003", "CP001", "JWP002", "AG1"]
    others = (("SES", "REMOTE1"), ("RRS", ""), ("DBM", ""))
    assert [named(none, kind, name) for kind, name in others] == ["REMOTE1.SES", "SRV1.RRS", "SRV1.DBM"]


def test_a_process_without_a_number_takes_the_lowest_free_one():
    registry = names(("CP001", "CP"), ("CP002", "CP"), ("CP003", "CP"))
    registry.end(registry.named("CP002"), State.STOP)
    assert named(registry, "CP", "SRV1") == "CP002"


@pytest.mark.parametrize(("kind", "name"), [("AGENT", "WP001"), ("AGENT", "a.b"), ("SES", "../x"), ("SES", "[2]_"), ("HIP", "a b")])
def test_names_that_are_none(kind, name):
    with pytest.raises(NameRefused) as refused:
        named(names(), kind, name)
    assert refused.value.code == "NAME"


@pytest.mark.req("R12")
def test_an_instance_and_the_plain_name_exclude_each_other():
    assert named(names(), "SES", "[2]_REMOTE1") == "[2]_REMOTE1.SES"
    for there, comes in (("REMOTE1", "[2]_REMOTE1"), ("[2]_REMOTE1", "REMOTE1")):
        with pytest.raises(NameRefused) as refused:
            named(names((f"{there}.SES", "SES")), "SES", comes)
        assert refused.value.code == "NAME_IN_USE" and f"{there}.SES" in str(refused.value)
    registry = names(("[1]_REMOTE1.SES", "SES"), ("REMOTE1.DBM", "DBM"))
    assert named(registry, "SES", "[2]_REMOTE1") == "[2]_REMOTE1.SES", "instances live beside each other, and kinds too"
    registry.end(registry.named("[1]_REMOTE1.SES"), State.CRASH)
    assert named(registry, "SES", "REMOTE1") == "REMOTE1.SES", "an ended instance excludes nobody"


def test_kinds_that_only_the_overview_knows_do_not_log_on():
    assert [kind for kind in ("WP", "PWP", "DWP", "KNL", "SEE", "TEL", "AGENT", "X") if may_log_on(kind)] == ["WP", "TEL", "AGENT"]
