"""Ten consoles on two SES: even load, loss of one, restart of its remote parts, news to the local ones exactly once."""

import time

import pytest

from support.system import kill, names, until

pytestmark = pytest.mark.boot
CONSOLES = [f"WS{i}" for i in range(1, 11)]


def see_counts(client):
    return {row["name"]: row["see_count"] for row in client.ps() if row["kind"] == "SES" and row["state"] == "Run"}


def answers(picture):
    """A CALL of the local part reaches the remote one."""
    picture.click("BtnEcho")
    picture.settle(10)
    return picture["LblL"].text.startswith("0 42")


@pytest.mark.req("R20", "R23", "R24", "R27", "R28", "R136")
def test_the_loss_of_an_ses_is_survived_by_every_picture(client, system):
    hosts = {row["pid"] for row in client.ps() if row["kind"] == "HIP"}
    pictures = [client.console(name).open("S.Split") for name in CONSOLES]
    for picture in pictures:
        picture.settle(10)
    assert see_counts(client) == {"REMOTE1.SES": 5, "REMOTE2.SES": 5}
    assert len(names(client.ps(), "HIS")) == 10 and {row["pid"] for row in client.ps() if row["kind"] == "HIP"} == hosts

    before = system.log("events.log").count("restart")
    victim = next(row for row in client.ps() if row["name"] == "REMOTE1.SES")
    lost = [row["name"] for row in client.ps() if row["hosted_by"] == "REMOTE1.SES"]
    killed = time.monotonic()
    kill(victim["pid"])
    until(lambda: len([r for r in client.ps() if r["kind"] == "SEE" and r["hosted_by"] == "REMOTE2.SES"]) == 10, "all SEEs on REMOTE2", 5)
    assert all(answers(picture) for picture in pictures)
    seconds = time.monotonic() - killed
    assert not set(lost) & set(names(client.ps(), "SEE"))
    until(lambda: system.log("events.log").count("restart") - before == 5, "OnRemoteRestart of each lost remote part", 5)
    assert "restart 2" not in system.log("events.log"), "OnRemoteRestart came twice"
    print(f"all ten remote parts answered {seconds:.2f} s after the kill")

    until(lambda: "REMOTE1.SES" in see_counts(client), "the configured SES is started again", 15)
    for picture in pictures:
        picture.close()
    until(lambda: see_counts(client) == {"REMOTE1.SES": 0, "REMOTE2.SES": 0}, "no SEE left")


@pytest.mark.req("R21", "R22")
def test_ended_sees_free_their_place_and_ties_go_to_the_longest(client):
    opened = [client.console(name).open("S.Split") for name in CONSOLES[:4]]
    for picture in opened:
        picture.settle(10)
    first = max(see_counts(client).values())
    assert see_counts(client) == {"REMOTE1.SES": 2, "REMOTE2.SES": 2} and first == 2
    for picture in opened:
        picture.close()


@pytest.mark.req("R29")
def test_a_failing_see_ends_alone(client, system):
    good = client.console("WS1").open("S.Split")
    bad = client.console("WS2").open("S.Hostile")
    good.settle(10)
    bad.click("BtnGo")
    assert answers(good)
    until(lambda: "fuel_per_event" in system.log("events.log"), "the endless loop ends by its limit", 60)
    assert answers(good)
    good.close()
    bad.close()
