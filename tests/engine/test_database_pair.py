"""The database pair on three computers: from nothing to primary and secondary, and no acknowledged put is lost when one goes."""

from __future__ import annotations

import os
import signal

import pytest

from support.database_pair import SERVERS, history, missing, pair_lab

pytestmark = [pytest.mark.slow, pytest.mark.boot, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]


def test_a_lost_primary_costs_no_acknowledged_put() -> None:
    with pair_lab() as pair:
        primary = pair.await_pair()
        other = next(name for name in SERVERS if name != primary)
        client = pair.client("load")
        client.await_more()
        os.kill(pair.postmaster(primary), signal.SIGKILL)
        client.await_more()
        pair.await_pair()
        lost = pair.primary()
        pair.computers[lost].kill()
        client.await_more()
        pair.boot(lost)
        assert pair.await_pair() in (primary, other)
        client.await_more()
        client.end()
        print(f"longest time without a put: {client.gap_s():.1f} s")
        assert history(pair, client) == (0, 0)
