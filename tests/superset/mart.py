"""A small serving schema with every case the dashboard has to show, written by hand; all figures invented.

`fill(url, city)` writes nine counties (real area codes, so that the map has borders):
- 红岗区 has no index (its hotline did not deliver): null figures, band `none`;
- bands: two counties better, two worse, the others level with the base period;
- three open flags: one red, one amber, one grey; what became of eleven earlier ones; five feeds, the hotline missing since 2026-11-18;
- the release is provisional and current;
- of the last 28 days one indicator is above its season, one below, one within it, and one is missing;
- revisions of the index after a day and after 35, and one month end that is not 35 days old yet;
- coverage: 红岗区 has none, the platform of 萨尔图区 is too young to compare.
`fill(url, city, bad_day=True)` writes the same city on a bad day: no city index, no flag, no coverage, no
revision yet, the release stale.
A column that no case here is about has a made-up value of its type.
"""

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from spark_jobs.release.mart import MART
from spark_jobs.released.columns import MOVEMENT_CAUSES

CITY_NAME, CITY_AREA = "样例市", "230600"
RELEASE = "2026-11-21-01"
DAY = date(2026, 11, 21)
NO_INDEX = "红岗区"
STALE_REASON = "11月22日发布未通过检验：案件数据量异常，仍显示上一期"

TABLES = {name: table.columns for name, table in MART.items() if table.dataset}  # what the dashboard reads
MADE_UP: dict[str, Any] = {
    "text": "样例", "double precision": 1.0, "boolean": False, "date": DAY,
    "timestamptz": datetime(2026, 11, 21, 17, 30, tzinfo=UTC),
}  # fmt: skip
Row = dict[str, Any]

# area_code, name, index, half width of the 90 % interval, band, change against last year
AREAS: list[tuple[str, str, float | None, float | None, str, float | None]] = [
    ("230600", "样例市", 101.8, 1.6, "better", 0.9),
    ("230602", "萨尔图区", 96.4, 2.1, "worse", -1.8),
    ("230603", "龙凤区", 103.9, 2.8, "better", 1.2),
    ("230604", "让胡路区", 99.1, 2.0, "level", 0.3),
    ("230605", "红岗区", None, None, "none", None),
    ("230606", "大同区", 101.0, 3.4, "level", 2.6),
    ("230621", "肇州县", 95.2, 3.0, "worse", -2.9),
    ("230622", "肇源县", 100.7, 3.1, "level", -0.4),
    ("230623", "林甸县", 107.5, 3.9, "better", 3.1),
    ("230624", "杜尔伯特蒙古族自治县", 102.2, 4.4, "level", 0.0),
]
COUNTIES = {name for code, name, *_ in AREAS if code != CITY_AREA}
BANDS = {"better": "优于基期", "level": "与基期持平", "worse": "差于基期", "none": "无指数"}
DOMAINS = [
    ("public_security", "治安案件", 1.4),
    ("incidents", "安全事故", -2.2),
    ("disputes", "矛盾纠纷", 3.5),
    ("demands_and_grid", "诉求与网格", -0.8),
]
FLAGS = [
    ("f-1", "F4", "严重事件", "230621", "肇州县", "道路交通伤亡", "red", "红色", date(2026, 11, 20),
     "11月20日一起道路交通事故死亡3人，达到立即预警标准（≥3人）"),
    ("f-2", "F1b", "短期异常增多", "230602", "萨尔图区", "电信网络诈骗", "amber", "橙色", date(2026, 11, 19),
     "近7日电信网络诈骗17起，预期约8起"),
    ("f-3", "F9", "数据质量", "230605", "红岗区", None, "grey", "灰色", date(2026, 11, 18),
     "12345工单自11月18日起未到达，相关指标不作评价"),
]  # fmt: skip
FEEDS = [
    ("12345热线工单", date(2026, 11, 17), date(2026, 11, 18), "missing", "缺失", "来源系统无应答"),
    ("矛盾纠纷", DAY, None, "delivered", "已到达", None),
    ("刑事与治安案件", DAY, None, "delivered", "已到达", None),
    ("事故与火灾", DAY, None, "delivered", "已到达", None),
    ("网格事件", DAY, None, "delivered", "已到达", None),
]


def _rows(columns: str, cells: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Rows of a table written as one: the names of its columns above, the cells below."""
    return [dict(zip(columns.split(), row, strict=True)) for row in cells]


def _release(city: str, stale: bool) -> list[Row]:
    since, reason = (date(2026, 11, 22), STALE_REASON) if stale else (None, None)
    return [{
        "city_code": city, "city_name_zh": CITY_NAME, "release_id": RELEASE, "as_of_text": "2026-11-22 01:30",
        "status_code": "provisional", "status_name_zh": "暂定", "data_version": "v1", "method_version": "1.0.0",
        "is_stale": stale, "stale_since": since, "stale_reason_zh": reason,
        "next_due_text": "2026-11-23 07:00", "note_zh": "演示数据",
        "missing_zh": "12345热线工单（自2026-11-18）",
    }]  # fmt: skip


def level(code: str) -> str:
    return "city" if code == CITY_AREA else "county"


def _area(code: str, name: str) -> Row:
    return {"area_code": code, "area_name_zh": name, "level_code": level(code)}


def _county_index(with_city: bool) -> list[Row]:
    rows: list[Row] = []
    for code, name, index, half, band, change in AREAS:
        if code == CITY_AREA and not with_city:
            index, half, band, change = None, None, "none", None
        low, high = (index - half, index + half) if index is not None and half is not None else (None, None)
        missing = "诉求与网格（热线自11月18日缺失）" if index is None else ""
        rows.append({
            **_area(code, name), "index": index, "lower": low, "upper": high,
            "interval_text": f"{math.floor(low)}–{math.ceil(high)}" if low is not None else "—",
            "band_code": band, "band_name_zh": BANDS[band],
            "change_1y": change, "change_text": f"{change:+.0f}" if change is not None else "—", "rank_text": "",
            "status_code": "provisional", "status_name_zh": "暂定", "confidence_code": "B" if index else "C",
            "missing_zh": missing, "reason_zh": missing or None,
        })  # fmt: skip
    return rows


def _county_map() -> list[Row]:
    rows = [{"area_code": row["area_code"], "index": row["index"]} for row in _county_index(with_city=False)]
    return [row for row in rows if row["index"] is not None] + [
        {"area_code": "scale_low", "index": 60.0}, {"area_code": "scale_high", "index": 140.0},
    ]  # fmt: skip


def _domain_index() -> list[Row]:
    rows: list[Row] = []
    for position, (code, name, index, _, _, _) in enumerate(AREAS):
        for domain, domain_name, shift in DOMAINS:
            live = not (index is None and domain == "demands_and_grid")
            value = (index or 99.0) + shift * (1 + position % 3) / 2 if live else None
            low, high = (value - 4, value + 4) if value is not None else (None, None)
            text = f"{math.floor(low)}–{math.ceil(high)}" if low is not None else "—"
            band = (
                "none" if low is None or high is None else "better" if low > 100 else "worse" if high < 100 else "level"
            )
            mark = {"better": "▲ ", "worse": "▼ "}.get(band, "")
            rows.append({
                **_area(code, name), "domain_id": domain, "domain_name_zh": domain_name,
                "value": value, "lower": low, "upper": high, "interval_text": text,
                "value_text": f"{mark}{value:.0f}（{text}）" if live else "无指数",
                "band_code": band, "band_name_zh": BANDS[band], "is_live": live,
            })  # fmt: skip
    return rows


def _movement_summary() -> list[Row]:
    """Since the day before: the first county moved by late data, one county has no index, the others hardly moved."""
    rows: list[Row] = []
    for position, (code, name, index, _, _, _) in enumerate(AREAS):
        late = -1.4 if position == 1 else 0.0
        moved: Row = {"change_text": "—", **dict.fromkeys(MOVEMENT_CAUSES), "words_zh": "本期无指数"}
        if index is not None:
            words = "影响最大的是侵财犯罪（迟到数据，−1.4）。" if late else "各项指标的影响均不足0.1点。"
            points = {"real_change": 0.02, "late_data": late, "method": 0.0, "denominator": 0.0}
            moved = {"change_text": f"{late + 0.02:+.1f}", **points, "words_zh": words}
        before = {"previous_business_date": DAY - timedelta(days=1), "index": index}
        rows.append({**_area(code, name), **before, **moved})
    return rows


def _trend_line() -> list[Row]:
    """24 month ends and the day itself; the null county stops in October; the city has an interval."""
    ends = [date(2024 + (10 + i) // 12, (10 + i) % 12 + 1, 1) - timedelta(days=1) for i in range(1, 25)]
    lines: list[tuple[Any, ...]] = []
    for number, day in enumerate([*ends, DAY]):
        for position, (code, name, index, half, _, _) in enumerate(AREAS):
            if index is None and day == DAY:
                lines.append((day, code, name, None))
                continue
            wave = ((number * 7 + position * 5) % 11 - 5) / 4
            value = (index or 99.0) - 0.12 * (24 - number) + wave
            lines.append((day, code, name, value))
            if code == CITY_AREA and half:
                lines += [
                    (day, code, f"{name}区间下限", value - half),
                    (day, code, f"{name}区间上限", value + half),
                ]
    return _rows("day area_code series_zh value", lines)


def _settlement() -> list[Row]:
    """The figures of a mediation centre for the city, two small offices that cannot be ranked, and three months found."""
    city, columns = _area("230600", "样例市"), "n_accepted n_settled rate_text interval_text"
    ever = _rows(f"area_code area_name_zh {columns}", [
        ("230600", "样例市", 75_701, 74_187, "98.00%", "97.9–98.1"),
        ("230602", "萨尔图区", 168, 164, "97.62%", "94.0–99.1"),
        ("230603", "龙凤区", 168, 165, "98.21%", "94.9–99.4"),
    ])  # fmt: skip
    found = _rows(f"found_on {columns}", [
        (date(2026, 9, 1), 812, 790, "97.29%", "95.9–98.2"),
        (date(2026, 10, 1), 798, 751, "94.11%", "92.2–95.5"),
        (date(2026, 11, 1), 402, 211, "52.49%", "47.6–57.3"),
    ])  # fmt: skip
    cumulative = {"view_code": "cumulative", "found_on": None, "found_zh": "有记录以来", "n_open": 2}
    return [{**row, **cumulative, "level_code": level(row["area_code"])} for row in ever] + [
        {
            **city, **row, "view_code": "cohort", "found_zh": f"2026年{row['found_on'].month}月",
            "n_open": row["n_accepted"] - row["n_settled"],
        }
        for row in found
    ]  # fmt: skip


def _pulse() -> list[Row]:
    """One indicator of the city in each case, and of the first county one that the page does not show."""
    columns = (
        "area_code area_name_zh indicator_id indicator_name_zh observed expected expected_text change_text state_code "
        "state_name_zh"
    )
    cells = [
        ("230600", "样例市", "a1_violent_crime", "暴力犯罪", 36, 34.5, "23–47", "−10%", "expected", "在常年范围内"),
        ("230600", "样例市", "a2_property_crime", "侵财犯罪（含涉油）", 1_404, 921.9, "887–958", "+48%", "above", "高于常年同期"),
        ("230600", "样例市", "a3_telecom_fraud", "电信网络诈骗", 133, 193.3, "167–221", "−30%", "below", "低于常年同期"),
        ("230600", "样例市", "d1_unresolved", "诉求未解决率", None, None, "—", "—", "missing_feed", "数据未到"),
        ("230602", "萨尔图区", "a3_telecom_fraud", "电信网络诈骗", 77, 28.1, "19–38", "+70%", "above", "高于常年同期"),
    ]  # fmt: skip
    days = {"first_day": DAY - timedelta(days=27), "last_day": DAY}
    return [{**row, **days, "level_code": level(row["area_code"])} for row in _rows(columns, cells)]


def _revision() -> list[Row]:
    columns = "measure_zh delay_days n_figures mean_absolute_text mean_text largest_text"
    return _rows(columns, [("指数", 1, 250, "0.08", "−0.02", "0.41"), ("指数", 35, 220, "0.31", "+0.12", "1.90")])


def _revision_triangle() -> list[Row]:
    columns = "day first_text after_1_text after_7_text after_35_text after_92_text after_365_text"
    return _rows(columns, [(date(2026, 10, 31), "102", "0.0", "+0.1", "—", "—", "—")])


def _coverage() -> list[Row]:
    shown = {
        "devices": "13,200（12,480）", "posts": "472（472）", "staff": "4,713（4,713）", "connected_units": "333（315）",
        "diary_share": "93.7%（91.9%）", "analysis_share": "75.0%（75.0%）", "feedback_share": "89.6%（90.7%）",
    }  # fmt: skip
    rows: list[Row] = []
    for code, name, index, *_ in AREAS:
        if index is None:
            nothing = {f"{measure}_text": "—" for measure in shown}
            rows.append({**_area(code, name), "month_zh": "—", **nothing, "rolled_out_on": None})
            continue
        young = code == "230602"
        cells = {f"{measure}_text": cell.split("（")[0] if young else cell for measure, cell in shown.items()}
        since = date(2026, 4, 1) if young else date(2022, 10, 1)
        rows.append({**_area(code, name), "month_zh": "2026年10月", **cells, "rolled_out_on": since})
    return rows


def _flags() -> list[Row]:
    columns = "flag_id rule_code rule_name_zh area_code area_name_zh indicator_name_zh colour_code colour_name_zh since detail_zh"
    return [{**row, "status_code": "raised", "status_name_zh": "已提出"} for row in _rows(columns, FLAGS)]


def _flag_funnel() -> list[Row]:
    columns = "rule_code rule_text n_flags n_assigned n_verified n_confirmed n_cleared n_open confirmed_text assigned_days_text"
    return _rows(columns, [
        ("all", "全部规则", 11, 10, 10, 7, 3, 1, "70.00%（39.7–89.2）", "5.5 / 9.1"),
        ("F1", "F1 异常增多", 10, 10, 10, 7, 3, 0, "70.00%（39.7–89.2）", "5.5 / 9.1"),
        ("F2", "F2 缓慢上升", 1, 0, 0, 0, 0, 1, "—", "—"),
    ])  # fmt: skip


def _cells(table: str, row: Row) -> tuple[Any, ...]:
    """The row in the order of the table's columns, made-up values where it says nothing."""
    columns = TABLES[table]
    assert row.keys() <= columns.keys(), f"{table} has no column {row.keys() - columns.keys()}"
    return tuple(row[name] if name in row else MADE_UP[declared.type] for name, declared in columns.items())


def fill(url: str, city: str, *, bad_day: bool = False) -> None:
    """Write the schema mart_<city> into the database `url` anew, readable for mart_reader."""
    rows = {
        "release_info": _release(city, stale=bad_day),
        "county_index": _county_index(with_city=not bad_day),
        "county_map": _county_map(),
        "domain_index": _domain_index(),
        "movement_summary": _movement_summary(),
        "trend_line": _trend_line(),
        "pulse": _pulse(),
        "settlement": _settlement(),
        "revision": [] if bad_day else _revision(),
        "revision_triangle": [] if bad_day else _revision_triangle(),
        "coverage": [] if bad_day else _coverage(),
        "flag": [] if bad_day else _flags(),
        "flag_funnel": [] if bad_day else _flag_funnel(),
        "feed_status": _rows("feed_name_zh delivered_through missing_since state_code state_name_zh reason_zh", FEEDS),
    }
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f'drop schema if exists "mart_{city}" cascade')
        cursor.execute(f'create schema "mart_{city}"')
        for table, columns in TABLES.items():
            declared = ", ".join(f'"{name}" {column.type}' for name, column in columns.items())
            cursor.execute(f'create table "mart_{city}".{table} ({declared})')
            holes = ", ".join(["%s"] * len(columns))
            cells = [_cells(table, row) for row in rows[table]]
            cursor.executemany(f'insert into "mart_{city}".{table} values ({holes})', cells)
        cursor.execute(f'grant usage on schema "mart_{city}" to mart_reader')
        cursor.execute(f'grant select on all tables in schema "mart_{city}" to mart_reader')
