"""Excel workbooks: what calamine reads, and what it passes over (formulas without a value, errors, merged cells).

An export that grows too long goes on in the next sheet, so every sheet counts: it is read, or named with its rows.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

from expectations.source_columns import header_of, unnamed
from spark_jobs.feeds.formats.content import Content, LeftOut, ReadFault, Unreadable, text_column
from spark_jobs.feeds.formats.unpack import check_workbook_size
from spark_jobs.feeds.formats.workbook_parts import MOST_ROWS, check_extent, parts_of, position
from spark_jobs.masking import without_persons

EXACT = 10**15  # a spreadsheet keeps 15 digits; of a longer number the last ones are zeros of its own making
FULL = (MOST_ROWS, 65_536)  # rows of a sheet, and of the format before
_SUSPECT = (b"<f", b":f", b'"e"', b"'e'")  # of formulas and errors; a pattern would take five times as long
Cell = tuple[int, int]  # row and column of the sheet, from 0
Merged = list[tuple[Cell, Cell]]  # ranges, each by its first and last cell


@dataclass(frozen=True)
class _Sheet:
    """A sheet with something in it: its rows, the header first, where they begin, and what only its XML says."""

    name: str
    rows: list[list[Any]]
    start: Cell
    merged: Merged
    xml: bytes

    @property
    def header(self) -> list[str]:
        return header_of(self.rows[0])

    def n_shared(self, names: Sequence[str]) -> int:
        return len({*names} & {*self.header})

    def left_out(self, names: Sequence[str]) -> LeftOut:
        """In words, with the rows that have something in them; a header of the contract's columns is none."""
        n_rows = sum(any(cell != "" for cell in row) for row in self.rows)
        return LeftOut(without_persons(f"sheet {self.name!r}"), n_rows - (self.n_shared(names) == len({*names})))


def read_workbook(content: bytes, names: Sequence[str], sheet: str | None) -> tuple[dict[str, Content], list[LeftOut]]:
    """The columns `names` as text, by sheet, and the sheets that are not read. Raises Unreadable.

    The header of a sheet is its first row that is not empty. Where `sheet` names one, only that is read; else every one
    that has all the columns, hidden or not. A date that was stored as a plain number stays that number: nobody can tell
    which it was.
    """
    check_workbook_size(content)
    try:
        sheets = _sheets(content)
    except (CalamineError, KeyError, ElementTree.ParseError) as error:
        raise Unreadable(f"expected an .xlsx workbook that can be opened: {error}") from None
    except BaseException as error:  # a panic of the library is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable("expected an .xlsx workbook that can be opened: the library that reads it gave up") from None
    chosen = _chosen(sheets, names, sheet)
    _refuse_full(chosen)
    others = [other.left_out(names) for name, other in sheets.items() if other and name not in chosen]
    return {name: _content(read, names) for name, read in chosen.items()}, [o for o in others if o.n_rows]


def _sheets(content: bytes) -> dict[str, _Sheet | None]:
    """All sheets with cells, in their order, hidden ones too; None for an empty one."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    found: dict[str, _Sheet | None] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = parts_of(archive)
        for about in workbook.sheets_metadata:
            if about.typ != SheetTypeEnum.WorkSheet:
                continue  # a chart has no rows
            xml = archive.read(parts[about.name])
            check_extent(about.name, xml)
            read = workbook.get_sheet_by_name(about.name)
            rows: list[list[Any]] = read.to_python()
            merged = read.merged_cell_ranges or []
            found[about.name] = _Sheet(about.name, rows, read.start or (0, 0), merged, xml) if rows else None
    return found


def _chosen(sheets: Mapping[str, _Sheet | None], names: Sequence[str], sheet: str | None) -> dict[str, _Sheet]:
    """The sheets to read: the named one, or all that have every column.

    Where the first sheet lacks some columns and has most of them, or no sheet has all, only the first is read: what it
    lacks stops the feed.
    """
    if sheet is not None:
        if sheet not in sheets:
            raise Unreadable(f"expected sheet {sheet!r}, found {list(sheets)}")
        named = sheets[sheet]
        if named is None:
            raise Unreadable(f"expected a header in sheet {sheet!r}, found it empty")
        return {sheet: named}
    filled = {name: found for name, found in sheets.items() if found}
    if not filled:
        raise Unreadable(f"expected a header in sheet {next(iter(sheets), '')!r}, found it empty")
    whole = {name: found for name, found in filled.items() if found.n_shared(names) == len({*names})}
    first = next(iter(filled.values()))
    if whole and (first.name in whole or 2 * first.n_shared(names) < len({*names})):
        return whole
    return {first.name: first}


def _refuse_full(chosen: Mapping[str, _Sheet]) -> None:
    """A last sheet that ends where no row fits any more was cut off there. Raises Unreadable."""
    name, last = list(chosen.items())[-1]
    n_rows = last.start[0] + len(last.rows)
    if n_rows in FULL:
        raise Unreadable(
            f"sheet {name!r}: expected fewer rows than a sheet can hold, found it full to row {n_rows:,} and no sheet "
            "that goes on: what did not fit is lost"
        )


def _content(sheet: _Sheet, names: Sequence[str]) -> Content:
    header = sheet.header
    twice = sorted({name for name in names if header.count(name) > 1})
    if twice:
        raise Unreadable(f"expected each column once, found {twice} more than once in {header}")
    rows, (top, left) = sheet.rows, sheet.start
    places = {name: header.index(name) for name in names if name in header}
    faults = _faults(rows, places)
    by_column = {left + place: name for name, place in places.items()}
    for (row, column), rule in _hidden(sheet, by_column):
        if column in by_column and row > top:
            faults.setdefault(row - top, ReadFault(rule, by_column[column]))
    numbers = [number for number, row in enumerate(rows[1:], 1) if any(cell != "" for cell in row)]
    values = {name: text_column([_text(rows[number][place]) for number in numbers]) for name, place in places.items()}
    columns = tuple(
        name for place, name in enumerate(header) if name != unnamed(place + 1) or any(row[place] != "" for row in rows)
    )
    return Content(columns, values, numbers, faults)


def _faults(rows: list[list[Any]], places: dict[str, int]) -> dict[int, ReadFault]:
    """Numbers that have lost digits, by row."""
    return {
        number: ReadFault("lost_digits", name, _text(row[place]))
        for number, row in enumerate(rows[1:], 1)
        for name, place in places.items()
        if isinstance(row[place], float) and abs(row[place]) >= EXACT
    }


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):  # nearly all cells
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _hidden(sheet: _Sheet, columns: Mapping[int, str]) -> Iterator[tuple[Cell, str]]:
    """Cells that calamine gives as empty or alone, with the rule that they break; merged ones of these columns only."""
    last = sheet.start[0] + len(sheet.rows) - 1
    for (top, left), (bottom, right) in sheet.merged:
        within = [column for column in columns if left <= column <= right]
        yield from (((row, column), "merged_cell") for row in range(top, min(bottom, last) + 1) for column in within)
    if not any(mark in sheet.xml for mark in _SUSPECT):
        return
    for _, cell in ElementTree.iterparse(io.BytesIO(sheet.xml)):  # noqa: S314 - expat limits entities; parts are limited
        if cell.tag.endswith("}c"):
            has_value = cell.get("t") == "str" or bool(cell.findtext("{*}v"))  # an empty text is a value
            if cell.get("t") == "e":
                yield position(cell.get("r", "")), "spreadsheet_error"
            elif cell.find("{*}f") is not None and not has_value:
                yield position(cell.get("r", "")), "formula_without_value"
            cell.clear()
