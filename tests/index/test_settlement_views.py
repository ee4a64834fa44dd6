"""Settlement from counted days to figures: cumulative and by month found, and what few cases can say."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from spark_jobs.index.engine.settlement import Settlement, settlement_inputs, settlements

pytestmark = pytest.mark.unit

LAST = date(2026, 11, 20)
DAYS = pd.DataFrame(
    [
        # area, accepted on, outcome, disputes
        ("1", "2021-05-01", "settled", 40.0),
        ("1", "2021-05-01", "failed", 1.0),
        ("1", "2025-11-30", "settled", 7.0),  # a year and a month ago: in no cohort
        ("1", "2025-12-01", "settled", 5.0),  # the oldest cohort
        ("1", "2026-11-02", "settled", 2.0),
        ("1", "2026-11-19", "settled", 1.0),
        ("1", "2026-11-19", "open", 3.0),
        ("2", "2026-11-19", "open", 4.0),
        ("9", "2026-11-19", "open", 8.0),  # an area that is not published
    ],
    columns=pd.Index(["area_code", "day", "stratum", "numerator"]),
).assign(indicator_id="settlement")
SCORED = DAYS.assign(indicator_id="c1_escalated")


def inputs() -> pd.DataFrame:
    return pd.DataFrame(list(settlement_inputs(pd.concat([DAYS, SCORED]), ["1", "2"], LAST)))


def test_both_views_of_a_county_and_of_the_city() -> None:
    assert settlements(inputs(), ["1"]) == [
        Settlement("cumulative", n_accepted=59, n_settled=55, n_open=3),
        Settlement("found_2025-12", n_accepted=5, n_settled=5, n_open=0),
        Settlement("found_2026-11", n_accepted=6, n_settled=3, n_open=3),
    ]
    assert settlements(inputs(), ["2"])[0] == Settlement("cumulative", n_accepted=4, n_settled=0, n_open=4)
    both = settlements(inputs(), ["1", "2"])
    assert [(s.view, s.n_accepted, s.month) for s in both] == [
        ("cumulative", 63, None),
        ("found_2025-12", 5, date(2025, 12, 1)),
        ("found_2026-11", 10, date(2026, 11, 1)),
    ]


def test_a_city_without_disputes_has_none() -> None:
    assert settlements(inputs().iloc[:0], ["1"]) == []
    assert list(settlement_inputs(SCORED, ["1"], LAST)) == []
    assert Settlement("cumulative", 0, 0, 0).rate is None
    assert Settlement("cumulative", 0, 0, 0).interval == (None, None)


def test_few_cases_leave_the_rate_open() -> None:
    one, other = (Settlement("cumulative", 168, n, 0) for n in (164, 165))
    assert [round(100 * float(end or 0), 1) for s in (one, other) for end in s.interval] == [94.0, 99.1, 94.9, 99.4]
