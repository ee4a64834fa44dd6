"""The copy of a release in the lake: append-only tables release.* by release_id."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from spark_jobs.lake import tables
from spark_jobs.release.canonical import json_text
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.released.columns import TABLES
from spark_jobs.released.schemas import ddl, spark_types


def write_lake(spark: SparkSession, release: Release, given: ReleaseInput) -> None:
    """Copy every table of the release under its id, then the manifest with the evidence. It may be repeated."""
    frames = {name: _spark_frame(spark, name, frame) for name, frame in release.tables.items()}
    tables.together(*(partial(_append, spark, release, name, frame) for name, frame in frames.items()))
    versions = dict(sorted(given.delta_versions.items()))
    evidence = json_text({"delta_versions": versions, "code_commit": given.code_commit})
    manifest = pa.table({
        "business_date": pa.array([release.business_date], pa.date32()),
        "as_of": pa.array([release.as_of], pa.timestamp("us", tz="UTC")),
        "document": [json_text(release.document)],
        "evidence": [evidence],
    })  # fmt: skip
    _append(spark, release, "manifest", spark.createDataFrame(manifest))


def _append(spark: SparkSession, release: Release, name: str, frame: DataFrame) -> None:
    """Append the rows unless they are there. The id is made from the content, so rows under it never need replacing."""
    city_code, release_id = release.city.city_code, release.release_id
    keyed = frame.withColumns({"city_code": f.lit(city_code), "release_id": f.lit(release_id)})
    tables.append_once(spark, keyed, f"release.{name}", f"{city_code}/{release_id}", ("city_code",))


def _spark_frame(spark: SparkSession, name: str, frame: pd.DataFrame) -> DataFrame:
    schema = ddl(spark_types(TABLES[name].columns))
    return spark.createDataFrame(list(frame.itertuples(index=False, name=None)), schema)
