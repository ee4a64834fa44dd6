"""The edge of a change of method: puts the lake's daily counts through both versions and leaves a report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from expectations.models import City
from spark_jobs.errors import UsageError
from spark_jobs.feeds.batches import batches_of
from spark_jobs.feeds.feed_status import feed_status
from spark_jobs.index.coverage import coverage_of
from spark_jobs.index.engine.method_change import MethodChange, compare
from spark_jobs.index.engine.territory import placed
from spark_jobs.index.engine.windows import DailyCounts, month_ends
from spark_jobs.index.job import daily_of, frozen_goalposts, reference
from spark_jobs.index.methodology import Methodology, MethodologyError, load_methodology
from spark_jobs.release.files import write_folder
from spark_jobs.release.job import published_areas
from spark_jobs.release.pages.method_report import MethodReport

MONTHS = 12  # both versions run beside each other for a year


def candidate_of(path: Path) -> Methodology:
    """The candidate version. Raises UsageError with every fault of the file, or if its version is the one in force."""
    try:
        candidate = load_methodology(path)
    except MethodologyError as error:
        raise UsageError(f"compare-methods: {error}") from error
    if candidate.version == load_methodology().version:
        raise UsageError(
            f"compare-methods: {path} is version {candidate.version}, which is in force; "
            "give the candidate a version of its own"
        )
    return candidate


def compare_methods(
    spark: SparkSession, city: City, business_date: date, candidate: Methodology, published: Path
) -> str:
    """Both versions over the month ends before the day, as the lake knows them now. Returns a line for the log.

    Leaves published/<city>/methods/<day>-<version in force>-<candidate>/ with a report in both languages and a CSV.
    Nothing that was published is touched, and no goalposts are frozen.
    """
    current = load_methodology()
    change = _change(spark, city, business_date, current, candidate)
    areas = published_areas(city, business_date)
    ordered = [*(area for area in areas if area.level_code == "county"), areas[0]]
    report = MethodReport(city, ordered, current, candidate, change)
    folder = write_folder(published / city.city_code / "methods" / report.folder_name, report.files())
    return f"{city.city_code}: {current.version} beside {candidate.version} on {len(change.days)} month ends: {folder}"


def _change(
    spark: SparkSession, city: City, business_date: date, current: Methodology, candidate: Methodology
) -> MethodChange:
    lands, given = reference(spark, city, business_date)
    coverage = coverage_of(city, feed_status(city.feeds, batches_of(spark, city), business_date))
    rows = placed(daily_of(spark, city, business_date).toPandas(), lands.county_of)
    denominators = lands.denominators(given)

    def counts_under(methodology: Methodology) -> DailyCounts:
        return DailyCounts(rows, denominators, coverage, lands.area_codes, methodology)

    days = month_ends(business_date, MONTHS)[:-1]
    frozen = frozen_goalposts(spark, city, current)
    return compare(counts_under, frozen, city.base_period.first_day, current, candidate, days)
