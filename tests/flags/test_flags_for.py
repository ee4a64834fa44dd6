"""A night's flags with planted truth: what was planted is found, said, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from expectations.models import Feed, Text
from spark_jobs.flags.assembly import COLUMNS, flags_for
from spark_jobs.flags.rule import Finding, Place, QuantityLimit, Rule, RuleInput
from spark_jobs.flags.rules import IN_FORCE, RULES
from spark_jobs.index.methodology import load_methodology

pytestmark = pytest.mark.unit
Evidence = dict[str, pd.DataFrame]
METHODOLOGY = load_methodology()
DAY = date(2026, 11, 20)  # a Friday; the last complete week is 9 to 15 November
MONDAY = date(2026, 11, 9)
START = date(2025, 9, 22)  # a Monday: too short a history for F1 and F2
OF_THE_METHOD = ["F1", "F1b", *(f"F{n}" for n in range(2, 11))]  # the design's, in order; others may follow
PLACE = Place("somecity", "0", {str(n): Text(f"{n}区", f"District {n}") for n in range(1, 10)})
CASES = ("a1_violent_crime", "a2_property_crime", "a3_telecom_fraud", "a4_public_order")
INCIDENTS = ("b1_road_casualties", "b2_injury_crashes", "b3_fires", "b4_work_safety")


def feed(code: str, kind: str, name: str, supports: tuple[str, ...]) -> Feed:
    return Feed.model_validate(
        {
            "feed": code,
            "city_code": "somecity",
            "kind": kind,
            "name": {"zh": name, "en": code},
            "source": {"type": "files", "connection": "x", "pattern": "*", "format": "csv", "delivered": "(.*)"},
            "starts_on": START,
            "supports": supports,
            "record_id": ["id"],
            "known_at": {},
            "area": ["area"],
            "columns": {},
        }
    )


FEEDS = (feed("cases", "case", "案件", CASES), feed("incidents", "incident", "事故", INCIDENTS))
OLD_FEEDS = tuple(each.model_copy(update={"starts_on": date(2022, 1, 1)}) for each in FEEDS)


def quiet_daily() -> pd.DataFrame:
    """Two property crimes, two frauds and two fires a day in every county for 61 weeks; no homicide."""
    days = [DAY - timedelta(days=n) for n in range(61 * 7)]
    indicators = ("a2_property_crime", "a3_telecom_fraud", "b3_fires")
    rows = [
        (area, indicator, day, "all", 2.0, None) for area in PLACE.counties for indicator in indicators for day in days
    ]
    return pd.DataFrame(rows, columns=["area_code", "indicator_id", "day", "stratum", "numerator", "denominator"])


def evidence() -> Evidence:
    columns = ["area_code", "feed_code", "family_code", "occurred_on", "n_deaths", "n_serious_injuries", "n_events"]
    state = {
        "state_code": "delivered",
        "missing_since": None,
        "delivered_through": DAY,
        "covered_through": DAY,
        "reason": None,
    }
    codes = ("cases", "incidents")
    days = [DAY - timedelta(days=n) for n in range(100)]
    return {
        "daily": quiet_daily(),
        "values": pd.DataFrame(
            [(area, i.id, 1000.0) for area in PLACE.counties for i in METHODOLOGY.indicators],
            columns=["area_code", "indicator_id", "denominator"],
        ),
        "trend": pd.DataFrame([], columns=["area_code", "day", "index", "lower", "upper"]),
        "tolls": pd.DataFrame([], columns=columns),
        "status": pd.DataFrame([{"feed_code": code, **state} for code in codes]).astype(object),
        "batches": pd.DataFrame(
            [(c, "b1", DAY, 100, 0, "checked") for c in codes],
            columns=["feed_code", "batch_id", "window_to", "n_received", "n_left_out", "status"],
        ),
        "unknown_area": pd.DataFrame([], columns=["feed_code", "batch_id", "n_unknown_area"]),
        "volumes": pd.DataFrame(
            [(c, day, 50) for c in codes for day in days], columns=["feed_code", "day", "n_records"]
        ),
    }


def with_doubled_week(given: Evidence, area: str, indicator: str, monday: date, weeks: int = 1) -> Evidence:
    daily = given["daily"].copy()
    in_week = daily["day"].map(lambda day: monday <= day < monday + timedelta(days=7 * weeks))
    daily.loc[in_week & (daily["area_code"] == area) & (daily["indicator_id"] == indicator), "numerator"] *= 2
    return {**given, "daily": daily}


def with_silent(given: Evidence, code: str, since: date) -> Evidence:
    status = given["status"].copy()
    row = status.index[status["feed_code"] == code][0]
    status.loc[row, ["state_code", "missing_since", "delivered_through"]] = [
        "missing",
        since,
        since - timedelta(days=1),
    ]
    return {**given, "status": status}


def with_covered(given: Evidence, code: str, through: date | None) -> Evidence:
    """The feed delivers, and its content ends on that day."""
    status = given["status"].copy()
    status.loc[status["feed_code"] == code, "covered_through"] = through
    return {**given, "status": status}


def with_event(given: Evidence, *event: object) -> Evidence:
    return {**given, "tolls": pd.DataFrame([event], columns=given["tolls"].columns)}


def flags(
    given: Evidence, day: date = DAY, feeds: Sequence[Feed] = FEEDS, rules: Sequence[Rule] = IN_FORCE
) -> pd.DataFrame:
    return flags_for(RuleInput(day, PLACE, feeds, METHODOLOGY, given), rules).flags


def test_a_quiet_night_has_no_flags_but_all_columns():
    found = flags(evidence())
    assert len(found) == 0
    assert list(found.columns) == list(COLUMNS)


def test_a_doubled_week_is_an_amber_flag_of_its_county_and_indicator():
    found = flags(with_doubled_week(evidence(), "3", "b3_fires", MONDAY))
    (flag,) = found.to_dict("records")
    assert (flag["rule_code"], flag["colour_code"], flag["status_code"]) == ("F1b", "amber", "raised")
    assert (flag["area_code"], flag["indicator_id"], flag["feed_code"]) == ("3", "b3_fires", None)
    assert (flag["observed"], flag["expected"], flag["since"]) == (28, 14, MONDAY)
    assert 14 < flag["threshold"] < 28
    assert flag["detail_zh"].startswith("3区“火灾”：2026年11月9日至2026年11月15日一周28起")
    assert "28 in the week 2026-11-09 to 2026-11-15, 14.0 a week before" in flag["detail_en"]


@pytest.mark.parametrize(
    ("day", "is_raised"),
    [
        (date(2026, 11, 14), False),  # the week is not over
        (date(2026, 11, 15), False),  # over, but seen on one night only
        (date(2026, 11, 16), True),
        (date(2026, 11, 22), True),  # the next week is calm: clear for one night
        (date(2026, 11, 27), True),
        (date(2026, 11, 28), False),  # clear for seven nights
    ],
)
def test_the_flag_of_a_week_stands_from_its_second_night_until_seven_clear_nights(day, is_raised):
    given = evidence()
    later = [
        (row.area_code, row.indicator_id, row.day + timedelta(days=14), row.stratum, row.numerator, None)
        for row in given["daily"][given["daily"]["day"] > DAY - timedelta(days=14)].itertuples(index=False)
    ]
    given = {**given, "daily": pd.concat([given["daily"], pd.DataFrame(later, columns=given["daily"].columns)])}
    longer = [(c, DAY + timedelta(days=n), 50) for c in ("cases", "incidents") for n in range(1, 15)]
    volumes = pd.concat([given["volumes"], pd.DataFrame(longer, columns=given["volumes"].columns)])
    given = {**with_doubled_week(given, "3", "b3_fires", MONDAY), "volumes": volumes}
    assert bool(len(flags(with_covered(with_covered(given, "incidents", day), "cases", day), day))) is is_raised


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("through", "rules"),
    [
        (date(2026, 11, 15), ["F1b"]),  # the week's Sunday
        (date(2026, 11, 14), []),  # a week that is not known whole is not judged, however much is known of it
        (date(2026, 11, 13), []),
        (date(2026, 11, 12), ["F9"]),  # more than a week behind: an outage, never quiet
        (date(2026, 9, 1), ["F9"]),
        (None, ["F9"]),  # nothing says how far it reaches
    ],
)
def test_windows_end_where_the_content_of_a_feed_ends(through: date | None, rules: list[str]) -> None:
    given = with_covered(with_doubled_week(evidence(), "3", "b3_fires", MONDAY), "incidents", through)
    found = flags(given)
    assert found["rule_code"].tolist() == rules
    for flag in found[found["rule_code"] == "F9"].to_dict("records"):
        assert (flag["colour_code"], flag["feed_code"]) == ("grey", "incidents")
        assert flag["since"] == (through + timedelta(days=1) if through else DAY)


@pytest.mark.bad_input
@pytest.mark.parametrize(("n_days", "is_red"), [(0, True), (4, True), (40, False)])
def test_homicides_are_counted_on_covered_days_only(n_days: int, is_red: bool) -> None:
    """Two within thirty covered days are exceptional; what comes after the day through which the feed reaches is not known."""
    given = evidence()
    killed = [("7", "a1_violent_crime", DAY - timedelta(days=n), "death", 1.0, None) for n in (5, 9)]
    daily = pd.concat([given["daily"], pd.DataFrame(killed, columns=given["daily"].columns)])
    covered = with_covered({**given, "daily": daily}, "cases", DAY - timedelta(days=n_days))
    found = flags(covered, feeds=OLD_FEEDS)
    assert ("F4" in found["rule_code"].tolist()) is is_red


def test_a_second_week_in_excess_is_the_same_flag():
    once = flags(with_doubled_week(evidence(), "3", "b3_fires", date(2026, 11, 2)), date(2026, 11, 10))
    twice = flags(with_doubled_week(evidence(), "3", "b3_fires", date(2026, 11, 2), weeks=2))
    assert once["flag_id"].tolist() == twice["flag_id"].tolist()
    assert twice["since"].tolist() == [date(2026, 11, 2)]
    assert "2026-11-09 to 2026-11-15" in twice["detail_en"][0]


def test_three_dead_in_one_crash_are_red_the_same_night():
    found = flags(with_event(evidence(), "5", "incidents", "traffic", DAY, 3, 1, 1))
    (flag,) = found.to_dict("records")
    assert (flag["rule_code"], flag["colour_code"], flag["area_code"]) == ("F4", "red", "5")
    assert (flag["feed_code"], flag["since"]) == ("incidents", DAY)
    assert (flag["observed"], flag["threshold"]) == (3, 3)
    assert np.isnan(flag["expected"])
    assert flag["detail_zh"] == (
        "5区：2026年11月20日发生重大道路交通事故1起，死亡3人、重伤1人（标准：一起死亡3人及以上，或重伤10人及以上）。"
    )
    assert "1 severe road crash on 2026-11-20, 3 deaths and 1 serious injury" in flag["detail_en"]


def test_homicides_beyond_a_countys_past_are_red():
    given = evidence()
    killed = [("7", "a1_violent_crime", DAY - timedelta(days=n), "death", 1.0, None) for n in (3, 9)]
    daily = pd.concat([given["daily"], pd.DataFrame(killed, columns=given["daily"].columns)])
    (flag,) = flags({**given, "daily": daily}, feeds=OLD_FEEDS, rules=(RULES["f4_severe_event"],)).to_dict("records")
    assert (flag["rule_code"], flag["area_code"], flag["indicator_id"]) == ("F4", "7", "a1_violent_crime")
    assert (flag["observed"], flag["since"]) == (2, DAY - timedelta(days=3))
    assert "2 homicides in 30 days" in flag["detail_en"]


def test_a_silent_feed_is_grey_since_then_and_silences_only_its_own_indicators():
    since = DAY - timedelta(days=1)
    given = with_doubled_week(evidence(), "3", "b3_fires", MONDAY)
    given = with_doubled_week(given, "4", "a3_telecom_fraud", MONDAY)
    found = flags(with_silent(given, "incidents", since))
    assert found[["rule_code", "area_code", "colour_code"]].to_numpy().tolist() == [
        ["F1b", "4", "amber"],
        ["F9", "0", "grey"],
    ]
    grey = found.iloc[1]
    assert (grey["feed_code"], grey["since"]) == ("incidents", since)
    assert "事故：自2026年11月19日起数据未到（已到2026年11月18日），不按零计。" in grey["detail_zh"]
    assert "火灾" in grey["detail_zh"]
    assert "missing is not zero" in grey["detail_en"]


def test_a_silent_feed_does_not_silence_the_dead():
    given = with_event(evidence(), "5", "incidents", "fire", DAY, 4, 0, 1)
    assert flags(with_silent(given, "incidents", DAY))["rule_code"].tolist() == ["F4", "F9"]


def test_the_order_of_rows_in_the_lake_changes_nothing():
    given = with_event(with_doubled_week(evidence(), "3", "b3_fires", MONDAY), "5", "incidents", "fire", DAY, 4, 0, 1)
    given = with_silent(given, "cases", DAY)
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in given.items()}
    pd.testing.assert_frame_equal(flags(given), flags(shuffled))
    assert len(flags(given)) == 3


def test_weeks_before_a_feed_began_are_unknown_and_not_zero():
    """A feed of eight weeks has no full baseline: its first busy weeks are not a rise from nothing."""
    young = tuple(feed.model_copy(update={"starts_on": MONDAY - timedelta(weeks=8)}) for feed in FEEDS)
    given = with_doubled_week(evidence(), "3", "b3_fires", MONDAY)
    assert len(flags(given, feeds=young)) == 0
    older = tuple(feed.model_copy(update={"starts_on": MONDAY - timedelta(weeks=9)}) for feed in FEEDS)
    assert len(flags(given, feeds=older)) == 1


def test_every_rule_of_the_method_is_declared_with_its_reason_where_no_night_runs_it():
    codes = [rule.code for rule in RULES.values()]
    assert [code for code in codes if code in OF_THE_METHOD] == OF_THE_METHOD
    assert len(set(codes)) == len(codes)
    texts = [text for r in RULES.values() for text in (r.name, r.when, r.colours, r.because) if text]
    assert all(text.zh and text.en for text in texts)
    assert [rule.code for rule in IN_FORCE] == [rule.code for rule in RULES.values() if not rule.because]


def test_thresholds_and_rules_have_the_same_names():
    """A rule is named after its entry; one whose limits are not decided, or that has none, needs no entry."""
    assert set(type(METHODOLOGY.flags).model_fields) - {"lifecycle"} <= set(RULES)


def test_a_rule_that_is_declared_raises_flags_without_a_word_anywhere_else():
    """The night has all that it needs: a rule about an area alone, which comes after the rules that silence."""
    seen = []

    def find(given: RuleInput) -> list[Finding]:
        seen.append(given.silenced)
        return [Finding("amber", "3", DAY, Text("三", "three"), observed=1)]

    made_up = Rule("F77", Text("试", "trial"), Text("", ""), Text("", ""), find, lambda _: 1)
    found = flags(with_silent(evidence(), "cases", DAY), rules=(made_up, *IN_FORCE))
    assert found[["rule_code", "area_code", "detail_en"]].to_numpy().tolist()[0] == ["F77", "3", "three"]
    assert found["rule_code"].tolist() == ["F77", "F9"]
    assert seen == [frozenset(CASES)]


PETROL = QuantityLimit("petrol", "portable", "litre", Decimal(100))
SALES = feed("sales", "sale", "销售", ())
SOLD = [("7", "S1", "petrol", "portable", "litre", n, "50.05") for n in (3, 10)]
INSPECTED = [("S1", 20, "remote", "cleared"), ("S1", 2, "remote", "fault_open"), ("S1", 1, "on_site", "cleared")]


def with_sales(sold: list[tuple[str, str, str, str, str, int, str]], through: date | None = DAY) -> Evidence:
    """county, place, product, container, unit, days ago, quantity. `through`: last delivered day, if there is one."""
    rows = [("sales", *of, f"站{of[1]}", DAY - timedelta(days=ago), Decimal(n)) for *of, ago, n in sold]
    names = [
        "feed_code",
        "area_code",
        "place_code",
        "product_code",
        "container_code",
        "unit_code",
        "place_name",
        "sold_on",
        "quantity",
    ]
    given = evidence()
    ledger = given["batches"]
    if through:
        ledger.loc[len(ledger)] = ["sales", "b1", through, 1, 0, "checked"]
    return {**given, "sales": pd.DataFrame(rows, columns=names)}


def passed(
    given: Evidence, feeds: Sequence[Feed] = (*FEEDS, SALES)
) -> tuple[list[dict[str, object]], dict[str, object]]:
    """F10's flags, and what is said of whether it ran."""
    night = RuleInput(DAY, PLACE, feeds, METHODOLOGY, given, limits=(PETROL,))
    found = flags_for(night, (RULES["f10_threshold"],))
    (ran,) = found.rules.to_dict("records")
    return found.flags.to_dict("records"), ran


def test_a_place_above_the_limit_is_amber_and_says_which_and_what_became_of_it():
    columns = ["place_code", "inspected_on", "mode_code", "outcome_code"]
    rows = [
        (code, DAY - timedelta(days=ago), *said) for code, ago, *said in [*INSPECTED, ("S2", 0, "remote", "cleared")]
    ]
    checks = pd.DataFrame(rows, columns=columns).assign(area_code="7", n_inspections=1)
    (flag,), ran = passed({**with_sales(SOLD), "inspections": checks})
    assert (flag["colour_code"], flag["area_code"], flag["feed_code"]) == ("amber", "7", "sales")
    assert (flag["observed"], flag["threshold"], flag["since"]) == (100.1, 100.0, DAY - timedelta(days=3))
    assert "站S1（S1）" in flag["detail_zh"] and "此后检查2次" in flag["detail_zh"]
    assert "100.1 litres of petrol in the 30 days to 2026-11-20" in flag["detail_en"]
    assert flag["detail_en"].endswith("2 inspections since, the last on 2026-11-19 (on site): nothing found.")
    assert (ran["has_run"], ran["n_series"], ran["n_flags"]) == (True, 1, 1)


def test_two_places_two_products_and_two_units_never_add_up():
    first, second = SOLD
    for other in (
        ("S2", "petrol", "portable", "litre"),
        ("S1", "oil", "portable", "litre"),
        ("S1", "petrol", "other", "litre"),
    ):
        assert passed(with_sales([first, ("7", *other, 10, "50.05")]))[0] == []
    assert len(passed(with_sales([first, second]))[0]) == 1


def test_days_that_were_not_delivered_are_no_zeros():
    """The window ends where the deliveries do: silence takes no flag away; without a delivery there is nothing to judge."""
    old = [(*of, ago + 40, n) for *of, ago, n in SOLD]
    assert passed(with_sales(old))[0] == []
    (flag,), _ = passed(with_sales(old, through=DAY - timedelta(days=40)))
    assert flag["since"] == DAY - timedelta(days=43)
    for given, feeds in ((with_sales(SOLD, through=None), (*FEEDS, SALES)), (evidence(), FEEDS)):
        found, ran = passed(given, feeds)
        assert found == [] and not ran["has_run"] and "no quantities sold by place" in str(ran["reason_en"])
