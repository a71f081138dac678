"""Links of a whole system that change their carrier: by the operator's order, and because a ring was damaged."""

import json
import random
import subprocess
import sys

import pytest

from campaigns import pairs
from campaigns.carriers import damage
from campaigns.cuts import two_doors
from campaigns.pairs import link_of, pid_of
from hisee.channel import Message, dial_unix
from hisee.channel.payloads import Hello
from hisee.datadir import DataDir
from hisee.schema.messages import MessageKind as Kind
from support.shared import between
from support.system import names, until

pytestmark = pytest.mark.boot
SES = "REMOTE1.SES"


def routes(system, *words, expect=0):
    command = [sys.executable, "-m", "hisee", "routes", *words, "--data", str(system.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


def press(picture, button, seconds=10):
    picture.click(button)
    picture.settle(seconds)


@pytest.mark.req("R45", "R46")
def test_the_operator_sends_a_link_to_its_socket_and_back(system, client):
    picture = client.console("WS1").open("S.Work")
    picture.settle(10)
    (his_host,) = [row["source"] for row in client.routes() if row["type"] == "link" and row["source"].startswith("WS1_")]
    for name in (SES, "REMOTE2.SES", "SRV1.DBM", "WS1.HIP", his_host):
        before = link_of(client, name)
        assert (before["mode"], before["losses"]) == ("ring", 0)
        assert routes(system, "--carrier", "socket", name) == f"the link of {name} goes by its socket\n"
        assert link_of(client, name)["mode"] == "unix"
    assert {row["name"]: row["carrier"] for row in client.ps()}[SES] == "unix"
    press(picture, "BtnOut", 20)
    assert picture["LblL"].text == "last 1000 wrong 0", "everything works by sockets"
    for name in (SES, "REMOTE2.SES", "SRV1.DBM", "WS1.HIP", his_host):
        assert routes(system, "--carrier", "ring", name) == f"the link of {name} goes by fresh rings\n"
        link = json.loads(routes(system, "--json"))
        (row,) = [r for r in link if r["type"] == "link" and r["source"] == name]
        assert (row["mode"], row["switches"], row["losses"], row["target"]) == ("ring", before["switches"] + 2, 0, "SRV1.KNL")
    press(picture, "BtnOut", 20)
    assert picture["LblL"].text == "last 1000 wrong 0"
    picture.close()
    assert f"messages to {SES} go by the socket" in system.log("SRV1.KNL")
    assert "messages to the server go by the ring" in system.log(SES)


@pytest.mark.parametrize(("words", "why"), [
    (("--carrier", "socket", "FAR.HIP"), "FAR.HIP comes over TCP: its link has no other carrier"),
    (("--carrier", "socket", "NOBODY"), "no process named NOBODY; `hisee routes` lists the links"),
    (("--carrier", "socket", "SRV1.KNL"), "SRV1.KNL has no link: it is the server itself"),
])
def test_a_link_that_cannot_change_is_refused_with_its_reason(system, words, why):
    assert why in routes(system, *words, expect=1)


def test_half_an_order_is_a_mistake_of_usage(system):
    assert "--carrier and a PROCESS go together" in routes(system, SES, expect=2)


def test_a_virtual_process_is_refused_with_the_way_out(client):
    picture = client.console("WS1").open("S.Work")
    picture.settle(10)
    (see,) = names(client.ps(), "SEE")
    told = client.tell("", f"CARRIER {see} SOCKET")
    assert (told.result, told.text) == (
        "aborted", f"{see} has no link of its own: name the process that hosts it, as `hisee routes` does")
    picture.close()


def test_a_program_of_an_earlier_release_keeps_its_rings(system, client):
    data = DataDir(system.data)
    hello = Hello(kind="TEL", name="OLD", protocol=(1, 6))
    channel = dial_unix(data.control_socket, hello, data.secret())
    try:
        assert channel.carrier == "ring" and channel.welcome.protocol == (1, 6)
        told = client.tell("", f"CARRIER {channel.welcome.name} SOCKET")
        assert told.result == "aborted"
        assert told.text.endswith("it speaks protocol 1.6, links change their carrier from 1.7 on: upgrade hisee there")
        channel.send(Message(Kind.ECHO, target=1, source=channel.welcome.number, corr=4, payload=b"still there", wants_answer=True))
        answer = channel.receive(5)
        assert (answer.kind, answer.corr, answer.payload) == (Kind.REPLY, 4, b"still there")
    finally:
        channel.close()


@pytest.mark.req("R121")
@pytest.mark.parametrize("kind", ["SES", "DBM", "HISHOST"])
def test_a_damaged_ring_of_a_running_system_costs_nothing_but_itself(system, client, kind):
    """The other end of the link lives on under its number, its requests are answered, and the link has rings again by itself."""
    picture = client.console("WS1").open("S.Work")
    picture.settle(10)
    if kind == "HISHOST":
        (his,) = [row for row in client.ps() if row["kind"] == "HIS"]
        name, pid = next(r["source"] for r in client.routes() if r["type"] == "link" and r["source"].startswith("WS1_")), his["pid"]
    else:
        row = next(row for row in client.ps() if row["kind"] == kind and row["state"] == "Run")
        name, pid = row["name"], row["pid"]
    chance, server, losses = random.Random(3), pid_of(client, "KNL"), link_of(client, name)["losses"]
    picture.click("BtnReads")
    while link_of(client, name)["losses"] == losses:
        for own, peer in between(pid, server):
            damage("tail", own, peer, chance)
    picture.settle(30)
    assert picture["LblR"].text == "read 500"
    press(picture, "BtnOut", 20)
    assert picture["LblL"].text == "last 1000 wrong 0"
    until(lambda: link_of(client, name)["mode"] == "ring", "the link has rings again", 15)
    assert any(row["pid"] == pid and row["state"] == "Run" for row in client.ps()), "it is still the same process"
    assert f"the rings to {name} are damaged, the link goes on over its socket" in system.log("SRV1.KNL")
    picture.close()


@pytest.mark.req("R134", "R121")
def test_ten_thousand_calls_both_ways_pass_three_cuts_once_and_in_order(tmp_path):
    with two_doors(tmp_path) as system:
        print(pairs.run(system, count=10_000, seed=1))
