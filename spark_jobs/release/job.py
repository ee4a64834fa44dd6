"""Publish a business date: the thin edge between the lake and the pure parts.

Order of the switch: lake tables, files, serving database, lake pointer, public files, latest.json. Then the journal
says since when the release is up, and the files across releases are brought up to date with it. Each step can be
repeated: a run that was killed anywhere and is run again leaves the same bytes in the same places.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as f

from expectations.contract import load_kinds, read_table
from expectations.dated import row_holds
from expectations.models import City, Text
from expectations.outcomes import Outcome
from spark_jobs.errors import EnvironmentFault
from spark_jobs.feeds.batches import batches_of
from spark_jobs.feeds.feed_status import batches_read, checked
from spark_jobs.index.methodology import load_methodology
from spark_jobs.lake import stored, tables
from spark_jobs.release import files, lake, public_files, serving, weekly
from spark_jobs.release.build import build, canonical_tables
from spark_jobs.release.coverage import COUNTS, coverage_table
from spark_jobs.release.funnel import COLUMNS as DECISION_COLUMNS
from spark_jobs.release.funnel import funnel_table
from spark_jobs.release.gates import GateFailed, judge
from spark_jobs.release.model import Area, Gate, Previous, Release, ReleaseInput
from spark_jobs.release.record import journal, keeping, served
from spark_jobs.release.record.changes import notice
from spark_jobs.release.record.journal import Approval, Withdrawn
from spark_jobs.release.render import render
from spark_jobs.release.verify import verify
from spark_jobs.released import pointer
from spark_jobs.released.columns import TABLES, TableFault

_FROM_LAKE = {name: table.lake for name, table in TABLES.items() if table.lake}


def publish(
    spark: SparkSession,
    city: City,
    business_date: date,
    as_of: datetime,
    published: Path,
    mart_url: str,
    code_commit: str,
    say: Callable[[str], None] = print,
    approval: Approval | None = None,
) -> int:
    """Release `business_date` of `city`. Returns 0 (published or already current), or 3 if a feed is missing besides.

    Raises GateFailed (exit code 6): nothing is switched, the last good release stays and is marked stale.
    """
    folder = published / city.city_code
    with files.only_publisher(folder):
        previous = files.previous(folder, files.read_latest(folder))
        given = read_input(spark, city, business_date, as_of, code_commit, previous)
        try:
            frames, gates = _judged(given)
        except GateFailed as failure:
            _mark_stale(folder, mart_url, city, business_date, failure.reason)
            raise
        release = build(given, frames, gates)
        if withdrawn := journal.withdrawal(journal.read(folder), release.release_id):
            _refuse_withdrawn(given, withdrawn, folder, mart_url)
        if is_current(spark, release, folder, mart_url) and keeping.is_recorded(folder, release.release_id):
            say(f"{city.city_code} {business_date}: nothing new; {release.release_id} is already published")
        else:
            switch(spark, release, given, gates, folder, mart_url)
            keeping.record(city, given.methodology, folder, release.document, datetime.now(UTC), approval)
            say(f"{city.city_code} {business_date}: {_outcome(release, folder)}")
        served.serve(mart_url, city, folder)
    return Outcome.DONE if release.missing_feeds.empty else Outcome.INCOMPLETE


def read_input(
    spark: SparkSession,
    city: City,
    business_date: date,
    as_of: datetime,
    code_commit: str,
    previous: Previous | None,
) -> ReleaseInput:
    """Everything a release is made of, from the lake, the contracts and what readers see now."""
    batches = batches_of(spark, city)
    with ThreadPoolExecutor(tables.WRITERS) as pool:  # small reads are mostly waiting, so they wait together
        coverage = pool.submit(coverage_months, spark, city, business_date, as_of)
        decided = pool.submit(decisions, spark, city, as_of)
        weeks = pool.submit(weekly_counts, spark, city, business_date)
        slices = pool.map(lambda table: _slice(spark, table, city, business_date), _FROM_LAKE.values())
        frames = dict(zip(_FROM_LAKE, slices, strict=True))
    known_on = _known_on(frames["county_index"], city, business_date, as_of)
    if known_on != business_date:  # all days of a revision are complete; the night's completeness is not its own
        frames["completeness"] = frames["completeness"].iloc[0:0]
    return ReleaseInput(
        city=city,
        areas=published_areas(city, business_date),
        methodology=load_methodology().named_by(city.names),
        business_date=business_date,
        as_of=as_of,
        frames={
            **frames,
            "coverage": coverage_table(coverage.result(), city.area_code),
            "flag_funnel": funnel_table(decided.result()),
        },
        batches=checked(batches_read(batches, known_on)),
        personal_columns=personal_columns(city),
        code_commit=code_commit,
        delta_versions={table: stored.version(spark, table) for table in _FROM_LAKE.values()},
        previous=previous,
        weekly=weeks.result(),
    )


def _known_on(county_index: pd.DataFrame, city: City, business_date: date, as_of: datetime) -> date:
    """Business date at whose cut-off the computed index knew its data. The release must say the same cut-off.

    A revision rests on the batches that came since. A night, like an archive, rests on those of its own windows.
    """
    known = county_index.reindex(columns=["known_on"])["known_on"].dropna()
    known_on = known.iloc[0] if len(known) and not city.archive else business_date
    if city.as_of(known_on) != as_of:
        raise EnvironmentFault(
            f"release: the index of {business_date} was computed from what was known on {known_on}, not at {as_of}; "
            "run the step index of this date first, with --revised for a revision"
        )
    return known_on


def published_areas(city: City, business_date: date) -> tuple[Area, ...]:
    """The city and its counties on that day, the city first, counties by code."""
    found = [
        Area(row["area_code"], "city" if row["level"] == "city" else "county", Text(row["name_zh"], row["name_en"]))
        for row in read_table(city.city_code, "areas")
        if row["level"] in ("city", "county") and row_holds(business_date, row)
    ]
    return tuple(sorted(found, key=lambda area: (area.level_code != "city", area.area_code)))


def personal_columns(city: City) -> frozenset[str]:
    """Names of columns that the contracts class as personal or secret. No released table may have one."""
    closed = ("personal", "secret")
    kinds = load_kinds().values()
    of_kinds = {name for kind in kinds for name, column in kind.columns.items() if column.privacy in closed}
    of_feeds = {name for feed in city.feeds for name, privacy in feed.dropped.items() if privacy in closed}
    return frozenset(of_kinds | of_feeds)


def is_current(spark: SparkSession, release: Release, folder: Path, mart_url: str) -> bool:
    """Whether readers everywhere see this very release, unaltered and not stale, or one of a newer business date."""
    if verify(files.release_folder(folder, release.release_id)):
        return False
    latest = files.read_latest(folder)
    if latest is None or (latest["release_id"] != release.release_id and not _is_older(release, latest)):
        return False
    return _is_older(release, latest) or (
        latest["stale"] is None
        and serving.served_release(mart_url, release.city.city_code) == (release.release_id, False)
        and pointer.pointed_release(spark, release.city.city_code) == release.release_id
        and public_files.is_public(release, public_files.public_folder(folder))
    )


def switch(
    spark: SparkSession,
    release: Release,
    given: ReleaseInput,
    gates: tuple[Gate, ...],
    folder: Path,
    mart_url: str,
) -> None:
    """Write all copies, read the files back, then move what readers follow.

    A release of an older business date is archived; readers keep the newest.
    """
    lake.write_lake(spark, release, given)
    written = files.release_folder(folder, release.release_id)
    if verify(written):
        before = files.predecessor(folder, release.release_id)
        written = files.write_release(folder, release.release_id, render(release, before))
    problems = verify(written)
    if problems:
        found = "; ".join(map(str, problems[:5]))
        raise EnvironmentFault(f"release: {written.name} reads back differently from what was written: {found}")
    current = files.read_latest(folder)
    if current and _is_older(release, current):
        return
    serving.write_serving(mart_url, release)
    pointer.move_pointer(spark, release.city.city_code, release.release_id, release.business_date)
    public_files.write_public(release, public_files.public_folder(folder))
    read_back = Gate("switch", True, Text("已写入并校验", "written, read back and verified"))
    document = files.read_document(written)
    assert document  # it was verified
    files.write_latest(folder, files.latest(release, (*gates, read_back), document))


def _judged(given: ReleaseInput) -> tuple[dict[str, pd.DataFrame], tuple[Gate, ...]]:
    try:
        frames = canonical_tables(given)
    except TableFault as fault:
        said = Text("待发布的数据表结构不符合规定（详见运行记录）", str(fault))
        raise GateFailed((Gate("publication", False, said),)) from fault
    return frames, judge(given, frames)


def _refuse_withdrawn(given: ReleaseInput, withdrawn: Withdrawn, folder: Path, mart_url: str) -> None:
    """A withdrawn release is not put up again by itself: the same data and method would say the same."""
    said = notice(withdrawn, keeping.words(given.methodology))
    if (current := files.read_latest(folder)) and current["release_id"] == withdrawn.release_id:
        _mark_stale(folder, mart_url, given.city, given.business_date, said)
    raise GateFailed((Gate("withdrawn", False, said),))


def _mark_stale(folder: Path, mart_url: str, city: City, business_date: date, reason: Text) -> None:
    current = files.read_latest(folder)
    since = files.stale_since(current, business_date)
    withdrawn = journal.withdrawal(journal.read(folder), current["release_id"]) if current else None
    if withdrawn:
        first = notice(withdrawn, keeping.words(load_methodology()))
        reason = first if reason == first else Text(f"{first.zh}；{reason.zh}", f"{first.en}; {reason.en}")
    if since is not None:
        serving.mark_serving_stale(mart_url, city.city_code, since, reason)
        public_files.mark_public_stale(public_files.public_folder(folder), since, reason)
        files.mark_stale(folder, since, reason)


def _is_older(release: Release, latest: dict[str, Any]) -> bool:
    return release.business_date < date.fromisoformat(latest["period"])


def _outcome(release: Release, folder: Path) -> str:
    latest = files.read_latest(folder)
    assert latest
    if latest["release_id"] != release.release_id:
        return f"archived {release.release_id}; readers keep the newer {latest['release_id']}"
    missing = ", ".join(release.missing_feeds["feed_name_en"])
    return f"published {release.release_id}" + (f"; missing: {missing}" if missing else "")


def computed_slice(spark: SparkSession, name: str, city: City, business_date: date) -> pd.DataFrame:
    """What the lake has of a released table about one day."""
    return _slice(spark, _FROM_LAKE[name], city, business_date)


def _slice(spark: SparkSession, table: str, city: City, business_date: date) -> pd.DataFrame:
    """The rows of one city and day, without the columns of city and day."""
    if not tables.exists(spark, table):
        raise EnvironmentFault(f"release: there is no table {table}; run the steps index and flags of this date first")
    keys = {"city_code": city.city_code, "business_date": business_date.isoformat()}
    found: pd.DataFrame = stored.rows(spark, table, keys).drop_columns([*keys]).to_pandas()
    return found


def coverage_months(spark: SparkSession, city: City, business_date: date, as_of: datetime) -> pd.DataFrame:
    """The city's months of coverage as known at the cut-off; none, and no query, where no feed brings them."""
    if not any(feed.kind == "coverage" for feed in city.feeds):
        return pd.DataFrame()
    months = tables.read(spark, "conformed.coverage").where(f.col("city_code") == city.city_code)
    return (
        months.where(_is_known(as_of) & (f.col("month_on") <= f.lit(business_date)))
        .select("area_code", "month_on", "rolled_out_on", *COUNTS)
        .toPandas()
    )


def decisions(spark: SparkSession, city: City, as_of: datetime) -> pd.DataFrame:
    """Steps of the city's flags as known at the cut-off; none, and no query, where no feed brings them."""
    if not any(feed.kind == "decision" for feed in city.feeds) or not tables.exists(spark, "silver.decision"):
        return pd.DataFrame()
    steps = tables.read(spark, "silver.decision").where(f.col("city_code") == city.city_code)
    return steps.where(_is_known(as_of) & ~f.col("is_deleted")).select(*DECISION_COLUMNS).toPandas()


def _is_known(as_of: datetime) -> Column:
    """Whether a version was the one known at the cut-off."""
    at = f.lit(as_of.astimezone(UTC).replace(tzinfo=None).isoformat()).cast("timestamp")
    return (f.col("known_from") <= at) & (f.col("known_to").isNull() | (f.col("known_to") > at))


def weekly_counts(spark: SparkSession, city: City, business_date: date) -> pd.DataFrame:
    """Events of the last weeks by county and indicator, in the columns of model.no_weeks."""
    first, *_, last = weekly.mondays(business_date)
    counted = f.col("indicator_id").isin(weekly.counted(load_methodology()))
    of_weeks = f.col("day").between(f.lit(first), f.lit(last + timedelta(days=6)))
    daily = tables.read(spark, "indicators.daily").where(f.col("city_code") == city.city_code)
    by_week = ("area_code", "indicator_id", f.date_trunc("week", "day").cast("date").alias("week_on"))
    return daily.where(counted & of_weeks).groupBy(*by_week).agg(f.sum("numerator").alias("n_events")).toPandas()
