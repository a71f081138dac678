"""The database pair on three computers, from nothing: no acknowledged put is lost when one of them goes, and nobody decides alone."""

from __future__ import annotations

import sys
import time

import psycopg
import pytest

from hisee.pair.epochs import promoted
from support.database_pair import SERVERS, PairLab, history, missing, pair_lab
from support.lab import until

pytestmark = [pytest.mark.slow, pytest.mark.boot, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]
PROMOTED_S = 6.0
PROMOTE = """
import sys
from hisee.datadir import DataDir
from hisee.pair.home import Home
from hisee.pair.program import duty_of
from hisee.pair.promotion import promote_here
data = DataDir(sys.argv[1])
promote_here(Home(data, duty_of(data, sys.argv[2], "node")), "operator", {"why": "test"})
"""


@pytest.mark.req("R147")
def test_the_primary_follows_the_hot_server_and_losses_cost_no_acknowledged_put() -> None:
    with pair_lab() as pair:
        pair.await_pair()
        client = pair.client("load")
        client.await_more()
        kept = pair.primary()
        lost = next(name for name in SERVERS if name != kept)
        make_hot(pair, kept, lost)
        until(lambda: pair.primary() == lost, "the primary follows the hot server", 90)
        client.await_more()
        pair.computers["W"].kill()
        client.await_more()  # without the monitor the plant goes on
        pair.computers[lost].kill()
        nobody_writes(pair, kept)
        promote(pair, kept)
        client.await_more()
        pair.boot(lost)  # it must not write beside the other: the promoted one overrules it
        until(lambda: "it stays down" in pair.log(lost), "the former primary stays down", 60)
        client.await_more()
        client.end()
        print(f"longest time without a put: {client.gap_s():.1f} s")
        assert history(pair, client) == (0, 0) and audited(pair) == 1
        assert hot_term(pair, kept) == (0, promoted(1, SERVERS.index(kept))), "free, in an epoch that nobody else counts to"


def make_hot(pair: PairLab, primary: str, hot: str) -> None:
    """The engine database says that the group's term is at a server of node `hot`."""
    home = pair.home(primary)
    with psycopg.connect(host=str(home.sockets), port=6001, dbname="hisee", user=home.account.pw_name) as connection:
        connection.execute("INSERT INTO engine_member (incarnation, kind, number, name, node, host, pid, birth, place, port, mode,"
                           " joined_ms) VALUES (7, 'KNL', 1, %s, %s, '', 1, 1, '', 0, 'KNL', 0)", [f"{hot}.KNL", hot])
        connection.execute("INSERT INTO engine_term VALUES ('hs.plant', 7, 1)")


def hot_term(pair: PairLab, name: str) -> tuple[int, int]:
    """Holder and epoch as the database of this computer has them."""
    home = pair.home(name)
    with psycopg.connect(host=str(home.sockets), port=6001, dbname="hisee", user=home.account.pw_name) as connection:
        row = connection.execute("SELECT holder, epoch FROM engine_term WHERE term = 'hs.plant'").fetchone()
        assert row is not None
        return int(row[0]), int(row[1])


def nobody_writes(pair: PairLab, name: str) -> None:
    """For longer than the monitor would have taken to promote it."""
    end = time.monotonic() + PROMOTED_S
    while time.monotonic() < end:
        assert not pair.takes_writes(name)
        time.sleep(0.2)


def promote(pair: PairLab, name: str) -> None:
    pair.computers[name].run(sys.executable, "-c", PROMOTE, pair.folder / name, name, timeout=120)


def audited(pair: PairLab) -> int:
    query = "SELECT count(*) FROM engine_audit WHERE what = 'promote database'"
    code = f"import sys, psycopg\nprint(psycopg.connect(sys.argv[1]).execute({query!r}).fetchone()[0])"
    return int(pair.computers["C"].run(sys.executable, "-c", code, pair.url()).stdout)
