"""What feeds cover: windows end where their content ends, and a feed that stands still is no peace."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from expectations.contract import load_city
from expectations.models import City
from spark_jobs.index.coverage import coverage_of, days_behind, with_content, without_still
from spark_jobs.index.engine.windows import Coverage
from spark_jobs.index.methodology import Methodology

pytestmark = [pytest.mark.unit, pytest.mark.bad_input]
DAY = date(2026, 11, 26)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city("daqing")


def daily_of(city: City, methodology: Methodology, silent: dict[str, int]) -> pd.DataFrame:
    """indicators.daily: sixty events a day of each flow; nothing in the last `silent` days of a feed."""
    kinds = {i.id: i.kind for i in methodology.indicators if i.flow_or_stock == "flow"}
    days = pd.date_range(DAY - timedelta(days=500), DAY).date
    frames = [
        pd.DataFrame({
            "indicator_id": indicator, "day": days[: len(days) - silent.get(feed.feed_code, 0)],
            "numerator": 60.0 if kinds[indicator] == "rate" else 0.0,
            "denominator": np.nan if kinds[indicator] == "rate" else 60.0,
        })
        for feed in city.feeds for indicator in feed.supports if indicator in kinds
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def status_of(city: City, delivered: dict[str, date]) -> pd.DataFrame:
    codes = [feed.feed_code for feed in city.feeds]
    through = [delivered.get(code, DAY) for code in codes]
    lags = [timedelta(days=city.feed(code).lag_days) for code in codes]
    covered = [day - lag for day, lag in zip(through, lags, strict=True)]
    return pd.DataFrame({"feed_code": codes, "delivered_through": through, "covered_through": covered})


def with_lag(city: City, feed_code: str, n_days: int) -> City:
    feeds = (f.model_copy(update={"lag_days": n_days}) if f.feed_code == feed_code else f for f in city.feeds)
    return city.model_copy(update={"feeds": tuple(feeds)})


@pytest.mark.parametrize(
    ("silent", "lag", "behind", "is_live"),
    [(0, 0, 0, True), (4, 0, 4, True), (28, 0, 28, True), (29, 0, 29, False), (45, 0, 45, False),
     (0, 7, 7, True), (7, 7, 7, True), (9, 7, 9, True), (45, 45, 45, True)],
)  # fmt: skip
@pytest.mark.parametrize("feed_code", ["cases", "hotline"])
def test_windows_end_where_the_content_of_a_feed_ends(
    city: City, methodology: Methodology, feed_code: str, silent: int, lag: int, behind: int, is_live: bool
) -> None:
    """Of its indicators alone; after more than a pulse of silence that no contract explains they are not live."""
    city = with_lag(city, feed_code, lag)
    daily = daily_of(city, methodology, {feed_code: silent})
    status = with_content(city, status_of(city, {}), daily, DAY, methodology)
    reached = dict(zip(status["feed_code"], status["covered_through"], strict=True))
    assert reached == {f.feed_code: DAY - timedelta(days=behind * (f.feed_code == feed_code)) for f in city.feeds}
    found = days_behind(city, status, DAY)
    own = city.feed(feed_code).supports
    assert found == dict.fromkeys(own, behind) if behind else found == {}
    coverage = without_still(coverage_of(city, status), found, city, DAY, methodology)
    last = {indicator: days.last for indicator, days in coverage.items()}
    expected = DAY if is_live else DAY - timedelta(days=behind)
    assert last == {indicator: expected if indicator in own else DAY for indicator in last}


def test_a_feed_that_did_not_deliver_is_missing_and_not_behind(city: City, methodology: Methodology) -> None:
    status = status_of(city, {"cases": DAY - timedelta(days=1)})
    of_content = with_content(city, status, daily_of(city, methodology, {"cases": 45}), DAY, methodology)
    pd.testing.assert_frame_equal(of_content, status, check_dtype=False)
    assert days_behind(city, of_content, DAY) == {}
    assert coverage_of(city, status)["a1_violent_crime"] == Coverage(date(2021, 11, 1), DAY - timedelta(days=1))


def test_a_feed_that_does_not_say_where_it_ends_covers_nothing(city: City, methodology: Methodology) -> None:
    """Its contract names a column, and no delivery had a day in it."""
    status = status_of(city, {})
    status.loc[status["feed_code"] == "cases", "covered_through"] = None
    status = with_content(city, status, daily_of(city, methodology, {}), DAY, methodology)
    found = days_behind(city, status, DAY)
    coverage = without_still(coverage_of(city, status), found, city, DAY, methodology)
    for indicator in city.feed("cases").supports:
        assert coverage[indicator].last == city.feed("cases").starts_on - timedelta(days=1)
