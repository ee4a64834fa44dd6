"""Drafting a contract from a sample: what is found out, what is left to a person, what is never shown."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from expectations import __main__ as command
from expectations.contract import load_city, load_kinds
from expectations.draft import Draft
from expectations.draft_text import DraftText
from expectations.facts import PATTERNS, Facts
from expectations.guess import concepts_of
from expectations.models import Feed, FilesSource
from expectations.sample import Sample, read_sample
from spark_jobs.feeds.decoding import decode
from spark_jobs.feeds.pseudonym import Pseudonymiser

pytestmark = pytest.mark.unit
HEADER = ("案件编号", "发案地区划", "发案时间", "案件性质", "死亡人数", "涉案金额(元)", "数据更新时间", "删除标志", "被害人姓名", "联系电话")  # fmt: skip
PERSONAL = ("张三丰", "李秀英", "13900001234", "13800005678")


def rows() -> list[tuple[str, ...]]:
    """Twenty cases in two counties, every fourth one empty in the amount."""
    return [
        (
            f"A{number:04d}",
            ("230602", "让胡路区")[number % 2],
            f"2026-01-{number:02d} 08:30:00",
            ("刑事", "行政")[number % 3 == 0],
            str(number % 2),
            "" if number % 4 == 0 else f"{number}00.50",
            f"2026-02-{number:02d} 00:00:00",
            "01"[number == 7],
            PERSONAL[number % 2],
            PERSONAL[2 + number % 2],
        )
        for number in range(1, 21)
    ]


def as_csv(path: Path, header: Sequence[str], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    return "\n".join(delimiter.join(row) for row in [header, *rows()]).encode(encoding)


def as_jsonl(path: Path, header: Sequence[str]) -> bytes:
    records = [dict(zip(header, row, strict=True)) for row in rows()]
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()


def write_xlsx(path: Path, header: Sequence[str]) -> None:
    book = openpyxl.Workbook()
    book.active.title = "案件"
    for row in [header, *rows()]:
        book.active.append(row)
    book.create_sheet("说明")
    book.save(path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "cases_20260228.csv": lambda path: path.write_bytes(as_csv(path, HEADER)),
    "cases_2026-02.csv": lambda path: path.write_bytes(as_csv(path, HEADER, "utf-8-sig")),
    "cases_202602.csv": lambda path: path.write_bytes(as_csv(path, HEADER, "gb18030")),
    "cases_2026-02-28.txt": lambda path: path.write_bytes(as_csv(path, HEADER, delimiter="\t")),
    "cases.csv": lambda path: path.write_bytes(as_csv(path, HEADER, delimiter=";")),
    "cases_20260228.csv.gz": lambda path: path.write_bytes(gzip.compress(as_csv(path, HEADER, "gb18030"))),
    "cases_2026-2-28.csv": lambda path: path.write_bytes(as_csv(path, HEADER)),
    "案件2026年2月28日.csv": lambda path: path.write_bytes(as_csv(path, HEADER)),
    "cases_20260228_blanks.csv": lambda path: path.write_bytes(as_csv(path, [f" {name}" for name in HEADER])),
    "cases_20260228.jsonl": lambda path: path.write_bytes(as_jsonl(path, HEADER)),
    "cases_20260228.jsonl.gz": lambda path: path.write_bytes(gzip.compress(as_jsonl(path, HEADER))),
    "cases_20260228.xlsx": lambda path: write_xlsx(path, HEADER),
    "cases_20260228.parquet": lambda path: pd.DataFrame(rows(), columns=list(HEADER)).to_parquet(path),
}


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["expectations", *map(str, arguments)])
    return command.main()


def drafted(sample: Path, kind: str = "case") -> str:
    return DraftText(Draft(read_sample(sample), load_kinds()[kind], "daqing", "cases")).text()


def decided(draft: str) -> str:
    """What a person makes of the draft."""
    return draft.replace("delivered_on: TODO", "delivered_on: 2026-02-28")


@pytest.mark.parametrize("name", WRITERS)
def test_a_draft_that_is_decided_loads_and_reads_its_sample(copied_city: Path, tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    contract = copied_city / "feeds" / "cases.yml"
    contract.write_text(decided(drafted(tmp_path / name)), encoding="utf-8")
    feed = load_city("daqing").feed("cases")
    assert (feed.record_id, feed.area) == (("案件编号",), ("发案地区划",))
    assert feed.known_at.column == "数据更新时间"
    assert feed.deleted is not None
    assert (feed.deleted.column, feed.deleted.values) == ("删除标志", ("1",))
    assert {name: column.source for name, column in feed.columns.items()} == {
        "occurred_on": ("发案时间",),
        "nature_code": ("案件性质",),
        "n_deaths": ("死亡人数",),
        "amount_yuan": ("涉案金额(元)",),
    }
    assert feed.dropped == {"被害人姓名": "personal", "联系电话": "personal"}
    assert str(feed.starts_on) == "2026-01-01"
    read = decode(feed, tmp_path / name, Pseudonymiser({"1": "00ff"})).table
    assert read["案件编号"].to_pylist() == [f"A{number:04d}" for number in range(1, 21)]
    assert read["案件性质"].to_pylist().count("行政") == 6
    assert [value or None for value in read["涉案金额_元"].to_pylist()].count(None) == 5
    _is_delivered_as_named(feed, name)


def _is_delivered_as_named(feed: Feed, name: str) -> None:
    from spark_jobs.feeds.sources.files import delivered_on

    assert isinstance(feed.source, FilesSource)
    assert Path(name).match(feed.source.pattern)
    assert str(delivered_on(feed.source, name)) == "2026-02-28"


def test_a_draft_with_its_todos_does_not_load(copied_city: Path, tmp_path: Path) -> None:
    """Nothing undecided goes into production by oversight: every TODO outside comments is refused with its line."""
    from expectations.located_yaml import ContractError

    WRITERS["cases.csv"](tmp_path / "cases.csv")
    draft = drafted(tmp_path / "cases.csv")
    (copied_city / "feeds" / "cases.yml").write_text(draft, encoding="utf-8")
    with pytest.raises(ContractError) as error:
        load_city("daqing")
    told = {int(line.split(":")[1]) for line in str(error.value).splitlines()}
    lines = enumerate(draft.splitlines(), 1)
    assert told == {number for number, line in lines if "TODO" in line.split("#")[0]}


NAMES = {
    "Chinese": ("发案时间", "立案时间", "案件性质", "死亡人数", "重伤人数", "涉案金额", "更新时间"),
    "English": ("incident_date", "filedDate", "Nature", "DEATHS", "seriousInjuries", "Amount", "last_updated"),
    "pinyin": ("fasheng_shijian", "lianshijian", "anjianxingzhi", "siwangrenshu", "zhongshang", "jine", "gengxinshijian"),
    "initials": ("FASJ", "LASJ", "AJXZ", "SWRS", "zhongshang_rs", "SAJE", "gxsj"),
}  # fmt: skip
MEANT = ("occurred_on", "filed_on", "nature_code", "n_deaths", "n_serious_injuries", "amount_yuan")


@pytest.mark.parametrize("header", NAMES.values(), ids=NAMES.keys())
def test_columns_are_told_by_name_in_each_writing(tmp_path: Path, header: tuple[str, ...]) -> None:
    lines = [
        (
            f"202601{day:02d}",
            f"2026/1/{day}",
            "AB"[day % 2],
            str(day % 3),
            str(day % 2),
            f"{day}.5",
            f"2026-02-{day:02d}",
        )
        for day in range(10, 30)
    ]
    path = tmp_path / "cases.csv"
    path.write_text("\n".join(",".join(line) for line in [header, *lines]), encoding="utf-8")
    draft = Draft(read_sample(path), load_kinds()["case"], "nowhere", "cases")
    assert draft.known_at == header[-1]
    right = {canonical: source for canonical, source in zip(MEANT, header, strict=False)}
    wrong = {c: (draft.columns.get(c), source) for c, source in right.items() if draft.columns.get(c) != source}
    assert not wrong


def test_a_name_may_be_of_a_person_or_of_an_area() -> None:
    named = {"name": "person", "caller_name": "person", "姓名": "person", "XM": "person", "districtName": "area"}
    facts = {name: Facts.of(pd.DataFrame({name: ["x", "y", "x", "y"]}), name) for name in named}
    assert {name: "person" if each.personal else "area" for name, each in facts.items()} == named


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: str(pattern.spark or pattern.looks))
def test_every_way_to_write_a_day_is_recognised(pattern: object) -> None:
    texts = [written(pattern, day, 14) for day in (13, 21, 28)]
    found = Facts.of(pd.DataFrame({"t": texts}), "t").pattern
    assert found is not None
    assert (found.spark, found.has_time) == (pattern.spark, pattern.has_time)  # type: ignore[attr-defined]


def written(pattern: object, day: int, hour: int) -> str:
    """2026-03-<day> <hour>:05:09 as the pattern writes it."""
    clock = pd.Timestamp(2026, 3, day, hour, 5, 9)
    return clock.strftime(pattern.python) if pattern.python else clock.isoformat()  # type: ignore[attr-defined]


@pytest.mark.parametrize("day", ["01/02/2026", "01/02/2026 12:00:00 AM"])
def test_a_time_of_day_in_a_column_of_its_own_completes_the_likest_day(tmp_path: Path, day: str) -> None:
    path = tmp_path / "crashes.csv"
    path.write_text(
        f"COLLISION_ID,CALL TIME,CRASH DATE,CRASH TIME,BOROUGH\n1,8:00,{day},7:05,A\n2,9:30,{day},23:59,B\n"
    )
    draft = Draft(read_sample(path), load_kinds()["incident"], "nowhere", "crashes")
    assert draft.columns["occurred_at"] == "CRASH DATE"
    assert draft.clocks == {"occurred_at": "CRASH TIME"}
    text = DraftText(draft).text()
    line = next(line for line in text.splitlines() if line.startswith("  occurred_at:"))
    assert "clock: {column: CRASH TIME}}" in line
    assert "CRASH TIME: internal" not in text
    assert "CALL TIME: internal" in text


def test_of_columns_that_say_the_same_a_person_decides(tmp_path: Path) -> None:
    path = tmp_path / "crashes.csv"
    rows = ["a7,2026-01-02,1,2,0", "a9,2026-01-03,0,1,1"]
    path.write_text(
        "\n".join(["ID,DATE,NUMBER OF PERSONS KILLED,NUMBER OF LANES,NUMBER OF MOTORIST KILLED", *rows]) + "\n"
    )
    draft = Draft(read_sample(path), load_kinds()["incident"], "nowhere", "crashes")
    assert "n_deaths" not in draft.columns
    line = next(line for line in DraftText(draft).text().splitlines() if line.startswith("  n_deaths:"))
    assert line.startswith("  n_deaths: TODO")
    assert {"NUMBER OF PERSONS KILLED", "NUMBER OF MOTORIST KILLED"} == set(draft.candidates["n_deaths"])


@pytest.mark.parametrize(("second", "is_decided"), [("2026/01/02", True), ("2026/01/03", False)])
def test_two_columns_that_say_the_same_day_leave_nothing_to_decide(
    tmp_path: Path, second: str, is_decided: bool
) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(
        f"key,Incident Datetime,Incident Date\nk1,2026/01/01 07:05:00 AM,2026/01/01\nk2,2026/01/02 08:00:00 PM,{second}\n"
    )
    draft = Draft(read_sample(path), load_kinds()["case"], "nowhere", "cases")
    assert ("occurred_on" in draft.columns) is is_decided


def test_days_that_say_their_time_need_no_other(tmp_path: Path) -> None:
    path = tmp_path / "fires.csv"
    path.write_text("id,alarm,dispatch time\n1,2026-01-02T07:05:00,7:06\n2,2026-01-02T08:00:00,8:01\n")
    assert Draft(read_sample(path), load_kinds()["incident"], "nowhere", "fires").clocks == {}


def test_numbers_that_are_no_days_have_no_pattern() -> None:
    frame = pd.DataFrame({"code": ["20269901", "12345678"], "amount": ["1.5", "2.5"], "mixed": ["2026-01-01", "soon"]})
    assert [Facts.of(frame, name).pattern for name in frame] == [None, None, None]


@pytest.mark.canary
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("case_status", ["13912345678", "13812345678"]),
        ("status", ["王小明", "李秀英"]),
        ("status", ["zhang@example.com", "li@example.com"]),
        ("status", ["230602198001011234", "230602197512120028"]),
        ("状态", ["黑E12345", "黑E54321"]),
        ("被害人", ["甲", "乙"]),
        ("xingming", ["甲", "乙"]),
        ("sfzh_status", ["甲乙", "丙丁"]),
        ("status", ["萨尔图区东风路12号", "让胡路区西宾小区3单元"]),
        ("note", ["the man from number 5 said that he had seen her", "a neighbour, Mrs Smith of Oak St, called again"]),
    ],
)
def test_a_value_that_looks_personal_is_never_shown(tmp_path: Path, name: str, values: list[str]) -> None:
    """Even where the column's name matches a code column, whose values would be listed to be mapped."""
    path = tmp_path / "orders.csv"
    pd.DataFrame({"id": range(100, 120), name: values * 10}).to_csv(path, index=False)
    text = DraftText(Draft(read_sample(path), load_kinds()["hotline"], "nowhere", "orders")).text()
    assert not [value for value in values if value in text]
    assert name in text


def test_values_are_shown_where_codes_have_to_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    values = ["已办结", "处理中", "closed", "甲", "13912345678"] * 5 + ["已办结"] * 10
    pd.DataFrame({"id": range(100, 135), "status": values}).to_csv(path, index=False)
    text = DraftText(Draft(read_sample(path), load_kinds()["hotline"], "nowhere", "orders")).text()
    assert "      已办结: closed  # ? 15 rows" in text
    assert "      closed: closed  # ? 5 rows" in text
    assert "      甲: TODO  # 5 rows" in text
    assert "13912345678" not in text  # one value among others that looks like a number of a person
    assert "    otherwise: TODO  # 1 more values" in text


def frame(**columns: list[str]) -> Draft:
    return Draft(
        Sample(Path("x.csv"), "csv", pd.DataFrame(columns, dtype=object), 4), load_kinds()["case"], "nowhere", "x"
    )


def test_what_identifies_a_record() -> None:
    days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]
    assert frame(_id=["1", "2", "3", "4"], case_no=["a", "b", "c", "d"]).record_id[0] == ("case_no",)
    assert frame(case_no=["a", "a", "b", "b"], updated=days).record_id[0] == ("case_no",)
    assert frame(book=["a", "a", "b", "b"], page=["1", "2", "1", "2"]).record_id[0] == ("book", "page")
    assert frame(book=["a", "a", "b", "b"], page=["1", "1", "1", "2"], n=["x", "y", "x", "x"]).record_id[0] == ("TODO",)
    doubled = frame(case_no=["a", "b", "b"], place=["x", "y", "y"])  # a row that comes twice is one row
    assert doubled.record_id[0] == ("case_no",)


def test_concepts_in_pinyin_are_all_of_a_word_or_none() -> None:
    assert concepts_of("siwangrenshu") == {"death", "number"}
    assert concepts_of("siwangx") == set()


WRONG: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "a.csv: expected a header with the names of the columns, found none"),
    "header only": ("a.csv", b"id,place\n", "a.csv: expected rows, found none"),
    "header twice": ("a.csv", b"id,id\n1,2\n", "found twice: 'id'"),
    "ragged rows": (
        "a.csv",
        b"id,name\n1,CANARY\n2,CANARY,x\n",
        "expected CSV, found: Row #3: Expected 2 columns, got 3",
    ),
    "no known ending": ("a.pdf", b"%PDF CANARY", "a.pdf: expected a name that ends in .csv, "),
    "truncated gzip": (
        "a.csv.gz",
        gzip.compress(b"id,place\n1,CANARY\n" * 99)[:-12],
        "expected a file that can be read",
    ),
    "no gzip": ("a.csv.gz", b"id,CANARY\n", "expected a file that can be read"),
    "neither encoding": ("a.csv", b"id,na\xefme\n1,\xff\xff\n", "expected text in utf-8 or gb18030"),
    "no workbook": ("a.xlsx", b"CANARY", "a.xlsx: expected an Excel workbook"),
    "no Parquet": ("a.parquet", b"CANARY", "a.parquet: expected Parquet"),
    "JSON list": ("a.jsonl", b'[{"id": "CANARY"}]', "a.jsonl:1: expected one JSON object a line"),
    "half JSON": ("a.jsonl", b'{"id": 1}\n{"id": "CANARY', "a.jsonl:2: expected one JSON object a line"),
    "no JSON at all": ("a.jsonl", b"", "a.jsonl: expected rows, found none"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize(("name", "content", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_sample_that_cannot_be_read_gets_one_line_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    message: str,
) -> None:
    (tmp_path / name).write_bytes(content)
    code = call(monkeypatch, "draft", tmp_path / name, "--kind", "case", "--city", "daqing", "--feed", "x")
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert message in told.err
    assert told.err.count("\n") == 1
    assert "CANARY" not in told.err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--kind", "cases"), "--kind: expected one of case, "),
        (("--kind", "case", "--encoding", "klingon"), "expected an encoding that Python knows, found 'klingon'"),
        (("--kind", "case", "--out", "{sample}"), "--out: expected a new file, found "),
        (("--kind", "case", "--colour", "red"), "No such option"),
    ],
)
def test_wrong_options_get_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    sample = tmp_path / "cases.csv"
    sample.write_bytes(as_csv(sample, HEADER))
    given = [option.format(sample=sample) for option in options]
    code = call(monkeypatch, "draft", sample, *given, "--city", "daqing", "--feed", "x")
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert message in told.err
    assert sample.read_bytes() == as_csv(sample, HEADER)


def test_a_missing_file_and_a_missing_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--kind", "case", "--city", "daqing", "--feed", "x")
    assert call(monkeypatch, "draft", tmp_path / "no.csv", *options) == 2
    assert "found: No such file" in capsys.readouterr().err
    write_xlsx(tmp_path / "a.xlsx", HEADER)
    assert call(monkeypatch, "draft", tmp_path / "a.xlsx", *options, "--sheet", "第三张") == 2
    assert "expected a sheet '第三张', found 案件, 说明" in capsys.readouterr().err


def test_a_draft_goes_into_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sample, out = tmp_path / "cases_20260228.csv", tmp_path / "cases.yml"
    sample.write_bytes(as_csv(sample, HEADER))
    options = ("--kind", "case", "--city", "daqing", "--feed", "cases")
    assert call(monkeypatch, "draft", sample, *options, "--out", out) == 0
    assert out.read_text(encoding="utf-8") == drafted(sample)
    assert capsys.readouterr().out == f"{out}: 0 lines are to be decided (TODO)\n"


@pytest.mark.parametrize(
    "name",
    ["cases.csv", "cases_20260228.csv.gz", "cases_20260228.jsonl", "cases_20260228.xlsx", "cases_20260228.parquet"],
)
def test_of_a_large_file_rows_from_all_over_it_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from expectations import sample

    path = tmp_path / name
    WRITERS[name](path)
    monkeypatch.setattr(sample, "MAX_ROWS", 5)
    monkeypatch.setattr(sample, "BLOCK_RECORDS", 3)  # what is read at a time is not what is kept
    few = read_sample(path)
    assert few.n_rows == 20
    assert few.rows["案件编号"].tolist() == ["A0001", "A0005", "A0009", "A0013", "A0017"]
    assert "(5 of 20 rows, from all over it)" in drafted(path)


def test_neighbours_are_kept_together_so_that_versions_of_a_record_are_seen() -> None:
    from expectations.sample import spread

    table, n_rows = spread((pa.table({"n": list(range(at, at + 1_000))}) for at in range(0, 100_000, 1_000)), 3_200)
    kept = table["n"].to_pylist()
    assert (n_rows, len(kept)) == (100_000, 64 * 49)
    assert all(n + 1 in set(kept) or n % 64 in (63, 31) for n in kept)
    assert kept[-1] > 97_000


@pytest.mark.bad_input
def test_check_answers_with_the_faults(
    copied_city: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "check") == 0
    assert re.search(r"^daqing: \d+ feeds, all as they should be\n\Z", capsys.readouterr().out, re.MULTILINE)
    (copied_city / "feeds" / "cases.yml").write_text("feed: cases\n", encoding="utf-8")
    load_city.cache_clear()
    assert call(monkeypatch, "check", "--city", "daqing") == 2
    assert "cases.yml:1: kind: expected: the field `kind`; found no such key" in capsys.readouterr().err


@pytest.mark.spark
def test_spark_reads_every_pattern_that_a_draft_names(spark: object) -> None:
    from pyspark.sql import functions as f

    from spark_jobs.feeds.local_times import local_instant

    texts = [written(pattern, 13, 14) for pattern in PATTERNS]
    row = spark.range(1).select(  # type: ignore[attr-defined]
        *(
            local_instant(f.lit(text), pattern.spark, "UTC").cast("string")
            for pattern, text in zip(PATTERNS, texts, strict=True)
        )
    )
    expected = [
        pd.to_datetime(text, format=pattern.python or "ISO8601").strftime("%Y-%m-%d %H:%M:%S")
        for pattern, text in zip(PATTERNS, texts, strict=True)
    ]
    assert list(row.collect()[0]) == expected


COUNTED = "month,district,offence,incidents\n2026-04,East,theft,3\n2026-04,West,theft,3\n2026-05,East,theft,9\n2026-05,West,theft,0\n"
NO_COUNTS = {
    "a number that is said of one event": COUNTED.replace("incidents", "deaths"),
    "two numbers": COUNTED.replace("\n2", "\n7,2").replace("month", "reports,month", 1),
    "an id for each event": COUNTED.replace("\n2026-0", "\nA{}2026-0").replace("month", "case_no,month", 1),
    "rows that nothing tells apart": COUNTED + "2026-05,West,theft,4\n",
    "a number that is not everywhere": COUNTED.replace("theft,9", "theft,"),
    "no day": COUNTED.replace("2026-04", "spring").replace("2026-05", "summer"),
}


def as_a_table(text: str, path: Path) -> Draft:
    for letter in "abcd":
        text = text.replace("A{}", f"A{letter},", 1)
    path.write_text(text, encoding="utf-8")
    return Draft(read_sample(path), load_kinds()["case"], "nowhere", "offences")


def test_a_table_of_counts_is_told_by_what_its_rows_lack(tmp_path: Path) -> None:
    draft = as_a_table(COUNTED, tmp_path / "offences.csv")
    assert (draft.counted, draft.record_id[0]) == ("incidents", ("month", "district"))
    assert draft.columns.items() >= {("occurred_on", "month"), ("offence_code", "offence"), ("n_events", "incidents")}
    assert "  n_events: incidents  # ?" in DraftText(draft).text()


@pytest.mark.parametrize("text", NO_COUNTS.values(), ids=NO_COUNTS)
def test_a_table_of_events_is_not_taken_for_one_of_counts(tmp_path: Path, text: str) -> None:
    draft = as_a_table(text, tmp_path / "offences.csv")
    assert draft.counted is None
    assert "n_events" not in DraftText(draft).text()
