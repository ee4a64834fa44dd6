"""Known errors of a source, as data: `<feed>.corrections.yml` beside the feed's contract.

A correction ends by itself: once the source says something else, the feed stops with an error report until a person has
given the correction its last day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from expectations.located_yaml import ContractFault, one_of
from expectations.normal_form import Normal
from expectations.source_columns import SourceColumn

SUFFIX = ".corrections.yml"
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Correction(BaseModel):
    """Which rows hold a known error, and what one of their columns should say.

    A row is meant if every column in `where` says what is written there. Texts are compared in normal form, as the
    casts read them; null is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: str = Field(min_length=1)
    where: dict[SourceColumn, Normal] = Field(min_length=1)
    column: SourceColumn
    found: Normal | None  # the wrong value that the source gives
    corrected: Normal | None
    delivered_through: date | None = None  # last day of delivery with the error; none: the source still has it


class Corrections(BaseModel):
    """The file: corrections of one feed by their codes."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    feed: str
    corrections: dict[Code, Correction]


def correction_faults(file: Corrections, feed_code: str, columns: Collection[str]) -> Iterator[ContractFault]:
    """Every fault of a feed's corrections. `columns`: source columns that reach the lake as they are."""
    if file.feed != feed_code:
        yield ContractFault(("feed",), f"{feed_code!r}, as the file is named", repr(file.feed))
    seen: dict[tuple[object, ...], str] = {}
    for code, correction in file.corrections.items():
        for location in (("column",), *(("where", name) for name in correction.where)):
            name = location[1] if len(location) > 1 else correction.column
            if name not in columns:
                expected = f"a source column that the contract reads: {one_of(columns, name)}"
                yield ContractFault(("corrections", code, *location), expected, repr(name))
        if correction.corrected == correction.found:
            yield ContractFault(
                ("corrections", code, "corrected"), "another value than `found`", repr(correction.corrected)
            )
        target = (correction.column, *sorted(correction.where.items()))
        if target in seen:
            expected = f"another row or column than `{seen[target]}` corrects"
            yield ContractFault(("corrections", code, "column"), expected, repr(correction.column))
        seen[target] = code
