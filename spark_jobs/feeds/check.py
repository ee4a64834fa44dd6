"""Great Expectations judges a batch before silver takes it. The verdict is kept beside the batch and in Data Docs."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pa_dataset
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from expectations.models import City, Feed
from spark_jobs.feeds import silver
from spark_jobs.lake.locks import one_verdict_at_a_time

KEY = ["landed_at", "record_id", "known_at"]  # a delivery, a record and the time of a version
IN_MEMORY_ROWS = 2_000_000  # up to here pandas judges in a second what takes Spark dozens of small queries


def rows_to_judge(city: City, feed: Feed, folder: Path, staged: DataFrame, n_received: int) -> DataFrame | pd.DataFrame:
    """The accepted rows of the `n_received` staged rows in `folder`, in the columns that are judged; in memory if they
    fit.

    Rows that only take their record away are left out.
    """
    from expectations.suite import judged_columns

    columns = judged_columns(city, feed)
    if n_received <= IN_MEMORY_ROWS:
        return accepted_in_memory(folder, columns)
    return staged.where(silver.accepted() & ~f.col("is_deleted")).select(columns)


def accepted_in_memory(folder: Path, columns: list[str]) -> pd.DataFrame:
    """The rows of a staged batch that are judged, in some columns; codes, which are few, as categories."""
    codes = [name for name in columns if name.endswith("_code")]
    rows = _accepted(folder, [*columns, "is_deleted"])
    judged: pd.DataFrame = rows.filter(pc.invert(rows["is_deleted"])).select(columns).to_pandas(categories=codes)
    return judged


def has_reused_keys(folder: Path) -> bool:
    """True if accepted rows of one delivery of a staged batch share key and time but not content."""
    contents = _accepted(folder, [*KEY, "row_hash"]).group_by([*KEY, "row_hash"]).aggregate([])
    return int(contents.num_rows) > int(contents.group_by(KEY).aggregate([]).num_rows)


def _accepted(folder: Path, columns: list[str]) -> pa.Table:
    """Rows of a staged batch that have no fault."""
    staged = pa_dataset.dataset(folder, format="parquet").to_table(columns=[*columns, "faults"])
    return staged.filter(pc.equal(pc.list_value_length(staged["faults"]), 0)).drop_columns(["faults"])


def judge(
    city: City, feed: Feed, rows: DataFrame | pd.DataFrame, n_meant: int, folder: Path, batch_id: str
) -> list[str]:
    """Run the feed's suite on the rows. Returns what fails, in words.

    `n_meant`: how many these rows and the rejected ones are. Neither the words nor the verdict that Great Expectations
    keeps quote a value. Only one verdict is made at a time.
    """
    from expectations.gx import gx
    from expectations.suite import suite_of

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    with one_verdict_at_a_time(folder):
        context = gx.get_context(mode="file", project_root_dir=folder)
        context.variables.progress_bars = {"globally": False}
        suite = context.suites.add_or_update(suite_of(city, feed, n_meant))
        sources = context.data_sources
        is_small = isinstance(rows, pd.DataFrame)
        source = sources.add_or_update_pandas("pandas") if is_small else sources.add_or_update_spark("spark")
        asset = source.add_dataframe_asset(feed.code)
        definition = context.validation_definitions.add_or_update(
            gx.ValidationDefinition(
                name=feed.code, data=asset.add_batch_definition_whole_dataframe("batch"), suite=suite
            )
        )
        checkpoint = context.checkpoints.add_or_update(
            gx.Checkpoint(
                name=feed.code,
                validation_definitions=[definition],
                actions=[gx.checkpoint.UpdateDataDocsAction(name="docs")],
                result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0},  # no values
            )
        )
        result = checkpoint.run(batch_parameters={"dataframe": rows}, run_id=gx.RunIdentifier(run_name=batch_id))
    (verdict,) = result.run_results.values()
    return [_in_words(outcome.to_json_dict()) for outcome in verdict.results if not outcome.success]


def _in_words(outcome: dict) -> str:  # type: ignore[type-arg]
    configuration, found = outcome["expectation_config"], outcome["result"]
    wanted = {key: value for key, value in configuration["kwargs"].items() if key not in ("batch_id",)}
    if "unexpected_count" in found:
        seen = f"{found['unexpected_count']} of {found['element_count']} values that are not so"
    else:
        seen = found.get("observed_value", "an error, which Data Docs tell")
    return f"{configuration['type']} {json.dumps(wanted, ensure_ascii=False)}: found {seen}"
