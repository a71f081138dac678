"""Outputs: the same table in three formats, pictures on paper, files that are complete or not there."""

from __future__ import annotations

import csv
import html.parser
import io

import pytest

from hisee.outputs import picture, render
from hisee.outputs.shelf import OutputRefused, Shelf
from hisee.outputs.table import MAX_ROWS, Column, Table
from hisee.seams import SystemDisk

HOUR = 3_600_000
AUTUMN = 1_761_436_800_000  # 2025-10-26 00:00 UTC: the clocks go back in Bratislava at 01:00 UTC
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><rect id="Box" width="50" height="20" fill="#888"/>
<g id="Flow"><text x="5" y="50">-</text></g></svg>"""


def balance(rows=None) -> Table:
    columns = [Column("Hour", kind="time"), Column("Volume", "m³", 2), Column("Pump"), Column("Note")]
    return Table("Hourly balance", columns, rows or [[AUTUMN + HOUR * n, 1.5 * n, n % 2 == 0, "ok"] for n in range(4)], "Europe/Bratislava")


def test_csv_is_what_a_spreadsheet_reads():
    rows = list(csv.reader(io.StringIO(render.to_csv(balance()).decode(), newline="")))
    assert rows[0] == ["Hour", "Volume [m³]", "Pump", "Note"]
    assert rows[1] == ["2025-10-26 02:00:00", "0.00", "TRUE", "ok"]
    assert [row[0] for row in rows[1:]] == ["2025-10-26 02:00:00", "2025-10-26 02:00:00", "2025-10-26 03:00:00", "2025-10-26 04:00:00"]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|x", "-2+3", "\tx"])
def test_a_text_of_a_script_is_no_formula(text):
    row = list(csv.reader(io.StringIO(render.to_csv(balance([[None, -1.5, None, text]])).decode(), newline="")))[1]
    assert row[3] == "'" + text and row[1] == "-1.50" and row[0] == row[2] == "?"


def test_html_escapes_everything():
    hit = '"><script>alert(1)</script>'
    page = render.to_html(Table(hit, [Column(hit, hit)], [[hit]], notes=[hit])).decode()

    class Tags(html.parser.HTMLParser):
        seen: list[str] = []

        def handle_starttag(self, tag, attrs):
            self.seen.append(tag)

    Tags().feed(page)
    assert "script" not in Tags.seen and Tags.seen.count("td") == 1


def test_pdf_has_pages_and_is_the_same_every_time():
    many = balance([[AUTUMN + HOUR * n, 1.0 * n, True, "žeriav č. 1"] for n in range(120)])
    data = render.to_pdf(many)
    assert data.startswith(b"%PDF-") and data == render.to_pdf(many) and data.count(b"/Type /Page\n") >= 3


def test_a_table_is_bounded_and_regular():
    full = Table("Big", [Column("A")], [[1]] * (MAX_ROWS + 5))
    assert len(full.rows) == MAX_ROWS and "5 more rows" in full.notes[0]
    with pytest.raises(ValueError, match="row 2 has 1 cells, not 2"):
        Table("Odd", [Column("A"), Column("B")], [[1, 2], [1]])


def test_a_picture_shows_its_values():
    root = picture.read("S.X", SVG)
    picture.fill(root, {"Flow": "12.5", "Nothing": "x"})
    assert [node.text for node in root.iter() if node.tag.endswith("text")] == ["12.5"]
    assert picture.to_pdf("S.X", SVG, {"Flow": "12.5"}).startswith(b"%PDF-")


@pytest.mark.parametrize(("drawing", "why"), [
    (b"<svg", "well-formed"), (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>', "entities"),
    (b"<svg>" + b" " * (3 << 20) + b"</svg>", "bytes")])
def test_a_bad_drawing_is_refused(drawing, why):
    with pytest.raises(picture.PictureRefused, match=why):
        picture.to_pdf("S.X", drawing, {})


def test_nothing_of_a_drawing_is_fetched(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"no picture")
    svg = SVG.replace(b"</svg>", f'<image xmlns:x="http://www.w3.org/1999/xlink" x:href="{secret}" width="9" height="9"/></svg>'.encode())
    assert b"secret" not in picture.to_pdf("S.X", svg, {})


def test_the_shelf_keeps_one_file_per_task(tmp_path):
    shelf = Shelf(tmp_path / "outputs", SystemDisk())
    assert shelf.files() == []
    assert shelf.put("Balance", 7, "csv", b"a") == shelf.put("Balance", 7, "csv", b"b") == "Balance-7.csv"
    assert shelf.files() == ["Balance-7.csv"] and shelf.get("Balance-7.csv") == b"b"


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 101, "a\n"])
def test_a_name_stays_in_the_folder(tmp_path, name):
    shelf = Shelf(tmp_path / "outputs", SystemDisk())
    with pytest.raises(OutputRefused):
        shelf.put(name, 1, "csv", b"")
    with pytest.raises(OutputRefused):
        shelf.get("../../secret")
