"""The rules that judge weeks: their alarms are those of the detectors alone, and what is planted is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from bench.made_up_weeks import COUNTIES, METHODOLOGY, made_up_weeks
from spark_jobs.flags.assembly import COLUMNS, _causes
from spark_jobs.flags.detectors import cusum, ears, farrington, funnel
from spark_jobs.flags.rules import IN_FORCE, RULES
from spark_jobs.flags.rules.f1_exceedance import design
from spark_jobs.flags.rules.f1b_short_history import least_dispersion
from spark_jobs.flags.rules.f8_deterioration import month_ends_below
from spark_jobs.flags.standing import judged_week, run_since, stands
from spark_jobs.flags.weekly import Weekly, weekly, weeks_needed

pytestmark = pytest.mark.unit
FLAGS = METHODOLOGY.flags
DAY = date(2026, 11, 26)
N_WEEKS = weeks_needed(FLAGS)
AT = N_WEEKS - 1
IDS = [each.id for each in METHODOLOGY.indicators]
SHARES = np.repeat([each.kind == "proportion" for each in METHODOLOGY.indicators], len(COUNTIES))
STOCKS = np.repeat([each.flow_or_stock == "stock" for each in METHODOLOGY.indicators], len(COUNTIES))


def quiet(seed: int) -> Weekly:
    """Seventeen indicators of nine counties without any event of their own: 5 to 30 a week, shares of one in five."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(5, 30, (len(IDS), 1)).repeat(len(COUNTIES), axis=0)
    means[row_of("c1_escalated", "1") : row_of("c1_escalated", "9") + 1] = 20  # a hundred closed a week ...
    means[STOCKS] = 20  # ... and as many open
    counts = rng.poisson(means, (means.size, N_WEEKS)).astype(float)
    sizes = np.where(SHARES[:, None], np.maximum(counts, rng.poisson(5 * means, counts.shape)), np.nan)
    counts[STOCKS], sizes[STOCKS] = 7 * counts[STOCKS], 7 * sizes[STOCKS]  # a stock is summed over the days of a week
    return made_up_weeks(counts, denominators=sizes)


def row_of(indicator_id: str, county: str = "4") -> int:
    return IDS.index(indicator_id) * len(COUNTIES) + COUNTIES.index(county)


def planted(given: Weekly, indicator_id: str, factor: float, n_weeks: int) -> Weekly:
    """Times `factor` in county 4 in the last weeks."""
    counts = given.numerators.copy()
    counts[row_of(indicator_id), -n_weeks:] = np.rint(counts[row_of(indicator_id), -n_weeks:] * factor)
    return replace(given, numerators=counts)


def signals(given: Weekly, at: int = AT) -> set[tuple[str, str, str]]:
    return {(code, *given.series[row]) for code, row in judged_week(given, IN_FORCE, at).signals}


def test_the_alarms_of_every_detector_through_the_job_are_those_of_the_detector_alone():
    """From rows of indicators.daily as the job reads them; the detectors get the counts that were laid down."""
    laid = quiet(1)
    laid = planted(planted(laid, "b3_fires", 2.5, 1), "a3_telecom_fraud", 1.8, 9)
    last = {code: laid.mondays[-1] + timedelta(days=6) for code in IDS}
    since = {code: laid.mondays[0] for code in IDS} | {"d5_grid_overdue": laid.mondays[-40]}  # too short for F1
    rows = [
        (area, indicator, monday + timedelta(days=n % 7), "all", laid.numerators[row, n], laid.denominators[row, n])
        for row, (area, indicator) in enumerate(laid.series)
        for n, monday in enumerate(laid.mondays)
    ]
    daily = pd.DataFrame(rows, columns=["area_code", "indicator_id", "day", "stratum", "numerator", "denominator"])
    values = pd.DataFrame([(*key, 1.0) for key in laid.series], columns=["area_code", "indicator_id", "denominator"])
    covered = {code: (since[code], last[code]) for code in IDS}
    given = weekly(daily.sample(frac=1, random_state=2), values, COUNTIES, covered, METHODOLOGY, DAY)
    found = judged_week(given, IN_FORCE, AT).judgements
    alarms = {subject for subject, each in found.items() if each.is_alarm}
    place = {key: row for row, key in enumerate(given.series)}
    counts = laid.numerators[[laid.series.index(key) for key in given.series]]
    assert {code for code, _ in found} == {"F1", "F1b", "F2", "F3", "F5", "F7"}
    assert {"F1", "F2", "F3"} <= {code for code, _ in alarms}
    for (code, row), own in found.items():
        indicator = given.series[row][1]
        siblings = [place[county, indicator] for county in COUNTIES]
        if code == "F1":
            alone = farrington.judge(counts[row], AT, design(FLAGS.f1_exceedance, 5), given.mondays)
            assert (own.is_alarm, own.observed, own.threshold) == (alone.is_alarm, alone.observed, alone.upper)
        elif code == "F1b":
            rule = FLAGS.f1b_short_history
            learnt = least_dispersion(counts[siblings][:, -40:], rule)
            past = {"alpha": rule.alpha, "baseline": rule.baseline, "lag": rule.lag, "min_sigma": rule.min_sigma}
            alone = ears.c2(counts[row, -40:], **past, dispersion=learnt)
            assert (own.is_alarm, own.threshold) == (alone.is_alarm[-1], alone.upper[-1])
        elif code == "F3":
            n = 1 if indicator == "c3_open_over_30_days" else FLAGS.f3_outlier_area.window_weeks
            days = 7 if n == 1 else 1
            y = np.rint(counts[siblings, -n:].sum(axis=1) / days)
            size = laid.denominators[[laid.series.index(given.series[s]) for s in siblings]][:, -n:].sum(axis=1) / days
            size = np.ones(len(siblings)) if np.isnan(size).any() else size
            alone = funnel.count_funnel(y, y.sum() * size / size.sum(), FLAGS.f3_outlier_area)
            at = siblings.index(row)
            assert own.is_alarm == (alone.ratio[at] > alone.upper[at, 0])


def test_drift_alarms_are_those_of_the_cusum_alone():
    given, rule = planted(quiet(2), "a3_telecom_fraud", 1.6, 9), FLAGS.f2_drift
    row = row_of("a3_telecom_fraud")
    mean = np.array([
        np.mean([given.numerators[row, t - 52 * year + n] for year in (1, 2, 3) for n in range(-3, 4)])
        for t in range(AT + 1 - rule.weeks, AT + 1)
    ])  # fmt: skip
    alone = cusum.rossi_cusum(
        given.numerators[row, -rule.weeks :], mean, k=rule.k, h=rule.h, resets_after_alarm=False, ceiling=2 * rule.h
    )
    (own,) = RULES["f2_drift"].judge(given, AT, [row])
    assert own.is_alarm and alone.is_alarm[-1]
    assert own.p_value == pytest.approx(float(cusum.exceedance_probability(alone.statistic[-1], rule.k)), rel=0.3)


@pytest.mark.parametrize(
    ("code", "indicator_id", "factor", "n_weeks"),
    [
        ("F1", "b3_fires", 3.0, 1),
        ("F1", "d2_late", 3.0, 1),
        ("F2", "a2_property_crime", 1.7, 12),
        ("F3", "b2_injury_crashes", 1.7, 13),
        ("F3", "c2_failed", 1.7, 13),
        ("F7", "c1_escalated", 1.8, 13),
    ],
)
def test_what_is_planted_is_found_and_hardly_anything_else_is(code, indicator_id, factor, n_weeks):
    found = signals(planted(quiet(9), indicator_id, factor, n_weeks))
    assert (code, "4", indicator_id) in found
    assert len({each[1:] for each in found} - {("4", indicator_id)}) <= 1  # one of ten discoveries may be false


def backlog(shares: list[float], n_open: float = 140.0, n_closed: float = 60.0) -> set[tuple[str, str, str]]:
    """Signals of a city in which the old share of county 4's open disputes ends so."""
    given, row, closed = quiet(9), row_of("c3_open_over_30_days"), row_of("c1_escalated")
    counts, sizes = given.numerators.copy(), given.denominators.copy()
    sizes[row], counts[row] = 7 * n_open, 7 * n_open * 0.2
    sizes[closed], counts[closed] = n_closed, 0.0
    counts[row, -len(shares) :] = 7 * n_open * np.array(shares)
    found = signals(replace(given, numerators=counts, denominators=sizes))
    return {each for each in found if each[0] == "F5"}


def test_a_share_of_old_disputes_that_rises_four_weeks_is_a_backlog():
    assert backlog([0.2, 0.3, 0.4, 0.5, 0.6]) == {("F5", "4", "c3_open_over_30_days")}
    assert backlog([0.2, 0.3, 0.4, 0.6, 0.5]) == set()  # it does not rise any more
    assert backlog([0.2, 0.2, 0.21, 0.22, 0.23]) == set()  # it rises, by no more than chance
    assert backlog([0.2, 0.3, 0.4, 0.5, 0.6], n_open=19.0) == set()  # too few


@pytest.mark.parametrize(("n_closed", "is_flag"), [(10.0, True), (140 / 4.3 + 0.01, False)])
def test_more_open_than_so_many_weeks_of_closures_is_a_backlog(n_closed, is_flag):
    assert bool(backlog([0.2], n_closed=n_closed)) is is_flag


def test_a_quiet_city_has_hardly_any_flag():
    """0.05 % of series-nights are 27 flags a year, half a one a week; docs/flags-scorecard.md counts more weeks."""
    found = [len(signals(quiet(seed), at)) for seed in (7, 9) for at in (AT - 12, AT - 6, AT)]
    assert sum(found) <= 27 / 52 * len(found)


def test_weeks_that_are_not_covered_are_not_judged_and_no_zeros():
    given = quiet(3)
    counts = given.numerators.copy()
    counts[row_of("b3_fires"), -1] = np.nan
    judged = judged_week(replace(given, numerators=counts), IN_FORCE, AT).judgements
    assert {code for code, row in judged if row == row_of("b3_fires")} == set()
    assert {code for code, row in judged if row == row_of("b3_fires", "5")} == {"F1", "F2"}  # no funnel with a gap


def test_a_festival_that_moves_raises_nothing_in_other_weeks():
    """Half the events for three weeks, each year two or three weeks from the year before: the weeks beside are no rise."""
    given = quiet(7)
    counts, is_festival = given.numerators.copy(), np.zeros(N_WEEKS, dtype=np.bool_)
    for years, shift in enumerate((0, 2, -2, 1, -1)):
        weeks = slice(AT - 52 * years + shift - 1, AT - 52 * years + shift + 2) if years else slice(AT - 6, AT - 3)
        counts[:, weeks] *= 0.3
        is_festival[weeks] = True
    ignorant = replace(given, numerators=counts)
    knowing = replace(ignorant, is_festival=is_festival)

    def alarms(weeks: Weekly) -> int:
        judged = judged_week(weeks, IN_FORCE, AT).judgements
        return sum(each.is_alarm for (code, _), each in judged.items() if code in ("F1", "F2"))

    assert alarms(knowing) < alarms(ignorant) * 2 / 3
    of_ordinary, of_festival = (
        {c for c, _ in judged_week(weeks, IN_FORCE, AT - 5).judgements} for weeks in (ignorant, knowing)
    )
    assert of_ordinary - of_festival == {"F1", "F2"}  # and the rules that look at no other year judge it all the same


def test_each_series_is_judged_by_the_long_or_by_the_short_history():
    """Three years and a half window of weeks and more: F1; fewer: F1b; never both."""
    given, enough = quiet(3), 3 * 366 // 7 + FLAGS.f1_exceedance.half_window_weeks + 1
    counts = given.numerators.copy()
    counts[row_of("b3_fires"), : N_WEEKS - enough - 1] = np.nan
    counts[row_of("b3_fires", "5"), : N_WEEKS - enough + 1] = np.nan
    judged = judged_week(replace(given, numerators=counts), IN_FORCE, AT).judgements
    by = {county: {c for c, row in judged if row == row_of("b3_fires", county)} & {"F1", "F1b"} for county in COUNTIES}
    assert by == {county: {"F1b"} if county == "5" else {"F1"} for county in COUNTIES}


def test_a_flag_began_with_the_run_of_alarms_whatever_week_discovered_it():
    given = planted(quiet(9), "b3_fires", 3.0, 3)
    assert run_since(given, RULES["f1_exceedance"], row_of("b3_fires"), AT) == AT - 2


@pytest.mark.parametrize(
    ("before", "last", "n_nights", "is_on"),
    [
        (False, True, 1, False),  # Sunday night: one signal
        (False, True, 2, True),
        (True, True, 1, True),
        (True, False, 6, True),
        (True, False, 7, False),  # the seventh clear night
        (False, False, 3, False),
    ],
)
def test_a_week_signals_on_the_nights_that_judge_it(before, last, n_nights, is_on):
    assert stands([before, last], n_nights, FLAGS.lifecycle) is is_on


def flag(
    flag_id: str, area: str, since: date, indicator: str | None = None, colour: str = "amber"
) -> dict[str, object]:
    row = {"flag_id": flag_id, "area_code": area, "since": since, "indicator_id": indicator, "colour_code": colour}
    return dict.fromkeys(COLUMNS) | row


def test_flags_of_one_cause_stand_under_the_first_of_them():
    """A flood: crashes, fires and calls of one county; later its fires again; another county; a silent feed."""
    began = date(2026, 7, 6)
    frame = pd.DataFrame([
        flag("fire", "4", began + timedelta(days=7), "b3_fires"),
        flag("crash", "4", began, "b2_injury_crashes"),
        flag("calls", "4", began + timedelta(days=14), "d2_late"),
        flag("much later", "4", began + timedelta(days=15), "a1_violent_crime"),
        flag("fires still", "4", began + timedelta(days=60), "b3_fires"),
        flag("other county", "5", began, "b3_fires"),
        flag("feed", "4", began, colour="grey"),
    ])  # fmt: skip
    expected = ["crash", "crash", "crash", "much later", "crash", "other county", "feed"]
    assert _causes(frame, 14) == expected
    assert _causes(frame[::-1], 14) == expected[::-1]


@pytest.mark.parametrize(
    ("fall", "n_months", "n_below"),
    [(20.0, 5, 5), (20.0, 2, 2), (4.0, 12, 0), (-20.0, 12, 0)],
)
def test_an_index_far_below_its_own_last_year_is_counted_by_ends_of_months(fall, n_months, n_below):
    """Intervals of five points either side: a fall by four is no clear fall by three."""
    ends = [day.date() for day in pd.date_range("2024-11-30", "2026-10-31", freq="ME")]
    index = [100.0 - (fall if n >= len(ends) - n_months else 0.0) for n in range(len(ends))]
    trend = pd.DataFrame({"day": ends, "index": index}).assign(
        lower=lambda t: t["index"] - 5, upper=lambda t: t["index"] + 5
    )
    trend.loc[len(trend)] = [DAY, 20.0, 15.0, 25.0]  # the day itself is no end of a month
    below = month_ends_below(trend, FLAGS.f8_deterioration, DAY)
    assert [day for day, _ in below] == ends[::-1][:n_below]
    assert all(p > FLAGS.f8_deterioration.probability for _, p in below)
