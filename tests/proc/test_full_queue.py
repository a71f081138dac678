"""A slice of the campaign on a full queue: the answers, no times."""

from __future__ import annotations

import pytest

from campaigns import million
from support import postgres

pytestmark = pytest.mark.boot


@pytest.mark.req("R114")
def test_a_full_queue_is_put_worked_on_taken_over_and_deleted(tmp_path):
    figures = million.run(tmp_path, count=3_000, kills=1, section=1_000)
    assert len(figures["puts_per_s"]) == 3 and figures["cold_deleted"] + figures["cold_review"] + figures["ended"] == 3_000


@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")
def test_the_same_on_postgresql(tmp_path):
    with postgres.postgres_server() as server:
        figures = million.run(tmp_path, count=3_000, kills=1, section=1_000, url=server.database("full"))
    assert figures["cold_deleted"] + figures["cold_review"] + figures["ended"] == 3_000
