"""What the roles do for real, seen from outside: reports, a picture on paper, exports, notices; calendars and balances."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from pathlib import Path

import pytest

from hisee.durable import TaskFailed
from support.system import running, until
from support.workers import work_processes

APP = Path(__file__).parent / "app"
pytestmark = [pytest.mark.boot, pytest.mark.slow]
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with running(APP, tmp_path_factory.mktemp("outputs") / "data") as started, work_processes(started.data, 1):
        yield started


@pytest.fixture
def client(system):
    with system.connect() as session:
        yield session


def report(client, **args):
    """A report's facts and its bytes."""
    made = client.tasks.enqueue("engine.report", **args).result(60)
    return made, client.tasks.output(made["file"])


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


@pytest.mark.req("R105")
def test_reports_of_values_and_of_a_table(client):
    made, data = report(client, name="Rows", source="table T.Row")
    assert rows_of(data)[0] == ["Id", "Name", "Level"] and len(rows_of(data)) >= 3
    assert made["bytes"] == len(data) and made["file"] in [row["file"] for row in client.tasks.outputs()]
    client.set("U.Count", 41)
    shown = {row[0]: row[2] for row in rows_of(report(client, name="Values", source="values U.*")[1])[1:]}
    assert shown["U.Count"] == "41"


@pytest.mark.parametrize(("format", "begin"), [("html", b"<!doctype html>"), ("pdf", b"%PDF-")])
def test_formats(client, format, begin):
    assert report(client, name="Values", source="values *", format=format)[1].startswith(begin)


def test_a_picture_and_an_export(client):
    picture = client.tasks.enqueue("engine.picture", name="Split", object="S.Split").result(60)
    assert client.tasks.output(picture["file"]).startswith(b"%PDF-")
    made = client.tasks.enqueue("engine.export", name="All").result(60)
    inside = zipfile.ZipFile(io.BytesIO(client.tasks.output(made["file"]))).namelist()
    assert "pictures/S.Split/picture.toml" in inside


def test_a_notice_reaches_the_event_log_once(system, client):
    client.tasks.enqueue("engine.notify", text="boiler was inspected", subject="service").result(60)
    until(lambda: "boiler was inspected" in system.log("events.log"), "the notice is in the event log", 30)
    client.tasks.enqueue("engine.notify", text="second").result(60)
    until(lambda: "second" in system.log("events.log"), "the next one too", 30)
    assert system.log("events.log").count("boiler was inspected") == 1


@pytest.mark.parametrize(("args", "words"), [
    ({"name": "X", "source": "nothing"}, "values"), ({"name": "../X", "source": "values *"}, "letters"),
    ({"name": "X", "source": "values *", "format": "doc"}, "csv"), ({"name": "X", "source": "table T.Nope"}, "T.Row")])
def test_a_wrong_order_is_told_and_not_tried_again(client, args, words):
    task = client.tasks.enqueue("engine.report", **args)
    with pytest.raises(TaskFailed, match=words):
        task.result(60)
    assert task.row["attempt"] == 1


@pytest.mark.parametrize(("func", "args"), [
    ("engine.export", {"objects": ["S.Nope"]}), ("engine.picture", {"object": "S.Nope"}), ("engine.report", {"source": "values S.Nope"})])
def test_an_object_that_is_not_there_is_named_and_not_tried_again(client, func, args):
    task = client.tasks.enqueue(func, name="X", **args)
    with pytest.raises(TaskFailed, match="S.Nope"):
        task.result(20)
    assert task.row["attempt"] == 1 and task.state == "ended not ok"


def test_a_calendar(client):
    with pytest.raises(TaskFailed, match="no year 10000"):
        client.tasks.enqueue("engine.calendar", name="WORK", year=10_000).result(60)
    assert client.tasks.enqueue("engine.calendar", name="WORK", year=2026, without=["01-01", "easter+1"]).result(60) == 259
    days = client.tasks.facts("calendar-days/WORK/2026")["calendar-days/WORK/2026"]
    assert "2026-01-01" not in days and "2026-04-06" not in days and "2026-04-07" in days


def test_hourly_balances(client):
    hour = int(time.time() * 1000) // HOUR_MS * HOUR_MS
    for at, rate in ((hour - 2 * HOUR_MS, 6.0), (hour - HOUR_MS - HOUR_MS // 2, None), (hour - HOUR_MS, 2.0)):
        client.tasks.enqueue("engine.fact", key=f"rate/{at}", value={"rate": rate}).result(60)
    assert client.tasks.enqueue("engine.balance", name="water", samples="rate", unit="m3", hours=2).result(60) == 2
    rows = rows_of(report(client, name="Water", source="balance water")[1])
    assert rows[0] == ["Hour", "Amount [m3]", "Measured [%]"] and [row[1:] for row in rows[1:]] == [["3.00", "50"], ["2.00", "100"]]
