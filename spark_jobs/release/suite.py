"""The publication suite: what Great Expectations must find in the tables before they are published.

Built in memory from released/tables.yml and judged on the canonical frames; one batch a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from spark_jobs.released.columns import TABLES, Column, Table


def judge_tables(tables: Mapping[str, pd.DataFrame], area_codes: list[str]) -> list[str]:
    """Breaches of the suite, one line each; empty when the tables may be published."""
    # imported here: the import costs seconds, and only a night that publishes needs it
    from expectations.gx import gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("release")
    breaches = []
    for name, table in TABLES.items():
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        suite = gx.ExpectationSuite(name=name, expectations=expectations(table, area_codes))
        result = batch.get_batch({"dataframe": _typed(table, tables[name])}).validate(suite)
        breaches += [_line(name, outcome) for outcome in result.results if not outcome.success]
    return sorted(breaches)


def expectations(table: Table, area_codes: list[str]) -> list[Any]:
    """The expectations of one table."""
    from expectations.gx import gxe

    found: list[Any] = []
    if len(table.key) == 1:
        found.append(gxe.ExpectColumnValuesToBeUnique(column=table.key[0]))
    else:
        found.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=list(table.key)))
    for column, declared in table.columns.items():
        found += _column_expectations(column, declared)
    if table.interval:
        found += _interval_expectations(*table.interval)
    if table.every_area:
        found.append(gxe.ExpectColumnDistinctValuesToEqualSet(column="area_code", value_set=area_codes))
    return found


def _column_expectations(column: str, declared: Column) -> list[Any]:
    from expectations.gx import gxe

    found: list[Any] = []
    if declared.required:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=column))
    if declared.codes:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(declared.codes)))
    if declared.low is not None or declared.high is not None:
        bounds = {"min_value": declared.low, "max_value": declared.high}
        found.append(gxe.ExpectColumnValuesToBeBetween(column=column, **bounds))
    return found


def _interval_expectations(lower: str, middle: str, upper: str) -> list[Any]:
    from expectations.gx import RowColumn, gxe

    live = RowColumn(middle).is_not_null()
    ordered = {"or_equal": True, "ignore_row_if": "either_value_is_missing"}
    return [
        gxe.ExpectColumnValuesToNotBeNull(column=lower, row_condition=live),
        gxe.ExpectColumnValuesToNotBeNull(column=upper, row_condition=live),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=middle, column_B=lower, **ordered),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=upper, column_B=middle, **ordered),
    ]


def _typed(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as float64: Great Expectations compares columns, not Python objects."""
    numbers = {name: "float64" for name, column in table.columns.items() if column.type == "number"}
    return frame.astype(numbers)


def _line(table: str, outcome: Any) -> str:
    arguments = {k: v for k, v in outcome.expectation_config.kwargs.items() if k not in ("batch_id", "row_condition")}
    expected = outcome.expectation_config.type.removeprefix("expect_").replace("_", " ")
    raised = outcome.exception_info.get("exception_message") if outcome.exception_info else None
    found = raised or outcome.result.get("partial_unexpected_list") or outcome.result.get("observed_value")
    return f"table {table}: expected {expected} {arguments}, found {_examples(found)}"


def _examples(found: Any) -> str:
    return ", ".join(str(item) for item in found[:5]) if isinstance(found, list) else str(found)
