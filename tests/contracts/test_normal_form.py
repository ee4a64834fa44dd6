"""One form of keys, names, codes and persons: what it makes equal, what it leaves, and that Spark's SQL agrees."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from expectations.normal_form import DASHES, IGNORABLE, is_null_word, is_number_like, normal

KEY = "DQ-001"
SPELLINGS = {
    "full-width letters": "ＤＱ-001",
    "full-width digits": "DQ-００１",
    "a mark of direction before it": "\u202dDQ-001\u202c",
    "a mark of direction inside": "DQ\u200f-001",
    "zero-width space": "DQ-\u200b001",
    "a byte order mark": "\ufeffDQ-001",
    "a soft hyphen": "DQ-0\u00ad01",
    "a variation selector": "DQ-001\ufe0f",
    "an apostrophe of a spreadsheet": "'DQ-001",
    "a full-width apostrophe": "＇DQ-001",
    "a no-break space behind it": "DQ-001\u00a0",
    "an ideographic space before it": "\u3000DQ-001",
    "a line's end": "DQ-001\r\n",
    **{f"the dash {unicodedata.name(dash)}": f"DQ{dash}001" for dash in (*DASHES, "－", "﹣")},
}
KEPT = (
    KEY,
    "dq-001",
    "DQ001",
    "a b",
    "'; drop table x",
    "O'Hara",
    "刑事",
    "２０".translate({}) and "20",
    "é",
    "〜",
    "ー",
    "一",
    "",
)
NULL = (
    "NULL",
    "None",
    "N/A",
    "无",
    "-",
    "nan",
    "NaT",
    "<NA>",
    "\\N",
    "－",
    "—",
    "ｎｕｌｌ",
    "#REF!",
    "＃ＶＡＬＵＥ！",
    "N.A.",
    "未知",
)
NUMBER = (
    "2.3E+17",
    "2.3e+17",
    "2E+17",
    "2.3E17",
    "20260001.0",
    "20260001.00",
    "1.",
    "-5.0",
    "2,3E+17",
    "20260001,0",
    "20,260,001",
)
NO_NUMBER = (
    "20260001",
    "2E17",
    "12345e67",
    "1.2.3",
    "1.5",
    "3.10",
    "A1.0",
    "2026-01-31",
    "1.2E",
    "0007",
    "1,5",
    "2,26,001",
    "110.101.001",
)


@pytest.mark.unit
@pytest.mark.bad_input
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_all_spellings_are_one_key(spelling: str) -> None:
    assert normal(spelling) == KEY


@pytest.mark.unit
@pytest.mark.parametrize("text", KEPT)
def test_what_is_another_key_stays_one(text: str) -> None:
    assert normal(text) == text


@pytest.mark.unit
@pytest.mark.bad_input
def test_null_words_and_numbers_are_told_from_keys() -> None:
    assert all(is_null_word(normal(word)) for word in NULL)
    assert not any(is_null_word(normal(word)) for word in ("0", "K000", "Nadine", "无锡", "K-1", "n"))
    assert all(is_number_like(normal(word)) for word in NUMBER)
    assert not any(is_number_like(normal(word)) for word in NO_NUMBER)


@pytest.mark.unit
def test_a_normal_form_is_its_own() -> None:
    assigned = [chr(code) for code in range(0x20000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    odd = [
        text for char in assigned for text in (char, f"a{char}", f"'{char}1") if normal(normal(text)) != normal(text)
    ]
    assert odd == []


@pytest.mark.spark
def test_sparks_form_is_pythons(spark: Any) -> None:
    """Over every character of Unicode 13, which both know, alone and between others, and the spellings above."""
    from pyspark.sql import functions as f

    from spark_jobs.feeds.casting import is_null_word as null_word
    from spark_jobs.feeds.casting import is_number_like as number_like
    from spark_jobs.feeds.casting import normal as in_spark

    known = [chr(code) for code in range(1, 0x20000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    texts = [text for char in known for text in (char, f"a{char}1", f"'{char}b")]
    texts += [*SPELLINGS.values(), *KEPT, *NULL, *NUMBER, *NO_NUMBER]
    rows = spark.createDataFrame([(text,) for text in texts], "raw string").select(
        "raw", in_spark(f.col("raw")).alias("form")
    )
    judged = rows.select("*", null_word(f.col("form")), number_like(f.col("form"))).collect()
    assert [row[:2] for row in judged if row[1] != normal(row[0])] == []
    assert [row for row in judged if row[2:] != (is_null_word(row[1]), is_number_like(row[1]))] == []


@pytest.mark.unit
def test_what_cannot_be_seen_is_unicodes_own_list() -> None:
    """Every character of category Cf that a name or key may bring, but those that have a shape."""
    hidden = {chr(c) for c in range(0x20000) if unicodedata.category(chr(c)) == "Cf" and normal(f"a{chr(c)}b") != "ab"}
    assert {unicodedata.name(char).split()[0] for char in hidden} <= {
        "ARABIC", "SYRIAC", "KAITHI", "INTERLINEAR", "EGYPTIAN"
    }  # fmt: skip
    assert "\u202e" not in hidden and len(IGNORABLE) > 20
