"""This release and the next one in one pair, as real processes over one PostgreSQL: up, half the way back, up again, contracted.

The tests are the steps of an operator, in this order. Many rounds: `./hisee campaign skew`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import hisee
from campaigns.skew import replaced_under_writes
from campaigns.switch import switches
from hisee.api import Picture, RequestRefused, System
from hisee.datadir import DataDir
from support import postgres
from support.builds import NEWS_KIND, NEXT_PROTOCOL, NEXT_SCHEMA, NEXT_VERSION, Build, next_build, this_build
from support.command import environment
from support.pair import Pair, both, pair
from support.system import names, until

pytestmark = [pytest.mark.boot, pytest.mark.req("R165"), pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")]
APP = Path(__file__).parent / "app"
RATE = 200
CLIENT = """
import sys, hisee
from hisee.api import RequestRefused
with hisee.connect(sys.argv[1]) as client:
    client.set("U.Count", int(sys.argv[2]))
    print(client.get("U.Count"), len(client.ps()))
    try:
        print(client.ask(int(sys.argv[3])))
    except RequestRefused as refused:
        print(refused)
    print(client.get("U.Count"))
"""


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return next_build(tmp_path_factory.mktemp("next"))


@pytest.fixture(scope="module")
def present(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return this_build(tmp_path_factory.mktemp("present"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both of this release, SRV1 hot."""
    with postgres.postgres_server() as server, pair(server, APP, tmp_path_factory.mktemp("skew"), "skew") as started:
        yield both(started)


def switched(made: Pair) -> None:
    figures = switches(made, 1, RATE)
    print(f"control gap {figures['max_s']} s")
    assert figures["max_s"] < 30, "the goal is 2 s; other work on this computer is no fault of the switch"


@contextlib.contextmanager
def console(made: Pair, node: str, build: Build | None) -> Iterator[str]:
    """A console at the server of `node`, of that release."""
    ready, told = os.pipe()
    words = ["hip", f"/S{node}", "/WWS1", "--node", node, "--data", str(made.data(node)), "--web-port", "0", "--ready-fd", str(told)]
    child = subprocess.Popen([build.python if build else sys.executable, "-m", "hisee", *words], pass_fds=(told,),
                             env=build.environment if build else environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(told)
    try:
        assert os.read(ready, 4096).startswith(b"ready"), "the console did not start"
        yield "WS1"
    finally:
        os.close(ready)
        child.terminate()
        child.wait(30)


def shown(client: System) -> dict[str, tuple[str, str]]:
    """Release and protocol by name."""
    return {row["name"]: (row["version"], row["protocol"]) for row in client.ps() if row["version"]}


def remote_parts_run_on_both(client: System, workstation: str) -> None:
    until(lambda: {"REMOTE1.SES", "REMOTE2.SES"} <= set(names(client.ps(), "SES")), "both script servers are known", 30)
    desk = client.console(workstation)
    for picture in [desk.open("S.Split") for _ in range(4)]:
        answers(picture)
    assert {row["name"]: row["see_count"] for row in client.ps() if row["kind"] == "SES"} == {"REMOTE1.SES": 2, "REMOTE2.SES": 2}


def answers(picture: Picture) -> None:
    picture.settle(30)
    picture.click("BtnEcho")
    picture.settle(30)
    assert picture["LblL"].text.startswith("0 42")


def of(release: tuple[int, int]) -> str:
    return f"{release[0]}.{release[1]}"


def test_the_standby_server_is_upgraded_first(made: Pair, following: Build) -> None:
    assert replaced_under_writes(made, following, RATE) == "SRV2"
    with made.client("SRV1") as client:
        releases = shown(client)
    assert releases["SRV2.KNL"] == releases["REMOTE2.SES"] == (NEXT_VERSION, of(NEXT_PROTOCOL))
    assert releases["SRV1.KNL"][0] == hisee.__version__ and releases["SRV1.KNL"][1] != of(NEXT_PROTOCOL)


def test_the_hot_server_is_of_this_release_the_standby_of_the_next(made: Pair, following: Build) -> None:
    with made.client("SRV1") as client, console(made, "SRV1", following) as workstation:
        remote_parts_run_on_both(client, workstation)


def test_a_client_of_the_next_release_works_at_a_server_of_this_one(made: Pair, following: Build) -> None:
    """What the server does not know is not sent, and the client is told."""
    told = following.run(CLIENT, str(made.data("SRV1")), "31", str(NEWS_KIND)).splitlines()
    assert told[0].startswith("31 ") and told[2] == "31"
    assert f"NEWS_GET needs protocol {of(NEXT_PROTOCOL)}" in told[1] and "upgrade hisee there" in told[1]


def test_a_kind_that_nobody_knows_is_answered_and_ends_no_link(made: Pair) -> None:
    with made.client("SRV1") as client:
        with pytest.raises(RequestRefused, match="knows no message of kind 0x01f0"):
            client.ask(NEWS_KIND)  # type: ignore[arg-type]
        asked = [row for row in client.ps() if row["kind"] in ("SES", "CP") and row["state"] == "Run" and row["carrier"]]
        assert {row["kind"] for row in asked} == {"SES", "CP"}
        for row in asked:
            with pytest.raises(RequestRefused, match="knows no"):
                client.ask(NEWS_KIND, target=row["number"])  # type: ignore[arg-type]
            assert client.tell(row["name"], "PING").result == "ok"


def test_the_group_shows_both_releases_and_that_the_way_back_is_open(made: Pair, present: Build) -> None:
    status = present.hisee("cluster", "status", "--data", str(made.data("SRV1"))).stdout
    for words in (f"hisee {hisee.__version__}, protocol", f"hisee {NEXT_VERSION}, protocol {of(NEXT_PROTOCOL)}", "an upgrade is under way",
                  f"contract open: tables of the engine have schema {NEXT_SCHEMA}",
                  f"releases of schema {NEXT_SCHEMA - 1} can still come back"):
        assert words in status, status
    check = present.hisee("cluster", "check", "--data", str(made.data("SRV1")))
    assert check.returncode == 0 and "a switch would work" in check.stdout, check.stdout


def test_a_switch_to_the_next_release(made: Pair) -> None:
    """The writer is a client of this release at the server that stands by afterwards."""
    switched(made)
    assert made.sub("SRV2") == "hot"


def test_the_hot_server_is_of_the_next_release_the_standby_of_this(made: Pair) -> None:
    with made.client("SRV2") as client, console(made, "SRV2", None) as workstation:
        remote_parts_run_on_both(client, workstation)
        client.set("U.Count", 77)
        with made.client("SRV1") as standby:
            until(lambda: standby.get("U.Count") == 77, "the standby server has what was written")


def test_it_is_not_contracted_while_a_server_of_the_release_before_is_there(made: Pair, following: Build) -> None:
    refused = following.hisee("cluster", "contract", "--yes", "--data", str(made.data("SRV2")))
    assert refused.returncode != 0 and f"SRV1 runs hisee {hisee.__version__}: upgrade it first" in refused.stderr


def test_the_other_server_is_upgraded_and_hot_again(made: Pair, following: Build) -> None:
    assert replaced_under_writes(made, following, RATE) == "SRV1"
    switched(made)
    told = following.run(CLIENT, str(made.data("SRV1")), "32", str(NEWS_KIND)).splitlines()
    assert told[1:] == ["b'good news'", "32"]


def test_the_way_back_is_the_same(made: Pair) -> None:
    """This release on the standby server, which becomes hot; so the other one could follow."""
    assert replaced_under_writes(made, None, RATE) == "SRV2"
    switched(made)
    with made.client("SRV2") as client:
        assert shown(client)["SRV2.KNL"][0] == hisee.__version__ and made.sub("SRV2") == "hot"
    switched(made)


def test_after_the_contract_the_release_before_is_refused_in_words(made: Pair, following: Build) -> None:
    assert replaced_under_writes(made, following, RATE) == "SRV2"
    done = following.hisee("cluster", "contract", "--yes", "--data", str(made.data("SRV1")))
    assert done.returncode == 0 and done.stdout == "contracted: engine\n", done
    with psycopg.connect(DataDir(made.data("SRV1")).engine_url()) as base:
        assert base.execute("SELECT count(*) FROM engine_audit WHERE what = 'contract'").fetchone() == (1,)
    made.halt("SRV2")
    with pytest.raises(AssertionError, match=f"was contracted: it needs hisee with schema {NEXT_SCHEMA} or later"):
        made.boot("SRV2")
    made.up.pop("SRV2", None)
    assert made.sub("SRV1") == "hot"


def test_a_server_that_does_not_answer_may_need_what_would_be_dropped(made: Pair, following: Build) -> None:
    refused = following.hisee("cluster", "contract", "--yes", "--data", str(made.data("SRV1")))
    assert refused.returncode != 0 and "SRV2 does not answer" in refused.stderr
