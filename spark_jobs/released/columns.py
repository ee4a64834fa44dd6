"""The released tables, read from tables.yml beside this module: names, types, keys, lawful values, meanings.

Canonical text, hashes, CSV, Parquet, Delta, the publication suite, the disclosure gate and the documents all read it.
Grain of every table: its key. A release adds city_code and release_id where tables of many releases lie together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from expectations.located_yaml import ContractFault, load, one_of
from expectations.models import Frozen, Text

TABLES_FILE = Path(__file__).with_name("tables.yml")
ColumnType = Literal["text", "number", "flag", "day", "instant"]
Tier = Literal["public_nightly", "public_monthly", "restricted", "internal"]


class Column(Frozen):
    """One column. `low` and `high` bound its numbers, both included; `codes` lists every lawful value of a code.

    `of`: the figure whose status the number shares. `empty`: the status of a missing figure (SDMX CL_OBS_STATUS).
    """

    type: ColumnType
    zh: str
    en: str
    unit: Text | None = None
    of: str | None = None
    empty: Literal["M", "O"] = "O"
    low: float | None = None
    high: float | None = None
    codes: tuple[str, ...] = ()
    required: bool = False
    optional: bool = False
    only: Literal["lake", "release"] | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Column:
        if (self.type in ("number", "day", "instant")) != (self.unit is not None):
            raise ValueError("`unit` goes with type number, day or instant, and these need it")
        if self.type != "number" and (self.low, self.high, self.of) != (None, None, None):
            raise ValueError("`low`, `high` and `of` go with type number")
        if self.type != "text" and self.codes:
            raise ValueError("`codes` goes with type text")
        return self

    @property
    def may_lack(self) -> bool:
        """Whether the step before may leave the column out; it is then released empty."""
        return self.optional or self.only == "release"


class Table(Frozen):
    """One released table. `declared` holds all its columns, those of the lake and those of the release."""

    zh: str
    en: str
    lake: str | None = None
    made_from: str
    file: str
    tier: Tier
    key: tuple[str, ...]
    interval: tuple[str, str, str] | None = None
    every_area: bool = False
    declared: dict[str, Column] = Field(alias="columns")

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The released columns, in order."""
        return {name: column for name, column in self.declared.items() if column.only != "lake"}

    @property
    def parquet(self) -> str:
        """Name of the Parquet file, which holds the same with types."""
        return str(PurePath(self.file).with_suffix(".parquet"))

    @cached_property
    def figures(self) -> tuple[str, ...]:
        """The numbers that have a status of their own: neither key nor part of another figure."""
        numbers = (name for name, column in self.columns.items() if column.type == "number" and column.of is None)
        return tuple(name for name in numbers if name not in self.key)

    def status_column(self, figure: str) -> str:
        """Name of the column with the status of a figure, in the table's files."""
        return f"{figure}_obs_status"

    @cached_property
    def lake_columns(self) -> dict[str, Column]:
        """The columns of the lake table that the release reads, without city and day."""
        return {name: column for name, column in self.declared.items() if column.only != "release"}


class PublicTable(Table):
    """A file for everybody, made from the released table `of`. A column without a declaration is declared as there."""

    of: str

    def status_column(self, figure: str) -> str:
        """The row's own status is that of its first figure. The others are hidden with it, but may lack for other reasons."""
        return "obs_status" if figure == self.figures[0] else super().status_column(figure)


class Declaration(Frozen):
    """The whole of tables.yml.

    `derived`: files of a release that follow from its tables. `across`: tables across releases, each one file of the
    city beside latest.json. `public`: the files of public/<city>/.
    """

    tables: dict[str, Table]
    derived: dict[str, Table] = Field(default_factory=dict)
    across: dict[str, Table] = Field(default_factory=dict)
    public: dict[str, PublicTable] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _shown_columns(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Public columns without a declaration take that of the table that they show."""
        public = {name: dict(table) for name, table in (value.get("public") or {}).items()}
        for table in public.values():
            declared = value.get("tables", {}).get(table.get("of"), {}).get("columns", {})
            table["columns"] = {name: own or declared.get(name) for name, own in table.get("columns", {}).items()}
        return {**value, "public": public}


def load_tables(path: Path = TABLES_FILE) -> Declaration:
    """Every released table. Raises ContractError with every fault: file, line, expected, found."""
    return load(path, Declaration, check=_faults)


def _faults(declaration: Declaration) -> Iterator[ContractFault]:
    """Columns that a table names but does not have, and files that two tables would write."""
    taken: set[tuple[str, str]] = set()
    declared: list[tuple[str, str, Table]] = [
        (part, name, table)
        for part in ("tables", "derived", "across", "public")
        for name, table in getattr(declaration, part).items()
    ]
    for part, name, table in declared:
        named: list[tuple[tuple[str, ...], str]] = [(("key",), column) for column in table.key]
        named += [(("interval",), column) for column in table.interval or ()]
        named += [(("columns", own, "of"), column.of) for own, column in table.columns.items() if column.of]
        for field, column in named:
            if column not in table.columns:
                yield ContractFault((part, name, *field), one_of(table.columns, column), repr(column))
        folder = table.tier if isinstance(table, PublicTable) else ""
        if (folder, table.file) in taken:
            yield ContractFault((part, name, "file"), "a file of its own", f"{table.file!r}, which another table has")
        taken.add((folder, table.file))


_DECLARED = load_tables()
TABLES, DERIVED, ACROSS, PUBLIC = _DECLARED.tables, _DECLARED.derived, _DECLARED.across, _DECLARED.public
FILED = {**TABLES, **DERIVED}  # what a release's folder has files of
MOVEMENT_CAUSES = ("real_change", "late_data", "method", "denominator")


class TableFault(ValueError):
    """A table does not have the shape that tables.yml declares."""


def canonical_frame(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with exactly the declared columns, canonical types, rows sorted by key.

    Cells: str, float (never NaN), bool, date, or None. Raises TableFault on a missing column or an impossible value.
    """
    table = TABLES[name]
    lacking = [c for c, column in table.columns.items() if c not in frame.columns and not column.may_lack]
    if lacking:
        raise TableFault(f"table {name}: expected the columns {list(table.columns)}; not found: {lacking}")
    cells = {
        column: [_cell(name, column, declared.type, value) for value in frame[column]]
        if column in frame.columns
        else [None] * len(frame)
        for column, declared in table.columns.items()
    }
    rows = sorted(zip(*cells.values(), strict=True), key=lambda row: _sort_key(row, table))
    return pd.DataFrame(rows, columns=pd.Index(list(table.columns)), dtype=object)


def _sort_key(row: tuple[Any, ...], table: Table) -> tuple[str, ...]:
    """By key, then by the whole row: rows with the same key (which the suite refuses) also have one order."""
    positions = [list(table.columns).index(column) for column in table.key]
    return (*(str(row[position]) for position in positions), repr(row))


def _cell(table: str, column: str, kind: ColumnType, value: Any) -> Any:
    if isinstance(value, (list, tuple, set, frozenset, np.ndarray)):
        value = ",".join(sorted(str(item) for item in value)) or None
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return None
    try:
        return _CASTS[kind](value)
    except (TypeError, ValueError) as error:
        raise TableFault(f"table {table}, column {column}: expected a {kind}, found {value!r}") from error


def _as_number(value: Any) -> float:
    number = float(value) + 0.0  # -0.0 and 0.0 are one number and must be one text
    if not np.isfinite(number):
        raise ValueError("infinite")
    return number


def _as_day(value: Any) -> date:
    if isinstance(value, datetime):  # pandas timestamps too
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _as_flag(value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ValueError("not a boolean")


_CASTS = {"text": lambda value: str(value) or None, "number": _as_number, "flag": _as_flag, "day": _as_day}


def rows(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Rows of a canonical frame as dictionaries (None stays None)."""
    names = list(frame.columns)
    return (dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None))
