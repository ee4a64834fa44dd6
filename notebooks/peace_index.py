"""What an analyst asks for, a line each: what is published, what was said when, and the lake below it. Changes nothing.

    from peace_index import connect
    city = connect()               # or connect("daqing")
    city.release()                 # the index of the release that is up
    city.as_known("2026-03-03")    # what we said on that day
    city.silver("case")            # Spark: every version of every record

分析人员的入口：已发布的表、某日我们怎么说、以及湖内的记录；只读。
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from expectations.contract import load_city, load_kinds
from expectations.models import City
from spark_jobs.errors import UsageError
from spark_jobs.index.engine.released_inputs import ReleasedInputs, released_inputs
from spark_jobs.index.methodology import Methodology, load_methodology
from spark_jobs.lake import session
from spark_jobs.release.files import LATEST_FILE, METHODOLOGY_FILE, read_latest, release_folder
from spark_jobs.released.columns import TABLES
from spark_jobs.settings import settings


@dataclass(frozen=True)
class PeaceIndex:
    """One city, as it is published and as it lies in the lake.

    `contract`: what the city's folder under expectations/cities says. `release_id`, `business_date`, `as_of`: the
    release that is up, its day and its cut-off. `folder`: published/<city>.
    """

    contract: City
    release_id: str
    business_date: date
    as_of: datetime
    folder: Path

    def __repr__(self) -> str:
        names = f"{self.contract.name.zh} {self.contract.name.en}"
        return (
            f"{names}: release {self.release_id}, day {self.business_date}, as known at {self.as_of:%Y-%m-%d %H:%M} UTC"
        )

    def release(self, table: str = "county_index", release_id: str | None = None) -> pd.DataFrame:
        """One table of a release, with its types and its status codes; without Spark. Grain: the table's key.

        `table`: a name of docs/published-files.md. `release_id`: None for the one that is up. Raises UsageError for
        a name or a release that is not there.
        """
        if table not in TABLES:
            raise UsageError(f"release: no table {table!r}; there are {', '.join(TABLES)}")
        path = release_folder(self.folder, release_id or self.release_id) / TABLES[table].parquet
        if not path.exists():
            raise UsageError(f"release: {path} is not there; releases: {', '.join(self.releases())}")
        return pd.read_parquet(path)

    def releases(self) -> list[str]:
        """Ids of all releases that lie in the folder, oldest business date first."""
        return sorted(each.parent.name for each in self.folder.glob(f"releases/*/{METHODOLOGY_FILE}"))

    def vintages(self) -> pd.DataFrame:
        """Every value and the span during which it was what we said: one row a value and span, instants in UTC."""
        return pd.read_parquet(self.folder / "vintages.parquet")

    def as_known(self, on: date | datetime | str) -> pd.DataFrame:
        """What we said then: the rows of `vintages` in force at that instant; for a day, at its end in the city's time."""
        at = pd.Timestamp(on)
        if at.tz is None:
            whole_day = at.time() == time.min and not isinstance(on, datetime)
            at = (at + timedelta(days=1) if whole_day else at).tz_localize(self.contract.time_zone)
        said = self.vintages()
        return said[(said["realtime_start"] <= at) & ~(said["realtime_end"] <= at)]

    @cached_property
    def methodology(self) -> Methodology:
        """Every statistical choice of today's code; the release's own stands in its methodology.json."""
        return load_methodology()

    def inputs(self, release_id: str | None = None) -> ReleasedInputs:
        """The aggregated inputs of a release: enough to compute its index again, under these weights or others."""
        return released_inputs(self.release("input", release_id).astype(object), self.methodology)

    @property
    def kinds(self) -> list[str]:
        """The kinds of records that the city's feeds bring."""
        return sorted({feed.kind for feed in self.contract.feeds})

    @property
    def spark(self) -> SparkSession:
        """The session on the one Spark server. Raises EnvironmentFault if it is not up: `make serve` starts it."""
        return session.connect()

    def silver(self, kind: str) -> DataFrame:
        """Every version of every record of a kind. Grain: record and version (known_from, known_to: known times)."""
        if kind not in (kinds := load_kinds()):
            raise UsageError(f"silver: no kind {kind!r}; there are {', '.join(kinds)}")
        return self.spark.read.table(f"silver.`{kind}`").where(f.col("city_code") == self.contract.city_code)

    def query(self, dbt_sql: str) -> DataFrame:
        """A query in dbt's words, `select … from {{ ref('police_case') }}`, as known at the release's cut-off.

        Raises ConformError if dbt cannot read it.
        """
        from spark_jobs.conform import query_as_known  # dbt takes seconds to import, and few sessions need it

        city = self.contract
        return query_as_known(
            dbt_sql, city.city_code, city.time_zone, self.business_date, self.as_of, city.context_feeds
        )

    def table(self, name: str) -> DataFrame:
        """This city's rows of a table of the lake, by its full name: indicators.daily, conformed.area, index.input."""
        return self.spark.read.table(name).where(f.col("city_code") == self.contract.city_code)


def connect(city: str | None = None) -> PeaceIndex:
    """The city of this installation. `city`: its code, if there are several; or the variable CITY.

    Raises UsageError, with the codes that can be had, if nothing is published or several cities are.
    """
    published = settings().published
    known = sorted(path.parent.name for path in published.glob(f"*/{LATEST_FILE}"))
    if not known:
        raise UsageError(f"connect: nothing is published in {published} yet; `make run` publishes a first release")
    code = city or os.environ.get("CITY") or (known[0] if len(known) == 1 else None)
    up = read_latest(published / code) if code else None
    if code is None or up is None:
        raise UsageError(f"connect: expected one of {', '.join(known)}; found {code!r}. Say connect({known[0]!r})")
    day, as_of = date.fromisoformat(up["period"]), datetime.fromisoformat(up["as_of"])
    return PeaceIndex(load_city(code), up["release_id"], day, as_of, published / code)
