"""What the tables of bad input share: a case, a small declared feed in each format, and files to deliver."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import openpyxl
import yaml

from expectations.models import Feed

Level = Literal["row", "file", "source", "passes"]
HEADER = ("id", "place", "day", "nature", "deaths", "updated", "name")
FEED = """
feed: cases
kind: case
name: {zh: 案件, en: Cases}
source: {type: files, connection: trial, pattern: "**/cases_*", format: csv, delivered: 'cases_(\\d{8})[.].*'}
starts_on: 2026-01-01
record_id: [id]
known_at: {column: updated}
area: [place]
columns:
  occurred_on: day
  nature_code: {from: nature, map: {刑事: criminal, 行政: public_order}}
  n_deaths: deaths
dropped: {name: personal}
"""


@dataclass(frozen=True)
class Case:
    """One kind of bad input. `rule` is the reject's reason or a part of the report; `exit_code` that of the step."""

    given: bytes | Callable[[], bytes]  # what is large is made when it is needed
    rule: str
    exit_code: int = 5
    feed: dict[str, Any] | None = None  # changes of the source's contract
    rows: tuple[int, ...] = (2,)  # numbers of the rows that are rejected
    column: str | None = None

    def content(self) -> bytes:
        return self.given if isinstance(self.given, bytes) else self.given()


def feed(**source: Any) -> Feed:
    """The trial feed with another source."""
    declared = yaml.safe_load(FEED)
    declared["source"] |= source
    return Feed.model_validate({**declared, "city_code": "trial"})


def row(id: str, **values: Any) -> dict[str, Any]:
    """A row that is right unless told otherwise."""
    right = {"place": "9901", "day": "2026-01-31", "nature": "刑事", "deaths": "0", "updated": "2026-02-01 08:00:00"}
    return {"id": id, **right, "name": "张三", **values}


GOOD = (row("good1"), row("good3"))


def csv_of(*middle: str, header: str = ",".join(HEADER), delimiter: str = ",") -> str:
    """Good row, the lines `middle`, good row."""
    first, last = (delimiter.join(good.values()) for good in GOOD)
    return "\n".join([header, first, *middle, last]) + "\n"


def line(id: str = "bad", **values: str) -> str:
    return ",".join(row(id, **values).values())


def lines_of(*middle: str) -> bytes:
    """JSON Lines: good row, the lines `middle`, good row."""
    first, last = (json.dumps(good, ensure_ascii=False) for good in GOOD)
    return "\n".join([first, *middle, last, ""]).encode()


def workbook_of(
    *middle: Sequence[Any], header: Sequence[str] = HEADER, change: Callable[[Any], None] | None = None
) -> bytes:
    """An Excel file: good row, the rows `middle`, good row; `change` edits the sheet before it is saved."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "案件"
    for cells in [header, list(GOOD[0].values()), *middle, list(GOOD[1].values())]:
        sheet.append(list(cells))
    if change:
        change(sheet)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def sheets_of(sheets: dict[str, Sequence[Sequence[Any]]], hidden: Sequence[str] = ()) -> bytes:
    """An Excel file of these sheets, each its rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
        for cells in rows:
            sheet.append(list(cells))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def with_parts(workbook: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with each of its parts changed."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return zip_of({name: change(archive.read(name)) for name in archive.namelist()})


def zip_of(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()
