"""The headline's arithmetic on a system that only pretends: counts, percentiles, predictions, and results that are wrong."""

import io
import json
import sqlite3
from math import isnan
from types import SimpleNamespace

import pytest

from hisee.demo import application, render
from hisee.demo.headline import Cell, Expected, Operator, Table, WrongResult, p99, run_headline, sequential_round_trips, shares, stored

BARE_MS = 0.3  # echo of the fake's unshaped link


def message(direction, kind, lane="visual"):
    return {"at_ns": 0, "direction": direction, "kind": kind, "lane": lane}


def requests(count, direction, kind, lane):
    back = "in" if direction == "out" else "out"
    return [m for _ in range(count) for m in (message(direction, kind, lane), message(back, "REPLY", lane))]


TRACES = {
    "S.PumpStationL": requests(25, "out", "DATA", "data.db"),
    "S.PumpStationR": [message("out", "PICTURE_EVENT"), *requests(24, "in", "VISUAL", "visual"), message("in", "VISUAL_SET")],
    "S.PumpStation": requests(1, "out", "CALL", "script"),
}
WORK_MS = {"S.PumpStationL": 20.0, "S.PumpStationR": 18.0, "S.PumpStation": 8.0}


class FakePicture:
    def __init__(self, desk, name):
        self.desk, self.name, self.fields, self.open = desk, name, {}, True
        self.text, self.facts = "-", {}

    def __getitem__(self, element):
        assert element == "LblResult"
        return SimpleNamespace(text=self.text)

    def type(self, element, text):
        self.fields[element] = text

    def click(self, element):
        assert element == "BtnApply" and self.open
        self.desk.clicks += 1
        self.text = self.desk.answer(float(self.fields["E01"]))
        took_ms = WORK_MS[self.name] + sequential_round_trips(self.trace()) * self.desk.rtt_ms * self.desk.slower
        took_ms += self.desk.clicks * self.desk.worse_per_click_ms
        self.facts = {"input_ns": 1_000, "effect_ns": 1_000 + round(took_ms * 1e6)}

    def settle(self, timeout=10):
        pass

    def trace(self):
        return TRACES[self.name]

    def close(self):
        self.open = False


class FakeDesk:
    def __init__(self, answer=None, slower=1.0):
        self.rtt_ms, self.clicks, self.shapes, self.pictures, self.slower = None, 0, [], [], slower
        self.worse_per_click_ms = 0.0
        self.answer = answer or Expected.of(application()).text

    def console(self, name):
        assert name == "WS1"
        return self

    def link(self, *, rtt_ms):
        self.rtt_ms = rtt_ms
        self.shapes.append(rtt_ms)

    def round_trip_ms(self, count):
        return self.rtt_ms + BARE_MS

    def open(self, name):
        self.pictures.append(FakePicture(self, name))
        return self.pictures[-1]


def run(desk, **options):
    return run_headline(desk, pause=lambda _: None, **options)


def test_twelve_cells_with_counts_and_predictions():
    desk = FakeDesk()
    table = run(desk)
    assert [(c.placement, c.rtt_ms) for c in table.cells] == [
        (p, r) for p in ("all local", "all remote", "split by hand") for r in (0.2, 5.0, 25.0, 80.0)]
    assert [c.round_trips for c in table.cells] == [25] * 8 + [1] * 4
    assert [c.clicks for c in table.cells[:4]] == [100, 100, 40, 20]
    slow = table.cells[3]
    # 20 ms of work and 25 x 80 ms; the bare 0.3 ms of the echo is in T0 already
    assert (slow.t0_ms, slow.link_ms, slow.p50_ms) == pytest.approx((20.0, 80.0, 2020.0))
    assert slow.predicted_ms == pytest.approx(2020.0)
    assert slow.error_percent == pytest.approx(0.0, abs=1e-9)
    assert table.within_goal and table.worst_percent < 0.001


def test_link_is_left_bare_and_pictures_closed():
    desk = FakeDesk()
    run(desk, rtts=(5.0,), clicks=(3,))
    assert desk.shapes == [0.0, 0.0, 5.0, 5.0, 0.0, 0.0, 5.0, 0.0] * 3 + [0.0]  # warm-up, three blocks of one click, end
    assert not any(picture.open for picture in desk.pictures)
    assert desk.clicks == 3 * (11 + 3 * (11 + 2))  # warm-up; blocks of 10 for T0 and 1 counted, each with one that is not


def test_time_that_the_count_does_not_explain_shows_as_error():
    table = run(FakeDesk(slower=1.2), rtts=(80.0,), clicks=(3,))
    all_local = table.cells[0]
    # measured 20 + 25 * 96 = 2420, predicted 2020
    assert all_local.error_percent == pytest.approx(100 * 400 / 2020)
    assert not table.within_goal


def test_blocks_share_the_clicks():
    assert shares(100) == [25] * 4
    assert shares(10) == [2, 3, 2, 3]
    assert shares(3) == [1, 1, 1] and shares(1) == [1]


def test_t0_and_clicks_take_turns_so_that_a_slower_computer_shows_in_both():
    desk = FakeDesk()
    desk.worse_per_click_ms = 0.05
    assert run(desk, rtts=(5.0,), clicks=(100,)).worst_percent < 2


def test_p99_needs_a_hundred_clicks():
    assert p99(list(range(1, 101))) == 99
    assert p99(list(range(200, 0, -1))) == 198
    assert isnan(p99([1.0] * 99))


def test_wrong_result_ends_the_run_and_bares_the_link():
    desk = FakeDesk(answer=lambda first: "23 stored, sum 0.0; 48 meters, 754.3 kW")
    with pytest.raises(WrongResult, match="Apply shows '23 stored"):
        run(desk)
    assert desk.shapes[-1] == 0.0


def test_result_of_an_earlier_click_is_not_taken():
    desk = FakeDesk(answer=lambda first: Expected.of(application()).text(60.1))
    with pytest.raises(WrongResult):
        run(desk)
    assert desk.clicks == 2  # the first one happened to be right


def test_expected_text_is_worked_out_from_the_files():
    # 24 setpoints of data/T.Setpoint.csv add up to 1730; the first is 68, replaced by 60.1: 1722.1
    expected = Expected.of(application())
    assert (len(expected.setpoints), expected.meters) == (24, 48)
    assert sum(expected.setpoints) == 1730.0
    assert expected.text(60.1) == "24 stored, sum 1722.1; 48 meters, 754.3 kW"


def test_database_is_compared(tmp_path):
    database = tmp_path / "plant.db"
    expected = Expected.of(application())
    with sqlite3.connect(database) as connection:
        connection.execute('CREATE TABLE setpoint ("Id" INTEGER PRIMARY KEY, "Value" REAL)')
        connection.executemany("INSERT INTO setpoint VALUES (?, ?)", enumerate((60.1, *expected.setpoints[1:]), 1))
    connection.close()
    operator = Operator(FakeDesk().open("S.PumpStation"), expected, lambda _: None, database)
    operator._picture.desk.link(rtt_ms=0.0)
    operator.apply()
    operator.check_store()
    assert stored(database)[0] == 60.1
    operator.apply()  # 60.2, but the fake stores nothing
    with pytest.raises(WrongResult, match="database holds other setpoints"):
        operator.check_store()


def test_counts_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="4 round trip times but 1"):
        run(FakeDesk(), clicks=(3,))


@pytest.mark.parametrize(("trace", "count"), [
    ([], 0),
    (requests(1, "out", "CALL", "script"), 1),
    ([message("out", "PICTURE_EVENT"), message("in", "VISUAL_SET")], 1),
    ([message("out", "PICTURE_EVENT")], 0.5),
    # two SetText one behind the other travel together
    ([message("out", "PICTURE_EVENT"), message("in", "VISUAL_SET"), message("in", "VISUAL_SET")], 1),
    # values, logs, settle and acknowledgements travel beside the script
    ([message("out", "DATA", "data.db"), message("in", "VALUES", "script"), message("out", "LOG_WRITE", "control"),
      message("in", "REPLY", "data.db")], 1),
    ([message("out", "SETTLE_GET", "control"), message("in", "REPLY", "control")], 0),
    ([message("out", "DATA", "data.db"), message("in", "FAILED", "data.db")], 1),
])
def test_round_trips_are_changes_of_direction(trace, count):
    assert sequential_round_trips(trace) == count


def test_real_placements_count_25_25_1():
    assert [sequential_round_trips(t) for t in TRACES.values()] == [25, 25, 1]


def table_of_two():
    return Table([Cell("all local", 0.2, 0.21, 100, 25, 10.0, 15.5, 19.0),
                  Cell("split by hand", 80.0, 80.1, 20, 1, 4.0, 84.5, float("nan"))])


def test_json_has_prediction_error_and_nulls():
    told = json.loads(table_of_two().as_json())
    assert told["within_goal"] is True and told["goal_percent"] == 15
    assert told["cells"][0]["predicted_ms"] == pytest.approx(15.25)
    assert told["cells"][0]["error_percent"] == pytest.approx(100 * 0.25 / 15.25)
    assert told["cells"][1]["p99_ms"] is None


def test_empty_table_is_not_within_the_goal():
    assert not Table().within_goal
    assert json.loads(Table().as_json())["cells"] == []


def test_table_for_a_terminal():
    out = io.StringIO()
    render.show(table_of_two(), file=out, force_terminal=False)
    text = out.getvalue()
    assert "placement" in text and "round trips" in text and "predicted ms" in text
    line = next(line for line in text.splitlines() if "all local" in line)
    for cell in ("0.2", "25", "0.21", "10.0", "15.5", "19.0", "15.2", "+1.6 %", "100"):
        assert cell in line
    assert "-" in next(line for line in text.splitlines() if "split by hand" in line)
    assert "goal 15 %" in text
