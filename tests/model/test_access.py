"""`[access]` of app.toml: what is refused when it is read, and what processes are told."""

from __future__ import annotations

import pytest

from hisee.model.access import read_range
from hisee.model.application import load_application
from hisee.model.problem import ApplicationError

HEAD = 'name = "doors"\n[nodes.SRV1]\nprocesses = [{kind = "server"}]\n'


def load(folder, networks):
    (folder / "app.toml").write_text(f"{HEAD}[access]\nnetworks = {networks}\n")
    return load_application(folder)


@pytest.mark.req("R84")
def test_processes_are_told_the_ranges(tmp_path):
    networks = '[{accept = ["10.9.0.0/16"], deny = ["10.9.4.1-10.9.4.9"], kinds = ["HIP", "HISHOST"]}, {accept = ["fe80::/10"]}]'
    assert load(tmp_path, networks).access() == [
        {"accept": ["10.9.0.0/16"], "deny": ["10.9.4.1-10.9.4.9"], "kinds": ["HIP", "HISHOST"]},
        {"accept": ["fe80::/10"], "deny": [], "kinds": []}]
    assert load(tmp_path, "[]").access() == []


@pytest.mark.req("R84")
@pytest.mark.parametrize(("networks", "said"), [
    ('[{accept = ["10.9.0.5/16"]}]', r"access\.networks\[0\]\.accept\[0\]: no range of addresses: .*10.9.0.5/16"),
    ('[{accept = ["10.9.0"]}]', "no range of addresses"),
    ('[{accept = ["10.9.0.9-10.9.0.1"]}]', "ends before it begins"),
    ('[{accept = ["10.9.0.9-::1"]}]', "two versions of IP"),
    ('[{accept = ["::/0"], deny = ["plant"]}]', r"networks\[0\]\.deny\[0\]"),
    ('[{deny = ["10.9.0.0/16"]}]', r"access\.networks\[0\]\.accept: a network without an accepted range"),
    ('[{accept = ["::/0"], kinds = ["HIPP"]}]', r"access\.networks\[0\]\.kinds: no kind of process .*did you mean HIP"),
    ('[{accept = ["::/0"], kinds = ["KNL"]}]', "no kind of process"),
    (str([{"accept": 1}] * 11).replace("'", "").replace(":", " ="), "access.networks"),
])
def test_what_cannot_be_meant_is_refused(tmp_path, networks, said):
    with pytest.raises(ApplicationError, match=said):
        load(tmp_path, networks)


def test_a_range_keeps_how_it_was_written():
    assert read_range("10.9.0.1 - 10.9.0.9").text == "10.9.0.1 - 10.9.0.9"
