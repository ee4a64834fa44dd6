"""Small explicit silver tables, written as tables."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from expectations.contract import load_kinds
from spark_jobs.feeds import silver
from spark_jobs.lake import tables
from spark_jobs.lake.reference_data import RAW, columns_of

CITIES = ("northtown", "southtown", "brokentown")

AREA = """
city_code  | area_code | level  | name_zh | name_en | parent_code | valid_from | valid_to
northtown  | N         | city   | 北      | North   | -           | 2020-01-01 | -
northtown  | N1        | county | 北一    | North 1 | N           | 2020-01-01 | -
northtown  | N2        | county | 北二    | North 2 | N           | 2020-01-01 | -
southtown  | S         | city   | 南      | South   | -           | 2020-01-01 | -
southtown  | S1        | county | 南一    | South 1 | S           | 2020-01-01 | -
brokentown | B         | city   | 破      | Broken  | -           | 2020-01-01 | 2024-01-02
brokentown | B         | city   | 破      | Broken  | -           | 2024-01-01 | -
"""

DENOMINATOR = """
city_code  | area_code | denominator_code | valid_from | valid_to | value | quality_code
northtown  | N1        | residents        | 2020-01-01 | -        | 1000  | exact
southtown  | S1        | residents        | 2020-01-01 | -        | 2000  | exact
brokentown | B9        | residents        | 2020-01-01 | -        | 3000  | exact
"""

# h1: its closing on 4 March became known on the 12th. h2: closed on the 5th in UTC, on the 6th in Shanghai; deleted
# on the 15th. h3: closed, then reopened. h4: merged. h5 takes up h2, which had been closed the day before.
HOTLINE = """
city_code | record_id | area_code | known_from       | known_to         | is_deleted | called_on  | deadline_at      | closed_at        | status_code | is_resolved | satisfaction_code | n_returns | previous_record_id
northtown | h1        | N1        | 2026-03-01T08:00 | 2026-03-12T00:00 | false      | 2026-03-01 | 2026-03-05T10:00 | -                | open        | -           | -                 | 0         | -
northtown | h1        | N1        | 2026-03-12T00:00 | -                | false      | 2026-03-01 | 2026-03-05T10:00 | 2026-03-04T02:00 | closed      | false       | dissatisfied      | 0         | -
northtown | h2        | N1        | 2026-03-05T18:00 | 2026-03-15T00:00 | false      | 2026-03-02 | -                | 2026-03-05T17:00 | closed      | true        | neutral           | 0         | -
northtown | h2        | N1        | 2026-03-15T00:00 | -                | true       | 2026-03-02 | -                | 2026-03-05T17:00 | closed      | true        | neutral           | 0         | -
northtown | h3        | N2        | 2026-03-06T12:00 | 2026-03-09T00:00 | false      | 2026-03-02 | -                | 2026-03-06T12:00 | closed      | false       | -                 | 0         | -
northtown | h3        | N2        | 2026-03-09T00:00 | -                | false      | 2026-03-02 | -                | 2026-03-06T12:00 | open        | false       | -                 | 0         | -
northtown | h4        | N2        | 2026-03-06T12:00 | -                | false      | 2026-03-02 | 2026-03-05T10:00 | 2026-03-06T12:00 | merged      | false       | dissatisfied      | 0         | -
northtown | h5        | N1        | 2026-03-08T05:00 | -                | false      | 2026-03-07 | -                | 2026-03-08T04:00 | closed      | -           | -                 | 0         | h2
southtown | h1        | S1        | 2026-03-06T12:00 | -                | false      | 2026-03-01 | -                | 2026-03-06T03:00 | closed      | true        | satisfied         | 1         | -
"""

# d1 is open from 7 February on: 31 days old on 10 March. d2 is the parent of d3. d4 comes back to d2's parties.
# d5 has been entered and not accepted. Nobody knows d9, the parent of d6 and d7: the first of them stands for the quarrel.
DISPUTE = """
city_code | record_id | area_code | known_from       | known_to         | is_deleted | accepted_on | closed_on  | status_code | is_breached | escalated_to_code | parent_record_id | party_pair_pseudonym
northtown | d1        | N1        | 2026-02-07T00:00 | -                | false      | 2026-02-07  | -          | open        | -           | -                 | -                | x
northtown | d2        | N1        | 2026-03-08T10:00 | -                | false      | 2026-03-08  | 2026-03-08 | settled     | true        | court             | -                | y
northtown | d3        | N1        | 2026-03-08T10:00 | -                | false      | 2026-03-08  | 2026-03-08 | failed      | -           | court             | d2               | y
northtown | d4        | N1        | 2026-03-09T10:00 | -                | false      | 2026-03-09  | 2026-03-09 | failed      | -           | -                 | -                | y
northtown | d5        | N1        | 2026-03-09T10:00 | -                | false      | -           | 2026-03-09 | failed      | -           | court             | -                | -
northtown | d6        | N2        | 2026-03-09T10:00 | -                | false      | 2026-03-02  | 2026-03-07 | settled     | -           | -                 | d9               | -
northtown | d7        | N2        | 2026-03-09T10:00 | -                | false      | 2026-03-03  | 2026-03-08 | failed      | -           | -                 | d9               | -
"""

CASE = """
city_code | record_id | area_code | known_from       | known_to         | is_deleted | occurred_on | nature_code  | case_code | offence_code | is_oil | is_gambling | is_telecom_fraud | n_deaths | n_serious_injuries | amount_yuan
northtown | k1        | N1        | 2026-03-01T00:00 | -                | false      | 2026-03-01  | criminal     | 040103    | -            | -      | -           | -                | -        | 1                  | -
northtown | k2        | N1        | 2026-03-01T00:00 | -                | false      | 2026-03-01  | criminal     | 050100    | -            | true   | -           | -                | 2        | 1                  | 900000
northtown | k3        | N1        | 2026-03-01T00:00 | -                | false      | 2026-03-01  | criminal     | 040101    | -            | -      | -           | -                | 0        | 0                  | -
northtown | k4        | N1        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | criminal     | 050200    | -            | -      | -           | -                | -        | -                  | 499999.99
northtown | k5        | N1        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | criminal     | 050200    | -            | -      | -           | -                | -        | -                  | 500000
northtown | k6        | N1        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | criminal     | 060634    | -            | true   | -           | -                | -        | -                  | -
northtown | k7        | N1        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | criminal     | 050300    | -            | -      | -           | true             | -        | -                  | 900000
northtown | k8        | N2        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | public_order | 050200    | -            | true   | -           | -                | -        | -                  | -
northtown | k9        | N2        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | criminal     | 060197    | -            | -      | true        | -                | -        | -                  | -
northtown | k10       | N2        | 2026-03-02T00:00 | -                | false      | 2026-03-02  | criminal     | 999999    | -            | -      | -           | -                | -        | -                  | -
northtown | k11       | N2        | 2026-03-10T00:00 | -                | false      | 2026-03-11  | criminal     | 050100    | -            | -      | -           | -                | -        | -                  | -
southtown | k1        | S1        | 2026-03-01T00:00 | -                | false      | 2026-03-01  | criminal     | 13(A)     | robbery_rape | -      | -           | -                | -        | -                  | -
"""

INCIDENT = """
city_code | record_id | area_code | known_from       | known_to         | is_deleted | family_code | occurred_on | n_deaths | n_serious_injuries | n_minor_injuries | deadline_on | closed_on  | status_code
northtown | i1        | N1        | 2026-03-01T00:00 | 2026-03-15T00:00 | false      | traffic     | 2026-03-01  | 0        | 1                  | 2                | -           | -          | closed
northtown | i1        | N1        | 2026-03-15T00:00 | -                | false      | traffic     | 2026-03-01  | 1        | 0                  | 2                | -           | -          | closed
northtown | i2        | N1        | 2026-03-01T00:00 | -                | false      | traffic     | 2026-03-01  | -        | -                  | -                | -           | -          | closed
northtown | i3        | N2        | 2026-03-03T00:00 | -                | false      | fire        | 2026-03-03  | 1        | 0                  | 0                | -           | -          | closed
northtown | i4        | N2        | 2026-03-04T00:00 | -                | false      | work_safety | 2026-03-04  | 0        | 0                  | 3                | -           | -          | closed
northtown | g1        | N2        | 2026-03-01T00:00 | -                | false      | grid        | 2026-03-01  | -        | -                  | -                | 2026-03-05  | 2026-03-05 | closed
northtown | g2        | N2        | 2026-03-01T00:00 | -                | false      | grid        | 2026-03-01  | -        | -                  | -                | 2026-03-05  | 2026-03-06 | closed
northtown | g3        | N2        | 2026-03-01T00:00 | -                | false      | grid        | 2026-03-01  | -        | -                  | -                | 2026-03-09  | -          | open
northtown | g4        | N2        | 2026-03-01T00:00 | -                | false      | grid        | 2026-03-01  | -        | -                  | -                | 2026-03-11  | -          | open
"""

RAW_COLUMNS = {table: {"city_code": "string"} | columns_of(table) for table in RAW}


# a month of N1 was corrected a week later, N2 has taken its own back
COVERAGE = """
city_code | record_id | area_code | known_from       | known_to         | is_deleted | month_on   | n_posts | n_diaries_due | n_diaries_done | rolled_out_on
northtown | m1        | N1        | 2026-03-01T00:00 | 2026-03-14T00:00 | false      | 2026-02-01 | 5       | 100           | 50             | 2025-01-01
northtown | m1        | N1        | 2026-03-14T00:00 | -                | false      | 2026-02-01 | 6       | 100           | 60             | 2025-01-01
northtown | m2        | N2        | 2026-03-01T00:00 | -                | true       | 2026-02-01 | 7       | -             | -              | -
northtown | m3        | N1        | 2026-03-01T00:00 | -                | false      | 2026-04-01 | 9       | -             | -              | 2025-01-01
southtown | m1        | S1        | 2026-03-01T00:00 | -                | false      | 2026-02-01 | 8       | -             | -              | -
"""


def cells(table: str) -> list[list[str]]:
    """Rows of a written table, header first."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


class Lake:
    """The tables that dbt reads and writes, for a handful of made-up cities."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        silver.create_tables(spark)
        for table, columns in RAW_COLUMNS.items():
            tables.ensure(spark, table, columns, ("city_code",))

    def fill(self) -> None:
        self.append("raw.area", AREA)
        self.append("raw.denominator", DENOMINATOR)
        for kind, rows in (
            ("hotline", HOTLINE),
            ("dispute", DISPUTE),
            ("case", CASE),
            ("incident", INCIDENT),
            ("coverage", COVERAGE),
        ):
            self.append(silver.silver_table(kind), rows)

    def append(self, table: str, written: str) -> None:
        """Write rows; `-` and columns that are not shown are null, the feed is called `feed`."""
        header, *rows = cells(written)
        types = dict(self.spark.table(table).dtypes)
        shown = self.spark.createDataFrame(rows, ", ".join(f"{name} string" for name in header))
        values = {name: f"cast(nullif({name}, '-') as {types[name]})" for name in header} | {"feed_code": "'feed'"}
        frame = shown.selectExpr(*(f"{values.get(name, 'null')} as {name}" for name in types))
        frame.write.format("delta").mode("append").saveAsTable(table)

    def daily(self, city_code: str) -> list[str]:
        """The city's rows of indicators.daily, sorted, as `indicator area day stratum numerator/denominator`."""
        return as_text(self.spark.table("indicators.daily").where(f"city_code = '{city_code}'"))

    def remove(self, cities: tuple[str, ...]) -> None:
        listed = ", ".join(f"'{city}'" for city in cities)
        for table in (*RAW_COLUMNS, *map(silver.silver_table, load_kinds())):
            self.spark.sql(f"delete from {table} where city_code in ({listed})")
        if tables.exists(self.spark, "indicators.daily"):
            self.spark.sql(f"delete from indicators.daily where city_code in ({listed})")


def as_text(daily: DataFrame) -> list[str]:
    """Rows of indicators.daily, sorted, as `indicator area day stratum numerator/denominator`."""
    return sorted(
        f"{r.indicator_id} {r.area_code} {r.day} {r.stratum} {count(r.numerator)}/{count(r.denominator)}"
        for r in daily.collect()
    )


def count(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
