"""Weeks of holidays: which they are, how far counts usually rise in them, and what F1, F1b and F2 make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from bench.made_up_weeks import LAST_MONDAY, N_COUNTIES, made_up_weeks
from expectations.contract import load_day_types
from spark_jobs.flags.holiday_weeks import usual_rises, week_kinds
from spark_jobs.flags.rules import f1_exceedance, f1b_short_history, f2_drift
from spark_jobs.flags.weekly import Weekly

pytestmark = pytest.mark.unit
CHINA = load_day_types()["china"]
INDICATOR = "a4_public_order"
N_WEEKS = 300
MONDAYS = [LAST_MONDAY - timedelta(weeks=back) for back in range(N_WEEKS - 1, -1, -1)]
KINDS = week_kinds(MONDAYS, CHINA)
OF_2026 = MONDAYS.index(date(2026, 10, 5))  # three days of National Day, and a Saturday that is worked


@pytest.mark.parametrize(
    ("monday", "kind"),
    [
        (date(2026, 9, 14), "make_up_workday"),
        (date(2026, 9, 21), "mid_autumn"),
        (date(2026, 9, 28), "national_day"),
        (date(2026, 10, 12), ""),
        (date(2024, 12, 30), "new_year"),
        (date(2027, 10, 4), ""),  # not known: an ordinary one
    ],
)
def test_a_week_is_named_after_its_holiday(monday: date, kind: str) -> None:
    assert week_kinds([monday], CHINA) == (kind,)
    assert week_kinds([monday], None) == ("",)


def test_a_rise_is_that_of_the_same_holiday_in_an_earlier_year() -> None:
    kinds = ["may" if at % 52 == 20 else "october" if at % 52 == 40 else "" for at in range(156)]
    city = np.full(156, 100.0)
    city[[20, 72, 124]] = 150, 180, 900  # the last one is this year's, and explains nothing
    city[[40, 92, 144]] = 60, np.nan, 300
    rises = usual_rises(city, kinds, half_window=3, least_back=26)
    assert {at: float(rises[at]) for at in range(156) if kinds[at]} == pytest.approx(
        {20: 1.0, 40: 1.0, 72: 1.5, 92: 1.0, 124: 1.8, 144: 1.0}
    )
    assert (rises[[not kind for kind in kinds]] == 1.0).all()


def in_years(factor: float, county: float = 1.0) -> Weekly:
    """Nine counties of thirty a week; in weeks of National Day `factor` times, and in the last one the first `county`."""
    counts = np.random.default_rng(5).poisson(30.0, (N_COUNTIES, N_WEEKS)).astype(float)
    counts[:, [kind == "national_day" for kind in KINDS]] *= factor
    counts[0, OF_2026] *= county
    return made_up_weeks(counts, (INDICATOR,))


def test_f1_expects_a_rise_that_the_holiday_brings_each_year_and_still_finds_a_larger_one() -> None:
    rows, plain, larger = range(N_COUNTIES), in_years(2.0), in_years(2.0, county=3.0)
    alarms = {}
    for name, given in {
        "without": plain,
        "with": replace(plain, kinds=KINDS),
        "larger": replace(larger, kinds=KINDS),
    }.items():
        found = f1_exceedance.judge_week(given, OF_2026, rows)
        assert len(found) == N_COUNTIES and all(each.is_alarm == (each.observed > each.threshold) for each in found)
        alarms[name] = [each.row for each in found if each.is_alarm]
    assert len(alarms["without"]) > N_COUNTIES // 2 and alarms["with"] == [] and alarms["larger"] == [0]


def test_an_ordinary_week_is_judged_as_without_a_calendar() -> None:
    plain, at = in_years(1.0), OF_2026 + 3
    assert not KINDS[at]
    for rule in (f1_exceedance, f1b_short_history, f2_drift):
        without, with_it = (rule.judge_week(g, at, range(N_COUNTIES)) for g in (plain, replace(plain, kinds=KINDS)))
        if rule is not f2_drift:  # its sum has holidays of half a year in it
            assert [repr(each) for each in without] == [repr(each) for each in with_it]
        assert len(without) == len(with_it)


def test_f2_does_not_sum_what_the_holidays_bring_each_year() -> None:
    plain = in_years(2.0)
    with_it = replace(plain, kinds=KINDS)
    p_of = {
        name: np.array([each.p_value for each in f2_drift.judge_week(given, OF_2026, range(N_COUNTIES))])
        for name, given in (("without", plain), ("with", with_it))
    }
    assert (p_of["without"] < 0.1).sum() > N_COUNTIES // 2
    assert (p_of["with"] >= p_of["without"]).all() and (p_of["with"] < 0.1).sum() <= 2


def test_f1b_neither_judges_the_festival_nor_learns_from_it() -> None:
    counts = np.random.default_rng(7).poisson(12.0, (N_COUNTIES, 60)).astype(float)
    festival = np.zeros(60, dtype=np.bool_)
    festival[50:54] = True
    counts[:, festival] //= 6
    plain = made_up_weeks(counts, (INDICATOR,))
    knows = replace(plain, is_festival=festival)
    means = {}
    for name, given in (("without", plain), ("with", knows)):
        found = f1b_short_history.judge_week(given, 57, range(N_COUNTIES))
        assert len(found) == N_COUNTIES
        means[name] = np.mean([each.expected for each in found])
    assert means["without"] < 9 and means["with"] == pytest.approx(12, abs=1)
    assert f1b_short_history.judge_week(plain, 51, range(N_COUNTIES))
    assert f1b_short_history.judge_week(knows, 51, range(N_COUNTIES)) == []
