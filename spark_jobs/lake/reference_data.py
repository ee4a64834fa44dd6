"""A city's dated tables (areas, denominators, counts, catalogues) from its folder into the lake, where dbt finds them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from expectations.contract import CITY_TABLES, read_table
from expectations.models import City
from expectations.places import successors
from spark_jobs.lake import tables

RAW = {
    "raw.area": "areas",
    "raw.denominator": "denominators",
    "raw.area_count": "area_counts",
    "raw.grid_item": "grid_items",
}
DERIVED = {"raw.area": ("successor_code",)}  # columns that follow from several tables
TYPES = {"valid_from": "date", "valid_to": "date", "value": "double", "n": "int"}
_READ: dict[str, Callable[[str], Any]] = {"date": date.fromisoformat, "double": float, "int": int, "string": str}


def load_reference_data(spark: SparkSession, city: City) -> None:
    """Make the city's slices of the raw tables what its folder says; one that says so already is only looked at."""
    with ThreadPoolExecutor(tables.WRITERS) as pool:
        list(pool.map(lambda table: _load(spark, city.city_code, table), RAW))


def columns_of(table: str) -> dict[str, str]:
    """Columns of a raw table beside city_code, with their SQL types."""
    columns = [*CITY_TABLES[RAW[table]], *DERIVED.get(table, ())]
    return {column: TYPES.get(column, "string") for column in columns}


def _rows(city_code: str, table: str) -> list[dict[str, str]]:
    """What the city's folder says, an ended area with its successor."""
    found = read_table(city_code, RAW[table])
    if table == "raw.area":
        to = successors(city_code)
        return [{**row, "successor_code": to.get(row["area_code"], "")} for row in found]
    return found


def _load(spark: SparkSession, city_code: str, table: str) -> None:
    columns = columns_of(table)
    found = [tuple(_typed(row[column], type_) for column, type_ in columns.items()) for row in _rows(city_code, table)]
    tables.ensure(spark, table, {"city_code": "string"} | columns, ("city_code",))
    own = tables.read(spark, table).where(f.col("city_code") == city_code)
    if sorted(map(tuple, own.select(*columns).collect()), key=repr) == sorted(found, key=repr):
        return
    ddl = ", ".join(f"{column} {type_}" for column, type_ in columns.items())
    tables.replace_slice(spark, spark.createDataFrame(found, ddl), table, {"city_code": city_code})


def _typed(text: str, type_: str) -> Any:
    """The value; None for no text, and for one that is no value, which the tests of the conformed tables report."""
    try:
        return _READ[type_](text) if text else None
    except ValueError:
        return None
