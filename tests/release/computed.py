"""A made-up city whose figures the engine has computed, as a night leaves them: they follow from the inputs beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd

from spark_jobs.index import job, rows
from spark_jobs.index.engine.as_of import CityFrame
from spark_jobs.index.engine.windows import Coverage, DailyCounts
from spark_jobs.release.model import ReleaseInput
from tests.index.made_up_days import DENOMINATORS, FIRST, daily, with_few_draws
from tests.release import made_up

AREAS = made_up.areas(made_up.COUNTIES[:4])
CODES = tuple(area.area_code for area in AREAS[1:])
METHODOLOGY = with_few_draws(made_up.METHODOLOGY)


def day_input(silent: tuple[str, ...] = ()) -> job.DayInput:
    """All that the index of made_up.DAY is computed from; the feeds of the `silent` indicators have stopped."""
    city, given = made_up.city(), daily(METHODOLOGY, CODES, made_up.DAY)
    lasts = {i.id: made_up.DAY - timedelta(days=3 if i.id in silent else 0) for i in METHODOLOGY.indicators}
    coverage = {indicator: Coverage(FIRST, last) for indicator, last in lasts.items()}
    dated = [(area, code, FIRST, None, 2e5, "exact", FIRST) for area in CODES for code in DENOMINATORS]
    columns = ["area_code", "denominator_code", "valid_from", "valid_to", "value", "quality_code", "known_from"]
    denominators = pd.DataFrame(dated, columns=pd.Index(columns))
    counts = DailyCounts(given, denominators, coverage, CODES, METHODOLOGY)
    base = job.base_years(city, counts, METHODOLOGY)
    goalposts = job.city_goalposts(base, {}, METHODOLOGY)
    none = dict.fromkeys(lasts, 0)
    frame = CityFrame(made_up.CITY_AREA, CODES, denominators, coverage, goalposts, none, made_up.DAY, METHODOLOGY)
    status = made_up.release_input(the_areas=AREAS).frames["feed_status"]
    past = pd.DataFrame(columns=pd.Index(list(rows.HISTORY)))
    return job.DayInput(city, made_up.DAY, frame, given, counts, status, base, {}, {}, None, past)


def release_input(silent: tuple[str, ...] = ()) -> ReleaseInput:
    """The whole input of the release of that night."""
    content, _ = job.computed_tables(day_input(silent))
    given = made_up.release_input(the_areas=AREAS, methodology=METHODOLOGY)
    frames = {name: pd.DataFrame(found) for name, found in content.items() if found}
    nothing = {name: given.frames[name].iloc[:0] for name, found in content.items() if not found}
    return replace(given, frames={**given.frames, **frames, **nothing})
