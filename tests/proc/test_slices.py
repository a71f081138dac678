"""A slice of each campaign; the full counts run by `./hisee campaign NAME`."""

from collections.abc import Iterator

import pytest

from campaigns import crossings, cycles, fragments, hostile, latency, numbered
from support.system import RunningSystem, running

pytestmark = pytest.mark.boot


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running(numbered.APP, tmp_path_factory.mktemp("traffic") / "data") as started:
        yield started


@pytest.fixture(scope="module")
def beset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    with running(hostile.APP, tmp_path_factory.mktemp("hostile") / "data") as started:
        yield started


@pytest.mark.req("R42", "R43", "R44", "R63")
def test_a_slow_link_delays_only_what_crosses_it(system):
    print(latency.run(system, rtt_ms=60, calls=20))


@pytest.mark.req("R30", "R17")
def test_opened_and_closed_pictures_leave_nothing(system):
    print(cycles.run(system, warm=60, count=160))


@pytest.mark.req("R29")
@pytest.mark.parametrize("script", hostile.SCRIPTS)
def test_a_hostile_script_ends_by_its_limit_and_alone(beset, script):
    print(hostile.run(beset, neighbours=5, scripts=[script]))


@pytest.mark.req("R49")
def test_short_messages_pass_long_ones(traffic):
    print(fragments.run(traffic, count=100, pause_s=0.2))


@pytest.mark.req("R46", "R48")
def test_numbered_messages_arrive_once_and_in_order(traffic):
    print(numbered.run(traffic, count=2000, stop_s=0.3))


@pytest.mark.parametrize("numbers", [[1, 2], [1, 2, 4], [1, 2, 3, 3], [1, 3, 2], [2, 2, 3], []])
def test_a_lost_doubled_or_swapped_number_would_be_found(numbers):
    with pytest.raises(AssertionError, match="of 3 numbers"):
        numbered.check_order("R", numbers, 3)


@pytest.mark.req("R63")
def test_the_parts_of_a_database_read_make_up_its_whole(traffic):
    found = crossings.run(traffic, count=60)
    for series in (found["isolated"], found["back_to_back"]):
        assert sum(series["parts_us"].values()) == pytest.approx(series["whole_us"], abs=1)
        assert sum(series["three_times_us"].values()) == pytest.approx(series["whole_us"], rel=0.5)
        assert series["parts_us"]["statement"] > 0 and series["plain_sqlite3_us"] > 0
        assert set(series["wakes_per_read"]) == {"SES", "KNL", "DBM", "all"} and series["wakes_per_read"]["all"] > 0
        assert 0 <= series["core_crossings_per_read"] <= 4
    # The pause before each read is no part of it.
    assert found["isolated"]["whole_us"] < 1000 * crossings.PAUSE_MS
