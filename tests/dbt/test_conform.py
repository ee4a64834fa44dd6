"""What dbt computes from the small silver tables of lake.py: that night, ten days later, in two cities."""

from __future__ import annotations

import pytest

from expectations.contract import load_city
from expectations.indicators import indicator_ids
from spark_jobs.conform import ConformError, conform, daily_as_known, node_results, run_dbt
from spark_jobs.release.job import coverage_months
from tests.dbt.conftest import BUSINESS_DATE, TEN_DAYS_LATER, THAT_NIGHT
from tests.dbt.lake import Lake, as_text

pytestmark = pytest.mark.spark

# indicator, area, day, stratum, numerator/denominator; "-" is no denominator
NORTH_THAT_NIGHT = """
a1_violent_crime N1 2026-03-01 death 3/-
a1_violent_crime N1 2026-03-01 wounding_serious 1/-
a2_property_crime N1 2026-03-02 theft_fraud 2/-
a2_property_crime N1 2026-03-02 theft_fraud_huge 1/-
a3_telecom_fraud N1 2026-03-02 all 1/-
a4_public_order N2 2026-03-02 all 2/-
b1_road_casualties N1 2026-03-01 minor_injury 2/-
b1_road_casualties N1 2026-03-01 serious_injury 1/-
b2_injury_crashes N1 2026-03-01 all 1/-
b3_fires N2 2026-03-03 death 1/-
b3_fires N2 2026-03-03 fire 1/-
b4_work_safety N2 2026-03-04 minor_injury 3/-
c1_escalated N1 2026-03-08 all 1/1
c1_escalated N1 2026-03-09 all 0/1
c1_escalated N2 2026-03-07 all 0/1
c2_failed N1 2026-03-08 all 1/1
c2_failed N1 2026-03-09 all 1/1
c2_failed N2 2026-03-07 all 0/1
c4_repeated_parties N1 2026-03-08 all 0/1
c4_repeated_parties N1 2026-03-09 all 1/1
d1_unresolved N1 2026-03-06 all 0/1
d2_late N1 2026-03-05 all 1/1
d3_dissatisfied N1 2026-03-06 all 0/1
d4_returned_or_repeated N1 2026-03-06 all 0/1
d4_returned_or_repeated N1 2026-03-08 all 1/1
d5_grid_overdue N2 2026-03-05 all 1/-
d5_grid_overdue N2 2026-03-09 all 1/-
settlement N1 2026-02-07 open 1/-
settlement N1 2026-03-08 settled 1/-
settlement N1 2026-03-09 failed 1/-
settlement N2 2026-03-02 settled 1/-
"""

LEARNT_SINCE = """
- b1_road_casualties N1 2026-03-01 serious_injury 1/-
+ b1_road_casualties N1 2026-03-01 death 1/-
- d1_unresolved N1 2026-03-06 all 0/1
+ d1_unresolved N1 2026-03-04 all 1/1
- d2_late N1 2026-03-05 all 1/1
+ d2_late N1 2026-03-05 all 0/1
- d3_dissatisfied N1 2026-03-06 all 0/1
+ d3_dissatisfied N1 2026-03-04 all 1/1
- d4_returned_or_repeated N1 2026-03-06 all 0/1
+ d4_returned_or_repeated N1 2026-03-04 all 0/1
- d4_returned_or_repeated N1 2026-03-08 all 1/1
+ d4_returned_or_repeated N1 2026-03-08 all 0/1
"""

# the order of the south was closed at 03:00 UTC on the 6th, in New York still the 5th
SOUTH_THAT_NIGHT = """
a1_violent_crime S1 2026-03-01 robbery_rape 1/-
d1_unresolved S1 2026-03-05 all 0/1
d3_dissatisfied S1 2026-03-05 all 0/1
d4_returned_or_repeated S1 2026-03-05 all 1/1
"""


def lines(text: str) -> list[str]:
    return sorted(text.strip().splitlines())


def without_stock(rows: list[str]) -> list[str]:
    return [row for row in rows if not row.startswith("c3_")]


def test_that_night(nights: dict[str, list[str]]) -> None:
    assert without_stock(nights["north that night"]) == lines(NORTH_THAT_NIGHT)


def test_what_was_learnt_since_changes_exactly_the_rows_it_should(nights: dict[str, list[str]]) -> None:
    before, after = set(nights["north that night"]), set(nights["north ten days later"])
    assert sorted([f"- {row}" for row in before - after] + [f"+ {row}" for row in after - before]) == lines(
        LEARNT_SINCE
    )


def test_a_second_run_of_the_same_night_gives_the_same_rows(nights: dict[str, list[str]]) -> None:
    assert nights["north that night again"] == nights["north that night"]


def test_what_was_known_that_night_can_be_asked_for_and_leaves_the_table_as_it_is(
    lake: Lake, nights: dict[str, list[str]]
) -> None:
    then = daily_as_known("northtown", "Asia/Shanghai", BUSINESS_DATE, THAT_NIGHT)
    assert as_text(then) == nights["north that night"] != nights["north ten days later"]
    assert lake.daily("northtown") == nights["north ten days later"]


def test_records_of_context_feeds_are_not_counted(nights: dict[str, list[str]]) -> None:
    south = ("southtown", "America/New_York", BUSINESS_DATE, THAT_NIGHT)
    assert as_text(daily_as_known(*south, context_feeds=("feed",))) == []
    assert as_text(daily_as_known(*south, context_feeds=("another",))) == nights["south that night"]


def test_two_cities_live_side_by_side(nights: dict[str, list[str]]) -> None:
    assert nights["south that night"] == lines(SOUTH_THAT_NIGHT)
    assert nights["south afterwards"] == nights["south that night"]


def test_the_stock_has_every_county_and_day_from_the_first_dispute_on(nights: dict[str, list[str]]) -> None:
    stock = [row for row in nights["north that night"] if row.startswith("c3_")]
    days_from_7_february_to_10_march = 22 + 10
    assert len(stock) == 2 * days_from_7_february_to_10_march
    open_in_n2 = [row.split()[2] for row in stock if " N2 " in row and not row.endswith(" 0/0")]
    assert open_in_n2 == [f"2026-03-0{day}" for day in range(2, 7)]  # d6 stands for d7, which was closed a day later
    assert [row.split()[2] for row in stock if row.endswith(" 1/1")] == ["2026-03-10"]
    assert "c3_open_over_30_days N1 2026-03-09 all 0/1" in stock


def test_coverage_is_read_as_known_and_only_where_a_feed_brings_it(lake: Lake) -> None:
    assert run_dbt("run", "--select", "coverage").success
    north = load_city("daqing").model_copy(update={"city_code": "northtown"})
    seen = [coverage_months(lake.spark, north, BUSINESS_DATE, as_of) for as_of in (THAT_NIGHT, TEN_DAYS_LATER)]
    assert [frame[["area_code", "n_posts", "n_diaries_done"]].to_numpy().tolist() for frame in seen] == [
        [["N1", 5, 50]], [["N1", 6, 60]]
    ]  # fmt: skip
    without = north.model_copy(update={"feeds": tuple(feed for feed in north.feeds if feed.kind != "coverage")})
    assert coverage_months(lake.spark, without, BUSINESS_DATE, THAT_NIGHT).empty


def test_the_examples_of_all_indicators(lake: Lake) -> None:
    outcome = run_dbt("test", "--select", "test_type:unit")
    statuses = {result.node.name: result.status.value for result in node_results(outcome)}
    assert len(statuses) == len(indicator_ids()) + 1  # settlement, which is shown beside them
    assert {name: status for name, status in statuses.items() if status != "pass"} == {}


def test_a_failed_check_is_named_with_its_rows(lake: Lake) -> None:
    with pytest.raises(ConformError) as failure:
        conform("brokentown", "UTC", BUSINESS_DATE, THAT_NIGHT)
    report = str(failure.value)
    assert "area_is_sound" in report and "two rows valid at once" in report
    assert "denominator_is_sound" in report and "area_code=B9" in report
    assert lake.daily("brokentown") == []
