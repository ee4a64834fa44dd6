"""Identity and standing of flags, severe events, homicides and the quality of feeds, from their definitions."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import stats

from expectations.contract import load_kinds
from spark_jobs.flags.detectors.daily_counts import daily_counts, last_complete_sunday, weekly_counts
from spark_jobs.flags.detectors.lifecycle import discoveries, flag_id, nights_on, run_start
from spark_jobs.flags.detectors.low_counts import lower_bounds
from spark_jobs.flags.detectors.poisson_rates import rate_ratio_p
from spark_jobs.flags.detectors.rolling_sum import Above, above_limit
from spark_jobs.flags.rule import Query
from spark_jobs.flags.rules.f4_severe_event import exceptional_homicides, severe_events
from spark_jobs.flags.rules.f9_data_quality import feed_faults
from spark_jobs.index.methodology import load_methodology

pytestmark = pytest.mark.unit
RULES = load_methodology().flags
DAY = date(2026, 11, 20)  # a Friday


def back(n: int) -> date:
    return DAY - timedelta(days=n)


def nights(pattern: str) -> list[bool]:
    return [night == "x" for night in pattern]


@pytest.mark.parametrize(
    ("signals", "stands"),
    [
        ("....", "...."),
        ("x...", "...."),  # one night is not enough
        ("xx..", ".xxx"),
        ("x.x.", "..xx"),  # two of three
        ("x..x.", "....."),  # two, but not of three
        ("xx.......", ".xxxxxxx."),  # off after seven clear nights
        ("xx......x......", ".xxxxxxxxxxxxxx"),  # a signal in time keeps it on
    ],
)
def test_a_flag_stands_after_two_of_three_nights_until_seven_clear(signals, stands):
    found = nights_on(nights(signals), on_count=2, on_window=3, off_after=7)
    assert "".join("x" if on else "." for on in found) == stands


@pytest.mark.parametrize(("values", "start"), [("", None), ("x.", None), (".x", 1), ("xx", 0), ("x.xx", 2)])
def test_run_start(values, start):
    assert run_start(nights(values)) == start


def test_a_flag_has_the_same_id_on_every_night_and_another_for_any_other_subject():
    about = ("somecity", "F1b", "1", "a1_violent_crime", DAY)
    others = [("other", *about[1:]), (*about[:2], "2", *about[3:]), (*about[:4], back(1))]
    assert flag_id(*about) == flag_id(*about)
    assert len({flag_id(*about), *(flag_id(*other) for other in others)}) == 4
    assert len(flag_id(*about)) == 16


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_discoveries_are_those_of_the_step_up_rule(p_values):
    ordered = np.sort(p_values)
    below = np.flatnonzero(ordered <= 0.1 * np.arange(1, ordered.size + 1) / ordered.size)
    limit = ordered[below[-1]] if below.size else -1.0
    found = discoveries([*p_values, np.nan], 0.1)
    assert not found[-1]
    close = np.abs(np.asarray(p_values) - limit) < 1e-12
    np.testing.assert_array_equal(found[:-1] | close, (np.asarray(p_values) <= limit) | close)


def test_nothing_tested_is_nothing_discovered():
    assert not discoveries([np.nan, np.nan], 0.1).any()


@pytest.mark.parametrize(("offset", "sunday"), [(0, 15), (1, 15), (2, 22), (3, 22)])
def test_the_last_complete_iso_week(offset, sunday):
    assert last_complete_sunday(DAY + timedelta(days=offset)) == date(2026, 11, sunday)


def daily(rows: list[tuple[str, str, date, str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["area_code", "indicator_id", "day", "stratum", "numerator"])


def test_counts_add_strata_and_leave_other_series_and_days_out():
    frame = daily(
        [
            ("1", "b3_fires", back(0), "fire", 2),
            ("1", "b3_fires", back(0), "death", 1),
            ("1", "b3_fires", back(2), "fire", 4),
            ("1", "b3_fires", back(3), "fire", 9),
            ("2", "b3_fires", back(0), "fire", 8),
        ]
    )
    assert daily_counts(frame, [("1", "b3_fires"), ("1", "other")], DAY, 3).tolist() == [[4, 0, 3], [0, 0, 0]]
    assert weekly_counts(frame, [("2", "b3_fires")], DAY, 2).tolist() == [[0, 8]]


def tolls(rows: list[tuple[str, date, int, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["area_code", "occurred_on", "n_deaths", "n_serious_injuries", "n_events"])
    return frame.assign(feed_code="incidents", family_code="traffic")


@pytest.mark.parametrize(
    ("deaths", "injuries", "days_ago", "is_severe"),
    [
        (3, 0, 0, True),
        (2, 9, 0, False),
        (0, 10, 0, True),
        (0, 9, 0, False),
        (3, 0, 29, True),
        (3, 0, 30, False),
        (3, 0, -1, False),
    ],
)
def test_limits_and_window_of_severe_events(deaths, injuries, days_ago, is_severe):
    found = severe_events(tolls([("1", back(days_ago), deaths, injuries, 1)]), RULES.f4_severe_event, DAY)
    assert bool(found) is is_severe


def test_severe_events_of_one_day_are_one_finding_and_small_ones_do_not_add_up():
    events = tolls([("1", DAY, 3, 0, 1), ("1", DAY, 4, 2, 2), ("1", DAY, 2, 0, 5)])
    (found,) = severe_events(events, RULES.f4_severe_event, DAY)
    assert (found.n_events, found.n_deaths, found.n_serious_injuries) == (3, 11, 4)
    assert (found.worst, found.limit) == (4, 3)
    assert severe_events(events[2:], RULES.f4_severe_event, DAY) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 12), st.integers(0, 200))
def test_homicide_p_is_the_exact_comparison_of_two_poisson_rates(recent, past):
    found = rate_ratio_p(np.array([recent]), 30, np.array([past]), np.array([1095]))[0]
    theirs = stats.binomtest(recent, recent + past, 30 / 1125, alternative="greater").pvalue if recent + past else 1.0
    assert found == pytest.approx(theirs, rel=1e-9)


def homicides(days_ago: list[int]) -> pd.DataFrame:
    return daily([("1", "a1_violent_crime", back(n), "death", 1) for n in days_ago])


def test_two_homicides_in_a_month_where_there_were_none_in_three_years_are_exceptional_since_the_second():
    (found,) = exceptional_homicides(homicides([20, 5]), ["1", "2"], back(1500), RULES.f4_severe_event, DAY)
    assert (found.area_code, found.count, found.threshold, found.since) == ("1", 2, 2, back(5))
    assert found.expected == 0


@pytest.mark.parametrize(
    ("days_ago", "starts"),
    [
        ([5], 1500),  # one alone
        ([31, 5], 1500),  # not within thirty days
        ([20, 5, *range(100, 1100, 50)], 1500),  # usual here
        ([20, 5], 380),  # less than a year of past
    ],
)
def test_homicides_that_are_not_exceptional(days_ago, starts):
    assert exceptional_homicides(homicides(days_ago), ["1"], back(starts), RULES.f4_severe_event, DAY) == []


def status(
    state: str = "delivered",
    since: date | None = None,
    through: date | None = DAY,
    reason: str | None = None,
    covered: date | None = None,
) -> pd.DataFrame:
    row = {
        "feed_code": "cases",
        "state_code": state,
        "missing_since": since,
        "delivered_through": through,
        "covered_through": covered or through,
        "reason": reason,
    }
    return pd.DataFrame([row]).astype(object)


def batches(rows: list[tuple[date, int, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["window_to", "n_received", "n_unknown_area"])
    return frame.assign(feed_code="cases")


def volumes(per_day: dict[int, int]) -> pd.DataFrame:
    return pd.DataFrame(
        [("cases", back(n), count) for n, count in per_day.items()], columns=["feed_code", "day", "n_records"]
    )


GOOD = batches([(back(n), 100, 1) for n in range(40)])
STEADY = {n: 100 for n in range(100)}


def faults(status_: pd.DataFrame, batches_: pd.DataFrame, volumes_: pd.DataFrame) -> list[tuple[str, date]]:
    found = feed_faults(status_, batches_, volumes_, RULES.f9_data_quality, DAY, {"cases": DAY})
    return [(fault.reason, fault.since) for fault in found]


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((status(), GOOD, volumes(STEADY)), []),
        ((status("missing", back(2), back(3)), GOOD, volumes(STEADY)), [("missing", back(2))]),
        ((status("breached", back(1), back(2), "x"), GOOD, volumes({})), [("breached", back(1))]),
        ((status(), GOOD, volumes({**STEADY, 0: 40})), [("low_count", back(0))]),
        ((status(covered=back(7)), GOOD, volumes({n: 100 for n in range(7, 100)})), []),  # those days are not known
        ((status(covered=back(7)), GOOD, volumes({n: 100 for n in range(8, 100)})), [("low_count", back(7))]),
        ((status(covered=back(8)), GOOD, volumes(STEADY)), [("not_covered", back(7))]),
        ((status(), GOOD, volumes({**STEADY, 0: 40, 1: 0, 3: 0})), [("low_count", back(1))]),
        ((status(), GOOD, volumes({**STEADY, 1: 40})), []),  # yesterday was low, today is not
        ((status(), GOOD, volumes({n: 3 for n in range(1, 100)})), []),  # too small a feed to be missed
        ((status(), GOOD, volumes({**STEADY, 0: 2_001})), [("high_count", back(0))]),
        ((status(), GOOD, volumes({**STEADY, 0: 2_000})), []),  # a flood of calls is news, and no mishap
        ((status(), GOOD, volumes({**STEADY, 0: 9_999, 1: 9_999})), [("high_count", back(1))]),
        ((status(), GOOD, volumes({**STEADY, 1: 9_999})), []),  # yesterday was high, today is not
        ((status(), GOOD, volumes({**dict.fromkeys(range(100), 1), 0: 50})), []),  # so few may come in a day
        ((status(), GOOD, volumes({**dict.fromkeys(range(100), 1), 0: 51})), [("high_count", back(0))]),
        ((status(), GOOD, volumes({0: 9_999})), []),  # a feed that begins: nothing is usual yet
        ((status(), batches([(back(n), 100, 3) for n in range(5)]), volumes(STEADY)), [("unknown_area", back(4))]),
        ((status(), batches([(back(n), 100, 2) for n in range(5)]), volumes(STEADY)), []),  # 2 % is not above 2 %
        ((status(), batches([(back(0), 49, 30)]), volumes(STEADY)), []),  # too few records for a share
    ],
)
def test_faults_of_a_feed(case, expected):
    assert faults(*case) == expected


def test_a_weekday_is_compared_with_its_own_kind():
    """Five on weekends and a hundred else: a Sunday of five is no fault, a Friday of five is."""
    days = {n: 5 if back(n).isoweekday() >= 6 else 100 for n in range(100)}
    found = feed_faults(status(), GOOD, volumes({**days, 0: 5}), RULES.f9_data_quality, DAY, {"cases": DAY})
    assert [fault.reason for fault in found] == ["low_count"]
    assert found[0].expected == 100
    weekend = feed_faults(status(), GOOD, volumes(days), RULES.f9_data_quality, back(5), {"cases": back(5)})
    assert back(5).isoweekday() == 7
    assert weekend == []


def test_lower_bound_widens_with_the_spread_of_the_past():
    calm, wild = np.full((1, 8), 100.0), np.array([[40.0, 160] * 4])
    assert lower_bounds(wild, 0.001)[0] < lower_bounds(calm, 0.001)[0] < 100
    assert lower_bounds(np.zeros((1, 8)), 0.001)[0] == 0


@pytest.mark.parametrize(
    ("litres", "is_above"),
    [(["99.9"], False), (["99.9", "0.1"], False), (["100"], False), (["100.1"], True), (["50", "50.01"], True)],
)
def test_a_sum_is_above_its_limit_strictly_and_exactly(litres: list[str], is_above: bool) -> None:
    sold = {back(n): Decimal(text) for n, text in enumerate(litres)}
    assert bool(above_limit(sold, Decimal(100), DAY, window_days=30, history_days=90)) is is_above


def test_a_tenth_a_thousand_times_is_a_hundred() -> None:
    """Which floats add up to more than it."""
    sold = {back(n): Decimal("0.1") for n in range(1000)}
    assert sum(map(float, sold.values())) != 100
    assert above_limit(sold, Decimal(100), DAY, window_days=1000, history_days=0) is None


@pytest.mark.parametrize(("days_ago", "since"), [(0, 0), (29, 29), (30, None)])
def test_a_rolling_window_has_thirty_days(days_ago: int, since: int | None) -> None:
    found = above_limit({back(days_ago): Decimal("100.1")}, Decimal(100), DAY, window_days=30, history_days=90)
    assert (found and found.since) == (None if since is None else back(since))


def test_a_run_above_the_limit_is_followed_back_so_far_and_no_further() -> None:
    sold = {back(n): Decimal(200) for n in range(300)}
    found = above_limit(sold, Decimal(100), DAY, window_days=30, history_days=90)
    assert found == Above(back(90), Decimal(6000))


def pseudonyms() -> list[str]:
    return [
        name for kind in load_kinds().values() for name, column in kind.columns.items() if column.type == "pseudonym"
    ]


@pytest.mark.parametrize(
    "sql", [*pseudonyms(), "c.PARTY_PAIR_PSEUDONYM", "*", "c.*", "*, count(*)", "count(distinct caller_pseudonym)"]
)
def test_a_rule_cannot_be_written_on_a_person(sql: str) -> None:
    assert len(pseudonyms()) >= 2
    with pytest.raises(AssertionError, match="query q: expected"):
        Query("q", f"select {sql} from silver.dispute c")


def test_a_rule_may_count_records() -> None:
    assert Query("q", "select area_code, count(*) as n from silver.dispute group by all").kind is None
