"""Names of a source's columns, written the same way in a file's header, in a contract, in a draft and in the lake."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

_AROUND = r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"  # blanks, and marks that nobody sees


def clean_name(name: str) -> str:
    """A name without what surrounds it: exports put blanks behind commas, and marks of direction or order before all."""
    return re.sub(f"^{_AROUND}|{_AROUND}$", "", name)


def header_of(cells: Iterable[object]) -> list[str]:
    """The names in the cells of a header row, each clean; one that is empty says which column it would name."""
    names = [clean_name(str(cell)) for cell in cells]
    return [name or unnamed(place) for place, name in enumerate(names, 1)]


def unnamed(place: int) -> str:
    """What a column without a name is called, by its place from 1."""
    return f"column {place} (no name)"


def bronze_name(source_column: str) -> str:
    """A source's column name as a column of bronze: Delta forbids a few characters."""
    return re.sub(r"[ ,;{}()\n\t=]+", "_", source_column).strip("_")


SourceColumn = Annotated[str, AfterValidator(clean_name)]
