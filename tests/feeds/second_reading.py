"""A second reading of the deliveries, written plainly and on its own: nothing of the product reads, casts or counts here.

Raw files -> events that are known at the end, the rules that rows break, and the counts of the indicators as
docs/methodology.md defines them.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
NEW_YEAR = date(2026, 1, 1)
INCIDENTS = ("incidents", "whole")
FAMILIES = ("交通", "火灾", "安全")
OFFENCES = {
    "040101": "homicide",
    "050100": "robbery_rape",
    "040103": "wounding",
    "050200": "theft_fraud",
    "060197": "gambling",
}
MOST = 1_000_000  # events of one row of a source of counts
CUT_OFF = 1 / 3  # a whole table that lacks more than this of the one before proves nothing

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


class Event(NamedTuple):
    county: str
    day: date
    nature: str
    code: str
    deaths: int
    serious: int
    n: int  # of events that are like this


class Read(NamedTuple):
    """What is known of a feed at the end, how many rows its files have, and how many of them each rule rejected."""

    events: list[Event]
    n_rows: int
    rejected: Counter[str]


def read(feed: str, folder: Path) -> Read:
    """All files of a feed, day by day."""
    last: dict[str, tuple[str, Event | None]] = {}
    rejected, n_rows = Counter[str](), 0
    for path in sorted(folder.glob(f"{feed}_*")):
        delivered = datetime.strptime(path.name.split("_")[1][:8], "%Y%m%d").date()
        seen = set()
        for line in lines(feed, path):
            n_rows += 1
            if line is None:
                rejected["not_json" if feed == "incidents" else "wrong_number_of_values"] += 1
                continue
            event, rules = meaning(feed, line, delivered)
            rejected.update(rules)
            key = plain(line["id"])
            seen.add(key)
            known = "" if feed == "whole" else plain(line["updated"])
            if not rules - {"outside_area"} and (key not in last or last[key][0] <= known):
                last[key] = known, event
        if feed == "whole":
            gone = {key for key, (_, event) in last.items() if event and key not in seen}
            n_before = sum(event is not None for _, event in last.values())
            last = {key: what for key, what in last.items() if key not in gone or len(gone) > CUT_OFF * n_before}
    return Read([event for _, event in last.values() if event], n_rows, rejected)


def lines(feed: str, path: Path) -> Iterable[dict[str, str] | None]:
    """Rows of a raw file by the names of their values; None for a row that is cut off."""
    if feed == "incidents":
        for text in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(text) if text.endswith("}") else None
        return
    content = (
        gzip.decompress(path.read_bytes()).decode("gb18030") if feed == "gbk" else path.read_text(encoding="utf-8")
    )
    header, *rows = csv.reader(io.StringIO(content), delimiter=";" if feed == "gbk" else ",")
    for row in rows:
        yield dict(zip(header, row, strict=True)) if len(row) == len(header) else None


def meaning(feed: str, line: dict[str, str], delivered: date) -> tuple[Event | None, set[str]]:
    """An event, or none where the record is taken away; the rules that the row breaks."""
    key, day = plain(line["id"]), day_in(feed, line["day"])
    county, no_county = county_in((line["place"], line["town"]), day or delivered)
    rules = {"required"} if not key else {"null_word"} if key == "NULL" else set()
    if feed != "whole" and line["gone"] == "1":
        return None, rules
    if county is None and "外市" in (plain(line["place"]), plain(line["town"])):
        return None, rules | {"outside_area"}
    if day is None:
        not_read = "not_an_instant" if feed in INCIDENTS else "not_a_date"
        rules.add(not_read if plain(line["day"]) else "required")
    if line["nature"] not in (FAMILIES if feed in INCIDENTS else ("刑事", "行政")):
        rules.add("unknown_code")
    n, wrong_number = count_in(line["n"]) if feed == "tallies" else (1, set())
    rules |= wrong_number
    if feed != "tallies" and not float(line["deaths"]).is_integer():
        rules.add("not_a_count")
    if county is None:
        rules.add(no_county)
    if rules or county is None or day is None:
        return None, rules
    tolls = ("0", "0") if feed == "tallies" else (line["deaths"], line["serious"])
    deaths, serious = (int(float(toll)) for toll in tolls)
    return Event(county, day, line["nature"], line["code"], deaths, serious, n), rules


def count_in(text: str) -> tuple[int, set[str]]:
    """How many events a row of a source of counts tells of; the rule that its number breaks."""
    text = plain(text)
    if text in ("", "-"):
        return 0, {"required"}
    if text == "1,000":
        return 0, {"ambiguous_number"}
    try:
        n = float(text)
    except ValueError:
        return 0, {"not_a_count"}
    if not n.is_integer() or abs(n) >= 2**31:
        return 0, {"not_a_count"}
    return int(n), {"negative"} if n < 0 else {"too_large"} if n > MOST else set()


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().removeprefix("'")


def day_in(feed: str, text: str) -> date | None:
    """The local day that a text says."""
    text = plain(text)
    try:
        if feed == "gbk":
            return date(*map(int, text.split("/")))
        if "T" in text or " " in text:
            moment = datetime.fromisoformat(text)
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


def counts(readings: Mapping[str, Read]) -> dict[tuple[str, str, str, date], int]:
    """(indicator, stratum, county, day) -> count; none that is zero."""
    found: Counter[tuple[str, str, str, date]] = Counter()
    for feed, reading in readings.items():
        for event in reading.events:
            told = of_incident(event) if feed in INCIDENTS else of_case(event)
            found.update({(indicator, stratum, event.county, event.day): n * event.n for indicator, stratum, n in told})
    return dict(+found)


def of_case(event: Event) -> list[tuple[str, str, int]]:
    offence = OFFENCES[event.code]
    if offence == "theft_fraud":
        return [("a2_property_crime", offence, 1)]
    if offence == "gambling":
        return [("a4_public_order", "all", 1)]
    if offence == "wounding":
        offence = "wounding_serious" if event.serious else "wounding_minor"
    killed = max(event.deaths, 1) if offence == "homicide" else event.deaths
    return [("a1_violent_crime", "death" if killed else offence, killed or 1)]


def of_incident(event: Event) -> list[tuple[str, str, int]]:
    indicator = {"交通": "b1_road_casualties", "火灾": "b3_fires", "安全": "b4_work_safety"}[event.nature]
    told: list[tuple[str, str, int]] = [
        (indicator, "death", event.deaths),
        (indicator, "serious_injury", event.serious),
    ]
    if event.nature == "交通" and event.deaths + event.serious:
        told.append(("b2_injury_crashes", "all", 1))
    return [*told, ("b3_fires", "fire", 1)] if event.nature == "火灾" else told
