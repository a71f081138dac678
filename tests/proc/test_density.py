"""A slice of `./hisee campaign density`: hundreds of pictures at once on four consoles, all their remote parts in one SES."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns import density
from support.system import running

pytestmark = [pytest.mark.boot, pytest.mark.slow]


@pytest.mark.req("R1", "R30")
def test_very_many_pictures_open_work_and_close_and_leave_nothing(tmp_path: Path) -> None:
    with running(density.APP, tmp_path / "data") as system:
        print(density.run(system, count=500, loops=3, asked=20, calm_s=0.0))
