"""Every gate with the case that it exists to stop, and the good case that it lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html import escape
from typing import Any

import pandas as pd
import pytest

from expectations.contract import load_day_types
from spark_jobs.errors import ContractBreach
from spark_jobs.feeds.feed_status import batches_read, feed_status
from spark_jobs.index.engine import scale, window_draws
from spark_jobs.release.build import build, canonical_tables
from spark_jobs.release.gates import (
    GATES,
    GateFailed,
    calendar_known,
    disclosure,
    feeds_delivered,
    judge,
    publication_suite,
)
from spark_jobs.release.jumps import unexplained_jumps
from spark_jobs.release.model import Gate, Previous, ReleaseInput
from spark_jobs.release.pages.bulletin import bulletin
from spark_jobs.release.pages.leader import leader_page, public_page
from spark_jobs.release.wording import LANGUAGES
from tests.release import computed, made_up

pytestmark = pytest.mark.unit
COUNTY = made_up.COUNTIES[0][0]
RULES = made_up.METHODOLOGY.publication


def gates_of(given: ReleaseInput) -> dict[str, Gate]:
    """Gates by name, failed or not."""
    try:
        return {gate.name: gate for gate in judge(given, canonical_tables(given))}
    except GateFailed as failure:
        return {gate.name: gate for gate in failure.gates}


def failed(given: ReleaseInput) -> list[str]:
    """Names of the critical gates that fail, the publication suite (seconds) left to its own tests."""
    tables = canonical_tables(given)
    verdicts = {name: gate.judge(given, tables) for name, gate in GATES.items() if name != "publication"}
    return [name for name, verdict in verdicts.items() if not verdict.passed and verdict.severity == "critical"]


def suite_stops(given: ReleaseInput) -> bool:
    return not publication_suite(given, canonical_tables(given)).passed


def changed(table: str, change: Callable[[pd.DataFrame], Any], **of_input: Any) -> ReleaseInput:
    given = made_up.release_input(**of_input)
    frame = given.frames[table].copy()
    return replace(given, frames={**given.frames, table: change(frame)})


def with_cell(table: str, column: str, value: object, area: str = COUNTY) -> ReleaseInput:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[frame.index[frame["area_code"] == area][0], column] = value
        return frame

    return changed(table, change)


def test_good_data_pass_every_gate_in_order() -> None:
    gates = gates_of(made_up.release_input())
    assert list(gates) == list(GATES)
    assert all(gate.passed for gate in gates.values())


def test_a_missing_feed_warns_and_does_not_stop() -> None:
    given = made_up.release_input(delivered={"hotline": date(2026, 11, 19)}, grey_domain="demands_and_grid")
    gate = feeds_delivered(given, given.frames)
    assert failed(given) == []
    assert (gate.passed, gate.severity) == (False, "warning")
    assert "2026-11-20" in gate.detail.en


def test_holidays_that_are_not_known_far_enough_warn_on_the_pages_and_do_not_stop() -> None:
    given = made_up.release_input()
    given = replace(given, city=given.city.model_copy(update={"day_types": "china"}))
    last = load_day_types()["china"].last_day
    early, late = (replace(given, business_date=last - timedelta(days=n)) for n in (60, 59))
    assert calendar_known(early, early.frames).passed
    gate = calendar_known(late, late.frames)
    assert (gate.passed, gate.severity) == (False, "warning")
    warned = build(late, canonical_tables(late), [Gate("calendar", gate.passed, gate.detail, gate.severity)])
    for language in LANGUAGES:
        detail = escape(getattr(gate.detail, language), quote=False)
        assert str(last) in detail
        assert all(detail in page(warned, language) for page in (bulletin, leader_page))
        assert detail not in public_page(warned, language)


def test_a_breached_contract_stops() -> None:
    given = made_up.release_input(breached=("cases",), grey_domain="public_security")
    assert failed(given) == ["contract"]
    with pytest.raises(GateFailed, match="12 % of the rows were rejected") as failure:
        judge(given, canonical_tables(given))
    assert failure.value.exit_code == ContractBreach.exit_code
    assert "数据源cases" in failure.value.reason.zh


def test_a_breach_that_was_repaired_does_not_stop() -> None:
    batches = made_up.batches(breached=("cases",))
    repaired = made_up.batches().query("feed_code == 'cases'")
    status = feed_status(made_up.city().feeds, pd.concat([batches, repaired]), made_up.DAY)
    assert set(status["state_code"]) == {"delivered"}


@pytest.mark.parametrize(
    ("last", "state", "since"),
    [
        (date(2026, 11, 22), "delivered", None),
        (date(2026, 11, 21), "missing", date(2026, 11, 22)),
        (date(2026, 11, 1), "missing", date(2026, 11, 2)),
        (None, "missing", date(2021, 1, 1)),
    ],
)
def test_missing_since(last: date | None, state: str, since: date | None) -> None:
    """Since the day after the last window; since its first day for a feed that never came."""
    batches = made_up.batches({"hotline": last}) if last else made_up.batches().query("feed_code != 'hotline'")
    status = feed_status(made_up.city().feeds, batches, made_up.DAY).set_index("feed_code").loc["hotline"]
    assert (status["state_code"], status["missing_since"]) == (state, since)


def test_before_the_first_batch_every_feed_is_missing() -> None:
    status = feed_status(made_up.city().feeds, made_up.batches().iloc[:0], made_up.DAY)
    assert len(status)
    assert set(status["state_code"]) == {"missing"}


def test_batches_of_later_days_are_no_business_of_an_older_release() -> None:
    later = made_up.batches({feed: made_up.DAY + timedelta(days=5) for feed in made_up.KIND_OF_FEED})
    both = pd.concat([made_up.batches(), later])
    assert len(batches_read(both, made_up.DAY)) == len(made_up.batches())


def test_an_index_without_all_domains_stops() -> None:
    def grey(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(is_live=frame["is_live"] & (frame["domain_id"] != "disputes"))

    assert failed(changed("domain_index", grey)) == ["computable"]


def test_a_domain_live_with_too_little_weight_stops() -> None:
    assert failed(with_cell("domain_index", "live_weight_share", 0.64)) == ["computable"]
    assert failed(with_cell("domain_index", "live_weight_share", 0.65)) == []


def test_nothing_live_at_all_stops() -> None:
    given = changed("indicator_value", lambda frame: frame.assign(state_code="too_few"), grey_domain="disputes")
    assert "computable" in failed(given)
    assert gates_of(given)["computable"].detail.en.endswith("can be published: Too few events for a score")


def test_where_nothing_is_live_the_report_names_the_feeds_that_have_not_come() -> None:
    late = dict.fromkeys(made_up.KIND_OF_FEED, date(2026, 11, 20))
    given = changed("indicator_value", lambda frame: frame.assign(state_code="missing_feed"), delivered=late)
    gates = gates_of(given)
    assert gates["computable"].detail.en.count("since 2026-11-21") == len(late)
    assert gates["computable"].detail.zh.endswith(gates["feeds"].detail.zh)


def test_no_overall_index_is_published_with_a_warning() -> None:
    given = made_up.release_input(grey_domain="disputes")
    gate = gates_of(given)["computable"]
    assert (gate.passed, gate.severity) == (False, "warning")
    assert not [gate for gate in gates_of(given).values() if not gate.passed and gate.severity == "critical"]


def test_an_indicator_that_is_live_without_its_feed_stops() -> None:
    """Missing is not zero."""
    assert failed(made_up.release_input(delivered={"cases": date(2026, 11, 20)})) == ["computable"]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("county_index", "index", 250.0),
        ("county_index", "lower", 150.0),
        ("county_index", "upper", 1.0),
        ("county_index", "lower", None),
        ("county_index", "upper", None),
        ("county_index", "band_code", "splendid"),
        ("county_index", "status_code", None),
        ("county_index", "p_below_last_year", 1.2),
        ("domain_index", "upper", None),
        ("domain_index", "value", 301.0),
        ("indicator_value", "rate", -1.0),
        ("indicator_value", "score_lower", None),
        ("indicator_value", "state_code", "fine"),
        ("trend", "lower", None),
        ("input", "count", -2.0),
        ("flag", "colour_code", "pink"),
    ],
)
def test_the_publication_suite_stops(table: str, column: str, value: object) -> None:
    area = made_up.COUNTIES[1][0] if table == "flag" else COUNTY
    assert suite_stops(with_cell(table, column, value, area))


@pytest.mark.parametrize("table", ["county_index", "domain_index", "indicator_value"])
def test_an_absent_county_stops(table: str) -> None:
    assert suite_stops(changed(table, lambda frame: frame[frame["area_code"] != COUNTY]))


@pytest.mark.parametrize("table", ["county_index", "trend", "flag", "input"])
def test_a_row_given_twice_stops(table: str) -> None:
    assert suite_stops(changed(table, lambda frame: pd.concat([frame, frame.iloc[[0]]])))


def _width(side: str) -> float:
    """How far the interval of COUNTY reaches below or above its index today."""
    row = made_up.release_input().frames["county_index"].set_index("area_code").loc[COUNTY]
    return abs(float(row[side]) - float(row["index"]))


def _previous(points: float, days: int = 1, method: str | None = None, missing: tuple[str, ...] = ()) -> Previous:
    """A previous release in which COUNTY stood `points` higher."""
    frame = made_up.release_input().frames["county_index"].set_index("area_code")["index"]
    index = {code: float(value) + (points if code == COUNTY else 0.0) for code, value in frame.items()}
    day = made_up.DAY - timedelta(days=days)
    return Previous("20261121-0", day, method or made_up.METHODOLOGY.version, index, frozenset(missing))


@pytest.mark.parametrize(
    ("previous", "stops"),
    [
        (_previous(max(RULES.jump_points, _width("upper")) + 0.1), True),
        (_previous(-max(RULES.jump_points, _width("lower")) - 0.1), True),
        (_previous(RULES.jump_points - 0.1), False),
        (_previous(30.0, days=RULES.jump_days + 1), False),
        (_previous(30.0, days=0), True),
        (_previous(30.0, days=-3), False),
        (_previous(30.0, method="2025.1"), False),
        (_previous(30.0, missing=("hotline",)), False),
    ],
)
def test_an_unexplained_jump_stops(previous: Previous, stops: bool) -> None:
    given = made_up.release_input(previous=previous)
    assert bool(unexplained_jumps(given, canonical_tables(given))) == stops


@pytest.mark.parametrize(("reach", "stops"), [(RULES.jump_points + 2.0, False), (RULES.jump_points - 2.0, True)])
def test_small_numbers_explain_a_jump_within_the_interval(reach: float, stops: bool) -> None:
    """Three open disputes fewer can move the index of a small county by four points: that stops nothing."""

    def widen(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(lower=frame["index"] - reach, upper=frame["index"] + reach)

    given = replace(changed("county_index", widen), previous=_previous(RULES.jump_points + 1.0))
    assert bool(unexplained_jumps(given, canonical_tables(given))) == stops


def test_a_jump_is_a_matter_of_the_publication_gate() -> None:
    assert suite_stops(made_up.release_input(previous=_previous(30.0)))


@pytest.mark.parametrize(("since", "stops"), [(made_up.DAY, False), (made_up.DAY - timedelta(days=30), True)])
def test_a_new_flag_on_the_county_explains_a_jump(since: date, stops: bool) -> None:
    def flag(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(area_code=COUNTY, since=since)

    given = replace(changed("flag", flag), previous=_previous(30.0))
    assert bool(unexplained_jumps(given, canonical_tables(given))) == stops


def test_a_township_is_never_published() -> None:
    def township(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame.iloc[[0]].assign(area_code="990102013")])

    assert failed(changed("input", township)) == ["disclosure"]


@pytest.mark.parametrize("column", ["caller_pseudonym", "party_pair_pseudonym", "victim_name", "phone"])
def test_a_personal_column_stops_even_though_it_would_be_dropped(column: str) -> None:
    given = changed("county_index", lambda frame: frame.assign(**{column: "x"}))
    assert failed(given) == ["disclosure"]


@pytest.mark.parametrize("number", ["13912345678", "230602199001011234", "23060219900101123X"])
def test_a_personal_number_in_a_text_stops_and_is_not_repeated(number: str) -> None:
    given = changed("flag", lambda frame: frame.assign(detail_zh=f"来电{number}反映"))
    assert failed(given) == ["disclosure"]
    assert number not in disclosure(given, canonical_tables(given)).detail.en


def test_small_counts_of_a_county_are_public() -> None:
    assert failed(with_cell("indicator_value", "n_events", 1.0)) == []


@pytest.fixture(scope="module")
def computed_night() -> ReleaseInput:
    return computed.release_input()


def test_the_relations_are_judged_on_the_figures_of_the_release(computed_night: ReleaseInput) -> None:
    verdict = GATES["relations"].judge(computed_night, canonical_tables(computed_night))
    assert verdict.passed
    assert verdict.detail.en.startswith("the relations that hold in any city hold")


def test_an_engine_with_a_turned_sign_does_not_publish(
    computed_night: ReleaseInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(x: Any, x0: float, low: float, high: float, centre: float, span: float) -> Any:
        return scale.score(x, x0, low, high, centre, -span)

    monkeypatch.setattr(window_draws, "score", turned)
    assert failed(computed_night) == ["relations"]


def test_inputs_that_cannot_be_computed_from_do_not_publish(computed_night: ReleaseInput) -> None:
    inputs = computed_night.frames["input"]
    twice = pd.concat([inputs, inputs[inputs["window"] == "headline"].iloc[:1]])
    assert failed(replace(computed_night, frames={**computed_night.frames, "input": twice})) == ["relations"]
