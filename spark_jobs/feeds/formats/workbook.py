"""Excel workbooks: what calamine reads, and what it passes over (formulas without a value, errors, merged cells)."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from spark_jobs.feeds.formats.content import Content, Fault, Unreadable, text_column
from spark_jobs.feeds.formats.unpack import check_workbook_size

EXACT = 10**15  # a spreadsheet keeps 15 digits; of a longer number the last ones are zeros of its own making
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SUSPECT = re.compile(rb"<f[ >/]|t=.e.")
Cell = tuple[int, int]  # row and column of the sheet, from 0


def read_workbook(content: bytes, names: Sequence[str], sheet: str | None) -> Content:
    """The columns `names` of a sheet as text; the first row that is not empty is the header.

    A date that was stored as a plain number stays that number: which it was, nobody can tell. Raises Unreadable.
    """
    check_workbook_size(content)
    read = _sheet(content, sheet)
    rows: list[list[Any]] = read.to_python()
    top, left = read.start or (0, 0)
    header = [str(cell).strip() for cell in rows[0]] if rows else []
    if not any(header):
        raise Unreadable(f"expected a header in sheet {read.name!r}, found it empty")
    twice = sorted({name for name in names if header.count(name) > 1})
    if twice:
        raise Unreadable(f"expected each column once, found {twice} more than once in {header}")
    places = {name: header.index(name) for name in names if name in header}
    faults = _faults(rows, places)
    by_column = {left + place: name for name, place in places.items()}
    for (row, column), rule in _hidden(content, read):
        if column in by_column and row > top:
            faults.setdefault(row - top, Fault(rule, by_column[column]))
    numbers = [number for number, row in enumerate(rows[1:], 1) if any(cell != "" for cell in row)]
    values = {name: text_column([_text(rows[number][place]) for number in numbers]) for name, place in places.items()}
    return Content(tuple(name for name in header if name), values, numbers, faults)


def _sheet(content: bytes, sheet: str | None) -> CalamineSheet:
    """The sheet of that name, or the first."""
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if sheet is not None and sheet not in workbook.sheet_names:
            raise Unreadable(f"expected sheet {sheet!r}, found {workbook.sheet_names}")
        return workbook.get_sheet_by_name(sheet or workbook.sheet_names[0])
    except CalamineError as error:
        raise Unreadable(f"expected an .xlsx workbook that can be opened: {error}") from None


def _faults(rows: list[list[Any]], places: dict[str, int]) -> dict[int, Fault]:
    """Numbers that have lost digits, by row."""
    return {
        number: Fault("lost_digits", name, _text(row[place]))
        for number, row in enumerate(rows[1:], 1)
        for name, place in places.items()
        if isinstance(row[place], float) and abs(row[place]) >= EXACT
    }


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _hidden(content: bytes, sheet: CalamineSheet) -> Iterator[tuple[Cell, str]]:
    """Cells that calamine gives as empty or alone, with the rule that they break."""
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        yield from (((r, c), "merged_cell") for r in range(top, bottom + 1) for c in range(left, right + 1))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        xml = archive.read(_part_of(archive, sheet.name))
    if not _SUSPECT.search(xml):
        return
    for _, cell in ElementTree.iterparse(io.BytesIO(xml)):  # noqa: S314 - expat limits entities; parts are limited
        if cell.tag == f"{_MAIN}c":
            value = cell.findtext(f"{_MAIN}v")
            if cell.get("t") == "e":
                yield _place(cell.get("r", "")), "spreadsheet_error"
            elif cell.find(f"{_MAIN}f") is not None and not value:
                yield _place(cell.get("r", "")), "formula_without_value"
            cell.clear()


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Path of the XML of a sheet inside the workbook."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - as above
    wanted = next(node.get(_RELATION) for node in book.iter(f"{_MAIN}sheet") if node.get("name") == sheet)
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - as above
    target = next(link.get("Target", "") for link in links if link.get("Id") == wanted)
    return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")


def _place(reference: str) -> Cell:
    """A reference such as AB12 as row and column from 0."""
    match = re.fullmatch(r"([A-Z]+)(\d+)", reference)
    if not match:
        raise Unreadable(f"expected cells with references such as B12, found {reference!r}")
    column = 0
    for letter in match.group(1):
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match.group(2)) - 1, column - 1
