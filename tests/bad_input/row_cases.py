"""Tables of bad values: what a row is rejected for, and spellings that are understood."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

COLUMNS = (
    "id", "place", "day", "filed", "reported", "at", "nature", "code", "deaths", "amount", "oil", "venue", "updated", "gone",
)  # fmt: skip
FEED = """
feed: cases
kind: case
name: {zh: 案件, en: Cases}
source: {type: files, connection: trial, pattern: "*.csv", format: csv, delivered: 'cases_(\\d{8})\\.csv'}
starts_on: 2026-01-01
record_id: [id]
known_at: {column: updated}
deleted: {column: gone, values: ["1"]}
area: [place]
columns:
  occurred_on: {from: day, empty: [待定]}
  filed_on: {from: filed, format: yyyyMMdd, empty: ["-", "00000000"]}
  reported_at: {from: reported, clock: {column: at}, empty: ["-"]}
  nature_code: {from: nature, map: {刑事: criminal, 行政: public_order}}
  case_code: code
  n_deaths: {from: deaths, empty: ["－", n/a, '\\N', 无]}
  amount_yuan: {from: amount, empty: ["NULL"]}
  is_oil: oil
  venue_code: venue
tolerance: {rejected_share: 0.9}
"""


def row(id: str, **values: str) -> dict[str, str]:
    """A row that is right unless told otherwise."""
    right = {
        "place": "9901", "day": "2026-01-31", "filed": "20260201", "reported": "2026-01-31", "at": "20:00", "nature": "刑事",
        "code": "050200", "deaths": "0", "amount": "10", "oil": "0", "venue": "shop", "updated": "2026-02-01 08:00:00",
        "gone": "0",
    }  # fmt: skip
    return {"id": id, **right, **values}


@dataclass(frozen=True)
class Rejected:
    """One wrong value and the reject that it gives."""

    values: dict[str, str]
    rule: str
    column: str
    found: str | None


def _day(text: str, rule: str = "not_a_date") -> Rejected:
    return Rejected({"day": text}, rule, "occurred_on", text)


REJECTED = {
    "a 30th of February": _day("2026-02-30"),
    "a 29th of February in a common year": _day("2026-02-29"),
    "a 31st of April in the agreed format": Rejected({"filed": "20260431"}, "not_a_date", "filed_on", "20260431"),
    "a thirteenth month": _day("2026-13-01"),
    "day first (31/01/2026)": _day("31/01/2026"),
    "month first (01-31-2026)": _day("01-31-2026"),
    "a year of two digits (26-01-31)": _day("26-01-31"),
    "a year alone (2026)": _day("2026"),
    "a month alone (2026-01)": _day("2026-01"),
    "a clock time alone (12:30), which Spark takes for today": _day("12:30"),
    "the word 今天": _day("今天"),
    "a date in Chinese characters": _day("2026年1月31日"),
    "an Excel day number (46053), which Spark takes for a year": _day("46053"),
    "a compact date where ISO was agreed": _day("20260131"),
    "an ISO date where a compact one was agreed": Rejected(
        {"filed": "2026-02-01"}, "not_a_date", "filed_on", "2026-02-01"
    ),
    "seconds since 1970": _day("1769817600"),
    "a year of the Republic (115-01-31)": _day("115-01-31"),
    "a year of the Buddhist era (2569)": _day("2569-01-31", "after_2100"),
    "a lunar date": _day("乙巳年腊月十三"),
    "an hour 25": Rejected(
        {"reported": "2026-01-31", "at": "25:00:00"}, "not_an_instant", "reported_at", "2026-01-31 25:00:00"
    ),
    "an hour 24 beside its day": Rejected(
        {"reported": "2026-01-31", "at": "24:00"}, "not_an_instant", "reported_at", "2026-01-31 24:00"
    ),
    "a time of day without a day": Rejected({"reported": "", "at": "20:00"}, "not_an_instant", "reported_at", "20:00"),
    "an offset that does not exist": Rejected(
        {"reported": "2026-01-31 20:00:00+99:00", "at": ""},
        "not_an_instant",
        "reported_at",
        "2026-01-31 20:00:00+99:00",
    ),
    "the sentinel 1900-01-01": _day("1900-01-01", "before_1990"),
    "the sentinel 9999-12-31": _day("9999-12-31", "after_2100"),
    "an event after it was known": _day("2026-02-15", "in_future"),
    "an event at the end of the century": _day("2099-12-31", "in_future"),
    "a record known after it was delivered": Rejected(
        {"updated": "2026-03-01 08:00:00"}, "in_future", "known_at", "2026-03-01"
    ),
    "no time of knowledge": Rejected({"updated": "soon"}, "not_an_instant", "known_at", "soon"),
    "an empty required value": Rejected({"day": ""}, "required", "occurred_on", None),
    "blanks for a required value": Rejected({"day": " \u3000\u00a0"}, "required", "occurred_on", None),
    "a contract's word for nothing as a required value": Rejected({"day": "待定"}, "required", "occurred_on", None),
    "a word for nothing that another column's contract names": Rejected(
        {"amount": "-"}, "not_an_amount", "amount_yuan", "-"
    ),
    "a negative number where a dash is nothing": Rejected({"deaths": "-2"}, "negative", "n_deaths", "-2"),
    "an empty key": Rejected({"id": ""}, "required", "record_id", None),
    "an unknown code": Rejected({"nature": "其它"}, "unknown_code", "nature_code", "其它"),
    "an unknown county": Rejected({"place": "9999"}, "unknown_area", "area_code", "9999"),
    "a county's name misspelt": Rejected({"place": "東縣"}, "unknown_area", "area_code", "東縣"),
    "no county": Rejected({"place": ""}, "unknown_area", "area_code", ""),
    "a name of two places": Rejected({"place": "新村"}, "ambiguous_area", "area_code", "新村"),
    "a branch that works in several counties": Rejected(
        {"place": "油田分局"}, "ambiguous_area", "area_code", "油田分局"
    ),
    "a case code of nine digits": Rejected({"code": "050200001"}, "too_long", "case_code", "050200001"),
    "a case code that pandas made 50200.0": Rejected({"code": "50200.0"}, "number_like", "case_code", "50200.0"),
    "negative casualties": Rejected({"deaths": "-1"}, "negative", "n_deaths", "-1"),
    "half a person": Rejected({"deaths": "1.5"}, "not_a_count", "n_deaths", "1.5"),
    "thousands with a comma": Rejected({"deaths": "1,000"}, "ambiguous_number", "n_deaths", "1,000"),
    "thousands with a dot, or three decimals": Rejected({"deaths": "1.000"}, "ambiguous_number", "n_deaths", "1.000"),
    "an amount of three decimals, or thousands": Rejected(
        {"amount": "12.500"}, "ambiguous_number", "amount_yuan", "12.500"
    ),
    "thousands twice": Rejected({"amount": "1.000.000"}, "not_an_amount", "amount_yuan", "1.000.000"),
    "a count with a note (12¹)": Rejected({"deaths": "12¹"}, "not_a_count", "n_deaths", "12¹"),
    "the word NULL as key": Rejected({"id": "NULL"}, "null_word", "record_id", "NULL"),
    "a dash as key": Rejected({"id": "—"}, "null_word", "record_id", "-"),
    "the word 无 as key": Rejected({"id": "无"}, "null_word", "record_id", "无"),
    "N/A in full width as key": Rejected({"id": "Ｎ／Ａ"}, "null_word", "record_id", "N/A"),
    "a key that pandas made 20260001.0": Rejected({"id": "20260001.0"}, "number_like", "record_id", "20260001.0"),
    "a key that a spreadsheet made 2.3E+17": Rejected({"id": "2.3E+17"}, "number_like", "record_id", "2.3E+17"),
    "a deletion as 1.0": Rejected({"gone": "1.0"}, "unknown_value", "is_deleted", "1.0"),
    "a deletion in a word that nobody named": Rejected({"gone": "maybe"}, "unknown_value", "is_deleted", "maybe"),
    "a count beyond all integers": Rejected({"deaths": "99999999999"}, "not_a_count", "n_deaths", "99999999999"),
    "a count in hexadecimal": Rejected({"deaths": "0x1F"}, "not_a_count", "n_deaths", "0x1F"),
    "a count in words": Rejected({"deaths": "三"}, "not_a_count", "n_deaths", "三"),
    "NaN": Rejected({"amount": "NaN"}, "not_an_amount", "amount_yuan", "NaN"),
    "Infinity": Rejected({"amount": "-Infinity"}, "not_an_amount", "amount_yuan", "-Infinity"),
    "an amount with its unit (10万元)": Rejected({"amount": "10万元"}, "not_an_amount", "amount_yuan", "10万元"),
    "an amount of 25 digits": Rejected({"amount": "9" * 25}, "not_an_amount", "amount_yuan", "9" * 25),
    "a negative amount": Rejected({"amount": "-0.01"}, "negative", "amount_yuan", "-0.01"),
    "an amount with a third decimal": Rejected({"amount": "1000.005"}, "too_precise", "amount_yuan", "1000.005"),
    "a flag that is neither yes nor no": Rejected({"oil": "2"}, "not_a_flag", "is_oil", "2"),
    "a spreadsheet's error as text": Rejected({"deaths": "#REF!"}, "not_a_count", "n_deaths", "#REF!"),
    "a formula for a number": Rejected({"deaths": "=1+1"}, "not_a_count", "n_deaths", "=1+1"),
    "an id of 300 characters": Rejected({"id": "7" * 300}, "too_long", "record_id", "7" * 200),
}

PASSES: dict[str, tuple[dict[str, str], str, Any]] = {
    # name: (values, column of silver, what stands there)
    "a county by its name": ({"place": "东县"}, "area_code", "9901"),
    "a county by its short name": ({"place": "西"}, "area_code", "9902"),
    "a county by its English name": ({"place": "West"}, "area_code", "9902"),
    "a county's name in capitals": ({"place": "WEST"}, "area_code", "9902"),
    "a county's code in full-width digits": ({"place": "９９０２"}, "area_code", "9902"),
    "invisible blanks around a value": ({"place": "\u200b9902\u00a0\u3000"}, "area_code", "9902"),
    "a county's name with a mark of direction": ({"place": "\u202d东县\u202c"}, "area_code", "9901"),
    "a county's code behind an apostrophe": ({"place": "'9902"}, "area_code", "9902"),
    "a code with a zero-width space": ({"nature": "行\u200b政"}, "nature_code", "public_order"),
    "no deletion, in Chinese": ({"gone": "否"}, "is_deleted", False),
    "no deletion, in full width and capitals": ({"gone": "ＦＡＬＳＥ"}, "is_deleted", False),
    "an amount below one with three decimals": ({"amount": "0.500"}, "amount_yuan", Decimal("0.50")),
    "an amount above a thousand with three decimals": ({"amount": "1234.500"}, "amount_yuan", Decimal("1234.50")),
    "a time with a no-break space inside": (
        {"reported": "2026-01-31\u00a007:05", "at": ""},
        "reported_at",
        "2026-01-30 16:00:00",
    ),
    "a township, for its county": ({"place": "东镇"}, "area_code", "9901"),
    "a grid, for the township it lies in": ({"place": "990101001"}, "township_code", "990101"),
    "a case code of six digits that lost its zero": ({"code": "20205"}, "case_code", "020205"),
    "a case code of eight digits that lost its zero": ({"code": "2020500"}, "case_code", "02020500"),
    "a public-order code with a letter": ({"code": "G0101"}, "case_code", "G0101"),
    "a whole number written as a decimal": ({"deaths": "3.0"}, "n_deaths", 3),
    "the noise of a binary fraction": ({"amount": "12.300000000000001"}, "amount_yuan", Decimal("12.30")),
    "a time with its own offset": ({"day": "2026-01-31T20:00:00Z"}, "occurred_on", "2026-02-01"),
    "a time of day beside its day": (
        {"reported": "2026-01-31 00:00:00", "at": "7:05"},
        "reported_at",
        "2026-01-30 23:05:00",
    ),
    "a day beside an empty time of day": ({"reported": "2026-01-31", "at": ""}, "reported_at", "2026-01-30 16:00:00"),
    "a formula in a text, kept as it came": ({"venue": "=HYPERLINK(0)"}, "venue_code", "=HYPERLINK(0)"),
    "SQL in a text, kept as it came": ({"venue": "'; drop table silver"}, "venue_code", "'; drop table silver"),
    "a yes in Chinese": ({"oil": "是"}, "is_oil", True),
    # words for nothing that the contract names by `empty`
    "a dash for no count, as the contract says": ({"deaths": "-"}, "n_deaths", None),
    "a long dash for no count, as the contract says": ({"deaths": " —\u3000"}, "n_deaths", None),
    "a database's \\N for no count, as the contract says": ({"deaths": "\\N"}, "n_deaths", None),
    "N/A in capitals and full width for no count, as the contract says": ({"deaths": "Ｎ／Ａ"}, "n_deaths", None),
    "the word 无 for no count, as the contract says": ({"deaths": "无"}, "n_deaths", None),
    "the word null for no amount, as the contract says": ({"amount": "null"}, "amount_yuan", None),
    "a dash for no day, as the contract says": ({"filed": "-"}, "filed_on", "None"),
    "a day of zeros for no day, as the contract says": ({"filed": "０0000000"}, "filed_on", "None"),
    "dashes for day and time of day, as the contract says": ({"reported": "-", "at": "—"}, "reported_at", "None"),
    "a dash for no time of day, as the contract says": ({"at": "-"}, "reported_at", "2026-01-30 16:00:00"),
}
