"""All processes killed at once: a NORMAL start shows what was acknowledged. The whole campaign: `./hisee campaign blackout`."""

from __future__ import annotations

import pytest

from campaigns import blackout
from support import postgres

pytestmark = [pytest.mark.boot, pytest.mark.slow]


@pytest.mark.req("R143")
def test_nothing_acknowledged_is_lost_when_everything_dies(tmp_path):
    print(blackout.run(tmp_path, kills=2))


@pytest.mark.req("R69", "R143")
@pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing() or "-")
def test_nothing_acknowledged_is_lost_with_everything_on_postgresql(tmp_path):
    """Objects, retained values and tasks are in the one engine database, none of them in the data directory."""
    with postgres.postgres_server() as server:
        print(blackout.run(tmp_path, kills=1, url=server.database("blackout")))
    assert not [name for name in ("engine.db", "values.db") if (tmp_path / "data" / name).exists()]
