"""Quiet cities whose counts move in holidays, as the rules see them with and without the calendar. Part of the scorecard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from bench.made_up_weeks import LAST_MONDAY, METHODOLOGY
from expectations.contract import load_day_types, load_holidays
from spark_jobs.flags.holiday_weeks import week_kinds
from spark_jobs.flags.standing import JudgedWeek
from spark_jobs.flags.weekly import DAYS_A_WEEK, Weekly, has_festival
from spark_jobs.index.engine.arrays import FloatArray
from spark_jobs.index.engine.holidays import MovingHoliday

OfDay = Callable[[str], FloatArray]
N_CITIES, SEED = 4, 20260217
FESTIVAL_WEEK = 7  # days from the first of the Spring Festival in a year without a notice
DAY_TYPES = load_day_types()["china"]
FESTIVAL = MovingHoliday(
    load_holidays()["spring_festival"].first_days,
    METHODOLOGY.windows.holiday_days_before,
    METHODOLOGY.windows.holiday_days_after,
)
# Factor on the rate of a day off; at Spring Festival its square, and on a worked weekend the inverse where it is below 1.
# People are on the roads, light fires and quarrel; offices are closed. A stock stays as it is.
FACTORS = {
    "a1_violent_crime": 1.2, "a2_property_crime": 1.0, "a3_telecom_fraud": 0.7, "a4_public_order": 1.3,
    "b1_road_casualties": 1.4, "b2_injury_crashes": 1.3, "b3_fires": 1.6, "b4_work_safety": 0.5,
    "c3_open_over_30_days": 1.0, "d5_grid_overdue": 1.3,
}  # fmt: skip
OFFICES = 0.5  # of every other indicator
CLASSES = ("ordinary", "holiday", "festival")


def of_days(indicator_id: str, n_weeks: int) -> FloatArray:
    """An indicator's factor on every day of `n_weeks` through that of LAST_MONDAY."""
    first = LAST_MONDAY - timedelta(weeks=n_weeks - 1)
    days = (first + timedelta(days=n) for n in range(DAYS_A_WEEK * n_weeks))
    return np.array([_factor(FACTORS.get(indicator_id, OFFICES), day) for day in days])


def _factor(own: float, day: date) -> float:
    day_type, festival = DAY_TYPES.of(day), FESTIVAL.season_of(day)
    if day_type == "holiday":
        return own**2 if festival else own
    if day_type == "make_up_workday":
        return max(1.0, 1 / own)
    is_unnoticed = day_type is None and festival is not None and 0 <= (day - festival).days < FESTIVAL_WEEK
    return own**2 if is_unnoticed else 1.0


def holiday_table(
    city: Callable[[np.random.Generator, OfDay], Weekly],
    judged: Callable[[Weekly], Mapping[int, JudgedWeek]],
    first: int,
    n_weeks: int,
) -> str:
    """Alarms and flags of quiet cities by class of week, as Markdown. Judged: weeks `first` to `n_weeks`."""
    mondays = [LAST_MONDAY - timedelta(weeks=back) for back in range(n_weeks - 1, -1, -1)]
    kinds = week_kinds(mondays, DAY_TYPES)
    is_festival = np.array([has_festival(monday, FESTIVAL) for monday in mondays])
    classes = ["festival" if is_festival[at] else "holiday" if kinds[at] else "ordinary" for at in range(n_weeks)]
    rng, counts = np.random.default_rng(SEED), {False: _Counts(), True: _Counts()}
    for _ in range(N_CITIES):
        plain = city(rng, lambda indicator_id: of_days(indicator_id, n_weeks))
        for knows, given in ((False, plain), (True, replace(plain, is_festival=is_festival, kinds=kinds))):
            for at, week in judged(given).items():
                counts[knows].add(classes[at], len(plain.series), week)
    weeks = {name: sum(classes[at] == name for at in range(first, n_weeks)) for name in CLASSES}
    return TEXT.format(n=N_CITIES, table=_table(counts, weeks), **weeks)


class _Counts:
    """By class of week: series-weeks, alarms of the rules that compare a county with its own weeks, and flags."""

    def __init__(self) -> None:
        self.n: dict[str, int] = defaultdict(int)
        self.alarms: dict[str, int] = defaultdict(int)
        self.flags: dict[str, int] = defaultdict(int)

    def add(self, name: str, n_series: int, week: JudgedWeek) -> None:
        own = [each for (code, _), each in week.judgements.items() if code in ("F1", "F1b")]
        self.n[name] += n_series
        self.alarms[name] += sum(each.is_alarm for each in own)
        self.flags[name] += len(week.signals)


def _table(counts: Mapping[bool, _Counts], weeks: Mapping[str, int]) -> str:
    rows = [
        "| weeks | | alarms of F1 and F1b a series-week | times ordinary weeks | flags a series-week | times ordinary weeks |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for knows, said in ((False, "without the calendar"), (True, "with it")):
        own = counts[knows]
        for name in CLASSES:
            cells = []
            for n in (own.alarms, own.flags):
                share, usual = n[name] / own.n[name], n["ordinary"] / own.n["ordinary"]
                cells += [f"{share:.3%} ({n[name]})", f"{share / usual:.2f}" if usual else "–"]
            rows.append(f"| {name} ({weeks[name]}) | {said} | {' | '.join(cells)} |")
    return "\n".join(rows)


TEXT = """## Holidays

{n} quiet cities whose counts move on public holidays: roads, fires and quarrels rise by 20 to 60 %, offices take half as
much, at Spring Festival the square of that, and worked weekends bring what offices missed. Of the judged weeks {festival}
lie about Spring Festival, {holiday} hold another holiday or a worked weekend, {ordinary} are ordinary. Wanted: no more than 1.2
times the false flags of ordinary weeks. Flags of single weeks are few, so the alarms of the rules that look at a
county's own weeks stand beside them, as they are before the control of false discoveries. With the calendar F1, F1b
and F2 do not judge weeks about Spring Festival, so what is left there is of other rules; in weeks of other holidays F1 and
F2 expect the highest rise that the city saw in one of these before, which is wide: a rise that is no larger is not found.

{table}"""
