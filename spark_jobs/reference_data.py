"""A city's areas and denominators from its folder into the lake, where dbt finds them."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from expectations.contract import CITY_TABLES, City, read_table
from spark_jobs import tables

AREA, DENOMINATOR = CITY_TABLES["areas"], CITY_TABLES["denominators"]
TYPES = {"valid_from": "date", "valid_to": "date", "value": "double"}


def load_reference_data(spark: SparkSession, city: City) -> None:
    """Replace the city's slices of raw.area and raw.denominator by what its folder says."""
    for name, columns in (("areas", AREA), ("denominators", DENOMINATOR)):
        rows = pd.DataFrame(read_table(city.city_code, name), columns=list(columns), dtype=object)
        frame = spark.createDataFrame(rows, ", ".join(f"{column} string" for column in columns))
        typed = frame.select(
            *(f.nullif(f.col(c), f.lit("")).try_cast(TYPES.get(c, "string")).alias(c) for c in columns)
        )
        tables.replace_slice(spark, typed, f"raw.{name.removesuffix('s')}", {"city_code": city.city_code})
