"""Which tables lie in the lake, told to a Spark server that has just started, under the names that they have today."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from spark_jobs.lake.tables import SCHEMAS, again_if_overtaken, columns_of, literal, locked, together

ATTACHED = "attached"  # an empty schema, made last: the server knows all tables of the folder
# Columns that had another name in a lake from before: tables -> old name -> today's
RENAMED = {
    "silver.*": {"valid_from": "known_from", "valid_to": "known_to"},
    "raw.denominator": {"measure": "denominator_code"},
    "conformed.denominator": {"measure": "denominator_code"},
    "index.indicator_value": {"exposure": "denominator"},
    "index.input": {"exposure": "denominator"},
    "flags.flag": {"level_code": "colour_code"},
    "release.indicator_value": {"exposure": "denominator"},
    "release.input": {"exposure": "denominator"},
    "release.flag": {"level_code": "colour_code"},
}
BY_NAME = "'delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5'"  # files keep their own names of columns


def attach(spark: SparkSession) -> None:
    """Tell a server that has just started which tables lie in the lake's folder. It ends at once if the server knows
    already.

    The folder is the only catalogue: no second record of the tables can be lost, locked, or disagree with it. A
    creation that was killed before its first commit left no table; what it left is removed.
    """
    with locked(spark, ".attach.lock") as lake:
        if spark.catalog.databaseExists(ATTACHED):
            return
        for schema in SCHEMAS:
            spark.sql(f"create schema if not exists `{schema}`")
        together(
            *(
                partial(_attach, spark, folder)
                for schema in SCHEMAS
                for folder in sorted((lake / f"{schema}.db").glob("*/"))
            )
        )
        spark.sql(f"create schema `{ATTACHED}`")


def _attach(spark: SparkSession, folder: Path) -> None:
    if not any((folder / "_delta_log").glob("*.json")):
        shutil.rmtree(folder)
        return
    name = f"{folder.parent.stem}.{folder.name}"
    table = f"`{folder.parent.stem}`.`{folder.name}`"
    spark.sql(f"create table if not exists {table} using delta location {literal(str(folder))}")
    for pattern, names in RENAMED.items():
        if fnmatch(name, pattern):
            rename(spark, table, names)


@again_if_overtaken
def rename(spark: SparkSession, table: str, names: dict[str, str]) -> None:
    """Give columns of a table today's names, if it has them under old ones. No file is written, and no row is lost."""
    stored = columns_of(spark, table)
    due = {old: new for old, new in names.items() if old in stored and new not in stored}
    if due:
        spark.sql(f"alter table {table} set tblproperties ({BY_NAME})")
    for old, new in due.items():
        spark.sql(f"alter table {table} rename column `{old}` to `{new}`")
