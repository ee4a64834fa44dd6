"""The XML parts inside a workbook: which is whose, and how far the cells of a sheet reach."""

from __future__ import annotations

import posixpath
import re
import zipfile
from xml.etree import ElementTree

from spark_jobs.feeds.formats.content import Unreadable

MOST_ROWS = 1_048_576  # of a sheet, as Excel has it
FEW_CELLS = 2_000_000  # that a sheet may always span
SPARSEST = 50  # cells that a larger one may span for each that it has
_RELATIONS = (  # two namespaces: as Excel writes, and "Strict Open XML"
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)
_REFERENCE = re.compile(rb' r="([A-Z]+)(\d+)"')
_FILLED = re.compile(rb'<(?:\w+:)?c (?:[^>]*? )?r="([A-Z]+\d+)"[^>]*(?<!/)>')


def parts_of(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet -> path of its XML inside the workbook, in the order of the sheets."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat limits entities; parts are limited
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - as above
    targets = {link.get("Id"): link.get("Target", "") for link in links}
    found = {}
    for node in book.findall(".//{*}sheet"):
        link = next((node.get(name) for name in _RELATIONS if node.get(name)), None)
        path = posixpath.normpath(posixpath.join("/xl", targets[link]))
        found[node.get("name", "")] = path.lstrip("/")
    return found


def check_extent(sheet: str, xml: bytes) -> None:
    """A single cell far away makes a library hold all between: refuse a sheet that is nearly nothing but that.

    Where all references together span little, as nearly always, or the columns alone say that it cannot be so, it is not
    asked which of these cells have a value.
    """
    references = _REFERENCE.findall(xml)
    n_columns = _span([position(f"{letters.decode()}1")[1] for letters in {letters for letters, _ in references}])
    n_rows = _span([*map(int, {number for _, number in references})])
    if n_columns * n_rows <= FEW_CELLS or n_columns * MOST_ROWS <= SPARSEST * xml.count(b' r="'):
        return
    filled = [position(reference.decode()) for reference in _FILLED.findall(xml)]
    n_rows, n_columns = _span([row for row, _ in filled]), _span([column for _, column in filled])
    if n_rows * n_columns > max(FEW_CELLS, SPARSEST * len(filled)):
        raise Unreadable(
            f"sheet {sheet!r}: {len(filled):,} cells with a value in {n_rows:,} rows and {n_columns:,} columns: "
            "a stray cell lies far away; delete it"
        )


def _span(places: list[int]) -> int:
    return max(places) - min(places) + 1 if places else 0


def position(reference: str) -> tuple[int, int]:
    """A reference such as AB12 as row and column from 0."""
    match = re.fullmatch(r"([A-Z]+)(\d+)", reference)
    if not match:
        raise Unreadable(f"expected cells with references such as B12, found {reference!r}")
    column = 0
    for letter in match.group(1):
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match.group(2)) - 1, column - 1
