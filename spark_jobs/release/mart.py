"""The declaration of the serving database, read from mart.yml beside this module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from expectations.located_yaml import ContractFault, load, one_of
from expectations.models import Frozen

MART_FILE = Path(__file__).with_suffix(".yml")
PostgresType = Literal["text", "double precision", "boolean", "date", "timestamptz"]
ONE_AGGREGATE = re.compile(r'(?:MAX|MIN)\("?([a-z_0-9]+)"?\)')


class ServingColumn(Frozen):
    """`zh`: the heading on the dashboard; a column without it is in no dataset."""

    type: PostgresType
    zh: str | None = None


class Metric(Frozen):
    """What a chart may compute of a dataset: `expression` is one aggregate of one column, `format` is d3's."""

    zh: str
    expression: str
    format: str | None = None


class ServingTable(Frozen):
    """One table of the schema mart_<city>; `day` is the column by which charts go along time.

    `follows`: what its rows are made of, the current release or the journal of all releases.
    """

    zh: str
    dataset: str | None = None
    day: str | None = None
    follows: Literal["release", "journal"] = "release"
    columns: dict[str, ServingColumn]
    metrics: dict[str, Metric] = Field(default_factory=dict)


class Mart(Frozen):
    """The whole of mart.yml."""

    tables: dict[str, ServingTable]


def load_mart(path: Path = MART_FILE) -> dict[str, ServingTable]:
    """Every serving table by name. Raises ContractError with every fault: file, line, expected, found."""
    return load(path, Mart, check=_faults).tables


def _faults(mart: Mart) -> Iterator[ContractFault]:
    """Faults that would keep a chart from reading what it names."""
    for name, table in mart.tables.items():
        shown = [column for column, declared in table.columns.items() if declared.zh]
        if bool(shown) != bool(table.dataset):
            yield ContractFault(
                ("tables", name), "`dataset` and columns with `zh`, or neither", f"columns with zh: {shown}"
            )
        if table.day and table.day not in shown:
            yield ContractFault(("tables", name, "day"), one_of(shown, table.day), repr(table.day))
        for metric, declared in table.metrics.items():
            match = ONE_AGGREGATE.fullmatch(declared.expression)
            if match is None or match[1] not in table.columns:
                place = ("tables", name, "metrics", metric, "expression")
                yield ContractFault(place, "MAX or MIN of one column of the table", repr(declared.expression))


MART = load_mart()
