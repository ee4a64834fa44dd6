"""300 deliveries of five feeds, as Hypothesis thinks of them, and the contracts that they were agreed by.

Encodings, spellings of keys, places and days, offsets, equal known times, moves between counties, deletions, places of
other cities, whole tables from which records vanish or that are cut off, rows that are cut off or wrong, and counties
that are merged and re-coded on the way. One feed is a source of counts: its rows say of how many events they tell.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.feeds.test_exactly_once import examples

ZONE = ZoneInfo("Asia/Shanghai")
N_DELIVERIES = 300
SEED = int(os.environ.get("SECOND_READING_SEED", "1"))  # another number is 300 others
FIRST, N_DAYS = date(2025, 12, 1), 60  # of delivery; one file a day and feed
CUT_ON = FIRST + timedelta(days=44)  # the day on which the whole table is cut off in the middle
N_RECORDS = 60  # of a feed

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
ALL_FEEDS = """
name: {zh: 某, en: Some}
starts_on: 2025-11-01
tolerance: {rejected_share: 1}
record_id: [id]
area: [place, town]
outside_area: [外市]
"""
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
source: {type: files, connection: trial, pattern: "gbk_*", format: csv, encoding: gb18030, delimiter: ";", delivered: 'gbk_(\\d{8})\\.csv\\.gz'}
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
    "tallies": """
feed: tallies
kind: case
source: {type: files, connection: trial, pattern: "tallies_*", format: csv, delivered: 'tallies_(\\d{8})\\.csv'}
known_at: {column: updated}
deleted: {column: gone, values: ["1"]}
columns:
  occurred_on: day
  nature_code: {from: nature, map: {刑事: criminal, 行政: public_order}}
  case_code: code
  n_events: {from: "n", empty: ["-"]}
""",
}
HEADER = ("id", "place", "town", "day", "nature", "code", "deaths", "serious", "gone", "updated", "n")
COUNTS = ("0", "1", "3", "12.0", " 7 ", "２", "41", "-1", "1.5", "", "-", "1,000", "1000001", "99999999999", "many")
CASE_CODES = ("040101", "050100", "040103", "050200", "060197")
FAMILIES = ("交通", "火灾", "安全")
PLACES = (
    "9901", "９９０１", "东县", "East", "EAST", "9902", " 9902 ", "西县", "West", "西", "9903", "９９０３", "南县", "　南县",
    "South", "9904", "9914", "北县", "9905", "旧县", "新镇", "",
)  # fmt: skip
TOWNS = ("", "", "9901", "新镇", "nowhere")


class Said(NamedTuple):
    """One row of a delivery as Hypothesis thinks of it; `record`: which of the records that can be known by then."""

    record: int
    place: str
    town: str
    deaths: int
    serious: int
    style: int  # how key and day are written
    hours: int  # before the end of the delivery's day, when the row was changed
    what: str


WRONG = {
    "deleted": {"gone": "1", "deaths": "", "serious": ""}, "elsewhere": {"place": "外市", "town": ""},
    "unknown place": {"place": "火星", "town": ""}, "no day": {"day": ""}, "wrong day": {"day": "2026-02-30"},
    "wrong word": {"nature": "其它"}, "no key": {"id": ""}, "null key": {"id": "NULL"}, "half": {"deaths": "1.5"},
}  # fmt: skip
WITHOUT_KEY = ("no key", "null key", "cut")
WHATS = ["good"] * 9 + [*WRONG, "cut"]
Line = dict[str, str] | str  # a text: where the row is cut off
ROWS = st.builds(
    Said, st.integers(0, 10**6), st.sampled_from(PLACES), st.sampled_from(TOWNS),
    st.integers(0, 2), st.integers(0, 1), st.integers(0, 3), st.sampled_from([1, 1, 7, 25, 31, 55]), st.sampled_from(WHATS),
)  # fmt: skip


def deliver(folder: Path) -> None:
    """Write all deliveries, a file a feed and day."""
    said = iter(examples(st.lists(ROWS, max_size=7), N_DELIVERIES, SEED))
    for n in range(N_DELIVERIES // len(FEEDS)):
        day = FIRST + timedelta(days=n)
        for feed in FEEDS:
            rows = next(said)
            _write(folder, feed, day, _whole_table(day, rows) if feed == "whole" else _changes(feed, day, rows))


def _write(folder: Path, feed: str, day: date, lines: list[Line]) -> None:
    """Lines as the source writes them; one that is no more than a text is cut off behind it."""
    if feed == "incidents":
        texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
        (folder / f"{feed}_{day:%Y%m%d}.jsonl").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if feed == "gbk" else ",")
    writer.writerow(HEADER)
    writer.writerows([line] if isinstance(line, str) else [line[name] for name in HEADER] for line in lines)
    if feed == "gbk":
        (folder / f"{feed}_{day:%Y%m%d}.csv.gz").write_bytes(gzip.compress(text.getvalue().encode("gb18030")))
    else:
        (folder / f"{feed}_{day:%Y%m%d}.csv").write_text(text.getvalue(), encoding="utf-8")


def _changes(feed: str, day: date, said: list[Said]) -> list[Line]:
    """One row of a file is good, whatever the others are; of one record and time a file says one thing."""
    sure = Said(0, "9901", "", 0, 0, 0, 1, "good")
    lines: list[Line] = [_line(sure, feed, day) | {"id": f"{feed[0]}-sure"}]
    taken = set[tuple[int, str]]()
    for each in said:
        line, record = _line(each, feed, day), _record(each, day)
        if (record, line["updated"]) not in taken or each.what in WITHOUT_KEY:
            lines.append('{"id": "c' if each.what == "cut" else line)
            taken |= set() if each.what in WITHOUT_KEY else {(record, line["updated"])}
    return lines


def _whole_table(day: date, said: list[Said]) -> list[Line]:
    """All records that have happened but some that vanish on the way; of a few of them something new is said.

    On one day the file ends in the middle. Keys can always be read.
    """
    n_days = (day - FIRST).days
    has_vanished = {record for record in range(N_RECORDS) if record % 20 == 7 and n_days > record + 15}
    lines = {}
    for record in (record for record in range(N_RECORDS) if _event_of(record) < day and record not in has_vanished):
        lines[record] = _line(Said(record, "9902", "", record % 2, 0, 0, 1, "good"), "whole", day, record)
    for each in said:
        if each.what not in WITHOUT_KEY and each.what != "deleted":
            record = sorted(lines)[each.record % len(lines)]
            lines[record] = _line(each, "whole", day, record)
    kept = sorted(lines)[: len(lines) // 2] if day == CUT_ON else sorted(lines)
    return [lines[record] for record in kept]


def _event_of(record: int) -> date:
    """A record is about one day, whatever is said of it later."""
    return FIRST - timedelta(days=5) + timedelta(days=record)


def _record(said: Said, delivered: date) -> int:
    return said.record % min(N_RECORDS, (delivered - _event_of(0)).days)


def _line(said: Said, feed: str, delivered: date, record: int | None = None) -> dict[str, str]:
    """The row as the source writes it."""
    record = _record(said, delivered) if record is None else record
    changed = datetime(delivered.year, delivered.month, delivered.day, 23, 0) - timedelta(hours=said.hours)
    changed = max(changed, datetime(*_event_of(record).timetuple()[:3], 23, 0))
    natures = FAMILIES if feed in ("incidents", "whole") else ("刑事",)
    line = {
        "id": _written_key(f"{feed[0]}{record}", said.style), "place": said.place, "town": said.town,
        "day": _written_day(_event_of(record), feed, said.style), "nature": natures[record % len(natures)],
        "code": CASE_CODES[record % len(CASE_CODES)], "deaths": str(said.deaths),
        "serious": f"{said.serious}.0" if said.style == 1 else str(said.serious), "gone": "0",
        "updated": f"{changed:%Y/%m/%d %H:%M}" if feed == "gbk" else f"{changed:%Y-%m-%d %H:%M:%S}",
        "n": COUNTS[said.record // N_RECORDS % len(COUNTS)],
    }  # fmt: skip
    return line | WRONG.get(said.what, {})


def _written_key(key: str, style: int) -> str:
    return [key, f"'{key}", key.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}), f"\u3000{key}"][style]


def _written_day(day: date, feed: str, style: int) -> str:
    if feed == "gbk":
        return f"{day.year}/{day.month}/{day.day}" if style % 2 else f"{day:%Y/%m/%d}"
    if feed in ("incidents", "whole"):  # instants: at 00:30 here, the day before in UTC, also with its own offset
        moment = datetime(day.year, day.month, day.day, 0, 30, tzinfo=ZONE)
        in_utc, elsewhere = moment.astimezone(UTC), moment.astimezone(ZoneInfo("America/New_York"))
        ways = (f"{moment:%Y-%m-%d %H:%M:%S}", f"{in_utc:%Y-%m-%dT%H:%M:%SZ}", elsewhere.isoformat(sep=" "), f"{day}")
        return ways[style]
    return (f"{day:%Y-%m-%d}", f"{day.year}-{day.month}-{day.day}", f"{day} 10:00:00", f" {day}\u3000")[style]
