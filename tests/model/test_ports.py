"""Number lists of app.toml: what is right, and a table of wrong ones, each found before a process starts (R144)."""

from __future__ import annotations

import json
import os
import socket

import pytest

from hisee.model import ApplicationError, load_application
from hisee.model.ports import read
from support.command import hisee

HEAD = 'name = "plant"\nport = 0\n'
ONE = '[nodes.SRV1]\nprocesses = [{kind = "server"}, {kind = "cp"}, {kind = "wp", count = 2}]\n'
TWO = ONE + '[nodes.SRV2]\nprocesses = [{kind = "cp"}, {kind = "wp"}]\n'


def findings(lists: str, nodes: str = ONE) -> list[tuple[str, str, str]]:
    found = read((HEAD + lists + "\n" + nodes).encode())[2]
    return [(problem.severity, problem.key, problem.text) for problem in found.problems]


@pytest.mark.req("R91")
def test_lists_hold_for_all_computers_unless_one_has_its_own(tmp_path):
    own = ONE + '[nodes.SRV2]\nports = {wp = [2318, 2319]}\nprocesses = [{kind = "wp", count = 2}]\n'
    (tmp_path / "app.toml").write_text(HEAD + "[ports]\nwp = [2218, 2219, 2220]\ncp = [3119]\n" + own)
    application = load_application(tmp_path)
    assert application.ports("SRV1") == {"wp": (2218, 2219, 2220), "cp": (3119,)}
    assert application.ports("SRV2") == {"wp": (2318, 2319), "cp": (3119,)}
    assert [p.name for p in application.processes] == ["SRV1.KNL", "SRV1.CP", "SRV1.WP_1", "SRV1.WP_2", "SRV2.WP_1", "SRV2.WP_2"]
    assert {o.name for o in application.objects.values()} == {"SRV1.KNL"}, "numbered processes get name and number when they join"


def test_good_lists_and_none_at_all_are_silent():
    assert findings("") == [] and findings("[ports]\nwp = [2218, 2219]\ncp = [3119]") == []
    assert findings("[ports]\nwp = [2218, 2219, 2220]\nprimary = 2270\n", TWO) == []
    same = TWO + "ports = {wp = [2218, 2219]}\n"
    assert findings("[ports]\nwp = [2218, 2219]", same) == [], "the same pair of number and port in two lists is no double"


WRONG = {
    "twice in a list": ("[ports]\nwp = [2218, 2218]", ONE, "error", "ports.wp", "port 2218 is also number 1 of ports.wp"),
    "in the lists of two kinds": (
        "[ports]\nwp = [2218, 2219]\ncp = [2219]", ONE, "error", "ports.wp", "port 2219 is also number 1 of ports.cp"),
    "another number on another computer": (
        "[ports]\nwp = [2218, 2219]", TWO + "ports = {wp = [2219, 2220]}\n", "error", "nodes.SRV2.ports.wp",
        "port 2219 is also number 2 of ports.wp"),
    "the page of a console": (
        "[ports]\nwp = [2218, 2219]", ONE + '[nodes.WS1]\nprocesses = [{kind = "hip", name = "WS1", web_port = 2218}]\n', "error",
        "WS1.HIP web_port", "port 2218 is also number 1 of ports.wp"),
    "the own port of a process": (
        "[ports]\ncp = [3119]", '[nodes.SRV1]\nprocesses = [{kind = "server"}, {kind = "cp", port = 3119}]\n', "error", "SRV1.CP port",
        "port 3119 is also number 1 of ports.cp"),
    "a gap": ("[ports]\nwp = [2218, 0, 2220]", ONE, "error", "ports.wp", "number 2 has no port: a gap"),
    "empty": ("[ports]\nwp = []", ONE, "error", "ports.wp", "the list is empty"),
    "too short": ("[ports]\nwp = [2218]", ONE, "error", "ports.wp", "2 wp processes share 1 ports"),
    "too short on one computer": (
        "[ports]\nwp = [2218, 2219]", ONE + '[nodes.SRV2]\nports = {cp = [3120]}\nprocesses = [{kind = "cp", count = 2}]\n', "error",
        "nodes.SRV2.ports.cp", "2 cp processes share 1 ports"),
    "differing primary ports": (
        "[ports]\nprimary = 2270", TWO + "ports = {primary = 2271}\n", "error", "ports.primary", "differing primary ports"),
    "the primary's port in a list": (
        "[ports]\nwp = [2218, 2270]\nprimary = 2270", ONE, "error", "ports.wp", "port 2270 is kept for the primary"),
    "only for root": ("[ports]\nwp = [218, 2219]", ONE, "warning", "ports.wp", "port 218 is only for root"),
    "given away by the kernel": (
        "[ports]\nwp = [40000, 2219]", ONE, "warning", "ports.wp", "port 40000 may be in use by any outgoing connection"),
    "a list for nobody": (
        "[ports]\nwp = [2218, 2219]", ONE + '[nodes.WS1]\nports = {wp = [2318]}\nprocesses = [{kind = "hip"}]\n', "warning",
        "nodes.WS1.ports.wp", "no wp process is configured on this computer"),
    "no such kind": ("[ports]\npw = [2218]", ONE, "error", "ports.pw", "unknown key"),
    "no port": ("[ports]\nwp = [2218, 70000]", ONE, "error", "ports.wp[1]", "expected a whole number <= 65535"),
}


@pytest.mark.req("R144")
@pytest.mark.parametrize(("lists", "nodes", "severity", "key", "text"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_list_is_named(tmp_path, lists, nodes, severity, key, text):
    assert findings(lists, nodes) == [(severity, key, text)]
    (tmp_path / "app.toml").write_text(HEAD + lists + "\n" + nodes)
    if severity == "error":  # the same at the start of a system
        with pytest.raises(ApplicationError) as refused:
            load_application(tmp_path)
        assert [p.text for p in refused.value.problems] == [text]
    else:
        assert [p.text for p in load_application(tmp_path).warnings] == [text]


def test_a_wrong_word_in_work_and_engine_is_named():
    for wrong, key in (("[work]\nwp_min = 1", "work.wp_min"), ("[work]\nwp_max = 3", "work.wp_max"), ("[engine]\nurl = 3", "engine.url")):
        assert [row[:2] for row in findings(wrong)] == [("error", key)]


def test_the_minimum_of_work_processes_is_a_limit(tmp_path):
    (tmp_path / "app.toml").write_text(HEAD + "[work]\nwp_min = 3\n" + ONE)
    assert load_application(tmp_path).limits["wp_min"] == 3
    (tmp_path / "app.toml").write_text(HEAD + "[work]\nwp_min = 3\n[limits]\nwp_min = 4\n" + ONE)
    with pytest.raises(ApplicationError, match=r"limits\.wp_min: given twice"):
        load_application(tmp_path)


@pytest.mark.req("R144")
def test_a_foreign_program_on_a_listed_port_is_named(tmp_path):
    app = tmp_path / "app"
    app.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (app / "app.toml").write_text(HEAD + f"[ports]\nwp = [{port}, 2219]\n" + ONE)
        done = hisee("ports", "check", str(app), "--json", data=tmp_path / "data")
    found = [row for row in json.loads(done.stdout) if "in use on" in row["message"]]
    assert done.returncode == 0 and len(found) == 1 and found[0]["severity"] == "warning"
    assert str(port) in found[0]["message"] and f"pid {os.getpid()}" in found[0]["message"]
    (app / "app.toml").write_text(HEAD + "[ports]\nwp = [2218, 2218]\n" + ONE)
    done = hisee("ports", "check", str(app), data=tmp_path / "data")
    assert done.returncode == 1 and "1 errors" in done.stdout
