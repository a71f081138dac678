"""All processes killed at once: a NORMAL start shows what was acknowledged. The whole campaign: `./hisee campaign blackout`."""

from __future__ import annotations

import pytest

from campaigns import blackout

pytestmark = [pytest.mark.boot, pytest.mark.slow]


@pytest.mark.req("R143")
def test_nothing_acknowledged_is_lost_when_everything_dies(tmp_path):
    print(blackout.run(tmp_path, kills=2))
