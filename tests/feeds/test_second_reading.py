"""The same deliveries read twice: by the pipeline, and by a second reading that is written here, plainly and on its own.

Hypothesis makes 300 deliveries of four feeds: encodings, spellings of places and days, offsets, equal known times, moves
between counties, deletions, places of other cities, snapshots from which records vanish, rows that are cut off or wrong,
and counties that are merged and re-coded on the way. Every count of every indicator, county and day must be the same, and
what was not counted stands in the ledger with its rule.
"""

from __future__ import annotations

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st

from expectations import contract
from expectations.contract import load_city
from tests.feeds.conftest import Trial
from tests.feeds.test_exactly_once import examples

pytestmark = pytest.mark.spark
ZONE = ZoneInfo("Asia/Shanghai")
FIRST, N_DAYS = date(2025, 12, 1), 75  # of delivery; one file a day and feed
LANDINGS = (date(2026, 1, 4), date(2026, 1, 20), FIRST + timedelta(days=N_DAYS))
NEW_YEAR = date(2026, 1, 1)

AREAS = """area_code,level,name_zh,name_en,parent_code,valid_from,valid_to
99,city,试城,Trial,,2000-01-01,
9901,county,东县,East,99,2000-01-01,
9902,county,西县,West,99,2000-01-01,
9903,county,南县,South,99,2000-01-01,2026-01-01
9904,county,北县,North,99,2000-01-01,2026-01-01
9914,county,北县,North,99,2026-01-01,
9905,county,旧县,Former,99,2000-01-01,2026-01-01
990201,township,新镇,,9901,2000-01-01,2026-01-01
990201,township,新镇,,9902,2026-01-01,
"""
ALIASES = "alias,area_code,note\n西,9902,short\n9903,9901,merged on 2026-01-01\n"
HEAD = "name: {{zh: 某, en: Some}}\nstarts_on: 2025-11-01\ntolerance: {{rejected_share: 1}}\nrecord_id: [id]\n{area}"
PLACES = "area: [place, town]\noutside_area: [外市]\n"
FEEDS = {
    "cases": """
feed: cases
kind: case
source: {type: files, connection: trial, pattern: "cases_*", format: csv, delivered: 'cases_(\\d{8})\\.csv'}
known_at: {column: updated}
deleted: {column: gone, values: ["1"]}
columns:
  occurred_on: day
  nature_code: {from: nature, map: {刑事: criminal, 行政: public_order}}
  case_code: code
  n_deaths: deaths
  n_serious_injuries: serious
""",
    "gbk": """
feed: gbk
kind: case
source: {type: files, connection: trial, pattern: "gbk_*", format: csv, encoding: gb18030, delimiter: ";", delivered: 'gbk_(\\d{8})\\.csv'}
known_at: {column: updated, format: yyyy/M/d H:mm}
deleted: {column: gone, values: ["1"]}
columns:
  occurred_on: {from: day, format: yyyy/M/d}
  nature_code: {from: nature, map: {刑事: criminal, 行政: public_order}}
  case_code: code
  n_deaths: deaths
  n_serious_injuries: serious
""",
    "incidents": """
feed: incidents
kind: incident
source: {type: files, connection: trial, pattern: "incidents_*", format: jsonl, delivered: 'incidents_(\\d{8})\\.jsonl'}
known_at: {column: updated}
deleted: {column: gone, values: ["1"]}
columns:
  occurred_at: day
  family_code: {from: nature, map: {交通: traffic, 火灾: fire, 安全: work_safety}}
  status_code: {constant: closed}
  n_deaths: deaths
  n_serious_injuries: serious
""",
    "whole": """
feed: whole
kind: incident
mode: snapshot
source: {type: files, connection: trial, pattern: "whole_*", format: csv, delivered: 'whole_(\\d{8})\\.csv'}
known_at: {}
columns:
  occurred_at: day
  family_code: {from: nature, map: {交通: traffic, 火灾: fire, 安全: work_safety}}
  status_code: {constant: closed}
  n_deaths: deaths
  n_serious_injuries: serious
""",
}
HEADER = ("id", "place", "town", "day", "nature", "code", "deaths", "serious", "gone", "updated")
CODES = {
    "040101": "homicide",
    "050100": "robbery_rape",
    "040103": "wounding",
    "050200": "theft_fraud",
    "060197": "gambling",
}
FAMILIES = ("交通", "火灾", "安全")

# What a place means, said once more by hand: word in one spelling, first day, day after the last one, county.
ALWAYS, NEVER = date.min, date.max
MEANT = [
    ("9901", ALWAYS, NEVER, "9901"), ("东县", ALWAYS, NEVER, "9901"), ("east", ALWAYS, NEVER, "9901"),
    ("9902", ALWAYS, NEVER, "9902"), ("西县", ALWAYS, NEVER, "9902"), ("west", ALWAYS, NEVER, "9902"),
    ("西", ALWAYS, NEVER, "9902"),
    ("9903", ALWAYS, NEW_YEAR, "9903"), ("9903", NEW_YEAR, NEVER, "9901"), ("南县", ALWAYS, NEW_YEAR, "9903"),
    ("南县", NEW_YEAR, NEVER, "9901"), ("south", ALWAYS, NEW_YEAR, "9903"), ("south", NEW_YEAR, NEVER, "9901"),
    ("9904", ALWAYS, NEW_YEAR, "9904"), ("9904", NEW_YEAR, NEVER, "9914"), ("9914", ALWAYS, NEW_YEAR, "9904"),
    ("9914", NEW_YEAR, NEVER, "9914"), ("北县", ALWAYS, NEW_YEAR, "9904"), ("北县", NEW_YEAR, NEVER, "9914"),
    ("9905", ALWAYS, NEW_YEAR, "9905"), ("旧县", ALWAYS, NEW_YEAR, "9905"),
    ("新镇", ALWAYS, NEW_YEAR, "9901"), ("新镇", NEW_YEAR, NEVER, "9902"),
]  # fmt: skip
KNOWN = {word for word, *_ in MEANT}
SPELLINGS = sorted(KNOWN) + ["９９０１", " 9902 ", "EAST", "West", "　南县", "９９０３", ""]


class Said(NamedTuple):
    """One row of a delivery as Hypothesis thinks of it; `record`: which of the records that can be known by then."""

    record: int
    place: str
    town: str
    deaths: int
    serious: int
    style: int  # how days are written
    hours: int  # before the end of the delivery's day, when the row was changed
    what: str


WHATS = ["good"] * 9 + [
    "deleted",
    "elsewhere",
    "unknown place",
    "no day",
    "wrong day",
    "wrong word",
    "no key",
    "cut",
    "half",
]
ROWS = st.builds(
    Said, st.integers(0, 10**6), st.sampled_from(SPELLINGS), st.sampled_from(["", "", "9901", "新镇", "nowhere"]),
    st.integers(0, 2), st.integers(0, 1), st.integers(0, 3), st.sampled_from([1, 1, 7, 20, 30, 55]), st.sampled_from(WHATS),
)  # fmt: skip
DELIVERIES = st.lists(ROWS, max_size=7)
N_DELIVERIES = 300


def event_of(record: int) -> date:
    """A record is about one day, whatever is said of it later."""
    return FIRST - timedelta(days=5) + timedelta(days=record % (N_DAYS - 5))


def written_day(day: date, feed: str, style: int) -> str:
    if feed == "gbk":
        return f"{day.year}/{day.month}/{day.day}" if style % 2 else f"{day:%Y/%m/%d}"
    if feed in ("incidents", "whole"):  # instants: at 00:30 here, the day before in UTC, also with its own offset
        moment = datetime(day.year, day.month, day.day, 0, 30, tzinfo=ZONE)
        elsewhere = moment.astimezone(ZoneInfo("America/New_York"))
        in_utc = moment.astimezone(UTC)
        return [
            f"{moment:%Y-%m-%d %H:%M:%S}", f"{in_utc:%Y-%m-%dT%H:%M:%SZ}", elsewhere.isoformat(sep=" "), f"{moment:%Y-%m-%d}"
        ][style]  # fmt: skip
    return [f"{day:%Y-%m-%d}", f"{day.year}-{day.month}-{day.day}", f"{day} 10:00:00", f" {day}\u3000"][style]


def line_of(said: Said, feed: str, delivered: date) -> dict[str, str]:
    """The row as the source writes it."""
    possible = [record for record in range(60) if event_of(record) < delivered]
    record = possible[said.record % len(possible)]
    changed = datetime(delivered.year, delivered.month, delivered.day, 23, 0) - timedelta(hours=said.hours)
    changed = max(changed, datetime(*event_of(record).timetuple()[:3], 23, 0))
    code = list(CODES)[record % len(CODES)]
    natures = FAMILIES if feed in ("incidents", "whole") else ("刑事",)
    line = {
        "id": f"{feed[0]}{record}", "place": said.place, "town": said.town, "code": code,
        "day": written_day(event_of(record), feed, said.style), "nature": natures[record % len(natures)],
        "deaths": str(said.deaths), "serious": f"{said.serious}.0" if said.style == 1 else str(said.serious), "gone": "0",
        "updated": f"{changed:%Y/%m/%d %H:%M}" if feed == "gbk" else f"{changed:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip
    wrong = {
        "deleted": {"gone": "1", "deaths": "", "serious": ""}, "elsewhere": {"place": "外市", "town": ""},
        "unknown place": {"place": "火星", "town": ""}, "no day": {"day": ""}, "wrong day": {"day": "2026-02-30"},
        "wrong word": {"nature": "其它"}, "no key": {"id": ""}, "half": {"deaths": "1.5"},
    }  # fmt: skip
    return line | wrong.get(said.what, {})


@dataclass
class Delivery:
    """A file: its rows, and those that are cut off."""

    day: date
    lines: list[dict[str, str]]
    cut: set[int] = field(default_factory=set)

    def write(self, feed: str, folder: Path) -> None:
        if feed == "incidents":
            path = folder / f"{feed}_{self.day:%Y%m%d}.jsonl"
            texts = [json.dumps(line, ensure_ascii=False) for line in self.lines]
            path.write_text("".join(f"{t[: len(t) // 2] if n in self.cut else t}\n" for n, t in enumerate(texts)))
            return
        encoding, delimiter = ("gb18030", ";") if feed == "gbk" else ("utf-8", ",")
        with (folder / f"{feed}_{self.day:%Y%m%d}.csv").open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(HEADER)
            for n, line in enumerate(self.lines):
                values = [line[name] for name in HEADER]
                writer.writerow(values[:4] if n in self.cut else values)


def delivery_of(feed: str, day: date, said: list[Said]) -> Delivery:
    """One row of a file is good, whatever the others are; of one record and time a file says one thing."""
    sure = Said(0, "9901", "", 0, 0, 0, 1, "good")
    lines, cut, taken = [line_of(sure, feed, day) | {"id": f"{feed[0]}-sure"}], set[int](), set[tuple[str, str]]()
    for each in said:
        line = line_of(each, feed, day)
        if (line["id"], line["updated"]) not in taken:
            taken.add((line["id"], line["updated"]))
            cut |= {len(lines)} if each.what == "cut" else set()
            lines.append(line)
    return Delivery(day, lines, cut)


def snapshot_of(day: date, said: list[Said], vanished: set[int]) -> Delivery:
    """All records that have happened but one in forty days, the newest rows said of some of them."""
    lines = {}
    for record in (r for r in range(60) if event_of(r) < day and r not in vanished):
        lines[record] = line_of(Said(record, "9902", "", record % 2, 0, 0, 1, "good"), "whole", day) | {
            "id": f"w{record}"
        }
    for each in said:
        possible = sorted(lines)
        if possible and each.what not in ("deleted", "no key", "cut"):  # of a snapshot keys can be read
            record = possible[each.record % len(possible)]
            line = line_of(each, "whole", day)
            own = (
                {"id": f"w{record}", "nature": lines[record]["nature"]}
                if each.what != "wrong word"
                else {"id": f"w{record}"}
            )
            day_said = (
                {}
                if each.what in ("no day", "wrong day")
                else {"day": written_day(event_of(record), "whole", each.style)}
            )
            lines[record] = line | own | day_said
    return Delivery(day, list(lines.values()))


# ---- the second reading


class Event(NamedTuple):
    county: str
    day: date
    nature: str
    code: str
    deaths: int
    serious: int


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def day_in(text: str, feed: str) -> date | None:
    """The local day that a text says."""
    text = plain(text)
    try:
        if feed == "gbk":
            return date(*map(int, text.split("/")))
        if "T" in text or " " in text:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
            return (moment.astimezone(ZONE) if moment.tzinfo else moment).date()
        return date(*map(int, text.split("-")))
    except (TypeError, ValueError):
        return None


def county_in(words: Iterable[str], day: date) -> tuple[str | None, str]:
    """The first of the words that is a county's on that day; else the rule by which none is."""
    asked = [plain(word).lower() for word in words]
    for word in asked:
        for known, first, end, county in MEANT:
            if word == known and first <= day < end:
                return county, ""
    return None, "no_area_of_that_day" if any(word in KNOWN for word in asked) else "unknown_area"


def read(line: dict[str, str], feed: str, delivered: date) -> tuple[Event | None, set[str], bool]:
    """An event, or nothing; the rules that the row breaks; whether it takes its record away."""
    day = day_in(line["day"], feed)
    county, no_county = county_in((line["place"], line["town"]), day or delivered)
    of_key = set() if plain(line["id"]) else {"required"}
    if feed != "whole" and line["gone"] == "1":
        return None, of_key, True
    if county is None and "外市" in (plain(line["place"]), plain(line["town"])):
        return None, of_key | {"outside_area"}, True
    rules = of_key | ({no_county} if county is None else set())
    if day is None:
        rule = "not_an_instant" if feed in ("incidents", "whole") else "not_a_date"
        rules.add(rule if plain(line["day"]) else "required")
    natures = FAMILIES if feed in ("incidents", "whole") else ("刑事", "行政")
    rules |= set() if line["nature"] in natures else {"unknown_code"}
    rules |= {"not_a_count"} if "1.5" in (line["deaths"], line["serious"]) else set()
    if rules or county is None or day is None:
        return None, rules, False
    return (
        Event(county, day, line["nature"], line["code"], int(float(line["deaths"])), int(float(line["serious"]))),
        rules,
        False,
    )


def held(feed: str, deliveries: list[Delivery]) -> tuple[list[Event], Counter[str]]:
    """What is known at the end, and how many rows each rule rejected."""
    last: dict[str, tuple[tuple[Any, ...], Event | None]] = {}
    rejected: Counter[str] = Counter()
    for delivery in deliveries:
        seen = set()
        for n, line in enumerate(delivery.lines):
            if n in delivery.cut:
                rejected["not_json" if feed == "incidents" else "wrong_number_of_values"] += 1
                continue
            event, rules, is_gone = read(line, feed, delivery.day)
            rejected.update(rules)
            key = plain(line["id"])
            seen.add(key)
            if not rules or (is_gone and rules == {"outside_area"}):
                known = "" if feed == "whole" else plain(line["updated"])
                if key not in last or last[key][0] <= (known, delivery.day):
                    last[key] = ((known, delivery.day), event)
        if feed == "whole":
            last = {key: what for key, what in last.items() if key in seen}
    return [event for _, event in last.values() if event], rejected


def counts_of(events: dict[str, list[Event]]) -> Counter[tuple[str, str, str, date]]:
    """(indicator, stratum, county, day) -> count, as docs/methodology.md defines the indicators."""
    found: Counter[tuple[str, str, str, date]] = Counter()

    def count(indicator: str, stratum: str, event: Event, n: int = 1) -> None:
        found[indicator, stratum, event.county, event.day] += n

    for event in (*events["cases"], *events["gbk"]):
        offence = CODES[event.code]
        if offence == "wounding":
            offence = "wounding_serious" if event.serious else "wounding_minor"
        killed = max(event.deaths, 1) if offence == "homicide" else event.deaths
        if offence in ("homicide", "robbery_rape", "wounding_serious", "wounding_minor"):
            count("a1_violent_crime", "death" if killed else offence, event, killed or 1)
        if offence == "theft_fraud":
            count("a2_property_crime", offence, event)
        if offence == "gambling":
            count("a4_public_order", "all", event)
    casualties = {"交通": "b1_road_casualties", "火灾": "b3_fires", "安全": "b4_work_safety"}
    for event in (*events["incidents"], *events["whole"]):
        count(casualties[event.nature], "death", event, event.deaths)
        count(casualties[event.nature], "serious_injury", event, event.serious)
        if event.nature == "交通" and event.deaths + event.serious:
            count("b2_injury_crashes", "all", event)
        if event.nature == "火灾":
            count("b3_fires", "fire", event)
    return +found


# ---- the comparison


def deliveries_of() -> dict[str, list[Delivery]]:
    said = iter(examples(DELIVERIES, N_DELIVERIES))
    found: dict[str, list[Delivery]] = {feed: [] for feed in FEEDS}
    for n in range(N_DELIVERIES // len(FEEDS)):
        day = FIRST + timedelta(days=n)
        for feed in FEEDS:
            rows = next(said, [])
            vanished = {record for record in range(60) if record % 20 == 7 and n > record + 15}
            found[feed].append(snapshot_of(day, rows, vanished) if feed == "whole" else delivery_of(feed, day, rows))
    return found


def taken_in(trial: Trial, deliveries: dict[str, list[Delivery]]) -> None:
    """All deliveries through landing, refining and dbt."""
    from spark_jobs.conform import conform
    from spark_jobs.feeds.connection import Connection
    from spark_jobs.feeds.landing import Landing
    from spark_jobs.feeds.refine import refine
    from spark_jobs.feeds.sources import files
    from spark_jobs.feeds.sources.pull import Pull
    from spark_jobs.lake.reference_data import load_reference_data

    connection = Connection(conn_type="fs", extra={"path": str(trial.drops)})
    for feed in trial.city.feeds:
        for delivery in deliveries[feed.feed_code]:
            delivery.write(feed.feed_code, trial.drops)
        landing = Landing.of(trial.settings.landing, feed)
        for day in LANDINGS:
            files.land(Pull(feed, connection, landing, day, trial.city.as_of(day), trial.city.time_zone))
        refine(trial.spark, trial.city, feed, trial.settings)
    load_reference_data(trial.spark, trial.city)
    last = LANDINGS[-1]
    conform(trial.city.city_code, trial.city.time_zone, last, trial.city.as_of(last))


def test_a_second_reading_of_the_same_files_counts_the_same(new_trial: Callable[..., Trial]) -> None:
    trial = new_trial()
    trial.place(AREAS, ALIASES)
    folder = contract.city_folder(trial.city.city_code)
    (folder / "denominators.csv").write_text("area_code,measure,valid_from,valid_to,value,quality_code,source\n")
    for name, text in FEEDS.items():
        (folder / "feeds" / f"{name}.yml").write_text(text + HEAD.format(area=PLACES), encoding="utf-8")
    load_city.cache_clear()
    trial.city = load_city(trial.city.city_code)
    deliveries = deliveries_of()
    assert sum(map(len, deliveries.values())) == N_DELIVERIES
    taken_in(trial, deliveries)
    read_again = {feed: held(feed, of_feed) for feed, of_feed in deliveries.items()}
    own = f"city_code = '{trial.city.city_code}'"
    daily = trial.spark.read.table("indicators.daily").where(own).where("numerator > 0").collect()
    found = {(row.indicator_id, row.stratum, row.area_code, row.day): int(row.numerator) for row in daily}
    assert found == dict(counts_of({feed: events for feed, (events, _) in read_again.items()}))
    rejects = trial.spark.read.table("silver.rejects").where(own).groupBy("feed_code", "rule").count().collect()
    expected = {(feed, rule): n for feed, (_, rules) in read_again.items() for rule, n in rules.items()}
    assert {(row.feed_code, row.rule): row["count"] for row in rejects} == expected
    batches = trial.batches()
    assert (batches["n_received"] == batches["n_accepted"] + batches["n_rejected"]).all()
    received = {feed: sum(len(each.lines) for each in of_feed) for feed, of_feed in deliveries.items()}
    assert batches.groupby("feed_code")["n_received"].sum().to_dict() == received


def test_the_second_reading_has_something_to_read() -> None:
    """Every kind of place, every rule and both sides of the new year are among the deliveries."""
    deliveries = deliveries_of()
    read_again = {feed: held(feed, of_feed) for feed, of_feed in deliveries.items()}
    events = [event for of_feed, _ in read_again.values() for event in of_feed]
    assert {event.county for event in events} == {"9901", "9902", "9903", "9904", "9905", "9914"}
    assert {event.day < NEW_YEAR for event in events} == {True, False}
    rules = {rule for _, of_feed in read_again.values() for rule in of_feed}
    assert rules == {
        "no_area_of_that_day", "unknown_area", "outside_area", "required", "not_a_date", "not_an_instant", "unknown_code",
        "not_a_count", "wrong_number_of_values", "not_json",
    }  # fmt: skip
