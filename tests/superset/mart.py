"""A small serving schema with every case the dashboard has to show, written by hand; all figures invented.

`fill(url, city)` writes nine counties (real area codes, so that the map has borders):
- 红岗区 has no index (its hotline did not deliver): null figures, band `none`;
- bands: two counties better, two worse, the others level with the base period;
- three open flags: one red, one amber, one grey; five feeds, the hotline missing since 2026-11-18;
- the release is provisional and current;
- of the last 28 days one indicator is above its season, one below, one within it, and one is missing;
- coverage: 红岗区 has none, the platform of 萨尔图区 is too young to compare.
`fill(url, city, bad_day=True)` writes the same city on a bad day: no city index, no flag, no coverage, the release stale.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from spark_jobs.release.serving_tables import SERVING_TABLES

CITY_NAME, CITY_AREA = "样例市", "230600"
RELEASE = "2026-11-21-01"
DAY = date(2026, 11, 21)
NO_INDEX = "红岗区"
STALE_REASON = "11月22日发布未通过检验：案件数据量异常，仍显示上一期"

# What the dashboard reads of the serving tables, as the release step declares them.
READ = (
    "release_info", "county_index", "domain_index", "movement_summary", "trend_line", "pulse", "settlement", "coverage", "flag",
    "feed_status",
)  # fmt: skip
TABLES = {name: SERVING_TABLES[name] for name in READ}

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
    ("hotline", "12345热线工单", "hotline", date(2026, 11, 17), date(2026, 11, 18), "missing", "缺失",
     "来源系统无应答"),
    ("disputes", "矛盾纠纷", "dispute", DAY, None, "delivered", "已到达", None),
    ("cases", "刑事与治安案件", "case", DAY, None, "delivered", "已到达", None),
    ("incidents", "事故与火灾", "incident", DAY, None, "delivered", "已到达", None),
    ("grid_events", "网格事件", "incident", DAY, None, "delivered", "已到达", None),
]  # fmt: skip


def _release(city: str, stale: bool) -> list[tuple[Any, ...]]:
    since, reason = (date(2026, 11, 22), STALE_REASON) if stale else (None, None)
    return [(
        city, CITY_NAME, "Sample", RELEASE, DAY, datetime(2026, 11, 21, 17, 30, tzinfo=UTC),
        "2026-11-22 01:30", "provisional", "暂定", "v1", "1.0.0", stale, since, reason, None,
        f"发布 {RELEASE} · 截至 2026-11-22 01:30 · 暂定", "12345热线工单（自2026-11-18）",
    )]  # fmt: skip


def level(code: str) -> str:
    return "city" if code == CITY_AREA else "county"


def _county_index(with_city: bool) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for code, name, index, half, band, change in AREAS:
        if code == CITY_AREA and not with_city:
            index, half, band, change = None, None, "none", None
        low, high = (index - half, index + half) if index is not None and half is not None else (None, None)
        interval = f"{low:.1f}–{high:.1f}" if low is not None else "—"
        text = f"{change:+.1f}" if change is not None else "—"
        missing = "诉求与网格（热线自11月18日缺失）" if index is None else ""
        figures = (index, low, high, interval, band, BANDS[band], change, text, "")
        status = ("provisional", "暂定", "B" if index else "C", missing, missing or None)
        rows.append((code, name, name, level(code), *figures, *status))
    return rows


def _domain_index() -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for position, (code, name, index, _, _, _) in enumerate(AREAS):
        for domain, domain_name, shift in DOMAINS:
            live = not (index is None and domain == "demands_and_grid")
            value = (index or 99.0) + shift * (1 + position % 3) / 2 if live else None
            low, high = (value - 4, value + 4) if value is not None else (None, None)
            text = f"{low:.1f}–{high:.1f}" if low is not None else "—"
            band = (
                "none" if low is None or high is None else "better" if low > 100 else "worse" if high < 100 else "level"
            )
            mark = {"better": "▲ ", "worse": "▼ "}.get(band, "")
            value_text = f"{mark}{value:.1f}（{text}）" if live else "无指数"
            figures = (value, low, high, text, value_text, band, BANDS[band])
            rows.append((code, name, level(code), domain, domain_name, *figures, live))
    return rows


def _movement_summary() -> list[tuple[Any, ...]]:
    """Since the day before: the first county moved by late data, one county has no index, the others hardly moved."""
    rows: list[tuple[Any, ...]] = []
    for position, (code, name, index, _, _, _) in enumerate(AREAS):
        late = -1.4 if position == 1 else 0.0
        words = "影响最大的是侵财犯罪（迟到数据，−1.4）。" if late else "各项指标的影响均不足0.1点。"
        before = (code, name, level(code), "2026-11-20-01", DAY - timedelta(days=1))
        if index is None:
            rows.append((*before, 99.0, None, "—", None, None, None, None, "本期无指数"))
        else:
            figures = (index - late - 0.02, index, f"{late + 0.02:+.1f}", 0.02, late, 0.0, 0.0)
            rows.append((*before, *figures, words))
    return rows


def _trend_line() -> list[tuple[Any, ...]]:
    """24 month ends and the day itself; the null county stops in October; the city has an interval."""
    ends = [date(2024 + (10 + i) // 12, (10 + i) % 12 + 1, 1) - timedelta(days=1) for i in range(1, 25)]
    rows: list[tuple[Any, ...]] = []
    for number, day in enumerate([*ends, DAY]):
        for position, (code, name, index, half, _, _) in enumerate(AREAS):
            if index is None and day == DAY:
                rows.append((day, code, name, None))
                continue
            wave = ((number * 7 + position * 5) % 11 - 5) / 4
            value = (index or 99.0) - 0.12 * (24 - number) + wave
            rows.append((day, code, name, value))
            if code == CITY_AREA and half:
                rows += [
                    (day, code, f"{name}区间下限", value - half),
                    (day, code, f"{name}区间上限", value + half),
                ]
    return rows


def _settlement() -> list[tuple[Any, ...]]:
    """The figures of a mediation centre for the city, two small offices that cannot be ranked, and three months found."""
    rows: list[tuple[Any, ...]] = []
    for code, name, accepted, settled, rate, interval in (
        ("230600", "样例市", 75_701, 74_187, "98.00%", "97.9–98.1"),
        ("230602", "萨尔图区", 168, 164, "97.62%", "94.0–99.1"),
        ("230603", "龙凤区", 168, 165, "98.21%", "94.9–99.4"),
    ):
        figures = (accepted, settled, 2, settled / accepted, None, None, rate, interval)
        rows.append((code, name, level(code), "cumulative", None, "有记录以来", *figures))
    for month, accepted, settled, rate, interval in ((9, 812, 790, "97.29%", "95.9–98.2"), (10, 798, 751, "94.11%", "92.2–95.5"),
                                                     (11, 402, 211, "52.49%", "47.6–57.3")):  # fmt: skip
        figures = (accepted, settled, accepted - settled, settled / accepted, None, None, rate, interval)
        rows.append(("230600", "样例市", "city", "cohort", date(2026, month, 1), f"2026年{month}月", *figures))
    return rows


def _pulse() -> list[tuple[Any, ...]]:
    """One indicator of the city in each case, and of the first county one that the page does not show."""
    first = DAY - timedelta(days=27)
    rows: list[tuple[Any, ...]] = []
    for code, name, indicator, indicator_name, *figures in (
        ("230600", "样例市", "a1_violent_crime", "暴力犯罪", 36, 34.5, "23–47", "−10%", "expected", "在常年范围内"),
        ("230600", "样例市", "a2_property_crime", "侵财犯罪（含涉油）", 1_404, 921.9, "887–958", "+48%", "above", "高于常年同期"),
        ("230600", "样例市", "a3_telecom_fraud", "电信网络诈骗", 133, 193.3, "167–221", "−30%", "below", "低于常年同期"),
        ("230600", "样例市", "d1_unresolved", "诉求未解决率", None, None, "—", "—", "missing_feed", "数据未到"),
        ("230602", "萨尔图区", "a3_telecom_fraud", "电信网络诈骗", 77, 28.1, "19–38", "+70%", "above", "高于常年同期"),
    ):  # fmt: skip
        observed, expected, expected_text, change_text, *state = figures
        area = (code, name, level(code), indicator, indicator_name, first, DAY)
        rows.append((*area, observed, expected, expected_text, None, change_text, *state))
    return rows


def _coverage() -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for code, name, index, *_ in AREAS:
        if index is None:
            rows.append((code, name, level(code), *["—"] * 8, None))
            continue
        shares = ("93.7%（91.9%）", "75.0%（75.0%）", "89.6%（90.7%）")
        counts = ("13,200（12,480）", "472（472）", "4,713（4,713）", "333（315）")
        young = code == "230602"
        cells = [cell.split("（")[0] if young else cell for cell in (*counts, *shares)]
        rows.append((code, name, level(code), "2026年10月", *cells, date(2026, 4, 1) if young else date(2022, 10, 1)))
    return rows


def _flags() -> list[tuple[Any, ...]]:
    return [
        (
            flag,
            rule,
            rule_name,
            code,
            name,
            indicator,
            level,
            level_name,
            "raised",
            "已提出",
            since,
            detail,
            detail,
        )
        for flag, rule, rule_name, code, name, indicator, level, level_name, since, detail in FLAGS
    ]


def fill(url: str, city: str, *, bad_day: bool = False) -> None:
    """Write the schema mart_<city> into the database `url` anew, readable for mart_reader."""
    rows = {
        "release_info": _release(city, stale=bad_day),
        "county_index": _county_index(with_city=not bad_day),
        "domain_index": _domain_index(),
        "movement_summary": _movement_summary(),
        "trend_line": _trend_line(),
        "pulse": _pulse(),
        "settlement": _settlement(),
        "coverage": [] if bad_day else _coverage(),
        "flag": [] if bad_day else _flags(),
        "feed_status": FEEDS,
    }
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f'drop schema if exists "mart_{city}" cascade')
        cursor.execute(f'create schema "mart_{city}"')
        for table, columns in TABLES.items():
            declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            cursor.execute(f'create table "mart_{city}".{table} ({declared})')
            holes = ", ".join(["%s"] * len(columns))
            cursor.executemany(f'insert into "mart_{city}".{table} values ({holes})', rows[table])
        cursor.execute(f'grant usage on schema "mart_{city}" to mart_reader')
        cursor.execute(f'grant select on all tables in schema "mart_{city}" to mart_reader')
