"""What became of the flags, as a release says it: the portal's own numbers, in the bulletin and on the dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expectations.contract import load_city
from spark_jobs.release.funnel import COLUMNS, WITHIN_DAYS, funnel_lines, funnel_table
from spark_jobs.release.model import Release, ReleaseInput
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.serving_tables import serving_rows
from spark_jobs.release.wording import LanguageCode, Wording
from spark_jobs.released.columns import TABLES, canonical_frame
from tests.release import made_up

pytestmark = pytest.mark.unit
Make = Callable[[ReleaseInput], Release]
SAID: dict[str, Any] = json.loads(Path("tests/decided_flags.json").read_text(encoding="utf-8"))
DECISIONS = pd.DataFrame(SAID["decisions"], columns=pd.Index(SAID["columns"]))


def test_it_is_what_the_portal_says_of_the_same_steps() -> None:
    assert SAID["columns"] == COLUMNS
    found = canonical_frame("flag_funnel", funnel_table(DECISIONS)).to_dict("records")
    expected = sorted(SAID["funnel"], key=lambda row: row["rule_code"])
    assert [row["rule_code"] for row in found] == [row["rule_code"] for row in expected] == ["F1", "F2", "all"]
    for row, of_portal in zip(found, expected, strict=True):
        assert set(row) == set(of_portal)
        for name, value in of_portal.items():
            near = pytest.approx(value, abs=1e-4)  # the portal's interval is that of 1.96
            assert (pd.isna(row[name]) and value is None) or row[name] == near, name
    assert SAID["within_days"] == WITHIN_DAYS


def test_the_order_of_the_steps_in_the_lake_does_not_matter() -> None:
    shuffled = DECISIONS.sample(frac=1, random_state=7)
    pd.testing.assert_frame_equal(funnel_table(shuffled), funnel_table(DECISIONS))


def test_without_decisions_there_is_an_empty_table() -> None:
    table = canonical_frame("flag_funnel", funnel_table(pd.DataFrame()))
    assert (len(table), list(table.columns)) == (0, list(TABLES["flag_funnel"].columns))


def release_of(decisions: pd.DataFrame, has_feed: bool, make_release: Make) -> Release:
    """The made-up release with these decisions, of a city whose feeds bring decisions or do not."""
    given = made_up.release_input()
    feeds = [*given.city.feeds, load_city("daqing").feed("decisions")] if has_feed else given.city.feeds
    return make_release(
        replace(
            given,
            city=given.city.model_copy(update={"feeds": tuple(feeds)}),
            frames={**given.frames, "flag_funnel": funnel_table(decisions)},
        )
    )


@pytest.mark.parametrize(("language", "rule", "share"), [
    ("zh", "F1 异常增多", "70.00%（39.7–89.2）"), ("en", "F1 Exceedance", "70.00 % (39.7–89.2)"),
])  # fmt: skip
def test_the_bulletin_and_the_dashboard_print_it(
    make_release: Make, language: LanguageCode, rule: str, share: str
) -> None:
    release = release_of(DECISIONS, True, make_release)
    _, line, _ = funnel_lines(release, Wording(language, release.methodology))
    assert (line.rule, line.confirmed, line.days["assigned"]) == (rule, share, "5.5 / 9.1")
    page = bulletin(release, language)
    assert all(cell in page for cell in (rule, share, "5.5 / 9.1"))
    served = serving_rows(release)["flag_funnel"]
    assert len(served) == 3
    assert "70.00%（39.7–89.2）" in served[0]


def test_a_city_says_that_nothing_was_decided_only_where_a_feed_would_bring_it(make_release: Make) -> None:
    with_feed, without = (release_of(pd.DataFrame(), has_feed, make_release) for has_feed in (True, False))
    said: dict[LanguageCode, str] = {"zh": "截至本期尚无处置记录。", "en": "No decision was known at the cut-off."}
    for language, words in said.items():
        assert words in bulletin(with_feed, language)
        assert words not in bulletin(without, language)
