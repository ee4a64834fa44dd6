"""released/tables.yml is the one declaration: what it cannot mean is refused with its line, and rows fit it exactly."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest

from expectations.located_yaml import ContractError
from spark_jobs.index import rows
from spark_jobs.index.engine.results import StateCode
from spark_jobs.lake.tables import declared
from spark_jobs.released.columns import MOVEMENT_CAUSES, TABLES, TABLES_FILE, TableFault, load_tables
from spark_jobs.released.schemas import arrow_types, lake_ddl, lake_rows, spark_types

pytestmark = pytest.mark.unit
MADE_UP = {"text": "x", "number": 1.5, "flag": True, "day": date(2026, 11, 22)}
FROM_LAKE = [name for name, table in TABLES.items() if table.lake]


def changed(folder: Path, before: str, after: str) -> tuple[Path, int]:
    """tables.yml with one text replaced, and the line of it."""
    text = TABLES_FILE.read_text(encoding="utf-8")
    assert before in text
    path = folder / "tables.yml"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return path, text[: text.index(before)].count("\n") + 1


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("    tier: restricted", "    tier: secret", "tables.flag.tier: expected: 'public_nightly'"),
        ("    key: [flag_id]", "    key: [flag_no]", "tables.flag.key: expected: one of flag_id"),
        ("    interval: [lower, value, upper]", "    interval: [lower, valu, upper]", "(perhaps value)"),
        ("    file: flags.csv", "    file: index.csv", "tables.flag.file: expected: a file of its own"),
        ("      flag_id: {type: text,", "      flag_id: {type: txt,", "tables.flag.columns.flag_id.type"),
        (
            "      observed: {type: number, empty: M,",
            "      observed: {type: number, of: observd,",
            "(perhaps observed)",
        ),
        ("      flag_id: {type: text,", "      flag_id: {typ: text,", "expected: one of type"),
        (
            "      flag_id: {type: text,",
            "      flag_id: {type: text, low: 1,",
            "`low`, `high` and `of` go with type number",
        ),
        ("      is_live: {type: flag,", "      is_live: {type: flag, codes: [a],", "`codes` goes with type text"),
        (
            "      since: {type: day, unit: {zh: 当地日期, en: local day},",
            "      since: {type: day,",
            "`unit` goes with type number, day or instant",
        ),
        ("    made_from: conformed.coverage\n", "", "tables.coverage"),
        ("    every_area: true", "    each_area: true", "one of"),
    ],
)
def test_what_it_cannot_mean_is_refused_with_its_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    path, line = changed(tmp_path, before, after)
    with pytest.raises(ContractError) as refused:
        load_tables(path)
    assert said in str(refused.value)
    if after:
        assert f"{path}:{line}: " in str(refused.value)


def made_up_row(name: str) -> dict[str, Any]:
    return {column: MADE_UP[declared.type] for column, declared in TABLES[name].lake_columns.items()}


@pytest.mark.parametrize("name", FROM_LAKE)
def test_rows_of_the_lake_have_the_declared_columns_and_types_in_any_order(name: str) -> None:
    row = made_up_row(name)
    columns = TABLES[name].lake_columns
    assert lake_rows(name, [row, dict(reversed(row.items()))]) == [tuple(row.values())] * 2
    assert declared(lake_ddl(name).replace("`", "")) == spark_types(columns)
    kinds = {pa.string(): "string", pa.float64(): "double", pa.bool_(): "boolean", pa.date32(): "date"}
    assert [kinds[type_] for type_ in arrow_types(columns).values()] == list(spark_types(columns).values())


@pytest.mark.parametrize("name", FROM_LAKE)
def test_a_column_too_few_or_too_many_is_never_empty_in_silence(name: str) -> None:
    row = made_up_row(name)
    last = list(row)[-1]
    for wrong in ({column: row[column] for column in row if column != last}, {**row, "colour": "red"}):
        with pytest.raises(TableFault, match=f"table {TABLES[name].lake}: expected the columns"):
            lake_rows(name, [row, wrong])


def test_an_indicator_has_no_state_that_is_not_declared() -> None:
    assert TABLES["indicator_value"].columns["state_code"].codes == get_args(StateCode)


def test_causes_of_movement_are_its_columns_and_a_trend_can_be_read_from_the_history() -> None:
    assert set(MOVEMENT_CAUSES) < set(TABLES["movement"].columns)
    assert set(TABLES["trend"].lake_columns) < set(rows.HISTORY)
