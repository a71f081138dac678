"""A slice of each campaign; the full counts run by `./hisee campaign NAME`."""

import pytest

from campaigns import cycles, latency

pytestmark = pytest.mark.boot


@pytest.mark.req("R42", "R43", "R44", "R63")
def test_a_slow_link_delays_only_what_crosses_it(system):
    print(latency.run(system, rtt_ms=60, calls=20))


@pytest.mark.req("R30", "R17")
def test_opened_and_closed_pictures_leave_nothing(system):
    print(cycles.run(system, warm=60, count=160))
