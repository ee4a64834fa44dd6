"""Numbers read without Spark break the rules that they break in Spark: the same texts through both."""

from __future__ import annotations

import random
from functools import reduce

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import load_kinds
from expectations.models import Feed
from spark_jobs.feeds.casting import cast_column, cleaned, listed
from spark_jobs.feeds.decoding import FAULT, FAULT_TYPE
from spark_jobs.feeds.number_rules import narrow
from spark_jobs.feeds.word_rules import Words
from tests.feeds.deliveries import COUNTS
from tests.feeds.second_reading import count_in

ALPHABET = "0123456789" * 2 + "000.,,..+-eE ０１９．，－\u3000\u200b¹٣"
ODD = [
    "1e3", "1E+6", "1e-3", "5.", ".5", ".", "+", "-", "+5", "--5", "- 5", "1e", "e5", "1e400", "1e-400", "1e999999999", "0x1F",
    "1_000", "NaN", "Infinity", "1.00001", "1.00005", "-0.0001", "-0", "-0.00001", "1000000", "1000001", "2147483647",
    "2147483648", "2147483647.00001", "9999999999999999.99", "99999999999999999", "12.300000000000001", "12.345", "12.3450000001",
    "1,234", "1.234", "1,234,567", "1.234.567,8", "1,234.5", "12,34", "0.500", "1000.005", "1,000.005", "1000,005", "１，０００",
    "1" * 40, "0" * 40, "0." + "0" * 40 + "1", "9" * 16 + ".995", "9" * 16 + ".994", "无", "none", "None",
]  # fmt: skip
DECIMALS = (None, ".", ",")
COLUMNS = ("n_events", "n_deaths", "n_minor_injuries", "n_serious_injuries", "amount_yuan")


def feed(decimal: str | None) -> Feed:
    says = {"from": "t"} | ({"decimal": decimal} if decimal else {})
    mapped = {"from": "t", "map": {"none": None, "无": "0", "one thousand": "1,000"}}
    columns = dict.fromkeys(COLUMNS, says) | {
        "n_minor_injuries": mapped,
        "n_serious_injuries": mapped | {"otherwise": None},
    }
    source = {"type": "files", "connection": "c", "pattern": "*", "format": "csv", "delivered_on": "2026-01-01"}
    said = {"feed": "f", "city_code": "c", "kind": "case", "name": {"en": "F"}, "source": source, "columns": columns}
    return Feed.model_validate(
        said | {"starts_on": "2026-01-01", "record_id": ["id"], "known_at": {}, "area": ["place"]}
    )


def texts() -> list[str]:
    dice = random.Random(1)
    made = ("".join(dice.choices(ALPHABET, k=dice.randint(1, 9))) for _ in range(4000))
    return [*dict.fromkeys([*ODD, *COUNTS, *made])]


def here(of: Feed, said: list[str]) -> set[tuple[str, str, str]]:
    """(text, column, rule) as Python judges."""
    rows = {"id": said, "place": said, "t": said, FAULT: pa.nulls(len(said), FAULT_TYPE)}
    faults = Words(pa.table(rows), of, {}).faults()
    return {
        (said[n], column, rule)
        for (rule, column), where in faults.items()
        if column in COLUMNS
        for n in where.nonzero()[0]
    }


def in_spark(rows: DataFrame, decimal: str | None) -> DataFrame:
    """The same as Spark judges, a row a fault."""
    of, kind = feed(decimal), load_kinds()["case"]
    casts = {name: cast_column(name, kind, of, "Asia/Shanghai") for name in COLUMNS}
    typed = rows.select("t", cleaned(of, "t")).withColumns({name: cast.value for name, cast in casts.items()})
    faults = f.explode(listed([fault for cast in casts.values() for fault in cast.faults])).alias("fault")
    return typed.select(f.lit(decimal).alias("decimal"), "t", faults)


@pytest.mark.spark
def test_a_number_breaks_the_same_rules_in_python_and_in_spark(spark: SparkSession) -> None:
    rows = spark.createDataFrame([(text,) for text in texts()], "t string")
    found = reduce(DataFrame.unionAll, [in_spark(rows, decimal) for decimal in DECIMALS]).collect()
    assert {row.fault.rule for row in found} >= {"not_a_count", "not_an_amount", "negative", "too_large", "too_precise"}
    for decimal in DECIMALS:
        own = {(row.t, row.fault.column_name, row.fault.rule) for row in found if row.decimal == decimal}
        assert here(feed(decimal), texts()) == own, decimal


@pytest.mark.unit
def test_counts_are_judged_as_the_second_reading_judges_them() -> None:
    of = feed(None)
    found = here(of, list(COUNTS))
    dash = {"-": {"not_a_count"}}  # no word for nothing in this contract
    for text in COUNTS:
        rules = {rule for said, column, rule in found if (said, column) == (text, "n_events")}
        assert rules == dash.get(text, count_in(text)[1]), text


@pytest.mark.unit
def test_what_cannot_be_seen_is_no_part_of_a_number() -> None:
    assert [narrow(text) for text in ("\u3000１２\u200b ", "－５", "12¹", "1\u00a02")] == ["12", "-5", "12¹", "1 2"]
