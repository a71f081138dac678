"""Two servers of one group as real processes of this computer over one PostgreSQL. Big counts: `./hisee campaign switch`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns import switch
from hisee.api import RequestRefused
from support import postgres
from support.command import environment
from support.pair import Pair, both, pair
from support.system import names, until

pytestmark = [pytest.mark.boot, pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]
APP = Path(__file__).parent / "app"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """SRV2 is started first and alone becomes hot; SRV1, of the higher priority, finds it hot and stands by."""
    with postgres.postgres_server() as server, pair(server, APP, tmp_path_factory.mktemp("pair"), "pair") as started:
        yield both(started, "SRV2")


@pytest.fixture
def console(made: Pair) -> Iterator[str]:
    """A console at the hot server's computer, which is SRV2 at this moment."""
    ready, told = os.pipe()
    child = subprocess.Popen([sys.executable, "-m", "hisee", "hip", "/SSRV2", "/WWS1", "--node", "SRV2", "--data", str(made.data("SRV2")),
                              "--web-port", "0", "--ready-fd", str(told)], env=environment(), pass_fds=(told,),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(told)
    try:
        assert os.read(ready, 4096).startswith(b"ready"), "the console did not start"
        yield "WS1"
    finally:
        os.close(ready)
        child.terminate()
        child.wait(30)


@pytest.mark.req("R67", "R68", "R71", "R73", "R147")
def test_who_is_hot_and_who_stands_by(made: Pair) -> None:
    with made.client("SRV2") as client:
        rows = {row["name"]: row for row in client.ps()}
        hot = next(row for row in client.terms() if row["role"] == "hs.plant")
        active = next(row for row in client.terms() if row["role"] == "node.active")
    assert rows["SRV1.KNL"]["server"]["sub"] == "standby" and rows["SRV1.KNL"]["kind"] == "KNL" and rows["SRV1.KNL"]["number"] != 1
    assert rows["SRV2.KNL"]["server"] == {"group": "plant", "node": "SRV2", "state": "HS", "sub": "hot", "epoch": hot["epoch"],
                                          "hot": "SRV2"}
    assert hot["holder"] == active["holder"] == "SRV2.KNL"
    assert {"REMOTE1.SES", "REMOTE2.SES"} <= rows.keys()


@pytest.mark.req("R69", "R77")
def test_the_standby_serves_views_and_hands_writes_on(made: Pair) -> None:
    with made.client("SRV2") as hot, made.client("SRV1") as standby:
        hot.set("U.Count", 11)
        assert standby.get("U.Count") == 11
        standby.set("U.Count", 12)
        assert hot.get("U.Count") == 12
        with pytest.raises(RequestRefused, match="SRV2"):
            standby.ask(switch_open(), b"")


def switch_open() -> int:
    from hisee.schema.messages import MessageKind

    return MessageKind.OPEN


@pytest.mark.req("R24", "R77", "R79")
def test_both_computers_run_remote_parts_and_a_switch_keeps_the_script_servers(made: Pair, console: str) -> None:
    with made.client("SRV2") as hot, made.client("SRV1") as standby:
        until(lambda: "REMOTE1.SES" in names(hot.ps(), "SES"), "the script server of the standby is known", 30)
        desk = hot.console(console)
        opened = [desk.open("S.Split") for _ in range(4)]
        for picture in opened:
            picture.settle(30)
            picture.click("BtnEcho")
            picture.settle(30)
            assert picture["LblL"].text.startswith("0 42")
        before = {row["name"]: row for row in hot.ps() if row["kind"] == "SES"}
        assert {row["see_count"] for row in before.values()} == {2}
        assert hot.tell("SRV2.KNL", "SWITCH").result == "ok"
        made.await_sub("SRV1", "hot")
        after = {row["name"]: row for row in standby.ps() if row["kind"] == "SES"}
        kept = [(row["pid"], row["number"]) for row in (before["REMOTE1.SES"], after["REMOTE1.SES"])]
        assert kept[0] == kept[1]
        made.await_sub("SRV2", "standby")
        until(lambda: "REMOTE2.SES" in names(standby.ps(), "SES"), "the other one is known as well", 30)
        for ses in ("REMOTE1.SES", "REMOTE2.SES"):
            until(lambda ses=ses: json.loads(standby.tell(ses, "STATUS").text)["sees"] == 0, f"{ses} has no orphan left", 30)


@pytest.mark.req("R69", "R74")
def test_an_ordered_switch_under_writes(made: Pair) -> None:
    figures = switch.switches(made, 2, 300)
    assert figures["max_s"] < 30


@pytest.mark.req("R67", "R70")
def test_the_hot_server_is_killed(made: Pair) -> None:
    switch.kills(made, 2)


@pytest.mark.req("R72", "R147")
def test_the_hot_server_is_frozen_beyond_its_lease_and_thawed(made: Pair) -> None:
    switch.freezes(made, 1)


@pytest.mark.req("R74")
def test_an_ordered_end_of_the_hot_server_is_a_switch(made: Pair) -> None:
    """The last one here: a server is down afterwards."""
    hot = switch.hot_of(made)
    heir = switch.other_than(hot)
    made.await_sub(heir, "standby")
    with made.client(heir) as client:
        client.set("U.Count", 4_000)
        made.halt(hot)
        assert made.sub(heir) == "hot" and client.get("U.Count") == 4_000
    log = "".join(path.read_text() for path in (made.data(hot) / "log").glob(f"{hot}.KNL.*log"))
    assert f"is handed over to {heir}" in log
