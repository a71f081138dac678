"""Settings of INI files as text for app.toml: what is taken, what is named as left out, and what comes out works."""

from __future__ import annotations

import tomllib

import pytest

from hisee.errors import UsageError
from hisee.model.ini import as_toml, read
from hisee.model.ports import read as read_ports
from support.command import hisee

OLD = """\
; two computers share the numbers
[GLOBAL]
system=PROD
nodename=host-a
logcount=12
language=(E,D)
[PORTS]
cp1=2217
wp1=2270
wp2=2271
!wp3=2272
[TCP/IP]
pwpPort=2300
"""
OTHER = "[GLOBAL]\nsystem=PROD\nnodename=hostb\n[PORTS]\ncp2=2218\nwp3=2272\n[TCP/IP]\npwpport=2301\n"
NEW = "[GLOBAL]\nsystem=PROD\nWP_MIN_NUMBER=3\n[PORTS]\nCP.PORTS=2217;2218; 2220-2222\nstray line\n"


def test_numbers_of_two_computers_become_one_list():
    text = as_toml([read(OLD, "a.ini"), read(OTHER, "b.ini")])
    table = tomllib.loads(text)
    assert table["name"] == "PROD" and table["ports"] == {"cp": [2217, 2218], "wp": [2270, 2271, 2272], "primary": 2300}
    assert table["limits"] == {"log_files": 12}
    assert table["nodes"]["host_a"]["processes"] == [{"kind": "server"}, {"kind": "cp", "count": 1}, {"kind": "wp", "count": 2}]
    assert table["nodes"]["hostb"]["processes"] == [{"kind": "cp", "count": 1}, {"kind": "wp", "count": 1}]
    notes = [line for line in text.splitlines() if line.startswith("# note:")]
    assert len(notes) == 2 and "language" in notes[0] and "differing primary ports (pwpPort): 2300, 2301" in notes[1]


def test_a_list_with_ranges_keeps_its_order():
    text = as_toml([read(NEW, "a.ini")])
    assert tomllib.loads(text)["ports"] == {"cp": [2217, 2218, 2220, 2221, 2222]}
    assert tomllib.loads(text)["work"] == {"wp_min": 3} and "stray line" in text


def test_lists_that_differ_stay_with_their_computer_and_the_check_finds_the_double():
    files = [read("[GLOBAL]\nnodename=A\n[PORTS]\ncp.ports=2217-2218\n", "a.ini"),
             read("[GLOBAL]\nnodename=B\n[PORTS]\ncp.ports=2218-2219\n", "b.ini")]
    text = as_toml(files)
    assert [problem.text for problem in read_ports(text.encode())[2].errors] == ["port 2218 is also number 2 of nodes.A.ports.cp"]


def test_gaps_are_closed_and_told():
    text = as_toml([read("[PORTS]\nwp1=2270\nwp4=2273\n", "a.ini")])
    assert tomllib.loads(text)["ports"]["wp"] == [2270, 2273] and "wp numbers 2, 3 are missing" in text


@pytest.mark.parametrize(("text", "words"), [
    ("[PORTS]\nwp1=x\n", "line 2: 'x' is no number"), ("[PORTS]\nwp1=2217\nwp1=2218\n", "wp1 is given twice"),
    ("[PORTS]\ncp.ports=2217-\n", "'' is no number"), ("[PORTS]\ncp1=70000\n", "65535")])
def test_a_wrong_number_is_named_with_its_line(text, words):
    with pytest.raises(UsageError, match=words):
        read(text, "a.ini")


def test_the_command_prints_what_check_accepts(tmp_path):
    (tmp_path / "ucsrv.ini").write_text("\ufeff" + OLD, encoding="utf-8")
    done = hisee("ports", "import", str(tmp_path / "ucsrv.ini"))
    (tmp_path / "app.toml").write_text(done.stdout)
    assert done.returncode == 0 and hisee("check", str(tmp_path)).returncode == 0
