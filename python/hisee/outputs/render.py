"""Tables as CSV, HTML and PDF. Bytes in, bytes out; the same table gives the same bytes."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
from collections.abc import Callable
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import FontFace

from hisee.outputs.table import Table

FONTS = Path("/usr/share/fonts/truetype/dejavu")  # Debian's fonts-dejavu-core: letters of every European language
PAGE_MM = 12
EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)  # date inside a PDF: a report made again is the same file
STYLE = ("body{font:14px/1.4 sans-serif;margin:2em;color:#222}table{border-collapse:collapse}th,td{border:1px solid #999;"
         "padding:.25em .6em;text-align:right}th{background:#e7eaed}td:first-child,th:first-child{text-align:left}caption{font-weight:bold;"
         "text-align:left;padding:.5em 0}.note{color:#666}")


def to_csv(table: Table) -> bytes:
    """RFC 4180, UTF-8. A cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([harmless(column.heading) for column in table.columns])
    for row in table.texts():
        writer.writerow([harmless(cell) for cell in row])
    return out.getvalue().encode()


def harmless(text: str) -> str:
    if text[:1] in ("=", "@", "\t", "\r") or (text[:1] in ("+", "-") and not _is_number(text)):
        return "'" + text
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def to_html(table: Table) -> bytes:
    """One page without script or foreign address; every text is escaped."""
    head = "".join(f"<th>{html.escape(column.heading)}</th>" for column in table.columns)
    body = "\n".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.texts())
    notes = "".join(f'<p class="note">{html.escape(note)}</p>' for note in table.notes)
    title = html.escape(table.title)
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>\n'
            f"<body><table><caption>{title}</caption><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>{notes}</body></html>\n"
            ).encode()


def to_pdf(table: Table) -> bytes:
    """A4, upright; across when there are more than six columns. The heading row stands on every page."""
    pdf = page(table.title, across=len(table.columns) > 6)
    heading = FontFace(emphasis="BOLD", fill_color=(231, 234, 237))
    with pdf.table(headings_style=heading, text_align=("LEFT", *["RIGHT"] * (len(table.columns) - 1)), line_height=5) as drawn:
        drawn.row([fitting(pdf, column.heading) for column in table.columns])
        for texts in table.texts():
            drawn.row([fitting(pdf, text) for text in texts])
    pdf.set_text_color(110)
    for note in table.notes:
        pdf.multi_cell(0, 5, fitting(pdf, note), new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())


class _Page(FPDF):
    """Page numbers at the foot."""

    face = "helvetica"

    def footer(self) -> None:
        self.set_y(-10)
        self.set_font(self.face, size=8)
        self.set_text_color(110)
        self.cell(0, 5, f"{self.page_no()}/{{nb}}", align="R")


def page(title: str, *, across: bool) -> FPDF:
    """An empty document with its title written."""
    pdf = _Page(orientation="landscape" if across else "portrait", format="A4")
    pdf.set_creation_date(EPOCH)
    pdf.set_margin(PAGE_MM)
    pdf.face = _face(pdf)
    pdf.add_page()
    pdf.set_title(title)
    pdf.set_font(pdf.face, style="B", size=13)
    pdf.multi_cell(0, 8, fitting(pdf, title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(pdf.face, size=9)
    return pdf


def _face(pdf: FPDF) -> str:
    """DejaVu where it is installed, else the built-in face, which knows western letters only."""
    if not (FONTS / "DejaVuSans.ttf").is_file():
        return "helvetica"
    pdf.add_font("dejavu", "", FONTS / "DejaVuSans.ttf")
    pdf.add_font("dejavu", "B", FONTS / "DejaVuSans-Bold.ttf")
    return "dejavu"


def fitting(pdf: FPDF, text: str) -> str:
    """The text in letters that the face has."""
    return text if pdf.is_ttf_font else text.encode("latin-1", "replace").decode("latin-1")


FORMATS: dict[str, Callable[[Table], bytes]] = {"csv": to_csv, "html": to_html, "pdf": to_pdf}
